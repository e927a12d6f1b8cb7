//! One table of behaviours, asked of the simulated Medusa always, and of a real one when
//! `MEDUSA_URL` and `MEDUSA_API_KEY` are set. Both must agree.
//!
//! A step is a request, the status it gets, and what its reply holds. Texts in braces are filled
//! in: `{run}` is new in every run, the rest was kept from earlier replies.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::float_arithmetic,
    reason = "a test's helpers may fail it, speak, and compare numbers by value"
)]

use std::collections::HashMap;

use cartage_sandbox::medusa::{self, Options};
use serde_json::{Value, json};

mod behaviours;

/// One request and what is expected of it.
struct Step {
    method: &'static str,
    path: &'static str,
    body: Value,
    status: u16,
    /// JSON pointers and the values under them.
    expect: Vec<(&'static str, Value)>,
    /// Names for values of the reply, by JSON pointer.
    keep: Vec<(&'static str, &'static str)>,
}

impl Step {
    /// The value under this pointer is this; of a text `~x` it is enough that `x` is in it.
    fn has(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.expect.push((pointer, value.into()));
        self
    }

    fn keeps(mut self, name: &'static str, pointer: &'static str) -> Self {
        self.keep.push((name, pointer));
        self
    }

    fn fails(self, status: u16, message: &'static str) -> Self {
        Self { status, ..self }.has("/message", message)
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

fn get(path: &'static str) -> Step {
    let (expect, keep) = (Vec::new(), Vec::new());
    Step { method: "GET", path, body: Value::Null, status: 200, expect, keep }
}

fn post(path: &'static str, body: Value) -> Step {
    Step { method: "POST", body, ..get(path) }
}

fn delete(path: &'static str) -> Step {
    Step { method: "DELETE", ..get(path) }
}

/// A shop under question.
struct Shop {
    name: &'static str,
    url: String,
    api_key: String,
    client: reqwest::Client,
    kept: HashMap<String, String>,
}

impl Shop {
    fn new(name: &'static str, url: String, api_key: String) -> Self {
        let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let kept = HashMap::from([("run".to_owned(), run.as_millis().to_string())]);
        Self { name, url, api_key, client: reqwest::Client::new(), kept }
    }

    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.kept {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    fn fill_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).into(),
            Value::Array(items) => items.iter().map(|item| self.fill_json(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, one)| (self.fill(key), self.fill_json(one))).collect()
            }
            other => other.clone(),
        }
    }

    /// Asks one step and gives back what was not as expected.
    async fn ask(&mut self, step: &Step) -> Vec<String> {
        let url = format!("{}{}", self.url, self.fill(step.path));
        let method = step.method.parse().unwrap();
        let mut request = self.client.request(method, url).basic_auth(&self.api_key, Some(""));
        if !step.body.is_null() {
            request = request.json(&self.fill_json(&step.body));
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let reply: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let mut wrong = Vec::new();
        let mut say = |what: String| {
            wrong.push(format!("{}: {} {}: {what}", self.name, step.method, step.path));
        };
        if status != step.status {
            say(format!("status {status}, not {}: {reply}", step.status));
        }
        for (pointer, expected) in &step.expect {
            let expected = self.fill_json(expected);
            let found = reply.pointer(pointer).unwrap_or(&Value::Null);
            let part = expected.as_str().and_then(|text| text.strip_prefix('~'));
            let fits = match part {
                Some(part) => found.as_str().is_some_and(|found| found.contains(part)),
                None => same(found, &expected),
            };
            if !fits {
                say(format!("{pointer} is {found}, not {expected}"));
            }
        }
        for (name, pointer) in &step.keep {
            match reply.pointer(pointer).and_then(Value::as_str) {
                Some(value) => drop(self.kept.insert((*name).into(), value.into())),
                None => say(format!("nothing to keep at {pointer}: {reply}")),
            }
        }
        wrong
    }
}

/// Whether two values are the same, numbers by value and not by writing.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        _ => a == b,
    }
}

async fn all(mut shop: Shop) {
    let mut wrong = Vec::new();
    let mut asked = 0;
    for step in behaviours::all() {
        wrong.extend(shop.ask(&step).await);
        asked += 1;
    }
    assert!(wrong.is_empty(), "{} of {asked} steps:\n{}", wrong.len(), wrong.join("\n"));
    println!("{}: {asked} steps agree", shop.name);
}

#[tokio::test]
async fn the_sandbox_behaves() {
    let medusa = medusa::start(Options::default()).await.unwrap();
    all(Shop::new("sandbox", medusa.url(), medusa.api_key().to_owned())).await;
}

#[tokio::test]
async fn a_real_medusa_behaves_the_same() {
    let (Ok(url), Ok(key)) = (std::env::var("MEDUSA_URL"), std::env::var("MEDUSA_API_KEY")) else {
        println!("skipped: MEDUSA_URL and MEDUSA_API_KEY are not set");
        return;
    };
    all(Shop::new("real", url, key)).await;
}
