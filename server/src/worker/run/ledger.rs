//! Rows of the ledger, by outcome.

use cartage_engine::accounting::Outcome;
use cartage_model::{Kind, Mapped};
use cartage_pipeline::snapshot::UnreadableRecord;
use serde_json::{Value, json};

use crate::{
    app::record_key::Key,
    store::{record_key::RecordKey, run_record::RunRecord},
};

/// Why a record that was not written is in the target.
const ADOPTED: &str = "adopted";

/// A row of the ledger to be written, and by what its record is found.
#[derive(Clone, Debug)]
pub(super) struct Row(RunRecord, Vec<Key>);

impl Row {
    fn new(kind: Kind, source_id: &str, ordinal: Option<i64>, outcome: Outcome) -> Self {
        let record = RunRecord {
            kind: kind.as_str().to_owned(),
            source_id: source_id.to_owned(),
            ordinal,
            outcome: outcome.as_str().to_owned(),
            effect: "none".to_owned(),
            reason: None,
            detail: Value::Object(serde_json::Map::new()),
            attempt_count: 1,
            finish_time: chrono::DateTime::UNIX_EPOCH,
        };
        Self(record, Vec::new())
    }

    pub(super) fn excluded(kind: Kind, source_id: &str, ordinal: i64, rule: &str) -> Self {
        let mut row = Self::new(kind, source_id, Some(ordinal), Outcome::Excluded);
        row.0.reason = Some(rule.to_owned());
        row
    }

    /// A record that is not in the snapshot and whose object stays.
    pub(super) fn left(kind: Kind, source_id: &str, rule: &str) -> Self {
        let mut row = Self::new(kind, source_id, None, Outcome::Excluded);
        row.0.reason = Some(rule.to_owned());
        row
    }

    pub(super) fn merged(kind: Kind, source_id: &str, ordinal: i64, into: &str) -> Self {
        let mut row = Self::new(kind, source_id, Some(ordinal), Outcome::Merged);
        row.0.reason = Some("same_identity".to_owned());
        row.0.detail = json!({ "merged_into": into });
        row
    }

    pub(super) fn quarantined(
        kind: Kind,
        source_id: &str,
        ordinal: Option<i64>,
        reason: &str,
        field: Option<&str>,
        message: &str,
    ) -> Self {
        let mut row = Self::new(kind, source_id, ordinal, Outcome::Quarantined);
        row.0.reason = Some(reason.to_owned());
        row.0.detail = json!({ "field": field, "message": message });
        row
    }

    pub(super) fn unknown(
        kind: Kind,
        source_id: &str,
        ordinal: Option<i64>,
        message: &str,
    ) -> Self {
        let mut row = Self::new(kind, source_id, ordinal, Outcome::Unknown);
        row.0.reason = Some("OUTCOME_UNKNOWN".to_owned());
        row.0.detail = json!({ "message": message });
        row
    }

    /// A record that stands in the target.
    pub(super) fn written(
        kind: Kind,
        ordinal: i64,
        mapped: &Mapped,
        effect: &str,
        attempt: i32,
    ) -> Self {
        let changed = !mapped.changes.is_empty();
        let outcome = if changed { Outcome::Changed } else { Outcome::Migrated };
        let mut row = Self::new(kind, &mapped.source_id, Some(ordinal), outcome);
        effect.clone_into(&mut row.0.effect);
        row.0.attempt_count = attempt;
        if changed {
            row.0.reason = Some("values_changed".to_owned());
            row.0.detail = json!({ "changes": super::load::changes_json(mapped) });
        }
        row
    }

    /// A record that was in the target before, by an imported link. Nothing of it was written, so
    /// nothing of it was changed.
    pub(super) fn adopted(kind: Kind, source_id: &str, ordinal: i64) -> Self {
        let mut row = Self::new(kind, source_id, Some(ordinal), Outcome::Migrated);
        "unchanged".clone_into(&mut row.0.effect);
        row.0.reason = Some(ADOPTED.to_owned());
        row
    }

    /// By what the record is found.
    pub(super) fn found_by(mut self, keys: &[Key]) -> Self {
        self.1.extend_from_slice(keys);
        self
    }

    /// A record whose object is no longer in the target.
    pub(super) fn removed(kind: Kind, source_id: &str, ordinal: Option<i64>, effect: &str) -> Self {
        let mut row = Self::new(kind, source_id, ordinal, Outcome::Migrated);
        effect.clone_into(&mut row.0.effect);
        row
    }

    pub(super) fn source_id(&self) -> &str {
        &self.0.source_id
    }

    pub(super) fn tried(mut self, attempt: i32) -> Self {
        self.0.attempt_count = attempt;
        self
    }

    pub(super) fn into_parts(self) -> (RunRecord, Vec<RecordKey>) {
        let Self(record, keys) = self;
        let keys = keys.into_iter().map(|Key { key_type, digest }| RecordKey {
            kind: record.kind.clone(),
            source_id: record.source_id.clone(),
            key_type,
            digest,
        });
        let keys = keys.collect();
        (record, keys)
    }
}

/// A row for a record that could not be read. Its id can be that of another record, read or not:
/// two records with one id are two records, so this one is told apart by its place.
pub(super) fn unreadable_row(record: &UnreadableRecord, taken: bool) -> Row {
    let id = if taken {
        format!("{}~{}", record.source_id, record.ordinal)
    } else {
        record.source_id.clone()
    };
    let cause = &record.cause;
    let field = cause.field.as_deref();
    Row::quarantined(record.kind, &id, None, &cause.reason, field, &cause.message)
}
