//! Names segments and puts them into the store, once.

use cartage_model::Kind;
use object_store::{Error, PutMode, PutOptions, PutPayload, path::Path};

use super::{
    DataKey, Location, Result, Segment, SnapshotError,
    frames::{SealedFile, Sealer, SnapshotId},
};

/// A segment grows to about this size before the next one begins.
const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a snapshot's files are named and sealed with.
#[derive(Clone)]
pub(super) struct Files {
    location: Location,
    id: SnapshotId,
    /// The id's beginning stands in every name, so that a writer that begins anew under the same
    /// prefix after a crash never meets the names of the one before.
    mark: String,
    /// When a segment is stored and the next one begins.
    segment_bytes_max: u64,
}

impl Files {
    pub(super) fn new(location: Location, id: SnapshotId) -> Self {
        let mark = hex(&id).chars().take(8).collect();
        Self { location, id, mark, segment_bytes_max: SEGMENT_BYTES_MAX }
    }

    pub(super) fn key(&self) -> &DataKey {
        &self.location.key
    }

    pub(super) fn set_segment_bytes_max(&mut self, bytes: u64) {
        self.segment_bytes_max = bytes;
    }

    pub(super) fn segment_bytes_max(&self) -> u64 {
        self.segment_bytes_max
    }

    pub(super) fn id_text(&self) -> String {
        hex(&self.id)
    }

    /// The path of the `number`th segment.
    pub(super) fn path(&self, kind: Option<Kind>, table: Option<&str>, number: usize) -> Path {
        let mark = &self.mark;
        let kind = kind.map_or("scope", Kind::as_str);
        match table {
            None => Path::from(format!("raw/{kind}/{number:05}-{mark}.jsonl.zst")),
            Some(table) => Path::from(format!("tables/{table}/{kind}-{number:05}-{mark}.parquet")),
        }
    }

    pub(super) fn sealer(&self, path: &Path) -> Result<Sealer> {
        Sealer::new(self.key(), &self.id, path.as_ref())
    }

    /// Stores a sealed file; what stands there already is never overwritten.
    pub(super) async fn put(&self, path: &Path, file: SealedFile) -> Result<()> {
        let sealed: Path = self.location.prefix.parts().chain(path.parts()).collect();
        let payload: PutPayload = file.chunks.into_iter().collect();
        let options = PutOptions::from(PutMode::Create);
        match self.location.store.put_opts(&sealed, payload, options).await {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { path, .. }) => Err(SnapshotError::Exists(path)),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores a segment and says what the manifest keeps of it.
    pub(super) async fn put_segment(
        &self,
        path: &Path,
        kind: Option<Kind>,
        table: Option<&str>,
        rows: u64,
        file: SealedFile,
    ) -> Result<Segment> {
        let segment = Segment {
            path: path.to_string(),
            kind,
            table: table.map(str::to_owned),
            size_bytes: file.size_bytes,
            plain_size_bytes: file.plain_size_bytes,
            rows,
            blake3: file.blake3.clone(),
        };
        self.put(path, file).await?;
        Ok(segment)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
