//! Taking back what LIVE runs wrote: which runs a ROLLBACK run is about, and what its states are for
//! them.

use std::collections::{HashMap, HashSet};

use cartage_connectors::Removal;
use cartage_engine::run::{RunEvent, RunState};
use cartage_model::Kind;

use super::{Run, advance, link_space, migration_of};
use crate::{
    app::{connection, mapping::MappingRevision, verification},
    error::{Error, Result},
    name::Name,
    reason::Reason,
    store::{
        Tx,
        event::NewEvent,
        record_link::LinkSpace,
        resource::{Cut, Resource},
    },
};

/// The run that a ROLLBACK run of a migration shall begin its way back to.
///
/// # Errors
/// `INVALID_FIELDS` for one that wrote nothing to the target.
pub async fn oldest(tx: &mut Tx, migration: &Name, run: &Name) -> Result<Resource<Run>> {
    let invalid = |problem| Error::field("run.rollback_run", "REFERENCE_INVALID", problem);
    if migration_of(run) != *migration {
        return Err(invalid("It belongs to another migration."));
    }
    let run = tx.resource_get::<Run>(run).await?;
    if !run.body.kind.loads() {
        return Err(invalid("Only what a LIVE, DELTA or REAPPLY run wrote can be taken back."));
    }
    if run.body.start_time.is_none() {
        return Err(invalid("It was never started."));
    }
    Ok(run)
}

/// The runs from one on that wrote to the target, the newest first.
pub async fn chain(tx: &mut Tx, oldest: &Resource<Run>) -> Result<Vec<Resource<Run>>> {
    let cut = Cut { limit: 1_000, ..Cut::default() };
    let mut runs = tx.resource_list::<Run>(&migration_of(&oldest.name), &cut).await?;
    let since = oldest.body.start_time;
    // One that was started earlier and tried again later wrote later, too.
    let wrote: HashSet<String> = match since {
        Some(since) => tx.external_call_runs_since(&link_space(oldest), since).await?,
        None => Vec::new(),
    }
    .into_iter()
    .collect();
    runs.retain(|run| {
        let is_later = run.body.start_time >= since || wrote.contains(run.name.as_str());
        run.body.kind.loads() && run.body.start_time.is_some() && is_later
    });
    runs.sort_by_key(|run| std::cmp::Reverse((run.body.start_time, run.name.clone())));
    Ok(runs)
}

/// How many records of a kind a ROLLBACK run is about, and why their objects stay, if they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The kind.
    pub kind: Kind,
    /// Records that have an object in the target which the runs made.
    pub count: i64,
    /// Records whose object the runs changed, and that becomes what it was before.
    pub restored: i64,
    /// Why the platform keeps them; none where they can be deleted.
    pub stays: Option<&'static str>,
}

/// What a ROLLBACK run could take back, per kind, in its order. What others changed since is seen when
/// it comes to it.
///
/// # Errors
/// Those of the store.
pub async fn forecast(tx: &mut Tx, migration: &Name, run: &Run) -> Result<Vec<Forecast>> {
    let oldest = tx.resource_get::<Run>(&Name::trusted(&run.rollback_run)).await?;
    let names: Vec<String> = if run.rollback_runs.is_empty() {
        let runs = chain(tx, &oldest).await?;
        runs.iter().map(|run| run.name.as_str().to_owned()).collect()
    } else {
        run.rollback_runs.clone()
    };
    let space = LinkSpace { migration: migration.clone(), target: run.target_connection.clone() };
    let made: HashMap<String, i64> =
        tx.record_link_made(&space, &names).await?.into_iter().collect();
    let changed: HashMap<String, i64> =
        tx.record_before_counts(&space, &names).await?.into_iter().collect();
    let revision = Name::trusted(&run.mapping_revision);
    let revision = tx.resource_get::<MappingRevision>(&revision).await?;
    let target = connection::target_of_platform(&revision.body.target_platform)?;
    let kinds = Kind::ALL.into_iter().rev().filter_map(|kind| {
        let stays = match target.removal(kind) {
            Removal::Deleted => None,
            Removal::Stays(why) => Some(why),
        };
        let count = |counts: &HashMap<String, i64>| counts.get(kind.as_str()).copied();
        let (made, changed) = (count(&made), count(&changed));
        made.or(changed)?;
        let (count, restored) = (made.unwrap_or_default(), changed.unwrap_or_default());
        Some(Forecast { kind, count, restored, stays })
    });
    Ok(kinds.collect())
}

