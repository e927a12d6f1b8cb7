//! The canonical tables: their columns, and the rows that a record becomes.
//!
//! Every kind has a root table of its own name with `ordinal`, `source_id`, `record_hash` and
//! `document` (the record's canonical JSON, which loading reads), then the columns that questions
//! need. Children are flat tables, keyed by their parent's source id and a position from 1.
//! The shop's scopes stand in `scope`, what narrower ones than the shop say in `scoped_text`; whatever has no column is in the document.

mod cell;
mod customer;
mod order;
mod other;
mod product;

use cartage_model::{Kind, Record, Scope, Scoped, ScopedValue};

pub(super) use cell::Cell;

use super::{Result, canonical::CanonicalRecord};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Whole,
    /// True or false.
    Flag,
    /// `decimal128(38, 8)`; more decimals than eight are rounded here and kept in the document.
    Decimal,
    /// An instant in UTC, to the microsecond.
    Time,
}

/// A table and the kinds whose records have rows in it.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [Kind],
    pub(crate) columns: &'static [(&'static str, ColumnType)],
}

impl Table {
    /// Whether it holds whole records, whose documents make its rows big.
    pub(super) fn is_root(&self) -> bool {
        self.columns.iter().any(|(name, _)| *name == "document")
    }
}

/// What takes rows in.
pub(super) trait Rows {
    fn push(&mut self, table: &'static Table, cells: &[Cell<'_>]) -> Result<()>;
}

/// Pushes one row whose cells are made of the values given.
macro_rules! row {
    ($rows:expr, $table:expr, $($value:expr),+ $(,)?) => {
        $rows.push(&$table, &[$($crate::snapshot::tables::Cell::from($value)),+])?
    };
}
use row;

/// Records that could not become canonical. Its `ordinal` counts within the kind.
pub(crate) static UNREADABLE: Table = Table {
    name: "unreadable",
    kinds: &Kind::ALL,
    columns: &[
        ("ordinal", ColumnType::Whole),
        ("kind", ColumnType::Text),
        ("source_id", ColumnType::Text),
        ("reason", ColumnType::Text),
        ("field", ColumnType::Text),
        ("message", ColumnType::Text),
    ],
};

/// The parts of the shop, the shop itself first.
pub(super) static SCOPE: Table = Table {
    name: "scope",
    kinds: &[],
    columns: &[
        ("ordinal", ColumnType::Whole),
        ("source_id", ColumnType::Text),
        ("record_hash", ColumnType::Text),
        ("document", ColumnType::Text),
        ("scope_level", ColumnType::Text),
        ("scope_code", ColumnType::Text),
        ("parent_level", ColumnType::Text),
        ("parent_code", ColumnType::Text),
        ("source_type", ColumnType::Text),
        ("title", ColumnType::Text),
        ("locale", ColumnType::Text),
        // Further ones, with spaces in between.
        ("locales", ColumnType::Text),
        ("currency", ColumnType::Text),
        ("base_url", ColumnType::Text),
        ("prices_include_tax", ColumnType::Flag),
        ("enabled", ColumnType::Flag),
    ],
};

/// What narrower scopes than the shop say.
pub(super) static SCOPED_TEXT: Table = Table {
    name: "scoped_text",
    kinds: &[Kind::Category, Kind::Collection, Kind::Product, Kind::Page, Kind::Post],
    columns: &[
        ("kind", ColumnType::Text),
        ("parent_id", ColumnType::Text),
        ("field", ColumnType::Text),
        ("scope_level", ColumnType::Text),
        ("scope_code", ColumnType::Text),
        ("value", ColumnType::Text),
    ],
};

/// Every table, root tables in the order of loading, each followed by its children.
pub(crate) fn all_tables() -> Vec<&'static Table> {
    let mut tables = Vec::new();
    tables.extend_from_slice(other::TABLES);
    tables.extend_from_slice(product::TABLES);
    tables.extend_from_slice(customer::TABLES);
    tables.extend_from_slice(order::TABLES);
    tables.extend_from_slice(&[&SCOPE, &SCOPED_TEXT, &UNREADABLE]);
    tables
}

/// The names of every table that rules can ask.
pub fn table_names() -> Vec<&'static str> {
    all_tables().into_iter().map(|table| table.name).collect()
}

/// Pushes the rows of a record into its root table and its children.
pub(super) fn push_record(
    rows: &mut dyn Rows,
    ordinal: u64,
    canonical: &CanonicalRecord,
) -> Result<()> {
    let root = Root { ordinal, hash: &canonical.hash, document: &canonical.document };
    match &canonical.record {
        Record::Product(product) => product::push(rows, &root, product),
        Record::Customer(customer) => customer::push(rows, &root, customer),
        Record::Order(order) => order::push(rows, &root, order),
        other => other::push(rows, &root, other),
    }
}

/// What every root row begins with, beside the source id.
pub(super) struct Root<'a> {
    ordinal: u64,
    hash: &'a str,
    document: &'a str,
}

/// The narrower values of a text.
fn push_scoped(
    rows: &mut dyn Rows,
    kind: Kind,
    parent_id: &str,
    field: &str,
    text: &Scoped<String>,
) -> Result<()> {
    push_narrower(rows, kind, parent_id, field, &text.scoped)
}

/// Narrower values of any type, by the text they have in JSON.
fn push_narrower<T: serde::Serialize>(
    rows: &mut dyn Rows,
    kind: Kind,
    parent_id: &str,
    field: &str,
    narrower: &[ScopedValue<T>],
) -> Result<()> {
    for entry in narrower {
        let (level, code) = scope_cells(Some(&entry.scope));
        let value = match serde_json::to_value(&entry.value)? {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        row!(rows, SCOPED_TEXT, kind.as_str(), parent_id, field, level, code, value);
    }
    Ok(())
}

/// The cells of a scope: its level and its code. Both are empty where nothing is said.
pub(super) fn scope_cells(scope: Option<&Scope>) -> (Option<&'static str>, Option<&str>) {
    (scope.map(Scope::level), scope.and_then(Scope::code))
}

/// Positions count from 1.
fn position(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1)
}

/// The name an enum of the model has in JSON.
fn name(value: impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_value(value)?.as_str().unwrap_or_default().to_owned())
}
