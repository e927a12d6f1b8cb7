//! The keys of a deployment: one that seals what must not be read, one that signs tokens.
//!
//! They lie in `keys` below the data folder, beside the database's folder and never inside it, mode
//! 0600. Losing the sealing key loses every snapshot and credential; that is what it is for.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::RngCore;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    reason::Reason,
};

/// The length of a nonce in bytes.
const NONCE_BYTES: usize = 24;
/// What the key of digests is derived for; another text would be another key.
const DIGEST_CONTEXT: &str = "cartage 2026-11-27 digests of values that are searched for";
/// The length of a digest in bytes: no two values of a shop have the same one by chance.
pub const DIGEST_BYTES: usize = 16;

/// The keys.
pub struct Keys {
    seal: XChaCha20Poly1305,
    digest: Zeroizing<[u8; 32]>,
    /// The signing key as PKCS #8.
    pub signing_pkcs8: Zeroizing<Vec<u8>>,
    /// The public half, raw.
    pub verifying: Vec<u8>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// Reads the keys of a data folder, and makes those that are missing.
    pub fn open(data_dir: &Path) -> Result<Self> {
        let folder = data_dir.join("keys");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| {
            Error::new(Reason::InternalError, format!("{} cannot be made.", folder.display()))
                .caused_by(error)
        })?;
        let sealing = read_or_make(&folder.join("sealing.key"), || {
            let mut key = vec![0; 32];
            rand::rng().fill_bytes(&mut key);
            Ok(key)
        })?;
        let signing = read_or_make(&folder.join("signing.pk8"), || {
            let random = aws_lc_rs::rand::SystemRandom::new();
            Ok(Ed25519KeyPair::generate_pkcs8(&random).map_err(Error::internal)?.as_ref().to_vec())
        })?;
        let pair = Ed25519KeyPair::from_pkcs8(&signing).map_err(|error| {
            Error::new(Reason::InternalError, "keys/signing.pk8 is not a key.").caused_by(error)
        })?;
        if sealing.len() != 32 {
            return Err(Error::new(Reason::InternalError, "keys/sealing.key is not a key."));
        }
        Ok(Self {
            seal: XChaCha20Poly1305::new(Key::from_slice(&sealing)),
            digest: Zeroizing::new(blake3::derive_key(DIGEST_CONTEXT, &sealing)),
            verifying: pair.public_key().as_ref().to_vec(),
            signing_pkcs8: signing,
        })
    }

    /// Seals bytes for one purpose and owner: what is sealed here cannot be opened elsewhere.
    pub fn seal(&self, bytes: &[u8], bound_to: &str) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let sealed = self
            .seal
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: bytes, aad: bound_to.as_bytes() })
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// A digest of a value for one purpose and owner, by which it is found again. Whoever has the
    /// database and not the key cannot try values out on it.
    pub fn digest(&self, value: &str, bound_to: &str) -> [u8; DIGEST_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.digest);
        // A length in front keeps purpose and value apart, whatever stands in them.
        hasher.update(&(bound_to.len() as u64).to_le_bytes());
        hasher.update(bound_to.as_bytes());
        hasher.update(value.as_bytes());
        let mut digest = [0; DIGEST_BYTES];
        hasher.finalize_xof().fill(&mut digest);
        digest
    }

    /// Opens what [`Keys::seal`] sealed for the same purpose and owner; none for anything else.
    pub fn open_sealed(&self, sealed: &[u8], bound_to: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_BYTES)?;
        self.seal
            .decrypt(XNonce::from_slice(nonce), Payload { msg: body, aad: bound_to.as_bytes() })
            .ok()
            .map(Zeroizing::new)
    }
}

fn read_or_make(path: &Path, make: impl Fn() -> Result<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
    let unusable = |error: std::io::Error| {
        Error::new(Reason::InternalError, format!("{} cannot be used.", path.display()))
            .caused_by(error)
    };
    match fs::read(path) {
        Ok(bytes) => return Ok(Zeroizing::new(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(error)),
    }
    // Written whole under another name first: a crash must not leave half a key.
    let part = path.with_extension(format!("part-{}", crate::id::new().simple()));
    let mut file = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&part)
        .map_err(unusable)?;
    file.write_all(&make()?).and_then(|()| file.sync_all()).map_err(unusable)?;
    match fs::hard_link(&part, path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unusable(error)),
    }
    fs::remove_file(&part).map_err(unusable)?;
    fs::read(path).map(Zeroizing::new).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_where_it_was_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let sealed = keys.seal(b"secret", "a/connections/c").unwrap();
        let again = Keys::open(folder.path()).unwrap();
        assert_eq!(again.open_sealed(&sealed, "a/connections/c").unwrap().as_slice(), b"secret");
        assert!(again.open_sealed(&sealed, "b/connections/c").is_none());
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(again.open_sealed(&damaged, "a/connections/c").is_none());
        assert!(again.open_sealed(&[], "a/connections/c").is_none());
    }

    #[test]
    fn a_digest_is_of_its_value_its_owner_and_its_deployment() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let keys = Keys::open(folder.path()).unwrap();
        let digest = keys.digest("a@example.com", "acme\nemail");
        let again = Keys::open(folder.path()).unwrap();
        assert_eq!(again.digest("a@example.com", "acme\nemail"), digest);
        for (value, owner) in [("b@example.com", "acme\nemail"), ("a@example.com", "acme\nsku")] {
            assert_ne!(keys.digest(value, owner), digest);
        }
        assert_ne!(keys.digest("bc", "a"), keys.digest("c", "ab"));
        let elsewhere = Keys::open(other.path()).unwrap();
        assert_ne!(elsewhere.digest("a@example.com", "acme\nemail"), digest);
    }
}
