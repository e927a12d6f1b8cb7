//! The tables of orders and what belongs to them. Amounts are in the order's currency.

use cartage_model::{AppliedTax, Kind, Order, OrderAddress};

use super::{
    ColumnType::{Decimal, Flag, Text, Time, Whole},
    Result, Root, Rows, Table, name, position, row, scope_cells,
};

const ORDER_ONLY: &[Kind] = &[Kind::Order];

/// Declares a table whose rows come from orders.
macro_rules! tables {
    ($($table:ident $name:literal { $($column:literal: $type:ident),+ $(,)? })+) => {
        $(static $table: Table = Table {
            name: $name,
            kinds: ORDER_ONLY,
            columns: &[$(($column, $type)),+],
        };)+

        /// The tables of orders.
        pub(super) static TABLES: &[&Table] = &[$(&$table),+];
    };
}

tables! {
    ORDER "order" {
        "ordinal": Whole, "source_id": Text, "record_hash": Text, "document": Text,
        "number": Text, "store": Text, "state": Text, "financial_status": Text,
        "fulfilment_status": Text, "customer_id": Text, "email": Text, "phone": Text,
        "guest": Flag, "currency": Text, "taxes_included": Flag, "subtotal": Decimal,
        "shipping_total": Decimal, "tax_total": Decimal, "discount_total": Decimal,
        "total": Decimal, "refunded_total": Decimal, "line_count": Whole, "channel": Text,
        "placed_at": Time, "paid_at": Time, "cancelled_at": Time, "scope_level": Text,
        "scope_code": Text,
    }
    LINE "order_line" {
        "order_id": Text, "position": Whole, "source_id": Text, "product_id": Text,
        "variant_id": Text, "sku": Text, "title": Text, "vendor": Text, "quantity": Decimal,
        "unit_price": Decimal, "compare_at_price": Decimal, "discount": Decimal,
        "currency": Text, "taxable": Flag, "requires_shipping": Flag, "fulfilment_state": Text,
        "parent_line_id": Text,
    }
    TAX "order_tax" {
        "order_id": Text, "position": Whole, "line_position": Whole, "title": Text,
        "rate_percent": Decimal, "amount": Decimal, "currency": Text,
    }
    ADJUSTMENT "order_adjustment" {
        "order_id": Text, "position": Whole, "adjustment_kind": Text, "code": Text,
        "title": Text, "amount": Decimal, "currency": Text,
    }
    SHIPPING_LINE "order_shipping_line" {
        "order_id": Text, "position": Whole, "title": Text, "amount": Decimal, "currency": Text,
    }
    PAYMENT "order_payment" {
        "order_id": Text, "position": Whole, "source_id": Text, "method": Text,
        "reference": Text, "state": Text, "amount": Decimal, "currency": Text, "paid_at": Time,
    }
    REFUND "order_refund" {
        "order_id": Text, "position": Whole, "source_id": Text, "amount": Decimal,
        "currency": Text, "reason": Text, "refunded_at": Time,
    }
    ADDRESS "order_address" {
        "order_id": Text, "role": Text, "full_name": Text, "first_name": Text,
        "last_name": Text, "company": Text, "line1": Text, "line2": Text, "city": Text,
        "postal_code": Text, "province": Text, "province_code": Text, "country_code": Text,
        "country": Text, "phone": Text,
    }
    FULFILMENT "order_fulfilment" {
        "order_id": Text, "position": Whole, "source_id": Text, "state": Text, "carrier": Text,
        "sent_at": Time,
    }
    INVOICE "order_invoice" {
        "order_id": Text, "position": Whole, "invoice_kind": Text, "number": Text,
        "amount": Decimal, "currency": Text, "issued_at": Time,
    }
    TAG "order_tag" { "order_id": Text, "position": Whole, "tag": Text }
}

/// Pushes an order's rows.
pub(super) fn push(rows: &mut dyn Rows, root: &Root<'_>, order: &Order) -> Result<()> {
    let id = order.source_id.as_str();
    let (level, code) = scope_cells(order.scope.as_ref());
    row!(
        rows,
        ORDER,
        root.ordinal,
        id,
        root.hash,
        root.document,
        &order.number,
        &order.store,
        name(order.state)?,
        &order.financial_status,
        &order.fulfilment_status,
        &order.customer,
        &order.email,
        &order.phone,
        order.guest,
        order.currency.as_str(),
        order.taxes_included,
        order.subtotal.amount,
        order.shipping_total.amount,
        order.tax_total.amount,
        order.discount_total.amount,
        order.total.amount,
        order.refunded_total.amount,
        order.lines.len(),
        &order.channel,
        &order.placed_at,
        &order.paid_at,
        &order.cancelled_at,
        level,
        code,
    );
    push_lines(rows, id, order)?;
    push_taxes(rows, id, None, &order.taxes)?;
    push_money(rows, id, order)?;
    push_papers(rows, id, order)?;
    let addresses = [("billing", &order.billing_address), ("shipping", &order.shipping_address)];
    for (role, address) in addresses {
        if let Some(address) = address {
            push_address(rows, id, role, address)?;
        }
    }
    Ok(())
}

