//! Records that have an object in the target and are no longer in the source: they are counted once
//! everything else is loaded, and then, those first that refer to others, kept or deleted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cartage_connectors::{
    CallState, REMOVAL_ORDINAL, Removal, RemoveItem, Removed, RemovedOutcome, record_key,
};
use cartage_model::Kind;
use cartage_pipeline::delta::Fingerprint;

use super::{
    book::Entry,
    journal::Journal,
    ledger::Row,
    load::{Loader, Stopped},
    patience::{HeldUp, Tries, UsedUp},
    update::{BATCH_RECORDS, digester},
};
use crate::{
    app::run::{Run, change::DeletedRecords},
    error::{Error, Result},
    reason::Reason,
    store::{record_link::RecordLink, resource::Resource},
};

/// Under which name a record is excluded that the source no longer has and whose object stays.
const KEPT: &str = "deleted_in_source";
/// Under which name one is excluded whose object the platform does not delete.
const NOT_REMOVABLE: &str = "not_removable";

impl Loader<'_> {
    /// Counts the records that the source no longer has, once per run, and adds them to what is in
    /// scope. A kind of which the run has only some records cannot tell which are gone.
    pub(super) async fn count_deleted(
        &self,
        run: &Resource<Run>,
    ) -> std::result::Result<BTreeMap<String, i64>, Stopped> {
        let mut tx = self.work.begin().await?;
        let mut held = tx.resource_lock::<Run>(&run.name).await?;
        if let Some(counted) = held.body.deleted {
            tx.rollback().await?;
            return Ok(counted);
        }
        let scope = &self.way.scope;
        let whole: HashSet<&str> = Kind::ALL
            .into_iter()
            .filter(|kind| scope.has(*kind) && scope.filter(*kind).is_none())
            // A snapshot of some kinds says nothing of the others.
            .filter(|kind| self.way.snapshot.manifest().kinds.contains_key(kind))
            .map(Kind::as_str)
            .collect();
        let mut counted: BTreeMap<String, i64> =
            tx.record_link_beyond_counts(self.space, self.run).await?.into_iter().collect();
        counted.retain(|kind, _| whole.contains(kind.as_str()));
        let mut totals = held.body.totals.take().unwrap_or_default();
        for (kind, count) in &counted {
            *totals.entry(kind.clone()).or_default() += count;
            self.meter.lock().await.grow(kind, *count);
        }
        held.body.totals = Some(totals);
        held.body.deleted = Some(counted.clone());
        tx.resource_update(&mut held).await?;
        self.work.commit(tx).await?;
        Ok(counted)
    }

    /// Keeps or deletes the objects of the records of a kind that the source no longer has.
    pub(super) async fn deleted(
        &self,
        kind: Kind,
        policy: DeletedRecords,
    ) -> std::result::Result<(), Stopped> {
        self.meter.lock().await.begin(kind.as_str());
        let limit = i64::try_from(BATCH_RECORDS).unwrap_or(i64::MAX);
        let mut after = String::new();
        loop {
            let mut tx = self.work.begin().await?;
            let place = (self.run, after.as_str());
            let page = tx.record_link_beyond(self.space, kind.as_str(), place, limit).await?;
            let ids: Vec<String> = page.iter().map(|link| link.source_id.clone()).collect();
            let shared = tx.record_link_shared(self.space, kind.as_str(), &ids).await?;
            tx.rollback().await?;
            after = ids.into_iter().next_back().unwrap_or_default();
            if page.is_empty() {
                return Ok(());
            }
            let stays = matches!(self.way.target.removal(kind), Removal::Stays(_));
            let (mut kept, mut merged, mut due) = (Entry::default(), Vec::new(), BTreeMap::new());
            for link in page {
                let id = link.source_id.clone();
                if policy == DeletedRecords::Keep || link.create_run.is_empty() {
                    kept.rows.push(Row::left(kind, &id, KEPT));
                } else if shared.contains(&link.target_id) && link.payload_hash.is_some() {
                    // Others were merged into it, and would be gone with it.
                    kept.rows.push(Row::left(kind, &id, KEPT));
                } else if link.payload_hash.is_none() {
                    // Its object is that of another record.
                    kept.rows.push(Row::removed(kind, &id, None, "none"));
                    merged.push(id);
                } else if stays {
                    kept.rows.push(Row::left(kind, &id, NOT_REMOVABLE));
                } else {
                    due.insert(id, link);
                }
            }
            kept.gone = &merged;
            self.enter(kind, kept).await?;
            self.delete(kind, due).await?;
        }
    }

    async fn delete(
        &self,
        kind: Kind,
        mut left: BTreeMap<String, RecordLink>,
    ) -> std::result::Result<(), Stopped> {
        let mut tries = Tries::new(self.work, self.run);
        while !left.is_empty() {
            let attempt = i32::try_from(tries.begin()?).unwrap_or(i32::MAX);
            let journal = Journal::new(self.work, self.space, self.run, kind);
            let ids: Vec<String> = left.values().map(|link| link.target_id.clone()).collect();
            let read = self.way.target.read_back(kind, &ids).await;
            let held_up = match tries.heard(read, None).await? {
                Err(held_up) => Some(held_up),
                Ok(read) => {
                    let fields = read.into_iter().filter_map(|it| Some((it.target_id, it.fields?)));
                    let (rows, items) = self.deletable(kind, &left, &fields.collect()).await?;
                    let told: Vec<String> =
                        rows.iter().map(|row| row.source_id().to_owned()).collect();
                    self.settle(kind, rows, Vec::new()).await?;
                    left.retain(|id, _| !told.contains(id));
                    let answer = self.way.target.remove(kind, &items, &journal).await;
                    match tries.heard(answer, Some(&journal)).await? {
                        Err(held_up) => Some(held_up),
                        Ok(removed) => {
                            self.removed(kind, &mut left, removed, attempt, &journal).await?
                        }
                    }
                }
            };
            let Some(mut held_up) = held_up.filter(|_| !left.is_empty()) else { continue };
            if let HeldUp::Postponed { records, .. } = &mut held_up {
                *records = left.keys().cloned().collect();
            }
            if let Some(UsedUp { why, .. }) = tries.wait(held_up).await? {
                let error = Error::new(Reason::UpstreamUnavailable, why);
                return Err(Stopped::Pause("TARGET_UNAVAILABLE", error));
            }
        }
        Ok(())
    }

    /// The objects that still are what was written, and the rows of those that are not.
    async fn deletable(
        &self,
        kind: Kind,
        left: &BTreeMap<String, RecordLink>,
        there: &HashMap<String, serde_json::Map<String, serde_json::Value>>,
    ) -> Result<(Vec<Row>, Vec<RemoveItem>)> {
        let ids: Vec<String> = left.keys().cloned().collect();
        let mut tx = self.work.begin().await?;
        let written = tx.record_written_find(self.space, kind.as_str(), &ids).await?;
        let calls = tx.external_call_find(self.space, kind.as_str(), self.run, &ids).await?;
        let target_ids: Vec<String> = left.values().map(|link| link.target_id.clone()).collect();
        let elsewhere = tx.record_link_elsewhere(self.space, &target_ids).await?;
        tx.rollback().await?;
        let written: HashMap<String, Fingerprint> = written
            .into_iter()
            .filter_map(|it| Some((it.source_id, Fingerprint::from_bytes(&it.fingerprint)?)))
            .collect();
        let begun: HashSet<String> = calls
            .into_iter()
            .filter(|it| it.call.ordinal == REMOVAL_ORDINAL)
            .filter(|it| !matches!(it.state, CallState::Refused(_)))
            .map(|it| it.call.source_id)
            .collect();
        let digest = digester(self.work, self.space);
        let specs = self.way.target.schema(kind);
        let (mut rows, mut items) = (Vec::new(), Vec::new());
        for (id, link) in left {
            if elsewhere.contains(&link.target_id) {
                let message = "Another migration has a link to its object; it stays.";
                let reason = Reason::TargetConflict.as_str();
                rows.push(Row::quarantined(kind, id, None, reason, None, message));
                continue;
            }
            let changed = there.get(&link.target_id).map(|fields| match written.get(id) {
                Some(written) => written.changed_in(specs, fields, &digest),
                None => Some(String::new()),
            });
            if let Some(Some(field)) = changed {
                let field = Some(field.as_str()).filter(|field| !field.is_empty());
                let reason = Reason::TargetConflict.as_str();
                let message = "The source deleted it, and it was changed in the target; it stays.";
                rows.push(Row::quarantined(kind, id, None, reason, field, message));
                continue;
            }
            items.push(RemoveItem {
                source_id: id.clone(),
                key: record_key(self.space.migration.id(), kind, id),
                target_id: link.target_id.clone(),
                begun: begun.contains(id),
            });
        }
        Ok((rows, items))
    }

    /// Enters what became of deletions; gives what holds up the others.
    async fn removed(
        &self,
        kind: Kind,
        left: &mut BTreeMap<String, RecordLink>,
        removed: Vec<Removed>,
        attempt: i32,
        journal: &Journal<'_>,
    ) -> std::result::Result<Option<HeldUp>, Stopped> {
        let mut held_up = None;
        let mut gone = Vec::new();
        let mut entry = Entry { journal: Some(journal), ..Entry::default() };
        for Removed { source_id, outcome } in removed {
            let row = match outcome {
                RemovedOutcome::Removed | RemovedOutcome::Absent => {
                    let is_ours = outcome == RemovedOutcome::Removed;
                    gone.push(source_id.clone());
                    Row::removed(kind, &source_id, None, if is_ours { "deleted" } else { "none" })
                }
                RemovedOutcome::Kept(refusal) => {
                    let (reason, field) = (&refusal.reason, refusal.field.as_deref());
                    Row::quarantined(kind, &source_id, None, reason, field, &refusal.message)
                }
                RemovedOutcome::Postponed(why) => {
                    held_up = Some(HeldUp::Postponed { why, records: BTreeSet::new() });
                    continue;
                }
                RemovedOutcome::Deferred { why, retry_after } => {
                    held_up.get_or_insert(HeldUp::Deferred { why, retry_after });
                    continue;
                }
            };
            entry.rows.push(row.tried(attempt));
            left.remove(&source_id);
        }
        entry.gone = &gone;
        self.enter(kind, entry).await?;
        Ok(held_up)
    }
}
