//! The same call again and again: at once, at other servers, with another content, and after its
//! answer is no longer kept. R15.

use std::{collections::BTreeSet, fmt::Debug};

use cartage_client::{
    Client, Error, StatusError, Unary,
    v1::{self, ErrorReason},
};
use cartage_server::worker::janitor;
use futures::future::join_all;

use crate::{
    invariants::{self, Evidence, Made},
    processes::{Deployment, Life},
    support::{
        Server, connection, csv_at, database, folder, products, refused_with, sandbox, soon, uuid4,
        violation,
    },
    walk::Walk,
};

/// How often each call is made at once.
const CALLS: usize = 100;

/// What a call made.
type Tell<R> = fn(<R as Unary>::Response) -> (String, String);

/// Makes a call until it is answered for good: while another one of its id is under way, it is to be
/// made again.
async fn answered<R: Unary + Clone>(
    client: &Client,
    request: R,
) -> Result<R::Response, Box<StatusError>>
where
    R::Response: Debug,
{
    loop {
        match client.call_once(request.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(Error::Status(status)) => {
                let again = [
                    ErrorReason::RequestInProgress,
                    ErrorReason::Contention,
                    ErrorReason::StorageUnavailable,
                    ErrorReason::Overloaded,
                ];
                if !status.reason.is_some_and(|reason| again.contains(&reason)) {
                    return Err(status);
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Two servers, and clients of both.
struct Pair {
    lives: [Life; 2],
    clients: Vec<Client>,
}

impl Pair {
    async fn start(deployment: &Deployment) -> Self {
        let lives = [deployment.start(None).await, deployment.start(None).await];
        let mut clients = Vec::new();
        for life in lives.iter().cycle().take(6) {
            clients.push(deployment.impatient(life).await);
        }
        Self { lives, clients }
    }

    /// Makes these calls at once.
    async fn at_once<R: Unary + Clone>(
        &self,
        requests: impl Iterator<Item = R>,
    ) -> Vec<Result<R::Response, Box<StatusError>>>
    where
        R::Response: Debug,
    {
        let calls = requests.zip(self.clients.iter().cycle());
        soon(join_all(calls.map(|(request, client)| answered(client, request)))).await
    }

    /// Makes a call many times at once, which must make one thing.
    async fn one_of<R: Unary + Clone>(&self, request_id: &str, request: R, tell: Tell<R>) -> Made
    where
        R::Response: Debug,
    {
        let answers = self.at_once(std::iter::repeat_n(request, CALLS)).await;
        let told: BTreeSet<(String, String)> =
            answers.into_iter().map(|answer| tell(answer.unwrap())).collect();
        assert_eq!(told.len(), 1, "one request made {told:?}");
        let (name, uid) = told.into_iter().next().unwrap();
        Made { request_id: request_id.to_owned(), name, uid }
    }
}

/// R15: the same request id a hundred times, at two servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_made_a_hundred_times_at_two_servers_makes_one_resource() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let pair = Pair::start(&deployment).await;
    let files = folder(&[("products_export.csv", &products("a,A,,Acme,1\n"))]);
    let walk = Walk::begin_as(deployment.client(&pair.lives[0]).await, files.path()).await;
    let count = async |what: &str| {
        let sql = format!("select count(*) from resource where type = '{what}'");
        database.query(&sql).await.unwrap().trim().parse::<usize>().unwrap()
    };
    let rehearsal = walk.sandbox().await;
    let kinds = ["connection", "snapshot", "mapping", "run"];
    let mut counts = Vec::new();
    for kind in kinds {
        counts.push(count(kind).await);
    }

    let mut made = Vec::new();
    // The service names what the caller does not.
    let id = uuid4();
    let request =
        v1::CreateConnectionRequest { request_id: id.clone(), ..connection("acme", "", sandbox()) };
    made.push(pair.one_of(&id, request.clone(), |it: v1::Connection| (it.name, it.uid)).await);
    let id = uuid4();
    let snapshot = v1::CreateSnapshotRequest {
        parent: walk.source.clone(),
        request_id: id.clone(),
        ..Default::default()
    };
    made.push(pair.one_of(&id, snapshot, |it: v1::Snapshot| (it.name, it.uid)).await);
    let id = uuid4();
    let mapping = v1::CreateMappingRequest {
        parent: walk.migration.clone(),
        request_id: id.clone(),
        ..Default::default()
    };
    made.push(pair.one_of(&id, mapping, |it: v1::Mapping| (it.name, it.uid)).await);
    let id = uuid4();
    let run = v1::CreateRunRequest { request_id: id.clone(), ..walk.create(walk.test(&rehearsal)) };
    made.push(pair.one_of(&id, run, |it: v1::Run| (it.name, it.uid)).await);
    for (kind, before) in kinds.iter().zip(counts) {
        assert_eq!(count(kind).await, before + 1, "{kind}");
    }
    for one in &made {
        let sql = format!(
            "select count(*) from event where resource = '{}' and (type like '%.created' or type = 'run.state_changed' and previous_state is null)",
            one.name
        );
        assert_eq!(database.query(&sql).await.unwrap().trim(), "1", "{one:?}");
    }

    // The same id with another content, also where the first is deleted since.
    let other =
        v1::CreateConnectionRequest { connection_id: "other".to_owned(), ..request.clone() };
    let client = &pair.clients[0];
    let assert_reused = async |request| {
        let status = refused_with(client, request, ErrorReason::RequestIdReused).await;
        assert!(status.metadata.contains_key("firstUseTime"), "{status}");
    };
    assert_reused(other.clone()).await;
    let deleted = made.remove(0);
    let delete = v1::DeleteConnectionRequest { name: deleted.name.clone(), ..Default::default() };
    client.call(delete).await.unwrap();
    assert_reused(other).await;
    let replayed = client.call(request).await.unwrap();
    assert_eq!((replayed.name, replayed.uid), (deleted.name, deleted.uid), "it is not made anew");
    assert_eq!(count("connection").await, 3);
    let evidence = Evidence { made, ..Evidence::default() };
    invariants::hold(&database.url, &evidence).await;
    for life in pair.lives {
        life.stop().await;
    }
}

/// R15: two contents race for one request id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_contents_under_one_request_id_one_wins_and_the_other_is_told() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let pair = Pair::start(&deployment).await;
    let mut made = Vec::new();
    for round in 0..5 {
        let request_id = uuid4();
        let one = |side: &str| v1::CreateConnectionRequest {
            request_id: request_id.clone(),
            ..connection("acme", &format!("{side}-{round}"), sandbox())
        };
        let requests: Vec<_> = ["a", "b"].map(one).into_iter().cycle().take(CALLS).collect();
        let answers = pair.at_once(requests.into_iter()).await;
        let mut won = BTreeSet::new();
        let mut lost = 0;
        for answer in answers {
            match answer {
                Ok(it) => drop(won.insert((it.name, it.uid))),
                Err(status) => {
                    assert_eq!(status.reason, Some(ErrorReason::RequestIdReused), "{status}");
                    lost += 1;
                }
            }
        }
        assert_eq!((won.len(), lost), (1, CALLS / 2), "{won:?}");
        let (name, uid) = won.into_iter().next().unwrap();
        made.push(Made { request_id, name, uid });
    }
    let evidence = Evidence { made, ..Evidence::default() };
    invariants::hold(&database.url, &evidence).await;
}

/// R15: what was refused leaves nothing, and what was answered is known for seven days.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_is_known_for_seven_days_and_what_was_refused_never_was() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let bad = v1::CreateConnectionRequest {
        request_id: uuid4(),
        ..connection("acme", "Not an id!", sandbox())
    };
    let status = refused_with(&client, bad.clone(), ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status).0, "connection_id");
    let good = v1::CreateConnectionRequest { connection_id: String::new(), ..bad };
    let first = client.call(good.clone()).await.unwrap();
    let named = v1::CreateConnectionRequest {
        request_id: uuid4(),
        ..connection("acme", "named", csv_at(std::path::Path::new("/srv/exports")))
    };
    let kept = client.call(named.clone()).await.unwrap();

    let age = async |age: &str| {
        let sql = format!("update request_log set create_time = now() - interval '{age}'");
        server.database.query(&sql).await.unwrap();
        soon(janitor::round(&server.app)).await.unwrap().answers
    };
    assert_eq!(age("6 days 23 hours 59 minutes").await, 0);
    assert_eq!(client.call(good.clone()).await.unwrap().uid, first.uid);
    let reused = v1::CreateConnectionRequest { connection_id: "x".to_owned(), ..good.clone() };
    refused_with(&client, reused.clone(), ErrorReason::RequestIdReused).await;
    assert_eq!(age("7 days 1 second").await, 2);

    // From then on it is a new call: one that names its resource is told that this is there, and
    // one that does not makes another.
    let status = refused_with(&client, named, ErrorReason::ResourceExists).await;
    assert_eq!(status.metadata["resource"], kept.name);
    let second = client.call(good).await.unwrap();
    assert_ne!(second.uid, first.uid);
    refused_with(&client, reused, ErrorReason::RequestIdReused).await;
    invariants::hold(&server.database.url, &Evidence::default()).await;
    server.stop().await;
}
