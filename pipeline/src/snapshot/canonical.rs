//! From raw to canonical, the same way when a snapshot is written and when it is proven.
//!
//! Memory: 16 bytes of hash per record of the kind (with the table's slack up to 40), to notice a
//! source id that comes twice: about 40 MB for a million records. Two different ids would have to
//! agree in 128 bits of BLAKE3 to be taken for one.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cartage_model::{Kind, RawRecord, ReadMap, Record, Unreadable};

/// The reason of a record whose source id came before within its kind.
pub(super) const SOURCE_ID_DUPLICATE: &str = "SOURCE_ID_DUPLICATE";
/// The reason of a record that the read map gave another kind or id than the raw one has.
pub(super) const READ_MAP_INCONSISTENT: &str = "READ_MAP_INCONSISTENT";

/// The reason of a record at which the read map broke down.
pub(super) const READ_MAP_FAILED: &str = "INTERNAL_ERROR";

/// A canonical record with its text and its hash.
pub(super) struct CanonicalRecord {
    pub(super) record: Record,
    pub(super) document: String,
    pub(super) hash: String,
}

/// Reads the raw records of one kind.
pub(super) struct Canonicaliser {
    kind: Kind,
    seen: HashSet<u128>,
    digest: blake3::Hasher,
    records: u64,
    unreadable: u64,
}

impl Canonicaliser {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            seen: HashSet::new(),
            digest: blake3::Hasher::new(),
            records: 0,
            unreadable: 0,
        }
    }

    /// The canonical record of a raw one, or why there is none. The first record with an id keeps
    /// the id even when it cannot be read.
    pub(super) fn read(
        &mut self,
        raw: &RawRecord,
        read_map: &dyn ReadMap,
    ) -> Result<CanonicalRecord, Unreadable> {
        let result = self.try_read(raw, read_map);
        match &result {
            Ok(canonical) => {
                self.digest.update(canonical.hash.as_bytes());
                self.records += 1;
            }
            Err(_) => self.unreadable += 1,
        }
        result
    }

    fn try_read(
        &mut self,
        raw: &RawRecord,
        read_map: &dyn ReadMap,
    ) -> Result<CanonicalRecord, Unreadable> {
        if !self.seen.insert(id_hash(&raw.source_id)) {
            return Err(Unreadable::record(
                SOURCE_ID_DUPLICATE,
                format!("an earlier {} has the same id", self.kind),
            ));
        }
        // A bug in a map must cost one record, not the snapshot. Maps are pure: nothing is left half done.
        let record = catch_unwind(AssertUnwindSafe(|| read_map.read(raw))).map_err(|_| {
            Unreadable::record(READ_MAP_FAILED, "the read map broke down at this record")
        })??;
        if record.kind() != raw.kind || record.source_id() != raw.source_id {
            return Err(Unreadable::record(
                READ_MAP_INCONSISTENT,
                "the read map gave another kind or id than the raw record has",
            ));
        }
        record.check()?;
        // A number without a text in JSON is the only cause, and the model has none.
        let document = serde_json::to_string(&record)
            .map_err(|error| Unreadable::record(READ_MAP_INCONSISTENT, error.to_string()))?;
        let hash = blake3::hash(document.as_bytes()).to_hex().to_string();
        Ok(CanonicalRecord { record, document, hash })
    }

    /// How many records could be read so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// How many could not.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// BLAKE3 over the hashes so far.
    pub(super) fn digest(&self) -> String {
        self.digest.finalize().to_hex().to_string()
    }
}

fn id_hash(source_id: &str) -> u128 {
    let hash = blake3::hash(source_id.as_bytes());
    hash.as_bytes().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use cartage_model::{RawScope, ScopeTree};

    use super::*;

    /// Breaks down at a record.
    struct Brittle;

    impl ReadMap for Brittle {
        fn version(&self) -> &'static str {
            "brittle/1"
        }

        fn read(&self, raw: &RawRecord) -> Result<Record, Unreadable> {
            assert_ne!(raw.source_id, "poison", "made to panic");
            Err(Unreadable::record("FIELD_MISSING", "it has nothing"))
        }

        fn scopes(&self, _: &[RawScope]) -> Result<ScopeTree, Unreadable> {
            Err(Unreadable::record("FIELD_MISSING", "it has no parts"))
        }
    }

    #[test]
    fn a_map_that_breaks_down_costs_one_record() {
        let mut canonicaliser = Canonicaliser::new(Kind::Product);
        let mut reason = |source_id: &str| {
            let raw = RawRecord {
                kind: Kind::Product,
                source_id: source_id.to_owned(),
                body: serde_json::Value::Null,
            };
            canonicaliser.read(&raw, &Brittle).err().map(|cause| cause.reason)
        };
        assert_eq!(reason("poison").as_deref(), Some(READ_MAP_FAILED));
        assert_eq!(reason("other").as_deref(), Some("FIELD_MISSING"));
        assert_eq!(canonicaliser.unreadable(), 2);
    }
}
