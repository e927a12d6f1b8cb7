//! Uploads: files that callers send piece by piece, kept sealed until a connection reads them.

mod file;
mod unsealed;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::App;
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    reason::Reason,
    states,
    store::{
        Tx,
        event::NewEvent,
        resource::{Body, Resource, State},
    },
};
pub use file::{Inspected, SealedFile};
pub use unsealed::{Unsealed, unseal};

/// The largest piece, in bytes.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// The largest file, in bytes.
pub const SIZE_BYTES_MAX: i64 = 2 << 30;
/// How many bytes the uploads of one account may take together.
pub const QUOTA_BYTES: i64 = 10 << 30;
/// The longest name of a file, in bytes.
const FILE_NAME_BYTES_MAX: usize = 255;
/// How long an upload is kept that no connection names.
const KEPT_FOR: TimeDelta = TimeDelta::days(7);
/// How many uploads whose time is over are looked at in one transaction.
const EXPIRED_AT_ONCE: i64 = 20;
/// How many pieces of one upload may wait to be written.
const WRITERS_MAX: usize = 16;

/// An upload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Upload {
    /// The name of the file.
    pub file_name: String,
    /// Its announced size.
    pub size_bytes: i64,
    /// Its hash, announced or computed.
    pub blake3: String,
    /// How many bytes from the beginning are safely stored.
    pub committed_size: i64,
    /// How many bytes they take sealed: what lies behind was never committed.
    pub stored_size: i64,
    /// What was found in it.
    pub files: Vec<UploadedFile>,
    /// Why it was refused.
    pub failure: Option<Failure>,
    /// When it is deleted if no connection names it.
    pub expire_time: Option<DateTime<Utc>>,
}

/// A file in an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedFile {
    /// Its path in the archive, or its name.
    pub path: String,
    /// Its expanded size.
    pub size_bytes: i64,
}

impl Body for Upload {
    const TYPE: &'static str = "upload";
    type State = UploadState;
}

states! {
    /// The states of an upload.
    UploadState { Receiving = "RECEIVING", Ready = "READY", Failed = "FAILED" }
}

/// Announces a file. Uploads whose time is over make room for it; their bytes are to be removed
/// after the commit.
///
/// # Errors
/// `INVALID_FIELDS`, `QUOTA_EXCEEDED`, `RESOURCE_EXISTS`.
pub async fn create(
    tx: &mut Tx,
    name: &Name,
    body: Upload,
) -> Result<(Resource<Upload>, Vec<Resource<Upload>>)> {
    check(&body)?;
    let expired = expire(tx, "").await?.deleted;
    if tx.upload_bytes().await?.saturating_add(body.size_bytes) > QUOTA_BYTES {
        let message = format!("The uploads of an account may take {QUOTA_BYTES} bytes together.");
        return Err(
            Error::new(Reason::QuotaExceeded, message).with("quotaBytes", QUOTA_BYTES.to_string())
        );
    }
    let body = Upload { expire_time: Some(Utc::now() + KEPT_FOR), ..body };
    Ok((tx.resource_insert(name, UploadState::Receiving, &body).await?, expired))
}

/// What a step over uploads whose time is over did.
#[derive(Debug, Default)]
pub struct Expired {
    /// Those that are deleted; their bytes are to be removed after the commit.
    pub deleted: Vec<Resource<Upload>>,
    /// The last one that was looked at; none when all were.
    pub reached: Option<Name>,
}

/// Deletes some uploads behind a name whose time is over and that no connection names.
pub async fn expire(tx: &mut Tx, after: &str) -> Result<Expired> {
    let due = tx.upload_expired(Utc::now(), after, EXPIRED_AT_ONCE).await?;
    let more = i64::try_from(due.len()).is_ok_and(|count| count == EXPIRED_AT_ONCE);
    let mut deleted = Vec::new();
    for name in &due {
        let upload = match tx.resource_lock::<Upload>(name).await {
            Ok(upload) => upload,
            // Somebody else was faster.
            Err(error) if error.reason == Reason::ResourceNotFound => continue,
            Err(error) => return Err(error),
        };
        if tx.resource_referring(name, &["connection"]).await?.is_none() {
            tx.resource_delete(name).await?;
            deleted.push(upload);
        }
    }
    Ok(Expired { deleted, reached: due.last().filter(|_| more).cloned() })
}

