//! Orders as target fields: sums from Medusa's own totals, lines, payments and refunds; only what
//! Medusa has no place for comes from the metadata.

use std::collections::BTreeMap;

use cartage_model::Kind;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::{
        json::{self, decimal_of, plain},
        marks,
    },
    copy, customer, key, metadata, source_id,
};

pub(super) fn order(object: &Value, customers: &BTreeMap<String, Value>) -> Map<String, Value> {
    let mut fields = Map::new();
    let kept = object.get("metadata").unwrap_or(&Value::Null);
    for (ours, theirs) in [("number", marks::ORDER_NUMBER), ("placed_at", marks::ORDER_DATE)] {
        if let Some(text) = json::text(kept, theirs) {
            fields.insert(ours.to_owned(), json!(text));
        }
    }
    copy(object, &mut fields, &["email", "currency_code"]);
    let own = kept.get(marks::ORDER).unwrap_or(&Value::Null);
    copy(
        own,
        &mut fields,
        &[
            "financial_status",
            "fulfilment_status",
            "taxes_included",
            "taxes",
            "adjustments",
            "payments",
            "refunds",
        ],
    );
    let customer = json::text(object, "customer_id").and_then(|id| customers.get(id));
    if own.get(marks::EMAIL_ABSENT) == Some(&Value::Bool(true))
        && customer.is_some_and(|customer| has_address_of(object, customer))
    {
        fields.remove("email");
    }
    if let Some(buyer) = buyer(object, own, customers) {
        fields.insert("customer".to_owned(), json!(buyer));
    }
    fields.insert("state".to_owned(), json!(state(object, own)));
    lines(object, &mut fields);
    shipping_lines(object, own, &mut fields);
    sums(object, &mut fields);
    for side in ["billing_address", "shipping_address"] {
        if let Some(address) = object.get(side).filter(|address| address.is_object()) {
            json::put(&mut fields, side, Value::Object(customer::address(address)));
        }
    }
    metadata(object, &mut fields);
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        metadata.retain(|name, _| name != marks::ORDER_NUMBER && name != marks::ORDER_DATE);
    }
    fields.retain(|_, value| !json::is_blank(value));
    fields
}

/// The buyer's source id, by the customer the order really hangs at. What the metadata says counts
/// only where that customer bears it out: by our key, or by the order's own address, under which
/// merged customers and guests are found, or by which they were found before it was changed. An order that hangs at somebody else says so, in the
/// source's id or else in the target's.
fn buyer(object: &Value, own: &Value, customers: &BTreeMap<String, Value>) -> Option<String> {
    let said = json::owned(own, "customer");
    let is_marked = |mark: &str| own.get(mark) == Some(&Value::Bool(true));
    let Some(id) = json::text(object, "customer_id") else {
        return said.filter(|_| is_marked(marks::CUSTOMER_ABSENT));
    };
    let customer = customers.get(id).unwrap_or(&Value::Null);
    let real = key(customer).and_then(|key| source_id(key, Kind::Customer));
    let is_by_address = json::text(own, marks::BUYER) == Some(id)
        || (!is_marked(marks::EMAIL_ABSENT) && has_address_of(object, customer));
    if is_by_address || (real.is_some() && real == said.as_deref()) {
        return said;
    }
    Some(real.unwrap_or(id).to_owned())
}

/// Whether two objects have the same e-mail address.
fn has_address_of(object: &Value, other: &Value) -> bool {
    let address = |of: &Value| json::text(of, "email").map(str::to_lowercase);
    address(object).is_some() && address(object) == address(other)
}

/// Medusa's status in our words. A cancellation that would have moved money is in the metadata.
fn state<'a>(object: &Value, own: &'a Value) -> &'a str {
    match json::text(object, "status") {
        Some("canceled") => "cancelled",
        Some("completed" | "archived") => "completed",
        _ => json::text(own, "state").unwrap_or("open"),
    }
}

fn mark(item: &Value) -> &str {
    item.get("metadata").and_then(|metadata| json::text(metadata, marks::LINE)).unwrap_or("")
}

fn place(value: &Value) -> u64 {
    value.get(marks::POSITION).and_then(Value::as_u64).unwrap_or(u64::MAX)
}