fn push_lines(rows: &mut dyn Rows, id: &str, order: &Order) -> Result<()> {
    for (index, line) in order.lines.iter().enumerate() {
        row!(
            rows,
            LINE,
            id,
            position(index),
            &line.source_id,
            &line.product,
            &line.variant,
            &line.sku,
            &line.title,
            &line.vendor,
            line.quantity,
            line.unit_price.amount,
            line.compare_at_price.as_ref().map(|money| money.amount),
            line.discount.as_ref().map(|money| money.amount),
            line.unit_price.currency.as_str(),
            line.taxable,
            line.requires_shipping,
            &line.fulfilment_state,
            &line.parent_line,
        );
        push_taxes(rows, id, Some(position(index)), &line.taxes)?;
    }
    Ok(())
}

/// The taxes of a line, or of the whole order where no line is given.
fn push_taxes(
    rows: &mut dyn Rows,
    id: &str,
    line: Option<u64>,
    taxes: &[AppliedTax],
) -> Result<()> {
    for (index, tax) in taxes.iter().enumerate() {
        let (amount, currency) = (tax.money.amount, tax.money.currency.as_str());
        let (place, rate) = (position(index), tax.rate_percent);
        row!(rows, TAX, id, place, line, &tax.title, rate, amount, currency);
    }
    Ok(())
}

fn push_money(rows: &mut dyn Rows, id: &str, order: &Order) -> Result<()> {
    for (index, it) in order.adjustments.iter().enumerate() {
        let (amount, currency) = (it.money.amount, it.money.currency.as_str());
        let (place, kind) = (position(index), name(it.kind)?);
        row!(rows, ADJUSTMENT, id, place, kind, &it.code, &it.title, amount, currency);
    }
    for (index, it) in order.shipping_lines.iter().enumerate() {
        let (amount, currency) = (it.money.amount, it.money.currency.as_str());
        row!(rows, SHIPPING_LINE, id, position(index), &it.title, amount, currency);
    }
    for (index, payment) in order.payments.iter().enumerate() {
        row!(
            rows,
            PAYMENT,
            id,
            position(index),
            &payment.source_id,
            &payment.method,
            &payment.reference,
            name(payment.state)?,
            payment.money.amount,
            payment.money.currency.as_str(),
            &payment.paid_at,
        );
    }
    for (index, it) in order.refunds.iter().enumerate() {
        let (amount, currency) = (it.money.amount, it.money.currency.as_str());
        let (place, source_id) = (position(index), &it.source_id);
        row!(rows, REFUND, id, place, source_id, amount, currency, &it.reason, &it.refunded_at);
    }
    Ok(())
}

fn push_papers(rows: &mut dyn Rows, id: &str, order: &Order) -> Result<()> {
    for (index, it) in order.fulfilments.iter().enumerate() {
        let (place, source_id) = (position(index), &it.source_id);
        row!(rows, FULFILMENT, id, place, source_id, &it.state, &it.carrier, &it.sent_at);
    }
    for (index, it) in order.invoices.iter().enumerate() {
        let amount = it.money.as_ref().map(|money| money.amount);
        let currency = it.money.as_ref().map(|money| money.currency.as_str());
        let (place, kind) = (position(index), name(it.kind)?);
        row!(rows, INVOICE, id, place, kind, &it.number, amount, currency, &it.issued_at);
    }
    for (index, tag) in order.tags.iter().enumerate() {
        row!(rows, TAG, id, position(index), tag);
    }
    Ok(())
}

fn push_address(
    rows: &mut dyn Rows,
    id: &str,
    role: &str,
    order_address: &OrderAddress,
) -> Result<()> {
    let address = &order_address.address;
    row!(
        rows,
        ADDRESS,
        id,
        role,
        &order_address.full_name,
        &address.first_name,
        &address.last_name,
        &address.company,
        &address.line1,
        &address.line2,
        &address.city,
        &address.postal_code,
        &address.province,
        &address.province_code,
        &address.country_code,
        &address.country,
        &address.phone,
    );
    Ok(())
}
