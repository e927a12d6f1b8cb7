//! Proof that the comparison sees: every single field is broken, once on the side of the shop and
//! once on the side of the files, and each time the comparison must find it.
//!
//! On the side of the shop each leaf of the objects we look at is altered, kind by kind and path
//! by path; on the side of the files one cell of each column that says anything.

use std::collections::BTreeMap;

use serde_json::Value;

use super::actual::Actual;
use super::compare::{Ledger, compare};
use super::expected;
use super::facts::{Id, Kind, Records};
use super::shops::Shop;
use super::table::Table;

/// What a break-check covered, and what it did not see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breakage {
    /// Paths and columns that were broken.
    pub(crate) broken: usize,
    /// Those whose breaking nobody noticed.
    pub(crate) unnoticed: Vec<String>,
}

/// A column whose cells are only seen together: the places of pictures are kept as an order.
const ORDER_ONLY: [&str; 1] = ["Image Position"];
/// A time of Medusa's own: that there is one says that money came in. It is taken out to break it.
const PRESENCE_ONLY: &str = "payment_collections[].payments[].captured_at";

/// Breaks the shop's objects, path by path.
pub(crate) fn of_target(expected: &Records, actual: &Actual, ledger: &Ledger) -> Breakage {
    let mut paths: BTreeMap<(Kind, String), (&Id, String)> = BTreeMap::new();
    for (id, object) in &actual.objects {
        let mut leaves = Vec::new();
        walk(object, "", "", &mut leaves);
        for (general, pointer) in leaves {
            paths.entry((id.0, general)).or_insert((id, pointer));
        }
    }
    let mut result = Breakage::default();
    for ((kind, path), (id, pointer)) in paths {
        let Some(mut object) = actual.objects.get(id).cloned() else { continue };
        let Some(leaf) = object.pointer_mut(&pointer) else { continue };
        *leaf = if path == PRESENCE_ONLY { Value::Null } else { altered(leaf) };
        let broken = Records::from([(id.clone(), actual.facts(kind, &object))]);
        let wanted = expected.get(id).map(|facts| (id.clone(), facts.clone()));
        let line = ledger.get(id).map(|line| (id.clone(), line.clone()));
        let wanted: Records = wanted.into_iter().collect();
        let found = compare(&wanted, &broken, &line.into_iter().collect());
        result.broken += 1;
        if found.problems.is_empty() {
            result.unnoticed.push(format!("{kind}: {path}"));
        }
    }
    result
}

/// Breaks the cells of the source, column by column.
pub(crate) fn of_source(shop: &Shop, actual: &Records, ledger: &Ledger) -> Breakage {
    let mut result = Breakage::default();
    for (file, table) in shop.tables.iter().enumerate() {
        for (column, heading) in table.headings.iter().enumerate() {
            if ORDER_ONLY.contains(&heading.as_str()) {
                continue;
            }
            let says = |row: &Vec<String>| row.get(column).is_some_and(|it| !it.trim().is_empty());
            let Some(row) = table.rows.iter().position(says) else { continue };
            let mut tables: Vec<Table> = shop.tables.clone();
            let cell =
                tables.get_mut(file).and_then(|table| table.rows.get_mut(row)?.get_mut(column));
            let Some(cell) = cell else { continue };
            *cell = altered_text(cell);
            let broken = expected::read(&tables, shop.currency);
            result.broken += 1;
            if compare(&broken, actual, ledger).problems.is_empty() {
                result.unnoticed.push(format!("{:?}: {heading}", table.topic));
            }
        }
    }
    result
}

/// All leaves: their paths without places in lists, and where they are.
fn walk(value: &Value, general: &str, pointer: &str, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (name, entry) in map {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let dot = if general.is_empty() { "" } else { "." };
                walk(
                    entry,
                    &format!("{general}{dot}{name}"),
                    &format!("{pointer}/{escaped}"),
                    leaves,
                );
            }
        }
        Value::Array(list) => {
            for (place, entry) in list.iter().enumerate() {
                walk(entry, &format!("{general}[]"), &format!("{pointer}/{place}"), leaves);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            leaves.push((general.to_owned(), pointer.to_owned()));
        }
    }
}

/// Another value of the same sort.
fn altered(value: &Value) -> Value {
    match value {
        Value::Bool(said) => Value::Bool(!said),
        Value::Number(number) => {
            let text = altered_text(&number.to_string());
            serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text))
        }
        Value::String(text) => Value::String(altered_text(text)),
        other => other.clone(),
    }
}

/// Another text: words for yes and no turned round, the last digit counted on, else one letter
/// more.
fn altered_text(text: &str) -> String {
    for (one, other) in [("true", "false"), ("yes", "no"), ("TRUE", "FALSE"), ("deny", "continue")]
    {
        if text == one {
            return other.to_owned();
        }
        if text == other {
            return one.to_owned();
        }
    }
    let mut letters: Vec<char> = text.chars().collect();
    let is_number = super::facts::decimal(text).is_some();
    match letters.last_mut().filter(|_| is_number) {
        Some(last) => *last = if *last == '1' { '2' } else { '1' },
        None => letters.push('x'),
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_leaf_is_found_once_by_its_path() {
        let mut leaves = Vec::new();
        let object = json!({"a": [{"b/c": 1}, {"b/c": 2}], "d": {"e": true, "f": null}});
        walk(&object, "", "", &mut leaves);
        let pointers: Vec<&str> = leaves.iter().map(|(_, pointer)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/a/0/b~1c", "/a/1/b~1c", "/d/e"]);
        assert!(leaves.iter().all(|(_, pointer)| object.pointer(pointer).is_some()));
    }

    #[test]
    fn an_altered_text_is_another_one() {
        for (text, other) in [("yes", "no"), ("false", "true"), ("19.90", "19.91"), ("M", "Mx")] {
            assert_eq!(altered_text(text), other);
        }
        assert_eq!(altered(&json!(1.5)), json!(1.1));
    }
}
