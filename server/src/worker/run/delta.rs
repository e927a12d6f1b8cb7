//! Records that an earlier run wrote, in a run that brings them up to date: what the source or the
//! mapping changed is written, what others changed in the target stays or is asked about.

use std::collections::{BTreeMap, HashMap, HashSet};

use cartage_connectors::PARTIAL;
use cartage_model::{Change as ValueChange, Kind};
use cartage_pipeline::delta::{Conflict, Digest, Fingerprint, Kept};
use serde_json::json;

use super::{
    super::records::without_missing,
    book::{Entry, Written},
    journal::Journal,
    ledger::Row,
    load::{Loader, Ready, Stopped},
    patience::Tries,
    update::{BATCH_RECORDS, Change, Settled, Updater, digester},
};
use crate::{
    app::run::change::{KEPT, Whose, conflict_bound, whose},
    error::Result,
    reason::Reason,
    store::{record_conflict::RecordConflict, record_link::RecordLink},
};

/// What is known of records from before.
struct Before {
    links: HashMap<String, RecordLink>,
    written: HashMap<String, Fingerprint>,
    sent: HashMap<String, Fingerprint>,
    open: HashSet<String>,
}

impl Loader<'_> {
    /// Brings those records up to date that have an object in the target; gives the others, which are
    /// to be written.
    pub(super) async fn bring_up(
        &self,
        kind: Kind,
        mut ready: Vec<Ready>,
    ) -> std::result::Result<Vec<Ready>, Stopped> {
        let before = self.before(kind, &ready).await?;
        let is_there = |it: &Ready| {
            // A link without a hash is of a record that was merged, or of an object that was there
            // before us.
            before
                .links
                .get(&it.mapped.source_id)
                .is_some_and(|link| link.payload_hash.is_some() || link.create_run.is_empty())
        };
        let (mut there, new): (Vec<_>, Vec<_>) = ready.drain(..).partition(is_there);
        let mut tx = self.work.begin().await?;
        let records = there.iter_mut().map(|it| &mut it.mapped);
        let target = self.way.target.as_ref();
        let lacking = without_missing(&mut tx, self.space, target, records).await?;
        tx.rollback().await?;
        there.iter_mut().for_each(|it| it.note_lacking(&lacking));
        let digest = digester(self.work, self.space);
        let specs = self.way.target.schema(kind);
        let mut entry = Entry::default();
        let mut due = Vec::new();
        for it in there {
            let id = &it.mapped.source_id;
            let Some(link) = before.links.get(id) else { continue };
            let (written, sent) = (before.written.get(id), before.sent.get(id));
            let wanted = Fingerprint::of(specs, &it.mapped.fields, &digest);
            let is_left = before.open.contains(id) || sent.is_some();
            if written.is_none() && link.payload_hash.is_none() && sent.is_none() {
                // It was there before us: what differs now has been so, and later changes count.
                let (source_id, origin) = (id.clone(), None);
                entry.written.push(Written { source_id, fingerprint: wanted, origin });
                entry.rows.push(Row::adopted(kind, id, it.ordinal).found_by(&it.keys));
            } else if written.is_none() && link.payload_hash.as_ref() == Some(&it.payload_hash) {
                // It was written before digests were kept.
                let (source_id, origin) = (id.clone(), it.origin);
                entry.written.push(Written { source_id, fingerprint: wanted, origin });
                let row = Row::written(kind, it.ordinal, &it.mapped, "unchanged", 1);
                entry.rows.push(row.found_by(&it.keys));
            } else if written == Some(&wanted) && !is_left {
                // It is the same from another source or on another basis.
                let (source_id, origin) = (id.clone(), it.origin);
                entry.written.push(Written { source_id, fingerprint: wanted, origin });
                let row = Row::written(kind, it.ordinal, &it.mapped, "unchanged", 1);
                entry.rows.push(row.found_by(&it.keys));
            } else {
                due.push(Change {
                    target_id: link.target_id.clone(),
                    is_foreign: false,
                    ordinal: Some(it.ordinal),
                    wanted_hash: Some(it.payload_hash),
                    payload_hash: link.payload_hash.clone(),
                    written: written.cloned(),
                    sent: sent.cloned(),
                    sending: Fingerprint::default(),
                    origin: it.origin,
                    keys: it.keys,
                    wanted: it.mapped,
                });
            }
            tokio::task::consume_budget().await;
        }
        self.enter(kind, entry).await?;
        let asked = |kind: Kind, path: &str| whose(self.policies, kind, path);
        while !due.is_empty() {
            let rest = due.split_off(due.len().min(BATCH_RECORDS));
            self.change(kind, std::mem::replace(&mut due, rest), &asked).await?;
        }
        Ok(new)
    }

    async fn before(&self, kind: Kind, ready: &[Ready]) -> Result<Before> {
        let ids: Vec<String> = ready.iter().map(|it| it.mapped.source_id.clone()).collect();
        let mut tx = self.work.begin().await?;
        let links = self.own_links(&mut tx, kind, &ids).await?;
        let written = tx.record_written_find(self.space, kind.as_str(), &ids).await?;
        let migration = &self.space.migration;
        let sent = tx.record_before_unsettled(migration, kind.as_str(), &ids).await?;
        let open = tx.external_call_open(self.space, kind.as_str(), &ids).await?;
        tx.rollback().await?;
        let prints = |rows: Vec<crate::store::record_written::RecordWritten>| {
            rows.into_iter()
                .filter_map(|row| Some((row.source_id, Fingerprint::from_bytes(&row.fingerprint)?)))
                .collect()
        };
        Ok(Before {
            links,
            written: prints(written),
            sent: prints(sent),
            open: open.into_iter().collect(),
        })
    }

    /// Changes records until each has an outcome.
    pub(super) async fn change(
        &self,
        kind: Kind,
        changes: Vec<Change>,
        asked: &(dyn Fn(Kind, &str) -> Whose + Send + Sync),
    ) -> std::result::Result<(), Stopped> {
        let mut left: BTreeMap<String, Change> =
            changes.into_iter().map(|it| (it.id().to_owned(), it)).collect();
        let ids: Vec<String> = left.keys().cloned().collect();
        let mut tx = self.work.begin().await?;
        let decided = tx.record_conflict_find(self.space, kind.as_str(), &ids).await?;
        tx.rollback().await?;
        let decided: HashMap<(String, String), RecordConflict> =
            decided.into_iter().map(|it| ((it.source_id.clone(), it.field.clone()), it)).collect();
        // A person's decision about exactly these values counts before any policy.
        let resolve = |id: &str, field: &str, path: &str, digests: (Digest, Digest)| {
            let known = decided
                .get(&(id.to_owned(), field.to_owned()))
                .filter(|it| it.source_digest == digests.0 && it.target_digest == digests.1);
            match known.map(|it| Whose::parse(&it.resolution)) {
                Some(whose @ (Whose::Source | Whose::Target)) => whose,
                _ => asked(kind, path),
            }
        };
        let updater = Updater {
            work: self.work,
            target: self.way.target.as_ref(),
            run: self.run,
            space: self.space,
            prepared: self.prepared,
        };
        let mut tries = Tries::new(self.work, self.run);
        while !left.is_empty() {
            let attempt = i32::try_from(tries.begin()?).unwrap_or(i32::MAX);
            let journal = Journal::new(self.work, self.space, self.run, kind);
            let (settled, held_up) =
                updater.go_on(kind, &mut left, &resolve, &tries, &journal).await?;
            self.changed(kind, settled, attempt, Some(&journal)).await?;
            if let Some(held_up) = held_up.filter(|_| !left.is_empty()) {
                let given_up = updater.wait(kind, &mut left, &mut tries, held_up).await?;
                self.changed(kind, given_up, attempt, None).await?;
            }
        }
        Ok(())
    }

    /// Enters what became of changes.
    async fn changed(
        &self,
        kind: Kind,
        settled: Vec<(Change, Settled)>,
        attempt: i32,
        journal: Option<&Journal<'_>>,
    ) -> std::result::Result<(), Stopped> {
        let digest = digester(self.work, self.space);
        let specs = self.way.target.schema(kind);
        let mut entry = Entry { journal, ..Entry::default() };
        for (mut change, settled) in settled {
            let id = change.id().to_owned();
            let row = match settled {
                Settled::Done { updated, decision, made, gone, after } => {
                    let after = after.map(|fingerprint| Written {
                        source_id: id.clone(),
                        fingerprint,
                        origin: None,
                    });
                    entry.standing.extend(after);
                    let fingerprint = Fingerprint::of(specs, &change.wanted.fields, &digest);
                    // What the target keeps is said by the run that found it alone.
                    let origin = change.origin.take().filter(|_| decision.kept.is_empty());
                    entry.written.push(Written { source_id: id.clone(), fingerprint, origin });
                    if change.is_foreign {
                        let adopted = self.adopted(kind, &change.wanted, &change.target_id);
                        entry
                            .links
                            .extend(adopted.into_iter().filter(|it| it.role != kind.as_str()));
                    }
                    entry.links.push(self.changed_link(kind, &change));
                    entry.links.extend(made.into_iter().map(|link| RecordLink {
                        kind: link.reference.kind.as_str().to_owned(),
                        source_id: link.reference.source_id,
                        role: link.reference.role,
                        target_id: link.target_id,
                        ..self.link_of(kind, &id)
                    }));
                    entry.links_gone.extend(
                        gone.into_iter()
                            .map(|link| (link.reference.source_id, link.reference.role)),
                    );
                    entry.settled.push(id);
                    change.wanted.changes.extend(decision.kept.into_iter().map(kept));
                    let effect = if updated { "updated" } else { "unchanged" };
                    let ordinal = change.ordinal.unwrap_or_default();
                    Row::written(kind, ordinal, &change.wanted, effect, attempt)
                }
                Settled::Open(conflicts) => {
                    let first = conflicts.first().map(|it| it.field.clone());
                    let message = format!(
                        "{} fields were changed in the source and in the target; ListRecordConflicts shows them.",
                        conflicts.len()
                    );
                    for conflict in conflicts {
                        entry.conflicts.push(self.conflict(kind, &id, &conflict)?);
                    }
                    let reason = Reason::TargetConflict.as_str();
                    Row::quarantined(kind, &id, change.ordinal, reason, first.as_deref(), &message)
                }
                Settled::Absent => {
                    let reason = Reason::TargetConflict.as_str();
                    let message = "Its object is no longer in the target.";
                    Row::quarantined(kind, &id, change.ordinal, reason, None, message)
                }
                Settled::Refused(refusal) => {
                    let (reason, field) = (&refusal.reason, refusal.field.as_deref());
                    Row::quarantined(kind, &id, change.ordinal, reason, field, &refusal.message)
                }
                Settled::Undecided(why) | Settled::GivenUp(why, true) => {
                    Row::unknown(kind, &id, change.ordinal, &why)
                }
                Settled::GivenUp(why, false) => {
                    let reason = Reason::AttemptsExhausted.as_str();
                    Row::quarantined(kind, &id, change.ordinal, reason, None, &why)
                }
            };
            entry.rows.push(row.tried(attempt).found_by(&change.keys));
        }
        self.enter(kind, entry).await
    }

    fn conflict(&self, kind: Kind, source_id: &str, conflict: &Conflict) -> Result<RecordConflict> {
        let values = json!({ "source": conflict.source, "target": conflict.target });
        let bound_to = conflict_bound(&self.work.claim.account, kind, source_id);
        Ok(RecordConflict {
            kind: kind.as_str().to_owned(),
            source_id: source_id.to_owned(),
            field: conflict.field.clone(),
            run: self.run.as_str().to_owned(),
            source_digest: conflict.source_digest.to_vec(),
            target_digest: conflict.target_digest.to_vec(),
            field_values: self.work.app.keys.seal(&serde_json::to_vec(&values)?, &bound_to)?,
            resolution: String::new(),
            resolver: String::new(),
            resolve_time: None,
            create_time: chrono::DateTime::UNIX_EPOCH,
        })
    }

    /// The link of a record's own object, with the hash of what stands there by us now.
    fn changed_link(&self, kind: Kind, change: &Change) -> RecordLink {
        RecordLink {
            role: kind.as_str().to_owned(),
            target_id: change.target_id.clone(),
            payload_hash: change.wanted_hash.clone(),
            // No run made it, so none takes it back.
            create_run: if change.is_foreign { String::new() } else { self.run.to_string() },
            ..self.link_of(kind, change.id())
        }
    }

    /// A link of a record that is filled in by the caller.
    pub(super) fn link_of(&self, kind: Kind, source_id: &str) -> RecordLink {
        RecordLink {
            kind: kind.as_str().to_owned(),
            source_id: source_id.to_owned(),
            role: PARTIAL.to_owned(),
            target_id: String::new(),
            record_source_id: source_id.to_owned(),
            payload_hash: None,
            create_run: self.run.as_str().to_owned(),
            create_time: chrono::DateTime::UNIX_EPOCH,
            update_time: chrono::DateTime::UNIX_EPOCH,
        }
    }
}

fn kept(kept: Kept) -> ValueChange {
    let Kept { field, source, target } = kept;
    ValueChange { field, before: source, after: target, why: KEPT.to_owned() }
}
