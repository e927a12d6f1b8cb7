//! What a report says. All of it is plain data; serde makes the JSON.

use std::collections::BTreeMap;

use cartage_model::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::verify::{KindVerification, MoneyRow, StockRow};

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The migration's display name.
    pub migration: String,
    /// Its resource name.
    pub migration_name: String,
    /// The run.
    pub run: RunSummary,
    /// The shop that was read.
    pub source: Shop,
    /// The shop that was written.
    pub target: Shop,
    /// The snapshot that was the run's input.
    pub snapshot: SnapshotSummary,
    /// The mapping revision's resource name.
    pub mapping_revision: String,
    /// What became of the records, per kind.
    pub accounting: Vec<KindAccounting>,
    /// What the target cannot hold as its own, said before the run.
    pub losses: Vec<LossRow>,
    /// Records that were quarantined, by cause.
    pub quarantined: Vec<Quarantine>,
    /// What was changed on the way, by field.
    pub changes: Vec<ChangeRow>,
    /// Records that were left out, by rule.
    pub excluded: Vec<Exclusion>,
    /// What was read back, per kind; empty when the run was not verified.
    pub verification: Vec<KindVerification>,
    /// The money, per month and currency.
    pub money: Vec<MoneyRow>,
    /// The money, per currency.
    pub money_totals: Vec<MoneyRow>,
    /// How many orders were left out of the money, by reason.
    pub money_left_out: BTreeMap<String, u64>,
    /// The stock, per location.
    pub stock: Vec<StockRow>,
    /// What the audit of the source found.
    pub audit: Option<AuditSummary>,
    /// How fast it went, per kind.
    pub throughput: Vec<Throughput>,
    /// When the report was made.
    pub created_at: DateTime<Utc>,
}

/// The run a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its resource name.
    pub name: String,
    /// `TEST`, `LIVE`, `DELTA`, `REAPPLY` or `ROLLBACK`.
    pub kind: String,
    /// Its state, as the API names it.
    pub state: String,
    /// When it began to work.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether personal data was masked.
    pub masked: bool,
}

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shop {
    /// Its display name.
    pub name: String,
    /// Its platform.
    pub platform: String,
    /// Its public address, without credentials.
    pub address: Option<String>,
}

/// The snapshot a run read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSummary {
    /// Its resource name.
    pub name: String,
    /// The BLAKE3 digest of its manifest.
    pub digest: String,
    /// When it was taken.
    pub taken_at: Option<DateTime<Utc>>,
}

/// What became of the records of a kind: each has one outcome and one effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindAccounting {
    /// The kind.
    pub kind: Kind,
    /// How many records are in scope, as the snapshot counts them.
    pub records: u64,
    /// Outcome: taken over as they are.
    pub migrated: u64,
    /// Outcome: taken into another record.
    pub merged: u64,
    /// Outcome: taken over with changes.
    pub changed: u64,
    /// Outcome: left out by a rule.
    pub excluded: u64,
    /// Outcome: not taken over because of an error.
    pub quarantined: u64,
    /// Outcome: what became of it cannot be decided.
    pub unknown: u64,
    /// Effect: an object was made.
    pub created: u64,
    /// Effect: an object was changed.
    pub updated: u64,
    /// Effect: an object was there as it should be.
    pub unchanged: u64,
    /// Effect: an object was taken away.
    pub deleted: u64,
    /// Effect: nothing was done.
    pub none: u64,
}

impl KindAccounting {
    /// Nothing counted yet.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            records: 0,
            migrated: 0,
            merged: 0,
            changed: 0,
            excluded: 0,
            quarantined: 0,
            unknown: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            deleted: 0,
            none: 0,
        }
    }

    /// How many records have an outcome.
    pub const fn accounted(&self) -> u64 {
        self.migrated + self.merged + self.changed + self.excluded + self.quarantined + self.unknown
    }

    /// By how many the outcomes miss the records; more outcomes than records count too.
    pub const fn unaccounted(&self) -> u64 {
        self.records.abs_diff(self.accounted())
    }
}

/// Something the target cannot hold as its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossRow {
    /// The kind.
    pub kind: Kind,
    /// The canonical field.
    pub field: String,
    /// Whether the value is kept as metadata.
    pub kept_as_metadata: bool,
    /// What happens instead, as a sentence.
    pub about: String,
    /// How many records it concerns, where it was counted.
    pub records: Option<u64>,
}

/// Records that were quarantined for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The kind.
    pub kind: Kind,
    /// The error reason.
    pub reason: String,
    /// The field it is about, where it is about one.
    pub field: Option<String>,
    /// What is wrong, as a sentence without personal data.
    pub message: String,
    /// How many records.
    pub records: u64,
    /// Source ids of some of them.
    pub samples: Vec<String>,
}

/// A change that was made to records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// The kind.
    pub kind: Kind,
    /// The target field.
    pub field: String,
    /// Why.
    pub why: String,
    /// To how many records.
    pub records: u64,
    /// Source ids of some of them.
    pub samples: Vec<String>,
}

/// Records that were left out by one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The kind.
    pub kind: Kind,
    /// The rule's name.
    pub rule: String,
    /// How many records.
    pub records: u64,
    /// Source ids of some of them.
    pub samples: Vec<String>,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSummary {
    /// How many findings there are.
    pub findings: u64,
    /// How many per severity.
    pub by_severity: BTreeMap<String, u64>,
    /// The rules with the most findings, the most frequent first.
    pub top_rules: Vec<AuditRule>,
}

/// A rule with its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRule {
    /// Its id.
    pub rule: String,
    /// Its severity.
    pub severity: String,
    /// What it looks for.
    pub title: String,
    /// How many findings.
    pub findings: u64,
}

/// How fast records of a kind were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throughput {
    /// The kind.
    pub kind: Kind,
    /// How many records were worked on.
    pub records: u64,
    /// How many calls that write were made.
    pub calls: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
