//! A migration and its runs: where a run leads it, and what giving it up does to them.

use cartage_engine::{
    migration::{MigrationEvent, MigrationState},
    run::{RunEvent, RunState},
};

use super::{Migration, advance, records_of};
use crate::{
    app::{
        plan,
        run::{self, Run, RunKind, rollback},
        snapshot::Snapshot,
    },
    error::Result,
    name::Name,
    store::{
        Tx,
        event::NewEvent,
        resource::{Cut, Resource},
    },
};

/// Brings the migration of a run that loads and changed its state where the run leads it, and writes
/// the event.
///
/// # Errors
/// `STATE_CONFLICT` when the two do not fit, which is a defect.
async fn loading_run_moved(tx: &mut Tx, run: &Resource<Run>) -> Result<()> {
    let mut migration = tx.resource_lock::<Migration>(&run::migration_of(&run.name)).await?;
    let event = match run.state {
        RunState::Pending | RunState::Running => MigrationEvent::RunStarted,
        RunState::Paused => MigrationEvent::RunPaused,
        RunState::AwaitingAcceptance => MigrationEvent::RunAwaited,
        RunState::Failed => MigrationEvent::RunFailed,
        RunState::Scheduled => MigrationEvent::RunScheduled,
        // What never started has not moved the migration, but by its start time.
        RunState::Draft | RunState::Cancelled if run.body.start_time.is_none() => {
            if migration.state != MigrationState::Scheduled || another_scheduled(tx, run).await? {
                return Ok(());
            }
            unscheduled(&migration.body)
        }
        RunState::Cancelled => MigrationEvent::RunCancelled,
        RunState::Succeeded if covers(tx, &migration, run).await? => MigrationEvent::RunSucceeded,
        RunState::Succeeded => MigrationEvent::RunSucceededInPart,
        RunState::Draft
        | RunState::Pausing
        | RunState::Verifying
        | RunState::Cancelling
        | RunState::RollingBack
        | RunState::RolledBack => return Ok(()),
    };
    lead(tx, &mut migration, run, event).await
}

/// What it means for a migration that its last start time is gone: it is what it was before.
fn unscheduled(migration: &Migration) -> MigrationEvent {
    let before = migration.before_schedule.as_ref();
    match before.and_then(|before| MigrationState::parse(&before.state)) {
        Some(MigrationState::Monitoring) => MigrationEvent::RunUnscheduledInMonitoring,
        Some(MigrationState::Failed) => MigrationEvent::RunUnscheduledAfterFailure,
        _ => MigrationEvent::RunUnscheduled,
    }
}

/// Whether another LIVE run of the migration has a start time.
async fn another_scheduled(tx: &mut Tx, run: &Resource<Run>) -> Result<bool> {
    let cut = Cut { limit: 1_000, states: vec!["SCHEDULED".to_owned()], ..Cut::default() };
    let others = tx.resource_list::<Run>(&run::migration_of(&run.name), &cut).await?;
    Ok(others.iter().any(|other| other.body.kind.loads() && other.name != run.name))
}

/// Brings the migration and the runs that are taken back where a ROLLBACK run leads them, and writes
/// the events.
///
/// # Errors
/// As [`loading_run_moved`].
async fn rollback_moved(tx: &mut Tx, run: &Resource<Run>) -> Result<()> {
    let ended = rollback::ended(tx, run).await?;
    let mut migration = tx.resource_lock::<Migration>(&run::migration_of(&run.name)).await?;
    for event in ended {
        tx.event_append(&run.name.stream(), &event).await?;
    }
    let event = match run.state {
        RunState::Pending | RunState::Running => {
            if migration.state == MigrationState::Planned {
                // It could not be approved afterwards, and what it was made for is about to change.
                let event = plan::supersede_current(tx, &mut migration).await?;
                if let Some(event) = event {
                    tx.event_append(migration.name.as_str(), &event).await?;
                }
            }
            MigrationEvent::RollbackStarted
        }
        RunState::Succeeded if holds_more(tx, &migration, run).await? => {
            match plan::is_current_approved(tx, &migration.body).await? {
                true => MigrationEvent::RollbackSucceededInPart,
                false => MigrationEvent::RollbackSucceededInDraft,
            }
        }
        RunState::Succeeded => MigrationEvent::RollbackSucceeded,
        RunState::Failed => MigrationEvent::RollbackFailed,
        // A run that was never started has moved nothing.
        RunState::Cancelled if run.body.start_time.is_some() => MigrationEvent::RollbackFailed,
        _ => return Ok(()),
    };
    lead(tx, &mut migration, run, event).await
}

