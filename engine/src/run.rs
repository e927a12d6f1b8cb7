//! The states of a run and every way from one to another.
//!
//! A call that is not in the table is refused; a call whose goal already holds changes nothing.

use serde::{Deserialize, Serialize};

/// The states of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunState {
    /// Created, not started.
    Draft,
    /// Has a start time and waits for it.
    Scheduled,
    /// Started or resumed, waiting for a worker.
    Pending,
    /// Records are being written.
    Running,
    /// Writes under way are being finished.
    Pausing,
    /// At rest; can be resumed.
    Paused,
    /// All records have an outcome; the accounting is being checked.
    Verifying,
    /// Undecidable records need a person's judgement.
    AwaitingAcceptance,
    /// Every record has an outcome, and the sums are right.
    Succeeded,
    /// Ended by an error.
    Failed,
    /// Being cancelled.
    Cancelling,
    /// Cancelled; what was written stays.
    Cancelled,
    /// A ROLLBACK run is taking back what it wrote.
    RollingBack,
    /// What it wrote was taken back.
    RolledBack,
}

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// The caller gives it a start time, or another one.
    Schedule,
    /// The caller takes its start time away.
    Unschedule,
    /// Its start time passed too long ago.
    Miss,
    /// Its start time has come.
    Due,
    /// The caller starts it.
    Start,
    /// A worker took it.
    Taken,
    /// The caller pauses it, or a condition does.
    Pause,
    /// Nothing is in flight any more.
    Drained,
    /// The caller resumes it.
    Resume,
    /// The caller has the records tried again that are not in the target.
    Retry,
    /// The caller takes over what the run did.
    Accept,
    /// The caller cancels it.
    Cancel,
    /// Every record has an outcome.
    Loaded,
    /// The accounting holds and nothing is undecided.
    Accounted,
    /// Some records are undecided.
    Undecided,
    /// An error nobody can repair.
    Fail,
    /// A ROLLBACK run that undoes this one was started.
    RollBack,
    /// That run has ended well.
    TakenBack,
}