fn lines(object: &Value, fields: &mut Map<String, Value>) {
    let mut goods: Vec<&Value> = json::list(object, "items")
        .iter()
        .filter(|item| matches!(mark(item), marks::GOODS | ""))
        .collect();
    goods.sort_by_key(|item| item.get("metadata").map_or(u64::MAX, place));
    let lines: Vec<Value> = goods
        .into_iter()
        .map(|item| {
            let kept = item.get("metadata").unwrap_or(&Value::Null);
            let mut line = Map::new();
            copy(item, &mut line, &["title"]);
            if let Some(sku) = json::text(item, "variant_sku") {
                line.insert("sku".to_owned(), json!(sku));
            }
            for (ours, said) in [("quantity", marks::QUANTITY), ("unit_price", marks::UNIT_PRICE)] {
                let amount = decimal_of(kept, said).or_else(|| decimal_of(item, ours));
                line.insert(ours.to_owned(), plain(amount.unwrap_or_default()));
            }
            if let Some(discount) = decimal_of(kept, marks::LINE_DISCOUNT_AMOUNT) {
                line.insert("discount".to_owned(), plain(discount));
            }
            metadata(item, &mut line);
            Value::Object(line)
        })
        .collect();
    json::put(fields, "lines", Value::Array(lines));
}

fn shipping_lines(object: &Value, own: &Value, fields: &mut Map<String, Value>) {
    if let Some(merged) = own.get("shipping_lines") {
        json::put(fields, "shipping_lines", merged.clone());
        return;
    }
    let mut methods: Vec<&Value> = json::list(object, "shipping_methods").iter().collect();
    methods.sort_by_key(|method| method.get("data").map_or(u64::MAX, place));
    let lines: Vec<Value> = methods
        .into_iter()
        .map(|method| {
            let mut line = Map::new();
            if let Some(name) = json::text(method, "name") {
                line.insert("title".to_owned(), json!(name));
            }
            let amount = decimal_of(method, "amount").unwrap_or_default();
            line.insert("amount".to_owned(), plain(amount));
            if let Some(data) = method.get("data") {
                copy(data, &mut line, &["metadata"]);
            }
            Value::Object(line)
        })
        .collect();
    json::put(fields, "shipping_lines", Value::Array(lines));
}

/// The amount of a line of Medusa.
fn amount(item: &Value) -> Decimal {
    decimal_of(item, "unit_price").unwrap_or_default()
        * decimal_of(item, "quantity").unwrap_or_default()
}

fn sums(object: &Value, fields: &mut Map<String, Value>) {
    let mut subtotal = Decimal::ZERO;
    let mut discount = Decimal::ZERO;
    let mut tax = decimal_of(object, "tax_total").unwrap_or_default();
    for item in json::list(object, "items") {
        let amount = amount(item);
        let kept = item.get("metadata").unwrap_or(&Value::Null);
        match mark(item) {
            marks::DISCOUNT => {
                discount -= amount;
                if kept.get(marks::IN_SUBTOTAL) == Some(&Value::Bool(true)) {
                    subtotal += amount;
                }
            }
            marks::TAX => {
                tax += amount + decimal_of(kept, marks::CONTAINED).unwrap_or_default();
            }
            marks::FEE | marks::DIFFERENCE => {}
            _ => subtotal += amount,
        }
    }
    discount += decimal_of(object, "discount_total").unwrap_or_default();
    let mut paid = Decimal::ZERO;
    let mut refunded = Decimal::ZERO;
    for collection in json::list(object, "payment_collections") {
        for payment in json::list(collection, "payments") {
            if json::text(payment, "captured_at").is_some() {
                paid += decimal_of(payment, "amount").unwrap_or_default();
            }
            refunded += json::list(payment, "refunds")
                .iter()
                .filter_map(|refund| decimal_of(refund, "amount"))
                .sum::<Decimal>();
        }
    }
    // A refund lowers `total`; `original_total` stays what was to be paid.
    let total = decimal_of(object, "original_total").or_else(|| decimal_of(object, "total"));
    for (field, sum) in [
        ("subtotal", subtotal),
        ("shipping_total", decimal_of(object, "shipping_total").unwrap_or_default()),
        ("tax_total", tax),
        ("discount_total", discount),
        ("total", total.unwrap_or_default()),
        ("paid_total", paid),
        ("refunded_total", refunded),
    ] {
        fields.insert(field.to_owned(), plain(sum));
    }
}
