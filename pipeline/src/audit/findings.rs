//! The rows of a rule's answer, as findings.

use cartage_model::Kind;
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::cast,
    datatypes::DataType,
};

use super::{Finding, Rule};

/// The columns of a batch that a rule may yield, each as text.
pub(super) struct Rows {
    source_id: ArrayRef,
    kind: Option<ArrayRef>,
    field: Option<ArrayRef>,
    evidence: Option<ArrayRef>,
    count: usize,
}

/// The longest evidence that is kept, in characters.
const EVIDENCE_CHARACTERS_MAX: usize = 300;

impl Rows {
    /// Why not, where a rule yields no `source_id` or something that is no text.
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, String> {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .map(|array| cast(array, &DataType::Utf8).map_err(|error| error.to_string()))
                .transpose()
        };
        Ok(Self {
            source_id: column("source_id")?.ok_or("it yields no column source_id")?,
            kind: column("kind")?,
            field: column("field")?,
            evidence: column("evidence")?,
            count: batch.num_rows(),
        })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The finding in a row.
    pub(super) fn finding(&self, rule: &Rule, row: usize) -> Finding {
        let kind = text(self.kind.as_ref(), row).and_then(|name| name.parse::<Kind>().ok());
        Finding {
            rule_id: rule.id.clone(),
            severity: rule.severity,
            kind: kind.unwrap_or(rule.kind),
            field: text(self.field.as_ref(), row).map(str::to_owned).or_else(|| rule.field.clone()),
            source_id: text(Some(&self.source_id), row).unwrap_or_default().to_owned(),
            evidence: text(self.evidence.as_ref(), row)
                .map(|text| text.chars().take(EVIDENCE_CHARACTERS_MAX).collect()),
            repair: rule.repair.clone(),
        }
    }
}

fn text(column: Option<&ArrayRef>, row: usize) -> Option<&str> {
    let array = column?.as_string_opt::<i32>()?;
    array.is_valid(row).then(|| array.value(row))
}
