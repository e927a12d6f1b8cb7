//! Raw records as a platform said them, and the map that reads them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Kind, Record, ScopeTree};

/// One record exactly as the platform said it: what a snapshot keeps for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawRecord {
    /// Its kind.
    pub kind: Kind,
    /// Its id in the source.
    pub source_id: String,
    /// What was read: for JSON platforms the object, for CSV `{"header": [...], "rows": [[...]],
    /// "line": n}`.
    pub body: Value,
}

/// What a platform said about one or more of its parts, exactly as it said it: its websites, store
/// views, channels, markets, languages, currencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawScope {
    /// What was asked for or where it stood, by the source's name: `stores`, `markets`.
    pub origin: String,
    /// What was read.
    pub body: Value,
}

/// Why a raw record could not become a canonical one. It is quarantined with this cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Unreadable {
    /// The error reason, as in the API: `CSV_MALFORMED`, `MONEY_MALFORMED`, ….
    pub reason: String,
    /// The field of the source it is about, where it is about one.
    pub field: Option<String>,
    /// What is wrong, as a sentence without personal data.
    pub message: String,
}

impl Unreadable {
    /// A cause about one field.
    pub fn field(reason: &str, field: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), field: Some(field.to_owned()), message: message.into() }
    }

    /// A cause about the whole record.
    pub fn record(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), field: None, message: message.into() }
    }
}

/// A piece of a source that could not even be read as a raw record; it is quarantined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawFailure {
    /// Its kind.
    pub kind: Kind,
    /// A stable name for it: its id where it could be read, else the file and line.
    pub source_id: String,
    /// Why.
    pub cause: Unreadable,
}

/// The read map of a connector: pure, so that a snapshot's canonical tables can be made again from
/// its raw segments at any time.
pub trait ReadMap: Send + Sync {
    /// The platform and version of the map, such as `shopify_csv/1`. A snapshot records it.
    fn version(&self) -> &'static str;

    /// The canonical record that the raw one says.
    ///
    /// # Errors
    /// [`Unreadable`] with the cause for which the record is quarantined.
    fn read(&self, raw: &RawRecord) -> Result<Record, Unreadable>;

    /// The shop's parts, made of what [`RawScope`]s say. A platform that has no parts gives a tree
    /// of the shop alone.
    ///
    /// # Errors
    /// [`Unreadable`] where they make no tree: a snapshot is then not taken at all, because no
    /// value of it could be resolved.
    fn scopes(&self, raw: &[RawScope]) -> Result<ScopeTree, Unreadable>;
}
