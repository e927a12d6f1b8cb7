//! The data key of a snapshot: 32 random bytes, wrapped by the server, wiped when dropped.

use std::fmt;

use rand::{TryRngCore, rngs::OsRng};
use zeroize::Zeroizing;

use super::SnapshotError;

/// The key every file of one snapshot is sealed with. It never shows itself in logs.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; Self::BYTES]>);

impl DataKey {
    /// How long a key is.
    pub const BYTES: usize = 32;

    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`SnapshotError::Randomness`] when the operating system gives none.
    pub fn generate() -> Result<Self, SnapshotError> {
        Ok(Self(Zeroizing::new(random_bytes()?)))
    }

    /// A key that was kept elsewhere (unwrapped by the server).
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for wrapping.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// Random bytes for keys, salts and ids.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], SnapshotError> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| SnapshotError::Randomness)?;
    Ok(bytes)
}
