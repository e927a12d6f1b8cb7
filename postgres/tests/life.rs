//! A private PostgreSQL through starts, stops, crashes and half-done work.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test itself")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cartage_postgres::{Error, Search, Settings, start, test};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn scratch(folder: &tempfile::TempDir) -> Settings {
    Settings { install_missing: false, ..Settings::scratch(folder.path().join("data")) }
}

fn durable(folder: &tempfile::TempDir) -> Settings {
    Settings { durable: true, max_connections: 20, ..scratch(folder) }
}

fn alive(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_ok()
}

fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts this very test binary as another process that runs the helper `name` below, and returns
/// the line it prints.
fn helper(name: &str, folder: &Path) -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--ignored", "--nocapture"]);
    command.env("CARTAGE_TEST_FOLDER", folder).env("TMPDIR", folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("helper: ").map(|(_, rest)| rest.to_owned()));
    (child, line.unwrap())
}

#[tokio::test]
#[ignore = "run by other tests as a process of its own"]
async fn helper_holds_a_deployment() {
    let folder = PathBuf::from(std::env::var_os("CARTAGE_TEST_FOLDER").unwrap());
    let postgres = start(Settings::durable(folder.join("data"))).await.unwrap();
    postgres.query("postgres", "create table kept as select 7 as value").await.unwrap();
    println!("helper: {}", postgres.pid());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
#[ignore = "run by other tests as a process of its own"]
async fn helper_uses_the_shared_server() {
    let server = test::server().await.unwrap();
    println!("helper: {} {}", server.pid(), server.folder().display());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn it_starts_answers_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = start(scratch(&folder)).await.unwrap();
    assert!(postgres.url("shop").starts_with("postgres://postgres:"));
    assert!(postgres.url_as("a@b", "p/w", "c d").contains("//a%40b:p%2Fw@127.0.0.1:"));
    let shown = "select current_setting('timezone'), pg_encoding_to_char(encoding), \
                 inet_server_addr(), upper('é') from pg_database where datname = 'postgres'";
    assert_eq!(postgres.query("postgres", shown).await.unwrap(), "UTC|UTF8|127.0.0.1|É");
    assert!(postgres.ensure_database("cartage").await.unwrap());
    assert!(!postgres.ensure_database("cartage").await.unwrap());
    let pid = postgres.pid();
    postgres.stop().await.unwrap();
    eventually("PostgreSQL is gone", || !alive(pid));
}

#[tokio::test]
async fn it_asks_for_the_password_and_does_not_run_as_root() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = start(scratch(&folder)).await.unwrap();
    let data = postgres.folder().join("data").metadata().unwrap();
    assert_ne!(data.uid(), 0);
    let password = postgres.folder().join("password").metadata().unwrap();
    assert_eq!(password.permissions().mode() & 0o777, 0o600);
    let rules = "select count(*) from pg_hba_file_rules where auth_method <> 'scram-sha-256'";
    assert_eq!(postgres.query("postgres", rules).await.unwrap(), "0");
    assert_eq!(postgres.query("postgres", "show unix_socket_directories").await.unwrap(), "");
}

#[tokio::test]
async fn dropping_the_handle_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = start(scratch(&folder)).await.unwrap();
    let pid = postgres.pid();
    drop(postgres);
    eventually("PostgreSQL is gone", || !alive(pid));
}

#[tokio::test]
async fn a_killed_owner_leaves_it_running_and_the_next_adopts_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut owner, line) = helper("helper_holds_a_deployment", folder.path());
    let pid: i32 = line.parse().unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(alive(pid));
    let postgres = start(durable(&folder)).await.unwrap();
    assert!(postgres.adopted());
    assert_eq!(postgres.pid(), pid);
    assert_eq!(postgres.query("postgres", "select value from kept").await.unwrap(), "7");
    postgres.stop().await.unwrap();
    eventually("PostgreSQL is gone", || !alive(pid));
}

