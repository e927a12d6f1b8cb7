//! Why an audit as a whole could not be made. A rule that fails is an event, not an error.

use crate::snapshot::SnapshotError;

/// Why an audit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl AuditError {
    /// The error reason in the API.
    pub fn reason(&self) -> &str {
        match self {
            Self::Snapshot(error) => error.reason(),
        }
    }
}
