//! Performs audits: asks the rules over a snapshot and keeps what they find while they find it.
//!
//! What was committed stays when the work is taken up again, so the sequence of a finding never
//! changes and a watcher's token of an earlier attempt is as good as a new one. The number of rules
//! that are through is committed with the last findings of each; of the rule that was cut off, the
//! findings that are there already are passed over. They are the same again, because the snapshot
//! never changes.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use cartage_pipeline::audit::{self as rules, AuditEvent, Rule, RuleOutcome, Severity};
use chrono::Utc;
use tokio::sync::mpsc;

use super::{ATTEMPTS_MAX, Work, snapshot::final_failure};
use crate::{
    app::{
        audit::{self, Audit, AuditState, FindingCount},
        snapshot,
    },
    error::{Error, Failure, Result},
    id,
    name::Name,
    reason::Reason,
    store::{
        event::NewEvent,
        finding::{Finding, FindingFilter},
        progress::Progress,
        resource::Resource,
    },
};

/// How many findings are committed together at most.
const BATCH_FINDINGS: usize = 100;
/// How long a finding waits for others.
const BATCH_TIME: Duration = Duration::from_millis(250);
/// How many findings are read at once where a rule was cut off.
const PAGE_FINDINGS: i64 = 1_000;
/// How often the worker looks whether it may go on while nothing is found.
const PERIOD: Duration = Duration::from_secs(1);

/// Performs an audit.
pub(super) async fn perform(work: &Work) -> Result<()> {
    let Some(audit) = begin(work).await? else { return Ok(()) };
    match attempt(work, &audit).await {
        Ok(Some(outcomes)) => end(work, AuditState::Succeeded, None, &outcomes).await,
        Ok(None) => end(work, AuditState::Cancelled, None, &[]).await,
        Err(error) if error.reason.is_retryable() && work.claim.attempt < ATTEMPTS_MAX => {
            Err(error)
        }
        Err(error) => {
            tracing::info!(audit = %audit.name, error = %error.chain(), "An audit fails.");
            end(work, AuditState::Failed, Some(final_failure(&error)), &[]).await
        }
    }
}

/// A result in which a rule is missing is not complete.
fn rule_failure(outcome: &RuleOutcome) -> Option<Failure> {
    let problem = outcome.error.as_ref()?;
    let error = Error::new(
        Reason::InternalError,
        format!("The rule {} could not be asked to its end: {problem}", outcome.rule_id),
    )
    .with("rule", format!("{}{}", audit::RULES, outcome.rule_id));
    Some(error.to_failure())
}

/// Notes that the work begins; none when there is nothing to do.
async fn begin(work: &Work) -> Result<Option<Resource<Audit>>> {
    let mut tx = work.begin().await?;
    let mut audit = tx.resource_lock::<Audit>(&work.claim.resource).await?;
    let before = audit.state;
    if before == AuditState::Cancelling {
        tx.rollback().await?;
        end(work, AuditState::Cancelled, None, &[]).await?;
        return Ok(None);
    }
    if before.is_terminal() {
        tx.job_done(&work.claim).await?;
        work.commit(tx).await?;
        return Ok(None);
    }
    if before == AuditState::Pending {
        audit.state = AuditState::Running;
        audit.body.start_time = Some(Utc::now());
        tx.resource_update(&mut audit).await?;
        let event = NewEvent::about(&audit, "state_changed", Some(before));
        tx.event_append(&audit.name.stream(), &event).await?;
    }
    work.commit(tx).await?;
    Ok(Some(audit))
}

/// Asks the rules that are left; none when the audit was cancelled.
async fn attempt(work: &Work, audit: &Resource<Audit>) -> Result<Option<Vec<RuleOutcome>>> {
    let name = Name::trusted(audit.body.snapshot.as_str());
    let stored = snapshot::open(&work.app, &work.claim.account, &name).await?;
    let mut keeper = Keeper::open(work, audit).await?;
    let left: Vec<Rule> = keeper.left().into_iter().cloned().collect();
    let (sender, mut events) = mpsc::unbounded_channel();
    // In a task of its own, so that asking and keeping go on side by side. When this side stops
    // listening, the other one stops asking.
    let asking = tokio::spawn(async move {
        let tell = |event| match sender.send(event) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        rules::audit(&stored, &left, tell).await
    });
    let mut outcomes = Vec::new();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = tokio::time::sleep(keeper.patience()) => {
                if !keeper.keep().await? {
                    return Ok(None);
                }
                continue;
            }
        };
        let going_on = match event {
            None => break,
            Some(AuditEvent::RuleStarted { rule_id, .. }) => keeper.start(rule_id).await?,
            Some(AuditEvent::Finding(finding)) => keeper.take(finding).await?,
            Some(AuditEvent::RuleFinished(outcome)) => {
                keeper.note_failure(&outcome).await?;
                outcomes.push(outcome);
                keeper.finish_rule().await?
            }
        };
        if !going_on {
            return Ok(None);
        }
    }
    match asking.await.map_err(Error::internal)? {
        Ok(_) => Ok(Some(outcomes)),
        Err(rules::AuditError::Snapshot(error)) => Err(error.into()),
    }
}

