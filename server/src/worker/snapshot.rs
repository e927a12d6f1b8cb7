//! Takes snapshots: walks a shop page by page and writes what it says, raw and canonical.
//!
//! Each attempt has a folder and a key of its own: what an attempt that was cut off left behind
//! can neither be met nor be read by the next one, which deletes it.

mod meter;

use std::{sync::Arc, time::Duration};

use cartage_connectors::{Page, Source};
use cartage_model::{Kind, RawScope, ScopeTree};
use cartage_pipeline::snapshot::{DataKey, Header, Location, Manifest, SnapshotWriter};
use chrono::Utc;
use object_store::path::Path;

use self::meter::Meter;
use super::{ATTEMPTS_MAX, Work};
use crate::{
    app::{
        connection,
        snapshot::{self, KindCounts, Snapshot, SnapshotState},
    },
    error::{Error, Failure, Result},
    reason::Reason,
    store::{Tx, event::NewEvent, resource::Resource},
};

/// How often one page is asked for before the whole attempt is given back: beginning again costs
/// everything that was read.
const PAGE_TRIES: u32 = 8;
/// The longest wait between two tries of a page.
const PAGE_DELAY_MAX: Duration = Duration::from_secs(30);

/// What an attempt that came to its end gave.
struct Taken {
    manifest: Manifest,
    scopes: ScopeTree,
    source_bytes: u64,
}

/// Takes a snapshot.
pub(super) async fn take(work: &Work) -> Result<()> {
    let Some((snapshot, key)) = begin(work).await? else { return Ok(()) };
    match attempt(work, &snapshot, key).await {
        Ok(Some(taken)) => succeed(work, taken).await,
        Ok(None) => end(work, SnapshotState::Cancelled, None).await,
        Err(error) if error.reason.is_retryable() && work.claim.attempt < ATTEMPTS_MAX => {
            Err(error)
        }
        Err(error) => {
            tracing::info!(snapshot = %snapshot.name, error = %error.chain(), "A snapshot fails.");
            end(work, SnapshotState::Failed, Some(final_failure(&error))).await
        }
    }
}

/// The failure of work that is not taken up again.
pub(super) fn final_failure(error: &Error) -> Failure {
    let mut failure = error.to_failure();
    if failure.retryable {
        failure.metadata.insert("lastReason".to_owned(), failure.reason.clone());
        failure.reason = Reason::AttemptsExhausted.as_str().to_owned();
        failure.retryable = false;
    }
    failure
}

/// Notes that the work begins; none when there is nothing to do.
async fn begin(work: &Work) -> Result<Option<(Resource<Snapshot>, DataKey)>> {
    let mut tx = work.begin().await?;
    let mut snapshot = tx.resource_lock::<Snapshot>(&work.claim.resource).await?;
    let before = snapshot.state;
    match before {
        SnapshotState::Pending | SnapshotState::Running => {}
        SnapshotState::Cancelling => {
            tx.rollback().await?;
            end(work, SnapshotState::Cancelled, None).await?;
            return Ok(None);
        }
        SnapshotState::Succeeded | SnapshotState::Failed | SnapshotState::Cancelled => {
            tx.job_done(&work.claim).await?;
            work.commit(tx).await?;
            return Ok(None);
        }
    }
    snapshot.state = SnapshotState::Running;
    snapshot.body.start_time.get_or_insert_with(Utc::now);
    let prefix = format!("{}/{}", snapshot::folder(&snapshot), work.claim.epoch);
    snapshot.body.prefix = prefix;
    let key = snapshot::new_data_key(&work.app, &mut tx, &snapshot).await?;
    tx.resource_update(&mut snapshot).await?;
    if before != snapshot.state {
        let event = NewEvent::about(&snapshot, "state_changed", Some(before));
        tx.event_append(&snapshot.name.stream(), &event).await?;
    }
    work.commit(tx).await?;
    Ok(Some((snapshot, key)))
}

