//! Loading: takes a run from PENDING to its end.
//!
//! The ledger is the journal of the run: a record that has a row is done with, so a run that is
//! taken up again walks the snapshot from the beginning and passes over what is done. Below the
//! record stands the journal of external calls.

mod adopt;
mod book;
mod cost;
mod deleted;
mod delta;
mod journal;
mod ledger;
mod load;
mod matched;
mod merge;
mod meter;
mod needs;
mod patience;
mod reconcile;
mod restore;
mod rollback;
mod set_up;
mod shop;
mod standing;
mod statistics;
mod unlinked;
mod update;
mod window;

use std::collections::BTreeMap;

use cartage_engine::{
    accounting::Verdict,
    run::{RunEvent, RunState},
};
use cartage_model::Kind;
use serde_json::Value;
use tokio::sync::Mutex;

pub(crate) use self::shop::open as open_way;
use self::{
    load::{Loader, Stopped},
    meter::Meter,
    patience::Tries,
};
use super::{Work, records::Way};
use crate::{
    app::{
        migration,
        run::{
            self, Run, RunKind,
            schedule::{self, Step},
        },
    },
    error::{Error, Failure, Result},
    failpoint::{self, Place},
    name::Name,
    reason::Reason,
    store::{Tx, event::NewEvent, record_link::LinkSpace, resource::Resource},
};

/// How many records may be quarantined before a run pauses: at least this many.
const QUARANTINED_FLOOR: i64 = 500;

/// Runs a run.
pub(super) async fn execute(work: &Work) -> Result<()> {
    let name = work.claim.resource.clone();
    let Some(run) = take(work, &name).await? else { return Ok(()) };
    let work_on = async {
        match run.body.kind {
            RunKind::Rollback => rollback::attempt(work, &run).await,
            RunKind::Test | RunKind::Live | RunKind::Delta | RunKind::Reapply => {
                attempt(work, run).await
            }
        }
    };
    let attempted = tokio::select! {
        biased;
        attempted = work_on => attempted,
        never = window::watch(work, &name) => match never {},
        never = statistics::keep(work) => match never {},
    };
    let stopped = match attempted {
        Ok(()) => return finish(work, &name).await,
        Err(stopped) => stopped,
    };
    match stopped {
        Stopped::Pause(reason, error) => {
            end(work, &name, RunEvent::Pause, Some((reason, error))).await
        }
        Stopped::Withdrawn => {
            // Paused or cancelled by the caller, or the lease is lost: the state says which.
            let mut tx = work.begin().await?;
            let asked = asked_to_stop(&mut tx, &name).await?;
            tx.rollback().await?;
            if asked {
                return end(work, &name, RunEvent::Drained, None).await;
            }
            Err(Error::new(Reason::Contention, "The run was stopped, to be taken up again."))
        }
        // Whoever takes up work that was taken away sees for himself whether it fails.
        Stopped::Failed(error) if error.reason.is_retryable() || work.stop.is_cancelled() => {
            Err(error)
        }
        Stopped::Failed(error) => end(work, &name, RunEvent::Fail, Some(("", error))).await,
    }
}

/// Whether the caller wants the run to stop.
pub(super) async fn asked_to_stop(tx: &mut Tx, run: &Name) -> Result<bool> {
    let run = tx.resource_get::<Run>(run).await?;
    Ok(matches!(run.state, RunState::Pausing | RunState::Cancelling))
}

/// PENDING to RUNNING, also of a run whose time has come, or a run that was left RUNNING taken up
/// again; none when there is nothing to do, or not yet.
async fn take(work: &Work, name: &Name) -> Result<Option<Resource<Run>>> {
    let mut tx = work.begin().await?;
    // Before the run is held: whoever begins a verification holds these two in that order.
    tx.resource_children_hold(name).await?;
    let mut run = tx.resource_lock::<Run>(name).await?;
    let (step, mut events) = schedule::step(&mut tx, &mut run).await?;
    if step != Step::Work {
        match step {
            Step::Wait(until) => tx.job_put_off(&work.claim, until).await?,
            Step::Work | Step::Rest => tx.job_done(&work.claim).await?,
        }
        for event in &events {
            tx.event_append(&name.stream(), event).await?;
        }
        work.commit(tx).await?;
        return Ok(None);
    }
    let event = match run.state {
        RunState::Pending => run::advance(&mut run, RunEvent::Taken)?,
        RunState::Running => {
            run.body.recovery_count += 1;
            Some(NewEvent {
                event_type: "run.recovered".to_owned(),
                resource: name.as_str().to_owned(),
                actor: "system".to_owned(),
                attributes: BTreeMap::from([(
                    "recoveryCount".to_owned(),
                    run.body.recovery_count.to_string(),
                )]),
                ..NewEvent::default()
            })
        }
        RunState::Pausing | RunState::Cancelling => {
            tx.rollback().await?;
            end(work, name, RunEvent::Drained, None).await?;
            return Ok(None);
        }
        RunState::Verifying => {
            tx.rollback().await?;
            finish(work, name).await?;
            return Ok(None);
        }
        _ => {
            tx.job_done(&work.claim).await?;
            work.commit(tx).await?;
            return Ok(None);
        }
    };
    run.body.worker = work.claim.epoch.to_string();
    run.body.failure = None;
    tx.resource_update(&mut run).await?;
    events.extend(event);
    for event in &events {
        tx.event_append(&name.stream(), event).await?;
    }
    work.commit(tx).await?;
    Ok(Some(run))
}

