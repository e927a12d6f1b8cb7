//! Objects that were in the shop before us, of others, or gone.

use cartage_connectors::{Reference, Target, WrittenOutcome};
use cartage_model::Kind;
use serde_json::{Value, json};

use super::{
    super::support::{Ledger, Shop, fitted, needs, refusal, shops},
    Case, assert_alike, assert_quiet, bring, get, hand_in, item, post, price, read, record, sent,
    usual, written,
};

/// A product that somebody else made, with stock at a place of theirs.
async fn foreign_product(shop: &Shop) -> Case {
    let run = &shop.run;
    let size = |size: &str, sku: Value| {
        json!({"title": size, "sku": sku, "options": {"Size": size},
            "prices": [{"amount": 5, "currency_code": "eur"},
                {"amount": 4, "currency_code": "eur", "min_quantity": 10}]})
    };
    let body = json!({"title": "Theirs", "handle": format!("theirs-{run}"), "status": "published",
        "metadata": {"erp": "77"}, "external_id": "erp-77",
        "options": [{"title": "Size", "values": ["S", "M"]}],
        "variants": [size("S", json!(format!("T-S-{run}"))), size("M", Value::Null)]});
    let made = post(shop, "/admin/products", &body).await;
    let fields = "id,variants.sku,variants.inventory_items.inventory_item_id";
    let id = made["product"]["id"].as_str().unwrap().to_owned();
    let product = get(shop, &format!("/admin/products/{id}?fields={fields}")).await;
    let place =
        post(shop, "/admin/stock-locations", &json!({"name": format!("Store {run}")})).await;
    let place = place["stock_location"]["id"].as_str().unwrap();
    for variant in product["product"]["variants"].as_array().unwrap() {
        let item = variant["inventory_items"][0]["inventory_item_id"].as_str().unwrap();
        let body = json!({"location_id": place, "stocked_quantity": 3});
        post(shop, &format!("/admin/inventory-items/{item}/location-levels"), &body).await;
    }
    Case { kind: Kind::Product, id: "p9".to_owned(), target_id: id }
}

/// What a price is bound to stays with it.
async fn assert_tiers(shop: &Shop, case: &Case) {
    let fields = "id,*variants.prices";
    let product = get(shop, &format!("/admin/products/{}?fields={fields}", case.target_id)).await;
    for variant in product["product"]["variants"].as_array().unwrap() {
        let prices = variant["prices"].as_array().unwrap();
        let tiers: Vec<&Value> = prices.iter().filter(|it| it["min_quantity"] == 10).collect();
        assert_eq!((prices.len(), tiers.len()), (2, 1), "{prices:?}");
        assert_eq!(tiers[0]["amount"], 4);
    }
}

