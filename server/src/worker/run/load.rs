//! Loads one kind: page by page, batch by batch, one ledger row per record.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::atomic::{AtomicBool, Ordering},
};

use cartage_connectors::{
    JournaledCall, Link, Reference, WriteItem, Written as WrittenRecord, WrittenOutcome, record_key,
};
use cartage_model::{Kind, Mapped};
use cartage_pipeline::{delta::Fingerprint, snapshot::StoredRecord};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    super::{
        Work,
        records::{Fate, PAGE_RECORDS, ScopeMeter, Way, without_missing},
    },
    book::{Book, Entry, Origin, Written},
    journal::Journal,
    ledger::{Row, unreadable_row},
    meter::Meter,
    patience::{HeldUp, Tries, UsedUp},
    update::digester,
};
use crate::{
    app::{
        record_key::{self, Key, KeyType},
        run::change::{ConflictPolicy, MatchRule},
    },
    error::{Error, Result},
    name::Name,
    reason::Reason,
    store::record_link::{LinkSpace, RecordLink},
};

/// Why loading stopped before its end.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The run is to be paused for this reason.
    Pause(&'static str, Error),
    /// The caller paused or cancelled the run, or the lease is lost.
    Withdrawn,
    /// Nothing can go on.
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        match error.reason {
            Reason::Contention => Self::Withdrawn,
            _ => Self::Failed(error),
        }
    }
}

/// What loading a kind needs.
pub(super) struct Loader<'a> {
    pub(super) work: &'a Work,
    pub(super) way: &'a Way,
    pub(super) run: &'a Name,
    pub(super) space: &'a LinkSpace,
    pub(super) prepared: &'a Value,
    pub(super) quarantined_max: i64,
    pub(super) meter: &'a Mutex<Meter>,
    /// Whether records that an earlier run wrote are brought up to date.
    pub(super) updates: bool,
    /// Whether it is kept what was written, for later runs.
    pub(super) remembers: bool,
    /// Whose value counts where source and target both changed it.
    pub(super) policies: &'a [ConflictPolicy],
    /// By what objects of others are found.
    pub(super) match_rules: &'a [MatchRule],
}

/// A record on its way, fitted.
pub(super) struct Ready {
    pub(super) ordinal: i64,
    pub(super) mapped: Mapped,
    pub(super) keys: Vec<Key>,
    pub(super) references: Vec<Reference>,
    pub(super) payload_hash: String,
    /// What its form was made from, where all of that is in it.
    pub(super) origin: Option<Origin>,
}

impl Ready {
    /// Notes that something it refers to is not in the target. A later run must look for itself then.
    pub(super) fn note_lacking(&mut self, lacking: &HashSet<String>) {
        if lacking.contains(&self.mapped.source_id) {
            self.origin = None;
        }
    }
}