/// Prepares the target and loads every kind.
async fn attempt(work: &Work, run: Resource<Run>) -> std::result::Result<(), Stopped> {
    let space = run::link_space(&run);
    let (way, run) = shop::way(work, run, &space).await?;
    let name = &run.name;
    if run.body.kind.loads() {
        reconcile::reconcile(work, name, way.target.as_ref(), &space).await?;
    }
    let (totals, prepared) = prepare(work, &run, &way, &space).await?;
    let kinds = way.kinds();
    let mut tx = work.begin().await?;
    let counts = tx.run_record_counts(name).await?;
    let costs = cost::expected(&mut tx, &run, &way).await?;
    tx.rollback().await?;
    let mut kind_names: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    // Kinds of which the snapshot has none any more, and the source deleted all.
    kind_names.extend(
        totals.keys().filter(|kind| !kinds.iter().any(|it| it.as_str() == **kind)).cloned(),
    );
    let in_scope: i64 = totals.values().sum();
    let mut meter = Meter::new(&kind_names, &totals, &counts, costs);
    let mut tx = work.begin().await?;
    tx.progress_put(name, &meter.progress("load")).await?;
    work.commit(tx).await?;
    let meter = Mutex::new(meter);
    let loader = Loader {
        work,
        way: &way,
        run: name,
        space: &space,
        prepared: &prepared,
        quarantined_max: run
            .body
            .quarantined_max
            .unwrap_or_else(|| (in_scope / 100).max(QUARANTINED_FLOOR)),
        meter: &meter,
        updates: run.body.kind.updates(),
        remembers: run.body.kind.loads(),
        policies: &run.body.conflict_policies,
        match_rules: &run.body.match_rules,
    };
    for kind in kinds {
        let total = totals.get(kind.as_str()).copied().unwrap_or_default();
        let done: i64 = counts
            .iter()
            .filter(|count| count.kind == kind.as_str())
            .map(|count| count.count)
            .sum();
        if done >= total {
            // All of it stands, or an earlier attempt was cut off before it told. What the source deleted
            // is counted behind that.
            if total > 0 && run.body.deleted.is_none() {
                tell_completed(work, name, kind, total).await?;
            }
            continue;
        }
        loader.kind(kind).await?;
        if run.body.deleted.is_some() {
            // It was told when it was complete; what is open now is what the source deleted.
            continue;
        }
        let mut tx = work.begin().await?;
        let progress = meter.lock().await.progress(&format!("load {kind}"));
        tx.progress_put(name, &progress).await?;
        tx.event_append(&name.stream(), &kind_completed(name, kind, total)).await?;
        work.commit(tx).await?;
    }
    if run.body.kind == RunKind::Delta {
        let deleted = loader.count_deleted(&run).await?;
        // Those first that refer to others.
        for kind in Kind::ALL.into_iter().rev().filter(|it| deleted.contains_key(it.as_str())) {
            loader.deleted(kind, run.body.deleted_records).await?;
        }
    }
    let measured = meter.lock().await.seconds_per_record();
    cost::keep(work, name, measured).await?;
    Ok(())
}

/// Tells that every record of a kind has an outcome, where nobody has told yet.
async fn tell_completed(work: &Work, run: &Name, kind: Kind, total: i64) -> Result<()> {
    let event = kind_completed(run, kind, total);
    let mut tx = work.begin().await?;
    if tx.event_told(&run.stream(), &event).await? {
        return tx.rollback().await;
    }
    tx.event_append(&run.stream(), &event).await?;
    work.commit(tx).await
}

/// Every record of a kind has an outcome.
fn kind_completed(run: &Name, kind: Kind, total: i64) -> NewEvent {
    NewEvent {
        event_type: "run.kind_completed".to_owned(),
        resource: run.as_str().to_owned(),
        actor: "system".to_owned(),
        attributes: BTreeMap::from([
            ("kind".to_owned(), kind.as_str().to_owned()),
            ("count".to_owned(), total.to_string()),
        ]),
        ..NewEvent::default()
    }
}

