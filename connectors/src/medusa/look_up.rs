//! Finding what an earlier call of ours may have made: by our key, or by what the call changes.
//! A hit is always compared with the key on our side, because a filter that Medusa does not know
//! gives everything.

use std::time::Duration;

use cartage_model::Kind;
use serde_json::{Value, json};

use super::{client::Client, json, map, read};
use crate::{CheckItem, Error, Result};

/// What to look for, and what a call's answer gives.
#[derive(Clone, Debug)]
pub(super) enum Probe {
    /// A category by `external_id`.
    Category {
        /// Our key.
        key: String,
    },
    /// A collection by handle, or by a walk.
    Collection {
        /// Its handle.
        handle: Option<String>,
        /// Our key.
        key: String,
    },
    /// A customer group by name, or by a walk.
    Group {
        /// Its name.
        name: Option<String>,
        /// Our key.
        key: String,
    },
    /// A customer by e-mail, or by a walk.
    Customer {
        /// The normalised address.
        email: Option<String>,
        /// Our key.
        key: String,
    },
    /// An address of a customer by its place.
    Address {
        /// The customer's id.
        customer: String,
        /// Its place in the book.
        position: usize,
    },
    /// The groups of a customer.
    Member {
        /// The customer's id.
        customer: String,
        /// The groups' ids.
        groups: Vec<String>,
    },
    /// An order or draft by its customer, or by a walk.
    Draft {
        /// Our key.
        key: String,
        /// The customer's id where known.
        customer: Option<String>,
        /// The address, of which Medusa makes a guest.
        email: Option<String>,
    },
    /// Whether a draft has become an order.
    Converted {
        /// The order's id.
        order: String,
    },
    /// A payment collection of the order.
    Collected {
        /// The order's id.
        order: String,
    },
    /// A payment in a collection; it says whether it is captured, too.
    Paid {
        /// The order's id.
        order: String,
    },
    /// A payment that is captured.
    Captured {
        /// The order's id.
        order: String,
    },
    /// A refund by its note.
    Refunded {
        /// The order's id.
        order: String,
        /// The note that holds our key.
        note: String,
    },
    /// The order's status.
    Status {
        /// The order's id.
        order: String,
        /// The status that is wanted.
        status: &'static str,
    },
}

impl Probe {
    /// Whether a second call beside one that may still be at work would have a second effect, so
    /// that the first must be waited for. Everything else is fenced by a unique handle, name or
    /// address, or has the same effect twice.
    pub(super) const fn needs_to_settle(&self) -> bool {
        match self {
            Self::Address { .. }
            | Self::Draft { .. }
            | Self::Converted { .. }
            | Self::Collected { .. }
            | Self::Paid { .. }
            | Self::Captured { .. }
            | Self::Refunded { .. } => true,
            Self::Customer { email, .. } => email.is_none(),
            Self::Category { .. }
            | Self::Collection { .. }
            | Self::Group { .. }
            | Self::Member { .. }
            | Self::Status { .. } => false,
        }
    }

    /// The same by our key alone, where it goes by something else: what an earlier call sent may have
    /// had another handle, name, address or customer.
    fn by_key_alone(&self) -> Option<Self> {
        match self {
            Self::Collection { handle: Some(_), key } => {
                Some(Self::Collection { handle: None, key: key.clone() })
            }
            Self::Group { name: Some(_), key } => {
                Some(Self::Group { name: None, key: key.clone() })
            }
            Self::Customer { email: Some(_), key } => {
                Some(Self::Customer { email: None, key: key.clone() })
            }
            Self::Draft { key, customer, email } if customer.is_some() || email.is_some() => {
                Some(Self::Draft { key: key.clone(), customer: None, email: None })
            }
            _ => None,
        }
    }

    /// What is kept of a call's answer.
    pub(super) fn result(&self, answer: &Value) -> Option<Value> {
        let id = |name: &str| answer.get(name).and_then(|object| json::text(object, "id"));
        Some(match self {
            Self::Category { .. } => json!({ "id": id("product_category")? }),
            Self::Collection { .. } => json!({ "id": id("collection")? }),
            Self::Group { .. } => json!({ "id": id("customer_group")? }),
            Self::Customer { .. } => json!({ "id": id("customer")? }),
            Self::Draft { .. } => json!({ "id": id("draft_order")? }),
            Self::Collected { .. } => json!({ "id": id("payment_collection")? }),
            Self::Paid { .. } => {
                paid(json::list(answer.get("payment_collection")?, "payments").iter())?
            }
            Self::Address { .. }
            | Self::Member { .. }
            | Self::Converted { .. }
            | Self::Captured { .. }
            | Self::Refunded { .. }
            | Self::Status { .. } => json!({}),
        })
    }
}

