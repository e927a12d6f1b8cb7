//! Puts the report of a run together from what the tables hold.

use std::collections::BTreeMap;

use cartage_model::Kind;
use cartage_pipeline::{
    report::{
        ChangeRow, Exclusion, KindAccounting, LossRow, Quarantine, Report, RunSummary, Shop,
        SnapshotSummary, Throughput,
    },
    verify::Reconciliation,
};
use chrono::Utc;

use crate::{
    app::{
        connection::{self, Connection, ConnectionConfig},
        mapping::MappingRevision,
        migration::Migration,
        run::{self, Run},
        snapshot::Snapshot,
        verification::VerificationReport,
    },
    error::Result,
    name::Name,
    store::{
        Tx,
        resource::Resource,
        run_record::{Cause, OutcomeCount},
    },
};

/// The most rows of causes and of changes in a report.
const ROWS_MAX: i64 = 500;

/// The report of a run that was verified.
pub(super) async fn document(
    tx: &mut Tx,
    run: &Resource<Run>,
    report: &Resource<VerificationReport>,
    money: &Reconciliation,
) -> Result<Report> {
    let migration = tx.resource_get::<Migration>(&run::migration_of(&run.name)).await?;
    let snapshot = tx.resource_get::<Snapshot>(&Name::trusted(&run.body.snapshot)).await?;
    let revision =
        tx.resource_get::<MappingRevision>(&Name::trusted(&run.body.mapping_revision)).await?;
    let source = shop(tx, &migration.body.source_connection).await?;
    let target = shop(tx, &run.body.target_connection).await?;
    let counts = tx.run_record_counts(&run.name).await?;
    let causes = tx.run_record_causes(&run.name, ROWS_MAX).await?;
    let changes = tx.run_record_changes(&run.name, ROWS_MAX).await?;
    let times = tx.external_call_times(&run.name).await?;
    let accounting = accounting(run.body.totals.as_ref(), &counts);
    let losses = losses(&revision.body.target_platform, &snapshot.body, &accounting)?;
    Ok(Report {
        migration: migration.body.display_name,
        migration_name: migration.name.as_str().to_owned(),
        run: RunSummary {
            name: run.name.as_str().to_owned(),
            kind: run.body.kind.as_str().to_owned(),
            state: run.state.as_str().to_owned(),
            started_at: run.body.start_time,
            finished_at: run.body.end_time,
            masked: run.body.masked,
        },
        source,
        target,
        snapshot: SnapshotSummary {
            name: snapshot.name.as_str().to_owned(),
            digest: snapshot.body.manifest_digest,
            taken_at: snapshot.body.end_time,
        },
        mapping_revision: run.body.mapping_revision.clone(),
        accounting,
        losses,
        quarantined: causes.iter().filter_map(quarantine).collect(),
        changes: changes.into_iter().filter_map(change).collect(),
        excluded: causes.iter().filter_map(exclusion).collect(),
        verification: report.body.comparisons.clone(),
        money: report.body.money.clone(),
        money_totals: money.totals(),
        money_left_out: money.left_out().clone(),
        stock: report.body.stock.clone(),
        audit: super::audit::summary(tx, &migration.name).await?,
        throughput: times
            .into_iter()
            .filter_map(|(kind, records, calls, duration_ms)| {
                Some(Throughput {
                    kind: kind.parse().ok()?,
                    records: count(records),
                    calls: count(calls),
                    duration_ms: count(duration_ms),
                })
            })
            .collect(),
        created_at: Utc::now(),
    })
}

async fn shop(tx: &mut Tx, name: &str) -> Result<Shop> {
    let connection = tx.resource_get::<Connection>(&Name::trusted(name)).await?;
    let address = match &connection.body.config {
        ConnectionConfig::Medusa { base_url, .. } => Some(base_url.clone()),
        ConnectionConfig::Sandbox { .. } | ConnectionConfig::ShopifyCsv(_) => None,
    };
    let name = if connection.body.display_name.is_empty() {
        connection.name.id().to_owned()
    } else {
        connection.body.display_name
    };
    Ok(Shop { name, platform: connection.body.platform, address })
}

fn accounting(
    totals: Option<&BTreeMap<String, i64>>,
    counts: &[OutcomeCount],
) -> Vec<KindAccounting> {
    let mut rows: BTreeMap<Kind, KindAccounting> = BTreeMap::new();
    for (kind, total) in totals.into_iter().flatten() {
        if let Ok(kind) = kind.parse::<Kind>() {
            rows.entry(kind).or_insert_with(|| KindAccounting::new(kind)).records = count(*total);
        }
    }
    for row in counts {
        let Ok(kind) = row.kind.parse::<Kind>() else { continue };
        let sums = rows.entry(kind).or_insert_with(|| KindAccounting::new(kind));
        let number = count(row.count);
        match row.outcome.as_str() {
            "migrated" => sums.migrated += number,
            "merged" => sums.merged += number,
            "changed" => sums.changed += number,
            "excluded" => sums.excluded += number,
            "quarantined" => sums.quarantined += number,
            _ => sums.unknown += number,
        }
        match row.effect.as_str() {
            "created" => sums.created += number,
            "updated" => sums.updated += number,
            "unchanged" => sums.unchanged += number,
            "deleted" => sums.deleted += number,
            _ => sums.none += number,
        }
    }
    rows.into_values().collect()
}

/// The losses that records in the target met.
fn losses(
    platform: &str,
    snapshot: &Snapshot,
    accounting: &[KindAccounting],
) -> Result<Vec<LossRow>> {
    let target = connection::target_of_platform(platform)?;
    let rows = target.losses().iter().filter_map(|loss| {
        let kind = accounting.iter().find(|row| row.kind == loss.kind)?;
        let stands = kind.migrated + kind.changed;
        let most = i64::try_from(stands).unwrap_or(i64::MAX);
        let records = snapshot.records_with(loss, most);
        (records > 0).then(|| LossRow {
            kind: loss.kind,
            field: loss.field.to_owned(),
            kept_as_metadata: loss.kept_as_metadata,
            about: loss.about.to_owned(),
            records: u64::try_from(records).ok(),
        })
    });
    Ok(rows.collect())
}

fn quarantine(cause: &Cause) -> Option<Quarantine> {
    if cause.outcome == "excluded" {
        return None;
    }
    Some(Quarantine {
        kind: cause.kind.parse().ok()?,
        reason: cause.reason.clone(),
        field: (!cause.field.is_empty()).then(|| cause.field.clone()),
        message: cause.message.clone(),
        records: count(cause.count),
        samples: cause.samples.clone(),
    })
}

fn exclusion(cause: &Cause) -> Option<Exclusion> {
    if cause.outcome != "excluded" {
        return None;
    }
    Some(Exclusion {
        kind: cause.kind.parse().ok()?,
        rule: cause.reason.clone(),
        records: count(cause.count),
        samples: cause.samples.clone(),
    })
}

fn change(cause: Cause) -> Option<ChangeRow> {
    Some(ChangeRow {
        kind: cause.kind.parse().ok()?,
        field: cause.field,
        why: cause.message,
        records: count(cause.count),
        samples: cause.samples,
    })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
