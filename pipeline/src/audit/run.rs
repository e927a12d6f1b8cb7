//! Asks the rules, one after the other, and hands on what they find while they find it.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use cartage_model::Kind;
use datafusion::{
    error::DataFusionError, execution::context::SQLOptions, physical_plan::execute_stream,
    prelude::SessionContext,
};
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::{
    AuditError, AuditEvent, AuditSummary, Rule, RuleOutcome, Severity, findings::Rows, functions,
    rule::check_sql, statistics,
};
use crate::snapshot::{Snapshot, SnapshotError};

/// What a single rule may take and send. Memory is bounded by the snapshot's query limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLimits {
    /// How many findings of one rule are sent one by one; the rest is counted.
    pub findings_per_rule_max: u64,
    /// How long one rule may take. It is looked at between batches: a join that works for long
    /// without yielding a row is not interrupted, so rules of callers need a process of their own.
    pub rule_time_max: Duration,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self { findings_per_rule_max: 10_000, rule_time_max: Duration::from_secs(600) }
    }
}

/// Findings of one severity of one kind, rule by rule, as the health score takes them.
pub(super) type Counts = BTreeMap<Kind, Vec<(Severity, u64)>>;

/// Audits a snapshot with the usual limits.
///
/// # Errors
/// [`AuditError`] when the snapshot cannot be read at all. A rule that fails is in its outcome.
pub async fn audit(
    snapshot: &Snapshot,
    rules: &[Rule],
    on_event: impl FnMut(AuditEvent) -> ControlFlow<()> + Send,
) -> Result<AuditSummary, AuditError> {
    audit_with(snapshot, rules, &AuditLimits::default(), on_event).await
}

/// Audits a snapshot. `on_event` stops it by breaking.
///
/// # Errors
/// As [`audit`].
pub async fn audit_with(
    snapshot: &Snapshot,
    rules: &[Rule],
    limits: &AuditLimits,
    mut on_event: impl FnMut(AuditEvent) -> ControlFlow<()> + Send,
) -> Result<AuditSummary, AuditError> {
    let session = snapshot.session().await?;
    functions::register(&session);
    let mut outcomes = Vec::with_capacity(rules.len());
    let mut counts = Counts::new();
    let mut stopped = false;
    for (index, rule) in rules.iter().enumerate() {
        let started = AuditEvent::RuleStarted {
            rule_id: rule.id.clone(),
            number: index + 1,
            of: rules.len(),
        };
        if on_event(started).is_break() {
            stopped = true;
            break;
        }
        let (outcome, asked_to_stop) =
            ask(&session, rule, limits, &mut counts, &mut on_event).await;
        outcomes.push(outcome.clone());
        if asked_to_stop || on_event(AuditEvent::RuleFinished(outcome)).is_break() {
            stopped = true;
            break;
        }
    }
    let kinds = statistics::of_kinds(&session, snapshot.manifest(), &counts).await?;
    let findings = outcomes.iter().map(|outcome| outcome.count).sum();
    Ok(AuditSummary { rules: outcomes, kinds, findings, stopped })
}

/// Asks one rule. True when the caller wants no more.
async fn ask(
    session: &SessionContext,
    rule: &Rule,
    limits: &AuditLimits,
    counts: &mut Counts,
    on_event: &mut (impl FnMut(AuditEvent) -> ControlFlow<()> + Send),
) -> (RuleOutcome, bool) {
    let mut asking = Asking { rule, limits, by_kind: BTreeMap::new(), count: 0, sent: 0 };
    let result = asking.run(session, on_event).await;
    for (kind, count) in asking.by_kind {
        counts.entry(kind).or_default().push((rule.severity, count));
    }
    let (error, stopped) = match result {
        Ok(flow) => (None, flow.is_break()),
        Err(why) => (Some(why), false),
    };
    if let Some(error) = &error {
        tracing::warn!(rule = rule.id, error, "A rule of the audit failed.");
    }
    let outcome = RuleOutcome {
        rule_id: rule.id.clone(),
        severity: rule.severity,
        kind: rule.kind,
        count: asking.count,
        sent: asking.sent,
        error,
    };
    (outcome, stopped)
}

struct Asking<'a> {
    rule: &'a Rule,
    limits: &'a AuditLimits,
    by_kind: BTreeMap<Kind, u64>,
    count: u64,
    sent: u64,
}

impl Asking<'_> {
    /// Streams the answer. An error is a sentence without the shop's data.
    async fn run(
        &mut self,
        session: &SessionContext,
        on_event: &mut (impl FnMut(AuditEvent) -> ControlFlow<()> + Send),
    ) -> Result<ControlFlow<()>, String> {
        check_sql(&self.rule.sql).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + self.limits.rule_time_max;
        let late = || format!("it took longer than {} s", self.limits.rule_time_max.as_secs());
        let reads_only = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let plan = async {
            let frame = session.sql_with_options(&self.rule.sql, reads_only).await?;
            execute_stream(frame.create_physical_plan().await?, session.task_ctx())
        };
        let planned = timeout_at(deadline, plan).await.map_err(|_| late())?;
        let mut stream = planned.map_err(explain)?;
        loop {
            let next = timeout_at(deadline, stream.next()).await.map_err(|_| late())?;
            let Some(batch) = next else { return Ok(ControlFlow::Continue(())) };
            // A stream that is always ready never lets the timer speak.
            if Instant::now() >= deadline {
                return Err(late());
            }
            let rows = Rows::of(&batch.map_err(explain)?)?;
            for row in 0..rows.count() {
                if self.take(&rows, row, on_event).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn take(
        &mut self,
        rows: &Rows,
        row: usize,
        on_event: &mut (impl FnMut(AuditEvent) -> ControlFlow<()> + Send),
    ) -> ControlFlow<()> {
        let finding = rows.finding(self.rule, row);
        self.count += 1;
        *self.by_kind.entry(finding.kind).or_default() += 1;
        if self.sent >= self.limits.findings_per_rule_max {
            return ControlFlow::Continue(());
        }
        self.sent += 1;
        on_event(AuditEvent::Finding(finding))
    }
}

fn explain(error: DataFusionError) -> String {
    match SnapshotError::from(error) {
        SnapshotError::Query(error) => error.strip_backtrace(),
        other => other.to_string(),
    }
}
