//! The tests that ask the simulated shop and a real one the same, with the real one at hand: what
//! the simulation promises holds for the server, too.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::process::Command;

use super::medusa::Medusa;
use super::report;
use crate::server::Process;

/// How long a suite may take, with its build.
const LIMIT: Duration = Duration::from_secs(900);
/// How many lines of a suite that failed are printed.
const LINES: usize = 60;

/// A suite that is run against a real server where it knows of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suite {
    package: &'static str,
    test: &'static str,
    /// Whether it takes its time.
    pub(crate) is_long: bool,
}

/// All suites.
pub(crate) const SUITES: [Suite; 2] = [
    Suite { package: "cartage-sandbox", test: "behaviour", is_long: false },
    Suite { package: "cartage-connectors", test: "medusa", is_long: true },
];

/// Runs a suite against the real server; tells what is wrong.
pub(crate) async fn run(root: &Path, suite: Suite, medusa: &Medusa) -> Result<Option<String>> {
    let Suite { package, test, .. } = suite;
    let started = Instant::now();
    let mut cargo = crate::cargo();
    cargo.args(["test", "--locked", "--package", package, "--test", test, "--", "--nocapture"]);
    cargo.current_dir(root).stdin(Stdio::null());
    // Backtraces would push what failed out of the lines that are shown.
    cargo.env("RUST_BACKTRACE", "0");
    cargo.env("MEDUSA_URL", &medusa.url).env("MEDUSA_API_KEY", &medusa.api_key);
    cargo.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = Process::spawn_tool("cargo", Command::from(cargo))?.output();
    let Ok(output) = tokio::time::timeout(LIMIT, output).await else {
        return Ok(Some(format!("{package} {test} took more than {LIMIT:?}")));
    };
    let output = output.with_context(|| format!("cargo test {package}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let says = |word: &str| said.lines().any(|line| line.contains(word));
    let is_skipped = says("skipped: MEDUSA_URL");
    if output.status.success() && !is_skipped {
        println!(
            "{package} {test} against the real server, {}:",
            report::seconds(started.elapsed())
        );
        let wanted = |line: &&str| line.contains("steps agree") || line.starts_with("test result");
        said.lines().filter(wanted).for_each(|line| println!("  {line}"));
        return Ok(None);
    }
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = all.lines().collect();
    let end = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    end.iter().for_each(|line| println!("  {line}"));
    Ok(Some(match is_skipped {
        true => format!("{package} {test} did not ask the real server"),
        false => format!("{package} {test} fails against the real server"),
    }))
}
