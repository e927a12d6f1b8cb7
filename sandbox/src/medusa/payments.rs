//! Payment collections, payments, captures and refunds.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::order_view as view;
use super::orders;
use super::query::{List, Match, Query};
use super::schema::{Shape, Type, check, opt, req, strict};
use super::state::{Kind, Shop};
use super::value::{Row, amount, id, list, now, number, stamp, text};

const COLLECTION: &[&str] = &[
    "id",
    "currency_code",
    "amount",
    "status",
    "authorized_amount",
    "captured_amount",
    "refunded_amount",
    "*payment_sessions",
    "*payments",
];

const PAYMENT: &[&str] = &[
    "id",
    "currency_code",
    "amount",
    "captured_at",
    "payment_collection_id",
    "payment_session_id",
    "*captures",
    "*refunds",
];

static PAYMENTS: List = List {
    strict: true,
    limit: 20,
    filters: &[
        ("q", Match::Nothing),
        ("id", Match::Value),
        ("payment_session_id", Match::Value),
        ("created_at", Match::Time),
        ("updated_at", Match::Time),
    ],
};

/// `GET /admin/payments`.
pub(crate) fn list_payments(shop: &Shop, query: &Query) -> Answer {
    let fields = query.fields(PAYMENT);
    let page = query.page(shop, Kind::Payments, &PAYMENTS, |_| true)?;
    let rows = page.rows.iter().map(|row| fields.pick(row));
    Ok(page.reply("payments", rows.collect()))
}

/// `POST /admin/payment-collections`: as many as are asked for, of any amount.
pub(crate) fn create(shop: &mut Shop, query: &Query, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[req("order_id", Type::Text), req("amount", Type::Number)]);
    let body = check(&SHAPE, body)?;
    let order = orders::found(shop, text(&body, "order_id"))?;
    let mut row = Row::new();
    row.insert("id".into(), id("pay_col").into());
    row.insert("currency_code".into(), order["currency_code"].clone());
    row.insert("order_id".into(), body["order_id"].clone());
    row.insert("completed_at".into(), Value::Null);
    row.insert("status".into(), "not_paid".into());
    row.insert("metadata".into(), Value::Null);
    stamp(&mut row);
    row.insert("amount".into(), number(amount(&body, "amount")));
    for field in ["authorized_amount", "captured_amount", "refunded_amount"] {
        row.insert(field.into(), Value::Null);
    }
    row.insert("payment_sessions".into(), json!([]));
    let id = shop.insert(Kind::PaymentCollections, row);
    read(shop, query, &id)
}

fn found<'a>(shop: &'a Shop, id: &str) -> Answer<&'a Row> {
    shop.get(Kind::PaymentCollections, id)
        .ok_or_else(|| Refusal::missing(format!("PaymentCollection with id: {id} was not found")))
}

fn read(shop: &Shop, query: &Query, id: &str) -> Answer {
    let full = view::collection(shop, found(shop, id)?);
    let full = full.as_object().cloned().unwrap_or_default();
    Ok(json!({ "payment_collection": query.fields(COLLECTION).pick(&full) }))
}

