//! Orders; lines, money and payments are in files of their own.
//!
//! The exports name neither the customer nor the products of an order by their ids: a customer is
//! found by e-mail and a variant by SKU, which is the pipeline's to do. `Location` and `Employee`
//! stay among the unknown fields: numbers are counted by the shop, not by its counters.

use cartage_model::{Currency, CustomField, Order, OrderNote, OrderState, Unreadable};

use super::{
    super::{group::unguarded, reason},
    address,
    field::custom,
    order_line, order_money, order_payment,
    sheet::Sheet,
    value::list,
};

/// The order that the rows say.
pub(super) fn read(
    source_id: &str,
    mut sheet: Sheet,
    assumed_utc_offset_s: i32,
) -> Result<Order, Unreadable> {
    let currency = currency(&mut sheet)?;
    let Some(number) = sheet.take_first("name") else { return Err(sheet.is_missing(0, "name")) };
    sheet.take_first("id");
    let lines = order_line::read_all(source_id, &mut sheet, &currency)?;
    let money = order_money::read(&mut sheet, &currency, &lines)?;
    let Some(placed_at) = sheet.instant("created at", assumed_utc_offset_s)? else {
        return Err(sheet.is_missing(0, "created at"));
    };
    let paid_at = sheet.instant("paid at", assumed_utc_offset_s)?;
    let cancelled_at = sheet.instant("cancelled at", assumed_utc_offset_s)?;
    let sent_at = sheet.instant("fulfilled at", assumed_utc_offset_s)?;
    let financial_status = sheet.take_first("financial status");
    let fulfilment_status = sheet.take_first("fulfillment status");
    let financial = word(financial_status.as_deref());
    let fulfilment = word(fulfilment_status.as_deref());
    let payments = order_payment::payments(&mut sheet, &financial, &money.total, paid_at.clone())?;
    let fulfilments = order_payment::fulfilments(&fulfilment, sent_at, &lines);
    if fulfilments.is_empty() {
        sheet.give_back(0, "fulfilled at");
    }
    Ok(Order {
        number,
        state: state(cancelled_at.is_some(), &financial, &fulfilment),
        financial_status,
        email: sheet.take_first("email"),
        phone: sheet.take_first("phone").map(|text| unguarded(&text).to_owned()),
        taxes_included: money.taxes_included,
        taxes: money.taxes,
        adjustments: money.adjustments,
        shipping_lines: money.shipping_lines,
        billing_address: address::billing(&mut sheet),
        shipping_address: address::shipping(&mut sheet),
        subtotal: money.subtotal,
        shipping_total: money.shipping,
        tax_total: money.tax,
        discount_total: money.discount,
        total: money.total,
        refunded_total: money.refunded,
        payments,
        refunds: money.refunds,
        fulfilments,
        fulfilment_status,
        lines,
        notes: notes(&mut sheet),
        tags: sheet.take_first("tags").map(|text| list(&text)).unwrap_or_default(),
        channel: sheet.take_first("source"),
        paid_at,
        cancelled_at,
        custom_fields: attributes(&mut sheet),
        unknown: sheet.rest(),
        ..Order::new(source_id.to_owned(), currency, placed_at)
    })
}

fn word(text: Option<&str>) -> String {
    text.unwrap_or_default().trim().to_lowercase()
}

fn currency(sheet: &mut Sheet) -> Result<Currency, Unreadable> {
    let Some(text) = sheet.take_first("currency") else {
        return Err(sheet.is_missing(0, "currency"));
    };
    Currency::parse(&text).map_err(|_| {
        let heading = sheet.heading("currency");
        let message = "The currency is not a code of three letters.";
        Unreadable::field(reason::CURRENCY_INVALID, heading, message)
    })
}

fn state(is_cancelled: bool, financial: &str, fulfilment: &str) -> OrderState {
    let is_settled = matches!(financial, "paid" | "partially_refunded" | "refunded");
    if is_cancelled {
        OrderState::Cancelled
    } else if fulfilment == "fulfilled" && is_settled {
        OrderState::Completed
    } else {
        OrderState::Open
    }
}

fn notes(sheet: &mut Sheet) -> Vec<OrderNote> {
    let text = sheet.take_first("notes");
    let note = |text| OrderNote { text, ..OrderNote::default() };
    text.into_iter().map(note).collect()
}

/// `Note Attributes`: a `name: value` per line. A line without a name goes on with the value above
/// it; text that begins without one is left over as it is.
fn attributes(sheet: &mut Sheet) -> Vec<CustomField> {
    let Some(text) = sheet.look(0, "note attributes") else { return Vec::new() };
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.split_once(": ").or_else(|| line.split_once(':')), pairs.last_mut()) {
            (Some((name, value)), _) => pairs.push((name.trim().to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push('\n');
                value.push_str(line);
            }
            (None, None) => return Vec::new(),
        }
    }
    sheet.take_first("note attributes");
    pairs.into_iter().map(|(name, value)| custom("note_attributes", &name, value)).collect()
}
