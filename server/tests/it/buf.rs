//! A client that nobody wrote for this service: `buf curl` by reflection alone, called in the words
//! of the README. Skipped where it is missing; `CARTAGE_BUF` names the program.

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Server, connect, csv_at, folder, products, soon};

const README: &str = include_str!("../../../README.md");

fn buf() -> String {
    let named = std::env::var("CARTAGE_BUF").ok().filter(|name| !name.is_empty());
    named.unwrap_or_else(|| "buf".to_owned())
}

/// The call as the README has it, for another program, server, method and message.
fn call(server: &Server, method: &str, message: &Value) -> Command {
    let program = "npx --yes @bufbuild/buf";
    let text = README.split("```sh\n").find(|block| block.starts_with(program)).unwrap();
    let mut text = text.split("```").next().unwrap().to_owned();
    for (word, by) in [
        (program, buf().as_str()),
        ("http://127.0.0.1:7400", server.uri.as_str()),
        ("cartage.v1.MigrationService/ListMigrations", method),
        (r#"{"parent": "accounts/acme"}"#, &message.to_string()),
    ] {
        assert!(text.contains(word), "{word}: {text}");
        text = text.replace(word, by);
    }
    let mut command = Command::new("sh");
    // In place of the shell, so that it ends with the test.
    command.args(["-c", &format!("exec {text}")]).env("CARTAGE_TOKEN", server.token("acme", "*"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn answers(server: &Server, method: &str, message: Value) -> Vec<Value> {
    let Output { status, stdout, stderr } =
        soon(call(server, method, &message).output()).await.unwrap();
    assert!(status.success(), "{method}: {}", String::from_utf8_lossy(&stderr));
    let answers = serde_json::Deserializer::from_slice(&stdout).into_iter();
    answers.collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buf_calls_watches_and_is_refused_by_reflection_alone() {
    let found = Command::new(buf()).arg("--version").output().await;
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: buf is not here");
        return;
    }
    let server = Server::start().await;
    let client = server.client("acme").await;
    let files = folder(&[("products_export.csv", &products("shirt,Shirt,,Acme,10.00\n"))]);
    let source = connect(&client, "acme", "old", csv_at(files.path())).await;
    soon(cartage_client::road::verify_connection(&client, &source)).await.unwrap();

    let listed = "cartage.v1.ConnectionService/ListConnections";
    let listed = answers(&server, listed, json!({ "parent": "accounts/acme" })).await;
    assert_eq!(listed[0]["connections"][0]["name"], source, "{listed:?}");
    assert_eq!(listed[0]["connections"][0]["state"], "ACTIVE", "{listed:?}");

    let taken = "cartage.v1.SnapshotService/CreateSnapshot";
    let taken = answers(&server, taken, json!({ "parent": source })).await;
    let watched = "cartage.v1.SnapshotService/WatchSnapshot";
    let watched = answers(&server, watched, json!({ "name": taken[0]["name"] })).await;
    let last = watched.last().unwrap();
    assert_eq!(last["endOfStream"]["reason"], "REASON_RESOURCE_TERMINAL", "{watched:?}");

    let none = json!({ "name": "accounts/acme/connections/none" });
    let get = "cartage.v1.ConnectionService/GetConnection";
    let refused = soon(call(&server, get, &none).output()).await.unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    let told: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!(told["code"], "not_found", "{told}");
    assert_eq!(told["details"][0]["type"], "google.rpc.ErrorInfo", "{told}");
}
