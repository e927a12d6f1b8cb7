//! Migrations: the whole undertaking of moving one shop, and the way through its states.

mod runs;
mod scope;

use std::collections::BTreeMap;

use cartage_engine::{
    migration::{MigrationEvent, MigrationState, next},
    run::RunState,
};
use cartage_model::Kind;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    connection::{Connection, Role},
    run::{self, Run},
    snapshot::Snapshot,
};
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    reason::Reason,
    store::{
        Tx,
        event::NewEvent,
        record_link::LinkSpace,
        resource::{Body, Cut, Resource, State},
    },
};
pub use runs::writer_moved;
use runs::{cancel_runs, hold_runs};
pub use scope::{KindFilter, Scope};

/// The longest name for people, in characters.
pub const DISPLAY_NAME_CHARACTERS_MAX: usize = 200;
/// How long a deleted migration is kept.
const PURGE_AFTER: TimeDelta = TimeDelta::days(30);

/// A migration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Migration {
    /// A name for people.
    pub display_name: String,
    /// The shop to read.
    pub source_connection: String,
    /// The shop to write.
    pub target_connection: String,
    /// Which records it is about.
    pub scope: Scope,
    /// The newest published mapping revision.
    pub latest_mapping_revision: String,
    /// The plan that is in review or approved.
    pub current_plan: String,
    /// What it was before a run of it got a start time; none where none has one.
    pub before_schedule: Option<BeforeSchedule>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it will be removed for good.
    pub purge_time: Option<DateTime<Utc>>,
}

/// What a migration was before a run of it got a start time, and is again when the run loses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BeforeSchedule {
    /// The name of its state.
    pub state: String,
    /// Why it had failed.
    pub failure: Option<Failure>,
}

impl Body for Migration {
    const TYPE: &'static str = "migration";
    type State = MigrationState;
}

impl State for MigrationState {
    fn as_str(self) -> &'static str {
        Self::as_str(self)
    }
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// What the work is mainly about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the API, explained there")]
pub enum Phase {
    Discovery,
    Audit,
    Planning,
    Mapping,
    Testing,
    Execution,
    Monitoring,
}

/// A migration with what follows from its surroundings.
#[derive(Clone, Debug)]
pub struct View {
    /// The migration.
    pub migration: Resource<Migration>,
    /// What the work is mainly about.
    pub phase: Phase,
    /// The newest snapshot of the source that succeeded.
    pub latest_snapshot: String,
    /// Its records by kind.
    pub record_counts: BTreeMap<Kind, i64>,
    /// The run that writes and is active, or else the newest one.
    pub current_run: String,
    /// Records that stand in the target, by kind.
    pub linked_counts: Vec<(String, i64)>,
}

/// Creates a migration.
///
/// # Errors
/// `INVALID_FIELDS` for connections that cannot play their roles, `RESOURCE_EXISTS`.
pub async fn create(tx: &mut Tx, name: &Name, body: &Migration) -> Result<Resource<Migration>> {
    check_display_name(&body.display_name)?;
    if body.source_connection == body.target_connection {
        return Err(Error::field(
            "migration.target_connection",
            "REFERENCE_INVALID",
            "Source and target are the same connection.",
        ));
    }
    for (field, connection, role) in [
        ("migration.source_connection", &body.source_connection, Role::Source),
        ("migration.target_connection", &body.target_connection, Role::Target),
    ] {
        let invalid = |problem| Error::field(field, "REFERENCE_INVALID", problem);
        let found = tx.resource_get::<Connection>(&Name::trusted(connection)).await;
        let connection = found.map_err(|error| match error.reason {
            Reason::ResourceNotFound => invalid("There is no such connection."),
            _ => error,
        })?;
        if !connection.body.config.roles().contains(&role) {
            return Err(invalid("The connection's platform cannot play this role."));
        }
    }
    tx.resource_insert(name, MigrationState::Draft, body).await
}

