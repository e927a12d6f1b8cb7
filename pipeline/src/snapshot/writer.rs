//! Writes a snapshot, page by page.
//!
//! Memory is bounded by two full segments of bytes that wait to be stored (128 MiB), one page, and
//! the ids of [`super::canonical`].

use std::collections::BTreeMap;

use cartage_model::{Kind, RawFailure, RawRecord, RawScope, ReadMap, ScopeTree, Unreadable};
use futures::TryFutureExt;
use object_store::ObjectStoreExt;

use super::{
    Header, KindFacts, Location, Manifest, Result, SnapshotError,
    canonical::Canonicaliser,
    frames::SnapshotId,
    key::random_bytes,
    manifest::{FORMAT_VERSION, manifest_path},
    presence::Presence,
    raw::RawWriter,
    scopes::{self, WrittenScopes},
    segment::Files,
    table_writer::TableWriter,
    tables::{self, Cell, Rows, Table, UNREADABLE},
};

/// When as many full segments wait, in pieces, the biggest open one is stored before it is full.
const SEGMENTS_WAITING_MAX: u64 = 2;
/// After so many records other tasks get a turn.
const RECORDS_PER_TURN: usize = 64;

/// What became of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageReport {
    /// Records that became canonical.
    pub records: u64,
    /// Records that did not, with the failures of the page.
    pub unreadable: u64,
}

/// The tables of one kind.
struct Tables {
    files: Files,
    kind: Kind,
    writers: BTreeMap<&'static str, TableWriter>,
}

impl Rows for Tables {
    fn push(&mut self, table: &'static Table, cells: &[Cell<'_>]) -> Result<()> {
        self.writers
            .entry(table.name)
            .or_insert_with(|| TableWriter::new(self.files.clone(), Some(self.kind), table))
            .push(cells)
    }
}

struct KindWriter {
    raw: RawWriter,
    tables: Tables,
    canonicaliser: Canonicaliser,
    presence: Presence,
    failures: u64,
}

impl KindWriter {
    fn new(files: &Files, kind: Kind) -> Self {
        Self {
            raw: RawWriter::new(files.clone(), Some(kind)),
            tables: Tables { files: files.clone(), kind, writers: BTreeMap::new() },
            canonicaliser: Canonicaliser::new(kind),
            presence: Presence::default(),
            failures: 0,
        }
    }

    fn unreadable(&self) -> u64 {
        self.failures + self.canonicaliser.unreadable()
    }

    fn write_record(&mut self, raw: &RawRecord, read_map: &dyn ReadMap) -> Result<()> {
        self.raw.write(raw)?;
        let (ordinal, unreadable) = (self.canonicaliser.records(), self.unreadable());
        match self.canonicaliser.read(raw, read_map) {
            Ok(canonical) => {
                let value = serde_json::to_value(&canonical.record)?;
                self.presence.note(&value);
                tables::push_record(&mut self.tables, ordinal, &canonical, &value)
            }
            Err(cause) => self.write_unreadable(unreadable, &raw.source_id, &cause),
        }
    }

    fn write_failure(&mut self, failure: &RawFailure) -> Result<()> {
        let ordinal = self.unreadable();
        self.failures += 1;
        self.write_unreadable(ordinal, &failure.source_id, &failure.cause)
    }

    fn write_unreadable(&mut self, ordinal: u64, id: &str, cause: &Unreadable) -> Result<()> {
        let kind = self.tables.kind.as_str();
        let cells = [
            Cell::from(ordinal),
            Cell::from(kind),
            Cell::from(id),
            Cell::from(&cause.reason),
            Cell::from(&cause.field),
            Cell::from(&cause.message),
        ];
        self.tables.push(&UNREADABLE, &cells)
    }

    async fn store_full(&mut self) -> Result<()> {
        if self.raw.is_full() {
            self.raw.roll().await?;
        }
        for writer in self.tables.writers.values_mut().filter(|writer| writer.is_full()) {
            writer.roll().await?;
        }
        Ok(())
    }

    fn waiting_bytes(&self) -> u64 {
        let tables: u64 = self.tables.writers.values().map(TableWriter::waiting_bytes).sum();
        self.raw.waiting_bytes().saturating_add(tables)
    }

    /// Stores the biggest open segment.
    async fn store_biggest(&mut self) -> Result<()> {
        let raw = self.raw.waiting_bytes();
        let biggest = self.tables.writers.values_mut().max_by_key(|writer| writer.waiting_bytes());
        match biggest.filter(|writer| writer.waiting_bytes() > raw) {
            Some(writer) => writer.roll().await,
            None => self.raw.roll().await,
        }
    }
}

/// Writes one snapshot.
pub struct SnapshotWriter {
    files: Files,
    id: SnapshotId,
    header: Header,
    kinds: BTreeMap<Kind, KindWriter>,
    scopes: Option<WrittenScopes>,
}

