//! How a command fails: what it says, and with which exit code.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use cartage_client::{Error, StatusError};
use serde_json::{Value, json};

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client or the service says no.
    Client(Error),
    /// The arguments make no sense together.
    Usage(String),
    /// Nothing can be printed any more.
    Output(io::Error),
    /// What was checked is not in order; the issues have been printed.
    Invalid(String),
    /// The verification found differences; they have been printed.
    Differences,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Failure {
    /// A file that was named cannot be read or written.
    pub(crate) fn file(path: &std::path::Path, source: io::Error) -> Self {
        Self::Client(Error::File { path: path.to_owned(), source })
    }

    /// Says it on stderr. A reader that has gone away is no failure.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if !matches!(self, Self::Differences) && !self.is_broken_pipe() {
            let text =
                if json { self.json().to_string() } else { format!("error: {}", self.text()) };
            // When stderr is gone too, the exit code must do.
            drop(writeln!(io::stderr().lock(), "{text}"));
        }
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) if error.is_unreachable() => 3,
            Self::Client(Error::Configuration(_) | Error::File { .. } | Error::Json { .. }) => 2,
            Self::Usage(_) => 2,
            Self::Differences => 4,
            Self::Output(_) if self.is_broken_pipe() => 0,
            Self::Client(_) | Self::Invalid(_) | Self::Output(_) => 1,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn text(&self) -> String {
        match self {
            Self::Client(error) => {
                let mut text = error.to_string();
                let mut source = std::error::Error::source(error);
                while let Some(cause) = source {
                    text.push_str(&format!(": {cause}"));
                    source = cause.source();
                }
                text
            }
            Self::Usage(text) | Self::Invalid(text) => text.clone(),
            Self::Output(error) => format!("cannot write: {error}"),
            Self::Differences => "the verification found differences".to_owned(),
        }
    }

    fn json(&self) -> Value {
        let mut document = match self {
            Self::Client(error) => error.status().map(details).unwrap_or_else(|| json!({})),
            _ => json!({}),
        };
        if let Self::Client(error) = self
            && let Some(reason) = error.reason()
        {
            document["reason"] = json!(reason.as_reason());
        }
        if document.get("message").is_none() {
            document["message"] = json!(self.text());
        }
        document["exitCode"] = json!(self.exit_code());
        json!({ "error": document })
    }
}

fn details(status: &StatusError) -> Value {
    let violations = status.violations.iter().map(|violation| {
        json!({
            "subject": violation.subject,
            "reason": violation.reason,
            "description": violation.description,
        })
    });
    json!({
        "code": status.code as i32,
        "reason": status.reason_text,
        "message": status.message,
        "metadata": status.metadata,
        "violations": violations.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_exit_code() {
        let refused = tonic::Status::unavailable("connection refused");
        let table = [
            (Failure::Client(refused.into()), 3),
            (Failure::Client(tonic::Status::not_found("no").into()), 1),
            (Failure::Client(Error::Configuration("no name".to_owned())), 2),
            (Failure::Client(Error::Contract("odd".to_owned())), 1),
            (Failure::Usage("no".to_owned()), 2),
            (Failure::Differences, 4),
            (Failure::Output(io::ErrorKind::BrokenPipe.into()), 0),
            (Failure::Output(io::ErrorKind::StorageFull.into()), 1),
        ];
        for (failure, code) in table {
            assert_eq!(failure.exit_code(), code, "{failure:?}");
            assert_eq!(failure.json()["error"]["exitCode"], code);
        }
    }
}
