//! gRPC-Web, as a page in a browser speaks it: over HTTP/1.1, frames by hand, and the leave to call.

use cartage_client::v1;
use prost::Message;
use reqwest::{Method, Response, StatusCode, header::HeaderMap};

use crate::support::{Server, soon};

const PAGE: &str = "https://app.example";

async fn server() -> Server {
    Server::start_with(|config| config.allowed_origins = vec![PAGE.to_owned()]).await
}

fn frame(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), &message].concat()
}

/// Takes the frames apart: the messages, and the trailers.
fn frames(mut body: &[u8]) -> (Vec<Vec<u8>>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while let Some((head, rest)) = body.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let (frame, rest) = rest.split_at(usize::try_from(length).unwrap());
        match head[0] {
            0 => messages.push(frame.to_vec()),
            0x80 => trailers = String::from_utf8(frame.to_vec()).unwrap(),
            other => panic!("a frame of kind {other}"),
        }
        body = rest;
    }
    (messages, trailers)
}

async fn post(server: &Server, path: &str, token: Option<&str>, body: Vec<u8>) -> Response {
    let mut request = reqwest::Client::builder()
        .http1_only()
        .build()
        .unwrap()
        .post(format!("{}/cartage.v1.{path}", server.uri))
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .header("origin", PAGE)
        .body(body);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    soon(request.send()).await.unwrap()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_calls_and_is_told_errors_with_their_details() {
    let server = server().await;
    let token = server.token("acme", "*");
    let list = "PlatformService/ListPlatforms";
    let asked = frame(&v1::ListPlatformsRequest::default());
    let answer = post(&server, list, Some(&token), asked.clone()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(answer.headers(), "access-control-allow-origin"), PAGE);
    let (messages, trailers) = frames(&answer.bytes().await.unwrap());
    let platforms = v1::ListPlatformsResponse::decode(messages[0].as_slice()).unwrap().platforms;
    assert!(platforms.len() >= 2, "{platforms:?}");
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    // Without a token, with a message that is none, and of a method that is none.
    let get = "ConnectionService/GetConnection";
    let other = "ConnectionService/Explode";
    for (path, token, body, code, reason) in [
        (list, None, asked.clone(), "16", "TOKEN_MISSING"),
        (get, Some(&token), frame(&v1::GetConnectionRequest::default()), "3", "INVALID_FIELDS"),
        (other, Some(&token), asked.clone(), "12", "METHOD_UNIMPLEMENTED"),
    ] {
        let answer = post(&server, path, token.map(String::as_str), body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let headers = answer.headers().clone();
        for seen in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
            let exposed = header(&headers, "access-control-expose-headers");
            assert!(exposed.contains(seen), "a page may read {seen}: {exposed}");
        }
        let (_, trailers) = frames(&answer.bytes().await.unwrap());
        let told = format!("{trailers}\n{headers:?}");
        let status = header(&headers, "grpc-status");
        assert!(status == code || trailers.contains(&format!("grpc-status:{code}")), "{told}");
        let details = details(&headers, &trailers);
        assert!(details.windows(reason.len()).any(|it| it == reason.as_bytes()), "{told}");
    }
    server.stop().await;
}

fn details(headers: &HeaderMap, trailers: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    let name = "grpc-status-details-bin";
    let trailer = trailers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let text = trailer.unwrap_or_else(|| header(headers, name));
    STANDARD_NO_PAD.decode(text.trim().trim_end_matches('=')).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pages_that_were_named_may_call() {
    let server = server().await;
    let url = format!("{}/cartage.v1.RunService/GetRun", server.uri);
    let client = reqwest::Client::builder().http1_only().build().unwrap();
    let preflight = async |origin: &str| {
        let request = client
            .request(Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,x-grpc-web");
        soon(request.send()).await.unwrap()
    };
    let allowed = preflight(PAGE).await;
    assert_eq!(allowed.status(), StatusCode::OK);
    assert_eq!(header(allowed.headers(), "access-control-allow-origin"), PAGE);
    let may_send = header(allowed.headers(), "access-control-allow-headers");
    for sent in ["authorization", "content-type", "x-grpc-web", "grpc-timeout"] {
        assert!(may_send.contains(sent), "{may_send}");
    }
    for other in ["https://evil.example", "http://app.example", "null"] {
        let refused = preflight(other).await;
        assert_eq!(header(refused.headers(), "access-control-allow-origin"), "", "{other}");
    }
    // What is neither of the two protocols gets no answer of a method.
    let plain = soon(client.post(&url).header("content-type", "application/json").send()).await;
    assert!(plain.unwrap().status().is_client_error());
    server.stop().await;

    let closed = Server::start().await;
    let request = client
        .request(Method::OPTIONS, format!("{}/cartage.v1.RunService/GetRun", closed.uri))
        .header("origin", PAGE)
        .header("access-control-request-method", "POST");
    let refused = soon(request.send()).await.unwrap();
    assert_eq!(header(refused.headers(), "access-control-allow-origin"), "");
    closed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_watches_to_the_last_message() {
    let server = server().await;
    let token = server.token("acme", "*");
    let watch = v1::WatchEventsRequest {
        parent: "accounts/acme".to_owned(),
        after_sequence: Some(0),
        ..Default::default()
    };
    let path = "EventService/WatchEvents";
    let mut answer = post(&server, path, Some(&token), frame(&watch)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mut body = Vec::new();
    // The marker says that everything is told; then the server stops, and says so.
    let is_synced = |body: &[u8]| {
        let told = frames_whole(body);
        told.iter().any(|it| {
            let message = v1::WatchEventsResponse::decode(it.as_slice()).unwrap().message;
            matches!(message, Some(v1::watch_events_response::Message::Synced(_)))
        })
    };
    while !is_synced(&body) {
        body.extend(soon(answer.chunk()).await.unwrap().unwrap());
    }
    let rest = async {
        while let Some(chunk) = answer.chunk().await.unwrap() {
            body.extend(chunk);
        }
    };
    soon(async { tokio::join!(server.stop(), rest) }).await;
    let (messages, trailers) = frames(&body);
    let last = v1::WatchEventsResponse::decode(messages.last().unwrap().as_slice()).unwrap();
    let end = matches!(last.message, Some(v1::watch_events_response::Message::EndOfStream(_)));
    assert!(end, "{last:?}");
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
}

/// The messages that are there in full.
fn frames_whole(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = body.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let Some((frame, rest)) = rest.split_at_checked(usize::try_from(length).unwrap()) else {
            break;
        };
        messages.push(frame.to_vec());
        body = rest;
    }
    messages
}