/// Brings the runs that a ROLLBACK run takes back into ROLLING_BACK, and notes them in it. To be
/// called before it starts or is tried again; gives the events.
///
/// # Errors
/// `LIVE_RUN_ACTIVE` while one of them goes on, `OPERATION_IN_PROGRESS` while one is being verified,
/// `ROLLBACK_INCOMPLETE` for a rollback after whose beginning others wrote.
pub async fn begin(tx: &mut Tx, run: &mut Resource<Run>) -> Result<Vec<NewEvent>> {
    let oldest = tx.resource_get::<Run>(&Name::trusted(&run.body.rollback_run)).await?;
    let chain = chain(tx, &oldest).await?;
    let mut due: Vec<Name> = chain.into_iter().map(|run| run.name).collect();
    let begun = std::mem::take(&mut run.body.rollback_runs);
    let is_begun = !begun.is_empty();
    if is_begun {
        if due.iter().any(|name| !begun.iter().any(|it| it == name.as_str())) {
            let message = "Runs have written since this rollback began; start a new one.";
            return Err(Error::new(Reason::RollbackIncomplete, message));
        }
        due = begun.into_iter().map(Name::trusted).collect();
    }
    let mut events = Vec::new();
    let mut names = Vec::new();
    for name in due {
        tx.resource_children_hold(&name).await?;
        if let Some(other) = verification::under_way(tx, &name).await? {
            return Err(Error::in_progress(name.as_str(), &other));
        }
        let mut taken = tx.resource_lock::<Run>(&name).await?;
        if taken.state == RunState::Draft {
            continue;
        }
        if is_begun && taken.body.rolled_back_by != run.name.as_str() {
            let message = "Another rollback has gone on with it; start a new one.";
            return Err(Error::new(Reason::RollbackIncomplete, message).with("run", name.as_str()));
        }
        let event = advance(&mut taken, RunEvent::RollBack).map_err(|_| {
            let message = format!("{name} goes on; pause or cancel it before it is taken back.");
            Error::new(Reason::LiveRunActive, message).with("run", name.as_str())
        })?;
        run.name.as_str().clone_into(&mut taken.body.rolled_back_by);
        taken.body.end_time = None;
        tx.resource_update(&mut taken).await?;
        events.extend(event);
        names.push(name.as_str().to_owned());
    }
    run.body.rollback_runs = names;
    Ok(events)
}

/// Refuses to try a run again of which only a part still stands: its ledger speaks of records that
/// are gone.
///
/// # Errors
/// `ROLLBACK_INCOMPLETE`.
pub fn refuse_retry(run: &Resource<Run>) -> Result<()> {
    if run.body.rolled_back_by.is_empty() {
        return Ok(());
    }
    let message =
        "A part of what this run wrote was taken back; take back the rest, or start a new run.";
    Err(Error::new(Reason::RollbackIncomplete, message).with("run", &run.body.rolled_back_by))
}

/// What the end of a ROLLBACK run is for the runs that it takes back: ROLLED_BACK, or FAILED where
/// something of them stands that it did not come to. Gives the events; none while it goes on.
///
/// # Errors
/// Those of the store.
pub async fn ended(tx: &mut Tx, run: &Resource<Run>) -> Result<Vec<NewEvent>> {
    let event = match run.state {
        RunState::Succeeded => RunEvent::TakenBack,
        RunState::Failed | RunState::Cancelled => RunEvent::Fail,
        _ => return Ok(Vec::new()),
    };
    let mut events = Vec::new();
    for name in &run.body.rollback_runs {
        let mut taken = tx.resource_lock::<Run>(&Name::trusted(name)).await?;
        if taken.state != RunState::RollingBack {
            continue;
        }
        if event == RunEvent::Fail {
            let message = format!("{} ended before everything was taken back.", run.name);
            let error = Error::new(Reason::RollbackIncomplete, message);
            taken.body.failure = Some(error.with("run", run.name.as_str()).to_failure());
        }
        events.extend(advance(&mut taken, event)?);
        tx.resource_update(&mut taken).await?;
    }
    Ok(events)
}
