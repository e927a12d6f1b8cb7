//! Bringing objects back to what they were before runs changed them: those that no run made, or an
//! earlier one than the ROLLBACK run takes back. What others changed since is left alone and listed.

use std::collections::{BTreeMap, HashMap};

use cartage_connectors::Target;
use cartage_model::{Kind, Mapped};
use cartage_pipeline::delta::{Digest, Fingerprint};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    super::Work,
    book::{Book, Entry},
    journal::Journal,
    ledger::Row,
    load::Stopped,
    meter::Meter,
    patience::Tries,
    update::{BATCH_RECORDS, Change, Settled, Updater, bound},
};
use crate::{
    app::run::change::Whose,
    error::{Error, Result},
    name::Name,
    reason::Reason,
    store::{
        record_link::{LinkSpace, RecordLink},
        record_written::RecordStood,
    },
};

/// Brings back what the runs of a ROLLBACK run changed.
pub(super) struct Restorer<'a> {
    pub(super) work: &'a Work,
    pub(super) target: &'a dyn Target,
    pub(super) run: &'a Name,
    pub(super) of: &'a [String],
    pub(super) space: &'a LinkSpace,
    pub(super) prepared: &'a Value,
    pub(super) meter: &'a Mutex<Meter>,
}

impl Restorer<'_> {
    /// Everything of a kind that has no row yet.
    pub(super) async fn kind(&self, kind: Kind) -> std::result::Result<(), Stopped> {
        self.meter.lock().await.begin(kind.as_str());
        let limit = i64::try_from(BATCH_RECORDS).unwrap_or(i64::MAX);
        let mut after = String::new();
        loop {
            self.work.go_on()?;
            let mut tx = self.work.begin().await?;
            let place = (self.run, after.as_str());
            let page =
                tx.record_before_page(self.space, self.of, kind.as_str(), place, limit).await?;
            tx.rollback().await?;
            if page.is_empty() {
                return Ok(());
            }
            after = page.last().map(|it| it.source_id.clone()).unwrap_or_default();
            self.batch(kind, page).await?;
        }
    }

    async fn batch(&self, kind: Kind, page: Vec<RecordStood>) -> std::result::Result<(), Stopped> {
        let mut left = self.changes(kind, &page).await?;
        let before: HashMap<String, RecordStood> =
            page.into_iter().map(|it| (it.source_id.clone(), it)).collect();
        let updater = Updater {
            work: self.work,
            target: self.target,
            run: self.run,
            space: self.space,
            prepared: self.prepared,
        };
        let resolve = |_: &str, _: &str, _: &str, _: (Digest, Digest)| Whose::Ask;
        let mut tries = Tries::new(self.work, self.run);
        while !left.is_empty() {
            let attempt = i32::try_from(tries.begin()?).unwrap_or(i32::MAX);
            let journal = Journal::new(self.work, self.space, self.run, kind);
            let (settled, held_up) =
                updater.go_on(kind, &mut left, &resolve, &tries, &journal).await?;
            self.restored(kind, settled, &before, attempt, Some(&journal)).await?;
            if let Some(held_up) = held_up.filter(|_| !left.is_empty()) {
                let given_up = updater.wait(kind, &mut left, &mut tries, held_up).await?;
                self.restored(kind, given_up, &before, attempt, None).await?;
            }
        }
        Ok(())
    }

    /// What each is to become again, and what was written of it last.
    async fn changes(&self, kind: Kind, page: &[RecordStood]) -> Result<BTreeMap<String, Change>> {
        let ids: Vec<String> = page.iter().map(|it| it.source_id.clone()).collect();
        let mut tx = self.work.begin().await?;
        let written = tx.record_written_find(self.space, kind.as_str(), &ids).await?;
        tx.rollback().await?;
        let mut written: HashMap<String, Fingerprint> = written
            .into_iter()
            .filter_map(|it| Some((it.source_id, Fingerprint::from_bytes(&it.fingerprint)?)))
            .collect();
        let account = &self.work.claim.account;
        let mut changes = BTreeMap::new();
        for it in page {
            let id = it.source_id.clone();
            let opened = self.work.app.keys.open_sealed(&it.fields, &bound(account, kind, &id));
            let opened =
                opened.ok_or_else(|| Error::internal("a before-image cannot be opened"))?;
            changes.insert(
                id.clone(),
                Change {
                    target_id: it.target_id.clone(),
                    is_foreign: false,
                    ordinal: None,
                    keys: Vec::new(),
                    wanted: Mapped {
                        kind,
                        source_id: id.clone(),
                        fields: serde_json::from_slice(&opened)?,
                        changes: Vec::new(),
                    },
                    wanted_hash: it.payload_hash.clone(),
                    payload_hash: it.payload_hash.clone(),
                    written: written.remove(&id),
                    // What a run that was cut off had begun to send is ours too.
                    sent: it
                        .sents
                        .iter()
                        .filter_map(|one| Fingerprint::from_bytes(one))
                        .reduce(|earlier, later| later.over(&earlier)),
                    sending: Fingerprint::default(),
                    origin: None,
                },
            );
        }
        Ok(changes)
    }

    async fn restored(
        &self,
        kind: Kind,
        settled: Vec<(Change, Settled)>,
        before: &HashMap<String, RecordStood>,
        attempt: i32,
        journal: Option<&Journal<'_>>,
    ) -> std::result::Result<(), Stopped> {
        let mut entry = Entry { journal, ..Entry::default() };
        let conflict = |id: &str, field: Option<&str>, message: &str| {
            Row::quarantined(kind, id, None, Reason::TargetConflict.as_str(), field, message)
        };
        for (change, settled) in settled {
            let id = change.id();
            let row = match settled {
                Settled::Done { updated, made, gone, .. } => {
                    entry.restored.extend(before.get(id).cloned());
                    entry.restored_of = self.of;
                    entry.links.extend(made.into_iter().map(|link| RecordLink {
                        kind: link.reference.kind.as_str().to_owned(),
                        source_id: link.reference.source_id,
                        role: link.reference.role,
                        target_id: link.target_id,
                        record_source_id: id.to_owned(),
                        payload_hash: None,
                        create_run: self.run.to_string(),
                        create_time: chrono::DateTime::UNIX_EPOCH,
                        update_time: chrono::DateTime::UNIX_EPOCH,
                    }));
                    entry.links_gone.extend(
                        gone.into_iter()
                            .map(|link| (link.reference.source_id, link.reference.role)),
                    );
                    Row::removed(kind, id, None, if updated { "updated" } else { "unchanged" })
                }
                Settled::Open(conflicts) => {
                    let field = conflicts.first().map(|it| it.field.as_str());
                    conflict(id, field, "It is no longer what was written; it stays.")
                }
                Settled::Absent => conflict(id, None, "Its object is no longer in the target."),
                Settled::Refused(refusal) => {
                    let (reason, field) = (&refusal.reason, refusal.field.as_deref());
                    Row::quarantined(kind, id, None, reason, field, &refusal.message)
                }
                Settled::Undecided(why) | Settled::GivenUp(why, true) => {
                    Row::unknown(kind, id, None, &why)
                }
                Settled::GivenUp(why, false) => {
                    Row::quarantined(kind, id, None, Reason::AttemptsExhausted.as_str(), None, &why)
                }
            };
            entry.rows.push(row.tried(attempt));
        }
        let Self { work, run, space, meter, .. } = *self;
        Book { work, run, space, meter, basis: &[] }.enter(kind, "take back", entry).await.map(drop)
    }
}
