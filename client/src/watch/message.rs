//! What a watcher hands out.

use cartage_proto::v1::{self, ErrorReason};

use super::Watch;

/// What a watcher hands out.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<S, D> {
    /// Everything up to this sequence that matches the request has been sent.
    pub sequence: i64,
    /// Gives a later watch that goes on after this message. Store it once the message is processed.
    pub resume_token: String,
    /// What happened.
    pub item: Item<S, D>,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<S, D> {
    /// The resource as it is.
    State(S),
    /// A durable message: an event, or a finding of an audit. Each comes once.
    Durable(D),
    /// The newest progress.
    Progress(v1::Progress),
    /// Everything committed before the watch was opened has been handed out.
    Synced {
        /// The highest sequence that existed then.
        head_sequence: i64,
    },
    /// The service no longer knows the place the watch was at (`RESUME_TOKEN_EXPIRED`,
    /// `SEQUENCE_IN_FUTURE`), so it began anew from the present state. What lies between can be read by
    /// the list methods.
    Restarted {
        /// The answer of the service.
        reason: ErrorReason,
    },
}

/// The message of a watch on `W`.
pub type MessageOf<W> = Message<<W as Watch>::State, <W as Watch>::Durable>;
