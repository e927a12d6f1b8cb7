//! A run in which some records cannot be decided, and what people do about it.

use cartage_client::{
    road,
    v1::{
        self, ErrorReason, Outcome,
        resolve_run_record_request::Resolution,
        run::{PauseReason, State},
    },
    wait,
};
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use cartage_server::name::Name;

use crate::{
    support::{Server, folder, products, refused_with, soon, violation},
    walk::{Walk, live},
};

fn outcomes(run: &v1::Run) -> v1::OutcomeCounts {
    run.accounting.as_ref().unwrap().outcomes.unwrap()
}

/// Two products are left half-made by the shop, and the run waits for a person.
async fn undecided(server: &Server) -> (Walk, tempfile::TempDir, v1::Run) {
    let rows = "lost,Half lost,,Acme,1\nodd,Half odd,,Acme,2\n";
    let (walk, files) = Walk::handful(server, rows).await;
    let (plan, before) = walk.ready().await;
    let rule = Rule {
        fault: Fault::CutAmid { rest_ms: None },
        path: Some("/admin/products".to_owned()),
        body: Some("Half".to_owned()),
        ..Rule::default()
    };
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    walk.shop.set_faults(Faults::default());
    assert_eq!(run.state(), State::AwaitingAcceptance, "{run:?}");
    assert_eq!((outcomes(&run).migrated, outcomes(&run).unknown), (0, 2), "{run:?}");
    (walk, files, run)
}

/// The product of a title, as the shop's admin sees it.
async fn product_of(walk: &Walk, title: &str) -> Option<String> {
    let shop = reqwest::Client::new();
    let answer = shop
        .get(format!("{}/admin/products?limit=100&fields=id,title", walk.shop.url()))
        .basic_auth(walk.shop.api_key(), Some(""))
        .send()
        .await
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let products = body["products"].as_array().unwrap();
    let found = products.iter().find(|product| product["title"] == title)?;
    Some(found["id"].as_str().unwrap().to_owned())
}

