//! Tests restores: starts a fresh process that gets the store and the key of one snapshot and
//! nothing else, and notes what it found.

use std::{process::Stdio, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Utc;
use tokio::{io::AsyncWriteExt, process::Command};
use zeroize::Zeroizing;

use super::{Work, snapshot::final_failure};
use crate::{
    app::{
        restore_test::{RestoreTest, RestoreTestState, Verdict},
        snapshot::{self, Snapshot},
    },
    error::{Error, Failure, Result},
    name::Name,
    reason::Reason,
    restore_command::{RestoreAnswer, RestoreFound, RestoreJob},
    store::event::NewEvent,
};

/// How often a trial that could not be made is taken up again.
const TRIES: i32 = 5;
/// How often the worker looks whether it may go on.
const PERIOD: Duration = Duration::from_secs(1);
/// How much of what the process says to people is logged, in characters.
const STDERR_CHARACTERS_MAX: usize = 1_000;

/// Tests the restore of a snapshot.
pub(super) async fn test(work: &Work) -> Result<()> {
    let Some(snapshot) = begin(work).await? else { return Ok(()) };
    match attempt(work, &snapshot).await {
        Ok(RestoreAnswer::Found(found)) => succeed(work, &snapshot, found).await,
        Ok(RestoreAnswer::Failed(failure)) if failure.retryable && work.claim.attempt < TRIES => {
            Err(Error::new(
                Reason::parse(&failure.reason).unwrap_or(Reason::StorageUnavailable),
                failure.message,
            ))
        }
        Ok(RestoreAnswer::Failed(failure)) => fail(work, failure).await,
        Err(error)
            if work.stop.is_cancelled()
                || (error.reason.is_retryable() && work.claim.attempt < TRIES) =>
        {
            Err(error)
        }
        Err(error) => {
            tracing::warn!(test = %work.claim.resource, error = %error.chain(), "A restore test could not be made.");
            fail(work, final_failure(&error)).await
        }
    }
}

/// Notes that the work begins, and gives the snapshot; none when there is nothing to do.
async fn begin(work: &Work) -> Result<Option<Name>> {
    let mut tx = work.begin().await?;
    let mut test = tx.resource_lock::<RestoreTest>(&work.claim.resource).await?;
    let before = test.state;
    if !matches!(before, RestoreTestState::Pending | RestoreTestState::Running) {
        tx.job_done(&work.claim).await?;
        work.commit(tx).await?;
        return Ok(None);
    }
    if before == RestoreTestState::Pending {
        test.state = RestoreTestState::Running;
        test.body.start_time = Some(Utc::now());
        tx.resource_update(&mut test).await?;
        let event = NewEvent::about(&test, "state_changed", Some(before));
        tx.event_append(&test.name.stream(), &event).await?;
    }
    work.commit(tx).await?;
    let snapshot =
        test.name.parent().ok_or_else(|| Error::internal("a test stands below a snapshot"))?;
    Ok(Some(snapshot))
}

async fn attempt(work: &Work, name: &Name) -> Result<RestoreAnswer> {
    let mut tx = work.begin().await?;
    let snapshot = snapshot::succeeded(&mut tx, name).await?;
    let key = snapshot::data_key(&work.app, &mut tx, &snapshot).await?;
    tx.rollback().await?;
    let job = RestoreJob {
        objects: work.app.config.data_dir.join("objects"),
        prefix: snapshot.body.prefix,
        data_key: Zeroizing::new(STANDARD.encode(key.as_bytes())),
        read_map: snapshot.body.read_map,
    };
    let job = Zeroizing::new(serde_json::to_vec(&job)?);
    let mut child = Command::new(&work.app.config.executable)
        .arg("restore-test")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(broken)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&job).await.map_err(broken)?;
        stdin.shutdown().await.map_err(broken)?;
    }
    let output = child.wait_with_output();
    tokio::pin!(output);
    // Dropping the output on the way out kills the process.
    let output = loop {
        tokio::select! {
            output = &mut output => break output.map_err(broken)?,
            () = work.stop.cancelled() => work.go_on()?,
            () = tokio::time::sleep(PERIOD) => work.go_on()?,
        }
    };
    if !output.status.success() {
        let said: String =
            String::from_utf8_lossy(&output.stderr).chars().take(STDERR_CHARACTERS_MAX).collect();
        return Err(broken(format!("it ended with {}: {said}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(broken)
}

/// The process could not do its work; it may another time.
fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Reason::Overloaded, "The process of the restore test did not do its work.")
        .caused_by(cause)
}

/// What a trial says about a snapshot.
fn judge(expected: &str, found: &RestoreFound) -> (Verdict, Option<Failure>) {
    let difference = if found.passed && found.manifest_digest != expected {
        // Whole and sound, but another snapshot: somebody exchanged it.
        Some("The manifest is not the one that was written.".to_owned())
    } else {
        found.first_difference.clone()
    };
    if found.passed && difference.is_none() {
        return (Verdict::Passed, None);
    }
    let message = difference.unwrap_or_else(|| "The snapshot came back different.".to_owned());
    let mut failure = Error::new(Reason::SnapshotDamaged, message.clone()).to_failure();
    failure.metadata.insert("firstDifference".to_owned(), message);
    (Verdict::Failed, Some(failure))
}

async fn succeed(work: &Work, snapshot: &Name, found: RestoreFound) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut snapshot = tx.resource_lock::<Snapshot>(snapshot).await?;
    let mut test = tx.resource_lock::<RestoreTest>(&work.claim.resource).await?;
    let before = test.state;
    let (verdict, finding) = judge(&snapshot.body.manifest_digest, &found);
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let body = &mut test.body;
    body.verdict = Some(verdict);
    body.finding = finding;
    body.actual_digest = found.manifest_digest;
    body.counts = found.records.into_iter().map(|(kind, it)| (kind, signed(it))).collect();
    body.segment_count = signed(found.segments);
    body.compared_bytes = signed(found.plain_bytes);
    body.end_time = Some(Utc::now());
    test.state = RestoreTestState::Succeeded;
    tx.resource_update(&mut test).await?;
    snapshot.body.latest_restore_test = test.name.to_string();
    snapshot.body.restore_verdict = Some(verdict);
    tx.resource_update(&mut snapshot).await?;
    let mut event = NewEvent::about(&test, "state_changed", Some(before));
    event.failure.clone_from(&test.body.finding);
    let word = if verdict == Verdict::Passed { "PASSED" } else { "FAILED" };
    event.attributes.insert("verdict".to_owned(), word.to_owned());
    tx.job_done(&work.claim).await?;
    tx.event_append(&test.name.stream(), &event).await?;
    work.commit(tx).await
}

