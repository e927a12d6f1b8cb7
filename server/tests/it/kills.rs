//! A live run whose server is killed fifty times, each time in the midst of the work, and that
//! still ends with every record once in the target.
//!
//! Most servers die by their own hand at a named place, as by `kill -9`; every fourth is killed
//! from outside, wherever it happens to be. The shop lives in this process and forgets nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use cartage_client::{road, v1, wait};
use cartage_postgres::test::TestDatabase;
use cartage_sandbox::{medusa::Medusa, shopify_export};
use nix::sys::signal::Signal;

use crate::{
    invariants::{self, Evidence},
    processes::{Deployment, Life},
    support::{database, soon},
    walk::{Walk, live},
};

/// How often the server is killed.
const KILLS: usize = 50;
/// The place of a kill from outside.
const OUTSIDE: &str = "anywhere, from outside";
/// Where servers die, in turn, and after how many visits at most.
const PLACES: [(&str, u64); 8] = [
    ("effect.after_intent", 20),
    ("effect.after_call", 30),
    (OUTSIDE, 30),
    ("effect.after_result", 30),
    ("ledger.before_commit", 1),
    ("effect.before_intent", 12),
    (OUTSIDE, 30),
    ("ledger.after_commit", 1),
];

/// The kind that was being written, by the newest intent.
async fn kind_at_work(database: &TestDatabase) -> String {
    let sql = "select kind from external_call order by intend_time desc limit 1";
    database.query(sql).await.unwrap().trim().to_owned()
}

async fn count(database: &TestDatabase, sql: &str) -> i64 {
    database.query(sql).await.unwrap().trim().parse().unwrap()
}

/// Waits for the death a server carries, or brings it from outside once the shop was written to.
async fn die(mut life: Life, place: &str, visit: u64, shop: &Medusa) {
    if place == OUTSIDE {
        let writes = || shop.state("cartage_key")["writes"].as_u64().unwrap();
        let goal = writes() + visit;
        soon(async {
            while writes() < goal {
                assert!(life.ended().is_none(), "the server ended by itself");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        life.signal(Signal::SIGKILL);
    }
    let status = life.end().await;
    assert!(!status.success(), "{place}: the server was to be killed, and ended well");
}

fn export(folder: &Path) -> PathBuf {
    let settings = shopify_export::Settings {
        seed: 23,
        products: 300,
        customers: 60,
        orders: 220,
        ..shopify_export::Settings::default()
    };
    let export = folder.join("export");
    shopify_export::generate(&settings, &export).unwrap();
    export
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_fifty_times_writes_every_record_once() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let life = deployment.start(None).await;
    let client = deployment.client(&life).await;
    let walk = Walk::begin_as(client, &export(deployment.folder())).await;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await.name;
    let mut life = Some(life);
    let mut places: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut links_at_kills = Vec::new();
    for kill in 0..KILLS {
        let (place, most) = PLACES[kill % PLACES.len()];
        // Another visit each time, the same in every run of this test.
        let visit = 1 + u64::try_from(kill * 7).unwrap() % most;
        // The server that prepared everything only starts the run, and then makes way.
        if let Some(first) = life.take() {
            road::start_run(&deployment.client(&first).await, &run).await.unwrap();
            first.kill().await;
        }
        let failpoint = (place != OUTSIDE).then(|| format!("{place}:{visit}"));
        let doomed = deployment.start(failpoint.as_deref()).await;
        die(doomed, place, visit, &walk.shop).await;
        assert!(count(&database, "select count(*) from external_call").await > 0, "{place}");
        links_at_kills.push(count(&database, "select count(*) from record_link").await);
        *places.entry((kind_at_work(&database).await, place)).or_default() += 1;
    }

    let life = deployment.start(None).await;
    let client = deployment.client(&life).await;
    let ended = soon(wait::run(&client, &run, |_| {})).await.unwrap();
    println!("{KILLS} kills between the first intent and the last link:");
    for ((kind, place), count) in &places {
        println!("  {count:>3}  {kind:<12} {place}");
    }
    assert_eq!(ended.state(), v1::run::State::Succeeded, "{ended:?}");
    let accounting = ended.accounting.unwrap();
    assert_eq!(accounting.unaccounted, 0, "{accounting:?}");
    let outcomes = accounting.outcomes.unwrap();
    assert_eq!(outcomes.unknown, 0, "{outcomes:?}");
    let links = count(&database, "select count(*) from record_link").await;
    assert!(links_at_kills.iter().all(|then| *then < links), "{links_at_kills:?}, then {links}");
    assert!(ended.recovery_count >= i32::try_from(KILLS).unwrap(), "{}", ended.recovery_count);

    let state = walk.shop.state("cartage_key");
    assert_eq!(state["duplicates"], serde_json::json!({}));
    let report = soon(road::verify_run(&client, &run, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    let arrived: i64 = report.comparisons.iter().map(|kind| kind.equal).sum();
    assert_eq!(arrived, outcomes.migrated + outcomes.changed, "{:?}", report.comparisons);
    let lease = Some(Duration::from_secs(2));
    let evidence = Evidence { shop: Some(state), lease, ..Evidence::default() };
    invariants::hold(&database.url, &evidence).await;
}
