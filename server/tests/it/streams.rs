//! Watches: prompt, without gaps, and to be taken up again where they broke.

use std::time::Duration;

use cartage_client::{
    Client,
    v1::{self, end_of_stream, watch_events_response, watch_run_response},
    wait,
};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::{
    streams_record::{Asked, Recording, What},
    support::{Server, connect, sandbox, small_shop, soon},
    walk::{SLOW, Walk, live},
};

/// The longest silence at the beginning of a stream.
const PROMPT: Duration = Duration::from_secs(5);

fn reason(status: &Status) -> String {
    status.get_details_error_info().map_or_else(String::new, |info| info.reason)
}

fn events(token: &str, after: Option<i64>) -> v1::WatchEventsRequest {
    v1::WatchEventsRequest {
        parent: "accounts/acme".to_owned(),
        resume_token: token.to_owned(),
        after_sequence: after,
        ..Default::default()
    }
}

async fn open(
    client: &Client,
    request: v1::WatchEventsRequest,
) -> Streaming<v1::WatchEventsResponse> {
    client.events().watch_events(request).await.unwrap().into_inner()
}

/// The next so many events with their sequences, and the token of the last one. Where the stream was
/// to begin after a sequence, none may be missing.
async fn take(
    stream: &mut Streaming<v1::WatchEventsResponse>,
    after: Option<i64>,
    count: usize,
) -> (Vec<i64>, String) {
    let recording = Recording::of(stream, Asked::all(after), count).await;
    (recording.sequences(), recording.token())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_in_order_without_gaps_and_go_on_after_a_break() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let mut stream = open(&client, events("", None)).await;
    let first = tokio::time::timeout(PROMPT, stream.message()).await.expect("prompt");
    let first = first.unwrap().unwrap().message.unwrap();
    assert!(matches!(first, watch_events_response::Message::Synced(_)), "{first:?}");
    for id in ["a", "b"] {
        connect(&client, "acme", id, sandbox()).await;
    }
    let (sequences, token) = take(&mut stream, Some(0), 2).await;
    assert_eq!(sequences, [1, 2]);
    drop(stream);
    for id in ["c", "d", "e"] {
        connect(&client, "acme", id, sandbox()).await;
    }
    let (sequences, _) = take(&mut open(&client, events(&token, None)).await, Some(2), 3).await;
    assert_eq!(sequences, [3, 4, 5]);
    let (sequences, _) = take(&mut open(&client, events("", Some(1))).await, Some(1), 4).await;
    assert_eq!(sequences, [2, 3, 4, 5]);

    let other = server.client("other").await;
    let theirs = v1::WatchEventsRequest { parent: "accounts/other".into(), ..events(&token, None) };
    let filtered = v1::WatchEventsRequest {
        filter: "type = connection.created".to_owned(),
        ..events(&token, None)
    };
    for (client, request, code, text) in [
        (&other, theirs, Code::InvalidArgument, "RESUME_TOKEN_INVALID"),
        (&client, filtered, Code::InvalidArgument, "RESUME_TOKEN_INVALID"),
        (&client, events("nonsense", None), Code::InvalidArgument, "RESUME_TOKEN_INVALID"),
        (&client, events("", Some(99)), Code::OutOfRange, "SEQUENCE_IN_FUTURE"),
    ] {
        let status = client.events().watch_events(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, text));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_ends_its_streams_in_order() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let mut stream = open(&client, events("", None)).await;
    soon(stream.message()).await.unwrap().unwrap();
    let (ended, ()) =
        tokio::join!(Recording::whole(&mut stream, Asked::all(Some(0))), soon(server.stop()));
    assert_eq!(ended.end().reason(), end_of_stream::Reason::ServerDraining);
    assert!(ended.end().resumable && ended.end().reconnect_delay.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_have_an_age_and_a_number() {
    let server = Server::start_with(|config| {
        config.streams_max = 1;
        config.stream_age_max = Duration::from_secs(1);
    })
    .await;
    let client = server.client("acme").await;
    let mut stream = open(&client, events("", None)).await;
    let status = client.events().watch_events(events("", None)).await.unwrap_err();
    assert_limit(&status, "SERVER");
    let ended = Recording::whole(&mut stream, Asked::all(Some(0))).await;
    assert_eq!(ended.end().reason(), end_of_stream::Reason::MaxAge);
    assert!(ended.end().resumable && ended.end().reconnect_delay.is_some());
}

/// The status must say that so many streams are open, and of whom.
fn assert_limit(status: &Status, limit: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted);
    let info = status.get_details_error_info().unwrap();
    let said = (info.reason.as_str(), info.metadata["limit"].as_str());
    assert_eq!((said, info.metadata["streamsMax"].as_str()), (("STREAM_LIMIT", limit), "1"));
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_callers_have_their_own_numbers_of_streams() {
    for (limit, account) in [("PRINCIPAL", false), ("ACCOUNT", true)] {
        let server = Server::start_with(|config| {
            let own = if account {
                &mut config.streams_per_account_max
            } else {
                &mut config.streams_per_principal_max
            };
            *own = 1;
        })
        .await;
        let (keys, life) = (&server.app.keys, Duration::from_secs(3_600));
        let caller = async |account: &str, subject: &str| {
            let token = cartage_server::token::sign(keys, account, subject, "*", life).unwrap();
            Client::connect(&server.uri, &token).await.unwrap()
        };
        let client = caller("acme", "one").await;
        let stream = open(&client, events("", None)).await;
        let status = client.events().watch_events(events("", None)).await.unwrap_err();
        assert_limit(&status, limit);
        // Another subject of the account shares its number only.
        let colleague = caller("acme", "two").await;
        let theirs = colleague.events().watch_events(events("", None)).await;
        assert_eq!(theirs.is_ok(), !account, "{theirs:?}");
        // The same subject of another account is somebody else.
        let other = caller("other", "one").await;
        let request =
            v1::WatchEventsRequest { parent: "accounts/other".into(), ..events("", None) };
        open(&other, request).await;
        drop((stream, theirs));
        until_free(&client, events("", None)).await;
    }
}

/// Opens a stream as soon as there is a place for it.
async fn until_free(
    client: &Client,
    request: v1::WatchEventsRequest,
) -> Streaming<v1::WatchEventsResponse> {
    soon(async {
        loop {
            match client.events().watch_events(request.clone()).await {
                Ok(stream) => return stream.into_inner(),
                Err(status) => assert_eq!(reason(&status), "STREAM_LIMIT"),
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_too_slow_is_told_so_and_goes_on_where_it_was() {
    let server = Server::start_with(|config| {
        config.reader_patience = Duration::from_millis(300);
        config.streams_per_account_max = 1;
    })
    .await;
    let client = server.client("acme").await;
    connect(&client, "acme", "first", sandbox()).await;
    // More than all buffers between the two of them hold.
    let many =
        "insert into event (account_id, stream, sequence, uid, type, resource, actor, attributes)
        select account_id, stream, n, gen_random_uuid(), type, resource, actor,
            jsonb_build_object('note', repeat('x', 4000))
        from event cross join generate_series(2, 4000) as n where sequence = 1";
    server.database.query(many).await.unwrap();
    server.database.query("update event_head set sequence = 4000").await.unwrap();

    let mut stream = open(&client, events("", Some(0))).await;
    // Its place is free again when it was given up.
    drop(until_free(&client, events("", None)).await);
    let told = Recording::whole(&mut stream, Asked::all(Some(0))).await;
    let (last, status) = (*told.sequences().last().unwrap(), told.error());
    assert!(last < 4_000, "{last}");
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (Code::ResourceExhausted, "SLOW_CONSUMER")
    );
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["lastSequence"], last.to_string());

    let mut resumed = until_free(&client, events(&told.token(), None)).await;
    assert_eq!(take(&mut resumed, Some(last), 2).await.0, [last + 1, last + 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_token_and_says_so() {
    let server = Server::start().await;
    let (keys, life) = (&server.app.keys, Duration::from_secs(2));
    let short = cartage_server::token::sign(keys, "acme", "tester", "*", life).unwrap();
    let client = Client::connect(&server.uri, &short).await.unwrap();
    let mut stream = open(&client, events("", None)).await;
    let told = Recording::whole(&mut stream, Asked::all(Some(0))).await;
    let status = told.error();
    assert_eq!((status.code(), reason(status).as_str()), (Code::Unauthenticated, "TOKEN_EXPIRED"));
    let client = server.client("acme").await;
    connect(&client, "acme", "later", sandbox()).await;
    let mut stream = open(&client, events(&told.token(), None)).await;
    assert_eq!(take(&mut stream, Some(0), 1).await.0, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_followed_from_its_start_to_its_end() {
    let server = Server::start().await;
    let (walk, _files) = Walk::slow(&server, 200).await;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await;
    let watch = |token: &str| v1::WatchRunRequest {
        name: run.name.clone(),
        resume_token: token.to_owned(),
        min_progress_interval: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
        ..Default::default()
    };
    // Less often than the worker writes it.
    let seldom = Asked { min_progress: Duration::from_secs(2), ..Asked::some(None) };
    let mut stream = walk.client.runs().watch_run(watch("")).await.unwrap().into_inner();
    let first = tokio::time::timeout(PROMPT, stream.message()).await.expect("prompt");
    let first = first.unwrap().unwrap();
    assert!(matches!(first.message, Some(watch_run_response::Message::Run(_))), "{first:?}");
    let begin = first.position.unwrap().resume_token;
    cartage_client::road::start_run(&walk.client, &run.name).await.unwrap();

    let followed = Recording::whole(&mut stream, seldom).await;
    let told = states(&followed);
    assert_eq!(told.last().map(String::as_str), Some("SUCCEEDED"), "{followed:?}");
    assert_eq!(told.first().map(String::as_str), Some("PENDING"));
    let end = followed.end();
    assert_eq!((end.reason(), end.resumable), (end_of_stream::Reason::ResourceTerminal, false));
    let news = followed.progress().last().unwrap();
    assert!((1..=SLOW).contains(&news.done) && news.total == Some(SLOW), "{news:?}");
    assert_eq!(news.kinds[0].kind(), v1::RecordKind::Product);
    let list = v1::ListEventsRequest {
        parent: walk.migration.clone(),
        filter: format!("resource = {:?}", run.name),
        ..Default::default()
    };
    let listed = walk.client.call(list).await.unwrap().events;
    let listed: Vec<String> =
        listed.into_iter().filter_map(|it| it.state_change).map(|it| it.state).collect();
    assert_eq!(listed.strip_prefix(&["DRAFT".to_owned()]), Some(told.as_slice()));

    // Taken up at the first message, the same events come again: none is lost.
    let mut again = walk.client.runs().watch_run(watch(&begin)).await.unwrap().into_inner();
    let again = Recording::whole(&mut again, seldom).await;
    assert_eq!((again.sequences(), states(&again)), (followed.sequences(), told));
    let status = walk.client.events().watch_events(events(&begin, None)).await.unwrap_err();
    assert_eq!(reason(&status), "RESUME_TOKEN_INVALID");
}

/// The states that the events of a recording tell of.
fn states(recording: &Recording) -> Vec<String> {
    let changes = recording.events().filter_map(|event| event.state_change.as_ref());
    changes.map(|change| change.state.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_tells_what_it_finds_while_it_works() {
    let server = Server::start().await;
    let (files, _) = small_shop();
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let request = v1::CreateAuditRequest {
        parent: walk.migration.clone(),
        audit: Some(v1::Audit { snapshot: walk.snapshot.name.clone(), ..Default::default() }),
        ..Default::default()
    };
    let audit = walk.client.call(request).await.unwrap();
    let mut findings = Vec::new();
    let ended = wait::audit(&walk.client, &audit.name, |update| {
        if let wait::Update::Finding(finding) = update {
            findings.push(*finding);
        }
    });
    let ended = soon(ended).await.unwrap();
    assert_eq!(ended.state(), v1::audit::State::Succeeded, "{ended:?}");

    let watch = v1::WatchAuditRequest { name: audit.name.clone(), ..Default::default() };
    let mut stream = walk.client.audits().watch_audit(watch).await.unwrap().into_inner();
    let told = Recording::whole(&mut stream, Asked::all(Some(0))).await;
    let sequences = told.sequences();
    let count = ended.finding_count;
    assert!(count > 10, "{count} findings");
    assert_eq!(sequences, (1..=count).collect::<Vec<_>>(), "each finding, in order, no gap");
    assert_eq!(told.end().reason(), end_of_stream::Reason::ResourceTerminal);
    let seen: Vec<i64> = findings.iter().map(|finding| finding.sequence).collect();
    assert_eq!(seen, sequences[..seen.len()], "told while it worked");

    let fifth = told.said.iter().find(|said| said.sequence == 5).unwrap();
    let resumed = v1::WatchAuditRequest {
        name: audit.name.clone(),
        resume_token: fifth.token.clone(),
        ..Default::default()
    };
    let mut stream = walk.client.audits().watch_audit(resumed).await.unwrap().into_inner();
    let rest = Recording::whole(&mut stream, Asked::all(Some(5))).await;
    assert_eq!(rest.sequences(), sequences[5..]);

    // Of a snapshot that has ended there is itself, and the end.
    let watch = v1::WatchSnapshotRequest { name: walk.snapshot.name.clone(), ..Default::default() };
    let mut stream = walk.client.snapshots().watch_snapshot(watch).await.unwrap().into_inner();
    let told = Recording::whole(&mut stream, Asked::some(None)).await;
    assert!(matches!(told.said[0].what, What::State), "{told:?}");
    assert_eq!(told.end().reason(), end_of_stream::Reason::ResourceTerminal);
}