/// Looks once.
pub(super) async fn look(client: &Client, probe: &Probe) -> Result<Option<Value>> {
    match probe {
        Probe::Category { key } => by_key(client, Kind::Category, "external_id[]", key, key).await,
        Probe::Collection { handle: Some(handle), key } => {
            by_key(client, Kind::Collection, "handle", handle, key).await
        }
        Probe::Collection { handle: None, key } => {
            walk(client, "/admin/collections", "collections", "id,metadata", key).await
        }
        Probe::Group { name: Some(name), key } => {
            by_key(client, Kind::CustomerGroup, "name", name, key).await
        }
        Probe::Group { name: None, key } => {
            walk(client, "/admin/customer-groups", "customer_groups", "id,metadata", key).await
        }
        Probe::Customer { email: Some(email), key } => {
            by_key(client, Kind::Customer, "email[]", email, key).await
        }
        Probe::Customer { email: None, key } => {
            walk(client, "/admin/customers", "customers", "id,metadata", key).await
        }
        Probe::Address { customer, position } => {
            let Some(found) = self::customer(client, customer, "id,*addresses").await? else {
                return Ok(None);
            };
            let addresses = json::list(&found, "addresses");
            let wanted = json!(position);
            let found = addresses
                .iter()
                .any(|address| address["metadata"].get(super::marks::POSITION) == Some(&wanted));
            Ok(found.then(|| json!({})))
        }
        Probe::Member { customer, groups } => {
            let Some(found) = self::customer(client, customer, "id,groups.id").await? else {
                return Ok(None);
            };
            let known = json::list(&found, "groups");
            let is_in = |id: &String| known.iter().any(|group| json::text(group, "id") == Some(id));
            Ok(groups.iter().all(is_in).then(|| json!({})))
        }
        Probe::Draft { key, customer, email } => {
            draft(client, key, customer.as_deref(), email.as_deref()).await
        }
        Probe::Converted { order } => {
            let found =
                read::by_ids(client, Kind::Order, std::slice::from_ref(order), "id,status").await?;
            let status = found.get(order).and_then(|order| json::text(order, "status"));
            Ok(status.filter(|status| *status != "draft").map(|_| json!({})))
        }
        Probe::Collected { .. }
        | Probe::Paid { .. }
        | Probe::Captured { .. }
        | Probe::Refunded { .. }
        | Probe::Status { .. } => money(client, probe).await,
    }
}

