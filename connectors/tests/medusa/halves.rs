//! Work that a shop did by half or too late, and orders at the wrong buyer.

use std::collections::BTreeMap;

use cartage_connectors::{Reference, Target, WrittenOutcome};
use cartage_model::Kind;
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use serde_json::{Value, json};

use super::support::{
    Journal, Ledger, Shop, assert_all_created, assert_once, assert_reads_back, count, heal, items,
    load, needs, records, set_fault, simulated, simulation,
};

#[tokio::test]
async fn a_payment_that_was_authorised_only_is_captured() {
    let shop = simulated().await;
    let records = records(&shop.run);
    let rule = Rule {
        fault: Fault::CutAmid { rest_ms: None },
        path: Some("/admin/payment-collections/".to_owned()),
        ..Rule::default()
    };
    shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    set_fault(&shop, rule);
    let mut ledger = Ledger::default();
    assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
    assert_once(&shop, &records).await;
    assert_reads_back(&shop, &ledger, &records).await;
}

#[tokio::test]
async fn a_payment_that_cannot_be_captured_is_not_called_migrated() {
    let shop = simulated().await;
    let mut records = records(&shop.run);
    records.retain(|(_, id, _)| *id == "#1");
    load(&shop, &mut Ledger::default(), &[], None).await.unwrap();
    let cut = Rule {
        fault: Fault::CutAmid { rest_ms: None },
        path: Some("/admin/payment-collections/".to_owned()),
        ..Rule::default()
    };
    let refuse = Rule {
        fault: Fault::Refuse { status: 400 },
        path: Some("/admin/payments/".to_owned()),
        ..Rule::default()
    };
    let faults = Faults { rules: vec![cut, refuse], ..Faults::default() };
    simulation(&shop).set_faults(faults);
    let written = load(&shop, &mut Ledger::default(), &records, None).await.unwrap();
    assert!(matches!(written[0].outcome, WrittenOutcome::Refused(_)), "{written:?}");
    assert_eq!(written[0].partial.len(), 1);
}

fn products(run: &str) -> Vec<(Kind, &'static str, Value)> {
    let mut records = records(run);
    records.retain(|(kind, ..)| matches!(kind, Kind::Product | Kind::Category | Kind::Collection));
    records
}

#[tokio::test]
async fn a_product_whose_variants_come_later_is_waited_for() {
    let shop = simulated().await;
    let records = products(&shop.run);
    let rule = Rule {
        fault: Fault::CutAmid { rest_ms: Some(400) },
        path: Some("/admin/products/batch".to_owned()),
        nth: Some(1),
        ..Rule::default()
    };
    set_fault(&shop, rule);
    let mut ledger = Ledger::default();
    assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
    assert_once(&shop, &records).await;
    assert_reads_back(&shop, &ledger, &records).await;
    let sku = format!("A-S-{}", shop.run);
    let sku = Reference { kind: Kind::Product, source_id: sku, role: "sku".to_owned() };
    assert!(ledger.links.contains_key(&sku));
}

#[tokio::test]
async fn a_product_whose_variants_never_come_is_not_called_migrated() {
    let shop = simulated().await;
    let records = products(&shop.run);
    let rule = Rule {
        fault: Fault::CutAmid { rest_ms: None },
        path: Some("/admin/products/batch".to_owned()),
        nth: Some(1),
        ..Rule::default()
    };
    set_fault(&shop, rule);
    let mut ledger = Ledger::default();
    for _ in 0..2 {
        let written = load(&shop, &mut ledger, &records, None).await.unwrap();
        let half: Vec<_> = written
            .iter()
            .filter(|record| matches!(record.outcome, WrittenOutcome::Postponed(_)))
            .collect();
        assert_eq!(half.len(), 3, "{written:?}");
        assert_eq!(count(&shop, "products"), 3);
    }
}

#[tokio::test]
async fn work_that_lands_after_the_connection_is_cut_is_found() {
    for every in [1, 2, 3] {
        let shop = simulated().await;
        let records = records(&shop.run);
        shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
        let rule =
            Rule { fault: Fault::CutLate { ms: 300 }, every: Some(every), ..Rule::default() };
        set_fault(&shop, rule);
        let mut ledger = Ledger::default();
        for _ in 0..3 {
            load(&shop, &mut ledger, &records, None).await.unwrap();
        }
        heal(&shop);
        assert_eq!(ledger.done.len(), records.len(), "{every}");
        assert_once(&shop, &records).await;
        assert_reads_back(&shop, &ledger, &records).await;
    }
}

/// The buyer that is read back of an order which was written with these links.
async fn buyer(
    shop: &Shop,
    name: &str,
    order: &Value,
    links: &BTreeMap<Reference, String>,
) -> Value {
    let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    let records = [(Kind::Order, name, order.clone())];
    let mut items = items(shop, &Ledger::default(), &records, Kind::Order);
    items[0].links = links.clone();
    let journal = Journal::default();
    let written = shop.medusa.write(&prepared, Kind::Order, items, &journal).await.unwrap();
    let WrittenOutcome::Created(links) = &written[0].outcome else { panic!("{written:?}") };
    let ids = [links[0].target_id.clone()];
    let read = shop.medusa.read_back(Kind::Order, &ids).await.unwrap();
    read[0].fields.clone().unwrap().remove("customer").unwrap_or_default()
}

#[tokio::test]
async fn an_order_at_the_wrong_customer_is_seen() {
    let shop = simulated().await;
    let run = &shop.run;
    let email = format!("jane.{run}@example.com");
    let customers = vec![
        (Kind::Customer, "u1", json!({"email": email, "first_name": "Jane"})),
        (Kind::Customer, "u2", json!({"first_name": "John"})),
    ];
    let mut ledger = Ledger::default();
    assert_all_created(&load(&shop, &mut ledger, &customers, None).await.unwrap());
    let to = |id: &str, role: &str| Reference {
        kind: Kind::Customer,
        source_id: id.to_owned(),
        role: role.to_owned(),
    };
    let (jane, john) = (&ledger.links[&to("u1", "customer")], &ledger.links[&to("u2", "customer")]);
    let order = |customer: Option<&str>, email: Option<&str>| {
        json!({"number": "1", "placed_at": "2024-03-01T09:12:13Z", "currency_code": "EUR",
            "state": "open", "customer": customer, "email": email, "total": "5",
            "lines": [{"title": "A", "quantity": "1", "unit_price": "5"}]})
    };
    let by_id = |id: &str, target: &str| BTreeMap::from([(to(id, "customer"), target.to_owned())]);
    let by_email = BTreeMap::from([(to(&email, "email"), jane.clone())]);
    let none = BTreeMap::new();

    let right = order(Some("u2"), None);
    assert_eq!(buyer(&shop, "1", &right, &by_id("u2", john)).await, "u2");
    assert_eq!(buyer(&shop, "2", &right, &by_id("u2", jane)).await, "u1", "at the wrong one");
    assert_eq!(buyer(&shop, "3", &order(Some("u1"), None), &by_id("u1", john)).await, "u2");
    // One who was merged into another, a guest, and one who is not in the target.
    assert_eq!(buyer(&shop, "4", &order(Some("u7"), Some(&email)), &by_email).await, "u7");
    assert_eq!(buyer(&shop, "5", &order(None, Some(&email)), &by_email).await, Value::Null);
    assert_eq!(buyer(&shop, "6", &order(Some("u8"), Some("g@example.com")), &none).await, "u8");
    assert_eq!(buyer(&shop, "7", &order(Some("u9"), None), &none).await, "u9");
}
