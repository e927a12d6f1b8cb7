//! A final delta, and the way back: how long it takes to bring over what one record in a hundred
//! changed, the snapshot of the source included, and whether taking everything back leaves the shop as
//! it was.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cartage_client::{Client, road, v1, wait};
use cartage_sandbox::{medusa, shopify_export};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    e2e::admin::Admin,
    ready,
    server::{self, Server},
};

const ACCOUNT: &str = "bench";
/// One record of so many is changed.
const CHANGED_OF: usize = 100;
/// How long the delta of the full size may take.
const DELTA_MAX: Duration = Duration::from_secs(60);
/// How many objects of others stand in the shop.
const OTHERS: usize = 20;

/// Measures a delta and a rollback.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many records the shop has, about: products and customers, as orders cannot be deleted.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// The seed of the shop.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// A `cartage-server` that is built already.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// Loads a shop, changes some of it, brings that over, and takes everything back.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server::build().await?,
    };
    let folder = tempfile::Builder::new().prefix("cartage-bench-").tempdir()?;
    let export = folder.path().join("export");
    let half = options.records / 2;
    let settings = shopify_export::Settings {
        seed: options.seed,
        products: half,
        customers: half,
        orders: 0,
        ..Default::default()
    };
    shopify_export::generate(&settings, &export).context("making the shop")?;
    let shop = medusa::start(medusa::Options::default()).await.context("starting the shop")?;
    let server = Server::start_program(&program, &folder.path().join("data"), &[]).await?;
    let token = server.token(ACCOUNT, &["*"]).await?;
    let client = Client::connect(&server.uri(), &token).await?;
    others(&shop).await?;
    let admin = Admin::new(&shop.url(), shop.api_key())?;

    let live = ready::live_run(&client, ACCOUNT, &export, &shop, 0).await?;
    let before = admin.inventory().await?;
    let begun = Instant::now();
    road::start_run(&client, &live).await?;
    let loaded = succeeded(&client, &live).await?;
    println!("{} records loaded in {:.0} s", total(&loaded), begun.elapsed().as_secs_f64());

    let changed = change(&export)?;
    let begun = Instant::now();
    let source = format!("accounts/{ACCOUNT}/connections/source");
    let snapshot = road::take_snapshot(&client, &source, |_| {}).await?.name;
    let read = begun.elapsed();
    let delta = v1::Run {
        kind: v1::RunKind::Delta.into(),
        plan: loaded.plan.clone(),
        snapshot,
        max_quarantined_records: Some(i64::from(i32::MAX)),
        ..Default::default()
    };
    let parent = live.split("/runs/").next().unwrap_or_default().to_owned();
    let request = v1::CreateRunRequest { parent, run: Some(delta), ..Default::default() };
    let delta = client.call(request).await?;
    road::start_run(&client, &delta.name).await?;
    let delta = succeeded(&client, &delta.name).await?;
    let took = begun.elapsed();
    let effects = delta.accounting.clone().unwrap_or_default().effects.unwrap_or_default();
    println!(
        "delta of {changed} changed records among {}: {} updated, {} unchanged in {:.1} s, {:.1} s of it for the snapshot",
        total(&delta),
        effects.updated,
        effects.unchanged,
        took.as_secs_f64(),
        read.as_secs_f64(),
    );
    ensure!(effects.updated > 0 && effects.created == 0, "the delta changed something else");

    let begun = Instant::now();
    let rollback = road::start_rollback(&client, &live).await?;
    let rollback = succeeded(&client, &rollback.name).await?;
    let after = admin.inventory().await?;
    println!(
        "rollback of {} records in {:.0} s; the shop is {}",
        total(&rollback),
        begun.elapsed().as_secs_f64(),
        if before == after { "as before" } else { "NOT as before" },
    );
    server.stop().await?;
    shop.stop().await.context("stopping the shop")?;
    ensure!(before == after, "the rollback left something");
    ensure!(took < DELTA_MAX, "the delta took too long");
    Ok(())
}

async fn succeeded(client: &Client, run: &str) -> Result<v1::Run> {
    let run = wait::run(client, run, |_| {}).await?;
    ensure!(run.state() == v1::run::State::Succeeded, "{run:?}");
    Ok(run)
}

fn total(run: &v1::Run) -> i64 {
    run.accounting.as_ref().map_or(0, |accounting| accounting.total)
}

/// Objects that were there before anybody came.
async fn others(shop: &medusa::Medusa) -> Result<()> {
    let client = reqwest::Client::new();
    for number in 0..OTHERS {
        let body = json!({
            "title": format!("Made by hand {number}"),
            "options": [{ "title": "Size", "values": ["M"] }],
        });
        let request = client.post(format!("{}/admin/products", shop.url()));
        let answer = request.basic_auth(shop.api_key(), Some("")).json(&body).send().await?;
        ensure!(answer.status().is_success(), "the shop took no product: {}", answer.status());
    }
    Ok(())
}

/// Gives one record in a hundred of each file another name; says how many.
fn change(export: &Path) -> Result<usize> {
    let mut changed = 0;
    for entry in std::fs::read_dir(export)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(&path)?;
        let headers = reader.byte_headers()?.clone();
        let wanted = ["Title", "Last Name"];
        let column = headers.iter().position(|it| wanted.iter().any(|name| name.as_bytes() == it));
        let Some(column) = column else { continue };
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_byte_record(&headers)?;
        let mut seen = 0;
        for row in reader.byte_records() {
            let row = row?;
            let named = row.get(column).is_some_and(|cell| !cell.is_empty());
            seen += usize::from(named);
            if named && seen % CHANGED_OF == 0 {
                changed += 1;
                let cells = row.iter().enumerate().map(|(index, cell)| {
                    let more: &[u8] = if index == column { b" II" } else { b"" };
                    [cell, more].concat()
                });
                writer.write_record(cells)?;
            } else {
                writer.write_byte_record(&row)?;
            }
        }
        std::fs::write(&path, writer.into_inner().context("writing the changed file")?)?;
    }
    Ok(changed)
}
