//! Waiting for a shop whose budget is used up.

use std::time::Duration;

use cartage_engine::retry::{Decision, Policy};

use super::{
    super::Work,
    load::{POLICY, Stopped},
};
use crate::{error::Error, name::Name, reason::Reason};

/// How often in a row a shop may have no room in its budget before the run waits for a person. Being
/// asked for patience is no failure of a record, and costs it no try.
const REFUSALS_MAX: u32 = 60;
/// How often it is looked whether the run is to go on while the shop's budget is waited for.
const WAIT_STEP: Duration = Duration::from_secs(2);

/// Waits until a shop's budget may have room again, as long as the run is to go on. A run that has
/// waited often enough waits for a person.
pub(super) async fn wait_for_budget(
    work: &Work,
    run: &Name,
    problem: &str,
    refusals: u32,
    asked: Option<Duration>,
) -> std::result::Result<(), Stopped> {
    let patience = Policy { attempts_max: REFUSALS_MAX, ..POLICY };
    let Decision::Retry(delay) = patience.decide(refusals, asked, rand::random_range(0..=1_000))
    else {
        let error = Error::new(Reason::UpstreamThrottled, problem);
        return Err(Stopped::Pause("TARGET_UNAVAILABLE", error));
    };
    let until = tokio::time::Instant::now() + delay;
    loop {
        let step = until.min(tokio::time::Instant::now() + WAIT_STEP);
        tokio::select! {
            () = tokio::time::sleep_until(step) => {}
            () = work.stop.cancelled() => return Err(Stopped::Withdrawn),
        }
        if step == until {
            return Ok(());
        }
        let mut tx = work.begin().await?;
        let asked_to_stop = super::asked_to_stop(&mut tx, run).await?;
        tx.rollback().await?;
        if asked_to_stop {
            return Err(Stopped::Withdrawn);
        }
    }
}
