//! Servers as processes of their own, which share a database and a data folder, to be killed,
//! stopped and started again.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use cartage_client::{Client, ClientBuilder, retry};
use cartage_server::{failpoint::Place, keys::Keys, token};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, Command},
};

use crate::support::soon;

/// What servers of a test share.
pub(crate) struct Deployment {
    /// The database; none is the private one below the data folder.
    pub(crate) url: Option<String>,
    folder: tempfile::TempDir,
}

/// A server as a process of its own.
pub(crate) struct Life {
    pub(crate) address: SocketAddr,
    child: Child,
    stderr: ChildStderr,
}

impl Deployment {
    pub(crate) fn new(url: Option<&str>) -> Self {
        Self::within(&std::env::temp_dir(), url)
    }

    /// The same with all of its files somewhere.
    pub(crate) fn within(place: &Path, url: Option<&str>) -> Self {
        let folder = tempfile::tempdir_in(place).unwrap();
        // Started by root, the private database runs as somebody else, who must get here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Self { url: url.map(str::to_owned), folder }
    }

    /// A folder for the test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A server that does everything, and at the n-th visit of a place what is said there.
    pub(crate) async fn start(&self, failpoint: Option<&str>) -> Life {
        self.start_as(&[], failpoint).await
    }

    /// A server with further arguments.
    pub(crate) async fn start_as(&self, arguments: &[&str], failpoint: Option<&str>) -> Life {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartage-server"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--lease-s", "2"]).args(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        for variable in ["CARTAGE_DATABASE_URL", "CARTAGE_HOSTED", "CARTAGE_ROLE"] {
            command.env_remove(variable);
        }
        if let Some(url) = &self.url {
            command.args(["--database-url", url]);
        }
        command.env("CARTAGE_LOG", "error").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(failpoint) = failpoint {
            command.env("CARTAGE_FAILPOINT", failpoint);
        }
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = soon(lines.next_line()).await.unwrap().expect("the server says where it is");
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Life { address, child, stderr }
    }

    /// A client that may do everything in the account `acme`.
    pub(crate) async fn client(&self, life: &Life) -> Client {
        self.client_of(life).connect().await.unwrap()
    }

    /// The same with one try for each call.
    pub(crate) async fn impatient(&self, life: &Life) -> Client {
        self.client_of(life).retry(retry::Policy::never()).connect().await.unwrap()
    }

    fn client_of(&self, life: &Life) -> ClientBuilder {
        let keys = Keys::open(&self.data_dir()).unwrap();
        let token = token::sign(&keys, "acme", "tester", "*", Duration::from_secs(3_600)).unwrap();
        ClientBuilder::new(&format!("http://{}", life.address)).token(&token)
    }
}

impl Life {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().try_into().unwrap())
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        soon(self.child.wait()).await.unwrap()
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ends it in good order, and gives what it complained of.
    pub(crate) async fn stop(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let mut said = String::new();
        soon(self.stderr.read_to_string(&mut said)).await.unwrap();
        let status = self.end().await;
        assert!(status.success(), "{status}: {said}");
        said
    }

    /// Waits until it stands still.
    pub(crate) async fn stands_still(&mut self) {
        let file = format!("/proc/{}/stat", self.pid());
        soon(async {
            loop {
                assert_eq!(self.ended(), None, "it ended instead");
                let stat = fs::read_to_string(&file).unwrap();
                let (_, rest) = stat.rsplit_once(')').unwrap();
                if rest.trim_start().starts_with('T') {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

/// What is to happen at the n-th visit of a place: death.
pub(crate) fn death_at(place: Place, visit: u64) -> String {
    format!("{}:{visit}", place.as_str())
}
