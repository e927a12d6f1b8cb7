//! Why a shop could not be generated.

use std::path::{Path, PathBuf};

/// The reasons [`generate`](super::generate) stops: all of them are the disk's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be made or written.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A row could not be written.
    #[error("cannot write a CSV row")]
    Csv(#[from] csv::Error),
    /// The manifest could not be turned into JSON.
    #[error("cannot write the manifest as JSON")]
    Json(#[from] serde_json::Error),
}

impl Error {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_owned(), source }
    }
}
