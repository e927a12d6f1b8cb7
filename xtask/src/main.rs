//! The repository's chores: `cargo xtask <chore>`. One module per chore.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod bench;
mod demo;
mod e2e;
mod ready;
mod server;
mod sqlx;
mod states;
mod tidy;
mod torture;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the Cartage repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Measures what the documentation gives figures of.
    Bench(bench::Options),
    /// Migrates a made-up shop end to end, and checks every outcome.
    Demo(demo::Options),
    /// Migrates shops into a real server of a platform, and compares everything.
    E2e(e2e::Options),
    /// Writes `.sqlx/`, what the compiler knows about our queries, from a scratch database.
    Sqlx(sqlx::Options),
    /// Draws the diagrams of states in ARCHITECTURE.md from the engine's tables.
    States(states::Options),
    /// Checks the rules of the code base that the compiler and clippy do not know.
    Tidy,
    /// Kills the processes of a live run again and again, and counts what it cost.
    Torture(torture::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let root = root();
    let done = match Cli::parse().chore {
        Chore::Bench(options) => bench::run(&options).await,
        Chore::Demo(options) => demo::run(&options).await,
        Chore::E2e(options) => e2e::run(&root, &options).await,
        Chore::Sqlx(options) => sqlx::run(&root, &options).await,
        Chore::States(options) => states::run(&root, &options),
        Chore::Tidy => tidy::run(&root),
        Chore::Torture(options) => torture::run(&options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the repository's folder.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Returns the cargo that runs us.
fn cargo() -> std::process::Command {
    std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