/// `POST /admin/payment-collections/:id/mark-as-paid`.
pub(crate) fn mark_as_paid(shop: &mut Shop, query: &Query, id_: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[req("order_id", Type::Text), opt("provider_id", Type::Text)]);
    let body = check(&SHAPE, body)?;
    let row = found(shop, id_)?;
    if text(row, "status") != "not_paid" {
        return Err(Refusal::not_allowed("Can only mark 'not_paid' payment collection as paid"));
    }
    let value = amount(row, "amount");
    if value <= Decimal::ZERO {
        return Err(Refusal::invalid("Capture amount must be greater than 0."));
    }
    let currency = row["currency_code"].clone();
    let session = id("payses");
    let mut payment = Row::new();
    payment.insert("id".into(), id("pay").into());
    payment.insert("currency_code".into(), currency);
    payment.insert("provider_id".into(), "pp_system_default".into());
    payment.insert("captured_at".into(), now().into());
    payment.insert("canceled_at".into(), Value::Null);
    payment.insert("payment_collection_id".into(), id_.into());
    payment.insert("payment_session_id".into(), session.clone().into());
    payment.insert("amount".into(), number(value));
    stamp(&mut payment);
    payment.insert("captures".into(), json!([{ "id": id("capt"), "amount": number(value) }]));
    payment.insert("refunds".into(), json!([]));
    shop.insert(Kind::Payments, payment);
    shop.update(Kind::PaymentCollections, id_, |row| {
        row.insert("status".into(), "completed".into());
        row.insert("completed_at".into(), now().into());
        row.insert("authorized_amount".into(), number(value));
        row.insert("captured_amount".into(), number(value));
        row.insert("refunded_amount".into(), 0.into());
        row.insert(
            "payment_sessions".into(),
            json!([{ "id": session, "provider_id": "pp_system_default", "status": "authorized" }]),
        );
    });
    transact(shop, text(&body, "order_id"), value, "capture", id_);
    read(shop, query, id_)
}

/// `POST /admin/payments/:id/capture`: of the whole amount, for a payment that was authorised only;
/// one that is captured stays as it is.
pub(crate) fn capture(shop: &mut Shop, query: &Query, payment: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[opt("amount", Type::Quantity)]);
    check(&SHAPE, body)?;
    let row = shop.get(Kind::Payments, payment);
    let row =
        row.ok_or_else(|| Refusal::missing(format!("Payment with id: {payment} was not found")))?;
    if !row["captured_at"].is_null() {
        return Ok(json!({ "payment": query.fields(PAYMENT).pick(row) }));
    }
    let value = amount(row, "amount");
    let collection = text(row, "payment_collection_id").to_owned();
    let order = text(found(shop, &collection)?, "order_id").to_owned();
    shop.update(Kind::Payments, payment, |row| {
        row.insert("captured_at".into(), now().into());
        row.insert("captures".into(), json!([{ "id": id("capt"), "amount": number(value) }]));
    });
    shop.update(Kind::PaymentCollections, &collection, |row| {
        row.insert("status".into(), "completed".into());
        row.insert("completed_at".into(), now().into());
        row.insert("captured_amount".into(), number(value));
        row.insert("refunded_amount".into(), 0.into());
    });
    transact(shop, &order, value, "capture", &collection);
    let row = shop.get(Kind::Payments, payment).ok_or_else(Refusal::unknown)?;
    Ok(json!({ "payment": query.fields(PAYMENT).pick(row) }))
}

/// Leaves the payments of a collection authorised, as if the shop had been cut before the capture.
pub(crate) fn uncapture(shop: &mut Shop, collection: &str) {
    let payments = shop.table(Kind::Payments).by("payment_collection_id", collection);
    let payments: Vec<String> = payments.map(|row| text(row, "id").to_owned()).collect();
    for payment in payments {
        shop.update(Kind::Payments, &payment, |row| {
            row.insert("captured_at".into(), Value::Null);
            row.insert("captures".into(), json!([]));
        });
    }
    let order = shop.get(Kind::PaymentCollections, collection);
    let order = order.map(|row| text(row, "order_id").to_owned()).unwrap_or_default();
    shop.update(Kind::PaymentCollections, collection, |row| {
        row.insert("status".into(), "authorized".into());
        row.insert("completed_at".into(), Value::Null);
        row.insert("captured_amount".into(), 0.into());
    });
    shop.update(Kind::Orders, &order, |row| {
        if let Some(Value::Array(moves)) = row.get_mut("transactions") {
            moves.retain(|one| one["reference_id"] != collection);
        }
    });
}

