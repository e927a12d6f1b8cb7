//! Rollbacks of what others have laid hands on since: that is listed and left alone, and the rest of
//! the shop is as it was before the run. R31.

use std::collections::BTreeSet;

use cartage_client::{
    road,
    v1::{self, ErrorReason, Outcome, RecordKind, run::State},
    wait,
};
use serde_json::{Value, json};

use crate::{
    invariants::{self, Evidence, TakenBack},
    shop::{Contents, contents, delete, get, post},
    support::{Server, connect, csv_at, shop_of, small_shop, soon},
    walk::Walk,
};

/// A run that succeeded, and what the shop held before it.
struct Scene {
    server: Server,
    walk: Walk,
    before: Contents,
    run: v1::Run,
    _files: tempfile::TempDir,
}

impl Scene {
    /// Something made by hand stands in the shop already; gives its paths as well.
    async fn begin(files: tempfile::TempDir) -> Self {
        let server = Server::start().await;
        let walk = Walk::begin(&server, &files.path().join("export")).await;
        let by_hand =
            json!({ "title": "Made by hand", "options": [{ "title": "Size", "values": ["M"] }] });
        post(&walk.shop, "products", by_hand).await;
        let (plan, snapshot) = walk.ready().await;
        let before = contents(&walk.shop).await;
        let run = walk.live(&plan, &snapshot).await;
        assert_eq!(run.state(), State::Succeeded, "{run:?}");
        Self { server, walk, before, run, _files: files }
    }

    /// The records of a kind of which the run made something, with the ids of their objects.
    async fn made(&self, kind: RecordKind) -> Vec<(String, String)> {
        let kind = kind.as_str_name().trim_start_matches("RECORD_KIND_").to_owned();
        let filter = format!("kind = {kind} AND effect = CREATED");
        let records = self.walk.records(&self.run.name, &filter).await;
        let own = |record: v1::RunRecord| {
            let objects = record.target_objects.iter();
            let own = objects.clone().find(|it| it.role == kind.to_lowercase());
            (record.source_id.clone(), own.unwrap().target_id.clone())
        };
        records.into_iter().map(own).collect()
    }

    /// Takes the run back; gives the rollback, and its conflicts by kind and source id.
    async fn take_back(&self) -> (v1::Run, BTreeSet<(RecordKind, String)>) {
        let started = road::start_rollback(&self.walk.client, &self.run.name).await.unwrap();
        let ended = soon(wait::run(&self.walk.client, &started.name, |_| {})).await.unwrap();
        assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
        assert_eq!(ended.accounting.as_ref().unwrap().unaccounted, 0, "{ended:?}");
        let kept = self.walk.records(&ended.name, "outcome = QUARANTINED").await;
        for record in &kept {
            let reason = record.failure.as_ref().unwrap().reason();
            let told = [ErrorReason::TargetConflict, ErrorReason::TargetRefusedRecord];
            assert!(told.contains(&reason), "{record:?}");
            assert_eq!(record.effect(), v1::Effect::None, "{record:?}");
        }
        let conflicts = kept.into_iter().map(|it| (it.kind(), it.source_id)).collect();
        (ended, conflicts)
    }

    async fn hold(&self, amid: Contents, others: BTreeSet<String>) {
        let after = contents(&self.walk.shop).await;
        let taken_back = TakenBack { before: self.before.clone(), amid, after, others };
        let evidence = Evidence {
            shop: Some(self.walk.shop.state("cartage_key")),
            taken_back: Some(taken_back),
            ..Evidence::default()
        };
        invariants::hold(&self.server.database.url, &evidence).await;
    }

    async fn edit(&self, path: &str, change: Value) {
        post(&self.walk.shop, path, change).await;
    }
}

