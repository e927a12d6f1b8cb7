//! Deadlines, tokens, retries, request ids, pages.

use std::time::Duration;

use cartage_client::{Error, paginate, v1};
use futures::TryStreamExt as _;
use tokio::time::Instant;
use tonic::{Code, Status};
use v1::ErrorReason::{Contention, EtagMismatch, Overloaded, RateLimited};

use super::fake::{Fake, status};

const GET: &str = "RunService/GetRun";

fn run(name: &str) -> v1::Run {
    v1::Run { name: name.to_owned(), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn the_policy_decides_what_is_tried_again() {
    let second = Some(Duration::from_secs(1));
    let table = [
        (Status::unavailable("broken connection"), true),
        (status(Code::Unavailable, Overloaded, None), true),
        (status(Code::ResourceExhausted, RateLimited, second), true),
        (status(Code::ResourceExhausted, RateLimited, None), false),
        (status(Code::Aborted, Contention, second), true),
        (status(Code::Aborted, EtagMismatch, None), false),
        (Status::deadline_exceeded("late"), false),
        (Status::internal("bug"), false),
        (Status::unknown("who knows"), false),
        (Status::not_found("no"), false),
        (Status::with_details(Code::Aborted, "spoiled", vec![0xff; 9].into()), false),
    ];
    for (failure, again) in table {
        let fake = Fake::default();
        let what = format!("{failure:?}");
        let seen = fake.answers::<v1::GetRunRequest, _>(GET, [Err(failure), Ok(run("r"))]);
        let result = fake.client().call(v1::GetRunRequest::default()).await;
        assert_eq!(result.is_ok(), again, "{what}");
        assert_eq!(seen.messages().len(), if again { 2 } else { 1 }, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn four_tries_and_no_more_each_after_what_the_service_asked_for() {
    let fake = Fake::default();
    let seen = fake.unary(GET, |_: &v1::GetRunRequest| -> Result<v1::Run, _> {
        Err(status(Code::Unavailable, Overloaded, Some(Duration::from_secs(20))))
    });
    let begin = Instant::now();
    let error = fake.client().call(v1::GetRunRequest::default()).await.unwrap_err();
    assert_eq!(error.reason(), Some(Overloaded));
    assert_eq!(seen.messages().len(), 4);
    assert_eq!(begin.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_write_keeps_its_request_id_over_all_tries() {
    let fake = Fake::default();
    let answers = [Err(Status::unavailable("cut")), Ok(run("r")), Ok(run("r"))];
    let seen = fake.answers::<v1::StartRunRequest, _>("RunService/StartRun", answers);
    let client = fake.client();
    client.call(v1::StartRunRequest::default()).await.unwrap();
    let given = v1::StartRunRequest { request_id: "mine".into(), ..Default::default() };
    client.call(given).await.unwrap();
    let ids: Vec<String> = seen.messages().into_iter().map(|request| request.request_id).collect();
    assert_eq!(uuid::Uuid::parse_str(&ids[0]).unwrap().get_version_num(), 4);
    assert_eq!(ids[1], ids[0]);
    assert_eq!(ids[2], "mine");
    assert_eq!(seen.header(0, "authorization").unwrap(), "Bearer secret");
    assert_eq!(seen.header(0, "grpc-timeout").unwrap(), "30000000u");
}

#[tokio::test]
async fn tokens_are_exchanged_and_separate() {
    let fake = Fake::default();
    let seen = fake.unary(GET, |_: &v1::GetRunRequest| Ok(run("r")));
    let client = fake.client();
    let other = client.with_token("other").unwrap();
    other.call(v1::GetRunRequest::default()).await.unwrap();
    client.clone().set_token("new").unwrap();
    client.call(v1::GetRunRequest::default()).await.unwrap();
    assert_eq!(seen.header(0, "authorization").unwrap(), "Bearer other");
    assert_eq!(seen.header(1, "authorization").unwrap(), "Bearer new");
    assert!(matches!(client.set_token("a\nb"), Err(Error::Configuration(_))));
    assert!(!format!("{client:?}").contains("new"));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_answer_ends_at_its_deadline() {
    let transport = tower::service_fn(|_: http::Request<tonic::body::Body>| {
        std::future::pending::<Result<http::Response<tonic::body::Body>, std::io::Error>>()
    });
    let client = cartage_client::ClientBuilder::new("http://x").with_transport(transport).unwrap();
    let begin = Instant::now();
    let error = client.call(v1::GetRunRequest::default()).await.unwrap_err();
    assert_eq!(error.status().unwrap().code, Code::DeadlineExceeded);
    assert_eq!(begin.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn pages_become_one_stream() {
    let page = |names: &[&str], next: &str| v1::ListRunsResponse {
        runs: names.iter().map(|name| run(name)).collect(),
        next_page_token: next.to_owned(),
    };
    let table: [(Vec<v1::ListRunsResponse>, &[&str], bool); 4] = [
        (vec![page(&["a", "b"], "1"), page(&[], "2"), page(&["c"], "")], &["a", "b", "c"], true),
        (vec![page(&[], "")], &[], true),
        (vec![page(&["a"], "1"), page(&["b"], "1")], &["a"], false),
        (vec![page(&["a"], "1")], &["a"], false),
    ];
    for (pages, names, whole) in table {
        let fake = Fake::default();
        let seen = fake
            .answers::<v1::ListRunsRequest, _>("RunService/ListRuns", pages.into_iter().map(Ok));
        let request = v1::ListRunsRequest { filter: "f".into(), ..Default::default() };
        let mut stream = std::pin::pin!(paginate(&fake.client(), request));
        let mut found = Vec::new();
        let end = loop {
            match stream.try_next().await {
                Ok(Some(run)) => found.push(run.name),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        assert_eq!((found, end), (names.iter().map(|&name| name.to_owned()).collect(), whole));
        assert!(seen.messages().iter().all(|request| request.filter == "f"));
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = cartage_client::Client::connect(&uri, "t").await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    for uri in ["https://x", "ftp://x", "no uri at all", ""] {
        let error = cartage_client::Client::connect(uri, "t").await.unwrap_err();
        assert!(matches!(error, Error::Configuration(_)), "{uri}: {error}");
    }
}
