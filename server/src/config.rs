//! The settings of a server, and the only reader of the environment.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// What a process does of a server's work. Any number of processes of any role share one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Serves calls and works.
    #[default]
    All,
    /// Serves calls, and leaves the work to others.
    Api,
    /// Works, and serves nothing but its health.
    Worker,
}

impl Role {
    /// Whether it serves calls.
    pub const fn serves(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether it works.
    pub const fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }
}

/// Everything a server can be told. Each field has a default that fits a machine on which nothing
/// is prepared.
#[derive(Clone, Debug)]
pub struct Config {
    /// What this process does.
    pub role: Role,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The folder with keys, uploads, the object store and, embedded, the database.
    pub data_dir: PathBuf,
    /// The database; none starts a private PostgreSQL below the data folder.
    pub database_url: Option<String>,
    /// The program that tests restores in a fresh process: this one.
    pub executable: PathBuf,
    /// How long a worker may hold a job without renewing.
    pub lease: Duration,
    /// How often an idle worker looks for due work.
    pub poll: Duration,
    /// How many jobs run at once in this process.
    pub jobs_max: usize,
    /// Whether connections may read files of this machine by path (a local deployment).
    pub local_paths: bool,
    /// Folders of the server outside of the data folder, in which no source may lie either.
    pub guarded_dirs: Vec<PathBuf>,
    /// Whether shops on loopback and plain http may be reached (a local deployment).
    pub local_shops: bool,
    /// How many approvals a plan needs.
    pub approvals_required: u32,
    /// Whether a plan's submitter may approve it.
    pub self_approval: bool,
    /// How many calls may be under way at once; one more is refused as `OVERLOADED`.
    pub calls_max: usize,
    /// The origins of the pages in browsers that may call; `*` is all of them.
    pub allowed_origins: Vec<String>,
    /// After how long a caller is asked to leave a connection for a new one.
    pub connection_age_max: Duration,
    /// How long a stream may live; each lives up to a tenth less or more.
    pub stream_age_max: Duration,
    /// How many streams may be open at once.
    pub streams_max: usize,
    /// How many of them may be one account's.
    pub streams_per_account_max: usize,
    /// How many of those may be one subject's.
    pub streams_per_principal_max: usize,
    /// How long events are kept: those of an account after they happened, those of a migration
    /// after it has ended.
    pub events_kept_for: Duration,
    /// How long a message of a stream may wait for its reader.
    pub reader_patience: Duration,
    /// How long the server waits for calls and streams to end when it is stopped.
    pub drain: Duration,
}

impl Config {
    /// The defaults, for a data folder.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            role: Role::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7400)),
            data_dir,
            database_url: None,
            executable: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("cartage-server")),
            lease: Duration::from_secs(15),
            poll: Duration::from_millis(200),
            jobs_max: 4,
            local_paths: true,
            guarded_dirs: Vec::new(),
            local_shops: true,
            approvals_required: 1,
            self_approval: true,
            calls_max: 256,
            allowed_origins: Vec::new(),
            connection_age_max: Duration::from_secs(30 * 60),
            stream_age_max: Duration::from_secs(30 * 60),
            streams_max: 256,
            streams_per_account_max: 100,
            streams_per_principal_max: 10,
            events_kept_for: Duration::from_secs(90 * 24 * 3_600),
            reader_patience: Duration::from_secs(30),
            drain: Duration::from_secs(15),
        }
    }
}

/// The place at which a test wants this process to die; see [`crate::failpoint`].
pub(crate) fn failpoint() -> Option<String> {
    std::env::var("CARTAGE_FAILPOINT").ok()
}
