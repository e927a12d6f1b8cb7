//! Which fields say something, and in how many records: counted while a snapshot is written, so
//! that what a target cannot hold is told with the records it meets, without reading them again.
//!
//! Memory and the manifest grow with the fields of the model, not with the records: whatever has
//! names of a merchant's own is counted as a whole.

use std::collections::{BTreeMap, HashMap};

use cartage_model::says_something;
use serde_json::Value;

/// Fields whose parts have free names.
const FREE: [&str; 4] = ["unknown", "custom_fields", "properties", "rules"];
/// Texts of the model's own few words beside every `kind`: each word is counted.
const WORDS: [&str; 3] = ["status", "product_type", "state"];

/// Counts over the records of one kind.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// How many records were looked at.
    records: u64,
    /// By path: the last record that said something there, and how many did.
    found: HashMap<String, (u64, u64)>,
}

impl Presence {
    /// Looks at a record's JSON.
    pub(super) fn note(&mut self, document: &Value) {
        self.records += 1;
        self.walk(document, &mut String::new());
    }

    /// The records by path. Lists are passed through: `variants.sku`. Of flags and words each
    /// value is counted as well: `variants.prices.kind=cost`, `variants.taxable=false`.
    pub(super) fn into_counts(self) -> BTreeMap<String, u64> {
        self.found.into_iter().map(|(path, (_, records))| (path, records)).collect()
    }

    fn count(&mut self, path: &str) {
        match self.found.get_mut(path) {
            Some((last, records)) => {
                *records += u64::from(*last != self.records);
                *last = self.records;
            }
            None => {
                self.found.insert(path.to_owned(), (self.records, 1));
            }
        }
    }

    /// Whether the value says anything.
    fn walk(&mut self, value: &Value, path: &mut String) -> bool {
        match value {
            Value::Array(items) => {
                items.iter().fold(false, |said, item| self.walk(item, path) | said)
            }
            Value::Object(fields) => {
                let mut said = false;
                for (name, field) in fields {
                    let length = path.len();
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    let is_free = FREE.contains(&name.as_str());
                    let is_said =
                        if is_free { says_something(field) } else { self.walk(field, path) };
                    if is_said {
                        said = true;
                        self.count(path);
                    }
                    path.truncate(length);
                }
                said
            }
            Value::Bool(flag) => {
                self.count(&format!("{path}={flag}"));
                true
            }
            Value::String(word) if is_word(path) => {
                self.count(&format!("{path}={word}"));
                true
            }
            other => says_something(other),
        }
    }
}

fn is_word(path: &str) -> bool {
    WORDS.contains(&path) || path == "kind" || path.ends_with(".kind")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_are_counted_once_by_what_they_say() {
        let mut presence = Presence::default();
        presence.note(&json!({
            "status": "archived",
            "note": "",
            "title": { "value": null },
            "variants": [
                { "sku": "a", "taxable": true, "prices": [{ "kind": "cost" }, { "kind": "cost" }] },
                { "sku": null, "taxable": false },
            ],
            "unknown": { "Their word": { "deep": 1 } },
        }));
        presence.note(&json!({ "variants": [{ "sku": "b" }], "tags": [], "unknown": {} }));
        let counts = presence.into_counts();
        let expected = [
            ("status", 1),
            ("status=archived", 1),
            ("unknown", 1),
            ("variants", 2),
            ("variants.prices", 1),
            ("variants.prices.kind", 1),
            ("variants.prices.kind=cost", 1),
            ("variants.sku", 2),
            ("variants.taxable", 1),
            ("variants.taxable=false", 1),
            ("variants.taxable=true", 1),
        ];
        let expected = expected.map(|(path, records)| (path.to_owned(), records));
        assert_eq!(counts, BTreeMap::from(expected));
    }
}
