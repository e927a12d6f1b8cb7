//! Entering rows into the ledger: what belongs to them is committed with them.

use tokio::sync::Mutex;

use super::{super::Work, journal::Journal, ledger::Row, load::Stopped, meter::Meter};
use crate::{
    failpoint::{self, Place},
    name::Name,
    store::{
        record_conflict::RecordConflict,
        record_link::{LinkSpace, RecordLink},
        record_written::{RecordNote, RecordStood, RecordWritten},
    },
};
use cartage_engine::accounting::Outcome;
use cartage_model::Kind;
use cartage_pipeline::delta::Fingerprint;

/// The ledger of a run under way.
#[derive(Clone, Copy)]
pub(super) struct Book<'a> {
    pub(super) work: &'a Work,
    pub(super) run: &'a Name,
    pub(super) space: &'a LinkSpace,
    pub(super) meter: &'a Mutex<Meter>,
    /// On what basis records get their form; none where none gets one.
    pub(super) basis: &'a [u8],
}

/// What is entered together, of records of one kind.
#[derive(Default)]
pub(super) struct Entry<'a> {
    pub(super) rows: Vec<Row>,
    /// What stands in the target now.
    pub(super) links: Vec<RecordLink>,
    /// The records of which nothing stands there any more.
    pub(super) gone: &'a [String],
    /// Whose results go with them.
    pub(super) journal: Option<&'a Journal<'a>>,
    /// What was written of records.
    pub(super) written: Vec<Written>,
    /// What stands in the target of records that were changed.
    pub(super) standing: Vec<Written>,
    /// The links of objects that are gone: source id and role.
    pub(super) links_gone: Vec<(String, String)>,
    /// Fields that nobody decided.
    pub(super) conflicts: Vec<RecordConflict>,
    /// The records whose conflicts are over.
    pub(super) settled: Vec<String>,
    /// What is known of records as it was before they were changed.
    pub(super) restored: Vec<RecordStood>,
    /// By which runs they had been changed.
    pub(super) restored_of: &'a [String],
    /// What the source said of records that were there before us, unless something was written since.
    pub(super) adopted: Vec<Written>,
}

/// What was written of a record.
pub(super) struct Written {
    pub(super) source_id: String,
    pub(super) fingerprint: Fingerprint,
    /// What that was made from; none where the same need not give the same again.
    pub(super) origin: Option<Origin>,
}

/// What the form of a record was made from, beside the basis.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The hash of the record in the snapshot.
    pub(super) record_hash: String,
    /// The records that it refers to: (kind, source id).
    pub(super) refers_to: Vec<(String, String)>,
}

/// What came of an entry.
pub(super) struct Entered {
    /// Whether a record is quarantined that was not before.
    pub(super) newly_quarantined: bool,
    /// How many are, in all.
    pub(super) quarantined: i64,
}

impl Book<'_> {
    /// Commits an entry, and looks whether the run is to go on.
    pub(super) async fn enter(
        &self,
        kind: Kind,
        activity: &str,
        entry: Entry<'_>,
    ) -> std::result::Result<Entered, Stopped> {
        let Entry { rows, links, gone, journal, written, standing, .. } = entry;
        let Entry { links_gone, conflicts, settled, restored, restored_of, adopted, .. } = entry;
        let (mut rows, keys): (Vec<_>, Vec<_>) = rows.into_iter().map(Row::into_parts).unzip();
        let mut keys: Vec<_> = keys.into_iter().flatten().collect();
        let mut tx = self.work.begin().await?;
        if let Some(journal) = journal {
            journal.write_results(&mut tx).await?;
        }
        if !links.is_empty() {
            tx.record_link_put(self.space, &links).await?;
        }
        if !links_gone.is_empty() {
            tx.record_link_gone(self.space, kind.as_str(), &links_gone).await?;
        }
        if !settled.is_empty() {
            tx.record_conflict_settle(self.space, kind.as_str(), &settled).await?;
        }
        if !conflicts.is_empty() {
            tx.record_conflict_put(self.space, self.run, &conflicts).await?;
        }
        let of = (self.run, self.basis);
        if !written.is_empty() {
            tx.record_written_put(self.space, of, kind.as_str(), &notes(written), true).await?;
        }
        if !adopted.is_empty() {
            tx.record_written_put(self.space, of, kind.as_str(), &notes(adopted), false).await?;
        }
        if !standing.is_empty() {
            tx.record_before_standing(self.run, kind.as_str(), &stored(standing)).await?;
        }
        if !restored.is_empty() {
            tx.record_written_restore(self.space, kind.as_str(), &restored, restored_of).await?;
        }
        if !gone.is_empty() {
            tx.record_forget(self.space, kind.as_str(), gone).await?;
        }
        if !rows.is_empty() {
            let new = tx.run_record_insert(self.run, &rows).await?;
            // A run that was taken up again comes by some records a second time.
            rows.retain(|row| new.contains(&(row.kind.clone(), row.source_id.clone())));
            keys.retain(|key| new.contains(&(key.kind.clone(), key.source_id.clone())));
            tx.record_key_insert(&self.space.migration, self.run, &keys).await?;
        }
        let asked_to_stop = super::asked_to_stop(&mut tx, self.run).await?;
        let (progress, quarantined) = {
            let mut meter = self.meter.lock().await;
            meter.add(&rows);
            (meter.due(&format!("{activity} {kind}")), meter.quarantined())
        };
        if let Some(progress) = progress {
            tx.progress_put(self.run, &progress).await?;
        }
        failpoint::hit(Place::LedgerBeforeCommit);
        self.work.commit(tx).await?;
        failpoint::hit(Place::LedgerAfterCommit);
        if asked_to_stop {
            return Err(Stopped::Withdrawn);
        }
        let newly_quarantined = rows.iter().any(|row| row.outcome == Outcome::Quarantined.as_str());
        Ok(Entered { newly_quarantined, quarantined })
    }
}

fn notes(written: Vec<Written>) -> Vec<RecordNote> {
    let notes = written.into_iter().map(|it| {
        let (record_hash, refers_to) = match it.origin {
            Some(Origin { record_hash, refers_to }) => (Some(record_hash), refers_to),
            None => (None, Vec::new()),
        };
        let fingerprint = it.fingerprint.to_bytes();
        RecordNote { source_id: it.source_id, fingerprint, record_hash, refers_to }
    });
    notes.collect()
}

fn stored(written: Vec<Written>) -> Vec<RecordWritten> {
    let stored = written.into_iter().map(|it| RecordWritten {
        source_id: it.source_id,
        fingerprint: it.fingerprint.to_bytes(),
    });
    stored.collect()
}
