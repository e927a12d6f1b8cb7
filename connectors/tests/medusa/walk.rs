//! A shop that is read while others work in it. R32, as far as one reading can tell: what was there all
//! the time is told once, whatever comes and goes.

use std::collections::BTreeSet;

use cartage_connectors::{Page, Source};
use cartage_model::Kind;
use serde_json::{Value, json};

use crate::support::{Shop, simulated, simulation};

/// More than two pages.
const CUSTOMERS: usize = 230;

struct Admin {
    client: reqwest::Client,
    url: String,
    key: String,
}

impl Admin {
    fn of(shop: &Shop) -> Self {
        let shop = simulation(shop);
        let (url, key) = (shop.url(), shop.api_key().to_owned());
        Self { client: reqwest::Client::new(), url, key }
    }

    async fn make(&self, number: usize) -> String {
        let url = format!("{}/admin/customers", self.url);
        let body = json!({ "email": format!("walk-{number}@example.com") });
        let request = self.client.post(url).basic_auth(&self.key, Some("")).json(&body);
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["customer"]["id"].as_str().unwrap().to_owned()
    }

    async fn delete(&self, id: &str) {
        let url = format!("{}/admin/customers/{id}", self.url);
        let request = self.client.delete(url).basic_auth(&self.key, Some(""));
        request.send().await.unwrap().error_for_status().unwrap();
    }
}

fn ids(page: &Page) -> Vec<String> {
    page.records.iter().map(|record| record.source_id.clone()).collect()
}

/// Reads all customers, and does something between the pages: which were told, in order.
async fn read(shop: &Shop, mut between: impl AsyncFnMut(usize, &[String])) -> Vec<String> {
    let (mut told, mut cursor) = (Vec::new(), None);
    for number in 0..20 {
        let page = shop.medusa.page(Kind::Customer, cursor.as_deref()).await.unwrap();
        assert_ne!(page.next, cursor, "it stands still");
        told.extend(ids(&page));
        cursor = page.next;
        if cursor.is_none() {
            return told;
        }
        between(number, &told).await;
    }
    panic!("it has no end: {}", told.len());
}

#[tokio::test]
async fn what_is_there_all_the_time_is_read_once_whatever_comes_and_goes() {
    let shop = simulated().await;
    let admin = Admin::of(&shop);
    let mut made = Vec::new();
    for number in 0..CUSTOMERS {
        made.push(admin.make(number).await);
    }
    let told = read(&shop, async |_, _| {}).await;
    assert_eq!(told.len(), CUSTOMERS);
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), made.iter().collect());

    // Some that were read go: all behind them move up.
    let mut gone: BTreeSet<String> = BTreeSet::new();
    let told = read(&shop, async |number, told| {
        let go = match number {
            // The last one, by which the place would be known, and some before it.
            0 => told[90..].to_vec(),
            1 => told[..20].to_vec(),
            _ => Vec::new(),
        };
        for id in go {
            admin.delete(&id).await;
            gone.insert(id);
        }
        admin.make(CUSTOMERS + number).await;
    })
    .await;
    let unique: BTreeSet<&String> = told.iter().collect();
    assert_eq!(unique.len(), told.len(), "nothing is told twice");
    for id in &made {
        assert!(gone.contains(id) || unique.contains(id), "{id} was there all the time");
    }
    assert!(gone.len() >= 30, "{gone:?}");
}

#[tokio::test]
async fn a_place_that_cannot_be_found_again_is_no_end() {
    let shop = simulated().await;
    let admin = Admin::of(&shop);
    let mut made = Vec::new();
    for number in 0..120 {
        made.push(admin.make(number).await);
    }
    let page = shop.medusa.page(Kind::Customer, None).await.unwrap();
    for id in ids(&page) {
        admin.delete(&id).await;
    }
    let error = shop.medusa.page(Kind::Customer, page.next.as_deref()).await.unwrap_err();
    assert!(matches!(error, cartage_connectors::Error::Transient { .. }), "{error}");
}
