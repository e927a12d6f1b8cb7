//! A client in another language walks the road, knowing nothing but the address: Python's grpcio by
//! reflection alone. It compares the ledger, the links, money and stock with the files itself.
//! Skipped where its packages are missing; `CARTAGE_PYTHON` names the interpreter.

use std::{process::Stdio, time::Duration};

use cartage_sandbox::shopify_export::Outcome;
use cartage_server::token;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Server, paper_migration, small_shop, soon, start_medusa};

const IMPORTS: &str = "import grpc, grpc_reflection.v1alpha.proto_reflection_descriptor_database\n\
    from google.protobuf.message_factory import GetMessageClass";

const SKIPPED: &str = "skipped: python3 with grpcio, grpcio-reflection and protobuf is not here";

fn python() -> Command {
    let named = std::env::var("CARTAGE_PYTHON").ok().filter(|name| !name.is_empty());
    let mut command = Command::new(named.as_deref().unwrap_or("python3"));
    // Without files of byte code beside the scripts.
    command.arg("-B").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Whether an interpreter with the packages is here.
async fn is_here() -> bool {
    let found = python().args(["-c", IMPORTS]).output().await;
    found.is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_of_the_readme_does_what_it_says() {
    if !is_here().await {
        println!("{SKIPPED}");
        return;
    }
    let server = Server::start().await;
    let migration = paper_migration(&server.client("acme").await, "acme", "spring").await;
    let readme = include_str!("../../../README.md");
    let script = readme.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(script.contains("127.0.0.1:7400"), "{script}");
    let script = script.replace("127.0.0.1:7400", server.uri.trim_start_matches("http://"));
    let mut command = python();
    command.args(["-c", &script]).env("CARTAGE_TOKEN", server.token("acme", "*"));
    let told = soon(command.output()).await.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["name"], migration.name, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_walks_the_road_by_reflection_alone() {
    if !is_here().await {
        println!("{SKIPPED}");
        return;
    }
    let server = Server::start_with(|config| config.self_approval = false).await;
    let shop = start_medusa().await;
    let (files, manifest) = small_shop();
    let (scopes, life) = ("plans.read plans.approve", Duration::from_secs(3_600));
    let settings = json!({
        "address": server.uri.trim_start_matches("http://"),
        "account": "accounts/acme",
        "token": server.token("acme", "*"),
        "approver": token::sign(&server.app.keys, "acme", "approver", scopes, life).unwrap(),
        "export": files.path().join("export"),
        "url": shop.url(),
        "key": shop.api_key(),
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/python_walk.py");
    let walked = soon(python().arg(script).arg(settings.to_string()).output()).await.unwrap();
    let complaint = String::from_utf8_lossy(&walked.stderr);
    assert!(walked.status.success(), "{complaint}");
    let told: Value = serde_json::from_slice(&walked.stdout).unwrap();

    // What the client cannot know: which faults were planted, and what the shop holds.
    let outcome = |name: &str| told["outcomes"][name].as_u64().unwrap_or_default();
    let expected = |outcome| u64::try_from(manifest.expected(outcome)).unwrap();
    assert_eq!(outcome("merged"), expected(Outcome::Merged), "{told}");
    assert_eq!(outcome("excluded"), expected(Outcome::Excluded), "{told}");
    assert_eq!(outcome("quarantined"), expected(Outcome::Quarantined), "{told}");
    assert_eq!(outcome("unknown"), 0, "{told}");
    assert!(told["findings"].as_u64() > Some(0), "{told}");
    let state = shop.state("cartage_key");
    for (held, kind) in [
        ("product_categories", "CATEGORY"),
        ("collections", "COLLECTION"),
        ("products", "PRODUCT"),
        ("customer_groups", "CUSTOMER_GROUP"),
        ("customers", "CUSTOMER"),
        ("orders", "ORDER"),
    ] {
        let there = state["keys"][held].as_object().map(serde_json::Map::len);
        let arrived = told["arrived"][kind].as_u64().map(|it| usize::try_from(it).unwrap());
        assert!(arrived > Some(0), "{told}");
        assert_eq!(there, arrived, "{held} with a key of ours: {}", state["counts"]);
    }
    assert_eq!(state["duplicates"], json!({}), "no record is there twice");
}
