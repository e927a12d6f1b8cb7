//! The verification of all records of a kind, summed up.

use cartage_model::Kind;
use serde::{Deserialize, Serialize};

use super::Comparison;
use crate::mapping::without_indices;

/// How many source ids are shown per field.
const SAMPLES_MAX: usize = 20;
/// How many fields are told apart; what comes after is counted as `other fields`.
const FIELDS_MAX: usize = 500;

/// A field that differs in some records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDifferences {
    /// The field, with `[]` for indices.
    pub field: String,
    /// In how many places it differs.
    pub count: u64,
    /// Source ids of some records.
    pub samples: Vec<String>,
}

/// What verification found for a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindVerification {
    /// The kind.
    pub kind: Kind,
    /// How many records should stand in the target.
    pub expected: u64,
    /// How many were read back and compared.
    pub compared: u64,
    /// How many are as they should be.
    pub equal: u64,
    /// How many differ in some field.
    pub different: u64,
    /// How many are not there.
    pub missing: u64,
    /// How many carry a key of this migration and belong to no record of the ledger.
    pub unexpected: u64,
    /// How many live objects share a key with another one.
    pub duplicated: u64,
    /// How many fields were compared in all.
    pub fields_compared: u64,
    /// Where records differ, the most frequent first.
    pub differences: Vec<FieldDifferences>,
}

impl KindVerification {
    /// Nothing found yet.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            expected: 0,
            compared: 0,
            equal: 0,
            different: 0,
            missing: 0,
            unexpected: 0,
            duplicated: 0,
            fields_compared: 0,
            differences: Vec::new(),
        }
    }

    /// Counts a record that should stand in the target; none when it was not there.
    pub fn add(&mut self, source_id: &str, comparison: Option<&Comparison>) {
        self.expected += 1;
        let Some(comparison) = comparison else {
            self.missing += 1;
            return;
        };
        self.compared += 1;
        self.fields_compared += comparison.fields_compared;
        if comparison.differences.is_empty() {
            self.equal += 1;
            return;
        }
        self.different += 1;
        for difference in &comparison.differences {
            self.count(&without_indices(&difference.field), 1, &[source_id.to_owned()]);
        }
    }

    /// Adds what another worker found for the same kind.
    pub fn merge(&mut self, other: &Self) {
        self.expected += other.expected;
        self.compared += other.compared;
        self.equal += other.equal;
        self.different += other.different;
        self.missing += other.missing;
        self.unexpected += other.unexpected;
        self.duplicated += other.duplicated;
        self.fields_compared += other.fields_compared;
        for row in &other.differences {
            self.count(&row.field, row.count, &row.samples);
        }
    }

    /// Whether all that should be there is there once, as it should be, and nothing else.
    pub const fn is_clean(&self) -> bool {
        self.equal == self.expected && self.unexpected == 0 && self.duplicated == 0
    }

    fn count(&mut self, field: &str, count: u64, source_ids: &[String]) {
        let known = self.differences.iter().any(|row| row.field == field);
        let field =
            if known || self.differences.len() < FIELDS_MAX { field } else { "other fields" };
        let row = match self.differences.iter_mut().position(|row| row.field == field) {
            Some(at) => self.differences.get_mut(at),
            None => {
                let field = field.to_owned();
                self.differences.push(FieldDifferences { field, count: 0, samples: Vec::new() });
                self.differences.last_mut()
            }
        };
        if let Some(row) = row {
            row.count += count;
            for source_id in source_ids {
                if row.samples.len() < SAMPLES_MAX && !row.samples.contains(source_id) {
                    row.samples.push(source_id.clone());
                }
            }
        }
        self.differences.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.field.cmp(&b.field)));
    }
}
