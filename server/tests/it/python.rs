//! A client in another language walks the road, knowing nothing but the address: Python's grpcio by
//! reflection alone. Skipped where its packages are missing; `CARTAGE_PYTHON` names the interpreter.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::{Server, folder, products, soon, start_medusa};

const IMPORTS: &str = "import grpc, grpc_reflection.v1alpha.proto_reflection_descriptor_database\n\
    from google.protobuf.message_factory import GetMessageClass";

fn python() -> Command {
    let named = std::env::var("CARTAGE_PYTHON").ok().filter(|name| !name.is_empty());
    let mut command = Command::new(named.as_deref().unwrap_or("python3"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_walks_the_road_by_reflection_alone() {
    let found = python().args(["-c", IMPORTS]).output().await;
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 with grpcio, grpcio-reflection and protobuf is not here");
        return;
    }
    let server = Server::start().await;
    let shop = start_medusa().await;
    let rows = products("shirt,Shirt,<p>Nice</p>,Acme,10.00\nhat,Hat,,Acme,5\nSock,Sock,,Acme,1\n");
    let files = folder(&[("products_export.csv", &rows)]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/python_client.py");
    let address = server.uri.trim_start_matches("http://").to_owned();
    let walked = python()
        .arg(script)
        .args([address, server.token("acme", "*"), "accounts/acme".to_owned()])
        .arg(files.path())
        .args([shop.url(), shop.api_key().to_owned()])
        .output();
    let walked = soon(walked).await.unwrap();
    let complaint = String::from_utf8_lossy(&walked.stderr);
    assert!(walked.status.success(), "{complaint}");
    let told: serde_json::Value = serde_json::from_slice(&walked.stdout).unwrap();
    assert_eq!((&told["passed"], &told["unaccounted"]), (&true.into(), &0.into()), "{told}");
    assert_eq!(told["total"], 3, "{told}");
    assert!(told["findings"].as_i64() > Some(0), "{told}");
    assert_eq!(shop.state("cartage_key")["counts"]["products"], 3);
}
