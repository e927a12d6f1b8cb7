//! What an audit says while it works, and at its end.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde::{Deserialize, Serialize};

use super::Severity;

/// One thing an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that found it.
    pub rule_id: String,
    /// How much it matters.
    pub severity: Severity,
    /// The kind of record.
    pub kind: Kind,
    /// The canonical field as a path; none when it is about the whole record.
    pub field: Option<String>,
    /// The record.
    pub source_id: String,
    /// What was seen, personal data masked.
    pub evidence: Option<String>,
    /// How it is usually repaired.
    pub repair: String,
}

/// What became of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// The rule.
    pub rule_id: String,
    /// Its severity.
    pub severity: Severity,
    /// Its kind of record.
    pub kind: Kind,
    /// How many findings it has, also those beyond the most that are sent one by one.
    pub count: u64,
    /// How many were sent one by one.
    pub sent: u64,
    /// Why it could not be asked to its end; the counts are then of what was found before.
    pub error: Option<String>,
}

/// What happens in an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// A rule is asked now.
    RuleStarted {
        /// The rule.
        rule_id: String,
        /// Its place, from 1.
        number: usize,
        /// How many rules there are.
        of: usize,
    },
    /// A rule found something.
    Finding(Finding),
    /// A rule was asked to its end, or failed.
    RuleFinished(RuleOutcome),
}

/// How many records say something in a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldCompleteness {
    /// The field: a column of the kind's root table.
    pub field: String,
    /// Records that say something in it.
    pub filled: u64,
}

/// What there is of one kind, and how well it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindStatistics {
    /// Which kind.
    pub kind: Kind,
    /// Canonical records.
    pub records: u64,
    /// Records that could not be read.
    pub unreadable: u64,
    /// How many of the canonical records say something, by field.
    pub completeness: Vec<FieldCompleteness>,
    /// Findings by severity.
    pub findings: BTreeMap<Severity, u64>,
    /// From 0 to 100: what part of the kind's records is free of findings, an error counting
    /// whole, a warning a quarter and an information a fiftieth:
    /// `100 - 100 * sum over rules of weight * min(findings, total) / total`, not below 0, rounded
    /// down; `total` counts canonical and unreadable records.
    pub health_score: u32,
}

/// What an audit found, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSummary {
    /// Every rule that was asked.
    pub rules: Vec<RuleOutcome>,
    /// Every kind there is.
    pub kinds: Vec<KindStatistics>,
    /// All findings.
    pub findings: u64,
    /// Whether the caller stopped it before its end.
    pub stopped: bool,
}
