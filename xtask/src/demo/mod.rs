//! The demo: a made-up shop with planted faults is migrated end to end over gRPC into a simulated
//! Medusa, and every outcome is compared with what was planted.

mod check;
mod show;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cartage_client::{Client, report, road, v1};
use cartage_sandbox::{medusa, shopify_export};

use crate::server::Server;
use show::Shown;

/// The account of the demo.
const ACCOUNT: &str = "accounts/demo";

/// How the demo is walked.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A tenth of the shop: for continuous integration.
    #[arg(long)]
    small: bool,
    /// Leave the server and the shop running, and print how to call them, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// The seed of the shop.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// Where the demo keeps its files; a new folder below the system's temporary one.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Walks the demo.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    let folder = match &options.data_dir {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("cartage-demo-{}", std::process::id())),
    };
    let export = folder.join("export");
    let settings = if options.small {
        let seed = options.seed;
        shopify_export::Settings {
            seed,
            products: 200,
            customers: 500,
            orders: 800,
            ..Default::default()
        }
    } else {
        shopify_export::Settings { seed: options.seed, ..Default::default() }
    };
    let mut shown = Shown::new();
    shown.stage("Making a shop in Shopify's export format, with planted faults");
    let manifest = shopify_export::generate(&settings, &export).context("making the shop")?;
    let records = &manifest.records;
    let planted: usize = manifest.faults.values().map(|fault| fault.count).sum();
    shown.done(&format!(
        "{} products, {} customers, {} orders; {planted} faults of {} sorts; manifest {}",
        records.products,
        records.customers,
        records.orders,
        manifest.faults.len(),
        shopify_export::manifest_path(&export).display(),
    ));

    shown.stage("Starting a simulated Medusa");
    let shop = medusa::start(medusa::Options::default()).await.context("starting the shop")?;
    shown.done(&shop.url());
    shown.stage("Building and starting cartage-server with its own PostgreSQL");
    let server = Server::start(&folder.join("data"), &[]).await?;
    shown.done(&server.uri());
    let token = server.token("demo", &["*"]).await?;
    let client = Client::connect(&server.uri(), &token).await?;

    let walked = walk(&client, &export, &shop, &mut shown).await;
    let walked = walked.with_context(|| format!("the server's log is {}", server.log.display()))?;
    let html = folder.join("report.html");
    let json = folder.join("report.json");
    use v1::export_verification_report_request::Format;
    report::export_to_file(&client, &walked.report.name, Format::Html, &html).await?;
    report::export_to_file(&client, &walked.report.name, Format::Json, &json).await?;

    let verdict = check::outcomes(&client, &walked, &manifest, &export).await;
    check::print(&walked);
    println!("report        {}", html.display());
    println!("as JSON       {}", json.display());
    println!("took          {:.0?}", started.elapsed());
    if options.keep {
        keep(&server, &token, &walked.migration).await?;
    }
    server.stop().await?;
    shop.stop().await.context("stopping the shop")?;
    verdict
}

/// What the walk gave.
pub(crate) struct Walked {
    pub(crate) migration: String,
    pub(crate) run: v1::Run,
    pub(crate) report: v1::VerificationReport,
    pub(crate) audit: v1::Audit,
}

