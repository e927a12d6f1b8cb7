//! Bringing objects that stand in the target to other values.
//!
//! An object is read first, and decided leaf by leaf what of it is to change. What stands there is
//! noted before anything is sent, so that a rollback can bring it back; a worker that takes the work up
//! again reads anew and sends what is left.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cartage_connectors::{
    JournaledCall, Link, Reference, Refusal, Target, UPDATE_ORDINAL, UpdateItem, WrittenOutcome,
    record_key,
};
use cartage_model::{Kind, Mapped};
use cartage_pipeline::delta::{Conflict, Decision, Digest, Fingerprint, Known, decide};
use serde_json::{Map, Value};

use super::{
    super::Work,
    book::Origin,
    journal::Journal,
    load::Stopped,
    patience::{HeldUp, Tries, UsedUp},
};
use crate::{
    app::{record_key::Key, run::change::Whose},
    error::Result,
    name::Name,
    store::{record_link::LinkSpace, record_written::RecordBefore},
};

/// How many objects are read and changed at once.
pub(super) const BATCH_RECORDS: usize = 50;

/// A record whose object is to be brought to other values.
pub(super) struct Change {
    pub(super) target_id: String,
    /// Whether it is of others, and its record has no link yet.
    pub(super) is_foreign: bool,
    pub(super) ordinal: Option<i64>,
    pub(super) keys: Vec<Key>,
    /// What it shall be.
    pub(super) wanted: Mapped,
    /// The hash of that, as it was mapped.
    pub(super) wanted_hash: Option<String>,
    /// The hash of what was written until now.
    pub(super) payload_hash: Option<String>,
    /// What was written last, and what was being sent by a run that was cut off.
    pub(super) written: Option<Fingerprint>,
    pub(super) sent: Option<Fingerprint>,
    /// What this run sends of it, in all its tries.
    pub(super) sending: Fingerprint,
    /// What its form was made from.
    pub(super) origin: Option<Origin>,
}

impl Change {
    pub(super) fn id(&self) -> &str {
        &self.wanted.source_id
    }
}

/// What became of a change.
pub(super) enum Settled {
    /// The object is as wanted, as far as it was to be changed: which fields others changed and keep.
    Done {
        updated: bool,
        decision: Decision,
        made: Vec<Link>,
        gone: Vec<Link>,
        /// What stands there now, where it was changed and could be read.
        after: Option<Fingerprint>,
    },
    /// Fields that nobody decided; nothing was changed.
    Open(Vec<Conflict>),
    /// The object is no longer in the target.
    Absent,
    /// The target will not have it.
    Refused(Refusal),
    /// What an earlier call did cannot be decided.
    Undecided(String),
    /// Its tries are used up; whether a call of it has no result.
    GivenUp(String, bool),
}

/// Whose value counts in a record: by its id, the field, its path in the schema, and the digests.
pub(super) type Resolve<'a> =
    dyn Fn(&str, &str, &str, (Digest, Digest)) -> Whose + Send + Sync + 'a;

/// What changing records needs.
pub(super) struct Updater<'a> {
    pub(super) work: &'a Work,
    pub(super) target: &'a dyn Target,
    pub(super) run: &'a Name,
    pub(super) space: &'a LinkSpace,
    pub(super) prepared: &'a Value,
}

/// Makes the digests of what is written to a target.
pub(super) fn digester(work: &Work, space: &LinkSpace) -> impl Fn(&str) -> Digest + Send + Sync {
    let keys = std::sync::Arc::clone(&work.app.keys);
    let bound_to = format!("{}\nwritten\n{}", space.migration, space.target);
    move |text| {
        let mut digest = Digest::default();
        let full = keys.digest(text, &bound_to);
        digest.copy_from_slice(full.first_chunk().unwrap_or(&[0; 8]));
        digest
    }
}

/// To what the sealed fields of a record's object are bound.
pub(super) fn bound(account: &str, kind: Kind, source_id: &str) -> String {
    format!("{account}\nbefore\n{kind}\n{source_id}")
}

