//! What a mapping says: how the fields of a target are filled from canonical records. Pure data;
//! the pipeline compiles and runs it.
//!
//! Paths name fields by dots. `variants[].sku` is the `sku` of each element of `variants`; a rule
//! whose target has `[]` runs once per element of the list of the same name in the canonical
//! record, and its source paths with the same `list[]` prefix are read from that element, all
//! others from the record. A target path may have one `[]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Kind;

/// Where the value of a target field comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleValue {
    /// The value at a path of the canonical record, as it is.
    SourcePath(String),
    /// Always the same value.
    Constant(Value),
    /// The text at a path, replaced by a table.
    ValueMap {
        /// The path of the text.
        source_path: String,
        /// What becomes of each text.
        entries: BTreeMap<String, Value>,
        /// What becomes of a text that is not in the table; none makes it an error of the record.
        default: Option<Value>,
    },
    /// A text with paths in double braces: `{{ title.value }} by {{ vendor }}`.
    Template(String),
    /// A VRL expression. `.` is the canonical record, `.item` the element for a rule with `[]`.
    Expression(String),
}

/// What to do when a rule fails on a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The record is quarantined with the error.
    #[default]
    Quarantine,
    /// The field is left out, and the record is `changed`.
    Skip,
}

/// How one target field is filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRule {
    /// The kind of record.
    pub kind: Kind,
    /// The path in the target's fields.
    pub target_field: String,
    /// Where the value comes from.
    pub value: RuleValue,
    /// What to do when that fails.
    #[serde(default)]
    pub on_error: OnError,
}

/// Which records are left out, and why. The name is the reason shown in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionRule {
    /// The kind of record.
    pub kind: Kind,
    /// Its name, shown in the ledger.
    pub name: String,
    /// A VRL expression over the canonical record; a record for which it is true is excluded.
    pub predicate: String,
}

/// A whole mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// How the fields are filled. A later rule for the same field wins.
    pub rules: Vec<FieldRule>,
    /// Which records are left out.
    pub exclusions: Vec<ExclusionRule>,
}

/// A change that was made to a value on its way: normalised, rounded, cut, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The path in the target's fields.
    pub field: String,
    /// What it was.
    pub before: Value,
    /// What it became.
    pub after: Value,
    /// Why, as a sentence.
    pub why: String,
}

/// A record in the target's fields: what is expected to stand in the target afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// The kind of record.
    pub kind: Kind,
    /// Its id in the source.
    pub source_id: String,
    /// The values by field, nested as the paths say.
    pub fields: Map<String, Value>,
    /// What was changed on the way.
    pub changes: Vec<Change>,
}
