//! The command line: global options, commands, exit codes.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

mod audit;
mod connection;
mod context;
mod failure;
mod link_file;
mod links;
mod list;
mod mapping;
mod migrate;
mod migration;
mod output;
mod plan;
mod platform;
mod progress;
mod report;
mod run;
mod run_control;
mod run_create;
mod run_schedule;
mod snapshot;
mod table;
mod upload;
mod value;
mod verify;
mod watch;

use context::Context;
use failure::Failure;

const AFTER: &str = "\
Names may be short: `shop` for a connection or migration, `shop/monday` for a snapshot, `spring/first` for \
a run, audit, mapping or plan; the account is added.

Exit codes:
  0  done
  1  the service reported a failure
  2  wrong usage
  3  the service cannot be reached
  4  the verification found differences

Examples:
  cartage upload export.zip --id spring
  cartage connection create shopify-csv --id old --upload spring
  cartage connection create sandbox --id new --platform medusa
  cartage migrate --source old --target new --accept-losses all --report report.html
  cartage --json run records spring/first --filter 'outcome = QUARANTINED' | jq .sourceId";

/// Moves online shops from one platform to another.
#[derive(Parser)]
#[command(name = "cartage", version, after_help = AFTER, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The service.
    #[arg(
        long,
        global = true,
        env = "CARTAGE_SERVER",
        default_value = "http://127.0.0.1:7400",
        value_name = "URL"
    )]
    server: String,
    /// The bearer token.
    #[arg(
        long,
        global = true,
        env = "CARTAGE_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    token: Option<String>,
    /// A file that holds the bearer token; wins over CARTAGE_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The account; when not given, the token's claim `account` or `sub`.
    #[arg(long, global = true, env = "CARTAGE_ACCOUNT", value_name = "ID")]
    account: Option<String>,
    /// Print one JSON document, or JSON Lines for lists and streams, and errors as JSON on stderr.
    #[arg(long, global = true)]
    json: bool,
    /// Show no progress.
    #[arg(long, global = true)]
    no_progress: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Shops and export files: create, verify, list, delete.
    #[command(subcommand)]
    Connection(connection::Command),
    /// Send a file, and go on where an earlier try stopped.
    Upload(upload::Arguments),
    /// Migrations: create, list, get, cancel, complete.
    #[command(subcommand)]
    Migration(migration::Command),
    /// Snapshots of shops, their records and restore tests.
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    /// Audits and what they found.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Mappings: edit, validate, preview, publish.
    #[command(subcommand)]
    Mapping(mapping::Command),
    /// Plans: create, list, submit, approve.
    #[command(subcommand)]
    Plan(plan::Command),
    /// Runs: check, start, pause, resume, cancel, and their ledger.
    #[command(subcommand)]
    Run(run::Command),
    /// Which object of the target a record became: find, export, import.
    #[command(subcommand)]
    Links(links::Command),
    /// Read the target of a run back and compare. Exit code 4 when it differs.
    Verify(verify::Arguments),
    /// Print what happens to a migration, run, snapshot or audit.
    Watch(watch::Arguments),
    /// Fetch a verification report as JSON or as one HTML page.
    Report(report::Arguments),
    /// What the platforms can do.
    #[command(subcommand)]
    Platform(platform::Command),
    /// Walk the whole road: snapshot, audit, mapping, test run, plan, live run, verification.
    Migrate(migrate::Arguments),
}

/// Runs the command line.
pub(crate) async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && std::env::args().any(|word| word == "--json") => {
            return Failure::Usage(error.render().to_string().trim_end().to_owned()).report(true);
        }
        Err(error) => error.exit(),
    };
    let json = arguments.global.json;
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let context = Context::connect(&arguments.global).await?;
    match arguments.command {
        Command::Connection(command) => connection::run(&context, command).await,
        Command::Upload(arguments) => upload::run(&context, arguments).await,
        Command::Migration(command) => migration::run(&context, command).await,
        Command::Snapshot(command) => snapshot::run(&context, command).await,
        Command::Audit(command) => audit::run(&context, command).await,
        Command::Mapping(command) => mapping::run(&context, command).await,
        Command::Plan(command) => plan::run(&context, command).await,
        Command::Run(command) => run::run(&context, command).await,
        Command::Links(command) => links::run(&context, command).await,
        Command::Verify(arguments) => verify::run(&context, arguments).await,
        Command::Watch(arguments) => watch::run(&context, arguments).await,
        Command::Report(arguments) => report::run(&context, arguments).await,
        Command::Platform(command) => platform::run(&context, command).await,
        Command::Migrate(arguments) => migrate::run(&context, arguments).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent_and_all_explained() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        let mut open = vec![command];
        while let Some(command) = open.pop() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                let explained = argument.get_help().is_some();
                assert!(explained, "{} {} has no help", command.get_name(), argument.get_id());
            }
            open.extend(command.get_subcommands().cloned());
        }
    }
}
