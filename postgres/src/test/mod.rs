//! PostgreSQL for tests: one per machine and moment, a fresh database per test, nothing left over.
//!
//! All test processes of a user share one non-durable PostgreSQL in the temporary folder (nextest
//! runs every test in a process of its own; an `initdb` each would cost more than the test). The
//! first process starts it together with a small supervisor (`supervise.sh`), which stops it and
//! deletes its files a few seconds after the last user is gone, however that one ended.

mod database;
mod shared;

pub use database::{TestDatabase, database, database_from_template};

use tokio::sync::OnceCell;

use crate::{Error, Postgres};

static SERVER: OnceCell<Postgres> = OnceCell::const_new();

/// Returns the PostgreSQL that all tests share.
///
/// # Errors
/// As [`crate::start`].
pub async fn server() -> Result<&'static Postgres, Error> {
    SERVER.get_or_try_init(shared::join).await
}
