//! Snapshots of connections: what they are, where their bytes lie, and the key they are sealed
//! with.

use std::{collections::BTreeMap, io::ErrorKind};

use cartage_connectors::{medusa, registry::PlatformId, shopify};
use cartage_model::{Currency, Kind, Loss, ReadMap, ScopeTree};
use cartage_pipeline::snapshot::{self as format, Damage, DataKey, Location, SnapshotError};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStoreExt, path::Path};
use serde::{Deserialize, Serialize};

pub use super::restore_test::Verdict;
use super::{App, connection};
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    reason::Reason,
    states,
    store::{
        Tx,
        resource::{Body, Resource, State},
    },
};

/// What a snapshot's secret is kept for.
pub const DATA_KEY: &str = "data_key";
/// The longest name for people, in characters.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 200;

/// What a snapshot holds of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KindCounts {
    /// Canonical records.
    pub records: i64,
    /// Records that could not be read.
    pub unreadable: i64,
}

/// A snapshot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// A name for people.
    pub display_name: String,
    /// The kinds that were asked for; all when empty.
    pub kinds: Vec<Kind>,
    /// The platform it is taken from.
    pub platform: String,
    /// How its raw records are read.
    pub read_map: ReadMapOf,
    /// Where its bytes lie, below the object store.
    pub prefix: String,
    /// What it holds.
    pub counts: BTreeMap<Kind, KindCounts>,
    /// In how many records a field says something, by kind and path; empty in snapshots of
    /// versions that did not count them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub field_counts: BTreeMap<Kind, BTreeMap<String, i64>>,
    /// The parts of the shop; none before the end, and where the format does not say them.
    pub scopes: Option<ScopeTree>,
    /// Bytes as the platform gave them.
    pub source_bytes: i64,
    /// Bytes in the object store.
    pub stored_bytes: i64,
    /// The digest of the manifest; empty before the end.
    pub manifest_digest: String,
    /// The version of the storage format.
    pub format_version: i32,
    /// The version of the read map.
    pub read_map_version: i32,
    /// The newest restore test that ended.
    pub latest_restore_test: String,
    /// How it ended.
    pub restore_verdict: Option<Verdict>,
    /// Why taking it failed.
    pub failure: Option<Failure>,
    /// When the work began.
    pub start_time: Option<DateTime<Utc>>,
    /// When the work ended.
    pub end_time: Option<DateTime<Utc>>,
}

impl Snapshot {
    /// How many records have a value that is lost, of so many at most. Of several places where the
    /// value may stand the one that most records fill counts, so that it may be more of them; where
    /// the snapshot counted nothing, it may be all.
    pub fn records_with(&self, loss: &Loss, most: i64) -> i64 {
        let Some(fields) = self.field_counts.get(&loss.kind) else { return most };
        let found = loss.paths().filter_map(|path| fields.get(path)).copied().max();
        found.unwrap_or(0).min(most)
    }
}

impl Body for Snapshot {
    const TYPE: &'static str = "snapshot";
    type State = SnapshotState;
}

states! {
    /// The states of a snapshot.
    SnapshotState {
        Pending = "PENDING",
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
        Cancelling = "CANCELLING",
        Cancelled = "CANCELLED",
    }
}

/// Which read map reads raw records, and what it needs to be told: enough to make the same
/// canonical records again in another process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadMapOf {
    /// The platform.
    pub platform: String,
    /// In which currency the shop prices, where its data do not say.
    pub default_currency: String,
    /// The offset of times without one, in seconds east of UTC.
    pub assumed_utc_offset_s: i32,
}

