//! Finding out whether a call of an update had its effect, where it must not have it twice.

use std::time::Duration;

use cartage_model::Kind;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{client::Client, json, marks, read},
    money::{self, Money},
};
use crate::Result;

/// What a call leaves behind.
#[derive(Clone, Debug)]
pub(super) enum Trace {
    /// Nothing that matters: the call is the same twice.
    Same,
    /// A variant that was not there before, by our marks.
    Variant {
        /// The product's id.
        product: String,
        /// The ids of the variants that are no such one.
        known: Vec<String>,
        /// Its place.
        position: usize,
        /// Its id in the source.
        source_id: Option<String>,
        /// Its article number.
        sku: Option<String>,
    },
    /// An address of a customer that was not there before, by its place.
    Address {
        /// The customer's id.
        customer: String,
        /// The ids of the addresses that are no such one.
        known: Vec<String>,
        /// Its place.
        position: usize,
    },
    /// A payment collection of an order that waits for this amount.
    Collection {
        /// The order's id.
        order: String,
        /// The amount.
        amount: Decimal,
    },
    /// So much was paid of an order, or is authorised on top of what was.
    Paid {
        /// The order's id.
        order: String,
        /// The sum of all payments.
        paid: Decimal,
    },
    /// So much of an order is captured.
    Captured {
        /// The order's id.
        order: String,
        /// The sum of all captured payments.
        paid: Decimal,
    },
    /// So much was given back of an order.
    Refunded {
        /// The order's id.
        order: String,
        /// The sum of all refunds.
        refunded: Decimal,
    },
    /// The order's status.
    Status {
        /// The order's id.
        order: String,
        /// The status.
        status: &'static str,
    },
    /// Levels of inventory items.
    Levels(Vec<Level>),
}

/// A level of an inventory item at a location, as it shall be; without a quantity there shall be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// The inventory item's id.
    pub(super) item: String,
    /// The location's id.
    pub(super) location: String,
    /// How many pieces.
    pub(super) quantity: Option<Decimal>,
}

impl Trace {
    /// What is kept of a call's answer.
    pub(super) fn result(&self, answer: &Value) -> Option<Value> {
        match self {
            Self::Collection { .. } => {
                let id = answer.get("payment_collection").and_then(|it| json::text(it, "id"))?;
                Some(json!({ "id": id }))
            }
            Self::Paid { .. } => {
                let payments = json::list(answer.get("payment_collection")?, "payments");
                money::last_payment(payments)
            }
            _ => Some(json!({})),
        }
    }

    /// Looks until a call that may still be at work must have ended.
    pub(super) async fn look_settled(&self, client: &Client) -> Result<Option<Value>> {
        if matches!(self, Self::Same) {
            return Ok(None);
        }
        let mut waited = Duration::ZERO;
        let mut wait = Duration::from_millis(250);
        loop {
            let found = self.look(client).await?;
            if found.is_some() || waited >= client.settle_time {
                return Ok(found);
            }
            tokio::time::sleep(wait.min(client.settle_time)).await;
            waited += wait;
            wait *= 2;
        }
    }

    async fn look(&self, client: &Client) -> Result<Option<Value>> {
        match self {
            Self::Same => Ok(None),
            Self::Variant { product, known, position, source_id, sku } => {
                let fields = "id,variants.id,variants.sku,variants.metadata";
                let found = one(client, Kind::Product, product, fields).await?;
                let wanted = (json!(position), source_id.as_deref(), sku.as_deref());
                let is_it = |variant: &&Value| {
                    let kept = variant.get("metadata").unwrap_or(&Value::Null);
                    kept.get(marks::POSITION) == Some(&wanted.0)
                        && json::text(kept, marks::SOURCE_ID) == wanted.1
                        && json::text(variant, "sku") == wanted.2
                };
                Ok(fresh(&found, "variants", known).find(is_it).map(|_| json!({})))
            }
            Self::Address { customer, known, position } => {
                let found = one(client, Kind::Customer, customer, "id,*addresses").await?;
                let wanted = json!(position);
                let is_it = |address: &&Value| {
                    address.get("metadata").and_then(|kept| kept.get(marks::POSITION))
                        == Some(&wanted)
                };
                Ok(fresh(&found, "addresses", known).find(is_it).map(|_| json!({})))
            }
            Self::Levels(levels) => levels_stand(client, levels).await,
            Self::Status { order, status } => {
                let found = one(client, Kind::Order, order, "id,status").await?;
                Ok((json::text(&found, "status") == Some(status)).then(|| json!({})))
            }
            Self::Collection { order, .. }
            | Self::Paid { order, .. }
            | Self::Captured { order, .. }
            | Self::Refunded { order, .. } => {
                let found = one(client, Kind::Order, order, money::FIELDS).await?;
                Ok(self.in_money(&Money::of(&found)))
            }
        }
    }

    fn in_money(&self, money: &Money) -> Option<Value> {
        match self {
            Self::Collection { amount, .. } => money.waiting(*amount).map(|id| json!({ "id": id })),
            Self::Paid { paid, .. } => money.paid_up_to(*paid),
            Self::Captured { paid, .. } => (money.captured() >= *paid).then(|| json!({})),
            Self::Refunded { refunded, .. } => (money.refunded() >= *refunded).then(|| json!({})),
            _ => None,
        }
    }
}

/// An object with some fields; null when it is gone.
async fn one(client: &Client, kind: Kind, id: &str, fields: &str) -> Result<Value> {
    let mut found = read::by_ids(client, kind, &[id.to_owned()], fields).await?;
    Ok(found.remove(id).unwrap_or_default())
}

/// The children that were not there before.
fn fresh<'a>(
    object: &'a Value,
    list: &str,
    known: &'a [String],
) -> impl Iterator<Item = &'a Value> {
    let is_known =
        |child: &&Value| json::text(child, "id").is_some_and(|id| known.iter().any(|it| it == id));
    json::list(object, list).iter().filter(move |child| !is_known(child))
}

/// Whether all levels are as they shall be.
async fn levels_stand(client: &Client, levels: &[Level]) -> Result<Option<Value>> {
    for level in levels {
        let path = format!("/admin/inventory-items/{}", level.item);
        let query = [(
            "fields",
            "id,location_levels.location_id,location_levels.stocked_quantity".to_owned(),
        )];
        let answer = client.get(&path, &query).await?;
        let item = answer.get("inventory_item").unwrap_or(&Value::Null);
        let found = json::list(item, "location_levels")
            .iter()
            .find(|found| json::text(found, "location_id") == Some(level.location.as_str()))
            .map(|found| json::decimal_of(found, "stocked_quantity").unwrap_or_default());
        if found != level.quantity {
            return Ok(None);
        }
    }
    Ok(Some(json!({})))
}
