//! The records of a snapshot as documents.

use cartage_model::{Kind, Unreadable};
use cartage_pipeline::{
    mapping::Mask,
    snapshot::{Snapshot as Stored, StoredRecord, UnreadableRecord},
};
use cartage_proto::v1;
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::{
    api::{
        Api, convert, filter, own_name,
        page::{self, Page},
    },
    app::snapshot,
    error::{Error, Failure, Result},
    reason::Reason,
    token::Caller,
};

/// The most records of one page.
const RECORDS_MAX: i64 = 200;
/// How many records are read at once, so that large documents are not read in vain.
const READ_RECORDS: u64 = 25;

/// Where a page begins: first come the records that could be read, then the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    unreadable: bool,
    ordinal: u64,
}

/// Which records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    source_id: Option<String>,
    quarantined: Option<bool>,
}

impl Wanted {
    fn parse(text: &str) -> Result<Self> {
        let terms = filter::parse(text, &["source_id", "quarantined"])?;
        let quarantined = filter::boolean(&terms, "quarantined")?;
        Ok(Self { source_id: terms.get("source_id").cloned(), quarantined })
    }

    fn has(&self, unreadable: bool) -> bool {
        self.quarantined.is_none_or(|wanted| wanted == unreadable)
    }

    fn takes(&self, source_id: &str) -> bool {
        self.source_id.as_deref().is_none_or(|wanted| wanted == source_id)
    }
}

/// One page as it is filled.
struct Filling {
    kind: Kind,
    full: bool,
    mask: Option<Mask>,
    size: usize,
    bytes: usize,
    rows: Vec<(Position, v1::SnapshotRecord)>,
}

impl Filling {
    /// Whether nothing more fits. One row more than the page has tells that there is a next page.
    fn is_full(&self) -> bool {
        self.rows.len() > self.size || self.bytes > page::BYTES_MAX
    }

    fn push(&mut self, position: Position, mut row: v1::SnapshotRecord) {
        if row.encoded_len() > page::BYTES_MAX {
            // No answer could hold it.
            row.document = None;
        }
        self.bytes = self.bytes.saturating_add(row.encoded_len());
        self.rows.push((position, row));
    }

    fn readable(&mut self, record: StoredRecord) {
        let position = Position { unreadable: false, ordinal: record.ordinal };
        let mut row = v1::SnapshotRecord {
            kind: convert::record_kind(self.kind).into(),
            source_id: record.source_id,
            record_hash: record.hash,
            ..v1::SnapshotRecord::default()
        };
        if self.full {
            let mut document = record.json;
            if let Some(mask) = &self.mask {
                mask.mask_document(self.kind, &mut document);
                row.masked = true;
            }
            row.document = Some(convert::to_struct(&document));
        }
        self.push(position, row);
    }

    fn unreadable(&mut self, record: &UnreadableRecord) {
        let position = Position { unreadable: true, ordinal: record.ordinal };
        let row = v1::SnapshotRecord {
            kind: convert::record_kind(self.kind).into(),
            source_id: record.source_id.clone(),
            failure: Some(convert::failure(&failure(&record.cause))),
            ..v1::SnapshotRecord::default()
        };
        self.push(position, row);
    }
}

/// Why a record could not be read, in the words of the API.
fn failure(cause: &Unreadable) -> Failure {
    let reason = Reason::parse(&cause.reason).unwrap_or(Reason::ValueInvalid);
    let mut failure = Error::new(reason, cause.message.clone()).to_failure();
    if let Some(field) = &cause.field {
        failure.metadata.insert("field".to_owned(), field.clone());
    }
    failure
}

