//! Who may write: work that was taken away sends nothing more, and what an earlier run left behind
//! in the journal is neither repeated nor taken for true.

use std::{sync::Arc, time::Duration};

use cartage_connectors::{
    Call, CallState, Error, JournaledCall, PARTIAL, Reference, Target, Written, WrittenOutcome,
};
use cartage_model::Kind;
use cartage_sandbox::medusa::{Fault, Rule};
use serde_json::{Value, json};

use super::support::{
    Calls, Journal, Ledger, Shop, assert_all_created, assert_once, assert_reads_back, calls_of,
    connect_for, count, heal, load, records, refusal, set_fault, set_marker, simulated, simulation,
    write_with, writes,
};

fn customer(run: &str, first_name: &str) -> Vec<(Kind, &'static str, Value)> {
    let addresses = json!([{"city": "Köln"}, {"first_name": "POISON", "city": "Bonn"}]);
    let email = format!("c.{run}@example.com");
    let customer = json!({"email": email, "first_name": first_name, "addresses": addresses});
    vec![(Kind::Customer, "c", customer)]
}

fn plain_product(run: &str) -> Vec<(Kind, &'static str, Value)> {
    let prices = json!([{"kind": "regular", "money": {"amount": "5", "currency": "EUR"}}]);
    let product = json!({"title": "P", "handle": format!("p-{run}"), "status": "published",
        "variants": [{"source_id": "v", "sku": format!("P-{run}"), "prices": prices}]});
    vec![(Kind::Product, "p", product)]
}

/// Asserts that a write with a journal whose work was taken away makes no further change.
async fn assert_fenced(shop: &Shop, records: &[(Kind, &str, Value)], calls: &Calls, kind: Kind) {
    let ledger = Ledger { calls: [(kind, Arc::clone(calls))].into(), ..Ledger::default() };
    let mut journal = Journal::on(calls);
    journal.is_taken = true;
    let before = writes(shop);
    let error = write_with(shop, &ledger, records, kind, &journal).await.unwrap_err();
    assert!(matches!(error, Error::Journal(_)), "{kind}: {error}");
    assert_eq!(writes(shop), before, "{kind}");
}

#[tokio::test]
async fn work_that_was_taken_away_is_not_sent_again() {
    let shop = simulated().await;
    load(&shop, &mut Ledger::default(), &[], None).await.unwrap();
    for (kind, records) in
        [(Kind::Customer, customer(&shop.run, "A")), (Kind::Product, plain_product(&shop.run))]
    {
        let calls = Calls::default();
        set_fault(&shop, Rule { times: Some(1), ..Rule::default() });
        assert_fenced(&shop, &records, &calls, kind).await;
        // The intent stands now: the shop is asked, and then nothing is sent either.
        heal(&shop);
        let id = records[0].1;
        assert_eq!(calls.lock().unwrap()[id][0].state, CallState::Intended);
        assert_fenced(&shop, &records, &calls, kind).await;
    }
}

#[tokio::test]
async fn work_that_was_taken_away_deletes_nothing() {
    let shop = simulated().await;
    let records = customer(&shop.run, "A");
    set_marker(&shop, "POISON");
    let journal = Journal { is_taken: true, ..Journal::default() };
    let error = write_with(&shop, &Ledger::default(), &records, Kind::Customer, &journal).await;
    assert!(matches!(error, Err(Error::Journal(_))), "{error:?}");
    assert_eq!(count(&shop, "customers"), 1);
}

#[tokio::test]
async fn a_customer_that_was_taken_back_is_made_anew_by_a_later_run() {
    let shop = simulated().await;
    let records = customer(&shop.run, "A");
    let mut ledger = Ledger::default();
    set_marker(&shop, "POISON");
    for _ in 0..2 {
        let written = load(&shop, &mut ledger, &records, None).await.unwrap();
        assert_eq!(refusal(&written[0]).reason, "TARGET_REFUSED_RECORD");
        assert_eq!((count(&shop, "customers"), count(&shop, "addresses")), (0, 0));
    }
    // In the same run the refusal stands, even when the shop would take the record now.
    heal(&shop);
    let written = load(&shop, &mut ledger, &records, None).await.unwrap();
    refusal(&written[0]);
    ledger.next_run();
    assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
    assert_once(&shop, &records).await;
    assert_reads_back(&shop, &ledger, &records).await;
}

