//! A limit before the simulated Medusa: what it takes, what it refuses, and what answers say of it.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail it")]

use cartage_sandbox::limiter::{Limit, Shape, Voice};
use cartage_sandbox::medusa::{self, Medusa, Options};
use reqwest::Response;
use serde_json::{Value, json};

async fn ask(shop: &Medusa) -> Response {
    let url = format!("{}/admin/stores", shop.url());
    let request = reqwest::Client::new().get(url).basic_auth(shop.api_key(), Some(""));
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

#[tokio::test]
async fn a_window_is_spent_and_says_so() {
    let shape = Shape::Window { calls: 2, window_ms: 3_600_000 };
    let limit = Some(Limit::new(shape, Voice::TimeReset));
    let shop = medusa::start(Options { limit, ..Options::default() }).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = ask(&shop).await;
        let left = header(&answer, "x-rate-limit-requests-left").unwrap().to_owned();
        assert!(header(&answer, "x-rate-limit-time-reset-ms").is_some());
        seen.push((answer.status().as_u16(), left));
    }
    assert_eq!(seen, [(200, "1".into()), (200, "0".into()), (429, "0".into())]);
    let count = shop.limit_count().unwrap();
    assert_eq!((count.taken, count.refused, count.used, count.offered), (2, 1, 2, 2));
    // The sandbox's own door is outside the limit, and a limit over HTTP is another one.
    let door = format!("{}/__sandbox/limit", shop.url());
    let told: Value = reqwest::get(&door).await.unwrap().json().await.unwrap();
    assert_eq!(told["count"]["refused"], 1);
    assert_eq!(told["limit"]["shape"]["window"]["calls"], 2);
    let limit = json!({ "shape": { "window": { "calls": 1, "window_ms": 3_600_000 } },
        "voice": "rate_limit" });
    let set = reqwest::Client::new().post(&door).json(&limit).send().await.unwrap();
    assert_eq!(set.status(), 200);
    assert_eq!(header(&ask(&shop).await, "ratelimit-policy"), Some("1;w=3600"));
    let refused = ask(&shop).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), Some("3600"));
    let set = reqwest::Client::new().post(&door).json(&Value::Null).send().await.unwrap();
    assert_eq!(set.status(), 200);
    assert_eq!(ask(&shop).await.status(), 200);
    assert_eq!(shop.limit_count(), None);
}

#[tokio::test]
async fn a_bucket_tells_the_cost_in_the_body() {
    let shape = Shape::Bucket { capacity: 100, restore_per_s: 0 };
    let limit = Limit { read_cost: 40, ..Limit::new(shape, Voice::Cost) };
    let limit = Some(limit);
    let shop = medusa::start(Options { limit, ..Options::default() }).await.unwrap();
    let answer: Value = ask(&shop).await.json().await.unwrap();
    assert_eq!(answer["extensions"]["cost"]["actualQueryCost"], 40);
    assert_eq!(answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"], 60);
    assert!(answer["stores"].is_array(), "the answer itself stays");
    assert_eq!(ask(&shop).await.status(), 200);
    let refused = ask(&shop).await;
    assert_eq!(refused.status(), 429);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["extensions"]["cost"]["actualQueryCost"], Value::Null);
    assert_eq!(refused["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"], 20);
    shop.reset();
    assert_eq!(ask(&shop).await.status(), 200, "a reset gives the whole budget back");
}

#[tokio::test]
async fn a_silent_limit_says_nothing() {
    let shape = Shape::Bucket { capacity: 1, restore_per_s: 0 };
    let limit = Some(Limit::new(shape, Voice::Silent));
    let shop = medusa::start(Options { limit, ..Options::default() }).await.unwrap();
    assert_eq!(ask(&shop).await.status(), 200);
    let refused = ask(&shop).await;
    assert_eq!(refused.status(), 429);
    let told =
        |name: &str| name.contains("rate") || name.contains("retry") || name.contains("limit");
    assert!(!refused.headers().keys().any(|name| told(name.as_str())), "{refused:?}");
}
