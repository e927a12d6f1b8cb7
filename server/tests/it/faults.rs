//! Processes that die, stand still or are asked to stop in the midst of their work, and calls that all
//! want something else at once.

use std::collections::BTreeSet;

use cartage_client::{
    Client, Error, road,
    v1::{self, ErrorReason, end_of_stream, run::State},
    wait,
};
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use cartage_server::failpoint::Place;
use nix::sys::signal::Signal;
use tonic::Code;

use crate::{
    invariants::{self, Evidence},
    processes::{Deployment, Life, death_at},
    streams_record::{Asked, Recording, What},
    support::{Server, connect, database, folder, products, sandbox, shop_of, soon},
    walk::{Walk, live},
};

/// How many products a run of these tests writes.
const PRODUCTS: usize = 6;
/// How long the shop takes for each call, so that there is a midst.
const CALL_MS: u64 = 20;

/// The products of so many parts.
fn rows(parts: usize) -> String {
    let rows = (0..parts).flat_map(|part| (0..PRODUCTS).map(move |n| (part, n)));
    rows.map(|(part, n)| format!("p{part}-{n},Product {part} {n},,Acme,{n}\n")).collect()
}

fn part(part: usize) -> v1::Scope {
    let product = v1::RecordKind::Product.into();
    let source_ids = (0..PRODUCTS).map(|n| format!("p{part}-{n}")).collect();
    let filter = v1::KindFilter { kind: product, source_ids, ..Default::default() };
    v1::Scope { kinds: vec![product], filters: vec![filter] }
}