/// A customer with some fields. One who is gone has neither addresses nor groups.
async fn customer(client: &Client, id: &str, fields: &str) -> Result<Option<Value>> {
    let query = [("fields", fields.to_owned())];
    match client.get(&format!("/admin/customers/{id}"), &query).await {
        Ok(mut answer) => Ok(answer.get_mut("customer").map(Value::take)),
        Err(Error::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A payment with its id and whether it is captured; a captured one where there are several.
fn paid<'a>(payments: impl Iterator<Item = &'a Value>) -> Option<Value> {
    let mut known: Vec<Value> = payments
        .filter_map(|payment| {
            let is_captured = json::text(payment, "captured_at").is_some();
            Some(json!({ "id": json::text(payment, "id")?, "captured": is_captured }))
        })
        .collect();
    let place = known.iter().position(is_whole).unwrap_or(0);
    (place < known.len()).then(|| known.swap_remove(place))
}

/// Whether a call that left this behind has come to its end: Medusa authorises a payment and
/// captures it after that.
pub(super) fn is_whole(found: &Value) -> bool {
    found.get("captured") != Some(&Value::Bool(false))
}

/// Looks until a call that may still be at work must have ended.
pub(super) async fn look_settled(client: &Client, probe: &Probe) -> Result<Option<Value>> {
    settle(client, probe, probe.needs_to_settle()).await
}

/// Looks for what a call made whose answer was lost, after the shop refused it the second time: most
/// likely because it is there, and a list may show it late.
pub(super) async fn look_again(client: &Client, probe: &Probe) -> Result<Option<Value>> {
    settle(client, probe, true).await
}

/// Looks for what a call may have made that sent other values than are sent now: nothing of them
/// need be alike, so that neither they find it nor does the shop refuse the second one. It is waited
/// for in any case.
pub(super) async fn look_otherwise(client: &Client, probe: &Probe) -> Result<Option<Value>> {
    let found = settle(client, probe, true).await?;
    match probe.by_key_alone() {
        Some(probe) if found.is_none() => look(client, &probe).await,
        _ => Ok(found),
    }
}

async fn settle(client: &Client, probe: &Probe, is_waited_for: bool) -> Result<Option<Value>> {
    let mut waited = Duration::ZERO;
    let mut wait = Duration::from_millis(250);
    loop {
        let found = look(client, probe).await?;
        let is_done = found.as_ref().is_some_and(is_whole) || !is_waited_for;
        if is_done || waited >= client.settle_time {
            return Ok(found);
        }
        tokio::time::sleep(wait.min(client.settle_time)).await;
        waited += wait;
        wait *= 2;
    }
}

/// An object that a filter finds and that carries our key.
async fn by_key(
    client: &Client,
    kind: Kind,
    filter: &str,
    value: &str,
    key: &str,
) -> Result<Option<Value>> {
    let (path, name) = read::listing(kind)?;
    let fields = match kind {
        Kind::Category | Kind::Product => "id,external_id,metadata",
        _ => "id,metadata",
    };
    let query =
        [(filter, value.to_owned()), ("limit", "100".to_owned()), ("fields", fields.to_owned())];
    let answer = client.get(path, &query).await?;
    Ok(with_key(read::rows(&answer, path, name)?, key))
}

fn with_key(rows: &[Value], key: &str) -> Option<Value> {
    rows.iter()
        .find(|row| map::key(row) == Some(key))
        .and_then(|row| json::text(row, "id"))
        .map(|id| json!({ "id": id }))
}

/// An order or draft. Metadata cannot be searched, so its customer's orders are compared; where it
/// has no customer, all of them, the newest first.
async fn draft(
    client: &Client,
    key: &str,
    customer: Option<&str>,
    email: Option<&str>,
) -> Result<Option<Value>> {
    let mut customers: Vec<String> = customer.map(str::to_owned).into_iter().collect();
    if let Some(email) = email {
        let query = [("email[]", email.to_owned()), ("fields", "id,email".to_owned())];
        let answer = client.get("/admin/customers", &query).await?;
        for row in read::rows(&answer, "/admin/customers", "customers")? {
            if json::text(row, "email") == Some(email) {
                customers.extend(json::owned(row, "id"));
            }
        }
        if customers.is_empty() {
            // The draft comes after its guest: without the guest there is no draft.
            return Ok(None);
        }
    }
    let listings = [("/admin/draft-orders", "draft_orders"), ("/admin/orders", "orders")];
    // Drafts first: a draft that is converted between the two reads is seen in the first or in the
    // second, never in none.
    for (path, name) in listings {
        let found = if customers.is_empty() {
            walk(client, path, name, "id,metadata", key).await?
        } else {
            pages(client, path, name, "id,metadata", &customers, key).await?
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Walks a listing from the newest on.
async fn walk(
    client: &Client,
    path: &str,
    name: &str,
    fields: &str,
    key: &str,
) -> Result<Option<Value>> {
    pages(client, path, name, fields, &[], key).await
}

async fn pages(
    client: &Client,
    path: &str,
    name: &str,
    fields: &str,
    customers: &[String],
    key: &str,
) -> Result<Option<Value>> {
    let mut offset = 0;
    loop {
        let mut query = vec![
            ("limit", "200".to_owned()),
            ("offset", offset.to_string()),
            ("order", "-created_at".to_owned()),
            ("fields", fields.to_owned()),
        ];
        query.extend(customers.iter().map(|id| ("customer_id[]", id.clone())));
        let answer = client.get(path, &query).await?;
        let rows = read::rows(&answer, path, name)?;
        let found = with_key(rows, key);
        if found.is_some() || rows.len() < 200 {
            return Ok(found);
        }
        offset += rows.len();
    }
}

/// What became of an order's money and status.
async fn money(client: &Client, probe: &Probe) -> Result<Option<Value>> {
    let (Probe::Collected { order }
    | Probe::Paid { order }
    | Probe::Captured { order }
    | Probe::Refunded { order, .. }
    | Probe::Status { order, .. }) = probe
    else {
        return Ok(None);
    };
    let fields = "id,status,payment_collections.id,payment_collections.status,\
                  payment_collections.payments.id,payment_collections.payments.captured_at,\
                  payment_collections.payments.refunds.note";
    let found = read::by_ids(client, Kind::Order, std::slice::from_ref(order), fields).await?;
    let Some(object) = found.get(order) else { return Ok(None) };
    let collections = json::list(object, "payment_collections");
    let payments = || collections.iter().flat_map(|entry| json::list(entry, "payments"));
    let id = |value: &Value| json::text(value, "id").map(|id| json!({ "id": id }));
    Ok(match probe {
        Probe::Collected { .. } => collections.first().and_then(id),
        Probe::Paid { .. } => paid(payments()),
        Probe::Captured { .. } => paid(payments()).filter(is_whole).map(|_| json!({})),
        Probe::Refunded { note, .. } => payments()
            .flat_map(|payment| json::list(payment, "refunds"))
            .any(|refund| json::text(refund, "note") == Some(note))
            .then(|| json!({})),
        Probe::Status { status, .. } => {
            (json::text(object, "status") == Some(status)).then(|| json!({}))
        }
        _ => None,
    })
}

/// Proves each filter that look-ups and the set-up use: an impossible value must find nothing.
pub(super) async fn prove(client: &Client) -> Result<Vec<CheckItem>> {
    let filters = [
        ("/admin/product-categories", "product_categories", "external_id[]"),
        ("/admin/product-categories", "product_categories", "handle[]"),
        ("/admin/product-categories", "product_categories", "id[]"),
        ("/admin/collections", "collections", "handle"),
        ("/admin/collections", "collections", "handle[]"),
        ("/admin/collections", "collections", "id[]"),
        ("/admin/products", "products", "external_id[]"),
        ("/admin/products", "products", "handle[]"),
        ("/admin/products", "products", "id[]"),
        ("/admin/product-variants", "variants", "sku[]"),
        ("/admin/customer-groups", "customer_groups", "name"),
        ("/admin/customer-groups", "customer_groups", "name[]"),
        ("/admin/customer-groups", "customer_groups", "id[]"),
        ("/admin/customers", "customers", "email[]"),
        ("/admin/customers", "customers", "id[]"),
        ("/admin/orders", "orders", "id[]"),
        ("/admin/orders", "orders", "customer_id[]"),
        ("/admin/draft-orders", "draft_orders", "customer_id[]"),
        ("/admin/inventory-items", "inventory_items", "id[]"),
        ("/admin/inventory-items", "inventory_items", "sku"),
        ("/admin/product-tags", "product_tags", "value"),
        ("/admin/product-tags", "product_tags", "value[]"),
        ("/admin/product-types", "product_types", "value"),
        ("/admin/product-types", "product_types", "value[]"),
        ("/admin/regions", "regions", "name"),
        ("/admin/stock-locations", "stock_locations", "name"),
        ("/admin/sales-channels", "sales_channels", "name"),
    ];
    let mut items = Vec::new();
    for (path, name, filter) in filters {
        let query = [
            (filter, "cartage:no-such-value".to_owned()),
            ("limit", "1".to_owned()),
            ("fields", "id".to_owned()),
        ];
        let found = match client.get(path, &query).await {
            Ok(answer) => Ok(read::rows(&answer, path, name)?.len()),
            Err(Error::Rejected { problem, .. }) => Err(problem),
            Err(error) => return Err(error),
        };
        items.push(CheckItem {
            name: format!("look_up {path}?{filter}"),
            passed: found == Ok(0),
            message: match found {
                Ok(0) => "An impossible value finds nothing.".to_owned(),
                Ok(_) => "The filter is ignored: an impossible value finds records.".to_owned(),
                Err(problem) => format!("The filter is refused: {problem}"),
            },
        });
    }
    Ok(items)
}
