//! Reads the details of a status. Each detail is read on its own: one that is malformed, or of a type
//! this crate does not know, costs only itself.

use std::time::Duration;

use cartage_proto::v1;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{StatusError, Violation, ViolationKind};

/// More violations than the service ever sends are not kept.
const VIOLATIONS_MAX: usize = 100;

pub(super) fn status(status: &tonic::Status) -> StatusError {
    let info = status.get_details_error_info();
    let (reason_text, metadata) = info.map(|info| (info.reason, info.metadata)).unwrap_or_default();
    let resource = status.get_details_resource_info();
    let request = status.get_details_request_info();
    StatusError {
        code: code(status),
        reason: v1::ErrorReason::from_reason(&reason_text),
        message: status.message().to_owned(),
        metadata: metadata.into_iter().collect(),
        violations: violations(status),
        retry_delay: retry_delay(status),
        resource: resource.map(|resource| resource.resource_name).unwrap_or_default(),
        request_id: request.map(|request| request.request_id).unwrap_or_default(),
        reason_text,
    }
}

/// tonic reports its own deadline as CANCELLED.
fn code(status: &tonic::Status) -> Code {
    let timed_out = status.details().is_empty() && status.message() == "Timeout expired";
    match status.code() {
        Code::Cancelled if timed_out => Code::DeadlineExceeded,
        code => code,
    }
}

/// A `RetryInfo` without a delay says: at once.
fn retry_delay(status: &tonic::Status) -> Option<Duration> {
    let info = status.get_details_retry_info()?;
    Some(info.retry_delay.unwrap_or_default())
}

fn violations(status: &tonic::Status) -> Vec<Violation> {
    let fields = status.get_details_bad_request().map(|detail| detail.field_violations);
    let fields = fields.unwrap_or_default().into_iter().map(|field| Violation {
        kind: ViolationKind::Field,
        subject: field.field,
        reason: field.reason,
        description: field.description,
    });
    let conditions = status.get_details_precondition_failure().map(|detail| detail.violations);
    let conditions = conditions.unwrap_or_default().into_iter().map(|condition| Violation {
        kind: ViolationKind::Precondition,
        subject: condition.subject,
        reason: condition.r#type,
        description: condition.description,
    });
    let quotas = status.get_details_quota_failure().map(|detail| detail.violations);
    let quotas = quotas.unwrap_or_default().into_iter().map(|quota| Violation {
        kind: ViolationKind::Quota,
        subject: quota.subject,
        reason: String::new(),
        description: quota.description,
    });
    fields.chain(conditions).chain(quotas).take(VIOLATIONS_MAX).collect()
}

/// The text without control characters, so that no answer can steer a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The sentence about long work that ended badly.
pub(super) fn ended(resource: &str, state: &str, failure: Option<&v1::Failure>) -> String {
    let Some(failure) = failure else { return format!("{resource} ended in state {state}") };
    let message = printable(&failure.message);
    format!("{resource} ended in state {state}: {message} ({})", failure.reason().as_reason())
}

/// The name of a code as gRPC writes it.
pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cartage_proto::{ERROR_DOMAIN, v1::ErrorReason};
    use tonic_types::{ErrorDetails, FieldViolation, pb};

    use super::*;

    fn rich() -> tonic::Status {
        let mut details = ErrorDetails::new();
        let metadata = [("violationCount".to_owned(), "1".to_owned())];
        details.set_error_info("INVALID_FIELDS", ERROR_DOMAIN, metadata);
        details.set_retry_info(Some(Duration::from_secs(3)));
        let mut field = FieldViolation::new("connection.medusa.base_url", "no URL");
        field.reason = "FORMAT_INVALID".to_owned();
        details.set_bad_request(vec![field]);
        details.add_precondition_failure_violation("APPROVALS_MISSING", "plan p", "none yet");
        tonic::Status::with_error_details(Code::InvalidArgument, "1 field is wrong", details)
    }

    #[test]
    fn all_details_are_read() {
        let error = status(&rich());
        assert_eq!(error.reason, Some(ErrorReason::InvalidFields));
        assert_eq!(error.metadata["violationCount"], "1");
        assert_eq!(error.retry_delay, Some(Duration::from_secs(3)));
        let text = "1 field is wrong (INVALID_FIELDS)\n  \
                    connection.medusa.base_url: no URL (FORMAT_INVALID)\n  \
                    plan p: none yet (APPROVALS_MISSING)";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn malformed_details_cost_only_themselves() {
        use prost::Message as _;
        let good = pb::Status::decode(rich().details()).unwrap();
        let mut spoiled = good.clone();
        for any in &mut spoiled.details {
            if any.type_url.ends_with("BadRequest") {
                any.value = vec![0xff, 0xff, 0xff];
            }
        }
        let unknown = prost_types::Any { type_url: "type.example/x".into(), value: vec![1] };
        spoiled.details.insert(0, unknown);
        let table: [(Vec<u8>, Option<ErrorReason>, usize); 4] = [
            (good.encode_to_vec(), Some(ErrorReason::InvalidFields), 2),
            (spoiled.encode_to_vec(), Some(ErrorReason::InvalidFields), 1),
            (vec![0xff; 40], None, 0),
            (Vec::new(), None, 0),
        ];
        for (bytes, reason, violations) in table {
            let bytes = Bytes::from(bytes);
            let error = status(&tonic::Status::with_details(Code::Internal, "text", bytes));
            assert_eq!((error.reason, error.violations.len()), (reason, violations));
            assert_eq!(error.message, "text");
        }
    }

    #[test]
    fn odd_statuses_are_readable() {
        let table = [
            (tonic::Status::new(Code::Unknown, ""), "UNKNOWN"),
            (tonic::Status::unavailable("gone"), "gone (UNAVAILABLE)"),
            (tonic::Status::cancelled("Timeout expired"), "Timeout expired (DEADLINE_EXCEEDED)"),
            (tonic::Status::internal("a\u{1b}[31mb\nc"), "a [31mb c (INTERNAL)"),
        ];
        for (given, text) in table {
            assert_eq!(status(&given).to_string(), text);
        }
    }

    #[test]
    fn a_reason_of_a_newer_service_is_kept_as_text() {
        let details = ErrorDetails::with_error_info("FROM_THE_FUTURE", ERROR_DOMAIN, []);
        let error = status(&tonic::Status::with_error_details(Code::Internal, "", details));
        assert_eq!((error.reason, error.reason_text.as_str()), (None, "FROM_THE_FUTURE"));
    }
}
