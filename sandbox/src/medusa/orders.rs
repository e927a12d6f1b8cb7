//! What happens to an order after it was placed: metadata, credit lines, fulfilments, the end.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::draft_orders::{self, ADDRESS, address};
use super::error::{Answer, Refusal};
use super::order_view::{self as view, Totals};
use super::payments;
use super::query::Query;
use super::schema::{Shape, Type, check, is_email, loose, nul, opt, req, strict};
use super::state::{Kind, Shop};
use super::value::{Row, amount, id, list, now, number, overlay, stamp, text};

pub(crate) fn found<'a>(shop: &'a Shop, id: &str) -> Answer<&'a Row> {
    let row = shop.get(Kind::Orders, id);
    row.ok_or_else(|| Refusal::missing(format!("Order id not found: {id}")))
}

/// `POST /admin/orders/:id`. A cancelled order stays as it is, so does a country; an order without an
/// address goes to the customer of the one it gets (`update-order.js` of `@medusajs/core-flows` 2.21.2,
/// read on 2026-11-28).
pub(crate) fn update(shop: &mut Shop, query: &Query, id: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[
        opt("email", Type::Text),
        opt("shipping_address", Type::Object(&ADDRESS)),
        opt("billing_address", Type::Object(&ADDRESS)),
        nul("locale", Type::Text),
        nul("metadata", Type::Record),
    ]);
    let mut body = check(&SHAPE, body)?;
    let row = found(shop, id)?;
    if text(row, "status") == "canceled" {
        return Err(has_been_canceled(id));
    }
    for field in ["shipping_address", "billing_address"] {
        let Some(given) = body.get_mut(field).and_then(Value::as_object_mut) else { continue };
        let old = row.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
        let country = text(given, "country_code");
        if !country.is_empty() && country != text(&old, "country_code") {
            return Err(Refusal::invalid("Country code cannot be changed"));
        }
        // What is given is laid over the old address, and a new one is made of it.
        let mut whole = old;
        whole.extend(std::mem::take(given));
        body.insert(field.into(), address(&Value::Object(whole)));
    }
    let email = text(&body, "email").to_owned();
    if !email.is_empty() {
        if !is_email(&email) {
            return Err(Refusal::invalid("The email is not valid"));
        }
        if text(row, "email").is_empty() {
            let buyer = draft_orders::buyer(shop, &email)?;
            body.insert("customer_id".into(), buyer);
        }
    }
    shop.update(Kind::Orders, id, |row| overlay(row, &body));
    view::read(shop, query, id, "order")
}

fn has_been_canceled(id: &str) -> Refusal {
    Refusal::invalid(format!("Order with id {id} has been canceled."))
}

/// `POST /admin/orders/:id/complete` and `…/archive`: not of a cancelled order
/// (`order-module-service.js` of `@medusajs/order` 2.21.2, read on 2026-11-28).
pub(crate) fn set_status(shop: &mut Shop, query: &Query, id: &str, status: &str) -> Answer {
    if text(found(shop, id)?, "status") == "canceled" {
        return Err(Refusal::invalid(format!("Orders {id} are canceled and cannot be completed")));
    }
    shop.update(Kind::Orders, id, |row| {
        row.insert("status".into(), status.into());
        row.insert("updated_at".into(), now().into());
    });
    view::read(shop, query, id, "order")
}

/// `POST /admin/orders/:id/cancel`: gives back what was paid.
pub(crate) fn cancel(shop: &mut Shop, query: &Query, id: &str) -> Answer {
    let row = found(shop, id)?;
    if text(row, "status") == "canceled" {
        return Err(has_been_canceled(id));
    }
    if text(row, "status") == "completed" {
        return Err(Refusal::not_allowed(
            "Cannot cancel a completed order. Please use the return process to handle refunds or exchanges.",
        ));
    }
    if !list(row, "fulfillments").is_empty() {
        return Err(Refusal::not_allowed(
            "All fulfillments must be canceled before canceling an order",
        ));
    }
    payments::refund_all(shop, id)?;
    shop.update(Kind::Orders, id, |row| {
        row.insert("status".into(), "canceled".into());
        row.insert("canceled_at".into(), now().into());
        step(row);
    });
    view::read(shop, query, id, "order")
}

/// A change of an order makes a new version of it.
fn step(row: &mut Row) {
    let version = row.get("version").and_then(Value::as_u64).unwrap_or(1) + 1;
    row.insert("version".into(), version.into());
    row.insert("updated_at".into(), now().into());
}

