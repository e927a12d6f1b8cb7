//! Verifying: reads every record of a run back from the target and compares each field, and the
//! money and stock of the whole shop, with what was expected.

mod audit;
mod compare;
mod kept;
mod report;

use cartage_model::Kind;
use cartage_pipeline::verify::{KindVerification, Reconciliation, StockReconciliation};
use chrono::Utc;

use self::compare::Comparer;
use super::{Work, run::open_way};
use crate::{
    app::{
        run::{self, Run},
        verification::{self, VerificationReport, VerificationState},
    },
    error::{Error, Result},
    name::Name,
    reason::Reason,
    store::{
        progress::{KindProgress, Progress},
        resource::Resource,
    },
};

/// What a verification gathers.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    comparisons: Vec<KindVerification>,
    money: Reconciliation,
    stock: StockReconciliation,
}

/// Verifies a run.
pub(super) async fn verify(work: &Work) -> Result<()> {
    let name = work.claim.resource.clone();
    let Some(report) = begin(work, &name).await? else { return Ok(()) };
    match perform(work, &report).await {
        Ok(gathered) => end(work, &name, Ok(gathered)).await,
        Err(error) if error.reason.is_retryable() => Err(error),
        Err(error) => end(work, &name, Err(error)).await,
    }
}

async fn begin(work: &Work, name: &Name) -> Result<Option<Resource<VerificationReport>>> {
    let mut tx = work.begin().await?;
    let mut report = tx.resource_lock::<VerificationReport>(name).await?;
    if matches!(report.state, VerificationState::Succeeded | VerificationState::Failed) {
        tx.job_done(&work.claim).await?;
        work.commit(tx).await?;
        return Ok(None);
    }
    // What an earlier attempt found is found again.
    tx.discrepancy_clear(name).await?;
    let before = report.state;
    report.state = VerificationState::Running;
    report.body.start_time.get_or_insert_with(Utc::now);
    tx.resource_update(&mut report).await?;
    if before != report.state {
        tx.event_append(&name.stream(), &verification::state_event(&report, before)).await?;
    }
    work.commit(tx).await?;
    Ok(Some(report))
}

async fn perform(work: &Work, report: &Resource<VerificationReport>) -> Result<Gathered> {
    let run_name = report.name.parent().unwrap_or_else(|| report.name.clone());
    let mut tx = work.begin().await?;
    let run = tx.resource_get::<Run>(&run_name).await?;
    tx.rollback().await?;
    if let Some(instance) = &run.body.sandbox_instance
        && !work.app.sandboxes.has(&run_name, instance).await
    {
        return Err(Error::new(
            Reason::CapabilityUnsupported,
            "The isolated shop of this test run is gone: it lives as long as the server that ran it.",
        ));
    }
    let (way, _) = open_way(&work.app, &work.claim.account, &run).await?;
    let space = run::link_space(&run);
    let kinds: Vec<Kind> = way
        .kinds()
        .into_iter()
        .filter(|kind| way.target.kinds().contains(kind))
        .filter(|kind| report.body.kinds.is_empty() || report.body.kinds.contains(kind))
        .collect();
    let mut progress = Progress { activity: "verify".to_owned(), ..Progress::default() };
    for kind in &kinds {
        progress.kinds.push(KindProgress {
            kind: kind.as_str().to_owned(),
            total: i64::try_from(way.snapshot.manifest().records(*kind)).ok(),
            ..KindProgress::default()
        });
    }
    let mut gathered = Gathered::default();
    let mut comparer = Comparer {
        work,
        way: &way,
        run: &run_name,
        space: &space,
        report: &report.name,
        sequence: 0,
        gathered: &mut gathered,
        progress,
        progress_at: tokio::time::Instant::now(),
    };
    for kind in kinds {
        comparer.kind(kind).await?;
    }
    Ok(gathered)
}

async fn end(work: &Work, name: &Name, result: Result<Gathered>) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut report = tx.resource_lock::<VerificationReport>(name).await?;
    let before = report.state;
    let run_name = name.parent().unwrap_or_else(|| name.clone());
    match result {
        Ok(gathered) => {
            report.state = VerificationState::Succeeded;
            let body = &mut report.body;
            body.money = gathered.money.rows();
            body.stock = gathered.stock.rows();
            body.comparisons = gathered.comparisons;
            let counts = tx.run_record_counts(&run_name).await?;
            let run = tx.resource_get::<Run>(&run_name).await?;
            let accounting = crate::app::run::account(run.body.totals.as_ref(), &counts);
            let unaccounted: i64 =
                accounting.kinds.values().map(|kind| kind.unaccounted().abs()).sum();
            body.passed = unaccounted == 0
                && body.comparisons.iter().all(KindVerification::is_clean)
                && gathered.money.balanced()
                && gathered.stock.balanced();
            body.end_time = Some(Utc::now());
            let document = report::document(&mut tx, &run, &report, &gathered.money).await?;
            report.body.report = Some(Box::new(document));
        }
        Err(error) => {
            tracing::warn!(report = %name, error = %error.chain(), "The verification failed.");
            report.state = VerificationState::Failed;
            report.body.failure = Some(error.to_failure());
            report.body.end_time = Some(Utc::now());
        }
    }
    tx.resource_update(&mut report).await?;
    let mut run = tx.resource_lock::<Run>(&run_name).await?;
    run.body.latest_verification_report = name.as_str().to_owned();
    tx.resource_update(&mut run).await?;
    tx.job_done(&work.claim).await?;
    tx.event_append(&name.stream(), &verification::state_event(&report, before)).await?;
    work.commit(tx).await
}
