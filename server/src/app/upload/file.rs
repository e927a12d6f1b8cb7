//! The bytes of an upload: sealed pieces one behind the other, each bound to its place.
//!
//! A piece is its length in the clear (4 bytes, little endian) and then its sealed bytes. What was
//! written but never committed lies behind the committed size and is cut off by the next write, so
//! that a crash leaves nothing to repair.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use cartage_connectors::shopify;

use super::{Upload, UploadedFile};
use crate::{
    error::{Error, Result},
    keys::Keys,
    reason::Reason,
};

/// The longest name of an entry of an archive: all names stand in the upload, and an answer has a
/// largest size.
const ENTRY_NAME_BYTES_MAX: usize = 1_000;
/// How much longer a piece is sealed: nonce and tag.
const SEAL_BYTES: u64 = 40;
/// How much of a file is looked at to tell text from other things.
const LOOK_BYTES: usize = 64 << 10;

/// Where an upload's bytes lie.
#[derive(Clone, Debug)]
pub struct SealedFile {
    path: PathBuf,
    bound_to: String,
}

/// What was found in an upload.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The hash of the whole file.
    pub blake3: String,
    /// The files of the archive, or the file itself.
    pub files: Vec<UploadedFile>,
}

impl SealedFile {
    /// The file of an upload.
    pub fn new(data_dir: &Path, account: &str, uid: &str) -> Self {
        Self {
            path: data_dir.join("uploads").join(account).join(uid),
            bound_to: format!("{account}/{uid}/upload"),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a piece at an offset that is not behind the committed size, durably, and gives the
    /// new stored size; none when the piece differs from what is stored there.
    pub fn write(
        &self,
        keys: &Keys,
        committed: i64,
        stored: i64,
        offset: i64,
        data: &[u8],
    ) -> Result<Option<i64>> {
        let mut file = self.open()?;
        let known = usize::try_from(committed - offset).unwrap_or(usize::MAX).min(data.len());
        let (old, new) = data.split_at(known);
        if !old.is_empty() && self.read(keys, &mut file, offset, old.len())? != old {
            return Ok(None);
        }
        if new.is_empty() {
            return Ok(Some(stored));
        }
        let sealed = keys.seal(new, &format!("{}/{committed}", self.bound_to))?;
        let length = u32::try_from(new.len()).map_err(Error::internal)?;
        let begin = u64::try_from(stored).map_err(Error::internal)?;
        file.set_len(begin).map_err(storage)?;
        file.seek(SeekFrom::Start(begin)).map_err(storage)?;
        file.write_all(&[length.to_le_bytes().as_slice(), &sealed].concat()).map_err(storage)?;
        file.sync_all().map_err(storage)?;
        let end = file.stream_position().map_err(storage)?;
        Ok(Some(i64::try_from(end).map_err(Error::internal)?))
    }

    /// Writes the whole file in the clear.
    pub fn unseal(&self, keys: &Keys, size: i64, mut out: impl Write) -> Result<()> {
        let mut file = self.open()?;
        let mut offset = 0;
        while offset < size {
            let piece = self.piece(keys, &mut file, offset)?;
            out.write_all(&piece).map_err(storage)?;
            offset += i64::try_from(piece.len()).map_err(Error::internal)?;
        }
        out.flush().map_err(storage)
    }

    /// Looks into a complete file.
    pub fn inspect(&self, keys: &Keys, upload: &Upload, scratch: &Path) -> Result<Inspected> {
        // Without a name from the beginning: whatever happens, nothing is left of it.
        let mut clear = tempfile::tempfile_in(scratch).map_err(storage)?;
        let mut hasher = blake3::Hasher::new();
        self.unseal(keys, upload.size_bytes, Both(&mut clear, &mut hasher))?;
        let blake3 = hasher.finalize().to_hex().to_string();
        if !upload.blake3.is_empty() && upload.blake3 != blake3 {
            return Err(Error::new(
                Reason::ChecksumMismatch,
                "The bytes received do not have the hash that was announced.",
            ));
        }
        clear.rewind().map_err(storage)?;
        let mut head = vec![0; LOOK_BYTES];
        let length = read_up_to(&mut clear, &mut head).map_err(storage)?;
        head.truncate(length);
        clear.rewind().map_err(storage)?;
        let files = if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            let entries = shopify::list_archive(clear, &shopify::Limits::DEFAULT)?;
            if entries.iter().any(|(path, _)| path.len() > ENTRY_NAME_BYTES_MAX) {
                let message =
                    format!("A name in the archive is longer than {ENTRY_NAME_BYTES_MAX} bytes.");
                return Err(Error::new(Reason::ArchiveInvalid, message));
            }
            entries.into_iter().map(|(path, size)| uploaded(path, size)).collect()
        } else if head.contains(&0) || upload.file_name.to_lowercase().ends_with(".zip") {
            return Err(Error::new(
                Reason::ArchiveInvalid,
                "The file is neither a zip archive nor a text file.",
            ));
        } else {
            vec![UploadedFile { path: upload.file_name.clone(), size_bytes: upload.size_bytes }]
        };
        Ok(Inspected { blake3, files })
    }

    fn open(&self) -> Result<File> {
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(storage)?;
        let fresh = !self.path.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)
            .map_err(storage)?;
        if fresh {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(storage)?;
        }
        Ok(file)
    }