/// The event of an upload that is gone.
pub fn deleted_event(name: &Name) -> NewEvent {
    NewEvent {
        event_type: "upload.deleted".to_owned(),
        resource: name.to_string(),
        actor: "system".to_owned(),
        ..NewEvent::default()
    }
}

/// The writers of uploads in this process: one at a time for each.
#[derive(Debug, Default)]
pub struct Writers(Mutex<HashMap<Name, Weak<tokio::sync::Mutex<()>>>>);

impl Writers {
    /// Whose turn it is to write to an upload.
    ///
    /// # Errors
    /// `CONTENTION` when too many wait already.
    fn of(&self, name: &Name) -> Result<Arc<tokio::sync::Mutex<()>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, writer| writer.strong_count() > 0);
        if let Some(writer) = known.get(name).and_then(Weak::upgrade) {
            if Arc::strong_count(&writer) > WRITERS_MAX {
                let message = "Too many pieces of this upload are being written.";
                let error = Error::new(Reason::Contention, message);
                return Err(error.retry_after(Duration::from_secs(1)));
            }
            return Ok(writer);
        }
        let writer = Arc::default();
        known.insert(name.clone(), Arc::downgrade(&writer));
        Ok(writer)
    }
}

/// Writes a piece and gives how many bytes from the beginning are stored. A piece that is there
/// already is accepted again when it is the same.
///
/// # Errors
/// `CHECKSUM_MISMATCH`, `UPLOAD_OFFSET_MISMATCH`, `MESSAGE_TOO_LARGE`, `STATE_CONFLICT`,
/// `INVALID_FIELDS`.
pub async fn write_chunk(
    app: &Arc<App>,
    name: &Name,
    offset: i64,
    data: Vec<u8>,
    crc32c: u32,
) -> Result<i64> {
    check_chunk(offset, &data, crc32c)?;
    let writer = app.writers.of(name)?;
    let (writing, name) = (Arc::clone(app), name.clone());
    // A call that is given up drops its future, and its transaction with it, but not a write to the
    // file that has begun: that one would cut off what a later call committed. So both are in a task
    // of their own, and the next one waits for its end.
    let task = app.tasks.spawn(async move {
        let _turn = writer.lock().await;
        let mut tx = writing.store.begin(name.account_id()).await?;
        let committed = write_committed(&writing, &mut tx, &name, offset, data).await?;
        tx.commit().await?;
        Ok(committed)
    });
    task.await.map_err(Error::internal)?
}

async fn write_committed(
    app: &App,
    tx: &mut Tx,
    name: &Name,
    offset: i64,
    data: Vec<u8>,
) -> Result<i64> {
    let mut upload = tx.resource_lock::<Upload>(name).await?;
    if upload.state != UploadState::Receiving {
        return Err(Error::state(name.as_str(), upload.state.as_str(), &["RECEIVING"]));
    }
    let body = &mut upload.body;
    let end = offset.saturating_add(i64::try_from(data.len()).unwrap_or(i64::MAX));
    if end > body.size_bytes {
        let message = format!("The piece ends behind the announced {} bytes.", body.size_bytes);
        return Err(Error::field("data", "OUT_OF_RANGE", message));
    }
    if offset > body.committed_size {
        return Err(offset_mismatch(body.committed_size, "The piece leaves a gap"));
    }
    let file = file_of(app, &upload);
    let (committed, stored) = (upload.body.committed_size, upload.body.stored_size);
    let keys = Arc::clone(&app.keys);
    let work = move || file.write(&keys, committed, stored, offset, &data);
    let written = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
    let Some(stored) = written else {
        return Err(offset_mismatch(committed, "The piece differs from what is stored there"));
    };
    if end > committed {
        upload.body.committed_size = end;
        upload.body.stored_size = stored;
        tx.resource_update(&mut upload).await?;
    }
    Ok(upload.body.committed_size)
}