/// Puts a credit line on an order: its total falls by the amount.
pub(crate) fn credit(row: &mut Row, value: Decimal, fields: Value) {
    let before = number(Totals::of(row).total());
    row.insert("_total_before".into(), before);
    row.insert("_credit".into(), number(value));
    let mut line = Row::new();
    line.insert("id".into(), id("ordcl").into());
    line.insert("amount".into(), number(value));
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    stamp(&mut line);
    if let Some(Value::Array(lines)) = row.get_mut("credit_lines") {
        lines.push(Value::Object(line));
    }
    step(row);
}

/// `POST /admin/orders/:id/credit-lines`.
pub(crate) fn post_credit(shop: &mut Shop, query: &Query, id: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[
        req("amount", Type::Number),
        req("reference", Type::Text),
        req("reference_id", Type::Text),
        nul("metadata", Type::Record),
    ]);
    let body = check(&SHAPE, body)?;
    let (pending, value) = (Totals::of(found(shop, id)?).pending(), amount(&body, "amount"));
    if pending.is_zero() {
        return Err(Refusal::invalid(
            "Can only create credit lines if the order has a positive or negative pending difference",
        ));
    }
    if pending > Decimal::ZERO && value < Decimal::ZERO {
        return Err(Refusal::invalid(
            "Can only create positive credit lines if the order has a positive pending difference",
        ));
    }
    if pending < Decimal::ZERO && value > Decimal::ZERO {
        return Err(Refusal::invalid(
            "Can only create negative credit lines if the order has a negative pending difference",
        ));
    }
    let fields = json!({
        "reference": body["reference"], "reference_id": body["reference_id"],
        "metadata": body.get("metadata").cloned().unwrap_or(Value::Null),
    });
    shop.update(Kind::Orders, id, |row| credit(row, value, fields));
    view::read(shop, query, id, "order")
}

/// `POST /admin/orders/:id/fulfillments`.
pub(crate) fn fulfil(shop: &mut Shop, query: &Query, order: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[
        req("items", Type::List(&loose(&[req("id", Type::Text), req("quantity", Type::Number)]))),
        nul("location_id", Type::Text),
        opt("shipping_option_id", Type::Text),
        opt("no_notification", Type::Bool),
        opt("delivery_address", Type::Object(&ADDRESS)),
        nul("metadata", Type::Record),
    ]);
    let body = check(&SHAPE, body)?;
    let row = found(shop, order)?;
    let lines = list(row, "items");
    let wanted: Vec<&Row> = list(&body, "items").iter().filter_map(Value::as_object).collect();
    let of = |one: &Row| lines.iter().find(|line| line["id"] == one["id"]);
    let lost: Vec<&str> =
        wanted.iter().filter(|one| of(one).is_none()).map(|one| text(one, "id")).collect();
    if !lost.is_empty() {
        return Err(Refusal::invalid(format!(
            "Items with ids {} does not exist in order with id {order}.",
            lost.join(", ")
        )));
    }
    let shipped =
        wanted.iter().filter_map(|one| of(one)).map(|line| line["requires_shipping"] == true);
    let shipped: Vec<bool> = shipped.collect();
    if shipped.contains(&true) && shipped.contains(&false) {
        return Err(Refusal::invalid(
            "Fulfillment can only be created entirely with items with shipping or items without shipping. Split this request into 2 fulfillments.",
        ));
    }
    let option = list(row, "shipping_methods").first().map(|one| &one["shipping_option_id"]);
    let option = body.get("shipping_option_id").or(option).and_then(Value::as_str);
    if !option.is_some_and(|option| shop.has(Kind::ShippingOptions, option)) {
        return Err(Refusal::unknown());
    }
    let mut made = Row::new();
    made.insert("id".into(), id("ful").into());
    made.insert("location_id".into(), body.get("location_id").cloned().unwrap_or(Value::Null));
    made.insert("packed_at".into(), now().into());
    for field in ["shipped_at", "delivered_at", "canceled_at"] {
        made.insert(field.into(), Value::Null);
    }
    made.insert("metadata".into(), body.get("metadata").cloned().unwrap_or(Value::Null));
    stamp(&mut made);
    let wanted: Vec<Row> = wanted.into_iter().cloned().collect();
    shop.update(Kind::Orders, order, |row| {
        if let Some(Value::Array(fulfilments)) = row.get_mut("fulfillments") {
            fulfilments.push(Value::Object(made));
        }
        for line in row.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            let here = wanted.iter().filter(|one| one["id"] == line["id"]);
            let more: Decimal = here.map(|one| amount(one, "quantity")).sum();
            let done = super::value::decimal(&line["detail"]["fulfilled_quantity"]) + more;
            line["detail"]["fulfilled_quantity"] = number(done);
        }
        step(row);
    });
    view::read(shop, query, order, "order")
}