impl ReadMapOf {
    /// The read map.
    ///
    /// # Errors
    /// `CAPABILITY_UNSUPPORTED` for a platform this version does not read.
    pub fn open(&self) -> Result<Box<dyn ReadMap>> {
        let unsupported = || {
            Error::new(
                Reason::CapabilityUnsupported,
                format!("This version does not read {}.", self.platform),
            )
            .with("platform", self.platform.as_str())
        };
        match self.platform.parse::<PlatformId>().map_err(|_| unsupported())? {
            PlatformId::ShopifyCsv => {
                let currency = Currency::parse(&self.default_currency).map_err(Error::internal)?;
                Ok(Box::new(shopify::Map::new(currency, self.assumed_utc_offset_s)))
            }
            PlatformId::Medusa => Ok(medusa::read_map()),
        }
    }
}

/// Begins a snapshot of a connection.
///
/// # Errors
/// `STATE_CONFLICT` for a connection that cannot be read, `CAPABILITY_UNSUPPORTED` for a kind the
/// platform does not have, `RESOURCE_EXISTS`, `RESOURCE_NOT_FOUND`, `INVALID_FIELDS`.
pub async fn create(
    tx: &mut Tx,
    parent: &Name,
    id: &str,
    display_name: &str,
    kinds: Vec<Kind>,
) -> Result<Resource<Snapshot>> {
    if display_name.chars().count() > DISPLAY_NAME_CHARACTERS_MAX {
        let text = format!("A name has at most {DISPLAY_NAME_CHARACTERS_MAX} characters.");
        return Err(Error::field("snapshot.display_name", "TOO_LONG", text));
    }
    // Held, so that the connection cannot be deleted or changed under the new snapshot.
    let connection = tx.resource_lock::<connection::Connection>(parent).await?;
    let state = connection.state.as_str();
    if !["ACTIVE", "DEGRADED"].contains(&state) {
        return Err(Error::state(parent.as_str(), state, &["ACTIVE", "DEGRADED"]));
    }
    let platform = connection.body.platform.as_str();
    let known = connection::source_kinds(platform)?;
    if let Some(kind) = kinds.iter().find(|kind| !known.contains(kind)) {
        return Err(Error::new(
            Reason::CapabilityUnsupported,
            format!("{platform} has no records of kind {kind}."),
        )
        .with("platform", platform)
        .with("kind", kind.as_str()));
    }
    let snapshot = Snapshot {
        display_name: display_name.to_owned(),
        kinds,
        platform: platform.to_owned(),
        read_map: connection::read_map_of(&connection.body),
        ..Snapshot::default()
    };
    let name = parent.child("snapshots", id);
    let snapshot = tx.resource_insert(&name, SnapshotState::Pending, &snapshot).await?;
    tx.job_put(&name, "snapshot.take").await?;
    Ok(snapshot)
}

/// Asks a snapshot that is being taken to stop. Gives the state before too.
///
/// # Errors
/// `STATE_CONFLICT` when it ended otherwise, `ETAG_MISMATCH`, `RESOURCE_NOT_FOUND`.
pub async fn cancel(
    tx: &mut Tx,
    name: &Name,
    etag: &str,
) -> Result<(Resource<Snapshot>, SnapshotState)> {
    let mut snapshot = tx.resource_lock::<Snapshot>(name).await?;
    snapshot.check_etag(etag, false)?;
    let before = snapshot.state;
    match before {
        SnapshotState::Pending | SnapshotState::Running => {
            snapshot.state = SnapshotState::Cancelling;
            tx.resource_update(&mut snapshot).await?;
        }
        SnapshotState::Cancelling | SnapshotState::Cancelled => {}
        SnapshotState::Succeeded | SnapshotState::Failed => {
            let allowed = ["PENDING", "RUNNING", "CANCELLING", "CANCELLED"];
            return Err(Error::state(name.as_str(), before.as_str(), &allowed));
        }
    }
    Ok((snapshot, before))
}

