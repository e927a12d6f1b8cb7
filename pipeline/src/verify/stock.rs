//! The stock of the shop, old against new, per location.

use std::collections::BTreeMap;

use cartage_model::Product;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::money::Sum;

/// The units at one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRow {
    /// The location; empty for the nameless one.
    pub location: String,
    /// Its units.
    pub units: Sum,
}

/// Sums up stock as it comes, from both sides and in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReconciliation {
    locations: BTreeMap<String, Units>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Units {
    old: Decimal,
    left_out: Decimal,
    new: Decimal,
}

impl StockReconciliation {
    /// The stock of a product of the source.
    pub fn add_source(&mut self, product: &Product) {
        self.add(product, |units| &mut units.old);
    }

    /// The stock of a product of the source (added by [`Self::add_source`] too) that the ledger
    /// names as not taken over.
    pub fn add_not_migrated(&mut self, product: &Product) {
        self.add(product, |units| &mut units.left_out);
    }

    /// Units of the source at a location that are known not to be taken over.
    pub fn add_left_out(&mut self, location: &str, quantity: Decimal) {
        let units = self.locations.entry(location.to_owned()).or_default();
        units.left_out = units.left_out.saturating_add(quantity);
    }

    /// Units in the target, at the location by its name in the source; none is the nameless one.
    pub fn add_target(&mut self, location: Option<&str>, quantity: Decimal) {
        let units = self.locations.entry(location.unwrap_or_default().to_owned()).or_default();
        units.new = units.new.saturating_add(quantity);
    }

    /// Adds what another worker summed up.
    pub fn merge(&mut self, other: &Self) {
        for (location, units) in &other.locations {
            let own = self.locations.entry(location.clone()).or_default();
            own.old = own.old.saturating_add(units.old);
            own.left_out = own.left_out.saturating_add(units.left_out);
            own.new = own.new.saturating_add(units.new);
        }
    }

    /// The rows by location.
    pub fn rows(&self) -> Vec<StockRow> {
        self.locations
            .iter()
            .map(|(location, units)| StockRow {
                location: location.clone(),
                units: Sum::new(units.old, units.left_out, units.new),
            })
            .collect()
    }

    /// Whether every location balances.
    pub fn balanced(&self) -> bool {
        self.rows().iter().all(|row| row.units.difference.is_zero())
    }

    fn add(&mut self, product: &Product, side: fn(&mut Units) -> &mut Decimal) {
        for stock in product.variants.iter().flat_map(|variant| &variant.stock) {
            let location = stock.location.clone().unwrap_or_default();
            let sum = side(self.locations.entry(location).or_default());
            *sum = sum.saturating_add(stock.quantity);
        }
    }
}
