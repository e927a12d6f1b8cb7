//! The command `cartage-server`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use cartage_server::{
    api::scope,
    config::{Config, Role},
    error::Result,
    keys::Keys,
    restore_command, serve, token,
};
use clap::{Args, Parser, Subcommand, builder::FalseyValueParser};

/// Records are trees of small values: with the C library's own allocator a third of a run's processor
/// time went into making and dropping them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the process waits for its threads at the end.
const LINGER: Duration = Duration::from_secs(2);

/// Moves online shops from one platform to another, and proves that nothing was lost.
#[derive(Parser)]
#[command(name = "cartage-server", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the API and does the work.
    ///
    /// Without a database it starts a private PostgreSQL below the data folder from the programs
    /// on this machine. It stops in good order on SIGTERM and Ctrl-C.
    Serve {
        /// What this process does: `api` serves calls, `worker` works on what is due and serves
        /// nothing but its health, `all` does both.
        ///
        /// Any number of processes share one database; each kind of them must be there. They need
        /// the same data folder, or one that is mounted for all of them: keys, uploads and
        /// snapshots lie there. With the same data folder they find its private PostgreSQL as well.
        #[arg(long, value_enum, default_value_t, env = "CARTAGE_ROLE")]
        role: Role,
        /// Where to listen; 127.0.0.1:7400 when not given, and any free port for a worker.
        #[arg(long, env = "CARTAGE_LISTEN")]
        listen: Option<SocketAddr>,
        /// The folder for keys, uploads, snapshots and, embedded, the database.
        #[arg(long, env = "CARTAGE_DATA_DIR", default_value_os_t = default_data_dir())]
        data_dir: PathBuf,
        /// The URL of a PostgreSQL database; its user must own the schema and be able to make roles.
        #[arg(long, env = "CARTAGE_DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
        /// How long a worker may hold work without a sign of life, in seconds.
        #[arg(long, default_value_t = 15.0)]
        lease_s: f64,
        /// Refuse that the submitter of a plan approves it.
        #[arg(long)]
        four_eyes: bool,
        /// Refuse files of this machine as sources, shops on loopback, and plain http.
        ///
        /// For a server that others than its owner call: without it every caller with the right to
        /// make connections can have files of this machine read. The container image sets the
        /// variable to true.
        #[arg(long, env = "CARTAGE_HOSTED", value_parser = FalseyValueParser::new())]
        hosted: bool,
        /// An origin whose pages may call from a browser, by gRPC-Web, such as
        /// https://app.example; repeat it for several. `*` is every origin; none is when not given.
        #[arg(long = "allow-origin", env = "CARTAGE_ALLOW_ORIGIN", value_delimiter = ',')]
        allowed_origins: Vec<String>,
        #[command(flatten)]
        streams: Streams,
    },
    /// Signs an access token of this deployment and prints it.
    Token {
        /// The account the token is for.
        #[arg(long)]
        account: String,
        /// A scope, such as `runs.read`; repeat it for several. `*` is everything.
        #[arg(long = "scope", default_value = "*")]
        scopes: Vec<String>,
        /// Who calls.
        #[arg(long, default_value = "local")]
        subject: String,
        /// How long the token is valid, in hours.
        #[arg(long, default_value_t = 12)]
        hours: u64,
        /// The data folder of the server.
        #[arg(long, env = "CARTAGE_DATA_DIR", default_value_os_t = default_data_dir())]
        data_dir: PathBuf,
    },
    /// Tests the restore of a snapshot in this process; the server calls it.
    #[command(hide = true)]
    RestoreTest,
}

/// Bounds of streams and of the history they tell.
#[derive(Args)]
struct Streams {
    /// How many streams may be open at once in this process; 256 when not given.
    #[arg(long)]
    streams_max: Option<usize>,
    /// How many of them may be one account's; 100 when not given.
    #[arg(long)]
    streams_per_account_max: Option<usize>,
    /// How many of those may be one subject's; 10 when not given.
    #[arg(long)]
    streams_per_principal_max: Option<usize>,
    /// How long a stream may live, in minutes; 30 when not given, and each a tenth less or more.
    #[arg(long)]
    stream_age_max_minutes: Option<u32>,
    /// How long events are kept, in days; 90 when not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(90..))]
    events_kept_days: Option<u32>,
}

