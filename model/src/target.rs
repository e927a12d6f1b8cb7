//! How a target describes itself: its fields, their limits, and what it cannot hold.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Kind;

/// The type of a target field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A decimal number; compared by value, not by text.
    Decimal,
    /// True or false.
    Boolean,
    /// An instant as RFC 3339; compared as an instant.
    Instant,
    /// A list whose order means something.
    List,
    /// A list whose order means nothing.
    Set,
    /// Named values.
    Object,
    /// Anything JSON can say.
    Any,
}

/// One field of a target. `metadata.*` stands for every name below `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its path, as in mappings.
    pub path: &'static str,
    /// Its type.
    pub field_type: FieldType,
    /// Whether a record without it is refused.
    pub required: bool,
    /// The longest text, in characters; see the platform's limits for the source.
    pub length_max: Option<u32>,
    /// Whether it can hold personal data, which is masked in test runs and previews.
    pub personal: bool,
    /// What it is, as a sentence.
    pub about: &'static str,
}

/// Something a target cannot hold as its own, said before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The kind of record.
    pub kind: Kind,
    /// The canonical field.
    pub field: &'static str,
    /// Whether the value is kept as metadata of the target's record.
    pub kept_as_metadata: bool,
    /// What happens instead, as a sentence.
    pub about: &'static str,
    /// The paths at which a record shows that it has such a value; the field itself where there
    /// is none. Lists are passed through (`variants.sku`); a path may name the value of a flag or
    /// a word (`status=archived`).
    pub shown_by: &'static [&'static str],
}

impl Loss {
    /// The paths at which a record shows that it has such a value.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> {
        let own = self.shown_by.is_empty().then_some(self.field);
        self.shown_by.iter().copied().chain(own)
    }

    /// Whether the document of a record has such a value.
    pub fn meets(&self, document: &Value) -> bool {
        self.paths().any(|path| {
            let (path, word) = match path.split_once('=') {
                Some((path, word)) => (path, Some(word)),
                None => (path, None),
            };
            shows(document, path, word)
        })
    }
}

/// Whether a value says anything: no empty text, list or object, and no null.
pub fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(fields) => fields.values().any(says_something),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn shows(value: &Value, path: &str, word: Option<&str>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| shows(item, path, word)),
        _ if path.is_empty() => match (value, word) {
            (_, None) => says_something(value),
            (Value::String(text), Some(word)) => text == word,
            (Value::Bool(flag), Some(word)) => word == if *flag { "true" } else { "false" },
            _ => false,
        },
        Value::Object(fields) => {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            fields.get(name.trim_end_matches("[]")).is_some_and(|field| shows(field, rest, word))
        }
        _ => false,
    }
}

/// A limit of a platform: data with a source and a date, never a constant in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name, such as `product.title.length_max`.
    pub name: &'static str,
    /// Its value in its unit.
    pub value: i64,
    /// The unit: `characters`, `bytes`, `requests_per_second`, `records`.
    pub unit: &'static str,
    /// Where it was read or seen.
    pub source: &'static str,
    /// When, as `YYYY-MM-DD`.
    pub read_on: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_loss_meets_the_records_that_show_it() {
        let loss = |field, shown_by| Loss {
            kind: Kind::Product,
            field,
            kept_as_metadata: false,
            about: "",
            shown_by,
        };
        let document = json!({
            "seo": { "title": { "value": "" } },
            "variants": [{ "enabled": { "value": false }, "prices": [{ "kind": "cost" }] }],
        });
        assert!(!loss("seo", &[]).meets(&document));
        assert!(loss("variants.prices", &[]).meets(&document));
        assert!(!loss("variants.prices", &["variants.prices.kind=tier"]).meets(&document));
        let special = &["variants.prices.kind=tier", "variants.prices.kind=cost"];
        assert!(loss("variants.prices", special).meets(&document));
        assert!(loss("variants.enabled", &["variants.enabled.value=false"]).meets(&document));
        assert!(!loss("variants.enabled", &["variants.enabled.value=true"]).meets(&document));
    }

    #[test]
    fn a_loss_meets_records_that_say_something_there() {
        let document = json!({
            "number": "1001", "empty": "", "none": null, "list": [],
            "lines": [{"taxes": []}, {"taxes": [{"rate": "19"}]}],
        });
        for (path, expected) in [
            ("number", true),
            ("empty", false),
            ("none", false),
            ("list", false),
            ("missing", false),
            ("lines[].taxes", true),
            ("lines.taxes.rate", true),
            ("lines[].discounts", false),
            ("", true),
        ] {
            assert_eq!(shows(&document, path, None), expected, "{path}");
        }
    }
}