/// What follows from a migration's surroundings.
pub async fn view(tx: &mut Tx, migration: Resource<Migration>) -> Result<View> {
    let source = Name::trusted(&migration.body.source_connection);
    let newest = Cut { limit: 1, states: vec!["SUCCEEDED".to_owned()], ..Cut::default() };
    let snapshot = tx.resource_list::<Snapshot>(&source, &newest).await?.into_iter().next();
    let newest = Cut { limit: 1_000, ..Cut::default() };
    let runs = tx.resource_list::<Run>(&migration.name, &newest).await?;
    let writing = |run: &&Resource<Run>| run.body.kind.writes() && run.state.is_open();
    let run = runs.iter().find(writing).or(runs.first());
    let space = LinkSpace {
        migration: migration.name.clone(),
        target: migration.body.target_connection.clone(),
    };
    let phase = match migration.state {
        MigrationState::Monitoring | MigrationState::Succeeded => Phase::Monitoring,
        MigrationState::Draft | MigrationState::Planned | MigrationState::Approved => {
            match tx.resource_newest_child(&migration.name).await?.as_deref() {
                Some("audit") => Phase::Audit,
                Some("mapping") => Phase::Mapping,
                Some("plan") => Phase::Planning,
                Some("run") => Phase::Testing,
                _ => Phase::Discovery,
            }
        }
        _ if runs.iter().any(|run| run.body.kind.loads()) => Phase::Execution,
        _ => Phase::Planning,
    };
    Ok(View {
        phase,
        latest_snapshot: snapshot.as_ref().map_or_else(String::new, |it| it.name.to_string()),
        record_counts: snapshot.map(|it| records_of(&it.body)).unwrap_or_default(),
        current_run: run.map_or_else(String::new, |run| run.name.to_string()),
        linked_counts: tx.record_link_counts(&space).await?,
        migration,
    })
}

/// What an update changes; none leaves a part as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// The name for people.
    pub display_name: Option<String>,
    /// Which records it is about.
    pub scope: Option<Scope>,
}

/// Changes a migration. Another scope takes a plan its validity.
///
/// # Errors
/// `INVALID_FIELDS`, `ETAG_MISMATCH`, `STATE_CONFLICT` while a run writes.
pub async fn update(
    tx: &mut Tx,
    name: &Name,
    etag: &str,
    edit: Edit,
) -> Result<(Resource<Migration>, Vec<NewEvent>)> {
    let mut migration = tx.resource_lock::<Migration>(name).await?;
    migration.check_etag(etag, false)?;
    let mut events = Vec::new();
    if migration.state == MigrationState::Deleted {
        let all: Vec<&str> = MigrationState::ALL.into_iter().map(MigrationState::as_str).collect();
        let allowed: Vec<&str> = all.into_iter().filter(|state| *state != "DELETED").collect();
        return Err(Error::state(name.as_str(), migration.state.as_str(), &allowed));
    }
    if let Some(display_name) = edit.display_name {
        check_display_name(&display_name)?;
        migration.body.display_name = display_name;
    }
    if let Some(scope) = edit.scope.filter(|scope| *scope != migration.body.scope) {
        let before = migration.state;
        events.extend(advance(&mut migration, MigrationEvent::ScopeChanged)?);
        if migration.state != before {
            events.extend(super::plan::supersede_current(tx, &mut migration).await?);
        }
        migration.body.scope = scope;
    }
    tx.resource_update(&mut migration).await?;
    Ok((migration, events))
}

/// Gives a migration up. What is under way is cancelled first.
///
/// # Errors
/// `ETAG_MISMATCH`, `STATE_CONFLICT`.
pub async fn cancel(
    tx: &mut Tx,
    name: &Name,
    etag: &str,
) -> Result<(Resource<Migration>, Vec<NewEvent>)> {
    hold_runs(tx, name).await?;
    let mut migration = tx.resource_lock::<Migration>(name).await?;
    migration.check_etag(etag, false)?;
    let before = migration.state;
    advance(&mut migration, MigrationEvent::Cancel)?;
    let (mut events, under_way) = cancel_runs(tx, name).await?;
    if migration.state == MigrationState::Cancelling && !under_way {
        advance(&mut migration, MigrationEvent::RunCancelled)?;
    }
    if migration.state != before {
        events.push(state_event(&migration, before));
    }
    events.extend(super::plan::supersede_current(tx, &mut migration).await?);
    tx.resource_update(&mut migration).await?;
    Ok((migration, events))
}

/// Declares a migration finished.
///
/// # Errors
/// `ETAG_REQUIRED`, `ETAG_MISMATCH`, `STATE_CONFLICT`.
pub async fn complete(
    tx: &mut Tx,
    name: &Name,
    etag: &str,
) -> Result<(Resource<Migration>, Vec<NewEvent>)> {
    let mut migration = tx.resource_lock::<Migration>(name).await?;
    migration.check_etag(etag, true)?;
    let event = advance(&mut migration, MigrationEvent::Complete)?;
    tx.resource_update(&mut migration).await?;
    Ok((migration, event.into_iter().collect()))
}

