//! Sealed files: a head of 48 bytes, then frames of 64 KiB, each sealed by XChaCha20-Poly1305.
//!
//! The head is the mark `CARTSEG1`, the snapshot's id (16), a random salt (16) and a check of the
//! key (8). A frame's nonce is the salt, its number and whether it is the last one; head and path
//! are its associated data. So no frame can be altered, swapped within or between files, or cut off
//! at the end without being noticed, and every frame can be opened by itself.

use std::{io, ops::Range};

use bytes::Bytes;
use chacha20poly1305::{
    AeadInPlace, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{self},
};

use super::{DataKey, SnapshotError, error::Damage, key::random_bytes};

/// Plain bytes in every frame but the last.
pub(super) const FRAME_BYTES: u64 = 64 * 1024;
const FRAME_CAPACITY: usize = 64 * 1024;
const TAG_BYTES: u64 = 16;
/// How long the head of a sealed file is.
pub(super) const HEAD_BYTES: u64 = 48;
const MARK: &[u8; 8] = b"CARTSEG1";
const LAST_FRAME: u64 = 1 << 63;

/// Which snapshot a file belongs to.
pub(super) type SnapshotId = [u8; 16];

/// What seals or opens the frames of one file.
struct Cipher {
    cipher: XChaCha20Poly1305,
    salt: [u8; 16],
    associated: Vec<u8>,
}

impl Cipher {
    fn new(key: &DataKey, head: &[u8], salt: [u8; 16], path: &str) -> Self {
        let mut associated = head.to_vec();
        associated.extend_from_slice(path.as_bytes());
        Self { cipher: XChaCha20Poly1305::new(key.as_bytes().into()), salt, associated }
    }

    fn nonce(&self, frame: u64, last: bool) -> XNonce {
        let counter = if last { frame | LAST_FRAME } else { frame };
        let mut nonce = XNonce::default();
        let (salt, number) = nonce.split_at_mut(16);
        salt.copy_from_slice(&self.salt);
        number.copy_from_slice(&counter.to_be_bytes());
        nonce
    }

    fn seal(&self, frame: u64, last: bool, buffer: &mut Vec<u8>) -> Result<(), aead::Error> {
        self.cipher.encrypt_in_place(&self.nonce(frame, last), &self.associated, buffer)
    }

    fn open(&self, frame: u64, last: bool, buffer: &mut Vec<u8>) -> Result<(), aead::Error> {
        self.cipher.decrypt_in_place(&self.nonce(frame, last), &self.associated, buffer)
    }
}

/// Eight bytes that tell a wrong key from a damaged frame and say nothing else.
fn key_check(key: &DataKey, head: &[u8]) -> [u8; 8] {
    let check_key = blake3::derive_key("cartage snapshot key check v1", key.as_bytes());
    let hash = blake3::keyed_hash(&check_key, head);
    let mut check = [0; 8];
    for (to, from) in check.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    check
}

/// A finished sealed file, not yet stored.
pub(super) struct SealedFile {
    /// Its bytes in order.
    pub(super) chunks: Vec<Bytes>,
    /// How many they are.
    pub(super) size_bytes: u64,
    /// How many plain bytes are in it.
    pub(super) plain_size_bytes: u64,
    /// BLAKE3 of the plain bytes, in hexadecimal.
    pub(super) blake3: String,
}

/// Seals what is written into it, frame by frame, in memory.
pub(super) struct Sealer {
    cipher: Cipher,
    frame: u64,
    pending: Vec<u8>,
    chunks: Vec<Bytes>,
    size_bytes: u64,
    plain_size_bytes: u64,
    hasher: blake3::Hasher,
}

impl Sealer {
    pub(super) fn new(key: &DataKey, id: &SnapshotId, path: &str) -> Result<Self, SnapshotError> {
        let salt: [u8; 16] = random_bytes()?;
        let mut head = MARK.to_vec();
        head.extend_from_slice(id);
        head.extend_from_slice(&salt);
        let check = key_check(key, &head);
        head.extend_from_slice(&check);
        Ok(Self {
            cipher: Cipher::new(key, &head, salt, path),
            frame: 0,
            pending: Vec::with_capacity(FRAME_CAPACITY + 16),
            size_bytes: HEAD_BYTES,
            chunks: vec![Bytes::from(head)],
            plain_size_bytes: 0,
            hasher: blake3::Hasher::new(),
        })
    }