#[tokio::test]
async fn a_killed_postmaster_is_replaced_and_its_data_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(durable(&folder)).await.unwrap();
    first.query("postgres", "create table kept as select 7 as value").await.unwrap();
    let pid = first.pid();
    first.leave_running();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let second = start(durable(&folder)).await.unwrap();
    assert!(!second.adopted());
    assert_ne!(second.pid(), pid);
    assert_eq!(second.query("postgres", "select value from kept").await.unwrap(), "7");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(scratch(&folder)).await.unwrap();
    let base = first.folder().to_owned();
    let file = base.join("data/postmaster.pid");
    let text = fs::read_to_string(&file).unwrap();
    first.stop().await.unwrap();
    // Alive, of PostgreSQL's own user, and no postmaster: PostgreSQL itself would refuse to start.
    let owner = base.join("data").metadata().unwrap();
    let mut stranger = Command::new("sleep");
    stranger.arg("60").current_dir("/");
    if nix::unistd::geteuid().is_root() {
        stranger.uid(owner.uid()).gid(owner.gid());
    }
    let mut stranger = stranger.spawn().unwrap();
    let rest = text.split_once('\n').unwrap().1;
    fs::write(&file, format!("{}\n{rest}", stranger.id())).unwrap();
    let second = start(scratch(&folder)).await.unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(!second.adopted());
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_half_made_database_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("data/postgres");
    fs::create_dir_all(base.join("data.init-abc/base")).unwrap();
    fs::write(base.join("data.init-abc/PG_VERSION"), "15\n").unwrap();
    fs::write(base.join("password"), "of the first try\n").unwrap();
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
        nix::unistd::chown(&base, Some(user.uid), Some(user.gid)).unwrap();
    }
    let postgres = start(scratch(&folder)).await.unwrap();
    assert_eq!(postgres.folder(), base.canonicalize().unwrap());
    assert!(!base.join("data.init-abc").exists());
    assert_eq!(postgres.query("postgres", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn a_folder_that_was_made_and_not_given_away_is_given_away() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("data/postgres");
    fs::create_dir_all(&base).unwrap();
    // As root: the folder is root's, as after a kill between making it and giving it away.
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
    fs::set_permissions(&base, PermissionsExt::from_mode(0o700)).unwrap();
    let postgres = start(scratch(&folder)).await.unwrap();
    assert_eq!(postgres.folder(), base.canonicalize().unwrap());
    assert_eq!(base.metadata().unwrap().uid(), base.join("data").metadata().unwrap().uid());
    assert_eq!(postgres.query("postgres", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn without_programs_the_error_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let search = Search::Only(vec!["/nowhere/bin".into()]);
    let error = start(Settings { search, ..scratch(&folder) }).await.unwrap_err();
    assert!(matches!(error, Error::NoBinaries { .. }));
    let text = error.to_string();
    for word in [
        "apt-get install postgresql",
        "brew install",
        "CARTAGE_POSTGRES_BIN",
        "--database-url",
        "/nowhere/bin",
    ] {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
}

#[tokio::test]
async fn a_database_of_another_version_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(scratch(&folder)).await.unwrap();
    let version = first.folder().join("data/PG_VERSION");
    first.stop().await.unwrap();
    fs::write(&version, "13\n").unwrap();
    let error = start(scratch(&folder)).await.unwrap_err();
    assert!(error.to_string().contains("made by PostgreSQL 13"), "{error}");
}

#[tokio::test]
async fn of_two_starters_one_starts_and_the_other_adopts() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = tokio::join!(start(scratch(&folder)), start(scratch(&folder)));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.pid(), two.pid());
    assert_ne!(one.adopted(), two.adopted());
    let pid = one.pid();
    one.stop().await.unwrap();
    assert_eq!(two.query("postgres", "select 1").await.unwrap(), "1");
    drop(two);
    eventually("PostgreSQL is gone", || !alive(pid));
}

#[tokio::test]
async fn a_folder_its_user_cannot_reach_points_elsewhere() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let private = Settings { data_dir: folder.path().to_owned(), ..durable(&folder) };
    let first = start(private.clone()).await.unwrap();
    let place = first.folder().to_owned();
    assert!(!place.starts_with(folder.path()));
    first.query("postgres", "create table kept as select 7 as value").await.unwrap();
    first.stop().await.unwrap();
    let second = start(private.clone()).await.unwrap();
    assert_eq!(second.folder(), place);
    assert_eq!(second.query("postgres", "select value from kept").await.unwrap(), "7");
    second.stop().await.unwrap();
    fs::remove_dir_all(&place).unwrap();
    let lost = start(private).await.unwrap_err();
    assert!(matches!(lost, Error::Lost { .. }), "{lost}");
}

#[tokio::test]
async fn the_shared_server_goes_when_its_last_user_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, first) = helper("helper_uses_the_shared_server", folder.path());
    let (mut two, second) = helper("helper_uses_the_shared_server", folder.path());
    assert_eq!(first, second);
    let (pid, place) = first.split_once(' ').unwrap();
    let pid: i32 = pid.parse().unwrap();
    one.kill().unwrap();
    one.wait().unwrap();
    std::thread::sleep(Duration::from_secs(6));
    assert!(alive(pid), "the second process still uses it");
    two.kill().unwrap();
    two.wait().unwrap();
    eventually("PostgreSQL is gone", || !alive(pid));
    eventually("its files are gone", || !Path::new(place).exists());
}
