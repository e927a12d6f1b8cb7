//! Small readings of JSON: texts, decimals without float noise, numbers without float rounding.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Number, Value};

/// Decimals behind which Medusa's sums carry the noise of binary fractions
/// (183.01999999999998 for 183.02).
const NOISE_SCALE: u32 = 10;

/// Whether nothing is said: null, an empty text, list or object.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The text of a field; none when it is absent, empty or no text.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The text of a field, owned.
pub(super) fn owned(value: &Value, field: &str) -> Option<String> {
    text(value, field).map(str::to_owned)
}

/// The elements of a list field; none when it is absent.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A decimal from a JSON number or a decimal text.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let decimal = Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()?;
    Some(match value {
        Value::Number(_) => decimal.round_dp(NOISE_SCALE),
        _ => decimal,
    })
}

/// The decimal of a field.
pub(super) fn decimal_of(value: &Value, field: &str) -> Option<Decimal> {
    value.get(field).and_then(decimal)
}

/// A decimal as target fields hold it: a text without needless zeros.
pub(super) fn plain(decimal: Decimal) -> Value {
    Value::String(plain_text(decimal))
}

/// The text of [`plain`].
pub(super) fn plain_text(decimal: Decimal) -> String {
    let normal = decimal.normalize();
    if normal.is_zero() { "0".to_owned() } else { normal.to_string() }
}

/// A JSON number that says exactly this decimal; none where a binary fraction cannot.
pub(super) fn number(decimal: Decimal) -> Option<Number> {
    let text = plain_text(decimal);
    if let Ok(whole) = text.parse::<i64>() {
        return (whole.unsigned_abs() < 1 << 53).then(|| Number::from(whole));
    }
    let number = text.parse::<f64>().ok().and_then(Number::from_f64)?;
    let said = number.to_string();
    let back = Decimal::from_str(&said).or_else(|_| Decimal::from_scientific(&said)).ok()?;
    (back == decimal).then_some(number)
}

/// Puts a value in, unless it says nothing.
pub(super) fn put(map: &mut Map<String, Value>, field: &str, value: Value) {
    if !is_blank(&value) {
        map.insert(field.to_owned(), value);
    }
}

/// A value without blank entries of its objects.
pub(super) fn dense(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| (name, dense(value)))
                .filter(|(_, value)| !is_blank(value))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(dense).collect()),
        other => other,
    }
}

/// The object of a field; an empty one when it is absent.
pub(super) fn object(value: &Value, field: &str) -> Map<String, Value> {
    value.get(field).and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_none() {
        for text in ["19.99", "0.1", "-3.33", "1234567890.12", "0.00000001", "1000000", "0"] {
            let decimal = Decimal::from_str(text).unwrap();
            let number = number(decimal).unwrap();
            assert_eq!(super::decimal(&Value::Number(number)), Some(decimal), "{text}");
        }
        assert_eq!(number(Decimal::from_str("12345678901234567.89").unwrap()), None);
    }

    #[test]
    fn the_noise_of_sums_is_taken_off() {
        let noisy: Value = serde_json::from_str("183.01999999999998").unwrap();
        assert_eq!(decimal(&noisy).map(plain_text).as_deref(), Some("183.02"));
    }
}
