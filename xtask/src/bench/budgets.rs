//! A connector against a throttled shop, in both shapes of limit: what share of the published budget
//! is used, and what share of the calls is refused. The shop counts.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cartage_connectors::Source;
use cartage_connectors::budget::Budget;
use cartage_connectors::medusa::{Medusa, Settings};
use cartage_model::Kind;
use cartage_sandbox::limiter::{Count, Limit, Shape, Voice};
use cartage_sandbox::medusa;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The least that must be used, in hundredths, and the most that may be refused, in thousandths.
const USED_MIN: u64 = 95;
const REFUSED_MAX: u64 = 1;

/// Measures how well a budget is used.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How long each limit is measured.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many workers call the shop at once.
    #[arg(long, default_value_t = 16)]
    workers: usize,
}

/// Measures each limit and prints a line for it.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let window = |calls, window_ms, voice| Limit::new(Shape::Window { calls, window_ms }, voice);
    let bucket = Shape::Bucket { capacity: 2_000, restore_per_s: 100 };
    let limits = [
        (
            "cost bucket of 2,000 points, 100 back in a second, 10 a call",
            Limit { read_cost: 10, ..Limit::new(bucket, Voice::Cost) },
        ),
        ("fixed window of 450 calls in 30 s", window(450, 30_000, Voice::TimeReset)),
        ("fixed window of 50 calls in 2 s", window(50, 2_000, Voice::RateLimit)),
    ];
    let mut missed = Vec::new();
    for (name, limit) in limits {
        let count = measure(limit, options).await?;
        println!(
            "{name}: {} of {} used ({}.{} %), {} of {} calls refused",
            count.used,
            count.offered,
            count.used * 100 / count.offered.max(1),
            count.used * 1_000 / count.offered.max(1) % 10,
            count.refused,
            count.taken + count.refused,
        );
        if count.used * 100 < count.offered * USED_MIN
            || count.refused * 1_000 > (count.taken + count.refused) * REFUSED_MAX
        {
            missed.push(name);
        }
    }
    ensure!(missed.is_empty(), "less than {USED_MIN} % used, or too many refused: {missed:?}");
    Ok(())
}

async fn measure(limit: Limit, options: &Options) -> Result<Count> {
    let started = medusa::Options { limit: Some(limit), ..medusa::Options::default() };
    let shop = medusa::start(started).await?;
    let budget = Arc::new(Budget::alone());
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut workers = JoinSet::new();
    for _ in 0..options.workers {
        let mut settings = Settings::new(shop.url(), shop.api_key().to_owned().into());
        settings.http.private_hosts_allowed = true;
        settings.budget = Arc::clone(&budget);
        let connector = Medusa::connect(settings)?;
        workers.spawn(async move {
            while Instant::now() < end {
                let count = Source::count(&connector, Kind::Customer);
                match tokio::time::timeout_at(end, count).await {
                    Ok(counted) => drop(counted?),
                    Err(_) => break,
                }
            }
            Ok::<_, cartage_connectors::Error>(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    shop.limit_count().context("the shop has a limit")
}