/// R31: of every kind something is edited by hand, each in another way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_edited_of_any_kind_is_listed_and_stays_and_the_rest_is_as_before() {
    let scene = Scene::begin(small_shop().0).await;
    let shop = &scene.walk.shop;
    let products = scene.made(RecordKind::Product).await;
    let customers = scene.made(RecordKind::Customer).await;
    let groups = scene.made(RecordKind::CustomerGroup).await;
    let collections = scene.made(RecordKind::Collection).await;
    let categories = scene.made(RecordKind::Category).await;

    // What a mapping writes, and what none does.
    let path = |place: usize| format!("products/{}", products[place].1);
    let edited = get(shop, &path(0)).await["product"].clone();
    let mut metadata = edited["metadata"].clone();
    metadata["erp_number"] = "4711".into();
    scene.edit(&path(0), json!({ "metadata": metadata })).await;
    let variants = get(shop, &path(1)).await["product"]["variants"].clone();
    let variant = variants[0]["id"].as_str().unwrap();
    scene.edit(&format!("{}/variants/{variant}", path(1)), json!({ "hs_code": "940360" })).await;
    scene.edit(&path(2), json!({ "description": "<p>Written anew</p>" })).await;
    // One piece was sold.
    let stocked = contents(shop).await;
    let mut stock = stocked.iter().filter(|(path, _)| path.starts_with("inventory-items/"));
    let (item, level, sold) = stock
        .find_map(|(item, held)| {
            let level = held["location_levels"].get(0)?;
            let is_of = |(_, id): &&(String, String)| {
                let variants = stocked[&format!("products/{id}")]["variants"].as_array().unwrap();
                variants.iter().any(|variant| variant["sku"] == held["sku"])
            };
            let sold = products[3..].iter().find(is_of)?;
            Some((item, level, sold))
        })
        .unwrap();
    let place = format!("{item}/location-levels/{}", level["location_id"].as_str().unwrap());
    let left = level["stocked_quantity"].as_i64().unwrap() - 1;
    scene.edit(&place, json!({ "stocked_quantity": left })).await;
    scene.edit(&format!("customers/{}", customers[0].1), json!({ "last_name": "Married" })).await;
    let address = json!({ "address_1": "Second home 2", "city": "Bern", "country_code": "ch" });
    scene.edit(&format!("customers/{}/addresses", customers[1].1), address).await;
    scene.edit(&format!("customer-groups/{}", groups[0].1), json!({ "name": "Best" })).await;
    scene.edit(&format!("collections/{}", collections[0].1), json!({ "title": "Spring" })).await;
    let child = json!({ "name": "Below", "parent_category_id": categories[0].1 });
    let child = post(shop, "product-categories", child).await["product_category"]["id"].clone();
    let amid = contents(shop).await;

    let (ended, conflicts) = scene.take_back().await;
    let expected = [
        (RecordKind::Product, &products[..3]),
        (RecordKind::Product, std::slice::from_ref(sold)),
        (RecordKind::Customer, &customers[..2]),
    ];
    let flat = expected
        .iter()
        .flat_map(|(kind, made)| made.iter().map(|(source_id, _)| (*kind, source_id.clone())));
    // What holds something that stays, stays as well.
    let holds = [RecordKind::Category, RecordKind::Collection, RecordKind::CustomerGroup];
    let (holders, other): (BTreeSet<_>, BTreeSet<_>) =
        conflicts.into_iter().partition(|(kind, _)| holds.contains(kind));
    assert_eq!(other, flat.collect(), "{ended:?}");
    let edited = [
        (RecordKind::CustomerGroup, groups[0].0.clone()),
        (RecordKind::Collection, collections[0].0.clone()),
        (RecordKind::Category, categories[0].0.clone()),
    ];
    assert!(edited.iter().all(|it| holders.contains(it)), "{holders:?}");
    let child = format!("product-categories/{}", child.as_str().unwrap());
    scene.hold(amid, BTreeSet::from([child.clone()])).await;

    // What stood in the way is undone by a person, and what is left goes.
    delete(shop, &child).await;
    scene.edit(&format!("collections/{}", collections[0].1), json!({ "title": "Spring" })).await;
    scene.take_back().await;
    scene.hold(Contents::new(), BTreeSet::new()).await;
}

