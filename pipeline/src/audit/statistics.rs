//! What there is of each kind: counts, completeness, and the health score.

use cartage_model::Kind;
use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        datatypes::{DataType, Int64Type},
    },
    common::TableReference,
    functions_aggregate::expr_fn::count,
    prelude::{SessionContext, ident},
};

use super::{FieldCompleteness, KindStatistics, Severity, run::Counts};
use crate::snapshot::{Manifest, SnapshotError};

/// Columns that every record has.
const ALWAYS_FILLED: [&str; 4] = ["ordinal", "source_id", "record_hash", "document"];

/// The statistics of every kind in the snapshot.
pub(super) async fn of_kinds(
    session: &SessionContext,
    manifest: &Manifest,
    counts: &Counts,
) -> Result<Vec<KindStatistics>, SnapshotError> {
    let mut kinds = Vec::with_capacity(manifest.kinds.len());
    for (kind, facts) in &manifest.kinds {
        let by_rule = counts.get(kind).map(Vec::as_slice).unwrap_or_default();
        let mut findings = std::collections::BTreeMap::new();
        for (severity, count) in by_rule {
            *findings.entry(*severity).or_default() += count;
        }
        kinds.push(KindStatistics {
            kind: *kind,
            records: facts.records,
            unreadable: facts.unreadable,
            completeness: completeness(session, *kind).await?,
            findings,
            health_score: health_score(facts.records.saturating_add(facts.unreadable), by_rule),
        });
    }
    Ok(kinds)
}

async fn completeness(
    session: &SessionContext,
    kind: Kind,
) -> Result<Vec<FieldCompleteness>, SnapshotError> {
    let table = session.table(TableReference::bare(kind.as_str())).await?;
    let columns: Vec<String> = table
        .schema()
        .fields()
        .iter()
        .filter(|field| !ALWAYS_FILLED.contains(&field.name().as_str()))
        .filter(|field| *field.data_type() != DataType::Null)
        .map(|field| field.name().clone())
        .collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let counts = columns.iter().map(|name| count(ident(name)).alias(name)).collect();
    let batches = table.aggregate(Vec::new(), counts)?.collect().await?;
    let filled = |name: &str| batches.first().and_then(|batch| first_number(batch, name));
    Ok(columns
        .into_iter()
        .map(|field| FieldCompleteness { filled: filled(&field).unwrap_or(0), field })
        .collect())
}

fn first_number(batch: &RecordBatch, column: &str) -> Option<u64> {
    let array = batch.column_by_name(column)?.as_primitive_opt::<Int64Type>()?;
    array.values().first().and_then(|number| u64::try_from(*number).ok())
}

/// See [`KindStatistics::health_score`].
fn health_score(total: u64, by_rule: &[(Severity, u64)]) -> u32 {
    if total == 0 {
        return 100;
    }
    // In hundredths of a finding, so that the whole sum is one of integers.
    let penalty: u128 = by_rule
        .iter()
        .map(|(severity, count)| {
            let weight: u128 = match severity {
                Severity::Error => 100,
                Severity::Warning => 25,
                Severity::Info => 2,
            };
            weight * u128::from((*count).min(total))
        })
        .sum();
    let lost = penalty.div_ceil(u128::from(total)).min(100);
    100 - u32::try_from(lost).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_falls_with_weight_and_share() {
        for (total, by_rule, expected) in [
            (0, vec![(Severity::Error, 3)], 100),
            (100, vec![], 100),
            (100, vec![(Severity::Error, 10)], 90),
            (100, vec![(Severity::Warning, 10), (Severity::Error, 10)], 87),
            (100, vec![(Severity::Info, 5_000)], 98),
            (1_000_000, vec![(Severity::Info, 1)], 99),
            (10, vec![(Severity::Error, 900), (Severity::Error, 900)], 0),
        ] {
            assert_eq!(health_score(total, &by_rule), expected, "{total} {by_rule:?}");
        }
    }
}
