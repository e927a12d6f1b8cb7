//! Targets that are not empty: objects of others that are the same as a record, found by a field that
//! the run names. They are taken over as they are, brought to what the source says, or left alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cartage_connectors::UPDATE_ORDINAL;
use cartage_model::{Kind, Mapped};
use cartage_pipeline::delta::Fingerprint;
use serde_json::Value;

use super::{
    book::Entry,
    ledger::Row,
    load::{Loader, Ready, Stopped},
    patience::Tries,
    update::{BATCH_RECORDS, Change},
};
use crate::{
    app::run::change::{MatchAction, Whose},
    reason::Reason,
    store::record_link::RecordLink,
};

/// Under which name a record is excluded whose like is in the target and is left alone.
const SKIPPED: &str = "matched_in_target";

impl Loader<'_> {
    /// Settles those records of which the target has the like already; gives the others.
    pub(super) async fn match_others(
        &self,
        kind: Kind,
        ready: Vec<Ready>,
    ) -> std::result::Result<Vec<Ready>, Stopped> {
        let rules: Vec<_> = self.match_rules.iter().filter(|rule| rule.kind == kind).collect();
        let (mut open, mut new) = self.without_begun(kind, ready, !rules.is_empty()).await?;
        for rule in rules {
            let values: BTreeSet<String> =
                open.iter().flat_map(|it| values_of(&it.mapped, &rule.field)).collect();
            let values: Vec<String> = values.into_iter().collect();
            if values.is_empty() {
                break;
            }
            let found = self.find(kind, &rule.field, &values).await?;
            let taken = self.taken(kind, &found).await?;
            let mut others = Vec::new();
            let mut given: BTreeSet<String> = BTreeSet::new();
            let mut entry = Entry::default();
            let mut changes = Vec::new();
            for it in open {
                let like: BTreeSet<&String> = values_of(&it.mapped, &rule.field)
                    .iter()
                    .filter_map(|value| found.get(value))
                    .flatten()
                    .collect();
                let id = it.mapped.source_id.clone();
                let foreign: Vec<&String> = like
                    .into_iter()
                    .filter(|target_id| taken.get(*target_id).is_none_or(|owner| *owner == id))
                    .collect();
                let is_given = matches!(foreign.as_slice(), [one] if !given.insert((*one).clone()));
                match (foreign.as_slice(), rule.action) {
                    ([], _) => others.push(it),
                    _ if is_given => {
                        let reason = Reason::TargetConflict.as_str();
                        let message = format!(
                            "Another record has the same {} and got the object of the target.",
                            rule.field
                        );
                        let (field, ordinal) = (Some(rule.field.as_str()), Some(it.ordinal));
                        let row = Row::quarantined(kind, &id, ordinal, reason, field, &message);
                        entry.rows.push(row.found_by(&it.keys));
                    }
                    ([_], MatchAction::Skip) => {
                        let row = Row::excluded(kind, &id, it.ordinal, SKIPPED);
                        entry.rows.push(row.found_by(&it.keys));
                    }
                    ([target_id], MatchAction::Adopt) => {
                        entry.rows.push(Row::adopted(kind, &id, it.ordinal).found_by(&it.keys));
                        entry.links.extend(self.adopted(kind, &it.mapped, target_id));
                        entry.written.extend(self.written(&it.mapped, None));
                    }
                    ([target_id], MatchAction::Update) => {
                        // Its link is entered with what became of it: a run that is taken up again
                        // must not take it for one that is to stay as it is.
                        changes.push(Change {
                            target_id: (*target_id).clone(),
                            is_foreign: true,
                            ordinal: Some(it.ordinal),
                            keys: it.keys,
                            wanted: it.mapped,
                            wanted_hash: Some(it.payload_hash),
                            payload_hash: None,
                            written: None,
                            sent: None,
                            sending: Fingerprint::default(),
                            origin: it.origin,
                        });
                    }
                    (several, _) => {
                        let reason = Reason::TargetConflict.as_str();
                        let message = format!(
                            "{} objects in the target have the same {}.",
                            several.len(),
                            rule.field
                        );
                        let field = Some(rule.field.as_str());
                        let ordinal = Some(it.ordinal);
                        let row = Row::quarantined(kind, &id, ordinal, reason, field, &message);
                        entry.rows.push(row.found_by(&it.keys));
                    }
                }
            }
            self.enter(kind, entry).await?;
            while !changes.is_empty() {
                let rest = changes.split_off(changes.len().min(BATCH_RECORDS));
                let batch = std::mem::replace(&mut changes, rest);
                self.change(kind, batch, &|_, _| Whose::Source).await?;
            }
            open = others;
        }
        new.extend(open);
        new.sort_by_key(|it| it.ordinal);
        Ok(new)
    }

    /// Parts those of which nothing was sent from those that an earlier call may have made: what is
    /// found of these is ours.
    async fn without_begun(
        &self,
        kind: Kind,
        ready: Vec<Ready>,
        is_wanted: bool,
    ) -> std::result::Result<(Vec<Ready>, Vec<Ready>), Stopped> {
        if !is_wanted || ready.is_empty() {
            return Ok((Vec::new(), ready));
        }
        let ids: Vec<String> = ready.iter().map(|it| it.mapped.source_id.clone()).collect();
        let mut tx = self.work.begin().await?;
        let calls = tx.external_call_find(self.space, kind.as_str(), self.run, &ids).await?;
        tx.rollback().await?;
        let making = calls.into_iter().filter(|call| call.call.ordinal < UPDATE_ORDINAL);
        let begun: BTreeSet<String> = making.map(|call| call.call.source_id).collect();
        Ok(ready.into_iter().partition(|it| !begun.contains(&it.mapped.source_id)))
    }

    async fn find(
        &self,
        kind: Kind,
        field: &str,
        values: &[String],
    ) -> std::result::Result<BTreeMap<String, Vec<String>>, Stopped> {
        let mut tries = Tries::new(self.work, self.run);
        loop {
            tries.begin()?;
            match tries.heard(self.way.target.find(kind, field, values).await, None).await? {
                Ok(found) => return Ok(found),
                Err(held_up) => drop(tries.wait(held_up).await?),
            }
        }
    }

    /// Whose some objects are already, by target id.
    async fn taken(
        &self,
        kind: Kind,
        found: &BTreeMap<String, Vec<String>>,
    ) -> std::result::Result<HashMap<String, String>, Stopped> {
        let ids: Vec<String> = found.values().flatten().cloned().collect();
        let mut tx = self.work.begin().await?;
        let known = tx.record_link_known(self.space, kind.as_str(), &ids, &[]).await?;
        tx.rollback().await?;
        Ok(known.into_iter().map(|(source_id, target_id)| (target_id, source_id)).collect())
    }

    /// The links of a record whose object was there before us: no run made it, so none takes it back.
    pub(super) fn adopted(&self, kind: Kind, mapped: &Mapped, target_id: &str) -> Vec<RecordLink> {
        let own = RecordLink {
            role: kind.as_str().to_owned(),
            target_id: target_id.to_owned(),
            create_run: String::new(),
            ..self.link_of(kind, &mapped.source_id)
        };
        let further =
            self.way.target.links_of(mapped, target_id).into_iter().map(|link| RecordLink {
                kind: link.reference.kind.as_str().to_owned(),
                source_id: link.reference.source_id,
                role: link.reference.role,
                target_id: link.target_id,
                create_run: String::new(),
                ..self.link_of(kind, &mapped.source_id)
            });
        std::iter::once(own).chain(further).collect()
    }
}

/// The values of a record in a field by which others are found; `sku` is that of its variants too.
fn values_of(mapped: &Mapped, field: &str) -> Vec<String> {
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let own = text(mapped.fields.get(field));
    let children = mapped.fields.get("variants").and_then(Value::as_array);
    let of_children = children.into_iter().flatten().filter_map(|child| text(child.get(field)));
    own.into_iter().chain(of_children).collect()
}
