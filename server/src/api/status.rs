//! The one place where an [`Error`] becomes a gRPC status.
//!
//! The details are encoded here and not by `tonic-types`, which keeps the metadata of an `ErrorInfo`
//! in a hash map: the same refusal must be the same to the byte, or the order of its details could
//! tell apart what must look alike.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::Any;
use tonic::{Code as GrpcCode, Status, metadata::MetadataMap};
use tonic_types::pb::{
    self, BadRequest, PreconditionFailure, QuotaFailure, RequestInfo, ResourceInfo, RetryInfo,
    bad_request::FieldViolation, precondition_failure::Violation as PreconditionViolation,
    quota_failure,
};

use super::guard::Call;
use crate::{
    error::Error,
    reason::{Code, Reason},
};

/// The longest message in bytes. A status must fit into HTTP/2 headers of 8 KiB, in which every byte
/// that is not ASCII takes three.
const MESSAGE_BYTES_MAX: usize = 500;
/// The longest value in the details, in bytes.
const VALUE_BYTES_MAX: usize = 400;
/// The most bytes of all details, to which base64 adds a third.
const DETAILS_BYTES_MAX: usize = 3_600;
/// The most violations in one status.
const VIOLATIONS_MAX: usize = 10;
/// Where clients with retries of gRPC's own look for how long to wait.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// `google.rpc.ErrorInfo`, its metadata in order.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = grpc_code(error.reason.code());
        let call = Call::current();
        match error.reason.code() {
            Code::Internal | Code::DataLoss | Code::Unknown => {
                tracing::error!(call = call.id, error = %error.chain(), "A call failed.");
            }
            Code::Unavailable => {
                tracing::warn!(call = call.id, error = %error.chain(), "A call failed.")
            }
            _ => tracing::debug!(call = call.id, error = %error.chain(), "A call was refused."),
        }
        let mut metadata = MetadataMap::new();
        if let (Reason::Overloaded, Some(delay)) = (error.reason, error.retry_after) {
            metadata.insert(PUSHBACK, u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).into());
        }
        let message = cut(&error.message, MESSAGE_BYTES_MAX);
        // Violations go first where not all of it fits.
        let mut most = VIOLATIONS_MAX;
        let details = loop {
            let details = details(&error, &call, most);
            let size: usize = details.iter().map(Message::encoded_len).sum();
            if size <= DETAILS_BYTES_MAX || most == 0 {
                break details;
            }
            most -= 1;
        };
        let details = pb::Status { code: code.into(), message: message.clone(), details };
        let details = details.encode_to_vec().into();
        Self::with_details_and_metadata(code, message, details, metadata)
    }
}

/// The details of an error, each type at most once, with so many violations at most.
fn details(error: &Error, call: &Call, violations_max: usize) -> Vec<Any> {
    let metadata = error.metadata.iter();
    let mut metadata: BTreeMap<String, String> =
        metadata.map(|(key, value)| ((*key).to_owned(), cut(value, VALUE_BYTES_MAX))).collect();
    if error.violations.len().max(error.unmet.len()) > violations_max {
        metadata.insert("truncated".to_owned(), "true".to_owned());
    }
    let info = ErrorInfo {
        reason: error.reason.as_str().to_owned(),
        domain: cartage_proto::ERROR_DOMAIN.to_owned(),
        metadata,
    };
    let mut details = vec![any("ErrorInfo", &info)];
    if let Some(delay) = error.retry_after {
        let retry_delay = prost_types::Duration::try_from(delay).ok();
        details.push(any("RetryInfo", &RetryInfo { retry_delay }));
    }
    if !error.unmet.is_empty() {
        let unmet = error.unmet.iter().take(violations_max).map(|unmet| PreconditionViolation {
            r#type: unmet.condition.to_owned(),
            subject: cut(&unmet.subject, VALUE_BYTES_MAX),
            description: cut(&unmet.description, VALUE_BYTES_MAX),
        });
        details
            .push(any("PreconditionFailure", &PreconditionFailure { violations: unmet.collect() }));
    }
    if !error.violations.is_empty() {
        let wrong = error.violations.iter().take(violations_max).map(|violation| FieldViolation {
            field: cut(&violation.field, VALUE_BYTES_MAX),
            description: cut(&violation.description, VALUE_BYTES_MAX),
            reason: violation.reason.to_owned(),
            localized_message: None,
        });
        details.push(any("BadRequest", &BadRequest { field_violations: wrong.collect() }));
    }
    if matches!(error.reason, Reason::RateLimited | Reason::QuotaExceeded | Reason::StreamLimit) {
        let violation = quota_failure::Violation {
            subject: format!("accounts/{}", call.account),
            description: cut(&error.message, VALUE_BYTES_MAX),
            ..quota_failure::Violation::default()
        };
        details.push(any("QuotaFailure", &QuotaFailure { violations: vec![violation] }));
    }
    if error.reason.code() == Code::Internal && !call.id.is_empty() {
        let serving_data = String::new();
        let request_id = call.id.clone();
        details.push(any("RequestInfo", &RequestInfo { request_id, serving_data }));
    }
    if matches!(error.reason, Reason::ResourceNotFound | Reason::ResourceExists) {
        let name = error.metadata.iter().find(|(key, _)| *key == "resource");
        let info = ResourceInfo {
            resource_type: "cartage.v1".to_owned(),
            resource_name: name.map_or_else(String::new, |(_, name)| cut(name, VALUE_BYTES_MAX)),
            ..ResourceInfo::default()
        };
        details.push(any("ResourceInfo", &info));
    }
    details
}

/// A detail of `google.rpc`.
fn any(name: &str, detail: &impl Message) -> Any {
    let type_url = format!("type.googleapis.com/google.rpc.{name}");
    Any { type_url, value: detail.encode_to_vec() }
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

/// The text, or as much of its beginning as fits into so many bytes.
fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub('…'.len_utf8()));
    let (kept, _) = text.split_at(end);
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cartage_proto::v1::ErrorReason;
    use tonic_types::StatusExt;

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
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.metadata["violationCount"], "1000");
        assert_eq!(info.metadata["truncated"], "true");
    }

    #[test]
    fn an_error_of_letters_beyond_ascii_fits_too() {
        let violations = (0..50)
            .map(|_| crate::error::Violation {
                field: "ж".repeat(10_000),
                reason: "UNKNOWN_FIELD",
                description: "𝕏".repeat(10_000),
            })
            .collect();
        let mut error = Error::fields(violations).with("value", "€".repeat(10_000));
        error.message = "€".repeat(10_000);
        let status = Status::from(error);
        assert!(status.message().len() * 3 + status.details().len() * 4 / 3 < 7_500);
        assert!(!status.get_details_bad_request().unwrap().field_violations.is_empty());
        assert!(status.message().ends_with('…'));
    }

    #[test]
    fn an_error_is_encoded_the_same_every_time() {
        let encoded = || {
            let error = Error::new(Reason::Overloaded, "Too much.")
                .retry_after(Duration::from_millis(1_500))
                .with("zebra", "1")
                .with("apple", "2")
                .with("mango", "3");
            Status::from(error)
        };
        let first = encoded();
        for _ in 0..50 {
            assert_eq!(encoded().details(), first.details());
        }
        let details = first.get_error_details();
        assert_eq!(details.error_info().unwrap().metadata["mango"], "3");
        let delay = details.retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(Duration::from_millis(1_500)));
        assert_eq!(first.metadata().get(PUSHBACK).unwrap(), "1500");
    }
}