/// Deletes a snapshot, its restore tests and its key. Its bytes are unreadable from then on;
/// [`delete_bytes`] removes them after the commit.
///
/// # Errors
/// `CHILDREN_EXIST`, `STATE_CONFLICT`, `ETAG_MISMATCH`, `RESOURCE_NOT_FOUND`.
pub async fn delete(tx: &mut Tx, name: &Name, etag: &str) -> Result<Resource<Snapshot>> {
    let snapshot = tx.resource_lock::<Snapshot>(name).await?;
    snapshot.check_etag(etag, false)?;
    let active = [SnapshotState::Pending, SnapshotState::Running, SnapshotState::Cancelling];
    if active.contains(&snapshot.state) {
        let allowed = ["SUCCEEDED", "FAILED", "CANCELLED"];
        return Err(Error::state(name.as_str(), snapshot.state.as_str(), &allowed));
    }
    if let Some(user) = tx.resource_referring(name, &["audit", "plan", "run"]).await? {
        return Err(Error::new(
            Reason::ChildrenExist,
            format!("{name} is used by {user}; delete that first."),
        )
        .with("resource", name.as_str())
        .with("usedBy", user));
    }
    tx.resource_delete_below(name).await?;
    tx.resource_delete(name).await?;
    Ok(snapshot)
}

/// A snapshot that is complete.
///
/// # Errors
/// `STATE_CONFLICT`, `RESOURCE_NOT_FOUND`.
pub async fn succeeded(tx: &mut Tx, name: &Name) -> Result<Resource<Snapshot>> {
    let snapshot = tx.resource_get::<Snapshot>(name).await?;
    if snapshot.state == SnapshotState::Succeeded {
        return Ok(snapshot);
    }
    Err(Error::state(name.as_str(), snapshot.state.as_str(), &["SUCCEEDED"]))
}

/// Where a complete snapshot lies, with its key.
///
/// # Errors
/// `STATE_CONFLICT`, `RESOURCE_NOT_FOUND`, `SNAPSHOT_KEY_UNAVAILABLE`.
pub async fn location(app: &App, tx: &mut Tx, snapshot: &Name) -> Result<Location> {
    let snapshot = succeeded(tx, snapshot).await?;
    let key = data_key(app, tx, &snapshot).await?;
    Ok(Location {
        store: std::sync::Arc::clone(&app.objects),
        prefix: Path::from(snapshot.body.prefix),
        key,
    })
}

/// Opens a complete snapshot.
///
/// # Errors
/// As [`location`]; `SNAPSHOT_DAMAGED`.
pub async fn open(app: &App, account: &str, snapshot: &Name) -> Result<format::Snapshot> {
    let mut tx = app.store.begin(account).await?;
    let location = location(app, &mut tx, snapshot).await?;
    tx.rollback().await?;
    Ok(format::Snapshot::open(location).await?)
}

/// Makes a new key for a snapshot and keeps it sealed, in place of an earlier one.
pub async fn new_data_key(
    app: &App,
    tx: &mut Tx,
    snapshot: &Resource<Snapshot>,
) -> Result<DataKey> {
    let key = DataKey::generate()?;
    let sealed = app.keys.seal(key.as_bytes(), &bound_to(snapshot))?;
    tx.secret_put(&snapshot.name, DATA_KEY, &sealed).await?;
    Ok(key)
}

/// The key of a snapshot.
///
/// # Errors
/// `SNAPSHOT_KEY_UNAVAILABLE`.
pub async fn data_key(app: &App, tx: &mut Tx, snapshot: &Resource<Snapshot>) -> Result<DataKey> {
    let sealed = tx.secret_get(&snapshot.name, DATA_KEY).await?;
    sealed
        .and_then(|sealed| app.keys.open_sealed(&sealed, &bound_to(snapshot)))
        .and_then(|bytes| <[u8; DataKey::BYTES]>::try_from(bytes.as_slice()).ok())
        .map(DataKey::from_bytes)
        .ok_or_else(|| {
            Error::new(
                Reason::SnapshotKeyUnavailable,
                format!("The key of {} is not there or does not open.", snapshot.name),
            )
            .with("resource", snapshot.name.as_str())
        })
}

