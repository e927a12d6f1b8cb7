//! A read-only object store that shows a snapshot's sealed files as plain ones.
//!
//! A range read fetches and opens only the frames it touches, which is what lets Parquet readers
//! and DataFusion work on sealed tables. Paths are below the snapshot's prefix.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, path::Path,
};

use super::{
    Damage, DataKey,
    frames::{HEAD_BYTES, Opener, SnapshotId, length},
};

/// Frames opened at once: 4 MiB.
const FRAMES_PER_READ: u64 = 64;

struct OpenFile {
    opener: Opener,
    meta: ObjectMeta,
}

/// Shows the sealed files below a prefix as plain ones. It refuses every write.
#[derive(Clone)]
pub struct SealedStore {
    inner: Arc<dyn ObjectStore>,
    prefix: Path,
    key: DataKey,
    /// None while the manifest, which says it, is being read.
    id: Option<SnapshotId>,
    open_files: Arc<Mutex<HashMap<Path, Arc<OpenFile>>>>,
    bytes_read: Arc<AtomicU64>,
}

impl SealedStore {
    pub(super) fn new(
        inner: Arc<dyn ObjectStore>,
        prefix: Path,
        key: DataKey,
        id: Option<SnapshotId>,
    ) -> Self {
        Self { inner, prefix, key, id, open_files: Arc::default(), bytes_read: Arc::default() }
    }

    /// The same files, of one snapshot only.
    pub(super) fn of_snapshot(mut self, id: SnapshotId) -> Self {
        self.id = Some(id);
        self.open_files = Arc::default();
        self
    }

    /// How many sealed bytes were fetched so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Whose file this is.
    pub(super) async fn id_of(&self, location: &Path) -> Result<SnapshotId> {
        Ok(self.open_file(location).await?.opener.id())
    }

    fn sealed_path(&self, location: &Path) -> Path {
        self.prefix.parts().chain(location.parts()).collect()
    }

    fn plain_path(&self, sealed: &Path) -> Option<Path> {
        Some(sealed.prefix_match(&self.prefix)?.collect())
    }

    async fn fetch(&self, location: &Path, range: Range<u64>) -> Result<Bytes> {
        let bytes = self
            .inner
            .get_range(&self.sealed_path(location), range.clone())
            .await
            .map_err(|error| missing(error, location))?;
        self.bytes_read.fetch_add(length(&bytes), Ordering::Relaxed);
        Ok(bytes)
    }

    async fn open_file(&self, location: &Path) -> Result<Arc<OpenFile>> {
        let known = {
            let files = self.open_files.lock().unwrap_or_else(PoisonError::into_inner);
            files.get(location).cloned()
        };
        if let Some(file) = known {
            return Ok(file);
        }
        let mut meta = self
            .inner
            .head(&self.sealed_path(location))
            .await
            .map_err(|error| missing(error, location))?;
        if meta.size < HEAD_BYTES {
            let path = location.to_string();
            return Err(Damage::Cut { path, size_bytes: meta.size }.into());
        }
        let head = self.fetch(location, 0..HEAD_BYTES).await?;
        let opener = Opener::new(&self.key, self.id.as_ref(), location.as_ref(), &head, meta.size)?;
        meta.location = location.clone();
        meta.size = opener.plain_size_bytes();
        let file = Arc::new(OpenFile { opener, meta });
        let mut files = self.open_files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(location.clone(), Arc::clone(&file));
        Ok(file)
    }

    /// The plain bytes of a range, a few MiB at a time.
    fn plain(&self, file: Arc<OpenFile>, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        let store = self.clone();
        let frames = file.opener.frames_of(&range);
        let starts =
            (frames.start..frames.end).step_by(usize::try_from(FRAMES_PER_READ).unwrap_or(1));
        stream::iter(starts)
            .then(move |first| {
                let (store, file, range) = (store.clone(), Arc::clone(&file), range.clone());
                let last = (first + FRAMES_PER_READ).min(frames.end);
                async move { store.plain_frames(&file, first..last, &range).await }
            })
            .boxed()
    }

    async fn plain_frames(
        &self,
        file: &OpenFile,
        frames: Range<u64>,
        wanted: &Range<u64>,
    ) -> Result<Bytes> {
        let sealed = self.fetch(&file.meta.location, file.opener.sealed_range(&frames)).await?;
        let plain = Bytes::from(file.opener.open(frames.start, &sealed)?);
        let offset = frames.start * super::frames::FRAME_BYTES;
        let end = offset + length(&plain);
        let from = wanted.start.clamp(offset, end) - offset;
        let to = wanted.end.clamp(offset, end) - offset;
        let cut = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        Ok(cut.map_or_else(Bytes::new, |(from, to)| plain.slice(from..to)))
    }
}

fn missing(error: Error, location: &Path) -> Error {
    match error {
        Error::NotFound { .. } => Damage::Missing { path: location.to_string() }.into(),
        other => other,
    }
}

fn read_only() -> Error {
    Error::NotSupported { source: "a snapshot is written once and never changed".into() }
}

#[async_trait]
impl ObjectStore for SealedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let file = self.open_file(location).await?;
        options.check_preconditions(&file.meta)?;
        let size = file.meta.size;
        let range = match &options.range {
            _ if options.head => 0..0,
            None => 0..size,
            Some(range) => range
                .as_range(size)
                .map_err(|error| Error::Generic { store: "sealed", source: Box::new(error) })?,
        };
        let payload = if options.head {
            stream::empty().boxed()
        } else {
            self.plain(Arc::clone(&file), range.clone())
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(payload),
            meta: file.meta.clone(),
            range,
            attributes: Attributes::default(),
        })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        let below = prefix.map_or_else(|| self.prefix.clone(), |path| self.sealed_path(path));
        self.inner
            .list(Some(&below))
            .then(move |meta| {
                let store = store.clone();
                async move {
                    let meta = meta?;
                    let location = store.plain_path(&meta.location).unwrap_or(meta.location);
                    Ok(store.open_file(&location).await?.meta.clone())
                }
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let below = prefix.map_or_else(|| self.prefix.clone(), |path| self.sealed_path(path));
        let sealed = self.inner.list_with_delimiter(Some(&below)).await?;
        let common_prefixes =
            sealed.common_prefixes.iter().filter_map(|path| self.plain_path(path)).collect();
        let mut objects = Vec::with_capacity(sealed.objects.len());
        for meta in sealed.objects {
            let location = self.plain_path(&meta.location).unwrap_or(meta.location);
            objects.push(self.open_file(&location).await?.meta.clone());
        }
        Ok(ListResult { common_prefixes, objects })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only())
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| Err(read_only())).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}

impl fmt::Debug for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedStore({})", self.prefix)
    }
}

impl fmt::Display for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
