//! Medusa's admin API, read with our own eyes: plain HTTP, nothing of the connector's.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// How many objects are asked for at once.
const PAGE: usize = 50;

/// What is counted before and after a run that should write nothing: path and list.
const LISTS: [(&str, &str); 14] = [
    ("products", "products"),
    ("product-variants", "variants"),
    ("product-categories", "product_categories"),
    ("collections", "collections"),
    ("product-tags", "product_tags"),
    ("product-types", "product_types"),
    ("inventory-items", "inventory_items"),
    ("customers", "customers"),
    ("customer-groups", "customer_groups"),
    ("orders", "orders"),
    ("draft-orders", "draft_orders"),
    ("regions", "regions"),
    ("stock-locations", "stock_locations"),
    ("sales-channels", "sales_channels"),
];

/// All objects of a shop by path and id, with the time of their last change.
pub(crate) type Inventory = BTreeMap<&'static str, BTreeMap<String, String>>;

/// A reader of one shop.
#[derive(Debug)]
pub(crate) struct Admin {
    client: Client,
    url: String,
    key: String,
}

impl Admin {
    /// A reader with a secret API key.
    pub(crate) fn new(url: &str, key: &str) -> Result<Self> {
        Ok(Self { client: client()?, url: url.to_owned(), key: key.to_owned() })
    }

    /// Makes a secret API key as a user of the shop does.
    pub(crate) async fn create_key(url: &str, email: &str, password: &str) -> Result<String> {
        let client = client()?;
        let login = json!({ "email": email, "password": password });
        let request = client.post(format!("{url}/auth/user/emailpass")).json(&login);
        let token = send(request).await.context("logging in to Medusa")?;
        let token = token["token"].as_str().context("Medusa gave no token")?.to_owned();
        let key = json!({ "title": "cartage", "type": "secret" });
        let request = client.post(format!("{url}/admin/api-keys")).bearer_auth(token).json(&key);
        let made = send(request).await.context("making an API key")?;
        Ok(made["api_key"]["token"].as_str().context("Medusa gave no API key")?.to_owned())
    }

    /// The objects with these ids.
    pub(crate) async fn objects(
        &self,
        path: &str,
        list: &str,
        fields: &str,
        ids: &[String],
    ) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for chunk in ids.chunks(PAGE) {
            let mut query = vec![("limit", "100"), ("fields", fields)];
            query.extend(chunk.iter().map(|id| ("id[]", id.as_str())));
            let answer = self.get(path, &query).await?;
            found.extend(rows(&answer, path, list)?.iter().cloned());
        }
        Ok(found)
    }

    /// The names of the stock locations by id.
    pub(crate) async fn locations(&self) -> Result<BTreeMap<String, String>> {
        let path = "stock-locations";
        let answer = self.get(path, &[("fields", "id,name"), ("limit", "200")]).await?;
        let entry = |row: &Value| {
            let [id, name] = ["id", "name"].map(|it| row[it].as_str().map(str::to_owned));
            Some((id?, name?))
        };
        Ok(rows(&answer, path, "stock_locations")?.iter().filter_map(entry).collect())
    }

    /// Everything there is.
    pub(crate) async fn inventory(&self) -> Result<Inventory> {
        let mut inventory = Inventory::new();
        for (path, list) in LISTS {
            let known = inventory.entry(path).or_default();
            loop {
                let offset = known.len().to_string();
                let query = [
                    ("fields", "id,updated_at"),
                    ("limit", "200"),
                    ("order", "id"),
                    ("offset", offset.as_str()),
                ];
                let answer = self.get(path, &query).await?;
                let before = known.len();
                for row in rows(&answer, path, list)? {
                    let [id, time] = ["id", "updated_at"].map(|it| row[it].as_str().unwrap_or(""));
                    known.insert(id.to_owned(), time.to_owned());
                }
                let total = answer["count"].as_u64().unwrap_or_default();
                if known.len() == before || known.len() as u64 >= total {
                    ensure!(known.len() as u64 == total, "{path}: not all of {total} were listed");
                    break;
                }
            }
        }
        Ok(inventory)
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let request = self.client.get(format!("{}/admin/{path}", self.url)).query(query);
        let request = request.basic_auth(&self.key, Some(""));
        send(request).await.with_context(|| format!("reading {path} of Medusa"))
    }
}

fn client() -> Result<Client> {
    Ok(Client::builder().timeout(Duration::from_secs(120)).no_proxy().build()?)
}

async fn send(request: RequestBuilder) -> Result<Value> {
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "Medusa answers {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

fn rows<'a>(answer: &'a Value, path: &str, list: &str) -> Result<&'a Vec<Value>> {
    answer[list].as_array().with_context(|| format!("{path}: the answer has no `{list}`"))
}
