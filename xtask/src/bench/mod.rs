//! `cargo xtask bench <name>`: figures that the documentation gives, measured anew.

mod budgets;

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
}

/// Measures what is asked for.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    match &options.what {
        What::Budgets(options) => budgets::run(options).await,
    }
}
