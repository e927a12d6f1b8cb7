//! Streams at the edges of their history: what was removed, what was put back, what was deleted, and
//! readers that are far behind.

use std::time::Duration;

use cartage_client::{
    Client,
    v1::{self, ErrorReason, end_of_stream},
    watch::{self, watch},
};
use cartage_server::{
    store::event::Limits,
    worker::janitor::{self, Removed},
};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::{
    streams_record::{Asked, Ended, Recording, What},
    support::{Server, connect, paper_migration, refused_with, sandbox, soon},
};

/// How many events [`fill`] leaves; more than all buffers between server and reader hold.
pub(crate) const MANY: i64 = 4_000;

fn of(parent: &str) -> v1::WatchEventsRequest {
    v1::WatchEventsRequest { parent: parent.to_owned(), ..Default::default() }
}

fn after(sequence: i64) -> v1::WatchEventsRequest {
    v1::WatchEventsRequest { after_sequence: Some(sequence), ..of("accounts/acme") }
}

fn resume(token: &str) -> v1::WatchEventsRequest {
    v1::WatchEventsRequest { resume_token: token.to_owned(), ..of("accounts/acme") }
}

async fn open(
    client: &Client,
    request: v1::WatchEventsRequest,
) -> Streaming<v1::WatchEventsResponse> {
    soon(client.events().watch_events(request)).await.unwrap().into_inner()
}

/// Code, reason, and one value of the metadata.
fn said(status: &Status, key: &str) -> (Code, String, String) {
    let info = status.get_details_error_info().unwrap();
    let value = info.metadata.get(key).cloned().unwrap_or_default();
    (status.code(), info.reason, value)
}

async fn refused(client: &Client, request: v1::WatchEventsRequest, key: &str) -> (String, String) {
    let status = soon(client.events().watch_events(request)).await.unwrap_err();
    let (code, reason, value) = said(&status, key);
    assert_eq!(code, Code::OutOfRange);
    (reason, value)
}

fn expired(oldest: i64) -> (String, String) {
    ("RESUME_TOKEN_EXPIRED".to_owned(), oldest.to_string())
}

fn in_future(head: i64) -> (String, String) {
    ("SEQUENCE_IN_FUTURE".to_owned(), head.to_string())
}

async fn age(server: &Server, which: &str) {
    let sql = format!("update event set create_time = now() - interval '91 days' where {which}");
    server.database.query(&sql).await.unwrap();
}

/// How many events the janitor removes.
async fn forgotten(server: &Server) -> u64 {
    let removed = soon(janitor::round(&server.app)).await.unwrap();
    assert_eq!(removed, Removed { events: removed.events, ..Removed::default() });
    removed.events
}