/// One attempt at the whole shop; none when it was cancelled.
async fn attempt(
    work: &Work,
    snapshot: &Resource<Snapshot>,
    key: DataKey,
) -> Result<Option<Taken>> {
    let prefix = Path::from(snapshot.body.prefix.as_str());
    snapshot::delete_bytes(&work.app, &snapshot::folder(snapshot), Some(&prefix)).await?;
    let connection = snapshot
        .name
        .parent()
        .ok_or_else(|| Error::internal("a snapshot stands below a connection"))?;
    let source = connection::open_source(&work.app, &work.claim.account, &connection).await?;
    let asked = &snapshot.body.kinds;
    let kinds: Vec<Kind> = source
        .kinds()
        .into_iter()
        .filter(|kind| asked.is_empty() || asked.contains(kind))
        .collect();
    // The stored description of the map, not the source's own map: a restore test makes the same
    // records again from the description alone.
    let read_map = snapshot.body.read_map.open()?;
    let header = Header {
        connection: connection.to_string(),
        platform: snapshot.body.platform.clone(),
        read_map_version: read_map.version().to_owned(),
        created_at: snapshot.body.start_time.unwrap_or_else(Utc::now),
    };
    let store = Arc::clone(&work.app.objects);
    let mut writer = SnapshotWriter::create(Location { store, prefix, key }, header).await?;
    let mut reader = Reader { work, source: source.as_ref(), meter: Meter::new(&kinds) };
    if !reader.count(&kinds).await? {
        return Ok(None);
    }
    let Some(said) = reader.scopes().await? else { return Ok(None) };
    let scopes = writer.write_scopes(&said, read_map.as_ref()).await?;
    let mut source_bytes = said.iter().map(|it| size_bytes(&it.body)).sum::<u64>();
    for kind in kinds {
        // Also a kind without records stands in the manifest: it was looked for.
        writer.write_page(kind, &[], &[], read_map.as_ref()).await?;
        let mut cursor: Option<String> = None;
        loop {
            let Some(page) = reader.page(kind, cursor.as_deref()).await? else { return Ok(None) };
            let (records, failures) = (&page.records, &page.failures);
            writer.write_page(kind, records, failures, read_map.as_ref()).await?;
            source_bytes += records.iter().map(|it| size_bytes(&it.body)).sum::<u64>();
            reader.meter.add(kind, records.len().saturating_add(failures.len()));
            if !reader.go_on(false).await? {
                return Ok(None);
            }
            if page.next.is_none() {
                break;
            }
            if page.next == cursor {
                return Err(Error::new(
                    Reason::UpstreamIncompatible,
                    "The shop gives the same page again and again.",
                ));
            }
            cursor = page.next;
        }
    }
    if !reader.go_on(true).await? {
        return Ok(None);
    }
    let manifest = writer.finish().await?;
    Ok(Some(Taken { manifest, scopes, source_bytes }))
}

/// Reads a shop, tells how far it is, and notices when it is to stop.
struct Reader<'a> {
    work: &'a Work,
    source: &'a dyn Source,
    meter: Meter,
}

impl Reader<'_> {
    /// Asks how much there is. False when the snapshot was cancelled.
    async fn count(&mut self, kinds: &[Kind]) -> Result<bool> {
        for kind in kinds {
            // Only an estimate for the progress: a shop that will not count can still be read.
            match self.source.count(*kind).await.map_err(Error::from) {
                Ok(total) => self.meter.set_total(*kind, total),
                Err(error) if error.reason.is_retryable() => {}
                Err(error) => return Err(error),
            }
            if !self.go_on(false).await? {
                return Ok(false);
            }
        }
        self.go_on(true).await
    }

    /// A page, asked for again while the shop is away; none when the snapshot was cancelled.
    async fn page(&mut self, kind: Kind, cursor: Option<&str>) -> Result<Option<Page>> {
        let mut tries = 0;
        loop {
            let error = match self.source.page(kind, cursor).await.map_err(Error::from) {
                Ok(page) => return Ok(Some(page)),
                Err(error) => error,
            };
            if !self.again(&mut tries, error).await? {
                return Ok(None);
            }
        }
    }

    /// What the shop says about its parts, asked for again in the same way.
    async fn scopes(&mut self) -> Result<Option<Vec<RawScope>>> {
        let mut tries = 0;
        loop {
            let error = match self.source.scopes().await.map_err(Error::from) {
                Ok(scopes) => return Ok(Some(scopes)),
                Err(error) => error,
            };
            if !self.again(&mut tries, error).await? {
                return Ok(None);
            }
        }
    }

    /// Waits before something is asked for again; an error that will not pass is the end of it.
    /// False when the snapshot was cancelled meanwhile.
    async fn again(&mut self, tries: &mut u32, error: Error) -> Result<bool> {
        *tries += 1;
        // What changed while it was read is read anew from the beginning, not from this page on.
        let is_passing = error.reason.is_retryable() && error.reason != Reason::SourceChanged;
        if !is_passing || *tries >= PAGE_TRIES {
            return Err(error);
        }
        let delay = error.retry_after.unwrap_or(Duration::from_millis(250 << (*tries).min(8)));
        self.wait(delay.min(PAGE_DELAY_MAX)).await
    }

    /// Waits; false when the snapshot was cancelled meanwhile.
    async fn wait(&mut self, delay: Duration) -> Result<bool> {
        let until = tokio::time::Instant::now() + delay;
        while tokio::time::Instant::now() < until {
            let step = tokio::time::Instant::now() + Duration::from_secs(1);
            tokio::select! {
                () = tokio::time::sleep_until(until.min(step)) => {}
                () = self.work.stop.cancelled() => {}
            }
            if !self.go_on(false).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the progress when it is due; false when the snapshot was cancelled.
    async fn go_on(&mut self, now: bool) -> Result<bool> {
        self.work.go_on()?;
        let Some(progress) = self.meter.due(now) else { return Ok(true) };
        let mut tx = self.work.begin().await?;
        let name = &self.work.claim.resource;
        tx.progress_put(name, &progress).await?;
        let state = tx.resource_get::<Snapshot>(name).await?.state;
        self.work.commit(tx).await?;
        Ok(state != SnapshotState::Cancelling)
    }
}

/// Notes that the snapshot is complete.
async fn succeed(work: &Work, taken: Taken) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut snapshot = tx.resource_lock::<Snapshot>(&work.claim.resource).await?;
    if snapshot.state == SnapshotState::Cancelling {
        // Asked for in the last moment, and promised: the caller was told it will be cancelled.
        tx.rollback().await?;
        return end(work, SnapshotState::Cancelled, None).await;
    }
    let before = snapshot.state;
    let body = &mut snapshot.body;
    let manifest = &taken.manifest;
    body.manifest_digest = manifest.digest()?;
    body.format_version = i32::try_from(manifest.format_version).unwrap_or(i32::MAX);
    body.read_map_version = version_number(&manifest.header.read_map_version);
    body.stored_bytes = signed(manifest.size_bytes());
    body.source_bytes = signed(taken.source_bytes);
    body.scopes = Some(taken.scopes);
    body.counts = manifest
        .kinds
        .iter()
        .map(|(kind, facts)| {
            let (records, unreadable) = (signed(facts.records), signed(facts.unreadable));
            (*kind, KindCounts { records, unreadable })
        })
        .collect();
    body.field_counts = manifest
        .kinds
        .iter()
        .map(|(kind, facts)| {
            let fields = facts.fields.iter().map(|(path, count)| (path.clone(), signed(*count)));
            (*kind, fields.collect())
        })
        .collect();
    body.end_time = Some(Utc::now());
    snapshot.state = SnapshotState::Succeeded;
    tx.resource_update(&mut snapshot).await?;
    let event = NewEvent::about(&snapshot, "state_changed", Some(before));
    finish(work, tx, &snapshot, &event).await
}

