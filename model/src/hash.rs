//! The hash of a record: what tells a changed record from an unchanged one.

use crate::Record;

/// BLAKE3, in hexadecimal, of the record's canonical JSON. Field order is that of the model, maps
/// are sorted, so equal records hash equally wherever and whenever they are read.
///
/// # Errors
/// Only when the record cannot be written as JSON, which no value of the model can cause.
pub fn record_hash(record: &Record) -> Result<String, serde_json::Error> {
    let json = serde_json::to_vec(record)?;
    Ok(blake3::hash(&json).to_hex().to_string())
}
