//! Orders.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{Facts, Kind, amount, decimal, plain};
use super::{Sheet, address, bare, key, order_money, put_time, time, truth, words};

/// The id and the facts of an order. `accounts` gives customers by e-mail, `skus` is what the shop
/// sells.
pub(super) fn read(
    sheet: &Sheet<'_>,
    accounts: &BTreeMap<String, String>,
    skus: &BTreeSet<String>,
) -> (String, Facts) {
    let number = sheet.first("Name").unwrap_or_default();
    let id = sheet.first("Id").map(|text| bare(&text)).unwrap_or_else(|| number.clone());
    let mut facts = key(Kind::Order, &id);
    facts.put("number", number);
    let placed = sheet.first("Created at");
    facts.put_some("placed_at", placed.as_deref().and_then(time).map(|(utc, _)| utc));
    facts.put_some("metadata.placed_at_original", placed);
    let email = sheet.first("Email").map(|text| text.trim().to_lowercase());
    let account = email.as_ref().map(|email| match accounts.get(email) {
        Some(account) => format!("account {account}"),
        None => "guest".to_owned(),
    });
    facts.put_some("customer", account);
    facts.put_some("email", email);
    facts.put_some("currency_code", sheet.first("Currency").map(|code| code.to_lowercase()));
    let financial = sheet.first("Financial Status").unwrap_or_default();
    let fulfilment = sheet.first("Fulfillment Status").unwrap_or_default();
    facts.put("order.financial_status", financial.clone());
    facts.put("order.fulfilment_status", fulfilment.clone());
    lines(sheet, &id, skus, &mut facts);
    let cancelled = sheet.first("Cancelled at");
    let settled = ["paid", "partially_refunded", "refunded"].contains(&financial.as_str());
    let state = match (cancelled.is_some(), settled && fulfilment == "fulfilled") {
        (true, _) => "cancelled",
        (false, true) => "completed",
        (false, false) => "open",
    };
    facts.put("state", state);
    let utc = |text: Option<String>| text.as_deref().and_then(time).map(|(utc, _)| utc);
    facts.put_some("metadata.cancelled_at", utc(cancelled));
    let paid_at = sheet.first("Paid at");
    facts.put_some("metadata.paid_at", utc(paid_at.clone()));
    order_money::read(sheet, &financial, paid_at, &mut facts);
    sent(sheet, &fulfilment, &mut facts);
    address::order(sheet, "Billing", &mut facts);
    address::order(sheet, "Shipping", &mut facts);
    facts.put_some("metadata.phone", sheet.first("Phone").map(|text| bare(&text)));
    facts.put_some("metadata.channel", sheet.first("Source"));
    for (place, tag) in words(&sheet.first("Tags").unwrap_or_default()).into_iter().enumerate() {
        facts.put(format!("metadata.tags[{place}]"), tag);
    }
    if let Some(note) = sheet.first("Notes") {
        facts.put("metadata.notes[0].text", note);
        facts.put("metadata.notes[0].visible_to_customer", "false");
    }
    attributes(sheet, &mut facts);
    sheet.rest("metadata.unknown", &mut facts);
    (id, facts)
}

fn lines(sheet: &Sheet<'_>, order: &str, skus: &BTreeSet<String>, facts: &mut Facts) {
    let mut place = 0;
    for row in 0..sheet.len() {
        let Some(title) = sheet.take(row, "Lineitem name") else { continue };
        let path = format!("lines[{place}]");
        place += 1;
        let mut put = |field: &str, text: Option<String>| {
            facts.put_some(format!("{path}.{field}"), text);
        };
        put("title", Some(title));
        put("metadata.source_id", Some(format!("{order}:{place}")));
        let sku = sheet.take(row, "Lineitem sku").map(|text| bare(&text).trim().to_owned());
        put("variant", sku.clone().filter(|sku| skus.contains(sku)));
        put("sku", sku);
        for (field, heading) in [
            ("quantity", "Lineitem quantity"),
            ("unit_price", "Lineitem price"),
            ("discount", "Lineitem discount"),
        ] {
            put(field, sheet.take(row, heading).map(|text| amount(&text)));
        }
        let before = sheet.take(row, "Lineitem compare at price");
        put("metadata.compare_at_price", before);
        put("metadata.vendor", sheet.take(row, "Vendor"));
        put("metadata.fulfilment_state", sheet.take(row, "Lineitem fulfillment status"));
        for (field, heading) in
            [("taxable", "Lineitem taxable"), ("requires_shipping", "Lineitem requires shipping")]
        {
            let said = sheet.take(row, heading).and_then(|text| truth(&text));
            put(&format!("metadata.{field}"), said.map(|said| said.to_string()));
        }
    }
    facts.put("line_count", place.to_string());
}

/// One parcel: with everything, or with the lines that were sent.
fn sent(sheet: &Sheet<'_>, fulfilment: &str, facts: &mut Facts) {
    let path = "metadata.fulfilments[0]";
    let sent_lines: Vec<(String, String)> = (0..)
        .map_while(|place| facts.get(&format!("lines[{place}].title")).map(|_| place))
        .filter(|place| {
            facts.get(&format!("lines[{place}].metadata.fulfilment_state")) == Some("fulfilled")
        })
        .filter_map(|place| {
            let text = |field: &str| facts.get(&format!("lines[{place}].{field}"));
            Some((text("metadata.source_id")?.to_owned(), text("quantity")?.to_owned()))
        })
        .collect();
    let has_parcel = match fulfilment {
        "fulfilled" => true,
        "partial" => !sent_lines.is_empty(),
        "restocked" => sheet.peek(0, "Fulfilled at").is_some(),
        _ => false,
    };
    if !has_parcel {
        return;
    }
    facts.put(format!("{path}.state"), fulfilment);
    put_time(facts, &format!("{path}.sent_at"), sheet.first("Fulfilled at"));
    if fulfilment == "partial" {
        for (place, (line, quantity)) in sent_lines.into_iter().enumerate() {
            facts.put(format!("{path}.lines[{place}].line"), line);
            let quantity = decimal(&quantity).map(plain);
            facts.put_some(format!("{path}.lines[{place}].quantity"), quantity);
        }
    }
}

/// What was asked at the checkout, a `name: value` a line.
fn attributes(sheet: &Sheet<'_>, facts: &mut Facts) {
    let Some(text) = sheet.first("Note Attributes") else { return };
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let path = format!("metadata.custom_fields.note_attributes.{}", name.trim());
        facts.put(path, value.strip_prefix(' ').unwrap_or(value));
    }
}