    /// Reads committed bytes.
    fn read(&self, keys: &Keys, file: &mut File, offset: i64, length: usize) -> Result<Vec<u8>> {
        file.rewind().map_err(storage)?;
        let mut found = Vec::with_capacity(length);
        let mut begin = 0;
        while found.len() < length {
            let wanted = offset + i64::try_from(found.len()).map_err(Error::internal)?;
            let size = i64::from(peek(file)?);
            if begin + size <= wanted {
                let step = 4 + SEAL_BYTES + u64::try_from(size).map_err(Error::internal)?;
                file.seek_relative(i64::try_from(step).map_err(Error::internal)?)
                    .map_err(storage)?;
            } else {
                let piece = self.piece(keys, file, begin)?;
                let skip = usize::try_from(wanted - begin).map_err(Error::internal)?;
                let missing = length - found.len();
                found.extend(piece.iter().skip(skip).take(missing));
            }
            begin += size;
        }
        Ok(found)
    }

    /// Reads the piece at the present place, which begins at an offset.
    fn piece(&self, keys: &Keys, file: &mut File, offset: i64) -> Result<Vec<u8>> {
        let length = peek(file)?;
        file.seek_relative(4).map_err(storage)?;
        let sealed_length = u64::from(length) + SEAL_BYTES;
        let mut sealed = vec![0; usize::try_from(sealed_length).map_err(Error::internal)?];
        file.read_exact(&mut sealed).map_err(damaged)?;
        let piece = keys.open_sealed(&sealed, &format!("{}/{offset}", self.bound_to));
        let piece = piece.ok_or_else(|| damaged("a piece does not open"))?;
        Ok(piece.to_vec())
    }
}

/// The length of the piece at the present place, which stays.
fn peek(file: &mut File) -> Result<u32> {
    let mut length = [0; 4];
    file.read_exact(&mut length).map_err(damaged)?;
    file.seek_relative(-4).map_err(storage)?;
    let length = u32::from_le_bytes(length);
    if length == 0 || length as usize > super::CHUNK_BYTES_MAX {
        return Err(damaged("a piece has an impossible length"));
    }
    Ok(length)
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut total = 0;
    while let Some(rest) = buffer.get_mut(total..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            count => total += count,
        }
    }
    Ok(total)
}

fn uploaded(path: String, size: u64) -> UploadedFile {
    UploadedFile { path, size_bytes: i64::try_from(size).unwrap_or(i64::MAX) }
}

/// Writes to two places.
struct Both<'a>(&'a mut File, &'a mut blake3::Hasher);

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn damaged(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = "The stored bytes of the upload are damaged; send the file again.";
    Error::new(Reason::ChecksumMismatch, message).caused_by(source)
}

pub(super) fn storage(error: std::io::Error) -> Error {
    let (reason, message) = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            (Reason::StorageFull, "The server has no room for files.")
        }
        _ => (Reason::StorageUnavailable, "The server's files cannot be used."),
    };
    Error::new(reason, message).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(size_bytes: i64, file_name: &str) -> Upload {
        Upload { size_bytes, file_name: file_name.to_owned(), ..Upload::default() }
    }

    #[test]
    fn pieces_come_again_overlap_and_survive_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let file = SealedFile::new(folder.path(), "a", "u");
        let first = file.write(&keys, 0, 0, 0, b"Handle,").unwrap().unwrap();
        // A crash left bytes that were never committed.
        file.write(&keys, 7, first, 7, b"nonsense").unwrap().unwrap();
        let second = file.write(&keys, 7, first, 7, b"Title\nx,").unwrap().unwrap();
        // The same again, a part of it, and a piece that overlaps the end.
        assert_eq!(file.write(&keys, 15, second, 0, b"Handle,").unwrap(), Some(second));
        assert_eq!(file.write(&keys, 15, second, 5, b"e,Tit").unwrap(), Some(second));
        assert!(file.write(&keys, 15, second, 12, b"\nx,y\n").is_ok_and(|it| it > Some(second)));
        assert_eq!(file.write(&keys, 15, second, 0, b"handle,").unwrap(), None);
        let inspected = file.inspect(&keys, &upload(17, "products.csv"), folder.path()).unwrap();
        assert_eq!(inspected.blake3, blake3::hash(b"Handle,Title\nx,y\n").to_hex().as_str());
        assert_eq!(inspected.files, [uploaded("products.csv".to_owned(), 17)]);
        let stored = fs::read(file.path()).unwrap();
        assert!(!stored.windows(6).any(|bytes| bytes == b"Handle"), "it is kept sealed");
    }

    #[test]
    fn a_file_that_is_damaged_or_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        for (data, name, reason) in [
            (b"PK\x03\x04nothing".as_slice(), "a.csv", Reason::ArchiveInvalid),
            (b"GIF\x00".as_slice(), "a.csv", Reason::ArchiveInvalid),
            (b"Handle".as_slice(), "a.zip", Reason::ArchiveInvalid),
        ] {
            let uid = blake3::hash(data).to_hex().to_string();
            let file = SealedFile::new(folder.path(), "a", &uid);
            file.write(&keys, 0, 0, 0, data).unwrap();
            let upload = upload(i64::try_from(data.len()).unwrap(), name);
            let error = file.inspect(&keys, &upload, folder.path()).unwrap_err();
            assert_eq!(error.reason, reason, "{name}");
            let announced = Upload { blake3: "0".repeat(64), ..upload };
            let error = file.inspect(&keys, &announced, folder.path()).unwrap_err();
            assert_eq!(error.reason, Reason::ChecksumMismatch);
        }
    }
}
