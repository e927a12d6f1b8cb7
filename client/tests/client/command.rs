//! The command against a small service on loopback: what it prints, and its exit codes.

use std::process::Output;

use cartage_client::v1::{
    self,
    list_platform_fields_request::Side,
    platform_service_server::{PlatformService, PlatformServiceServer},
};
use serde_json::Value;
use tokio::{net::TcpListener, process::Command};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};

use super::fake::status;

struct Platforms;

fn platform(id: &str) -> v1::Platform {
    v1::Platform {
        name: format!("platforms/{id}"),
        display_name: id.to_uppercase(),
        ..Default::default()
    }
}

#[tonic::async_trait]
impl PlatformService for Platforms {
    async fn get_platform(
        &self,
        request: Request<v1::GetPlatformRequest>,
    ) -> Result<Response<v1::Platform>, Status> {
        match request.into_inner().name.as_str() {
            "platforms/medusa" => Ok(Response::new(platform("medusa"))),
            _ => Err(status(Code::NotFound, v1::ErrorReason::ResourceNotFound, None)),
        }
    }

    async fn list_platforms(
        &self,
        request: Request<v1::ListPlatformsRequest>,
    ) -> Result<Response<v1::ListPlatformsResponse>, Status> {
        let (id, next) = match request.into_inner().page_token.as_str() {
            "" => ("medusa", "2"),
            _ => ("shopify-csv", ""),
        };
        let platforms = vec![platform(id)];
        Ok(Response::new(v1::ListPlatformsResponse { platforms, next_page_token: next.to_owned() }))
    }

    async fn list_platform_fields(
        &self,
        request: Request<v1::ListPlatformFieldsRequest>,
    ) -> Result<Response<v1::ListPlatformFieldsResponse>, Status> {
        let request = request.into_inner();
        let asked = (request.parent.as_str(), request.kind(), request.side());
        if asked != ("platforms/medusa", v1::RecordKind::Product, Side::Source) {
            return Err(status(Code::InvalidArgument, v1::ErrorReason::InvalidFields, None));
        }
        let fields = vec![v1::PlatformField { path: "slug".to_owned(), ..Default::default() }];
        Ok(Response::new(v1::ListPlatformFieldsResponse { fields, ..Default::default() }))
    }
}

async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(PlatformServiceServer::new(Platforms))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    uri
}

pub(super) async fn cartage(uri: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cartage"))
        .env_clear()
        .env("CARTAGE_SERVER", uri)
        .args(arguments)
        .output()
        .await
        .unwrap()
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn people_get_tables_and_programs_get_json_alone() {
    let uri = serve().await;
    let out = cartage(&uri, &["platform", "list"]).await;
    let lines: Vec<&str> = text(&out.stdout).lines().collect();
    assert_eq!(lines.len(), 3, "{}", text(&out.stderr));
    assert_eq!(lines[0].find("DISPLAY"), lines[2].find("SHOPIFY"));

    let out = cartage(&uri, &["--json", "platform", "list"]).await;
    let documents: Vec<Value> =
        text(&out.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[1]["name"], "platforms/shopify-csv");

    let out = cartage(&uri, &["platform", "get", "medusa", "--json"]).await;
    let document: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(document["displayName"], "MEDUSA");
    assert!(out.stderr.is_empty());

    let fields = ["--json", "platform", "fields", "medusa", "--kind", "product", "--source"];
    let out = cartage(&uri, &fields).await;
    let document: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(document["path"], "slug");
}

#[tokio::test]
async fn exit_codes_tell_what_happened() {
    let uri = serve().await;
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let table: [(&str, &[&str], i32, &str); 7] = [
        (&uri, &["platform", "get", "medusa"], 0, ""),
        (&uri, &["platform", "get", "nix"], 1, "scripted (RESOURCE_NOT_FOUND)"),
        (&uri, &["platform", "paint"], 2, "paint"),
        (&uri, &["run", "get", "m/r"], 2, "--account"),
        (&uri, &["run", "get", "r", "--account", "a"], 2, "ID/ID"),
        (&uri, &["migration", "get", "m", "--account", "a"], 1, "UNIMPLEMENTED"),
        (&nobody, &["platform", "list"], 3, "cannot reach"),
    ];
    for (uri, arguments, code, says) in table {
        let out = cartage(uri, arguments).await;
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out.stderr));
        assert!(text(&out.stderr).contains(says), "{arguments:?}: {}", text(&out.stderr));
    }

    let out = cartage(&uri, &["--json", "platform", "get", "nix"]).await;
    let document: Value = serde_json::from_slice(&out.stderr).unwrap();
    assert_eq!(document["error"]["reason"], "RESOURCE_NOT_FOUND");
    assert_eq!(document["error"]["exitCode"], 1);
    assert!(out.stdout.is_empty());

    let out = cartage(&uri, &["--json", "platform", "paint"]).await;
    let document: Value = serde_json::from_slice(&out.stderr).unwrap();
    assert_eq!(document["error"]["exitCode"], 2);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let uri = serve().await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = Command::new(env!("CARGO_BIN_EXE_cartage"))
        .args(["--server", &uri, "platform", "list"])
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.wait_with_output().await.unwrap();
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), ""));
}
