//! Customers and addresses as target fields.

use cartage_model::Kind;
use serde_json::{Map, Value, json};

use super::{
    super::{json, marks},
    copy, key, metadata, source_id,
};

pub(super) fn customer(object: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    copy(object, &mut fields, &["email", "first_name", "last_name", "phone", "company_name"]);
    let mut addresses: Vec<&Value> = json::list(object, "addresses").iter().collect();
    addresses.sort_by_key(|address| position(address));
    let addresses: Vec<Value> = addresses.into_iter().map(booked).collect();
    json::put(&mut fields, "addresses", Value::Array(addresses));
    let mut groups: Vec<&str> = json::list(object, "groups")
        .iter()
        .filter_map(|group| {
            key(group)
                .and_then(|key| source_id(key, Kind::CustomerGroup))
                .or_else(|| json::text(group, "id"))
        })
        .collect();
    groups.sort_unstable();
    json::put(&mut fields, "groups", json!(groups));
    metadata(object, &mut fields);
    fields
}

/// An address of the book.
pub(super) fn booked(object: &Value) -> Value {
    let mut fields = address(object);
    copy(object, &mut fields, &["address_name", "is_default_shipping", "is_default_billing"]);
    Value::Object(fields)
}

/// The place of an address in the book; those of others stand last.
fn position(address: &Value) -> u64 {
    address
        .get("metadata")
        .and_then(|metadata| metadata.get(marks::POSITION))
        .and_then(Value::as_u64)
        .unwrap_or(u64::MAX)
}

/// An address, of a customer or an order.
pub(super) fn address(object: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    copy(
        object,
        &mut fields,
        &[
            "first_name",
            "last_name",
            "company",
            "address_1",
            "address_2",
            "city",
            "province",
            "postal_code",
            "country_code",
            "phone",
        ],
    );
    metadata(object, &mut fields);
    fields
}
