//! The rows of one record, from which cells are taken by their columns' keys. What nobody takes
//! is left over and kept.

use cartage_model::{RawRecord, UnknownFields, Unreadable};
use serde::Deserialize;
use serde_json::Value;

use super::super::{layout::FileKind, reason};

#[derive(Deserialize)]
struct Body {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A table of cells with a note on each that was taken.
#[derive(Debug)]
pub(super) struct Sheet {
    headings: Vec<String>,
    keys: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
struct Cell {
    text: String,
    taken: bool,
}

impl Sheet {
    /// The table in a raw record.
    pub(super) fn of(raw: &RawRecord, kind: FileKind) -> Result<Self, Unreadable> {
        let body = Body::deserialize(&raw.body).ok().filter(|body| !body.rows.is_empty());
        let Some(body) = body else {
            return Err(Unreadable::record(reason::CSV_MALFORMED, "The record has no rows."));
        };
        let keys = body.header.iter().map(|heading| kind.key(heading)).collect();
        let cells = |row: Vec<String>| {
            row.into_iter().map(|text| Cell { text, taken: false }).collect::<Vec<_>>()
        };
        Ok(Self { headings: body.header, keys, rows: body.rows.into_iter().map(cells).collect() })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn column(&self, key: &str) -> Option<usize> {
        self.keys.iter().position(|found| found == key)
    }

    /// The heading of a column as this file writes it.
    pub(super) fn heading<'a>(&'a self, key: &'a str) -> &'a str {
        self.column(key).and_then(|column| self.headings.get(column)).map_or(key, String::as_str)
    }

    /// The headings of all columns whose key is wanted, with their keys.
    pub(super) fn columns(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let all = self.headings.iter().zip(&self.keys).filter(|(_, key)| wanted(key));
        all.map(|(heading, key)| (heading.clone(), key.clone())).collect()
    }

    /// What a cell says, unless it is blank. The cell is not taken by this.
    pub(super) fn look(&self, row: usize, key: &str) -> Option<&str> {
        let cell = self.rows.get(row)?.get(self.column(key)?)?;
        Some(cell.text.as_str()).filter(|text| !text.trim().is_empty())
    }

    /// Notes that a cell was taken.
    pub(super) fn mark(&mut self, row: usize, key: &str) {
        self.set_taken(row, key, true);
    }

    /// Puts a cell back among what is left over, though it was read.
    pub(super) fn give_back(&mut self, row: usize, key: &str) {
        self.set_taken(row, key, false);
    }

    fn set_taken(&mut self, row: usize, key: &str, taken: bool) {
        let column = self.column(key);
        if let Some(cell) = self.rows.get_mut(row).zip(column).and_then(|(row, at)| row.get_mut(at))
        {
            cell.taken = taken;
        }
    }

    /// What a cell says, unless it is blank, exactly as written.
    pub(super) fn take(&mut self, row: usize, key: &str) -> Option<String> {
        let text = self.look(row, key)?.to_owned();
        self.mark(row, key);
        Some(text)
    }

    /// Takes a cell when it can be read; else it stays among what is left over.
    pub(super) fn take_as<T>(
        &mut self,
        row: usize,
        key: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.look(row, key).and_then(read)?;
        self.mark(row, key);
        Some(value)
    }

    /// The first cell of a column that says something; cells of other rows that say the same are
    /// taken with it.
    pub(super) fn take_first(&mut self, key: &str) -> Option<String> {
        let row = (0..self.len()).find(|row| self.look(*row, key).is_some())?;
        let text = self.take(row, key)?;
        for other in 0..self.len() {
            if self.look(other, key) == Some(text.as_str()) {
                self.mark(other, key);
            }
        }
        Some(text)
    }

    /// Takes all cells of a row whose key is wanted, with heading and key.
    pub(super) fn take_all(
        &mut self,
        row: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<(String, String, String)> {
        let Some(cells) = self.rows.get_mut(row) else { return Vec::new() };
        let columns = self.headings.iter().zip(&self.keys);
        let mut all = Vec::new();
        for (cell, (heading, key)) in cells.iter_mut().zip(columns) {
            if !cell.taken && !cell.text.trim().is_empty() && wanted(key) {
                cell.taken = true;
                all.push((heading.clone(), key.clone(), cell.text.clone()));
            }
        }
        all
    }

    /// All that nobody took, under the headings; a cell of a later row names its row, unless it
    /// only repeats the first row's.
    pub(super) fn rest(self) -> UnknownFields {
        let mut unknown = UnknownFields::default();
        let Some(first) = self.rows.first() else { return unknown };
        for (number, row) in self.rows.iter().enumerate() {
            for ((column, cell), heading) in row.iter().enumerate().zip(&self.headings) {
                let repeats =
                    number > 0 && first.get(column).is_some_and(|top| top.text == cell.text);
                if cell.taken || repeats || cell.text.trim().is_empty() {
                    continue;
                }
                let mut name = heading.clone();
                if number > 0 {
                    name.push_str(&format!(" [row {}]", number + 1));
                }
                if unknown.0.contains_key(&name) {
                    name.push_str(&format!(" [column {}]", column + 1));
                }
                unknown.keep(&name, Value::String(cell.text.clone()));
            }
        }
        unknown
    }
}
