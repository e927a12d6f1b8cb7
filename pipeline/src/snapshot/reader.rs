//! Reads a snapshot: its manifest, its records by place or id, its unreadable and raw records.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use cartage_model::{Kind, RawRecord, RawScope, ScopeTree};
use datafusion::{
    arrow::array::RecordBatch,
    common::TableReference,
    parquet::{
        arrow::{
            ProjectionMask,
            arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection},
            async_reader::ParquetRecordBatchStreamBuilder,
        },
        file::metadata::PageIndexPolicy,
    },
    prelude::{SessionContext, ident, lit},
};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::ObjectStoreExt;

use super::{
    Damage, Location, Manifest, QueryLimits, RecordHead, Result, SealedStore, Segment,
    SnapshotError, StoredRecord, UnreadableRecord,
    document::{DocumentRow, document_rows, heads, unreadable_rows},
    manifest::{FORMAT_VERSION, FORMAT_VERSION_MIN, manifest_path},
    raw, scopes,
    sealed_parquet::SealedParquet,
    segment::hex,
    session,
    tables::{SCOPE, UNREADABLE},
};

const DOCUMENT_COLUMNS: [&str; 4] = ["ordinal", "source_id", "record_hash", "document"];
const HEAD_COLUMNS: [&str; 3] = ["ordinal", "source_id", "record_hash"];
const BATCH_ROWS: usize = 256;

/// A finished snapshot. Cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    store: SealedStore,
    manifest: Arc<Manifest>,
    limits: Arc<QueryLimits>,
    footers: Arc<Mutex<HashMap<String, ArrowReaderMetadata>>>,
}

impl Snapshot {
    /// Opens a snapshot with the usual limits for queries.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] when the manifest is missing, damaged or sealed with another
    /// key; [`SnapshotError::FormatUnknown`].
    pub async fn open(location: Location) -> Result<Self> {
        Self::open_with(location, QueryLimits::default()).await
    }

