//! Runs that start by themselves, and the windows they work in.
//!
//! The timer is the run's row in `job`: it becomes due at the start, or when the next window opens.
//! Whoever takes it up asks [`step`] first, which decides by the database's clock and by what the
//! run is then, so that a timer that is late, or rings for nothing, does no harm.

use cartage_engine::{
    run::{RunEvent, RunState},
    schedule::{Gate, Refusal, Schedule, Start},
};
use chrono::{DateTime, SecondsFormat, Utc};

use super::{QUEUE, Run, RunKind, account, advance, migration_of, refuse_second_writer};
use crate::{
    app::{migration::writer_moved, readiness, verification},
    error::{Error, Result},
    reason::Reason,
    store::{Tx, event::NewEvent, resource::Resource},
};

/// Why a run is paused outside its windows.
pub const WINDOW_CLOSED: &str = "WINDOW_CLOSED";
/// Why a run stays paused although its window is open.
const PRECONDITIONS_UNMET: &str = "PRECONDITIONS_UNMET";
/// Why a run is paused by a person.
const REQUESTED: &str = "REQUESTED";

/// What a worker does with a run that it took up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Work on it, as its state says.
    Work,
    /// Leave it until then.
    Wait(DateTime<Utc>),
    /// Leave it; nobody waits for anything.
    Rest,
}

/// Gives a run that is held a schedule, or another one, and gives the event.
///
/// # Errors
/// `STATE_CONFLICT` for a run that has started, `INVALID_FIELDS` for a start that cannot be,
/// `PRECONDITIONS_UNMET`, `LIVE_RUN_ACTIVE`, `CAPABILITY_UNSUPPORTED` for a rollback.
pub async fn schedule(
    tx: &mut Tx,
    run: &mut Resource<Run>,
    schedule: Schedule,
) -> Result<NewEvent> {
    if run.body.kind == RunKind::Rollback {
        let message = "A rollback is started by somebody who looks at what is taken back.";
        return Err(Error::new(Reason::CapabilityUnsupported, message)
            .with("capability", "scheduled rollback"));
    }
    let again = run.state == RunState::Scheduled;
    let Some(mut event) = advance(run, RunEvent::Schedule)? else {
        return Err(Error::internal("a run that is scheduled again stays as it is"));
    };
    let now = tx.clock().await?;
    schedule.check(now).map_err(|refusal| {
        let field = match schedule.local_start {
            Some(_) => "schedule.local_start_time",
            None => "schedule.start_time",
        };
        match refusal {
            Refusal::Past => Error::field(field, "IN_PAST", "The start must lie in the future."),
            Refusal::TooFar => {
                Error::field(field, "OUT_OF_RANGE", "The start is at most 366 days ahead.")
            }
            Refusal::OutsideWindows => {
                Error::field(field, "OUTSIDE_WINDOWS", "The start is in none of the windows.")
            }
        }
    })?;
    if let Some(refusal) = refusal(tx, run).await? {
        return Err(refusal);
    }
    if again {
        "run.rescheduled".clone_into(&mut event.event_type);
        (event.previous_state, event.state) = (None, None);
    }
    event.attributes.insert("startTime".to_owned(), rfc3339(schedule.start));
    run.body.next_start_time = Some(schedule.start);
    tx.job_put_at(&run.name, QUEUE, schedule.start).await?;
    run.body.schedule = Some(schedule);
    tx.resource_update(run).await?;
    writer_moved(tx, run).await?;
    Ok(event)
}

/// Takes the schedule of a run that is held away, and gives the event; none where it has none.
///
/// # Errors
/// `STATE_CONFLICT` for a run that has ended.
pub async fn unschedule(tx: &mut Tx, run: &mut Resource<Run>) -> Result<Option<NewEvent>> {
    let moved = advance(run, RunEvent::Unschedule)?;
    if run.body.schedule.take().is_none() {
        return Ok(None);
    }
    let unbound = moved.is_none();
    let mut event = moved.unwrap_or_else(|| own_event(run, "run.unscheduled"));
    if waits_for_window(run) {
        stay_paused(run, &mut event);
    }
    if matches!(run.state, RunState::Draft | RunState::Paused) {
        tx.job_withdraw(&run.name).await?;
    }
    tx.resource_update(run).await?;
    if !unbound {
        writer_moved(tx, run).await?;
    }
    Ok(Some(event))
}