impl SnapshotWriter {
    /// Begins a snapshot. What an earlier writer left there unfinished is not touched and not
    /// counted: its files have other names.
    ///
    /// # Errors
    /// [`SnapshotError::Exists`] when a finished snapshot stands there already.
    pub async fn create(location: Location, header: Header) -> Result<Self> {
        let manifest = location.prefix.parts().chain(manifest_path().parts()).collect();
        match location.store.head(&manifest).await {
            Ok(_) => return Err(SnapshotError::Exists(location.prefix.to_string())),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let id: SnapshotId = random_bytes()?;
        Ok(Self {
            files: Files::new(location, id),
            id,
            header,
            kinds: BTreeMap::new(),
            scopes: None,
        })
    }

    /// Stores segments at another size than 64 MiB, for stores with a lower bound and for tests.
    /// Called before the first page.
    #[must_use]
    pub fn with_segment_bytes_max(mut self, bytes: u64) -> Self {
        self.files.set_segment_bytes_max(bytes);
        self
    }

    /// Writes the shop's scopes: what the source said about them, and the tree the read map makes
    /// of it. Called once; what an earlier call wrote would not be counted.
    ///
    /// # Errors
    /// [`SnapshotError::ScopesUnreadable`] where they make no tree; errors of the store.
    pub async fn write_scopes(
        &mut self,
        raw: &[RawScope],
        read_map: &dyn ReadMap,
    ) -> Result<ScopeTree> {
        let tree = read_map.scopes(raw).map_err(SnapshotError::ScopesUnreadable)?;
        self.scopes = Some(scopes::write(&self.files, raw, &tree).await?);
        Ok(tree)
    }

    /// Writes a page of one kind: each record raw, and canonical where the read map can read it.
    /// Pages are written in the source's order; a record's place in its kind follows from it.
    ///
    /// # Errors
    /// [`SnapshotError::KindMixed`] before anything of the page is written; errors of the store.
    pub async fn write_page(
        &mut self,
        kind: Kind,
        records: &[RawRecord],
        failures: &[RawFailure],
        read_map: &dyn ReadMap,
    ) -> Result<PageReport> {
        let mut kinds = records.iter().map(|it| it.kind).chain(failures.iter().map(|it| it.kind));
        if let Some(found) = kinds.find(|found| *found != kind) {
            return Err(SnapshotError::KindMixed {
                expected: kind.to_string(),
                found: found.to_string(),
            });
        }
        let files = &self.files;
        let writer = self.kinds.entry(kind).or_insert_with(|| KindWriter::new(files, kind));
        let before = (writer.canonicaliser.records(), writer.unreadable());
        for chunk in records.chunks(RECORDS_PER_TURN) {
            for raw in chunk {
                writer.write_record(raw, read_map)?;
            }
            writer.store_full().await?;
            tokio::task::yield_now().await;
        }
        for failure in failures {
            writer.write_failure(failure)?;
        }
        let after = (writer.canonicaliser.records(), writer.unreadable());
        self.bound_memory().await?;
        Ok(PageReport { records: after.0 - before.0, unreadable: after.1 - before.1 })
    }

    async fn bound_memory(&mut self) -> Result<()> {
        let most = self.files.segment_bytes_max().saturating_mul(SEGMENTS_WAITING_MAX);
        while self.kinds.values().map(KindWriter::waiting_bytes).sum::<u64>() > most {
            let Some(biggest) = self.kinds.values_mut().max_by_key(|kind| kind.waiting_bytes())
            else {
                break;
            };
            biggest.store_biggest().await?;
        }
        Ok(())
    }

    /// Stores what is open, then the manifest. Only now there is a snapshot.
    ///
    /// # Errors
    /// [`SnapshotError::Exists`] when another writer was first; errors of the store.
    pub async fn finish(self) -> Result<Manifest> {
        let mut manifest = Manifest {
            format_version: FORMAT_VERSION,
            snapshot_id: self.files.id_text(),
            header: self.header,
            kinds: BTreeMap::new(),
            scopes: None,
            segments: Vec::new(),
        };
        if let Some(written) = self.scopes {
            manifest.scopes = Some(written.facts);
            manifest.segments.extend(written.segments);
        }
        for (kind, writer) in self.kinds {
            let unreadable = writer.unreadable();
            let (segments, raw, raw_digest) = writer.raw.finish().await?;
            manifest.segments.extend(segments);
            for (_, table) in writer.tables.writers {
                manifest.segments.extend(table.finish().await?);
            }
            let facts = KindFacts {
                records: writer.canonicaliser.records(),
                unreadable,
                failures: writer.failures,
                raw,
                records_digest: writer.canonicaliser.digest(),
                raw_digest,
                fields: writer.presence.into_counts(),
            };
            manifest.kinds.insert(kind, facts);
        }
        let path = manifest_path();
        let mut sealer = self.files.sealer(&path)?;
        std::io::Write::write_all(&mut sealer, &serde_json::to_vec(&manifest)?)?;
        self.files.put(&path, sealer.finish()?).map_ok(|()| manifest).await
    }

    /// The snapshot's own random id, as the manifest will say it.
    pub fn id(&self) -> String {
        super::segment::hex(&self.id)
    }
}
