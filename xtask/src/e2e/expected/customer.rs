//! Customers.

use super::super::facts::{Facts, Kind};
use super::{Sheet, address, bare, key, metafield, put_fields, truth, words};

/// The id and the facts of a customer.
pub(super) fn read(sheet: &Sheet<'_>) -> (String, Facts) {
    let email = sheet.take(0, "Email");
    let number = sheet.take(0, "Customer ID").map(|text| bare(&text));
    let id = number.or_else(|| email.clone()).unwrap_or_default();
    let mut facts = key(Kind::Customer, &id);
    facts.put_some("email", email.map(|text| text.trim().to_lowercase()));
    facts.put_some("first_name", sheet.take(0, "First Name"));
    facts.put_some("last_name", sheet.take(0, "Last Name"));
    facts.put_some("phone", sheet.take(0, "Phone").map(|text| bare(&text)));
    let tags = words(&sheet.take(0, "Tags").unwrap_or_default());
    for (place, tag) in tags.iter().enumerate() {
        facts.put(format!("metadata.tags[{place}]"), tag.clone());
    }
    let mut groups = tags;
    groups.sort();
    groups.dedup();
    facts.put("groups", groups.join(" | "));
    consents(sheet, &mut facts);
    let exempt = sheet.take(0, "Tax Exempt").and_then(|text| truth(&text));
    facts.put_some("metadata.tax_exempt", exempt.map(|said| said.to_string()));
    facts.put_some("metadata.note", sheet.take(0, "Note"));
    facts.put_some("metadata.total_spent", sheet.take(0, "Total Spent"));
    facts.put_some("metadata.orders_count", sheet.take(0, "Total Orders"));
    address::customer(sheet, &mut facts);
    put_fields(&mut facts, "metadata", sheet.unread(0, |it| metafield(it).is_some()));
    sheet.rest("metadata.unknown", &mut facts);
    (id, facts)
}

fn consents(sheet: &Sheet<'_>, facts: &mut Facts) {
    let email = sheet.either(0, &["Accepts Email Marketing", "Accepts Marketing"]);
    let phone = sheet.take(0, "Accepts SMS Marketing");
    let said = [("email", email), ("sms", phone)]
        .into_iter()
        .filter_map(|(channel, text)| Some((channel, truth(&text?)?)));
    for (place, (channel, given)) in said.enumerate() {
        let path = format!("metadata.consents[{place}]");
        facts.put(format!("{path}.channel"), channel);
        facts.put(format!("{path}.state"), if given { "given" } else { "refused" });
    }
}