impl Api {
    /// A page of records.
    pub(super) async fn snapshot_records(
        &self,
        caller: &Caller,
        request: v1::ListSnapshotRecordsRequest,
    ) -> Result<v1::ListSnapshotRecordsResponse> {
        let name = own_name(caller, &request.parent, "snapshots", "parent")?;
        let kind = convert::kind(request.kind, "kind")?
            .ok_or_else(|| Error::field("kind", "REQUIRED", "The kind of record is not said."))?;
        let wanted = Wanted::parse(&request.filter)?;
        let view = convert::enum_value::<v1::ResourceView>(request.view, "view")?;
        let full = view == v1::ResourceView::Full;
        let masked = !caller.has("records.read");
        let arguments = format!("{name}\n{kind}\n{full}\n{}", request.filter);
        let (size, token) = (request.page_size, request.page_token.as_str());
        let method = "ListSnapshotRecords";
        let page = Page::new(&caller.account, method, &arguments, size, token, RECORDS_MAX)?;
        let start: Position = page.after(&self.app.keys)?.unwrap_or_default();
        let stored = snapshot::open(&self.app, &caller.account, &name).await?;
        let mut filling = Filling {
            kind,
            full,
            // The same person looks the same in every record of a snapshot.
            mask: masked.then(|| Mask::new(stored.manifest().snapshot_id.as_bytes())),
            size: usize::try_from(page.size).unwrap_or_default(),
            bytes: 0,
            rows: Vec::new(),
        };
        fill(&stored, &wanted, start, &mut filling).await?;
        let behind = |(position, _): &(Position, v1::SnapshotRecord)| Position {
            ordinal: position.ordinal + 1,
            ..*position
        };
        let (records, next_page_token) =
            page.fill(&self.app.keys, filling.rows, behind, |(_, row)| row)?;
        Ok(v1::ListSnapshotRecordsResponse { records, next_page_token })
    }
}

async fn fill(stored: &Stored, wanted: &Wanted, start: Position, page: &mut Filling) -> Result<()> {
    let kind = page.kind;
    if !start.unreadable && wanted.has(false) {
        match &wanted.source_id {
            // Found by an index of the table, not by walking it.
            Some(source_id) => {
                let found = stored.find(kind, source_id).await?;
                if let Some(record) = found.filter(|record| record.ordinal >= start.ordinal) {
                    page.readable(record);
                }
            }
            None => {
                let mut first = start.ordinal;
                while !page.is_full() {
                    let records = stored.records(kind, first, READ_RECORDS).await?;
                    let Some(last) = records.last().map(|record| record.ordinal) else { break };
                    first = last + 1;
                    for record in records {
                        if !page.is_full() {
                            page.readable(record);
                        }
                    }
                }
            }
        }
    }
    if !wanted.has(true) {
        return Ok(());
    }
    let mut first = if start.unreadable { start.ordinal } else { 0 };
    while !page.is_full() {
        let records = stored.unreadable(kind, first, READ_RECORDS).await?;
        let Some(last) = records.last().map(|record| record.ordinal) else { break };
        first = last + 1;
        for record in records.iter().filter(|record| wanted.takes(&record.source_id)) {
            if !page.is_full() {
                page.unreadable(record);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_says_which_records_are_wanted() {
        let wanted = Wanted::parse("quarantined = true").unwrap();
        assert!(wanted.has(true) && !wanted.has(false) && wanted.takes("x"));
        let wanted = Wanted::parse("source_id = \"a b\"").unwrap();
        assert!(wanted.has(true) && wanted.has(false) && !wanted.takes("a"));
        assert!(Wanted::parse("quarantined = maybe").is_err());
    }

    #[test]
    fn a_page_ends_early_when_its_documents_are_large() {
        let document = |bytes: usize| {
            let document = convert::to_struct(&serde_json::json!({ "text": "x".repeat(bytes) }));
            v1::SnapshotRecord { document: Some(document), ..Default::default() }
        };
        let mut filling =
            Filling { kind: Kind::Order, full: true, mask: None, size: 10, bytes: 0, rows: vec![] };
        for ordinal in 0..2 {
            assert!(!filling.is_full());
            let position = Position { unreadable: false, ordinal };
            filling.push(position, document(page::BYTES_MAX / 2 + 1));
        }
        assert!(filling.is_full());
        let mut filling = Filling { rows: vec![], bytes: 0, size: 10, ..filling };
        filling.push(Position::default(), document(page::BYTES_MAX * 2));
        assert!(!filling.is_full());
        assert!(filling.rows[0].1.document.is_none(), "no answer could hold it");
    }

    #[test]
    fn the_reasons_of_the_pipeline_become_those_of_the_contract() {
        let told = |reason: &str| failure(&Unreadable::field(reason, "Price", "no number")).reason;
        assert_eq!(told("SOURCE_ID_DUPLICATE"), "SOURCE_ID_DUPLICATE");
        assert_eq!(told("CELL_TOO_LARGE"), "CELL_TOO_LARGE");
        assert_eq!(told("SOMETHING_NEW"), "VALUE_INVALID");
    }
}