/// What tells a finding of a rule from another one.
type Identity = (String, String, String, String);

/// Keeps findings and tells how far the audit is.
struct Keeper<'a> {
    work: &'a Work,
    order: Vec<String>,
    /// How many rules are through.
    done: usize,
    /// The rule at hand.
    rule: String,
    /// Findings of the rule at hand that an earlier attempt kept, and how many of each.
    kept: HashMap<Identity, usize>,
    waiting: Vec<Finding>,
    waiting_since: Instant,
}

impl<'a> Keeper<'a> {
    async fn open(work: &'a Work, audit: &Resource<Audit>) -> Result<Self> {
        let mut tx = work.begin().await?;
        let progress = tx.progress_get(&audit.name).await?.unwrap_or_default();
        let order = audit.body.order.clone();
        let done = usize::try_from(progress.done).unwrap_or_default().min(order.len());
        let mut kept = HashMap::new();
        if let Some(rule) = order.get(done) {
            let filter = FindingFilter { rule: rule.clone(), ..FindingFilter::default() };
            let mut after = 0;
            loop {
                let page = tx.finding_page(&audit.name, &filter, after, PAGE_FINDINGS).await?;
                let Some(last) = page.last().map(|finding| finding.sequence) else { break };
                after = last;
                for finding in page {
                    *kept.entry(identity(&finding)).or_insert(0) += 1;
                }
            }
        }
        tx.rollback().await?;
        Ok(Self {
            work,
            order,
            done,
            rule: String::new(),
            kept,
            waiting: Vec::new(),
            waiting_since: Instant::now(),
        })
    }

    /// The rules that are not through. One this version does not know any more is left out.
    fn left(&self) -> Vec<&'static Rule> {
        self.order.iter().skip(self.done).filter_map(|id| audit::rule(id)).collect()
    }

    /// How long to wait for the next finding before those that wait are kept.
    fn patience(&self) -> Duration {
        if self.waiting.is_empty() {
            return PERIOD;
        }
        BATCH_TIME.saturating_sub(self.waiting_since.elapsed())
    }

    async fn start(&mut self, rule: String) -> Result<bool> {
        // By its place, not by counting: rules that are not known any more are through too.
        if let Some(place) = self.order.iter().position(|id| *id == rule) {
            if place != self.done {
                self.kept.clear();
            }
            self.done = place;
        }
        self.rule = rule;
        self.keep().await
    }

    async fn take(&mut self, finding: rules::Finding) -> Result<bool> {
        let finding = stored(finding);
        if let Some(count) = self.kept.get_mut(&identity(&finding)).filter(|count| **count > 0) {
            *count -= 1;
            return Ok(true);
        }
        if self.waiting.is_empty() {
            self.waiting_since = Instant::now();
        }
        self.waiting.push(finding);
        if self.waiting.len() < BATCH_FINDINGS {
            return Ok(true);
        }
        self.keep().await
    }

    /// Notes with the audit that a rule failed, before the rule counts as through: the failure must
    /// not be forgotten when the work is taken up again. The other rules are asked all the same.
    async fn note_failure(&self, outcome: &RuleOutcome) -> Result<()> {
        let Some(failure) = rule_failure(outcome) else { return Ok(()) };
        let mut tx = self.work.begin().await?;
        let mut audit = tx.resource_lock::<Audit>(&self.work.claim.resource).await?;
        audit.body.rule_failure.get_or_insert(failure);
        tx.resource_update(&mut audit).await?;
        self.work.commit(tx).await
    }

    async fn finish_rule(&mut self) -> Result<bool> {
        self.kept.clear();
        self.done += 1;
        self.keep().await
    }

    /// Commits what waits; false when the audit was cancelled.
    async fn keep(&mut self) -> Result<bool> {
        self.work.go_on()?;
        let name = &self.work.claim.resource;
        let mut tx = self.work.begin().await?;
        if !self.waiting.is_empty() {
            tx.finding_insert(name, &self.waiting).await?;
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let progress = Progress {
            activity: self.rule.clone(),
            kinds: Vec::new(),
            done: number(self.done),
            total: Some(number(self.order.len())),
        };
        tx.progress_put(name, &progress).await?;
        let state = tx.resource_get::<Audit>(name).await?.state;
        self.work.commit(tx).await?;
        self.waiting.clear();
        Ok(state != AuditState::Cancelling)
    }
}

