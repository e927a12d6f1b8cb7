//! What the records of a run will need in the target, found in one pass over the snapshot.
//!
//! A run that brings records up to date passes over those that stand as they were written: what they
//! need, the run that wrote them has prepared, and is in what was kept of it.

use std::collections::{BTreeSet, HashSet};

use cartage_connectors::Needs;
use cartage_model::{Kind, Order, Product, Record};

use super::super::{
    Work,
    records::{PAGE_RECORDS, ScopeMeter, Way},
};
use crate::{
    app::run::{Run, RunKind, link_space},
    error::Result,
    store::resource::Resource,
};

/// Gathers the needs of all records in scope, and those of the runs before this one where it goes on
/// from what they wrote.
pub(super) async fn gather(work: &Work, way: &Way, run: &Resource<Run>) -> Result<Needs> {
    let mut found = Found::default();
    let mut goes_on = run.body.kind.updates();
    if goes_on {
        let going_on = [RunKind::Delta, RunKind::Reapply].map(|kind| kind.as_str().to_lowercase());
        let mut tx = work.begin().await?;
        let earlier = tx.run_needs(&link_space(run), &going_on).await?;
        tx.rollback().await?;
        for needs in earlier {
            match serde_json::from_value(needs)? {
                Some(needs) => found.add_needs(needs),
                // It was not kept yet when that run was prepared.
                None => goes_on = false,
            }
        }
    }
    for kind in way.kinds() {
        if !matches!(kind, Kind::Product | Kind::Customer | Kind::Order) {
            continue;
        }
        let mut meter = ScopeMeter::default();
        let mut first = 0;
        loop {
            work.go_on()?;
            let mut page = way.heads(kind, first, &mut meter).await?;
            let done = if goes_on {
                let ids: Vec<String> = page.heads.iter().map(|it| it.source_id.clone()).collect();
                let mut tx = work.begin().await?;
                let done = tx.run_record_done(&run.name, kind.as_str(), &ids).await?;
                tx.rollback().await?;
                done.into_iter().collect()
            } else {
                HashSet::new()
            };
            let left = page.left(&done);
            for ordinals in left.chunks(PAGE_RECORDS) {
                for stored in way.read(kind, &mut page, ordinals).await? {
                    found.add(&stored.record);
                }
            }
            match page.next {
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
    fn add_needs(&mut self, needs: Needs) {
        let Needs { currencies, countries, locations, tags, merchandise_types } = needs;
        self.currencies.extend(currencies);
        self.countries.extend(countries);
        self.locations.extend(locations);
        self.tags.extend(tags);
        self.merchandise_types.extend(merchandise_types);
    }

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
