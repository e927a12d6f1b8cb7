//! What an order comes to: subtotal, taxes, total, refunds.

use super::money::share;
use super::order::{Order, State};
use rust_decimal::Decimal;

/// One `Tax n Name` and `Tax n Value`.
pub(super) struct Tax {
    pub(super) name: &'static str,
    pub(super) value: Decimal,
}

/// What some orders bear beside a state's and a county's tax; the last one says no rate.
const RARE_TAXES: &[(&str, i64)] =
    &[("City Tax 0.5%", 5), ("Transit Tax 0.3%", 3), ("District Tax", 2)];

/// Fills in everything that follows from lines, discounts and shipping.
pub(super) fn add_up(order: &mut Order) {
    let lines: Decimal = order.lines.iter().map(|line| line.amount()).sum();
    let code = order.code.map_or(Decimal::ZERO, |(_, amount)| amount);
    order.subtotal = order.currency.round(lines - code);
    let reduced: Decimal =
        order.lines.iter().filter(|line| line.reduced_tax).map(|line| line.amount()).sum();
    order.taxes = taxes(order, lines, reduced);
    let country = order.person.address.country;
    let added = if country.inclusive { Decimal::ZERO } else { order.tax() };
    order.total = order.subtotal + order.shipping.1 + added + order.duties;
    order.refunded = refunded(order);
    order.owed = match order.state {
        State::Pending | State::Authorised | State::Expired => order.total,
        State::PartlyPaid => order.currency.round(order.total / Decimal::TWO),
        _ => Decimal::ZERO,
    };
}

/// The taxes on subtotal and shipping. The code's discount is spread over the two rates in
/// proportion to what it was taken from.
fn taxes(order: &Order, lines: Decimal, reduced: Decimal) -> Vec<Tax> {
    if order.person.tax_exempt {
        return Vec::new();
    }
    let country = order.person.address.country;
    let reduced_share = if lines.is_zero() { Decimal::ZERO } else { reduced / lines };
    let reduced_base = order.currency.round(order.subtotal * reduced_share);
    let full_base = order.subtotal - reduced_base + order.shipping.1;
    let is_rare = country.taxes.len() > 1 && order.rarity.is_some_and(|number| number % 3 != 1);
    let more: &[(&'static str, i64)] = if is_rare { RARE_TAXES } else { &[] };
    let full = country.taxes.iter().chain(more).map(|rate| (*rate, full_base));
    let rates = full.chain(country.reduced.map(|rate| (rate, reduced_base)));
    let value = |base: Decimal, per_mille: i64| {
        let percent = Decimal::new(per_mille, 1);
        let value = match country.inclusive {
            true => base * percent / (Decimal::ONE_HUNDRED + percent),
            false => share(base, percent),
        };
        order.currency.round(value)
    };
    rates
        .filter(|(_, base)| !base.is_zero())
        .map(|((name, per_mille), base)| Tax { name, value: value(base, per_mille) })
        .collect()
}

fn refunded(order: &Order) -> Decimal {
    match order.state {
        State::Refunded | State::CancelledRefunded => order.total,
        // The price of one line, never more than half of what was paid.
        State::PartlyRefunded => {
            let line = order.lines.first().map_or(Decimal::ZERO, |line| line.price);
            order.currency.round(line.min(order.total / Decimal::TWO))
        }
        _ => Decimal::ZERO,
    }
}
