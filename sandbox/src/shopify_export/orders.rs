//! The order file, with the faults of orders, and what every customer has spent.

use super::columns;
use super::faults::{Fault, Kind};
use super::manifest::{Manifest, MonthMoney};
use super::money::Currency;
use super::order::Order;
use super::order_rows::{self, Altered};
use super::plan::{Plan, Planned};
use super::settings::Settings;
use super::table::Table;
use super::{Error, time};
use rust_decimal::Decimal;
use std::path::Path;

/// How often each customer ordered, and for how much in the shop's currency.
pub(super) struct Spent(Vec<(u32, Decimal)>);

impl Spent {
    pub(super) fn orders(&self, customer: usize) -> u32 {
        self.0.get(customer).map_or(0, |(orders, _)| *orders)
    }

    pub(super) fn money(&self, customer: usize) -> Decimal {
        self.0.get(customer).map_or(Decimal::ZERO, |(_, money)| *money)
    }

    fn add(&mut self, order: &Order, currency: Currency) {
        let Some(entry) = order.customer.and_then(|customer| self.0.get_mut(customer)) else {
            return;
        };
        let received = order.total - order.refunded - order.owed;
        let paid = if order.is_paid() { received } else { Decimal::ZERO };
        entry.0 += 1;
        entry.1 += order.currency.convert(paid, currency);
    }
}

/// Writes every order, the newest first, as Shopify does.
pub(super) fn write(
    settings: &Settings,
    plan: &Plan,
    directory: &Path,
    manifest: &mut Manifest,
) -> Result<Spent, Error> {
    let mut spent = Spent(vec![(0, Decimal::ZERO); settings.customers]);
    for file in settings.files("orders", settings.orders, usize::MAX) {
        let mut table = Table::create(&directory.join(&file.name), &columns::order(file.layout))?;
        for index in file.records.rev() {
            let mut order = Order::make(settings, plan, index);
            let planned = plan.of(Kind::Order, index);
            let altered = planned.map(|planned| spoil(&mut order, planned)).unwrap_or_default();
            order_rows::write(&mut table, file.layout, &order, &altered)?;
            spent.add(&order, settings.shop_currency());
            note(&order, planned, &altered, manifest);
        }
        table.finish()?;
        manifest.files.push(file.name);
    }
    Ok(spent)
}

fn spoil(order: &mut Order, planned: Planned) -> Altered {
    let mut altered = Altered::default();
    match planned.fault {
        Fault::WithoutLines => altered.without_lines = true,
        Fault::InvalidCurrency => altered.currency = Some("EURO"),
        Fault::DuplicateNumber => {
            altered.name = planned.partner.map(|index| format!("#{}", 1001 + index));
        }
        Fault::MalformedDate => altered.created = Some("2026-13-45 25:61:00 +0100".to_owned()),
        Fault::MalformedQuantity => altered.quantity = Some("two"),
        Fault::TotalMismatch => order.total += Decimal::ONE,
        Fault::FutureDate => {
            order.created += chrono::TimeDelta::days(5 * 365);
        }
        Fault::UnknownProduct => {
            if let Some(line) = order.lines.first_mut() {
                line.name = "Discontinued Thing, old stock".to_owned();
                line.sku = format!("OLD-{}", order.name.trim_start_matches('#'));
            }
        }
        _ => {}
    }
    altered
}

fn note(order: &Order, planned: Option<Planned>, altered: &Altered, manifest: &mut Manifest) {
    let records = &mut manifest.records;
    records.orders += 1;
    records.lines += if altered.without_lines { 0 } else { order.lines.len() };
    records.guest_orders += usize::from(order.customer.is_none());
    records.discounted_orders += usize::from(!order.discounts().is_zero());
    records.refunded_orders += usize::from(!order.refunded.is_zero());
    records.cancelled_orders += usize::from(order.cancelled().is_some());

    let arrives = planned.is_none_or(|planned| planned.fault.expected_outcome().arrives());
    let money = if arrives { &mut manifest.money } else { &mut manifest.money_held_back };
    let currency = if altered.currency.is_some() { "?" } else { order.currency.code() };
    let month = match altered.created {
        Some(_) => "?".to_owned(),
        None => time::month(order.created),
    };
    let months = money.entry(currency.to_owned()).or_default();
    months.entry(month).or_default().add(&stated(order, altered));

    let name = altered.name.as_ref().unwrap_or(&order.name);
    let related = match planned.map(|planned| planned.fault) {
        Some(Fault::DuplicateNumber) => order.id.clone(),
        _ => String::new(),
    };
    manifest.note(Kind::Order, name, planned.map(|planned| (planned.fault, related)));
}

/// The money of one order as the file states it.
fn stated(order: &Order, altered: &Altered) -> MonthMoney {
    let code = order.code.map_or(Decimal::ZERO, |(_, amount)| amount);
    MonthMoney {
        orders: 1,
        revenue: order.total,
        subtotal: order.subtotal,
        tax: order.tax(),
        discounts: if altered.without_lines { code } else { order.discounts() },
        refunds: order.refunded,
        shipping: order.shipping.1,
    }
}
