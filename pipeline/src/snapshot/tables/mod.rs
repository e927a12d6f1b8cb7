//! The canonical tables: their columns, and the rows that a record becomes.
//!
//! Every kind has a root table of its own name with `ordinal`, `source_id`, `record_hash` and
//! `document` (the record's canonical JSON, which loading reads), then the columns that questions
//! need. Children are flat tables, keyed by their parent's source id and a position from 1.
//! The shop's scopes stand in `scope`, and what narrower ones than the shop say of any field in
//! `scoped_text`; what as a whole belongs to a scope (a price, a customer, an order) has columns
//! for it. Whatever has no column is in the document.

mod cell;
mod customer;
mod order;
mod other;
mod product;

use cartage_model::{Kind, Record, Scope, ScopedValue};
use serde::Deserialize;
use serde_json::Value;

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
    kinds: &Kind::ALL,
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

/// Pushes the rows of a record, whose JSON the value is, into its root table and its children.
pub(super) fn push_record(
    rows: &mut dyn Rows,
    ordinal: u64,
    canonical: &CanonicalRecord,
    value: &Value,
) -> Result<()> {
    let root = Root { ordinal, hash: &canonical.hash, document: &canonical.document };
    match &canonical.record {
        Record::Product(product) => product::push(rows, &root, product)?,
        Record::Customer(customer) => customer::push(rows, &root, customer)?,
        Record::Order(order) => order::push(rows, &root, order)?,
        other => other::push(rows, &root, other)?,
    }
    push_narrower(rows, canonical, value)
}

/// What every root row begins with, beside the source id.
pub(super) struct Root<'a> {
    ordinal: u64,
    hash: &'a str,
    document: &'a str,
}

/// Every narrower value of a record, wherever it stands, by the text it has in JSON. Found in the
/// JSON, so that a field which is added to the model is not forgotten here.
fn push_narrower(rows: &mut dyn Rows, canonical: &CanonicalRecord, record: &Value) -> Result<()> {
    // Most shops have one scope, and their records are done here.
    if !canonical.document.contains("scoped\":[") {
        return Ok(());
    }
    let (kind, id) = (canonical.record.kind(), canonical.record.source_id());
    let mut found = Vec::new();
    collect_narrower(record, "", &mut found);
    for (field, entry) in found {
        let Ok(entry) = ScopedValue::<Value>::deserialize(entry) else { continue };
        let (level, code) = scope_cells(Some(&entry.scope));
        let value = match entry.value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        row!(rows, SCOPED_TEXT, kind.as_str(), id, field, level, code, value);
    }
    Ok(())
}

/// The entries of all lists of narrower values, with the names of their fields: `seo.title` for
/// what stands in `seo.title.scoped`, `status` for what stands in `status_scoped`.
fn collect_narrower<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                // What the model has no field for is as the source wrote it, and so is the value
                // of a merchant's own field.
                if name == "unknown" || (name == "value" && map.contains_key("scoped")) {
                    continue;
                }
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let field = match name.as_str() {
                    "scoped" => Some(path),
                    _ => below.strip_suffix("_scoped"),
                };
                match (field, inner) {
                    (Some(field), Value::Array(entries)) => {
                        found.extend(entries.iter().map(|entry| (field.to_owned(), entry)));
                    }
                    _ => collect_narrower(inner, &below, found),
                }
            }
        }
        Value::Array(list) => {
            let below = format!("{path}[]");
            list.iter().for_each(|inner| collect_narrower(inner, &below, found));
        }
        _ => {}
    }
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
