//! Running PostgreSQL's programs: a clean environment, a process group of its own, a time limit.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::Error;
use crate::account::Account;

/// Returns a command that runs `program` as `account` with nothing of the caller's environment
/// that could change its mind (`PGDATA`, `PGHOST`, …), in a process group of its own, so that a
/// Ctrl-C at the terminal does not reach it.
pub(crate) fn command(program: &Path, account: Account) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.current_dir("/").stdin(Stdio::null()).process_group(0);
    account.apply(&mut command);
    command
}

/// Runs `command` to its end and returns what it printed; a failure carries its last words.
pub(crate) async fn run(command: Command, doing: &str, limit: Duration) -> Result<String, Error> {
    let output = output(command, doing, limit).await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    Err(Error::Tool { doing: doing.to_owned(), output: words(&output) })
}

/// Runs `command` to its end whatever its exit status.
pub(crate) async fn output(
    command: Command,
    doing: &str,
    limit: Duration,
) -> Result<Output, Error> {
    let program = Path::new(command.get_program()).to_owned();
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
    tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_elapsed| Error::Timeout { doing: doing.to_owned(), limit })?
        .map_err(Error::io("run", &program))
}

/// Returns the last lines a program printed, errors before results.
pub(crate) fn words(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let results = String::from_utf8_lossy(&output.stdout);
    let text = if errors.trim().is_empty() { results } else { errors };
    format!("{} ({})", tail(&text, 12), output.status)
}

/// Returns the last `count` lines of `text`.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}
