//! Taking back what was migrated, in the real shop: what can be deleted is gone, what was there
//! before is untouched, and only orders stand, with the guests that Medusa made of them.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result};
use cartage_client::{Client, road, v1, wait};

use super::admin::{Admin, Inventory};
use super::facts::Kind;
use super::report;
use super::walk::Migrated;

/// What must be as it was before the migration.
const RESTORED: [&str; 10] = [
    "products",
    "product-variants",
    "product-categories",
    "collections",
    "inventory-items",
    "customer-groups",
    "product-tags",
    "product-types",
    "stock-locations",
    "sales-channels",
];

/// Takes a migration's first run and the second back; tells what is not as it should be.
pub(crate) async fn check(
    client: &Client,
    admin: &Admin,
    migrated: &Migrated,
    before: &Inventory,
) -> Result<Vec<String>> {
    let begun = Instant::now();
    let run = road::start_rollback(client, &migrated.walked.run.name).await?;
    let run = wait::run(client, &run.name, |_| {}).await.context("taking back")?;
    let mut faults = Vec::new();
    if run.state() != v1::run::State::Succeeded {
        faults.push(format!("the rollback ended as {}", run.state().as_str_name()));
    }
    let accounting = run.accounting.clone().unwrap_or_default();
    let outcomes = accounting.outcomes.unwrap_or_default();
    let deleted = accounting.effects.unwrap_or_default().deleted;
    println!(
        "  rollback {}: {} records, {deleted} deleted, {} merged, {} stay (orders), {} in conflict, \
         unaccounted {}",
        report::seconds(begun.elapsed()),
        accounting.total,
        outcomes.merged,
        outcomes.excluded,
        outcomes.quarantined,
        accounting.unaccounted
    );
    let objects = migrated.targets.len();
    if usize::try_from(accounting.total) != Ok(objects) || accounting.unaccounted != 0 {
        faults.push(format!("the rollback knows {} of {objects} objects", accounting.total));
    }
    let request = v1::ListRunRecordsRequest {
        parent: run.name.clone(),
        filter: "outcome = QUARANTINED".to_owned(),
        ..Default::default()
    };
    for record in client.call(request).await?.run_records.into_iter().take(5) {
        println!("  {} {}: {}", record.kind().as_str_name(), record.source_id, record.reason);
    }
    if outcomes.quarantined + outcomes.unknown != 0 || deleted == 0 {
        faults.push(format!(
            "nobody changed anything, and {deleted} are deleted, {} in conflict, {} unknown",
            outcomes.quarantined, outcomes.unknown
        ));
    }
    let after = admin.inventory().await?;
    for path in RESTORED {
        if after.get(path) != before.get(path) {
            let count = |of: &Inventory| of.get(path).map_or(0, |objects| objects.len());
            faults.push(format!("{path}: {} before, {} after", count(before), count(&after)));
        }
    }
    let customers: BTreeSet<&String> =
        migrated.targets.iter().filter(|(id, _)| id.0 == Kind::Customer).map(|it| it.1).collect();
    let left = after.get("customers").into_iter().flatten();
    let left = left.filter(|(id, _)| customers.contains(id)).count();
    if left > 0 {
        faults.push(format!("{left} customers of ours are still there"));
    }
    Ok(faults)
}
