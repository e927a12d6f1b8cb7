//! Takes back what LIVE runs wrote: run by run from the newest on, in each what refers to others
//! before these, page by page, one ledger row per record.
//!
//! A record's object is deleted only where it still is what was written: it is read back and compared
//! as a verification does, and what others changed since is left alone and listed. The ledger is the
//! journal here too: a run that is taken up again passes over what has a row.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cartage_connectors::{
    CallState, Error as ShopError, PARTIAL, REMOVAL_ORDINAL, Removal, RemoveItem, Removed,
    RemovedOutcome, record_key,
};
use cartage_model::{Kind, Mapped};
use cartage_pipeline::{
    delta::Fingerprint,
    snapshot::StoredRecord,
    verify::{compare, is_empty},
};
use tokio::sync::Mutex;

use super::{
    super::{
        Work,
        records::{Fate, PAGE_RECORDS, Way, without_missing},
    },
    book::{Book, Entry},
    journal::Journal,
    ledger::Row,
    load::Stopped,
    meter::Meter,
    patience::{HeldUp, Tries, UsedUp},
    restore::Restorer,
    set_up, shop, unlinked,
    update::digester,
};
use crate::{
    app::{
        record_key::{self, Key},
        run::{self, Run},
    },
    error::{Error, Result},
    name::Name,
    reason::Reason,
    store::{
        Tx,
        record_link::{LinkSpace, RecordLink},
        record_written::RecordWritten,
        resource::Resource,
        run_record::RecordFilter,
    },
};

/// How many objects are read back and deleted at once.
const BATCH_RECORDS: usize = 50;

/// Under which name a record is excluded whose object the platform does not delete.
const NOT_REMOVABLE: &str = "not_removable";

/// How many records are read from a snapshot at once.
const PAGE: u64 = PAGE_RECORDS as u64;

/// An object that is to be taken back.
struct Made<'a> {
    stored: &'a StoredRecord,
    keys: Vec<Key>,
    ordinal: i64,
    target_id: String,
    part: Part,
}

impl Made<'_> {
    fn id(&self) -> &str {
        &self.stored.source_id
    }
}

/// Which part of an object's making a record had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The object was made of it.
    Whole,
    /// The object is only a part of what it should have become, so that it equals nothing.
    Partial,
    /// The object was made of another record, into which this one was merged.
    Merged,
}

/// Takes back everything the runs made that has no row in the ledger yet.
pub(super) async fn attempt(work: &Work, run: &Resource<Run>) -> std::result::Result<(), Stopped> {
    let space = run::link_space(run);
    // In every attempt: a retry may be about the very records that it looks for.
    unlinked::link(work, run, &space).await?;
    let totals = totals(work, run, &space).await?;
    let kinds: Vec<Kind> =
        Kind::ALL.into_iter().rev().filter(|kind| totals.contains_key(kind.as_str())).collect();
    let names: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    let mut tx = work.begin().await?;
    let counts = tx.run_record_counts(&run.name).await?;
    let mut taken = Vec::new();
    for name in &run.body.rollback_runs {
        taken.push(tx.resource_get::<Run>(&Name::trusted(name)).await?);
    }
    tx.rollback().await?;
    // Where none was prepared, one may have been cut off while it was.
    let newest = taken.iter().find(|it| it.body.prepared.is_some()).or(taken.first()).cloned();
    let unlinked = unlinked::left(work, run, &space).await?;
    let meter = Mutex::new(Meter::new(&names, &totals, &counts, BTreeMap::new()));
    for taken in taken {
        let (way, _) = shop::open(&work.app, &work.claim.account, &taken).await?;
        let taker = Taker {
            work,
            way: &way,
            run: &run.name,
            of: &taken.name,
            space: &space,
            meter: &meter,
        };
        let mut tx = work.begin().await?;
        let of = [taken.name.as_str().to_owned()];
        let made: HashMap<String, i64> =
            tx.record_link_made(&space, &of).await?.into_iter().collect();
        tx.rollback().await?;
        for kind in kinds.iter().filter(|kind| made.contains_key(kind.as_str())) {
            taker.kind(*kind).await?;
        }
    }
    let none = serde_json::Value::Null;
    let newest = match newest {
        Some(newest) => {
            let (way, _) = shop::open(&work.app, &work.claim.account, &newest).await?;
            Some((newest, way))
        }
        None => None,
    };
    if let Some((newest, way)) = &newest
        && newest.body.prepared.is_some()
    {
        let restorer = Restorer {
            work,
            target: way.target.as_ref(),
            run: &run.name,
            of: &run.body.rollback_runs,
            space: &space,
            prepared: newest.body.prepared.as_ref().unwrap_or(&none),
            meter: &meter,
        };
        for kind in &kinds {
            restorer.kind(*kind).await?;
        }
    }
    let book = Book { work, run: &run.name, space: &space, meter: &meter, basis: &[] };
    for (kind, rows, gone) in unlinked {
        book.enter(kind, "take back", Entry { rows, gone: &gone, ..Entry::default() }).await?;
    }
    match newest {
        Some((_, way)) => set_up::take_back(work, run, way.target.as_ref(), &space).await,
        None => Ok(()),
    }
}

