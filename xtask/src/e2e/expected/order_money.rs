//! The money of an order: what the shop must say of it, and what is kept in its own words.

use rust_decimal::Decimal;

use super::super::facts::{Facts, amount, decimal, plain};
use super::{Sheet, put_time};

/// Notes all money of an order whose lines are noted.
pub(super) fn read(sheet: &Sheet<'_>, financial: &str, paid_at: Option<String>, facts: &mut Facts) {
    let currency = facts.get("currency_code").unwrap_or_default().to_uppercase();
    let of = |heading: &str| sheet.first(heading).as_deref().and_then(decimal).unwrap_or_default();
    let [subtotal, shipping, tax, total] = ["Subtotal", "Shipping", "Taxes", "Total"].map(of);
    let [code_discount, refunded, duties] =
        ["Discount Amount", "Refunded Amount", "Duties"].map(of);
    let line_discounts: Decimal = facts
        .0
        .iter()
        .filter(|(path, _)| path.starts_with("lines[") && path.ends_with("].discount"))
        .filter_map(|(_, text)| decimal(text))
        .sum();
    facts.put_amount("subtotal", subtotal);
    facts.put_amount("shipping_total", shipping);
    facts.put_amount("tax_total", tax);
    facts.put_amount("discount_total", code_discount + line_discounts);
    facts.put_amount("total", total);
    facts.put_amount("total_of_lines", total);
    facts.put_amount("item_total", total - shipping);
    facts.put_amount("refunded_total", refunded);
    facts.put_amount("refunds", refunded);
    // No column says whether prices hold the tax: the sum does.
    let before_tax = subtotal + shipping + duties;
    if !tax.is_zero() && (before_tax == total || before_tax + tax == total) {
        let included = before_tax == total;
        facts.put("order.taxes_included", included.to_string());
        facts.put_amount("tax_contained", if included { tax } else { Decimal::ZERO });
    }
    taxes(sheet, &currency, facts);
    adjustments(sheet, code_discount, duties, &currency, facts);
    if let Some(method) = sheet.first("Shipping Method") {
        facts.put("shipping_lines[0].title", method);
        facts.put_amount("shipping_lines[0].amount", shipping);
    }
    if !refunded.is_zero() {
        put_money(facts, "order.refunds[0].money", refunded, &currency);
    }
    payment(sheet, financial, paid_at, total, facts);
}

/// A sum in its own words.
fn put_money(facts: &mut Facts, path: &str, amount: Decimal, currency: &str) {
    facts.put_amount(format!("{path}.amount"), amount);
    facts.put(format!("{path}.currency"), currency);
}

/// Taxes by name and rate, which stand in one text.
fn taxes(sheet: &Sheet<'_>, currency: &str, facts: &mut Facts) {
    let mut place = 0;
    for number in 1..=5 {
        let Some(value) = sheet.first(&format!("Tax {number} Value")) else { continue };
        let name = sheet.first(&format!("Tax {number} Name")).unwrap_or_default();
        let path = format!("order.taxes[{place}]");
        place += 1;
        let (title, rate) = match name.strip_suffix('%').and_then(|it| it.rsplit_once(' ')) {
            Some((title, rate)) if decimal(rate).is_some() => (title.trim(), amount(rate)),
            _ => (name.as_str(), String::new()),
        };
        facts.put(format!("{path}.title"), title);
        facts.put(format!("{path}.rate_percent"), rate);
        facts.put(format!("{path}.money.amount"), amount(&value));
        facts.put(format!("{path}.money.currency"), currency);
    }
}

fn adjustments(
    sheet: &Sheet<'_>,
    discount: Decimal,
    duties: Decimal,
    currency: &str,
    facts: &mut Facts,
) {
    let code = sheet.first("Discount Code");
    let mut place = 0;
    if code.is_some() || !discount.is_zero() {
        facts.put("order.adjustments[0].kind", "discount");
        facts.put_some("order.adjustments[0].code", code);
        put_money(facts, "order.adjustments[0].money", discount, currency);
        place += 1;
    }
    if !duties.is_zero() {
        facts.put_amount("extra.fee", duties);
        facts.put(format!("order.adjustments[{place}].kind"), "fee");
        facts.put(format!("order.adjustments[{place}].title"), "Duties");
        put_money(facts, &format!("order.adjustments[{place}].money"), duties, currency);
    }
}

fn payment(
    sheet: &Sheet<'_>,
    financial: &str,
    paid_at: Option<String>,
    total: Decimal,
    facts: &mut Facts,
) {
    let currency = facts.get("currency_code").unwrap_or_default().to_uppercase();
    let state = match financial {
        "pending" => "pending",
        "authorized" => "authorized",
        "paid" | "partially_paid" | "partially_refunded" | "refunded" => "captured",
        "voided" | "expired" => "voided",
        _ => "",
    };
    let says_what_is_open = sheet.peek(0, "Outstanding Balance").is_some();
    if financial == "partially_paid" && !says_what_is_open {
        // How much was paid stands nowhere: nothing is made up, and the cells are kept.
        facts.put_amount("paid_total", facts.amount("refunded_total"));
        facts.put_amount("payments", facts.amount("refunded_total"));
        return;
    }
    let open = sheet.peek(0, "Outstanding Balance").and_then(decimal).unwrap_or_default();
    if open.is_zero() {
        sheet.mark(0, "Outstanding Balance");
    }
    let paid = if financial == "partially_paid" { total - open } else { total };
    let captured = if state == "captured" { paid } else { Decimal::ZERO };
    let captured = captured.max(facts.amount("refunded_total"));
    facts.put_amount("paid_total", captured);
    facts.put_amount("payments", captured);
    if state.is_empty() {
        return;
    }
    let path = "order.payments[0]";
    facts.put(format!("{path}.state"), state);
    facts.put(format!("{path}.money.amount"), plain(paid));
    facts.put(format!("{path}.money.currency"), currency);
    facts.put_some(format!("{path}.source_id"), sheet.first("Payment ID"));
    let reference = sheet.first("Payment Reference");
    if sheet.peek(0, "Payment References") == reference.as_deref() {
        sheet.mark(0, "Payment References");
    }
    facts.put_some(format!("{path}.reference"), reference);
    facts.put_some(format!("{path}.method"), sheet.first("Payment Method"));
    put_time(facts, &format!("{path}.paid_at"), paid_at);
}
