//! What a shop did, as a value with a decision in it.

use std::time::Duration;

/// Why an operation on a shop failed. The texts hold neither credentials nor customers' data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The shop is away or answered with a fault of its own; the request may have had its effect.
    #[error("{platform} did not finish {operation}: {problem}")]
    Transient {
        /// The platform's id.
        platform: &'static str,
        /// What was tried.
        operation: String,
        /// What happened.
        problem: String,
        /// How long the shop asks to wait.
        retry_after: Option<Duration>,
    },
    /// The shop asks for fewer requests; this one had no effect.
    #[error("{platform} asks for fewer requests at {operation}")]
    Throttled {
        /// The platform's id.
        platform: &'static str,
        /// What was tried.
        operation: String,
        /// How long to wait.
        retry_after: Option<Duration>,
    },
    /// The shop refuses our credentials.
    #[error("{platform} refuses the credentials at {operation}")]
    Unauthorised {
        /// The platform's id.
        platform: &'static str,
        /// What was tried.
        operation: String,
    },
    /// What was asked for is not there.
    #[error("{platform} has no such thing at {operation}")]
    Missing {
        /// The platform's id.
        platform: &'static str,
        /// What was tried.
        operation: String,
    },
    /// The shop refuses what was sent.
    #[error("{platform} refuses {operation}: {problem}")]
    Rejected {
        /// The platform's id.
        platform: &'static str,
        /// What was tried.
        operation: String,
        /// The field it names, where it names one.
        field: Option<String>,
        /// Its reason, shortened and without personal data.
        problem: String,
    },
    /// The answer is not what the platform's API says: a login page, another version, cut JSON.
    #[error("{platform} answered {operation} with something unreadable: {problem}")]
    Unreadable {
        /// The platform's id.
        platform: &'static str,
        /// What was tried.
        operation: String,
        /// What was wrong with it.
        problem: String,
    },
    /// The input files cannot be read as a whole: a wrong column, a bad archive, no UTF-8.
    #[error("{reason}: {message}")]
    Input {
        /// The error reason, as in the API.
        reason: &'static str,
        /// What is wrong, as a sentence.
        message: String,
    },
    /// The settings of the connection make no sense.
    #[error("{field}: {problem}")]
    Settings {
        /// The field of the connection.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The journal refused; nothing more may be written.
    #[error(transparent)]
    Journal(#[from] crate::JournalError),
}
