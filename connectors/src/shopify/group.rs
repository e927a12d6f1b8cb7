//! Puts the rows of a file together to records.
//!
//! Products: rows of one handle that stand together, as long as the title is the first row's or
//! empty. Orders: rows of one name, as long as the id is the first row's or empty. Customers: a
//! row each. A broken row poisons the record it belongs to.

use std::io;

use cartage_model::Unreadable;

use super::{
    Limits,
    files::SourceFile,
    frame::Place,
    layout::FileKind,
    reason,
    rows::{Row, Rows},
    slug::slug,
};

/// The rows of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The id its cells give.
    pub(super) id: Option<String>,
    /// What no other record of the kind may have.
    pub(super) identity: Option<String>,
    /// What other records may have too, but not rows that stand apart: the name of an order.
    pub(super) alias: Option<String>,
    /// Where it begins.
    pub(super) start: Place,
    /// Where the next one begins.
    pub(super) next: Place,
    /// Its rows; fewer where it failed.
    pub(super) rows: Vec<Vec<String>>,
    /// Its size.
    pub(super) size_bytes: u64,
    /// Why it cannot be read.
    pub(super) failure: Option<Unreadable>,
}

/// The records of a file from a place on.
pub(super) struct Groups<'a> {
    file: &'a SourceFile,
    rows: Rows<'a>,
    ahead: Option<Row>,
    columns: Columns,
    limits: &'a Limits,
}

/// Where the columns stand that tell records apart.
struct Columns {
    /// Handle, name of the order, or customer id.
    key: Option<usize>,
    /// Title, id of the order, or e-mail.
    second: Option<usize>,
}

impl Columns {
    fn of(file: &SourceFile) -> Self {
        let (key, second) = match file.kind {
            FileKind::Products => ("handle", "title"),
            FileKind::Customers => ("customer id", "email"),
            FileKind::Orders => ("name", "id"),
        };
        Self { key: file.column(key), second: file.column(second) }
    }

    /// Whether a row belongs to the record that `head` begins.
    fn continues(&self, kind: FileKind, head: &[String], row: &[String]) -> bool {
        let key = cell(row, self.key);
        let second = cell(row, self.second);
        let same_key = !key.is_empty() && key == cell(head, self.key);
        let same_second = second.is_empty() || second == cell(head, self.second);
        kind != FileKind::Customers && same_key && same_second
    }
}

fn cell(row: &[String], column: Option<usize>) -> &str {
    column.and_then(|column| row.get(column)).map_or("", |cell| cell.trim())
}

/// Without the apostrophe that keeps spreadsheets from reading a number.
pub(super) fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').unwrap_or(text)
}

impl<'a> Groups<'a> {
    /// The records of a file, from `place` or its beginning on.
    pub(super) fn open(
        file: &'a SourceFile,
        place: Option<Place>,
        limits: &'a Limits,
    ) -> io::Result<Self> {
        let mut rows = Rows::open(file, place, limits)?;
        let ahead = rows.next_row()?;
        Ok(Self { file, rows, ahead, columns: Columns::of(file), limits })
    }

    /// The next record; none at the end of the file.
    pub(super) fn next_group(&mut self) -> io::Result<Option<Group>> {
        let Some(first) = self.ahead.take() else { return Ok(None) };
        let head = first.cells.clone();
        let (id, identity) = self.identity(&head);
        let mut group = Group {
            id,
            identity,
            alias: self.alias(&head),
            start: first.start,
            next: first.next,
            rows: Vec::new(),
            size_bytes: 0,
            failure: None,
        };
        self.add(&mut group, first);
        loop {
            self.ahead = self.rows.next_row()?;
            match self
                .ahead
                .take_if(|row| self.columns.continues(self.file.kind, &head, &row.cells))
            {
                Some(row) => self.add(&mut group, row),
                None => return Ok(Some(group)),
            }
        }
    }

    fn add(&self, group: &mut Group, row: Row) {
        group.next = row.next;
        group.size_bytes += row.cells.iter().map(|cell| cell.len() as u64).sum::<u64>();
        if let Some(fault) = row.fault {
            group.failure.get_or_insert(fault);
        } else if group.rows.len() >= self.limits.record_rows_max
            || group.size_bytes > self.limits.record_size_bytes_max
        {
            let place = format!("{} line {}", self.file.name, group.start.line);
            let message = format!("{place}: the record has too many rows or is too large.");
            group.failure.get_or_insert(Unreadable::record(reason::RECORD_TOO_LARGE, message));
        } else {
            group.rows.push(row.cells);
        }
        if group.failure.is_some() {
            group.rows.clear();
        }
    }

    /// The id of a record by its first row, and the text that no other record may share.
    fn identity(&self, row: &[String]) -> (Option<String>, Option<String>) {
        let (key, second) = (cell(row, self.columns.key), cell(row, self.columns.second));
        let named = |tag: &str, text: &str| {
            (!text.is_empty()).then(|| (text.to_owned(), format!("{tag}{text}")))
        };
        let found = match self.file.kind {
            // Shopify makes the handle of the title where a file has none.
            FileKind::Products => named("handle:", key).or_else(|| named("handle:", &slug(second))),
            FileKind::Customers => {
                named("id:", unguarded(key)).or_else(|| named("email:", &second.to_lowercase()))
            }
            FileKind::Orders => named("id:", unguarded(second)).or_else(|| named("name:", key)),
        };
        found.unzip()
    }

    fn alias(&self, row: &[String]) -> Option<String> {
        let name = cell(row, self.columns.key);
        (self.file.kind == FileKind::Orders && !name.is_empty()).then(|| format!("name:{name}"))
    }
}