impl Updater<'_> {
    /// Goes on with some changes for one try. Those that are settled are taken out and given, with what
    /// holds up the others; the journal holds the results of their calls.
    pub(super) async fn go_on(
        &self,
        kind: Kind,
        left: &mut BTreeMap<String, Change>,
        resolve: &Resolve<'_>,
        tries: &Tries<'_>,
        journal: &Journal<'_>,
    ) -> std::result::Result<(Vec<(Change, Settled)>, Option<HeldUp>), Stopped> {
        let ids: Vec<String> = left.values().map(|it| it.target_id.clone()).collect();
        let read = match tries.heard(self.target.read_back(kind, &ids).await, None).await? {
            Ok(read) => read,
            Err(held_up) => return Ok((Vec::new(), Some(held_up))),
        };
        let mut there: HashMap<String, Map<String, Value>> =
            read.into_iter().filter_map(|one| Some((one.target_id, one.fields?))).collect();
        let mut settled = Vec::new();
        let mut due: BTreeMap<String, (Decision, Map<String, Value>)> = BTreeMap::new();
        let digest = digester(self.work, self.space);
        let specs = self.target.schema(kind);
        for (id, change) in std::mem::take(left) {
            let Some(current) = there.remove(&change.target_id) else {
                settled.push((change, Settled::Absent));
                continue;
            };
            let known = Known { written: change.written.as_ref(), sent: change.sent.as_ref() };
            let by = |field: &str, path: &str, digests: (Digest, Digest)| {
                resolve(&id, field, path, digests).into()
            };
            let decision = decide(specs, known, &change.wanted.fields, &current, &digest, &by);
            if !decision.conflicts.is_empty() {
                settled.push((change, Settled::Open(decision.conflicts)));
            } else if decision.changed.is_empty() {
                let (made, gone) = Default::default();
                let after = None;
                settled
                    .push((change, Settled::Done { updated: false, decision, made, gone, after }));
            } else {
                due.insert(id.clone(), (decision, current));
                left.insert(id, change);
            }
            tokio::task::consume_budget().await;
        }
        if due.is_empty() {
            return Ok((settled, None));
        }
        let items = self.items(kind, left, &due).await?;
        let answer = self.target.update(self.prepared, kind, items, journal).await;
        let written = match tries.heard(answer, Some(journal)).await? {
            Ok(written) => written,
            Err(held_up) => return Ok((settled, Some(held_up))),
        };
        let (mut postponed, mut deferred, mut retry_longest) = (None, None, None);
        let mut records = BTreeSet::new();
        for one in written {
            let outcome = match one.outcome {
                WrittenOutcome::Created(made) => (made, Vec::new()),
                WrittenOutcome::Updated { made, gone } => (made, gone),
                WrittenOutcome::Refused(refusal) => {
                    let change = left.remove(&one.source_id);
                    settled.extend(change.map(|change| (change, Settled::Refused(refusal))));
                    continue;
                }
                WrittenOutcome::Undecided(why) => {
                    let change = left.remove(&one.source_id);
                    settled.extend(change.map(|change| (change, Settled::Undecided(why))));
                    continue;
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
            let (made, gone) = outcome;
            let decided = due.remove(&one.source_id);
            if let (Some(change), Some((decision, _))) = (left.remove(&one.source_id), decided) {
                let after = None;
                settled
                    .push((change, Settled::Done { updated: true, decision, made, gone, after }));
            }
        }
        self.look_after(kind, &mut settled, tries).await?;
        let held_up = match (postponed, deferred) {
            (Some(why), _) => HeldUp::Postponed { why, records },
            (None, why) => {
                HeldUp::Deferred { why: why.unwrap_or_default(), retry_after: retry_longest }
            }
        };
        Ok((settled, Some(held_up)))
    }

    /// Notes what stands in the target after changes: what it made of them is not always what was sent,
    /// and a rollback must know whether others came after. Where it cannot be read now, what was sent
    /// counts.
    async fn look_after(
        &self,
        kind: Kind,
        settled: &mut [(Change, Settled)],
        tries: &Tries<'_>,
    ) -> std::result::Result<(), Stopped> {
        let changed = |one: &Settled| matches!(one, Settled::Done { updated: true, .. });
        let ids: Vec<String> = settled
            .iter()
            .filter(|(_, one)| changed(one))
            .map(|(change, _)| change.target_id.clone())
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let Ok(read) = tries.heard(self.target.read_back(kind, &ids).await, None).await? else {
            return Ok(());
        };
        let there: HashMap<String, Map<String, Value>> =
            read.into_iter().filter_map(|one| Some((one.target_id, one.fields?))).collect();
        let digest = digester(self.work, self.space);
        let specs = self.target.schema(kind);
        for (change, one) in settled {
            if let Settled::Done { updated: true, after, .. } = one {
                // What others changed meanwhile is none of ours.
                let fields = there.get(&change.target_id);
                *after =
                    fields.map(|it| Fingerprint::of(specs, it, &digest).where_in(&change.sending));
            }
        }
        Ok(())
    }

    /// Waits for the next try; gives those whose tries are used up.
    pub(super) async fn wait(
        &self,
        kind: Kind,
        left: &mut BTreeMap<String, Change>,
        tries: &mut Tries<'_>,
        held_up: HeldUp,
    ) -> std::result::Result<Vec<(Change, Settled)>, Stopped> {
        let Some(UsedUp { why, records }) = tries.wait(held_up).await? else {
            return Ok(Vec::new());
        };
        let ids: Vec<String> = records.iter().cloned().collect();
        let mut tx = self.work.begin().await?;
        let open = tx.external_call_open(self.space, kind.as_str(), &ids).await?;
        tx.rollback().await?;
        let given_up = records.iter().filter_map(|id| {
            let change = left.remove(id)?;
            Some((change, Settled::GivenUp(why.clone(), open.contains(id))))
        });
        Ok(given_up.collect())
    }

    /// What is to be sent, with what is there noted before.
    async fn items(
        &self,
        kind: Kind,
        left: &mut BTreeMap<String, Change>,
        due: &BTreeMap<String, (Decision, Map<String, Value>)>,
    ) -> Result<Vec<UpdateItem>> {
        let digest = digester(self.work, self.space);
        let specs = self.target.schema(kind);
        let account = &self.work.claim.account;
        let mut before = Vec::with_capacity(due.len());
        let mut items = Vec::with_capacity(due.len());
        let ids: Vec<String> = due.keys().cloned().collect();
        let mut tx = self.work.begin().await?;
        let known = tx.record_before_sent(self.run, kind.as_str(), &ids).await?;
        tx.rollback().await?;
        let known: HashMap<String, Fingerprint> = known
            .into_iter()
            .filter_map(|it| Some((it.source_id, Fingerprint::from_bytes(&it.fingerprint)?)))
            .collect();
        for (id, (decision, current)) in due {
            let Some(change) = left.get_mut(id) else { continue };
            let sends = Fingerprint::of(specs, &decision.fields, &digest);
            let sends = sends.within(&decision.changed);
            change.sending = match known.get(id) {
                Some(earlier) => sends.over(earlier),
                None => sends,
            };
            before.push(RecordBefore {
                source_id: id.clone(),
                target_id: change.target_id.clone(),
                fields: self
                    .work
                    .app
                    .keys
                    .seal(&serde_json::to_vec(current)?, &bound(account, kind, id))?,
                payload_hash: change.payload_hash.clone(),
                fingerprint: change.written.as_ref().map(Fingerprint::to_bytes),
                sent: change.sending.to_bytes(),
                was_linked: !change.is_foreign,
            });
            let fields = decision.fields.clone();
            items.push(UpdateItem {
                source_id: id.clone(),
                key: record_key(self.space.migration.id(), kind, id),
                target_id: change.target_id.clone(),
                mapped: Mapped { fields, ..change.wanted.clone() },
                current: current.clone(),
                links: BTreeMap::new(),
                calls: Vec::new(),
            });
        }
        // What it refers to now is needed too: it may have to be let go.
        let references: Vec<BTreeSet<Reference>> = items
            .iter()
            .map(|item| {
                let current = Mapped { fields: item.current.clone(), ..item.mapped.clone() };
                let both = [&item.mapped, &current].map(|it| self.target.references(it));
                both.into_iter().flatten().collect()
            })
            .collect();
        let wanted: BTreeSet<(String, String, String)> = references
            .iter()
            .flatten()
            .map(|r| (r.kind.as_str().to_owned(), r.source_id.clone(), r.role.clone()))
            .collect();
        let mut tx = self.work.begin().await?;
        tx.record_before_put(self.run, kind.as_str(), &before).await?;
        let links =
            tx.record_link_find(self.space, &wanted.into_iter().collect::<Vec<_>>()).await?;
        let own = tx.record_link_of_records(self.space, kind.as_str(), &ids).await?;
        let calls = tx.external_call_find(self.space, kind.as_str(), self.run, &ids).await?;
        self.work.commit(tx).await?;
        let links: BTreeMap<(String, String, String), String> = links
            .into_iter()
            .map(|link| ((link.kind, link.source_id, link.role), link.target_id))
            .collect();
        let mut journaled: HashMap<String, Vec<JournaledCall>> = HashMap::new();
        for call in calls.into_iter().filter(|call| call.call.ordinal >= UPDATE_ORDINAL) {
            journaled.entry(call.call.source_id.clone()).or_default().push(call);
        }
        for (item, references) in items.iter_mut().zip(references) {
            item.calls = journaled.remove(&item.source_id).unwrap_or_default();
            let found = references.into_iter().filter_map(|r| {
                let key = (r.kind.as_str().to_owned(), r.source_id.clone(), r.role.clone());
                links.get(&key).map(|target_id| (r, target_id.clone()))
            });
            item.links.extend(found);
            let of_record = own.iter().filter(|link| link.record_source_id == item.source_id);
            item.links.extend(of_record.map(|link| {
                let (source_id, role) = (link.source_id.clone(), link.role.clone());
                (Reference { kind, source_id, role }, link.target_id.clone())
            }));
        }
        Ok(items)
    }
}
