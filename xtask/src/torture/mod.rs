//! `cargo xtask torture`: a live run whose processes are killed again and again, now the worker, now
//! the whole server, and what it costs. The shop lives in this process and forgets nothing.

mod site;
mod witness;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use cartage_client::{Client, road, v1, wait};
use cartage_sandbox::{medusa, shopify_export};
use serde_json::Value;
use tokio::time::Instant;

use self::{
    site::{Site, Victim},
    witness::Witness,
};
use crate::{ready, server};

const ACCOUNT: &str = "torture";
/// How much longer than a lease it may take until the work goes on.
const RESUME_BEYOND_LEASE: Duration = Duration::from_secs(5);
/// How many watch the events.
const WITNESSES: usize = 4;
/// How long the work may stand still.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a record costs in requests before that is measured.
const REQUESTS_PER_RECORD: u64 = 3;

/// How it is tortured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How often something is killed.
    #[arg(long, default_value_t = 50)]
    kills: u64,
    /// How many records the shop has, about.
    #[arg(long, default_value_t = 5_000)]
    records: usize,
    /// The length of a lease.
    #[arg(long, default_value_t = 2)]
    lease_s: u64,
    /// The seed of the shop, and of the moments of the kills.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// A `cartage-server` that is built already.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// What the kills cost.
#[derive(Debug, Default)]
struct Cost {
    workers: u64,
    servers: u64,
    /// Calls without a result at each kill.
    in_flight: Vec<u64>,
    /// From each kill until the next request to the shop.
    pauses: Vec<Duration>,
}

/// Tortures, prints what it cost, and fails where anything was lost.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix("cartage-torture-").tempdir()?;
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server::build().await?,
    };
    let export = folder.path().join("export");
    shopify_export::generate(&ready::shop(options.records, options.seed), &export)
        .context("making the shop")?;
    let shop = medusa::start(medusa::Options::default()).await.context("starting the shop")?;
    let mut site = Site::start(&program, &folder.path().join("site"), options.lease_s).await?;
    let client = site.client(ACCOUNT).await?;

    println!("preparing a live run …");
    let run = ready::live_run(&client, ACCOUNT, &export, &shop, 0).await?;
    let migration = run.split("/runs/").next().unwrap_or_default().to_owned();
    let witnesses: Vec<Witness> =
        (0..WITNESSES).map(|_| Witness::of(&client, &migration, &run)).collect();
    let live = Instant::now();
    road::start_run(&client, &run).await?;
    let cost = torture(options, &mut site, &shop, &client, &run).await?;
    let ended = wait::run(&client, &run, |_| {}).await?;
    let live = live.elapsed();
    let mut events = 0;
    for witness in witnesses {
        events = events.max(witness.testimony().await?);
    }

    println!("verifying …");
    let report = road::verify_run(&client, &run, |_| {}).await?;
    let state = shop.state(shop.api_key());
    let calls = site.count("select count(*) from external_call").await?;
    site.stop().await?;
    shop.stop().await.context("stopping the shop")?;
    let verdict = judge(&ended, &report, &state);
    print(options, &ended, &verdict, &cost);
    println!(
        "the live run took {live:.0?}, all of it {:.0?}; {calls} calls in the journal, {} writes at the \
         shop; each of {WITNESSES} watchers saw {events} events, without a gap or a repeat",
        begun.elapsed(),
        state["writes"],
    );
    verdict.check(options, &cost)
}

/// Kills and revives, evenly over the work: behind each kill so much is left for each that is to come.
async fn torture(
    options: &Options,
    site: &mut Site,
    shop: &medusa::Medusa,
    client: &Client,
    run: &str,
) -> Result<Cost> {
    let mut cost = Cost::default();
    let mut chance = Chance(options.seed);
    let in_scope = u64::try_from(options.records)?;
    let done = format!("select count(*) from run_record where run = '{run}'");
    let open = "select count(*) from external_call where state = 'intended'";
    let first = shop.requests();
    // Until the first intent is written there is nothing to lose.
    while site.count("select count(*) from external_call").await? == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for kill in 0..options.kills {
        let done = site.count(&done).await?;
        let spent = shop.requests() - first;
        let per_record = if done > 100 { spent.div_ceil(done) } else { REQUESTS_PER_RECORD };
        let left = in_scope.saturating_sub(done) * per_record / (options.kills - kill + 1);
        // Twice the mean at most, so that the kills come at any distance.
        let goal = shop.requests() + 1 + chance.below(left.max(1) * 2);
        requests_reach(shop, goal, client, run, kill).await?;
        let victim = if kill % 2 == 0 { Victim::Worker } else { Victim::Server };
        site.kill(victim).await?;
        let killed = Instant::now();
        match victim {
            Victim::Worker => cost.workers += 1,
            Victim::Server => cost.servers += 1,
        }
        cost.in_flight.push(site.count(open).await?);
        site.revive().await?;
        let goal = shop.requests() + 1;
        requests_reach(shop, goal, client, run, kill).await?;
        cost.pauses.push(killed.elapsed());
        if (kill + 1) % 50 == 0 {
            println!("{} kills, {done} records done", kill + 1);
        }
    }
    Ok(cost)
}

