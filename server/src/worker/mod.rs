//! Long work: claims due jobs, renews their leases, and runs one phase per queue.
//!
//! A worker that cannot renew a lease stops the job before the lease ends. Whatever a phase writes
//! goes through [`Work::begin`], which fences the transaction with the epoch of the lease.

pub mod audit;
pub mod connection;
pub mod janitor;
pub mod records;
pub mod restore_test;
pub mod run;
pub mod snapshot;
pub mod verification;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    error::{Error, Result},
    failpoint::{self, Place},
    reason::Reason,
    store::{
        Tx,
        job::{Claim, HOLDER_GRACE},
    },
};

/// How often work that failed for a passing reason is taken up again before it is given up.
pub const ATTEMPTS_MAX: i32 = 1_000;
/// How long to wait after a renewal that failed.
const RENEWAL_PAUSE: Duration = Duration::from_millis(200);
/// The longest wait before work is taken up again.
const DELAY_MAX_S: f64 = 30.0;

/// A job under way.
#[derive(Clone, Debug)]
pub struct Work {
    /// What everything shares.
    pub app: Arc<App>,
    /// The lease.
    pub claim: Claim,
    /// Cancelled when the lease is lost or the server stops: no further call, no further write.
    pub stop: CancellationToken,
    /// Until when the lease holds for sure.
    trusted: Arc<Trusted>,
}

/// Until when a lease holds for sure, by this machine's clock, which also goes on while the process
/// stands still.
#[derive(Debug)]
struct Trusted(Mutex<Instant>);

impl Trusted {
    fn until(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn extend(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// How long a lease is trusted from the question for it. The database counts from its own clock at an
/// unknown moment between question and answer, so there is a margin for what is under way.
fn term(lease: Duration) -> Duration {
    lease - lease / 6
}

impl Work {
    /// Begins a transaction that is undone when the lease is lost.
    pub async fn begin(&self) -> Result<Tx> {
        let mut tx = self.app.store.begin(&self.claim.account).await?;
        tx.job_fence(&self.claim).await?;
        Ok(tx)
    }

    /// Commits, and wakes whoever waits for news.
    pub async fn commit(&self, tx: Tx) -> Result<()> {
        tx.commit().await?;
        self.app.wake.notify_waiters();
        Ok(())
    }

    /// Whether the work must be left as it is now.
    ///
    /// # Errors
    /// `CONTENTION` when it must.
    pub fn go_on(&self) -> Result<()> {
        // A process that stood still may come here before the renewal has noticed.
        if self.stop.is_cancelled() || Instant::now() >= self.trusted.until() {
            return Err(Error::new(
                Reason::Contention,
                "The work was stopped, to be taken up again.",
            ));
        }
        Ok(())
    }
}

/// Runs jobs until the server stops; then leaves those under way, to be taken up again.
pub async fn run(app: Arc<App>) {
    let mut jobs = JoinSet::new();
    let janitor = tokio::spawn(janitor::run(Arc::clone(&app)));
    let holding = tokio::spawn(keep_held(Arc::clone(&app)));
    loop {
        while let Some(ended) = jobs.try_join_next() {
            note_end(ended);
        }
        if app.draining.is_cancelled() {
            break;
        }
        let mut claimed = false;
        if jobs.len() < app.config.jobs_max {
            let asked = Instant::now();
            match app.store.job_claim(&app.worker, app.config.lease.as_secs_f64()).await {
                Ok(Some(claim)) => {
                    failpoint::hit(Place::ClaimAfterCommit);
                    claimed = true;
                    jobs.spawn(hold(Arc::clone(&app), claim, asked));
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(error = %error.chain(), "No job can be claimed."),
            }
        }
        if !claimed {
            tokio::select! {
                () = app.wake.notified() => {}
                () = tokio::time::sleep(app.config.poll) => {}
                () = app.draining.cancelled() => {}
            }
        }
    }
    while let Some(ended) = jobs.join_next().await {
        note_end(ended);
    }
    for (part, ended) in [("the janitor", janitor.await), ("what is held", holding.await)] {
        if let Err(error) = ended {
            tracing::error!(%error, part, "A part of the worker did not end well.");
        }
    }
}

/// Shows again and again that this process lives, as long as it holds shops of TEST runs: work on them
/// is kept for it.
async fn keep_held(app: Arc<App>) {
    loop {
        if !app.sandboxes.is_empty().await
            && let Err(error) = app.store.job_hold(&app.worker).await
        {
            tracing::warn!(error = %error.chain(), "Work for the shops of this process cannot be kept for it.");
        }
        tokio::select! {
            () = tokio::time::sleep(HOLDER_GRACE / 4) => {}
            () = app.draining.cancelled() => return,
        }
    }
}

/// A job's own panics are errors of the job; what is left is a fault around it.
fn note_end(ended: std::result::Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "A job did not end well; its lease will end.");
    }
}

/// What work gives, a panic as an error: the job is to be given back with a delay, not to be taken
/// up again as soon as its lease ends, without a word.
async fn guarded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().copied();
        let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        // What was said may hold a customer's data; the place of the panic is on standard error.
        tracing::debug!(said, "Work panicked.");
        tracing::error!("Work panicked.");
        Err(Error::internal("work panicked"))
    })
}

