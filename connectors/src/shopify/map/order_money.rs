//! The money of an order.
//!
//! `Subtotal` is after all discounts, and `Total` = `Subtotal` + `Shipping` + `Taxes` + `Duties`,
//! or without `Taxes` where the prices include them; no column says which, the sum does (checked
//! on a real row on 2026-11-23: 84028 × 2 − 5000 = 163056, + 1 + 30981 = 194038).
//! `Lineitem discount` is the line's own; `Discount Amount` is that of the code. Exports were seen
//! in which the second holds the first already: the sum tells that too, and the total never counts
//! a discount twice. Always: the discounts of the lines and of the adjustments make the total.

use cartage_model::{
    Adjustment, AdjustmentKind, AppliedTax, Currency, Money, OrderLine, Refund, ShippingLine,
    Unreadable,
};
use rust_decimal::Decimal;

use super::{sheet::Sheet, value::decimal};

/// All the money that is not a line's or a payment's.
pub(super) struct OrderMoney {
    pub(super) subtotal: Money,
    pub(super) shipping: Money,
    pub(super) tax: Money,
    pub(super) discount: Money,
    pub(super) total: Money,
    pub(super) refunded: Money,
    pub(super) taxes: Vec<AppliedTax>,
    pub(super) taxes_included: Option<bool>,
    pub(super) adjustments: Vec<Adjustment>,
    pub(super) shipping_lines: Vec<ShippingLine>,
    pub(super) refunds: Vec<Refund>,
}

/// How many pairs of `Tax n Name` and `Tax n Value` an export has.
const TAXES_MAX: u32 = 5;

/// Reads the money in the first row.
pub(super) fn read(
    sheet: &mut Sheet,
    currency: &Currency,
    lines: &[OrderLine],
) -> Result<OrderMoney, Unreadable> {
    let mut stated = |key: &str| match sheet.money(0, key, currency) {
        Ok(None) => Err(sheet.is_missing(0, key)),
        Ok(Some(money)) => Ok(money),
        Err(cause) => Err(cause),
    };
    let (subtotal, total) = (stated("subtotal")?, stated("total")?);
    let mut amount = |key: &str| {
        let money = sheet.money(0, key, currency)?;
        Ok(money.unwrap_or_else(|| Money::new(Decimal::ZERO, currency.clone())))
    };
    let (shipping, tax) = (amount("shipping")?, amount("taxes")?);
    let (code_discount, duties) = (amount("discount amount")?, amount("duties")?);
    let refunded = amount("refunded amount")?;
    let discount = Discount::tell(code_discount.amount, subtotal.amount, lines);
    let before_taxes = subtotal.amount + shipping.amount + duties.amount;
    let taxes_included = taxes_included(total.amount, before_taxes, tax.amount);
    let mut adjustments = Vec::new();
    let code = sheet.take_first("discount code");
    if !discount.of_order.is_zero() || code.is_some() {
        let money = Money::new(discount.of_order, currency.clone());
        let kind = AdjustmentKind::Discount;
        adjustments.push(Adjustment { code, ..Adjustment::new(kind, money) });
    }
    if !duties.amount.is_zero() {
        let title = Some("Duties".to_owned());
        let kind = AdjustmentKind::Fee;
        adjustments.push(Adjustment { title, ..Adjustment::new(kind, duties) });
    }
    let method = sheet.take_first("shipping method");
    let has_shipping = method.is_some() || !shipping.amount.is_zero();
    let shipping_line = ShippingLine { title: method, ..ShippingLine::new(shipping.clone()) };
    let refund = Refund::new(refunded.clone());
    Ok(OrderMoney {
        discount: Money::new(discount.total, currency.clone()),
        taxes: taxes(sheet, currency)?,
        taxes_included,
        adjustments,
        shipping_lines: has_shipping.then_some(shipping_line).into_iter().collect(),
        refunds: (!refunded.amount.is_zero()).then_some(refund).into_iter().collect(),
        subtotal,
        shipping,
        tax,
        total,
        refunded,
    })
}

/// What was taken off: by the whole order, and in all.
struct Discount {
    of_order: Decimal,
    total: Decimal,
}

impl Discount {
    fn tell(code: Decimal, subtotal: Decimal, lines: &[OrderLine]) -> Self {
        let before: Decimal = lines.iter().map(|line| line.unit_price.amount * line.quantity).sum();
        let own: Decimal = lines.iter().flat_map(|line| &line.discount).map(|it| it.amount).sum();
        if before - code == subtotal && !own.is_zero() && own <= code {
            Self { of_order: code - own, total: code }
        } else {
            Self { of_order: code, total: code + own }
        }
    }
}

/// Whether the taxes are in the prices, by the sum; none where there are no taxes or neither sum
/// is the total.
fn taxes_included(total: Decimal, before_taxes: Decimal, tax: Decimal) -> Option<bool> {
    if tax.is_zero() {
        None
    } else if total == before_taxes + tax {
        Some(false)
    } else if total == before_taxes {
        Some(true)
    } else {
        None
    }
}

fn taxes(sheet: &mut Sheet, currency: &Currency) -> Result<Vec<AppliedTax>, Unreadable> {
    let mut taxes = Vec::new();
    for place in 1..=TAXES_MAX {
        let Some(money) = sheet.money(0, &format!("tax {place} value"), currency)? else {
            continue;
        };
        let name = sheet.take(0, &format!("tax {place} name"));
        let (title, rate_percent) = name.map(|text| title_and_rate(&text)).unwrap_or_default();
        taxes.push(AppliedTax { title, rate_percent, ..AppliedTax::new(money) });
    }
    Ok(taxes)
}

/// `MwSt. 19%` is a title and a rate.
fn title_and_rate(text: &str) -> (Option<String>, Option<Decimal>) {
    let number = text.trim().strip_suffix('%').map(str::trim_end);
    let is_digit = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == ',';
    let title = number.map(|text| text.trim_end_matches(is_digit));
    let rate = number
        .zip(title)
        .and_then(|(whole, title)| whole.strip_prefix(title))
        .and_then(|rate| decimal(&rate.replace(',', ".")));
    match (title.map(str::trim), rate) {
        (Some(""), Some(_)) | (_, None) => (Some(text.to_owned()), rate),
        (title, Some(_)) => (title.map(str::to_owned), rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tax_name_holds_a_title_and_a_rate() {
        for (text, title, rate) in [
            ("MwSt. 19%", "MwSt.", Some("19")),
            ("TVA 5,5 %", "TVA", Some("5.5")),
            ("New York State Tax 4.000%", "New York State Tax", Some("4.000")),
            ("20%", "20%", Some("20")),
            ("GST", "GST", None),
            ("Plan 9", "Plan 9", None),
        ] {
            let rate = rate.and_then(decimal);
            assert_eq!(title_and_rate(text), (Some(title.to_owned()), rate), "{text}");
        }
    }

    #[test]
    fn the_sum_tells_whether_taxes_are_included() {
        let [total, before, tax] = [119, 119, 19].map(Decimal::from);
        assert_eq!(taxes_included(total, before, tax), Some(true));
        assert_eq!(taxes_included(total + tax, before, tax), Some(false));
        assert_eq!(taxes_included(total + Decimal::ONE, before, tax), None);
        assert_eq!(taxes_included(total, before, Decimal::ZERO), None);
    }
}
