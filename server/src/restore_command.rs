//! The subcommand `restore-test`: a fresh process that has nothing of the server but a folder of
//! objects and a key, reads a snapshot back and says what it found.
//!
//! The job comes as JSON on standard input, the answer goes as JSON to standard output. The key is
//! in neither arguments nor environment, where other processes could see it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use cartage_model::Kind;
use cartage_pipeline::snapshot::{DataKey, Location, RestoreReport, Snapshot, restore_test};
use object_store::{local::LocalFileSystem, path::Path};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::{
    app::snapshot::ReadMapOf,
    error::{Error, Failure, Result},
    reason::Reason,
};

/// The longest job, in bytes.
const JOB_BYTES_MAX: u64 = 64 * 1024;

/// What is to be tested. It has no `Debug`: the key must not stand in a log.
#[derive(Serialize, Deserialize)]
pub struct RestoreJob {
    /// The folder of the object store.
    pub objects: PathBuf,
    /// Where in it the snapshot lies.
    pub prefix: String,
    /// Its key, in base64.
    #[serde(with = "key_text")]
    pub data_key: Zeroizing<String>,
    /// How its raw records are read.
    pub read_map: ReadMapOf,
}

/// A key as JSON text that is wiped from memory on both sides.
mod key_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        text: &Zeroizing<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// What the process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreAnswer {
    /// The trial ran to its end.
    Found(RestoreFound),
    /// The trial could not be made.
    Failed(Failure),
}

/// What a trial found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RestoreFound {
    /// Whether the snapshot came back as it was written.
    pub passed: bool,
    /// What was wrong first.
    pub first_difference: Option<String>,
    /// The digest of the manifest as it was read; empty when it cannot be.
    pub manifest_digest: String,
    /// Canonical records made again, by kind.
    pub records: BTreeMap<Kind, u64>,
    /// Parts the manifest names.
    pub segments: u64,
    /// The bytes of those parts, expanded.
    pub plain_bytes: u64,
}

/// Reads a job, does it, and writes the answer.
///
/// # Errors
/// `INTERNAL_ERROR` when the job cannot be read or the answer cannot be written.
pub async fn run(stdin: impl AsyncRead + Unpin, mut stdout: impl AsyncWrite + Unpin) -> Result<()> {
    let mut text = Zeroizing::new(Vec::new());
    stdin.take(JOB_BYTES_MAX).read_to_end(&mut text).await.map_err(Error::internal)?;
    let job: RestoreJob = serde_json::from_slice(&text)?;
    let answer = match test(&job).await {
        Ok(found) => RestoreAnswer::Found(found),
        Err(error) => RestoreAnswer::Failed(error.to_failure()),
    };
    stdout.write_all(&serde_json::to_vec(&answer)?).await.map_err(Error::internal)?;
    stdout.shutdown().await.map_err(Error::internal)
}

async fn test(job: &RestoreJob) -> Result<RestoreFound> {
    let store = LocalFileSystem::new_with_prefix(&job.objects).map_err(|error| {
        Error::new(Reason::StorageUnavailable, "The object store cannot be opened.")
            .caused_by(error)
    })?;
    let location = Location {
        store: Arc::new(store),
        prefix: Path::from(job.prefix.as_str()),
        key: key(&job.data_key)?,
    };
    let read_map = job.read_map.open()?;
    let RestoreReport { passed, kinds, first_difference, .. } =
        restore_test(location.clone(), read_map.as_ref()).await?;
    let mut found = RestoreFound {
        passed,
        first_difference,
        manifest_digest: String::new(),
        records: kinds.iter().map(|kind| (kind.kind, kind.records_restored)).collect(),
        segments: 0,
        plain_bytes: 0,
    };
    // A manifest that cannot be read is in the report already.
    if let Ok(snapshot) = Snapshot::open(location).await {
        let manifest = snapshot.manifest();
        found.manifest_digest = manifest.digest()?;
        found.segments = manifest.segments.len() as u64;
        found.plain_bytes = manifest.segments.iter().map(|it| it.plain_size_bytes).sum();
    }
    Ok(found)
}

fn key(text: &str) -> Result<DataKey> {
    STANDARD
        .decode(text)
        .ok()
        .map(Zeroizing::new)
        .and_then(|bytes| <[u8; DataKey::BYTES]>::try_from(bytes.as_slice()).ok())
        .map(DataKey::from_bytes)
        .ok_or_else(|| {
            Error::new(Reason::SnapshotKeyUnavailable, "The key of the snapshot is not a key.")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(job: &RestoreJob) -> RestoreAnswer {
        let job = serde_json::to_vec(job).unwrap();
        let mut out = Vec::new();
        run(job.as_slice(), &mut out).await.unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    fn job(objects: &std::path::Path) -> RestoreJob {
        RestoreJob {
            objects: objects.to_owned(),
            prefix: "accounts/a/snapshots/s/1".to_owned(),
            data_key: Zeroizing::new(STANDARD.encode([7; DataKey::BYTES])),
            read_map: ReadMapOf {
                platform: "shopify-csv".to_owned(),
                default_currency: "EUR".to_owned(),
                assumed_utc_offset_s: 0,
            },
        }
    }

    #[tokio::test]
    async fn a_snapshot_that_is_gone_is_found_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let RestoreAnswer::Found(found) = answer(&job(folder.path())).await else {
            panic!("the trial could be made");
        };
        assert!(!found.passed);
        assert!(found.first_difference.unwrap().contains("manifest"));
    }

    #[tokio::test]
    async fn without_store_or_key_there_is_no_trial() {
        let folder = tempfile::tempdir().unwrap();
        let mut keyless = job(folder.path());
        keyless.data_key = Zeroizing::new("short".to_owned());
        let RestoreAnswer::Failed(failure) = answer(&keyless).await else { panic!("no key") };
        assert_eq!(failure.reason, "SNAPSHOT_KEY_UNAVAILABLE");
        let RestoreAnswer::Failed(failure) = answer(&job(&folder.path().join("gone"))).await else {
            panic!("no store");
        };
        assert_eq!(failure.reason, "STORAGE_UNAVAILABLE");
    }
}
