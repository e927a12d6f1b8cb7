//! Medusa's orders as canonical records.

use cartage_model::{
    Currency, Money, Order, OrderAddress, OrderLine, OrderState, Payment, PaymentState, Refund,
    ShippingLine, Unreadable,
};
use serde_json::Value;

use super::{
    super::json::{self, decimal_of, owned},
    read::{address, currency, instant, unknown},
};

/// Fields that the canonical order has places for.
const KNOWN: [&str; 21] = [
    "id",
    "status",
    "display_id",
    "email",
    "customer_id",
    "currency_code",
    "created_at",
    "canceled_at",
    "items",
    "shipping_methods",
    "shipping_address",
    "billing_address",
    "payment_collections",
    "original_total",
    "item_total",
    "shipping_total",
    "tax_total",
    "discount_total",
    "payment_status",
    "fulfillment_status",
    "sales_channel_id",
];

pub(super) fn order(source_id: String, body: &Value) -> Result<Order, Unreadable> {
    let currency = currency(body)?;
    let money =
        |field: &str| Money::new(decimal_of(body, field).unwrap_or_default(), currency.clone());
    let placed_at = instant(body, "created_at")?
        .ok_or_else(|| Unreadable::field("VALUE_INVALID", "created_at", "the order has no date"))?;
    let (payments, refunds) = payments(body, &currency)?;
    let refunded = refunds.iter().map(|refund| refund.money.amount).sum();
    let total = decimal_of(body, "original_total").or_else(|| decimal_of(body, "total"));
    let side = |field: &str| {
        body.get(field)
            .filter(|entry| entry.is_object())
            .map(|entry| OrderAddress { full_name: None, address: address(entry) })
    };
    Ok(Order {
        number: body
            .get("display_id")
            .filter(|number| !number.is_null())
            .map_or_else(|| source_id.clone(), ToString::to_string),
        store: owned(body, "sales_channel_id"),
        state: match json::text(body, "status") {
            Some("canceled") => OrderState::Cancelled,
            Some("completed" | "archived") => OrderState::Completed,
            _ => OrderState::Open,
        },
        financial_status: owned(body, "payment_status"),
        fulfilment_status: owned(body, "fulfillment_status"),
        customer: owned(body, "customer_id"),
        email: owned(body, "email"),
        lines: lines(&source_id, body, &currency),
        shipping_lines: json::list(body, "shipping_methods")
            .iter()
            .map(|method| ShippingLine {
                title: owned(method, "name"),
                ..ShippingLine::new(Money::new(
                    decimal_of(method, "amount").unwrap_or_default(),
                    currency.clone(),
                ))
            })
            .collect(),
        billing_address: side("billing_address"),
        shipping_address: side("shipping_address"),
        subtotal: money("item_total"),
        shipping_total: money("shipping_total"),
        tax_total: money("tax_total"),
        discount_total: money("discount_total"),
        total: Money::new(total.unwrap_or_default(), currency.clone()),
        refunded_total: Money::new(refunded, currency.clone()),
        payments,
        refunds,
        cancelled_at: instant(body, "canceled_at")?,
        unknown: unknown(body, &KNOWN),
        ..Order::new(source_id, currency, placed_at)
    })
}

fn lines(order: &str, body: &Value, currency: &Currency) -> Vec<OrderLine> {
    json::list(body, "items")
        .iter()
        .zip(1_u32..)
        .map(|(item, position)| OrderLine {
            product: owned(item, "product_id"),
            variant: owned(item, "variant_id"),
            sku: owned(item, "variant_sku"),
            title: owned(item, "title").unwrap_or_default(),
            requires_shipping: item.get("requires_shipping").and_then(Value::as_bool),
            unknown: unknown(
                item,
                &[
                    "id",
                    "product_id",
                    "variant_id",
                    "variant_sku",
                    "title",
                    "quantity",
                    "unit_price",
                ],
            ),
            ..OrderLine::new(
                owned(item, "id").unwrap_or_else(|| format!("{order}:{position}")),
                position,
                decimal_of(item, "quantity").unwrap_or_default(),
                Money::new(decimal_of(item, "unit_price").unwrap_or_default(), currency.clone()),
            )
        })
        .collect()
}

fn payments(body: &Value, currency: &Currency) -> Result<(Vec<Payment>, Vec<Refund>), Unreadable> {
    let mut payments = Vec::new();
    let mut refunds = Vec::new();
    for collection in json::list(body, "payment_collections") {
        for payment in json::list(collection, "payments") {
            let money = |of: &Value| {
                Money::new(decimal_of(of, "amount").unwrap_or_default(), currency.clone())
            };
            let paid_at = instant(payment, "captured_at")?;
            let state = match paid_at {
                Some(_) => PaymentState::Captured,
                None => PaymentState::Authorized,
            };
            payments.push(Payment {
                source_id: owned(payment, "id"),
                method: owned(payment, "provider_id"),
                paid_at,
                ..Payment::new(state, money(payment))
            });
            for refund in json::list(payment, "refunds") {
                refunds.push(Refund {
                    source_id: owned(refund, "id"),
                    reason: owned(refund, "note"),
                    refunded_at: instant(refund, "created_at")?,
                    ..Refund::new(money(refund))
                });
            }
        }
    }
    Ok((payments, refunds))
}
