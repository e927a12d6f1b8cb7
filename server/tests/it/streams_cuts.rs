//! Streams that are cut again and again while events are written: nothing is lost, nothing comes twice.

use std::time::Duration;

use cartage_client::{Client, ClientBuilder, v1};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    streams_record::{Asked, Recording, Said, What},
    support::{Server, connect, sandbox, soon},
};

/// How many connections each of two writers makes.
const WRITES: usize = 30;
/// The most messages a reader takes before it cuts.
const TAKEN_MAX: usize = 5;

/// A client that pings the server far more often than one should.
async fn pinging(server: &Server) -> Client {
    let endpoint = tonic::transport::Endpoint::new(server.uri.clone())
        .unwrap()
        .http2_keep_alive_interval(Duration::from_millis(10))
        .keep_alive_timeout(Duration::from_secs(20))
        .keep_alive_while_idle(true);
    let channel = endpoint.connect().await.unwrap();
    let token = server.token("acme", "*");
    ClientBuilder::new(&server.uri).token(&token).with_transport(channel).unwrap()
}

fn is_last(said: &Said) -> bool {
    matches!(&said.what, What::Event(event) if event.resource.ends_with("/last"))
}

/// Watches with cuts at random until the last event: what was processed, and how often it was cut.
/// Of what came before a cut some is processed, and the rest must come again.
async fn read(client: &Client, filter: &str, seed: u64) -> (Vec<(i64, String)>, usize) {
    let mut chance = StdRng::seed_from_u64(seed);
    let (mut processed, mut cuts) = (Vec::new(), 0);
    let (mut token, mut after) = (String::new(), 0);
    loop {
        let request = v1::WatchEventsRequest {
            parent: "accounts/acme".to_owned(),
            filter: filter.to_owned(),
            after_sequence: token.is_empty().then_some(0),
            resume_token: token.clone(),
            ..Default::default()
        };
        let mut stream = client.events().watch_events(request).await.unwrap().into_inner();
        let mut left = chance.random_range(0..=TAKEN_MAX);
        cuts += 1;
        if left == 0 {
            continue;
        }
        let asked = Asked { dense: filter.is_empty(), ..Asked::all(Some(after)) };
        let recording = Recording::until(&mut stream, asked, |said| {
            left -= 1;
            left == 0 || is_last(said)
        });
        let recording = recording.await;
        let kept = chance.random_range(0..recording.said.len());
        for said in &recording.said[..=kept] {
            processed.extend(said.durable());
            (token, after) = (said.token.clone(), said.sequence);
            if is_last(said) {
                return (processed, cuts);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_at_random_tells_everything_once() {
    let server = Server::start_with(|config| config.streams_per_principal_max = 100).await;
    let client = pinging(&server).await;
    let write = async {
        let writer = async |writer: usize| {
            for n in 0..WRITES {
                connect(&client, "acme", &format!("c{writer}-{n}"), sandbox()).await;
            }
        };
        tokio::join!(writer(0), writer(1));
        connect(&client, "acme", "last", sandbox()).await;
    };
    let filter = r#"resource = "accounts/acme/connections/c1-29""#;
    let (all, created, ()) = soon(async {
        let all = read(&client, "", 1);
        let created = read(&client, "type = connection.created", 2);
        tokio::join!(all, created, write)
    })
    .await;
    let list = |filter: &str| v1::ListEventsRequest {
        parent: "accounts/acme".to_owned(),
        page_size: 1_000,
        filter: filter.to_owned(),
        ..Default::default()
    };
    let listed = client.call(list("")).await.unwrap().events;
    let written = 2 * WRITES + 1;
    assert!(listed.len() >= written, "{} events", listed.len());
    let stand = |events: &[v1::Event]| -> Vec<(i64, String)> {
        events.iter().map(|event| (event.sequence, event.uid.clone())).collect()
    };
    assert_eq!(all.0, stand(&listed));
    let of_type = client.call(list("type = connection.created")).await.unwrap().events;
    assert_eq!(of_type.len(), written);
    assert_eq!(created.0, stand(&of_type));
    for (_, cuts) in [all, created] {
        assert!(cuts > written / TAKEN_MAX, "{cuts} cuts");
    }

    // A heartbeat's or marker's place behind events that do not match is one to go on from.
    let request = v1::WatchEventsRequest {
        parent: "accounts/acme".to_owned(),
        filter: filter.to_owned(),
        after_sequence: Some(0),
        ..Default::default()
    };
    let mut stream = client.events().watch_events(request.clone()).await.unwrap().into_inner();
    let told = Recording::until(&mut stream, Asked::some(Some(0)), |said| {
        matches!(said.what, What::Synced(_))
    })
    .await;
    let head = i64::try_from(listed.len()).unwrap();
    assert_eq!((told.sequences().len(), told.said.last().unwrap().sequence), (1, head));
    let resumed = v1::WatchEventsRequest { resume_token: told.token(), ..request };
    let mut stream = client.events().watch_events(resumed).await.unwrap().into_inner();
    let told = Recording::until(&mut stream, Asked::some(Some(head)), |_| true).await;
    assert!(matches!(told.said[0].what, What::Synced(_)), "{told:?}");
}