/// Many large events behind the first one.
pub(crate) async fn fill(server: &Server) {
    let sql = format!(
        "insert into event (account_id, stream, sequence, uid, type, resource, actor, attributes)
        select account_id, stream, n, gen_random_uuid(), type, resource, actor,
            jsonb_build_object('note', repeat('x', 4000))
        from event cross join generate_series(2, {MANY}) as n where sequence = 1"
    );
    server.database.query(&sql).await.unwrap();
    let sql = format!("update event_head set sequence = {MANY}");
    server.database.query(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_is_over_is_removed_and_nobody_goes_on_from_it() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    for id in ["a", "b", "c", "d", "e"] {
        connect(&client, "acme", id, sandbox()).await;
    }
    connect(&server.client("other").await, "other", "theirs", sandbox()).await;
    let told = Recording::of(&mut open(&client, after(0)).await, Asked::all(Some(0)), 5).await;
    let token = |sequence: usize| told.said[sequence - 1].token.clone();
    let list = |page_size: i32, page_token: String| v1::ListEventsRequest {
        parent: "accounts/acme".to_owned(),
        page_size,
        page_token,
        ..Default::default()
    };
    let first = client.call(list(1, String::new())).await.unwrap().next_page_token;
    assert_eq!(forgotten(&server).await, 0, "nothing is over");

    // The second would leave a gap, were it removed without the first.
    age(&server, "account_id = 'acme' and sequence in (2, 3)").await;
    assert_eq!(forgotten(&server).await, 0);
    age(&server, "account_id = 'acme' and sequence in (1, 5)").await;
    assert_eq!(forgotten(&server).await, 3);
    assert_eq!(forgotten(&server).await, 0);

    let key = "oldestSequence";
    assert_eq!(refused(&client, resume(&token(1)), key).await, expired(4));
    assert_eq!(refused(&client, resume(&token(2)), "headSequence").await, expired(5));
    assert_eq!(refused(&client, after(2), key).await, expired(4));
    for request in [resume(&token(3)), after(3), after(0)] {
        let mut stream = open(&client, request).await;
        let told = Recording::of(&mut stream, Asked::all(Some(3)), 2).await;
        assert_eq!(told.sequences(), [4, 5]);
    }
    let listed = client.call(list(0, String::new())).await.unwrap().events;
    assert_eq!(listed.iter().map(|event| event.sequence).collect::<Vec<_>>(), [4, 5]);
    refused_with(&client, list(1, first), ErrorReason::PageTokenExpired).await;

    // The client's watch begins anew, also where it was asked to begin at a place that is gone.
    let request = v1::WatchEventsRequest { after_sequence: Some(1), ..resume(&token(1)) };
    let mut watcher = watch(&client, request);
    let restarted = soon(watcher.next()).await.unwrap().unwrap().item;
    let reason = ErrorReason::ResumeTokenExpired;
    assert_eq!(restarted, watch::Item::Restarted { reason });
    let synced = soon(watcher.next()).await.unwrap().unwrap();
    assert_eq!(synced.item, watch::Item::Synced { head_sequence: 5 });
    connect(&client, "acme", "f", sandbox()).await;
    assert_eq!(soon(watcher.next()).await.unwrap().unwrap().sequence, 6);

    // Nothing is left, and whoever has seen all of it goes on.
    age(&server, "account_id = 'acme'").await;
    assert_eq!(forgotten(&server).await, 3);
    connect(&client, "acme", "g", sandbox()).await;
    assert_eq!(soon(watcher.next()).await.unwrap().unwrap().sequence, 7);
    let token = watcher.resume_token().to_owned();
    age(&server, "account_id = 'acme'").await;
    assert_eq!(forgotten(&server).await, 1);
    assert_eq!(refused(&client, after(6), key).await, expired(8));
    let mut stream = open(&client, resume(&token)).await;
    connect(&client, "acme", "h", sandbox()).await;
    assert_eq!(Recording::of(&mut stream, Asked::all(Some(7)), 1).await.sequences(), [8]);
    let theirs = v1::GetEventRequest { name: "accounts/other/events/e1".to_owned() };
    server.client("other").await.call(theirs).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_keeps_its_history_as_long_as_it_goes_on() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let migration = paper_migration(&client, "acme", "m").await.name;
    age(&server, "stream like '%/m'").await;
    let count = server.database.query("select count(*) from event where stream like '%/m'");
    let count: u64 = count.await.unwrap().trim().parse().unwrap();
    assert!(count > 0);
    let set = async |state: &str, days: u32| {
        let sql = format!(
            "update resource set state = '{state}', update_time = now() - interval '{days} days'
            where type = 'migration'"
        );
        server.database.query(&sql).await.unwrap();
    };
    // However old it is, it may go on; and what ended lately is asked about still.
    for (state, days) in [("DRAFT", 500), ("RUNNING", 500), ("FAILED", 500), ("SUCCEEDED", 89)] {
        set(state, days).await;
        assert_eq!(forgotten(&server).await, 0, "{state}");
    }
    set("SUCCEEDED", 91).await;
    assert_eq!(forgotten(&server).await, count);
    let request = v1::WatchEventsRequest { after_sequence: Some(0), ..of(&migration) };
    let mut stream = open(&client, request).await;
    let told = Recording::until(&mut stream, Asked::all(None), |_| true).await;
    assert!(matches!(told.said[0].what, What::Synced(_)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_next_event_is_removed_is_told_so() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    connect(&client, "acme", "first", sandbox()).await;
    fill(&server).await;
    let mut stream = open(&client, after(0)).await;
    let first = Recording::of(&mut stream, Asked::all(Some(0)), 1).await;
    assert_eq!(first.sequences(), [1]);
    // While its queue is full.
    age(&server, "true").await;
    assert_eq!(forgotten(&server).await, u64::try_from(MANY).unwrap());
    let rest = Recording::whole(&mut stream, Asked::all(Some(1))).await;
    let reached = *rest.sequences().last().unwrap();
    assert!(reached < MANY, "{reached}");
    let expected = (Code::OutOfRange, "RESUME_TOKEN_EXPIRED".to_owned(), MANY.to_string());
    assert_eq!(said(rest.error(), "headSequence"), expected);
    // The janitor may not have been through with it.
    let oldest: i64 = said(rest.error(), "oldestSequence").2.parse().unwrap();
    assert!(oldest > reached + 1 && oldest <= MANY + 1, "{oldest}");
    let again = rest.token();
    assert_eq!(refused(&client, resume(&again), "oldestSequence").await, expired(MANY + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_was_put_back_is_not_gone_on_from() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    for id in ["a", "b", "c"] {
        connect(&client, "acme", id, sandbox()).await;
    }
    let mut stream = open(&client, after(0)).await;
    let told = Recording::of(&mut stream, Asked::all(Some(0)), 3).await;
    // As a restore of the database does.
    for sql in [
        "delete from event where sequence = 3",
        "delete from resource where name like '%/c'",
        "update event_head set sequence = 2",
    ] {
        server.database.query(sql).await.unwrap();
    }
    let open_one = Recording::whole(&mut stream, Asked::all(Some(3))).await;
    let expected = (Code::OutOfRange, "SEQUENCE_IN_FUTURE".to_owned(), "2".to_owned());
    assert_eq!(said(open_one.error(), "headSequence"), expected);
    let resumed = resume(&told.token());
    assert_eq!(refused(&client, resumed.clone(), "headSequence").await, in_future(2));
    // The sequence comes again, with something else.
    connect(&client, "acme", "d", sandbox()).await;
    assert_eq!(refused(&client, resumed.clone(), "headSequence").await, in_future(3));
    connect(&client, "acme", "e", sandbox()).await;
    assert_eq!(refused(&client, resumed, "headSequence").await, in_future(4));
    // What comes before the parting is the same as ever.
    let mut stream = open(&client, resume(&told.said[1].token)).await;
    assert_eq!(Recording::of(&mut stream, Asked::all(Some(2)), 2).await.sequences(), [3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_on_a_migration_ends_when_it_is_deleted() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let migration = paper_migration(&client, "acme", "m").await.name;
    let request = v1::WatchEventsRequest { after_sequence: Some(0), ..of(&migration) };
    let mut stream = open(&client, request.clone()).await;
    let (told, ()) = tokio::join!(Recording::whole(&mut stream, Asked::all(Some(0))), async {
        let name = migration.clone();
        let delete = v1::DeleteMigrationRequest { name, ..Default::default() };
        client.call(delete).await.unwrap();
    });
    let deleted = (end_of_stream::Reason::ResourceDeleted, false);
    assert_eq!((told.end().reason(), told.end().resumable), deleted);
    let states = told.events().filter_map(|event| event.state_change.as_ref());
    assert_eq!(states.last().unwrap().state, "DELETED", "its last event comes before");
    let again = Recording::whole(&mut open(&client, request).await, Asked::all(Some(0))).await;
    assert_eq!(again.sequences(), told.sequences());
    assert_eq!((again.end().reason(), again.end().resumable), deleted);

    // One that is removed for good while it is watched, and another one of its name.
    let next = paper_migration(&client, "acme", "n").await.name;
    let mut stream = open(&client, of(&next)).await;
    let synced = Recording::until(&mut stream, Asked::all(None), |_| true).await;
    assert!(matches!(synced.ended, Ended::Cut));
    let other = "update resource set uid = gen_random_uuid() where name like '%/migrations/n'";
    server.database.query(other).await.unwrap();
    let told = Recording::whole(&mut stream, Asked::all(None)).await;
    assert_eq!((told.end().reason(), told.end().resumable), deleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_tells_also_a_reader_who_is_behind() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    connect(&client, "acme", "first", sandbox()).await;
    fill(&server).await;
    let mut stream = open(&client, after(0)).await;
    let draining = server.app.draining.clone();
    let (told, ()) = tokio::join!(
        async {
            draining.cancelled().await;
            Recording::whole(&mut stream, Asked::all(Some(0))).await
        },
        soon(server.stop()),
    );
    assert_eq!(told.end().reason(), end_of_stream::Reason::ServerDraining);
    assert!(told.end().resumable);
    // Its place is where the reader was, not where the server had read to.
    let reached = told.sequences().last().copied().unwrap_or_default();
    assert!(reached < MANY, "{reached}");
    assert_eq!(told.said.last().unwrap().sequence, reached);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_has_a_bound_in_rows_and_in_bytes() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    connect(&client, "acme", "first", sandbox()).await;
    fill(&server).await;
    let stream = "accounts/acme";
    let mut tx = server.app.store.begin("acme").await.unwrap();
    let mut page = async |after, resource: Option<&str>, rows, bytes| {
        let limits = Limits { rows, bytes };
        let news = tx.event_news(stream, after, resource, limits).await.unwrap();
        (news.items.iter().map(|(place, _)| place.sequence).collect::<Vec<_>>(), news.reached)
    };
    let (sequences, reached) = page(0, None, 7, i64::MAX).await;
    assert_eq!((sequences, reached.sequence), ((1..=7).collect(), 7));
    // Some 4.3 kB each, but for the first.
    let (sequences, reached) = page(0, None, 200, 44_000).await;
    assert!((10..=11).contains(&sequences.len()), "{sequences:?}");
    assert_eq!(reached.sequence, *sequences.last().unwrap());
    let (sequences, reached) = page(10, None, 200, 1).await;
    assert_eq!((sequences, reached.sequence), (vec![11], 11), "one in any case");
    // A page that was cut does not reach over what it has not read.
    let (sequences, reached) = page(10, Some("accounts/acme/connections/first"), 200, 9_000).await;
    assert_eq!((sequences, reached.sequence), (vec![11, 12], 12));
    let (sequences, reached) = page(10, Some("accounts/acme/connections/none"), 200, 1).await;
    assert_eq!((sequences, reached.sequence), (vec![], MANY));
    assert!(reached.uid.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expires_ends_the_stream_of_a_reader_who_is_behind() {
    let server = Server::start().await;
    let (keys, life) = (&server.app.keys, Duration::from_secs(2));
    let short = cartage_server::token::sign(keys, "acme", "tester", "*", life).unwrap();
    let client = Client::connect(&server.uri, &short).await.unwrap();
    connect(&client, "acme", "first", sandbox()).await;
    fill(&server).await;
    let mut stream = open(&client, after(0)).await;
    // The server has given it up when no stream is left, long before the reader's time is over.
    server.app.tasks.close();
    soon(server.app.tasks.wait()).await;
    let told = Recording::whole(&mut stream, Asked::all(Some(0))).await;
    assert!(*told.sequences().last().unwrap() < MANY);
    assert_eq!(said(told.error(), "").1, "TOKEN_EXPIRED");
}
