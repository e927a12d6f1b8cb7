//! Customers with their default address; the exports know no other.

use cartage_model::{Consent, ConsentChannel, ConsentState, Customer, UnknownFields};

use super::{
    super::group::unguarded,
    address::{Columns, address},
    field::metafields,
    sheet::Sheet,
    value::{list, truth},
};

/// The customer that the row says. Nothing in it can be wrong enough to refuse it.
pub(super) fn read(source_id: &str, mut sheet: Sheet) -> Customer {
    sheet.mark(0, "customer id");
    let tags = sheet.take(0, "tags").map(|text| list(&text)).unwrap_or_default();
    let mut addresses: Vec<_> = address(&mut sheet, &Columns::CUSTOMER).into_iter().collect();
    for address in &mut addresses {
        address.default_billing = true;
        address.default_shipping = true;
    }
    Customer {
        source_id: source_id.to_owned(),
        email: sheet.take(0, "email"),
        first_name: sheet.take(0, "first name"),
        last_name: sheet.take(0, "last name"),
        phone: sheet.take(0, "phone").map(|text| unguarded(&text).to_owned()),
        addresses,
        groups: distinct(&tags),
        tags,
        consents: [
            consent(&mut sheet, "accepts email marketing", ConsentChannel::Email),
            consent(&mut sheet, "accepts sms marketing", ConsentChannel::Sms),
        ]
        .into_iter()
        .flatten()
        .collect(),
        tax_exempt: sheet.take_as(0, "tax exempt", truth),
        note: sheet.take(0, "note"),
        total_spent: sheet.take(0, "total spent"),
        orders_count: sheet.take_as(0, "total orders", |text| text.trim().parse().ok()),
        custom_fields: metafields(&mut sheet, 0),
        unknown: sheet.rest(),
        ..Customer::default()
    }
}

fn distinct(tags: &[String]) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for tag in tags {
        if !groups.contains(tag) {
            groups.push(tag.clone());
        }
    }
    groups
}

fn consent(sheet: &mut Sheet, key: &str, channel: ConsentChannel) -> Option<Consent> {
    let given = sheet.take_as(0, key, truth)?;
    let state = if given { ConsentState::Given } else { ConsentState::Refused };
    Some(Consent {
        channel,
        state,
        given_at: None,
        origin: None,
        network_address: None,
        text: None,
        scope: None,
        unknown: UnknownFields::NONE,
    })
}
