//! When two values are the same to a shop.

use std::str::FromStr;

use cartage_model::{FieldSpec, FieldType};
use chrono::DateTime;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::mapping::spec_of;

/// The type by which a path is compared; what no field describes is compared as it is.
pub(crate) fn type_at(specs: &[FieldSpec], path: &str) -> FieldType {
    match spec_of(specs, path) {
        Some(spec) if spec.path == path => spec.field_type,
        // `metadata.*` says what each value directly below is; deeper parts are as they are.
        Some(spec) if spec.path.ends_with(".*") && depth(spec.path) == depth(path) => {
            spec.field_type
        }
        _ => FieldType::Any,
    }
}

fn depth(path: &str) -> usize {
    path.split('.').count()
}

/// Whether a value says nothing: null, an empty text, an empty list, or an object of such.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether two plain values are the same: numbers by value, instants as instants, text exactly.
pub(crate) fn is_same(field_type: FieldType, expected: &Value, actual: &Value) -> bool {
    if expected == actual || (is_empty(expected) && is_empty(actual)) {
        return true;
    }
    match field_type {
        FieldType::Decimal | FieldType::Integer => {
            matches!((number(expected), number(actual)), (Some(a), Some(b)) if a == b)
        }
        FieldType::Instant => {
            matches!((instant(expected), instant(actual)), (Some(a), Some(b)) if a == b)
        }
        FieldType::Any => match (expected, actual) {
            (Value::Number(_), Value::Number(_)) => {
                matches!((number(expected), number(actual)), (Some(a), Some(b)) if a == b)
            }
            _ => false,
        },
        FieldType::Text
        | FieldType::Boolean
        | FieldType::List
        | FieldType::Set
        | FieldType::Object => false,
    }
}

/// A text that is the same for values that are the same; by it the elements of sets are paired.
pub(crate) fn canonical(specs: &[FieldSpec], path: &str, value: &Value) -> String {
    if is_empty(value) {
        return String::new();
    }
    let field_type = type_at(specs, path);
    match value {
        Value::Object(map) => {
            let mut parts: Vec<_> = map
                .iter()
                .filter(|(_, inner)| !is_empty(inner))
                .map(|(name, inner)| {
                    format!("{name:?}:{}", canonical(specs, &format!("{path}.{name}"), inner))
                })
                .collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(list) => {
            let mut parts: Vec<_> =
                list.iter().map(|inner| canonical(specs, &format!("{path}[]"), inner)).collect();
            if field_type == FieldType::Set {
                parts.sort();
            }
            format!("[{}]", parts.join(","))
        }
        _ => {
            let by_value = match field_type {
                FieldType::Decimal | FieldType::Integer => number(value).map(|it| it.to_string()),
                FieldType::Instant => instant(value).map(|it| it.to_rfc3339()),
                FieldType::Any if value.is_number() => number(value).map(|it| it.to_string()),
                _ => None,
            };
            by_value.unwrap_or_else(|| value.to_string())
        }
    }
}

fn number(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    Decimal::from_str(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()
        .map(|it| it.normalize())
}

fn instant(value: &Value) -> Option<DateTime<chrono::Utc>> {
    let text = value.as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}
