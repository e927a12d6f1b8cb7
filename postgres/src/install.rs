//! Fetching PostgreSQL where the machine has none: Debian's package, else an archive.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::{Error, Settings, archive, process};

/// The file that keeps Debian's package from making and starting a database of its own.
const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// Returns the programs for the database folder `data`, fetching them where they are missing.
pub(crate) async fn find_or_install(
    settings: &Settings,
    account: Account,
    data: &Path,
) -> Result<Binaries, Error> {
    let find = || Binaries::find(&settings.search, account, Some(data));
    let missing = find().await;
    let Err(Error::NoBinaries { looked, .. }) = missing else { return missing };
    if !settings.install_missing {
        return Err(Error::NoBinaries { looked, tried: Vec::new() });
    }
    let mut tried = Vec::new();
    match apt(account).await {
        Ok(()) => match find().await {
            Err(Error::NoBinaries { .. }) => tried.push("its package brought none".to_owned()),
            found => return found,
        },
        Err(reason) => tried.push(reason),
    }
    match archive::download(account).await {
        Ok(()) => match find().await {
            Err(Error::NoBinaries { .. }) => tried.push("the archive brought none".to_owned()),
            found => return found,
        },
        Err(reason) => tried.push(reason),
    }
    Err(Error::NoBinaries { looked, tried })
}

/// Installs Debian's package; an error is the reason in words.
async fn apt(account: Account) -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("only root can install the package".to_owned());
    }
    let apt = Path::new("/usr/bin/apt-get");
    if !apt.is_file() {
        return Err("there is no apt-get to install the package with".to_owned());
    }
    debug_assert!(account.is_other(), "root runs PostgreSQL as somebody else");
    no_default_database().map_err(|error| format!("{CREATE_CLUSTER}: {error}"))?;
    tracing::info!("PostgreSQL is missing and is installed with apt-get.");
    // Without `--no-upgrade`, a package that is there already would be upgraded, and with it, in the
    // worst case, somebody else's running database restarted.
    let install = ["install", "--no-install-recommends", "--no-upgrade", "postgresql"];
    if apt_get(apt, &install).await.is_ok() {
        return Ok(());
    }
    apt_get(apt, &["update"]).await?;
    apt_get(apt, &install).await
}

async fn apt_get(apt: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = process::command(apt, Account::ourselves());
    for name in ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    // Our createcluster.conf stays; another apt-get at work is waited for.
    command.args(["-y", "-q", "-o", "Dpkg::Options::=--force-confold"]);
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    let doing = format!("apt-get {}", arguments.join(" "));
    let done = process::run(command, &doing, Duration::from_secs(1200)).await;
    done.map(|_| ()).map_err(|error| error.to_string())
}

/// Leaves an existing file alone: then the machine's owner has decided.
fn no_default_database() -> std::io::Result<()> {
    let path = Path::new(CREATE_CLUSTER);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(b"create_main_cluster = false\n"),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
