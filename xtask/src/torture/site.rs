//! The processes that are killed, and what they share: a database, a data folder and a shop.

use std::{
    fs::{DirBuilder, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use cartage_client::{Client, ClientBuilder};
use cartage_postgres::Postgres;
use tokio::{net::TcpStream, process::Command, time::Instant};

use crate::server::{Process, tail};

/// How long a process may take until it listens.
const START: Duration = Duration::from_secs(60);
const DATABASE: &str = "cartage";

/// Which processes are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// The one that works.
    Worker,
    /// All of them.
    Server,
}

/// A deployment of two processes, one that serves and one that works.
#[derive(Debug)]
pub(super) struct Site {
    program: PathBuf,
    folder: PathBuf,
    lease_s: u64,
    postgres: Postgres,
    api: Life,
    worker: Life,
}

/// A process and where it listens, in this life and the next.
#[derive(Debug)]
struct Life {
    role: &'static str,
    address: SocketAddr,
    process: Option<Process>,
}

impl Site {
    /// Starts everything in a new folder.
    pub(super) async fn start(program: &Path, folder: &Path, lease_s: u64) -> Result<Self> {
        // Others may pass through it: started by root, the database runs as somebody else.
        let made = DirBuilder::new().recursive(true).mode(0o711).create(folder);
        made.with_context(|| format!("making {}", folder.display()))?;
        let postgres = cartage_postgres::start(cartage_postgres::Settings::durable(folder)).await?;
        postgres.create_database(DATABASE, None).await?;
        let mut site = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            lease_s,
            postgres,
            api: Life { role: "api", address: free_port()?, process: None },
            worker: Life { role: "worker", address: free_port()?, process: None },
        };
        site.revive().await?;
        Ok(site)
    }

    /// A client that may do everything in an account, and comes back when the server does.
    pub(super) async fn client(&self, account: &str) -> Result<Client> {
        let mut command = Command::new(&self.program);
        command.args(["token", "--account", account, "--data-dir"]).arg(self.data_dir());
        let output = command.output().await.context("cartage-server token")?;
        let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "cartage-server token: {problem}");
        let token = String::from_utf8(output.stdout).context("cartage-server token")?;
        let uri = format!("http://{}", self.api.address);
        Ok(ClientBuilder::new(&uri).token(token.trim()).connect().await?)
    }

    /// Kills, as the kernel does where memory runs out.
    pub(super) async fn kill(&mut self, victim: Victim) -> Result<()> {
        self.worker.kill().await?;
        if victim == Victim::Server {
            self.api.kill().await?;
        }
        Ok(())
    }

    /// Starts what is dead.
    pub(super) async fn revive(&mut self) -> Result<()> {
        let data_dir = self.data_dir();
        let url = self.postgres.url(DATABASE);
        for life in [&mut self.api, &mut self.worker] {
            if life.process.is_some() {
                continue;
            }
            let log = self.folder.join(format!("{}.log", life.role));
            let mut command = Command::new(&self.program);
            command.args(["serve", "--role", life.role, "--database-url", &url]);
            command.args(["--listen", &life.address.to_string(), "--data-dir"]).arg(&data_dir);
            command.args(["--lease-s", &self.lease_s.to_string()]);
            command.env("CARTAGE_LOG", "error");
            let output = File::options().create(true).append(true).open(&log)?;
            command.stdout(output.try_clone()?).stderr(output);
            let process = Process::spawn("cartage-server", command)?;
            life.listens(process, &log).await?;
        }
        Ok(())
    }

    /// A number that the database knows.
    pub(super) async fn count(&self, sql: &str) -> Result<u64> {
        let text = self.postgres.query(DATABASE, sql).await?;
        text.trim().parse().with_context(|| format!("`{}` is no number", text.trim()))
    }

    /// Ends all of it.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.kill(Victim::Server).await?;
        Ok(self.postgres.stop().await?)
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Life {
    async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Waits until a process takes connections.
    async fn listens(&mut self, mut process: Process, log: &Path) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            if !process.is_running() {
                bail!("the {} ended before it listened:\n{}", self.role, tail(log));
            }
            ensure!(begun.elapsed() < START, "the {} does not listen:\n{}", self.role, tail(log));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.process = Some(process);
        Ok(())
    }
}

/// An address that nobody listens at. It is the same in every life of a process, so that clients find
/// it again.
fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a port")?;
    Ok(listener.local_addr()?)
}
