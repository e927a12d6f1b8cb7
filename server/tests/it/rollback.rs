//! What LIVE runs wrote is taken back, newest first, and what others changed since is left alone.

use std::collections::BTreeMap;

use cartage_client::{
    road,
    v1::{self, Effect, ErrorReason, Outcome, RecordKind, RunKind, run::State},
    wait,
};
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use serde_json::{Value, json};

use crate::{
    invariants::{self, Evidence, TakenBack},
    shop::{Contents, contents, delete, get, post},
    support::{Server, refused_with, small_shop, soon},
    walk::{SLOW, Walk, live},
};

fn kinds(kinds: &[RecordKind]) -> v1::Scope {
    v1::Scope { kinds: kinds.iter().map(|kind| (*kind).into()).collect(), ..Default::default() }
}

fn rollback_of(run: &str) -> v1::Run {
    v1::Run { kind: RunKind::Rollback.into(), rollback_run: run.to_owned(), ..Default::default() }
}

async fn run_of(walk: &Walk, name: &str) -> v1::Run {
    walk.client.call(v1::GetRunRequest { name: name.to_owned() }).await.unwrap()
}

async fn migration_of(walk: &Walk) -> v1::migration::State {
    let request = v1::GetMigrationRequest { name: walk.migration.clone() };
    walk.client.call(request).await.unwrap().state()
}

/// Checks everything, and that the shop is as before but for the conflicts that are listed.
async fn hold(server: &Server, walk: &Walk, before: Contents, amid: Contents) {
    let after = contents(&walk.shop).await;
    let evidence = Evidence {
        shop: Some(walk.shop.state("cartage_key")),
        taken_back: Some(TakenBack { before, amid, after, ..TakenBack::default() }),
        ..Evidence::default()
    };
    invariants::hold(&server.database.url, &evidence).await;
}

/// Takes a run back and waits for the end.
async fn take_back(walk: &Walk, run: &str) -> v1::Run {
    let started = road::start_rollback(&walk.client, run).await.unwrap();
    soon(wait::run(&walk.client, &started.name, |_| {})).await.unwrap()
}

const CATALOGUE: [RecordKind; 3] =
    [RecordKind::Category, RecordKind::Collection, RecordKind::Product];
