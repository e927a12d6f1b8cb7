//! What a caller is refused with before a handler has its say, or instead of its answer: deadlines,
//! too many calls, messages that are too large; and that the same refusal is the same to the byte.

use std::time::Duration;

use cartage_client::{Client, ClientBuilder, List, v1, v1::ErrorReason};
use cartage_server::{app::connection::Connection, name::Name, store::Tx};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    support::{Server, connect, paper_migration, refused_with, sandbox, soon},
    wire::Wire,
};

const SHOP: &str = "accounts/acme/connections/shop";

/// Holds the row of the shop: who wants to change it waits.
async fn held(server: &Server) -> Tx {
    let mut tx = server.app.store.begin("acme").await.unwrap();
    let name = Name::parse(SHOP, "connections", "name").unwrap();
    tx.resource_lock::<Connection>(&name).await.unwrap();
    tx
}

/// Waits until somebody waits for a lock in the server's database.
async fn waited_for(server: &Server) {
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    let some = async {
        while server.database.query(waiting).await.unwrap().trim() == "0" {
            tokio::task::yield_now().await;
        }
    };
    soon(some).await;
}

fn rename(to: &str) -> v1::UpdateConnectionRequest {
    v1::UpdateConnectionRequest {
        connection: Some(v1::Connection {
            name: SHOP.to_owned(),
            display_name: to.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn display_name(client: &Client) -> String {
    let get = v1::GetConnectionRequest { name: SHOP.to_owned() };
    client.call(get).await.unwrap().display_name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_at_its_callers_deadline_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    connect(&client, "acme", "shop", sandbox()).await;
    let bearer = format!("Bearer {}", server.token("acme", "*"));
    let mut wire = Wire::connect(&server).await;
    let holder = held(&server).await;
    for (timeout, told) in [("300m", "300"), ("1S", "1000"), ("1n", "0")] {
        let headers = [("authorization", bearer.as_str()), ("grpc-timeout", timeout)];
        let path = "/cartage.v1.ConnectionService/UpdateConnection";
        let status = wire.refused(path, &headers, &rename("late")).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{timeout}: {status:?}");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "DEADLINE_EXCEEDED");
        assert_eq!(info.metadata["deadlineMs"], told, "{timeout}");
    }
    holder.rollback().await.unwrap();
    // Whoever waited has given up with their call: nothing comes after it.
    client.call(rename("in time")).await.unwrap();
    assert_eq!(display_name(&client).await, "in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_after_the_deadline_of_its_beginning() {
    use v1::watch_events_response::Message;
    let server = Server::start().await;
    let client = server.client("acme").await;
    connect(&client, "acme", "shop", sandbox()).await;
    let watch = v1::WatchEventsRequest { parent: "accounts/acme".into(), ..Default::default() };
    let mut watch = tonic::Request::new(watch);
    watch.set_timeout(Duration::from_secs(4));
    let mut stream = client.events().watch_events(watch).await.unwrap().into_inner();
    // A call that began later and has more time: when it has ended, so has the time of the stream.
    let holder = held(&server).await;
    let bearer = format!("Bearer {}", server.token("acme", "*"));
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "4500m")];
    let path = "/cartage.v1.ConnectionService/UpdateConnection";
    let status = Wire::connect(&server).await.refused(path, &headers, &rename("late")).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    holder.rollback().await.unwrap();
    connect(&client, "acme", "later", sandbox()).await;
    let seen = async {
        while let Some(answer) = stream.message().await.unwrap() {
            if let Some(Message::Event(event)) = answer.message
                && event.resource.ends_with("/later")
            {
                return true;
            }
        }
        false
    };
    assert!(soon(seen).await, "the stream ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_enough_to_do_takes_no_more_calls() {
    let server = Server::start_with(|config| config.calls_max = 1).await;
    let client = server.client("acme").await;
    connect(&client, "acme", "shop", sandbox()).await;
    let holder = held(&server).await;
    let waiting = client.clone();
    let waiting = tokio::spawn(async move { waiting.call(rename("first")).await });
    waited_for(&server).await;
    let get = v1::GetConnectionRequest { name: SHOP.to_owned() };
    // Where the one that waits has given up, it comes again.
    let refused = async {
        loop {
            match client.connections().get_connection(get.clone()).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(status) => return status,
            }
        }
    };
    let status = soon(refused).await;
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
    let delay = details.retry_info().unwrap().retry_delay.unwrap();
    assert!(delay > Duration::ZERO);
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
    assert_eq!(pushback.to_str().unwrap(), delay.as_millis().to_string());
    // Whether the server lives can be asked all the same.
    let mut health = tonic_health::pb::health_client::HealthClient::new(server.channel().await);
    let check = tonic_health::pb::HealthCheckRequest::default();
    soon(health.check(check)).await.unwrap();
    holder.rollback().await.unwrap();
    soon(waiting).await.unwrap().unwrap();
    assert_eq!(display_name(&client).await, "first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_have_a_size() {
    let server = Server::start().await;
    // A client that would send more.
    let client = ClientBuilder::new(&server.uri)
        .token(&server.token("acme", "*"))
        .max_message_bytes(4 << 20, 4 << 20)
        .connect()
        .await
        .unwrap();
    for (path, most) in [
        ("/cartage.v1.ConnectionService/GetConnection", 1 << 20),
        ("/cartage.v1.UploadService/GetUpload", 2 << 20),
    ] {
        let upload = path.contains("Upload");
        let answer = |bytes: usize| {
            let name = "x".repeat(bytes);
            let client = client.clone();
            async move {
                let refused = if upload {
                    let get = v1::GetUploadRequest { name };
                    client.uploads().get_upload(get).await.unwrap_err()
                } else {
                    let get = v1::GetConnectionRequest { name };
                    client.connections().get_connection(get).await.unwrap_err()
                };
                let info = refused.get_details_error_info().unwrap();
                (info.reason, info.metadata.get("limitBytes").cloned())
            }
        };
        // A field of text has a tag and a length of four bytes at most.
        let (reason, _) = answer(most - 5).await;
        assert_eq!(reason, "INVALID_FIELDS", "{path}");
        let (reason, limit) = answer(most + 1).await;
        assert_eq!((reason.as_str(), limit), ("MESSAGE_TOO_LARGE", Some(most.to_string())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_has_a_number_of_streams_and_an_end() {
    let server =
        Server::start_with(|config| config.connection_age_max = Duration::from_secs(5)).await;
    let client = server.client("acme").await;
    connect(&client, "acme", "shop", sandbox()).await;
    let mut wire = Wire::connect(&server).await;
    let path = "/cartage.v1.ConnectionService/GetConnection";
    let status = wire.refused(path, &[], &v1::GetConnectionRequest::default()).await;
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert_eq!(wire.streams_max(), 64);
    soon(wire.ended).await.unwrap().expect("the server says that it closes the connection");
    // The client's connection is older, and was ended too: it goes on with another one.
    assert_eq!(display_name(&client).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_refusal_is_the_same_to_the_byte() {
    let server = Server::start().await;
    let own = server.client("acme").await;
    connect(&own, "acme", "there", sandbox()).await;
    let stranger = server.client("other").await;
    let told = |status: &Status, id: &str| {
        let details = status.details().escape_ascii().to_string();
        let mut headers: Vec<String> = status
            .clone()
            .into_http::<()>()
            .headers()
            .iter()
            .filter(|(name, _)| *name != "grpc-status-details-bin" && *name != "date")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort_unstable();
        (details.replace(id, "IDIDI"), headers.join("\n").replace(id, "IDIDI"))
    };
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        for id in ["there", "never"] {
            let name = format!("accounts/acme/connections/{id}");
            let get = v1::GetConnectionRequest { name };
            let status = stranger.connections().get_connection(get).await.unwrap_err();
            assert_eq!(status.code(), Code::PermissionDenied);
            let metadata = status.get_details_error_info().unwrap().metadata;
            assert!(metadata.len() > 1, "an order can be seen: {metadata:?}");
            seen.insert(told(&status, id));
        }
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_large_rows_ends_before_it_is_too_large_to_send() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let migration = paper_migration(&client, "acme", "m").await.name;
    let rule = |number: usize| v1::FieldRule {
        kind: v1::RecordKind::Product.into(),
        target_field: format!("field_{number}"),
        value: Some(v1::field_rule::Value::Template(format!("{number:0>9000}"))),
        ..Default::default()
    };
    let rules: Vec<v1::FieldRule> = (0..90).map(rule).collect();
    for number in 0..6 {
        let mapping = v1::Mapping {
            display_name: number.to_string(),
            content: Some(v1::MappingContent { rules: rules.clone(), ..Default::default() }),
            ..Default::default()
        };
        let create = v1::CreateMappingRequest {
            parent: migration.clone(),
            mapping: Some(mapping),
            ..Default::default()
        };
        client.call(create).await.unwrap();
    }
    let mut request = v1::ListMappingsRequest {
        parent: migration,
        view: v1::ResourceView::Full.into(),
        ..Default::default()
    };
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        // The client takes no more than the server may send.
        let answer = client.call(request.clone()).await.unwrap();
        let (mappings, token) = v1::ListMappingsRequest::split(answer);
        assert!(!mappings.is_empty());
        assert!(mappings.iter().all(|it| it.content.is_some()));
        names.extend(mappings.into_iter().map(|it| it.display_name));
        pages += 1;
        request.page_token = token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["5", "4", "3", "2", "1", "0"], "each once, the newest first");
    assert!(pages > 1);
    // A token is for its own list.
    request.page_size = 1;
    let token = client.call(request.clone()).await.unwrap().next_page_token;
    let basic = v1::ListMappingsRequest {
        view: v1::ResourceView::Basic.into(),
        page_token: token,
        ..request
    };
    refused_with(&client, basic, ErrorReason::PageTokenMismatch).await;
}