/// Ends the work without a snapshot: its bytes are deleted.
async fn end(work: &Work, state: SnapshotState, failure: Option<Failure>) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut snapshot = tx.resource_lock::<Snapshot>(&work.claim.resource).await?;
    let before = snapshot.state;
    snapshot.state = match before {
        SnapshotState::Cancelling => SnapshotState::Cancelled,
        _ => state,
    };
    snapshot.body.failure = failure.filter(|_| snapshot.state == SnapshotState::Failed);
    snapshot.body.end_time = Some(Utc::now());
    tx.resource_update(&mut snapshot).await?;
    let mut event = NewEvent::about(&snapshot, "state_changed", Some(before));
    event.failure.clone_from(&snapshot.body.failure);
    finish(work, tx, &snapshot, &event).await?;
    // Nobody waits for this: what stays behind is sealed, and goes with the snapshot.
    let folder = snapshot::folder(&snapshot);
    if let Err(error) = snapshot::delete_bytes(&work.app, &folder, None).await {
        tracing::warn!(snapshot = %snapshot.name, error = %error.chain(), "Bytes stay behind.");
    }
    Ok(())
}

async fn finish(
    work: &Work,
    mut tx: Tx,
    snapshot: &Resource<Snapshot>,
    event: &NewEvent,
) -> Result<()> {
    tx.job_done(&work.claim).await?;
    tx.event_append(&snapshot.name.stream(), event).await?;
    work.commit(tx).await
}

/// The number of a read map's version such as `shopify_csv/1`.
fn version_number(version: &str) -> i32 {
    version.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How long what a shop said is as JSON, without making the text.
fn size_bytes(body: &serde_json::Value) -> u64 {
    struct Counter(u64);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len() as u64);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Counting cannot fail, and a wrong size would only be shown.
    serde_json::to_writer(&mut counter, body).map_or(0, |()| counter.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_read_map_is_what_stands_last() {
        assert_eq!(version_number("shopify_csv/1"), 1);
        assert_eq!(version_number("medusa/12"), 12);
        assert_eq!(version_number("nothing"), 0);
    }

    #[test]
    fn a_passing_reason_that_did_not_pass_is_told_as_such() {
        let error = Error::new(Reason::UpstreamUnavailable, "The shop is away.");
        let failure = final_failure(&error);
        assert_eq!(failure.reason, "ATTEMPTS_EXHAUSTED");
        assert_eq!(failure.metadata["lastReason"], "UPSTREAM_UNAVAILABLE");
        let error = Error::new(Reason::CsvMalformed, "A row is cut.");
        assert_eq!(final_failure(&error).reason, "CSV_MALFORMED");
    }

    #[test]
    fn the_size_of_a_record_is_that_of_its_json() {
        let body = serde_json::json!({"title": "Ä", "n": 1});
        assert_eq!(size_bytes(&body), body.to_string().len() as u64);
    }
}