/// Counts what is in scope and sets up the target, once per run; the result is kept in the run.
async fn prepare(
    work: &Work,
    run: &Resource<Run>,
    way: &Way,
    space: &LinkSpace,
) -> std::result::Result<(BTreeMap<String, i64>, Value), Stopped> {
    if let (Some(totals), Some(prepared)) = (&run.body.totals, &run.body.prepared) {
        return Ok((totals.clone(), prepared.clone()));
    }
    let totals = way.totals().await?;
    if run.body.kind.updates() {
        // Who looks at the ledger from now on must know what it is to hold.
        let mut tx = work.begin().await?;
        let mut held = tx.resource_lock::<Run>(&run.name).await?;
        held.body.totals = Some(totals.clone());
        tx.resource_update(&mut held).await?;
        work.commit(tx).await?;
        standing::enter(work, &run.name, way, space, &totals).await?;
    }
    let needs = needs::gather(work, way, run).await?;
    let mut tries = Tries::new(work, &run.name);
    let prepared = loop {
        tries.begin()?;
        let answer = way.target.prepare(space.migration.id(), &needs, work).await;
        match tries.heard(answer, None).await? {
            Ok(prepared) => break prepared,
            Err(held_up) => drop(tries.wait(held_up).await?),
        }
    };
    let mut tx = work.begin().await?;
    let mut held = tx.resource_lock::<Run>(&run.name).await?;
    held.body.totals = Some(totals.clone());
    held.body.needs = Some(needs);
    held.body.prepared = Some(prepared.clone());
    tx.resource_update(&mut held).await?;
    work.commit(tx).await?;
    Ok((totals, prepared))
}

/// Every record has an outcome: checks the sums and ends the run.
async fn finish(work: &Work, name: &Name) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut run = tx.resource_lock::<Run>(name).await?;
    let mut events = Vec::new();
    if run.state == RunState::Pausing {
        // Everything was done before the pause took hold; there is nothing left to pause.
        tx.rollback().await?;
        return end(work, name, RunEvent::Drained, None).await;
    }
    if run.state == RunState::Cancelling {
        tx.rollback().await?;
        return end(work, name, RunEvent::Drained, None).await;
    }
    events.extend(run::advance(&mut run, RunEvent::Loaded).ok().flatten());
    let counts = tx.run_record_counts(name).await?;
    let accounting = run::account(run.body.totals.as_ref(), &counts);
    let conflicts = tx.record_conflict_open(name).await?;
    let event = match accounting.verdict() {
        Verdict::Complete if conflicts > 0 => {
            let message = format!(
                "{conflicts} fields were changed in the source and in the target, and nobody decided whose value counts."
            );
            let error = Error::new(Reason::TargetConflict, message);
            run.body.failure = Some(error.with("count", conflicts.to_string()).to_failure());
            RunEvent::Undecided
        }
        Verdict::Complete => RunEvent::Accounted,
        Verdict::Undecided(count) => {
            run.body.failure = Some(failure(Reason::UnknownEffects, count, "cannot be decided"));
            RunEvent::Undecided
        }
        Verdict::Incomplete(count) => {
            run.body.failure =
                Some(failure(Reason::AccountingIncomplete, count, "have no outcome, or too many"));
            RunEvent::Fail
        }
    };
    run.body.accounting = Some(accounting);
    events.extend(run::advance(&mut run, event)?);
    tx.resource_update(&mut run).await?;
    migration::writer_moved(&mut tx, &run).await?;
    tx.job_done(&work.claim).await?;
    for event in &events {
        tx.event_append(&name.stream(), event).await?;
    }
    failpoint::hit(Place::RunBeforeFinish);
    work.commit(tx).await
}

fn failure(reason: Reason, count: i64, what: &str) -> Failure {
    Error::new(reason, format!("{count} records {what}."))
        .with("count", count.to_string())
        .to_failure()
}

/// Brings a run to rest: paused, cancelled or failed.
async fn end(
    work: &Work,
    name: &Name,
    event: RunEvent,
    cause: Option<(&'static str, Error)>,
) -> Result<()> {
    if event == RunEvent::Drained {
        failpoint::hit(Place::PauseBetween);
    }
    let mut tx = work.begin().await?;
    let mut run = tx.resource_lock::<Run>(name).await?;
    let mut events = Vec::new();
    if let Some((reason, error)) = cause {
        tracing::warn!(run = %name, error = %error.chain(), "The run stops.");
        run.body.failure = Some(error.to_failure());
        run.body.pause_reason = reason.to_owned();
    }
    events.extend(run::advance(&mut run, event)?);
    // A pause of the server's own has nothing in flight any more: it goes on to PAUSED at once.
    if run.state == RunState::Pausing {
        events.extend(run::advance(&mut run, RunEvent::Drained)?);
    }
    let counts = tx.run_record_counts(name).await?;
    run.body.accounting = Some(run::account(run.body.totals.as_ref(), &counts));
    run.body.worker.clear();
    run.body.next_start_time = schedule::next_work(&mut tx, &run).await?;
    tx.resource_update(&mut run).await?;
    migration::writer_moved(&mut tx, &run).await?;
    match run.body.next_start_time {
        Some(opening) => tx.job_put_off(&work.claim, opening).await?,
        None => tx.job_done(&work.claim).await?,
    }
    for event in &events {
        tx.event_append(&name.stream(), event).await?;
    }
    work.commit(tx).await
}
