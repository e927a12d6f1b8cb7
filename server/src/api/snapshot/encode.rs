//! Snapshots and restore tests on the wire.

use std::collections::BTreeMap;

use cartage_model::{Kind, Scope, ScopeNode, ScopeTree};
use cartage_proto::v1;

use crate::{
    api::{convert, run::encode::kinds},
    app::{
        restore_test::{RestoreTest, RestoreTestState, Verdict},
        snapshot::{Snapshot, SnapshotState},
    },
    store::{progress::Progress, resource::Resource},
};

/// As many scopes are shown with a snapshot.
const SCOPES_MAX: usize = 200;

/// A snapshot, with how far it has come where that is known.
pub(super) fn snapshot(snapshot: &Resource<Snapshot>, progress: Option<&Progress>) -> v1::Snapshot {
    let body = &snapshot.body;
    let done = snapshot.state == SnapshotState::Succeeded;
    let nodes = body.scopes.as_ref().map(ScopeTree::nodes).unwrap_or_default();
    v1::Snapshot {
        name: snapshot.name.to_string(),
        uid: snapshot.uid.to_string(),
        display_name: body.display_name.clone(),
        kinds: body.kinds.iter().map(|kind| convert::record_kind(*kind).into()).collect(),
        platform: format!("platforms/{}", body.platform),
        state: state(snapshot.state).into(),
        progress: if done {
            complete(body)
        } else {
            progress.map(|it| without_outcomes(kinds(&it.kinds))).unwrap_or_default()
        },
        record_counts: counts(
            body.counts.iter().map(|(kind, it)| (*kind, it.records.saturating_add(it.unreadable))),
        ),
        quarantined_counts: counts(body.counts.iter().map(|(kind, it)| (*kind, it.unreadable))),
        source_bytes: body.source_bytes,
        stored_bytes: body.stored_bytes,
        manifest_digest: body.manifest_digest.clone(),
        format_version: body.format_version,
        read_map_version: body.read_map_version,
        latest_restore_test: body.latest_restore_test.clone(),
        restore_verdict: verdict(body.restore_verdict).into(),
        failure: body.failure.as_ref().map(convert::failure),
        start_time: body.start_time.map(convert::timestamp),
        end_time: body.end_time.map(convert::timestamp),
        etag: snapshot.etag(),
        create_time: Some(convert::timestamp(snapshot.create_time)),
        update_time: Some(convert::timestamp(snapshot.update_time)),
        scopes: nodes.iter().take(SCOPES_MAX).map(shop_scope).collect(),
        scope_count: i32::try_from(nodes.len()).unwrap_or(i32::MAX),
    }
}

fn shop_scope(node: &ScopeNode) -> v1::ShopScope {
    let parent = match (&node.scope, &node.parent) {
        (Scope::Shop, _) => None,
        (_, parent) => Some(parent.as_ref().unwrap_or(&Scope::Shop)),
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    v1::ShopScope {
        level: level(&node.scope).into(),
        code: node.scope.code().unwrap_or_default().to_owned(),
        parent_level: parent.map_or(v1::shop_scope::Level::Unspecified, level).into(),
        parent_code: parent.and_then(Scope::code).unwrap_or_default().to_owned(),
        display_name: text(&node.title),
        source_type: text(&node.source_type),
        language_code: text(&node.locale),
        currency_code: node.currency.as_ref().map(ToString::to_string).unwrap_or_default(),
        base_url: text(&node.base_url),
    }
}

const fn level(scope: &Scope) -> v1::shop_scope::Level {
    match scope {
        Scope::Shop => v1::shop_scope::Level::Shop,
        Scope::Website(_) => v1::shop_scope::Level::Website,
        Scope::StoreView(_) => v1::shop_scope::Level::StoreView,
        Scope::Locale(_) => v1::shop_scope::Level::Locale,
    }
}

/// A restore test.
pub(super) fn restore_test(test: &Resource<RestoreTest>) -> v1::RestoreTest {
    let body = &test.body;
    let state = match test.state {
        RestoreTestState::Pending => v1::restore_test::State::Pending,
        RestoreTestState::Running => v1::restore_test::State::Running,
        RestoreTestState::Succeeded => v1::restore_test::State::Succeeded,
        RestoreTestState::Failed => v1::restore_test::State::Failed,
    };
    v1::RestoreTest {
        name: test.name.to_string(),
        uid: test.uid.to_string(),
        state: state.into(),
        verdict: verdict(body.verdict).into(),
        finding: body.finding.as_ref().map(convert::failure),
        expected_manifest_digest: body.expected_digest.clone(),
        actual_manifest_digest: body.actual_digest.clone(),
        record_counts: counts(body.counts.iter().map(|(kind, count)| (*kind, *count))),
        segment_count: body.segment_count,
        compared_bytes: body.compared_bytes,
        failure: body.failure.as_ref().map(convert::failure),
        start_time: body.start_time.map(convert::timestamp),
        end_time: body.end_time.map(convert::timestamp),
        etag: test.etag(),
        create_time: Some(convert::timestamp(test.create_time)),
        update_time: Some(convert::timestamp(test.update_time)),
    }
}

/// The state of a snapshot.
const fn state(state: SnapshotState) -> v1::snapshot::State {
    match state {
        SnapshotState::Pending => v1::snapshot::State::Pending,
        SnapshotState::Running => v1::snapshot::State::Running,
        SnapshotState::Succeeded => v1::snapshot::State::Succeeded,
        SnapshotState::Failed => v1::snapshot::State::Failed,
        SnapshotState::Cancelling => v1::snapshot::State::Cancelling,
        SnapshotState::Cancelled => v1::snapshot::State::Cancelled,
    }
}

const fn verdict(verdict: Option<Verdict>) -> v1::restore_test::Verdict {
    match verdict {
        None => v1::restore_test::Verdict::Unspecified,
        Some(Verdict::Passed) => v1::restore_test::Verdict::Passed,
        Some(Verdict::Failed) => v1::restore_test::Verdict::Failed,
    }
}

/// Outcomes and effects are what becomes of records in runs; a snapshot has none.
pub(super) fn without_outcomes(mut kinds: Vec<v1::KindProgress>) -> Vec<v1::KindProgress> {
    for kind in &mut kinds {
        (kind.outcomes, kind.effects) = (None, None);
    }
    kinds
}

fn counts(counts: impl Iterator<Item = (Kind, i64)>) -> Vec<v1::KindCount> {
    counts
        .map(|(kind, count)| v1::KindCount { kind: convert::record_kind(kind).into(), count })
        .collect()
}

/// The progress of a complete snapshot: everything is done.
fn complete(body: &Snapshot) -> Vec<v1::KindProgress> {
    let all: BTreeMap<Kind, i64> =
        body.counts.iter().map(|(kind, it)| (*kind, it.records + it.unreadable)).collect();
    all.into_iter()
        .map(|(kind, count)| v1::KindProgress {
            kind: convert::record_kind(kind).into(),
            total: Some(count),
            done: count,
            ..v1::KindProgress::default()
        })
        .collect()
}