impl Streams {
    fn apply(&self, config: &mut Config) {
        let set = |setting: &mut usize, given: Option<usize>| *setting = given.unwrap_or(*setting);
        set(&mut config.streams_max, self.streams_max);
        set(&mut config.streams_per_account_max, self.streams_per_account_max);
        set(&mut config.streams_per_principal_max, self.streams_per_principal_max);
        if let Some(minutes) = self.stream_age_max_minutes {
            config.stream_age_max = Duration::from_secs(u64::from(minutes) * 60);
        }
        if let Some(days) = self.events_kept_days {
            config.events_kept_for = Duration::from_secs(u64::from(days) * 24 * 3_600);
        }
    }
}

fn default_data_dir() -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
    home.join(".local/share/cartage")
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CARTAGE_LOG")
                .unwrap_or_else(|_| "info,sqlx=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("A cryptography provider was installed already.");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cartage-server: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(perform(arguments.command));
    // Work on threads of its own cannot be cut off; it must not keep the process.
    runtime.shutdown_timeout(LINGER);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cartage-server: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

async fn perform(command: Command) -> Result<()> {
    match command {
        Command::Serve {
            role,
            listen,
            data_dir,
            database_url,
            lease_s,
            four_eyes,
            hosted,
            allowed_origins,
            streams,
        } => {
            let mut config = Config::new(data_dir);
            config.role = role;
            if !role.serves() {
                // Its health is asked by whoever started it, and may stand beside a server.
                config.listen.set_port(0);
            }
            config.listen = listen.unwrap_or(config.listen);
            config.database_url = database_url;
            config.lease = Duration::from_secs_f64(lease_s.clamp(1.0, 3_600.0));
            config.self_approval = !four_eyes;
            config.local_paths = !hosted;
            config.local_shops = !hosted;
            // A variable that is set to nothing names none.
            config.allowed_origins =
                allowed_origins.into_iter().filter(|origin| !origin.is_empty()).collect();
            streams.apply(&mut config);
            let listen = config.listen;
            if role.serves() && !hosted && !listen.ip().is_loopback() {
                tracing::warn!(%listen, "Other machines can reach this server, and its callers can have files of this machine read; --hosted refuses that.");
            }
            let mut running = serve::start(config).await?;
            println!("listening on {}", running.address);
            let failure = tokio::select! {
                () = stop_signal() => None,
                error = running.failure() => Some(error),
            };
            match failure {
                None => {
                    tracing::info!("The server stops.");
                    running.stop().await
                }
                Some(error) => {
                    tracing::error!(error = %error.chain(), "The server stops, for a part of it ended.");
                    if let Err(error) = running.stop().await {
                        tracing::error!(error = %error.chain(), "The rest did not stop in good order.");
                    }
                    Err(error)
                }
            }
        }
        Command::Token { account, scopes, subject, hours, data_dir } => {
            let scopes = scopes.join(" ");
            scope::check(&scopes)?;
            let keys = Keys::open(&data_dir)?;
            let life = Duration::from_secs(hours.saturating_mul(3_600));
            println!("{}", token::sign(&keys, &account, &subject, &scopes, life)?);
            Ok(())
        }
        Command::RestoreTest => restore_command::run(tokio::io::stdin(), tokio::io::stdout()).await,
    }
}

/// Waits for SIGTERM or Ctrl-C.
async fn stop_signal() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be heard.");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminate => {}
        result = tokio::signal::ctrl_c() => {
            if let Err(error) = result {
                tracing::warn!(%error, "Ctrl-C cannot be heard.");
            }
        }
    }
}