/// Looks into an upload that is complete; none when it is READY already. Long work, so outside of
/// any transaction. A file that is refused makes the upload FAILED.
///
/// # Errors
/// `UPLOAD_TRUNCATED`, `CHECKSUM_MISMATCH`, `ARCHIVE_INVALID`, `ARCHIVE_UNSAFE_PATH`,
/// `ARCHIVE_EXPANSION_TOO_LARGE`.
pub async fn inspect(app: &App, name: &Name) -> Result<Option<(i64, Inspected)>> {
    let mut tx = app.store.begin(name.account_id()).await?;
    let upload = tx.resource_get::<Upload>(name).await?;
    tx.rollback().await?;
    match (upload.state, &upload.body.failure) {
        (UploadState::Ready, _) => return Ok(None),
        (UploadState::Failed, Some(failure)) => {
            let reason = Reason::parse(&failure.reason).unwrap_or(Reason::ArchiveInvalid);
            return Err(Error::new(reason, failure.message.clone()));
        }
        _ => {}
    }
    let (size, committed) = (upload.body.size_bytes, upload.body.committed_size);
    if committed < size {
        let message = format!("{committed} of {size} bytes have come.");
        return Err(Error::new(Reason::UploadTruncated, message)
            .with("committedSize", committed.to_string())
            .with("sizeBytes", size.to_string()));
    }
    let file = file_of(app, &upload);
    let keys = Arc::clone(&app.keys);
    let scratch = app.scratch.path().to_owned();
    let body = upload.body.clone();
    let look = move || file.inspect(&keys, &body, &scratch);
    match tokio::task::spawn_blocking(look).await.map_err(Error::internal)? {
        Ok(inspected) => Ok(Some((upload.revision, inspected))),
        Err(error) if error.reason.is_retryable() || error.reason == Reason::InternalError => {
            Err(error)
        }
        Err(error) => {
            refuse(app, name, upload.revision, error.to_failure()).await?;
            Err(error)
        }
    }
}

/// Makes an upload READY with what was found in it. Says whether it became so now.
///
/// # Errors
/// `CONTENTION` when it changed since it was looked into.
pub async fn finalize(
    tx: &mut Tx,
    name: &Name,
    inspected: Option<(i64, Inspected)>,
) -> Result<(Resource<Upload>, bool)> {
    let mut upload = tx.resource_lock::<Upload>(name).await?;
    if upload.state == UploadState::Ready {
        return Ok((upload, false));
    }
    match inspected {
        Some((revision, inspected)) if revision == upload.revision => {
            upload.body.blake3 = inspected.blake3;
            upload.body.files = inspected.files;
            upload.state = UploadState::Ready;
            tx.resource_update(&mut upload).await?;
            Ok((upload, true))
        }
        _ => Err(Error::new(Reason::Contention, format!("{name} changed at the same time."))),
    }
}

/// Deletes an upload; its bytes are to be removed after the commit.
///
/// # Errors
/// `ETAG_MISMATCH`, `CHILDREN_EXIST` when a connection names it.
pub async fn delete(tx: &mut Tx, name: &Name, etag: &str) -> Result<Resource<Upload>> {
    let upload = tx.resource_lock::<Upload>(name).await?;
    upload.check_etag(etag, false)?;
    if let Some(user) = tx.resource_referring(name, &["connection"]).await? {
        return Err(Error::new(Reason::ChildrenExist, format!("{name} is used by {user}."))
            .with("resource", name.as_str())
            .with("childType", "connection")
            .with("usedBy", user));
    }
    tx.resource_delete(name).await?;
    Ok(upload)
}

