//! The Medusa connector against the simulated shop and, where `MEDUSA_URL` and `MEDUSA_API_KEY`
//! say where one runs, against a real server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "medusa/away.rs"]
mod medusa_away;
#[path = "medusa/halves.rs"]
mod medusa_halves;
#[path = "medusa/runs.rs"]
mod medusa_runs;
#[path = "medusa/update/mod.rs"]
mod medusa_update;
#[path = "medusa/walk.rs"]
mod medusa_walk;
#[path = "medusa/support.rs"]
mod support;

use std::{collections::BTreeSet, time::Duration};

use cartage_connectors::{
    Error, Reference, Source, Target, Written, WrittenOutcome, medusa::read_map,
};
use cartage_model::Kind;
use cartage_sandbox::medusa as sandbox;
use serde_json::{Value, json};

use support::{
    Journal, Ledger, Shop, assert_all_created, assert_once, assert_reads_back, connect,
    connect_for, load, needs, records, run_name, shops, simulated,
};

#[tokio::test]
async fn the_shop_passes_its_check_and_every_filter_is_proven() {
    for shop in shops().await {
        let check = Target::check(&shop.medusa).await.unwrap();
        assert!(check.passed(), "{check:?}");
        let proven = |filter: &str| check.items.iter().any(|item| item.name.ends_with(filter));
        for filter in [
            "/admin/inventory-items?id[]",
            "/admin/product-tags?value",
            "/admin/product-tags?value[]",
            "/admin/product-types?value",
            "/admin/product-types?value[]",
            "/admin/regions?name",
            "/admin/stock-locations?name",
            "/admin/sales-channels?name",
        ] {
            assert!(proven(filter), "{filter}");
        }
    }
}

#[tokio::test]
async fn rich_records_read_back_as_they_were_fitted() {
    for shop in shops().await {
        let records = records(&shop.run);
        let mut ledger = Ledger::default();
        let written = load(&shop, &mut ledger, &records, None).await.unwrap();
        assert_eq!(written.len(), records.len());
        assert_all_created(&written);
        assert_reads_back(&shop, &ledger, &records).await;
        assert_once(&shop, &records).await;
        let sku = Reference {
            kind: Kind::Product,
            source_id: format!("A-S-{}", shop.run),
            role: "sku".to_owned(),
        };
        assert!(ledger.links.contains_key(&sku));
    }
}