/// Counts what is to be taken back, once per run.
async fn totals(
    work: &Work,
    run: &Resource<Run>,
    space: &LinkSpace,
) -> std::result::Result<BTreeMap<String, i64>, Stopped> {
    if let Some(totals) = &run.body.totals {
        return Ok(totals.clone());
    }
    let mut tx = work.begin().await?;
    let mut totals: BTreeMap<String, i64> =
        tx.record_link_made(space, &run.body.rollback_runs).await?.into_iter().collect();
    for (kind, ..) in tx.external_call_unlinked(space, &run.body.rollback_runs).await? {
        *totals.entry(kind).or_default() += 1;
    }
    for (kind, count) in tx.record_before_counts(space, &run.body.rollback_runs).await? {
        *totals.entry(kind).or_default() += count;
    }
    let mut held = tx.resource_lock::<Run>(&run.name).await?;
    held.body.totals = Some(totals.clone());
    tx.resource_update(&mut held).await?;
    work.commit(tx).await?;
    Ok(totals)
}

/// The target ids of records' objects by source id, by which run they were made, and of what part.
pub(super) async fn own_links(
    tx: &mut Tx,
    space: &LinkSpace,
    kind: Kind,
    ids: &[String],
    of: &Name,
) -> Result<HashMap<String, (String, String, Part)>> {
    let roles = [kind.as_str(), PARTIAL];
    let wanted: Vec<_> = ids
        .iter()
        .flat_map(|id| roles.map(|role| (kind.as_str().to_owned(), id.clone(), role.to_owned())))
        .collect();
    let links = tx.record_link_find(space, &wanted).await?;
    let part = |link: &RecordLink| match (link.role.as_str(), &link.payload_hash) {
        (PARTIAL, _) => Part::Partial,
        (_, None) => Part::Merged,
        (_, Some(_)) => Part::Whole,
    };
    let mut found = HashMap::new();
    for link in links {
        let part = part(&link);
        let known = found.get(&link.source_id);
        let known_is_of_run = known.is_some_and(|(_, made_by, _)| made_by == of.as_str());
        // Where a record has a part of it beside its own object, which was there before, what the run
        // made counts, and else its own.
        let counts = match part {
            Part::Partial => known.is_none() || link.create_run == of.as_str(),
            Part::Whole | Part::Merged => !known_is_of_run || link.create_run == of.as_str(),
        };
        if counts {
            found.insert(link.source_id, (link.target_id, link.create_run, part));
        }
    }
    Ok(found)
}

/// Takes back what one run wrote.
struct Taker<'a> {
    work: &'a Work,
    way: &'a Way,
    run: &'a Name,
    of: &'a Name,
    space: &'a LinkSpace,
    meter: &'a Mutex<Meter>,
}

