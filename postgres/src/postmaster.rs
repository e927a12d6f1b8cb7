//! The postmaster: is it running, is it ours, start it, stop it.
//!
//! Only processes that are provably the postmaster of our own data folder are ever signalled.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::place::Place;
use crate::{Error, Settings, process};

/// What `postmaster.pid` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: i32,
    pub(crate) port: u16,
}

impl PidFile {
    /// Reads it from a database folder; `None` where it is missing or half written.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // The folder and the time of the start stand between.
        let port = lines.nth(2)?.trim().parse().ok()?;
        Some(Self { pid, port })
    }
}

/// What a pid is to a database folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The postmaster of this folder.
    Postmaster,
    /// Another process that got the number later.
    Stranger,
    /// Nobody.
    Nobody,
}

/// Says what process `pid` is to the database folder `data`.
pub(crate) fn holder(pid: i32, data: &Path) -> Holder {
    let pid = Pid::from_raw(pid);
    // As process 1 of a container we are the parent of orphaned postmasters: a dead one stays a
    // zombie until it is waited for. For any other process this does nothing.
    let _reaped = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    match kill(pid, None) {
        Err(Errno::ESRCH) => Holder::Nobody,
        _ if command_line(pid).is_some_and(|line| is_postmaster(&line, data)) => Holder::Postmaster,
        _ => Holder::Stranger,
    }
}

/// A postmaster's command line is the one `pg_ctl` gave it: `…/postgres -D <data> -c …`.
fn is_postmaster(line: &[String], data: &Path) -> bool {
    let data = data.to_string_lossy();
    line.first().is_some_and(|program| program.ends_with("postgres"))
        && line.iter().any(|word| *word == *data)
}

fn command_line(pid: Pid) -> Option<Vec<String>> {
    if let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) {
        let words = bytes.split(|byte| *byte == 0);
        return Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect());
    }
    // Without /proc (macOS); a path with a blank in it is not recognised there.
    let mut command = Command::new("ps");
    let output = command.args(["-o", "args=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect())
}

/// Starts the postmaster on a random free port and waits until it accepts connections.
///
/// `pg_ctl` gives it a session of its own, so that no signal of the terminal reaches it, and
/// writes its output to the log.
pub(crate) async fn start(
    place: &Place,
    account: Account,
    binaries: &Binaries,
    settings: &Settings,
) -> Result<PidFile, Error> {
    shorten_log(&place.log());
    let mut reason = String::new();
    for _ in 0..8 {
        let port = free_port()?;
        let before = fs::metadata(place.log()).map_or(0, |log| log.len());
        let mut command = pg_ctl(place, account, binaries);
        command.args(["start", "-w", "-t", "600", "-l"]).arg(place.log());
        command.arg("-o").arg(options(settings, port));
        let output =
            process::output(command, "starting PostgreSQL", Duration::from_secs(620)).await?;
        let running = PidFile::read(&place.data());
        if let Some(running) = running.filter(|_| output.status.success()) {
            return Ok(running);
        }
        reason = process::words(&output);
        let log = log_since(&place.log(), before);
        // The port was taken between our look and its bind: try another. Children of a killed
        // postmaster are still going away: wait for them.
        let port_taken = log.contains("could not bind") || log.contains("Address already in use");
        let going_away = log.contains("pre-existing shared memory block");
        if !port_taken && !going_away {
            break;
        }
        tokio::time::sleep(Duration::from_millis(if going_away { 1000 } else { 10 })).await;
    }
    let log = fs::read_to_string(place.log()).unwrap_or_default();
    Err(Error::Start { reason, log: place.log(), tail: process::tail(&log, 15) })
}

/// Returns the command that stops the postmaster and waits for its end.
pub(crate) fn stop_command(
    place: &Place,
    account: Account,
    binaries: &Binaries,
    mode: &str,
    seconds: u32,
) -> Command {
    let mut command = pg_ctl(place, account, binaries);
    command.args(["stop", "-w", "-m", mode, "-t", &seconds.to_string()]);
    command
}

/// Stops the postmaster: open transactions are rolled back, and where that takes too long it is
/// stopped at once, to recover at the next start.
pub(crate) async fn stop(
    place: &Place,
    account: Account,
    binaries: &Binaries,
    durable: bool,
) -> Result<(), Error> {
    let limit = Duration::from_secs(90);
    if durable {
        let command = stop_command(place, account, binaries, "fast", 60);
        match process::run(command, "stopping PostgreSQL", limit).await {
            Ok(_) => return Ok(()),
            Err(error) => tracing::warn!(%error, "PostgreSQL is stopped the hard way."),
        }
    }
    let command = stop_command(place, account, binaries, "immediate", 60);
    process::run(command, "stopping PostgreSQL at once", limit).await.map(|_| ())
}

/// Stops the postmaster without a checkpoint and starts it again with the options it had.
pub(crate) async fn crash_and_restart(
    place: &Place,
    account: Account,
    binaries: &Binaries,
) -> Result<(), Error> {
    let mut command = pg_ctl(place, account, binaries);
    command.args(["restart", "-w", "-m", "immediate", "-t", "60", "-l"]).arg(place.log());
    let limit = Duration::from_secs(90);
    process::run(command, "restarting PostgreSQL", limit).await.map(|_| ())
}

fn pg_ctl(place: &Place, account: Account, binaries: &Binaries) -> Command {
    let mut command = process::command(&binaries.program("pg_ctl"), account);
    command.arg("-D").arg(place.data());
    command
}

/// Returns the settings as options of the postmaster: nothing of ours is written to its files.
fn options(settings: &Settings, port: u16) -> String {
    let connections = settings.max_connections.to_string();
    let port = port.to_string();
    let mut all = vec![
        ("listen_addresses", "127.0.0.1"),
        ("port", &port),
        ("unix_socket_directories", "''"),
        ("max_connections", &connections),
        ("shared_buffers", "128MB"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("logging_collector", "off"),
        ("password_encryption", "scram-sha-256"),
        // The server finds out for itself that a connection's owner has died and rolls back.
        ("tcp_keepalives_idle", "60"),
    ];
    if !settings.durable {
        all.extend([
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("autovacuum", "off"),
            ("max_wal_size", "1GB"),
        ]);
    }
    let options: Vec<String> = all.iter().map(|(key, value)| format!("-c {key}={value}")).collect();
    options.join(" ")
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(Error::io("bind a port of", Path::new("127.0.0.1")))
}

/// Keeps one old log of at most ten megabytes and more.
fn shorten_log(log: &Path) {
    if fs::metadata(log).is_ok_and(|log| log.len() > 10_000_000)
        && let Err(error) = fs::rename(log, log.with_extension("log.old"))
    {
        tracing::warn!(%error, "PostgreSQL's log could not be renamed.");
    }
}

fn log_since(log: &Path, offset: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let offset = usize::try_from(offset).unwrap_or(0);
    String::from_utf8_lossy(bytes.get(offset..).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_that_belongs_to_somebody_else_is_a_stranger() {
        let data = Path::new("/nowhere/data");
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(holder(own, data), Holder::Stranger);
        assert_eq!(holder(i32::MAX, data), Holder::Nobody);
    }

    #[test]
    fn a_half_written_pid_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("postmaster.pid");
        fs::write(&file, "123\n/data\n").unwrap();
        assert_eq!(PidFile::read(folder.path()), None);
        fs::write(&file, "123\n/data\n1700000000\n5444\n\n127.0.0.1\n").unwrap();
        assert_eq!(PidFile::read(folder.path()), Some(PidFile { pid: 123, port: 5444 }));
    }
}
