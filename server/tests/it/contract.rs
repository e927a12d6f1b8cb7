//! What holds for every method alike: request ids, etags, rehearsals, pages, filters.

use cartage_client::{Client, List, Unary, v1, v1::ErrorReason};
use futures::future::join_all;
use tonic::Code;

use crate::support::{
    Server, connect, connection, paper_migration, refused_with, sandbox, uuid4, violation,
};

async fn count(client: &Client) -> usize {
    let list = v1::ListConnectionsRequest { parent: "accounts/acme".into(), ..Default::default() };
    client.call(list).await.unwrap().connections.len()
}

fn get(id: &str) -> v1::GetConnectionRequest {
    v1::GetConnectionRequest { name: format!("accounts/acme/connections/{id}") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_makes_a_call_take_effect_once() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let request_id = uuid4();
    let mut request = connection("acme", "", sandbox());
    request.request_id.clone_from(&request_id);
    let first = client.call(request.clone()).await.unwrap();
    assert_eq!(client.call(request.clone()).await.unwrap(), first);
    assert_eq!(count(&client).await, 1);

    let mut other = request.clone();
    other.connection.as_mut().unwrap().display_name = "another".to_owned();
    let status = refused_with(&client, other, ErrorReason::RequestIdReused).await;
    assert_eq!(status.code, Code::InvalidArgument);
    assert!(status.metadata.contains_key("firstUseTime"), "{status:?}");

    for wrong in ["nonsense", "0193c2a0-0000-7000-8000-000000000000"] {
        request.request_id = wrong.to_owned();
        let status = refused_with(&client, request.clone(), ErrorReason::InvalidFields).await;
        assert_eq!(violation(&status), ("request_id", "NOT_UUID4"));
    }
    // The ids of one account are nothing to another.
    let mut theirs = connection("other", "", sandbox());
    theirs.request_id = request_id;
    let theirs = server.client("other").await.call(theirs).await.unwrap();
    assert!(theirs.name.starts_with("accounts/other/"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_calls_at_the_same_time_are_one_call() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let mut request = connection("acme", "", sandbox());
    request.request_id = uuid4();
    let answers = join_all((0..10).map(|_| client.call(request.clone()))).await;
    let mut names: Vec<String> = answers.into_iter().map(|it| it.unwrap().name).collect();
    names.dedup();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(count(&client).await, 1);
    let events = v1::ListEventsRequest { parent: "accounts/acme".into(), ..Default::default() };
    assert_eq!(client.call(events).await.unwrap().events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etags_keep_one_writer_from_undoing_another() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let migration = paper_migration(&client, "acme", "m").await;
    let create = v1::CreateMappingRequest { parent: migration.name.clone(), ..Default::default() };
    let mapping = client.call(create).await.unwrap();
    let update = |etag: &str, name: &str| v1::UpdateMappingRequest {
        mapping: Some(v1::Mapping {
            name: mapping.name.clone(),
            etag: etag.to_owned(),
            display_name: name.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let status = refused_with(&client, update("", "a"), ErrorReason::EtagRequired).await;
    assert_eq!(status.code, Code::InvalidArgument);
    let changed = client.call(update(&mapping.etag, "a")).await.unwrap();
    assert_ne!(changed.etag, mapping.etag);
    let status = refused_with(&client, update(&mapping.etag, "b"), ErrorReason::EtagMismatch).await;
    assert_eq!(status.code, Code::Aborted);
    assert_eq!(status.metadata["currentEtag"], changed.etag);
    let publish = v1::PublishMappingRequest { name: mapping.name.clone(), ..Default::default() };
    refused_with(&client, publish, ErrorReason::EtagRequired).await;
    // Where an etag is not needed, a wrong one is refused all the same.
    let delete =
        v1::DeleteMappingRequest { name: mapping.name, etag: mapping.etag, ..Default::default() };
    refused_with(&client, delete, ErrorReason::EtagMismatch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_answers_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let mut request = connection("acme", "shop", sandbox());
    request.validate_only = true;
    request.request_id = uuid4();
    let shown = client.call(request.clone()).await.unwrap();
    assert_eq!(shown.name, "accounts/acme/connections/shop");
    refused_with(&client, get("shop"), ErrorReason::ResourceNotFound).await;
    let events = v1::ListEventsRequest { parent: "accounts/acme".into(), ..Default::default() };
    assert!(client.call(events).await.unwrap().events.is_empty());
    // The id of a rehearsal is not used up by it.
    request.validate_only = false;
    client.call(request).await.unwrap();
    let delete = v1::DeleteConnectionRequest {
        name: "accounts/acme/connections/shop".to_owned(),
        validate_only: true,
        ..Default::default()
    };
    client.call(delete).await.unwrap();
    client.call(get("shop")).await.unwrap();
    let mut wrong = connection("acme", "Not An Id", sandbox());
    wrong.validate_only = true;
    let status = refused_with(&client, wrong, ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status), ("connection_id", "FORMAT_INVALID"));
}

/// Every item by pages of one, each once.
async fn one_by_one<R: List>(client: &Client, mut request: R) -> Vec<R::Item> {
    let mut items = Vec::new();
    *request.page_size() = 1;
    loop {
        let (mut page, token) = R::split(client.call(request.clone()).await.unwrap());
        assert!(page.len() <= 1);
        items.append(&mut page);
        if token.is_empty() {
            return items;
        }
        *request.page_token() = token;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_hold_every_item_once_and_their_tokens_are_for_one_list() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    for id in ["a", "b", "c", "d"] {
        connect(&client, "acme", id, sandbox()).await;
    }
    let list = v1::ListConnectionsRequest { parent: "accounts/acme".into(), ..Default::default() };
    let names = |items: &[v1::Connection]| {
        items.iter().map(|it| it.name.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let found = one_by_one(&client, list.clone()).await;
    assert_eq!(names(&found), ["d", "c", "b", "a"], "newest first");
    let filtered = v1::ListConnectionsRequest {
        filter: "platform = \"platforms/medusa\"".to_owned(),
        ..list.clone()
    };
    assert_eq!(one_by_one(&client, filtered.clone()).await.len(), 4);
    let events = v1::ListEventsRequest { parent: "accounts/acme".into(), ..Default::default() };
    let events = one_by_one(&client, events).await;
    let sequences: Vec<i64> = events.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    let rules = one_by_one(&client, v1::ListAuditRulesRequest::default()).await;
    let all = client.call(v1::ListAuditRulesRequest { page_size: 1_000, ..Default::default() });
    let all = all.await.unwrap().audit_rules;
    assert_eq!(rules, all);
    assert!(rules.len() >= 20, "{} rules", rules.len());
    assert!(!one_by_one(&client, v1::ListPlatformsRequest::default()).await.is_empty());
    let fields = v1::ListPlatformFieldsRequest {
        parent: "platforms/medusa".to_owned(),
        kind: v1::RecordKind::CustomerGroup.into(),
        ..Default::default()
    };
    assert!(one_by_one(&client, fields.clone()).await.iter().any(|field| field.path == "name"));
    // A value that this version does not know is not read as another one.
    let unknown = v1::ListPlatformFieldsRequest { side: 99, ..fields };
    let status = refused_with(&client, unknown, ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status), ("side", "ENUM_VALUE_INVALID"));

    let first = v1::ListConnectionsRequest { page_size: 1, ..list.clone() };
    let token = client.call(first).await.unwrap().next_page_token;
    let with = |list: &v1::ListConnectionsRequest, token: &str| v1::ListConnectionsRequest {
        page_token: token.to_owned(),
        ..list.clone()
    };
    client.call(with(&list, &token)).await.unwrap();
    let (mismatch, invalid) = (ErrorReason::PageTokenMismatch, ErrorReason::PageTokenInvalid);
    for (list, token, reason) in [
        (&filtered, token.as_str(), mismatch),
        (&list, "bm9uc2Vuc2U", invalid),
        (&list, "§", invalid),
    ] {
        let status = refused_with(&client, with(list, token), reason).await;
        assert_eq!(violation(&status).0, "page_token");
    }
    let theirs =
        v1::ListConnectionsRequest { parent: "accounts/other".into(), ..with(&list, &token) };
    let other = server.client("other").await;
    refused_with(&other, theirs, ErrorReason::PageTokenInvalid).await;
    let negative = v1::ListConnectionsRequest { page_size: -1, ..list };
    let status = refused_with(&client, negative, ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status), ("page_size", "NEGATIVE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_is_none_is_refused_with_its_place() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    for (filter, position, reason) in [
        ("nothing = x", "0", "UNKNOWN_FIELD"),
        ("state = ACTIVE AND", "18", "SYNTAX"),
        ("state = ACTIVE OR platform = x", "0", "SYNTAX"),
        ("state = \"ACTIVE", "8", "SYNTAX"),
    ] {
        let request = v1::ListConnectionsRequest {
            parent: "accounts/acme".to_owned(),
            filter: filter.to_owned(),
            ..Default::default()
        };
        let status = refused_with(&client, request, ErrorReason::FilterInvalid).await;
        assert_eq!(status.metadata["position"], position, "{filter}");
        assert_eq!(violation(&status), ("filter", reason), "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_what_is_there_twice_and_what_is_in_use() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let status = refused_with(&client, get("nothing"), ErrorReason::ResourceNotFound).await;
    assert_eq!(status.code, Code::NotFound);
    assert_eq!(status.resource, "accounts/acme/connections/nothing");
    paper_migration(&client, "acme", "m").await;
    let again = connection("acme", "m-new", sandbox());
    let status = refused_with(&client, again, ErrorReason::ResourceExists).await;
    assert_eq!(status.code, Code::AlreadyExists);
    assert_eq!(status.resource, "accounts/acme/connections/m-new");
    let name = "accounts/acme/connections/m-new".to_owned();
    let delete = v1::DeleteConnectionRequest { name, force: true, ..Default::default() };
    let status = refused_with(&client, delete, ErrorReason::ChildrenExist).await;
    assert_eq!(status.metadata["childType"], "migration");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_none_are_refused_with_what_one_looks_like() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    for (name, reason) in [
        ("", "REQUIRED"),
        ("nonsense", "FORMAT_INVALID"),
        ("accounts/acme/connections/", "FORMAT_INVALID"),
        ("accounts/acme/connections/../x", "FORMAT_INVALID"),
        ("accounts/acme/migrations/m", "FORMAT_INVALID"),
    ] {
        let request = v1::GetConnectionRequest { name: name.to_owned() };
        let status = refused_with(&client, request, ErrorReason::InvalidFields).await;
        assert_eq!(violation(&status), ("name", reason), "{name}");
    }
    let credentials =
        v1::Credentials { secret: Some(v1::credentials::Secret::ApiKey("key".to_owned())) };
    let mut request = connection("acme", "a", sandbox());
    request.connection.as_mut().unwrap().credentials = Some(credentials);
    refused_with(&client, request, ErrorReason::InvalidFields).await;
    assert_eq!(count(&client).await, 0);
    assert_eq!(v1::GetConnectionRequest::METHOD, "get_connection");
}