/// Removes the bytes of uploads that are gone. What cannot be removed only takes room.
pub async fn remove_bytes(app: &App, uploads: &[Resource<Upload>]) {
    for upload in uploads {
        let removed = tokio::fs::remove_file(file_of(app, upload).path()).await;
        if let Err(error) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(upload = %upload.name, %error, "An upload's bytes cannot be removed.");
        }
    }
}

/// The event of a change of state.
pub fn state_event(upload: &Resource<Upload>, before: UploadState) -> NewEvent {
    NewEvent { failure: upload.body.failure.clone(), ..NewEvent::of_state(upload, before) }
}

/// Where the bytes of an upload lie.
fn file_of(app: &App, upload: &Resource<Upload>) -> SealedFile {
    let account = upload.name.account_id();
    SealedFile::new(&app.config.data_dir, account, &upload.uid.to_string())
}

async fn refuse(app: &App, name: &Name, revision: i64, failure: Failure) -> Result<()> {
    let mut tx = app.store.begin(name.account_id()).await?;
    let mut upload = tx.resource_lock::<Upload>(name).await?;
    if upload.revision != revision {
        return tx.rollback().await;
    }
    let before = upload.state;
    upload.state = UploadState::Failed;
    upload.body.failure = Some(failure);
    tx.resource_update(&mut upload).await?;
    tx.event_append(&name.stream(), &state_event(&upload, before)).await?;
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(())
}

fn offset_mismatch(committed: i64, problem: &str) -> Error {
    let message = format!("{problem}; {committed} bytes are stored.");
    Error::new(Reason::UploadOffsetMismatch, message).with("committedSize", committed.to_string())
}

fn check_chunk(offset: i64, data: &[u8], crc32c: u32) -> Result<()> {
    if data.len() > CHUNK_BYTES_MAX {
        let message = format!("A piece has at most {CHUNK_BYTES_MAX} bytes.");
        return Err(Error::new(Reason::MessageTooLarge, message)
            .with("limitBytes", CHUNK_BYTES_MAX.to_string()));
    }
    if data.is_empty() {
        return Err(Error::field("data", "REQUIRED", "A piece has at least one byte."));
    }
    if offset < 0 {
        return Err(Error::field("offset", "NEGATIVE", "A file begins at 0."));
    }
    if crc32c::crc32c(data) != crc32c {
        let message = "The piece does not have the checksum it was sent with; send it again.";
        return Err(Error::new(Reason::ChecksumMismatch, message));
    }
    Ok(())
}

fn check(body: &Upload) -> Result<()> {
    let wrong = |field: &str, reason, message: &str| {
        Err(Error::field(&format!("upload.{field}"), reason, message))
    };
    let name = body.file_name.as_str();
    if name.is_empty() {
        return wrong("file_name", "REQUIRED", "Name the file.");
    }
    if name.len() > FILE_NAME_BYTES_MAX {
        return wrong("file_name", "TOO_LONG", "A file's name has at most 255 bytes.");
    }
    if name == "." || name == ".." || name.contains(['/', '\\']) || name.contains(char::is_control)
    {
        return wrong("file_name", "FORMAT_INVALID", "The name of a file, without folders.");
    }
    if body.size_bytes < 0 {
        return wrong("size_bytes", "NEGATIVE", "A file has at least one byte.");
    }
    if body.size_bytes == 0 {
        return wrong("size_bytes", "REQUIRED", "A file has at least one byte.");
    }
    if body.size_bytes > SIZE_BYTES_MAX {
        return wrong("size_bytes", "OUT_OF_RANGE", "A file has at most 2 GiB here.");
    }
    let is_hash = |text: &str| {
        text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !body.blake3.is_empty() && !is_hash(&body.blake3) {
        return wrong("blake3", "FORMAT_INVALID", "A hash has 64 lower-case hex digits.");
    }
    Ok(())
}
