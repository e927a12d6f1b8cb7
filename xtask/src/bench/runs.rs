//! A live run into an unthrottled shop: records per second, processor time per record, and whether
//! memory grows with the shop.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use cartage_client::{
    Client, road, v1,
    wait::{self, Update},
};
use cartage_sandbox::{medusa, shopify_export};
use tokio::time::Instant;

use crate::{
    ready,
    server::{self, Server, Usage},
};

const ACCOUNT: &str = "bench";
/// How much more memory the largest shop may take than the smallest, in hundredths.
const GROWTH_MAX: u64 = 120;

/// How many records of each kind are rehearsed before, from which the run knows what they cost.
const REHEARSED: i64 = 500;

/// The error of the ETA that is allowed at the median, from when on it is asked for (the part of the
/// records that is done, as a divisor), and until when.
const ETA_ERROR_MAX: f64 = 0.1;
const ETA_FROM: i64 = 20;
const ETA_UNTIL: Duration = Duration::from_secs(5);

/// Measures live runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many records the shops have, about.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000])]
    records: Vec<usize>,
    /// The seed of the shops.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// A `cartage-server` that is built already.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Print what is told of the progress.
    #[arg(long)]
    trace: bool,
}

/// Measures each shop with a server of its own, and prints a line for it.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server::build().await?,
    };
    let mut measured = Vec::new();
    for records in &options.records {
        measured.push(measure(&program, *records, options).await?);
    }
    let (Some(first), Some(last)) = (measured.first(), measured.last()) else { return Ok(()) };
    let growth = last.peak_kib * 100 / first.peak_kib.max(1);
    println!("the server of the last shop took {growth} % of the memory of the first");
    ensure!(growth <= GROWTH_MAX, "memory grows with the shop");
    let is_off = |it: &Measured| it.eta_error.is_some_and(|error| error >= ETA_ERROR_MAX);
    ensure!(!measured.iter().any(is_off), "the ETA is too far off");
    Ok(())
}

/// What is held against the limits, once all shops are measured.
struct Measured {
    peak_kib: u64,
    eta_error: Option<f64>,
}

#[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
async fn measure(program: &std::path::Path, records: usize, options: &Options) -> Result<Measured> {
    let folder = tempfile::Builder::new().prefix("cartage-bench-").tempdir()?;
    let export = folder.path().join("export");
    shopify_export::generate(&ready::shop(records, options.seed), &export)
        .context("making the shop")?;
    let shop = medusa::start(medusa::Options::default()).await.context("starting the shop")?;
    let server = Server::start_program(program, &folder.path().join("data"), &[]).await?;
    let token = server.token(ACCOUNT, &["*"]).await?;
    let client = Client::connect(&server.uri(), &token).await?;
    let run = ready::live_run(&client, ACCOUNT, &export, &shop, REHEARSED).await?;

    let before = server.usage()?;
    let begun = Instant::now();
    road::start_run(&client, &run).await?;
    let mut told = Vec::new();
    let run = wait::run(&client, &run, |update| {
        if let Update::Progress(progress) = update {
            told.extend(Told::of(begun.elapsed(), &progress));
            if options.trace {
                println!("{}", trace(begun.elapsed(), &progress));
            }
        }
    });
    let run = run.await?;
    let took = begun.elapsed();
    let after = server.usage()?;
    server.stop().await?;
    shop.stop().await.context("stopping the shop")?;
    ensure!(run.state() == v1::run::State::Succeeded, "the run is {:?}", run.state());
    let total = run.accounting.unwrap_or_default().total;
    println!("{}", line(total, took.as_secs_f64(), before, after));
    let eta_error = eta_error(&told, took);
    if let Some(error) = eta_error {
        println!("ETA: off by {:.1} % at the median of {} tellings", error * 100.0, told.len());
    }
    Ok(Measured { peak_kib: after.peak_kib, eta_error })
}

/// What was said about the end, at some time.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Duration,
    eta: Duration,
}

impl Told {
    /// None before so much is done that something can be said.
    fn of(at: Duration, progress: &v1::Progress) -> Option<Self> {
        let is_early = progress.done * ETA_FROM < progress.total?;
        let eta = progress.eta.and_then(|eta| Duration::try_from(eta).ok())?;
        (!is_early).then_some(Self { at, eta })
    }
}

/// By what share the time that was left was missed, at the median; of the last moments nothing is asked.
#[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
fn eta_error(told: &[Told], took: Duration) -> Option<f64> {
    let mut errors: Vec<f64> = told
        .iter()
        .filter(|told| took.saturating_sub(told.at) > ETA_UNTIL)
        .map(|told| {
            let left = took.saturating_sub(told.at).as_secs_f64();
            (told.eta.as_secs_f64() - left).abs() / left
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied()
}

fn trace(at: Duration, progress: &v1::Progress) -> String {
    let eta_s = |eta: &Option<prost_types::Duration>| eta.as_ref().map_or(-1, |eta| eta.seconds);
    let kinds: Vec<String> = progress
        .kinds
        .iter()
        .map(|it| {
            let kind = it.kind().as_str_name().trim_start_matches("RECORD_KIND_").to_lowercase();
            format!("{kind} {}/{} eta {} s", it.done, it.total.unwrap_or(-1), eta_s(&it.eta))
        })
        .collect();
    format!(
        "{at:.1?}: {} done, eta {} s; {}",
        progress.done,
        eta_s(&progress.eta),
        kinds.join(", ")
    )
}

#[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
fn line(total: i64, took_s: f64, before: Usage, after: Usage) -> String {
    let total_f = f64::from(i32::try_from(total).unwrap_or(i32::MAX));
    let cpu_ms = after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1_000.0;
    format!(
        "{total} records in {took_s:.0} s: {:.0} a second, {:.1} ms of processor time each, {} MiB at most",
        total_f / took_s,
        cpu_ms / total_f,
        after.peak_kib / 1024,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eta_is_held_against_what_was_left() {
        let told = |at, eta| Told { at: Duration::from_secs(at), eta: Duration::from_secs(eta) };
        let took = Duration::from_secs(100);
        let errors = [told(10, 99), told(50, 50), told(60, 50), told(99, 60)];
        assert_eq!(eta_error(&errors, took), Some(0.1));
        assert_eq!(eta_error(&[told(99, 1)], took), None);
        let progress = |done| v1::Progress {
            done,
            total: Some(100),
            eta: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
            ..Default::default()
        };
        assert!(Told::of(took, &progress(4)).is_none() && Told::of(took, &progress(5)).is_some());
    }

    #[test]
    fn a_line_says_what_a_record_costs() {
        let usage = |seconds, peak_kib| Usage {
            cpu: Duration::from_secs(seconds),
            peak_kib,
            rss_kib: peak_kib,
        };
        let line = line(1_000, 20.0, usage(5, 1_024), usage(15, 204_800));
        let expected =
            "1000 records in 20 s: 50 a second, 10.0 ms of processor time each, 200 MiB at most";
        assert_eq!(line, expected);
    }
}
