//! Raw segments: JSON Lines of raw records, or of what was said about scopes, packed with zstd,
//! sealed.

use std::{collections::VecDeque, io::Write};

use cartage_model::Kind;
use futures::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{ObjectStoreExt, path::Path};
use serde::{Serialize, de::DeserializeOwned};

use super::{Damage, Result, SealedStore, Segment, SnapshotError, frames::Sealer, segment::Files};

const ZSTD_LEVEL: i32 = 3;

struct OpenSegment {
    path: Path,
    encoder: zstd::stream::write::Encoder<'static, Sealer>,
    rows: u64,
}

/// Writes the raw segments of one kind, or of the shop's scopes.
pub(super) struct RawWriter {
    files: Files,
    kind: Option<Kind>,
    open: Option<OpenSegment>,
    segments: Vec<Segment>,
    hasher: blake3::Hasher,
    rows: u64,
}

impl RawWriter {
    pub(super) fn new(files: Files, kind: Option<Kind>) -> Self {
        Self {
            files,
            kind,
            open: None,
            segments: Vec::new(),
            hasher: blake3::Hasher::new(),
            rows: 0,
        }
    }

    /// How many sealed bytes wait to be stored.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.encoder.get_ref().size_bytes())
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting_bytes() >= self.files.segment_bytes_max()
    }

    pub(super) fn write(&mut self, record: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(record)?;
        self.hasher.update(blake3::hash(&line).as_bytes());
        line.push(b'\n');
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let path = self.files.path(self.kind, None, self.segments.len());
                let sealer = self.files.sealer(&path)?;
                let encoder = zstd::stream::write::Encoder::new(sealer, ZSTD_LEVEL)?;
                none.insert(OpenSegment { path, encoder, rows: 0 })
            }
        };
        open.encoder.write_all(&line)?;
        open.rows += 1;
        self.rows += 1;
        Ok(())
    }

    /// Ends the open segment and stores it.
    pub(super) async fn roll(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            let file = open.encoder.finish()?.finish()?;
            let segment =
                self.files.put_segment(&open.path, self.kind, None, open.rows, file).await?;
            self.segments.push(segment);
        }
        Ok(())
    }

    /// Stores what is open; returns the segments, the count and the digest.
    pub(super) async fn finish(mut self) -> Result<(Vec<Segment>, u64, String)> {
        self.roll().await?;
        Ok((self.segments, self.rows, self.hasher.finalize().to_hex().to_string()))
    }
}

/// What reading a raw segment keeps between two chunks.
struct Unpacker {
    decoder: zstd::stream::write::Decoder<'static, Vec<u8>>,
    path: String,
}

impl Unpacker {
    fn new(path: String) -> Result<Self> {
        Ok(Self { decoder: zstd::stream::write::Decoder::new(Vec::new())?, path })
    }

    /// Takes in packed bytes and gives the whole lines that came out.
    fn lines<T: DeserializeOwned>(&mut self, packed: &[u8]) -> Result<VecDeque<RawLine<T>>> {
        let damaged = |path: &str, why: String| Damage::Different { path: path.to_owned(), why };
        self.decoder
            .write_all(packed)
            .and_then(|()| self.decoder.flush())
            .map_err(|error| damaged(&self.path, format!("it cannot be unpacked: {error}")))?;
        let plain = self.decoder.get_mut();
        let Some(end) = plain.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(VecDeque::new());
        };
        let rest = plain.split_off(end + 1);
        let whole = std::mem::replace(plain, rest);
        whole
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                let record = serde_json::from_slice(line)
                    .map_err(|_| damaged(&self.path, "a line is no raw record".to_owned()))?;
                Ok(RawLine { record, hash: blake3::hash(line) })
            })
            .collect()
    }
}

/// A raw record and the hash of its line.
pub(super) struct RawLine<T> {
    pub(super) record: T,
    pub(super) hash: blake3::Hash,
}

/// The raw records of segments in order.
pub(super) fn read<T: DeserializeOwned + Send + 'static>(
    store: SealedStore,
    segments: Vec<Segment>,
) -> BoxStream<'static, Result<RawLine<T>>> {
    stream::iter(segments)
        .then(move |segment| {
            let store = store.clone();
            async move { read_segment(&store, segment).await }
        })
        .try_flatten()
        .boxed()
}

async fn read_segment<T: DeserializeOwned>(
    store: &SealedStore,
    segment: Segment,
) -> Result<impl Stream<Item = Result<RawLine<T>>> + use<T>> {
    let chunks = store.get(&Path::from(segment.path.as_str())).await?.into_stream();
    let unpacker = Unpacker::new(segment.path)?;
    let lines = stream::try_unfold((chunks, unpacker), |(mut chunks, mut unpacker)| async move {
        let Some(chunk) = chunks.try_next().await.map_err(SnapshotError::from)? else {
            return Ok::<_, SnapshotError>(None);
        };
        let lines = unpacker.lines(&chunk)?;
        Ok(Some((stream::iter(lines.into_iter().map(Ok)), (chunks, unpacker))))
    });
    Ok(lines.try_flatten())
}
