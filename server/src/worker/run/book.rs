//! Entering rows into the ledger: what belongs to them is committed with them.

use tokio::sync::Mutex;

use super::{super::Work, journal::Journal, ledger::Row, load::Stopped, meter::Meter};
use crate::{
    failpoint::{self, Place},
    name::Name,
    store::record_link::{LinkSpace, RecordLink},
};
use cartage_engine::accounting::Outcome;
use cartage_model::Kind;

/// The ledger of a run under way.
#[derive(Clone, Copy)]
pub(super) struct Book<'a> {
    pub(super) work: &'a Work,
    pub(super) run: &'a Name,
    pub(super) space: &'a LinkSpace,
    pub(super) meter: &'a Mutex<Meter>,
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
        let Entry { rows, links, gone, journal } = entry;
        let (mut rows, keys): (Vec<_>, Vec<_>) = rows.into_iter().map(Row::into_parts).unzip();
        let mut keys: Vec<_> = keys.into_iter().flatten().collect();
        let mut tx = self.work.begin().await?;
        if let Some(journal) = journal {
            journal.write_results(&mut tx).await?;
        }
        if !links.is_empty() {
            tx.record_link_put(self.space, &links).await?;
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
