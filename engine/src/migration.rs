//! The states of a migration and every way from one to another.
//!
//! A migration has many runs: LIVE ones over parts of its scope, DELTA and REAPPLY ones after
//! them, until it is completed. Only runs that write to the target move it; audits, snapshots,
//! mappings and TEST runs do not. A pair that is not in the table is refused; a call whose goal
//! already holds gives the state it is in.

use serde::{Deserialize, Serialize};

/// The states of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MigrationState {
    /// Being prepared.
    Draft,
    /// A plan was submitted and waits for approvals.
    Planned,
    /// A plan is approved, and no run that writes is under way.
    Approved,
    /// A run that writes has a start time.
    Scheduled,
    /// A run that writes is active.
    Running,
    /// The run that writes is paused.
    Paused,
    /// The run that writes waits for a person's judgement.
    AwaitingAcceptance,
    /// The newest run that writes succeeded.
    Monitoring,
    /// Finished.
    Succeeded,
    /// The newest run that writes failed.
    Failed,
    /// The run that writes is being cancelled, and the migration with it.
    Cancelling,
    /// Given up.
    Cancelled,
    /// What was written is being taken back.
    RollingBack,
    /// What was written has been taken back.
    RolledBack,
    /// Deleted softly.
    Deleted,
}

/// What happens to a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationEvent {
    /// A plan was handed in.
    PlanSubmitted,
    /// The plan was withdrawn or refused.
    PlanWithdrawn,
    /// The plan has its approvals.
    PlanApproved,
    /// The scope was changed, so that no plan fits any more.
    ScopeChanged,
    /// A run that writes got a start time.
    RunScheduled,
    /// It lost its start time, and nothing was written before it got one.
    RunUnscheduled,
    /// It lost its start time; earlier runs have written the whole scope.
    RunUnscheduledInMonitoring,
    /// It lost its start time; an earlier run has failed.
    RunUnscheduledAfterFailure,
    /// A run that writes was started, resumed or tried again.
    RunStarted,
    /// It came to rest.
    RunPaused,
    /// It waits for a person's judgement.
    RunAwaited,
    /// It succeeded, and covers what the migration is about.
    RunSucceeded,
    /// It succeeded, and another part of the scope is still to come.
    RunSucceededInPart,
    /// It failed.
    RunFailed,
    /// It was cancelled; what it wrote stays.
    RunCancelled,
    /// A ROLLBACK run was started.
    RollbackStarted,
    /// It took everything back.
    RollbackSucceeded,
    /// It took everything back, and earlier runs have written other parts of the scope.
    RollbackSucceededInPart,
    /// The same, while no plan is approved.
    RollbackSucceededInDraft,
    /// It could not.
    RollbackFailed,
    /// The caller declares the migration finished.
    Complete,
    /// The caller gives it up.
    Cancel,
    /// The caller deletes it.
    Delete,
}

impl MigrationEvent {
    /// Every event.
    pub const ALL: [Self; 23] = [
        Self::PlanSubmitted,
        Self::PlanWithdrawn,
        Self::PlanApproved,
        Self::ScopeChanged,
        Self::RunScheduled,
        Self::RunUnscheduled,
        Self::RunUnscheduledInMonitoring,
        Self::RunUnscheduledAfterFailure,
        Self::RunStarted,
        Self::RunPaused,
        Self::RunAwaited,
        Self::RunSucceeded,
        Self::RunSucceededInPart,
        Self::RunFailed,
        Self::RunCancelled,
        Self::RollbackStarted,
        Self::RollbackSucceeded,
        Self::RollbackSucceededInPart,
        Self::RollbackSucceededInDraft,
        Self::RollbackFailed,
        Self::Complete,
        Self::Cancel,
        Self::Delete,
    ];
}

/// An event that a state does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a migration that is {} cannot take {event:?}", state.as_str())]
pub struct Illegal {
    /// The state.
    pub state: MigrationState,
    /// The event.
    pub event: MigrationEvent,
}

impl MigrationState {
    /// Every state.
    pub const ALL: [Self; 15] = [
        Self::Draft,
        Self::Planned,
        Self::Approved,
        Self::Scheduled,
        Self::Running,
        Self::Paused,
        Self::AwaitingAcceptance,
        Self::Monitoring,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelling,
        Self::Cancelled,
        Self::RollingBack,
        Self::RolledBack,
        Self::Deleted,
    ];

    /// The state's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Planned => "PLANNED",
            Self::Approved => "APPROVED",
            Self::Scheduled => "SCHEDULED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::AwaitingAcceptance => "AWAITING_ACCEPTANCE",
            Self::Monitoring => "MONITORING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::RollingBack => "ROLLING_BACK",
            Self::RolledBack => "ROLLED_BACK",
            Self::Deleted => "DELETED",
        }
    }

    /// The state of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The states from which an event leads on.
    pub fn allowed(event: MigrationEvent) -> Vec<&'static str> {
        let knows = |state: &Self| next(*state, event).is_ok();
        Self::ALL.into_iter().filter(knows).map(Self::as_str).collect()
    }
}

