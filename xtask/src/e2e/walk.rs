//! One migration over gRPC with the client crate, the second run, and what the server says of
//! both: ledgers and links.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cartage_client::road::{self, Options, Rehearsal, Stage, Step, Walked};
use cartage_client::v1::{self, connection::Config, credentials::Secret, shopify_csv_config};
use cartage_client::{Client, paginate};
use futures::TryStreamExt;

use super::compare::Ledger;
use super::facts::{Id, Kind};
use super::shops::Shop;

/// The account of all migrations.
pub(crate) const ACCOUNT: &str = "accounts/e2e";

/// A migration that was walked.
#[derive(Debug)]
pub(crate) struct Migrated {
    /// Everything that came of the road.
    pub(crate) walked: Walked,
    /// What became of the records.
    pub(crate) ledger: Ledger,
    /// The object of each record that has one.
    pub(crate) targets: BTreeMap<Id, String>,
    /// How long the live run took.
    pub(crate) live: Duration,
    /// How long all of it took.
    pub(crate) whole: Duration,
}

/// Where and how a shop is migrated.
#[derive(Clone, Debug)]
pub(crate) struct Way<'a> {
    /// The address of the target.
    pub(crate) target: &'a str,
    /// Its secret API key.
    pub(crate) api_key: &'a str,
    /// A mapping of our own; then audit and rehearsal are left out.
    pub(crate) mapping: Option<v1::MappingContent>,
}

/// Migrates a shop into Medusa, all stages.
pub(crate) async fn migrate(client: &Client, shop: &Shop, way: Way<'_>) -> Result<Migrated> {
    let path = shop.folder.display().to_string();
    let source = Config::ShopifyCsv(v1::ShopifyCsvConfig {
        source: Some(shopify_csv_config::Source::Path(path)),
        default_currency_code: shop.currency.to_owned(),
        ..Default::default()
    });
    let source = connect(client, &format!("{}-exports", shop.name), source, None).await?;
    let target = v1::MedusaConfig { base_url: way.target.to_owned(), ..Default::default() };
    let secret = Some(Secret::ApiKey(way.api_key.to_owned()));
    let name = format!("{}-medusa", shop.name);
    let target = connect(client, &name, Config::Medusa(target), secret).await?;
    let options = Options {
        migration_id: shop.name.to_owned(),
        display_name: format!("end to end: {}", shop.name),
        comment: "end to end".to_owned(),
        audit: way.mapping.is_none(),
        rehearsal: match &way.mapping {
            Some(_) => Rehearsal::Skip,
            None => Rehearsal::NewSandbox,
        },
        mapping: way.mapping,
        ..Options::new(ACCOUNT, &source, &target)
    };
    let started = Instant::now();
    let mut clock = Clock { started, stage: None, live: Duration::ZERO };
    let walked = road::walk(client, client, &options, &mut |step| clock.hear(step)).await;
    let walked = walked.with_context(|| format!("migrating the shop `{}`", shop.name))?;
    let ledger = ledger(client, &walked.run.name).await?;
    let targets = targets(client, &walked.migration.name).await?;
    Ok(Migrated { walked, ledger, targets, live: clock.live, whole: started.elapsed() })
}

/// Runs the approved plan once more.
pub(crate) async fn again(client: &Client, walked: &Walked) -> Result<(v1::Run, Ledger)> {
    let before = &walked.target_snapshot.name;
    let plan = &walked.plan.name;
    let run = road::live_run(client, &walked.migration.name, plan, before, |_| {}).await;
    let run = run.context("the second run")?;
    let ledger = ledger(client, &run.name).await?;
    Ok((run, ledger))
}

async fn connect(
    client: &Client,
    id: &str,
    config: Config,
    secret: Option<Secret>,
) -> Result<String> {
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
    Ok(client.call(request).await.with_context(|| format!("the connection {id}"))?.name)
}

/// Prints the stages, and takes the time of the live run.
struct Clock {
    started: Instant,
    stage: Option<(Stage, Instant)>,
    live: Duration,
}

impl Clock {
    fn hear(&mut self, step: Step) {
        match step {
            Step::Begun { stage, .. } => self.stage = Some((stage, Instant::now())),
            Step::Done { stage, summary, .. } => {
                let begun = self.stage.filter(|(of, _)| *of == stage).map(|(_, begun)| begun);
                let took = begun.unwrap_or(self.started).elapsed();
                if stage == Stage::LiveRun {
                    self.live = took;
                }
                let (stage, took) = (stage.to_string(), super::report::seconds(took));
                println!("  {stage:<24} {took:>9}  {summary}");
            }
            _ => {}
        }
    }
}

async fn ledger(client: &Client, run: &str) -> Result<Ledger> {
    let request = v1::ListRunRecordsRequest {
        parent: run.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let mut lines = std::pin::pin!(paginate(client, request));
    let mut ledger = Ledger::new();
    while let Some(line) = lines.try_next().await.context("reading the ledger")? {
        let Some(kind) = Kind::of(line.kind()) else { bail!("the ledger has a {:?}", line.kind()) };
        let id = (kind, line.source_id.clone());
        ensure!(ledger.insert(id, line).is_none(), "a record stands in the ledger twice");
    }
    Ok(ledger)
}

/// The objects that records themselves became; links of their parts are left out.
async fn targets(client: &Client, migration: &str) -> Result<BTreeMap<Id, String>> {
    let request = v1::ListRecordLinksRequest {
        parent: migration.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let mut links = std::pin::pin!(paginate(client, request));
    let mut targets = BTreeMap::new();
    while let Some(link) = links.try_next().await.context("reading the links")? {
        if let Some(kind) = Kind::of(link.kind()).filter(|kind| kind.word() == link.role) {
            targets.insert((kind, link.source_id), link.target_id);
        }
    }
    Ok(targets)
}