#[tokio::test]
async fn a_crash_behind_a_deletion_fails_no_run() {
    let shop = simulated().await;
    let records = customer(&shop.run, "A");
    let calls = Calls::default();
    set_marker(&shop, "POISON");
    for _ in 0..3 {
        let ledger =
            Ledger { calls: [(Kind::Customer, Arc::clone(&calls))].into(), ..Ledger::default() };
        // What the write journaled behind its last intent is lost.
        let journal = Journal::on(&calls);
        let written = write_with(&shop, &ledger, &records, Kind::Customer, &journal).await.unwrap();
        refusal(&written[0]);
        assert_eq!(count(&shop, "customers"), 0);
        // The refusal was durable before the deletion.
        let is_refused = |state: &CallState| matches!(state, CallState::Refused(_));
        assert!(calls.lock().unwrap()["c"].iter().any(|entry| is_refused(&entry.state)));
    }
}

#[tokio::test]
async fn a_customer_who_went_away_is_a_matter_of_that_record() {
    let shop = simulated().await;
    let records = customer(&shop.run, "A");
    let mut ledger = Ledger::default();
    // The first address is intended and not sent; then the shop deletes the customer.
    let stopped = load(&shop, &mut ledger, &records, Some(3)).await.unwrap_err();
    assert!(matches!(stopped, Error::Journal(_)), "{stopped}");
    let keys = shop.medusa.keys(&shop.run, Kind::Customer).await.unwrap();
    let url = format!("{}/admin/customers/{}", simulation(&shop).url(), keys[0].1);
    let client = reqwest::Client::new();
    let deletion = client.delete(url).basic_auth(simulation(&shop).api_key(), Some(""));
    assert!(deletion.send().await.unwrap().status().is_success());
    let written = load(&shop, &mut ledger, &records, None).await.unwrap();
    refusal(&written[0]);
}

#[tokio::test]
async fn a_deletion_that_is_refused_says_what_stands() {
    let shop = simulated().await;
    let records = customer(&shop.run, "A");
    let rule = Rule {
        fault: Fault::Refuse { status: 400 },
        path: Some("/admin/customers/cus".to_owned()),
        from: Some(2),
        ..Rule::default()
    };
    set_fault(&shop, rule);
    let mut ledger = Ledger::default();
    let written = load(&shop, &mut ledger, &records, None).await.unwrap();
    let (_, id) = shop.medusa.keys(&shop.run, Kind::Customer).await.unwrap().remove(0);
    assert!(refusal(&written[0]).message.contains(&id), "{written:?}");
    assert_eq!(written[0].partial[0].target_id, id);
    assert_eq!(written[0].partial[0].reference.role, PARTIAL);
    // A later run goes on from it.
    heal(&shop);
    ledger.next_run();
    assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
    assert_once(&shop, &records).await;
    assert_reads_back(&shop, &ledger, &records).await;
}

#[tokio::test]
async fn what_was_written_otherwise_before_is_a_conflict() {
    let shop = simulated().await;
    for (kind, first, second) in [
        (Kind::Customer, customer(&shop.run, "A"), customer(&shop.run, "B")),
        (Kind::Product, plain_product(&shop.run), {
            let mut other = plain_product(&shop.run);
            other[0].2["title"] = json!("Q");
            other
        }),
    ] {
        let mut ledger = Ledger::default();
        assert_all_created(&load(&shop, &mut ledger, &first, None).await.unwrap());
        // Within the run too: one that is tried again may find more of what the record refers to.
        for next in [false, true] {
            if next {
                ledger.next_run();
            }
            ledger.forget();
            let written = load(&shop, &mut ledger, &second, None).await.unwrap();
            assert_eq!(refusal(&written[0]).reason, "TARGET_CONFLICT");
            assert!(refusal(&written[0]).message.contains("with other values"), "{written:?}");
            assert_eq!(written[0].partial.len(), 1);
        }
        ledger.forget();
        // The same values are taken as they are.
        assert_all_created(&load(&shop, &mut ledger, &first, None).await.unwrap());
        // What was intended with other values and stands is none of ours either.
        let id = first[0].1;
        for entry in ledger.calls[&kind].lock().unwrap().get_mut(id).unwrap() {
            entry.state = CallState::Intended;
        }
        ledger.forget();
        let written = load(&shop, &mut ledger, &second, None).await.unwrap();
        assert_eq!(refusal(&written[0]).reason, "TARGET_CONFLICT");
        assert_eq!(written[0].partial.len(), 1, "it was asked for and is named");
        assert!(matches!(calls_of(&ledger, kind, id)[0].state, CallState::Applied(_)));
    }
}

