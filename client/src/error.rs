//! What can go wrong, typed.

use std::{collections::BTreeMap, fmt, io, path::PathBuf, time::Duration};

use cartage_proto::v1::{self, ErrorReason};
use tonic::Code;

mod decode;

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service answered with an error, or the connection broke during a call.
    #[error("{0}")]
    Status(Box<StatusError>),

    /// Nobody answers at the address.
    #[error("cannot reach {uri}")]
    Unreachable {
        /// The address.
        uri: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// Long work ended otherwise than hoped for.
    #[error("{}", decode::ended(resource, state, failure.as_deref()))]
    Ended {
        /// The name of the resource.
        resource: String,
        /// The state it ended in, such as `FAILED`.
        state: String,
        /// What the service says about it.
        failure: Option<Box<v1::Failure>>,
    },

    /// A setting of the client is wrong.
    #[error("{0}")]
    Configuration(String),

    /// The service broke its own contract.
    #[error("unexpected answer of the service: {0}")]
    Contract(String),

    /// A file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A JSON document is not the message it should be.
    #[error("not a {message} in JSON: {problem}")]
    Json {
        /// The name of the message, such as `MappingContent`.
        message: &'static str,
        /// What is wrong and where.
        problem: String,
    },
}

/// A `tonic::Status`, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusError {
    /// The gRPC code.
    pub code: Code,
    /// The reason; none when the status did not come from Cartage (such as a broken connection) or the
    /// reason is newer than this crate.
    pub reason: Option<ErrorReason>,
    /// The reason as it was sent; empty when there was none.
    pub reason_text: String,
    /// What happened, in English.
    pub message: String,
    /// The variable parts of the message, by key in camelCase.
    pub metadata: BTreeMap<String, String>,
    /// Fields that are wrong, conditions that are not met, quotas that are used up.
    pub violations: Vec<Violation>,
    /// After how long to try again, when the service says that trying again is of use.
    pub retry_delay: Option<Duration>,
    /// The resource it is about; empty when it names none.
    pub resource: String,
    /// The id of the call to give when reporting a fault of the service; empty when there is none.
    pub request_id: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which list it stood in.
    pub kind: ViolationKind,
    /// The path of the field, or what a condition or quota is about.
    pub subject: String,
    /// A word for programs, such as `REQUIRED` or `RESTORE_TEST_REQUIRED`; may be empty.
    pub reason: String,
    /// What is wrong, in English.
    pub description: String,
}

/// What a [`Violation`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// A field of the request (`google.rpc.BadRequest`).
    Field,
    /// A condition (`google.rpc.PreconditionFailure`).
    Precondition,
    /// A quota (`google.rpc.QuotaFailure`).
    Quota,
}

impl Error {
    /// What the service answered; none for errors of another kind.
    #[must_use]
    pub fn status(&self) -> Option<&StatusError> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The reason, of a status or of long work that failed.
    #[must_use]
    pub fn reason(&self) -> Option<ErrorReason> {
        match self {
            Self::Status(status) => status.reason,
            Self::Ended { failure: Some(failure), .. } => Some(failure.reason()),
            _ => None,
        }
    }

    /// After how long the service wants to be asked again.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.status().and_then(|status| status.retry_delay)
    }

    /// Whether the service could not be reached at all, as opposed to having answered with an error.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status(status) => {
                status.code == Code::Unavailable && status.reason_text.is_empty()
            }
            _ => false,
        }
    }

    pub(crate) fn deadline(method: &str, deadline: Duration) -> Self {
        let message = format!("{method} gave no answer within {deadline:?}");
        tonic::Status::deadline_exceeded(message).into()
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Status(Box::new(decode::status(&status)))
    }
}

impl std::error::Error for StatusError {}

/// One sentence, then one line per violation. Characters that steer a terminal are left out.
impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.reason_text.as_str() {
            "" => decode::code_name(self.code),
            reason => reason,
        };
        match self.message.as_str() {
            "" => write!(f, "{}", decode::printable(word))?,
            message => write!(f, "{} ({})", decode::printable(message), decode::printable(word))?,
        }
        for violation in &self.violations {
            write!(f, "\n  {violation}")?;
        }
        if !self.request_id.is_empty() {
            write!(f, "\n  id of the call: {}", decode::printable(&self.request_id))?;
        }
        Ok(())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.subject, &self.description].map(|part| decode::printable(part));
        let text = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>();
        f.write_str(&text.join(": "))?;
        if !self.reason.is_empty() {
            write!(f, " ({})", decode::printable(&self.reason))?;
        }
        Ok(())
    }
}
