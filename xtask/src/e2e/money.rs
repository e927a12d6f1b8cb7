//! The money of all orders by currency: in the export files, and in the shop.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::facts::{Kind, Records};

/// Sums that must agree: a fact of the source, and the facts that say the same.
const SUMS: [(&str, &str); 8] = [
    ("revenue", "total"),
    ("by lines", "total_of_lines"),
    ("subtotals", "subtotal"),
    ("shipping", "shipping_total"),
    ("taxes", "tax_total"),
    ("discounts", "discount_total"),
    ("paid", "paid_total"),
    ("refunds", "refunded_total"),
];

/// One sum on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) currency: String,
    pub(crate) name: &'static str,
    pub(crate) orders: usize,
    pub(crate) source: Decimal,
    pub(crate) target: Decimal,
}

/// The sums over the orders that arrived, and how many did not.
pub(crate) fn sums(expected: &Records, actual: &Records) -> (Vec<Sum>, usize) {
    let orders = |records: &Records| -> BTreeMap<String, Vec<(String, super::facts::Facts)>> {
        let mut by_currency: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for ((kind, id), facts) in records {
            let arrived = actual.contains_key(&(*kind, id.clone()));
            if let Some(currency) = facts.get("currency_code").filter(|_| arrived)
                && *kind == Kind::Order
            {
                let entry = (id.clone(), facts.clone());
                by_currency.entry(currency.to_uppercase()).or_default().push(entry);
            }
        }
        by_currency
    };
    let is_order = |id: &&super::facts::Id| id.0 == Kind::Order;
    let held_back = expected.keys().filter(is_order).filter(|id| !actual.contains_key(*id)).count();
    let (source, target) = (orders(expected), orders(actual));
    let currencies: std::collections::BTreeSet<&String> =
        source.keys().chain(target.keys()).collect();
    let mut sums = Vec::new();
    for currency in currencies {
        for (name, field) in SUMS {
            let add = |side: &BTreeMap<String, Vec<(String, super::facts::Facts)>>| -> Decimal {
                let orders = side.get(currency).into_iter().flatten();
                orders.map(|(_, facts)| facts.amount(field)).sum()
            };
            sums.push(Sum {
                currency: currency.clone(),
                name,
                orders: source.get(currency).map_or(0, Vec::len),
                source: add(&source),
                target: add(&target),
            });
        }
    }
    (sums, held_back)
}