fn bound_to(snapshot: &Resource<Snapshot>) -> String {
    format!("{}/{}/{DATA_KEY}", snapshot.name.account_id(), snapshot.uid)
}

/// The folder of a snapshot in the object store; each attempt at taking it has one below.
pub fn folder(snapshot: &Resource<Snapshot>) -> Path {
    Path::from(format!("accounts/{}/snapshots/{}", snapshot.name.account_id(), snapshot.uid))
}

/// Deletes what lies in a folder of the object store but not below `kept`.
pub async fn delete_bytes(app: &App, folder: &Path, kept: Option<&Path>) -> Result<()> {
    let unavailable = |error: object_store::Error| Error::from(SnapshotError::from(error));
    let objects = app.objects.list(Some(folder));
    let paths: Vec<Path> = objects
        .map_ok(|object| object.location)
        .try_filter(|path| {
            let keep = kept.is_some_and(|kept| path.prefix_matches(kept));
            futures::future::ready(!keep)
        })
        .try_collect()
        .await
        .map_err(unavailable)?;
    let deleted = futures::stream::iter(paths).map(|path| async move {
        match app.objects.delete(&path).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    });
    deleted.buffer_unordered(8).try_collect().await
}

impl From<SnapshotError> for Error {
    fn from(error: SnapshotError) -> Self {
        let reason = match &error {
            SnapshotError::Damaged(_) | SnapshotError::Json(_) => Reason::SnapshotDamaged,
            SnapshotError::FormatUnknown { .. } => Reason::SnapshotFormatUnsupported,
            SnapshotError::Store(_) | SnapshotError::Io(_) if lacks_room(&error) => {
                Reason::StorageFull
            }
            SnapshotError::Store(_) | SnapshotError::Io(_) => Reason::StorageUnavailable,
            SnapshotError::ScopesUnreadable(cause) => {
                Reason::parse(&cause.reason).unwrap_or(Reason::ValueInvalid)
            }
            _ => Reason::InternalError,
        };
        let mapped = match &error {
            SnapshotError::Damaged(damage) => {
                Self::new(reason, error.to_string()).with("file", damaged_file(damage))
            }
            SnapshotError::Json(_) => Self::new(reason, "The manifest cannot be read."),
            SnapshotError::FormatUnknown { .. } => Self::new(reason, error.to_string()),
            SnapshotError::ScopesUnreadable(cause) => {
                Self::new(reason, error.to_string()).with("cause", cause.message.clone())
            }
            SnapshotError::Store(_) | SnapshotError::Io(_) => {
                let message = match reason {
                    Reason::StorageFull => "The object store has no room.",
                    _ => "The object store cannot be used.",
                };
                Self::new(reason, message)
            }
            _ => Self::new(reason, "An internal error happened."),
        };
        mapped.caused_by(error)
    }
}

/// Whether a file system without room lies behind an error.
fn lacks_room(error: &SnapshotError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The file below the snapshot that is damaged.
fn damaged_file(damage: &Damage) -> &str {
    match damage {
        Damage::Missing { path }
        | Damage::NotSealed { path }
        | Damage::KeyWrong { path }
        | Damage::Foreign { path }
        | Damage::Frame { path, .. }
        | Damage::Cut { path, .. }
        | Damage::Different { path, .. } => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_without_room_is_told_from_one_that_is_away() {
        let failed = |kind: ErrorKind| {
            let source = Box::new(std::io::Error::from(kind));
            let error = object_store::Error::Generic { store: "LocalFileSystem", source };
            Error::from(SnapshotError::from(error)).reason
        };
        assert_eq!(failed(ErrorKind::StorageFull), Reason::StorageFull);
        assert_eq!(failed(ErrorKind::PermissionDenied), Reason::StorageUnavailable);
        let full = SnapshotError::Io(ErrorKind::QuotaExceeded.into());
        assert_eq!(Error::from(full).reason, Reason::StorageFull);
    }
}
