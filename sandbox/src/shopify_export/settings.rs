//! What shop to make: its size, its layout, its currencies, and whether things are wrong in it.

use super::money::Currency;
use serde::{Deserialize, Serialize};

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
        }
    }
}

impl Settings {
    /// Shopify mails big product exports in parts; so does the generator.
    pub const PRODUCTS_PER_FILE: usize = 1_000;

    /// The project's fixture for a real target: 300 products, 300 customers and 500 orders with
    /// refunds, discounts, guests and several currencies, and none but harmless faults.
    pub fn end_to_end() -> Self {
        Settings {
            seed: 7,
            products: 300,
            customers: 300,
            orders: 500,
            faults: false,
            ..Settings::default()
        }
    }

    /// The currency products are priced in.
    pub(super) fn shop_currency(&self) -> Currency {
        self.currencies.first().copied().unwrap_or(Currency::Eur)
    }
}
