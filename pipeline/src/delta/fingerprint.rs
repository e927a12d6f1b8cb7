//! What was written of a record, as digests of its leaves.

use std::collections::{BTreeMap, BTreeSet};

use cartage_model::FieldSpec;
use serde_json::{Map, Value};

use super::leaves::{Leaves, Place, canonical_at};
use crate::mapping::spec_of;

/// The length of a digest in bytes: a change is missed once in 2^64.
const DIGEST_BYTES: usize = 8;

/// The digest of a value.
pub type Digest = [u8; DIGEST_BYTES];

/// The digests of a record's leaves, by the digests of their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Vec<(Digest, Digest)>);

impl Fingerprint {
    /// That of fields. `digest` makes the digest of a canonical text: with a key of the deployment, so
    /// that nobody without it can try values out.
    pub fn of(
        specs: &[FieldSpec],
        fields: &Map<String, Value>,
        digest: &dyn Fn(&str) -> Digest,
    ) -> Self {
        let leaves = Leaves::of(fields);
        // Lists stand there as wholes too: the target may be unable to tell their elements apart.
        let mut entries: Vec<_> = leaves
            .iter()
            .chain(leaves.lists())
            .map(|(place, value)| {
                (place_digest(place), digest(&canonical_at(specs, place, Some(value))))
            })
            .collect();
        entries.sort_unstable();
        Self(entries)
    }

    /// As it is stored: place and value after one another, sorted by place.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(place, value)| [*place, *value].concat()).collect()
    }

    /// What [`Fingerprint::to_bytes`] gave; none for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<{ 2 * DIGEST_BYTES }>();
        if !rest.is_empty() || !entries.is_sorted() {
            return None;
        }
        let entries = entries.iter().map(|entry| {
            let (place, value) = entry.split_first_chunk::<DIGEST_BYTES>()?;
            Some((*place, *value.first_chunk::<DIGEST_BYTES>()?))
        });
        entries.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Of these, only the fields with these names.
    pub fn within(&self, fields: &[String]) -> Self {
        let places: BTreeSet<Digest> = fields.iter().map(|field| name_digest(field)).collect();
        Self(self.0.iter().filter(|(place, _)| places.contains(place)).copied().collect())
    }

    /// Of these, only the fields that another one has too.
    pub fn where_in(&self, other: &Self) -> Self {
        let has = |place: &Digest| other.0.binary_search_by_key(place, |(place, _)| *place).is_ok();
        Self(self.0.iter().filter(|(place, _)| has(place)).copied().collect())
    }

    /// These, and those of an earlier one that are not among them.
    pub fn over(&self, earlier: &Self) -> Self {
        let mut entries: BTreeMap<Digest, Digest> = earlier.0.iter().copied().collect();
        entries.extend(self.0.iter().copied());
        Self(entries.into_iter().collect())
    }

    /// The digest of a leaf; none where nothing was written.
    pub(super) fn get(&self, place: &Place) -> Option<Digest> {
        let place = place_digest(place);
        let index = self.0.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        self.0.get(index).map(|(_, value)| *value)
    }

    /// The first field, in the order of names, that no longer is what was written; none where all are. A
    /// field of the schema that was not written must say nothing; what the schema does not know is none
    /// of ours.
    pub fn changed_in(
        &self,
        specs: &[FieldSpec],
        fields: &Map<String, Value>,
        digest: &dyn Fn(&str) -> Digest,
    ) -> Option<String> {
        let leaves = Leaves::of(fields);
        let mut found = 0_usize;
        for (place, value) in leaves.iter() {
            let Some(written) = self.get(place) else {
                if spec_of(specs, &place.path()).is_some() {
                    return Some(place.field());
                }
                continue;
            };
            if digest(&canonical_at(specs, place, Some(value))) != written {
                return Some(place.field());
            }
            found += 1;
        }
        found += leaves.lists().filter(|(place, _)| self.get(place).is_some()).count();
        // The name of a leaf that is gone is not known: only its digest was kept.
        (found < self.0.len()).then(String::new)
    }
}

fn place_digest(place: &Place) -> Digest {
    name_digest(&place.field())
}

fn name_digest(field: &str) -> Digest {
    let hash = blake3::hash(field.as_bytes());
    let mut digest = Digest::default();
    digest.copy_from_slice(hash.as_bytes().first_chunk().unwrap_or(&[0; DIGEST_BYTES]));
    digest
}
