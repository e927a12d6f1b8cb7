//! `cargo xtask bench <name>`: figures that the documentation gives, measured anew.

mod budgets;
mod deltas;
mod runs;
mod streams;

use clap::{Args, Subcommand};

/// Measures.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How much of a published budget is used, and how many calls are refused.
    Budgets(budgets::Options),
    /// How long a final delta takes, and whether a rollback leaves the shop as it was.
    Deltas(deltas::Options),
    /// What a live run costs: records per second, processor time and memory.
    Runs(runs::Options),
    /// How late many watchers hear of an event, and what each costs.
    Streams(streams::Options),
}

/// Measures what is asked for.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    match &options.what {
        What::Budgets(options) => budgets::run(options).await,
        What::Deltas(options) => deltas::run(options).await,
        What::Runs(options) => runs::run(options).await,
        What::Streams(options) => streams::run(options).await,
    }
}