/// Makes the pause of a run that waits for its window one of a person's, who ends it again; gives
/// the event, none for a run that does not wait so.
pub async fn hold(tx: &mut Tx, run: &mut Resource<Run>) -> Result<Option<NewEvent>> {
    if !waits_for_window(run) {
        return Ok(None);
    }
    let mut event = own_event(run, "run.pause_reason_changed");
    stay_paused(run, &mut event);
    if run.state == RunState::Paused {
        tx.job_withdraw(&run.name).await?;
    }
    tx.resource_update(run).await?;
    Ok(Some(event))
}

fn waits_for_window(run: &Resource<Run>) -> bool {
    matches!(run.state, RunState::Pausing | RunState::Paused)
        && run.body.pause_reason == WINDOW_CLOSED
}

fn stay_paused(run: &mut Resource<Run>, event: &mut NewEvent) {
    REQUESTED.clone_into(&mut run.body.pause_reason);
    run.body.next_start_time = None;
    event.attributes.insert("pauseReason".to_owned(), REQUESTED.to_owned());
}

/// What is to be done with a run that is held and that a worker took up. The run and its migration
/// are written where they change; the events are not.
///
/// # Errors
/// `OPERATION_IN_PROGRESS` while it is being verified: it goes on afterwards.
pub async fn step(tx: &mut Tx, run: &mut Resource<Run>) -> Result<(Step, Vec<NewEvent>)> {
    let Some(schedule) = run.body.schedule.clone() else { return Ok((Step::Work, Vec::new())) };
    let now = tx.clock().await?;
    match run.state {
        RunState::Scheduled => match schedule.start(now) {
            Start::At(time) => wait(tx, run, time).await,
            Start::Missed => Ok((Step::Rest, vec![miss(tx, run, &schedule).await?])),
            Start::Now => start(tx, run, now).await,
        },
        RunState::Paused if waits_for_window(run) => match schedule.work(now) {
            Gate::Closed(opening) => wait(tx, run, opening.unwrap_or(now)).await,
            Gate::Open(_) => go_on(tx, run).await,
        },
        RunState::Pending | RunState::Running => {
            let Gate::Closed(_) = schedule.work(now) else { return Ok((Step::Work, Vec::new())) };
            WINDOW_CLOSED.clone_into(&mut run.body.pause_reason);
            let mut events = Vec::new();
            events.extend(advance(run, RunEvent::Pause)?);
            // A run that another worker left has nothing in flight: what has no result is looked for
            // when it goes on.
            if run.state == RunState::Pausing {
                events.extend(advance(run, RunEvent::Drained)?);
                let counts = tx.run_record_counts(&run.name).await?;
                run.body.accounting = Some(account(run.body.totals.as_ref(), &counts));
                run.body.worker.clear();
            }
            let (step, _) = wait(tx, run, opening(run, now)).await?;
            writer_moved(tx, run).await?;
            Ok((step, events))
        }
        _ => Ok((Step::Work, Vec::new())),
    }
}

/// When a run that came to rest goes on by itself; none when a person must see to it.
pub async fn next_work(tx: &mut Tx, run: &Resource<Run>) -> Result<Option<DateTime<Utc>>> {
    if run.state != RunState::Paused || !waits_for_window(run) {
        return Ok(None);
    }
    let now = tx.clock().await?;
    Ok(Some(opening(run, now)))
}

