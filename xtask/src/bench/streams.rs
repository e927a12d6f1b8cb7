//! Many watchers of one migration: how late they hear of an event, what each of them costs, and whether
//! other calls suffer.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail, ensure};
use cartage_client::{
    Client, road, v1,
    watch::{Item, watch},
};
use tokio::{
    sync::{Barrier, mpsc},
    task::JoinSet,
    time::Instant,
};

use crate::server::{self, Server};

const ACCOUNT: &str = "bench";
/// How many streams a connection carries.
const STREAMS_PER_CONNECTION: usize = 50;
/// How late an event may be at 99 of 100 watchers.
const LAG_MAX: Duration = Duration::from_secs(1);
/// How much memory a watcher may take.
const KIB_EACH_MAX: u64 = 64;
/// How many other calls are measured at a time.
const CALLS: usize = 200;

/// Measures streams.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many watch.
    #[arg(long, default_value_t = 10_000)]
    watchers: usize,
    /// How many events they hear of.
    #[arg(long, default_value_t = 20)]
    events: usize,
    /// A `cartage-server` that is built already.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// Measures, prints, and fails where a figure is missed.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server::build().await?,
    };
    let folder = tempfile::Builder::new().prefix("cartage-bench-").tempdir()?;
    let most = (options.watchers + 10).to_string();
    let limits = [
        "--streams-max",
        &most,
        "--streams-per-account-max",
        &most,
        "--streams-per-principal-max",
        &most,
    ];
    let server = Server::start_program(&program, &folder.path().join("data"), &limits).await?;
    let token = server.token(ACCOUNT, &["*"]).await?;
    let client = Client::connect(&server.uri(), &token).await?;
    let migration = migration(&client).await?;
    let alone = calls(&client, &migration).await?;
    let before = server.usage()?;

    let heard_by_all = Arc::new(Barrier::new(options.watchers + 1));
    let (sender, mut lags) = mpsc::unbounded_channel();
    let mut watchers = JoinSet::new();
    for place in 0..options.watchers.div_ceil(STREAMS_PER_CONNECTION) {
        let connection = Client::connect(&server.uri(), &token).await?;
        let first = place * STREAMS_PER_CONNECTION;
        for _ in first..options.watchers.min(first + STREAMS_PER_CONNECTION) {
            let request = v1::WatchEventsRequest {
                parent: migration.clone(),
                heartbeat_interval: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
                ..Default::default()
            };
            let watching = listen(
                connection.clone(),
                request,
                options.events,
                Arc::clone(&heard_by_all),
                sender.clone(),
            );
            watchers.spawn(watching);
        }
    }
    drop(sender);
    let opening = Instant::now();
    heard_by_all.wait().await;
    println!("{} watchers are there after {:.1?}", options.watchers, opening.elapsed());
    let idle = calls(&client, &migration).await?;
    let open = server.usage()?;

    let mut beside = Vec::new();
    for _ in 0..options.events {
        let other = client.clone();
        let name = migration.clone();
        let call = tokio::spawn(async move { calls(&other, &name).await });
        // Each publishes a revision, which is an event of the migration.
        road::publish_mapping(&client, &migration, None).await?;
        beside.extend(call.await??);
    }
    let mut late = Vec::with_capacity(options.watchers * options.events);
    while let Some(lag) = lags.recv().await {
        late.push(lag);
    }
    while let Some(done) = watchers.join_next().await {
        done??;
    }
    server.stop().await?;

    let (alone, idle, beside, late) =
        (Spread::of(alone), Spread::of(idle), Spread::of(beside), Spread::of(late));
    let held = open.rss_kib.saturating_sub(before.rss_kib);
    let each = held / u64::try_from(options.watchers.max(1))?;
    println!(
        "{} watchers, {} events each: {late} late; {each} KiB each ({} MiB before, {} MiB with them)",
        options.watchers,
        options.events,
        before.rss_kib / 1024,
        open.rss_kib / 1024,
    );
    println!(
        "other calls: {alone} without watchers, {idle} beside them, {beside} while events are told"
    );
    ensure!(late.p99 < LAG_MAX, "the events are too late");
    ensure!(each <= KIB_EACH_MAX, "a watcher takes too much memory");
    Ok(())
}

/// A migration that nobody has to run.
async fn migration(client: &Client) -> Result<String> {
    use v1::{connection::Config, shopify_csv_config::Source};
    let csv = Config::ShopifyCsv(v1::ShopifyCsvConfig {
        source: Some(Source::Path("/nowhere".to_owned())),
        time_zone: "UTC".to_owned(),
        default_currency_code: "EUR".to_owned(),
        ..Default::default()
    });
    let medusa =
        v1::SandboxConfig { platform: "platforms/medusa".to_owned(), ..Default::default() };
    let mut names = Vec::new();
    for config in [csv, Config::Sandbox(medusa)] {
        let request = v1::CreateConnectionRequest {
            parent: format!("accounts/{ACCOUNT}"),
            connection: Some(v1::Connection { config: Some(config), ..Default::default() }),
            ..Default::default()
        };
        names.push(client.call(request).await?.name);
    }
    let [source, target] = names.as_slice() else { bail!("two connections are two") };
    let options = road::Options::new(&format!("accounts/{ACCOUNT}"), source, target);
    Ok(road::create_migration(client, &options).await?.name)
}

/// Watches until so many events came, and tells how late each was.
async fn listen(
    client: Client,
    request: v1::WatchEventsRequest,
    events: usize,
    heard_by_all: Arc<Barrier>,
    lags: mpsc::UnboundedSender<Duration>,
) -> Result<()> {
    let mut watcher = watch(&client, request);
    let mut heard = 0;
    while heard < events {
        let message = watcher.next().await.context("the stream ended")??;
        match message.item {
            Item::Synced { .. } => {
                heard_by_all.wait().await;
            }
            Item::Durable(event) if event.r#type == "mapping.published" => {
                let made = event.create_time.context("an event has a time")?;
                let made = SystemTime::try_from(made)?;
                lags.send(SystemTime::now().duration_since(made).unwrap_or_default())?;
                heard += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

/// How long other calls take.
async fn calls(client: &Client, migration: &str) -> Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begun = Instant::now();
        client.call(v1::GetMigrationRequest { name: migration.to_owned() }).await?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

/// Durations in three figures.
#[derive(Clone, Copy, Debug)]
struct Spread {
    p50: Duration,
    p99: Duration,
    most: Duration,
}

impl Spread {
    fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort();
        let at = |hundredths: usize| {
            let place = durations.len() * hundredths / 100;
            durations.get(place).or(durations.last()).copied().unwrap_or_default()
        };
        Self { p50: at(50), p99: at(99), most: at(100) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p50, p99, most } = self;
        write!(f, "{p50:.1?} at the median, {p99:.1?} at p99, {most:.1?} at most")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_read_off_what_was_measured() {
        let spread = Spread::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(spread.p50, Duration::from_millis(51));
        assert_eq!(
            (spread.p99, spread.most),
            (Duration::from_millis(100), Duration::from_millis(100))
        );
        assert_eq!(Spread::of(Vec::new()).most, Duration::ZERO);
    }
}
