//! Snapshots: an immutable, sealed copy of a shop, raw and as canonical tables.
//!
//! A [`SnapshotWriter`] makes one, a [`Snapshot`] reads it, [`verify_digests`] and
//! [`restore_test`] prove it. Everything lies below one prefix of an object store, sealed with one
//! [`DataKey`], written once; the manifest is written last, and without it there is no snapshot.

mod canonical;
mod document;
mod error;
mod frames;
mod key;
mod manifest;
mod presence;
mod raw;
mod reader;
mod restore;
mod scopes;
mod sealed_parquet;
mod sealed_store;
mod segment;
mod session;
mod spill;
mod table_writer;
mod tables;
mod writer;

use std::sync::Arc;

use object_store::{ObjectStore, path::Path};

pub use document::{RecordHead, StoredRecord, UnreadableRecord};
pub use error::{Damage, SnapshotError};
pub use key::DataKey;
pub use manifest::{Header, KindFacts, Manifest, ScopeFacts, Segment};
pub use reader::Snapshot;
pub use restore::{
    DigestReport, RestoreReport, RestoredKind, RestoredScopes, restore_test, verify_digests,
};
pub use sealed_store::SealedStore;
pub use session::QueryLimits;
pub use tables::table_names;
pub use writer::{PageReport, SnapshotWriter};

/// What snapshot functions return.
pub type Result<T, E = SnapshotError> = std::result::Result<T, E>;

/// Where a snapshot lies, and the key it is sealed with.
#[derive(Clone, Debug)]
pub struct Location {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// Everything of the snapshot lies below this path, and nothing else.
    pub prefix: Path,
    /// Its key.
    pub key: DataKey,
}
