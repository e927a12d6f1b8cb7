//! CSV files as tables, and the rows of one record as a sheet whose cells are read one by one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::facts::Facts;

/// What a file is an export of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Products,
    Customers,
    Orders,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What it is an export of.
    pub(crate) topic: Topic,
    /// The headings as written.
    pub(crate) headings: Vec<String>,
    /// The cells.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_path(path)
            .with_context(|| name.clone())?;
        let mut rows = Vec::new();
        for row in reader.records() {
            rows.push(row.with_context(|| name.clone())?.iter().map(str::to_owned).collect());
        }
        if rows.is_empty() {
            bail!("{name} is empty");
        }
        let headings: Vec<String> = rows.remove(0);
        let has = |heading: &str| headings.iter().any(|it| it.eq_ignore_ascii_case(heading));
        let topic = match (has("Lineitem name"), has("Handle"), has("Email")) {
            (true, _, _) => Topic::Orders,
            (_, true, _) => Topic::Products,
            (_, _, true) => Topic::Customers,
            _ => bail!("{name} is no export we know"),
        };
        Ok(Self { topic, headings, rows })
    }

    /// Where the record begins that a row belongs to.
    pub(crate) fn begin_of(&self, row: usize) -> usize {
        let mut begin = 0;
        for sheet in self.sheets() {
            if row < begin + sheet.len() {
                return begin;
            }
            begin += sheet.len();
        }
        row
    }

    /// The table with the rows of one record alone: the one that a row belongs to.
    pub(crate) fn record_of(&self, row: usize) -> Self {
        let begin = self.begin_of(row);
        let belongs = |(place, _): &(usize, &Vec<String>)| self.begin_of(*place) == begin;
        let rows = self.rows.iter().enumerate().skip(begin).take_while(belongs);
        let rows = rows.map(|(_, cells)| cells.clone()).collect();
        Self { topic: self.topic, headings: self.headings.clone(), rows }
    }

    /// The rows of each record: those that repeat the key of the row above.
    pub(crate) fn sheets(&self) -> Vec<Sheet<'_>> {
        let key = match self.topic {
            Topic::Products => "handle",
            Topic::Orders => "name",
            Topic::Customers => "",
        };
        let column = self.headings.iter().position(|it| it.to_lowercase() == key);
        let mut sheets = Vec::new();
        let mut rest = self.rows.as_slice();
        while let Some(first) = rest.first() {
            let key_of = |row: &Vec<String>| column.and_then(|at| row.get(at)).cloned();
            let mine = key_of(first);
            let more = rest.iter().skip(1).take_while(|row| mine.is_some() && key_of(row) == mine);
            let (rows, others) = rest.split_at(1 + more.count());
            let used = RefCell::default();
            sheets.push(Sheet { headings: &self.headings, rows, used });
            rest = others;
        }
        sheets
    }
}

/// The rows of one record. It remembers what was read; the rest is what nobody has a use for.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    headings: &'a [String],
    rows: &'a [Vec<String>],
    used: RefCell<BTreeSet<(usize, usize)>>,
}

impl Sheet<'_> {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn column(&self, heading: &str) -> Option<usize> {
        self.headings.iter().position(|it| it.eq_ignore_ascii_case(heading))
    }

    /// What a cell says, unread.
    pub(crate) fn peek(&self, row: usize, heading: &str) -> Option<&str> {
        let cell = self.rows.get(row)?.get(self.column(heading)?)?;
        (!cell.trim().is_empty()).then_some(cell.as_str())
    }

    /// Notes that a cell was read.
    pub(crate) fn mark(&self, row: usize, heading: &str) {
        if let Some(column) = self.column(heading) {
            self.used.borrow_mut().insert((row, column));
        }
    }

    /// What a cell says.
    pub(crate) fn take(&self, row: usize, heading: &str) -> Option<String> {
        let text = self.peek(row, heading)?.to_owned();
        self.mark(row, heading);
        Some(text)
    }

    /// What the first row says that says anything; rows that repeat it are read with it.
    pub(crate) fn first(&self, heading: &str) -> Option<String> {
        let text = (0..self.len()).find_map(|row| self.peek(row, heading))?.to_owned();
        for row in 0..self.len() {
            if self.peek(row, heading) == Some(text.as_str()) {
                self.mark(row, heading);
            }
        }
        Some(text)
    }

    /// The first of several headings of one column: exports of different years.
    pub(crate) fn either(&self, row: usize, headings: &[&str]) -> Option<String> {
        headings.iter().find_map(|heading| self.take(row, heading))
    }

    /// The headings that begin with a text, in any case.
    pub(crate) fn headings_of(&self, start: &str) -> Vec<&str> {
        let all = self.headings.iter().map(String::as_str);
        all.filter(|heading| heading.to_lowercase().starts_with(start)).collect()
    }

    /// The cells of a row that nobody read, of wanted headings.
    pub(crate) fn unread(
        &self,
        row: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<(String, String)> {
        let headings: Vec<&String> = self.headings.iter().filter(|it| wanted(it)).collect();
        let is_new = |heading: &&&String| {
            let column = self.column(heading).unwrap_or_default();
            !self.used.borrow().contains(&(row, column))
        };
        let new: Vec<&String> = headings.iter().filter(is_new).copied().collect();
        new.into_iter().filter_map(|it| Some((it.clone(), self.take(row, it)?))).collect()
    }

    /// All cells that nobody read: they are kept under their headings. A later row's that says
    /// what the first says is no news.
    pub(crate) fn rest(&self, path: &str, facts: &mut Facts) {
        for row in 0..self.len() {
            for heading in self.headings {
                let repeats = row > 0 && self.peek(row, heading) == self.peek(0, heading);
                let column = self.column(heading).unwrap_or_default();
                if repeats || self.used.borrow().contains(&(row, column)) {
                    continue;
                }
                let place = if row > 0 { format!(" [row {}]", row + 1) } else { String::new() };
                let text = self.peek(row, heading).map(str::to_owned);
                facts.put_some(format!("{path}.{heading}{place}"), text);
            }
        }
    }
}