#[tokio::test]
async fn a_second_preparation_writes_nothing() {
    let shop = simulated().await;
    let first = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    let refuse_writes =
        sandbox::Rule { fault: sandbox::Fault::Refuse { status: 400 }, ..sandbox::Rule::default() };
    let faults = sandbox::Faults { rules: vec![refuse_writes], ..sandbox::Faults::default() };
    shop.sandbox.as_ref().unwrap().set_faults(faults);
    let second = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_shop_is_not_set_up_by_a_worker_whose_lease_is_lost() {
    let shop = simulated().await;
    let lease = Journal { is_taken: true, ..Journal::default() };
    let error = shop.medusa.prepare(&shop.run, &needs(), &lease).await.unwrap_err();
    assert!(matches!(error, Error::Journal(_)), "{error}");
    assert_eq!(shop.sandbox.as_ref().unwrap().state("cartage_key")["writes"], 0);
}

#[tokio::test]
async fn a_journal_that_fails_at_any_operation_costs_nothing_and_doubles_nothing() {
    let mut fails_at = 0;
    loop {
        let shop = simulated().await;
        let records = records(&shop.run);
        let mut ledger = Ledger::default();
        let first = load(&shop, &mut ledger, &records, Some(fails_at)).await;
        if let Err(error) = &first {
            assert!(matches!(error, Error::Journal(_)), "{error}");
            let again = load(&shop, &mut ledger, &records, None).await.unwrap();
            assert_all_created(&again);
        }
        assert_eq!(ledger.done.len(), records.len(), "failing at {fails_at}");
        assert_once(&shop, &records).await;
        if fails_at % 8 == 0 {
            assert_reads_back(&shop, &ledger, &records).await;
        }
        if first.is_ok() {
            assert!(fails_at > 40, "the loop reached every place");
            return;
        }
        fails_at += 1;
    }
}

#[tokio::test]
async fn lost_answers_are_found_by_our_key() {
    use sandbox::Fault::{CutAfter, CutBefore, FailAfter, FailBefore, Throttle};
    for (fault, every) in [
        (CutAfter, 2),
        (CutAfter, 3),
        (FailAfter, 2),
        (FailBefore, 3),
        (CutBefore, 2),
        (Throttle { retry_after: Some(0) }, 2),
    ] {
        let shop = simulated().await;
        let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await;
        prepared.unwrap();
        let rule = sandbox::Rule { fault, every: Some(every), ..sandbox::Rule::default() };
        let faults = sandbox::Faults { rules: vec![rule], ..sandbox::Faults::default() };
        shop.sandbox.as_ref().unwrap().set_faults(faults);
        let records = records(&shop.run);
        let mut ledger = Ledger::default();
        for _ in 0..4 {
            load(&shop, &mut ledger, &records, None).await.unwrap();
        }
        assert_eq!(ledger.done.len(), records.len(), "{fault:?} {every}");
        assert_once(&shop, &records).await;
        assert_reads_back(&shop, &ledger, &records).await;
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_found_by_our_key() {
    let sandbox = sandbox::start(sandbox::Options::default()).await.unwrap();
    let wait = Duration::from_millis(500);
    let medusa = connect_for(&sandbox.url(), sandbox.api_key(), wait, wait);
    let shop = Shop { medusa, sandbox: Some(sandbox), run: run_name() };
    shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    let rule = sandbox::Rule {
        fault: sandbox::Fault::HangAfter,
        every: Some(2),
        ..sandbox::Rule::default()
    };
    let faults = sandbox::Faults { rules: vec![rule], ..sandbox::Faults::default() };
    shop.sandbox.as_ref().unwrap().set_faults(faults);
    let records = records(&shop.run);
    let mut ledger = Ledger::default();
    for _ in 0..4 {
        load(&shop, &mut ledger, &records, None).await.unwrap();
    }
    assert_eq!(ledger.done.len(), records.len());
    assert_once(&shop, &records).await;
    assert_reads_back(&shop, &ledger, &records).await;
}

/// When work is cut: at a request of the simulated shop, counted, so that a fast machine is cut as
/// often as a slow one. A real server counts nothing for us and is cut after a time.
async fn cut(shop: &Shop, requests: u64, attempt: u64) {
    match &shop.sandbox {
        Some(sandbox) => sandbox.requests_reach(requests).await,
        None => {
            let patience = 300 + attempt * 170 % 900 + attempt * attempt * 30;
            tokio::time::sleep(Duration::from_millis(patience)).await;
        }
    }
}

/// Cuts and takes up again until everything is written; each attempt may make so many requests
/// more. Gives the number of cuts.
async fn load_with_cuts(
    shop: &Shop,
    ledger: &mut Ledger,
    records: &[(Kind, &str, Value)],
    more: u64,
) -> u64 {
    for attempt in 0_u64.. {
        let mut requests = 0;
        if let Some(sandbox) = &shop.sandbox {
            let before = sandbox.state("cartage_key")["requests"].as_u64().unwrap();
            requests = before + 1 + attempt * more;
            // With latency a request is cut before it has its effect, without it behind.
            let latency_ms = attempt % 2 * 5;
            sandbox.set_faults(sandbox::Faults { latency_ms, ..sandbox::Faults::default() });
        }
        tokio::select! {
            biased;
            () = cut(shop, requests, attempt) => {}
            written = load(shop, ledger, records, None) => {
                assert_all_created(&written.unwrap());
                return attempt;
            }
        }
    }
    unreachable!("attempts do not end")
}

#[tokio::test]
async fn work_that_is_cut_at_any_moment_goes_on_without_doubling() {
    for (more, cuts_min) in [(1, 20), (2, 8), (3, 8)] {
        let mut shop = simulated().await;
        let sandbox = shop.sandbox.as_ref().unwrap();
        // The simulated shop does at once what it does at all.
        let settle_time = Duration::from_millis(50);
        let timeout = Duration::from_secs(20);
        shop.medusa = connect_for(&sandbox.url(), sandbox.api_key(), timeout, settle_time);
        assert_cut(&shop, more, cuts_min).await;
    }
    if let (Ok(url), Ok(key)) = (std::env::var("MEDUSA_URL"), std::env::var("MEDUSA_API_KEY")) {
        // A real server goes on with what it was asked; it is given the time it needs.
        let settle_time = Duration::from_secs(5);
        let medusa = connect_for(&url, key.trim(), Duration::from_secs(20), settle_time);
        assert_cut(&Shop { medusa, sandbox: None, run: run_name() }, 0, 3).await;
    }
}

async fn assert_cut(shop: &Shop, more: u64, cuts_min: u64) {
    let records = records(&shop.run);
    let mut ledger = Ledger::default();
    let cuts = load_with_cuts(shop, &mut ledger, &records, more).await;
    assert!(cuts >= cuts_min, "{cuts} cuts");
    assert_eq!(ledger.done.len(), records.len());
    assert_once(shop, &records).await;
    assert_reads_back(shop, &ledger, &records).await;
}

#[tokio::test]
async fn one_bad_record_spoils_no_other() {
    for shop in shops().await {
        let run = &shop.run;
        let plain = |handle: &str, sku: &str| {
            json!({"title": "P", "handle": format!("{handle}-{run}"), "status": "published",
                "variants": [{"source_id": handle, "sku": format!("{sku}-{run}"),
                    "prices": [{"kind": "regular", "money": {"amount": "5", "currency": "EUR"}}]}]})
        };
        let records = vec![
            (Kind::Product, "a", plain("a", "1")),
            (Kind::Product, "b", plain("b", "2")),
            (Kind::Product, "c", plain("c", "1")),
            (Kind::Product, "d", plain("d", "4")),
            (Kind::Product, "e", plain("e", "5")),
        ];
        let mut ledger = Ledger::default();
        let written = load(&shop, &mut ledger, &records, None).await.unwrap();
        let refused: Vec<&Written> = written
            .iter()
            .filter(|record| !matches!(record.outcome, WrittenOutcome::Created(_)))
            .collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        let WrittenOutcome::Refused(refusal) = &refused[0].outcome else {
            panic!("{refused:?}");
        };
        assert_eq!(refusal.reason, "TARGET_CONFLICT");
        assert_eq!(shop.medusa.keys(run, Kind::Product).await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_foreign_customer_is_never_taken_over() {
    for shop in shops().await {
        let email = format!("same.{}@example.com", shop.run);
        let records = vec![(Kind::Customer, "x", json!({"email": email, "first_name": "First"}))];
        let mut ledger = Ledger::default();
        assert_all_created(&load(&shop, &mut ledger, &records, None).await.unwrap());
        let other = Shop { run: run_name(), ..shop };
        let mut ledger = Ledger::default();
        let written = load(&other, &mut ledger, &records, None).await.unwrap();
        let WrittenOutcome::Refused(refusal) = &written[0].outcome else {
            panic!("{written:?}");
        };
        assert_eq!(refusal.reason, "TARGET_CONFLICT");
    }
}

#[tokio::test]
async fn every_record_of_the_shop_is_read_once_and_has_a_canonical_form() {
    for shop in shops().await {
        let records = records(&shop.run);
        let mut ledger = Ledger::default();
        load(&shop, &mut ledger, &records, None).await.unwrap();
        for kind in Source::kinds(&shop.medusa) {
            let mut seen = BTreeSet::new();
            let mut cursor = None;
            loop {
                let page = shop.medusa.page(kind, cursor.as_deref()).await.unwrap();
                for raw in &page.records {
                    assert!(seen.insert(raw.source_id.clone()), "{kind} twice");
                    read_map().read(raw).unwrap_or_else(|error| panic!("{kind}: {error}"));
                }
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            for (_, id) in shop.medusa.keys(&shop.run, kind).await.unwrap() {
                assert!(seen.contains(&id), "{kind} {id}");
            }
        }
    }
}

#[tokio::test]
async fn a_dead_key_is_unauthorised() {
    let shop = simulated().await;
    let dead = connect(&shop.sandbox.as_ref().unwrap().url(), "sk_wrong");
    let check = Target::check(&dead).await.unwrap();
    assert!(!check.passed());
    let error = dead.prepare("m", &needs(), &Journal::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorised { .. }), "{error}");
}
