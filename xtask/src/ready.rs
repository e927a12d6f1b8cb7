//! From nothing to a live run that may start, for what is measured and tortured.

use std::path::Path;

use anyhow::{Result, bail};
use cartage_client::{Client, road, v1};
use cartage_sandbox::{medusa, shopify_export};

/// A made-up shop of so many records: half of them products, a third customers, the others orders.
pub(crate) fn shop(records: usize, seed: u64) -> shopify_export::Settings {
    shopify_export::Settings {
        seed,
        products: records * 5 / 10,
        customers: records * 3 / 10,
        orders: records * 2 / 10,
        ..Default::default()
    }
}

/// Everything up to a live run that may start; gives its name. So many records of each kind are rehearsed,
/// none for 0.
pub(crate) async fn live_run(
    client: &Client,
    account: &str,
    export: &Path,
    shop: &medusa::Medusa,
    rehearsal_records_max: i64,
) -> Result<String> {
    use v1::{connection::Config, credentials::Secret, shopify_csv_config::Source};
    let csv = Config::ShopifyCsv(v1::ShopifyCsvConfig {
        source: Some(Source::Path(export.display().to_string())),
        time_zone: "Europe/Berlin".to_owned(),
        default_currency_code: "EUR".to_owned(),
        ..Default::default()
    });
    let medusa = Config::Medusa(v1::MedusaConfig { base_url: shop.url(), test_shop: false });
    let key = v1::Credentials { secret: Some(Secret::ApiKey(shop.api_key().to_owned())) };
    let mut names = Vec::new();
    for (id, config, credentials) in [("source", csv, None), ("target", medusa, Some(key))] {
        let request = v1::CreateConnectionRequest {
            parent: format!("accounts/{account}"),
            connection_id: id.to_owned(),
            connection: Some(v1::Connection {
                config: Some(config),
                credentials,
                ..Default::default()
            }),
            ..Default::default()
        };
        let name = client.call(request).await?.name;
        road::verify_connection(client, &name).await?;
        names.push(name);
    }
    let [source, target] = names.as_slice() else { bail!("two connections are two") };
    let options = road::Options::new(&format!("accounts/{account}"), source, target);
    let migration = road::create_migration(client, &options).await?.name;
    let snapshot = road::take_snapshot(client, source, |_| {}).await?.name;
    road::test_restore(client, &snapshot).await?;
    let revision = road::publish_mapping(client, &migration, None).await?.name;
    if rehearsal_records_max > 0 {
        let sandbox = road::create_sandbox(client, &options.account, target).await?.name;
        let kinds = [v1::RecordKind::Product, v1::RecordKind::Customer, v1::RecordKind::Order];
        let filters = kinds.map(|kind| v1::KindFilter {
            kind: kind.into(),
            max_records: rehearsal_records_max,
            ..Default::default()
        });
        let rehearsal = v1::Run {
            snapshot: snapshot.clone(),
            mapping_revision: revision.clone(),
            target_connection: sandbox,
            scope: Some(v1::Scope { filters: filters.to_vec(), ..Default::default() }),
            max_quarantined_records: Some(i64::from(i32::MAX)),
            ..Default::default()
        };
        road::test_run(client, &migration, rehearsal, |_| {}).await?;
    }
    let plan = road::create_plan(client, &migration, &snapshot, &revision).await?;
    let plan = road::submit_plan(client, plan, target, &options).await?;
    let plan = road::approve_plan(client, &plan.name, "It is a test.").await?.name;
    let before = road::take_snapshot(client, target, |_| {}).await?.name;
    road::test_restore(client, &before).await?;
    let run = v1::Run {
        kind: v1::RunKind::Live.into(),
        plan,
        target_snapshot: before,
        // What the made-up shop has faults of is no trouble of the run.
        max_quarantined_records: Some(i64::from(i32::MAX)),
        ..Default::default()
    };
    let request = v1::CreateRunRequest { parent: migration, run: Some(run), ..Default::default() };
    Ok(client.call(request).await?.name)
}
