//! Orders: a draft with the lines of the plan, its conversion, then money and status. Each call has
//! a fixed place; those an order does not need are left out.

use cartage_model::Kind;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::{
        json::{self, decimal_of},
        look_up::{self, Probe},
        marks,
    },
    Stop, Writer, linked, order_plan, own_link,
    step::{Step, id_of, leaving, metadata},
    take_back::Made,
};
use crate::{EMAIL, Link, WriteItem};

impl Writer<'_> {
    pub(super) async fn order(&self, item: &WriteItem) -> std::result::Result<Vec<Link>, Stop> {
        let fields = Value::Object(item.mapped.fields.clone());
        let email = json::owned(&fields, "email");
        let customer = customer(item, &fields, email.as_deref());
        let draft = Step {
            ordinal: 0,
            name: "draft_order.create",
            path: "/admin/draft-orders".to_owned(),
            body: self.draft(item, &fields, customer.as_deref()).await?,
            probe: Probe::Draft { key: item.key.clone(), customer, email },
        };
        let order = id_of(&self.step(item, &draft).await?)?;
        let convert = Step {
            ordinal: 1,
            name: "draft_order.convert",
            path: format!("/admin/draft-orders/{order}/convert-to-order"),
            body: json!({}),
            probe: Probe::Converted { order: order.clone() },
        };
        if let Err(stop) = self.step(item, &convert).await {
            return Err(match stop {
                Stop::Refused(refusal) => {
                    let path = format!("/admin/draft-orders/{order}");
                    self.take_back(item, Made { id: &order, path, last: 1 }, refusal).await
                }
                other => standing(other, &order),
            });
        }
        self.money(item, &fields, &order).await.map_err(|stop| standing(stop, &order))?;
        self.status(item, &fields, &order).await.map_err(|stop| standing(stop, &order))?;
        Ok(vec![own_link(Kind::Order, item, &order)])
    }

    async fn draft(
        &self,
        item: &WriteItem,
        fields: &Value,
        customer: Option<&str>,
    ) -> std::result::Result<Value, Stop> {
        let code = json::text(fields, "currency_code").unwrap_or_default();
        let region = match self.prepared.regions.get(code) {
            Some(region) => region.clone(),
            None => self.maker().region(code).await.map_err(Stop::of)?,
        };
        let plan = order_plan::plan(fields, &|sku| {
            linked(item, Kind::Product, sku, "sku").map(str::to_owned)
        });
        let mut kept = metadata(item, fields);
        kept[marks::ORDER_NUMBER] = fields.get("number").cloned().unwrap_or_default();
        kept[marks::ORDER_DATE] = fields.get("placed_at").cloned().unwrap_or_default();
        kept[marks::ORDER] = own(fields, plan.is_shipping_merged, customer.is_none());
        let mut body = Map::new();
        json::put(&mut body, "customer_id", json!(customer));
        json::put(&mut body, "email", fields.get("email").cloned().unwrap_or_default());
        body.insert("region_id".to_owned(), json!(region));
        body.insert("sales_channel_id".to_owned(), json!(self.prepared.sales_channel));
        body.insert("currency_code".to_owned(), json!(code));
        body.insert("no_notification_order".to_owned(), json!(true));
        json::put(&mut body, "items", Value::Array(plan.items));
        json::put(&mut body, "shipping_methods", Value::Array(plan.shipping_methods));
        for side in ["billing_address", "shipping_address"] {
            json::put(&mut body, side, fields.get(side).cloned().unwrap_or_default());
        }
        body.insert("metadata".to_owned(), kept);
        Ok(Value::Object(body))
    }

    /// One payment over what was paid, one refund over what was given back.
    async fn money(
        &self,
        item: &WriteItem,
        fields: &Value,
        order: &str,
    ) -> std::result::Result<(), Stop> {
        let paid = decimal_of(fields, "paid_total").unwrap_or_default();
        if paid <= Decimal::ZERO {
            return Ok(());
        }
        let collect = Step {
            ordinal: 2,
            name: "payment_collection.create",
            path: "/admin/payment-collections".to_owned(),
            body: json!({ "order_id": order, "amount": json::number(paid) }),
            probe: Probe::Collected { order: order.to_owned() },
        };
        let collection = id_of(&self.step(item, &collect).await?)?;
        let pay = Step {
            ordinal: 3,
            name: "payment_collection.mark_as_paid",
            path: format!("/admin/payment-collections/{collection}/mark-as-paid"),
            body: json!({ "order_id": order }),
            probe: Probe::Paid { order: order.to_owned() },
        };
        let paid = self.step(item, &pay).await?;
        let payment = id_of(&paid)?;
        if !look_up::is_whole(&paid) {
            // The shop was cut between the authorisation and the capture.
            let capture = Step {
                ordinal: 7,
                name: "payment.capture",
                path: format!("/admin/payments/{payment}/capture"),
                body: json!({}),
                probe: Probe::Captured { order: order.to_owned() },
            };
            self.step(item, &capture).await?;
        }
        let refunded = decimal_of(fields, "refunded_total").unwrap_or_default();
        if refunded <= Decimal::ZERO {
            return Ok(());
        }
        let refund = Step {
            ordinal: 4,
            name: "payment.refund",
            path: format!("/admin/payments/{payment}/refund"),
            body: json!({ "amount": json::number(refunded), "note": item.key }),
            probe: Probe::Refunded { order: order.to_owned(), note: item.key.clone() },
        };
        self.step(item, &refund).await?;
        Ok(())
    }

    async fn status(
        &self,
        item: &WriteItem,
        fields: &Value,
        order: &str,
    ) -> std::result::Result<(), Stop> {
        let status = |ordinal, name, verb: &str, status| Step {
            ordinal,
            name,
            path: format!("/admin/orders/{order}/{verb}"),
            body: json!({}),
            probe: Probe::Status { order: order.to_owned(), status },
        };
        match json::text(fields, "state") {
            Some("cancelled") if can_cancel(fields) => {
                self.step(item, &status(5, "order.cancel", "cancel", "canceled")).await?;
            }
            Some("completed") => {
                self.step(item, &status(6, "order.complete", "complete", "completed")).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The buyer in the target: by the e-mail, else by the source's own reference.
fn customer(item: &WriteItem, fields: &Value, email: Option<&str>) -> Option<String> {
    email
        .and_then(|email| linked(item, Kind::Customer, email, EMAIL))
        .or_else(|| {
            let customer = json::text(fields, "customer")?;
            linked(item, Kind::Customer, customer, Kind::Customer.as_str())
        })
        .map(str::to_owned)
}

/// Cancelling refunds whatever was not refunded yet, so it must not be done where money was kept.
fn can_cancel(fields: &Value) -> bool {
    decimal_of(fields, "paid_total").unwrap_or_default()
        == decimal_of(fields, "refunded_total").unwrap_or_default()
}

/// The fields Medusa has no place for.
fn own(fields: &Value, is_shipping_merged: bool, is_unlinked: bool) -> Value {
    let mut kept = Map::new();
    for name in [
        "customer",
        "financial_status",
        "fulfilment_status",
        "taxes_included",
        "taxes",
        "adjustments",
        "payments",
        "refunds",
    ] {
        json::put(&mut kept, name, fields.get(name).cloned().unwrap_or_default());
    }
    if fields.get("state") == Some(&json!("cancelled")) && !can_cancel(fields) {
        kept.insert("state".to_owned(), json!("cancelled"));
    }
    // With an address Medusa makes a guest; without, nobody stands behind the order, or the customer
    // whose address it shows then.
    if fields.get("email").is_none() && fields.get("customer").is_some() {
        let mark = if is_unlinked { marks::CUSTOMER_ABSENT } else { marks::EMAIL_ABSENT };
        kept.insert(mark.to_owned(), json!(true));
    }
    if is_shipping_merged {
        // An empty list says that the source had none, although Medusa shows one.
        let lines = fields.get("shipping_lines").cloned().unwrap_or_else(|| json!([]));
        kept.insert("shipping_lines".to_owned(), lines);
    }
    Value::Object(kept)
}

/// An order cannot be deleted, and cancelling it would move money, so a refusal after its making
/// names it and hands its id on.
fn standing(stop: Stop, order: &str) -> Stop {
    match stop {
        Stop::Refused(refusal) | Stop::Stands(refusal, None) => {
            Stop::Stands(leaving(refusal, order), Some(order.to_owned()))
        }
        other => other,
    }
}
