//! One kind of object in memory: rows in the order of their making, with look-ups by id and by
//! the fields that are indexed: texts, or those in a list of objects, written `list.field`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::value::{Row, list, text};

/// Rows of one kind.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<u64, Row>,
    ids: HashMap<String, u64>,
    indexes: Vec<(&'static str, HashMap<String, BTreeSet<u64>>)>,
    next: u64,
}

impl Table {
    pub(crate) fn new(indexed: &[&'static str]) -> Self {
        let indexes = indexed.iter().map(|field| (*field, HashMap::new())).collect();
        Self { indexes, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Row> {
        self.rows.get(self.ids.get(id)?)
    }

    /// The place of an id in the order of making.
    pub(crate) fn place(&self, id: &str) -> Option<u64> {
        self.ids.get(id).copied()
    }

    pub(crate) fn at(&self, place: u64) -> Option<&Row> {
        self.rows.get(&place)
    }

    pub(crate) fn is_indexed(&self, field: &str) -> bool {
        self.indexes.iter().any(|(name, _)| *name == field)
    }

    /// The places of the rows with this value in an indexed field.
    pub(crate) fn places(&self, field: &str, value: &str) -> impl Iterator<Item = u64> {
        let index = self.indexes.iter().find(|(name, _)| *name == field);
        index.and_then(|(_, places)| places.get(value)).into_iter().flatten().copied()
    }

    /// The rows with this value in an indexed field.
    pub(crate) fn by<'a>(&'a self, field: &str, value: &str) -> impl Iterator<Item = &'a Row> {
        let places: Vec<u64> = self.places(field, value).collect();
        places.into_iter().filter_map(|place| self.rows.get(&place))
    }

    /// Adds a row at the end.
    pub(crate) fn push(&mut self, row: Row) {
        let place = self.next;
        self.put(place, row);
    }

    /// Puts a row at a place, in the stead of what was there.
    pub(crate) fn put(&mut self, place: u64, row: Row) {
        self.next = self.next.max(place + 1);
        self.take(place);
        self.ids.insert(text(&row, "id").to_owned(), place);
        for (field, places) in &mut self.indexes {
            for value in held(&row, field) {
                places.entry(value.to_owned()).or_default().insert(place);
            }
        }
        self.rows.insert(place, row);
    }

    /// Takes out the row at a place.
    pub(crate) fn take(&mut self, place: u64) -> Option<Row> {
        let row = self.rows.remove(&place)?;
        self.ids.remove(text(&row, "id"));
        for (field, places) in &mut self.indexes {
            for value in held(&row, field) {
                if let Some(here) = places.get_mut(value) {
                    here.remove(&place);
                    if here.is_empty() {
                        places.remove(value);
                    }
                }
            }
        }
        Some(row)
    }
}

/// The texts a row has in an indexed field.
fn held<'a>(row: &'a Row, field: &'a str) -> impl Iterator<Item = &'a str> {
    let (alone, many) = match field.split_once('.') {
        None => (row.get(field).and_then(Value::as_str), None),
        Some((name, inner)) => (None, Some(list(row, name).iter().map(move |one| &one[inner]))),
    };
    alone.into_iter().chain(many.into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_found_by_what_stands_in_its_list_as_long_as_it_stands_there() {
        let row = |id: &str, items: &[&str]| {
            let items: Vec<Value> = items.iter().map(|item| json!({ "item": item })).collect();
            json!({ "id": id, "held": items }).as_object().cloned().unwrap()
        };
        let mut table = Table::new(&["held.item"]);
        table.push(row("a", &["x", "y"]));
        table.push(row("b", &["y"]));
        let found = |table: &Table, item: &str| -> Vec<String> {
            table.by("held.item", item).map(|row| text(row, "id").to_owned()).collect()
        };
        assert_eq!(found(&table, "x"), ["a"]);
        assert_eq!(found(&table, "y"), ["a", "b"]);
        table.put(0, row("a", &["z"]));
        assert_eq!(found(&table, "x"), [""; 0]);
        assert_eq!(found(&table, "y"), ["b"]);
        table.take(1);
        assert_eq!(found(&table, "y"), [""; 0]);
    }
}