async fn walk(
    client: &Client,
    export: &std::path::Path,
    shop: &medusa::Medusa,
    shown: &mut Shown,
) -> Result<Walked> {
    use v1::connection::Config;
    let source = connection(
        client,
        "shopify",
        Config::ShopifyCsv(v1::ShopifyCsvConfig {
            source: Some(v1::shopify_csv_config::Source::Path(export.display().to_string())),
            time_zone: "Europe/Berlin".to_owned(),
            default_currency_code: "EUR".to_owned(),
            ..Default::default()
        }),
        None,
    );
    let source = source.await?;
    let config = v1::MedusaConfig { base_url: shop.url(), test_shop: false };
    let target = connection(client, "medusa", Config::Medusa(config), Some(shop.api_key())).await?;
    shown.stage("Verifying both connections");
    for name in [&source, &target] {
        road::verify_connection(client, name).await?;
    }
    shown.done("both answer");

    let options = road::Options::new(ACCOUNT, &source, &target);
    let migration = road::create_migration(client, &options).await?.name;

    shown.stage("Taking a sealed snapshot of the source");
    let snapshot = road::take_snapshot(client, &source, |news| shown.update(news)).await?;
    let total: i64 = snapshot.record_counts.iter().map(|it| it.count).sum();
    shown.done(&format!("{total} records, digest {}", short(&snapshot.manifest_digest)));
    shown.stage("Restoring it in a process that has only the store and the key");
    let test = road::test_restore(client, &snapshot.name).await?;
    shown.done(&format!("{} segments, {} bytes compared", test.segment_count, test.compared_bytes));

    shown.stage("Auditing it");
    let audit =
        road::audit_snapshot(client, &migration, &snapshot.name, |news| shown.update(news)).await?;
    shown.done(&format!("{} findings by {} rules", audit.finding_count, audit.rules_total));

    shown.stage("Mapping: the default of the pair, and a rule that leaves out test accounts");
    let revision = mapping(client, &migration).await?;
    shown.done(&revision);

    shown.stage("Rehearsing in an isolated Medusa, personal data masked");
    let sandbox = road::create_sandbox(client, ACCOUNT, &target).await?;
    let run = v1::Run {
        snapshot: snapshot.name.clone(),
        mapping_revision: revision.clone(),
        target_connection: sandbox.name,
        ..Default::default()
    };
    let rehearsal = road::test_run(client, &migration, run, |news| shown.update(news)).await?;
    ensure!(
        rehearsal.state() == v1::run::State::Succeeded,
        "the rehearsal is {}: {:?}",
        rehearsal.state().as_str_name(),
        rehearsal.failure,
    );
    let checked = road::verify_run(client, &rehearsal.name, |news| shown.update(news)).await?;
    shown.done(if checked.passed { "verified, nothing missing" } else { "differences found" });

    shown.stage("Submitting and approving the plan");
    let plan = road::create_plan(client, &migration, &snapshot.name, &revision).await?;
    let plan = road::submit_plan(client, plan, &target, &options).await?;
    let plan = road::approve_plan(client, &plan.name, "The rehearsal went well.").await?;
    shown.done(&format!("{} losses acknowledged", plan.losses.len()));

    shown.stage("Taking a snapshot of the target, and testing its restore");
    let before = road::take_snapshot(client, &target, |news| shown.update(news)).await?;
    road::test_restore(client, &before.name).await?;
    shown.done(&short(&before.manifest_digest));

    shown.stage("Running live");
    let run =
        road::live_run(client, &migration, &plan.name, &before.name, |news| shown.update(news))
            .await?;
    ensure!(
        run.state() == v1::run::State::Succeeded,
        "the live run is {}: {:?}",
        run.state().as_str_name(),
        run.failure,
    );
    shown.done(&format!("{} writing calls", run.write_call_count));

    shown.stage("Reading everything back and comparing");
    let report = road::verify_run(client, &run.name, |news| shown.update(news)).await?;
    let fields: i64 = report.comparisons.iter().map(|kind| kind.fields_compared).sum();
    shown.done(&format!("{fields} fields compared"));
    Ok(Walked { migration, run, report, audit })
}

async fn connection(
    client: &Client,
    id: &str,
    config: v1::connection::Config,
    api_key: Option<&str>,
) -> Result<String> {
    let secret = api_key.map(|key| v1::credentials::Secret::ApiKey(key.to_owned()));
    let connection = v1::Connection {
        display_name: id.to_owned(),
        config: Some(config),
        credentials: secret.map(|secret| v1::Credentials { secret: Some(secret) }),
        ..Default::default()
    };
    let request = v1::CreateConnectionRequest {
        parent: ACCOUNT.to_owned(),
        connection_id: id.to_owned(),
        connection: Some(connection),
        ..Default::default()
    };
    Ok(client.call(request).await?.name)
}

async fn mapping(client: &Client, migration: &str) -> Result<String> {
    let request = v1::CreateMappingRequest {
        parent: migration.to_owned(),
        mapping_id: "default".to_owned(),
        mapping: Some(v1::Mapping::default()),
        ..Default::default()
    };
    let mut mapping = client.call(request).await?;
    let exclusion = v1::RecordFilter {
        kind: v1::RecordKind::Customer.into(),
        name: "test_account".to_owned(),
        predicate: "includes(array!(.tags), \"test-account\")".to_owned(),
    };
    mapping.content.get_or_insert_default().exclusions.push(exclusion);
    let request = v1::UpdateMappingRequest { mapping: Some(mapping), ..Default::default() };
    let mapping = client.call(request).await?;
    let request =
        v1::PublishMappingRequest { name: mapping.name, etag: mapping.etag, ..Default::default() };
    Ok(client.call(request).await?.name)
}

/// Says how to call the server, and waits for Ctrl-C.
async fn keep(server: &Server, token: &str, migration: &str) -> Result<()> {
    let address = server.address;
    println!();
    println!("The server listens on {address} until Ctrl-C. Call it from another terminal:");
    println!("  export TOKEN={token}");
    println!("  npx @bufbuild/buf curl --protocol grpc --http2-prior-knowledge \\");
    println!("    --header \"authorization: Bearer $TOKEN\" --reflect-header '*' \\");
    println!(
        "    --data '{{\"parent\":\"{migration}\"}}' http://{address}/cartage.v1.RunService/ListRuns"
    );
    println!(
        "  cargo run -p cartage-client --bin cartage -- --server http://{address} --token $TOKEN run list {migration}"
    );
    println!("  python3 -m pip install grpcio grpcio-reflection   # then call it by reflection");
    tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")
}

fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}
