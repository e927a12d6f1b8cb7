//! Answers that are lost, work that is cut and taken up again: nothing is there twice.

use std::time::Duration;

use cartage_connectors::{CallState, Error, Target, WrittenOutcome};
use cartage_model::Kind;
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use serde_json::{Map, Value, json};

use super::{
    super::support::{
        Journal, Ledger, Shop, address, calls_of, connect_for, count, fitted, heal, needs,
        set_fault, simulated, simulation, writes,
    },
    Case, assert_alike, hand_in, item, price, read, record, usual, with,
};

/// A product and a customer, each with one child more and one less.
fn changed(shop: &Shop, records: &[(Kind, &'static str, Value)], id: &str) -> Map<String, Value> {
    let first = record(records, id);
    let run = &shop.run;
    let (kind, fields) = match id {
        "p1" => {
            let mut fields = with(
                &first,
                &json!({"title": "Other", "options": [
                {"name": "Size", "values": [{"value": "S"}, {"value": "L"}]},
                {"name": "Colour", "values": [{"value": "Red"}]}]}),
            );
            fields["variants"][1] = json!({"source_id": "p1:L", "sku": format!("A-L-{run}"),
                "options": [{"option": "Size", "value": "L"}, {"option": "Colour", "value": "Red"}],
                "prices": [price("3", "EUR")], "manage_inventory": true,
                "stock": [{"location": "Berlin", "quantity": "6"}]});
            (Kind::Product, fields)
        }
        "u1" => {
            let book = json!([first["addresses"][0], address("Jim"), address("Joe")]);
            (Kind::Customer, with(&first, &json!({"first_name": "Other", "addresses": book})))
        }
        _ => {
            let money = json!({"financial_status": "refunded", "refunded_total": "46.70",
                "paid_total": "50", "metadata": {"tags": ["new"]}});
            (Kind::Order, with(&first, &money))
        }
    };
    fitted(shop, kind, id, &fields).fields
}

/// Hands a record in until it comes to its end.
async fn insist(shop: &Shop, ledger: &mut Ledger, case: &Case, wanted: &Map<String, Value>) {
    for _ in 0..6 {
        let items = vec![item(shop, ledger, case, wanted.clone()).await];
        let written = hand_in(shop, ledger, items).await.unwrap();
        match &written[0].outcome {
            WrittenOutcome::Updated { .. } => return,
            WrittenOutcome::Postponed(_) => {}
            other => panic!("{} {}: {other:?}", case.kind, case.id),
        }
    }
    panic!("{} {} comes to no end", case.kind, case.id);
}

async fn assert_stands(shop: &Shop, case: &Case, wanted: &Map<String, Value>, what: &str) {
    heal(shop);
    assert_alike(&read(shop, case).await, wanted, what);
    if case.kind == Kind::Order {
        let path = format!("/admin/orders/{}?fields=id,payment_collections.status", case.target_id);
        let order = super::get(shop, &path).await;
        let collections = order["order"]["payment_collections"].as_array().unwrap().len();
        assert_eq!(collections, 2, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_double_nothing() {
    let cases = [
        (Fault::CutAfter, 1),
        (Fault::CutAfter, 2),
        (Fault::FailAfter, 3),
        (Fault::CutBefore, 2),
        (Fault::CutLate { ms: 150 }, 1),
        (Fault::CutLate { ms: 150 }, 2),
    ];
    let cases = cases.map(|(fault, every)| async move {
        let mut shop = simulated().await;
        let (url, key) = (simulation(&shop).url(), simulation(&shop).api_key().to_owned());
        // Longer than work goes on that is cut.
        shop.medusa = connect_for(&url, &key, Duration::from_secs(20), Duration::from_millis(400));
        let (mut ledger, cases, records) = usual(&shop).await;
        for id in ["p1", "u1", "#1"] {
            let wanted = changed(&shop, &records, id);
            set_fault(&shop, Rule { fault, every: Some(every), ..Rule::default() });
            insist(&shop, &mut ledger, &cases[id], &wanted).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_stands(&shop, &cases[id], &wanted, &format!("{id} {fault:?} {every}")).await;
        }
        assert_eq!((count(&shop, "variants"), count(&shop, "addresses")), (5, 3));
    });
    futures::future::join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_cut_anywhere_goes_on_without_doubling() {
    for id in ["p1", "u1", "#1"] {
        let mut cuts = 0;
        for fails_at in 0.. {
            let shop = simulated().await;
            let (mut ledger, cases, records) = usual(&shop).await;
            let case = &cases[id];
            let wanted = changed(&shop, &records, id);
            let prepared =
                shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
            let items = vec![item(&shop, &ledger, case, wanted.clone()).await];
            let mut journal = Journal::on(ledger.calls.entry(case.kind).or_default());
            journal.fails_at = Some(fails_at);
            let first = shop.medusa.update(&prepared, case.kind, items.clone(), &journal).await;
            let is_whole = first.is_ok();
            if !is_whole {
                assert!(matches!(first, Err(Error::Journal(_))), "{first:?}");
                cuts += 1;
            }
            // Once more with what the server read before the cut, and with what it reads now.
            for stale in [true, false] {
                let mut next = item(&shop, &ledger, case, wanted.clone()).await;
                if stale {
                    next.current = items[0].current.clone();
                }
                let written = hand_in(&shop, &mut ledger, vec![next]).await.unwrap();
                let is_done = matches!(written[0].outcome, WrittenOutcome::Updated { .. });
                assert!(is_done, "{id} {fails_at} {stale}: {written:?}");
                assert_stands(&shop, case, &wanted, &format!("{id} {fails_at} {stale}")).await;
            }
            let grown = u64::from(id == "u1");
            assert_eq!((count(&shop, "variants"), count(&shop, "addresses")), (5, 2 + grown));
            if is_whole {
                break;
            }
        }
        assert!(cuts >= 6, "{id}: {cuts} cuts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_lands_after_its_worker_is_gone_is_waited_for() {
    let shop = simulated().await;
    let (mut ledger, cases, _) = usual(&shop).await;
    let case = &cases["u2"];
    let fields = json!({"first_name": "Nobody", "addresses": [address("Jim")],
        "metadata": {"orders_count": 0}});
    let wanted = fitted(&shop, Kind::Customer, "u2", &fields).fields;
    let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    let items = vec![item(&shop, &ledger, case, wanted.clone()).await];
    let fault = Fault::CutLate { ms: 400 };
    set_fault(&shop, Rule { fault, times: Some(1), ..Rule::default() });
    let before = count(&shop, "addresses");
    let journal = Journal::on(ledger.calls.entry(Kind::Customer).or_default());
    let update = shop.medusa.update(&prepared, Kind::Customer, items, &journal);
    let cut = tokio::time::timeout(Duration::from_millis(150), update).await;
    assert!(cut.is_err(), "it was cut");
    let items = vec![item(&shop, &ledger, case, wanted.clone()).await];
    assert_eq!(items[0].calls.len(), 1, "its intent stands");
    hand_in(&shop, &mut ledger, items).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(count(&shop, "addresses"), before + 1);
    assert_alike(&read(&shop, case).await, &wanted, "u2");
}

#[tokio::test(flavor = "multi_thread")]
async fn intents_stand_before_each_call_and_at_the_same_places() {
    let shop = simulated().await;
    let (mut ledger, cases, records) = usual(&shop).await;
    for id in ["p1", "u1", "#1"] {
        let case = &cases[id];
        let before = calls_of(&ledger, case.kind, id).len();
        let wanted = changed(&shop, &records, id);
        let sent = writes(&shop);
        let items = vec![item(&shop, &ledger, case, wanted).await];
        hand_in(&shop, &mut ledger, items).await.unwrap();
        let calls = calls_of(&ledger, case.kind, id);
        let own: Vec<_> = calls.iter().skip(before).collect();
        assert_eq!(u64::try_from(own.len()).unwrap(), writes(&shop) - sent, "{id}");
        assert!(own.iter().all(|made| made.call.ordinal >= super::UPDATE_ORDINAL), "{id}");
        assert!(own.iter().all(|made| matches!(made.state, CallState::Applied(_))), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_was_taken_away_sends_nothing_again() {
    let shop = simulated().await;
    let (mut ledger, cases, records) = usual(&shop).await;
    let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    for id in ["p1", "u1", "#1"] {
        let case = &cases[id];
        let items = vec![item(&shop, &ledger, case, changed(&shop, &records, id)).await];
        let mut journal = Journal::on(ledger.calls.entry(case.kind).or_default());
        journal.is_taken = true;
        set_fault(&shop, Rule { times: Some(1), ..Rule::default() });
        let before = writes(&shop);
        let error = shop.medusa.update(&prepared, case.kind, items, &journal).await.unwrap_err();
        assert!(matches!(error, Error::Journal(_)), "{id}: {error}");
        assert_eq!(writes(&shop), before, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_is_away_is_said_to_be_away_and_throttling_is_no_try() {
    let shop = simulated().await;
    let (mut ledger, cases, records) = usual(&shop).await;
    let wanted = changed(&shop, &records, "u1");
    let items = vec![item(&shop, &ledger, &cases["u1"], wanted.clone()).await];
    set_fault(&shop, Rule { fault: Fault::CutBefore, reads: true, ..Rule::default() });
    let prepared = json!({});
    let error = shop.medusa.update(&prepared, Kind::Customer, items, &Journal::default()).await;
    assert!(matches!(error, Err(Error::Transient { .. })), "{error:?}");
    let throttle =
        Rule { fault: Fault::Throttle { retry_after: Some(0) }, every: Some(2), ..Rule::default() };
    set_fault(&shop, throttle);
    insist(&shop, &mut ledger, &cases["u1"], &wanted).await;
    assert_stands(&shop, &cases["u1"], &wanted, "throttled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_authorised_only_is_captured() {
    let mut shop = simulated().await;
    let (mut ledger, cases, records) = usual(&shop).await;
    let sandbox = simulation(&shop);
    let timeout = Duration::from_secs(20);
    shop.medusa =
        connect_for(&sandbox.url(), sandbox.api_key(), timeout, Duration::from_millis(300));
    let cut = Rule {
        fault: Fault::CutAmid { rest_ms: None },
        path: Some("/admin/payment-collections/".to_owned()),
        ..Rule::default()
    };
    simulation(&shop).set_faults(Faults { rules: vec![cut], ..Faults::default() });
    let wanted = changed(&shop, &records, "#1");
    insist(&shop, &mut ledger, &cases["#1"], &wanted).await;
    assert_stands(&shop, &cases["#1"], &wanted, "captured").await;
}
