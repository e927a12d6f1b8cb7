//! The demo: a made-up shop with planted faults is migrated end to end over gRPC into a simulated
//! Medusa, and every outcome is compared with what was planted.

mod check;
mod planted;
mod show;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use cartage_client::{Client, report, road, v1};
use cartage_sandbox::{medusa, shopify_export};

use crate::server::{self, Server, interrupted};
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
    /// A `cartage-server` that is built already.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// What was started, and must be stopped however the demo ends.
#[derive(Default)]
struct Started {
    server: Option<Server>,
    shop: Option<medusa::Medusa>,
}

/// What a person may look at afterwards.
struct Outcome {
    token: String,
    migration: String,
    /// Whether all is as planted.
    verdict: Result<()>,
}

/// Walks the demo. Whatever was started is stopped, also where it is interrupted.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let mut started = Started::default();
    let walked = tokio::select! {
        biased;
        heard = interrupted() => heard.and_then(|()| bail!("interrupted")),
        walked = demo(options, &mut started) => walked,
    };
    let done = match (walked, &started.server) {
        (Ok(outcome), Some(server)) => {
            let kept = match options.keep {
                true => keep(server, &outcome.token, &outcome.migration).await,
                false => Ok(()),
            };
            outcome.verdict.and(kept)
        }
        (walked, _) => walked.and_then(|outcome| outcome.verdict),
    };
    let stopped = started.stop().await;
    done.and(stopped)
}

impl Started {
    async fn stop(self) -> Result<()> {
        let server = match self.server {
            Some(server) => server.stop().await,
            None => Ok(()),
        };
        if let Some(shop) = self.shop {
            shop.stop().await.context("stopping the shop")?;
        }
        server
    }
}

/// The folder of the demo's files: a new one, for a server's data of an earlier demo would hold
/// its records too.
fn folder(options: &Options) -> Result<PathBuf> {
    let folder = match &options.data_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => std::env::temp_dir().join(format!("cartage-demo-{}", std::process::id())),
    };
    let is_used = ["data", "export"].iter().any(|part| folder.join(part).exists());
    ensure!(
        !is_used,
        "{} holds an earlier demo: name another folder by --data-dir, or remove this one",
        folder.display()
    );
    Ok(folder)
}

async fn demo(options: &Options, started: &mut Started) -> Result<Outcome> {
    let begun = Instant::now();
    let folder = folder(options)?;
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
    let shop = started.shop.insert(shop);
    shown.done(&shop.url());
    shown.stage("Building and starting cartage-server with its own PostgreSQL");
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server::build().await?,
    };
    let server = Server::start_program(&program, &folder.join("data"), &[]).await?;
    let server = started.server.insert(server);
    shown.done(&server.uri());
    let token = server.token("demo", &["*"]).await?;
    let client = Client::connect(&server.uri(), &token).await?;

    let walked = walk(&client, &export, shop, &mut shown).await;
    let walked = walked.with_context(|| format!("the server's log is {}", server.log.display()))?;
    let html = folder.join("report.html");
    let json = folder.join("report.json");
    use v1::export_verification_report_request::Format;
    report::export_to_file(&client, &walked.report.name, Format::Html, &html).await?;
    report::export_to_file(&client, &walked.report.name, Format::Json, &json).await?;

    let verdict = check::manifest(&client, &walked, &manifest, &export).await;
    check::print(&walked, &manifest);
    println!("report        {}", html.display());
    println!("as JSON       {}", json.display());
    println!("took          {:.0?}", begun.elapsed());
    Ok(Outcome { token, migration: walked.migration, verdict })
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

/// Says how to call the server, and waits for Ctrl-C or SIGTERM.
async fn keep(server: &Server, token: &str, migration: &str) -> Result<()> {
    let uri = server.uri();
    println!();
    println!("The server listens on {uri} until Ctrl-C. Call it from another terminal:");
    println!("{}", calls(&uri, &server.address.to_string(), token, migration));
    interrupted().await
}

/// Calls of the server in other languages, to be copied as they are.
fn calls(uri: &str, address: &str, token: &str, migration: &str) -> String {
    format!(
        r#"
export CARTAGE_TOKEN={token}

npx --yes @bufbuild/buf curl --protocol grpc --http2-prior-knowledge \
    --header "authorization: Bearer $CARTAGE_TOKEN" --reflect-header '*' \
    --data '{{"parent": "{migration}"}}' {uri}/cartage.v1.RunService/ListRuns

cargo run -p cartage-client --bin cartage -- --server {uri} run list {migration}

python3 -m pip install grpcio grpcio-reflection
python3 - <<'END'
import os
import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

channel = grpc.insecure_channel("{address}")
pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
service = pool.FindServiceByName("cartage.v1.RunService")
method = service.FindMethodByName("ListRuns")
request, response = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
call = channel.unary_unary(
    "/cartage.v1.RunService/ListRuns",
    request_serializer=request.SerializeToString,
    response_deserializer=response.FromString,
)
token = ("authorization", "Bearer " + os.environ["CARTAGE_TOKEN"])
for run in call(request(parent="{migration}"), metadata=[token]).runs:
    print(json_format.MessageToJson(run))
END
"#
    )
}

fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_once() {
        let place = tempfile::tempdir().unwrap();
        let data_dir = Some(place.path().to_owned());
        let options = Options { small: true, keep: false, seed: 1, data_dir, server: None };
        assert_eq!(folder(&options).unwrap(), place.path());
        std::fs::create_dir(place.path().join("data")).unwrap();
        let refused = folder(&options).unwrap_err().to_string();
        assert!(refused.contains("earlier demo") && refused.contains("--data-dir"), "{refused}");
    }

    #[test]
    fn the_calls_that_are_printed_are_filled_in() {
        let text =
            calls("http://127.0.0.1:7", "127.0.0.1:7", "secret", "accounts/demo/migrations/m");
        assert!(text.contains("CARTAGE_TOKEN=secret"));
        assert!(text.contains(r#"insecure_channel("127.0.0.1:7")"#));
        assert!(text.contains(r#"'{"parent": "accounts/demo/migrations/m"}'"#));
        assert!(!text.contains("{{"));
        // Those of the README are tested against a server.
        let readme = include_str!("../../../README.md");
        let of_buf = text.lines().skip_while(|line| !line.starts_with("npx ")).take(2);
        assert!(of_buf.clone().count() == 2 && of_buf.clone().all(|line| readme.contains(line)));
    }
}
