//! What is still under way, and what nobody can say: the same request at the same time, long work
//! beside long work, and commits whose answer never came.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cartage_client::{Client, ClientBuilder, retry, road, v1, v1::ErrorReason};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tonic::Code;

use crate::{
    support::{
        Server, connect, connection, medusa_connection, refused_with, sandbox, soon, start_medusa,
        uuid4,
    },
    walk::Walk,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_twice_at_once_is_told_to_wait() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    connect(&client, "acme", "first", sandbox()).await;
    let id = uuid::Uuid::new_v4();
    // A call that does not end: it has taken the id and goes on.
    let mut endless = server.app.store.begin("acme").await.unwrap();
    let taken = endless.request_take("CreateConnection", id, &[0; 32]).await.unwrap();
    assert!(taken.is_none());
    let mut request = connection("acme", "second", sandbox());
    request.request_id = id.to_string();
    let status = refused_with(&client, request.clone(), ErrorReason::RequestInProgress).await;
    assert_eq!(status.code, Code::Aborted);
    assert!(status.retry_delay.is_some());
    endless.rollback().await.unwrap();
    client.call(request).await.unwrap();
}

/// Brings every resource of a type back into a state in which nothing works on it.
async fn set_state(server: &Server, of_type: &str, state: &str) {
    let sql = format!("update resource set state = '{state}' where type = '{of_type}'");
    server.database.query(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_that_allows_no_other_beside_it_says_which_it_is() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "a,A,,Acme,1\n").await;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    let client = &walk.client;
    let in_progress = ErrorReason::OperationInProgress;
    let list =
        v1::ListRestoreTestsRequest { parent: walk.snapshot.name.clone(), ..Default::default() };
    let test = client.call(list).await.unwrap().restore_tests.remove(0).name;

    set_state(&server, "restore_test", "RUNNING").await;
    let again =
        v1::CreateRestoreTestRequest { parent: walk.snapshot.name.clone(), ..Default::default() };
    let status = refused_with(client, again.clone(), in_progress).await;
    assert_eq!(status.code, Code::Aborted);
    assert_eq!(status.metadata["operation"], test);
    assert!(status.retry_delay.is_some());
    set_state(&server, "restore_test", "SUCCEEDED").await;
    client.call(again).await.unwrap();

    set_state(&server, "verification_report", "PENDING").await;
    let again =
        v1::CreateVerificationReportRequest { parent: run.name.clone(), ..Default::default() };
    let status = refused_with(client, again, in_progress).await;
    assert_eq!(status.metadata["operation"], report.name);

    let other_settings = |zone: &str| v1::UpdateConnectionRequest {
        connection: Some(v1::Connection {
            name: walk.source.clone(),
            config: Some(v1::connection::Config::ShopifyCsv(v1::ShopifyCsvConfig {
                time_zone: zone.to_owned(),
                ..Default::default()
            })),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["shopify_csv.time_zone".to_owned()],
        }),
        ..Default::default()
    };
    set_state(&server, "run", "RUNNING").await;
    let status = refused_with(client, other_settings("Europe/Zurich"), in_progress).await;
    assert_eq!(status.metadata["operation"], run.name);
    set_state(&server, "run", "SUCCEEDED").await;
    set_state(&server, "snapshot", "RUNNING").await;
    let status = refused_with(client, other_settings("Europe/Zurich"), in_progress).await;
    assert_eq!(status.metadata["operation"], walk.snapshot.name);
    set_state(&server, "snapshot", "SUCCEEDED").await;
    client.call(other_settings("Europe/Zurich")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_of_a_rehearsal_stays_what_it_was_while_that_goes_on() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "a,A,,Acme,1\n").await;
    let client = &walk.client;
    let trial = start_medusa().await;
    let mut request = medusa_connection("acme", "trial", &trial);
    let config = v1::MedusaConfig { base_url: trial.url(), test_shop: true };
    request.connection.get_or_insert_default().config =
        Some(v1::connection::Config::Medusa(config));
    let name = client.call(request).await.unwrap().name;
    let run = walk.draft(walk.test(&name)).await;
    // One that is not started holds nothing back.
    let elsewhere = v1::MedusaConfig { base_url: walk.shop.url(), test_shop: true };
    let update = v1::UpdateConnectionRequest {
        connection: Some(v1::Connection {
            name: name.clone(),
            config: Some(v1::connection::Config::Medusa(elsewhere)),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["medusa.base_url".to_owned()] }),
        validate_only: true,
        ..Default::default()
    };
    let delete = v1::DeleteConnectionRequest {
        name: name.clone(),
        validate_only: true,
        ..Default::default()
    };
    client.call(update.clone()).await.unwrap();
    client.call(delete.clone()).await.unwrap();
    set_state(&server, "run", "RUNNING").await;
    let in_progress = ErrorReason::OperationInProgress;
    let status = refused_with(client, update, in_progress).await;
    assert_eq!(status.metadata["operation"], run.name);
    let status = refused_with(client, delete, in_progress).await;
    assert_eq!(status.metadata["operation"], run.name);
}