/// Deletes a migration softly.
///
/// # Errors
/// `ETAG_MISMATCH`, `STATE_CONFLICT`, `CHILDREN_EXIST` while something of it is under way.
pub async fn delete(
    tx: &mut Tx,
    name: &Name,
    etag: &str,
    force: bool,
) -> Result<(Resource<Migration>, Vec<NewEvent>)> {
    hold_runs(tx, name).await?;
    let mut migration = tx.resource_lock::<Migration>(name).await?;
    migration.check_etag(etag, false)?;
    let deleted = advance(&mut migration, MigrationEvent::Delete)?;
    let mut events = Vec::new();
    if force {
        events.extend(cancel_runs(tx, name).await?.0);
    } else {
        // An audit that is under way has one of these states, too.
        let states = run::states_where(|state| state.is_active() || state == RunState::Scheduled);
        for child in ["run", "audit"] {
            if tx.resource_count(child, name, &states).await? > 0 {
                return Err(Error::new(
                    Reason::ChildrenExist,
                    format!("{name} has an active {child}; cancel it first, or use force."),
                )
                .with("resource", name.as_str())
                .with("childType", child));
            }
        }
    }
    let now = Utc::now();
    migration.delete_time = Some(now);
    migration.body.purge_time = Some(now + PURGE_AFTER);
    events.extend(deleted);
    tx.resource_update(&mut migration).await?;
    Ok((migration, events))
}

/// Removes a migration that was deleted, with all that stands below it and its history, once it may
/// not come back any more.
///
/// # Errors
/// `RESOURCE_NOT_FOUND`, `STATE_CONFLICT` when its time is not over.
pub async fn purge(tx: &mut Tx, name: &Name) -> Result<()> {
    hold_runs(tx, name).await?;
    let migration = tx.resource_lock::<Migration>(name).await?;
    let over = migration.body.purge_time.is_some_and(|time| time < Utc::now());
    if migration.state != MigrationState::Deleted || !over {
        return Err(Error::state(name.as_str(), migration.state.as_str(), &["DELETED"]));
    }
    tx.resource_purge(name).await
}

/// Brings a migration that is held into its next state and gives the event to be written; none
/// when it is there already. The caller writes the resource.
///
/// # Errors
/// `STATE_CONFLICT` for an event its state does not know.
pub fn advance(
    migration: &mut Resource<Migration>,
    event: MigrationEvent,
) -> Result<Option<NewEvent>> {
    let before = migration.state;
    migration.state = next(before, event).map_err(|_| {
        let allowed = MigrationState::allowed(event);
        Error::state(migration.name.as_str(), before.as_str(), &allowed)
    })?;
    if migration.state == before {
        return Ok(None);
    }
    let earlier = migration.body.before_schedule.take();
    let failure = migration.body.failure.take();
    match migration.state {
        MigrationState::Scheduled => {
            let state = before.as_str().to_owned();
            migration.body.before_schedule = Some(BeforeSchedule { state, failure });
        }
        MigrationState::Failed if before == MigrationState::Scheduled => {
            migration.body.failure = earlier.and_then(|earlier| earlier.failure);
        }
        _ => {}
    }
    Ok(Some(state_event(migration, before)))
}

/// The ids of the platforms between which a migration goes.
///
/// # Errors
/// `RESOURCE_NOT_FOUND` for a connection that is gone.
pub async fn platforms(tx: &mut Tx, migration: &Migration) -> Result<(String, String)> {
    let source = Name::trusted(&migration.source_connection);
    let target = Name::trusted(&migration.target_connection);
    let source = tx.resource_get::<Connection>(&source).await?;
    let target = tx.resource_get::<Connection>(&target).await?;
    Ok((source.body.platform, target.body.platform))
}

/// The records of a snapshot by kind, with those that could not be read.
pub(super) fn records_of(snapshot: &Snapshot) -> BTreeMap<Kind, i64> {
    let counts = snapshot.counts.iter();
    counts.map(|(kind, counts)| (*kind, counts.records + counts.unreadable)).collect()
}

/// A name for people must fit.
fn check_display_name(text: &str) -> Result<()> {
    if text.chars().count() <= DISPLAY_NAME_CHARACTERS_MAX {
        return Ok(());
    }
    let message =
        format!("A name for people has at most {DISPLAY_NAME_CHARACTERS_MAX} characters.");
    Err(Error::field("migration.display_name", "TOO_LONG", message))
}

/// The event of a change of state.
fn state_event(migration: &Resource<Migration>, before: MigrationState) -> NewEvent {
    NewEvent { failure: migration.body.failure.clone(), ..NewEvent::of_state(migration, before) }
}
