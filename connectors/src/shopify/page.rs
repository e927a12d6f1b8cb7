//! Pages of raw records. A cursor is a place in a file, so that a page is read by seeking and
//! nothing is kept between two of them.

use std::io;

use cartage_model::{Kind, RawFailure, RawRecord, Unreadable};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Limits,
    files::{Files, SourceFile},
    frame::Place,
    group::{Group, Groups},
    index::Index,
    layout::FileKind,
    reason,
};
use crate::{Error, Page, Result};

/// Where to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The file's place among those of its kind; for values, how many were given.
    index: usize,
    /// Bytes before the record; none is the file's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    byte: Option<u64>,
    /// Its line.
    #[serde(default)]
    line: u64,
}

impl Cursor {
    /// Reads a cursor back; none is the beginning.
    pub(super) fn parse(text: Option<&str>) -> Result<Self> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|_| Error::Settings {
            field: "cursor",
            problem: "it was not made by this connector".to_owned(),
        })
    }

    fn text(self) -> String {
        json!(self).to_string()
    }
}

/// What a page of rows is read from.
pub(super) struct Reading<'a> {
    pub(super) files: &'a Files,
    pub(super) kind: FileKind,
    pub(super) record_kind: Kind,
    pub(super) index: &'a Index,
    pub(super) limits: &'a Limits,
}

impl Reading<'_> {
    /// The page behind the cursor.
    pub(super) fn page(&self, cursor: Cursor) -> io::Result<Page> {
        let mut page = Page::default();
        let mut room = Room::new(self.limits);
        let mut from = cursor.byte.map(|byte| Place { byte, line: cursor.line });
        for (number, file) in self.files.of(self.kind).enumerate().skip(cursor.index) {
            let mut groups = Groups::open(file, from.take(), self.limits)?;
            while let Some(group) = groups.next_group()? {
                let next = group.next;
                room.take(group.size_bytes);
                self.put(&mut page, number, file, group);
                if room.is_full() {
                    let at = Cursor { index: number, byte: Some(next.byte), line: next.line };
                    page.next = Some(at.text());
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    fn put(&self, page: &mut Page, number: usize, file: &SourceFile, group: Group) {
        let place = format!("{}:{}", file.name, group.start.line);
        let repeated = self.index.repeats(number, group.start.byte);
        // A customer without an id is known by the e-mail, which others may have too; they are
        // records all the same, to be merged under review.
        let may_repeat = group.identity.as_ref().is_some_and(|text| text.starts_with("email:"));
        let source_id = match group.id {
            None => place,
            Some(id) if !repeated => id,
            Some(id) => format!("{id} ({place})"),
        };
        let cause = match group.failure {
            Some(cause) => Some(cause),
            None if repeated && !may_repeat => Some(self.repeat(file, group.start.line)),
            None => None,
        };
        if let Some(cause) = cause {
            page.failures.push(RawFailure { kind: self.record_kind, source_id, cause });
            return;
        }
        let body = json!({
            "header": file.header,
            "rows": group.rows,
            "file": file.name,
            "line": group.start.line,
        });
        page.records.push(RawRecord { kind: self.record_kind, source_id, body });
    }

    fn repeat(&self, file: &SourceFile, line: u64) -> Unreadable {
        let place = format!("{} line {line}", file.name);
        match self.kind {
            FileKind::Customers => Unreadable::record(
                reason::RECORD_DUPLICATE,
                format!("{place}: an earlier customer has the same id."),
            ),
            FileKind::Products | FileKind::Orders => Unreadable::record(
                reason::RECORD_SPLIT,
                format!("{place}: an earlier record has the same id; its rows stand apart."),
            ),
        }
    }
}

/// How much more fits into a page.
struct Room {
    records: usize,
    bytes: u64,
}

impl Room {
    fn new(limits: &Limits) -> Self {
        Self { records: limits.page_records_max.max(1), bytes: limits.page_size_bytes_max }
    }

    fn take(&mut self, bytes: u64) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    const fn is_full(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }
}

/// A page of values that are records of their own: each is its own id, and the body names it.
pub(super) fn values_page(
    kind: Kind,
    values: &[String],
    name: &str,
    cursor: Cursor,
    limits: &Limits,
) -> Page {
    let size = limits.page_records_max.max(1);
    let given = cursor.index.saturating_add(size);
    let records = values.iter().skip(cursor.index).take(size).map(|value| RawRecord {
        kind,
        source_id: value.clone(),
        body: json!({ name: value }),
    });
    let next = (given < values.len()).then(|| Cursor { index: given, byte: None, line: 0 }.text());
    Page { records: records.collect(), failures: Vec::new(), next }
}
