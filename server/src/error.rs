//! The one error of the server: a reason that programs read, a sentence for people, and what they
//! can do about it. It becomes a gRPC status in `api/status.rs` and nowhere else.

use std::{fmt, time::Duration};

use crate::reason::Reason;

/// When to ask again whether long work has ended.
const IN_PROGRESS_WAIT: Duration = Duration::from_secs(5);

/// What a server operation gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field in the request.
    pub field: String,
    /// The machine-readable reason: `REQUIRED`, `FORMAT_INVALID`, ….
    pub reason: &'static str,
    /// What is wrong, as a sentence.
    pub description: String,
}

/// One condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Its name, such as `RESTORE_TEST_REQUIRED`.
    pub condition: &'static str,
    /// The resource it is about.
    pub subject: String,
    /// What to do, as a sentence.
    pub description: String,
}

/// Why an operation failed. The texts hold neither secrets nor customers' data.
pub struct Error {
    /// The reason that programs read.
    pub reason: Reason,
    /// A sentence for people.
    pub message: String,
    /// Every dynamic value of the message.
    pub metadata: Vec<(&'static str, String)>,
    /// Wrong fields, for [`Reason::InvalidFields`] and its kin.
    pub violations: Vec<Violation>,
    /// Unmet conditions, for [`Reason::PreconditionsUnmet`] and its kin.
    pub unmet: Vec<Unmet>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What lies behind it; logged, never sent.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without details.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            unmet: Vec::new(),
            retry_after: None,
            source: None,
        }
    }

    /// Adds a value of the message.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds what lies behind it.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A resource that is not there.
    pub fn not_found(resource: &str) -> Self {
        Self::new(Reason::ResourceNotFound, format!("{resource} does not exist."))
            .with("resource", resource)
    }

    /// A resource the caller may not reach; the same words whether it exists or not.
    pub fn denied(permission: &str, resource: &str) -> Self {
        Self::new(
            Reason::AccessDenied,
            format!("Permission {permission} is denied on {resource} (or it might not exist)."),
        )
        .with("permission", permission)
        .with("resource", resource)
    }

    /// One wrong field.
    pub fn field(field: &str, reason: &'static str, description: impl Into<String>) -> Self {
        Self::fields(vec![Violation {
            field: field.to_owned(),
            reason,
            description: description.into(),
        }])
    }

    /// Wrong fields.
    pub fn fields(violations: Vec<Violation>) -> Self {
        let message = violations.first().map_or_else(
            || "The request has wrong fields.".to_owned(),
            |first| format!("{}: {}", first.field, first.description),
        );
        let mut error = Self::new(Reason::InvalidFields, message)
            .with("violationCount", violations.len().to_string());
        error.violations = violations;
        error
    }

    /// A resource in a state in which the call is not possible.
    pub fn state(resource: &str, current: &str, allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        let mut error = Self::new(
            Reason::StateConflict,
            format!("{resource} is {current}; this needs {allowed}."),
        )
        .with("currentState", current)
        .with("allowedStates", allowed.clone());
        error.unmet.push(Unmet {
            condition: "STATE",
            subject: resource.to_owned(),
            description: format!("The state must be one of {allowed}."),
        });
        error
    }

    /// Long work on a resource that allows no other beside it.
    pub fn in_progress(resource: &str, operation: &str) -> Self {
        let message = format!("{operation} is under way on {resource}; wait until it ends.");
        Self::new(Reason::OperationInProgress, message)
            .with("resource", resource)
            .with("operation", operation)
            .retry_after(IN_PROGRESS_WAIT)
    }

    /// Conditions that must hold first.
    pub fn unmet(unmet: Vec<Unmet>) -> Self {
        let message = unmet.first().map_or_else(
            || "Conditions are not met.".to_owned(),
            |first| first.description.clone(),
        );
        let mut error = Self::new(Reason::PreconditionsUnmet, message);
        error.unmet = unmet;
        error
    }

    /// Something that must not happen.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Reason::InternalError, "An internal error happened.").caused_by(source)
    }

    /// The failure in the form in which resources and ledger rows keep it.
    pub fn to_failure(&self) -> Failure {
        Failure {
            reason: self.reason.as_str().to_owned(),
            message: self.message.clone(),
            metadata: self
                .metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            retryable: self.reason.is_retryable(),
        }
    }

    /// The whole chain of causes, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source: Option<&(dyn std::error::Error + 'static)> =
            self.source.as_deref().map(|source| {
                let source: &(dyn std::error::Error + 'static) = source;
                source
            });
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// A failure as resources keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// The reason, as in the API.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// The values of the sentence.
    #[serde(default)]
    pub metadata: std::collections::BTreeMap<String, String>,
    /// Whether trying again can help.
    #[serde(default)]
    pub retryable: bool,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| {
            let source: &(dyn std::error::Error + 'static) = source;
            source
        })
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

impl From<cartage_connectors::Error> for Error {
    fn from(error: cartage_connectors::Error) -> Self {
        use cartage_connectors::Error as Shop;
        let message = error.to_string();
        match &error {
            Shop::Transient { retry_after, .. } => {
                let mut mapped = Self::new(Reason::UpstreamUnavailable, message);
                mapped.retry_after = *retry_after;
                mapped
            }
            Shop::Throttled { retry_after, platform, .. } => {
                let mut mapped =
                    Self::new(Reason::UpstreamThrottled, message).with("platform", *platform);
                mapped.retry_after = *retry_after;
                mapped
            }
            Shop::Unauthorised { platform, .. } => {
                Self::new(Reason::CredentialsRejected, message).with("platform", *platform)
            }
            Shop::Missing { .. } | Shop::Unreadable { .. } => {
                Self::new(Reason::UpstreamIncompatible, message)
            }
            Shop::Rejected { platform, .. } => {
                Self::new(Reason::TargetRefusedRecord, message).with("platform", *platform)
            }
            Shop::Input { reason, .. } => {
                Self::new(Reason::parse(reason).unwrap_or(Reason::ValueInvalid), message)
            }
            Shop::Settings { field, problem } => {
                Self::field(&format!("connection.{field}"), "FORMAT_INVALID", problem.clone())
            }
            Shop::Journal(_) => Self::new(Reason::Contention, message),
        }
    }
}