/// R31: what no mapping writes, or the service made itself, is edited by hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_of_what_no_mapping_writes_is_an_edit_too() {
    let scene = Scene::begin(shop_of(20).0).await;
    let shop = &scene.walk.shop;
    let products = scene.made(RecordKind::Product).await;
    let path = |place: usize| format!("products/{}", products[place].1);
    // Another tool took it over.
    scene.edit(&path(0), json!({ "external_id": "erp:4711" })).await;
    let variants = get(shop, &path(1)).await["product"]["variants"].clone();
    let variant = variants[0]["id"].as_str().unwrap();
    scene.edit(&format!("{}/variants/{variant}", path(1)), json!({ "title": "Better" })).await;
    let amid = contents(shop).await;
    let (_, conflicts) = scene.take_back().await;
    let edited = products[..2].iter().map(|(id, _)| (RecordKind::Product, id.clone()));
    let kept = conflicts.into_iter().filter(|(kind, _)| *kind == RecordKind::Product);
    assert_eq!(kept.collect::<BTreeSet<_>>(), edited.collect());
    scene.hold(amid, BTreeSet::new()).await;
}

/// R31: what is made by hand hangs at what the run made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_hung_at_objects_of_a_run_is_not_taken_from_them() {
    let scene = Scene::begin(shop_of(20).0).await;
    let shop = &scene.walk.shop;
    let groups = scene.made(RecordKind::CustomerGroup).await;
    let collections = scene.made(RecordKind::Collection).await;
    let categories = scene.made(RecordKind::Category).await;
    let by_hand = scene.before.keys().find(|path| path.starts_with("products/")).unwrap().clone();
    let customer = json!({ "email": "by.hand@example.com" });
    let customer = post(shop, "customers", customer).await["customer"]["id"].clone();
    let members = json!({ "add": [customer] });
    scene.edit(&format!("customer-groups/{}/customers", groups[0].1), members).await;
    let place =
        json!({ "collection_id": collections[0].1, "categories": [{ "id": categories[0].1 }] });
    scene.edit(&by_hand, place).await;
    let (held, grouped) =
        (get(shop, &by_hand).await, format!("customers/{}", customer.as_str().unwrap()));
    let group = async || {
        get(shop, &format!("{grouped}?fields=id,*groups")).await["customer"]["groups"].clone()
    };
    let groups_before = group().await;
    assert_ne!(groups_before, json!([]));

    let (_, conflicts) = scene.take_back().await;
    let after = get(shop, &by_hand).await;
    assert_eq!(
        after["product"]["collection_id"], held["product"]["collection_id"],
        "{conflicts:?}"
    );
    assert_eq!(after["product"]["categories"], held["product"]["categories"], "{conflicts:?}");
    assert_eq!(group().await, groups_before, "{conflicts:?}");
    scene.hold(Contents::new(), BTreeSet::from([by_hand, grouped])).await;
}

/// R31: another migration has taken over what the run made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_migration_has_links_to_is_listed_and_stays() {
    let scene = Scene::begin(shop_of(20).0).await;
    let (walk, client) = (&scene.walk, &scene.walk.client);
    let products = scene.made(RecordKind::Product).await;
    let (files, _) = shop_of(5);
    let source = connect(client, "acme", "second", csv_at(&files.path().join("export"))).await;
    soon(road::verify_connection(client, &source)).await.unwrap();
    let options = road::Options::new("accounts/acme", &source, &walk.target);
    let second = road::create_migration(client, &options).await.unwrap().name;
    let links = v1::ImportRecordLinksRequest {
        parent: second,
        record_links: vec![v1::ImportedRecordLink {
            kind: RecordKind::Product.into(),
            source_id: "theirs".to_owned(),
            target_id: products[0].1.clone(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let imported = client.call(links).await.unwrap();
    assert_eq!(imported.created_count, 1, "{imported:?}");

    let amid = contents(&walk.shop).await;
    let (ended, conflicts) = scene.take_back().await;
    let own = (RecordKind::Product, products[0].0.clone());
    let kept = conflicts.into_iter().filter(|(kind, _)| *kind == RecordKind::Product);
    assert_eq!(kept.collect::<BTreeSet<_>>(), BTreeSet::from([own]), "{ended:?}");
    scene.hold(amid, BTreeSet::new()).await;
    let kept = walk.records(&ended.name, "outcome = QUARANTINED").await;
    assert_eq!(kept[0].outcome(), Outcome::Quarantined);
}
