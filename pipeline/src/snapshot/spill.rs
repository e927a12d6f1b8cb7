//! Where queries put what does not fit into memory: files that are sealed with a key of their own,
//! which lives as long as the session, in a folder of mode 0700 that goes with it.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path as FsPath,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305, XNonce};
use datafusion::{
    error::DataFusionError,
    execution::{SpillFile, SpillWriter, TempFileFactory},
};
use futures::{Stream, stream};
use tempfile::{NamedTempFile, TempDir};

use super::{DataKey, Result};

const FRAME_BYTES: usize = 64 * 1024;
const SEALED_FRAME_BYTES: usize = FRAME_BYTES + 16;

/// Makes sealed spill files up to a number of bytes.
pub(super) struct SpillFolder {
    folder: Arc<TempDir>,
    key: DataKey,
    files: AtomicU64,
    used_bytes: Arc<AtomicU64>,
    bytes_max: u64,
}

impl SpillFolder {
    /// A new folder below `parent`, or below the system's folder for temporary files.
    pub(super) fn new(parent: Option<&FsPath>, bytes_max: u64) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("cartage-spill-");
        let folder = match parent {
            Some(parent) => builder.tempdir_in(parent)?,
            None => builder.tempdir()?,
        };
        Ok(Self {
            folder: Arc::new(folder),
            key: DataKey::generate()?,
            files: AtomicU64::new(0),
            used_bytes: Arc::default(),
            bytes_max,
        })
    }
}

impl TempFileFactory for SpillFolder {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>, DataFusionError> {
        let file = NamedTempFile::new_in(self.folder.path()).map_err(DataFusionError::IoError)?;
        Ok(Arc::new(SealedSpillFile {
            file,
            _folder: Arc::clone(&self.folder),
            sealing: Sealing {
                cipher: XChaCha20Poly1305::new(self.key.as_bytes().into()),
                file: self.files.fetch_add(1, Ordering::Relaxed),
            },
            frames: Arc::default(),
            size_bytes: Arc::default(),
            used_bytes: Arc::clone(&self.used_bytes),
            bytes_max: self.bytes_max,
        }))
    }
}

/// The cipher of one spill file. A frame's nonce is the file's number and its own.
#[derive(Clone)]
struct Sealing {
    cipher: XChaCha20Poly1305,
    file: u64,
}

impl Sealing {
    fn nonce(&self, frame: u64) -> XNonce {
        let mut nonce = XNonce::default();
        let (file, rest) = nonce.split_at_mut(8);
        file.copy_from_slice(&self.file.to_be_bytes());
        let (number, _) = rest.split_at_mut(8);
        number.copy_from_slice(&frame.to_be_bytes());
        nonce
    }
}

struct SealedSpillFile {
    file: NamedTempFile,
    _folder: Arc<TempDir>,
    sealing: Sealing,
    /// The next frame's number: no number is used twice, however often the file is opened.
    frames: Arc<Mutex<u64>>,
    size_bytes: Arc<AtomicU64>,
    used_bytes: Arc<AtomicU64>,
    bytes_max: u64,
}

impl Drop for SealedSpillFile {
    fn drop(&mut self) {
        self.used_bytes.fetch_sub(self.size_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl SpillFile for SealedSpillFile {
    fn size(&self) -> Option<u64> {
        Some(self.size_bytes.load(Ordering::Relaxed))
    }

    fn read_stream(
        &self,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes, DataFusionError>> + Send>>, DataFusionError>
    {
        let file = self.file.reopen().map_err(DataFusionError::IoError)?;
        let reader = BufReader::with_capacity(4 * SEALED_FRAME_BYTES, file);
        let sealing = self.sealing.clone();
        Ok(Box::pin(stream::try_unfold((reader, 0_u64), move |(mut reader, frame)| {
            let sealing = sealing.clone();
            async move {
                let plain = read_frame(&mut reader, &sealing, frame);
                let plain = plain.map_err(DataFusionError::IoError)?;
                Ok(plain.map(|bytes| (bytes, (reader, frame + 1))))
            }
        })))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>, DataFusionError> {
        let file = self.file.as_file().try_clone().map_err(DataFusionError::IoError)?;
        Ok(Box::new(SealedSpillWriter {
            file: BufWriter::new(file),
            pending: Vec::with_capacity(SEALED_FRAME_BYTES),
            sealing: self.sealing.clone(),
            frames: Arc::clone(&self.frames),
            size_bytes: Arc::clone(&self.size_bytes),
            used_bytes: Arc::clone(&self.used_bytes),
            bytes_max: self.bytes_max,
        }))
    }
}

/// Frames carry their sealed length in four bytes, so that a writer may end one early.
fn read_frame(
    reader: &mut BufReader<File>,
    sealing: &Sealing,
    frame: u64,
) -> io::Result<Option<Bytes>> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let damaged = || io::Error::other("a spill file is damaged");
    if length > SEALED_FRAME_BYTES {
        return Err(damaged());
    }
    let mut buffer = vec![0; length];
    reader.read_exact(&mut buffer)?;
    sealing
        .cipher
        .decrypt_in_place(&sealing.nonce(frame), b"", &mut buffer)
        .map_err(|_| damaged())?;
    Ok(Some(Bytes::from(buffer)))
}

struct SealedSpillWriter {
    file: BufWriter<File>,
    pending: Vec<u8>,
    sealing: Sealing,
    frames: Arc<Mutex<u64>>,
    size_bytes: Arc<AtomicU64>,
    used_bytes: Arc<AtomicU64>,
    bytes_max: u64,
}

impl SealedSpillWriter {
    fn seal_pending(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        self.sealing
            .cipher
            .encrypt_in_place(&self.sealing.nonce(*frames), b"", &mut self.pending)
            .map_err(|_| io::Error::other("a spill frame cannot be sealed"))?;
        *frames += 1;
        let length = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        let bytes = u64::from(length) + 4;
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.size_bytes.fetch_add(bytes, Ordering::Relaxed);
        if used > self.bytes_max {
            return Err(io::Error::other("a query needs more room on disk than it may take"));
        }
        self.file.write_all(&length.to_be_bytes())?;
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

impl Write for SealedSpillWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(FRAME_BYTES - self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            if self.pending.len() == FRAME_BYTES {
                self.seal_pending()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.seal_pending()?;
        self.file.flush()
    }
}

impl SpillWriter for SealedSpillWriter {
    fn finish(&mut self) -> Result<(), DataFusionError> {
        self.flush().map_err(DataFusionError::IoError)
    }
}

impl Drop for SealedSpillWriter {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!(%error, "A spill file could not be written to its end.");
        }
    }
}
