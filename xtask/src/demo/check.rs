//! Compares what became of the records, and what was found and summed up, with what was planted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use cartage_client::v1::{Outcome, RecordKind};
use cartage_client::{Client, paginate, v1};
use cartage_sandbox::shopify_export::{Kind, Manifest, Outcome as PlannedOutcome};
use futures::TryStreamExt;
use rust_decimal::Decimal;

use super::Walked;
use super::planted::{self, Expected};

/// Prints the accounting and the reconciliation.
pub(crate) fn print(walked: &Walked, manifest: &Manifest) {
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
    let mut sums: BTreeMap<String, [Decimal; 4]> = BTreeMap::new();
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
            *sum += text.parse::<Decimal>().unwrap_or_default();
        }
    }
    for (currency, [old, left_out, new, difference]) in sums {
        println!("{:<10}{currency:<9}{old:>16}{left_out:>16}{new:>16}{difference:>12}", "revenue");
    }
    for (currency, months) in &manifest.money_held_back {
        let [orders, revenue] = months.values().fold([Decimal::ZERO; 2], |[orders, sum], month| {
            [orders + Decimal::from(month.orders), sum + month.revenue]
        });
        println!(
            "  {orders} orders of {revenue} {currency} cannot be read; they stand in no column"
        );
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

/// Compares what became of every record, what the audit found, the money and the stock with the
/// manifest.
pub(crate) async fn manifest(
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
    let expected = planted::expected(manifest, export)?;
    counts(&expected, &accounting, &mut problems);
    let ledger = ledger(client, &walked.run.name).await?;
    let findings = findings(client, &walked.audit.name).await?;
    faults(&expected, &ledger, &findings, &mut problems);
    money(manifest, &walked.report, &mut problems);
    stock(manifest, &walked.report, &mut problems);
    let arrived = accounting.outcomes.map_or(0, |sums| sums.migrated + sums.changed);
    if arrived * 100 <= accounting.total * 95 {
        problems.push(format!("only {arrived} of {} records arrived", accounting.total));
    }
    if !problems.is_empty() {
        bail!("the demo did not end as planted:\n  {}", problems.join("\n  "));
    }
    let records: usize = expected.faults.values().map(|fault| fault.records.len()).sum();
    println!(
        "Every outcome of every kind is as planted; each of {records} faulty records ended as \
         expected and was found by its audit rule; money and stock are those of the manifest."
    );
    Ok(())
}

/// The counts of every outcome of every kind.
fn counts(expected: &Expected, accounting: &v1::Accounting, problems: &mut Vec<String>) {
    let mut kinds: BTreeSet<RecordKind> = expected.counts.keys().copied().collect();
    kinds.extend(accounting.kinds.iter().filter(|it| it.total > 0).map(v1::KindAccounting::kind));
    for kind in kinds {
        let wanted = expected.counts.get(&kind);
        let found = accounting.kinds.iter().find(|it| it.kind() == kind);
        let found = found.and_then(|it| it.outcomes).unwrap_or_default();
        for (outcome, found) in [
            (Outcome::Migrated, found.migrated),
            (Outcome::Changed, found.changed),
            (Outcome::Merged, found.merged),
            (Outcome::Excluded, found.excluded),
            (Outcome::Quarantined, found.quarantined),
            (Outcome::Unknown, found.unknown),
        ] {
            let planted = wanted.and_then(|it| it.get(&outcome)).copied().unwrap_or_default();
            if planted != found {
                let (kind, outcome) = (kind.as_str_name(), outcome.as_str_name());
                problems.push(format!("{kind}: {planted} {outcome} were planted, {found} found"));
            }
        }
    }
}

/// The outcome of every record.
async fn ledger(client: &Client, run: &str) -> Result<BTreeMap<planted::Id, Outcome>> {
    let request = v1::ListRunRecordsRequest {
        parent: run.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let mut rows = std::pin::pin!(paginate(client, request));
    let mut ledger = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        ledger.insert((row.kind(), row.source_id.clone()), row.outcome());
    }
    Ok(ledger)
}

/// What the audit found: rules, and the records they found something in.
async fn findings(client: &Client, audit: &str) -> Result<BTreeSet<(String, planted::Id)>> {
    let request = v1::ListFindingsRequest {
        parent: audit.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let mut rows = std::pin::pin!(paginate(client, request));
    let mut findings = BTreeSet::new();
    while let Some(row) = rows.try_next().await? {
        // A rule is a resource; its last part is its name.
        let rule = row.rule.rsplit('/').next().unwrap_or_default().to_owned();
        for id in std::iter::once(&row.source_id).chain(&row.related_source_ids) {
            findings.insert((rule.clone(), (row.kind(), id.clone())));
        }
    }
    Ok(findings)
}

/// Every record with a fault must end as planted, and be found by the rule.
fn faults(
    expected: &Expected,
    ledger: &BTreeMap<planted::Id, Outcome>,
    findings: &BTreeSet<(String, planted::Id)>,
    problems: &mut Vec<String>,
) {
    for (name, fault) in &expected.faults {
        let ended = |id: &&planted::Id| ledger.get(*id) == Some(&fault.outcome);
        let found = |id: &&planted::Id| findings.contains(&(fault.rule.clone(), (*id).clone()));
        for (what, is_so) in [
            ("did not end as planted", &ended as &dyn Fn(&&planted::Id) -> bool),
            ("were not found by their rule", &found),
        ] {
            let wrong = fault.records.iter().filter(|ids| !ids.iter().any(|id| is_so(&id)));
            let wrong: Vec<&Vec<planted::Id>> = wrong.collect();
            if let Some((_, first)) = wrong.first().and_then(|ids| ids.first()) {
                let all = fault.records.len();
                let rule = &fault.rule;
                problems.push(format!(
                    "{name} (rule {rule}): {} of {all} records {what}, such as {first}",
                    wrong.len(),
                ));
            }
        }
    }
}

/// The money of every month and currency: what was planted, and what of it was left out.
fn money(manifest: &Manifest, report: &v1::VerificationReport, problems: &mut Vec<String>) {
    let mut rows: BTreeMap<(&str, &str), &v1::MoneyReconciliation> = BTreeMap::new();
    for row in &report.money {
        rows.insert((&row.currency_code, &row.month), row);
    }
    for (currency, months) in &manifest.money {
        for (month, planted) in months {
            let Some(row) = rows.remove(&(currency.as_str(), month.as_str())) else {
                problems.push(format!("the report has no money of {month} in {currency}"));
                continue;
            };
            for (name, planted, found) in [
                ("revenue", planted.revenue, &row.revenue),
                ("tax", planted.tax, &row.tax),
                ("discounts", planted.discounts, &row.discounts),
                ("refunds", planted.refunds, &row.refunds),
                ("shipping", planted.shipping, &row.shipping),
            ] {
                let found = found.clone().unwrap_or_default();
                let [source, explained, target, difference] = [
                    &found.source_amount,
                    &found.explained_amount,
                    &found.target_amount,
                    &found.difference,
                ]
                .map(|text| text.parse::<Decimal>().unwrap_or_default());
                if target != planted || source - explained != planted || !difference.is_zero() {
                    problems.push(format!(
                        "{name} of {month} in {currency}: {planted} were planted, {source} are in \
                         the source, {explained} left out, {target} in the shop"
                    ));
                }
            }
        }
    }
    let held_back: usize =
        manifest.money_held_back.values().flat_map(BTreeMap::values).map(|it| it.orders).sum();
    let quarantined = manifest.expected_outcomes.get(&Kind::Order);
    let quarantined = quarantined.and_then(|it| it.get(&PlannedOutcome::Quarantined)).copied();
    if quarantined.unwrap_or_default() != held_back {
        problems.push(format!("the money of {held_back} orders is held back, but not of those"));
    }
    // Months of which nothing was to arrive.
    for ((currency, month), row) in rows {
        let target = row.revenue.clone().unwrap_or_default().target_amount;
        if !target.parse::<Decimal>().unwrap_or_default().is_zero() {
            problems.push(format!("{target} {currency} of {month} were not planted"));
        }
    }
}

/// The pieces in stock, all locations together: the files know of one.
fn stock(manifest: &Manifest, report: &v1::VerificationReport, problems: &mut Vec<String>) {
    let [mut source, mut explained, mut target, mut difference] = [Decimal::ZERO; 4];
    for row in &report.stock {
        let number = |text: &str| text.parse::<Decimal>().unwrap_or_default();
        source += number(&row.source_units);
        explained += number(&row.explained_units);
        target += number(&row.target_units);
        difference += number(&row.difference);
    }
    let planted = Decimal::from(manifest.stock.expected);
    if target != planted || source - explained != planted || !difference.is_zero() {
        problems.push(format!(
            "{planted} pieces of stock should arrive ({} in the files); {source} are in the source, \
             {explained} left out, {target} in the shop",
            manifest.stock.in_files
        ));
    }
}