/// Makes every call of the records that may be one that sent other values and got no answer.
fn lose(ledger: &Ledger, records: &[(Kind, &str, Value)], ordinals: std::ops::Range<u32>) {
    for (kind, id, _) in records {
        let calls = ledger.calls.get(kind).unwrap();
        let mut calls = calls.lock().unwrap();
        let entries = calls.entry((*id).to_owned()).or_default();
        for ordinal in ordinals.clone() {
            entries.retain(|entry| entry.call.ordinal != ordinal);
            let (name, payload_hash) = ("lost".to_owned(), "of other values".to_owned());
            let call = Call { source_id: (*id).to_owned(), ordinal, name, payload_hash };
            let state = CallState::Intended;
            entries.push(JournaledCall { call, state, earlier_run: false });
        }
        entries.sort_by_key(|entry| entry.call.ordinal);
    }
}

#[tokio::test]
async fn what_was_intended_with_other_values_is_asked_for_and_then_written() {
    let mut shop = simulated().await;
    let (url, key) = (simulation(&shop).url(), simulation(&shop).api_key().to_owned());
    shop.medusa = connect_for(&url, &key, Duration::from_secs(20), Duration::from_millis(50));
    let records = records(&shop.run);
    let mut ledger = Ledger::default();
    for kind in Target::kinds(&shop.medusa) {
        ledger.calls.insert(kind, Calls::default());
    }
    lose(&ledger, &records, 0..8);
    // While the shop does not answer, nothing is decided.
    let rule = Rule { path: Some("/admin/customers".to_owned()), reads: true, ..Rule::default() };
    set_fault(&shop, rule);
    let customers: Vec<_> =
        records.iter().filter(|(kind, _, _)| *kind == Kind::Customer).cloned().collect();
    let stopped = load(&shop, &mut ledger, &customers, None).await;
    let is_postponed = |one: &Written| matches!(one.outcome, WrittenOutcome::Postponed(_));
    assert!(stopped.as_ref().is_ok_and(|all| all.iter().all(is_postponed)), "{stopped:?}");
    assert_eq!(calls_of(&ledger, Kind::Customer, "u1")[0].state, CallState::Intended);
    heal(&shop);
    // Nothing of it is there: it is written as it is now, under an intent of its own.
    assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
    assert_once(&shop, &records).await;
    assert_reads_back(&shop, &ledger, &records).await;
    for (kind, id, _) in &records {
        let first = calls_of(&ledger, *kind, id).remove(0);
        assert!(matches!(first.state, CallState::Applied(_)), "{kind} {id}: {first:?}");
        assert_ne!(first.call.payload_hash, "of other values", "{kind} {id}");
    }
    // All of it is there: each is a conflict that names its object, and nothing is written.
    let made = ledger.links.clone();
    let before = writes(&shop);
    ledger.forget();
    lose(&ledger, &records, 0..1);
    for one in load(&shop, &mut ledger, &records, None).await.unwrap() {
        assert_eq!(refusal(&one).reason, "TARGET_CONFLICT", "{one:?}");
        let [link] = one.partial.as_slice() else { panic!("{one:?}") };
        let own = Reference { role: link.reference.kind.to_string(), ..link.reference.clone() };
        assert_eq!(made.get(&own), Some(&link.target_id), "{one:?}");
    }
    assert_eq!(writes(&shop), before);
}

#[tokio::test]
async fn a_later_call_that_was_intended_with_other_values_is_asked_for_too() {
    let shop = simulated().await;
    let mut records = records(&shop.run);
    records.retain(|(_, id, _)| ["c1", "c2", "k1", "k2", "p1", "g1", "u1", "#2"].contains(id));
    let mut ledger = Ledger::default();
    assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
    let made = ledger.links.clone();
    let again = |ids: &[&str]| {
        let mut again = records.clone();
        again.retain(|(_, id, _)| ids.contains(id));
        again
    };
    let later = again(&["p1", "u1", "#2"]);
    ledger.done.clear();
    lose(&ledger, &later, 1..2);
    let written = load(&shop, &mut ledger, &later, None).await.unwrap();
    // Levels are read, and those that are wanted now stand.
    assert_all_created(&written[..1]);
    for (one, kind) in written[1..].iter().zip([Kind::Customer, Kind::Order]) {
        assert_eq!(refusal(one).reason, "TARGET_CONFLICT", "{one:?}");
        let source_id = one.source_id.clone();
        let own = Reference { kind, source_id, role: kind.to_string() };
        assert_eq!(made.get(&own), Some(&one.partial[0].target_id), "{one:?}");
    }
    // Levels of other quantities are not written over.
    let mut stocked = again(&["p1"]);
    stocked[0].2["variants"][0]["stock"][0]["quantity"] = json!("8");
    ledger.done.clear();
    lose(&ledger, &stocked, 1..2);
    for entry in ledger.calls[&Kind::Product].lock().unwrap().get_mut("p1").unwrap() {
        if entry.call.ordinal == 1 {
            entry.earlier_run = true;
        }
    }
    let before = writes(&shop);
    let written = load(&shop, &mut ledger, &stocked, None).await.unwrap();
    assert_eq!(refusal(&written[0]).reason, "TARGET_CONFLICT", "{written:?}");
    assert_eq!(written[0].partial.len(), 1);
    assert_eq!(writes(&shop), before);
}

