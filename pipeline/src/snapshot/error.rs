//! What can go wrong with a snapshot, each with its own words, and how damage is found again inside
//! the errors of the libraries that read through us.

use std::error::Error as StdError;

use datafusion::{arrow::error::ArrowError, error::DataFusionError, parquet::errors::ParquetError};

/// What is wrong with a sealed file. It says which file, never what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file is not there.
    #[error("{path} is missing")]
    Missing {
        /// The file below the snapshot.
        path: String,
    },
    /// The file does not begin like a sealed file.
    #[error("{path} is not a sealed file of a snapshot")]
    NotSealed {
        /// The file below the snapshot.
        path: String,
    },
    /// The key does not fit, or the file's head was altered.
    #[error("{path} was not sealed with this key, or its first bytes are damaged")]
    KeyWrong {
        /// The file below the snapshot.
        path: String,
    },
    /// The file was made for another snapshot.
    #[error("{path} belongs to another snapshot")]
    Foreign {
        /// The file below the snapshot.
        path: String,
    },
    /// A frame was altered, swapped or moved, or the file was cut behind it.
    #[error("{path} is damaged or cut in frame {frame}")]
    Frame {
        /// The file below the snapshot.
        path: String,
        /// Which frame, from 0.
        frame: u64,
    },
    /// The file's length cannot be that of a sealed file.
    #[error("{path} was cut: {size_bytes} bytes are no whole number of frames")]
    Cut {
        /// The file below the snapshot.
        path: String,
        /// Its length now.
        size_bytes: u64,
    },
    /// The file is whole, but not what the manifest says.
    #[error("{path} is not what the manifest says: {why}")]
    Different {
        /// The file below the snapshot.
        path: String,
        /// In what.
        why: String,
    },
}

/// What can go wrong with a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A sealed file is damaged, missing, foreign, or does not fit the key.
    #[error("the snapshot is damaged: {0}")]
    Damaged(#[from] Damage),
    /// There is a finished snapshot already; snapshots are written once.
    #[error("there is a snapshot at {0} already")]
    Exists(String),
    /// The snapshot was written in a format that this version does not know.
    #[error("the snapshot has format {found}, this version reads formats up to {known}")]
    FormatUnknown {
        /// What the manifest says.
        found: u32,
        /// What this version knows.
        known: u32,
    },
    /// A page holds a record of another kind than it was announced as.
    #[error("a page of {expected} holds a record of kind {found}")]
    KindMixed {
        /// The page's kind.
        expected: String,
        /// The record's kind.
        found: String,
    },
    /// What the source says about its parts makes no tree of scopes.
    #[error("the shop's scopes cannot be read: {0}")]
    ScopesUnreadable(#[source] cartage_model::Unreadable),
    /// The rows of a table do not fit its columns: a defect of this program.
    #[error("a row does not fit table {0}")]
    TableMismatch(&'static str),
    /// The operating system gives no randomness.
    #[error("the operating system gives no random bytes")]
    Randomness,
    /// The store fails.
    #[error("the object store fails: {0}")]
    Store(#[source] object_store::Error),
    /// A table cannot be read or written.
    #[error("a table cannot be read or written: {0}")]
    Parquet(#[source] ParquetError),
    /// A query fails.
    #[error("a query over the snapshot fails: {0}")]
    Query(#[source] DataFusionError),
    /// JSON of ours cannot be read or written.
    #[error("JSON cannot be read or written: {0}")]
    Json(#[from] serde_json::Error),
    /// Raw bytes cannot be packed or unpacked, or a spill folder cannot be made.
    #[error("input or output fails: {0}")]
    Io(#[from] std::io::Error),
}

impl SnapshotError {
    /// The error reason in the API.
    pub fn reason(&self) -> &str {
        match self {
            Self::Damaged(_) | Self::Json(_) => "SNAPSHOT_DAMAGED",
            Self::Exists(_) => "RESOURCE_EXISTS",
            Self::FormatUnknown { .. } => "SNAPSHOT_FORMAT_UNSUPPORTED",
            Self::Store(_) | Self::Io(_) => "STORAGE_UNAVAILABLE",
            // A read map's own words for it are those of the API.
            Self::ScopesUnreadable(cause) => &cause.reason,
            Self::KindMixed { .. }
            | Self::TableMismatch(_)
            | Self::Randomness
            | Self::Parquet(_)
            | Self::Query(_) => "INTERNAL_ERROR",
        }
    }

    /// Whether the snapshot itself is at fault, not the machine.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Json(_) | Self::FormatUnknown { .. })
    }
}

/// The damage somewhere in a chain of causes.
fn damage_in(error: &(dyn StdError + 'static)) -> Option<Damage> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(damage) = current.downcast_ref::<Damage>() {
            return Some(damage.clone());
        }
        // Some libraries hand their inner error on without naming it as a source.
        let hidden = match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::ParquetError(inner)) => damage_in(inner.as_ref()),
            Some(DataFusionError::ObjectStore(inner)) => damage_in(inner.as_ref()),
            Some(DataFusionError::External(inner)) => damage_in(inner.as_ref()),
            Some(DataFusionError::ArrowError(inner, _)) => damage_in(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => damage_in(inner.as_ref()),
            _ => match current.downcast_ref::<ParquetError>() {
                Some(ParquetError::External(inner)) => damage_in(inner.as_ref()),
                _ => match current.downcast_ref::<ArrowError>() {
                    Some(ArrowError::ExternalError(inner)) => damage_in(inner.as_ref()),
                    _ => None,
                },
            },
        };
        if hidden.is_some() {
            return hidden;
        }
        cause = current.source();
    }
    None
}

impl From<object_store::Error> for SnapshotError {
    fn from(error: object_store::Error) -> Self {
        damage_in(&error).map_or_else(|| Self::Store(error), Self::Damaged)
    }
}

impl From<ParquetError> for SnapshotError {
    fn from(error: ParquetError) -> Self {
        damage_in(&error).map_or_else(|| Self::Parquet(error), Self::Damaged)
    }
}

impl From<DataFusionError> for SnapshotError {
    fn from(error: DataFusionError) -> Self {
        damage_in(&error).map_or_else(|| Self::Query(error), Self::Damaged)
    }
}

impl From<ArrowError> for SnapshotError {
    fn from(error: ArrowError) -> Self {
        Self::from(DataFusionError::from(error))
    }
}

impl From<Damage> for object_store::Error {
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::Missing { ref path } => {
                Self::NotFound { path: path.clone(), source: Box::new(damage) }
            }
            other => Self::Generic { store: "sealed", source: Box::new(other) },
        }
    }
}
