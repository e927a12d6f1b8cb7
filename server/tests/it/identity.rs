//! Who calls, whether they may, and what is said to requests that are none.

use std::time::Duration;

use cartage_client::{Client, v1, v1::ErrorReason};
use cartage_server::{
    keys::Keys,
    token::{self, AUDIENCE, Claims, ISSUER},
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
};
use tonic_types::StatusExt;

use crate::support::{Server, connection, refusal, refused_with, sandbox, soon};

fn get() -> v1::GetConnectionRequest {
    v1::GetConnectionRequest { name: "accounts/acme/connections/shop".to_owned() }
}

/// A token that ended a while ago.
fn expired(keys: &Keys) -> String {
    signed(keys, |claims| claims.exp -= 120)
}

/// What a good token of this deployment says.
fn claims() -> Claims {
    let now = chrono::Utc::now().timestamp();
    Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: "tester".to_owned(),
        account: "acme".to_owned(),
        scope: "*".to_owned(),
        exp: now + 60,
        nbf: now - 120,
        iat: now - 120,
    }
}

/// A token of this deployment that says something else in one place.
fn signed(keys: &Keys, change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = claims();
    change(&mut claims);
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    let key = jsonwebtoken::EncodingKey::from_ed_der(&keys.signing_pkcs8);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_valid_token_of_this_deployment_lets_in() {
    let server = Server::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let hour = Duration::from_secs(3_600);
    let keys = Keys::open(elsewhere.path()).unwrap();
    let foreign = token::sign(&keys, "acme", "tester", "*", hour).unwrap();
    for (token, reason) in [
        (String::new(), ErrorReason::TokenMissing),
        ("nonsense".to_owned(), ErrorReason::TokenInvalid),
        (foreign, ErrorReason::TokenInvalid),
        (expired(&server.app.keys), ErrorReason::TokenExpired),
    ] {
        let client = Client::connect(&server.uri, &token).await.unwrap();
        let status = refused_with(&client, get(), reason).await;
        assert_eq!(status.code, Code::Unauthenticated, "{reason:?}");
        assert!(
            status.violations.is_empty() && !status.message.contains(&token) || token.is_empty()
        );
    }
    let status = refusal(&server.client("acme").await, get()).await;
    assert_eq!(status.reason, Some(ErrorReason::ResourceNotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_forged_or_borrowed_token_says_is_not_believed() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let server = Server::start().await;
    let keys = &server.app.keys;
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = part(serde_json::to_value(claims()).unwrap());
    let none =
        |alg: &str| format!("{}.{body}.", part(serde_json::json!({"alg": alg, "typ": "at+jwt"})));
    // The public key is public: taken for a secret, anybody could sign with it.
    let mut symmetric = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    symmetric.typ = Some("at+jwt".to_owned());
    let by_public_key = |key: &[u8]| {
        let key = jsonwebtoken::EncodingKey::from_secret(key);
        jsonwebtoken::encode(&symmetric, &claims(), &key).unwrap()
    };
    let good = signed(keys, |_| {});
    let (head, signature) = (good.split_once('.').unwrap().0, good.rsplit_once('.').unwrap().1);
    let mut more = claims();
    more.account = "other".to_owned();
    let raised = format!("{head}.{}.{signature}", part(serde_json::to_value(more).unwrap()));
    let invalid = ErrorReason::TokenInvalid;
    for (token, reason) in [
        (none("none"), invalid),
        (none("None"), invalid),
        (by_public_key(&keys.verifying), invalid),
        (by_public_key(URL_SAFE_NO_PAD.encode(&keys.verifying).as_bytes()), invalid),
        (raised, invalid),
        (signed(keys, |it| it.aud = "somebody".to_owned()), invalid),
        (signed(keys, |it| it.iss = "somebody".to_owned()), invalid),
        (signed(keys, |it| it.nbf += 240), invalid),
        (signed(keys, |it| it.exp -= 60 + 31), ErrorReason::TokenExpired),
    ] {
        let client = Client::connect(&server.uri, &token).await.unwrap();
        refused_with(&client, get(), reason).await;
    }
    // Clocks differ a little.
    for token in [good, signed(keys, |it| it.exp -= 60 + 15), signed(keys, |it| it.nbf += 120 + 15)]
    {
        let client = Client::connect(&server.uri, &token).await.unwrap();
        refused_with(&client, get(), ErrorReason::ResourceNotFound).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_says_that_it_takes_no_more_calls() {
    use tonic_health::pb::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    };

    let server = Server::start_with(|config| config.drain = Duration::from_secs(1)).await;
    let mut client = HealthClient::new(server.channel().await);
    let mut health = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let mut next = async || soon(health.message()).await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);
    let stopping = tokio::spawn(server.stop());
    assert_eq!(next().await, ServingStatus::NotServing);
    soon(stopping).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_needs_its_scope_and_says_which() {
    let server = Server::start().await;
    let reader = server.client_with("acme", "connections.read runs.read").await;
    let status = refusal(&reader, get()).await;
    assert_eq!(status.reason, Some(ErrorReason::ResourceNotFound));
    let create = connection("acme", "shop", sandbox());
    let status = refused_with(&reader, create, ErrorReason::ScopeMissing).await;
    assert_eq!(status.code, Code::PermissionDenied);
    assert_eq!(status.metadata["requiredScope"], "connections.write");
    let approve = v1::ApprovePlanRequest {
        name: "accounts/acme/migrations/m/plans/p".to_owned(),
        ..Default::default()
    };
    let writer = server.client_with("acme", "plans.write plans.read").await;
    let status = refused_with(&writer, approve, ErrorReason::ScopeMissing).await;
    assert_eq!(status.metadata["requiredScope"], "plans.approve");
    // The scope is asked before the account: nothing is told of what is there.
    let foreign = v1::GetMigrationRequest { name: "accounts/other/migrations/m".to_owned() };
    refused_with(&reader, foreign, ErrorReason::ScopeMissing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_reflection_answer_without_a_token() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::{v1, v1alpha};

    let server = Server::start().await;
    let channel = server.channel().await;
    let health = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
    assert_eq!(health.unwrap().into_inner().status, 1);

    macro_rules! services {
        ($version:ident) => {{
            use $version::{server_reflection_request, server_reflection_response};
            let asked = $version::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(server_reflection_request::MessageRequest::ListServices(
                    String::new(),
                )),
            };
            let mut client =
                $version::server_reflection_client::ServerReflectionClient::new(channel.clone());
            let asked = futures::stream::iter([asked]);
            let answers = client.server_reflection_info(asked).await.unwrap();
            let answer = answers.into_inner().message().await.unwrap().unwrap();
            match answer.message_response.unwrap() {
                server_reflection_response::MessageResponse::ListServicesResponse(list) => {
                    list.service.into_iter().map(|it| it.name).collect::<Vec<_>>()
                }
                other => panic!("a list was expected: {other:?}"),
            }
        }};
    }
    for names in [services!(v1), services!(v1alpha)] {
        assert_eq!(names.iter().filter(|name| name.starts_with("cartage.v1.")).count(), 11);
        assert!(names.iter().any(|name| name == "grpc.health.v1.Health"));
    }
}

/// Calls any method with any message.
async fn raw<M>(server: &Server, path: &'static str, message: M) -> Status
where
    M: prost::Message + Default + 'static,
{
    let mut client = tonic::client::Grpc::new(server.channel().await);
    client.ready().await.unwrap();
    let token: MetadataValue<Ascii> =
        format!("Bearer {}", server.token("acme", "*")).parse().unwrap();
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token);
    let codec = tonic_prost::ProstCodec::<M, ()>::default();
    client.unary(request, http::uri::PathAndQuery::from_static(path), codec).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_of_ours_is_refused_in_our_own_form() {
    let server = Server::start().await;
    // A number where the method has a text.
    let number = v1::ListPlatformsRequest { page_size: 7, ..Default::default() };
    let long = connection("acme", &"x".repeat(3 << 20), sandbox());
    let get = "/cartage.v1.ConnectionService/GetConnection";
    let create = "/cartage.v1.ConnectionService/CreateConnection";
    let wrong = raw(&server, get, number.clone()).await;
    let unknown = raw(&server, "/cartage.v1.ConnectionService/Nothing", number.clone()).await;
    let elsewhere = raw(&server, "/other.v1.Service/Get", number).await;
    let large = raw(&server, create, long).await;
    for (status, code, reason) in [
        (wrong, Code::InvalidArgument, "MALFORMED_REQUEST"),
        (unknown, Code::Unimplemented, "METHOD_UNIMPLEMENTED"),
        (elsewhere, Code::Unimplemented, "METHOD_UNIMPLEMENTED"),
        (large, Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
    ] {
        assert_eq!(status.code(), code, "{status:?}");
        let info = status.get_details_error_info().expect("an ErrorInfo");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, cartage_domain()));
        if reason == "MESSAGE_TOO_LARGE" {
            assert_eq!(info.metadata["limitBytes"], (1 << 20).to_string());
        }
    }
    let status = refusal(&server.client("acme").await, self::get()).await;
    assert_eq!(status.reason, Some(ErrorReason::ResourceNotFound), "the server goes on");
}

fn cartage_domain() -> &'static str {
    cartage_proto::ERROR_DOMAIN
}
