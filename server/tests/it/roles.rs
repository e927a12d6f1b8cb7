//! Several processes on one database: who serves, who works, and where the isolated shops of TEST runs
//! are.

use std::{fs, path::Path};

use cartage_client::{
    Error, road,
    v1::{self, ErrorReason, run::State},
    wait,
};
use nix::sys::signal::Signal;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    invariants::{self, Evidence},
    processes::{Deployment, Life},
    support::{connect, csv_at, database, folder, products, refused_with, sandbox, soon},
    walk::Walk,
};

const API: &[&str] = &["--role", "api"];
const WORKER: &[&str] = &["--role", "worker"];

fn export(rows: &str) -> tempfile::TempDir {
    folder(&[("products_export.csv", &products(rows))])
}

/// A worker takes what is due within a poll: one that has had this many would have taken it.
const POLLS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_serves_and_another_works() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let api = deployment.start_as(API, None).await;
    let client = deployment.client(&api).await;
    let files = export("one,One,,Acme,1\n");
    let source = connect(&client, "acme", "old", csv_at(files.path())).await;
    let verify = v1::VerifyConnectionRequest { name: source.clone(), ..Default::default() };
    client.call(verify).await.unwrap();
    for _ in 0..POLLS {
        // Each is a whole round to the server and back through its database.
        client.call(v1::GetConnectionRequest { name: source.clone() }).await.unwrap();
    }
    let untouched = "select count(*) from job where worker is null and attempt = 0";
    assert_eq!(database.query(untouched).await.unwrap().trim(), "1", "it only serves");

    let worker = deployment.start_as(WORKER, None).await;
    let verified = soon(road::verify_connection(&client, &source)).await.unwrap();
    assert_eq!(verified.state(), v1::connection::State::Active);

    // It says that it is there, and what it is.
    let uri = format!("http://{}", worker.address);
    let channel = tonic::transport::Endpoint::new(uri).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let status =
        soon(health.check(HealthCheckRequest::default())).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::Serving);
    let other = deployment.impatient(&worker).await;
    let get = v1::GetConnectionRequest { name: source.clone() };
    let status = refused_with(&other, get, ErrorReason::MethodUnimplemented).await;
    assert_eq!(status.metadata["role"], "worker");
    assert!(status.message.contains("api"), "{}", status.message);
    for life in [api, worker] {
        assert_eq!(life.stop().await, "");
    }
    invariants::hold(&database.url, &Evidence::default()).await;
}

/// A run into an isolated shop that has succeeded.
async fn rehearse(walk: &Walk, into: &str) -> v1::Run {
    let run = walk.draft(walk.test(into)).await;
    let run = walk.rest(&run).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_on_an_isolated_shop_is_done_where_the_shop_is() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let api = deployment.start_as(API, None).await;
    let mut first = deployment.start_as(WORKER, None).await;
    let client = deployment.client(&api).await;
    let files = export("one,One,,Acme,1\ntwo,Two,,Acme,2\n");
    let walk = Walk::begin_as(client, files.path()).await;
    let into = walk.sandbox().await;
    soon(road::verify_connection(&walk.client, &into)).await.unwrap();
    let run = rehearse(&walk, &into).await;
    // One that is at once at everything that is due, and has no shop.
    let second = deployment.start_as(WORKER, None).await;
    for _ in 0..3 {
        let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
        assert!(report.passed, "{report:?}");
    }

    // With the process goes the shop; what there was to do is not waited for for ever.
    first.signal(Signal::SIGKILL);
    first.end().await;
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await;
    let Err(Error::Ended { failure: Some(failure), .. }) = report else {
        panic!("its shop is gone: {report:?}")
    };
    assert_eq!(failure.reason(), ErrorReason::CapabilityUnsupported, "{failure:?}");
    assert!(failure.message.contains("isolated shop"), "{failure:?}");
    let again = rehearse(&walk, &into).await;
    let report = soon(road::verify_run(&walk.client, &again.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    for life in [api, second] {
        assert_eq!(life.stop().await, "");
    }
    invariants::hold(&database.url, &Evidence::default()).await;
}

fn postmaster(deployment: &Deployment) -> bool {
    deployment.data_dir().join("postgres/postgres/data/postmaster.pid").exists()
}

async fn verified(deployment: &Deployment, life: &Life, id: &str, files: &Path) {
    let client = deployment.client(life).await;
    let name = connect(&client, "acme", id, csv_at(files)).await;
    let verified = soon(road::verify_connection(&client, &name)).await.unwrap();
    assert_eq!(verified.state(), v1::connection::State::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_one_data_folder_share_its_private_database() {
    let deployment = Deployment::new(None);
    let files = export("one,One,,Acme,1\n");
    let api = deployment.start_as(API, None).await;
    let worker = deployment.start_as(WORKER, None).await;
    verified(&deployment, &api, "a", files.path()).await;
    // Whoever started the database may leave it to the others.
    assert_eq!(api.stop().await, "");
    assert!(postmaster(&deployment));
    let api = deployment.start_as(API, None).await;
    verified(&deployment, &api, "b", files.path()).await;
    assert_eq!(worker.stop().await, "");
    assert!(postmaster(&deployment));
    assert_eq!(api.stop().await, "");
    assert!(!postmaster(&deployment), "the last one stops it");
    assert_eq!(fs::read_dir(deployment.data_dir().join("scratch")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_another_process_went_on_without_is_given_up() {
    let server = crate::support::Server::start().await;
    let (walk, _files) = Walk::handful(&server, "one,One,,Acme,1\ntwo,Two,,Acme,2\n").await;
    let into = connect(&walk.client, "acme", "rehearsal", sandbox()).await;
    soon(road::verify_connection(&walk.client, &into)).await.unwrap();
    let run = rehearse(&walk, &into).await;
    // Another process had the run meanwhile, which is dead now; its shop was another one.
    let elsewhere = format!(
        "update resource set state = 'PAUSED', body = body ||
            '{{\"sandbox_instance\": \"another\", \"sandbox_holder\": \"another\"}}'
        where name = '{}'",
        run.name
    );
    server.database.query(&elsewhere).await.unwrap();
    let resume = v1::ResumeRunRequest { name: run.name.clone(), ..Default::default() };
    walk.client.call(resume).await.unwrap();
    let run = soon(wait::run(&walk.client, &run.name, |_| {})).await.unwrap();
    let accounting = run.accounting.as_ref().unwrap();
    let effects = accounting.effects.unwrap();
    assert_eq!((run.state(), effects.created), (State::Succeeded, 2), "it is empty again: {run:?}");
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
}