async fn fail(work: &Work, failure: Failure) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut test = tx.resource_lock::<RestoreTest>(&work.claim.resource).await?;
    let before = test.state;
    test.state = RestoreTestState::Failed;
    test.body.failure = Some(failure);
    test.body.end_time = Some(Utc::now());
    tx.resource_update(&mut test).await?;
    let mut event = NewEvent::about(&test, "state_changed", Some(before));
    event.failure.clone_from(&test.body.failure);
    tx.job_done(&work.claim).await?;
    tx.event_append(&test.name.stream(), &event).await?;
    work.commit(tx).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_snapshot_that_was_written_passes() {
        let found = |passed, digest: &str, difference: Option<&str>| RestoreFound {
            passed,
            first_difference: difference.map(str::to_owned),
            manifest_digest: digest.to_owned(),
            records: std::collections::BTreeMap::new(),
            segments: 0,
            plain_bytes: 0,
        };
        assert_eq!(judge("d", &found(true, "d", None)), (Verdict::Passed, None));
        let (verdict, failure) = judge("d", &found(true, "other", None));
        assert_eq!(verdict, Verdict::Failed);
        assert_eq!(failure.unwrap().reason, "SNAPSHOT_DAMAGED");
        let (verdict, failure) = judge("d", &found(false, "d", Some("raw/1 is missing")));
        assert_eq!(verdict, Verdict::Failed);
        assert_eq!(failure.unwrap().metadata["firstDifference"], "raw/1 is missing");
    }
}
