//! The simulated Medusa's faults, its state file and its pace.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail it")]

use std::time::{Duration, Instant};

use cartage_sandbox::medusa::{self, Fault, Faults, Medusa, Options, Rule};
use serde_json::{Value, json};

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_millis(400)).build().unwrap()
}

async fn customer(
    shop: &Medusa,
    email: &str,
) -> Result<(u16, Option<String>, Value), reqwest::Error> {
    let url = format!("{}/admin/customers", shop.url());
    let request = client().post(url).basic_auth(shop.api_key(), Some(""));
    let body = json!({ "email": email, "metadata": { "cartage_key": email } });
    let response = request.json(&body).send().await?;
    let wait = response.headers().get("retry-after");
    let wait = wait.and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok((response.status().as_u16(), wait, response.json().await?))
}

fn once(fault: Fault) -> Faults {
    let rule = Rule { fault, nth: Some(1), ..Rule::default() };
    Faults { rules: vec![rule], ..Faults::default() }
}

fn held(shop: &Medusa) -> u64 {
    shop.state("cartage_key")["counts"]["customers"].as_u64().unwrap()
}

#[tokio::test]
async fn every_fault_does_what_it_says() {
    let shop = medusa::start(Options::default()).await.unwrap();
    let cases = [
        (Fault::Refuse { status: 503 }, Some(503), 0),
        (Fault::Throttle { retry_after: Some(2) }, Some(429), 0),
        (Fault::FailBefore, Some(500), 0),
        (Fault::FailAfter, Some(500), 1),
        (Fault::HangAfter, None, 1),
        (Fault::CutBefore, None, 0),
        (Fault::CutAfter, None, 1),
        (Fault::CutLate { ms: 60_000 }, None, 0),
        (Fault::CutAmid { rest_ms: None }, None, 1),
        (Fault::PartialBatch { every: 2 }, Some(200), 1),
        (Fault::Wait { ms: 10 }, Some(200), 1),
    ];
    for (fault, status, effect) in cases {
        shop.reset();
        shop.set_faults(once(fault));
        let answer = customer(&shop, "a@x.test").await.ok();
        assert_eq!(answer.as_ref().map(|(status, ..)| *status), status, "{fault:?}");
        assert_eq!(held(&shop), effect, "{fault:?}");
        if let Some((429, wait, _)) = answer {
            assert_eq!(wait.as_deref(), Some("2"));
        }
        let again = customer(&shop, "b@x.test").await.unwrap();
        assert_eq!(again.0, 200, "only the first is hit");
    }
}

#[tokio::test]
async fn late_work_lands_and_half_a_product_is_completed() {
    let shop = medusa::start(Options::default()).await.unwrap();
    shop.set_faults(once(Fault::CutLate { ms: 20 }));
    assert!(customer(&shop, "a@x.test").await.is_err());
    while held(&shop) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shop.set_faults(once(Fault::CutAmid { rest_ms: Some(200) }));
    let body = json!({ "title": "A", "options": [{ "title": "O", "values": ["V"] }],
        "variants": [{ "title": "V", "options": { "O": "V" }, "prices": [] }] });
    let url = format!("{}/admin/products", shop.url());
    let request = client().post(url).basic_auth(shop.api_key(), Some("")).json(&body);
    assert!(request.send().await.is_err());
    let count = |kind: &str| shop.state("cartage_key")["counts"][kind].clone();
    assert_eq!(count("products"), 1);
    assert_eq!((count("variants"), count("inventory_items")), (json!(0), json!(0)));
    while count("variants") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(count("inventory_items"), 1);
}

#[tokio::test]
async fn faults_are_set_over_http_and_seen_in_the_state() {
    let shop = medusa::start(Options::default()).await.unwrap();
    let faults = json!({ "markers": ["POISON"], "rules": [{ "fault": { "throttle": { "retry_after": null } }, "every": 2 }] });
    let set = client().post(format!("{}/__sandbox/faults", shop.url())).json(&faults);
    assert_eq!(set.send().await.unwrap().status(), 200);
    assert_eq!(customer(&shop, "POISON@x.test").await.unwrap().0, 400);
    let (status, wait, _) = customer(&shop, "b@x.test").await.unwrap();
    assert_eq!((status, wait), (429, None));
    assert_eq!(customer(&shop, "c@x.test").await.unwrap().0, 200);
    let state = client().get(format!("{}/__sandbox/state", shop.url())).send().await.unwrap();
    let state: Value = state.json().await.unwrap();
    assert_eq!(state["writes"], 1);
    assert_eq!(state["keys"]["customers"]["c@x.test"].as_array().unwrap().len(), 1);
    assert_eq!(state["duplicates"], json!({}));
    shop.set_faults(Faults { revoked: true, ..Faults::default() });
    assert_eq!(customer(&shop, "d@x.test").await.unwrap().0, 401);
}

