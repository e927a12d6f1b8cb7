//! What the records of a run will need in the target, found in one pass over the snapshot.

use std::collections::BTreeSet;

use cartage_connectors::Needs;
use cartage_model::{Kind, Order, Product, Record};

use super::super::{
    Work,
    records::{ScopeMeter, Way},
};
use crate::error::Result;

/// Gathers the needs of all records in scope.
pub(super) async fn gather(work: &Work, way: &Way) -> Result<Needs> {
    let mut found = Found::default();
    for kind in way.kinds() {
        if !matches!(kind, Kind::Product | Kind::Customer | Kind::Order) {
            continue;
        }
        let mut meter = ScopeMeter::default();
        let mut first = 0;
        loop {
            work.go_on()?;
            let (records, next) = way.page(kind, first, &mut meter).await?;
            for stored in &records {
                found.add(&stored.record);
            }
            match next {
                Some(next) => first = next,
                None => break,
            }
        }
    }
    let list = |set: BTreeSet<String>| set.into_iter().collect();
    Ok(Needs {
        currencies: list(found.currencies),
        countries: list(found.countries),
        locations: list(found.locations),
        tags: list(found.tags),
        merchandise_types: list(found.merchandise_types),
    })
}

#[derive(Default)]
struct Found {
    currencies: BTreeSet<String>,
    countries: BTreeSet<String>,
    locations: BTreeSet<String>,
    tags: BTreeSet<String>,
    merchandise_types: BTreeSet<String>,
}

impl Found {
    fn add(&mut self, record: &Record) {
        match record {
            Record::Product(product) => self.add_product(product),
            Record::Customer(customer) => {
                let countries = customer.addresses.iter().filter_map(|it| it.country_code.clone());
                self.countries.extend(countries);
            }
            Record::Order(order) => self.add_order(order),
            _ => {}
        }
    }

    fn add_product(&mut self, product: &Product) {
        self.tags.extend(product.tags.iter().cloned());
        self.merchandise_types.extend(product.merchandise_type.clone());
        for variant in &product.variants {
            let currencies = variant.prices.iter().map(|price| price.money.currency.to_string());
            self.currencies.extend(currencies);
            let locations =
                variant.stock.iter().map(|stock| stock.location.clone().unwrap_or_default());
            self.locations.extend(locations);
        }
    }

    fn add_order(&mut self, order: &Order) {
        self.currencies.insert(order.currency.to_string());
        for address in [&order.billing_address, &order.shipping_address].into_iter().flatten() {
            self.countries.extend(address.address.country_code.clone());
        }
    }
}
