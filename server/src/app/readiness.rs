//! What must hold before a run may start: the third law, and what belongs to it.

use cartage_engine::{migration::MigrationState, run::RunState};

use super::{
    connection::{Connection, ConnectionConfig, ConnectionState},
    mapping::MappingRevision,
    migration::Migration,
    plan::{Plan, PlanState},
    run::{Run, RunKind},
    snapshot::{Snapshot, SnapshotState, Verdict},
};
use crate::{
    error::{Error, Result, Unmet},
    name::Name,
    reason::Reason,
    store::{
        Tx,
        resource::{Cut, Resource},
    },
};

/// Everything that stands in the way of a run; empty when it may start.
pub async fn blockers(tx: &mut Tx, migration: &Name, run: &Run) -> Result<Vec<Unmet>> {
    let mut unmet = Vec::new();
    let migration = tx.resource_get::<Migration>(migration).await?;
    if run.kind == RunKind::Rollback {
        // It needs nothing but the shop: what it takes back was let in by all the rest, and a
        // migration that was given up can be taken back too.
        active(tx, &run.target_connection, &mut unmet).await?;
        return Ok(unmet);
    }
    given_up(&migration, &mut unmet);
    if run.kind.loads() {
        plan(tx, run, &mut unmet).await?;
    }
    if run.kind == RunKind::Live {
        let role = "target";
        let target = Some(migration.body.target_connection.as_str());
        snapshot(tx, &run.target_snapshot, target, role, true, &mut unmet).await?;
    }
    if run.kind == RunKind::Test {
        isolated(tx, run, &mut unmet).await?;
    }
    let source = Some(migration.body.source_connection.as_str());
    let live = run.kind == RunKind::Live;
    snapshot(tx, &run.snapshot, source, "source", live, &mut unmet).await?;
    if run.kind.updates() {
        newest(tx, &migration.name, run, &mut unmet).await?;
    }
    mapping(tx, run, &mut unmet).await?;
    active(tx, &run.target_connection, &mut unmet).await?;
    Ok(unmet)
}

/// Nothing of a migration that was given up is run any more, rehearsals neither.
fn given_up(migration: &Resource<Migration>, unmet: &mut Vec<Unmet>) {
    use MigrationState::{Cancelled, Cancelling, Deleted};
    if matches!(migration.state, Cancelling | Cancelled | Deleted) {
        let state = migration.state.as_str();
        let why = format!("The migration is {state}; nothing of it is run any more.");
        unmet.push(condition("READINESS_BLOCKED", migration.name.as_str(), why));
    }
}

async fn plan(tx: &mut Tx, run: &Run, unmet: &mut Vec<Unmet>) -> Result<()> {
    let Some(plan) = found(tx.resource_get::<Plan>(&Name::trusted(&run.plan)).await)? else {
        unmet.push(condition("APPROVALS_MISSING", &run.plan, "A live run needs an approved plan."));
        return Ok(());
    };
    if plan.state != PlanState::Approved {
        unmet.push(condition("APPROVALS_MISSING", &run.plan, "The plan is not approved."));
    }
    let other_snapshot = run.kind == RunKind::Live && plan.body.snapshot != run.snapshot;
    if other_snapshot || plan.body.mapping_revision != run.mapping_revision {
        unmet.push(condition(
            "PLAN_REVISION_CHANGED",
            &run.plan,
            "The plan is about another snapshot or mapping revision than the run.",
        ));
    }
    if !run.scope.is_within(&plan.body.scope) {
        unmet.push(condition(
            "PLAN_SCOPE_EXCEEDED",
            &run.plan,
            "The run covers records that the approved plan does not.",
        ));
    }
    Ok(())
}

async fn snapshot(
    tx: &mut Tx,
    name: &str,
    connection: Option<&str>,
    role: &str,
    restored: bool,
    unmet: &mut Vec<Unmet>,
) -> Result<()> {
    let parsed = Name::trusted(name);
    let snapshot = found(tx.resource_get::<Snapshot>(&parsed).await)?
        .filter(|_| parsed.parent().as_ref().map(Name::as_str) == connection)
        .filter(|snapshot| snapshot.state == SnapshotState::Succeeded);
    let Some(snapshot) = snapshot else {
        unmet.push(condition(
            "SNAPSHOT_REQUIRED",
            name,
            format!("A finished snapshot of the {role} connection is needed."),
        ));
        return Ok(());
    };
    if restored && snapshot.body.restore_verdict != Some(Verdict::Passed) {
        unmet.push(condition(
            "RESTORE_TEST_REQUIRED",
            name,
            format!("The snapshot of the {role} needs a restore test that passed."),
        ));
    }
    Ok(())
}

