//! Each kind is brought to other values and back.

use cartage_connectors::WrittenOutcome;
use cartage_model::Kind;
use serde_json::{Value, json};

use super::{
    super::support::{address, count, fitted, refusal, shops},
    assert_alike, bring, get, hand_in, item, post, price, read, record, sent, there_and_back,
    usual, variants, with,
};

#[tokio::test(flavor = "multi_thread")]
async fn categories_collections_and_groups_are_changed_and_taken_back() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let run = &shop.run;
        let changes = [
            (
                "c1",
                json!({"name": "Clothing", "handle": format!("clothing-{run}"), "description": null,
                "is_active": false, "metadata": {"colour": "red", "nested": {"a": [1]}}}),
            ),
            (
                "c2",
                json!({"parent": null, "is_active": true, "description": "<b>New</b>",
                "metadata": null}),
            ),
            (
                "k1",
                json!({"title": "Autumn", "handle": format!("autumn-{run}"),
                "metadata": {"description": "Mild"}}),
            ),
            ("k2", json!({"metadata": {"description": "Cold"}})),
            ("g1", json!({"name": format!("Wholesale {run}"), "metadata": {"tax_class": "U"}})),
        ];
        for (id, change) in changes {
            let changed = with(&record(&records, id), &change);
            there_and_back(&shop, &mut ledger, &cases[id], &changed).await;
        }
        // Under another one: a move.
        let changed = with(&record(&records, "c1"), &json!({"parent": "c2"}));
        let first = with(&record(&records, "c2"), &json!({"parent": null}));
        bring(&shop, &mut ledger, &cases["c2"], fitted(&shop, Kind::Category, "c2", &first).fields)
            .await;
        there_and_back(&shop, &mut ledger, &cases["c1"], &changed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_others_stays_in_every_kind() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        for (id, path, name, change) in [
            ("c1", "product-categories", "product_category", json!({"metadata": {"rank": 2}})),
            ("k1", "collections", "collection", json!({"metadata": {"description": "Mild"}})),
            ("g1", "customer-groups", "customer_group", json!({"metadata": {"tax_class": "U"}})),
            ("p1", "products", "product", json!({"metadata": {"vendor": "Other"}})),
            ("u1", "customers", "customer", json!({"metadata": {"note": "Kind"}})),
            ("#1", "orders", "order", json!({"metadata": {"tags": ["new"]}})),
        ] {
            let case = &cases[id];
            let path = format!("/admin/{path}/{}", case.target_id);
            let before = get(&shop, &format!("{path}?fields=id,metadata")).await[name].clone();
            // Somebody else writes between the reading and the update.
            let wanted = with(&record(&records, id), &change);
            let wanted = fitted(&shop, case.kind, id, &wanted).fields;
            let item = item(&shop, &ledger, case, wanted.clone()).await;
            let mut theirs = before["metadata"].clone();
            theirs["theirs"] = json!({"by": "others"});
            post(&shop, &path, &json!({ "metadata": theirs })).await;
            let written = hand_in(&shop, &mut ledger, vec![item]).await.unwrap();
            assert!(matches!(written[0].outcome, WrittenOutcome::Updated { .. }), "{written:?}");
            let after = get(&shop, &format!("{path}?fields=id,metadata")).await[name].clone();
            assert_eq!(after["metadata"]["theirs"], json!({"by": "others"}), "{id}");
            assert_eq!(after["metadata"]["cartage_key"], before["metadata"]["cartage_key"], "{id}");
            let held = after["metadata"].as_object().unwrap();
            assert!(held.values().all(|value| value != ""), "{id}: what is cleared is gone");
            let mut read = read(&shop, case).await;
            read["metadata"].as_object_mut().unwrap().remove("theirs");
            assert_alike(&read, &wanted, id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_changed_in_every_field_and_taken_back() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let run = &shop.run;
        let first = record(&records, "p1");
        let own = with(
            &first,
            &json!({
                "title": "Jumper", "subtitle": "Warm", "description": null,
                "handle": format!("jumper-{run}"), "status": "draft", "type": "Jumper",
                "images": [{"url": "https://x.test/c.jpg"}, {"url": "https://x.test/a.jpg"}],
                "tags": ["blue", "brand new"], "categories": [{"source_id": "c1"}],
                "collections": [{"source_id": "k2"}], "metadata": {"vendor": "Other", "more": [1, 2]},
            }),
        );
        there_and_back(&shop, &mut ledger, &cases["p1"], &own).await;
        let bare = with(
            &first,
            &json!({"subtitle": null, "description": null, "type": null,
            "images": null, "tags": null, "categories": null, "collections": null, "metadata": null}),
        );
        there_and_back(&shop, &mut ledger, &cases["p1"], &bare).await;
        let path = format!("/admin/products/{}?fields=id,thumbnail", cases["p1"].target_id);
        assert_eq!(get(&shop, &path).await["product"]["thumbnail"], "https://x.test/a.jpg");
    }
}

/// The usual product with other variants.
fn with_variants(first: &Value, run: &str) -> Value {
    let variant = |id: &str, size: &str, more: Value| {
        let variant = json!({"source_id": format!("p1:{id}"), "sku": format!("A-{id}-{run}"),
            "options": [{"option": "Size", "value": size}, {"option": "Colour", "value": "Red"}],
            "prices": [price("9", "EUR")], "manage_inventory": true, "allow_backorder": false,
            "stock": [{"location": "Berlin", "quantity": "4"}]});
        with(&variant, &more)
    };
    let options = json!([
        {"name": "Size", "values": [{"value": "L"}, {"value": "S"}]},
        {"name": "Colour", "values": [{"value": "Red"}]}
    ]);
    let small = variant(
        "S",
        "S",
        json!({
        "sku": format!("A-NEW-{run}"), "barcode": null, "weight_g": null, "title": "Little",
        "hs_code": "6109", "prices": [price("18.5", "EUR"), price("3", "GBP")],
        "stock": [{"location": "Berlin", "quantity": "9"}], "metadata": {"taxable": false}}),
    );
    with(first, &json!({"options": options, "variants": [variant("L", "L", json!({})), small]}))
}

#[tokio::test(flavor = "multi_thread")]
async fn variants_come_change_and_go() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let run = shop.run.clone();
        let case = &cases["p1"];
        let changed = with_variants(&record(&records, "p1"), &run);
        let before = read(&shop, case).await;
        let old = ledger.links.clone();
        let wanted = fitted(&shop, Kind::Product, "p1", &changed).fields;
        let (made, gone) = bring(&shop, &mut ledger, case, wanted.clone()).await;
        assert_alike(&read(&shop, case).await, &wanted, "variants");
        let names = |links: &[cartage_connectors::Link]| {
            let mut names: Vec<String> = links
                .iter()
                .map(|link| format!("{} {}", link.reference.role, link.reference.source_id))
                .collect();
            names.sort();
            names
        };
        let expected =
            [format!("sku A-L-{run}"), format!("sku A-NEW-{run}"), "variant p1:L".into()];
        assert_eq!(names(&made), expected);
        let expected = [format!("sku A-M-{run}"), format!("sku A-S-{run}"), "variant p1:M".into()];
        assert_eq!(names(&gone), expected);
        for link in &gone {
            assert_eq!(old[&link.reference], link.target_id);
        }
        let held = variants(&shop, &case.target_id);
        assert_eq!(held.len(), 2);
        for link in &made {
            assert!(
                held.iter().any(|variant| variant["id"] == link.target_id.as_str()),
                "{link:?}"
            );
        }
        bring(&shop, &mut ledger, case, before.clone()).await;
        assert_alike(&read(&shop, case).await, &before, "variants back");
        there_and_back(&shop, &mut ledger, case, &changed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_get_other_titles_and_none_is_added() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let first = record(&records, "p1");
        let mut renamed = first.clone();
        renamed["options"][0]["name"] = json!("Grösse");
        for place in 0..2 {
            renamed["variants"][place]["options"][0]["option"] = json!("Grösse");
        }
        there_and_back(&shop, &mut ledger, &cases["p1"], &renamed).await;
        // One without options gets one, in the place of the one Medusa made for it.
        let mut chosen = record(&records, "p3");
        chosen["options"] = json!([{"name": "Size", "values": [{"value": "One"}]}]);
        chosen["variants"][0]["options"] = json!([{"option": "Size", "value": "One"}]);
        there_and_back(&shop, &mut ledger, &cases["p3"], &chosen).await;
        let mut wider = first;
        wider["options"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "Fit", "values": [{"value": "A"}]}));
        let wanted = fitted(&shop, Kind::Product, "p1", &wider).fields;
        let items = vec![item(&shop, &ledger, &cases["p1"], wanted).await];
        let before = sent(&shop);
        let written = hand_in(&shop, &mut ledger, items).await.unwrap();
        assert_eq!(refusal(&written[0]).reason, "FIELD_NOT_UPDATABLE");
        assert_eq!(refusal(&written[0]).field.as_deref(), Some("options"));
        assert_eq!(sent(&shop), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn article_numbers_change_hands_and_stock_stops_and_starts_being_counted() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let first = record(&records, "p1");
        let mut swapped = first.clone();
        let (one, other) =
            (first["variants"][0]["sku"].clone(), first["variants"][1]["sku"].clone());
        swapped["variants"][0]["sku"] = other;
        swapped["variants"][1]["sku"] = one;
        there_and_back(&shop, &mut ledger, &cases["p1"], &swapped).await;
        let mut uncounted = first.clone();
        uncounted["variants"][0]["manage_inventory"] = json!(false);
        uncounted["variants"][1]["manage_inventory"] = json!(true);
        there_and_back(&shop, &mut ledger, &cases["p1"], &uncounted).await;
        // The old number goes to a new variant.
        let mut given = first;
        let mut new = given["variants"][0].clone();
        given["variants"][0]["sku"] = json!(format!("OTHER-{}", shop.run));
        given["variants"][0]["barcode"] = Value::Null;
        new["source_id"] = json!("p1:X");
        new["options"][1]["value"] = json!("Blue");
        given["variants"].as_array_mut().unwrap().push(new);
        there_and_back(&shop, &mut ledger, &cases["p1"], &given).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_changed_with_their_book_and_groups_and_taken_back() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let run = shop.run.clone();
        let first = record(&records, "u1");
        let changed = with(
            &first,
            &json!({
                "email": format!("jane.new.{run}@example.com"), "first_name": "Janet", "phone": null,
                "company_name": null, "groups": null, "metadata": {"note": "Kind"},
                "addresses": [
                    with(&first["addresses"][0], &json!({"city": "Bonn", "is_default_shipping": false,
                        "metadata": null, "province": "NW"})),
                    with(&address("Jack"), &json!({"is_default_shipping": true, "company": null})),
                    address("Jill"),
                ],
            }),
        );
        let before = shop.sandbox.as_ref().map(|_| count(&shop, "addresses"));
        there_and_back(&shop, &mut ledger, &cases["u1"], &changed).await;
        assert_eq!(shop.sandbox.as_ref().map(|_| count(&shop, "addresses")), before);
        let shorter = with(&first, &json!({"addresses": [address("John")]}));
        there_and_back(&shop, &mut ledger, &cases["u1"], &shorter).await;
        let bare = with(
            &first,
            &json!({"addresses": null, "email": null, "last_name": null,
            "metadata": null}),
        );
        there_and_back(&shop, &mut ledger, &cases["u1"], &bare).await;
        let named = json!({"email": format!("nobody.{run}@example.com"), "groups": ["g1"]});
        // u2 names no group of its own: the link is known of u1.
        there_and_back(&shop, &mut ledger, &cases["u2"], &named).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_changes_gives_its_links_and_one_of_another_is_a_conflict() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let run = shop.run.clone();
        let new = format!("new.{run}@example.com");
        let wanted = fitted(
            &shop,
            Kind::Customer,
            "u1",
            &with(&record(&records, "u1"), &json!({ "email": new })),
        )
        .fields;
        let (made, gone) = bring(&shop, &mut ledger, &cases["u1"], wanted).await;
        assert_eq!((made.len(), gone.len()), (1, 1));
        assert_eq!(
            (made[0].reference.role.as_str(), made[0].reference.source_id.as_str()),
            ("email", new.as_str())
        );
        assert_eq!(gone[0].reference.source_id, format!("jane.{run}@example.com"));
        assert_eq!(made[0].target_id, cases["u1"].target_id);
        let wanted = fitted(&shop, Kind::Customer, "u2", &json!({ "email": new })).fields;
        let items = vec![item(&shop, &ledger, &cases["u2"], wanted).await];
        let before = sent(&shop);
        let written = hand_in(&shop, &mut ledger, items).await.unwrap();
        assert_eq!(refusal(&written[0]).reason, "TARGET_CONFLICT");
        assert_eq!(refusal(&written[0]).field.as_deref(), Some("email"));
        assert!(!refusal(&written[0]).message.contains('@'));
        assert_eq!(sent(&shop), before);
    }
}
