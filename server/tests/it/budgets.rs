//! The budget of a target shop: shared by processes, kept to, and no matter of the records.

use std::{sync::Arc, time::Duration};

use cartage_client::v1;
use cartage_connectors::{
    Source,
    medusa::{Medusa, Settings},
};
use cartage_model::Kind;
use cartage_sandbox::{
    limiter::{Limit, Shape, Voice},
    medusa::{Fault, Faults, Rule},
};
use cartage_server::{app::budget::Budgets, store::Store};

use crate::{
    support::{Server, connect, sandbox, soon, start_medusa},
    walk::Walk,
};

fn rows(count: usize) -> String {
    (0..count).map(|n| format!("p{n},Product {n},,Acme,{n}\n")).collect()
}

fn window(calls: u32, window_ms: u32) -> Limit {
    Limit::new(Shape::Window { calls, window_ms }, Voice::TimeReset)
}

/// How many records of a live run ended so; the run must have succeeded, each record at its first try.
async fn assert_all_at_once(walk: &Walk, run: &v1::Run, count: i64) {
    assert_eq!(run.state(), v1::run::State::Succeeded, "{run:?}");
    let outcomes = run.accounting.clone().unwrap().outcomes.unwrap();
    assert_eq!((outcomes.migrated + outcomes.changed, outcomes.quarantined), (count, 0));
    for record in walk.records(&run.name, "").await {
        assert_eq!(record.attempt_count, 1, "{record:?}");
    }
    assert_eq!(walk.shop.state("cartage_key")["duplicates"], serde_json::json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_budget_of_a_shop() {
    let server = Server::start().await;
    // The account must be known.
    connect(&server.client("acme").await, "acme", "any", sandbox()).await;
    let shop = start_medusa().await;
    let limits = [
        window(60, 3_000),
        Limit {
            read_cost: 5,
            ..Limit::new(Shape::Bucket { capacity: 200, restore_per_s: 100 }, Voice::Cost)
        },
    ];
    for limit in limits {
        shop.set_limit(Some(limit));
        let before = shop.requests();
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let store = Store::open(&server.database.url).await.unwrap();
            // Another process: nothing is shared but the database.
            let budget =
                Budgets::default().of(&store, "acme", &format!("{}/{limit:?}", shop.url()));
            for _ in 0..4 {
                let mut settings = Settings::new(shop.url(), shop.api_key().to_owned().into());
                settings.http.private_hosts_allowed = true;
                settings.budget = Arc::clone(&budget);
                let medusa = Medusa::connect(settings).unwrap();
                readers.spawn(async move {
                    for _ in 0..25 {
                        Source::count(&medusa, Kind::Customer).await.unwrap();
                    }
                });
            }
        }
        soon(readers.join_all()).await;
        let count = shop.limit_count().unwrap();
        assert!(count.taken >= 200, "{count:?}");
        assert!(count.refused <= 2, "{count:?}");
        assert_eq!(shop.requests() - before, count.taken + count.refused);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_shop_costs_time_and_nothing_else() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, &rows(120)).await;
    let (plan, before) = walk.ready().await;
    walk.shop.set_limit(Some(window(10, 1_000)));
    let run = walk.live(&plan, &before).await;
    let count = walk.shop.limit_count().unwrap();
    assert!(count.refused <= 3, "{count:?}");
    assert_all_at_once(&walk, &run, 120).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_with_and_without_a_word_are_no_tries() {
    for retry_after in [None, Some(1)] {
        let server = Server::start().await;
        let (walk, _files) = Walk::handful(&server, &rows(60)).await;
        let (plan, before) = walk.ready().await;
        // More in a row than a call has tries.
        let rule = Rule {
            fault: Fault::Throttle { retry_after },
            from: Some(2),
            times: Some(5),
            ..Rule::default()
        };
        walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
        let run = walk.live(&plan, &before).await;
        assert_all_at_once(&walk, &run, 60).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_revoked_amid_a_run_pause_it_without_a_storm() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, &rows(200)).await;
    let (plan, before) = walk.ready().await;
    let writes = |at| Rule {
        fault: Fault::Revoke,
        nth: Some(at),
        path: Some("/admin/products/batch".to_owned()),
        ..Rule::default()
    };
    walk.shop.set_faults(Faults { rules: vec![writes(2)], ..Faults::default() });
    let paused = walk.live(&plan, &before).await;
    assert_eq!(paused.state(), v1::run::State::Paused, "{paused:?}");
    assert_eq!(paused.pause_reason(), v1::run::PauseReason::CredentialsRejected);
    let asked = walk.shop.requests();
    let refused = walk.shop.state("cartage_key")["unauthorised"].as_u64().unwrap();
    assert!((1..=4).contains(&refused), "{refused} calls with credentials that do not count");
    // Paused means paused: nobody asks again.
    tokio::time::timeout(Duration::from_secs(2), walk.shop.requests_reach(asked + 1))
        .await
        .unwrap_err();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_is_away_is_asked_seldom_and_pauses_the_run() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, &rows(200)).await;
    let (plan, before) = walk.ready().await;
    let rule = Rule {
        fault: Fault::Refuse { status: 503 },
        from: Some(1),
        reads: true,
        ..Rule::default()
    };
    let asked = walk.shop.requests();
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let paused = walk.live(&plan, &before).await;
    assert_eq!(paused.state(), v1::run::State::Paused, "{paused:?}");
    assert_eq!(paused.pause_reason(), v1::run::PauseReason::TargetUnavailable);
    // Twelve until the circuit opens, and then one at a time.
    let asked = walk.shop.requests() - asked;
    assert!((12..=60).contains(&asked), "{asked} calls to a shop that is away");
    walk.shop.set_faults(Faults::default());
    server.stop().await;
}
