//! The manifest: what a snapshot holds, file by file and kind by kind. Written last, sealed.

use std::collections::BTreeMap;

use cartage_model::Kind;
use chrono::{DateTime, Utc};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::Result;

/// The format this version writes. Since format 2 the shop's scopes are a part of a snapshot.
pub(super) const FORMAT_VERSION: u32 = 2;
/// The oldest format this version reads. What format 1 has, format 2 has in the same form.
pub(super) const FORMAT_VERSION_MIN: u32 = 1;

/// The manifest's path below the snapshot.
pub(super) fn manifest_path() -> Path {
    Path::from("manifest")
}

/// Where a snapshot came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The connection it was read from, by its resource name.
    pub connection: String,
    /// The platform, such as `shopify_csv`.
    pub platform: String,
    /// The version of the read map that made the tables.
    pub read_map_version: String,
    /// When reading began.
    pub created_at: DateTime<Utc>,
}

/// What a snapshot holds of one kind. `raw + failures = records + unreadable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindFacts {
    /// Canonical records.
    pub records: u64,
    /// Records that could not become canonical, with those of `failures`.
    pub unreadable: u64,
    /// Pieces of the source that could not even be read as raw records.
    pub failures: u64,
    /// Raw records.
    pub raw: u64,
    /// BLAKE3 over the hashes of the canonical records in order.
    pub records_digest: String,
    /// BLAKE3 over the hashes of the raw records in order.
    pub raw_digest: String,
    /// In how many canonical records a field says something, by its path without brackets
    /// (`variants.prices`), and of flags and words by their value (`variants.prices.kind=cost`).
    /// Empty in snapshots of versions that did not count them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, u64>,
}

/// What a snapshot holds of the shop's scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeFacts {
    /// How many there are, the shop itself with them.
    pub scopes: u64,
    /// What the source said about them, in pieces.
    pub raw: u64,
    /// BLAKE3 over the hashes of the canonical scopes in order.
    pub scopes_digest: String,
    /// BLAKE3 over the hashes of the raw pieces in order.
    pub raw_digest: String,
}

/// One sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its path below the snapshot.
    pub path: String,
    /// Whose records it holds; none for the shop's scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Its table; none for what is raw.
    pub table: Option<String>,
    /// Its length in the store.
    pub size_bytes: u64,
    /// The length of what is sealed in it (a Parquet file, or JSON Lines packed with zstd).
    pub plain_size_bytes: u64,
    /// How many rows or raw records it holds.
    pub rows: u64,
    /// BLAKE3 of what is sealed in it.
    pub blake3: String,
}

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the files.
    pub format_version: u32,
    /// The snapshot's own random id, bound into every file.
    pub snapshot_id: String,
    /// Where it came from.
    pub header: Header,
    /// What there is of each kind.
    pub kinds: BTreeMap<Kind, KindFacts>,
    /// What there is of the shop's scopes; none in snapshots of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeFacts>,
    /// Every file, in the order of its rows within kind and table.
    pub segments: Vec<Segment>,
}

impl Manifest {
    /// BLAKE3, in hexadecimal, of the manifest's own JSON: it names the snapshot's contents whole.
    ///
    /// # Errors
    /// Only when it cannot be written as JSON, which none of its values can cause.
    pub fn digest(&self) -> Result<String> {
        Ok(blake3::hash(&serde_json::to_vec(self)?).to_hex().to_string())
    }

    /// How many canonical records there are of a kind.
    pub fn records(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).map_or(0, |facts| facts.records)
    }

    /// How many records of a kind could not be read.
    pub fn unreadable(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).map_or(0, |facts| facts.unreadable)
    }

    /// How many bytes the segments take in the store.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size_bytes).sum()
    }

    /// The segments of a kind's table, or of the scopes', in the order of their rows.
    pub(super) fn segments_of<'a>(
        &'a self,
        kind: Option<Kind>,
        table: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Segment> + 'a {
        self.segments
            .iter()
            .filter(move |segment| segment.kind == kind && segment.table.as_deref() == table)
    }
}
