//! The whole road into a simulated Medusa, and what keeps anybody from leaving it.

use cartage_client::{
    report, road,
    v1::{self, ErrorReason, export_verification_report_request::Format},
    wait,
};
use cartage_sandbox::medusa::Faults;

use crate::{
    support::{Server, refused_with, small_shop, soon, start_medusa},
    walk::{SLOW, Walk, live},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_shop_arrives_whole_and_a_second_run_writes_nothing() {
    let server = Server::start().await;
    let (files, manifest) = small_shop();
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let client = &walk.client;
    let audit = road::audit_snapshot(client, &walk.migration, &walk.snapshot.name, |_| {});
    let audit = soon(audit).await.unwrap();
    assert!(audit.finding_count > 0 && audit.rules_total >= 20, "{audit:?}");
    let (plan, before) = walk.ready().await;

    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), v1::run::State::Succeeded, "{run:?}");
    let accounting = run.accounting.clone().unwrap();
    assert_eq!(accounting.unaccounted, 0);
    for kind in &accounting.kinds {
        assert_eq!(kind.unaccounted, 0, "{kind:?}");
    }
    // Without the demo's rule, test accounts are migrated like all others.
    let outcomes = accounting.outcomes.unwrap();
    let expected = |outcome| i64::try_from(manifest.expected(outcome)).unwrap();
    use cartage_sandbox::shopify_export::Outcome;
    assert_eq!(outcomes.quarantined, expected(Outcome::Quarantined), "{outcomes:?}");
    assert_eq!(outcomes.merged, expected(Outcome::Merged), "{outcomes:?}");
    assert_eq!((outcomes.unknown, outcomes.excluded), (0, 0));
    assert!(run.write_call_count > 0);
    let quarantined = walk.records(&run.name, "outcome = QUARANTINED").await;
    assert_eq!(i64::try_from(quarantined.len()).unwrap(), outcomes.quarantined);
    assert!(quarantined.iter().all(|record| record.failure.is_some()), "{quarantined:?}");

    let report = soon(road::verify_run(client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    assert!(!report.money.is_empty() && !report.stock.is_empty());
    assert!(report.comparisons.iter().all(|kind| kind.different + kind.missing == 0));
    for (format, content_type, start) in
        [(Format::Json, "application/json", "{"), (Format::Html, "text/html; charset=utf-8", "<!")]
    {
        let mut bytes = Vec::new();
        let exported = report::export(client, &report.name, format, &mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(exported.content_type.starts_with(content_type), "{}", exported.content_type);
        assert!(text.starts_with(start), "{text:.60}");
        let outside = ["src=\"http", "<link", "@import"].iter().any(|it| text.contains(it));
        assert!(!outside, "the page fetches something");
    }

    let writes = walk.shop.state("cartage_key")["writes"].clone();
    let again = walk.live(&plan, &before).await;
    assert_eq!(again.state(), v1::run::State::Succeeded, "{again:?}");
    let accounting = again.accounting.unwrap();
    let effects = accounting.effects.unwrap();
    // What the shop refused is asked for anew; everything else is left alone.
    let by_the_shop = [ErrorReason::TargetRefusedRecord, ErrorReason::TargetConflict];
    let refused = quarantined
        .iter()
        .filter(|it| it.failure.as_ref().is_some_and(|why| by_the_shop.contains(&why.reason())));
    let refused = i64::try_from(refused.count()).unwrap();
    assert_eq!((again.write_call_count, accounting.unaccounted), (refused, 0), "{quarantined:?}");
    assert_eq!((effects.created, effects.updated, effects.deleted), (0, 0, 0));
    let arrived = outcomes.migrated + outcomes.changed;
    assert_eq!(effects.unchanged, arrived);
    assert_eq!(walk.shop.state("cartage_key")["writes"], writes, "the shop heard of nothing");
    let losses = v1::ListRunLossesRequest { parent: run.name, ..Default::default() };
    assert!(!client.call(losses).await.unwrap().losses.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_the_target_refuses_is_quarantined_with_the_cause() {
    let server = Server::start().await;
    let rows = "good,Good,,Acme,1\nbad,Refuse me,,Acme,2\nlast,Last,,Acme,3\n";
    let (walk, _files) = Walk::handful(&server, rows).await;
    let (plan, before) = walk.ready().await;
    walk.shop.set_faults(Faults { markers: vec!["Refuse me".to_owned()], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), v1::run::State::Succeeded, "{run:?}");
    let outcomes = run.accounting.clone().unwrap().outcomes.unwrap();
    assert_eq!((outcomes.quarantined, run.accounting.unwrap().unaccounted), (1, 0));
    assert_eq!(outcomes.migrated + outcomes.changed, 2);
    let records = walk.records(&run.name, "outcome = QUARANTINED").await;
    assert_eq!(records[0].source_id, "bad");
    let failure = records[0].failure.clone().unwrap();
    assert_eq!(failure.reason(), ErrorReason::TargetRefusedRecord, "{failure:?}");
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "what is in quarantine is explained: {report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_before_everything_that_must_come_first() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "good,Good,,Acme,1\n").await;
    let client = &walk.client;
    let none = "accounts/acme/connections/new/snapshots/none";
    // A plan that was not submitted, no restore test, no snapshot of the target.
    let plan =
        road::create_plan(client, &walk.migration, &walk.snapshot.name, &walk.revision).await;
    let plan = plan.unwrap();
    let start = |run: &v1::Run| v1::StartRunRequest {
        name: run.name.clone(),
        etag: run.etag.clone(),
        ..Default::default()
    };
    let unmet = |status: cartage_client::StatusError| {
        let mut reasons: Vec<String> =
            status.violations.into_iter().map(|violation| violation.reason).collect();
        reasons.sort_unstable();
        reasons
    };
    let run = walk.draft(live(&plan.name, none)).await;
    let status = refused_with(client, start(&run), ErrorReason::PreconditionsUnmet).await;
    assert_eq!(unmet(status), ["APPROVALS_MISSING", "RESTORE_TEST_REQUIRED", "SNAPSHOT_REQUIRED"]);
    let readiness = soon(road::readiness(client, &run.name)).await.unwrap();
    assert!(!readiness.ready);
    assert_eq!(readiness.items.len(), 3);

    // Losses that nobody acknowledged keep a plan from being submitted.
    let submit = v1::SubmitPlanRequest {
        name: plan.name.clone(),
        etag: plan.etag.clone(),
        ..Default::default()
    };
    let status = refused_with(client, submit, ErrorReason::PreconditionsUnmet).await;
    assert_eq!(unmet(status), ["LOSSES_UNACKNOWLEDGED", "RESTORE_TEST_REQUIRED"]);

    // A rehearsal does not go into a shop that is not isolated.
    let test = walk.draft(walk.test(&walk.target)).await;
    let status = refused_with(client, start(&test), ErrorReason::PreconditionsUnmet).await;
    assert_eq!(unmet(status), ["TARGET_NOT_ISOLATED"]);

    let etagless = v1::StartRunRequest { etag: String::new(), ..start(&run) };
    refused_with(client, etagless, ErrorReason::EtagRequired).await;
    let stale = v1::StartRunRequest { etag: "W/\"0\"".to_owned(), ..start(&run) };
    refused_with(client, stale, ErrorReason::EtagMismatch).await;
    assert_eq!(walk.shop.state("cartage_key")["writes"], 0);
    let scoped = server.client_with("acme", "runs.write runs.read").await;
    let approve = v1::ApprovePlanRequest { name: plan.name, ..Default::default() };
    refused_with(&scoped, approve, ErrorReason::ScopeMissing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_leaves_the_target_alone() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "good,Good,,Acme,1\nhat,Hat,,Acme,2\n").await;
    let sandbox = walk.sandbox().await;
    let run = walk.draft(walk.test(&sandbox)).await;
    assert_eq!(run.masking(), v1::Masking::Masked);
    let run = walk.rest(&run).await;
    assert_eq!(run.state(), v1::run::State::Succeeded, "{run:?}");
    assert_eq!(run.accounting.unwrap().unaccounted, 0);
    assert_eq!(walk.shop.state("cartage_key")["writes"], 0);
    let links = v1::ListRecordLinksRequest { parent: run.name.clone(), ..Default::default() };
    assert!(!walk.client.call(links).await.unwrap().record_links.is_empty());
    let links = v1::ListRecordLinksRequest { parent: walk.migration, ..Default::default() };
    assert!(walk.client.call(links).await.unwrap().record_links.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_paused_resumed_and_cancelled() {
    use v1::run::State;
    let server = Server::start().await;
    let (walk, _files) = Walk::slow(&server, 1_500).await;
    let client = &walk.client;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await;
    road::start_run(client, &run.name).await.unwrap();
    walk.recorded(&run.name).await;

    let second = walk.draft(live(&plan, &before)).await;
    let start = v1::StartRunRequest { name: second.name, etag: second.etag, ..Default::default() };
    let status = refused_with(client, start, ErrorReason::LiveRunActive).await;
    assert_eq!(status.metadata["run"], run.name);

    let pause = v1::PauseRunRequest { name: run.name.clone(), ..Default::default() };
    let pausing = client.call(pause.clone()).await.unwrap();
    assert!(matches!(pausing.state(), State::Pausing | State::Paused), "{pausing:?}");
    let paused = soon(wait::run(client, &run.name, |_| {})).await.unwrap();
    assert_eq!(paused.state(), State::Paused);
    assert_eq!(paused.pause_reason(), v1::run::PauseReason::Requested);
    assert_eq!(client.call(pause).await.unwrap().state(), State::Paused, "nothing to do");
    let then = walk.shop.state("cartage_key")["counts"]["products"].as_i64().unwrap();
    assert!(then < SLOW, "a pause takes hold between two batches");
    let migration = v1::GetMigrationRequest { name: walk.migration.clone() };
    let migration = client.call(migration).await.unwrap();
    assert_eq!(migration.state(), v1::migration::State::Paused);

    let resume = v1::ResumeRunRequest { name: run.name.clone(), ..Default::default() };
    client.call(resume).await.unwrap();
    let cancel = v1::CancelRunRequest { name: run.name.clone(), ..Default::default() };
    client.call(cancel).await.unwrap();
    let cancelled = soon(wait::run(client, &run.name, |_| {})).await.unwrap();
    assert_eq!(cancelled.state(), State::Cancelled, "{cancelled:?}");
    let resume = v1::ResumeRunRequest { name: run.name.clone(), ..Default::default() };
    let status = refused_with(client, resume, ErrorReason::StateConflict).await;
    assert_eq!(status.metadata["currentState"], "CANCELLED");

    // What it wrote stays, and the next run writes the rest and nothing twice.
    walk.shop.set_faults(Faults::default());
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let accounting = run.accounting.unwrap();
    let effects = accounting.effects.unwrap();
    assert!(effects.unchanged > 0 && effects.created > 0, "{effects:?}");
    assert_eq!((effects.unchanged + effects.created, accounting.unaccounted), (SLOW, 0));
    let state = walk.shop.state("cartage_key");
    assert_eq!(
        (&state["counts"]["products"], &state["duplicates"]),
        (&SLOW.into(), &serde_json::json!({}))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_throws_us_out_pauses_the_run_and_loses_nothing() {
    let server = Server::start().await;
    let (walk, _files) = Walk::slow(&server, 200).await;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await;
    road::start_run(&walk.client, &run.name).await.unwrap();
    walk.written().await;
    walk.shop.set_faults(Faults { revoked: true, ..Faults::default() });
    let paused = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_eq!(paused.state(), v1::run::State::Paused, "{paused:?}");
    assert_eq!(paused.pause_reason(), v1::run::PauseReason::CredentialsRejected);
    walk.shop.set_faults(Faults::default());
    let resume = v1::ResumeRunRequest { name: run.name.clone(), ..Default::default() };
    walk.client.call(resume).await.unwrap();
    let ended = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_eq!(ended.state(), v1::run::State::Succeeded, "{ended:?}");
    assert_eq!(ended.accounting.unwrap().unaccounted, 0);
    let state = walk.shop.state("cartage_key");
    assert_eq!(state["counts"]["products"], SLOW);
    assert_eq!(state["duplicates"], serde_json::json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_does_not_know_us_or_is_not_there_is_told_apart() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let shop = start_medusa().await;
    let mut wrong = crate::support::medusa_connection("acme", "wrong", &shop);
    wrong.connection.as_mut().unwrap().credentials = Some(v1::Credentials {
        secret: Some(v1::credentials::Secret::ApiKey("sk_wrong".to_owned())),
    });
    let gone = crate::support::medusa_connection("acme", "gone", &start_medusa().await);
    for (request, reasons) in [
        (wrong, vec![ErrorReason::CredentialsRejected]),
        (gone, vec![ErrorReason::UpstreamUnavailable]),
    ] {
        let made = client.call(request).await.unwrap();
        let shown = format!("{made:?}");
        assert!(made.credentials.is_none() && !shown.contains("sk_"), "{shown}");
        assert!(!made.credential_fingerprint.is_empty());
        let verify = v1::VerifyConnectionRequest { name: made.name.clone(), ..Default::default() };
        client.call(verify).await.unwrap();
        let found = soon(wait::connection(&client, &made.name)).await.unwrap();
        assert_eq!(found.state(), v1::connection::State::Failed);
        assert!(reasons.contains(&found.failure.unwrap().reason()), "{}", made.name);
    }
}
