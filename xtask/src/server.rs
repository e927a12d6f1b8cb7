//! A `cartage-server` as a child process: built, started on a free port of loopback, stopped.

use std::fs::{self, DirBuilder, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// How long a server may take until it listens: its private PostgreSQL may have to be fetched.
const START: Duration = Duration::from_secs(600);
/// How long it may take to stop in good order.
const STOP: Duration = Duration::from_secs(60);

/// A server that runs. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its keys, uploads, snapshots and database.
    pub(crate) data_dir: PathBuf,
    /// What it says while it works.
    pub(crate) log: PathBuf,
    program: PathBuf,
    process: Process,
}

impl Server {
    /// Starts a server that is built, on a port of its own choice.
    pub(crate) async fn start_program(
        program: &Path,
        data_dir: &Path,
        extra_args: &[&str],
    ) -> Result<Self> {
        // Others may pass through it: started by root, the database runs as somebody else.
        let made = DirBuilder::new().recursive(true).mode(0o711).create(data_dir);
        made.with_context(|| format!("making {}", data_dir.display()))?;
        let said = data_dir.join("server.out");
        let log = data_dir.join("server.log");
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        command.args(extra_args).stdout(create(&said)?).stderr(create(&log)?);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let process = Process::spawn("cartage-server", command)?;
        let data_dir = data_dir.to_owned();
        // From here on dropping it stops it, with its database.
        let mut server =
            Self { address: nowhere, data_dir, log, program: program.to_owned(), process };
        let started = Instant::now();
        server.address = loop {
            let text = fs::read_to_string(&said).unwrap_or_default();
            if let Some(address) = listening(&text) {
                break address?;
            }
            if !server.process.is_running() {
                let end = tail(&server.log);
                bail!("cartage-server ended before it listened; its log ends:\n{end}");
            }
            ensure!(
                started.elapsed() < START,
                "cartage-server did not listen within {START:?}; its log ends:\n{}",
                tail(&server.log)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        Ok(server)
    }

    /// The address for clients.
    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What its process has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// Signs an access token of this deployment; without scopes it may do everything.
    pub(crate) async fn token(&self, account: &str, scopes: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["token", "--account", account, "--data-dir"]).arg(&self.data_dir);
        command.args(scopes.iter().flat_map(|scope| ["--scope", *scope]));
        let output = command.output().await.context("cartage-server token")?;
        let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "cartage-server token: {problem}");
        Ok(String::from_utf8(output.stdout).context("cartage-server token")?.trim().to_owned())
    }

    /// Stops it in good order, with its database.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if self.process.stop(STOP).await? {
            return Ok(());
        }
        let data_dir = self.data_dir.clone();
        let log = tail(&self.log);
        stop_database(&data_dir).await?;
        bail!("cartage-server had to be killed, for it did not stop within {STOP:?}:\n{log}")
    }
}

impl Drop for Server {
    /// Where it is dropped while it runs, it is stopped here, as at an interruption.
    fn drop(&mut self) {
        if self.process.stop_now() {
            return;
        }
        // It had to be killed, and its database runs on. There is no runtime to wait in.
        let data_dir = self.data_dir.clone();
        let stopping = std::thread::spawn(move || {
            tokio::runtime::Runtime::new()?.block_on(stop_database(&data_dir))
        });
        if !matches!(stopping.join(), Ok(Ok(()))) {
            eprintln!("the database in {} is left running", self.data_dir.display());
        }
    }
}

/// Stops the private PostgreSQL that a killed server leaves running.
async fn stop_database(data_dir: &Path) -> Result<()> {
    let place = data_dir.join("postgres");
    if !place.exists() {
        return Ok(());
    }
    let postgres = cartage_postgres::start(cartage_postgres::Settings::durable(place)).await?;
    Ok(postgres.stop().await?)
}

