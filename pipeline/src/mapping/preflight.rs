//! Preflight: what a run would do to every record, counted before anything is written.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde::{Deserialize, Serialize};

use super::{
    mask::without_indices,
    run::{Failure, MapOutcome},
};

/// How many source ids are shown for one reason.
pub const SAMPLES_MAX: usize = 20;
/// How many reasons are told apart per kind; what comes after is counted together.
const REASONS_MAX: usize = 1_000;
/// What stands for the reasons beyond that.
const OTHERS: &str = "other reasons";

/// Counts records as they come.
#[derive(Debug, Default)]
pub struct Preflight {
    kinds: BTreeMap<Kind, Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    records: u64,
    migrate: u64,
    change: u64,
    exclude: u64,
    quarantine: u64,
    changes: BTreeMap<(String, String), Tally>,
    exclusions: BTreeMap<String, Tally>,
    failures: BTreeMap<(String, Option<String>, String), Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    records: u64,
    samples: Vec<String>,
}

impl Tally {
    fn add(&mut self, source_id: &str) {
        self.records += 1;
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(source_id.to_owned());
        }
    }
}

/// A change that would be made to records of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightChange {
    /// The target field, with `[]` for indices.
    pub field: String,
    /// Why.
    pub why: String,
    /// To how many records.
    pub records: u64,
    /// Source ids of some of them.
    pub samples: Vec<String>,
}

/// A reason for which records of a kind would be left out or quarantined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightReason {
    /// The error reason, or the name of the exclusion.
    pub reason: String,
    /// The target field, where it is about one.
    pub field: Option<String>,
    /// What is wrong, as a sentence; empty for exclusions.
    pub message: String,
    /// How many records.
    pub records: u64,
    /// Source ids of some of them.
    pub samples: Vec<String>,
}

/// What a run would do to the records of a kind. The four counts sum up to `records`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindPreflight {
    /// The kind.
    pub kind: Kind,
    /// How many records were looked at.
    pub records: u64,
    /// How many would be taken over as they are.
    pub would_migrate: u64,
    /// How many would be taken over with changes.
    pub would_change: u64,
    /// How many would be left out by a rule.
    pub would_exclude: u64,
    /// How many would be quarantined.
    pub would_quarantine: u64,
    /// The changes, the most frequent first.
    pub changes: Vec<PreflightChange>,
    /// The exclusions, the most frequent first.
    pub exclusions: Vec<PreflightReason>,
    /// The reasons for quarantine, the most frequent first.
    pub quarantines: Vec<PreflightReason>,
}

impl Preflight {
    /// Counts what would become of a record, after the target's own `fit`; a refusal by it comes
    /// as [`MapOutcome::Failed`].
    pub fn add(&mut self, kind: Kind, source_id: &str, outcome: &MapOutcome) {
        let counts = self.kinds.entry(kind).or_default();
        counts.records += 1;
        match outcome {
            MapOutcome::Mapped(mapped) if mapped.changes.is_empty() => counts.migrate += 1,
            MapOutcome::Mapped(mapped) => {
                counts.change += 1;
                let mut keys: Vec<_> = mapped
                    .changes
                    .iter()
                    .map(|change| (without_indices(&change.field), change.why.clone()))
                    .collect();
                keys.sort();
                keys.dedup();
                for (field, why) in keys {
                    let others = (field.clone(), OTHERS.to_owned());
                    tally(&mut counts.changes, (field, why), others).add(source_id);
                }
            }
            MapOutcome::Excluded { rule } => {
                counts.exclude += 1;
                counts.exclusions.entry(rule.clone()).or_default().add(source_id);
            }
            MapOutcome::Failed(failure) => {
                counts.quarantine += 1;
                let Failure { reason, field, message } = failure.clone();
                let field = field.map(|field| without_indices(&field));
                let others = (reason.clone(), field.clone(), OTHERS.to_owned());
                tally(&mut counts.failures, (reason, field, message), others).add(source_id);
            }
        }
    }

    /// The counts per kind, in the order of loading.
    pub fn finish(self) -> Vec<KindPreflight> {
        self.kinds
            .into_iter()
            .map(|(kind, counts)| KindPreflight {
                kind,
                records: counts.records,
                would_migrate: counts.migrate,
                would_change: counts.change,
                would_exclude: counts.exclude,
                would_quarantine: counts.quarantine,
                changes: sorted(counts.changes, |(field, why), Tally { records, samples }| {
                    PreflightChange { field, why, records, samples }
                }),
                exclusions: sorted(counts.exclusions, |reason, Tally { records, samples }| {
                    PreflightReason {
                        reason,
                        field: None,
                        message: String::new(),
                        records,
                        samples,
                    }
                }),
                quarantines: sorted(
                    counts.failures,
                    |(reason, field, message), Tally { records, samples }| PreflightReason {
                        reason,
                        field,
                        message,
                        records,
                        samples,
                    },
                ),
            })
            .collect()
    }
}

fn tally<K: Ord>(tallies: &mut BTreeMap<K, Tally>, key: K, others: K) -> &mut Tally {
    let known = tallies.contains_key(&key) || tallies.len() < REASONS_MAX;
    tallies.entry(if known { key } else { others }).or_default()
}

fn sorted<K, T>(tallies: BTreeMap<K, Tally>, row: impl Fn(K, Tally) -> T) -> Vec<T> {
    let mut entries: Vec<_> = tallies.into_iter().collect();
    entries.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.records));
    entries.into_iter().map(|(key, tally)| row(key, tally)).collect()
}
