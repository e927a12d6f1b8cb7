//! Addresses, of customers and of orders.

use serde_json::{Map, Value};

use super::{dense_element, edit_metadata, text_in};

/// The text fields of an address in Medusa.
pub(super) const TEXTS: [&str; 10] = [
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
];

/// Fits an address. The province's code stands in for its name, and a whole name for its parts,
/// where there is nothing better; both stay in the metadata.
pub(super) fn fit(mut address: Map<String, Value>) -> Map<String, Value> {
    for field in TEXTS {
        text_in(&mut address, field);
    }
    if let Some(country) = text_in(&mut address, "country_code") {
        address.insert("country_code".to_owned(), Value::String(country.to_ascii_lowercase()));
    }
    if !address.contains_key("first_name") && !address.contains_key("last_name") {
        stand_in(&mut address, "full_name", "first_name");
    }
    if !address.contains_key("province") {
        stand_in(&mut address, "province_code", "province");
    }
    dense_element(address)
}

fn stand_in(address: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(text) = edit_metadata(address, |metadata| text_in(metadata, from)) {
        address.insert(to.to_owned(), Value::String(text));
    }
}
