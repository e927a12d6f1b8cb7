//! Compares what became of the records with what was planted.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use cartage_client::{Client, paginate, v1};
use cartage_sandbox::shopify_export::{Kind, Manifest, Outcome};
use futures::TryStreamExt;

use super::Walked;

/// Prints the accounting and the reconciliation.
pub(crate) fn print(walked: &Walked) {
    let accounting = walked.run.accounting.clone().unwrap_or_default();
    let sums = accounting.outcomes.unwrap_or_default();
    println!();
    println!(
        "{} records: {} migrated, {} merged, {} changed, {} excluded, {} quarantined, {} unknown; unaccounted {}",
        accounting.total,
        sums.migrated,
        sums.merged,
        sums.changed,
        sums.excluded,
        sums.quarantined,
        sums.unknown,
        accounting.unaccounted,
    );
    println!();
    println!(
        "{:<16}{:>10}{:>10}{:>11}{:>9}{:>12}{:>14}",
        "verification", "compared", "equal", "different", "missing", "unexpected", "fields"
    );
    for kind in &walked.report.comparisons {
        println!(
            "{:<16}{:>10}{:>10}{:>11}{:>9}{:>12}{:>14}",
            kind.kind().as_str_name().trim_start_matches("RECORD_KIND_").to_lowercase(),
            kind.compared,
            kind.equal,
            kind.different,
            kind.missing,
            kind.unexpected,
            kind.fields_compared,
        );
    }
    println!();
    println!(
        "{:<10}{:<9}{:>16}{:>16}{:>16}{:>12}",
        "money", "", "old", "left out", "new", "difference"
    );
    let mut sums: BTreeMap<String, [rust_decimal::Decimal; 4]> = BTreeMap::new();
    for row in &walked.report.money {
        let revenue = row.revenue.clone().unwrap_or_default();
        let entry = sums.entry(row.currency_code.clone()).or_default();
        let texts = [
            revenue.source_amount,
            revenue.explained_amount,
            revenue.target_amount,
            revenue.difference,
        ];
        for (sum, text) in entry.iter_mut().zip(texts) {
            *sum += text.parse::<rust_decimal::Decimal>().unwrap_or_default();
        }
    }
    for (currency, [old, left_out, new, difference]) in sums {
        println!("{:<10}{currency:<9}{old:>16}{left_out:>16}{new:>16}{difference:>12}", "revenue");
    }
    for row in &walked.report.stock {
        println!(
            "{:<10}{:<9}{:>16}{:>16}{:>16}{:>12}",
            "stock",
            row.location,
            row.source_units,
            row.explained_units,
            row.target_units,
            row.difference
        );
    }
    println!();
    println!("audit         {} findings", walked.audit.finding_count);
    println!("verification  {}", if walked.report.passed { "passed" } else { "FAILED" });
}

/// Compares the counts of every outcome with the manifest.
pub(crate) async fn outcomes(
    client: &Client,
    walked: &Walked,
    manifest: &Manifest,
    export: &Path,
) -> Result<()> {
    let mut problems = Vec::new();
    let accounting = walked.run.accounting.clone().context("the run has no accounting")?;
    if accounting.unaccounted != 0 {
        problems.push(format!("{} records are unaccounted for", accounting.unaccounted));
    }
    if !walked.report.passed {
        problems.push("the verification did not pass".to_owned());
    }
    for (kind, name) in
        [(Kind::Product, "PRODUCT"), (Kind::Customer, "CUSTOMER"), (Kind::Order, "ORDER")]
    {
        let wanted = manifest.expected_outcomes.get(&kind).cloned().unwrap_or_default();
        let of = |outcome: Outcome| {
            wanted.get(&outcome).and_then(|count| i64::try_from(*count).ok()).unwrap_or_default()
        };
        let wire =
            v1::RecordKind::from_str_name(&format!("RECORD_KIND_{name}")).unwrap_or_default();
        let got = accounting.kinds.iter().find(|it| it.kind() == wire);
        let got = got.and_then(|it| it.outcomes).unwrap_or_default();
        // A target may change a record in which nothing was planted: arrived is arrived.
        let pairs = [
            (
                "migrated or changed",
                of(Outcome::Migrated) + of(Outcome::Changed),
                got.migrated + got.changed,
            ),
            ("merged", of(Outcome::Merged), got.merged),
            ("excluded", of(Outcome::Excluded), got.excluded),
            ("quarantined", of(Outcome::Quarantined), got.quarantined),
            ("unknown", 0, got.unknown),
        ];
        for (outcome, planted, found) in pairs {
            if planted != found {
                problems
                    .push(format!("{name}: {planted} {outcome} were planted, {found} were found"));
            }
        }
    }
    planted_one_by_one(client, walked, manifest, export, &mut problems).await?;
    let arrived = accounting.outcomes.map_or(0, |sums| sums.migrated + sums.changed);
    if arrived * 100 <= accounting.total * 95 {
        problems.push(format!("only {arrived} of {} records arrived", accounting.total));
    }
    if problems.is_empty() {
        println!("Every outcome is as planted.");
        return Ok(());
    }
    bail!("the demo did not end as planted:\n  {}", problems.join("\n  "))
}

