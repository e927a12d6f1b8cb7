//! What shop to make: its size, its layout, its currencies, and whether things are wrong in it.

use super::money::Currency;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which of Shopify's column layouts the files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// What Shopify writes today: product category, status, metafields, markets, customer ids.
    Current,
    /// What it wrote until about 2021: none of these; a customer has no id but the e-mail.
    Older,
}

/// What [`generate`](super::generate) is to make. The defaults are the demo's shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where all randomness comes from.
    pub seed: u64,
    /// How many products; 2,000 in the demo.
    pub products: usize,
    /// How many customer accounts; 5,000 in the demo. Guests exist only in orders.
    pub customers: usize,
    /// How many orders; 8,000 in the demo.
    pub orders: usize,
    /// The column layout.
    pub layout: Layout,
    /// Whether faults that cost or change a record are planted. Harmless ones
    /// ([`Fault::harmless`](super::Fault::harmless)) always are.
    pub faults: bool,
    /// The currencies orders are paid in; the first is the shop's own, in which products are priced.
    pub currencies: Vec<Currency>,
    /// Whether there is what few shops have: tax codes, duties, five taxes on an order, unit prices,
    /// prices per market, metafields of customers, orders that are authorised or paid in part; and
    /// the oldest third of every kind in a file of its own, in the older layout.
    #[serde(default)]
    pub rare: bool,
}

/// One file: its name, its layout, and which records stand in it.
pub(super) struct File {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) records: Range<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            seed: 2026,
            products: 2_000,
            customers: 5_000,
            orders: 8_000,
            layout: Layout::Current,
            faults: true,
            currencies: vec![Currency::Eur, Currency::Usd, Currency::Gbp, Currency::Jpy],
            rare: false,
        }
    }
}

impl Settings {
    /// Shopify mails big product exports in parts; so does the generator.
    pub const PRODUCTS_PER_FILE: usize = 1_000;

    /// The project's fixture for a real target: 300 products, 300 customers and 500 orders with
    /// refunds, discounts, guests, several currencies and all that is rare, in both layouts, and
    /// none but harmless faults.
    pub fn end_to_end() -> Self {
        Settings {
            seed: 7,
            products: 300,
            customers: 300,
            orders: 500,
            faults: false,
            rare: true,
            ..Settings::default()
        }
    }

    /// The files that `records` records of a kind are written to, at most `most` in each.
    pub(super) fn files(&self, kind: &str, records: usize, most: usize) -> Vec<File> {
        let ranges = match self.rare {
            true => vec![(self.layout, records / 3..records), (Layout::Older, 0..records / 3)],
            false => {
                let parts = 0..records.div_ceil(most).max(1);
                let range = |part: usize| part * most..records.min((part + 1).saturating_mul(most));
                parts.map(|part| (self.layout, range(part))).collect()
            }
        };
        let is_whole = ranges.len() == 1;
        let name = |place: usize| match is_whole {
            true => format!("{kind}_export.csv"),
            false => format!("{kind}_export_{}.csv", place + 1),
        };
        let file = |(place, (layout, records))| File { name: name(place), layout, records };
        ranges.into_iter().enumerate().map(file).collect()
    }

    /// The number by which a record chooses what is rare about it; none in an ordinary shop.
    pub(super) fn rarity(&self, index: usize) -> Option<usize> {
        self.rare.then_some(index)
    }

    /// The currency products are priced in.
    pub(super) fn shop_currency(&self) -> Currency {
        self.currencies.first().copied().unwrap_or(Currency::Eur)
    }
}