/// What was loaded from a newer snapshot must not become what an older one says.
async fn newest(tx: &mut Tx, migration: &Name, run: &Run, unmet: &mut Vec<Unmet>) -> Result<()> {
    let Some(loaded) = newest_loaded(tx, migration).await? else { return Ok(()) };
    let wanted = found(tx.resource_get::<Snapshot>(&Name::trusted(&run.snapshot)).await)?;
    if wanted.is_some_and(|wanted| wanted.create_time < loaded.create_time) {
        let why = format!("{} is newer and was loaded already.", loaded.name);
        unmet.push(condition("SNAPSHOT_REQUIRED", &run.snapshot, why));
    }
    Ok(())
}

/// The newest snapshot that a run of a migration loaded and that still stands.
pub async fn newest_loaded(tx: &mut Tx, migration: &Name) -> Result<Option<Resource<Snapshot>>> {
    let cut = Cut { limit: 1_000, ..Cut::default() };
    let mut runs = tx.resource_list::<Run>(migration, &cut).await?;
    runs.retain(|run| {
        let stands = !matches!(run.state, RunState::Draft | RunState::RolledBack);
        run.body.kind.loads() && stands && run.body.start_time.is_some()
    });
    let mut newest: Option<Resource<Snapshot>> = None;
    for run in runs {
        let name = Name::trusted(&run.body.snapshot);
        let snapshot = found(tx.resource_get::<Snapshot>(&name).await)?;
        newest = newest.into_iter().chain(snapshot).max_by_key(|it| it.create_time);
    }
    Ok(newest)
}

async fn mapping(tx: &mut Tx, run: &Run, unmet: &mut Vec<Unmet>) -> Result<()> {
    let name = Name::trusted(&run.mapping_revision);
    if found(tx.resource_get::<MappingRevision>(&name).await)?.is_none() {
        unmet.push(condition(
            "MAPPING_NOT_PUBLISHED",
            &run.mapping_revision,
            "A published mapping revision is needed.",
        ));
    }
    Ok(())
}

async fn active(tx: &mut Tx, name: &str, unmet: &mut Vec<Unmet>) -> Result<()> {
    let connection = found(tx.resource_get::<Connection>(&Name::trusted(name)).await)?;
    let simulated = connection
        .as_ref()
        .is_some_and(|it| matches!(it.body.config, ConnectionConfig::Sandbox { .. }));
    if !simulated && connection.is_none_or(|it| it.state != ConnectionState::Active) {
        unmet.push(condition(
            "CONNECTION_NOT_ACTIVE",
            name,
            "The target connection must be verified and active.",
        ));
    }
    Ok(())
}

/// A TEST run writes to nothing but an isolated shop.
async fn isolated(tx: &mut Tx, run: &Run, unmet: &mut Vec<Unmet>) -> Result<()> {
    let name = Name::trusted(&run.target_connection);
    let connection = found(tx.resource_get::<Connection>(&name).await)?;
    let isolated = connection.is_some_and(|it| match &it.body.config {
        ConnectionConfig::Sandbox { .. } => true,
        ConnectionConfig::Medusa { test_shop, .. } => *test_shop,
        ConnectionConfig::ShopifyCsv { .. } => false,
    });
    if !isolated {
        unmet.push(condition(
            "TARGET_NOT_ISOLATED",
            &run.target_connection,
            "A test run writes to a sandbox, or to a connection marked as a test shop.",
        ));
    }
    Ok(())
}

fn condition(condition: &'static str, subject: &str, description: impl Into<String>) -> Unmet {
    Unmet { condition, subject: subject.to_owned(), description: description.into() }
}

fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.reason == Reason::ResourceNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses what is not met.
pub fn refuse(unmet: Vec<Unmet>) -> Result<()> {
    if unmet.is_empty() { Ok(()) } else { Err(Error::unmet(unmet)) }
}