impl Loader<'_> {
    /// Loads everything of a kind that has no row in the ledger yet.
    pub(super) async fn kind(&self, kind: Kind) -> std::result::Result<(), Stopped> {
        self.meter.lock().await.begin(kind.as_str());
        if self.way.target.kinds().contains(&kind) {
            if !self.updates {
                self.adopt(kind).await?;
            }
            self.readable(kind).await?;
        } else {
            self.exclude_all(kind).await?;
        }
        self.unreadable(kind).await
    }

    /// Loads the records of a kind that could be read.
    async fn readable(&self, kind: Kind) -> std::result::Result<(), Stopped> {
        let mut scope = ScopeMeter::default();
        let mut first = 0;
        loop {
            let mut page = self.way.heads(kind, first, &mut scope).await?;
            let ids: Vec<String> = page.heads.iter().map(|it| it.source_id.clone()).collect();
            let mut tx = self.work.begin().await?;
            let done: HashSet<String> =
                tx.run_record_done(self.run, kind.as_str(), &ids).await?.into_iter().collect();
            tx.rollback().await?;
            let left = page.left(&done);
            for ordinals in left.chunks(PAGE_RECORDS) {
                let records = self.way.read(kind, &mut page, ordinals).await?;
                self.records(kind, &records).await?;
            }
            match page.next {
                Some(next) => first = next,
                None => return Ok(()),
            }
        }
    }

    /// Loads some records that have no row in the ledger yet.
    async fn records(
        &self,
        kind: Kind,
        records: &[StoredRecord],
    ) -> std::result::Result<(), Stopped> {
        let mut rows = Vec::new();
        let mut ready = Vec::new();
        for stored in records {
            let ordinal = i64::try_from(stored.ordinal).unwrap_or(i64::MAX);
            let keys = self.keys(stored);
            match self.way.fate(stored) {
                Fate::Excluded(rule) => rows
                    .push(Row::excluded(kind, &stored.source_id, ordinal, &rule).found_by(&keys)),
                Fate::Refused { reason, field, message } => rows.push(
                    Row::quarantined(
                        kind,
                        &stored.source_id,
                        Some(ordinal),
                        &reason,
                        field.as_deref(),
                        &message,
                    )
                    .found_by(&keys),
                ),
                Fate::Fitted(mapped) => ready.push(self.ready(stored, mapped, keys)?),
            }
            tokio::task::consume_budget().await;
        }
        self.settle(kind, rows, Vec::new()).await?;
        let (ready, twins) = self.part_twins(kind, ready).await?;
        self.write_new(kind, ready).await?;
        self.merge(kind, twins).await
    }

    /// Quarantines the records of a kind that could not be read.
    async fn unreadable(&self, kind: Kind) -> std::result::Result<(), Stopped> {
        let total = u64::try_from(self.way.unreadable_in_scope(kind)).unwrap_or_default();
        let mut seen = HashSet::new();
        let mut first = 0;
        while first < total {
            let page = self.way.snapshot.unreadable(kind, first, PAGE_RECORDS as u64).await;
            let page = page.map_err(Error::from)?;
            if page.is_empty() {
                break;
            }
            first += u64::try_from(page.len()).unwrap_or(u64::MAX);
            let ids: Vec<String> = page.iter().map(|record| record.source_id.clone()).collect();
            let mut tx = self.work.begin().await?;
            let read: HashSet<String> =
                tx.run_record_readable(self.run, kind.as_str(), &ids).await?.into_iter().collect();
            tx.rollback().await?;
            let rows = page.iter().map(|record| {
                let taken =
                    read.contains(&record.source_id) || !seen.insert(record.source_id.clone());
                let row = unreadable_row(record, taken);
                // Where an order has no id, its number is taken for it; more is not known here.
                match kind {
                    Kind::Order => row.found_by(self.key(&record.source_id).as_slice()),
                    _ => row,
                }
            });
            self.settle(kind, rows.collect(), Vec::new()).await?;
        }
        Ok(())
    }

    /// A kind the target cannot take: every record is excluded with that reason.
    async fn exclude_all(&self, kind: Kind) -> std::result::Result<(), Stopped> {
        let mut scope = ScopeMeter::default();
        let mut first = 0;
        loop {
            let (records, next) = self.way.page(kind, first, &mut scope).await?;
            let rows = records.iter().map(|stored| {
                let ordinal = i64::try_from(stored.ordinal).unwrap_or(i64::MAX);
                Row::excluded(kind, &stored.source_id, ordinal, "kind_not_supported_by_target")
                    .found_by(&self.keys(stored))
            });
            self.settle(kind, rows.collect(), Vec::new()).await?;
            match next {
                Some(next) => first = next,
                None => return Ok(()),
            }
        }
    }

    fn ready(&self, stored: &StoredRecord, mapped: Mapped, keys: Vec<Key>) -> Result<Ready> {
        let ordinal = i64::try_from(stored.ordinal).unwrap_or(i64::MAX);
        let payload_hash = blake3::hash(&serde_json::to_vec(&mapped.fields)?).to_hex().to_string();
        let references = self.way.target.references(&mapped);
        let own = references.iter().filter(|it| it.role == it.kind.as_str());
        let refers_to = own.map(|it| (it.kind.as_str().to_owned(), it.source_id.clone())).collect();
        let origin = Some(Origin { record_hash: stored.hash.clone(), refers_to });
        Ok(Ready { ordinal, keys, references, mapped, payload_hash, origin })
    }

    /// By what a record is found.
    pub(super) fn keys(&self, stored: &StoredRecord) -> Vec<Key> {
        record_key::of_record(&self.work.app.keys, &self.work.claim.account, &stored.record)
    }

    /// The key of an order's number.
    fn key(&self, number: &str) -> Option<Key> {
        KeyType::OrderNumber.key(&self.work.app.keys, &self.work.claim.account, number)
    }

    /// Writes those that no earlier run has written.
    pub(super) async fn write_new(
        &self,
        kind: Kind,
        ready: Vec<Ready>,
    ) -> std::result::Result<(), Stopped> {
        if ready.is_empty() {
            return Ok(());
        }
        let ready = if self.updates {
            self.bring_up(kind, ready).await?
        } else {
            let mut rows = Vec::new();
            let ready = self.skip_written(kind, ready, &mut rows).await?;
            self.settle(kind, rows, Vec::new()).await?;
            ready
        };
        let ready = self.match_others(kind, ready).await?;
        self.write_page(kind, ready).await
    }

    /// Records that an earlier run has written are not written again.
    async fn skip_written(
        &self,
        kind: Kind,
        ready: Vec<Ready>,
        rows: &mut Vec<Row>,
    ) -> Result<Vec<Ready>> {
        let own: Vec<_> = ready
            .iter()
            .map(|it| {
                (kind.as_str().to_owned(), it.mapped.source_id.clone(), kind.as_str().to_owned())
            })
            .collect();
        let mut tx = self.work.begin().await?;
        let links = tx.record_link_find(self.space, &own).await?;
        tx.rollback().await?;
        let written: HashMap<String, Option<String>> =
            links.into_iter().map(|link| (link.source_id, link.payload_hash)).collect();
        Ok(ready
            .into_iter()
            .filter(|it| {
                let Some(hash) = written.get(&it.mapped.source_id) else { return true };
                let row = if hash.as_deref() == Some(&it.payload_hash) {
                    Row::written(kind, it.ordinal, &it.mapped, "unchanged", 1)
                } else {
                    Row::quarantined(
                        kind,
                        &it.mapped.source_id,
                        Some(it.ordinal),
                        Reason::TargetConflict.as_str(),
                        None,
                        "An earlier run wrote this record with other values; a live run does not overwrite them, a delta or reapply run does.",
                    )
                };
                rows.push(row.found_by(&it.keys));
                false
            })
            .collect())
    }

    /// Writes records in batches, several at once where the target allows it.
    async fn write_page(&self, kind: Kind, ready: Vec<Ready>) -> std::result::Result<(), Stopped> {
        let size = self.way.target.batch_size(kind).max(1);
        let mut batches: Vec<Vec<Ready>> = Vec::new();
        let mut inside = BTreeSet::new();
        let mut refers_within = false;
        for it in ready {
            // A record that refers to one of its own kind waits until that one is written.
            let within =
                it.references.iter().any(|r| r.kind == kind && inside.contains(&r.source_id));
            refers_within |= it.references.iter().any(|r| r.kind == kind);
            if batches.last().is_none_or(|batch| batch.len() >= size) || within {
                batches.push(Vec::new());
                inside.clear();
            }
            inside.insert(it.mapped.source_id.clone());
            if let Some(batch) = batches.last_mut() {
                batch.push(it);
            }
        }
        let at_once = if refers_within { 1 } else { self.way.target.concurrency(kind).max(1) };
        let stops = AtomicBool::new(false);
        let mut running = stream::iter(batches)
            .map(|batch| {
                let stops = &stops;
                async move {
                    if stops.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    self.write_batch(kind, batch).await
                }
            })
            .buffer_unordered(at_once);
        let mut stopped = None;
        // Batches under way are let finish, so that what they did is recorded; none is begun.
        while let Some(result) = running.next().await {
            if let Err(error) = result {
                stops.store(true, Ordering::Relaxed);
                stopped.get_or_insert(error);
            }
        }
        stopped.map_or(Ok(()), Err)
    }

    /// Writes a batch until each of its records has an outcome.
    async fn write_batch(&self, kind: Kind, batch: Vec<Ready>) -> std::result::Result<(), Stopped> {
        let mut left: BTreeMap<String, Ready> =
            batch.into_iter().map(|it| (it.mapped.source_id.clone(), it)).collect();
        let mut tx = self.work.begin().await?;
        let records = left.values_mut().map(|it| &mut it.mapped);
        let target = self.way.target.as_ref();
        let lacking = without_missing(&mut tx, self.space, target, records).await?;
        tx.rollback().await?;
        left.values_mut().for_each(|it| it.note_lacking(&lacking));
        let mut tries = Tries::new(self.work, self.run);
        while !left.is_empty() {
            let attempt = tries.begin()?;
            let items = self.items(kind, left.values()).await?;
            let journal = Journal::new(self.work, self.space, self.run, kind);
            let answer = self.way.target.write(self.prepared, kind, items, &journal).await;
            let held_up = match tries.heard(answer, Some(&journal)).await? {
                Ok(written) => self.take(kind, &mut left, written, attempt, &journal).await?,
                Err(held_up) => held_up,
            };
            if left.is_empty() {
                break;
            }
            if let Some(UsedUp { why, records }) = tries.wait(held_up).await? {
                let (given_up, kept) = left.into_iter().partition(|(id, _)| records.contains(id));
                self.give_up(kind, given_up, attempt, &why).await?;
                left = kept;
            }
        }
        Ok(())
    }

    /// The records with what they refer to and what was journaled for them.
    async fn items(
        &self,
        kind: Kind,
        ready: impl Iterator<Item = &Ready>,
    ) -> Result<Vec<WriteItem>> {
        let ready: Vec<&Ready> = ready.collect();
        let ids: Vec<String> = ready.iter().map(|it| it.mapped.source_id.clone()).collect();
        let wanted: BTreeSet<(String, String, String)> = ready
            .iter()
            .flat_map(|it| &it.references)
            .map(|r| (r.kind.as_str().to_owned(), r.source_id.clone(), r.role.clone()))
            .collect();
        let mut tx = self.work.begin().await?;
        let links =
            tx.record_link_find(self.space, &wanted.into_iter().collect::<Vec<_>>()).await?;
        let calls = tx.external_call_find(self.space, kind.as_str(), self.run, &ids).await?;
        tx.rollback().await?;
        let links: BTreeMap<(String, String, String), String> = links
            .into_iter()
            .map(|link| ((link.kind, link.source_id, link.role), link.target_id))
            .collect();
        let mut journaled: HashMap<String, Vec<JournaledCall>> = HashMap::new();
        for call in calls {
            journaled.entry(call.call.source_id.clone()).or_default().push(call);
        }
        Ok(ready
            .into_iter()
            .map(|it| WriteItem {
                source_id: it.mapped.source_id.clone(),
                key: record_key(self.space.migration.id(), kind, &it.mapped.source_id),
                mapped: it.mapped.clone(),
                links: it
                    .references
                    .iter()
                    .filter_map(|r| {
                        let key = (r.kind.as_str().to_owned(), r.source_id.clone(), r.role.clone());
                        links.get(&key).map(|target_id| (r.clone(), target_id.clone()))
                    })
                    .collect(),
                calls: journaled.remove(&it.mapped.source_id).unwrap_or_default(),
            })
            .collect())
    }

    /// Settles what was written; gives what holds up the records that are left.
    async fn take(
        &self,
        kind: Kind,
        left: &mut BTreeMap<String, Ready>,
        written: Vec<WrittenRecord>,
        attempt: u32,
        journal: &Journal<'_>,
    ) -> std::result::Result<HeldUp, Stopped> {
        let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
        let (mut rows, mut links, mut noted) = (Vec::new(), Vec::new(), Vec::new());
        let (mut postponed, mut deferred, mut retry_longest) = (None, None, None);
        let mut records = BTreeSet::new();
        for one in written {
            let Some(it) = left.get(&one.source_id) else { continue };
            links.extend(one.partial.into_iter().map(|link| self.link(kind, it, link)));
            let row = match one.outcome {
                WrittenOutcome::Created(made) => {
                    links.extend(made.into_iter().map(|link| self.link(kind, it, link)));
                    noted.extend(self.written(&it.mapped, it.origin.clone()));
                    Row::written(kind, it.ordinal, &it.mapped, "created", attempt)
                }
                WrittenOutcome::Updated { made, gone: _ } => {
                    links.extend(made.into_iter().map(|link| self.link(kind, it, link)));
                    noted.extend(self.written(&it.mapped, it.origin.clone()));
                    Row::written(kind, it.ordinal, &it.mapped, "updated", attempt)
                }
                WrittenOutcome::Refused(refusal) => Row::quarantined(
                    kind,
                    &one.source_id,
                    Some(it.ordinal),
                    &refusal.reason,
                    refusal.field.as_deref(),
                    &refusal.message,
                )
                .tried(attempt),
                WrittenOutcome::Undecided(why) => {
                    Row::unknown(kind, &one.source_id, Some(it.ordinal), &why).tried(attempt)
                }
                WrittenOutcome::Postponed(why) => {
                    postponed = Some(why);
                    records.insert(one.source_id);
                    continue;
                }
                WrittenOutcome::Deferred { why, retry_after } => {
                    deferred = Some(why);
                    retry_longest = retry_longest.max(retry_after);
                    continue;
                }
            };
            rows.push(row.found_by(&it.keys));
            left.remove(&one.source_id);
        }
        let journal = Some(journal);
        self.enter(kind, Entry { rows, links, journal, written: noted, ..Entry::default() })
            .await?;
        // A record with trouble of its own has used a try, whatever held up the others.
        Ok(match (postponed, deferred) {
            (Some(why), _) => HeldUp::Postponed { why, records },
            (None, why) => {
                HeldUp::Deferred { why: why.unwrap_or_default(), retry_after: retry_longest }
            }
        })
    }

    fn link(&self, kind: Kind, it: &Ready, link: Link) -> RecordLink {
        let own = link.reference.kind == kind && link.reference.role == kind.as_str();
        RecordLink {
            kind: link.reference.kind.as_str().to_owned(),
            source_id: link.reference.source_id,
            role: link.reference.role,
            target_id: link.target_id,
            record_source_id: it.mapped.source_id.clone(),
            payload_hash: own.then(|| it.payload_hash.clone()),
            create_run: self.run.as_str().to_owned(),
            create_time: chrono::DateTime::UNIX_EPOCH,
            update_time: chrono::DateTime::UNIX_EPOCH,
        }
    }

    /// Records whose tries are used up: unknown when a call of theirs has no result, else
    /// quarantined.
    async fn give_up(
        &self,
        kind: Kind,
        left: BTreeMap<String, Ready>,
        attempt: u32,
        problem: &str,
    ) -> std::result::Result<(), Stopped> {
        let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
        let items = self.items(kind, left.values()).await?;
        let rows = items.iter().filter_map(|item| {
            let Ready { ordinal, keys, .. } = left.get(&item.source_id)?;
            let open =
                item.calls.iter().any(|call| call.state == cartage_connectors::CallState::Intended);
            let row = if open {
                Row::unknown(kind, &item.source_id, Some(*ordinal), problem)
            } else {
                let reason = Reason::AttemptsExhausted.as_str();
                Row::quarantined(kind, &item.source_id, Some(*ordinal), reason, None, problem)
            };
            Some(row.tried(attempt).found_by(keys))
        });
        self.settle(kind, rows.collect(), Vec::new()).await
    }

    pub(super) async fn settle(
        &self,
        kind: Kind,
        rows: Vec<Row>,
        links: Vec<RecordLink>,
    ) -> std::result::Result<(), Stopped> {
        self.enter(kind, Entry { rows, links, ..Entry::default() }).await
    }

    /// What is kept of what was written, for later runs.
    pub(super) fn written(&self, mapped: &Mapped, origin: Option<Origin>) -> Option<Written> {
        let fingerprint = || {
            let specs = self.way.target.schema(mapped.kind);
            Fingerprint::of(specs, &mapped.fields, &digester(self.work, self.space))
        };
        self.remembers.then(|| Written {
            source_id: mapped.source_id.clone(),
            fingerprint: fingerprint(),
            origin,
        })
    }

    /// Commits an entry of the ledger with all that belongs to it, and looks whether the run is to go
    /// on.
    pub(super) async fn enter(
        &self,
        kind: Kind,
        entry: Entry<'_>,
    ) -> std::result::Result<(), Stopped> {
        let Self { work, run, space, meter, .. } = *self;
        let basis = self.way.basis.as_bytes();
        let entered = Book { work, run, space, meter, basis }.enter(kind, "load", entry).await?;
        let quarantined = entered.quarantined;
        if entered.newly_quarantined && quarantined > self.quarantined_max {
            let error = Error::new(
                Reason::QuotaExceeded,
                format!(
                    "{quarantined} records are quarantined; the run may have {}.",
                    self.quarantined_max
                ),
            )
            .with("quarantined", quarantined.to_string());
            return Err(Stopped::Pause("ERROR_BUDGET_EXCEEDED", error));
        }
        Ok(())
    }
}

/// What a run's rows say about a value that changed on its way.
pub(super) fn changes_json(mapped: &Mapped) -> Value {
    json!(mapped.changes)
}