fn ours(run: &str) -> Value {
    let variant = |id: &str, size: &str, sku: Value| {
        json!({"source_id": id, "sku": sku, "options": [{"option": "Size", "value": size}],
            "prices": [price("7", "EUR")], "manage_inventory": true,
            "stock": [{"location": "Berlin", "quantity": "2"}]})
    };
    json!({"title": "Ours", "handle": format!("theirs-{run}"), "status": "published",
        "options": [{"name": "Size", "values": [{"value": "S"}, {"value": "M"}]}],
        "variants": [variant("v1", "M", Value::Null), variant("v2", "S", json!(format!("T-S-{run}")))],
        "metadata": {"erp": "77", "vendor": "ACME"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_of_others_becomes_ours_with_its_variants_and_goes_back() {
    for shop in shops().await {
        let mut ledger = Ledger::default();
        shop.medusa.prepare(&shop.run, &needs(), &super::Journal::default()).await.unwrap();
        let case = foreign_product(&shop).await;
        let first = read(&shop, &case).await;
        let ids: Vec<Value> =
            super::variants(&shop, &case.target_id).iter().map(|it| it["id"].clone()).collect();
        let wanted = fitted(&shop, Kind::Product, "p9", &ours(&shop.run)).fields;
        let (made, gone) = bring(&shop, &mut ledger, &case, wanted.clone()).await;
        assert_alike(&read(&shop, &case).await, &wanted, "adopted");
        assert_tiers(&shop, &case).await;
        let id = |role: &str, source_id: &str| {
            let is_it = |to: &Reference| to.role == role && to.source_id == source_id;
            made.iter().find(|link| is_it(&link.reference)).map(|link| json!(link.target_id))
        };
        assert_eq!(id("variant", "v2").as_ref(), Some(&ids[0]));
        assert_eq!(id("variant", "v1").as_ref(), Some(&ids[1]));
        assert_eq!(id("sku", &format!("T-S-{}", shop.run)).as_ref(), Some(&ids[0]));
        assert_eq!((made.len(), gone.len()), (3, 0));
        let path = format!("/admin/products/{}?fields=id,external_id,metadata", case.target_id);
        let product = get(&shop, &path).await["product"].clone();
        assert_eq!(product["external_id"], "erp-77", "the key of others stays");
        assert!(product["metadata"]["cartage_key"].is_string());
        assert_quiet(&shop, &mut ledger, &case, wanted).await;
        let (made, gone) = bring(&shop, &mut ledger, &case, first.clone()).await;
        assert_alike(&read(&shop, &case).await, &first, "taken back");
        assert_tiers(&shop, &case).await;
        assert_eq!((made.len(), gone.len()), (0, 2), "{made:?} {gone:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variants_of_a_product_are_told_though_nothing_differs() {
    for shop in shops().await {
        let (ledger, cases, _) = usual(&shop).await;
        let mut nothing_known = Ledger::default();
        let fields = read(&shop, &cases["p1"]).await;
        let before = sent(&shop);
        let (made, gone) = bring(&shop, &mut nothing_known, &cases["p1"], fields).await;
        assert_eq!(sent(&shop), before);
        assert!(gone.is_empty());
        assert_eq!(made.len(), 4);
        for link in made {
            assert_eq!(ledger.links[&link.reference], link.target_id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_without_a_key_get_ours() {
    for shop in shops().await {
        let run = shop.run.clone();
        let mut ledger = Ledger::default();
        shop.medusa.prepare(&run, &needs(), &super::Journal::default()).await.unwrap();
        for (kind, path, name, body, changed) in [
            (
                Kind::Category,
                "product-categories",
                "product_category",
                json!({"name": "A", "handle": format!("a-{run}"), "metadata": {"t": 1}}),
                json!({"name": "B", "handle": format!("a-{run}"), "is_active": false, "metadata": {"t": 1}}),
            ),
            (
                Kind::Collection,
                "collections",
                "collection",
                json!({"title": "A", "handle": format!("a-{run}"), "metadata": {"t": 1}}),
                json!({"title": "A", "handle": format!("a-{run}"), "metadata": {"t": 1}}),
            ),
            (
                Kind::CustomerGroup,
                "customer-groups",
                "customer_group",
                json!({"name": format!("A {run}")}),
                json!({"name": format!("B {run}")}),
            ),
            (
                Kind::Customer,
                "customers",
                "customer",
                json!({"email": format!("a.{run}@example.com")}),
                json!({"email": format!("a.{run}@example.com"), "first_name": "A"}),
            ),
        ] {
            let made = post(&shop, &format!("/admin/{path}"), &body).await;
            let target_id = made[name]["id"].as_str().unwrap().to_owned();
            let case = Case { kind, id: "x".to_owned(), target_id };
            let wanted = fitted(&shop, kind, "x", &changed).fields;
            bring(&shop, &mut ledger, &case, wanted.clone()).await;
            assert_alike(&read(&shop, &case).await, &wanted, path);
            let keys = shop.medusa.keys(&run, kind).await.unwrap();
            assert_eq!(keys.len(), 1, "{path}");
            assert_eq!(keys[0].1, case.target_id, "{path}");
            assert_quiet(&shop, &mut ledger, &case, wanted).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_other_records_and_those_that_are_gone_are_conflicts() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        for id in ["c1", "k1", "p1", "g1", "u1", "#1"] {
            let case = &cases[id];
            let wanted = fitted(&shop, case.kind, id, &record(&records, id)).fields;
            let mut other = item(&shop, &ledger, case, wanted).await;
            other.mapped.fields.insert("metadata".to_owned(), json!({"new": 1}));
            let mut gone = other.clone();
            other.key = format!("{}-other", other.key);
            gone.target_id = "no_such_id".to_owned();
            gone.source_id = "gone".to_owned();
            let before = sent(&shop);
            let mut written = hand_in(&shop, &mut ledger, vec![other, gone]).await.unwrap();
            written.sort_by(|left, right| left.source_id.cmp(&right.source_id));
            let (other, gone) = match id < "gone" {
                true => (&written[0], &written[1]),
                false => (&written[1], &written[0]),
            };
            assert_eq!(refusal(other).reason, "TARGET_CONFLICT", "{id}");
            assert!(refusal(other).message.contains("key"), "{id}");
            assert_eq!(refusal(gone).reason, "TARGET_CONFLICT", "{id}");
            assert!(refusal(gone).message.contains("gone"), "{id}");
            assert_eq!(sent(&shop), before, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_a_customer_added_stay() {
    for shop in shops().await {
        let records = vec![(
            Kind::Customer,
            "u",
            json!({"first_name": "A",
            "addresses": [{"city": "Köln"}, {"city": "Bonn"}]}),
        )];
        let mut ledger = Ledger::default();
        let cases = written(&shop, &mut ledger, &records).await;
        let case = &cases["u"];
        let path = format!("/admin/customers/{}/addresses", case.target_id);
        // One is there when the fields are read, one comes behind that.
        post(&shop, &path, &json!({"city": "Aachen"})).await;
        let mut wanted = read(&shop, case).await;
        assert_eq!(wanted["addresses"][2]["city"], "Aachen");
        wanted["addresses"].as_array_mut().unwrap().remove(0);
        let item = item(&shop, &ledger, case, wanted.clone()).await;
        post(&shop, &path, &json!({"city": "Trier"})).await;
        let result = hand_in(&shop, &mut ledger, vec![item]).await.unwrap();
        assert!(matches!(result[0].outcome, WrittenOutcome::Updated { .. }), "{result:?}");
        let after = read(&shop, case).await;
        let cities: Vec<&Value> =
            after["addresses"].as_array().unwrap().iter().map(|it| &it["city"]).collect();
        assert_eq!(cities, ["Bonn", "Aachen", "Trier"]);
    }
}
