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

/// Everything up to a live run that may start; gives its name.
pub(crate) async fn live_run(
    client: &Client,
    account: &str,
    export: &Path,
    shop: &medusa::Medusa,
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
