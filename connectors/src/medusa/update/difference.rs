//! What differs between two states of an object, in the form in which Medusa takes it.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{
    super::{json, marks},
    Task,
};

/// What Medusa does with metadata that is sent. For most of its objects it lays new entries over the
/// old ones and takes out those with an empty text (`mergeMetadata` of `@medusajs/utils` 2.21.2, called
/// by the internal service of modules, by products and by variants); a category, and an address of an
/// order, hold exactly what was sent last (`repositories/product-category.js` of `@medusajs/product`,
/// `order/workflows/update-order.js` of `@medusajs/core-flows`, both 2.21.2). Read on 2026-11-28, and a real
/// server of that version says the same. Null takes everything out, and so may an empty object, so
/// neither is ever sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Laid over what is there.
    Merged,
    /// Put in its stead.
    Replaced,
}

/// The value of a field that says something.
fn said<'a>(of: &'a Value, field: &str) -> Option<&'a Value> {
    of.get(field).filter(|value| !json::is_blank(value))
}

/// Puts fields that differ into a body; what says nothing now gets the value that clears it.
pub(super) fn put_fields(
    body: &mut Map<String, Value>,
    current: &Value,
    wanted: &Value,
    names: &[&str],
    cleared: &Value,
) {
    for name in names {
        let (before, after) = (said(current, name), said(wanted, name));
        if before != after {
            body.insert((*name).to_owned(), after.unwrap_or(cleared).clone());
        }
    }
}

/// The texts of a list, each once, whatever their order.
pub(super) fn set<'a>(of: &'a Value, field: &str) -> BTreeSet<&'a str> {
    json::list(of, field).iter().filter_map(Value::as_str).collect()
}

/// A decimal of a field; none where it says nothing.
pub(super) fn sum(of: &Value, field: &str) -> Decimal {
    json::decimal_of(of, field).unwrap_or_default()
}

/// The entries of metadata that are the record's own.
fn entries(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let entries = of.get("metadata").and_then(Value::as_object).into_iter().flatten();
    entries.filter(|(name, value)| !name.starts_with(marks::PREFIX) && !json::is_blank(value))
}

/// The metadata to be sent: what is there, with the entries that differ and our marks; none when that
/// is what is there. A mark of null is taken out. What others put there stays.
pub(super) fn metadata(
    raw: &Value,
    current: &Value,
    wanted: &Value,
    own_marks: &[(&str, Value)],
    keeping: Keeping,
) -> Option<Value> {
    let before = json::object(raw, "metadata");
    let mut after = before.clone();
    let is_wanted = |name: &str| entries(wanted).any(|(other, _)| other == name);
    for (name, _) in entries(current).filter(|(name, _)| !is_wanted(name)) {
        after.shift_remove(name);
    }
    for (name, value) in entries(wanted) {
        let was = current.get("metadata").and_then(|metadata| metadata.get(name));
        if was != Some(value) {
            after.insert(name.clone(), value.clone());
        }
    }
    for (mark, value) in own_marks {
        match value {
            Value::Null => drop(after.shift_remove(*mark)),
            value => drop(after.insert((*mark).to_owned(), value.clone())),
        }
    }
    if after == before {
        return None;
    }
    if keeping == Keeping::Merged {
        for name in before.keys() {
            if !after.contains_key(name) {
                after.insert(name.clone(), Value::String(String::new()));
            }
        }
    }
    Some(Value::Object(after))
}

impl Task<'_> {
    /// The metadata of the record's own object, with our key where it has none.
    pub(super) fn metadata(&self, own_marks: &[(&str, Value)], keeping: Keeping) -> Option<Value> {
        let mut all = own_marks.to_vec();
        if self.is_adopted() {
            all.push((marks::KEY, Value::String(self.item.key.clone())));
        }
        metadata(self.raw, &self.current, &self.wanted, &all, keeping)
    }

    /// Puts our key where it is searched, unless another one's stands there.
    pub(super) fn put_external_id(&self, body: &mut Map<String, Value>) {
        if self.is_adopted() && json::text(self.raw, "external_id").is_none() {
            body.insert("external_id".to_owned(), Value::String(self.item.key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is there, was read, and shall be; what is sent.
    fn check(raw: Value, current: Value, wanted: Value, keeping: Keeping, expected: Option<Value>) {
        let of = |metadata: &Value| json!({ "metadata": metadata });
        let marks = [(marks::POSITION, json!(1)), (marks::TITLE_MADE, Value::Null)];
        let sent = metadata(&of(&raw), &of(&current), &of(&wanted), &marks, keeping);
        assert_eq!(sent, expected);
    }

    #[test]
    fn metadata_keeps_what_others_put_there_and_loses_what_is_cleared() {
        let raw = json!({"cartage_position": 1, "a": 1, "b": 2, "theirs": {"x": ""}});
        let current = json!({"a": 1, "b": 2});
        for keeping in [Keeping::Merged, Keeping::Replaced] {
            check(raw.clone(), current.clone(), current.clone(), keeping, None);
        }
        let wanted = json!({"a": 3, "c": 4});
        let replaced = json!({"cartage_position": 1, "a": 3, "theirs": {"x": ""}, "c": 4});
        let mut merged = replaced.clone();
        merged["b"] = json!("");
        check(raw.clone(), current.clone(), wanted.clone(), Keeping::Merged, Some(merged));
        check(raw, current, wanted, Keeping::Replaced, Some(replaced));
    }

    #[test]
    fn marks_are_set_and_taken_out() {
        let raw = json!({"cartage_title_made": true, "cartage_key": "k"});
        let merged = json!({"cartage_key": "k", "cartage_position": 1, "cartage_title_made": ""});
        check(raw, json!({}), json!({}), Keeping::Merged, Some(merged));
    }
}
