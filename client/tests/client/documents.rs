//! What programs read: with `--json` every command prints exactly one JSON document, or one a line
//! for lists and streams.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use cartage_client::v1;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, body::Body, server::NamedService, transport::Server};

use super::command::{cartage, text};
use super::fake::{Fake, ends, status};

/// Makes one service of the scripted one.
macro_rules! services {
    ($($service:ident $name:literal;)*) => {
        $(
            #[derive(Clone)]
            struct $service(Fake);

            impl NamedService for $service {
                const NAME: &'static str = $name;
            }

            impl tower::Service<http::Request<Body>> for $service {
                type Response = http::Response<Body>;
                type Error = Infallible;
                type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

                fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                    Poll::Ready(Ok(()))
                }

                fn call(&mut self, request: http::Request<Body>) -> Self::Future {
                    Box::pin(self.0.clone().respond(request))
                }
            }
        )*

        /// Serves them all on loopback.
        async fn serve(fake: &Fake) -> String {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let uri = format!("http://{}", listener.local_addr().unwrap());
            let server = Server::builder()$(.add_service($service(fake.clone())))*;
            tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
            uri
        }
    };
}

services! {
    Connections "cartage.v1.ConnectionService";
    Migrations "cartage.v1.MigrationService";
    Snapshots "cartage.v1.SnapshotService";
    Audits "cartage.v1.AuditService";
    Mappings "cartage.v1.MappingService";
    Plans "cartage.v1.PlanService";
    Runs "cartage.v1.RunService";
    Verifications "cartage.v1.VerificationService";
    Events "cartage.v1.EventService";
}

const RUN: &str = "accounts/a/migrations/m/runs/r";
const REPORT: &str = "accounts/a/migrations/m/runs/r/verificationReports/v";

/// A service that knows one resource of each sort.
fn scripted() -> Fake {
    let fake = Fake::default();
    let connection = || v1::Connection {
        name: "accounts/a/connections/c".to_owned(),
        state: v1::connection::State::Active.into(),
        ..Default::default()
    };
    fake.unary("ConnectionService/GetConnection", move |_: &v1::GetConnectionRequest| {
        Ok(connection())
    });
    fake.unary("ConnectionService/CreateConnection", move |_: &v1::CreateConnectionRequest| {
        Ok(connection())
    });
    fake.unary("ConnectionService/DeleteConnection", |_: &v1::DeleteConnectionRequest| Ok(()));
    fake.unary("ConnectionService/ListConnections", move |_: &v1::ListConnectionsRequest| {
        Ok(v1::ListConnectionsResponse {
            connections: vec![connection(), connection()],
            ..Default::default()
        })
    });
    let migration =
        || v1::Migration { name: "accounts/a/migrations/m".to_owned(), ..Default::default() };
    fake.unary("MigrationService/CreateMigration", move |_: &v1::CreateMigrationRequest| {
        Ok(migration())
    });
    fake.unary("MigrationService/GetMigration", move |_: &v1::GetMigrationRequest| Ok(migration()));
    fake.unary("SnapshotService/GetSnapshot", |request: &v1::GetSnapshotRequest| {
        Ok(v1::Snapshot { name: request.name.clone(), ..Default::default() })
    });
    fake.unary("AuditService/ListFindings", |_: &v1::ListFindingsRequest| {
        let finding = |sequence| v1::Finding { sequence, ..Default::default() };
        Ok(v1::ListFindingsResponse {
            findings: vec![finding(1), finding(2)],
            ..Default::default()
        })
    });
    let mapping = || v1::Mapping {
        name: "accounts/a/migrations/m/mappings/x".to_owned(),
        content: Some(v1::MappingContent::default()),
        ..Default::default()
    };
    fake.unary("MappingService/GetMapping", move |_: &v1::GetMappingRequest| Ok(mapping()));
    fake.unary("MappingService/ValidateMapping", |request: &v1::ValidateMappingRequest| {
        use v1::validate_mapping_request::Subject;
        let is_good =
            matches!(&request.subject, Some(Subject::Mapping(name)) if name.ends_with("good"));
        // Issues come in two pages.
        let (next, field) = match request.page_token.as_str() {
            "" => ("2", "title"),
            _ => ("", "handle"),
        };
        let issue = v1::MappingIssue { field: field.to_owned(), ..Default::default() };
        Ok(v1::ValidateMappingResponse {
            valid: is_good,
            issues: if is_good { Vec::new() } else { vec![issue] },
            error_count: if is_good { 0 } else { 2 },
            next_page_token: if is_good { String::new() } else { next.to_owned() },
            ..Default::default()
        })
    });
    fake.unary("PlanService/GetPlan", |request: &v1::GetPlanRequest| {
        Ok(v1::Plan { name: request.name.clone(), ..Default::default() })
    });
    fake.unary("RunService/GetRun", |_: &v1::GetRunRequest| {
        let latest_verification_report = REPORT.to_owned();
        Ok(v1::Run { name: RUN.to_owned(), latest_verification_report, ..Default::default() })
    });
    fake.unary("RunService/ListRunRecords", |_: &v1::ListRunRecordsRequest| {
        let record = |id: &str| v1::RunRecord { source_id: id.to_owned(), ..Default::default() };
        Ok(v1::ListRunRecordsResponse {
            run_records: vec![record("1"), record("2"), record("3")],
            ..Default::default()
        })
    });
    fake
}