    /// Opens a snapshot with limits of the caller's.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(location: Location, limits: QueryLimits) -> Result<Self> {
        let store = SealedStore::new(location.store, location.prefix, location.key, None);
        let path = manifest_path();
        let bytes = store.get(&path).await?.bytes().await?;
        let manifest: Manifest = serde_json::from_slice(&bytes)?;
        if !(FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&manifest.format_version) {
            let (found, known) = (manifest.format_version, FORMAT_VERSION);
            return Err(SnapshotError::FormatUnknown { found, known });
        }
        let id = store.id_of(&path).await?;
        if hex(&id) != manifest.snapshot_id {
            return Err(Damage::Foreign { path: path.to_string() }.into());
        }
        Ok(Self {
            store: store.of_snapshot(id),
            manifest: Arc::new(manifest),
            limits: Arc::new(limits),
            footers: Arc::default(),
        })
    }

    /// What the snapshot holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Up to `count_max` records of a kind from `first_ordinal` on, in order. It reads only the
    /// row groups they lie in; none are left when fewer come back.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`]; errors of the store.
    pub async fn records(
        &self,
        kind: Kind,
        first_ordinal: u64,
        count_max: u64,
    ) -> Result<Vec<StoredRecord>> {
        let end = first_ordinal.saturating_add(count_max);
        let rows = self.document_rows(kind, std::slice::from_ref(&(first_ordinal..end))).await?;
        rows.into_iter().map(DocumentRow::into_record).collect()
    }

    /// Up to `count_max` heads of records of a kind from `first_ordinal` on, in order; none are left
    /// when fewer come back. The records themselves are not read.
    ///
    /// # Errors
    /// As [`Self::records`].
    pub async fn heads(
        &self,
        kind: Kind,
        first_ordinal: u64,
        count_max: u64,
    ) -> Result<Vec<RecordHead>> {
        let range = first_ordinal..first_ordinal.saturating_add(count_max);
        let columns = Some(HEAD_COLUMNS.as_slice());
        let ranges = std::slice::from_ref(&range);
        let mut found = Vec::new();
        for batch in self.rows(Some(kind), kind.as_str(), columns, ranges).await? {
            found.extend(heads(&batch)?);
        }
        Ok(found)
    }

    /// The records of a kind at some ordinals, which ascend.
    ///
    /// # Errors
    /// As [`Self::records`].
    pub async fn records_at(&self, kind: Kind, ordinals: &[u64]) -> Result<Vec<StoredRecord>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for ordinal in ordinals {
            match ranges.last_mut().filter(|range| range.end == *ordinal) {
                Some(range) => range.end += 1,
                None => ranges.push(*ordinal..ordinal.saturating_add(1)),
            }
        }
        let rows = self.document_rows(kind, &ranges).await?;
        rows.into_iter().map(DocumentRow::into_record).collect()
    }

    /// Up to `count` records of a kind, spread evenly over it, the same ones every time.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`]; errors of the store.
    pub async fn sample(&self, kind: Kind, count: u64) -> Result<Vec<StoredRecord>> {
        let all = self.manifest.records(kind);
        let count = count.min(all);
        let place = |index: u64| {
            let product = u128::from(index) * u128::from(all) / u128::from(count.max(1));
            u64::try_from(product).unwrap_or(u64::MAX)
        };
        let ranges: Vec<Range<u64>> = (0..count).map(place).map(|first| first..first + 1).collect();
        let rows = self.document_rows(kind, &ranges).await?;
        rows.into_iter().map(DocumentRow::into_record).collect()
    }

    /// The record with a source id.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`]; errors of the store.
    pub async fn find(&self, kind: Kind, source_id: &str) -> Result<Option<StoredRecord>> {
        let batches = self
            .session()
            .await?
            .table(TableReference::bare(kind.as_str()))
            .await?
            .filter(ident("source_id").eq(lit(source_id)))?
            .select(DOCUMENT_COLUMNS.map(ident))?
            .collect()
            .await?;
        for batch in batches {
            if let Some(row) = document_rows(&batch)?.into_iter().next() {
                return row.into_record().map(Some);
            }
        }
        Ok(None)
    }

    /// Up to `count_max` unreadable records of a kind from `first_ordinal` on, in order.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`]; errors of the store.
    pub async fn unreadable(
        &self,
        kind: Kind,
        first_ordinal: u64,
        count_max: u64,
    ) -> Result<Vec<UnreadableRecord>> {
        let range = first_ordinal..first_ordinal.saturating_add(count_max);
        let batches =
            self.rows(Some(kind), UNREADABLE.name, None, std::slice::from_ref(&range)).await?;
        let mut records = Vec::new();
        for batch in batches {
            records.extend(unreadable_rows(kind, &batch)?);
        }
        Ok(records)
    }

    /// The raw records of a kind, as the platform said them, in order.
    pub fn raw(&self, kind: Kind) -> BoxStream<'static, Result<RawRecord>> {
        self.raw_lines(kind).map_ok(|line| line.record).boxed()
    }

    pub(super) fn raw_lines(
        &self,
        kind: Kind,
    ) -> BoxStream<'static, Result<raw::RawLine<RawRecord>>> {
        self.raw_segments(Some(kind))
    }

    fn raw_segments<T: serde::de::DeserializeOwned + Send + 'static>(
        &self,
        kind: Option<Kind>,
    ) -> BoxStream<'static, Result<raw::RawLine<T>>> {
        let segments: Vec<Segment> = self.manifest.segments_of(kind, None).cloned().collect();
        raw::read(self.store.clone(), segments)
    }

    /// The parts the shop has, along which values are inherited
    /// ([`cartage_model::Scoped::effective`]). A snapshot of format 1 says nothing about them: its
    /// tree is the shop alone.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`]; errors of the store.
    pub async fn scopes(&self) -> Result<ScopeTree> {
        scopes::tree(&self.scope_rows().await?)
    }

    /// What the source said about its parts, in order.
    pub fn raw_scopes(&self) -> BoxStream<'static, Result<RawScope>> {
        self.raw_scope_lines().map_ok(|line| line.record).boxed()
    }

    pub(super) fn raw_scope_lines(&self) -> BoxStream<'static, Result<raw::RawLine<RawScope>>> {
        self.raw_segments(None)
    }

    /// The rows of the scopes' table.
    pub(super) async fn scope_rows(&self) -> Result<Vec<DocumentRow>> {
        let columns = Some(DOCUMENT_COLUMNS.as_slice());
        let all = 0..self.manifest.scopes.as_ref().map_or(0, |facts| facts.scopes);
        let mut rows = Vec::new();
        for batch in self.rows(None, SCOPE.name, columns, std::slice::from_ref(&all)).await? {
            rows.extend(document_rows(&batch)?);
        }
        Ok(rows)
    }

    /// A DataFusion session with every canonical table, and the table `snapshot` of one row.
    pub(crate) async fn session(&self) -> Result<SessionContext> {
        session::session(&self.store, &self.manifest, &self.limits).await
    }

    pub(super) fn store(&self) -> &SealedStore {
        &self.store
    }

    /// The rows of a kind's root table in ranges of ordinals.
    pub(super) async fn document_rows(
        &self,
        kind: Kind,
        ordinals: &[Range<u64>],
    ) -> Result<Vec<DocumentRow>> {
        let columns = Some(DOCUMENT_COLUMNS.as_slice());
        let mut rows = Vec::new();
        for batch in self.rows(Some(kind), kind.as_str(), columns, ordinals).await? {
            rows.extend(document_rows(&batch)?);
        }
        Ok(rows)
    }

    /// Reads ranges of a table whose rows lie in the order of their ordinals.
    async fn rows(
        &self,
        kind: Option<Kind>,
        table: &str,
        columns: Option<&[&str]>,
        ordinals: &[Range<u64>],
    ) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        let mut first = 0_u64;
        for segment in self.manifest.segments_of(kind, Some(table)) {
            let end = first + segment.rows;
            let wanted: Vec<Range<usize>> = ordinals
                .iter()
                .map(|range| range.start.max(first)..range.end.min(end))
                .filter(|range| range.start < range.end)
                .map(|range| usize_of(range.start - first)..usize_of(range.end - first))
                .collect();
            if !wanted.is_empty() {
                let selection = RowSelection::from_consecutive_ranges(
                    wanted.into_iter(),
                    usize_of(segment.rows),
                );
                batches.extend(self.segment_rows(segment, columns, selection).await?);
            }
            first = end;
        }
        Ok(batches)
    }

    async fn segment_rows(
        &self,
        segment: &Segment,
        columns: Option<&[&str]>,
        selection: RowSelection,
    ) -> Result<Vec<RecordBatch>> {
        let mut reader = SealedParquet::new(self.store.clone(), segment);
        let footer = self.footer(segment, &mut reader).await?;
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, footer);
        let mask = match columns {
            Some(names) => ProjectionMask::columns(builder.parquet_schema(), names.iter().copied()),
            None => ProjectionMask::all(),
        };
        let stream = builder
            .with_projection(mask)
            .with_row_selection(selection)
            .with_batch_size(BATCH_ROWS)
            .build()?;
        Ok(stream.try_collect().await?)
    }

    /// A segment's footer, read once.
    async fn footer(
        &self,
        segment: &Segment,
        reader: &mut SealedParquet,
    ) -> Result<ArrowReaderMetadata> {
        let known = {
            let footers = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
            footers.get(&segment.path).cloned()
        };
        if let Some(footer) = known {
            return Ok(footer);
        }
        // With the page index a single record costs a page, not a row group.
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let footer = ArrowReaderMetadata::load_async(reader, options).await?;
        let mut footers = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
        footers.insert(segment.path.clone(), footer.clone());
        Ok(footer)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({})", self.manifest.snapshot_id)
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
