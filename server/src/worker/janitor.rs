//! The janitor: removes what is kept for a time only, when that is over.
//!
//! It asks the system for the ids of accounts and works in each as the application, in transactions
//! of that account, so that row-level security holds for it as for any caller. Several servers may
//! do this at the same time; whatever one finds gone, another was faster with.

use std::{sync::Arc, time::Duration};

use cartage_engine::migration::MigrationState;
use chrono::Utc;

use super::guarded;
use crate::{
    app::{App, migration, upload},
    error::Result,
    name::Name,
    reason::Reason,
};

/// How often it goes round.
const PERIOD: Duration = Duration::from_secs(3_600);
/// How long the answer to a request id is kept.
const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long the budget of a shop is kept that nobody calls.
const BUDGETS_KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);
/// How many accounts are asked for at once.
const ACCOUNTS_AT_ONCE: i64 = 100;
/// How many answers are removed in one transaction.
const ANSWERS_AT_ONCE: u16 = 1_000;
/// How many events of a stream are removed in one transaction.
const EVENTS_AT_ONCE: u16 = 1_000;
/// The states in which a migration has ended. One that FAILED may be tried again; what is left of one
/// that was DELETED goes with it.
const ENDED: [MigrationState; 3] =
    [MigrationState::Succeeded, MigrationState::Cancelled, MigrationState::RolledBack];
/// How many migrations of an account are removed in one round.
const MIGRATIONS_AT_ONCE: i64 = 100;

/// What a round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Answers to request ids.
    pub answers: u64,
    /// Uploads that no connection names.
    pub uploads: u64,
    /// Migrations that were deleted long ago.
    pub migrations: u64,
    /// Events that nobody goes back to any more.
    pub events: u64,
}

/// Goes round at the start and once an hour, until the server stops.
pub async fn run(app: Arc<App>) {
    loop {
        match guarded(round(&app)).await {
            Ok(removed) if removed != Removed::default() => {
                tracing::info!(?removed, "What was kept for a time only is removed.");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error.chain(), "The janitor was interrupted."),
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = app.draining.cancelled() => return,
        }
    }
}

/// Goes through all accounts once. What fails in one does not keep the others.
pub async fn round(app: &App) -> Result<Removed> {
    let mut removed = Removed::default();
    let mut after = String::new();
    loop {
        let accounts = app.store.accounts(&after, ACCOUNTS_AT_ONCE).await?;
        let Some(last) = accounts.last() else { return Ok(removed) };
        after.clone_from(last);
        for account in &accounts {
            if app.draining.is_cancelled() {
                return Ok(removed);
            }
            if let Err(error) = tidy(app, account, &mut removed).await {
                tracing::warn!(account, error = %error.chain(), "An account cannot be tidied.");
            }
        }
    }
}

async fn tidy(app: &App, account: &str, removed: &mut Removed) -> Result<()> {
    loop {
        let mut tx = app.store.begin(account).await?;
        let older_than_s = ANSWERS_KEPT_FOR.as_secs_f64();
        let count = tx.request_forget(older_than_s, ANSWERS_AT_ONCE.into()).await?;
        tx.commit().await?;
        removed.answers += count;
        if count < ANSWERS_AT_ONCE.into() {
            break;
        }
    }
    let mut tx = app.store.begin(account).await?;
    tx.rate_budget_forget(BUDGETS_KEPT_FOR.as_secs_f64()).await?;
    tx.commit().await?;
    let mut after = Some(String::new());
    while let Some(behind) = after.take() {
        let mut tx = app.store.begin(account).await?;
        let expired = upload::expire(&mut tx, &behind).await?;
        for gone in &expired.deleted {
            tx.event_append(&gone.name.stream(), &upload::deleted_event(&gone.name)).await?;
        }
        tx.commit().await?;
        app.wake.notify_waiters();
        upload::remove_bytes(app, &expired.deleted).await;
        removed.uploads += u64::try_from(expired.deleted.len()).unwrap_or_default();
        after = expired.reached.map(|name| name.to_string());
    }
    let mut tx = app.store.begin(account).await?;
    let due = tx.migration_purgeable(Utc::now(), MIGRATIONS_AT_ONCE).await?;
    tx.rollback().await?;
    for name in due {
        match purge(app, &name).await {
            Ok(()) => removed.migrations += 1,
            Err(error) if error.reason == Reason::ResourceNotFound => {}
            Err(error) => return Err(error),
        }
    }
    // Last: a long history that cannot be removed keeps nothing else from its end.
    forget_events(app, account, removed).await
}

async fn forget_events(app: &App, account: &str, removed: &mut Removed) -> Result<()> {
    let older_than_s = app.config.events_kept_for.as_secs_f64();
    let ended = ENDED.map(|state| state.as_str().to_owned());
    let mut tx = app.store.begin(account).await?;
    let streams = tx.event_streams_expired(older_than_s, &ended).await?;
    tx.rollback().await?;
    for stream in streams {
        loop {
            let mut tx = app.store.begin(account).await?;
            let count = tx.event_forget(&stream, older_than_s, EVENTS_AT_ONCE.into()).await?;
            tx.commit().await?;
            removed.events += count;
            if count < EVENTS_AT_ONCE.into() {
                break;
            }
        }
    }
    Ok(())
}

async fn purge(app: &App, name: &Name) -> Result<()> {
    let mut tx = app.store.begin(name.account_id()).await?;
    migration::purge(&mut tx, name).await?;
    tx.commit().await
}
