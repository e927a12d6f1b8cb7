//! The lines of an order, one per row that names something sold.

use cartage_model::{Currency, OrderLine, Unreadable};

use super::{
    super::{group::unguarded, reason},
    sheet::Sheet,
    value::truth,
};

/// The lines, at least one.
pub(super) fn read_all(
    order: &str,
    sheet: &mut Sheet,
    currency: &Currency,
) -> Result<Vec<OrderLine>, Unreadable> {
    let says = |row: &usize| {
        ["lineitem name", "lineitem quantity", "lineitem sku"]
            .iter()
            .any(|key| sheet.look(*row, key).is_some())
    };
    let rows: Vec<usize> = (0..sheet.len()).filter(says).collect();
    let mut lines = Vec::new();
    for (row, position) in rows.into_iter().zip(1..) {
        lines.push(read(order, sheet, row, position, currency)?);
    }
    if lines.is_empty() {
        let message = "No row of the order names anything sold.";
        return Err(Unreadable::record(reason::ORDER_WITHOUT_LINES, message));
    }
    Ok(lines)
}

fn read(
    order: &str,
    sheet: &mut Sheet,
    row: usize,
    position: u32,
    currency: &Currency,
) -> Result<OrderLine, Unreadable> {
    let Some(quantity) = sheet.number(row, "lineitem quantity")? else {
        return Err(sheet.is_missing(row, "lineitem quantity"));
    };
    let Some(unit_price) = sheet.money(row, "lineitem price", currency)? else {
        return Err(sheet.is_missing(row, "lineitem price"));
    };
    let sku = sheet.take(row, "lineitem sku").map(|text| unguarded(&text).trim().to_owned());
    Ok(OrderLine {
        sku,
        title: sheet.take(row, "lineitem name").unwrap_or_default(),
        vendor: sheet.take(row, "vendor"),
        compare_at_price: sheet.money(row, "lineitem compare at price", currency)?,
        discount: sheet.money(row, "lineitem discount", currency)?,
        taxable: sheet.take_as(row, "lineitem taxable", truth),
        requires_shipping: sheet.take_as(row, "lineitem requires shipping", truth),
        fulfilment_state: sheet.take(row, "lineitem fulfillment status"),
        ..OrderLine::new(format!("{order}:{position}"), position, quantity, unit_price)
    })
}