/// Between the server and its database: breaks connections at a commit.
#[derive(Default)]
struct Breaker {
    /// Commits that are done and whose answer is kept back.
    after: AtomicUsize,
    /// Commits that are kept back themselves.
    before: AtomicUsize,
}

/// Something only the transactions speak of that are to be broken.
const MARK: &[u8] = b"connections/broken";

fn speaks_of(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn take(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Breaker {
    /// Listens, and gives the address that leads to another one.
    async fn start(self: &Arc<Self>, to: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let breaker = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let database = TcpStream::connect(&to).await.unwrap();
                let breaker = Arc::clone(&breaker);
                tokio::spawn(async move { breaker.pass(client, database).await });
            }
        });
        address
    }

    /// Passes bytes on until one side ends, or this one breaks it off. None is an end.
    async fn pass(&self, mut client: TcpStream, mut database: TcpStream) -> Option<()> {
        let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut marked = false;
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let sent = up.get(..read.ok().filter(|read| *read > 0)?)?;
                    marked &= !speaks_of(sent, b"ROLLBACK");
                    marked |= speaks_of(sent, MARK);
                    if marked && speaks_of(sent, b"COMMIT") {
                        marked = false;
                        if take(&self.before) {
                            return None;
                        }
                        if take(&self.after) {
                            database.write_all(sent).await.ok()?;
                            // Its answer says that it is done; nobody hears it.
                            assert!(database.read(&mut down).await.ok()? > 0);
                            return None;
                        }
                    }
                    database.write_all(sent).await.ok()?;
                }
                read = database.read(&mut down) => {
                    let sent = down.get(..read.ok().filter(|read| *read > 0)?)?;
                    client.write_all(sent).await.ok()?;
                }
            }
        }
    }
}

/// A server whose way to its database can be broken.
async fn breakable() -> (Server, Arc<Breaker>, Client) {
    let breaker = Arc::<Breaker>::default();
    let database = crate::support::database().await;
    let (user, place) = database.url.rsplit_once('@').unwrap();
    let (address, name) = place.split_once('/').unwrap();
    let through = breaker.start(address.to_owned()).await;
    let url = format!("{user}@{through}/{name}");
    let server = Server::start_on(database, |config| config.database_url = Some(url)).await;
    // One try, so that what the first one is told is seen.
    let client = ClientBuilder::new(&server.uri)
        .token(&server.token("acme", "*"))
        .retry(retry::Policy::never())
        .connect()
        .await
        .unwrap();
    (server, breaker, client)
}

async fn there(client: &Client, id: &str) -> Option<v1::Connection> {
    let name = format!("accounts/acme/connections/{id}");
    client.call(v1::GetConnectionRequest { name }).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_not_taken_for_a_failure() {
    let (server, breaker, client) = breakable().await;
    connect(&client, "acme", "whole", sandbox()).await;

    // Without a request id nobody can say, and reading shows that it was done.
    breaker.after.store(1, Ordering::SeqCst);
    let request = connection("acme", "broken-a", sandbox());
    let status = refused_with(&client, request, ErrorReason::OutcomeUnknown).await;
    assert_eq!(status.code, Code::Unknown);
    assert_eq!(breaker.after.load(Ordering::SeqCst), 0, "it was broken at the commit");
    assert!(there(&client, "broken-a").await.is_some());

    // With one the same call again finds out: what was done is answered, and is done once.
    for (id, done) in [("broken-b", true), ("broken-c", false)] {
        let count = if done { &breaker.after } else { &breaker.before };
        count.store(1, Ordering::SeqCst);
        let mut request = connection("acme", id, sandbox());
        request.request_id = uuid4();
        let status = refused_with(&client, request.clone(), ErrorReason::StorageUnavailable).await;
        assert_eq!(status.code, Code::Unavailable);
        assert!(status.retry_delay.is_some());
        let before = there(&client, id).await;
        assert_eq!(before.is_some(), done, "{id}");
        let made = client.call(request).await.unwrap();
        assert!(before.is_none_or(|before| before == made), "{id}: it is the same one");
        assert_eq!(there(&client, id).await, Some(made));
    }
    let created = "select count(*) from event where type = 'connection.created'";
    let created = server.database.query(created).await;
    assert_eq!(created.unwrap().trim(), "4");
}
