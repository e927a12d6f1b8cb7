//! Addresses, of customers and of orders.

use super::super::facts::Facts;
use super::{Sheet, bare};

/// The default address of a customer, the only one an export has.
pub(super) fn customer(sheet: &Sheet<'_>, facts: &mut Facts) {
    let take = |heading: &str| sheet.either(0, &[&format!("Default Address {heading}"), heading]);
    let mut address = Facts::default();
    address.put_some("company", take("Company"));
    address.put_some("address_1", take("Address1"));
    address.put_some("address_2", take("Address2"));
    address.put_some("city", take("City"));
    address.put_some("postal_code", take("Zip").map(|text| bare(&text)));
    // `Phone` alone is the customer's own.
    let phone = sheet.take(0, "Default Address Phone").map(|text| bare(&text));
    address.put_some("phone", phone);
    province(&mut address, take("Province"), take("Province Code"));
    let code = take("Country Code");
    let name = take("Country").or_else(|| code.clone());
    country(&mut address, name, code);
    if address.0.is_empty() {
        return;
    }
    address.put("is_default_shipping", "true");
    address.put("is_default_billing", "true");
    let own = address.0.into_iter();
    facts.0.extend(own.map(|(path, text)| (format!("addresses[0].{path}"), text)));
}

/// The billing or shipping address of an order; `side` is the word its headings begin with.
pub(super) fn order(sheet: &Sheet<'_>, side: &str, facts: &mut Facts) {
    let take = |heading: &str| sheet.take(0, &format!("{side} {heading}"));
    let mut address = Facts::default();
    let name = take("Name");
    address.put_some("first_name", name.clone());
    address.put_some("metadata.full_name", name);
    address.put_some("company", take("Company"));
    let lines = [take("Address1"), take("Address2")];
    let street = format!("{side} Street");
    let both = lines.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    if sheet.peek(0, &street) == Some(both.as_str()) {
        sheet.mark(0, &street);
    }
    let [first, second] = lines;
    let first = if both.is_empty() { sheet.take(0, &street) } else { first };
    address.put_some("address_1", first);
    address.put_some("address_2", second);
    address.put_some("city", take("City"));
    address.put_some("postal_code", take("Zip").map(|text| bare(&text)));
    address.put_some("phone", take("Phone").map(|text| bare(&text)));
    province(&mut address, take("Province Name"), take("Province"));
    let written = take("Country");
    country(&mut address, written.clone(), written);
    let prefix = format!("{}_address", side.to_lowercase());
    facts.0.extend(address.0.into_iter().map(|(path, text)| (format!("{prefix}.{path}"), text)));
}

/// A province by name, else by its code.
fn province(address: &mut Facts, name: Option<String>, code: Option<String>) {
    address.put_some("province", name.or_else(|| code.clone()));
    address.put_some("metadata.province_code", code);
}

/// A country as written, and its code where two letters were given.
fn country(address: &mut Facts, written: Option<String>, code: Option<String>) {
    let code = code.filter(|text| text.len() == 2).map(|text| text.to_lowercase());
    address.put_some("country_code", code);
    address.put_some("metadata.country", written);
}
