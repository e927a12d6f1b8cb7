//! Runs after the first: what the source or the mapping changed is brought over, what others changed in
//! the target stays or is asked about, and all of it can be taken back.

use cartage_client::{
    road,
    v1::{
        self, DeletedRecords, Effect, ErrorReason, Outcome, RecordKind, RunKind,
        conflict_policy::Winner, match_rule::Action, run::State,
    },
    wait,
};
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{
    invariants::{self, Evidence},
    shop,
    support::{Server, folder, refused_with, soon},
    walk::{Walk, live},
};

async fn get(walk: &Walk, path: &str) -> Value {
    shop::get(&walk.shop, path).await
}

async fn post(walk: &Walk, path: &str, body: Value) -> Value {
    shop::post(&walk.shop, path, body).await
}

async fn sound(server: &Server, walk: &Walk) {
    let evidence = Evidence { shop: Some(walk.shop.state("cartage_key")), ..Evidence::default() };
    invariants::hold(&server.database.url, &evidence).await;
}

const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Variant SKU,Variant Price\n";

fn export(rows: &str) -> Vec<u8> {
    format!("{HEADER}{rows}").into_bytes()
}

/// A shop of these products, loaded; the plan and what was there before.
async fn loaded(server: &Server, rows: &str) -> (Walk, tempfile::TempDir, String, v1::Run) {
    let files = folder(&[("products_export.csv", &export(rows))]);
    let walk = Walk::begin(server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    (walk, files, plan, run)
}

/// A newer snapshot of the source, which has these products now.
async fn newer(walk: &Walk, files: &tempfile::TempDir, rows: &str) -> String {
    std::fs::write(files.path().join("products_export.csv"), export(rows)).unwrap();
    soon(road::take_snapshot(&walk.client, &walk.source, |_| {})).await.unwrap().name
}

fn delta(plan: &str, snapshot: &str) -> v1::Run {
    v1::Run {
        kind: RunKind::Delta.into(),
        plan: plan.to_owned(),
        snapshot: snapshot.to_owned(),
        ..Default::default()
    }
}

async fn run(walk: &Walk, run: v1::Run) -> v1::Run {
    let draft = walk.draft(run).await;
    let ended = walk.rest(&draft).await;
    if ended.state() == State::Succeeded {
        assert_eq!(ended.accounting.as_ref().unwrap().unaccounted, 0, "{ended:?}");
    }
    ended
}

fn effects(run: &v1::Run) -> v1::EffectCounts {
    run.accounting.as_ref().unwrap().effects.unwrap()
}

/// The product of a handle as the shop has it.
async fn product(walk: &Walk, handle: &str) -> Value {
    let path = format!("products?handle={handle}&fields=*variants,*variants.prices");
    get(walk, &path).await["products"][0].clone()
}

fn writes(walk: &Walk) -> Value {
    walk.shop.state("cartage_key")["writes"].clone()
}

async fn conflicts(walk: &Walk, run: &str, filter: &str) -> Vec<v1::RecordConflict> {
    let request = v1::ListRecordConflictsRequest {
        parent: run.to_owned(),
        filter: filter.to_owned(),
        ..Default::default()
    };
    walk.client.call(request).await.unwrap().record_conflicts
}

async fn retry(walk: &Walk, run: &str) -> v1::Run {
    let request = v1::RetryRunRequest { name: run.to_owned(), ..Default::default() };
    walk.client.call(request).await.unwrap();
    soon(wait::run(&walk.client, run, |_| {})).await.unwrap()
}

const FIRST: &str = "a,Apple,,Acme,sku-a,1\nb,Bread,,Acme,sku-b,2\nc,Cheese,,Acme,sku-c,3\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_brings_over_what_is_new_changed_and_deleted_and_nothing_else() {
    let server = Server::start().await;
    let (walk, files, plan, _) = loaded(&server, FIRST).await;
    let second = "a,Apple,,Acme,sku-a,1\nb,Rye bread,,Acme,sku-b,2.50\nd,Dates,,Acme,sku-d,4\n";
    let snapshot = newer(&walk, &files, second).await;

    let first = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!(first.state(), State::Succeeded, "{first:?}");
    let counts = effects(&first);
    assert_eq!((counts.created, counts.updated, counts.unchanged, counts.deleted), (1, 1, 1, 0));
    let kept = walk.records(&first.name, "outcome = EXCLUDED").await;
    assert_eq!((kept.len(), kept[0].source_id.as_str()), (1, "c"));
    assert_eq!(kept[0].excluded_by, "deleted_in_source");
    let bread = product(&walk, "b").await;
    assert_eq!(bread["title"], "Rye bread");
    assert_eq!(bread["variants"][0]["prices"][0]["amount"], 2.5);
    assert_eq!(product(&walk, "c").await["title"], "Cheese");
    assert_eq!(product(&walk, "d").await["title"], "Dates");

    // The same again finds nothing to do.
    let before = writes(&walk);
    let again = run(&walk, delta(&plan, &snapshot)).await;
    let counts = effects(&again);
    assert_eq!((counts.created, counts.updated, counts.unchanged), (0, 0, 3), "{again:?}");
    assert_eq!(writes(&walk), before, "the shop heard of nothing");

    // What the source no longer has goes, where the caller says so.
    let mut deleting = delta(&plan, &snapshot);
    deleting.set_deleted_records(DeletedRecords::Delete);
    let deleting = run(&walk, deleting).await;
    assert_eq!(deleting.state(), State::Succeeded, "{deleting:?}");
    assert_eq!(effects(&deleting).deleted, 1);
    assert_eq!(product(&walk, "c").await, Value::Null);
    let report = soon(road::verify_run(&walk.client, &deleting.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    sound(&server, &walk).await;

    // An older snapshot must not undo what a newer one brought.
    let draft = walk.draft(delta(&plan, &walk.snapshot.name)).await;
    let start = v1::StartRunRequest { name: draft.name, etag: draft.etag, ..Default::default() };
    refused_with(&walk.client, start, ErrorReason::PreconditionsUnmet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_both_sides_changed_waits_for_a_person_and_what_one_changed_stays() {
    let server = Server::start().await;
    let (walk, files, plan, _) = loaded(&server, FIRST).await;
    for (handle, title) in [("a", "Fine apple"), ("b", "Fine bread")] {
        let id = product(&walk, handle).await["id"].as_str().unwrap().to_owned();
        post(&walk, &format!("products/{id}"), json!({ "title": title })).await;
    }
    let second = "a,Apple,,Acme,sku-a,9\nb,Rye bread,,Acme,sku-b,2\nc,Goat cheese,,Acme,sku-c,3\n";
    let snapshot = newer(&walk, &files, second).await;

    let asked = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!(asked.state(), State::AwaitingAcceptance, "{asked:?}");
    assert_eq!(asked.failure.as_ref().unwrap().reason(), ErrorReason::TargetConflict);
    // The price came over, and the title that only the target changed stays.
    let apple = product(&walk, "a").await;
    assert_eq!(apple["title"], "Fine apple");
    assert_eq!(apple["variants"][0]["prices"][0]["amount"], 9);
    assert_eq!(product(&walk, "c").await["title"], "Goat cheese");
    assert_eq!(product(&walk, "b").await["title"], "Fine bread");

    let found = conflicts(&walk, &asked.name, "kind = PRODUCT AND winner = ASK").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let it = &found[0];
    assert_eq!((it.source_id.as_str(), it.field.as_str()), ("b", "title"));
    assert_eq!(
        (it.source_value.as_str(), it.target_value.as_str()),
        ("\"Rye bread\"", "\"Fine bread\"")
    );
    let blind = server.client_with("acme", "runs.read").await;
    let list = v1::ListRecordConflictsRequest { parent: asked.name.clone(), ..Default::default() };
    let shown = blind.call(list).await.unwrap().record_conflicts;
    assert_eq!((shown[0].source_value.as_str(), shown[0].target_value.as_str()), ("", ""));

    let mut resolve = v1::ResolveRecordConflictsRequest {
        name: asked.name.clone(),
        kind: RecordKind::Product.into(),
        ..Default::default()
    };
    refused_with(&walk.client, resolve.clone(), ErrorReason::InvalidFields).await;
    resolve.set_winner(Winner::Source);
    let resolved = walk.client.call(resolve).await.unwrap();
    assert_eq!((resolved.resolved_count, resolved.open_count), (1, 0));
    let ended = retry(&walk, &asked.name).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(product(&walk, "b").await["title"], "Rye bread");
    assert!(conflicts(&walk, &asked.name, "").await.is_empty());
    let counts = effects(&ended);
    assert_eq!((counts.updated, counts.unchanged), (3, 0), "{counts:?}");
    sound(&server, &walk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_decides_field_by_field_and_the_ledger_names_what_stays() {
    let server = Server::start().await;
    let (walk, files, plan, _) = loaded(&server, FIRST).await;
    let id = product(&walk, "b").await["id"].as_str().unwrap().to_owned();
    post(&walk, &format!("products/{id}"), json!({ "title": "Fine bread", "description": "Soft" }))
        .await;
    let second = "a,Apple,,Acme,sku-a,1\nb,Rye bread,Dark,Acme,sku-b,2\nc,Cheese,,Acme,sku-c,3\n";
    let snapshot = newer(&walk, &files, second).await;
    let policy = |field: &str, winner: Winner| v1::ConflictPolicy {
        kind: RecordKind::Product.into(),
        field: field.to_owned(),
        winner: winner.into(),
    };
    let mut wrong = delta(&plan, &snapshot);
    wrong.conflict_policies = vec![policy("tittle", Winner::Source)];
    refused_with(&walk.client, walk.create(wrong), ErrorReason::InvalidFields).await;
    let mut told = delta(&plan, &snapshot);
    told.conflict_policies = vec![policy("", Winner::Source), policy("title", Winner::Target)];
    let told = run(&walk, told).await;
    assert_eq!(told.state(), State::Succeeded, "{told:?}");
    let bread = product(&walk, "b").await;
    assert_eq!((&bread["title"], &bread["description"]), (&json!("Fine bread"), &json!("Dark")));
    let row = walk.records(&told.name, "source_id = \"b\"").await.remove(0);
    assert_eq!((row.outcome(), row.effect()), (Outcome::Changed, Effect::Updated), "{row:?}");
    assert!(row.changes.iter().any(|change| change.field == "title"), "{row:?}");
    // A verification knows of it, and of nothing else that others do.
    let report = soon(road::verify_run(&walk.client, &told.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    let list = |filter: &str| v1::ListDiscrepanciesRequest {
        parent: report.name.clone(),
        filter: filter.to_owned(),
        ..Default::default()
    };
    let found = walk.client.call(list("")).await.unwrap().discrepancies;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].field.as_str(), found[0].explained), ("title", true));
    let subtitle = json!({ "subtitle": "Of the day" });
    post(&walk, &format!("products/{id}"), subtitle).await;
    let report = soon(road::verify_run(&walk.client, &told.name, |_| {})).await.unwrap();
    assert!(!report.passed, "{report:?}");
    post(&walk, &format!("products/{id}"), json!({ "subtitle": "" })).await;
    // What stands there now is not what the ledger says is kept.
    post(&walk, &format!("products/{id}"), json!({ "title": "Spoilt" })).await;
    let report = soon(road::verify_run(&walk.client, &told.name, |_| {})).await.unwrap();
    assert!(!report.passed, "{report:?}");
    post(&walk, &format!("products/{id}"), json!({ "title": "Fine bread" })).await;

    // The decision holds until the source changes the field again.
    let before = writes(&walk);
    let again = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!(again.state(), State::Succeeded, "{again:?}");
    assert_eq!(writes(&walk), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_is_taken_back_alone_or_with_all_before_it() {
    let server = Server::start().await;
    let (walk, files, plan, first) = loaded(&server, FIRST).await;
    let second = "a,Sour apple,,Acme,sku-a,5\nb,Rye bread,,Acme,sku-b,2\nc,Cheese,,Acme,sku-c,3\nd,Dates,,Acme,sku-d,4\n";
    let snapshot = newer(&walk, &files, second).await;
    let was = [product(&walk, "a").await, product(&walk, "b").await];
    let changed = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!((effects(&changed).updated, effects(&changed).created), (2, 1), "{changed:?}");
    // Somebody works on one of them afterwards.
    let id = product(&walk, "b").await["id"].as_str().unwrap().to_owned();
    post(&walk, &format!("products/{id}"), json!({ "title": "Toast" })).await;

    let readiness = soon(road::rollback_readiness(&walk.client, &changed.name)).await.unwrap();
    let could: i64 = readiness.preflight.unwrap().kinds.iter().map(|kind| kind.total).sum();
    assert_eq!(could, 3);
    let taken = road::start_rollback(&walk.client, &changed.name).await.unwrap();
    let taken = soon(wait::run(&walk.client, &taken.name, |_| {})).await.unwrap();
    assert_eq!(taken.state(), State::Succeeded, "{taken:?}");
    let counts = effects(&taken);
    assert_eq!((counts.updated, counts.deleted), (1, 1), "{taken:?}");
    let kept = walk.records(&taken.name, "outcome = QUARANTINED").await;
    assert_eq!((kept.len(), kept[0].source_id.as_str()), (1, "b"), "{kept:?}");
    let now = product(&walk, "a").await;
    assert_eq!(
        (&now["title"], &now["variants"][0]["prices"][0]["amount"]),
        (&json!("Apple"), &json!(1))
    );
    assert_eq!(now["variants"][0]["id"], was[0]["variants"][0]["id"], "the same object");
    assert_eq!(product(&walk, "b").await["title"], "Toast");
    assert_eq!(product(&walk, "d").await, Value::Null);

    // A later delta brings it over again, and with the first run everything goes.
    post(&walk, &format!("products/{id}"), json!({ "title": "Rye bread" })).await;
    let again = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!(again.state(), State::Succeeded, "{again:?}");
    assert_eq!(product(&walk, "a").await["title"], "Sour apple");
    let taken = road::start_rollback(&walk.client, &first.name).await.unwrap();
    let taken = soon(wait::run(&walk.client, &taken.name, |_| {})).await.unwrap();
    assert_eq!(taken.state(), State::Succeeded, "{taken:?}");
    assert_eq!(get(&walk, "products?limit=1").await["count"], 0, "{taken:?}");
    sound(&server, &walk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_mapping_is_reapplied_to_the_records_it_changes() {
    let server = Server::start().await;
    let (mut walk, _files, _, _) = loaded(&server, FIRST).await;
    let mapping = walk.revision.split("/revisions/").next().unwrap().to_owned();
    let request = v1::GetMappingRequest { name: mapping };
    let mut content = walk.client.call(request).await.unwrap().content.unwrap();
    content.rules.push(v1::FieldRule {
        kind: RecordKind::Product.into(),
        target_field: "subtitle".to_owned(),
        value: Some(v1::field_rule::Value::Template("Fresh".to_owned())),
        ..Default::default()
    });
    let published = road::publish_mapping(&walk.client, &walk.migration, Some(content)).await;
    walk.revision = published.unwrap().name;
    let plan = walk.plan().await.name;
    let mut reapply = v1::Run { plan: plan.clone(), ..Default::default() };
    reapply.set_kind(RunKind::Reapply);
    let reapplied = run(&walk, reapply).await;
    assert_eq!(reapplied.state(), State::Succeeded, "{reapplied:?}");
    let counts = effects(&reapplied);
    assert_eq!((counts.updated, counts.unchanged, counts.created), (3, 0, 0), "{counts:?}");
    assert_eq!(product(&walk, "b").await["subtitle"], "Fresh");
    assert_eq!(reapplied.snapshot, walk.snapshot.name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_target_before_is_adopted_updated_or_left_alone() {
    let server = Server::start().await;
    let files = folder(&[("products_export.csv", &export(FIRST))]);
    let walk = Walk::begin(&server, files.path()).await;
    let mut ids = Vec::new();
    for (handle, title, sku) in
        [("a", "Their apple", "x"), ("other", "Their bread", "sku-b"), ("c", "Their cheese", "y")]
    {
        let body = json!({
            "title": title, "handle": handle, "status": "published",
            "options": [{ "title": "Title", "values": ["Default Title"] }],
            "variants": [{ "title": "Default Title", "sku": sku, "prices": [], "options": { "Title": "Default Title" } }],
        });
        let made = post(&walk, "products", body).await;
        ids.push(made["product"]["id"].as_str().unwrap().to_owned());
    }
    let (plan, before) = walk.ready().await;
    let rule = |field: &str, action: Action| v1::MatchRule {
        kind: RecordKind::Product.into(),
        field: field.to_owned(),
        action: action.into(),
    };
    let mut wrong = live(&plan, &before);
    wrong.match_rules = vec![rule("colour", Action::Adopt)];
    refused_with(&walk.client, walk.create(wrong), ErrorReason::InvalidFields).await;

    // By article number one is updated; by handle the others are adopted.
    let mut matching = live(&plan, &before);
    matching.match_rules = vec![rule("sku", Action::Update), rule("handle", Action::Adopt)];
    let matched = run(&walk, matching).await;
    assert_eq!(matched.state(), State::Succeeded, "{matched:?}");
    let counts = effects(&matched);
    let rows = walk.records(&matched.name, "").await;
    assert_eq!((counts.created, counts.updated, counts.unchanged), (0, 1, 2), "{rows:?}");
    let of = |id: &str| format!("products/{id}");
    assert_eq!(get(&walk, &of(&ids[0])).await["product"]["title"], "Their apple");
    let bread = get(&walk, &of(&ids[1])).await["product"].clone();
    assert_eq!((&bread["title"], &bread["handle"]), (&json!("Bread"), &json!("b")));
    assert_eq!(get(&walk, "products?limit=1").await["count"], 3);

    // A delta follows the source from then on, also where something was adopted.
    let second = "a,Sweet apple,,Acme,x,1\nb,Bread,,Acme,sku-b,2\nc,Cheese,,Acme,y,3\n";
    let snapshot = newer(&walk, &files, second).await;
    let mut following = delta(&plan, &snapshot);
    following.conflict_policies =
        vec![v1::ConflictPolicy { winner: Winner::Source.into(), ..Default::default() }];
    let followed = run(&walk, following).await;
    assert_eq!(followed.state(), State::Succeeded, "{followed:?}");
    assert_eq!(get(&walk, &of(&ids[0])).await["product"]["title"], "Sweet apple");
    assert_eq!(get(&walk, &of(&ids[2])).await["product"]["title"], "Their cheese", "only the SKU");

    // Taken back, all three stand as they did.
    let taken = road::start_rollback(&walk.client, &matched.name).await.unwrap();
    let taken = soon(wait::run(&walk.client, &taken.name, |_| {})).await.unwrap();
    let rows = walk.records(&taken.name, "").await;
    assert_eq!(taken.state(), State::Succeeded, "{rows:?}");
    for (id, title) in ids.iter().zip(["Their apple", "Their bread", "Their cheese"]) {
        assert_eq!(get(&walk, &of(id)).await["product"]["title"], title);
    }

    // Left alone: excluded, and named so.
    let plan = walk.plan().await.name;
    let mut skipping = live(&plan, &before);
    skipping.match_rules = vec![rule("handle", Action::Skip)];
    let skipped = run(&walk, skipping).await;
    let left = walk.records(&skipped.name, "outcome = EXCLUDED").await;
    assert!(left.iter().all(|row| row.excluded_by == "matched_in_target"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_amid_a_delta_overwrite_nobody_and_can_be_taken_back() {
    let server = Server::start().await;
    let (walk, files, plan, _) = loaded(&server, FIRST).await;
    let id = product(&walk, "b").await["id"].as_str().unwrap().to_owned();
    post(&walk, &format!("products/{id}"), json!({ "title": "Fine bread" })).await;
    let second = "a,Sour apple,,Acme,sku-a,5\nb,Bread,,Acme,sku-b,7\nc,Old cheese,,Acme,sku-c,8\n";
    let snapshot = newer(&walk, &files, second).await;
    let lost = Rule { fault: Fault::CutAfter, every: Some(2), ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![lost], ..Faults::default() });
    let changed = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!(changed.state(), State::Succeeded, "{changed:?}");
    let shown = async |handle: &str| {
        let product = product(&walk, handle).await;
        (product["title"].clone(), product["variants"][0]["prices"][0]["amount"].clone())
    };
    assert_eq!(shown("a").await, (json!("Sour apple"), json!(5)));
    assert_eq!(shown("b").await, (json!("Fine bread"), json!(7)), "only the price was ours");
    assert_eq!(shown("c").await, (json!("Old cheese"), json!(8)));
    sound(&server, &walk).await;

    let taken = road::start_rollback(&walk.client, &changed.name).await.unwrap();
    let taken = soon(wait::run(&walk.client, &taken.name, |_| {})).await.unwrap();
    assert_eq!(taken.state(), State::Succeeded, "{taken:?}");
    assert_eq!(shown("a").await, (json!("Apple"), json!(1)));
    assert_eq!(shown("b").await, (json!("Fine bread"), json!(2)));
    assert_eq!(shown("c").await, (json!("Cheese"), json!(3)));
    sound(&server, &walk).await;
}

/// R32: a source that changes while it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_changes_amid_a_snapshot_is_told_as_it_was_at_one_time() {
    let server = Server::start().await;
    // More than a page; the first and the last change together.
    let rows = |state: &str| {
        let row = |n: usize| match n {
            0 | 519 => format!("p{n},{state},,Acme,sku-{n},1\n"),
            7 if state == "Third" => String::new(),
            _ => format!("p{n},Other,,Acme,sku-{n},1\n"),
        };
        (0..520).map(row).collect::<String>()
    };
    let (walk, files, plan, _) = loaded(&server, &rows("First")).await;
    let put = |state: &str| {
        let new = files.path().join("new");
        std::fs::write(&new, export(&rows(state))).unwrap();
        std::fs::rename(new, files.path().join("products_export.csv")).unwrap();
    };
    put("Second");
    let parent = walk.source.clone();
    let request = v1::CreateSnapshotRequest { parent, ..Default::default() };
    let amid = walk.client.call(request).await.unwrap();
    for state in ["Third", "Second"].repeat(10) {
        let get = v1::GetSnapshotRequest { name: amid.name.clone(), ..Default::default() };
        let snapshot = walk.client.call(get).await.unwrap();
        assert!(!matches!(snapshot.state(), v1::snapshot::State::Failed), "{snapshot:?}");
        put(state);
    }
    put("Third");
    let amid = soon(wait::snapshot(&walk.client, &amid.name, |_| {})).await.unwrap();
    assert_eq!(amid.state(), v1::snapshot::State::Succeeded, "{amid:?}");

    let first = run(&walk, delta(&plan, &amid.name)).await;
    assert_eq!(first.state(), State::Succeeded, "{first:?}");
    let titles = [
        product(&walk, "p0").await["title"].clone(),
        product(&walk, "p519").await["title"].clone(),
    ];
    assert!(titles == ["Second", "Second"] || titles == ["Third", "Third"], "{titles:?}");

    let snapshot = soon(road::take_snapshot(&walk.client, &walk.source, |_| {})).await.unwrap();
    let mut last = delta(&plan, &snapshot.name);
    last.set_deleted_records(DeletedRecords::Delete);
    let last = run(&walk, last).await;
    assert_eq!(last.state(), State::Succeeded, "{last:?}");
    for (handle, title) in [("p0", json!("Third")), ("p519", json!("Third")), ("p7", Value::Null)] {
        assert_eq!(product(&walk, handle).await["title"], title, "{handle}");
    }
    let report = soon(road::verify_run(&walk.client, &last.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    sound(&server, &walk).await;
}

/// How many records the ledger of a run noted as looked at, and how many lines of it there are.
async fn looked_at(connection: &mut PgConnection, run: &str) -> (i64, i64) {
    let noted = "select count(*) from record_written where run = $1";
    let noted = sqlx::query_scalar(noted).bind(run).fetch_one(&mut *connection).await.unwrap();
    let lines = "select count(*) from run_record where run = $1";
    (noted, sqlx::query_scalar(lines).bind(run).fetch_one(&mut *connection).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_as_it_was_written_is_not_looked_at_unless_what_it_follows_from_changed() {
    let server = Server::start().await;
    let header = "Handle,Title,Body (HTML),Vendor,Product Category,Variant SKU,Variant Price\n";
    let rows =
        "a,Apple,,Acme,Food,sku-a,1\nb,Bread,,Acme,Food,sku-b,0.333\nc,Cheese,,Acme,,sku-c,3\n";
    let file = format!("{header}{rows}");
    let files = folder(&[("products_export.csv", file.as_bytes())]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let loaded = walk.live(&plan, &before).await;
    assert_eq!(loaded.state(), State::Succeeded, "{loaded:?}");
    let mut connection = PgConnection::connect(&server.database.url).await.unwrap();
    assert_eq!(
        looked_at(&mut connection, &loaded.name).await,
        (4, 4),
        "a category, three products"
    );

    let snapshot =
        soon(road::take_snapshot(&walk.client, &walk.source, |_| {})).await.unwrap().name;
    let second = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!(second.state(), State::Succeeded, "{second:?}");
    assert_eq!(effects(&second).unchanged, 4);
    assert_eq!(looked_at(&mut connection, &second.name).await, (0, 4));
    let said = async |run: &str| {
        let records = walk.records(run, "").await;
        let said = records.into_iter().map(|it| (it.kind, it.source_id, it.outcome, it.changes));
        said.collect::<Vec<_>>()
    };
    assert_eq!(said(&second.name).await, said(&loaded.name).await);
    let request = v1::ListEventsRequest {
        parent: walk.migration.clone(),
        filter: format!("resource = \"{}\" AND type = \"run.kind_completed\"", second.name),
        ..Default::default()
    };
    let events = walk.client.call(request).await.unwrap().events;
    assert_eq!(events.len(), 2, "categories and products: {events:?}");
    let key = v1::find_record_request::Key::Sku("sku-b".to_owned());
    let request = v1::FindRecordRequest {
        parent: walk.migration.clone(),
        key: Some(key),
        ..Default::default()
    };
    let found = walk.client.call(request).await.unwrap();
    assert_eq!(found.found_records.len(), 2, "in both ledgers: {found:?}");

    // What it refers to is not there any more: it is looked at, and so is the category.
    let gone = "delete from record_link where kind = 'category' and role = 'category'";
    sqlx::query(gone).execute(&mut connection).await.unwrap();
    let request = v1::GetRunRequest { name: second.name.clone() };
    assert_eq!(walk.client.call(request).await.unwrap().state(), State::Succeeded);
    let third = run(&walk, delta(&plan, &snapshot)).await;
    assert_eq!(effects(&third).unchanged, 3, "{third:?}");
    let (noted, lines) = looked_at(&mut connection, &third.name).await;
    assert_eq!((noted, lines), (3, 4), "all but the product that is in no category");
}

fn customers(rows: &[(&str, &str)]) -> Vec<u8> {
    let mut text = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,\
        Default Address Address1,Default Address City,Default Address Country Code,\
        Default Address Zip,Phone,Note,Tags\n"
        .to_owned();
    for (id, email) in rows {
        text.push_str(&format!("'{id},Anna,Smith,{email},no,Street 1,Bern,CH,3000,,,\n"));
    }
    text.into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_as_before_again_is_known_by_what_it_was_known_by() {
    let server = Server::start().await;
    let files = folder(&[("customers_export.csv", &customers(&[("1", "e@example.com")]))]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let loaded = walk.live(&plan, &before).await;
    assert_eq!(loaded.state(), State::Succeeded, "{loaded:?}");
    let newer = async |rows: &[(&str, &str)]| {
        std::fs::write(files.path().join("customers_export.csv"), customers(rows)).unwrap();
        soon(road::take_snapshot(&walk.client, &walk.source, |_| {})).await.unwrap().name
    };

    // Its new address cannot be brought over: somebody deleted its object.
    let id = get(&walk, "customers?limit=1").await["customers"][0]["id"].clone();
    shop::delete(&walk.shop, &format!("customers/{}", id.as_str().unwrap())).await;
    let moved = newer(&[("1", "f@example.com")]).await;
    let moved = run(&walk, delta(&plan, &moved)).await;
    let refused = walk.records(&moved.name, "outcome = QUARANTINED").await;
    assert_eq!(refused.len(), 1, "{moved:?}");

    // It has its old one again, and the new one is somebody else's.
    let back = newer(&[("1", "e@example.com"), ("2", "f@example.com")]).await;
    let back = run(&walk, delta(&plan, &back)).await;
    let records = walk.records(&back.name, "outcome = MIGRATED").await;
    assert_eq!(records.len(), 2, "nobody was merged: {back:?}");
    assert_eq!(get(&walk, "customers?email=f@example.com").await["count"], 1);
}