const PEOPLE: [RecordKind; 2] = [RecordKind::CustomerGroup, RecordKind::Customer];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_runs_is_taken_back_newest_first_and_the_shop_is_as_before() {
    let server = Server::start().await;
    let (files, _) = small_shop();
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let client = &walk.client;
    let theirs =
        json!({ "title": "Made by hand", "options": [{ "title": "Size", "values": ["M"] }] });
    post(&walk.shop, "products", theirs).await;
    let (plan, before) = walk.ready().await;
    let empty = contents(&walk.shop).await;

    let first = walk.live_part(&plan, &before, kinds(&CATALOGUE)).await;
    assert_eq!(first.state(), State::Succeeded, "{first:?}");
    let with_catalogue = contents(&walk.shop).await;
    let second = walk.live_part(&plan, &before, kinds(&PEOPLE)).await;
    assert_eq!(second.state(), State::Succeeded, "{second:?}");
    assert_ne!(contents(&walk.shop).await, with_catalogue);

    // Only LIVE runs, of this migration, that were started.
    let draft = walk.draft(live(&plan, &before)).await;
    refused_with(client, walk.create(rollback_of(&draft.name)), ErrorReason::InvalidFields).await;
    refused_with(client, walk.create(rollback_of("")), ErrorReason::InvalidFields).await;
    let scoped = v1::Run { scope: Some(kinds(&PEOPLE)), ..rollback_of(&first.name) };
    refused_with(client, walk.create(scoped), ErrorReason::InvalidFields).await;

    // The newer run alone: the older one stands.
    let ended = take_back(&walk, &second.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(ended.rollback_runs, [second.name.as_str()]);
    assert_eq!(contents(&walk.shop).await, with_catalogue, "the people are gone, nothing else");
    let taken = run_of(&walk, &second.name).await;
    assert_eq!((taken.state(), &taken.rolled_back_by), (State::RolledBack, &ended.name));
    assert_eq!(run_of(&walk, &first.name).await.state(), State::Succeeded);
    assert_eq!(migration_of(&walk).await, v1::migration::State::Approved);

    // The same again, and then both at once.
    let third = walk.live_part(&plan, &before, kinds(&PEOPLE)).await;
    assert_eq!(third.state(), State::Succeeded, "{third:?}");
    let effects = third.accounting.as_ref().unwrap().effects.unwrap();
    let of_second = second.accounting.as_ref().unwrap().effects.unwrap();
    assert_eq!(effects.created, of_second.created, "all of them are made anew");
    let readiness = soon(road::rollback_readiness(client, &first.name)).await.unwrap();
    assert!(readiness.ready && readiness.issues.is_empty(), "{readiness:?}");
    let could: i64 = readiness.preflight.unwrap().kinds.iter().map(|kind| kind.total).sum();
    let ended = take_back(&walk, &first.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(ended.rollback_runs, [&third.name, &second.name, &first.name].map(String::as_str));
    let accounting = ended.accounting.unwrap();
    assert_eq!((accounting.total, accounting.unaccounted), (could, 0));
    let (effects, outcomes) = (accounting.effects.unwrap(), accounting.outcomes.unwrap());
    assert!(outcomes.merged > 0, "{outcomes:?}");
    assert_eq!(effects.deleted + outcomes.merged, could, "{effects:?}");
    hold(&server, &walk, empty, Contents::new()).await;
    assert_eq!(migration_of(&walk).await, v1::migration::State::RolledBack);
    assert_eq!(
        server.database.query("select count(*) from record_link").await.unwrap().trim(),
        "0"
    );

    // A second attempt needs a new plan, and finds an empty shop.
    let plan = walk.plan().await.name;
    let again = walk.live_part(&plan, &before, kinds(&CATALOGUE)).await;
    assert_eq!(again.state(), State::Succeeded, "{again:?}");
    let created = |run: &v1::Run| run.accounting.as_ref().unwrap().effects.unwrap().created;
    assert_eq!(created(&again), created(&first));
}

/// The ids in a list of the shop by what they are called.
async fn called(walk: &Walk, list: &str, name: &str, field: &str) -> BTreeMap<String, String> {
    let answer = get(&walk.shop, &format!("{list}?limit=5000&fields=id,{field}")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = answer[name].as_array().unwrap().iter();
    rows.map(|row| (text(&row[field]), text(&row["id"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_up_goes_unless_somebody_has_it() {
    let server = Server::start().await;
    let (files, _) = small_shop();
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let tags = async || called(&walk, "product-tags", "product_tags", "value").await;
    let (plan, before) = walk.ready().await;
    let first = walk.live_part(&plan, &before, kinds(&CATALOGUE)).await;
    assert_eq!(first.state(), State::Succeeded, "{first:?}");
    let all = tags().await;
    assert!(all.len() >= 5, "{all:?}");
    let mut ids = all.values();
    let [bought, ruled] = [(); 2].map(|()| ids.next().unwrap().clone());
    let theirs = json!({
        "title": "Made by hand",
        "options": [{ "title": "Size", "values": ["M"] }],
        "tags": [{ "id": bought }],
    });
    post(&walk.shop, "products", theirs).await;
    let regions = called(&walk, "regions", "regions", "name").await;
    let region = &regions["Cartage EUR"];
    post(&walk.shop, &format!("regions/{region}"), json!({ "name": "Theirs" })).await;
    let rule = json!({ "attribute": "items.product.tags.id", "operator": "in", "values": [ruled] });
    let promotion = json!({
        "code": "SPRING", "type": "standard", "application_method": { "target_rules": [rule] },
    });
    post(&walk.shop, "promotions", promotion).await;

    let ended = take_back(&walk, &first.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    let request = v1::ListEventsRequest {
        parent: walk.migration.clone(),
        page_size: 500,
        ..Default::default()
    };
    let events = walk.client.call(request).await.unwrap().events;
    let told: Vec<_> = events.iter().filter(|it| it.r#type == "run.set_up_taken_back").collect();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (told.resource.as_str(), told.attributes["kept"].as_str()),
        (ended.name.as_str(), "3"),
        "{told:?}"
    );
    for why in ["products have it", "called otherwise", "a promotion or a tax rate"] {
        assert!(told.attributes["keptDetail"].contains(why), "{told:?}");
    }

    let mut left: Vec<String> = tags().await.into_values().collect();
    let mut expected = [bought, ruled];
    left.sort_unstable();
    expected.sort_unstable();
    assert_eq!(left, expected);
    for (list, name, field) in [
        ("product-types", "product_types", "value"),
        ("stock-locations", "stock_locations", "name"),
    ] {
        let left = called(&walk, list, name, field).await;
        assert!(left.is_empty(), "{left:?}");
    }
    // What a run that stands needs stays, though it was made by one that is taken back.
    let plan = walk.plan().await.name;
    let first = walk.live_part(&plan, &before, kinds(&CATALOGUE)).await;
    assert_eq!(first.state(), State::Succeeded, "{first:?}");
    let again = tags().await;
    let second = walk.live_part(&plan, &before, kinds(&PEOPLE)).await;
    let ended = take_back(&walk, &second.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(tags().await, again);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_changed_since_is_listed_and_stays() {
    let server = Server::start().await;
    let (files, _) = small_shop();
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let (plan, before) = walk.ready().await;
    let empty = contents(&walk.shop).await;
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");

    let written = |kind: &str| format!("kind = {kind} AND effect = CREATED");
    let products = walk.records(&run.name, &written("PRODUCT")).await;
    let customers = walk.records(&run.name, &written("CUSTOMER")).await;
    let orders = walk.records(&run.name, &written("ORDER")).await;
    let id = |record: &v1::RunRecord| {
        let kind = record.kind().as_str_name().trim_start_matches("RECORD_KIND_").to_lowercase();
        let own = record.target_objects.iter().find(|it| it.role == kind);
        own.unwrap().target_id.clone()
    };
    // One product is renamed, one is deleted, one customer buys again.
    let renamed = id(&products[0]);
    post(&walk.shop, &format!("products/{renamed}"), json!({ "title": "Better" })).await;
    let path = format!("products/{}", id(&products[1]));
    delete(&walk.shop, &path).await;
    let buyer = id(&customers[0]);
    let region = get(&walk.shop, "regions?limit=1").await["regions"][0]["id"].clone();
    let mail = get(&walk.shop, &format!("customers/{buyer}")).await["customer"]["email"].clone();
    let order = json!({ "region_id": region, "email": mail, "customer_id": buyer });
    post(&walk.shop, "draft-orders", order).await;
    let amid = contents(&walk.shop).await;

    let readiness = soon(road::rollback_readiness(&walk.client, &run.name)).await.unwrap();
    assert!(readiness.ready, "{readiness:?}");
    assert_eq!(readiness.issue_count, 1, "orders stay: {readiness:?}");
    assert_eq!(readiness.issues[0].kind(), RecordKind::Order);

    let ended = take_back(&walk, &run.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    let accounting = ended.accounting.unwrap();
    assert_eq!(accounting.unaccounted, 0, "{accounting:?}");
    let outcomes = accounting.outcomes.unwrap();
    let kept = walk.records(&ended.name, "outcome = QUARANTINED").await;
    // What they are in stays with them: groups, collections, categories and those above these.
    let holders = [RecordKind::Collection, RecordKind::Category, RecordKind::CustomerGroup];
    let held = kept.iter().filter(|it| holders.contains(&it.kind())).count();
    assert_eq!((kept.len() - held, outcomes.unknown), (2, 0), "{kept:?}");
    assert_eq!(usize::try_from(outcomes.excluded).unwrap(), orders.len());
    for (kind, source_id) in
        [("PRODUCT", &products[0].source_id), ("CUSTOMER", &customers[0].source_id)]
    {
        let filter = format!("kind = {kind} AND outcome = QUARANTINED");
        let kept = walk.records(&ended.name, &filter).await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(&kept[0].source_id, source_id);
        assert_eq!(kept[0].failure.as_ref().unwrap().reason(), ErrorReason::TargetConflict);
        assert_eq!((kept[0].outcome(), kept[0].effect()), (Outcome::Quarantined, Effect::None));
    }
    let gone =
        walk.records(&ended.name, "kind = PRODUCT AND effect = NONE AND outcome = MIGRATED").await;
    assert_eq!(gone.iter().map(|it| &it.source_id).collect::<Vec<_>>(), [&products[1].source_id]);
    assert_eq!(get(&walk.shop, &format!("products/{renamed}")).await["product"]["title"], "Better");
    get(&walk.shop, &format!("customers/{buyer}")).await;
    let left = get(&walk.shop, "products?limit=1").await["count"].clone();
    assert_eq!(left, 1, "all other products are gone");
    let orders_left = get(&walk.shop, "orders?limit=1").await["count"].as_u64().unwrap();
    assert_eq!(usize::try_from(orders_left).unwrap(), orders.len());
    hold(&server, &walk, empty, amid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_is_paused_cut_off_and_gone_on_with() {
    let server = Server::start().await;
    let (walk, _files) = Walk::slow(&server, 0).await;
    let client = &walk.client;
    let empty = contents(&walk.shop).await;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");

    // Deletions take place and their answers are lost; some are slow, so that there is time.
    let lost = Rule { fault: Fault::CutAfter, every: Some(3), ..Rule::default() };
    let slow = Rule { fault: Fault::Wait { ms: 20 }, ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![lost, slow], ..Faults::default() });
    let rollback = road::start_rollback(client, &run.name).await.unwrap();
    assert_eq!(run_of(&walk, &run.name).await.state(), State::RollingBack);
    walk.recorded(&rollback.name).await;
    let pause = v1::PauseRunRequest { name: rollback.name.clone(), ..Default::default() };
    client.call(pause).await.unwrap();
    let paused = soon(wait::run(client, &rollback.name, |_| {})).await.unwrap();
    assert_eq!(paused.state(), State::Paused, "{paused:?}");
    assert_eq!(run_of(&walk, &run.name).await.state(), State::RollingBack);

    // What is only a draft changes nothing.
    let draft = walk.draft(rollback_of(&run.name)).await;
    let cancel = v1::CancelRunRequest { name: draft.name, ..Default::default() };
    client.call(cancel).await.unwrap();
    assert_eq!(migration_of(&walk).await, v1::migration::State::RollingBack);

    // Nothing else writes meanwhile, and what is half gone is not tried again.
    let other = walk.draft(live(&plan, &before)).await;
    let start = v1::StartRunRequest { name: other.name, etag: other.etag, ..Default::default() };
    refused_with(client, start, ErrorReason::LiveRunActive).await;
    let cancel = v1::CancelRunRequest { name: rollback.name.clone(), ..Default::default() };
    client.call(cancel).await.unwrap();
    let cancelled = soon(wait::run(client, &rollback.name, |_| {})).await.unwrap();
    assert_eq!(cancelled.state(), State::Cancelled, "{cancelled:?}");
    let half = run_of(&walk, &run.name).await;
    assert_eq!(half.state(), State::Failed, "{half:?}");
    assert_eq!(half.failure.unwrap().reason(), ErrorReason::RollbackIncomplete);
    let retry = v1::RetryRunRequest { name: run.name.clone(), ..Default::default() };
    refused_with(client, retry, ErrorReason::RollbackIncomplete).await;

    // Another run finds out what is gone, whatever is known of it, and makes it anew. Two more are
    // gone: of one the answer was lost with the process, of the other its entry in the ledger.
    walk.shop.set_faults(Faults::default());
    for (place, state) in [(0, "intended"), (1, "applied")] {
        let sql = format!(
            "select target_id from record_link where role = 'product'
            order by source_id offset {place} limit 1"
        );
        let id = server.database.query(&sql).await.unwrap().trim().to_owned();
        delete(&walk.shop, &format!("products/{id}")).await;
        let sql = format!(
            "insert into external_call (account_id, migration, target, kind, source_id, ordinal,
                name, payload_hash, run, epoch, state, result_epoch, result_time)
            select account_id, migration, target, kind, source_id, 2000, 'product.delete', 'hash',
                '{}', 1, '{state}', 1, now()
            from record_link where target_id = '{id}' and role = 'product'
            on conflict (account_id, migration, target, kind, source_id, ordinal)
            do update set state = excluded.state",
            rollback.name
        );
        server.database.query(&sql).await.unwrap();
    }
    let anew = walk.live(&plan, &before).await;
    assert_eq!(anew.state(), State::Succeeded, "{anew:?}");
    let all = get(&walk.shop, "products?limit=1").await["count"].as_i64();
    assert_eq!(all, Some(SLOW), "{anew:?}");
    let ended = take_back(&walk, &run.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(ended.accounting.unwrap().unaccounted, 0);
    assert_eq!(contents(&walk.shop).await, empty);
    assert_eq!(run_of(&walk, &run.name).await.state(), State::RolledBack);
}

/// Three products, written.
async fn written(server: &Server) -> (Walk, tempfile::TempDir, v1::Run, (String, String)) {
    let (walk, files) = Walk::handful(server, "a,A,,Acme,1\nb,B,,Acme,1\nc,C,,Acme,1\n").await;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    (walk, files, run, (plan, before))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_failed_is_not_gone_on_with_once_others_wrote() {
    let server = Server::start().await;
    let (walk, _files, run, (plan, before)) = written(&server).await;
    let refuses = Rule { fault: Fault::Refuse { status: 422 }, reads: true, ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![refuses], ..Faults::default() });
    let failed = take_back(&walk, &run.name).await;
    assert_eq!(failed.state(), State::Failed, "{failed:?}");
    assert_eq!(migration_of(&walk).await, v1::migration::State::Failed);
    walk.shop.set_faults(Faults::default());

    let other = walk.live(&plan, &before).await;
    assert_eq!(other.state(), State::Succeeded, "{other:?}");
    let retry = v1::RetryRunRequest { name: failed.name.clone(), ..Default::default() };
    refused_with(&walk.client, retry, ErrorReason::RollbackIncomplete).await;

    // A new one takes all of it back, also while the next attempt is in review, which ends that.
    let plan = walk.submitted().await;
    let ended = take_back(&walk, &run.name).await;
    let plan = walk.client.call(v1::GetPlanRequest { name: plan.name, ..Default::default() }).await;
    assert_eq!(plan.unwrap().state(), v1::plan::State::Superseded);
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(ended.rollback_runs, [&other.name, &run.name].map(String::as_str));
    assert_eq!(ended.accounting.unwrap().unaccounted, 0);
    assert_eq!(get(&walk.shop, "products?limit=1").await["count"], 0);
    assert_eq!(migration_of(&walk).await, v1::migration::State::RolledBack);
    hold(&server, &walk, Contents::new(), Contents::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_no_link_names_are_found_by_the_journal_or_by_our_key() {
    let server = Server::start().await;
    let (walk, _files, run, _) = written(&server).await;
    // As a run leaves them that dies behind a call, amid one that was heard, and before one.
    for change in [
        "delete from record_link where record_source_id in ('a', 'b', 'c')",
        "update external_call set state = 'intended' where source_id in ('b', 'c')",
    ] {
        server.database.query(change).await.unwrap();
    }
    let products = get(&walk.shop, "products?handle=c&fields=id").await;
    let id = products["products"][0]["id"].as_str().unwrap();
    delete(&walk.shop, &format!("products/{id}")).await;

    let ended = take_back(&walk, &run.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    let accounting = ended.accounting.unwrap();
    assert_eq!((accounting.total, accounting.unaccounted), (3, 0), "{accounting:?}");
    assert_eq!(accounting.outcomes.unwrap().unknown, 0);
    let effects = accounting.effects.unwrap();
    assert_eq!((effects.deleted, effects.none), (2, 1), "{effects:?}");
    assert_eq!(get(&walk.shop, "products?limit=1").await["count"], 0);
    hold(&server, &walk, Contents::new(), Contents::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_takes_no_run_that_is_older_however_often_it_was_begun() {
    let server = Server::start().await;
    let (files, _) = small_shop();
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let (plan, before) = walk.ready().await;
    let first = walk.live_part(&plan, &before, kinds(&CATALOGUE)).await;
    let with_catalogue = contents(&walk.shop).await;
    let second = walk.live_part(&plan, &before, kinds(&PEOPLE)).await;
    assert_eq!(second.state(), State::Succeeded, "{second:?}");

    let refuses = Rule { fault: Fault::Refuse { status: 422 }, reads: true, ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![refuses], ..Faults::default() });
    let failed = take_back(&walk, &first.name).await;
    assert_eq!(failed.rollback_runs, [&second.name, &first.name].map(String::as_str));
    walk.shop.set_faults(Faults::default());
    let half = run_of(&walk, &first.name).await;
    let seconds = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
    assert!(seconds(half.end_time) >= seconds(second.start_time), "{half:?}");
    assert_eq!(half.state(), State::Failed, "{half:?}");

    // The part of the scope that is left is planned anew meanwhile.
    let plan = walk.submitted().await;
    let ended = take_back(&walk, &second.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(ended.rollback_runs, [second.name.as_str()]);
    hold(&server, &walk, with_catalogue, Contents::new()).await;
    assert_eq!(migration_of(&walk).await, v1::migration::State::Draft, "no plan is approved");
    let retry = v1::RetryRunRequest { name: failed.name, ..Default::default() };
    refused_with(&walk.client, retry, ErrorReason::RollbackIncomplete).await;
    let approve = road::approve_plan(&walk.client, &plan.name, "yes").await;
    approve.expect_err("it was superseded");
}
