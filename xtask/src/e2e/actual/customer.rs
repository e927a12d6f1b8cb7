//! Customers and addresses as Medusa says them.

use serde_json::Value;

use super::super::facts::Facts;
use super::{entries, metadata, plain, taken, text};

/// What we look at.
pub(super) const FIELDS: &[&str] = &[
    "email",
    "first_name",
    "last_name",
    "phone",
    "company_name",
    "metadata",
    "groups.name",
    "addresses.address_name",
    "addresses.is_default_shipping",
    "addresses.is_default_billing",
    "addresses.company",
    "addresses.first_name",
    "addresses.last_name",
    "addresses.address_1",
    "addresses.address_2",
    "addresses.city",
    "addresses.country_code",
    "addresses.province",
    "addresses.postal_code",
    "addresses.phone",
    "addresses.metadata",
];

pub(super) fn facts(object: &Value, facts: &mut Facts) {
    plain(object, &["email", "first_name", "last_name", "phone", "company_name"], facts);
    let mut groups: Vec<&str> =
        entries(object, "groups").filter_map(|group| text(group, "name")).collect();
    groups.sort_unstable();
    facts.put("groups", groups.join(" | "));
    metadata(object, facts, "metadata");
    for entry in entries(object, "addresses") {
        let mut entry = entry.clone();
        let place = taken(&mut entry, &["metadata", "cartage_position"]);
        address(&entry, &format!("addresses[{place}]"), facts);
    }
}

/// An address with all its fields.
pub(super) fn address(object: &Value, path: &str, facts: &mut Facts) {
    for (name, value) in object.as_object().into_iter().flatten() {
        if name != "metadata" {
            facts.put_json(&format!("{path}.{name}"), value);
        }
    }
    metadata(object, facts, &format!("{path}.metadata"));
}
