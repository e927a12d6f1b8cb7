//! Restore tests: trials of reading a snapshot back in isolation, and what they showed.

use std::collections::BTreeMap;

use cartage_model::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::snapshot;
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    states,
    store::{
        Tx,
        resource::{Body, Resource},
    },
};

/// What a restore test showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Everything came back as it was written.
    Passed,
    /// Something was missing or different.
    Failed,
}

/// A trial of reading a snapshot back in isolation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RestoreTest {
    /// What it showed.
    pub verdict: Option<Verdict>,
    /// What was wrong with the snapshot.
    pub finding: Option<Failure>,
    /// The manifest's digest when it was written.
    pub expected_digest: String,
    /// The manifest's digest as read back.
    pub actual_digest: String,
    /// Records read back.
    pub counts: BTreeMap<Kind, i64>,
    /// Parts that were compared.
    pub segment_count: i64,
    /// Bytes that were compared.
    pub compared_bytes: i64,
    /// Why the trial itself failed.
    pub failure: Option<Failure>,
    /// When the work began.
    pub start_time: Option<DateTime<Utc>>,
    /// When the work ended.
    pub end_time: Option<DateTime<Utc>>,
}

impl Body for RestoreTest {
    const TYPE: &'static str = "restore_test";
    type State = RestoreTestState;
}

states! {
    /// The states of a restore test.
    RestoreTestState {
        Pending = "PENDING",
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
    }
}

/// The states in which the work has not ended.
const ACTIVE: [&str; 2] = ["PENDING", "RUNNING"];

/// Begins a restore test of a snapshot.
///
/// # Errors
/// `STATE_CONFLICT` when the snapshot has not succeeded, `OPERATION_IN_PROGRESS` beside another test
/// of it, `RESOURCE_EXISTS`, `RESOURCE_NOT_FOUND`.
pub async fn create(tx: &mut Tx, parent: &Name, id: &str) -> Result<Resource<RestoreTest>> {
    let snapshot = snapshot::succeeded(tx, parent).await?;
    let test =
        RestoreTest { expected_digest: snapshot.body.manifest_digest, ..RestoreTest::default() };
    let name = parent.child("restoreTests", id);
    // A test reads all of the snapshot: a second one shows nothing more, and takes as long again.
    tx.resource_children_hold(parent).await?;
    let states = ACTIVE.map(str::to_owned);
    let others = tx.resource_child_in(RestoreTest::TYPE, parent, &states).await?;
    if let Some(other) = others.filter(|other| other != name.as_str()) {
        return Err(Error::in_progress(parent.as_str(), &other));
    }
    let test = tx.resource_insert(&name, RestoreTestState::Pending, &test).await?;
    tx.job_put(&name, "snapshot.restore_test").await?;
    Ok(test)
}