impl Taker<'_> {
    /// Everything of a kind, the last first: a record may refer to earlier ones of its kind.
    async fn kind(&self, kind: Kind) -> std::result::Result<(), Stopped> {
        self.meter.lock().await.begin(kind.as_str());
        let pages = self.way.snapshot.manifest().records(kind).div_ceil(PAGE);
        for page in (0..pages).rev() {
            self.work.go_on()?;
            let first = page * PAGE;
            let stored = self.way.snapshot.records(kind, first, PAGE).await;
            let stored = stored.map_err(Error::from)?;
            let made = self.made(kind, &stored).await?;
            let (merged, made): (Vec<_>, Vec<_>) =
                made.into_iter().partition(|it| it.part == Part::Merged);
            self.unmerge(kind, &merged).await?;
            for batch in made.chunks(BATCH_RECORDS) {
                self.batch(kind, batch).await?;
            }
        }
        Ok(())
    }

    /// What the run made of some records and what has no row yet, the last first.
    async fn made<'r>(&self, kind: Kind, stored: &'r [StoredRecord]) -> Result<Vec<Made<'r>>> {
        let ids: Vec<String> = stored.iter().map(|it| it.source_id.clone()).collect();
        let mut tx = self.work.begin().await?;
        let mut links = own_links(&mut tx, self.space, kind, &ids, self.of).await?;
        let done: HashSet<String> =
            tx.run_record_done(self.run, kind.as_str(), &ids).await?.into_iter().collect();
        tx.rollback().await?;
        links.retain(|id, (_, run, _)| run == self.of.as_str() && !done.contains(id));
        let made = stored.iter().rev().filter_map(|stored| {
            let (target_id, _, part) = links.remove(&stored.source_id)?;
            let ordinal = i64::try_from(stored.ordinal).unwrap_or(i64::MAX);
            let keys = record_key::of_record(
                &self.work.app.keys,
                &self.work.claim.account,
                &stored.record,
            );
            Some(Made { stored, keys, ordinal, target_id, part })
        });
        Ok(made.collect())
    }

    /// Records that were merged into others have no object of their own: their links go.
    async fn unmerge(&self, kind: Kind, merged: &[Made<'_>]) -> std::result::Result<(), Stopped> {
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        let mut tx = self.work.begin().await?;
        for it in merged {
            let source_id = &it.stored.source_id;
            let filter = RecordFilter {
                kind: kind.as_str().to_owned(),
                source_id: source_id.clone(),
                ..RecordFilter::default()
            };
            let found = tx.run_record_page(self.of, &filter, None, 1).await?;
            let into = found.first().and_then(|row| row.detail.get("merged_into")?.as_str());
            let row = Row::merged(kind, source_id, it.ordinal, into.unwrap_or_default());
            rows.push(row.found_by(&it.keys));
            gone.push(source_id.clone());
        }
        tx.rollback().await?;
        if rows.is_empty() {
            return Ok(());
        }
        self.settle(kind, rows, &gone, None).await
    }

    async fn batch(&self, kind: Kind, batch: &[Made<'_>]) -> std::result::Result<(), Stopped> {
        if let Removal::Stays(_) = self.way.target.removal(kind) {
            let rows = batch.iter().map(|it| {
                let row = Row::excluded(kind, &it.stored.source_id, it.ordinal, NOT_REMOVABLE);
                row.found_by(&it.keys)
            });
            return self.settle(kind, rows.collect(), &[], None).await;
        }
        let mut tries = Tries::new(self.work, self.run);
        let mut left: Vec<&Made<'_>> = batch.iter().collect();
        while !left.is_empty() {
            let attempt = i32::try_from(tries.begin()?).unwrap_or(i32::MAX);
            let journal = Journal::new(self.work, self.space, self.run, kind);
            let answer = self.take_back(kind, &left, &journal).await;
            let held_up = match tries.heard(answer, Some(&journal)).await? {
                Ok((rows, gone, held_up)) => {
                    let mut keys: HashMap<&str, &[Key]> =
                        left.iter().map(|it| (it.id(), it.keys.as_slice())).collect();
                    let rows: Vec<Row> = rows
                        .into_iter()
                        .map(|row| {
                            let keys = keys.remove(row.source_id());
                            row.tried(attempt).found_by(keys.unwrap_or_default())
                        })
                        .collect();
                    left.retain(|it| keys.contains_key(it.id()));
                    self.settle(kind, rows, &gone, Some(&journal)).await?;
                    held_up
                }
                Err(held_up) => Some(held_up),
            };
            let Some(mut held_up) = held_up.filter(|_| !left.is_empty()) else { break };
            if let HeldUp::Postponed { records, .. } = &mut held_up {
                *records = left.iter().map(|it| it.id().to_owned()).collect();
            }
            if let Some(UsedUp { why, .. }) = tries.wait(held_up).await? {
                let error = Error::new(Reason::UpstreamUnavailable, why);
                return Err(Stopped::Pause("TARGET_UNAVAILABLE", error));
            }
        }
        Ok(())
    }

    /// Reads objects back, and deletes those that are what was written. Gives the rows, the records
    /// whose objects are gone, and what holds up the others.
    async fn take_back(
        &self,
        kind: Kind,
        left: &[&Made<'_>],
        journal: &Journal<'_>,
    ) -> std::result::Result<(Vec<Row>, Vec<String>, Option<HeldUp>), ShopError> {
        let ids: Vec<String> = left.iter().map(|it| it.id().to_owned()).collect();
        let target_ids: Vec<String> = left.iter().map(|it| it.target_id.clone()).collect();
        let written = self.written(kind, &ids).await.map_err(away)?;
        let digest = digester(self.work, self.space);
        let expected = self.expected(left).await.map_err(away)?;
        let mut tx = self.work.begin().await.map_err(away)?;
        let calls =
            tx.external_call_find(self.space, kind.as_str(), self.run, &ids).await.map_err(away)?;
        let elsewhere = tx.record_link_elsewhere(self.space, &target_ids).await.map_err(away)?;
        tx.rollback().await.map_err(away)?;
        let begun: HashSet<String> = calls
            .into_iter()
            .filter(|it| it.call.ordinal == REMOVAL_ORDINAL)
            .filter(|it| !matches!(it.state, CallState::Refused(_)))
            .map(|it| it.call.source_id)
            .collect();
        let read = self.way.target.read_back(kind, &target_ids).await?;
        let actual: HashMap<String, _> =
            read.into_iter().filter_map(|one| Some((one.target_id, one.fields?))).collect();
        let specs = self.way.target.schema(kind);
        let (mut rows, mut items) = (Vec::new(), Vec::new());
        for it in left {
            let id = it.id();
            if elsewhere.contains(&it.target_id) {
                let message = "Another migration has a link to its object; it stays.";
                let reason = Reason::TargetConflict.as_str();
                rows.push(Row::quarantined(kind, id, Some(it.ordinal), reason, None, message));
                continue;
            }
            let changed = match (actual.get(&it.target_id), expected.get(id)) {
                // It is gone.
                (None, _) => None,
                // It may never have been whole: what it lacks is nothing of others that could be lost.
                (Some(actual), Some(expected)) if it.part == Part::Partial => {
                    let differences = compare(specs, &expected.fields, actual).differences;
                    differences.into_iter().find(|it| !is_empty(&it.actual)).map(|it| it.field)
                }
                (Some(_), None) if it.part == Part::Partial => None,
                // A later run may have changed it: what was written last counts.
                (Some(actual), Some(_)) if written.contains_key(id) => {
                    written.get(id).and_then(|print| print.changed_in(specs, actual, &digest))
                }
                (Some(actual), Some(expected)) => {
                    let differences = compare(specs, &expected.fields, actual).differences;
                    differences.into_iter().next().map(|difference| difference.field)
                }
                (Some(_), None) => Some(String::new()),
            };
            match changed {
                Some(field) => {
                    let field = (!field.is_empty()).then_some(field);
                    rows.push(Row::quarantined(
                        kind,
                        id,
                        Some(it.ordinal),
                        Reason::TargetConflict.as_str(),
                        field.as_deref(),
                        "It is no longer what was written; it stays.",
                    ));
                }
                None => items.push(RemoveItem {
                    source_id: id.to_owned(),
                    key: record_key(self.space.migration.id(), kind, id),
                    target_id: it.target_id.clone(),
                    begun: begun.contains(id),
                }),
            }
        }
        let ordinals: HashMap<&str, i64> = left.iter().map(|it| (it.id(), it.ordinal)).collect();
        let mut gone = Vec::new();
        let mut held_up = None;
        for Removed { source_id, outcome } in self.way.target.remove(kind, &items, journal).await? {
            let ordinal = ordinals.get(source_id.as_str()).copied();
            let effect = match outcome {
                RemovedOutcome::Removed => "deleted",
                RemovedOutcome::Absent => "none",
                RemovedOutcome::Kept(refusal) => {
                    let (reason, field) = (&refusal.reason, refusal.field.as_deref());
                    let message = &refusal.message;
                    rows.push(Row::quarantined(kind, &source_id, ordinal, reason, field, message));
                    continue;
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
            rows.push(Row::removed(kind, &source_id, ordinal, effect));
            gone.push(source_id);
        }
        Ok((rows, gone, held_up))
    }

    /// The digests of what was written last of records.
    async fn written(&self, kind: Kind, ids: &[String]) -> Result<HashMap<String, Fingerprint>> {
        let mut tx = self.work.begin().await?;
        let rows = tx.record_written_find(self.space, kind.as_str(), ids).await?;
        tx.rollback().await?;
        let print =
            |it: RecordWritten| Some((it.source_id, Fingerprint::from_bytes(&it.fingerprint)?));
        Ok(rows.into_iter().filter_map(print).collect())
    }

    /// What was written of records, in the target's fields.
    async fn expected(&self, made: &[&Made<'_>]) -> Result<HashMap<String, Mapped>> {
        let mut expected: HashMap<String, Mapped> = made
            .iter()
            .filter_map(|it| match self.way.fate(it.stored) {
                Fate::Fitted(mapped) => Some((it.stored.source_id.clone(), mapped)),
                Fate::Excluded(_) | Fate::Refused { .. } => None,
            })
            .collect();
        let mut tx = self.work.begin().await?;
        without_missing(&mut tx, self.space, self.way.target.as_ref(), expected.values_mut())
            .await?;
        tx.rollback().await?;
        Ok(expected)
    }

    /// Enters rows, with the results of calls and the records of which nothing stands any more.
    async fn settle(
        &self,
        kind: Kind,
        rows: Vec<Row>,
        gone: &[String],
        journal: Option<&Journal<'_>>,
    ) -> std::result::Result<(), Stopped> {
        let Self { work, run, space, meter, .. } = *self;
        let entry = Entry { rows, gone, journal, ..Entry::default() };
        Book { work, run, space, meter, basis: &[] }.enter(kind, "take back", entry).await.map(drop)
    }
}

/// A question to our own store that failed in the middle of those to the shop: the work is to be
/// taken up again.
fn away(error: Error) -> ShopError {
    ShopError::Journal(cartage_connectors::JournalError::Store(error.message))
}
