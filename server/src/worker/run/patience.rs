//! Asking a shop again: what gave no answer, and what its budget had no room for.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

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
/// How long is waited at most before the shop is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// How often it is looked whether the run is to go on meanwhile.
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
        /// Which; others only wait for its budget, and have used no try.
        records: BTreeSet<String>,
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
    /// The records.
    pub(super) records: BTreeSet<String>,
}

/// The tries of one batch, or of one request.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    work: &'a Work,
    run: &'a Name,
    attempt: u32,
    /// How often in a row the shop gave no answer.
    silences: u32,
    /// How often in a row its budget had no room.
    refusals: u32,
    /// How often single records had to be tried again.
    failures: HashMap<String, u32>,
}

impl<'a> Tries<'a> {
    pub(super) fn new(work: &'a Work, run: &'a Name) -> Self {
        Self { work, run, attempt: 0, silences: 0, refusals: 0, failures: HashMap::new() }
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

    /// Waits until the next try may begin; where the tries of records are used up, says of which, at
    /// once.
    ///
    /// # Errors
    /// When the run is to wait for a person, because the shop does not answer or has no room, or when
    /// it is not to go on.
    pub(super) async fn wait(
        &mut self,
        held_up: HeldUp,
    ) -> std::result::Result<Option<UsedUp>, Stopped> {
        let chance = rand::random_range(0..=1_000);
        match held_up {
            HeldUp::Deferred { why, retry_after } => {
                self.attempt = self.attempt.saturating_sub(1);
                self.refusals += 1;
                let patience = Policy { attempts_max: REFUSALS_MAX, ..POLICY };
                match patience.decide(self.refusals, retry_after, chance) {
                    Decision::Retry(delay) => self.pass(delay).await?,
                    Decision::GiveUp => return Err(unavailable(Reason::UpstreamThrottled, why)),
                }
            }
            HeldUp::Away { why, retry_after } => {
                self.refusals = 0;
                self.silences += 1;
                match POLICY.decide(self.silences, retry_after, chance) {
                    Decision::Retry(delay) => self.pass(delay).await?,
                    Decision::GiveUp => return Err(unavailable(Reason::UpstreamUnavailable, why)),
                }
            }
            HeldUp::Postponed { why, records } => {
                (self.refusals, self.silences) = (0, 0);
                let mut most = 0;
                let mut used_up = BTreeSet::new();
                for record in records {
                    let failures = self.failures.entry(record.clone()).or_default();
                    *failures += 1;
                    most = most.max(*failures);
                    if *failures >= POLICY.attempts_max {
                        used_up.insert(record);
                    }
                }
                if !used_up.is_empty() {
                    return Ok(Some(UsedUp { why, records: used_up }));
                }
                if let Decision::Retry(delay) = POLICY.decide(most, None, chance) {
                    self.pass(delay).await?;
                }
            }
        }
        Ok(None)
    }

    /// Lets a time pass, as long as the run is to go on. A shop that asks for hours is asked again
    /// all the same, so that the run comes to wait for a person and not for the shop.
    async fn pass(&self, delay: Duration) -> std::result::Result<(), Stopped> {
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

fn unavailable(reason: Reason, why: String) -> Stopped {
    Stopped::Pause("TARGET_UNAVAILABLE", Error::new(reason, why))
}
