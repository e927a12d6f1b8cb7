//! Streams over bad lines and to bad readers: cut after any byte, read slowly or not at all, frozen.
//! R23 and R24.
//!
//! `CARTAGE_TEST_CUTS=10000` has the lines cut so often; half of them are lines of gRPC-Web.

use std::{collections::BTreeSet, time::Duration};

use cartage_client::{Client, ClientBuilder, retry, v1};
use cartage_server::token;
use hyper_util::rt::TokioExecutor;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tonic::{Code, Request, Response, Status, Streaming, transport::Endpoint};
use tonic_types::StatusExt;
use tonic_web::GrpcWebClientService;

use crate::{
    invariants::{self, Evidence},
    proxy::Proxy,
    streams_history::{MANY, fill},
    streams_record::{Asked, Ended, Recording, Said, What},
    support::{Server, connect, sandbox, soon},
};

/// How often lines are cut where nothing else is asked for.
const CUTS: usize = 200;
/// The most bytes that come over a line before it is cut.
const BYTES_MAX: usize = 6_000;
/// How many connections each of two writers makes.
const WRITES: usize = 40;

fn is_last(said: &Said) -> bool {
    matches!(&said.what, What::Event(event) if event.resource.ends_with("/last"))
}

fn watch(filter: &str, token: &str) -> v1::WatchEventsRequest {
    v1::WatchEventsRequest {
        parent: "accounts/acme".to_owned(),
        filter: filter.to_owned(),
        after_sequence: token.is_empty().then_some(0),
        resume_token: token.to_owned(),
        ..Default::default()
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map_or_else(String::new, |info| info.reason)
}

/// What readers over bad lines were told.
#[derive(Default)]
struct Heard {
    evidence: Evidence,
    codes: BTreeSet<i32>,
}

/// What is spoken over the line.
#[derive(Clone, Copy, Debug)]
enum Wire {
    Grpc,
    GrpcWeb,
}

impl Wire {
    /// Opens a watch over a line of its own: a client of gRPC would share what is left of one.
    async fn open(
        self,
        proxy: &Proxy,
        token: &str,
        request: v1::WatchEventsRequest,
    ) -> Result<Streaming<v1::WatchEventsResponse>, Status> {
        match self {
            Self::Grpc => {
                let client =
                    ClientBuilder::new(&proxy.uri()).token(token).retry(retry::Policy::never());
                let client = client.connect().await.map_err(|_| Status::unavailable("cut"))?;
                client.events().watch_events(request).await.map(Response::into_inner)
            }
            Self::GrpcWeb => {
                let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
                let http = GrpcWebClientService::new(http.build_http());
                let uri = proxy.uri().parse().unwrap();
                let mut client =
                    v1::event_service_client::EventServiceClient::with_origin(http, uri);
                let mut request = Request::new(request);
                let bearer = format!("Bearer {token}").parse().unwrap();
                request.metadata_mut().insert("authorization", bearer);
                client.watch_events(request).await.map(Response::into_inner)
            }
        }
    }
}

/// Watches over a line that is cut again and again, from the beginning to the last event: what came,
/// each message taken up where the one before was.
async fn read_once(
    proxy: &Proxy,
    token: &str,
    filter: &str,
    wire: Wire,
    heard: &mut Heard,
) -> Vec<(i64, String)> {
    let mut processed = Vec::new();
    let (mut resume, mut after) = (String::new(), 0);
    loop {
        let mut stream = match wire.open(proxy, token, watch(filter, &resume)).await {
            Ok(stream) => stream,
            Err(status) => {
                heard.codes.insert(status.code() as i32);
                continue;
            }
        };
        let asked = Asked { dense: filter.is_empty(), ..Asked::all(Some(after)) };
        let recording = Recording::until(&mut stream, asked, is_last).await;
        match &recording.ended {
            Ended::Cut => {}
            Ended::With(status) => drop(heard.codes.insert(status.code() as i32)),
            Ended::Ok => panic!("a line that was cut ended well: {recording:?}"),
        }
        heard.evidence.heard("accounts/acme", &recording);
        processed.extend(recording.said.iter().filter_map(Said::durable));
        if let Some(last) = recording.said.last() {
            (resume, after) = (last.token.clone(), last.sequence);
            if is_last(last) {
                return processed;
            }
        }
    }
}

/// R23: nothing is lost and nothing comes twice, wherever in a message the line breaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_whose_lines_are_cut_after_any_byte_tell_everything_once() {
    let asked = std::env::var("CARTAGE_TEST_CUTS").ok().and_then(|cuts| cuts.parse().ok());
    let cuts = asked.unwrap_or(CUTS);
    let server = Server::start_with(|config| {
        (config.streams_max, config.streams_per_account_max) = (1_000, 1_000);
        config.streams_per_principal_max = 1_000;
    })
    .await;
    let client = server.client("acme").await;
    let token = server.token("acme", "*");
    let write = async {
        let writer = async |writer: usize| {
            for n in 0..WRITES {
                connect(&client, "acme", &format!("c{writer}-{n}"), sandbox()).await;
            }
        };
        tokio::join!(writer(0), writer(1));
        connect(&client, "acme", "last", sandbox()).await;
    };
    // What there is is read again and again, the first time while it is written.
    let read = async |filter: &'static str, wire: Wire, seed: u64| {
        let mut chance = StdRng::seed_from_u64(seed);
        let limit = move || Some(chance.random_range(0..=BYTES_MAX));
        let proxy = Proxy::start(&server.uri, limit).await;
        let (mut heard, mut told) = (Heard::default(), Vec::new());
        while proxy.cuts() < cuts / 4 {
            told.push(soon(read_once(&proxy, &token, filter, wire, &mut heard)).await);
        }
        (told, heard)
    };
    let filter = "type = connection.created";
    let (all, created, web_all, web_created, ()) = tokio::join!(
        read("", Wire::Grpc, 1),
        read(filter, Wire::Grpc, 2),
        read("", Wire::GrpcWeb, 3),
        read(filter, Wire::GrpcWeb, 4),
        write
    );
    let heard = [("", all), (filter, created), ("", web_all), (filter, web_created)];
    for (filter, (told, heard)) in heard {
        let list = v1::ListEventsRequest {
            parent: "accounts/acme".to_owned(),
            page_size: 1_000,
            filter: filter.to_owned(),
            ..Default::default()
        };
        let listed = client.call(list).await.unwrap().events;
        assert_eq!(listed.len(), 2 * WRITES + 1);
        let listed: Vec<_> = listed.into_iter().map(|it| (it.sequence, it.uid)).collect();
        for told in told {
            assert_eq!(told, listed);
        }
        // Nothing that a client would take for a word of the service.
        let broken = [Code::Unavailable, Code::Unknown, Code::Internal, Code::Cancelled];
        let broken: BTreeSet<i32> = broken.map(|code| code as i32).into();
        assert!(heard.codes.is_subset(&broken), "{:?}", heard.codes);
        invariants::hold(&server.database.url, &heard.evidence).await;
    }
    server.stop().await;
}

