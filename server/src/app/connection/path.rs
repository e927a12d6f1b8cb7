//! Which paths of this machine may be read as exports: none of the server's own files.
//!
//! Its data folder holds uploads, unsealed ones among them, keys and snapshots of all accounts. A
//! path into it, or to a folder above it, would show them to whoever may make a connection.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    config::Config,
    error::{Error, Result},
};

/// Where a path leads, its links followed; or why it must not be read.
pub(super) async fn resolve(
    config: &Config,
    path: &str,
) -> Result<std::result::Result<PathBuf, &'static str>> {
    let path = PathBuf::from(path);
    let own: Vec<PathBuf> =
        std::iter::once(&config.data_dir).chain(&config.guarded_dirs).cloned().collect();
    let work = move || {
        let Ok(path) = real(&path) else { return Ok(Err("The path cannot be followed.")) };
        for own in own {
            let own = real(&own).map_err(Error::internal)?;
            if path.starts_with(&own) || own.starts_with(&path) {
                let why = "The path leads into the server's own folder, or lies above it.";
                return Ok(Err(why));
            }
        }
        Ok(Ok(path))
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// The real path; of what is not there, the real path of where it would be.
fn real(path: &Path) -> std::io::Result<PathBuf> {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == ErrorKind::NotFound => {
            let parent = real(parent)?;
            // A link to what is not there yet. One in a circle is another error.
            match path.read_link() {
                Ok(target) => real(&parent.join(target)),
                Err(_) => Ok(parent.join(name)),
            }
        }
        (result, _, _) => result,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[tokio::test]
    async fn no_way_leads_to_the_servers_own_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for path in ["data/uploads/acme", "database", "exports"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        fs::write(root.join("exports/products.csv"), "Handle").unwrap();
        symlink(root.join("data/uploads"), root.join("exports/in")).unwrap();
        symlink(root.join("data"), root.join("alias")).unwrap();
        symlink("../alias/later", root.join("exports/later")).unwrap();
        symlink("round", root.join("exports/round")).unwrap();
        symlink(&root, root.join("exports/up")).unwrap();
        let mut config = Config::new(root.join("alias"));
        config.guarded_dirs = vec![root.join("database")];
        let resolved = async |path: &str| {
            let path = root.join(path).display().to_string();
            resolve(&config, &path).await.unwrap()
        };
        for own in [
            "data",
            "data/uploads/acme/x",
            "data/not/yet",
            "alias/keys",
            "exports/in",
            "exports/in/acme",
            "exports/../data/uploads",
            "exports/up",
            "exports/later",
            "exports/later/x",
            "exports/round",
            "exports/up/data",
            "database/password",
            "",
            "..",
            "exports/none/../../data",
        ] {
            assert!(resolved(own).await.is_err(), "{own}");
        }
        assert!(resolve(&config, "/").await.unwrap().is_err());
        for other in ["exports", "exports/products.csv", "exports/not/yet", "data-of-a-shop"] {
            assert_eq!(resolved(other).await, Ok(root.join(other)), "{other}");
        }
    }
}
