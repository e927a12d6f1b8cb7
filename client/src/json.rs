//! Canonical proto3 JSON of any message of the API, and back: camelCase keys, 64-bit numbers as strings,
//! times in RFC 3339, enums by name.
//!
//! ```
//! use cartage_client::{json, v1};
//!
//! # fn main() -> Result<(), cartage_client::Error> {
//! let run = v1::Run { name: "accounts/a/migrations/m/runs/r".into(), ..Default::default() };
//! assert_eq!(json::to_value(&run)?["name"], "accounts/a/migrations/m/runs/r");
//!
//! let rules = r#"{"rules": [{"kind": "RECORD_KIND_PRODUCT", "targetField": "title", "sourcePath": "title"}]}"#;
//! let content: v1::MappingContent = json::from_str(rules)?;
//! assert_eq!(content.rules[0].target_field, "title");
//! # Ok(())
//! # }
//! ```

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::Value;

use crate::Error;

mod documents;

/// A message that has a JSON form: all of `cartage.v1`.
pub trait Document: Message + Default {
    /// Its name within the package, such as `Run`.
    const NAME: &'static str;
}

static POOL: LazyLock<Result<DescriptorPool, String>> = LazyLock::new(|| {
    DescriptorPool::decode(cartage_proto::FILE_DESCRIPTOR_SET).map_err(|error| error.to_string())
});

/// The JSON form of a message.
///
/// # Errors
/// [`Error::Json`], when a message holds what has no JSON form, such as a time beyond the year 9999.
pub fn to_value<M: Document>(message: &M) -> Result<Value, Error> {
    let dynamic = DynamicMessage::decode(descriptor::<M>()?, message.encode_to_vec().as_slice())
        .map_err(|error| problem::<M>(&error))?;
    serde_json::to_value(&dynamic).map_err(|error| problem::<M>(&error))
}

/// The message of a JSON value.
///
/// # Errors
/// [`Error::Json`] for anything that is not exactly this message; unknown fields too.
pub fn from_value<M: Document>(value: Value) -> Result<M, Error> {
    let dynamic = DynamicMessage::deserialize(descriptor::<M>()?, value)
        .map_err(|error| problem::<M>(&error))?;
    dynamic.transcode_to().map_err(|error| problem::<M>(&error))
}

/// The message of a JSON text.
///
/// # Errors
/// [`Error::Json`], with line and column.
pub fn from_str<M: Document>(text: &str) -> Result<M, Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let dynamic = DynamicMessage::deserialize(descriptor::<M>()?, &mut reader)
        .map_err(|error| problem::<M>(&error))?;
    reader.end().map_err(|error| problem::<M>(&error))?;
    dynamic.transcode_to().map_err(|error| problem::<M>(&error))
}

fn descriptor<M: Document>() -> Result<MessageDescriptor, Error> {
    let pool = POOL.as_ref().map_err(problem::<M>)?;
    pool.get_message_by_name(&format!("cartage.v1.{}", M::NAME))
        .ok_or_else(|| problem::<M>(&"the contract has no such message"))
}

fn problem<M: Document>(error: &impl ToString) -> Error {
    Error::Json { message: M::NAME, problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cartage_proto::v1;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_message_of_the_contract_is_listed() {
        let pool = POOL.as_ref().unwrap();
        let known: BTreeSet<_> = documents::ALL.iter().copied().map(str::to_owned).collect();
        let ours = pool.all_messages().filter(|message| message.package_name() == "cartage.v1");
        let all: BTreeSet<_> = ours
            .filter(|message| !message.is_map_entry())
            .map(|message| message.name().to_owned())
            .collect();
        assert_eq!(known, all);
    }

    #[test]
    fn the_form_is_canonical_and_comes_back() {
        let time = prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 };
        let progress = v1::Progress {
            resource: "r".into(),
            done: 7,
            total: Some(0),
            eta: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
            measure_time: Some(time),
            ..Default::default()
        };
        let value = to_value(&progress).unwrap();
        let expected = json!({"resource": "r", "done": "7", "total": "0", "eta": "3s",
            "measureTime": "2023-11-14T22:13:20Z"});
        assert_eq!(value, expected);
        assert_eq!(from_value::<v1::Progress>(value).unwrap(), progress);
    }

    #[test]
    fn what_is_not_the_message_is_refused() {
        for text in ["{", "[]", "{\"rulez\": []}", "{} x", "{\"rules\": [{\"kind\": \"NO\"}]}"] {
            let error = from_str::<v1::MappingContent>(text).unwrap_err();
            assert!(error.to_string().starts_with("not a MappingContent in JSON: "), "{error}");
        }
    }
}
