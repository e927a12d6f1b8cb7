//! An order as rows: the first carries the order and its first line, the following ones its name,
//! e-mail and date, and a line each.

use super::Error;
use super::customer::Address;
use super::order::{Line, Order, State};
use super::settings::Layout;
use super::table::{Table, truth, yes};
use super::time;
use super::words::NOTES;
use chrono::TimeDelta;
use rust_decimal::Decimal;

/// What the cells of the first row say in place of what the order is, where it is at fault.
#[derive(Default)]
pub(super) struct Altered {
    pub(super) name: Option<String>,
    pub(super) currency: Option<&'static str>,
    pub(super) created: Option<String>,
    pub(super) quantity: Option<&'static str>,
    pub(super) without_lines: bool,
}

/// Writes all rows of an order.
pub(super) fn write(
    table: &mut Table,
    layout: Layout,
    order: &Order,
    altered: &Altered,
) -> Result<(), Error> {
    let lines: &[Line] = if altered.without_lines { &[] } else { &order.lines };
    for place in 0..lines.len().max(1) {
        let created = altered.created.clone().unwrap_or_else(|| time::text(order.created));
        table.set("Name", altered.name.as_ref().unwrap_or(&order.name));
        table.set("Email", &order.person.email);
        table.set("Created at", created);
        if let Some(line) = lines.get(place) {
            set_line(table, order, place, line);
        }
        if place == 0 {
            set_order(table, order, altered);
            set_money(table, order);
            let guard = if layout == Layout::Current { "'" } else { "" };
            set_address(table, "Billing", &order.person.name(), &order.person.address, guard);
            set_address(table, "Shipping", &order.person.name(), &order.ship_to, guard);
        }
        table.end_row()?;
    }
    Ok(())
}

fn set_order(table: &mut Table, order: &Order, altered: &Altered) {
    let (financial, fulfilment) = words(order.state);
    let later = |hours| time::text(order.created + TimeDelta::hours(hours));
    let has_parcel = fulfilment == "fulfilled"
        || order.state == State::PartlyFulfilled && order.lines.len() > 1
        || order.state == State::CancelledRefunded && order.rarity.is_some();
    let number: usize =
        order.name.chars().filter_map(|sign| sign.to_digit(10)).sum::<u32>() as usize;
    let note = if number.is_multiple_of(9) { NOTES[number % NOTES.len()] } else { "" };
    let attributes =
        if number.is_multiple_of(7) { "gift_wrap: yes\nreferrer: newsletter, March" } else { "" };
    table.set_all([
        ("Financial Status", financial),
        ("Fulfillment Status", fulfilment),
        ("Accepts Marketing", yes(order.person.accepts_email)),
        ("Currency", altered.currency.unwrap_or(order.currency.code())),
        ("Shipping Method", order.shipping.0),
        ("Notes", note),
        ("Note Attributes", attributes),
        ("Payment Method", order.payment),
        ("Id", &order.id),
        ("Tags", if order.customer.is_none() { "guest" } else { "" }),
        ("Risk Level", "Low"),
        ("Source", "web"),
        ("Phone", &order.person.phone),
        ("Receipt Number", ""),
    ]);
    if let Some(quantity) = altered.quantity {
        table.set("Lineitem quantity", quantity);
    }
    if order.is_paid() {
        let reference = format!("c{}.1", order.id);
        table.set("Paid at", later(0));
        table.set("Payment Reference", &reference);
        table.set("Payment ID", &reference);
        table.set("Payment References", &reference);
    }
    if has_parcel {
        table.set("Fulfilled at", later(30));
    }
    match order.rarity {
        Some(number) if number % 10 == 2 => table.set_all([
            ("Source", "pos"),
            ("Employee", "Ada Lovelace"),
            ("Location", "Lindenstraße 1"),
            ("Device ID", "12"),
            ("Receipt Number", "2-1017"),
        ]),
        Some(_) if order.state == State::Pending => {
            table.set("Payment Terms Name", "Net 30");
            table.set("Next Payment Due At", later(30 * 24));
        }
        _ => {}
    }
    if let Some(cancelled) = order.cancelled() {
        table.set("Cancelled at", time::text(cancelled));
    }
}