#[tokio::test]
async fn credentials_are_revoked_amid_the_work() {
    let shop = medusa::start(Options::default()).await.unwrap();
    let rule = Rule { fault: Fault::Revoke, nth: Some(3), ..Rule::default() };
    shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let mut statuses = Vec::new();
    for n in 0..5 {
        statuses.push(customer(&shop, &format!("n{n}@x.test")).await.unwrap().0);
    }
    assert_eq!(statuses, [200, 200, 401, 401, 401]);
    let read = client().get(format!("{}/admin/stores", shop.url()));
    let read = read.basic_auth(shop.api_key(), Some("")).send().await.unwrap();
    assert_eq!(read.status(), 401, "reads are refused as well");
    shop.set_faults(Faults::default());
    assert_eq!(customer(&shop, "z@x.test").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_search_lags_behind_and_an_id_does_not() {
    let shop = medusa::start(Options::default()).await.unwrap();
    shop.set_faults(Faults { search_lag_ms: 60_000, ..Faults::default() });
    let (_, _, made) = customer(&shop, "a@x.test").await.unwrap();
    let get = async |path: String| -> Value {
        let request = client().get(format!("{}/admin/{path}", shop.url()));
        let request = request.basic_auth(shop.api_key(), Some(""));
        request.send().await.unwrap().json().await.unwrap()
    };
    let path = "customers?email[]=a@x.test".to_owned();
    assert_eq!(get(path.clone()).await["count"], 0);
    let id = made["customer"]["id"].as_str().unwrap();
    assert_eq!(get(format!("customers/{id}")).await["customer"]["email"], "a@x.test");
    shop.set_faults(Faults { search_lag_ms: 1, ..Faults::default() });
    while get(path.clone()).await["count"] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_batch_is_done_in_part_and_duplicates_are_taken() {
    let shop = medusa::start(Options::default()).await.unwrap();
    let product = |handle: &str| {
        json!({ "title": handle, "handle": handle,
            "options": [{ "title": "O", "values": ["V"] }],
            "variants": [{ "title": "V", "sku": "S", "options": { "O": "V" }, "prices": [] }] })
    };
    let batch = async |handles: &[&str]| -> (u16, Value) {
        let create: Vec<Value> = handles.iter().map(|handle| product(handle)).collect();
        let request = client().post(format!("{}/admin/products/batch", shop.url()));
        let request = request.basic_auth(shop.api_key(), Some(""));
        let answer = request.json(&json!({ "create": create })).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    assert_eq!(batch(&["a"]).await.0, 200);
    assert_eq!(batch(&["a"]).await.0, 400, "the handle is taken");
    shop.set_faults(Faults { duplicates_accepted: true, ..Faults::default() });
    assert_eq!(batch(&["a"]).await.0, 200, "nobody looks");
    assert_eq!(customer(&shop, "a@x.test").await.unwrap().0, 200);
    assert_eq!(customer(&shop, "a@x.test").await.unwrap().0, 200);
    assert_eq!(held(&shop), 2);
    shop.set_faults(Faults { duplicates_accepted: true, ..once(Fault::PartialBatch { every: 2 }) });
    let (status, answer) = batch(&["b", "c", "d", "e", "f"]).await;
    assert_eq!(status, 200);
    let made: Vec<_> =
        answer["created"].as_array().unwrap().iter().map(|it| &it["handle"]).collect();
    assert_eq!(made, ["f", "d", "b"]);
    assert_eq!(batch(&["c", "e"]).await.1["created"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_state_survives_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        Options { state_file: Some(folder.path().join("shop.json")), ..Options::default() };
    let shop = medusa::start(options.clone()).await.unwrap();
    let key = shop.api_key().to_owned();
    assert_eq!(customer(&shop, "a@x.test").await.unwrap().0, 200);
    shop.stop().await.unwrap();
    let shop = medusa::start(options).await.unwrap();
    assert_eq!(shop.api_key(), key);
    assert_eq!(held(&shop), 1);
    assert_eq!(customer(&shop, "a@x.test").await.unwrap().0, 400);
}

#[tokio::test]
async fn twenty_thousand_records_are_found_at_once() {
    let shop = medusa::start(Options::default()).await.unwrap();
    let client = reqwest::Client::new();
    let url = format!("{}/admin/customers", shop.url());
    let count = if std::env::var_os("SANDBOX_LARGE").is_some() { 20_000 } else { 2_000 };
    let begun = Instant::now();
    for n in 0..count {
        let body = json!({ "email": format!("n{n}@x.test"), "metadata": { "cartage_key": n.to_string() } });
        let request = client.post(&url).basic_auth(shop.api_key(), Some("")).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let written = begun.elapsed();
    let begun = Instant::now();
    for n in 0..100 {
        let request = client.get(format!("{url}?email=n{n}@x.test&fields=id"));
        let reply: Value = request
            .basic_auth(shop.api_key(), Some(""))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(reply["count"], 1);
    }
    println!("{count} customers in {written:?}, 100 look-ups in {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5));
}
