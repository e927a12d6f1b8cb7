//! The money of all orders by month and currency, and the stock of all variants by location: in
//! the export files, in the shop, and in the records that were left out.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::facts::{Facts, Id, Kind, Records, decimal};

/// Sums that must agree: a fact of the source, and the facts that say the same.
const SUMS: [(&str, &str); 9] = [
    ("orders", ""),
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Currency and month, or the location.
    pub(crate) of: (String, String),
    /// What is summed up.
    pub(crate) name: &'static str,
    /// In all records of the source.
    pub(crate) source: Decimal,
    /// In records of the source that are not in the shop.
    pub(crate) left_out: Decimal,
    /// In the shop.
    pub(crate) target: Decimal,
}

impl Sum {
    /// Whether what arrived and what was left out make the source.
    pub(crate) fn is_equal(&self) -> bool {
        self.source == self.target + self.left_out
    }
}

/// The money, by currency, month and sum.
pub(crate) fn money(expected: &Records, actual: &Records) -> Vec<Sum> {
    let entries = |facts: &Facts| {
        let [currency, placed_at] = ["currency_code", "placed_at"].map(|it| facts.get(it));
        let currency = currency.unwrap_or("?").to_uppercase();
        let month = placed_at.and_then(|time| time.get(..7)).unwrap_or("?").to_owned();
        let value = |field: &str| if field.is_empty() { Decimal::ONE } else { facts.amount(field) };
        let sums = SUMS.iter().map(|(name, field)| (*name, value(field)));
        sums.map(|(name, value)| ((currency.clone(), month.clone()), name, value)).collect()
    };
    sums(Kind::Order, expected, actual, entries)
}

/// The pieces in stock, by location.
pub(crate) fn stock(expected: &Records, actual: &Records) -> Vec<Sum> {
    let entries = |facts: &Facts| {
        let pieces = |(path, text): (&String, &String)| {
            let (_, rest) = path.strip_prefix("variants[")?.split_once(']')?;
            let location = rest.strip_prefix(".stock.")?;
            Some(((location.to_owned(), String::new()), "pieces", decimal(text)?))
        };
        facts.0.iter().filter_map(pieces).collect()
    };
    sums(Kind::Product, expected, actual, entries)
}

/// Something to be summed up: of what, by which name, how much.
type Entry = ((String, String), &'static str, Decimal);

fn sums(
    kind: Kind,
    expected: &Records,
    actual: &Records,
    entries: impl Fn(&Facts) -> Vec<Entry>,
) -> Vec<Sum> {
    let mut sums: BTreeMap<((String, String), usize), Sum> = BTreeMap::new();
    let mut add = |facts: &Facts, part: fn(&mut Sum) -> &mut Decimal| {
        for (place, (of, name, value)) in entries(facts).into_iter().enumerate() {
            let place = if name == "pieces" { 0 } else { place };
            let sum = sums.entry((of.clone(), place)).or_default();
            (sum.of, sum.name) = (of, name);
            *part(sum) += value;
        }
    };
    let wanted = |(id, _): &(&Id, &Facts)| id.0 == kind;
    for (id, facts) in expected.iter().filter(wanted) {
        add(facts, |sum| &mut sum.source);
        if !actual.contains_key(id) {
            add(facts, |sum| &mut sum.left_out);
        }
    }
    for (_, facts) in actual.iter().filter(wanted) {
        add(facts, |sum| &mut sum.target);
    }
    sums.into_values().collect()
}

/// The sums of all months together, and in how many months.
pub(crate) fn by_currency(sums: &[Sum]) -> Vec<(Sum, usize)> {
    let mut all: BTreeMap<(&str, usize), (Sum, BTreeSet<&str>)> = BTreeMap::new();
    for sum in sums {
        let place = SUMS.iter().position(|(name, _)| *name == sum.name).unwrap_or_default();
        let (whole, months) = all.entry((&sum.of.0, place)).or_default();
        whole.of.0.clone_from(&sum.of.0);
        whole.name = sum.name;
        whole.source += sum.source;
        whole.left_out += sum.left_out;
        whole.target += sum.target;
        months.insert(&sum.of.1);
    }
    all.into_values().map(|(sum, months)| (sum, months.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: &str, month: &str, total: &str) -> (Id, Facts) {
        let mut facts = Facts::default();
        facts.put("currency_code", "eur");
        facts.put("placed_at", format!("{month}-01T10:00:00Z"));
        facts.put("total", total);
        ((Kind::Order, id.to_owned()), facts)
    }

    #[test]
    fn what_arrived_and_what_was_left_out_make_the_source_month_by_month() {
        let source: Records =
            [order("1", "2026-01", "10.5"), order("2", "2026-01", "4"), order("3", "2026-02", "1")]
                .into();
        let target: Records = [order("1", "2026-01", "10.5"), order("3", "2026-03", "1")].into();
        let revenue: Vec<(String, bool)> = money(&source, &target)
            .into_iter()
            .filter(|sum| sum.name == "revenue")
            .map(|sum| (sum.of.1.clone(), sum.is_equal()))
            .collect();
        let wanted = [("2026-01", true), ("2026-02", false), ("2026-03", false)];
        assert_eq!(revenue, wanted.map(|(month, equal)| (month.to_owned(), equal)));
        let whole = by_currency(&money(&source, &target));
        let (sum, months) = whole.iter().find(|(sum, _)| sum.name == "revenue").unwrap();
        assert_eq!((sum.left_out, *months), (Decimal::from(4), 3));
    }

    #[test]
    fn stock_is_summed_up_by_location() {
        let mut facts = Facts::default();
        facts.put("variants[0].stock.Cartage stock", "3");
        facts.put("variants[1].stock.Cartage stock", "4");
        facts.put("variants[1].stock.Hall 2", "1");
        let records = Records::from([((Kind::Product, "p".to_owned()), facts)]);
        let sums = stock(&records, &records);
        let found: Vec<(&str, Decimal)> =
            sums.iter().map(|sum| (sum.of.0.as_str(), sum.source)).collect();
        assert_eq!(found, [("Cartage stock", Decimal::from(7)), ("Hall 2", Decimal::ONE)]);
        assert!(sums.iter().all(Sum::is_equal));
        assert!(!stock(&records, &Records::new()).iter().any(|sum| sum.left_out.is_zero()));
    }
}
