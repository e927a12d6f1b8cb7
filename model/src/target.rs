//! How a target describes itself: its fields, their limits, and what it cannot hold.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// The type of a target field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A decimal number; compared by value, not by text.
    Decimal,
    /// True or false.
    Boolean,
    /// An instant as RFC 3339; compared as an instant.
    Instant,
    /// A list whose order means something.
    List,
    /// A list whose order means nothing.
    Set,
    /// Named values.
    Object,
    /// Anything JSON can say.
    Any,
}

/// One field of a target. `metadata.*` stands for every name below `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its path, as in mappings.
    pub path: &'static str,
    /// Its type.
    pub field_type: FieldType,
    /// Whether a record without it is refused.
    pub required: bool,
    /// The longest text, in characters; see the platform's limits for the source.
    pub length_max: Option<u32>,
    /// Whether it can hold personal data, which is masked in test runs and previews.
    pub personal: bool,
    /// What it is, as a sentence.
    pub about: &'static str,
}

/// Something a target cannot hold as its own, said before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The kind of record.
    pub kind: Kind,
    /// The canonical field.
    pub field: &'static str,
    /// Whether the value is kept as metadata of the target's record.
    pub kept_as_metadata: bool,
    /// What happens instead, as a sentence.
    pub about: &'static str,
}

/// A limit of a platform: data with a source and a date, never a constant in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name, such as `product.title.length_max`.
    pub name: &'static str,
    /// Its value in its unit.
    pub value: i64,
    /// The unit: `characters`, `bytes`, `requests_per_second`, `records`.
    pub unit: &'static str,
    /// Where it was read or seen.
    pub source: &'static str,
    /// When, as `YYYY-MM-DD`.
    pub read_on: &'static str,
}