/// The state after an event.
///
/// # Errors
/// [`Illegal`] for a pair that is not in the table.
pub const fn next(state: MigrationState, event: MigrationEvent) -> Result<MigrationState, Illegal> {
    use MigrationEvent as E;
    use MigrationState as S;
    Ok(match (state, event) {
        // A second part of the scope, or a second attempt, is planned anew.
        (
            S::Draft | S::Planned | S::Approved | S::Monitoring | S::Failed | S::RolledBack,
            E::PlanSubmitted,
        ) => S::Planned,
        (S::Planned, E::PlanWithdrawn) => S::Draft,
        (S::Planned, E::PlanApproved) => S::Approved,
        (S::Draft | S::Planned | S::Approved, E::ScopeChanged) => S::Draft,
        // Runs have written: their plans stay what they were, later ones follow the new scope.
        (S::Monitoring | S::Failed | S::RolledBack, E::ScopeChanged) => state,
        (S::Approved | S::Monitoring | S::Failed | S::Scheduled, E::RunScheduled) => S::Scheduled,
        (S::Scheduled, E::RunUnscheduled) => S::Approved,
        (S::Scheduled, E::RunUnscheduledInMonitoring) => S::Monitoring,
        (S::Scheduled, E::RunUnscheduledAfterFailure) => S::Failed,
        (
            S::Approved
            | S::Scheduled
            | S::Running
            | S::Paused
            | S::AwaitingAcceptance
            | S::Monitoring
            | S::Failed,
            E::RunStarted,
        ) => S::Running,
        (S::Running | S::Paused, E::RunPaused) => S::Paused,
        (S::Running | S::AwaitingAcceptance, E::RunAwaited) => S::AwaitingAcceptance,
        (S::Running | S::AwaitingAcceptance, E::RunSucceeded) => S::Monitoring,
        // A run alone is cancelled: the plan stays approved, and another run can follow.
        (S::Running | S::AwaitingAcceptance, E::RunSucceededInPart)
        | (S::Running | S::Paused | S::AwaitingAcceptance, E::RunCancelled) => S::Approved,
        (S::Running | S::Paused, E::RunFailed) | (S::RollingBack, E::RollbackFailed) => S::Failed,
        // However the run ends that was being cancelled, the migration is given up.
        (
            S::Cancelling,
            E::RunSucceeded
            | E::RunSucceededInPart
            | E::RunFailed
            | E::RunCancelled
            | E::RunAwaited,
        ) => S::Cancelled,
        (
            // Also while another part of the scope is being planned.
            S::Draft
            | S::Planned
            | S::Approved
            | S::Paused
            | S::AwaitingAcceptance
            | S::Failed
            | S::Cancelled
            | S::Monitoring
            | S::Succeeded
            | S::RollingBack
            | S::RolledBack,
            E::RollbackStarted,
        ) => S::RollingBack,
        (S::RollingBack, E::RollbackSucceeded) => S::RolledBack,
        (S::RollingBack, E::RollbackSucceededInPart) => S::Approved,
        (S::RollingBack, E::RollbackSucceededInDraft) => S::Draft,
        (S::Monitoring, E::Complete) => S::Succeeded,
        (
            S::Draft | S::Planned | S::Approved | S::Scheduled | S::Failed | S::Cancelled,
            E::Cancel,
        ) => S::Cancelled,
        (S::Running | S::Paused | S::AwaitingAcceptance | S::Cancelling, E::Cancel) => {
            S::Cancelling
        }
        (S::Draft | S::Cancelled | S::Succeeded | S::RolledBack, E::Delete) => S::Deleted,
        _ => return Err(Illegal { state, event }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [MigrationEvent; 23] = MigrationEvent::ALL;

    fn walk(events: &[MigrationEvent]) -> Result<MigrationState, Illegal> {
        events.iter().try_fold(MigrationState::Draft, |state, event| next(state, *event))
    }

    #[test]
    fn a_migration_walks_its_road_in_several_runs_and_cannot_leave_it() {
        use MigrationEvent as E;
        use MigrationState as S;
        let road = [
            E::PlanSubmitted,
            E::PlanApproved,
            E::RunStarted,
            E::RunSucceededInPart,
            E::RunStarted,
            E::RunPaused,
            E::RunStarted,
            E::RunFailed,
            E::RunStarted,
            E::RunAwaited,
            E::RunSucceeded,
            E::RunStarted,
            E::RunSucceeded,
            E::Complete,
        ];
        assert_eq!(walk(&road), Ok(S::Succeeded));
        for (event, states) in [
            (E::Complete, vec!["MONITORING"]),
            (E::PlanApproved, vec!["PLANNED"]),
            (E::Delete, vec!["DRAFT", "SUCCEEDED", "CANCELLED", "ROLLED_BACK"]),
        ] {
            assert_eq!(MigrationState::allowed(event), states, "{event:?}");
        }
        for state in [S::Succeeded, S::Monitoring, S::RollingBack, S::RolledBack, S::Deleted] {
            assert!(next(state, E::Cancel).is_err(), "{state:?}");
        }
        for state in [S::Scheduled, S::Running, S::Paused, S::Cancelling, S::RollingBack] {
            assert!(next(state, E::ScopeChanged).is_err(), "{state:?}");
        }
    }

    #[test]
    fn nothing_writes_without_an_approval_and_nothing_leaves_deleted() {
        for event in EVENTS {
            assert!(next(MigrationState::Deleted, event).is_err(), "{event:?}");
        }
        for state in [MigrationState::Draft, MigrationState::Planned, MigrationState::Cancelled] {
            assert!(next(state, MigrationEvent::RunStarted).is_err(), "{state:?}");
        }
    }

    #[test]
    fn every_state_but_the_last_has_a_way_on_and_can_be_reached() {
        for state in MigrationState::ALL {
            let leaves =
                |event: &MigrationEvent| next(state, *event).is_ok_and(|after| after != state);
            let stays = state == MigrationState::Deleted;
            assert_eq!(EVENTS.iter().any(leaves), !stays, "{state:?}");
            let comes = MigrationState::ALL.into_iter().any(|before| {
                EVENTS.into_iter().any(|event| before != state && next(before, event) == Ok(state))
            });
            assert!(comes, "{state:?}");
            assert_eq!(MigrationState::parse(state.as_str()), Some(state));
        }
    }
}
