//! Runs: what they are, and the decisions about starting, pausing, resuming and cancelling them.

pub mod change;
pub mod judgement;
pub mod rollback;
pub mod schedule;

use std::collections::BTreeMap;

use cartage_engine::{
    accounting::{Accounting, KindAccount, Outcome},
    run::{RunEvent, RunState},
    schedule::Schedule,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::change::{ConflictPolicy, DeletedRecords, MatchRule};
use super::migration::Scope;
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    store::{
        Tx,
        event::NewEvent,
        record_link::LinkSpace,
        resource::{Body, Resource, State},
        run_record::OutcomeCount,
    },
};

/// What a run is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A rehearsal into an isolated shop.
    #[default]
    Test,
    /// The real thing.
    Live,
    /// What changed in the source since.
    Delta,
    /// What a newer mapping revision changes.
    Reapply,
    /// Takes back what runs wrote.
    Rollback,
}

impl RunKind {
    /// The kind's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "TEST",
            Self::Live => "LIVE",
            Self::Delta => "DELTA",
            Self::Reapply => "REAPPLY",
            Self::Rollback => "ROLLBACK",
        }
    }

    /// Whether runs of the kind write to the target of their migration.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Test)
    }

    /// Whether runs of the kind bring records into the target of their migration, from an approved plan.
    pub const fn loads(self) -> bool {
        matches!(self, Self::Live | Self::Delta | Self::Reapply)
    }

    /// Whether runs of the kind change records that an earlier run wrote.
    pub const fn updates(self) -> bool {
        matches!(self, Self::Delta | Self::Reapply)
    }
}

/// A run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// A name for people.
    pub display_name: String,
    /// What it is for.
    pub kind: RunKind,
    /// The approved plan of a LIVE run.
    pub plan: String,
    /// The snapshot of the source.
    pub snapshot: String,
    /// The mapping revision.
    pub mapping_revision: String,
    /// Which records.
    pub scope: Scope,
    /// Whose value counts where source and target both changed it.
    pub conflict_policies: Vec<ConflictPolicy>,
    /// What becomes of the objects of records that the source no longer has.
    pub deleted_records: DeletedRecords,
    /// How many records of each kind the source no longer has, once they are counted.
    pub deleted: Option<BTreeMap<String, i64>>,
    /// By what objects of others are found.
    pub match_rules: Vec<MatchRule>,
    /// The oldest run that a ROLLBACK run takes back.
    pub rollback_run: String,
    /// All of them, the newest first; empty until it is started.
    pub rollback_runs: Vec<String>,
    /// The ROLLBACK run that takes or took back what this run wrote.
    pub rolled_back_by: String,
    /// Which isolated shop holds what a TEST run wrote.
    pub sandbox_instance: Option<String>,
    /// Which process that shop lives in.
    pub sandbox_holder: Option<String>,
    /// Where it writes.
    pub target_connection: String,
    /// The target as it was before a LIVE run.
    pub target_snapshot: String,
    /// Whether personal data is masked.
    pub masked: bool,
    /// How many quarantined records make it pause; none is the default.
    pub quarantined_max: Option<i64>,
    /// Why it is paused.
    pub pause_reason: String,
    /// When it starts, and when it may work.
    pub schedule: Option<Schedule>,
    /// When it starts or goes on by itself.
    pub next_start_time: Option<DateTime<Utc>>,
    /// Why it failed, or what made it pause.
    pub failure: Option<Failure>,
    /// How often it was taken up again.
    pub recovery_count: i32,
    /// How often it was resumed by a caller.
    pub resume_count: i32,
    /// Records in scope by kind, once they are counted.
    pub totals: Option<BTreeMap<String, i64>>,
    /// What it was prepared for: what the records need in the target.
    pub needs: Option<cartage_connectors::Needs>,
    /// What came of preparing the target.
    pub prepared: Option<serde_json::Value>,
    /// What a record of each kind took, in seconds, once all are loaded.
    pub seconds_per_record: BTreeMap<String, f64>,
    /// The final accounting.
    pub accounting: Option<Accounting>,
    /// Who accepted it, and why.
    pub acceptance: Option<judgement::Acceptance>,
    /// The newest verification report.
    pub latest_verification_report: String,
    /// Who works on it.
    pub worker: String,
    /// When it was first started.
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended for good.
    pub end_time: Option<DateTime<Utc>>,
}

impl Body for Run {
    const TYPE: &'static str = "run";
    type State = RunState;
}

impl State for RunState {
    fn as_str(self) -> &'static str {
        Self::as_str(self)
    }
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// The queue of loading.
pub const QUEUE: &str = "run.execute";

/// The migration of a run.
pub fn migration_of(run: &Name) -> Name {
    run.parent().unwrap_or_else(|| run.clone())
}

