//! Between the contract's types and the domain's: times, kinds, failures, free-form values.

use cartage_model::Kind;
use cartage_proto::v1;
use chrono::{DateTime, Utc};
use prost::Message;
use prost_types::{Struct, Timestamp, Value, value};

use crate::error::{Error, Failure, Result};

/// The most bytes of the changes of one record.
const CHANGES_BYTES_MAX: usize = 1024 * 1024;

/// An instant on the wire.
pub fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}

/// An instant from the wire.
pub fn instant(timestamp: &Timestamp, field: &str) -> Result<DateTime<Utc>> {
    u32::try_from(timestamp.nanos)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(timestamp.seconds, nanos))
        .ok_or_else(|| Error::field(field, "OUT_OF_RANGE", "The time is out of range."))
}

/// A kind on the wire.
pub const fn record_kind(kind: Kind) -> v1::RecordKind {
    match kind {
        Kind::Category => v1::RecordKind::Category,
        Kind::Collection => v1::RecordKind::Collection,
        Kind::Product => v1::RecordKind::Product,
        Kind::CustomerGroup => v1::RecordKind::CustomerGroup,
        Kind::Company => v1::RecordKind::Company,
        Kind::Customer => v1::RecordKind::Customer,
        Kind::Coupon => v1::RecordKind::Coupon,
        Kind::GiftCard => v1::RecordKind::GiftCard,
        Kind::Order => v1::RecordKind::Order,
        Kind::Review => v1::RecordKind::Review,
        Kind::Page => v1::RecordKind::Page,
        Kind::Post => v1::RecordKind::Post,
        Kind::Url => v1::RecordKind::UrlRedirect,
    }
}

/// A kind on the wire, from the text a table holds.
pub fn record_kind_of(text: &str) -> i32 {
    text.parse::<Kind>().map_or(0, |kind| record_kind(kind).into())
}

/// A value of an enum from the wire. One that this version does not know is refused, and not read as
/// the one that stands for nothing.
pub fn enum_value<E: TryFrom<i32>>(number: i32, field: &str) -> Result<E> {
    E::try_from(number).map_err(|_| {
        let message = format!("{number} is none of the values of this field.");
        Error::field(field, "ENUM_VALUE_INVALID", message)
    })
}

/// A kind from the wire; none when it is not said.
pub fn kind(number: i32, field: &str) -> Result<Option<Kind>> {
    if number == 0 {
        return Ok(None);
    }
    Kind::ALL.into_iter().find(|kind| i32::from(record_kind(*kind)) == number).map(Some).ok_or_else(
        || Error::field(field, "ENUM_VALUE_INVALID", format!("{number} is not a kind of record.")),
    )
}

/// Kinds from the wire, in loading order and each once.
pub fn kinds(numbers: &[i32], field: &str) -> Result<Vec<Kind>> {
    let mut kinds = Vec::new();
    for number in numbers {
        match kind(*number, field)? {
            Some(kind) => kinds.push(kind),
            None => return Err(Error::field(field, "REQUIRED", "A kind is not said.")),
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

/// A failure on the wire.
pub fn failure(failure: &Failure) -> v1::Failure {
    let reason =
        v1::ErrorReason::from_reason(&failure.reason).unwrap_or(v1::ErrorReason::ValueInvalid);
    v1::Failure {
        reason: reason.into(),
        message: failure.message.clone(),
        metadata: failure.metadata.clone(),
        retryable: failure.retryable,
    }
}

/// A JSON object on the wire.
pub fn to_struct(json: &serde_json::Value) -> Struct {
    match json {
        serde_json::Value::Object(fields) => Struct {
            fields: fields.iter().map(|(name, value)| (name.clone(), to_value(value))).collect(),
        },
        _ => Struct::default(),
    }
}

/// A JSON value on the wire.
pub fn to_value(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => value::Kind::NullValue(0),
        serde_json::Value::Bool(it) => value::Kind::BoolValue(*it),
        serde_json::Value::Number(it) => value::Kind::NumberValue(it.as_f64().unwrap_or_default()),
        serde_json::Value::String(it) => value::Kind::StringValue(it.clone()),
        serde_json::Value::Array(items) => value::Kind::ListValue(prost_types::ListValue {
            values: items.iter().map(to_value).collect(),
        }),
        serde_json::Value::Object(_) => value::Kind::StructValue(to_struct(json)),
    };
    Value { kind: Some(kind) }
}

/// A JSON value from the wire. Whole numbers become integers.
pub fn from_value(value: &Value) -> serde_json::Value {
    match &value.kind {
        None | Some(value::Kind::NullValue(_)) => serde_json::Value::Null,
        Some(value::Kind::BoolValue(it)) => (*it).into(),
        Some(value::Kind::NumberValue(it)) => {
            let text = it.to_string();
            text.parse::<i64>().map_or_else(
                |_| {
                    serde_json::Number::from_f64(*it)
                        .map_or(serde_json::Value::Null, serde_json::Value::Number)
                },
                Into::into,
            )
        }
        Some(value::Kind::StringValue(it)) => it.clone().into(),
        Some(value::Kind::ListValue(list)) => {
            list.values.iter().map(from_value).collect::<Vec<_>>().into()
        }
        Some(value::Kind::StructValue(it)) => serde_json::Value::Object(
            it.fields.iter().map(|(name, value)| (name.clone(), from_value(value))).collect(),
        ),
    }
}
/// The changes of one record, as many of them as an answer can hold beside the record itself.
pub fn fitting(changes: impl Iterator<Item = v1::FieldChange>) -> Vec<v1::FieldChange> {
    let mut bytes = 0_usize;
    let mut fits = |change: &v1::FieldChange| {
        bytes = bytes.saturating_add(change.encoded_len());
        bytes <= CHANGES_BYTES_MAX
    };
    changes.take_while(|change| fits(change)).collect()
}
