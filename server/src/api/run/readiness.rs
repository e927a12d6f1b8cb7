//! Whether a run could start: its conditions, and the preflight of its records.

use std::time::Duration;

use cartage_pipeline::mapping::{KindPreflight, PreflightReason};
use cartage_proto::v1;

use super::{
    super::{Api, convert, own_name, page::Page},
    decode,
};
use crate::{
    app::{
        preflight::{self, State, Subject},
        readiness,
        run::{Run, RunKind, rollback},
    },
    error::{Error, Result},
    store::resource::Resource,
    token::Caller,
};

/// How long a call waits for the preflight.
const PATIENCE: Duration = Duration::from_secs(20);

impl Api {
    pub(super) async fn readiness(
        &self,
        caller: &Caller,
        request: v1::CheckRunReadinessRequest,
    ) -> Result<v1::CheckRunReadinessResponse> {
        use v1::check_run_readiness_request::Subject as Asked;
        let migration = own_name(caller, &request.parent, "migrations", "parent")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let (run, binding) = match &request.subject {
            Some(Asked::RunName(name)) => {
                let name = own_name(caller, name, "runs", "run_name")?;
                let run: Resource<Run> = tx.resource_get(&name).await?;
                (run.body, name.as_str().to_owned())
            }
            Some(Asked::Run(run)) => {
                let body = decode(&mut tx, caller, &migration, run).await?;
                let binding = serde_json::to_string(&body)?;
                (body, binding)
            }
            None => return Err(Error::field("run", "REQUIRED", "Say which run is meant.")),
        };
        let unmet = readiness::blockers(&mut tx, &migration, &run).await?;
        let forecast = match run.kind {
            RunKind::Rollback => Some(rollback::forecast(&mut tx, &migration, &run).await?),
            RunKind::Test | RunKind::Live | RunKind::Delta | RunKind::Reapply => None,
        };
        tx.rollback().await?;
        let items: Vec<v1::ReadinessItem> = unmet
            .iter()
            .map(|unmet| v1::ReadinessItem {
                precondition: v1::Precondition::from_str_name(&format!(
                    "PRECONDITION_{}",
                    unmet.condition
                ))
                .unwrap_or_default()
                .into(),
                severity: v1::Severity::Error.into(),
                message: unmet.description.clone(),
                resource: unmet.subject.clone(),
            })
            .collect();
        if let Some(forecast) = forecast {
            return Ok(encode_forecast(items, &forecast));
        }
        let state = self.preflight(caller, &run).await?;
        let complete = matches!(state, State::Done { .. });
        let page = Page::new(
            &caller.account,
            "CheckRunReadiness",
            &binding,
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let (preflight, issues) = encode(&state);
        let issue_count = i64::try_from(issues.len()).unwrap_or(i64::MAX);
        let keys = &self.app.keys;
        let first: usize = page.after(keys)?.unwrap_or_default();
        let rows = (1_usize..).zip(issues).skip(first);
        let (issues, next_page_token) =
            page.fill(keys, rows, |(place, _)| *place, |(_, issue)| issue)?;
        Ok(v1::CheckRunReadinessResponse {
            ready: items.is_empty() && complete,
            items,
            preflight: Some(preflight),
            issues,
            issue_count,
            next_page_token,
        })
    }

    async fn preflight(&self, caller: &Caller, run: &Run) -> Result<State> {
        let subject = Subject {
            account: caller.account.clone(),
            snapshot: run.snapshot.clone(),
            mapping_revision: run.mapping_revision.clone(),
            scope: run.scope.clone(),
        };
        let mut receiver = preflight::of(&self.app, subject)?;
        let done = receiver.wait_for(|state| !matches!(state, State::Running));
        if let Ok(Ok(state)) = tokio::time::timeout(PATIENCE, done).await {
            return Ok(state.clone());
        }
        let state = receiver.borrow().clone();
        Ok(state)
    }
}

/// What a ROLLBACK run could take back, in the form of a preflight.
fn encode_forecast(
    items: Vec<v1::ReadinessItem>,
    forecast: &[rollback::Forecast],
) -> v1::CheckRunReadinessResponse {
    let kinds = forecast.iter().map(|kind| v1::PreflightKind {
        kind: convert::record_kind(kind.kind).into(),
        total: kind.count + kind.restored,
        checked: kind.count + kind.restored,
        outcomes: Some(match kind.stays {
            None => {
                v1::OutcomeCounts { migrated: kind.count + kind.restored, ..Default::default() }
            }
            Some(_) => v1::OutcomeCounts {
                migrated: kind.restored,
                excluded: kind.count,
                ..Default::default()
            },
        }),
    });
    let mut preflight = v1::Preflight { kinds: kinds.collect(), ..Default::default() };
    preflight.set_state(v1::preflight::State::Succeeded);
    let issues: Vec<v1::PreflightIssue> = forecast
        .iter()
        .filter(|kind| kind.count > 0)
        .filter_map(|kind| {
            let mut issue = v1::PreflightIssue {
                kind: convert::record_kind(kind.kind).into(),
                message: format!("{} records stay: {}.", kind.count, kind.stays?),
                ..Default::default()
            };
            issue.set_action(v1::preflight_issue::Action::Omit);
            issue.set_reason(v1::ErrorReason::CapabilityUnsupported);
            Some(issue)
        })
        .collect();
    v1::CheckRunReadinessResponse {
        ready: items.is_empty(),
        items,
        preflight: Some(preflight),
        issue_count: i64::try_from(issues.len()).unwrap_or(i64::MAX),
        issues,
        next_page_token: String::new(),
    }
}

fn encode(state: &State) -> (v1::Preflight, Vec<v1::PreflightIssue>) {
    let mut preflight = v1::Preflight::default();
    let mut issues = Vec::new();
    match state {
        State::Running => preflight.set_state(v1::preflight::State::Running),
        State::Failed(failure) => {
            preflight.set_state(v1::preflight::State::Failed);
            preflight.failure = Some(convert::failure(failure));
        }
        State::Done { kinds, check_time } => {
            preflight.set_state(v1::preflight::State::Succeeded);
            preflight.check_time = Some(convert::timestamp(*check_time));
            preflight.kinds = kinds.iter().map(encode_kind).collect();
            for kind in kinds {
                issues.extend(issues_of(kind));
            }
        }
    }
    (preflight, issues)
}

fn encode_kind(kind: &KindPreflight) -> v1::PreflightKind {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    v1::PreflightKind {
        kind: convert::record_kind(kind.kind).into(),
        total: count(kind.records),
        checked: count(kind.records),
        outcomes: Some(v1::OutcomeCounts {
            migrated: count(kind.would_migrate),
            changed: count(kind.would_change),
            excluded: count(kind.would_exclude),
            quarantined: count(kind.would_quarantine),
            ..v1::OutcomeCounts::default()
        }),
    }
}

/// The issues of a kind: those of the records that are kept as samples of each cause.
fn issues_of(kind: &KindPreflight) -> Vec<v1::PreflightIssue> {
    use v1::preflight_issue::Action;
    let mut issues = Vec::new();
    let base = |source_id: &String, action: Action| v1::PreflightIssue {
        kind: convert::record_kind(kind.kind).into(),
        source_id: source_id.clone(),
        action: action.into(),
        ..v1::PreflightIssue::default()
    };
    for PreflightReason { reason, field, message, samples, .. } in &kind.quarantines {
        let reason =
            v1::ErrorReason::from_reason(reason).unwrap_or(v1::ErrorReason::TargetLimitExceeded);
        for source_id in samples {
            issues.push(v1::PreflightIssue {
                target_field: field.clone().unwrap_or_default(),
                reason: reason.into(),
                message: message.clone(),
                ..base(source_id, Action::Quarantine)
            });
        }
    }
    for change in &kind.changes {
        for source_id in &change.samples {
            issues.push(v1::PreflightIssue {
                target_field: change.field.clone(),
                reason: v1::ErrorReason::TargetLimitExceeded.into(),
                message: change.why.clone(),
                ..base(source_id, Action::Change)
            });
        }
    }
    issues.sort_by(|left, right| (left.kind, &left.source_id).cmp(&(right.kind, &right.source_id)));
    issues
}
