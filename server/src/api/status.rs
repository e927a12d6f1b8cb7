//! The one place where an [`Error`] becomes a gRPC status.

use tonic::{Code as GrpcCode, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

use crate::{
    error::Error,
    reason::{Code, Reason},
};

/// The longest message in characters; a status must fit into HTTP/2 headers of 8 KiB.
const MESSAGE_CHARACTERS_MAX: usize = 500;
/// The longest value in the details.
const VALUE_CHARACTERS_MAX: usize = 200;
/// The most violations in one status.
const VIOLATIONS_MAX: usize = 10;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = grpc_code(error.reason.code());
        match error.reason.code() {
            Code::Internal | Code::DataLoss | Code::Unknown => {
                tracing::error!(error = %error.chain(), "A call failed.");
            }
            Code::Unavailable => tracing::warn!(error = %error.chain(), "A call failed."),
            _ => tracing::debug!(error = %error.chain(), "A call was refused."),
        }
        Self::with_error_details(code, cut(&error.message, MESSAGE_CHARACTERS_MAX), details(&error))
    }
}

fn details(error: &Error) -> ErrorDetails {
    let metadata = error
        .metadata
        .iter()
        .map(|(key, value)| ((*key).to_owned(), cut(value, VALUE_CHARACTERS_MAX)));
    let mut details = ErrorDetails::with_error_info(
        error.reason.as_str(),
        cartage_proto::ERROR_DOMAIN,
        metadata.collect::<std::collections::HashMap<_, _>>(),
    );
    if !error.violations.is_empty() {
        let violations = error.violations.iter().take(VIOLATIONS_MAX).map(|violation| {
            let mut field = FieldViolation::new(
                violation.field.clone(),
                cut(&violation.description, VALUE_CHARACTERS_MAX),
            );
            violation.reason.clone_into(&mut field.reason);
            field
        });
        details.set_bad_request(violations.collect::<Vec<_>>());
    }
    if !error.unmet.is_empty() {
        let violations = error.unmet.iter().take(VIOLATIONS_MAX).map(|unmet| {
            PreconditionViolation::new(
                unmet.condition,
                unmet.subject.clone(),
                cut(&unmet.description, VALUE_CHARACTERS_MAX),
            )
        });
        details.set_precondition_failure(violations.collect::<Vec<_>>());
    }
    if matches!(error.reason, Reason::ResourceNotFound | Reason::ResourceExists) {
        let name = error.metadata.iter().find(|(key, _)| *key == "resource");
        details.set_resource_info(
            "cartage.v1",
            name.map_or_else(String::new, |(_, name)| name.clone()),
            "",
            "",
        );
    }
    if let Some(delay) = error.retry_after {
        details.set_retry_info(Some(delay));
    }
    details
}

const fn grpc_code(code: Code) -> GrpcCode {
    match code {
        Code::Unauthenticated => GrpcCode::Unauthenticated,
        Code::PermissionDenied => GrpcCode::PermissionDenied,
        Code::NotFound => GrpcCode::NotFound,
        Code::AlreadyExists => GrpcCode::AlreadyExists,
        Code::InvalidArgument => GrpcCode::InvalidArgument,
        Code::FailedPrecondition => GrpcCode::FailedPrecondition,
        Code::Aborted => GrpcCode::Aborted,
        Code::OutOfRange => GrpcCode::OutOfRange,
        Code::ResourceExhausted => GrpcCode::ResourceExhausted,
        Code::Unavailable => GrpcCode::Unavailable,
        Code::DeadlineExceeded => GrpcCode::DeadlineExceeded,
        Code::Unknown => GrpcCode::Unknown,
        Code::DataLoss => GrpcCode::DataLoss,
        Code::Internal => GrpcCode::Internal,
        Code::Unimplemented => GrpcCode::Unimplemented,
    }
}

fn cut(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use cartage_proto::v1::ErrorReason;

    use super::*;

    #[test]
    fn the_reasons_are_those_of_the_contract() {
        let ours: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        let theirs: Vec<&str> = (1..=i32::try_from(ours.len()).unwrap())
            .map(|number| ErrorReason::try_from(number).unwrap().as_reason())
            .collect();
        assert_eq!(ours, theirs);
        assert!(ErrorReason::try_from(i32::try_from(ours.len()).unwrap() + 1).is_err());
    }

    #[test]
    fn even_the_largest_error_fits_into_headers_of_8_kib() {
        let violations = (0..1_000)
            .map(|n| crate::error::Violation {
                field: format!("mapping.content.rules[{n}].target_field"),
                reason: "UNKNOWN_FIELD",
                description: "x".repeat(10_000),
            })
            .collect();
        let status = Status::from(Error::fields(violations).with("value", "y".repeat(10_000)));
        assert!(status.message().len() + status.details().len() * 4 / 3 < 7_000);
        assert_eq!(status.get_details_error_info().unwrap().reason, "INVALID_FIELDS");
        let bad = status.get_details_bad_request().unwrap();
        assert_eq!(bad.field_violations[0].reason, "UNKNOWN_FIELD");
    }
}