fn set_money(table: &mut Table, order: &Order) {
    let text = |amount| order.currency.text(amount);
    table.set_all([
        ("Subtotal", text(order.subtotal)),
        ("Shipping", text(order.shipping.1)),
        ("Taxes", text(order.tax())),
        ("Total", text(order.total)),
        ("Discount Amount", text(order.code.map_or(Decimal::ZERO, |(_, amount)| amount))),
        ("Refunded Amount", text(order.refunded)),
        ("Outstanding Balance", text(order.owed)),
    ]);
    if !order.duties.is_zero() {
        table.set("Duties", text(order.duties));
    }
    if let Some((code, _)) = order.code {
        table.set("Discount Code", code);
    }
    for (place, tax) in order.taxes.iter().enumerate() {
        table.set(&format!("Tax {} Name", place + 1), tax.name);
        table.set(&format!("Tax {} Value", place + 1), text(tax.value));
    }
}

fn set_line(table: &mut Table, order: &Order, place: usize, line: &Line) {
    let text = |amount| order.currency.text(amount);
    table.set_all([
        ("Lineitem quantity", line.quantity.to_string()),
        ("Lineitem name", line.name.clone()),
        ("Lineitem price", text(line.price)),
        ("Lineitem compare at price", line.compare_at.map(text).unwrap_or_default()),
        ("Lineitem sku", line.sku.clone()),
        ("Lineitem requires shipping", truth(line.ships).to_owned()),
        ("Lineitem taxable", truth(!order.person.tax_exempt).to_owned()),
        ("Lineitem discount", text(line.discount)),
        ("Vendor", line.vendor.to_owned()),
    ]);
    table.set("Lineitem fulfillment status", sent(order, place));
}

/// What became of a line: of an order that was sent in part the first line, or a part of its only
/// one.
fn sent(order: &Order, place: usize) -> &'static str {
    match words(order.state).1 {
        "fulfilled" => "fulfilled",
        "partial" if order.lines.len() == 1 => "partial",
        "partial" if place == 0 => "fulfilled",
        _ => "pending",
    }
}

fn set_address(table: &mut Table, side: &str, name: &str, address: &Address, guard: &str) {
    let cells = [
        ("Name", name.to_owned()),
        ("Street", address.street()),
        ("Address1", address.line1.clone()),
        ("Address2", address.line2.clone()),
        ("Company", address.company.clone()),
        ("City", address.city.to_owned()),
        ("Zip", format!("{guard}{}", address.zip)),
        ("Province", address.province_code.to_owned()),
        ("Province Name", address.province.to_owned()),
        ("Country", address.country.code.to_owned()),
        ("Phone", address.phone.clone()),
    ];
    for (column, value) in cells {
        table.set(&format!("{side} {column}"), value);
    }
}

/// The words for a state: financial status and fulfilment status.
fn words(state: State) -> (&'static str, &'static str) {
    match state {
        State::Pending => ("pending", "unfulfilled"),
        State::Paid => ("paid", "unfulfilled"),
        State::Fulfilled => ("paid", "fulfilled"),
        State::PartlyFulfilled => ("paid", "partial"),
        State::PartlyRefunded => ("partially_refunded", "fulfilled"),
        State::Refunded => ("refunded", "fulfilled"),
        State::Voided => ("voided", "unfulfilled"),
        State::CancelledRefunded => ("refunded", "restocked"),
        State::Authorised => ("authorized", "unfulfilled"),
        State::PartlyPaid => ("partially_paid", "unfulfilled"),
        State::Expired => ("expired", "unfulfilled"),
    }
}
