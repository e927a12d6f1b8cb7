//! What becomes of records in live runs: twins, refusals that are lifted, parts of a plan, a target
//! that is away.

use std::collections::BTreeMap;

use cartage_client::{
    road,
    v1::{self, ErrorReason, RecordKind, run::State},
    wait,
};
use cartage_sandbox::medusa::Faults;

use crate::{
    support::{Server, folder, products, refused, refused_with, soon, start_medusa},
    walk::{Walk, live},
};

/// Customers of this name, address and id are made: `(id, first name, e-mail)`.
fn customers(rows: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut text = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,\
        Default Address Address1,Default Address City,Default Address Country Code,\
        Default Address Zip,Phone,Note,Tags\n"
        .to_owned();
    for (id, first_name, email) in rows {
        text.push_str(&format!("'{id},{first_name},Muster,{email},no,Weg 1,Bern,CH,3000,,,\n"));
    }
    text.into_bytes()
}

fn some(kind: RecordKind, source_ids: &[&str]) -> v1::Scope {
    let filter = v1::KindFilter {
        kind: kind.into(),
        source_ids: source_ids.iter().map(|id| (*id).to_owned()).collect(),
        ..Default::default()
    };
    v1::Scope { kinds: vec![kind.into()], filters: vec![filter] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_record_takes_none_of_its_twins_with_it() {
    let server = Server::start().await;
    let twins = [
        ("1", "Refuse me", "same@example.com"),
        ("2", "Berta", "same@example.com"),
        ("3", "Cara", "Same@example.com"),
        ("4", "Dora", "dora@example.com"),
    ];
    let files = folder(&[("customers_export.csv", &customers(&twins))]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    walk.shop.set_faults(Faults { markers: vec!["Refuse me".to_owned()], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let records = walk.records(&run.name, "kind = CUSTOMER").await;
    let of: BTreeMap<&str, &v1::RunRecord> =
        records.iter().map(|record| (record.source_id.as_str(), record)).collect();
    let outcome = |id: &str| of[id].outcome();
    assert_eq!(outcome("1"), v1::Outcome::Quarantined);
    assert!(matches!(outcome("2"), v1::Outcome::Migrated | v1::Outcome::Changed), "{records:?}");
    assert_eq!(outcome("3"), v1::Outcome::Merged);
    assert_eq!(of["3"].merged_into, "2");
    let state = walk.shop.state("cartage_key");
    assert_eq!(
        (&state["counts"]["customers"], &state["duplicates"]),
        (&2.into(), &serde_json::json!({}))
    );
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_refers_to_a_record_that_is_left_out_says_so() {
    let server = Server::start().await;
    let mut rows = customers(&[("1", "Anna", "anna@example.com")]);
    rows.truncate(rows.len() - 1);
    rows.extend_from_slice(b"vip\n");
    let files = folder(&[("customers_export.csv", &rows)]);
    let mut walk = Walk::begin(&server, files.path()).await;
    let client = walk.client.clone();
    let name = walk.revision.rsplit_once("/revisions/").unwrap().0.to_owned();
    let mut mapping = client.call(v1::GetMappingRequest { name }).await.unwrap();
    mapping.content.as_mut().unwrap().exclusions.push(v1::RecordFilter {
        kind: RecordKind::CustomerGroup.into(),
        name: "no_groups".to_owned(),
        predicate: ".title != \"\"".to_owned(),
    });
    let update = v1::UpdateMappingRequest { mapping: Some(mapping), ..Default::default() };
    let mapping = client.call(update).await.unwrap();
    let publish =
        v1::PublishMappingRequest { name: mapping.name, etag: mapping.etag, ..Default::default() };
    walk.revision = client.call(publish).await.unwrap().name;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    let outcomes = run.accounting.unwrap().outcomes.unwrap();
    assert_eq!((outcomes.excluded, outcomes.changed), (1, 1), "{outcomes:?}");
    let records = walk.records(&run.name, "outcome = CHANGED").await;
    let change = records[0].changes.iter().find(|change| change.field == "groups").unwrap();
    assert!(change.reason.contains("not in the target"), "{change:?}");
    let report = soon(road::verify_run(&client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_shop_refused_once_is_asked_for_again_by_the_next_run() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "good,Good,,Acme,1\nbad,Refuse me,,Acme,2\n").await;
    let (plan, before) = walk.ready().await;
    walk.shop.set_faults(Faults { markers: vec!["Refuse me".to_owned()], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.accounting.unwrap().outcomes.unwrap().quarantined, 1);
    walk.shop.set_faults(Faults::default());
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let effects = run.accounting.unwrap().effects.unwrap();
    assert_eq!((effects.created, effects.unchanged), (1, 1));
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_plan_are_verified_apart_and_nothing_beyond_it_is_run() {
    let server = Server::start().await;
    let rows = "a,A,,Acme,1\nb,B,,Acme,2\nc,C,,Acme,3\n";
    let (walk, _files) = Walk::handful(&server, rows).await;
    walk.restore().await;
    let before = walk.before().await;
    let client = &walk.client;
    let options = road::Options::new("accounts/acme", &walk.source, &walk.target);
    let request = v1::CreatePlanRequest {
        parent: walk.migration.clone(),
        plan: Some(v1::Plan {
            snapshot: walk.snapshot.name.clone(),
            mapping_revision: walk.revision.clone(),
            scope: Some(some(RecordKind::Product, &["a", "b"])),
            ..Default::default()
        }),
        ..Default::default()
    };
    let plan = client.call(request).await.unwrap();
    let plan = road::submit_plan(client, plan, &walk.target, &options).await.unwrap();
    let plan = road::approve_plan(client, &plan.name, "yes").await.unwrap().name;

    for beyond in [v1::Scope::default(), some(RecordKind::Product, &["a", "c"])] {
        let run = v1::Run { scope: Some(beyond), ..live(&plan, &before) };
        let request = walk.create(run);
        let status = refused_with(client, request, ErrorReason::InvalidFields).await;
        assert!(status.to_string().contains("plan"), "{status}");
    }
    for part in ["a", "b"] {
        let run = walk.live_part(&plan, &before, some(RecordKind::Product, &[part])).await;
        assert_eq!(run.state(), State::Succeeded, "{run:?}");
        let report = soon(road::verify_run(client, &run.name, |_| {})).await.unwrap();
        assert!(report.passed, "what an earlier run wrote is no stranger: {report:?}");
        let links = |parent: &str, filter: &str| v1::ListRecordLinksRequest {
            parent: parent.to_owned(),
            filter: filter.to_owned(),
            ..Default::default()
        };
        let own = client.call(links(&run.name, "role = product")).await.unwrap().record_links;
        let ids: Vec<&str> = own.iter().map(|link| link.source_id.as_str()).collect();
        assert_eq!(ids, [part], "those of its own ledger");
        let children = links(&walk.migration, &format!("parent_source_id = \"{part}\""));
        let children = client.call(children).await.unwrap().record_links;
        assert!(children.is_empty(), "the one variant has the product's own id: {children:?}");
    }
    let runs = |filter: String| v1::ListRunsRequest {
        parent: walk.migration.clone(),
        filter,
        ..Default::default()
    };
    let of_plan = format!("kind = LIVE AND plan = \"{plan}\" AND state = SUCCEEDED");
    assert_eq!(client.call(runs(of_plan)).await.unwrap().runs.len(), 2);
    assert!(client.call(runs("kind = TEST".to_owned())).await.unwrap().runs.is_empty());
    // A second plan, which is not handed in.
    let draft = road::create_plan(client, &walk.migration, &walk.snapshot.name, &walk.revision);
    let draft = draft.await.unwrap().name;
    let plans = |filter: &str| v1::ListPlansRequest {
        parent: walk.migration.clone(),
        filter: filter.to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let mut all: Vec<String> = Vec::new();
    let mut pages = std::pin::pin!(cartage_client::paginate(client, plans("")));
    while let Some(one) = futures::StreamExt::next(&mut pages).await {
        all.push(one.unwrap().name);
    }
    assert_eq!(all, [draft.as_str(), plan.as_str()], "newest first");
    let approved = client.call(plans("state = APPROVED")).await.unwrap().plans;
    assert_eq!(approved.iter().map(|it| &it.name).collect::<Vec<_>>(), [&plan]);
    refused_with(client, plans("state = NONSENSE"), ErrorReason::FilterInvalid).await;
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_live_runs_started_at_once_one_goes() {
    let server = Server::start().await;
    let (walk, _files) = Walk::slow(&server, 200).await;
    let (plan, before) = walk.ready().await;
    let mut starts = Vec::new();
    for _ in 0..4 {
        let run = walk.draft(live(&plan, &before)).await;
        let client = walk.client.clone();
        starts.push(tokio::spawn(async move {
            let request =
                v1::StartRunRequest { name: run.name, etag: run.etag, ..Default::default() };
            client.call_once(request).await
        }));
    }
    let mut started = Vec::new();
    for start in starts {
        match start.await.unwrap() {
            Ok(run) => started.push(run),
            error => assert_eq!(refused(error).reason, Some(ErrorReason::LiveRunActive)),
        }
    }
    assert_eq!(started.len(), 1, "{started:?}");
    walk.shop.set_faults(Faults::default());
    let ended = soon(wait::run(&walk.client, &started[0].name, |_| {})).await.unwrap();
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_goes_away_pauses_the_run_and_decides_nothing() {
    let server = Server::start().await;
    let rows: String = (0..120).map(|n| format!("p{n},Product {n},,Acme,{n}\n")).collect();
    let files = folder(&[("products_export.csv", &products(&rows))]);
    let mut walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await;
    road::start_run(&walk.client, &run.name).await.unwrap();
    walk.written().await;
    // Another shop in its place would answer elsewhere: this one is gone.
    walk.shop = start_medusa().await;
    let paused = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_eq!(paused.state(), State::Paused, "{paused:?}");
    assert_eq!(paused.pause_reason(), v1::run::PauseReason::TargetUnavailable);
    let outcomes = paused.accounting.unwrap().outcomes.unwrap();
    assert_eq!((outcomes.unknown, outcomes.quarantined), (0, 0), "{outcomes:?}");
}
