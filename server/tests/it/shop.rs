//! A simulated shop through its own admin, as the people see it who work in it.

use std::collections::{BTreeMap, BTreeSet};

use cartage_sandbox::medusa::Medusa;
use reqwest::Method;
use serde_json::Value;

/// What a shop holds of the kinds that can be taken back: each object as the shop lists it, by its
/// path, such as `products/prod_1`.
pub(crate) type Contents = BTreeMap<String, Value>;

/// Where [`contents`] says which of what is set up for others something uses.
pub(crate) const USED: &str = "used";

/// What is set up for others.
pub(crate) const SET_UP: [&str; 5] =
    ["product-tags", "product-types", "regions", "stock-locations", "sales-channels"];

/// The lists of those kinds, and how their objects are called in an answer.
const LISTS: [(&str, &str); 11] = [
    ("products", "products"),
    ("product-categories", "product_categories"),
    ("collections", "collections"),
    ("customers", "customers"),
    ("customer-groups", "customer_groups"),
    ("inventory-items", "inventory_items"),
    ("product-tags", "product_tags"),
    ("product-types", "product_types"),
    ("regions", "regions"),
    ("stock-locations", "stock_locations"),
    ("sales-channels", "sales_channels"),
];

/// Asks a shop as a person would who works in its admin.
pub(crate) async fn ask(shop: &Medusa, method: Method, path: &str, body: Option<Value>) -> Value {
    let url = format!("{}/admin/{path}", shop.url());
    let mut request =
        reqwest::Client::new().request(method, url).basic_auth(shop.api_key(), Some(""));
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

pub(crate) async fn get(shop: &Medusa, path: &str) -> Value {
    ask(shop, Method::GET, path, None).await
}

pub(crate) async fn post(shop: &Medusa, path: &str, body: Value) -> Value {
    ask(shop, Method::POST, path, Some(body)).await
}

pub(crate) async fn delete(shop: &Medusa, path: &str) -> Value {
    ask(shop, Method::DELETE, path, None).await
}

/// Everything of the kinds that can be taken back, without the guests that a shop makes of orders:
/// they stay with those. With it what is set up for others, and which of it is used.
pub(crate) async fn contents(shop: &Medusa) -> Contents {
    let mut all = Contents::new();
    let orders = get(shop, "orders?limit=5000&fields=id,customer_id").await;
    let buyers = orders["orders"].as_array().unwrap().iter().map(|order| &order["customer_id"]);
    let buyers: Vec<&Value> = buyers.collect();
    let is_guest = |object: &Value| object["metadata"].is_null() && buyers.contains(&&object["id"]);
    for (list, name) in LISTS {
        let answer = get(shop, &format!("{list}?limit=5000&order=id")).await;
        let objects = answer[name].as_array().unwrap_or_else(|| panic!("{list}: {answer}"));
        assert_eq!(answer["count"], objects.len(), "{list}: a part is missing");
        for object in objects.iter().filter(|it| list != "customers" || !is_guest(it)) {
            let mut own = object.clone();
            // Those stand beside it themselves.
            for other in ["category_children", "parent_category"] {
                own.as_object_mut().unwrap().remove(other);
            }
            all.insert(format!("{list}/{}", object["id"].as_str().unwrap()), own);
        }
    }
    all.insert(USED.to_owned(), used(shop).await.into_iter().collect());
    all
}

/// The ids of what is set up and something uses.
async fn used(shop: &Medusa) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let fields = "id,tags.id,type.id,sales_channels.id";
    let products = get(shop, &format!("products?limit=5000&fields={fields}")).await;
    for path in [["tags", "id"], ["type", "id"], ["sales_channels", "id"]] {
        gather(&products["products"], &path, &mut used);
    }
    for (list, name) in [("orders", "orders"), ("draft-orders", "draft_orders")] {
        let fields = "id,region_id,sales_channel_id";
        let answer = get(shop, &format!("{list}?limit=5000&fields={fields}")).await;
        for field in ["region_id", "sales_channel_id"] {
            gather(&answer[name], &[field], &mut used);
        }
    }
    let items = get(shop, "inventory-items?limit=5000").await;
    gather(&items["inventory_items"], &["location_levels", "location_id"], &mut used);
    used
}

/// The texts at a path, through lists.
fn gather(value: &Value, path: &[&str], found: &mut BTreeSet<String>) {
    match (value, path) {
        (Value::Array(list), _) => list.iter().for_each(|one| gather(one, path, found)),
        (Value::String(text), []) => drop(found.insert(text.clone())),
        (Value::Object(_), [first, rest @ ..]) => gather(&value[*first], rest, found),
        _ => {}
    }
}
