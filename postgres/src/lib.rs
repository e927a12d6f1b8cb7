//! A private PostgreSQL: found or fetched, initialised, started, adopted and stopped.
//!
//! It serves the embedded default of the server, the tests and the chores. It knows nothing of
//! Cartage's schema and speaks to the database only through PostgreSQL's own programs, so that it
//! drags no driver along.
//!
//! The postmaster listens on 127.0.0.1 alone, on a random free port, and asks for a random
//! password (SCRAM); it opens no unix socket, whose path may be at most 107 bytes long.

mod account;
mod archive;
mod binaries;
mod cluster;
mod error;
mod install;
mod lock;
mod place;
mod postmaster;
mod process;
mod psql;
mod server;
pub mod test;

use std::path::PathBuf;

pub use binaries::Search;
pub use error::Error;
pub use server::{Postgres, start};

/// What kind of PostgreSQL is wanted, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The deployment's data folder; PostgreSQL lives in `postgres/` below it, or elsewhere with
    /// a pointer in it when the unprivileged user cannot reach it.
    pub data_dir: PathBuf,
    /// Whether commits survive a power cut. Tests say no and run several times faster.
    pub durable: bool,
    /// The connections PostgreSQL allows.
    pub max_connections: u16,
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
    /// Whether missing programs are fetched: Debian's package when root, else an archive.
    pub install_missing: bool,
}

impl Settings {
    /// Returns the settings of a real deployment: durable, programs fetched where missing.
    pub fn durable(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durable: true,
            max_connections: 100,
            search: Search::Machine,
            install_missing: true,
        }
    }

    /// Returns the settings of a throw-away database: no fsync, stopped without a checkpoint, so
    /// that nothing is sure to survive a stop.
    pub fn scratch(data_dir: impl Into<PathBuf>) -> Self {
        Self { durable: false, max_connections: 300, ..Self::durable(data_dir) }
    }
}
