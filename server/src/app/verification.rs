//! Verification reports: the target read back and compared with what was expected.

use cartage_engine::run::RunState;
use cartage_model::Kind;
use cartage_pipeline::{
    report::Report,
    verify::{KindVerification, MoneyRow, StockRow},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::run::Run;
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    states,
    store::{
        Tx,
        event::NewEvent,
        resource::{Body, Resource},
    },
};

/// The queue of verifying.
pub const QUEUE: &str = "verification.verify";

/// A verification report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VerificationReport {
    /// The kinds that were asked for; all of the run when empty.
    pub kinds: Vec<Kind>,
    /// Whether everything is as expected.
    pub passed: bool,
    /// By kind.
    pub comparisons: Vec<KindVerification>,
    /// The money of orders, old against new.
    pub money: Vec<MoneyRow>,
    /// The stock, old against new.
    pub stock: Vec<StockRow>,
    /// The whole report, as it is exported.
    pub report: Option<Box<Report>>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When the work began.
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    pub end_time: Option<DateTime<Utc>>,
}

impl Body for VerificationReport {
    const TYPE: &'static str = "verification_report";
    type State = VerificationState;
}

states! {
    /// The states of a verification report.
    VerificationState {
        Pending = "PENDING",
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
    }
}

/// The states in which the work has not ended.
const ACTIVE: [&str; 2] = ["PENDING", "RUNNING"];

/// Begins a verification of a run that wrote something.
///
/// # Errors
/// `STATE_CONFLICT` for a run that is still writing or never did, `OPERATION_IN_PROGRESS` beside
/// another verification of it, `RESOURCE_EXISTS`.
pub async fn create(
    tx: &mut Tx,
    run: &Name,
    id: &str,
    kinds: Vec<Kind>,
) -> Result<Resource<VerificationReport>> {
    // Each reads the target back: together they would ask the shop for everything twice, and beside
    // a run that goes on they would read what is being written.
    tx.resource_children_hold(run).await?;
    let run = tx.resource_get::<Run>(run).await?;
    let is_gone = run.state == RunState::RolledBack;
    if run.state.is_active() || is_gone || run.body.prepared.is_none() {
        return Err(Error::state(
            run.name.as_str(),
            run.state.as_str(),
            &["SUCCEEDED", "AWAITING_ACCEPTANCE", "PAUSED", "CANCELLED", "FAILED"],
        ));
    }
    let name = run.name.child("verificationReports", id);
    let other = under_way(tx, &run.name).await?;
    if let Some(other) = other.filter(|other| other != name.as_str()) {
        return Err(Error::in_progress(run.name.as_str(), &other));
    }
    let body = VerificationReport { kinds, ..VerificationReport::default() };
    let report = tx.resource_insert(&name, VerificationState::Pending, &body).await?;
    tx.job_put_for(&name, QUEUE, run.body.sandbox_holder.as_deref()).await?;
    Ok(report)
}

/// The verification of a run that has not ended, if there is one.
pub async fn under_way(tx: &mut Tx, run: &Name) -> Result<Option<String>> {
    tx.resource_child_in(VerificationReport::TYPE, run, &ACTIVE.map(str::to_owned)).await
}

/// The event of a change of state.
pub fn state_event(report: &Resource<VerificationReport>, before: VerificationState) -> NewEvent {
    NewEvent { failure: report.body.failure.clone(), ..NewEvent::of_state(report, before) }
}