/// A caller with a connection and a number of streams of its own.
async fn caller(server: &Server, uri: &str, subject: &str) -> Client {
    let life = Duration::from_secs(3_600);
    let token = token::sign(&server.app.keys, "acme", subject, "*", life).unwrap();
    // Little is under way at a time, so that what a reader does reaches the server soon.
    let endpoint = Endpoint::new(uri.to_owned())
        .unwrap()
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535);
    let channel = endpoint.connect().await.unwrap();
    ClientBuilder::new(uri).token(&token).with_transport(channel).unwrap()
}

/// Opens a stream as soon as the caller may have one.
async fn open(client: &Client, token: &str) -> Streaming<v1::WatchEventsResponse> {
    soon(async {
        loop {
            match client.events().watch_events(watch("", token)).await {
                Ok(stream) => return stream.into_inner(),
                Err(status) => assert_eq!(reason(&status), "STREAM_LIMIT", "{status}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

/// Waits until a subject that may have one stream has none.
async fn until_free(server: &Server, subject: &str) {
    drop(open(&caller(server, &server.uri, subject).await, "").await);
}

/// R24: readers that never read, one that reads slowly, and one whose line has gone dead with much
/// under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_take_nothing_are_sent_away_and_nobody_else_notices() {
    let server = Server::start_with(|config| {
        config.reader_patience = Duration::from_secs(3);
        config.streams_per_principal_max = 1;
    })
    .await;
    let writer = server.client("acme").await;
    connect(&writer, "acme", "first", sandbox()).await;
    fill(&server).await;
    let dead = ["dead-0", "dead-1", "dead-2"];
    let mut unread = Vec::new();
    for subject in dead {
        unread.push(open(&caller(&server, &server.uri, subject).await, "").await);
    }
    let proxy = Proxy::start(&server.uri, || None).await;
    let frozen = caller(&server, &proxy.uri(), "frozen").await;
    let mut stuck = open(&frozen, "").await;
    let begun = Recording::of(&mut stuck, Asked::all(Some(0)), 10).await;
    proxy.set_dead(true);

    // One that takes a message now and then is slow, and is no trouble; one that is quick has all.
    let slow = async {
        let mut stream = open(&caller(&server, &server.uri, "slow").await, "").await;
        let mut after = 0;
        for _ in 0..150 {
            let told = Recording::of(&mut stream, Asked::all(Some(after)), 1).await;
            after = told.said.last().unwrap().sequence;
            // This is what it is to be slow.
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let rest = usize::try_from(MANY - after).unwrap();
        Recording::of(&mut stream, Asked::all(Some(after)), rest).await
    };
    let quick = async {
        let mut stream = open(&caller(&server, &server.uri, "quick").await, "").await;
        Recording::until(&mut stream, Asked::all(Some(0)), is_last).await
    };
    let others = async {
        for n in 0..20 {
            connect(&writer, "acme", &format!("c{n}"), sandbox()).await;
        }
        connect(&writer, "acme", "last", sandbox()).await;
    };
    let gone = async {
        for subject in dead.iter().chain(&["frozen"]) {
            until_free(&server, subject).await;
        }
    };
    let (slow, quick, (), ()) = tokio::join!(slow, quick, others, gone);
    assert_eq!(slow.sequences().last(), Some(&MANY));
    assert_eq!(quick.sequences(), (1..=MANY + 21).collect::<Vec<_>>());

    // They are told, and go on where they were.
    for (stream, subject) in unread.iter_mut().zip(dead) {
        let told = Recording::whole(stream, Asked::all(Some(0))).await;
        let (last, status) = (*told.sequences().last().unwrap(), told.error());
        assert_eq!(
            (status.code(), reason(status).as_str()),
            (Code::ResourceExhausted, "SLOW_CONSUMER")
        );
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.metadata["lastSequence"], last.to_string());
        let mut resumed = open(&caller(&server, &server.uri, subject).await, &told.token()).await;
        let rest = Recording::until(&mut resumed, Asked::all(Some(last)), is_last).await;
        assert_eq!(rest.sequences(), (last + 1..=MANY + 21).collect::<Vec<_>>());
    }
    proxy.set_dead(false);
    let after = begun.said.last().unwrap().sequence;
    let told = Recording::whole(&mut stuck, Asked::all(Some(after))).await;
    assert!(matches!(told.ended, Ended::With(_)), "{:?}", told.ended);
    let (resume, after) =
        told.said.last().map_or((begun.token(), after), |last| (last.token.clone(), last.sequence));
    let mut resumed = open(&caller(&server, &server.uri, "frozen").await, &resume).await;
    let rest = Recording::until(&mut resumed, Asked::all(Some(after)), is_last).await;
    assert_eq!(rest.sequences(), (after + 1..=MANY + 21).collect::<Vec<_>>());
    let mut evidence = Evidence::default();
    for recording in [&begun, &told, &rest, &quick] {
        evidence.heard("accounts/acme", recording);
    }
    invariants::hold(&server.database.url, &evidence).await;
}

/// R24: a reader to whom nothing is under way loses power: the pings of the connection find out, which
/// takes up to 80 seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_line_goes_dead_in_silence_gives_its_place_back() {
    let server = Server::start_with(|config| config.streams_per_principal_max = 1).await;
    let writer = server.client("acme").await;
    connect(&writer, "acme", "first", sandbox()).await;
    let proxy = Proxy::start(&server.uri, || None).await;
    let frozen = caller(&server, &proxy.uri(), "frozen").await;
    let mut stream = open(&frozen, "").await;
    let is_synced = |said: &Said| matches!(said.what, What::Synced(_));
    let begun = Recording::until(&mut stream, Asked::all(Some(0)), is_synced).await;
    proxy.set_dead(true);
    until_free(&server, "frozen").await;
    connect(&writer, "acme", "last", sandbox()).await;
    let mut resumed = open(&caller(&server, &server.uri, "frozen").await, &begun.token()).await;
    let rest = Recording::until(&mut resumed, Asked::all(Some(1)), is_last).await;
    assert_eq!(rest.sequences(), [2]);
    let mut evidence = Evidence::default();
    evidence.heard("accounts/acme", &begun);
    evidence.heard("accounts/acme", &rest);
    invariants::hold(&server.database.url, &evidence).await;
}
