//! File locks between processes: who may start or stop, and who still uses the database.
//!
//! The kernel drops them when a process dies, `kill -9` included.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::Error;

/// Opens the file at `path` for locking, creating it.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(Error::io("open", path))
}

/// Waits for the exclusive lock on `path`; it is held until the file is dropped.
pub(crate) async fn exclusive(path: &Path, limit: Duration) -> Result<File, Error> {
    let file = open(path)?;
    let waiting = async {
        while !try_exclusive(&file, path)? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    match tokio::time::timeout(limit, waiting).await {
        Ok(result) => result.map(|()| file),
        Err(_elapsed) => {
            Err(Error::Timeout { doing: format!("waiting for {}", path.display()), limit })
        }
    }
}

/// Takes the exclusive lock where nobody holds any; says whether it did.
pub(crate) fn try_exclusive(file: &File, path: &Path) -> Result<bool, Error> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", path)(source)),
    }
}