impl RunEvent {
    /// Every event.
    pub const ALL: [Self; 18] = [
        Self::Schedule,
        Self::Unschedule,
        Self::Miss,
        Self::Due,
        Self::Start,
        Self::Taken,
        Self::Pause,
        Self::Drained,
        Self::Resume,
        Self::Retry,
        Self::Accept,
        Self::Cancel,
        Self::Loaded,
        Self::Accounted,
        Self::Undecided,
        Self::Fail,
        Self::RollBack,
        Self::TakenBack,
    ];
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 14] = [
        Self::Draft,
        Self::Scheduled,
        Self::Pending,
        Self::Running,
        Self::Pausing,
        Self::Paused,
        Self::Verifying,
        Self::AwaitingAcceptance,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelling,
        Self::Cancelled,
        Self::RollingBack,
        Self::RolledBack,
    ];

    /// The state's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Scheduled => "SCHEDULED",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Pausing => "PAUSING",
            Self::Paused => "PAUSED",
            Self::Verifying => "VERIFYING",
            Self::AwaitingAcceptance => "AWAITING_ACCEPTANCE",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::RollingBack => "ROLLING_BACK",
            Self::RolledBack => "ROLLED_BACK",
        }
    }

    /// The state of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it ended: it does not go on by itself, and nobody is waited for. A failed run can be
    /// tried again, and what a run wrote can be taken back.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::RolledBack)
    }

    /// Whether it ends by itself: a worker holds it or should, or holds the run that takes it back.
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Pending
                | Self::Running
                | Self::Pausing
                | Self::Verifying
                | Self::Cancelling
                | Self::RollingBack
        )
    }

    /// Whether it is to begin by itself, or began and has not ended: it ends by itself, or rests until
    /// somebody takes it up.
    pub const fn is_open(self) -> bool {
        self.is_active()
            || matches!(self, Self::Scheduled | Self::Paused | Self::AwaitingAcceptance)
    }

    /// The state after an event: `Ok(None)` when its goal already holds.
    ///
    /// # Errors
    /// [`IllegalRunEvent`] for a pair that is not in the table.
    pub const fn next(self, event: RunEvent) -> Result<Option<Self>, IllegalRunEvent> {
        use RunEvent as E;
        use RunState as S;
        let next = match (self, event) {
            (S::Draft | S::Scheduled, E::Schedule) => S::Scheduled,
            (S::Scheduled, E::Unschedule | E::Miss) => S::Draft,
            (S::Draft, E::Start) | (S::Scheduled, E::Due) => S::Pending,
            (S::Pending, E::Taken) => S::Running,
            (S::Pending, E::Pause) => S::Paused,
            (S::Running, E::Pause) => S::Pausing,
            (S::Pausing, E::Drained) => S::Paused,
            (S::Paused, E::Resume) | (S::AwaitingAcceptance | S::Failed, E::Retry) => S::Pending,
            (S::AwaitingAcceptance, E::Accept) => S::Succeeded,
            (S::Running, E::Loaded) => S::Verifying,
            (S::Verifying, E::Accounted) => S::Succeeded,
            (S::Verifying, E::Undecided) => S::AwaitingAcceptance,
            // Nothing is in flight: there is nothing to wait for.
            (S::Draft | S::Scheduled | S::Pending | S::AwaitingAcceptance, E::Cancel) => {
                S::Cancelled
            }
            (S::Running | S::Pausing | S::Paused | S::Verifying, E::Cancel) => S::Cancelling,
            (S::Cancelling, E::Drained) => S::Cancelled,
            (
                S::Pending
                | S::Running
                | S::Pausing
                | S::Verifying
                | S::Cancelling
                | S::RollingBack,
                E::Fail,
            ) => S::Failed,
            // Whatever a run that is at rest wrote can be taken back; one that writes is stopped first.
            (
                S::Paused
                | S::AwaitingAcceptance
                | S::Failed
                | S::Cancelled
                | S::Succeeded
                // What had to stay may go by now.
                | S::RolledBack,
                E::RollBack,
            ) => S::RollingBack,
            (S::RollingBack, E::TakenBack) => S::RolledBack,
            // The goal already holds.
            (
                S::Draft
                | S::Pending
                | S::Running
                | S::Pausing
                | S::Paused
                | S::Verifying
                | S::AwaitingAcceptance
                | S::Failed
                | S::Cancelling,
                E::Unschedule,
            )
            | (S::Running, E::Taken)
            | (S::Pausing | S::Paused, E::Pause)
            | (S::Pending | S::Running, E::Resume | E::Retry)
            | (S::Succeeded, E::Accept)
            | (S::RollingBack, E::RollBack)
            | (S::Cancelling | S::Cancelled, E::Cancel) => return Ok(None),
            _ => return Err(IllegalRunEvent { state: self, event }),
        };
        Ok(Some(next))
    }
}

/// An event that a state does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {} cannot take {event:?}", state.as_str())]
pub struct IllegalRunEvent {
    /// The state.
    pub state: RunState,
    /// The event.
    pub event: RunEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [RunEvent; 18] = RunEvent::ALL;

    #[test]
    fn the_whole_matrix_is_as_reviewed() {
        let mut matrix = String::new();
        for state in RunState::ALL {
            for event in EVENTS {
                let cell = match state.next(event) {
                    Ok(Some(next)) => next.as_str(),
                    Ok(None) => "(holds)",
                    Err(_) => continue,
                };
                matrix.push_str(&format!("{:<19} {event:<10?} {cell}\n", state.as_str()));
            }
        }
        insta::assert_snapshot!(matrix);
    }

    #[test]
    fn what_ended_is_left_to_be_tried_again_or_taken_back_and_every_active_one_can_end() {
        for state in RunState::ALL {
            let exits = EVENTS.iter().filter(|event| matches!(state.next(**event), Ok(Some(_))));
            let exits: Vec<&RunEvent> = exits.collect();
            match state {
                RunState::Failed => assert_eq!(exits, [&RunEvent::Retry, &RunEvent::RollBack]),
                RunState::Succeeded | RunState::Cancelled | RunState::RolledBack => {
                    assert_eq!(exits, [&RunEvent::RollBack], "{state:?}");
                }
                _ => assert_eq!(exits.is_empty(), state.is_terminal(), "{state:?}"),
            }
            let rests = matches!(state, RunState::Draft) || state.is_terminal();
            assert_eq!(state.is_open(), !rests, "{state:?}");
            if state.is_active() {
                assert_eq!(state.next(RunEvent::Fail), Ok(Some(RunState::Failed)), "{state:?}");
            }
        }
    }
}