/// Each record with a fault that keeps it from arriving must have that very outcome.
async fn planted_one_by_one(
    client: &Client,
    walked: &Walked,
    manifest: &Manifest,
    export: &Path,
    problems: &mut Vec<String>,
) -> Result<()> {
    let orders = order_ids(export)?;
    let mut ledger: BTreeMap<(i32, String), v1::Outcome> = BTreeMap::new();
    for outcome in ["MERGED", "EXCLUDED", "QUARANTINED", "UNKNOWN"] {
        let request = v1::ListRunRecordsRequest {
            parent: walked.run.name.clone(),
            page_size: 1_000,
            filter: format!("outcome = {outcome}"),
            ..Default::default()
        };
        let rows: Vec<v1::RunRecord> = paginate(client, request).try_collect().await?;
        for row in rows {
            let id = row.source_id.split('~').next().unwrap_or_default().to_owned();
            ledger.insert((row.kind, id), row.outcome());
        }
    }
    for (fault, planted) in &manifest.faults {
        let wanted = match planted.expected_outcome {
            Outcome::Merged => v1::Outcome::Merged,
            Outcome::Excluded => v1::Outcome::Excluded,
            Outcome::Quarantined => v1::Outcome::Quarantined,
            _ => v1::Outcome::Unspecified,
        };
        let kind = match planted.kind {
            Kind::Product => v1::RecordKind::Product,
            Kind::Customer => v1::RecordKind::Customer,
            Kind::Order => v1::RecordKind::Order,
            Kind::Collection => v1::RecordKind::Collection,
        };
        let wrong = planted.source_ids.iter().filter(|id| {
            let known = if planted.kind == Kind::Order { orders.get(*id) } else { None };
            let ids = known.cloned().unwrap_or_else(|| vec![(*id).clone()]);
            let found = ids.into_iter().find_map(|id| ledger.get(&(i32::from(kind), id)).copied());
            found.unwrap_or_default() != wanted
        });
        let wrong: Vec<&String> = wrong.collect();
        if let Some(first) = wrong.first() {
            problems.push(format!(
                "{fault}: {} of {} records did not end as planted, such as {first}",
                wrong.len(),
                planted.count,
            ));
        }
    }
    Ok(())
}

/// The manifest names orders by their numbers, the ledger by their ids: what the file says of both.
fn order_ids(export: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut reader = csv::Reader::from_path(export.join("orders_export.csv"))?;
    let header = reader.headers()?.clone();
    let column =
        |name: &str| header.iter().position(|it| it == name).context("a column is missing");
    let (name, id) = (column("Name")?, column("Id")?);
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in reader.records() {
        let row = row?;
        let (Some(name), Some(id)) = (row.get(name), row.get(id)) else { continue };
        if !id.is_empty() {
            ids.entry(name.to_owned()).or_default().push(id.trim_start_matches('\'').to_owned());
        }
    }
    Ok(ids)
}
