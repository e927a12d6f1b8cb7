//! Small tools over JSON rows: ids, times, exact numbers, metadata.

use std::str::FromStr;

use chrono::{SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value};

/// One stored object.
pub(crate) type Row = Map<String, Value>;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new id: prefix and ULID, as Medusa makes them.
pub(crate) fn id(prefix: &str) -> String {
    let millis = u128::from(Utc::now().timestamp_millis().unsigned_abs());
    let random = uuid::Uuid::new_v4().as_u128() & ((1 << 80) - 1);
    let ulid = (millis << 80) | random;
    let mut out = String::with_capacity(prefix.len() + 27);
    out.push_str(prefix);
    out.push('_');
    for place in (0..26).rev() {
        let digit = usize::try_from((ulid >> (place * 5)) & 31).unwrap_or(0);
        out.push(char::from(CROCKFORD[digit]));
    }
    out
}

/// The time now, as Medusa writes it.
pub(crate) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Puts the three time stamps of a new object into its row.
pub(crate) fn stamp(row: &mut Row) {
    let now = now();
    row.insert("created_at".into(), now.clone().into());
    row.insert("updated_at".into(), now.into());
    row.insert("deleted_at".into(), Value::Null);
}

/// The text under a key, or "".
pub(crate) fn text<'a>(row: &'a Row, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The list under a key, or an empty one.
pub(crate) fn list<'a>(row: &'a Row, key: &str) -> &'a [Value] {
    row.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The flag under a key, or false.
pub(crate) fn flag(row: &Row, key: &str) -> bool {
    row.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The ids in a list of `{"id": …}`.
pub(crate) fn ids(row: &Row, key: &str) -> Vec<String> {
    list(row, key)
        .iter()
        .filter_map(|one| one.get("id").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// The number in a JSON value (a number, a text, or Medusa's `{"value": …}`), exactly as written.
pub(crate) fn decimal(value: &Value) -> Decimal {
    let written = match value {
        Value::Number(number) => number.to_string(),
        Value::String(written) => written.clone(),
        Value::Object(big) => big.get("value").and_then(Value::as_str).unwrap_or("0").to_owned(),
        _ => return Decimal::ZERO,
    };
    Decimal::from_str(&written)
        .or_else(|_| Decimal::from_scientific(&written))
        .unwrap_or(Decimal::ZERO)
}

/// The number under a key, or zero.
pub(crate) fn amount(row: &Row, key: &str) -> Decimal {
    row.get(key).map_or(Decimal::ZERO, decimal)
}

/// A JSON number with the shortest writing of a decimal.
pub(crate) fn number(value: Decimal) -> Value {
    Number::from_str(&value.normalize().to_string()).map_or(Value::Null, Value::Number)
}

/// New metadata laid over old: keys are merged, a key with "" is taken out.
pub(crate) fn merge_metadata(old: Option<&Value>, new: &Value) -> Value {
    let Value::Object(new) = new else { return new.clone() };
    let mut merged = old.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in new {
        if value.as_str() == Some("") {
            merged.shift_remove(key);
        } else {
            merged.insert(key.clone(), value.clone());
        }
    }
    Value::Object(merged)
}

/// Whether a body holds metadata with nothing in it: products take that for what shall be there, where
/// all others change nothing (a real server of 2.21.2 said so on 2026-11-28).
pub(crate) fn empties_metadata(body: &Row) -> bool {
    body.get("metadata").and_then(Value::as_object).is_some_and(Row::is_empty)
}

/// Copies the fields of a body over a row; metadata is merged.
pub(crate) fn overlay(row: &mut Row, body: &Row) {
    for (key, value) in body {
        if key == "metadata" {
            let merged = merge_metadata(row.get(key), value);
            row.insert(key.clone(), merged);
        } else {
            row.insert(key.clone(), value.clone());
        }
    }
    row.insert("updated_at".into(), now().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value() {
        for written in ["19.99", "0.123456789012", "-3.33", "1999", "0"] {
            let value: Value = serde_json::from_str(written).unwrap();
            assert_eq!(number(decimal(&value)).to_string(), written);
        }
    }

    #[test]
    fn ids_have_prefix_and_ulid() {
        let one = id("prod");
        assert!(one.starts_with("prod_01"), "{one}");
        assert_eq!(one.len(), 5 + 26);
    }
}
