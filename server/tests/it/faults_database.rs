//! A database that crashes and comes back, again and again, under a run and a stream of calls.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use cartage_client::{Client, Error, road, v1, v1::run::State, wait};
use cartage_postgres::Settings;
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use futures::future::join_all;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tonic::Code;

use crate::{
    invariants::{self, Evidence, Made},
    processes::Deployment,
    streams_record::{Asked, Ended, Recording, What},
    support::{connection, sandbox, shop_of, soon, uuid4},
    walk::{Walk, live},
};

/// How many make connections at once.
const MAKERS: usize = 2;
/// How often the database crashes.
const CRASHES: usize = 3;
/// How many writes of the run lie between two crashes.
const WRITES_BETWEEN: u64 = 30;
/// How long the shop takes for each, so that a run goes on for a while.
const WRITE_MS: u64 = 30;

/// Makes one connection after the other, each as often as it takes, until it is told to end: what was
/// acknowledged, and the codes of what was not. Several do this at once, so that crashes meet calls.
async fn make(client: &Client, maker: usize, end: &AtomicBool) -> (Vec<Made>, BTreeSet<i32>) {
    let (mut made, mut codes) = (Vec::new(), BTreeSet::new());
    let mut number = 0;
    while !end.load(Ordering::Relaxed) {
        number += 1;
        let mut request = connection("acme", &format!("c{maker}-{number}"), sandbox());
        request.request_id = uuid4();
        loop {
            match client.call_once(request.clone()).await {
                Ok(resource) => {
                    let (name, uid) = (resource.name, resource.uid);
                    made.push(Made { request_id: request.request_id, name, uid });
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    break;
                }
                Err(Error::Status(status)) => {
                    codes.insert(status.code as i32);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    (made, codes)
}

/// Follows the account's events over every break until the last one: what was told, and the codes
/// streams ended or were refused with.
async fn follow(client: &Client) -> (Vec<Recording>, BTreeSet<i32>) {
    let (mut told, mut codes) = (Vec::new(), BTreeSet::new());
    let (mut token, mut after) = (String::new(), 0);
    loop {
        let request = v1::WatchEventsRequest {
            parent: "accounts/acme".to_owned(),
            after_sequence: token.is_empty().then_some(0),
            resume_token: token.clone(),
            ..Default::default()
        };
        let mut stream = match client.events().watch_events(request).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => {
                codes.insert(status.code() as i32);
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let is_last = |said: &crate::streams_record::Said| match &said.what {
            What::Event(event) => event.resource.ends_with("/last"),
            _ => false,
        };
        let recording = Recording::until(&mut stream, Asked::all(Some(after)), is_last).await;
        if let Some(last) = recording.said.last() {
            (token, after) = (last.token.clone(), last.sequence);
        }
        if let Ended::With(status) = &recording.ended {
            codes.insert(status.code() as i32);
        }
        let end = recording.said.last().is_some_and(is_last);
        told.push(recording);
        if end {
            return (told, codes);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_under_a_run_costs_nothing() {
    let place = tempfile::tempdir().unwrap();
    // Started by root, it runs as somebody else, who must get here.
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let settings = Settings::durable(place.path().join("data"));
    let mut postgres = cartage_postgres::start(settings).await.unwrap();
    postgres.ensure_database("cartage").await.unwrap();
    let url = postgres.url("cartage");
    let deployment = Deployment::new(Some(&url));
    let mut life = deployment.start(None).await;
    let (files, _) = shop_of(40);
    let export = files.path().join("export");
    let walk = Walk::begin_as(deployment.client(&life).await, &export).await;
    let (plan, before) = walk.ready().await;
    let rule = Rule { fault: Fault::Wait { ms: WRITE_MS }, ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let run = walk.draft(live(&plan, &before)).await.name;

    let impatient = deployment.impatient(&life).await;
    let end = AtomicBool::new(false);
    let crash = async {
        road::start_run(&walk.client, &run).await.unwrap();
        for _ in 0..CRASHES {
            let writes = || walk.shop.state("cartage_key")["writes"].as_u64().unwrap();
            let goal = writes() + WRITES_BETWEEN;
            while writes() < goal {
                assert_eq!(life.ended(), None, "the server is to outlive its database");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let before = postgres.pid();
            postgres.crash_and_restart().await.unwrap();
            assert_ne!(postgres.pid(), before);
        }
        let held = walk.client.call(v1::GetRunRequest { name: run.clone() }).await.unwrap();
        assert_eq!(held.state(), State::Running, "it was to go on over every crash: {held:?}");
        // Whoever waits over a break finds the run again.
        let ended = loop {
            match wait::run(&walk.client, &run, |_| {}).await {
                Ok(ended) => break ended,
                Err(Error::Status(status)) if status.code == Code::Unavailable => {}
                Err(other) => panic!("{other}"),
            }
        };
        end.store(true, Ordering::Relaxed);
        ended
    };
    let making = async {
        let makers = (0..MAKERS).map(|maker| make(&impatient, maker, &end));
        let (made, refused): (Vec<_>, Vec<_>) = join_all(makers).await.into_iter().unzip();
        impatient.call(connection("acme", "last", sandbox())).await.unwrap();
        (made.concat(), refused.into_iter().flatten().collect::<BTreeSet<i32>>())
    };
    let (ended, (made, refused), (told, broken)) =
        soon(async { tokio::join!(crash, making, follow(&impatient)) }).await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(ended.accounting.unwrap().unaccounted, 0);
    let passing: BTreeSet<i32> = [Code::Unavailable as i32, Code::Aborted as i32].into();
    assert!(refused.is_subset(&passing), "calls were refused with {refused:?}");
    assert!(broken.is_subset(&passing), "streams ended with {broken:?}");
    assert!(made.len() > CRASHES, "{}", made.len());

    let report = soon(road::verify_run(&walk.client, &run, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    let shop = Some(walk.shop.state("cartage_key"));
    let lease = Some(Duration::from_secs(2));
    let mut evidence = Evidence { shop, made, lease, ..Evidence::default() };
    for recording in &told {
        evidence.heard("accounts/acme", recording);
    }
    assert!(evidence.told.len() > evidence.made.len(), "{} told", evidence.told.len());
    invariants::hold(&url, &evidence).await;
    life.stop().await;
    postgres.stop().await.unwrap();
}

/// R6 and R20: the database of the server's own dies, which nobody starts but a server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_own_database_dies_ends_and_finds_everything_when_it_starts_again() {
    let deployment = Deployment::new(None);
    let mut life = deployment.start(None).await;
    let mut request = connection("acme", "", sandbox());
    request.request_id = uuid4();
    let made = deployment.client(&life).await.call(request.clone()).await.unwrap();
    let settings = || Settings::durable(deployment.data_dir().join("postgres"));
    let postgres = cartage_postgres::start(settings()).await.unwrap();
    assert!(postgres.adopted());
    kill(Pid::from_raw(postgres.pid()), Signal::SIGKILL).unwrap();
    let status = life.end().await;
    assert!(!status.success(), "{status}");
    drop(postgres);

    let life = deployment.start(None).await;
    let again = deployment.client(&life).await.call(request.clone()).await.unwrap();
    assert_eq!((&again.name, &again.uid), (&made.name, &made.uid));
    let postgres = cartage_postgres::start(settings()).await.unwrap();
    let made = Made { request_id: request.request_id, name: made.name, uid: made.uid };
    let evidence = Evidence { made: vec![made], ..Evidence::default() };
    invariants::hold(&postgres.url("cartage"), &evidence).await;
    postgres.leave_running();
    life.stop().await;
}
