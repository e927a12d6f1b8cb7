//! Temporary: the end-to-end test alone.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]
#[path = "../src/e2e/mod.rs"]
mod e2e;
#[path = "../src/server.rs"]
mod server;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use clap::Parser;
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: e2e::Options,
}
#[tokio::main]
async fn main() -> ExitCode {
    match e2e::run(&root(), &Cli::parse().options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
fn cargo() -> std::process::Command {
    std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
