//! Medusa from npm, outside the work tree: installed once, used by every run after that.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

/// The version we migrate into.
pub(crate) const VERSION: &str = "2.21.2";
/// The packages of a Medusa server.
const PACKAGES: [&str; 5] = [
    "@medusajs/admin-sdk",
    "@medusajs/cli",
    "@medusajs/draft-order",
    "@medusajs/framework",
    "@medusajs/medusa",
];
/// The oldest Node.js that Medusa runs on.
const NODE: u32 = 20;
/// The npm that comes with it.
const NPM: u32 = 9;
const NEEDS: &str = "the end-to-end test runs a real Medusa, which needs Node.js 20 or later with \
     its npm (https://nodejs.org); nothing else of Cartage does";
/// How long npm may take.
const LIMIT: Duration = Duration::from_secs(1_200);

/// Returns the folder whose `node_modules` hold Medusa, installed where that is not done yet.
pub(crate) async fn install() -> Result<PathBuf> {
    for (program, oldest) in [("node", NODE), ("npm", NPM)] {
        let version = Command::new(program).arg("--version").output().await;
        let version = version.with_context(|| format!("{NEEDS}: `{program}` is not there"))?;
        ensure!(version.status.success(), "{NEEDS}: `{program} --version` fails");
        let said = String::from_utf8_lossy(&version.stdout);
        let said = said.trim();
        ensure!(major(said) >= Some(oldest), "{NEEDS}: `{program}` here is {said}");
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    let cache = Path::new(&home).join(".cache/cartage");
    let own = cache.join("medusa-e2e");
    if let Some(ready) = [&own, &cache.join("medusa")].into_iter().find(|it| is_complete(it)) {
        println!("Medusa {VERSION} is in {}", ready.display());
        return Ok(ready.clone());
    }
    fs::create_dir_all(&own).with_context(|| format!("making {}", own.display()))?;
    let lock = File::create(own.join("lock")).context("the lock of the installation")?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    if !is_complete(&own) {
        npm(&own).await?;
    }
    drop(lock);
    Ok(own)
}

/// The manifest of a shop: what npm installs, and by which Medusa knows its own.
pub(crate) fn manifest() -> String {
    let packages: serde_json::Map<String, Value> =
        PACKAGES.iter().map(|package| ((*package).to_owned(), json!(VERSION))).collect();
    let name = "cartage-medusa-e2e";
    json!({ "name": name, "version": "1.0.0", "private": true, "dependencies": packages })
        .to_string()
}

/// The first number of a version: 20 of `v20.19.1`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Whether an installation came to its end: npm writes the list of what it installed last.
fn is_complete(folder: &Path) -> bool {
    let modules = folder.join("node_modules");
    let version_of = |package: &str| {
        let text = fs::read(modules.join(package).join("package.json")).ok()?;
        let manifest: Value = serde_json::from_slice(&text).ok()?;
        manifest["version"].as_str().map(str::to_owned)
    };
    modules.join(".package-lock.json").is_file()
        && PACKAGES.iter().all(|package| version_of(package).as_deref() == Some(VERSION))
}

async fn npm(folder: &Path) -> Result<()> {
    println!("installing Medusa {VERSION} from npm into {} …", folder.display());
    let modules = folder.join("node_modules");
    if modules.exists() {
        // What a broken installation left.
        fs::remove_dir_all(&modules).with_context(|| modules.display().to_string())?;
    }
    fs::write(folder.join("package.json"), manifest())?;
    let log = folder.join("npm.log");
    let mut command = Command::new("npm");
    command.args(["install", "--no-audit", "--no-fund"]).current_dir(folder).kill_on_drop(true);
    let file = File::create(&log).with_context(|| log.display().to_string())?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let ended = tokio::time::timeout(LIMIT, command.status()).await;
    let status = match ended {
        Ok(status) => status.context("npm")?,
        Err(_) => bail!("npm install took more than {LIMIT:?}; see {}", log.display()),
    };
    let end = crate::server::tail(&log);
    ensure!(
        status.success(),
        "npm cannot install Medusa {VERSION} (is the registry reachable?); {} ends:\n{end}",
        log.display()
    );
    ensure!(is_complete(folder), "npm said yes, but {} is not whole", modules.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_begins_with_its_largest_part() {
        assert_eq!(major("v20.19.1"), Some(20));
        assert_eq!(major("9.2.0"), Some(9));
        assert!(major("nonsense") < Some(NODE));
    }

    #[test]
    fn a_half_installation_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_complete(folder.path()));
        for package in PACKAGES {
            let at = folder.path().join("node_modules").join(package);
            fs::create_dir_all(&at).unwrap();
            fs::write(at.join("package.json"), json!({ "version": VERSION }).to_string()).unwrap();
        }
        assert!(!is_complete(folder.path()), "npm had not come to its end");
        fs::write(folder.path().join("node_modules/.package-lock.json"), "{}").unwrap();
        assert!(is_complete(folder.path()));
        let cli = folder.path().join("node_modules/@medusajs/cli/package.json");
        fs::write(cli, json!({ "version": "2.0.0" }).to_string()).unwrap();
        assert!(!is_complete(folder.path()));
    }
}