/// Runs one job, whose lease was asked for at this moment, and renews the lease beside it.
async fn hold(app: Arc<App>, claim: Claim, asked: Instant) {
    let stop = app.draining.child_token();
    let trusted = Arc::new(Trusted(Mutex::new(asked + term(app.config.lease))));
    let work = Work {
        app: Arc::clone(&app),
        claim: claim.clone(),
        stop: stop.clone(),
        trusted: Arc::clone(&trusted),
    };
    let result = tokio::select! {
        biased;
        result = guarded(perform(work)) => result,
        never = renew(&app, &claim, &stop, &trusted) => match never {},
    };
    let Err(error) = result else { return };
    let delay_s = if stop.is_cancelled() {
        0.0
    } else {
        let tries = f64::from(claim.attempt.clamp(1, 10));
        error.retry_after.map_or(tries, |delay| delay.as_secs_f64()).min(DELAY_MAX_S)
    };
    tracing::info!(resource = %claim.resource, error = %error.chain(), "Work is given back.");
    if let Err(error) = app.store.job_release(&claim, delay_s).await {
        tracing::warn!(resource = %claim.resource, error = %error.chain(), "Work cannot be given back; its lease will end.");
    }
}

/// Renews a lease as long as the job runs. When it is lost, or cannot be renewed in time, the job
/// is told to stop while the lease still holds, so that no call of it begins after another worker
/// may have taken over.
async fn renew(
    app: &App,
    claim: &Claim,
    stop: &CancellationToken,
    trusted: &Trusted,
) -> std::convert::Infallible {
    let lease = app.config.lease;
    let period = lease / 3;
    let mut next = Instant::now() + period;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = stop.cancelled() => std::future::pending().await,
        }
        let asked = Instant::now();
        let trusted_until = trusted.until();
        next = asked + period;
        match tokio::time::timeout_at(
            trusted_until,
            app.store.job_renew(claim, lease.as_secs_f64()),
        )
        .await
        {
            Ok(Ok(true)) => trusted.extend(asked + term(lease)),
            Ok(Ok(false)) => {
                tracing::warn!(resource = %claim.resource, "The lease is lost; the work stops.");
                stop.cancel();
            }
            // The database did not answer well; there is time for another try before the end.
            Ok(Err(_)) if asked + RENEWAL_PAUSE < trusted_until => next = asked + RENEWAL_PAUSE,
            Ok(Err(_)) | Err(_) => {
                tokio::time::sleep_until(trusted_until).await;
                tracing::warn!(resource = %claim.resource, "The lease cannot be renewed; the work stops.");
                stop.cancel();
            }
        }
    }
}

/// Runs the phase of a queue. An error means that the work is to be taken up again.
async fn perform(work: Work) -> Result<()> {
    let queue = work.claim.queue.clone();
    tracing::debug!(resource = %work.claim.resource, queue, attempt = work.claim.attempt, "Work is taken up.");
    match queue.as_str() {
        "connection.verify" => connection::verify(&work).await,
        "snapshot.take" => snapshot::take(&work).await,
        "snapshot.restore_test" => restore_test::test(&work).await,
        "audit.perform" => audit::perform(&work).await,
        "run.execute" => run::execute(&work).await,
        "verification.verify" => verification::verify(&work).await,
        _ => {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Err(Error::internal(format!("there is no queue {queue}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_given_back_like_work_that_fails() {
        let panics = guarded::<u8>(async {
            tokio::task::yield_now().await;
            panic!("made to panic")
        });
        assert_eq!(panics.await.unwrap_err().reason, Reason::InternalError);
        assert_eq!(guarded(async { Ok(7) }).await.unwrap(), 7);
    }
}
