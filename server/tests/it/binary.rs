//! The program itself: started as the README says, killed, started again, stopped.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use cartage_client::{Client, v1, v1::ErrorReason};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::support::{
    connection, csv_at, database, folder, refused_with, sandbox, soon, violation,
};

/// The program with a data folder.
struct Deployment {
    folder: tempfile::TempDir,
}

/// A server that runs.
struct Life {
    child: Child,
    address: SocketAddr,
}

impl Deployment {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Started by root, the database runs as somebody else, who must get here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Self { folder }
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartage-server"));
        command.args(arguments).arg("--data-dir").arg(self.data_dir());
        command.env_remove("CARTAGE_DATABASE_URL").env_remove("CARTAGE_HOSTED");
        command.env("CARTAGE_LOG", "warn").stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn serve(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Life {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).envs(variables.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = soon(lines.next_line()).await.unwrap().expect("the server says where it is");
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Life { child, address }
    }

    async fn token(&self, scopes: &[&str]) -> Output {
        let mut command = self.command(&["token", "--account", "acme", "--hours", "1"]);
        command.args(scopes.iter().flat_map(|scope| ["--scope", *scope]));
        soon(command.output()).await.unwrap()
    }

    /// A client with a token that the program signed.
    async fn client(&self, life: &Life) -> Client {
        let output = self.token(&[]).await;
        assert!(output.status.success(), "{output:?}");
        let token = String::from_utf8(output.stdout).unwrap();
        Client::connect(&format!("http://{}", life.address), token.trim()).await.unwrap()
    }

    /// The process of the database.
    fn postmaster(&self) -> Postmaster {
        let file = self.data_dir().join("postgres/postgres/data/postmaster.pid");
        let text = fs::read_to_string(file).unwrap();
        Postmaster(Pid::from_raw(text.lines().next().unwrap().trim().parse().unwrap()))
    }
}

/// A database that a killed server leaves running. A test that fails does not leave it.
#[derive(Debug, PartialEq, Eq)]
struct Postmaster(Pid);

impl Postmaster {
    fn is_alive(&self) -> bool {
        kill(self.0, None).is_ok()
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _gone = kill(self.0, Signal::SIGINT);
        }
    }
}

impl Life {
    async fn end(mut self, signal: Signal) -> std::process::ExitStatus {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap());
        kill(pid, signal).unwrap();
        soon(self.child.wait()).await.unwrap()
    }
}

async fn gone(what: &str, check: impl Fn() -> bool) {
    for _ in 0..600 {
        if check() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still there: {what}");
}

fn get() -> v1::GetConnectionRequest {
    v1::GetConnectionRequest { name: "accounts/acme/connections/shop".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_finds_its_database_running_and_a_stopped_one_leaves_nothing() {
    let deployment = Deployment::new();
    let life = deployment.serve(&[], &[]).await;
    let postmaster = deployment.postmaster();
    let client = deployment.client(&life).await;
    let made = client.call(connection("acme", "shop", sandbox())).await.unwrap();
    let status = life.end(Signal::SIGKILL).await;
    assert!(!status.success());
    assert!(postmaster.is_alive(), "the database outlives a killed server");

    let life = deployment.serve(&[], &[]).await;
    assert_eq!(deployment.postmaster(), postmaster, "it is taken over, not started again");
    let client = deployment.client(&life).await;
    let found = client.call(get()).await.unwrap();
    assert_eq!((found.uid, found.create_time), (made.uid, made.create_time));
    let status = life.end(Signal::SIGTERM).await;
    assert!(status.success(), "{status}");
    gone("the database", || !postmaster.is_alive()).await;
    assert!(!deployment.data_dir().join("postgres/postgres/data/postmaster.pid").exists());
    let scratch = fs::read_dir(deployment.data_dir().join("scratch")).unwrap();
    assert_eq!(scratch.count(), 0, "no scratch files are left");

    let life = deployment.serve(&[], &[]).await;
    let third = deployment.postmaster();
    let client = deployment.client(&life).await;
    assert_eq!(client.call(get()).await.unwrap().name, made.name);
    assert!(life.end(Signal::SIGINT).await.success());
    gone("the database", || !third.is_alive()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_a_scope_that_is_none_is_not_signed() {
    let deployment = Deployment::new();
    let output = deployment.token(&["runs.read", "runs.reed"]).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("runs.reed") && said.contains("runs.write"), "{said}");
    let output = deployment.token(&["runs.read", "plans.approve"]).await;
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_makes_a_server_hosted() {
    let deployment = Deployment::new();
    let database = database().await;
    let files = folder(&[]);
    let url = ["--database-url", database.url.as_str()];
    let hosted = |value: &'static str| [("CARTAGE_HOSTED", value)];
    let of = |id: &str, path: &Path| connection("acme", id, csv_at(path));
    for (variables, is_hosted) in
        [(hosted("true"), true), (hosted("1"), true), (hosted("false"), false)]
    {
        let life = deployment.serve(&url, &variables).await;
        let client = deployment.client(&life).await;
        if is_hosted {
            let request = of("a", files.path());
            let status = refused_with(&client, request, ErrorReason::InvalidFields).await;
            assert_eq!(violation(&status), ("connection.shopify_csv.path", "PATH_FORBIDDEN"));
        } else {
            client.call(of("a", files.path())).await.unwrap();
        }
        assert!(life.end(Signal::SIGTERM).await.success());
    }
}
