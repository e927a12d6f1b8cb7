//! Asking a shop again: what gave no answer, and what its budget had no room for.

use std::{collections::BTreeSet, time::Duration};

use cartage_connectors::Error as ShopError;
use cartage_engine::retry::{Decision, Policy};

use super::{super::Work, journal::Journal, load::Stopped};
use crate::{
    error::{Error, Result},
    name::Name,
    reason::Reason,
};

/// How often a record, or a whole batch, is tried before it is given up.
const POLICY: Policy = Policy {
    attempts_max: 6,
    delay_first: Duration::from_millis(500),
    delay_max: Duration::from_secs(20),
};
/// How often in a row a shop may have no room in its budget before the run waits for a person. Being
/// asked for patience is no failure of a record, and costs it no try.
const REFUSALS_MAX: u32 = 60;
/// How long is waited before the budget is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// How often it is looked whether the run is to go on while the shop's budget is waited for.
const WAIT_STEP: Duration = Duration::from_secs(2);

/// Why something that was asked of a shop is not done yet.
#[derive(Debug)]
pub(super) enum HeldUp {
    /// The shop gave no answer.
    Away {
        /// What happened instead.
        why: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// It answered; some records of a batch must be tried again.
    Postponed {
        /// What it said of one of them.
        why: String,
        /// The records that have used no try, for they only wait for its budget.
        waiting: BTreeSet<String>,
    },
    /// Its budget had no room.
    Deferred {
        /// What it said.
        why: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
}

/// What of a batch has used its tries up.
#[derive(Debug)]
pub(super) struct UsedUp {
    /// What the shop said last.
    pub(super) why: String,
    /// The records that have used no try, for they only wait for its budget.
    pub(super) waiting: BTreeSet<String>,
}

/// The tries of one batch, or of one request.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    work: &'a Work,
    run: &'a Name,
    attempt: u32,
    refusals: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(work: &'a Work, run: &'a Name) -> Self {
        Self { work, run, attempt: 0, refusals: 0 }
    }

    /// Begins the next try, and says which it is.
    ///
    /// # Errors
    /// When the run is not to go on.
    pub(super) fn begin(&mut self) -> std::result::Result<u32, Stopped> {
        self.work.go_on()?;
        self.attempt += 1;
        Ok(self.attempt)
    }

    /// What a shop's answer means for the try. What is known of the calls that were made is kept
    /// also where the answer is an error, if that is possible; without it the next try asks the shop.
    ///
    /// # Errors
    /// When no further try can help.
    pub(super) async fn heard<T>(
        &self,
        answer: std::result::Result<T, ShopError>,
        journal: Option<&Journal<'_>>,
    ) -> std::result::Result<std::result::Result<T, HeldUp>, Stopped> {
        let error = match answer {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => error,
        };
        if let Some(journal) = journal
            && let Ok(mut tx) = self.work.begin().await
        {
            journal.write_results(&mut tx).await?;
            self.work.commit(tx).await?;
        }
        let why = error.to_string();
        Ok(Err(match error {
            ShopError::Transient { retry_after, .. } => HeldUp::Away { why, retry_after },
            ShopError::Throttled { retry_after, .. } => HeldUp::Deferred { why, retry_after },
            ShopError::Journal(_) => return Err(Stopped::Withdrawn),
            error @ ShopError::Unauthorised { .. } => {
                return Err(Stopped::Pause("CREDENTIALS_REJECTED", error.into()));
            }
            error => return Err(Stopped::Failed(error.into())),
        }))
    }

    /// Waits until the next try may begin. Where the tries of records are used up, says so at once,
    /// and counts anew.
    ///
    /// # Errors
    /// When the run is to wait for a person, because the shop does not answer or has no room, or when
    /// it is not to go on.
    pub(super) async fn wait(
        &mut self,
        held_up: HeldUp,
    ) -> std::result::Result<Option<UsedUp>, Stopped> {
        if let HeldUp::Deferred { why, retry_after } = &held_up {
            self.attempt = self.attempt.saturating_sub(1);
            self.refusals += 1;
            self.wait_for_budget(why, *retry_after).await?;
            return Ok(None);
        }
        self.refusals = 0;
        let asked = match &held_up {
            HeldUp::Away { retry_after, .. } => *retry_after,
            HeldUp::Postponed { .. } | HeldUp::Deferred { .. } => None,
        };
        match POLICY.decide(self.attempt, asked, rand::random_range(0..=1_000)) {
            Decision::Retry(delay) => tokio::select! {
                () = tokio::time::sleep(delay) => Ok(None),
                () = self.work.stop.cancelled() => Err(Stopped::Withdrawn),
            },
            Decision::GiveUp => match held_up {
                HeldUp::Postponed { why, waiting } => {
                    self.attempt = 0;
                    Ok(Some(UsedUp { why, waiting }))
                }
                HeldUp::Away { why, .. } | HeldUp::Deferred { why, .. } => {
                    Err(unavailable(Error::new(Reason::UpstreamUnavailable, why)))
                }
            },
        }
    }

    /// Waits until a shop's budget may have room again, as long as the run is to go on.
    async fn wait_for_budget(
        &self,
        why: &str,
        asked: Option<Duration>,
    ) -> std::result::Result<(), Stopped> {
        let patience = Policy { attempts_max: REFUSALS_MAX, ..POLICY };
        let Decision::Retry(delay) =
            patience.decide(self.refusals, asked, rand::random_range(0..=1_000))
        else {
            return Err(unavailable(Error::new(Reason::UpstreamThrottled, why)));
        };
        // A budget that opens in hours is asked again all the same, so that the run comes to wait for
        // a person and not for the shop.
        let until = tokio::time::Instant::now() + delay.min(ASK_AGAIN_AFTER);
        loop {
            let step = until.min(tokio::time::Instant::now() + WAIT_STEP);
            tokio::select! {
                () = tokio::time::sleep_until(step) => {}
                () = self.work.stop.cancelled() => return Err(Stopped::Withdrawn),
            }
            if step == until {
                return Ok(());
            }
            if self.asked_to_stop().await? {
                return Err(Stopped::Withdrawn);
            }
        }
    }

    async fn asked_to_stop(&self) -> Result<bool> {
        let mut tx = self.work.begin().await?;
        let asked = super::asked_to_stop(&mut tx, self.run).await?;
        tx.rollback().await?;
        Ok(asked)
    }
}

fn unavailable(error: Error) -> Stopped {
    Stopped::Pause("TARGET_UNAVAILABLE", error)
}