fn slow_down(walk: &Walk, ms: u64) {
    let rule = Rule { fault: Fault::Wait { ms }, ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
}

/// Starts a run, pauses it once while it writes, resumes it and waits for its end: every step a look
/// at where it stands, so that the next server can be asked to go on from there.
async fn drive(client: &Client, run: &str, paused: &mut bool) -> Result<v1::Run, Error> {
    loop {
        let held = client.call_once(v1::GetRunRequest { name: run.to_owned() }).await?;
        let name = held.name.clone();
        match held.state() {
            State::Draft => {
                let start = v1::StartRunRequest { name, etag: held.etag, ..Default::default() };
                client.call_once(start).await.map(drop)?;
            }
            State::Running if !*paused => {
                let pause = v1::PauseRunRequest { name, ..Default::default() };
                match client.call_once(pause).await {
                    Ok(_) => *paused = true,
                    // It came to its end before.
                    Err(Error::Status(status)) if status.code == Code::FailedPrecondition => {}
                    Err(error) => return Err(error),
                }
            }
            State::Paused => {
                let resume = v1::ResumeRunRequest { name, ..Default::default() };
                client.call_once(resume).await.map(drop)?;
            }
            State::Succeeded => return Ok(held),
            State::Failed | State::Cancelled | State::AwaitingAcceptance => {
                panic!("it was to succeed: {held:?}")
            }
            _ => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_die_at_every_place() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let mut life = deployment.start(None).await;
    // Each death is in a run of its own, over a part of its own. Events are told by calls and by
    // work: the server dies at the first one, and at one of the worker's.
    let mut deaths: Vec<(Place, u64)> = Place::ALL.iter().map(|place| (*place, 1)).collect();
    deaths.push((Place::EventBeforeCommit, 3));
    let files = folder(&[("products_export.csv", &products(&rows(deaths.len())))]);
    let mut walk = Walk::begin_as(deployment.client(&life).await, files.path()).await;
    let (plan, before) = walk.ready().await;
    slow_down(&walk, CALL_MS);
    for (number, (place, visit)) in deaths.iter().enumerate() {
        let scope = Some(part(number));
        let run = walk.draft(v1::Run { scope, ..live(&plan, &before) }).await.name;
        life.kill().await;
        let mut doomed = deployment.start(Some(&death_at(*place, *visit))).await;
        let client = deployment.impatient(&doomed).await;
        let mut paused = false;
        let driven = soon(drive(&client, &run, &mut paused)).await;
        assert!(driven.is_err(), "{place:?} is never reached: {driven:?}");
        let status = doomed.end().await;
        assert!(!status.success(), "{place:?}: {status}");

        life = deployment.start(None).await;
        walk.client = deployment.client(&life).await;
        let ended = soon(drive(&walk.client, &run, &mut paused)).await.unwrap();
        let outcomes = ended.accounting.unwrap().outcomes.unwrap();
        assert_eq!(
            outcomes.migrated + outcomes.changed,
            PRODUCTS as i64,
            "{place:?}: {outcomes:?}"
        );
        let evidence = Evidence {
            shop: Some(walk.shop.state("cartage_key")),
            lease: Some(std::time::Duration::from_secs(2)),
            ..Evidence::default()
        };
        invariants::hold(&database.url, &evidence).await;
    }
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], deaths.len() * PRODUCTS);
    assert_eq!(life.stop().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stood_still_changes_nothing_when_it_goes_on() {
    for place in [Place::EffectAfterIntent, Place::EffectAfterCall] {
        let database = database().await;
        let deployment = Deployment::new(Some(&database.url));
        let api = deployment.start_as(&["--role", "api"], None).await;
        let worker = async |failpoint: Option<String>| -> Life {
            deployment.start_as(&["--role", "worker"], failpoint.as_deref()).await
        };
        let first = worker(None).await;
        let (files, _) = shop_of(40);
        let export = files.path().join("export");
        let walk = Walk::begin_as(deployment.client(&api).await, &export).await;
        let (plan, before) = walk.ready().await;
        slow_down(&walk, CALL_MS);
        assert_eq!(first.stop().await, "");
        let mut stale = worker(Some(format!("{}:20:stop", place.as_str()))).await;
        let run = walk.draft(live(&plan, &before)).await.name;
        road::start_run(&walk.client, &run).await.unwrap();
        stale.stands_still().await;
        let held = walk.client.call(v1::GetRunRequest { name: run.clone() }).await.unwrap();
        let epochs = "select max(epoch) from external_call";
        let stale_epoch: i64 = database.query(epochs).await.unwrap().trim().parse().unwrap();

        // Another one takes over when the lease has ended, and the first goes on in the midst of that.
        let fresh = worker(None).await;
        let taken = async {
            loop {
                let run = v1::GetRunRequest { name: run.clone() };
                let now = walk.client.call(run).await.unwrap();
                if now.recovery_count > held.recovery_count {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        soon(taken).await;
        stale.signal(Signal::SIGCONT);
        let ended = soon(wait::run(&walk.client, &run, |_| {})).await.unwrap();
        assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
        let accounting = ended.accounting.unwrap();
        assert_eq!(accounting.unaccounted, 0);

        // What it had begun was finished by the other, and what it did then was not taken.
        let adopted = format!(
            "select count(*) from external_call where epoch <= {stale_epoch} and result_epoch > {stale_epoch}"
        );
        let adopted: i64 = database.query(&adopted).await.unwrap().trim().parse().unwrap();
        assert!(adopted > 0, "{place:?}: nothing was under way");
        // It is alive, and takes what is due.
        assert_eq!(stale.ended(), None);
        assert_eq!(fresh.stop().await, "");
        let report = soon(road::verify_run(&walk.client, &run, |_| {})).await.unwrap();
        assert!(report.passed, "{report:?}");
        let arrived: i64 = report.comparisons.iter().map(|kind| kind.equal).sum();
        let outcomes = accounting.outcomes.unwrap();
        assert_eq!(arrived, outcomes.migrated + outcomes.changed, "{:?}", report.comparisons);
        let evidence =
            Evidence { shop: Some(walk.shop.state("cartage_key")), ..Evidence::default() };
        invariants::hold(&database.url, &evidence).await;
        for life in [stale, api] {
            life.stop().await;
        }
    }
}

/// How many streams are open when the server is asked to stop, over each of two connections.
const STREAMS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_stop_ends_every_stream() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let many = ["--streams-per-account-max", "100", "--streams-per-principal-max", "100"];
    let life = deployment.start_as(&many, None).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let client = deployment.client(&life).await;
        for _ in 0..STREAMS {
            let request = v1::WatchEventsRequest {
                parent: "accounts/acme".to_owned(),
                after_sequence: Some(0),
                ..Default::default()
            };
            streams.push(client.events().watch_events(request).await.unwrap().into_inner());
        }
    }
    let client = deployment.client(&life).await;
    for number in 0..5 {
        connect(&client, "acme", &format!("c{number}"), sandbox()).await;
    }
    let read = futures::future::join_all(
        streams.iter_mut().map(|stream| Recording::whole(stream, Asked::all(Some(0)))),
    );
    let (told, said) = tokio::join!(soon(read), life.stop());
    assert_eq!(said, "", "nothing had to be cut off");
    let mut evidence = Evidence::default();
    assert_eq!(told.len(), 2 * STREAMS);
    for recording in &told {
        assert_eq!(recording.end().reason(), end_of_stream::Reason::ServerDraining);
        assert_eq!(recording.sequences(), [1, 2, 3, 4, 5], "all there was is told");
        assert!(recording.said.iter().any(|said| matches!(said.what, What::Synced(_))));
        evidence.heard("accounts/acme", recording);
    }
    invariants::hold(&database.url, &evidence).await;
}

/// How many callers want something of the same run at once.
const CALLERS: usize = 20;

/// Asks a run to pause, resume and be cancelled, all with the same etag: what became of each.
async fn pull(clients: &[Client], run: &v1::Run) -> Vec<Result<v1::Run, Error>> {
    let calls = clients.iter().enumerate().map(async |(number, client)| {
        let (name, etag) = (run.name.clone(), run.etag.clone());
        match number % 3 {
            0 => client.call_once(v1::PauseRunRequest { name, etag, ..Default::default() }).await,
            1 => client.call_once(v1::ResumeRunRequest { name, etag, ..Default::default() }).await,
            _ => client.call_once(v1::CancelRunRequest { name, etag, ..Default::default() }).await,
        }
    });
    soon(futures::future::join_all(calls)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_callers_who_want_different_things_at_once_one_wins() {
    let server = Server::start().await;
    let (walk, _files) = Walk::slow(&server, 20).await;
    let (plan, before) = walk.ready().await;
    let mut clients = Vec::new();
    for _ in 0..CALLERS {
        clients.push(server.client("acme").await);
    }
    let mut won = BTreeSet::new();
    let mut run = walk.draft(live(&plan, &before)).await;
    road::start_run(&walk.client, &run.name).await.unwrap();
    walk.written().await;
    // Once while it goes, and as long as nobody was for cancelling once more where it came to rest.
    for _ in 0..4 {
        let get = v1::GetRunRequest { name: run.name.clone() };
        run = walk.client.call(get.clone()).await.unwrap();
        if run.state() == State::Cancelled {
            break;
        }
        let answers = pull(&clients, &run).await;
        let mut etags = BTreeSet::new();
        for answer in answers {
            match answer {
                // A goal that held already changes nothing.
                Ok(same) if same.etag == run.etag => assert_eq!(same.state(), run.state()),
                Ok(changed) => {
                    won.insert(changed.state());
                    assert!(etags.insert(changed.etag.clone()), "two won: {changed:?}");
                }
                Err(Error::Status(status)) => {
                    let told = [
                        ErrorReason::EtagMismatch,
                        ErrorReason::StateConflict,
                        ErrorReason::Contention,
                    ];
                    assert!(status.reason.is_some_and(|it| told.contains(&it)), "{status}");
                    assert!(matches!(status.code, Code::Aborted | Code::FailedPrecondition));
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(etags.len(), 1, "one wins: {etags:?}");
        run = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
        assert!(
            matches!(run.state(), State::Paused | State::Cancelled | State::Succeeded),
            "{run:?}"
        );
        if run.state() == State::Succeeded {
            break;
        }
    }
    assert!(!won.is_empty());
    let evidence = Evidence { shop: Some(walk.shop.state("cartage_key")), ..Evidence::default() };
    invariants::hold(&server.database.url, &evidence).await;
}
