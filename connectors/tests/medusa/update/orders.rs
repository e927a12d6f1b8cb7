//! What is changed of a placed order, and what is refused before anything is sent.

use cartage_connectors::WrittenOutcome;
use cartage_model::Kind;
use serde_json::json;

use super::{
    super::support::{address, fitted, refusal, shops},
    assert_alike, assert_quiet, bring, hand_in, item, read, record, sent, there_and_back, usual,
    with,
};

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_changed_and_taken_back() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let run = shop.run.clone();
        let moved =
            with(&address("Jack"), &json!({"city": "Bonn", "phone": null, "metadata": null}));
        let changes = json!({"email": format!("other.{run}@example.com"), "billing_address": moved,
            "shipping_address": {"metadata": {"full_name": "Jack"}, "city": "Trier", "phone": "1"},
            "number": "1001", "placed_at": "2024-03-02T09:12:13Z", "financial_status": "partially_refunded",
            "fulfilment_status": null, "metadata": {"tags": ["vip", "new"]}});
        there_and_back(&shop, &mut ledger, &cases["#1"], &with(&record(&records, "#1"), &changes))
            .await;
        let bare = json!({"shipping_address": null, "metadata": null, "adjustments": null,
            "taxes": null});
        there_and_back(&shop, &mut ledger, &cases["#2"], &with(&record(&records, "#2"), &bare))
            .await;
        // An order of a guest, and one that stands as cancelled in our metadata only.
        let other = json!({"email": format!("guest.new.{run}@example.com")});
        there_and_back(&shop, &mut ledger, &cases["#6"], &with(&record(&records, "#6"), &other))
            .await;
        let reopened = with(&record(&records, "#4"), &json!({"state": "open"}));
        there_and_back(&shop, &mut ledger, &cases["#4"], &reopened).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_address_gets_one_and_gives_it_back() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let order = with(
            &record(&records, "#4"),
            &json!({"state": "open",
            "email": format!("late.{}@example.com", shop.run)}),
        );
        there_and_back(&shop, &mut ledger, &cases["#4"], &order).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_and_status_go_one_way() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let first = record(&records, "#1");
        let steps = [
            json!({"paid_total": "50.00"}),
            json!({"paid_total": "50.00", "refunded_total": "10"}),
            json!({"paid_total": "50", "refunded_total": "48.5", "financial_status": "refunded"}),
            json!({"paid_total": "50", "refunded_total": "48.5", "state": "completed",
                "fulfilment_status": "done"}),
        ];
        for step in &steps {
            let wanted = fitted(&shop, Kind::Order, "#1", &with(&first, step)).fields;
            bring(&shop, &mut ledger, &cases["#1"], wanted.clone()).await;
            assert_alike(&read(&shop, &cases["#1"]).await, &wanted, "money");
            assert_quiet(&shop, &mut ledger, &cases["#1"], wanted).await;
        }
        let cancelled = with(
            &record(&records, "#6"),
            &json!({"state": "cancelled",
            "refunded_total": "50", "metadata": {"tags": ["gone"]}}),
        );
        let wanted = fitted(&shop, Kind::Order, "#6", &cancelled).fields;
        bring(&shop, &mut ledger, &cases["#6"], wanted.clone()).await;
        assert_alike(&read(&shop, &cases["#6"]).await, &wanted, "cancelled");
        assert_quiet(&shop, &mut ledger, &cases["#6"], wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_medusa_does_not_change_is_refused_before_anything_is_sent() {
    for shop in shops().await {
        let (mut ledger, cases, records) = usual(&shop).await;
        let mut lines = record(&records, "#1")["lines"].clone();
        lines[0]["quantity"] = json!("3");
        for (id, change, field) in [
            ("#1", json!({ "lines": lines }), "lines"),
            (
                "#1",
                json!({"shipping_lines": [{"title": "UPS", "amount": "4.95"}]}),
                "shipping_lines",
            ),
            ("#1", json!({"total": "47.70"}), "total"),
            ("#1", json!({"tax_total": "7"}), "tax_total"),
            ("#1", json!({"currency_code": "USD"}), "currency_code"),
            ("#1", json!({"customer": "u2"}), "customer"),
            ("#1", json!({"paid_total": "40"}), "paid_total"),
            ("#2", json!({"refunded_total": "1"}), "refunded_total"),
            ("#2", json!({"state": "open"}), "state"),
            ("#2", json!({"state": "cancelled"}), "state"),
            ("#3", json!({"state": "open"}), "state"),
            ("#3", json!({"email": "x@example.com"}), "email"),
            ("#3", json!({"metadata": {"new": 1}}), "metadata"),
            (
                "#1",
                json!({"billing_address": with(&address("Jane"), &json!({"country_code": "AT"}))}),
                "billing_address.country_code",
            ),
        ] {
            // What could be changed beside it is not sent either.
            let mut changed = with(&record(&records, id), &change);
            if id == "#1" {
                changed["financial_status"] = json!("pending");
            }
            if changed.get("paid_total").is_none() {
                changed["paid_total"] = json!(read(&shop, &cases[id]).await["paid_total"]);
            }
            let wanted = fitted(&shop, Kind::Order, id, &changed).fields;
            let items = vec![item(&shop, &ledger, &cases[id], wanted).await];
            let before = sent(&shop);
            let written = hand_in(&shop, &mut ledger, items).await.unwrap();
            let WrittenOutcome::Refused(_) = &written[0].outcome else {
                panic!("{id} {field}: {written:?}");
            };
            assert_eq!(refusal(&written[0]).reason, "FIELD_NOT_UPDATABLE", "{id} {field}");
            assert_eq!(refusal(&written[0]).field.as_deref(), Some(field), "{id}");
            assert!(!refusal(&written[0]).message.contains('@'));
            assert_eq!(sent(&shop), before, "{id} {field}");
        }
    }
}