/// Builds `cartage-server` and gives the program.
pub(crate) async fn build() -> Result<PathBuf> {
    println!("building cartage-server …");
    let mut cargo = crate::cargo();
    cargo.args(["build", "--locked", "--package", "cartage-server", "--bin", "cartage-server"]);
    cargo.arg("--message-format=json-render-diagnostics").current_dir(crate::root());
    cargo.stderr(Stdio::inherit()).stdin(Stdio::null());
    cargo.stdout(Stdio::piped());
    let built = Process::spawn_tool("cargo", Command::from(cargo))?.output();
    let output = built.await.context("cargo build")?;
    ensure!(output.status.success(), "cartage-server does not build");
    let program = String::from_utf8_lossy(&output.stdout).lines().find_map(artifact);
    program.context("cargo named no program cartage-server")
}

/// The program that a message of cargo names.
fn artifact(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_ours = message["reason"] == "compiler-artifact"
        && message["target"]["name"] == "cartage-server"
        && message["target"]["kind"][0] == "bin";
    is_ours.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
}

/// The address in what a server has said so far, once its line is whole.
fn listening(text: &str) -> Option<Result<SocketAddr>> {
    let (line, _) = text.split_once("listening on ")?.1.split_once('\n')?;
    Some(line.trim().parse().with_context(|| format!("`{line}` is no address")))
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("writing {}", path.display()))
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(20)).map(|line| format!("  {line}\n")).collect()
}

/// A child process in a group of its own, so that Ctrl-C reaches us alone and we stop it. Only the
/// child itself is signalled, which stops its own children in good order; of a tool that does not,
/// the whole group.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    whole_group: bool,
}

impl Process {
    /// Starts it; the command says where its output goes.
    pub(crate) fn spawn(name: &'static str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).process_group(0);
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Self { name, child, whole_group: false })
    }

    /// Starts a tool whose children do not end with it, such as cargo.
    pub(crate) fn spawn_tool(name: &'static str, command: Command) -> Result<Self> {
        let mut process = Self::spawn(name, command)?;
        process.whole_group = true;
        Ok(process)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to stop and waits; kills it where that takes too long. Tells whether it stopped by
    /// itself.
    pub(crate) async fn stop(&mut self, limit: Duration) -> Result<bool> {
        self.terminate();
        if let Ok(ended) = tokio::time::timeout(limit, self.child.wait()).await {
            ended.with_context(|| format!("waiting for {}", self.name))?;
            return Ok(true);
        }
        self.child.kill().await.with_context(|| format!("killing {}", self.name))?;
        Ok(false)
    }

    /// What it has used so far, without its children.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let pid = self.child.id().with_context(|| format!("{} has ended", self.name))?;
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| path)
        };
        Usage::parse(&read("stat")?, &read("status")?)
    }

    /// Kills it at once, as the kernel does.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("killing {}", self.name))
    }

    /// Waits for its end, and gives what it said where that is piped.
    pub(crate) async fn output(mut self) -> Result<std::process::Output> {
        let [mut stdout, mut stderr] = [Vec::new(), Vec::new()];
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        let read_out = async {
            if let Some(mut out) = out {
                out.read_to_end(&mut stdout).await?;
            }
            std::io::Result::Ok(())
        };
        let read_err = async {
            if let Some(mut err) = err {
                err.read_to_end(&mut stderr).await?;
            }
            std::io::Result::Ok(())
        };
        tokio::try_join!(read_out, read_err)?;
        let status = self.child.wait().await?;
        Ok(std::process::Output { status, stdout, stderr })
    }

    /// Asks it to stop and waits here; kills it where that takes too long. Tells whether it stopped
    /// by itself, or had ended before.
    fn stop_now(&mut self) -> bool {
        if !self.is_running() {
            return true;
        }
        self.terminate();
        let begun = Instant::now();
        while self.is_running() && begun.elapsed() < STOP {
            std::thread::sleep(Duration::from_millis(50));
        }
        if !self.is_running() {
            return true;
        }
        if self.child.start_kill().is_err() {
            eprintln!("{} is left running", self.name);
        }
        false
    }

    fn terminate(&mut self) {
        // A child that was waited for has no id any more, so nobody else's can be hit.
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            let pid = nix::unistd::Pid::from_raw(pid);
            let signal = nix::sys::signal::Signal::SIGTERM;
            let sent = match self.whole_group {
                true => nix::sys::signal::killpg(pid, signal),
                false => nix::sys::signal::kill(pid, signal),
            };
            if let Err(error) = sent {
                eprintln!("{} cannot be stopped: {error}", self.name);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop_now();
    }
}