    /// How many bytes wait to be stored.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn seal_pending(&mut self, last: bool) -> io::Result<()> {
        let mut buffer =
            std::mem::replace(&mut self.pending, Vec::with_capacity(FRAME_CAPACITY + 16));
        self.cipher
            .seal(self.frame, last, &mut buffer)
            .map_err(|_| io::Error::other("a frame cannot be sealed"))?;
        self.frame += 1;
        let chunk = Bytes::from(buffer);
        self.size_bytes += length(&chunk);
        self.chunks.push(chunk);
        Ok(())
    }

    /// Seals the last frame.
    pub(super) fn finish(mut self) -> io::Result<SealedFile> {
        self.seal_pending(true)?;
        Ok(SealedFile {
            chunks: self.chunks,
            size_bytes: self.size_bytes,
            plain_size_bytes: self.plain_size_bytes,
            blake3: self.hasher.finalize().to_hex().to_string(),
        })
    }
}

impl io::Write for Sealer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.plain_size_bytes += length(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            // A full frame is sealed only when more follows, so that the last one is known.
            if self.pending.len() == FRAME_CAPACITY {
                self.seal_pending(false)?;
            }
            let (now, later) = rest.split_at(rest.len().min(FRAME_CAPACITY - self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sealed file whose head was checked.
pub(super) struct Opener {
    cipher: Cipher,
    id: SnapshotId,
    path: String,
    frames: u64,
    plain_size_bytes: u64,
}

impl Opener {
    /// Checks the head of a file of `size_bytes`. Without `expected_id` any snapshot's will do.
    pub(super) fn new(
        key: &DataKey,
        expected_id: Option<&SnapshotId>,
        path: &str,
        head: &[u8],
        size_bytes: u64,
    ) -> Result<Self, Damage> {
        let path = path.to_owned();
        let (Some(mark), Some(id), Some(salt), Some(check)) =
            (part::<8>(head, 0), part::<16>(head, 8), part::<16>(head, 24), part::<8>(head, 40))
        else {
            return Err(Damage::NotSealed { path });
        };
        if mark != *MARK {
            return Err(Damage::NotSealed { path });
        }
        let Some(body) = size_bytes.checked_sub(HEAD_BYTES).filter(|body| *body >= TAG_BYTES)
        else {
            return Err(Damage::Cut { path, size_bytes });
        };
        if expected_id.is_some_and(|expected| *expected != id) {
            return Err(Damage::Foreign { path });
        }
        if head.get(..40).is_none_or(|start| key_check(key, start) != check) {
            return Err(Damage::KeyWrong { path });
        }
        let frames = body.div_ceil(FRAME_BYTES + TAG_BYTES);
        let last = body - (frames - 1) * (FRAME_BYTES + TAG_BYTES);
        if last < TAG_BYTES {
            return Err(Damage::Cut { path, size_bytes });
        }
        let plain_size_bytes = body - frames * TAG_BYTES;
        let cipher = Cipher::new(key, head, salt, &path);
        Ok(Self { cipher, id, path, frames, plain_size_bytes })
    }

    pub(super) fn id(&self) -> SnapshotId {
        self.id
    }

    pub(super) fn plain_size_bytes(&self) -> u64 {
        self.plain_size_bytes
    }

    /// The frames that hold a range of plain bytes.
    pub(super) fn frames_of(&self, plain: &Range<u64>) -> Range<u64> {
        let first = plain.start / FRAME_BYTES;
        first..plain.end.div_ceil(FRAME_BYTES).max(first + 1).min(self.frames)
    }

    /// Where frames lie in the sealed file.
    pub(super) fn sealed_range(&self, frames: &Range<u64>) -> Range<u64> {
        let sealed_frame = FRAME_BYTES + TAG_BYTES;
        let end = HEAD_BYTES + self.plain_size_bytes + self.frames * TAG_BYTES;
        HEAD_BYTES + frames.start * sealed_frame..(HEAD_BYTES + frames.end * sealed_frame).min(end)
    }

    /// Opens the frames from `first_frame` on that `sealed` holds.
    pub(super) fn open(&self, first_frame: u64, sealed: &[u8]) -> Result<Vec<u8>, Damage> {
        let mut plain = Vec::with_capacity(sealed.len());
        let mut buffer = Vec::with_capacity(FRAME_CAPACITY + 16);
        for (frame, piece) in (first_frame..).zip(sealed.chunks(FRAME_CAPACITY + 16)) {
            buffer.clear();
            buffer.extend_from_slice(piece);
            self.cipher
                .open(frame, frame + 1 == self.frames, &mut buffer)
                .map_err(|_| Damage::Frame { path: self.path.clone(), frame })?;
            plain.extend_from_slice(&buffer);
        }
        Ok(plain)
    }
}

fn part<const N: usize>(bytes: &[u8], start: usize) -> Option<[u8; N]> {
    bytes.get(start..start + N)?.try_into().ok()
}

/// The length of bytes as the files count it.
pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const ID: SnapshotId = [3; 16];

    fn sealed(path: &str, plain: &[u8]) -> Vec<u8> {
        let key = DataKey::from_bytes([9; 32]);
        let mut sealer = Sealer::new(&key, &ID, path).unwrap();
        for part in plain.chunks(10_007) {
            sealer.write_all(part).unwrap();
        }
        let file = sealer.finish().unwrap();
        assert_eq!(file.plain_size_bytes, length(plain));
        assert_eq!(file.blake3, blake3::hash(plain).to_hex().to_string());
        let bytes = file.chunks.concat();
        assert_eq!(file.size_bytes, length(&bytes));
        bytes
    }

    fn open(path: &str, file: &[u8]) -> Result<Vec<u8>, Damage> {
        let key = DataKey::from_bytes([9; 32]);
        let head = &file[..file.len().min(48)];
        let opener = Opener::new(&key, Some(&ID), path, head, length(file))?;
        let frames = opener.frames_of(&(0..opener.plain_size_bytes()));
        let range = opener.sealed_range(&frames);
        assert_eq!(range.end, length(file));
        opener.open(frames.start, &file[48..])
    }

    #[test]
    fn files_of_every_length_are_opened_again() {
        for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let plain: Vec<u8> = (0..size).map(|n: u32| n.to_le_bytes()[1]).collect();
            assert_eq!(open("a", &sealed("a", &plain)).unwrap(), plain, "{size}");
        }
    }

    #[test]
    fn frames_cannot_be_cut_swapped_or_moved() {
        const FRAME: usize = 65_536 + 16;
        let file = sealed("a", &vec![7; 3 * 65_536]);
        let damaged = |frame| Err(Damage::Frame { path: "a".to_owned(), frame });
        // The file ends with a frame that is not the last one.
        assert_eq!(open("a", &file[..48 + 2 * FRAME]), damaged(1));
        // Two frames change places.
        let mut swapped = file.clone();
        let (left, right) = swapped[48..].split_at_mut(FRAME);
        left.swap_with_slice(&mut right[..FRAME]);
        assert_eq!(open("a", &swapped), damaged(0));
        // A frame of another file of the same snapshot, with the same salt or another.
        assert_eq!(open("b", &file), Err(Damage::Frame { path: "b".to_owned(), frame: 0 }));
        let mut mixed = sealed("a", &vec![7; 3 * 65_536]);
        mixed[48 + FRAME..48 + 2 * FRAME].copy_from_slice(&file[48 + FRAME..48 + 2 * FRAME]);
        assert_eq!(open("a", &mixed), damaged(1));
        // The whole file is of another length than any file can be.
        assert!(matches!(open("a", &file[..48 + FRAME + 5]), Err(Damage::Cut { .. })));
        assert!(matches!(open("a", &file[..48]), Err(Damage::Cut { .. })));
        assert!(matches!(open("a", &[0; 48]), Err(Damage::NotSealed { .. })));
    }
}
