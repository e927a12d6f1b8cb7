//! Proof that the comparison sees: every single field is broken, once on the side of the shop and
//! once on the side of the files, and each time the comparison must find it. What a break was
//! found by is kept, so that `coverage.rs` can ask for every mapped field.
//!
//! On the side of the shop each leaf of the objects we look at is altered, kind by kind and path
//! by path; on the side of the files one cell of each column that says anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::actual::Actual;
use super::compare::{Comparison, Ledger, compare};
use super::expected;
use super::facts::{Id, Kind, Records, decimal};
use super::report;
use super::shops::Shop;
use super::table::Table;

/// What a break-check covered, and what it did not see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breakage {
    /// Paths and columns that were broken.
    pub(crate) broken: usize,
    /// Those whose breaking nobody noticed.
    pub(crate) unnoticed: Vec<String>,
    /// Facts, without places in lists, that a break was noticed by.
    pub(crate) noticed: BTreeSet<(Kind, String)>,
}

/// A column whose cells are only seen together, for the places of pictures are kept as an order:
/// the first picture of several is sent to the end, or from there to the front.
const PICTURES: &str = "Image Position";
const LAST_PICTURE: &str = "99";
const FIRST_PICTURE: &str = "0";
/// In place of a field whose value said nothing.
const EMPTY: &str = "(empty)";
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
        // That nothing is said is seen when something is, but it is no value that a rule gave.
        let says_nothing = leaf.as_str() == Some("");
        *leaf = if path == PRESENCE_ONLY { Value::Null } else { altered(leaf) };
        let broken = Records::from([(id.clone(), actual.facts(kind, &object))]);
        let wanted = expected.get(id).map(|facts| (id.clone(), facts.clone()));
        let line = ledger.get(id).map(|line| (id.clone(), line.clone()));
        let wanted: Records = wanted.into_iter().collect();
        let mut found = compare(&wanted, &broken, &line.into_iter().collect());
        if says_nothing && !found.problems.is_empty() {
            found.problems.iter_mut().for_each(|it| it.field = EMPTY.to_owned());
        }
        result.note(&found, || format!("{kind}: {path}"));
    }
    result
}

/// Breaks the cells of the source, column by column.
pub(crate) fn of_source(shop: &Shop, actual: &Records, ledger: &Ledger) -> Breakage {
    let others = expected::Others::of(&shop.tables);
    let read = |table: &Table| {
        let mut records = Records::new();
        for sheet in table.sheets() {
            expected::record(table.topic, &sheet, shop.currency, &others, &mut records);
        }
        records
    };
    let mut result = Breakage::default();
    for table in &shop.tables {
        for (column, heading) in table.headings.iter().enumerate() {
            let Some(row) = place(table, column, heading) else { continue };
            let whole = table.record_of(row);
            let mut broken = whole.clone();
            // The rows of the record alone: its first one has another place.
            let row = row - table.begin_of(row);
            let next = broken.rows.get(row + 1).and_then(|row| row.get(column)).cloned();
            let Some(cell) = broken.rows.get_mut(row).and_then(|row| row.get_mut(column)) else {
                continue;
            };
            let is_behind = decimal(cell) > next.as_deref().and_then(decimal);
            *cell = match heading == PICTURES {
                true if is_behind => FIRST_PICTURE.to_owned(),
                true => LAST_PICTURE.to_owned(),
                false => altered_text(cell),
            };
            let (whole, broken) = (read(&whole), read(&broken));
            // A word that two records share is still there when one of them has another.
            let ids = whole
                .keys()
                .filter(|id| matches!(id.0, Kind::Product | Kind::Customer | Kind::Order));
            let ids: BTreeSet<&Id> = ids.chain(broken.keys()).collect();
            let actual = actual.iter().filter(|(id, _)| ids.contains(id));
            let actual = actual.map(|(id, facts)| (id.clone(), facts.clone())).collect();
            let ledger = ledger.iter().filter(|(id, _)| ids.contains(id));
            let ledger = ledger.map(|(id, line)| (id.clone(), line.clone())).collect();
            let found = compare(&broken, &actual, &ledger);
            result.note(&found, || format!("{:?}: {heading}", table.topic));
        }
    }
    result
}

/// The first row whose cell of a column says something that can be broken.
fn place(table: &Table, column: usize, heading: &str) -> Option<usize> {
    let says = |row: &usize| {
        table.rows.get(*row)?.get(column).filter(|cell| !cell.trim().is_empty()).map(|_| ())
    };
    let is_one_of_several = |row: &usize| {
        says(row).is_some()
            && says(&(row + 1)).is_some()
            && table.begin_of(*row) == table.begin_of(row + 1)
    };
    let mut rows = 0..table.rows.len();
    match heading == PICTURES {
        true => rows.find(is_one_of_several),
        false => rows.find(|row| says(row).is_some()),
    }
}

impl Breakage {
    fn note(&mut self, found: &Comparison, name: impl Fn() -> String) {
        self.broken += 1;
        if found.problems.is_empty() {
            self.unnoticed.push(name());
        }
        let facts = found.problems.iter().map(|it| (it.id.0, report::general(&it.field)));
        self.noticed.extend(facts);
    }
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
                // Goods, discounts, taxes and fees are all lines of an order, and none like others.
                let mark = entry["metadata"]["cartage_line"].as_str().unwrap_or("");
                let general = format!("{general}[{mark}]");
                walk(entry, &general, &format!("{pointer}/{place}"), leaves);
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
    for (one, other) in [
        ("true", "false"),
        ("yes", "no"),
        ("TRUE", "FALSE"),
        ("deny", "continue"),
        ("active", "draft"),
    ] {
        if text == one {
            return other.to_owned();
        }
        if text == other {
            return one.to_owned();
        }
    }
    let mut letters: Vec<char> = text.chars().collect();
    let is_number = decimal(text).is_some();
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
