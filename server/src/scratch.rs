//! The folder for files in the clear, one per process.
//!
//! Unsealed uploads are read there. A server that was killed leaves its folder behind, and the next
//! one to start removes it; a lock file beside each folder says whether its owner is alive, so that
//! servers that share a data folder leave each other's alone.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// How the lock of a folder is called: as the folder, with this behind.
const LOCK: &str = "lock";

/// The scratch folder of this process. It goes with this value.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    lock: PathBuf,
    _held: File,
}

impl Scratch {
    /// Removes what dead servers left in a data folder, and makes a folder for this one.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when it cannot be made.
    pub fn open(data_dir: &Path) -> Result<Self> {
        Self::make(&data_dir.join("scratch")).map_err(|error| {
            let message = "The folder for scratch files cannot be made.";
            Error::new(crate::reason::Reason::InternalError, message).caused_by(error)
        })
    }

    /// Where files may be made.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    fn make(all: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(all)?;
        // Held to the end of this function: nobody sweeps between the making of a lock file and its
        // locking.
        let turn = File::create(all.with_extension(LOCK))?;
        turn.lock()?;
        sweep(all)?;
        let folder = all.join(crate::id::new().to_string());
        let lock = folder.with_extension(LOCK);
        let held = File::create_new(&lock)?;
        held.lock()?;
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self { folder, lock, _held: held })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for removed in [fs::remove_dir_all(&self.folder), fs::remove_file(&self.lock)] {
            if let Err(error) = removed
                && error.kind() != ErrorKind::NotFound
            {
                tracing::debug!(%error, "Scratch files stay for the next server to remove.");
            }
        }
    }
}

/// Removes the folders whose owners are gone, and then their locks.
fn sweep(all: &Path) -> io::Result<()> {
    let entries = fs::read_dir(all)?.map(|entry| entry.map(|entry| entry.path()));
    let (mut folders, mut locks) = (Vec::new(), Vec::new());
    for path in entries {
        let path = path?;
        let group =
            if path.extension().is_some_and(|it| it == LOCK) { &mut locks } else { &mut folders };
        group.push(path);
    }
    // A folder without a lock is of nobody: whoever makes one makes its lock first.
    for path in folders.into_iter().filter(|path| !is_held(&path.with_extension(LOCK))) {
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Ok(()) => tracing::info!("Scratch files of an earlier server were removed."),
            Err(error) => tracing::warn!(%error, "Scratch files of an earlier server stay."),
        }
    }
    for path in locks.into_iter().filter(|path| !is_held(path)) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(%error, "A lock of scratch files stays.");
        }
    }
    Ok(())
}

/// Whether somebody holds a lock. One that cannot be looked at is taken for held.
fn is_held(lock: &Path) -> bool {
    match File::open(lock) {
        Ok(file) => !matches!(file.try_lock(), Ok(())),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starting_server_removes_what_the_dead_left_and_nothing_of_the_living() {
        let data = tempfile::tempdir().unwrap();
        let living = Scratch::open(data.path()).unwrap();
        fs::write(living.path().join("products.csv"), "Handle").unwrap();
        let all = data.path().join("scratch");
        // One that was killed: its lock file is there, and nobody holds it. And one of a server of
        // before there were locks.
        for dead in ["dead", "old"] {
            fs::create_dir_all(all.join(dead).join("0")).unwrap();
        }
        fs::write(all.join("dead.lock"), "").unwrap();

        let next = Scratch::open(data.path()).unwrap();
        assert!(living.path().join("products.csv").exists());
        for gone in ["dead", "dead.lock", "old"] {
            assert!(!all.join(gone).exists(), "{gone}");
        }
        assert_ne!(next.path(), living.path());
        drop((living, next));
        assert_eq!(fs::read_dir(&all).unwrap().count(), 0);
    }
}
