//! The one door to PostgreSQL: all SQL of the server, one file per table.
//!
//! A [`Tx`] belongs to one account: its first statement tells the database which, and row-level
//! security does the rest. The pool takes the role `cartage_application` at every connection; the
//! system's pool, which sees the accounts and their due jobs and nothing else, takes `cartage_system`.

pub mod account;
pub mod discrepancy;
pub mod event;
pub mod external_call;
pub mod finding;
pub mod job;
pub mod lookup;
pub mod progress;
pub mod rate_budget;
pub mod record_conflict;
pub mod record_identity;
pub mod record_key;
pub mod record_link;
pub mod record_written;
pub mod reference;
pub mod request_log;
pub mod resource;
pub mod run_record;
pub mod secret;
pub mod stamp;
pub mod statistics;

use std::time::Duration;

use sqlx::{
    Executor, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    error::{Error, Result},
    failpoint::{self, Place},
    reason::Reason,
};

/// The schema, in order.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// How many connections each pool may open.
const CONNECTIONS_MAX: u32 = 24;

/// The state store.
#[derive(Clone, Debug)]
pub struct Store {
    application: PgPool,
    system: PgPool,
}

/// A transaction of one account.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    account: String,
    /// Whether it tells of something.
    tells: bool,
}

impl Tx {
    /// The account it belongs to.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        if self.tells {
            failpoint::hit(Place::EventBeforeCommit);
        }
        self.inner.commit().await.map_err(Error::from)
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<()> {
        self.inner.rollback().await.map_err(Error::from)
    }
}

impl Store {
    /// Migrates the database and opens the pools. The URL's user must own the database, and may
    /// either make roles or was granted `cartage_application` and `cartage_system`.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when one of the two roles is a superuser, bypasses row-level security or
    /// owns tables.
    pub async fn open(url: &str) -> Result<Self> {
        let options: PgConnectOptions = url.parse().map_err(Error::from)?;
        let owner = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await
            .map_err(Error::from)?;
        MIGRATOR.run(&owner).await.map_err(Error::internal)?;
        owner.close().await;
        let application = pool(&options, "cartage_application").await?;
        let system = pool(&options, "cartage_system").await?;
        let store = Self { application, system };
        store.refuse_powerful_roles().await?;
        Ok(store)
    }

    /// Begins a transaction of an account.
    pub async fn begin(&self, account: &str) -> Result<Tx> {
        let mut inner = self.application.begin().await.map_err(Error::from)?;
        sqlx::query!("select set_config('cartage.account', $1, true)", account)
            .fetch_one(&mut *inner)
            .await
            .map_err(Error::from)?;
        Ok(Tx { inner, account: account.to_owned(), tells: false })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.application.execute("select 1").await.map(drop).map_err(Error::from)
    }

    /// Waits until every connection is given back, and closes them.
    pub async fn close(&self) {
        self.application.close().await;
        self.system.close().await;
    }

    /// Row-level security means nothing to a superuser, to a role that bypasses it, and to one that
    /// can become the owner of the tables, who could switch it off.
    async fn refuse_powerful_roles(&self) -> Result<()> {
        for pool in [&self.application, &self.system] {
            let row = sqlx::query!(
                r#"select rolname::text as "name!", rolsuper as "superuser!", rolbypassrls as "bypasses!",
                    exists (
                        select from pg_class
                        where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
                            and pg_has_role(pg_roles.oid, relowner, 'MEMBER')
                    ) as "owns!"
                from pg_roles where rolname = current_user"#
            )
            .fetch_one(pool)
            .await
            .map_err(Error::from)?;
            let power = match (row.superuser, row.bypasses, row.owns) {
                (true, _, _) => "is a superuser",
                (_, true, _) => "bypasses row-level security",
                (_, _, true) => "owns tables, or may become their owner",
                _ => continue,
            };
            let message = format!(
                "The database role {} {power}; the server will not start with it.",
                row.name
            );
            return Err(Error::new(Reason::InternalError, message));
        }
        Ok(())
    }
}

async fn pool(options: &PgConnectOptions, role: &'static str) -> Result<PgPool> {
    // PostgreSQL itself limits none of these. What waits for a lock gives up well before its caller
    // does; a peer that is gone is noticed within seconds, also while a statement runs.
    let settings = [
        ("statement_timeout", "30s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("tcp_user_timeout", "10s"),
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
        ("client_connection_check_interval", "5s"),
        ("synchronous_commit", "on"),
        ("timezone", "UTC"),
        // Compiling a statement takes longer than any of ours takes.
        ("jit", "off"),
    ];
    PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(Duration::from_secs(10))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                let statement = match role {
                    "cartage_system" => "set role cartage_system",
                    _ => "set role cartage_application",
                };
                connection.execute(statement).await?;
                Ok(())
            })
        })
        .connect_with(options.clone().options(settings))
        .await
        .map_err(Error::from)
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let reason = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_)
            | sqlx::Error::WorkerCrashed => Reason::StorageUnavailable,
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("40001" | "40P01" | "55P03") => Reason::Contention,
                Some("53100") => Reason::StorageFull,
                Some(code) if code.starts_with("57P") || code.starts_with("08") => {
                    Reason::StorageUnavailable
                }
                _ => Reason::InternalError,
            },
            _ => Reason::InternalError,
        };
        let message = match reason {
            Reason::StorageUnavailable => "The database is away.",
            Reason::Contention => "Another call changed the same thing at the same time.",
            Reason::StorageFull => "The database has no room.",
            _ => "An internal error happened.",
        };
        let mapped = Self::new(reason, message).caused_by(error);
        if reason.is_retryable() { mapped.retry_after(Duration::from_secs(1)) } else { mapped }
    }
}
