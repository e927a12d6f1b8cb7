//! A shop that is away is no matter of the records; a record that the shop cannot bear is.

use cartage_connectors::{Error, Target, Written, WrittenOutcome};
use cartage_model::Kind;
use cartage_sandbox::medusa::{Fault, Rule};
use serde_json::{Value, json};

use super::support::{
    Journal, Ledger, assert_all_created, assert_once, heal, items, load, needs, records, set_fault,
    simulated,
};

fn is_postponed(written: &Written) -> bool {
    matches!(written.outcome, WrittenOutcome::Postponed(_))
}

#[tokio::test]
async fn a_shop_that_goes_away_in_the_middle_is_said_to_be_away() {
    let cases = [
        (Fault::CutBefore, Kind::Order, 2),
        (Fault::CutBefore, Kind::Product, 2),
        (Fault::Refuse { status: 503 }, Kind::Customer, 2),
        (Fault::FailBefore, Kind::Category, 1),
    ];
    let cases = cases.map(|(fault, kind, from)| async move {
        let shop = simulated().await;
        let mut records = records(&shop.run);
        records.retain(|(of, ..)| *of == kind);
        let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
        let journal = Journal::default();
        let items = items(&shop, &Ledger::default(), &records, kind);
        set_fault(&shop, Rule { fault, from: Some(from), reads: true, ..Rule::default() });
        let error = shop.medusa.write(&prepared, kind, items, &journal).await.unwrap_err();
        assert!(matches!(error, Error::Transient { .. }), "{kind}: {error}");
        // When it is back, nothing is lost and nothing is there twice.
        heal(&shop);
        journal.commit();
        let mut ledger = Ledger::default();
        ledger.calls.insert(kind, journal.calls);
        assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
        assert_once(&shop, &records).await;
    });
    futures::future::join_all(cases).await;
}

#[tokio::test]
async fn a_shop_that_is_stopped_is_said_to_be_away() {
    let mut shop = simulated().await;
    let records = records(&shop.run);
    let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    shop.sandbox.take().unwrap().stop().await.unwrap();
    for kind in [Kind::Product, Kind::Order] {
        let items = items(&shop, &Ledger::default(), &records, kind);
        let journal = Journal::default();
        let result = shop.medusa.write(&prepared, kind, items, &journal).await;
        assert!(matches!(result, Err(Error::Transient { .. })), "{kind}: {result:?}");
    }
}

fn customers(count: usize) -> Vec<(Kind, &'static str, Value)> {
    ["a", "b", "c", "d", "e"]
        .into_iter()
        .take(count)
        .map(|id| (Kind::Customer, id, json!({"first_name": id})))
        .collect()
}

#[tokio::test]
async fn a_record_the_shop_cannot_bear_is_postponed_alone() {
    let shop = simulated().await;
    load(&shop, &mut Ledger::default(), &[], None).await.unwrap();
    // All of many: the shop is ill, though it answers reads. One alone: it is the record.
    set_fault(&shop, Rule::default());
    let many = load(&shop, &mut Ledger::default(), &customers(5), None).await;
    assert!(matches!(many, Err(Error::Transient { .. })), "{many:?}");
    let one = load(&shop, &mut Ledger::default(), &customers(1), None).await.unwrap();
    assert!(is_postponed(&one[0]), "{one:?}");
}

#[tokio::test]
async fn a_product_the_shop_cannot_bear_spoils_no_batch() {
    let shop = simulated().await;
    load(&shop, &mut Ledger::default(), &[], None).await.unwrap();
    let prices = json!([{"kind": "regular", "money": {"amount": "5", "currency": "EUR"}}]);
    let records: Vec<(Kind, &str, Value)> = ["a", "b", "POISON", "d", "e"]
        .into_iter()
        .map(|id| {
            let product = json!({"title": id, "handle": format!("{id}-{}", shop.run),
                "status": "draft", "variants": [{"source_id": id, "prices": prices}]});
            (Kind::Product, id, product)
        })
        .collect();
    set_fault(&shop, Rule { body: Some("POISON".to_owned()), ..Rule::default() });
    let mut ledger = Ledger::default();
    let written = load(&shop, &mut ledger, &records, None).await.unwrap();
    let postponed: Vec<&str> = written
        .iter()
        .filter(|record| is_postponed(record))
        .map(|record| record.source_id.as_str())
        .collect();
    assert_eq!(postponed, ["POISON"]);
    assert_eq!(ledger.done.len(), 4);
}
