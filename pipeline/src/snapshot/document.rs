//! Records as they come out of a snapshot.

use cartage_model::{Kind, Record, Unreadable};
use datafusion::arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::Int64Type,
};
use serde_json::Value;

use super::{Result, SnapshotError};

/// A canonical record with its place in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place within its kind, from 0, without gaps.
    pub ordinal: u64,
    /// Its id in the source.
    pub source_id: String,
    /// Its hash, as [`cartage_model::record_hash`] gives it.
    pub hash: String,
    /// The record.
    pub record: Record,
    /// The same record as JSON, for mappings.
    pub json: Value,
}

/// A record's place and hash: what can be told of it without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// Its place within its kind, from 0, without gaps.
    pub ordinal: u64,
    /// Its id in the source.
    pub source_id: String,
    /// Its hash, as [`cartage_model::record_hash`] gives it.
    pub hash: String,
}

/// A record that could not become canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// Its place among the unreadable ones of its kind, from 0, without gaps. Its source id need
    /// not be unique: of two records with one id the later one stands here.
    pub ordinal: u64,
    /// Its kind.
    pub kind: Kind,
    /// Its id in the source, or a stable name for it.
    pub source_id: String,
    /// Why.
    pub cause: Unreadable,
}

/// A row of a root table, its record not yet read.
pub(super) struct DocumentRow {
    pub(super) ordinal: u64,
    pub(super) source_id: String,
    pub(super) hash: String,
    pub(super) document: String,
}

impl DocumentRow {
    pub(super) fn into_record(self) -> Result<StoredRecord> {
        let json = serde_json::from_str(&self.document)?;
        let record = serde_json::from_str(&self.document)?;
        let Self { ordinal, source_id, hash, .. } = self;
        Ok(StoredRecord { ordinal, source_id, hash, record, json })
    }
}

fn texts<'a>(
    batch: &'a RecordBatch,
    table: &'static str,
    column: &str,
) -> Result<impl Fn(usize) -> Option<&'a str>> {
    let array = batch
        .column_by_name(column)
        .and_then(|array| array.as_string_opt::<i32>())
        .ok_or(SnapshotError::TableMismatch(table))?;
    Ok(move |row| array.is_valid(row).then(|| array.value(row)))
}

fn ordinals(batch: &RecordBatch, table: &'static str) -> Result<impl Fn(usize) -> Result<u64>> {
    let array = batch
        .column_by_name("ordinal")
        .and_then(|array| array.as_primitive_opt::<Int64Type>())
        .ok_or(SnapshotError::TableMismatch(table))?
        .clone();
    Ok(move |row| u64::try_from(array.value(row)).map_err(|_| SnapshotError::TableMismatch(table)))
}

/// The heads in a batch of a root table.
pub(super) fn heads(batch: &RecordBatch) -> Result<Vec<RecordHead>> {
    let table = "documents";
    let ordinal = ordinals(batch, table)?;
    let source_id = texts(batch, table, "source_id")?;
    let hash = texts(batch, table, "record_hash")?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    (0..batch.num_rows())
        .map(|row| {
            Ok(RecordHead {
                ordinal: ordinal(row)?,
                source_id: text(source_id(row)),
                hash: text(hash(row)),
            })
        })
        .collect()
}

/// The rows of a batch of a root table.
pub(super) fn document_rows(batch: &RecordBatch) -> Result<Vec<DocumentRow>> {
    let document = texts(batch, "documents", "document")?;
    let rows = heads(batch)?.into_iter().enumerate().map(|(row, head)| {
        let RecordHead { ordinal, source_id, hash } = head;
        let document = document(row).unwrap_or_default().to_owned();
        DocumentRow { ordinal, source_id, hash, document }
    });
    Ok(rows.collect())
}

/// The rows of a batch of the table `unreadable`.
pub(super) fn unreadable_rows(kind: Kind, batch: &RecordBatch) -> Result<Vec<UnreadableRecord>> {
    let table = "unreadable";
    let ordinal = ordinals(batch, table)?;
    let source_id = texts(batch, table, "source_id")?;
    let reason = texts(batch, table, "reason")?;
    let field = texts(batch, table, "field")?;
    let message = texts(batch, table, "message")?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    (0..batch.num_rows())
        .map(|row| {
            Ok(UnreadableRecord {
                ordinal: ordinal(row)?,
                kind,
                source_id: text(source_id(row)),
                cause: Unreadable {
                    reason: text(reason(row)),
                    field: field(row).map(str::to_owned),
                    message: text(message(row)),
                },
            })
        })
        .collect()
}