/// Where the links of a run are kept: with the target connection for a run that writes there, with
/// the run itself for a TEST run, whose isolated shop is its own.
pub fn link_space(run: &Resource<Run>) -> LinkSpace {
    LinkSpace {
        migration: migration_of(&run.name),
        target: match run.body.kind {
            RunKind::Test => run.name.as_str().to_owned(),
            RunKind::Live | RunKind::Delta | RunKind::Reapply | RunKind::Rollback => {
                run.body.target_connection.clone()
            }
        },
    }
}

/// The names of the states of which something holds.
pub fn states_where(holds: fn(RunState) -> bool) -> Vec<String> {
    let states = RunState::ALL.into_iter().filter(|state| holds(*state));
    states.map(|state| state.as_str().to_owned()).collect()
}

/// The sums of a run, from what is in scope and what the ledger holds.
pub fn account(totals: Option<&BTreeMap<String, i64>>, counts: &[OutcomeCount]) -> Accounting {
    let mut accounting = Accounting::default();
    for (kind, total) in totals.into_iter().flatten() {
        let account = KindAccount { total: *total, outcomes: BTreeMap::new() };
        accounting.kinds.insert(kind.clone(), account);
    }
    for count in counts {
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == count.outcome);
        if let Some(outcome) = outcome {
            let kind = accounting.kinds.entry(count.kind.clone()).or_default();
            *kind.outcomes.entry(outcome).or_default() += count.count;
        }
    }
    accounting
}

/// Brings a run that is held into its next state and gives the event to be written; none when the
/// goal already holds.
///
/// # Errors
/// `STATE_CONFLICT` for an event its state does not know.
pub fn advance(run: &mut Resource<Run>, event: RunEvent) -> Result<Option<NewEvent>> {
    let before = run.state;
    let next = before.next(event).map_err(|_| {
        let allowed: Vec<&str> = RunState::ALL
            .into_iter()
            .filter(|state| state.next(event).is_ok())
            .map(RunState::as_str)
            .collect();
        Error::state(run.name.as_str(), before.as_str(), &allowed)
    })?;
    let Some(next) = next else { return Ok(None) };
    run.state = next;
    if next.is_terminal() {
        run.body.end_time = Some(Utc::now());
        run.body.worker.clear();
    }
    if !matches!(next, RunState::Pausing | RunState::Paused) {
        run.body.pause_reason.clear();
    }
    run.body.next_start_time = None;
    Ok(Some(state_event(run, before)))
}

/// The event of a change of state.
pub fn state_event(run: &Resource<Run>, before: RunState) -> NewEvent {
    let mut event =
        NewEvent { failure: run.body.failure.clone(), ..NewEvent::of_state(run, before) };
    if !run.body.pause_reason.is_empty() {
        event.attributes.insert("pauseReason".to_owned(), run.body.pause_reason.clone());
    }
    event
}

/// Makes a run due, also one that waits for its window: for the process its isolated shop lives in, if
/// it has one.
pub async fn put(tx: &mut Tx, run: &Resource<Run>) -> Result<()> {
    tx.job_put_for(&run.name, QUEUE, run.body.sandbox_holder.as_deref()).await?;
    tx.job_wake(&run.name).await
}

/// Refuses a run that writes beside another one of its migration that has not ended. Those that a
/// ROLLBACK run takes back are at rest.
pub async fn refuse_second_writer(tx: &mut Tx, run: &Resource<Run>) -> Result<()> {
    let mut meant = run.body.rollback_runs.clone();
    meant.push(run.name.as_str().to_owned());
    refuse_beside_writer(tx, &migration_of(&run.name), &meant).await
}

/// Refuses what must not be done to a migration while a run of it that writes, other than those that
/// are meant, has not ended.
pub async fn refuse_beside_writer(tx: &mut Tx, migration: &Name, meant: &[String]) -> Result<()> {
    // Two runs that start at once would not see each other's new state; one waits here for the
    // other's commit.
    tx.resource_children_hold(migration).await?;
    let cut = crate::store::resource::Cut {
        limit: 1_000,
        states: states_where(RunState::is_open),
        ..Default::default()
    };
    let others = tx.resource_list::<Run>(migration, &cut).await?;
    let other = others.into_iter().find(|other| {
        let is_meant = meant.iter().any(|name| name == other.name.as_str());
        other.body.kind.writes() && !is_meant
    });
    match other {
        Some(other) => Err(Error::new(
            crate::reason::Reason::LiveRunActive,
            format!("{} has not ended; one run at a time writes for a migration.", other.name),
        )
        .with("run", other.name.as_str())),
        None => Ok(()),
    }
}

/// Cancels a run, as the cancelling of its migration does.
///
/// # Errors
/// `STATE_CONFLICT` for a run that has ended otherwise.
pub async fn cancel(tx: &mut Tx, name: &Name) -> Result<(Resource<Run>, Option<NewEvent>)> {
    let mut run = tx.resource_lock::<Run>(name).await?;
    let event = advance(&mut run, RunEvent::Cancel)?;
    if event.is_some() {
        tx.resource_update(&mut run).await?;
        if run.state == RunState::Cancelling {
            put(tx, &run).await?;
        }
    }
    Ok((run, event))
}