fn transact(shop: &mut Shop, order: &str, value: Decimal, reference: &str, of: &str) {
    shop.update(Kind::Orders, order, |row| {
        if let Some(Value::Array(moves)) = row.get_mut("transactions") {
            moves.push(json!({
                "id": id("ordtrx"), "amount": number(value), "reference": reference,
                "reference_id": of, "created_at": now(),
            }));
        }
    });
}

/// `POST /admin/payments/:id/refund`: no more in all than was captured (`refund-payment.js` of
/// `@medusajs/core-flows` 2.21.2, read on 2026-11-28).
pub(crate) fn refund(shop: &mut Shop, query: &Query, payment: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[
        opt("amount", Type::Quantity),
        opt("refund_reason_id", Type::Text),
        opt("note", Type::Text),
    ]);
    let body = check(&SHAPE, body)?;
    let row = shop.get(Kind::Payments, payment);
    let row =
        row.ok_or_else(|| Refusal::missing(format!("Payment with id: {payment} was not found")))?;
    let captured = amount(row, "amount");
    let value = body.get("amount").map_or(captured, super::value::decimal);
    if value.is_zero() {
        return Err(Refusal::invalid(
            "Invalid request: Value for field 'amount' too small, expected at least: '0'",
        ));
    }
    let given = list(row, "refunds").iter().filter_map(Value::as_object);
    let given: Decimal = given.map(|refund| amount(refund, "amount")).sum();
    if value + given > captured || row["captured_at"].is_null() {
        return Err(Refusal::invalid(
            "You are not allowed to refund more than the captured amount",
        ));
    }
    give_back(shop, payment, value, body.get("note").cloned().unwrap_or(Value::Null))?;
    let row = shop.get(Kind::Payments, payment).ok_or_else(Refusal::unknown)?;
    Ok(json!({ "payment": query.fields(PAYMENT).pick(row) }))
}

/// Gives back all that is left of every payment of an order.
pub(crate) fn refund_all(shop: &mut Shop, order: &str) -> Answer<()> {
    let collections = view::collections(shop, order);
    for collection in collections.iter().filter_map(Value::as_object) {
        for payment in list(collection, "payments").iter().filter_map(Value::as_object) {
            let given: Decimal = list(payment, "refunds")
                .iter()
                .map(|refund| super::value::decimal(&refund["amount"]))
                .sum();
            let left = amount(payment, "amount") - given;
            if left > Decimal::ZERO && !payment["captured_at"].is_null() {
                give_back(shop, text(payment, "id"), left, Value::Null)?;
            }
        }
        shop.update(Kind::PaymentCollections, text(collection, "id"), |row| {
            row.insert("status".into(), "canceled".into());
        });
    }
    Ok(())
}

fn give_back(shop: &mut Shop, payment: &str, value: Decimal, note: Value) -> Answer<()> {
    let row = shop.get(Kind::Payments, payment).ok_or_else(Refusal::unknown)?;
    let collection = text(row, "payment_collection_id").to_owned();
    let order = text(found(shop, &collection)?, "order_id").to_owned();
    let refund = id("ref");
    shop.update(Kind::Payments, payment, |row| {
        if let Some(Value::Array(refunds)) = row.get_mut("refunds") {
            refunds.push(json!({
                "id": refund, "amount": number(value), "note": note, "payment_id": payment,
                "refund_reason_id": null, "refund_reason": null, "created_at": now(),
            }));
        }
    });
    shop.update(Kind::PaymentCollections, &collection, |row| {
        let sum = amount(row, "refunded_amount") + value;
        row.insert("refunded_amount".into(), number(sum));
    });
    // The order's total falls by a credit line of the same amount.
    shop.update(Kind::Orders, &order, |row| {
        let fields = json!({
            "reference": "payment_collection", "reference_id": collection, "metadata": null,
        });
        orders::credit(row, value, fields);
    });
    transact(shop, &order, -value, "refund", &collection);
    Ok(())
}