/// Whether runs that are not taken back wrote something that stands.
async fn holds_more(
    tx: &mut Tx,
    migration: &Resource<Migration>,
    rollback: &Resource<Run>,
) -> Result<bool> {
    let cut = Cut { limit: 1_000, ..Cut::default() };
    let mut runs = tx.resource_list::<Run>(&migration.name, &cut).await?;
    runs.retain(|run| run.body.kind.loads() && run.state != RunState::RolledBack);
    let names: Vec<String> = runs.into_iter().map(|run| run.name.as_str().to_owned()).collect();
    let names: Vec<String> =
        names.into_iter().filter(|name| !rollback.body.rollback_runs.contains(name)).collect();
    let made = tx.record_link_made(&run::link_space(rollback), &names).await?;
    Ok(!made.is_empty())
}

async fn lead(
    tx: &mut Tx,
    migration: &mut Resource<Migration>,
    run: &Resource<Run>,
    event: MigrationEvent,
) -> Result<()> {
    let changed = advance(migration, event)?;
    if migration.state == MigrationState::Failed && run.body.failure.is_some() {
        migration.body.failure.clone_from(&run.body.failure);
    }
    tx.resource_update(migration).await?;
    if let Some(mut event) = changed {
        event.failure.clone_from(&migration.body.failure);
        tx.event_append(migration.name.as_str(), &event).await?;
    }
    Ok(())
}

/// Brings the migration where a run that writes to its target leads it.
///
/// # Errors
/// As [`loading_run_moved`].
pub async fn writer_moved(tx: &mut Tx, run: &Resource<Run>) -> Result<()> {
    match run.body.kind {
        RunKind::Live | RunKind::Delta | RunKind::Reapply => loading_run_moved(tx, run).await,
        RunKind::Rollback => rollback_moved(tx, run).await,
        RunKind::Test => Ok(()),
    }
}

/// Whether a run and those before it wrote all that the migration is about.
async fn covers(tx: &mut Tx, migration: &Resource<Migration>, run: &Resource<Run>) -> Result<bool> {
    let wanted = &migration.body.scope;
    if wanted.is_within(&run.body.scope) {
        return Ok(true);
    }
    let cut = Cut { limit: 1_000, states: vec!["SUCCEEDED".to_owned()], ..Cut::default() };
    let mut runs = tx.resource_list::<Run>(&migration.name, &cut).await?;
    runs.retain(|run| run.body.kind.loads());
    let snapshot = tx.resource_get::<Snapshot>(&Name::trusted(&run.body.snapshot)).await?;
    let kinds = records_of(&snapshot.body).into_iter();
    let mut kinds = kinds.filter(|(kind, count)| *count > 0 && wanted.has(*kind));
    Ok(kinds.all(|(kind, _)| {
        runs.iter().chain([run]).any(|run| {
            let scope = &run.body.scope;
            scope.has(kind)
                && scope.filter(kind).is_none_or(|filter| wanted.filter(kind) == Some(filter))
        })
    }))
}

/// Holds the runs of a migration that have not ended. Workers hold a run before its migration, so
/// whoever wants both must do the same.
pub(super) async fn hold_runs(tx: &mut Tx, migration: &Name) -> Result<Vec<Resource<Run>>> {
    let states = RunState::ALL.into_iter().filter(|state| !state.is_terminal());
    let states = states.map(|state| state.as_str().to_owned()).collect();
    let cut = Cut { limit: 1_000, states, ..Cut::default() };
    let mut held = Vec::new();
    for run in tx.resource_list::<Run>(migration, &cut).await? {
        held.push(tx.resource_lock::<Run>(&run.name).await?);
    }
    held.retain(|run| !run.state.is_terminal());
    Ok(held)
}

/// Cancels the runs of a migration that have not ended. Says whether a LIVE one still goes on.
pub(super) async fn cancel_runs(tx: &mut Tx, migration: &Name) -> Result<(Vec<NewEvent>, bool)> {
    let mut events = Vec::new();
    let mut under_way = false;
    for mut run in hold_runs(tx, migration).await? {
        if let Some(event) = run::advance(&mut run, RunEvent::Cancel)? {
            events.push(event);
            tx.resource_update(&mut run).await?;
        }
        if run.state == RunState::Cancelling {
            run::put(tx, &run).await?;
        } else {
            tx.job_withdraw(&run.name).await?;
        }
        under_way |= run.body.kind.writes() && !run.state.is_terminal();
    }
    Ok((events, under_way))
}
