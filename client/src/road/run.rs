//! The parts of the road that write, and prove what was written.

use std::time::Duration;

use cartage_proto::v1::{self, check_run_readiness_request::Subject};

use super::under_way;
use crate::{
    Client, Error, name,
    wait::{self, Update},
};

/// Rehearses: creates a TEST run as given (snapshot, mapping revision and target connection are needed),
/// starts it and waits for its end.
///
/// # Errors
/// [`Error::Ended`] when it does not succeed, [`Error::Status`].
pub async fn test_run(
    client: &Client,
    migration: &str,
    mut run: v1::Run,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Run, Error> {
    run.set_kind(v1::RunKind::Test);
    execute(client, migration, run, tell).await
}

/// Runs an approved plan and waits for the end.
///
/// # Errors
/// [`Error::Ended`] when it does not succeed or pauses, [`Error::Status`].
pub async fn live_run(
    client: &Client,
    migration: &str,
    plan: &str,
    target_snapshot: &str,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Run, Error> {
    let mut run = v1::Run {
        plan: plan.to_owned(),
        target_snapshot: target_snapshot.to_owned(),
        ..Default::default()
    };
    run.set_kind(v1::RunKind::Live);
    execute(client, migration, run, tell).await
}

async fn execute(
    client: &Client,
    migration: &str,
    run: v1::Run,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Run, Error> {
    let request =
        v1::CreateRunRequest { parent: migration.to_owned(), run: Some(run), ..Default::default() };
    let run = client.call(request).await?;
    readiness(client, &run.name).await?;
    let run = start_run(client, &run.name).await?;
    wait::succeeded(wait::run(client, &run.name, tell).await?)
}

/// Asks whether a run in state DRAFT or PAUSED could start, and waits until the preflight is complete. What
/// stands in the way is in the answer.
///
/// # Errors
/// [`Error::Status`].
pub async fn readiness(client: &Client, run: &str) -> Result<v1::CheckRunReadinessResponse, Error> {
    let request = v1::CheckRunReadinessRequest {
        parent: name::parent(run).to_owned(),
        subject: Some(Subject::RunName(run.to_owned())),
        ..Default::default()
    };
    loop {
        let answer = client.call(request.clone()).await?;
        let state = answer.preflight.as_ref().map(v1::Preflight::state);
        if state != Some(v1::preflight::State::Running) {
            return Ok(answer);
        }
        // The service itself waits for the preflight, so this is no tight loop.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A ROLLBACK run back to and including a LIVE run.
fn rollback_of(run: &str) -> v1::Run {
    let mut rollback = v1::Run { rollback_run: run.to_owned(), ..Default::default() };
    rollback.set_kind(v1::RunKind::Rollback);
    rollback
}

/// Says what could be taken back of what a LIVE run and those after it wrote; nothing is created.
///
/// # Errors
/// [`Error::Status`].
pub async fn rollback_readiness(
    client: &Client,
    run: &str,
) -> Result<v1::CheckRunReadinessResponse, Error> {
    let request = v1::CheckRunReadinessRequest {
        parent: name::parent(run).to_owned(),
        subject: Some(Subject::Run(rollback_of(run))),
        ..Default::default()
    };
    client.call(request).await
}

/// Creates a ROLLBACK run for a LIVE run and those after it, and starts it.
///
/// # Errors
/// [`Error::Status`].
pub async fn start_rollback(client: &Client, run: &str) -> Result<v1::Run, Error> {
    let request = v1::CreateRunRequest {
        parent: name::parent(run).to_owned(),
        run: Some(rollback_of(run)),
        ..Default::default()
    };
    let run = client.call(request).await?;
    start_run(client, &run.name).await
}

/// Starts a run as it is now.
///
/// # Errors
/// [`Error::Status`], with `PRECONDITIONS_UNMET` when something must come first.
pub async fn start_run(client: &Client, run: &str) -> Result<v1::Run, Error> {
    let run = client.call(v1::GetRunRequest { name: run.to_owned() }).await?;
    let request = v1::StartRunRequest { name: run.name, etag: run.etag, ..Default::default() };
    client.call(request).await
}

/// Has a run start by itself, as it is now.
///
/// # Errors
/// [`Error::Status`], with `PRECONDITIONS_UNMET` when something must come first.
pub async fn schedule_run(
    client: &Client,
    run: &str,
    schedule: v1::RunSchedule,
) -> Result<v1::Run, Error> {
    let run = client.call(v1::GetRunRequest { name: run.to_owned() }).await?;
    let (name, etag, schedule) = (run.name, run.etag, Some(schedule));
    client.call(v1::ScheduleRunRequest { name, etag, schedule, ..Default::default() }).await
}

/// Verifies a run and waits for the report. Differences are no error: read `passed`.
///
/// # Errors
/// [`Error::Ended`] when the comparison could not be made, [`Error::Status`].
pub async fn verify_run(
    client: &Client,
    run: &str,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::VerificationReport, Error> {
    let mut tell = tell;
    loop {
        let request =
            v1::CreateVerificationReportRequest { parent: run.to_owned(), ..Default::default() };
        let (name, own) = match client.call(request).await {
            Ok(report) => (report.name, true),
            // Somebody began one before, perhaps we ourselves.
            Err(error) => (under_way(error)?, false),
        };
        let report = wait::verification_report(client, &name, &mut tell).await?;
        // Another's shows the same, but where it is about some kinds only.
        if own || report.kinds.is_empty() {
            return wait::succeeded(report);
        }
    }
}

/// The outcomes of a run in a few words.
pub(super) fn outcomes(run: &v1::Run) -> String {
    let accounting = run.accounting.clone().unwrap_or_default();
    let outcomes = accounting.outcomes.unwrap_or_default();
    let counts = [
        (outcomes.migrated, "migrated"),
        (outcomes.merged, "merged"),
        (outcomes.changed, "changed"),
        (outcomes.excluded, "excluded"),
        (outcomes.quarantined, "quarantined"),
        (outcomes.unknown, "unknown"),
    ];
    let counts = counts.map(|(count, outcome)| format!("{count} {outcome}")).join(", ");
    format!("{} records: {counts}; unaccounted {}", accounting.total, accounting.unaccounted)
}