/// Waits until the shop has been asked so often.
async fn requests_reach(
    shop: &medusa::Medusa,
    goal: u64,
    client: &Client,
    run: &str,
    kill: u64,
) -> Result<()> {
    if tokio::time::timeout(PATIENCE, shop.requests_reach(goal)).await.is_ok() {
        return Ok(());
    }
    let run = client.call(v1::GetRunRequest { name: run.to_owned() }).await?;
    bail!("after {kill} kills the run is {} and asks for nothing", run.state().as_str_name())
}

/// What became of the records.
#[derive(Debug)]
struct Verdict {
    state: v1::run::State,
    records: i64,
    lost: i64,
    duplicated: i64,
    different: i64,
    unknown: i64,
}

fn judge(run: &v1::Run, report: &v1::VerificationReport, shop: &Value) -> Verdict {
    let accounting = run.accounting.clone().unwrap_or_default();
    let unknown = accounting.outcomes.map(|outcomes| outcomes.unknown).unwrap_or_default();
    let sum = |of: fn(&v1::KindComparison) -> i64| report.comparisons.iter().map(of).sum::<i64>();
    let twice = shop["duplicates"].as_object().map_or(0, |kinds| {
        kinds.values().filter_map(Value::as_object).map(serde_json::Map::len).sum()
    });
    Verdict {
        state: run.state(),
        records: accounting.total,
        lost: accounting.unaccounted + sum(|kind| kind.missing),
        duplicated: i64::try_from(twice).unwrap_or(i64::MAX) + sum(|kind| kind.unexpected),
        different: sum(|kind| kind.different),
        unknown,
    }
}

impl Verdict {
    fn check(&self, options: &Options, cost: &Cost) -> Result<()> {
        ensure!(self.state == v1::run::State::Succeeded, "the run is {:?}", self.state);
        let wrong = self.lost + self.duplicated + self.different + self.unknown;
        ensure!(wrong == 0, "{self:?}");
        let limit = Duration::from_secs(options.lease_s) + RESUME_BEYOND_LEASE;
        let longest = cost.pauses.iter().max().copied().unwrap_or_default();
        ensure!(longest <= limit, "it took {longest:.1?} until the work went on, not {limit:?}");
        Ok(())
    }
}

fn print(options: &Options, run: &v1::Run, verdict: &Verdict, cost: &Cost) {
    let Verdict { records, lost, duplicated, different, unknown, .. } = verdict;
    println!(
        "{records} records, {} kills: {lost} lost, {duplicated} duplicated, {different} different, \
         {unknown} unknown",
        options.kills,
    );
    let mut pauses = cost.pauses.clone();
    pauses.sort();
    let at = |share: usize| pauses.get(pauses.len() * share / 100).or(pauses.last());
    let most = cost.in_flight.iter().max().copied().unwrap_or_default();
    let sum: u64 = cost.in_flight.iter().sum();
    println!(
        "{} times the worker, {} times the whole server; {} recoveries; calls in flight at a kill: {most} at \
         most, {} on average; until the work went on: {:.1?} at the median, {:.1?} at most, with a lease of \
         {} s",
        cost.workers,
        cost.servers,
        run.recovery_count,
        sum / u64::try_from(cost.in_flight.len().max(1)).unwrap_or(1),
        at(50).copied().unwrap_or_default(),
        pauses.last().copied().unwrap_or_default(),
        options.lease_s,
    );
}

/// Numbers that are the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_or_there_twice_is_counted() {
        let kind = v1::KindComparison { missing: 2, unexpected: 1, ..Default::default() };
        let report = v1::VerificationReport { comparisons: vec![kind, kind], ..Default::default() };
        let accounting = v1::Accounting {
            total: 10,
            unaccounted: 1,
            outcomes: Some(v1::OutcomeCounts { unknown: 3, ..Default::default() }),
            ..Default::default()
        };
        let run = v1::Run { accounting: Some(accounting), ..Default::default() };
        let shop = serde_json::json!({ "duplicates": { "products": { "a": ["1", "2"] } } });
        let verdict = judge(&run, &report, &shop);
        assert_eq!((verdict.records, verdict.lost, verdict.duplicated), (10, 5, 3));
        assert_eq!(verdict.unknown, 3);
        assert!(verdict.check(&options(), &Cost::default()).is_err());
    }

    #[test]
    fn a_run_that_goes_on_late_is_no_success() {
        let verdict = Verdict {
            state: v1::run::State::Succeeded,
            records: 1,
            lost: 0,
            duplicated: 0,
            different: 0,
            unknown: 0,
        };
        let cost = |seconds| Cost {
            pauses: vec![Duration::from_secs(1), Duration::from_secs(seconds)],
            ..Cost::default()
        };
        assert!(verdict.check(&options(), &cost(7)).is_ok());
        assert!(verdict.check(&options(), &cost(8)).is_err());
    }

    fn options() -> Options {
        Options { kills: 2, records: 10, lease_s: 2, seed: 1, server: None }
    }
}
