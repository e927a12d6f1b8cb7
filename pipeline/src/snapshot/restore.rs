//! Proves a snapshot: every byte by its digest, and every canonical record made again from the raw
//! ones. It takes nothing but the location and the read map, so that a fresh process can do it.

use cartage_model::{Kind, ReadMap};
use futures::TryStreamExt;
use object_store::{ObjectStoreExt, path::Path};
use serde::{Deserialize, Serialize};

use super::{
    Damage, KindFacts, Location, Result, ScopeFacts, Segment, Snapshot, SnapshotError,
    canonical::Canonicaliser, document::DocumentRow, scopes,
};

/// How many stored records are compared at once.
const ROWS_PER_READ: u64 = 2_000;

/// What reading every segment again found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestReport {
    /// Whether every segment is what the manifest says.
    pub passed: bool,
    /// How many segments were read, the first bad one with them.
    pub segments: u64,
    /// How many sealed bytes were read.
    pub bytes_read: u64,
    /// What the first bad segment has.
    pub first_difference: Option<String>,
}

/// What a restore test found of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredKind {
    /// Which kind.
    pub kind: Kind,
    /// Canonical records, as the manifest says.
    pub records_expected: u64,
    /// Canonical records made again from the raw ones.
    pub records_restored: u64,
    /// The digest over them, as the manifest says.
    pub digest_expected: String,
    /// The digest over those made again.
    pub digest_restored: String,
}

/// What a restore test found of the shop's scopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredScopes {
    /// Scopes, as the manifest says.
    pub scopes_expected: u64,
    /// Scopes made again from what the source said.
    pub scopes_restored: u64,
    /// The digest over them, as the manifest says.
    pub digest_expected: String,
    /// The digest over those made again.
    pub digest_restored: String,
}

/// What a restore test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// Whether the snapshot can be restored, whole and unchanged.
    pub passed: bool,
    /// What was found per kind; kinds behind the first difference are missing.
    pub kinds: Vec<RestoredKind>,
    /// What was found of the scopes; none behind the first difference and in format 1.
    pub scopes: Option<RestoredScopes>,
    /// What is wrong first, as a sentence without personal data.
    pub first_difference: Option<String>,
    /// How many sealed bytes were read.
    pub bytes_read: u64,
}