fn identity(finding: &Finding) -> Identity {
    (
        finding.kind.clone(),
        finding.source_id.clone(),
        finding.field.clone(),
        finding.evidence.clone(),
    )
}

/// A finding as it is kept. Its sequence is given when it is written.
fn stored(finding: rules::Finding) -> Finding {
    let rule = audit::rule(&finding.rule_id);
    Finding {
        sequence: 0,
        uid: id::new(),
        message: rule.map_or_else(String::new, |rule| rule.title.clone()),
        rule: finding.rule_id,
        severity: severity(finding.severity).to_owned(),
        kind: finding.kind.to_string(),
        source_id: finding.source_id,
        field: finding.field.unwrap_or_default(),
        evidence: finding.evidence.unwrap_or_default(),
        suggestion: finding.repair,
        create_time: Utc::now(),
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// Ends the work. What was found stays, however it ends.
async fn end(
    work: &Work,
    state: AuditState,
    failure: Option<Failure>,
    outcomes: &[RuleOutcome],
) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut audit = tx.resource_lock::<Audit>(&work.claim.resource).await?;
    let before = audit.state;
    let failure = failure.or_else(|| audit.body.rule_failure.take());
    audit.state = match before {
        AuditState::Cancelling => AuditState::Cancelled,
        _ if failure.is_some() => AuditState::Failed,
        _ => state,
    };
    let counted = tx.finding_counts(&audit.name).await?;
    audit.body.counts = counts(counted, outcomes);
    audit.body.failure = failure.filter(|_| audit.state == AuditState::Failed);
    audit.body.end_time = Some(Utc::now());
    tx.resource_update(&mut audit).await?;
    let mut event = NewEvent::about(&audit, "state_changed", Some(before));
    event.failure.clone_from(&audit.body.failure);
    let findings: i64 = audit.body.counts.iter().map(|it| it.count).sum();
    event.attributes.insert("findingCount".to_owned(), findings.to_string());
    tx.job_done(&work.claim).await?;
    tx.event_append(&audit.name.stream(), &event).await?;
    work.commit(tx).await
}

/// The findings per rule: as many as were found, also where only the first ones of very many are
/// kept.
fn counts(kept: Vec<(String, String, i64)>, outcomes: &[RuleOutcome]) -> Vec<FindingCount> {
    kept.into_iter()
        .map(|(rule, severity, count)| {
            let found = outcomes.iter().find(|outcome| outcome.rule_id == rule);
            let found = found.and_then(|outcome| i64::try_from(outcome.count).ok());
            FindingCount { rule, severity, count: found.unwrap_or(count).max(count) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_found_more_than_is_kept_says_how_many() {
        let outcome = |rule: &str, count| RuleOutcome {
            rule_id: rule.to_owned(),
            severity: Severity::Error,
            kind: cartage_model::Kind::Product,
            count,
            sent: 3,
            error: None,
        };
        let kept = |rule: &str| (rule.to_owned(), "error".to_owned(), 3);
        let found = counts(vec![kept("a"), kept("b")], &[outcome("a", 50)]);
        assert_eq!(found.iter().map(|it| it.count).collect::<Vec<_>>(), [50, 3]);
    }

    #[test]
    fn findings_are_kept_in_the_words_of_the_tables() {
        let rule = &audit::rules()[0];
        let kept = stored(rules::Finding {
            rule_id: rule.id.clone(),
            severity: Severity::Warning,
            kind: cartage_model::Kind::GiftCard,
            field: None,
            source_id: "7".to_owned(),
            evidence: None,
            repair: "mend it".to_owned(),
        });
        assert_eq!((kept.severity.as_str(), kept.kind.as_str()), ("warning", "gift_card"));
        assert_eq!(kept.message, rule.title);
    }
}
