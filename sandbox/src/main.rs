//! `cartage-sandbox`: a simulated shop as a process of its own.
//!
//! Prints one line of JSON, `{"url": …, "api_key": …}`, when it answers, and runs until it is told
//! to stop. With `--state-file` it writes its state on SIGTERM and on Ctrl-C; killed otherwise it
//! forgets what was written since it started.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use cartage_sandbox::limiter::Limit;
use cartage_sandbox::medusa::{self, Faults, Options};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Simulated shops on loopback.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    shop: Shop,
}

#[derive(Debug, Subcommand)]
enum Shop {
    /// A Medusa 2 shop.
    Medusa {
        /// The address to listen on; port 0 takes any free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// The secret API key; a new one is made without it.
        #[arg(long)]
        api_key: Option<String>,
        /// Where the state is kept from one start to the next.
        #[arg(long)]
        state_file: Option<PathBuf>,
        /// Puts a limit before the shop, as JSON: `{"shape": {"window": {"calls": 150, "window_ms":
        /// 30000}}, "voice": "time_reset"}` or `{"shape": {"bucket": {"capacity": 1000,
        /// "restore_per_s": 50}}, "voice": "cost", "write_cost": 10}`. Voices: silent, retry_after,
        /// rate_limit, time_reset, call_limit, cost. What was counted is at `/__sandbox/limit`.
        #[arg(long, value_parser = limit)]
        limit: Option<Limit>,
        /// What goes wrong from the start, as the JSON that `POST /__sandbox/faults` takes.
        #[arg(long, value_parser = faults)]
        faults: Option<Faults>,
    },
}

fn limit(text: &str) -> Result<Limit, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn faults(text: &str) -> Result<Faults, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let Shop::Medusa { listen, api_key, state_file, limit, faults } = Arguments::parse().shop;
    let faults = faults.unwrap_or_default();
    let options = Options { listen, api_key, state_file, faults, limit };
    let shop = medusa::start(options).await?;
    let ready = serde_json::json!({ "url": shop.url(), "api_key": shop.api_key() });
    writeln!(io::stdout(), "{ready}")?;
    let mut told = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = told.recv() => {}
        pressed = tokio::signal::ctrl_c() => pressed?,
    }
    shop.stop().await
}
