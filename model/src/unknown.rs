//! What a source said and the model has no field for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields by their names in the source, with their values as the source gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnknownFields(pub BTreeMap<String, Value>);

impl UnknownFields {
    /// No field.
    pub const NONE: Self = Self(BTreeMap::new());

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps a field; an empty text is what CSV writes for "nothing" and is not kept.
    pub fn keep(&mut self, name: &str, value: Value) {
        if !matches!(&value, Value::Null) && value.as_str() != Some("") {
            self.0.insert(name.to_owned(), value);
        }
    }
}
