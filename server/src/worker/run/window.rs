//! The window of a run at work: at its end the run is paused.

use std::{convert::Infallible, time::Duration};

use cartage_engine::{
    run::{RunEvent, RunState},
    schedule::Gate,
};

use super::super::Work;
use crate::{
    app::run::{self, Run, schedule::WINDOW_CLOSED},
    error::Result,
    name::Name,
};

/// The longest sleep before the schedule is looked at again, which somebody may take away.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Waits for the end of a run's window and asks the run to pause then, as a caller would; runs beside
/// the work, which ends by it.
pub(super) async fn watch(work: &Work, name: &Name) -> Infallible {
    loop {
        let pause = match look(work, name).await {
            Ok(Some(left)) => left.min(LOOK_AGAIN),
            Ok(None) => return std::future::pending().await,
            Err(error) => {
                tracing::warn!(run = %name, error = %error.chain(), "The window of a run cannot be looked at.");
                LOOK_AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// How long the window stays open; none when that does not matter any more.
async fn look(work: &Work, name: &Name) -> Result<Option<Duration>> {
    let mut tx = work.begin().await?;
    let run = tx.resource_get::<Run>(name).await?;
    let Some(schedule) = run.body.schedule.filter(|_| run.state == RunState::Running) else {
        tx.rollback().await?;
        return Ok(None);
    };
    let now = tx.clock().await?;
    match schedule.work(now) {
        Gate::Open(until) => {
            tx.rollback().await?;
            Ok(until.map(|until| (until - now).to_std().unwrap_or_default()))
        }
        Gate::Closed(_) => {
            let mut run = tx.resource_lock::<Run>(name).await?;
            // Somebody was quicker; what is asked is asked again.
            if run.state != RunState::Running || run.body.schedule.as_ref() != Some(&schedule) {
                tx.rollback().await?;
                return Ok(Some(Duration::ZERO));
            }
            WINDOW_CLOSED.clone_into(&mut run.body.pause_reason);
            let event = run::advance(&mut run, RunEvent::Pause)?;
            tx.resource_update(&mut run).await?;
            if let Some(event) = event {
                tx.event_append(&name.stream(), &event).await?;
            }
            work.commit(tx).await?;
            Ok(None)
        }
    }
}