/// What a process has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Its time on processors.
    pub(crate) cpu: Duration,
    /// The most memory it ever held, in KiB.
    pub(crate) peak_kib: u64,
    /// The memory it holds, in KiB.
    pub(crate) rss_kib: u64,
}

impl Usage {
    /// Reads `stat` and `status` of a process.
    fn parse(stat: &str, status: &str) -> Result<Self> {
        // The name in brackets may hold anything; behind it the 12th and 13th fields are clock ticks,
        // 100 a second on every Linux of today.
        let (_, fields) = stat.rsplit_once(") ").context("stat")?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let ticks = |place: usize| -> Result<u64> {
            Ok(fields.get(place).context("stat")?.parse::<u64>()?)
        };
        let cpu = Duration::from_millis((ticks(11)? + ticks(12)?) * 10);
        let kib = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("status")?;
            Ok(line.trim().trim_end_matches("kB").trim().parse()?)
        };
        Ok(Self { cpu, peak_kib: kib("VmHWM:")?, rss_kib: kib("VmRSS:")? })
    }
}

/// Waits for Ctrl-C, SIGTERM, or that the terminal goes away. From the first call on none of them
/// ends the process by itself.
pub(crate) async fn interrupted() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        heard = tokio::signal::ctrl_c() => heard?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_dropped_is_stopped() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let process = Process::spawn("sleep", command).unwrap();
        let pid = nix::unistd::Pid::from_raw(process.child.id().unwrap().try_into().unwrap());
        assert_eq!(nix::sys::signal::kill(pid, None), Ok(()));
        drop(process);
        assert_eq!(nix::sys::signal::kill(pid, None), Err(nix::errno::Errno::ESRCH));
    }

    #[tokio::test]
    async fn a_tool_is_stopped_with_what_it_started() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
        let mut tool = Process::spawn_tool("sh", command).unwrap();
        let mut said = [0; 64];
        let count = tool.child.stdout.as_mut().unwrap().read(&mut said).await.unwrap();
        let pid = std::str::from_utf8(&said[..count]).unwrap().trim().parse().unwrap();
        let pid = nix::unistd::Pid::from_raw(pid);
        assert_eq!(nix::sys::signal::kill(pid, None), Ok(()));
        drop(tool);
        let begun = Instant::now();
        // Who has lost its parent is waited for by init, which may take its time.
        let runs = || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
        };
        while runs() && begun.elapsed() < STOP {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(begun.elapsed() < STOP, "the child of the tool is left running");
    }

    #[tokio::test]
    async fn what_a_child_says_is_read_to_its_end() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; exit 3"]).stdout(Stdio::piped());
        let output = Process::spawn("sh", command).unwrap().output().await.unwrap();
        assert_eq!(output.stdout, b"one\ntwo\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn what_a_process_used_is_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 10 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
        let usage = Usage::parse(stat, "Name:\ta\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n").unwrap();
        assert_eq!(usage, Usage { cpu: Duration::from_secs(2), peak_kib: 2_048, rss_kib: 1 });
    }

    #[test]
    fn an_address_is_read_once_its_line_is_whole() {
        assert!(listening("listening on 127.0.0.1:70").is_none());
        let address = listening("listening on 127.0.0.1:7000\n").unwrap().unwrap();
        assert_eq!(address.port(), 7000);
        assert!(listening("listening on nowhere\n").unwrap().is_err());
    }

    #[test]
    fn the_program_is_found_in_the_messages_of_cargo() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"cartage-server","kind":["bin"]},"executable":"/t/cartage-server"}"#;
        assert_eq!(artifact(line), Some(PathBuf::from("/t/cartage-server")));
        assert_eq!(artifact(&line.replace("bin", "lib")), None);
        assert_eq!(artifact("not json"), None);
    }
}