#[tokio::test]
async fn what_was_made_with_another_handle_or_for_nobody_is_found_by_our_key() {
    let shop = simulated().await;
    let first = records(&shop.run);
    let mut ledger = Ledger::default();
    let mut order = first.iter().find(|(_, id, _)| *id == "#5").cloned().unwrap();
    let buyer = first.iter().find(|(_, id, _)| *id == "u2").cloned().unwrap();
    order.2["customer"] = json!("u2");
    let collection = |handle: &str| {
        let handle = format!("{handle}-{}", shop.run);
        (Kind::Collection, "k", json!({"title": "K", "handle": handle}))
    };
    let group = |name: &str| {
        let name = format!("{name} {}", shop.run);
        (Kind::CustomerGroup, "g", json!({ "name": name }))
    };
    let person = |email: &str| {
        let email = format!("{email}.{}@example.com", shop.run);
        (Kind::Customer, "c", json!({ "email": email }))
    };
    let before = [collection("a"), group("a"), person("a"), order.clone()];
    assert_all_created(&load(&shop, &mut ledger, &before, None).await.unwrap());
    lose(&ledger, &before, 0..1);
    ledger.forget();
    // The buyer of the order has come in meanwhile.
    assert_all_created(
        &load(&shop, &mut ledger, std::slice::from_ref(&buyer), None).await.unwrap(),
    );
    let after = [collection("b"), group("b"), person("b"), order];
    for one in load(&shop, &mut ledger, &after, None).await.unwrap() {
        assert_eq!(refusal(&one).reason, "TARGET_CONFLICT", "{one:?}");
        assert_eq!(one.partial.len(), 1, "{one:?}");
    }
    let [collection, group, person, order] = after;
    assert_once(&shop, &[collection, group, person, buyer, order]).await;
}

#[tokio::test]
async fn an_order_that_is_refused_halfway_is_accounted_for() {
    let shop = simulated().await;
    let mut records = records(&shop.run);
    records.retain(|(_, id, _)| *id == "#2");
    let mut ledger = Ledger::default();
    let refuse = |path: &str| Rule {
        fault: Fault::Refuse { status: 400 },
        path: Some(path.to_owned()),
        nth: Some(1),
        ..Rule::default()
    };
    // A draft can be taken back.
    set_fault(&shop, refuse("/admin/draft-orders/order"));
    let written = load(&shop, &mut ledger, &records, None).await.unwrap();
    refusal(&written[0]);
    assert!(written[0].partial.is_empty());
    assert_eq!(count(&shop, "orders"), 0);
    // An order cannot, so it is named and linked.
    ledger.next_run();
    set_fault(&shop, refuse("/admin/payments/"));
    let written = load(&shop, &mut ledger, &records, None).await.unwrap();
    let (_, id) = shop.medusa.keys(&shop.run, Kind::Order).await.unwrap().remove(0);
    assert!(refusal(&written[0]).message.contains(&id), "{written:?}");
    assert_eq!(written[0].partial[0].target_id, id);
    assert_eq!(written[0].partial[0].reference.role, PARTIAL);
    // A later run goes on from it.
    ledger.next_run();
    let written = load(&shop, &mut ledger, &records, None).await.unwrap();
    let WrittenOutcome::Created(links) = &written[0].outcome else { panic!("{written:?}") };
    assert_eq!(links[0].target_id, id);
    assert_once(&shop, &records).await;
    assert_reads_back(&shop, &ledger, &records).await;
}
