//! Runs on the wire.

use std::collections::BTreeMap;

use cartage_proto::v1;

use super::{
    super::convert::{self, record_kind_of, timestamp},
    change,
};
use crate::{
    api::migration::encode_scope,
    app::run::{Run, RunKind},
    store::{
        progress::{KindProgress, Progress},
        resource::Resource,
        run_record::OutcomeCount,
    },
};

/// A run with its counts.
pub(super) fn encode(
    run: &Resource<Run>,
    counts: &[OutcomeCount],
    progress: Option<&Progress>,
    write_call_count: i64,
) -> v1::Run {
    let body = &run.body;
    let state = format!("STATE_{}", run.state.as_str());
    let state = v1::run::State::from_str_name(run.state.as_str())
        .or_else(|| v1::run::State::from_str_name(&state))
        .unwrap_or_default();
    let pause = format!("PAUSE_REASON_{}", body.pause_reason);
    v1::Run {
        name: run.name.as_str().to_owned(),
        uid: run.uid.to_string(),
        display_name: body.display_name.clone(),
        kind: kind(body.kind).into(),
        plan: body.plan.clone(),
        snapshot: body.snapshot.clone(),
        mapping_revision: body.mapping_revision.clone(),
        scope: Some(encode_scope(&body.scope)),
        target_connection: body.target_connection.clone(),
        target_snapshot: body.target_snapshot.clone(),
        masking: if body.masked { v1::Masking::Masked } else { v1::Masking::None }.into(),
        max_quarantined_records: body.quarantined_max,
        state: state.into(),
        pause_reason: v1::run::PauseReason::from_str_name(&pause).unwrap_or_default().into(),
        progress: progress.map_or_else(Vec::new, |progress| kinds(&progress.kinds)),
        accounting: body.totals.as_ref().map(|totals| accounting(totals, counts)),
        failure: body.failure.as_ref().map(convert::failure),
        worker: (!body.worker.is_empty()).then(|| v1::WorkerInfo {
            worker_id: body.worker.clone(),
            activity: progress.map_or_else(String::new, |progress| progress.activity.clone()),
            lease_expire_time: None,
        }),
        recovery_count: body.recovery_count,
        write_call_count,
        latest_verification_report: body.latest_verification_report.clone(),
        start_time: body.start_time.map(timestamp),
        end_time: body.end_time.map(timestamp),
        etag: run.etag(),
        create_time: Some(timestamp(run.create_time)),
        update_time: Some(timestamp(run.update_time)),
        rollback_run: body.rollback_run.clone(),
        rollback_runs: body.rollback_runs.clone(),
        rolled_back_by: body.rolled_back_by.clone(),
        acceptance: body.acceptance.as_ref().map(|acceptance| v1::RunAcceptance {
            actor: acceptance.actor.clone(),
            reason: acceptance.reason.clone(),
            accept_time: Some(timestamp(acceptance.accept_time)),
        }),
        schedule: body.schedule.as_ref().map(super::schedule::encode),
        next_start_time: body.next_start_time.map(timestamp),
        conflict_policies: body.conflict_policies.iter().map(change::encode_policy).collect(),
        deleted_records: change::encode_deleted(body).into(),
        match_rules: body.match_rules.iter().map(change::encode_rule).collect(),
    }
}

/// What a run is for, on the wire.
pub(super) const fn kind(kind: RunKind) -> v1::RunKind {
    match kind {
        RunKind::Test => v1::RunKind::Test,
        RunKind::Live => v1::RunKind::Live,
        RunKind::Delta => v1::RunKind::Delta,
        RunKind::Reapply => v1::RunKind::Reapply,
        RunKind::Rollback => v1::RunKind::Rollback,
    }
}

/// Progress per kind on the wire.
pub(in crate::api) fn kinds(kinds: &[KindProgress]) -> Vec<v1::KindProgress> {
    kinds
        .iter()
        .map(|kind| v1::KindProgress {
            kind: record_kind_of(&kind.kind),
            total: kind.total,
            done: kind.done,
            outcomes: Some(outcomes(&kind.outcomes)),
            effects: Some(effects(&kind.effects)),
            rate_per_second: kind.rate_per_second,
            eta: kind.eta_s.and_then(duration),
        })
        .collect()
}

/// Seconds on the wire.
pub(in crate::api) fn duration(seconds: f64) -> Option<prost_types::Duration> {
    std::time::Duration::try_from_secs_f64(seconds).ok()?.try_into().ok()
}

/// Progress on the wire.
pub(in crate::api) fn progress(resource: &str, state: &str, from: &Progress) -> v1::Progress {
    let eta_s = from.kinds.iter().filter_map(|kind| kind.eta_s).reduce(add);
    v1::Progress {
        resource: resource.to_owned(),
        state: state.to_owned(),
        activity: from.activity.clone(),
        kinds: kinds(&from.kinds),
        done: from.done,
        total: from.total,
        rate_per_second: from.kinds.iter().map(|kind| kind.rate_per_second).fold(0.0, add),
        eta: eta_s.and_then(duration),
        measure_time: None,
    }
}

#[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
fn add(left: f64, right: f64) -> f64 {
    left + right
}

/// The accounting on the wire.
pub(in crate::api) fn accounting(
    totals: &BTreeMap<String, i64>,
    counts: &[OutcomeCount],
) -> v1::Accounting {
    /// Counts by outcome and by effect.
    type Sums = (BTreeMap<String, i64>, BTreeMap<String, i64>);
    let mut by_kind: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut all = Sums::default();
    for count in counts {
        let kind = by_kind.entry(&count.kind).or_default();
        for sums in [kind, &mut all] {
            *sums.0.entry(count.outcome.clone()).or_default() += count.count;
            *sums.1.entry(count.effect.clone()).or_default() += count.count;
        }
    }
    let kinds: Vec<v1::KindAccounting> = cartage_model::Kind::ALL
        .iter()
        .filter_map(|kind| {
            let total = *totals.get(kind.as_str())?;
            let (by_outcome, by_effect) = by_kind.get(kind.as_str()).cloned().unwrap_or_default();
            Some(v1::KindAccounting {
                kind: convert::record_kind(*kind).into(),
                total,
                unaccounted: total - by_outcome.values().sum::<i64>(),
                outcomes: Some(outcomes(&by_outcome)),
                effects: Some(effects(&by_effect)),
            })
        })
        .collect();
    v1::Accounting {
        total: totals.values().sum(),
        // Too many in one kind do not make up for too few in another.
        unaccounted: kinds.iter().map(|kind| kind.unaccounted.abs()).sum(),
        kinds,
        outcomes: Some(outcomes(&all.0)),
        effects: Some(effects(&all.1)),
    }
}

fn outcomes(counts: &BTreeMap<String, i64>) -> v1::OutcomeCounts {
    let of = |name: &str| counts.get(name).copied().unwrap_or_default();
    v1::OutcomeCounts {
        migrated: of("migrated"),
        merged: of("merged"),
        changed: of("changed"),
        excluded: of("excluded"),
        quarantined: of("quarantined"),
        unknown: of("unknown"),
    }
}

fn effects(counts: &BTreeMap<String, i64>) -> v1::EffectCounts {
    let of = |name: &str| counts.get(name).copied().unwrap_or_default();
    v1::EffectCounts {
        created: of("created"),
        updated: of("updated"),
        unchanged: of("unchanged"),
        deleted: of("deleted"),
        none: of("none"),
    }
}