/// Lets every export of a report be this.
fn exports(fake: &Fake, content: &'static [u8]) {
    let part = v1::ExportVerificationReportResponse {
        data: content.into(),
        total_bytes: i64::try_from(content.len()).unwrap(),
        last: true,
        ..Default::default()
    };
    fake.streams::<v1::ExportVerificationReportRequest, _>(
        "VerificationService/ExportVerificationReport",
        [ends(vec![part])],
    );
}

#[tokio::test]
async fn every_command_prints_one_document_or_one_a_line() {
    let uri = serve(&scripted()).await;
    // The command, its exit code, and how many lines of JSON; none for one document.
    let table: [(&str, i32, Option<usize>); 16] = [
        ("connection get c", 0, None),
        ("connection list", 0, Some(2)),
        ("connection delete c", 0, None),
        ("connection create sandbox --platform medusa --no-verify", 0, None),
        ("migration create --source c --target c", 0, None),
        ("migration get m", 0, None),
        ("snapshot get c/s", 0, None),
        ("audit findings m/a", 0, Some(2)),
        ("mapping get m/x", 0, None),
        ("mapping get m/x --content", 0, None),
        ("mapping validate m/good", 0, None),
        ("mapping validate m/bad", 1, None),
        ("mapping validate m/bad --limit 1", 1, None),
        ("plan get m/p", 0, None),
        ("run get m/r", 0, None),
        ("run records m/r", 0, Some(3)),
    ];
    for (command, code, lines) in table {
        let mut arguments = vec!["--json", "--account", "a"];
        arguments.extend(command.split(' '));
        let out = cartage(&uri, &arguments).await;
        let said = text(&out.stdout);
        assert_eq!(out.status.code(), Some(code), "{command}: {}", text(&out.stderr));
        let count = lines.unwrap_or(1);
        let documents: Vec<Value> = serde_json::Deserializer::from_str(said)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{command}: {error}: {said}"));
        assert_eq!(documents.len(), count, "{command}: {said}");
        assert!(documents.iter().all(Value::is_object), "{command}: {said}");
        assert!(lines.is_none() || said.lines().count() == count, "{command}: {said}");
        let errors = text(&out.stderr);
        let is_quiet = errors.is_empty() || serde_json::from_str::<Value>(errors).is_ok();
        assert!(is_quiet, "{command}: {errors}");
    }
    let out = cartage(&uri, &["--json", "--account", "a", "connection", "delete", "c"]).await;
    let document: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(document["name"], "accounts/a/connections/c");
    for (limit, issues) in [("0", 2), ("1", 1)] {
        let arguments =
            ["--json", "--account", "a", "mapping", "validate", "m/bad", "--limit", limit];
        let out = cartage(&uri, &arguments).await;
        let document: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(document["issues"].as_array().unwrap().len(), issues);
        assert_eq!(document["errorCount"], 2);
        assert!(document.get("nextPageToken").is_none());
    }
    let out = cartage(&uri, &["--account", "a", "mapping", "validate", "m/good"]).await;
    assert_eq!(text(&out.stdout), "valid: 0 errors, 0 warnings\n");
}

#[tokio::test]
async fn a_page_goes_into_a_file_where_a_program_reads() {
    let fake = scripted();
    let uri = serve(&fake).await;
    let folder = tempfile::tempdir().unwrap();
    exports(&fake, b"<!doctype html>");
    let out = tokio::process::Command::new(env!("CARGO_BIN_EXE_cartage"))
        .args(["--server", &uri, "--account", "a", "--json", "report", "m/r", "--format", "html"])
        .current_dir(folder.path())
        .output()
        .await
        .unwrap();
    let document: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| {
        panic!("{error}: {} {}", text(&out.stdout), text(&out.stderr));
    });
    let file = folder.path().join(document["file"].as_str().unwrap());
    assert_eq!(std::fs::read(file).unwrap(), b"<!doctype html>");
    exports(&fake, b"{\"passed\": true}\n");
    let out = cartage(&uri, &["--account", "a", "--json", "report", "m/r"]).await;
    let document: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(document["passed"], true);
    let gone = fake.answers::<v1::GetRunRequest, v1::Run>(
        "RunService/GetRun",
        [Err(status(Code::NotFound, v1::ErrorReason::ResourceNotFound, None))],
    );
    let out = cartage(&uri, &["--account", "a", "--json", "report", "m/r"]).await;
    assert!(out.stdout.is_empty(), "{}", text(&out.stdout));
    assert_eq!(gone.messages().len(), 1);
}
