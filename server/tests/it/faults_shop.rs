//! A target shop that misbehaves while a LIVE run writes to it: the run ends as it would have at a
//! healthy shop, with every record once in it.
//!
//! R9: refusals for the budget, with and without a word; R10: errors before and after the effect; R11:
//! effects whose answers are lost; R12: searches that lag behind what was written, and names that are
//! taken twice; R13: batches of which a part is missing. R14, credentials that are revoked, is among
//! `budgets`.

use std::time::Duration;

use cartage_client::{
    road,
    v1::{self, run::State},
};
use cartage_sandbox::medusa::{Fault, Faults, Rule};

use crate::{
    invariants::{self, Evidence},
    support::{Server, shop_of, soon},
    walk::Walk,
};

/// What the writes of a run meet.
fn faults(rules: Vec<Rule>) -> Faults {
    Faults { rules, ..Faults::default() }
}

fn each(every: u64, fault: Fault) -> Rule {
    Rule { fault, every: Some(every), ..Rule::default() }
}

/// Migrates a small shop into one that has faults, and gives what became of its records.
async fn outcomes(faults: Faults) -> v1::OutcomeCounts {
    let server = Server::start().await;
    let (files, _) = shop_of(12);
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let (plan, before) = walk.ready().await;
    walk.shop.set_faults(faults.clone());
    let run = walk.live(&plan, &before).await;
    walk.shop.set_faults(Faults::default());
    assert_eq!(run.state(), State::Succeeded, "{faults:?}: {run:?}");
    let accounting = run.accounting.unwrap();
    assert_eq!(accounting.unaccounted, 0, "{faults:?}");

    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{faults:?}: {report:?}");
    let writes = walk.shop.state("cartage_key")["writes"].clone();
    let again = walk.live(&plan, &before).await;
    assert_eq!(again.state(), State::Succeeded, "{faults:?}");
    assert_eq!(walk.shop.state("cartage_key")["writes"], writes, "{faults:?}: nothing is new");
    let evidence = Evidence {
        shop: Some(walk.shop.state("cartage_key")),
        lease: Some(Duration::from_secs(6)),
        ..Evidence::default()
    };
    invariants::hold(&server.database.url, &evidence).await;
    accounting.outcomes.unwrap()
}

/// What writes of a run meet, and its outcomes, which are those at a healthy shop.
async fn assert_as_healthy(cases: Vec<Vec<Rule>>) {
    let healthy = outcomes(Faults::default()).await;
    assert!(healthy.migrated > 20 && healthy.unknown == 0, "{healthy:?}");
    for rules in cases {
        assert_eq!(outcomes(faults(rules.clone())).await, healthy, "{rules:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_for_the_budget_change_nothing() {
    // So many and no more: a shop that went on refusing would be asked ever more slowly.
    let throttled = |every, retry_after| {
        let rule = each(every, Fault::Throttle { retry_after });
        Rule { times: Some(4), ..rule }
    };
    assert_as_healthy(vec![vec![throttled(5, Some(1)), throttled(7, None)]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_and_parts_of_batches_change_nothing() {
    let status = |every, status| each(every, Fault::Refuse { status });
    assert_as_healthy(vec![
        vec![status(13, 500), status(17, 502), status(19, 503), status(23, 504)],
        vec![each(2, Fault::PartialBatch { every: 2 })],
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_change_nothing() {
    assert_as_healthy(vec![
        vec![each(3, Fault::FailAfter), each(25, Fault::CutBefore)],
        vec![each(3, Fault::CutAfter), each(25, Fault::CutLate { ms: 300 })],
        vec![
            each(7, Fault::CutAmid { rest_ms: Some(200) }),
            each(9, Fault::CutAmid { rest_ms: None }),
        ],
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_that_lag_and_names_that_are_taken_twice_double_nothing() {
    let healthy = outcomes(Faults::default()).await;
    let lost = || vec![each(4, Fault::CutAfter)];
    let lagging = Faults { search_lag_ms: 1_500, ..faults(lost()) };
    let careless = Faults { duplicates_accepted: true, ..faults(lost()) };
    for faults in [lagging, careless] {
        assert_eq!(outcomes(faults.clone()).await, healthy, "{faults:?}");
    }
}