fn opening(run: &Resource<Run>, now: DateTime<Utc>) -> DateTime<Utc> {
    match run.body.schedule.as_ref().map(|schedule| schedule.work(now)) {
        Some(Gate::Closed(Some(opening))) => opening,
        // It opened meanwhile.
        _ => now,
    }
}

async fn wait(
    tx: &mut Tx,
    run: &mut Resource<Run>,
    until: DateTime<Utc>,
) -> Result<(Step, Vec<NewEvent>)> {
    run.body.next_start_time = Some(until);
    tx.resource_update(run).await?;
    Ok((Step::Wait(until), Vec::new()))
}

async fn miss(tx: &mut Tx, run: &mut Resource<Run>, schedule: &Schedule) -> Result<NewEvent> {
    let moved = advance(run, RunEvent::Miss)?;
    let mut event = moved.unwrap_or_else(|| own_event(run, ""));
    "run.schedule_missed".clone_into(&mut event.event_type);
    event.attributes.insert("startTime".to_owned(), rfc3339(schedule.start));
    event.attributes.insert("catchUpSeconds".to_owned(), schedule.catch_up_s.to_string());
    run.body.schedule = None;
    tx.resource_update(run).await?;
    writer_moved(tx, run).await?;
    Ok(event)
}

async fn start(
    tx: &mut Tx,
    run: &mut Resource<Run>,
    now: DateTime<Utc>,
) -> Result<(Step, Vec<NewEvent>)> {
    let refusal = refusal(tx, run).await?;
    let mut events = Vec::new();
    events.extend(advance(run, RunEvent::Due)?);
    run.body.start_time = Some(now);
    writer_moved(tx, run).await?;
    let Some(refusal) = refusal else { return Ok((Step::Work, events)) };
    tracing::warn!(run = %run.name, error = %refusal.chain(), "A scheduled run cannot start.");
    run.body.failure = Some(refusal.to_failure());
    events.extend(advance(run, RunEvent::Fail)?);
    tx.resource_update(run).await?;
    writer_moved(tx, run).await?;
    Ok((Step::Rest, events))
}

async fn go_on(tx: &mut Tx, run: &mut Resource<Run>) -> Result<(Step, Vec<NewEvent>)> {
    if let Some(other) = verification::under_way(tx, &run.name).await? {
        return Err(Error::in_progress(run.name.as_str(), &other));
    }
    if let Some(refusal) = refusal(tx, run).await? {
        tracing::warn!(run = %run.name, error = %refusal.chain(), "A run cannot go on.");
        run.body.failure = Some(refusal.to_failure());
        PRECONDITIONS_UNMET.clone_into(&mut run.body.pause_reason);
        run.body.next_start_time = None;
        tx.resource_update(run).await?;
        let mut event = own_event(run, "run.pause_reason_changed");
        event.attributes.insert("pauseReason".to_owned(), PRECONDITIONS_UNMET.to_owned());
        return Ok((Step::Rest, vec![event]));
    }
    let event = advance(run, RunEvent::Resume)?;
    writer_moved(tx, run).await?;
    Ok((Step::Work, event.into_iter().collect()))
}

/// What stands in the way of a start or of going on.
async fn refusal(tx: &mut Tx, run: &Resource<Run>) -> Result<Option<Error>> {
    let unmet = readiness::blockers(tx, &migration_of(&run.name), &run.body).await?;
    if let Err(error) = readiness::refuse(unmet) {
        return Ok(Some(error));
    }
    if !run.body.kind.loads() {
        return Ok(None);
    }
    match refuse_second_writer(tx, run).await {
        Err(error) if error.reason == Reason::LiveRunActive => Ok(Some(error)),
        other => other.map(|()| None),
    }
}

/// An event of a run that does not change its state.
fn own_event(run: &Resource<Run>, event_type: &str) -> NewEvent {
    NewEvent {
        event_type: event_type.to_owned(),
        resource: run.name.as_str().to_owned(),
        actor: "system".to_owned(),
        failure: run.body.failure.clone(),
        ..NewEvent::default()
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