/// Deletes the product of a title, as a person would.
async fn delete_product(walk: &Walk, title: &str) {
    let id = product_of(walk, title).await.unwrap();
    let answer = reqwest::Client::new()
        .delete(format!("{}/admin/products/{id}", walk.shop.url()))
        .basic_auth(walk.shop.api_key(), Some(""))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

fn resolve(name: &str, reason: &str) -> v1::ResolveRunRecordRequest {
    v1::ResolveRunRecordRequest {
        name: name.to_owned(),
        resolution: Resolution::Quarantine.into(),
        reason: reason.to_owned(),
        ..Default::default()
    }
}

fn accept(run: &v1::Run, reason: &str) -> v1::AcceptRunRequest {
    v1::AcceptRunRequest {
        name: run.name.clone(),
        etag: run.etag.clone(),
        reason: reason.to_owned(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_decided_is_tried_again_then_judged_then_accepted() {
    let server = Server::start().await;
    let (walk, _files, run) = undecided(&server).await;
    let client = &walk.client;

    // Nothing is accepted while records are undecided, and a refusal changes nothing.
    let status = refused_with(client, accept(&run, "enough"), ErrorReason::UnknownEffects).await;
    assert_eq!(status.metadata.get("count").map(String::as_str), Some("2"));
    let mut without_etag = accept(&run, "enough");
    without_etag.etag.clear();
    refused_with(client, without_etag, ErrorReason::EtagRequired).await;
    refused_with(client, accept(&run, " "), ErrorReason::InvalidFields).await;
    let read = client.call(v1::GetRunRequest { name: run.name.clone() }).await.unwrap();
    assert_eq!((read.state(), &read.etag), (State::AwaitingAcceptance, &run.etag));
    let missing = format!("{}/records/product.bm8", run.name);
    refused_with(client, resolve(&missing, "no"), ErrorReason::ResourceNotFound).await;

    // Nor does another live run begin beside it.
    let second = walk.draft(live(&run.plan, &run.target_snapshot)).await;
    let start = v1::StartRunRequest { name: second.name, etag: second.etag, ..Default::default() };
    refused_with(client, start, ErrorReason::LiveRunActive).await;

    // While it is being verified, nothing is written beside that.
    let retry = v1::RetryRunRequest { name: run.name.clone(), ..Default::default() };
    let report = soon(road::verify_run(client, &run.name, |_| {})).await.unwrap();
    let verifying = |state: &str| {
        format!("update resource set state = '{state}' where name = '{}'", report.name)
    };
    server.database.query(&verifying("RUNNING")).await.unwrap();
    let status = refused_with(client, retry.clone(), ErrorReason::OperationInProgress).await;
    assert_eq!(status.metadata.get("operation"), Some(&report.name));
    let half = walk.records(&run.name, "outcome = UNKNOWN").await.remove(0);
    let judge = resolve(&half.name, "It has no variants.");
    refused_with(client, judge, ErrorReason::OperationInProgress).await;
    server.database.query(&verifying("SUCCEEDED")).await.unwrap();

    // One of the halves is removed by a person; the other one stays as it is.
    delete_product(&walk, "Half lost").await;
    let retried = client.call(retry).await.unwrap();
    assert_eq!((retried.state(), retried.failure.as_ref()), (State::Pending, None));
    assert_eq!(retried.latest_verification_report, "", "it was about another ledger");
    let run = soon(wait::run(client, &run.name, |_| {})).await.unwrap();
    assert_eq!(run.state(), State::AwaitingAcceptance, "{run:?}");
    assert_eq!((outcomes(&run).migrated, outcomes(&run).unknown), (1, 1), "{run:?}");
    let lost = walk.records(&run.name, "source_id = \"lost\"").await.remove(0);
    assert_eq!(lost.outcome(), Outcome::Migrated, "{lost:?}");
    refused_with(client, resolve(&lost.name, "no"), ErrorReason::StateConflict).await;
    assert_eq!(walk.shop.state("cartage_key")["duplicates"], serde_json::json!({}));

    // The other half is judged, and what was said of the ledger before is void.
    let report = soon(road::verify_run(client, &run.name, |_| {})).await.unwrap();
    let run = client.call(v1::GetRunRequest { name: run.name }).await.unwrap();
    assert_eq!(run.latest_verification_report, report.name);
    let odd = walk.records(&run.name, "outcome = UNKNOWN").await.remove(0);
    let judged = client.call(resolve(&odd.name, "It has no variants.")).await.unwrap();
    assert_eq!(judged.outcome(), Outcome::Quarantined);
    assert_eq!(judged.reason, "It has no variants.");
    refused_with(client, resolve(&odd.name, "again"), ErrorReason::StateConflict).await;
    refused_with(client, accept(&run, "old etag"), ErrorReason::EtagMismatch).await;

    let run = client.call(v1::GetRunRequest { name: run.name }).await.unwrap();
    assert_eq!(run.latest_verification_report, "");
    let accepted = client.call(accept(&run, "The rest is there.")).await.unwrap();
    assert_eq!(accepted.state(), State::Succeeded, "{accepted:?}");
    let acceptance = accepted.acceptance.clone().unwrap();
    assert_eq!(acceptance.reason, "The rest is there.");
    assert!(!acceptance.actor.is_empty() && accepted.failure.is_none());
    assert_eq!((outcomes(&accepted).quarantined, outcomes(&accepted).unknown), (1, 0));
    let again = client.call(accept(&accepted, "Twice.")).await.unwrap();
    assert_eq!(again.etag, accepted.etag, "the goal held already");
    let name = walk.migration.clone();
    let migration = client.call(v1::GetMigrationRequest { name }).await.unwrap();
    assert_eq!(migration.state(), v1::migration::State::Monitoring);

    // It stays accepted beside a newer run that has not ended.
    walk.shop.set_faults(Faults { revoked: true, ..Faults::default() });
    let newer = walk.live(&accepted.plan, &accepted.target_snapshot).await;
    assert_eq!(newer.state(), State::Paused, "{newer:?}");
    let again = client.call(accept(&accepted, "Thrice.")).await.unwrap();
    assert_eq!(again.etag, accepted.etag);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_since_its_call_was_lost_is_looked_for_and_written() {
    let server = Server::start().await;
    let hats = "Handle,Title,Vendor,Variant SKU,Variant Price\nhat,Felt hat,Acme,HAT,9\n";
    let orders = "Name,Email,Id,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,\
        Lineitem quantity,Lineitem name,Lineitem sku,Lineitem price,Lineitem discount,\
        Financial Status,Outstanding Balance\n\
        #1,,71,EUR,9,0,0,9,0,2024-05-01 10:00:00 +0000,1,A hat,HAT,9,0,paid,0\n";
    let files = folder(&[
        ("products_export.csv", hats.as_bytes()),
        ("orders_export.csv", orders.as_bytes()),
    ]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    // The shop refuses the product. The order's draft is cut, and no look-up after that is answered.
    let on_drafts = |fault, reads| Rule {
        fault,
        reads,
        path: Some("/admin/draft-orders".to_owned()),
        ..Rule::default()
    };
    let rules = vec![on_drafts(Fault::CutBefore, false), on_drafts(Fault::FailBefore, true)];
    let markers = vec!["Felt".to_owned()];
    walk.shop.set_faults(Faults { rules, markers, ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    walk.shop.set_faults(Faults::default());
    assert_eq!(run.state(), State::AwaitingAcceptance, "{run:?}");
    assert_eq!((outcomes(&run).quarantined, outcomes(&run).unknown), (1, 1), "{run:?}");
    // Tried again, the order refers to the hat; nothing of its draft stands in the shop.
    let retry = v1::RetryRunRequest { name: run.name.clone(), ..Default::default() };
    walk.client.call(retry).await.unwrap();
    let run = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    assert_eq!((outcomes(&run).quarantined, outcomes(&run).unknown), (0, 0), "{run:?}");
    assert_eq!(walk.shop.state("cartage_key")["counts"]["orders"], 1);
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
}

/// Customers of this id, first name and street, all of them with the same address.
fn same_customers(rows: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut text = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,\
        Default Address Address1,Default Address City,Default Address Country Code,\
        Default Address Zip,Phone,Note,Tags\n"
        .to_owned();
    for (id, name, street) in rows {
        let row = format!("'{id},{name},Muster,same@example.com,no,{street},Bern,CH,3000,,,\n");
        text.push_str(&row);
    }
    text.into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_back_again_is_intended_again() {
    let server = Server::start().await;
    let files = folder(&[
        ("products_export.csv", &products("lost,Lost,,Acme,1\n")),
        ("customers_export.csv", &same_customers(&[("1", "Anna", "Bad street 1")])),
    ]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    // Whether the product was written is not known, so that the run can be tried again.
    let on_products = |fault, reads| Rule {
        fault,
        reads,
        path: Some("/admin/products".to_owned()),
        ..Rule::default()
    };
    let street = Rule {
        fault: Fault::Refuse { status: 400 },
        body: Some("Bad street".to_owned()),
        ..Rule::default()
    };
    let cut = on_products(Fault::CutBefore, false);
    let lost = on_products(Fault::FailBefore, true);
    let rules = vec![cut, lost, street.clone()];
    walk.shop.set_faults(Faults { rules, ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::AwaitingAcceptance, "{run:?}");
    let assert_taken_back = |run: &v1::Run| {
        assert_eq!(outcomes(run).quarantined, 1, "{run:?}");
        assert_eq!(walk.shop.state("cartage_key")["counts"]["customers"], 0);
    };
    assert_taken_back(&run);
    walk.shop.set_faults(Faults { rules: vec![street], ..Faults::default() });
    let retry = v1::RetryRunRequest { name: run.name.clone(), ..Default::default() };
    walk.client.call(retry).await.unwrap();
    let run = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_taken_back(&run);
    assert_eq!(outcomes(&run).unknown, 0, "{run:?}");
    // The journal has the second deletion, not the first one: it is of the work that made the object.
    let calls =
        "select name, state, epoch = (select max(epoch) from external_call) from external_call
        where kind = 'customer' order by ordinal";
    let calls = server.database.query(calls).await.unwrap();
    let calls: Vec<&str> = calls.lines().map(str::trim).collect();
    let expected =
        ["customer.create|refused|t", "customer_address.create|refused|t", "take_back|applied|t"];
    assert_eq!(calls, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_inherits_from_one_whose_call_has_no_result() {
    let server = Server::start().await;
    let rows = [("1", "Anna", "Weg 1"), ("2", "Berta", "Weg 2")];
    let files = folder(&[("customers_export.csv", &same_customers(&rows))]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    // Anna is refused. Whether Berta was written in her place is never known.
    let on_customers = |fault, reads| Rule {
        fault,
        reads,
        path: Some("/admin/customers".to_owned()),
        ..Rule::default()
    };
    let cut = Rule { body: Some("Berta".to_owned()), ..on_customers(Fault::CutBefore, false) };
    let lost = Rule { from: Some(5), ..on_customers(Fault::FailBefore, true) };
    let markers = vec!["Anna".to_owned()];
    walk.shop.set_faults(Faults { rules: vec![cut, lost], markers, ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    walk.shop.set_faults(Faults::default());
    assert_eq!((outcomes(&run).quarantined, outcomes(&run).unknown), (1, 1), "{run:?}");
    let berta = walk.records(&run.name, "outcome = UNKNOWN").await.remove(0);
    assert_eq!(berta.source_id, "2");
    walk.client.call(resolve(&berta.name, "Nobody knows.")).await.unwrap();
    let run = walk.client.call(v1::GetRunRequest { name: run.name }).await.unwrap();
    walk.client.call(accept(&run, "Enough.")).await.unwrap();

    // A run over Anna alone does not write her beside a Berta who may stand there.
    let filter = v1::KindFilter {
        kind: v1::RecordKind::Customer.into(),
        source_ids: vec!["1".to_owned()],
        ..Default::default()
    };
    let kinds = vec![v1::RecordKind::Customer.into()];
    let anna = v1::Scope { kinds, filters: vec![filter] };
    let run = walk.live_part(&plan, &before, anna).await;
    assert_eq!(run.state(), State::AwaitingAcceptance, "{run:?}");
    assert_eq!(outcomes(&run).unknown, 1, "{run:?}");
    assert_eq!(walk.shop.state("cartage_key")["counts"]["customers"], 0);
    let cancel = v1::CancelRunRequest { name: run.name, ..Default::default() };
    walk.client.call(cancel).await.unwrap();
    // One over both finds out about Berta first.
    let run = walk.live(&plan, &before).await;
    assert_eq!(walk.shop.state("cartage_key")["counts"]["customers"], 1);
    let berta = walk.records(&run.name, "source_id = \"2\"").await.remove(0);
    assert!(matches!(berta.outcome(), Outcome::Migrated | Outcome::Changed), "{berta:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_whose_sandbox_is_gone_begins_anew() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "one,One,,Acme,1\ntwo,Two,,Acme,2\n").await;
    let sandbox = walk.sandbox().await;
    soon(road::verify_connection(&walk.client, &sandbox)).await.unwrap();
    let run = walk.draft(walk.test(&sandbox)).await;
    let ended = walk.rest(&run).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    // The newer sandboxes of eight others push it out, and the run is taken up where it was paused.
    for number in 0..8 {
        let other = Name::trusted(format!("{}-{number}", run.name));
        server.app.sandboxes.of_run(&other, "medusa").await.unwrap();
    }
    let paused = format!(
        "update resource set state = 'PAUSED' where name = '{0}';
        delete from run_record where run = '{0}' and source_id = 'two'",
        run.name
    );
    server.database.query(&paused).await.unwrap();
    let resume = v1::ResumeRunRequest { name: run.name.clone(), ..Default::default() };
    walk.client.call(resume).await.unwrap();
    let run = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let effects = run.accounting.as_ref().unwrap().effects.unwrap();
    assert_eq!((effects.created, outcomes(&run).migrated), (2, 2), "both are new there");
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_failed_goes_on_where_it_ended() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "one,One,,Acme,1\ntwo,Two,,Acme,2\n").await;
    let (plan, before) = walk.ready().await;
    // Neither the credentials nor a moment's trouble: the set-up itself is refused.
    let rule = Rule {
        fault: Fault::Refuse { status: 400 },
        path: Some("/admin/shipping-profiles".to_owned()),
        reads: true,
        ..Rule::default()
    };
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Failed, "{run:?}");
    assert!(run.failure.is_some() && run.end_time.is_some());
    walk.shop.set_faults(Faults::default());

    // A second live run that has not ended has the right of way.
    let retry = v1::RetryRunRequest { name: run.name.clone(), ..Default::default() };
    walk.shop.set_faults(Faults { revoked: true, ..Faults::default() });
    let second = walk.live(&plan, &before).await;
    assert_eq!(second.pause_reason(), PauseReason::CredentialsRejected, "{second:?}");
    refused_with(&walk.client, retry.clone(), ErrorReason::LiveRunActive).await;
    walk.shop.set_faults(Faults::default());
    let cancel = v1::CancelRunRequest { name: second.name.clone(), ..Default::default() };
    walk.client.call(cancel).await.unwrap();
    soon(wait::run(&walk.client, &second.name, |_| {})).await.unwrap();

    let retried = walk.client.call(retry).await.unwrap();
    assert_eq!((retried.state(), retried.end_time), (State::Pending, None));
    assert_eq!(retried.pause_reason(), PauseReason::Unspecified);
    let run = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], 2);
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_the_same_as_an_undecided_record_is_undecided_too() {
    let server = Server::start().await;
    let rows = [("1", "Anna", "Weg 1"), ("2", "Berta", "Weg 1")];
    let files = folder(&[("customers_export.csv", &same_customers(&rows))]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    // Whether Anna was written is never known: the call is cut, and no look-up after that is answered.
    let on_customers = |fault, reads| Rule {
        fault,
        reads,
        path: Some("/admin/customers".to_owned()),
        ..Rule::default()
    };
    let cut = Rule { body: Some("Anna".to_owned()), ..on_customers(Fault::CutBefore, false) };
    let lost = Rule { from: Some(2), ..on_customers(Fault::FailBefore, true) };
    let rules = vec![cut, lost];
    walk.shop.set_faults(Faults { rules, ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    walk.shop.set_faults(Faults::default());
    assert_eq!(run.state(), State::AwaitingAcceptance, "{run:?}");
    assert_eq!((outcomes(&run).merged, outcomes(&run).unknown), (0, 2), "{run:?}");
    let retry = v1::RetryRunRequest { name: run.name.clone(), ..Default::default() };
    walk.client.call(retry).await.unwrap();
    let run = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    assert_eq!((outcomes(&run).merged, outcomes(&run).unknown), (1, 0), "{run:?}");
    assert_eq!(walk.shop.state("cartage_key")["counts"]["customers"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rehearsal_goes_on_in_a_migration_that_was_given_up() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "one,One,,Acme,1\n").await;
    let client = &walk.client;
    let sandbox = walk.sandbox().await;
    soon(road::verify_connection(client, &sandbox)).await.unwrap();
    let failed = walk.draft(walk.test(&sandbox)).await;
    let fail = format!("update resource set state = 'FAILED' where name = '{}'", failed.name);
    server.database.query(&fail).await.unwrap();
    let name = walk.migration.clone();
    client
        .call(v1::CancelMigrationRequest { name: name.clone(), ..Default::default() })
        .await
        .unwrap();
    let later = walk.draft(walk.test(&sandbox)).await;
    for is_deleted in [false, true] {
        if is_deleted {
            let delete = v1::DeleteMigrationRequest { name: name.clone(), ..Default::default() };
            client.call(delete).await.unwrap();
        }
        let retry = v1::RetryRunRequest { name: failed.name.clone(), ..Default::default() };
        let status = refused_with(client, retry, ErrorReason::PreconditionsUnmet).await;
        assert_eq!(violation(&status), (name.as_str(), "READINESS_BLOCKED"));
        let readiness = soon(road::readiness(client, &later.name)).await.unwrap();
        assert!(!readiness.ready);
        assert_eq!(readiness.items[0].resource, name, "{readiness:?}");
        let (name, etag) = (later.name.clone(), later.etag.clone());
        let start = v1::StartRunRequest { name, etag, ..Default::default() };
        refused_with(client, start, ErrorReason::PreconditionsUnmet).await;
    }
}
