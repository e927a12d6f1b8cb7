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
}

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
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
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Draft,
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
    ];

    /// The state's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
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
        }
    }

    /// The state of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it ended: it does not go on by itself, and nobody is waited for. A failed run can be
    /// tried again; the other two are left by nothing.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether it ends by itself: a worker holds it or should.
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::Running | Self::Pausing | Self::Verifying | Self::Cancelling
        )
    }

    /// The state after an event: `Ok(None)` when its goal already holds.
    ///
    /// # Errors
    /// [`IllegalRunEvent`] for a pair that is not in the table.
    pub const fn next(self, event: RunEvent) -> Result<Option<Self>, IllegalRunEvent> {
        use RunEvent as E;
        use RunState as S;
        let next = match (self, event) {
            (S::Draft, E::Start) => S::Pending,
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
            (S::Draft | S::Pending | S::AwaitingAcceptance, E::Cancel) => S::Cancelled,
            (S::Running | S::Pausing | S::Paused | S::Verifying, E::Cancel) => S::Cancelling,
            (S::Cancelling, E::Drained) => S::Cancelled,
            (S::Pending | S::Running | S::Pausing | S::Verifying | S::Cancelling, E::Fail) => {
                S::Failed
            }
            // The goal already holds.
            (S::Running, E::Taken)
            | (S::Pausing | S::Paused, E::Pause)
            | (S::Pending | S::Running, E::Resume | E::Retry)
            | (S::Succeeded, E::Accept)
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

    const EVENTS: [RunEvent; 12] = [
        RunEvent::Start,
        RunEvent::Taken,
        RunEvent::Pause,
        RunEvent::Drained,
        RunEvent::Resume,
        RunEvent::Retry,
        RunEvent::Accept,
        RunEvent::Cancel,
        RunEvent::Loaded,
        RunEvent::Accounted,
        RunEvent::Undecided,
        RunEvent::Fail,
    ];

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
    fn what_ended_stays_so_unless_it_failed_and_every_active_one_can_end() {
        for state in RunState::ALL {
            let exits = EVENTS.iter().filter(|event| matches!(state.next(**event), Ok(Some(_))));
            let exits: Vec<&RunEvent> = exits.collect();
            if state == RunState::Failed {
                assert_eq!(exits, [&RunEvent::Retry]);
            } else {
                assert_eq!(exits.is_empty(), state.is_terminal(), "{state:?}");
            }
            if state.is_active() {
                assert_eq!(state.next(RunEvent::Fail), Ok(Some(RunState::Failed)), "{state:?}");
            }
        }
    }
}