/// Reads every segment again and compares lengths and digests with the manifest.
///
/// # Errors
/// Errors of the store, and a manifest that cannot be opened; bad segments are in the report.
pub async fn verify_digests(location: Location) -> Result<DigestReport> {
    let snapshot = Snapshot::open(location).await?;
    let mut report =
        DigestReport { passed: true, segments: 0, bytes_read: 0, first_difference: None };
    for segment in &snapshot.manifest().segments {
        report.segments += 1;
        match check_segment(&snapshot, segment).await {
            Ok(()) => {}
            Err(error) if error.is_damage() => {
                report.passed = false;
                report.first_difference = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    report.bytes_read = snapshot.store().bytes_read();
    Ok(report)
}

async fn check_segment(snapshot: &Snapshot, segment: &Segment) -> Result<()> {
    let path = Path::from(segment.path.as_str());
    let different =
        |why: &str| Damage::Different { path: segment.path.clone(), why: why.to_owned() };
    let result = snapshot.store().get(&path).await?;
    if result.meta.size != segment.plain_size_bytes {
        return Err(different("its length differs").into());
    }
    let mut hasher = blake3::Hasher::new();
    let mut chunks = result.into_stream();
    while let Some(chunk) = chunks.try_next().await? {
        hasher.update(&chunk);
    }
    if hasher.finalize().to_hex().as_str() != segment.blake3 {
        return Err(different("its digest differs").into());
    }
    Ok(())
}

/// Restores a snapshot in isolation: checks every segment, reads the raw records by the read map
/// as if for the first time, and compares counts, digests and documents. A snapshot that is damaged
/// gives a report that says FAILED and why.
///
/// # Errors
/// Only errors of the store or the machine, which say nothing about the snapshot.
pub async fn restore_test(location: Location, read_map: &dyn ReadMap) -> Result<RestoreReport> {
    let mut report = RestoreReport {
        passed: false,
        kinds: Vec::new(),
        scopes: None,
        first_difference: None,
        bytes_read: 0,
    };
    let snapshot = match Snapshot::open(location).await {
        Ok(snapshot) => snapshot,
        Err(error) if error.is_damage() => {
            report.first_difference = Some(error.to_string());
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    match restore(&snapshot, read_map, &mut report).await {
        Ok(difference) => report.first_difference = difference,
        Err(error) if error.is_damage() => report.first_difference = Some(error.to_string()),
        Err(error) => return Err(error),
    }
    report.passed = report.first_difference.is_none();
    report.bytes_read = snapshot.store().bytes_read();
    Ok(report)
}

/// The first difference, none when there is none.
async fn restore(
    snapshot: &Snapshot,
    read_map: &dyn ReadMap,
    report: &mut RestoreReport,
) -> Result<Option<String>> {
    for segment in &snapshot.manifest().segments {
        check_segment(snapshot, segment).await?;
    }
    let mut difference = None;
    if let Some(facts) = &snapshot.manifest().scopes {
        difference = restore_scopes(snapshot, facts, read_map, report).await?;
    }
    for (kind, facts) in &snapshot.manifest().kinds {
        if difference.is_some() {
            break;
        }
        difference = restore_kind(snapshot, *kind, facts, read_map, report).await?;
    }
    let made_with = &snapshot.manifest().header.read_map_version;
    let note = if made_with == read_map.version() {
        String::new()
    } else {
        format!(" (made with read map {made_with}, tested with {})", read_map.version())
    };
    Ok(difference.map(|difference| format!("{difference}{note}")))
}

async fn restore_scopes(
    snapshot: &Snapshot,
    facts: &ScopeFacts,
    read_map: &dyn ReadMap,
    report: &mut RestoreReport,
) -> Result<Option<String>> {
    let (mut raw, mut raw_hasher) = (Vec::new(), blake3::Hasher::new());
    let mut lines = snapshot.raw_scope_lines();
    while let Some(line) = lines.try_next().await? {
        raw_hasher.update(line.hash.as_bytes());
        raw.push(line.record);
    }
    let raw_count = u64::try_from(raw.len()).unwrap_or(u64::MAX);
    if raw_count != facts.raw || raw_hasher.finalize().to_hex().as_str() != facts.raw_digest {
        return Ok(Some("what the source said about scopes differs".to_owned()));
    }
    let tree = match read_map.scopes(&raw) {
        Ok(tree) => tree,
        Err(cause) => return Ok(Some(format!("the scopes cannot be made again: {cause}"))),
    };
    let made = scopes::Canonical::of(&tree)?;
    let stored = snapshot.scope_rows().await?;
    report.scopes = Some(RestoredScopes {
        scopes_expected: facts.scopes,
        scopes_restored: u64::try_from(made.documents.len()).unwrap_or(u64::MAX),
        digest_expected: facts.scopes_digest.clone(),
        digest_restored: made.digest.clone(),
    });
    let same = made.digest == facts.scopes_digest
        && stored.len() == made.documents.len()
        && stored.iter().zip(&made.documents).all(|(row, it)| row.document == it.document);
    Ok((!same).then(|| "the scopes differ from what the source said".to_owned()))
}

async fn restore_kind(
    snapshot: &Snapshot,
    kind: Kind,
    facts: &KindFacts,
    read_map: &dyn ReadMap,
    report: &mut RestoreReport,
) -> Result<Option<String>> {
    let mut canonicaliser = Canonicaliser::new(kind);
    let mut stored = StoredRows { snapshot, kind, next: 0, rows: Vec::new().into_iter() };
    let mut raw_hasher = blake3::Hasher::new();
    let mut raw_records = 0_u64;
    let mut difference = None;
    let mut lines = snapshot.raw_lines(kind);
    while let Some(line) = lines.try_next().await? {
        raw_hasher.update(line.hash.as_bytes());
        raw_records += 1;
        if let Ok(canonical) = canonicaliser.read(&line.record, read_map)
            && difference.is_none()
        {
            let row = stored.next().await?;
            difference = row_difference(kind, row, &canonical.document, &canonical.hash);
        }
        if raw_records.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
    }
    report.kinds.push(RestoredKind {
        kind,
        records_expected: facts.records,
        records_restored: canonicaliser.records(),
        digest_expected: facts.records_digest.clone(),
        digest_restored: canonicaliser.digest(),
    });
    if difference.is_none() && stored.next().await?.is_some() {
        difference = Some(format!("table {kind} has more records than the raw segments give"));
    }
    let sums = [
        ("raw records", facts.raw, raw_records),
        ("records", facts.records, canonicaliser.records()),
        ("unreadable records", facts.unreadable, canonicaliser.unreadable() + facts.failures),
    ];
    let count = sums.iter().find(|(_, expected, found)| expected != found);
    let raw_differs = raw_hasher.finalize().to_hex().as_str() != facts.raw_digest;
    Ok(difference
        .or_else(|| {
            count.map(|(what, expected, found)| {
                format!("{kind}: {found} {what} restored, {expected} expected")
            })
        })
        .or_else(|| raw_differs.then(|| format!("{kind}: the digest of the raw records differs")))
        .or_else(|| {
            (canonicaliser.digest() != facts.records_digest)
                .then(|| format!("{kind}: the digest of the records differs"))
        }))
}

fn row_difference(
    kind: Kind,
    row: Option<DocumentRow>,
    document: &str,
    hash: &str,
) -> Option<String> {
    let Some(row) = row else {
        return Some(format!("table {kind} has fewer records than the raw segments give"));
    };
    let ordinal = row.ordinal;
    if row.hash != hash {
        return Some(format!("{kind} {ordinal}: the hash differs from that of the raw record"));
    }
    (row.document != document)
        .then(|| format!("{kind} {ordinal}: the document differs from the raw record"))
}

/// The rows of a root table one after the other.
struct StoredRows<'a> {
    snapshot: &'a Snapshot,
    kind: Kind,
    next: u64,
    rows: std::vec::IntoIter<DocumentRow>,
}

impl StoredRows<'_> {
    async fn next(&mut self) -> Result<Option<DocumentRow>, SnapshotError> {
        if let Some(row) = self.rows.next() {
            return Ok(Some(row));
        }
        let range = self.next..self.next + ROWS_PER_READ;
        let rows = self.snapshot.document_rows(self.kind, std::slice::from_ref(&range)).await?;
        self.next += ROWS_PER_READ;
        self.rows = rows.into_iter();
        Ok(self.rows.next())
    }
}
