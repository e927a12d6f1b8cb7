//! The budget of a target shop: shared by processes, kept to, and no matter of the records.

use std::{path::Path, sync::Arc, time::Duration};

use cartage_client::{road, v1, wait};
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
use nix::sys::signal::Signal;

use crate::{
    invariants::{self, Evidence},
    processes::Deployment,
    support::{Server, connect, csv_at, database, folder, products, sandbox, soon, start_medusa},
    walk::{Walk, live},
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

/// A second migration into the shop of a walk, from products of its own, up to a live run.
async fn beside(walk: &Walk, files: &Path) -> v1::Run {
    let client = &walk.client;
    let source = connect(client, "acme", "other", csv_at(files)).await;
    soon(road::verify_connection(client, &source)).await.unwrap();
    let options = road::Options::new("accounts/acme", &source, &walk.target);
    let migration = road::create_migration(client, &options).await.unwrap().name;
    let snapshot = soon(road::take_snapshot(client, &source, |_| {})).await.unwrap().name;
    soon(road::test_restore(client, &snapshot)).await.unwrap();
    let revision = road::publish_mapping(client, &migration, None).await.unwrap().name;
    let plan = road::create_plan(client, &migration, &snapshot, &revision).await.unwrap();
    let plan = road::submit_plan(client, plan, &walk.target, &options).await.unwrap();
    let plan = road::approve_plan(client, &plan.name, "yes").await.unwrap();
    let run = live(&plan.name, &walk.before().await);
    let request = v1::CreateRunRequest { parent: migration, run: Some(run), ..Default::default() };
    client.call(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_runs_of_two_servers_share_the_budget_of_their_shop() {
    const RECORDS: usize = 600;
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let first = deployment.start(None).await;
    let export = |from: usize| {
        let rows: String =
            (from..from + RECORDS).map(|n| format!("p{n},Product {n},,Acme,{n}\n")).collect();
        folder(&[("products_export.csv", &products(&rows))])
    };
    let (mine, theirs) = (export(0), export(RECORDS));
    let walk = Walk::begin_as(deployment.client(&first).await, mine.path()).await;
    let (plan, before) = walk.ready().await;
    let one = walk.draft(live(&plan, &before)).await;
    let other = beside(&walk, theirs.path()).await;
    let second = deployment.start(None).await;
    let client = deployment.client(&second).await;

    // Each stands still while the other one takes what has become due.
    walk.shop.set_limit(Some(window(10, 1_000)));
    second.signal(Signal::SIGSTOP);
    road::start_run(&walk.client, &one.name).await.unwrap();
    walk.written().await;
    first.signal(Signal::SIGSTOP);
    second.signal(Signal::SIGCONT);
    road::start_run(&client, &other.name).await.unwrap();
    let workers = "select count(distinct worker) from job where worker is not null";
    soon(async {
        while database.query(workers).await.unwrap().trim() != "2" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    first.signal(Signal::SIGCONT);
    for run in [&one, &other] {
        let run = soon(wait::run(&client, &run.name, |_| {})).await.unwrap();
        assert_all_at_once(&walk, &run, i64::try_from(RECORDS).unwrap()).await;
    }
    let count = walk.shop.limit_count().unwrap();
    assert!(count.refused <= 3, "{count:?}");
    for life in [first, second] {
        assert_eq!(life.stop().await, "");
    }
    invariants::hold(&database.url, &Evidence::default()).await;
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
