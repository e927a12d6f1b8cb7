//! The money of the shop, old against new, per month and currency.
//!
//! Of each row: what the source's orders say, what the ledger names as not taken over, and what
//! the target says. Old less left out must be new, to the last digit.

use std::collections::BTreeMap;

use cartage_model::Order;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The amounts of an order, or of many in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// What had to be paid.
    pub revenue: Decimal,
    /// Taxes.
    pub tax: Decimal,
    /// Discounts, positive.
    pub discounts: Decimal,
    /// What was given back, positive.
    pub refunds: Decimal,
    /// Shipping.
    pub shipping: Decimal,
}

impl Amounts {
    /// The amounts an order states.
    pub const fn of(order: &Order) -> Self {
        Self {
            revenue: order.total.amount,
            tax: order.tax_total.amount,
            discounts: order.discount_total.amount,
            refunds: order.refunded_total.amount,
            shipping: order.shipping_total.amount,
        }
    }

    /// Sums; at the end of what a decimal holds (28 digits) they stay there and never balance.
    fn add(&mut self, other: &Self) {
        self.revenue = self.revenue.saturating_add(other.revenue);
        self.tax = self.tax.saturating_add(other.tax);
        self.discounts = self.discounts.saturating_add(other.discounts);
        self.refunds = self.refunds.saturating_add(other.refunds);
        self.shipping = self.shipping.saturating_add(other.shipping);
    }
}

/// One sum, old against new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// In the source.
    pub old: Decimal,
    /// Of that, not taken over, with a reason in the ledger.
    pub left_out: Decimal,
    /// In the target.
    pub new: Decimal,
    /// New less what should be there; zero when it balances.
    pub difference: Decimal,
}

impl Sum {
    pub(super) fn new(old: Decimal, left_out: Decimal, new: Decimal) -> Self {
        let difference = new.saturating_sub(old.saturating_sub(left_out));
        // One scale for all four, so that they stand well under each other and none is rounded.
        let parts = [old, left_out, new, difference].map(|part| part.normalize());
        let scale = parts.iter().map(Decimal::scale).max().unwrap_or(0).max(2);
        let [old, left_out, new, difference] = parts.map(|mut part| {
            part.rescale(scale);
            part
        });
        Self { old, left_out, new, difference }
    }
}

/// A month in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyRow {
    /// `YYYY-MM` in UTC; `total` in the rows of totals.
    pub month: String,
    /// ISO 4217.
    pub currency: String,
    /// How many orders the source has.
    pub orders_old: u64,
    /// Of them, how many were not taken over.
    pub orders_left_out: u64,
    /// How many orders the target has.
    pub orders_new: u64,
    /// What had to be paid.
    pub revenue: Sum,
    /// Taxes.
    pub tax: Sum,
    /// Discounts.
    pub discounts: Sum,
    /// Refunds.
    pub refunds: Sum,
    /// Shipping.
    pub shipping: Sum,
}

impl MoneyRow {
    /// Whether every difference is zero, in money and in orders.
    pub fn is_balanced(&self) -> bool {
        self.orders_new + self.orders_left_out == self.orders_old
            && [&self.revenue, &self.tax, &self.discounts, &self.refunds, &self.shipping]
                .iter()
                .all(|sum| sum.difference.is_zero())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Side {
    orders: u64,
    amounts: Amounts,
}

impl Side {
    fn add(&mut self, orders: u64, amounts: &Amounts) {
        self.orders += orders;
        self.amounts.add(amounts);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cell {
    old: Side,
    left_out: Side,
    new: Side,
}

/// Sums up orders as they come, from both sides and in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// By month, then by currency.
    cells: BTreeMap<String, BTreeMap<String, Cell>>,
    /// How many orders were left out, by reason.
    left_out: BTreeMap<String, u64>,
}

impl Reconciliation {
    /// An order of the source.
    pub fn add_source(&mut self, order: &Order) {
        self.cell(&month(order), order.currency.as_str()).old.add(1, &Amounts::of(order));
    }

    /// An order of the source (added by [`Self::add_source`] too) that the ledger names as not
    /// taken over.
    pub fn add_not_migrated(&mut self, order: &Order, reason: &str) {
        *self.left_out.entry(reason.to_owned()).or_default() += 1;
        self.cell(&month(order), order.currency.as_str()).left_out.add(1, &Amounts::of(order));
    }

    /// Orders of the source that could not be read: what they were worth is not known, so they
    /// stand in no row, and are counted beside them.
    pub fn add_unreadable(&mut self, orders: u64) {
        if orders > 0 {
            *self.left_out.entry("unreadable".to_owned()).or_default() += orders;
        }
    }

    /// An order of the target: the month (`YYYY-MM`, UTC) in which it was placed, in its currency
    /// in any case.
    pub fn add_target(&mut self, month: &str, currency: &str, amounts: &Amounts) {
        self.cell(month, &currency.to_uppercase()).new.add(1, amounts);
    }

    /// Adds what another worker summed up.
    pub fn merge(&mut self, other: &Self) {
        for (month, cells) in &other.cells {
            for (currency, cell) in cells {
                let own = self.cell(month, currency);
                own.old.add(cell.old.orders, &cell.old.amounts);
                own.left_out.add(cell.left_out.orders, &cell.left_out.amounts);
                own.new.add(cell.new.orders, &cell.new.amounts);
            }
        }
        for (reason, count) in &other.left_out {
            *self.left_out.entry(reason.clone()).or_default() += count;
        }
    }

    /// The rows by month, then by currency.
    pub fn rows(&self) -> Vec<MoneyRow> {
        self.cells
            .iter()
            .flat_map(|(month, cells)| {
                cells.iter().map(move |(currency, cell)| row(month, currency, cell))
            })
            .collect()
    }

    /// One row per currency over all months.
    pub fn totals(&self) -> Vec<MoneyRow> {
        let mut sums: BTreeMap<&str, Cell> = BTreeMap::new();
        for (currency, cell) in self.cells.values().flatten() {
            let sum = sums.entry(currency).or_default();
            sum.old.add(cell.old.orders, &cell.old.amounts);
            sum.left_out.add(cell.left_out.orders, &cell.left_out.amounts);
            sum.new.add(cell.new.orders, &cell.new.amounts);
        }
        sums.into_iter().map(|(currency, cell)| row("total", currency, &cell)).collect()
    }

    /// How many orders were left out, by reason.
    pub const fn left_out(&self) -> &BTreeMap<String, u64> {
        &self.left_out
    }

    /// Whether every row balances.
    pub fn balanced(&self) -> bool {
        self.rows().iter().all(MoneyRow::is_balanced)
    }

    fn cell(&mut self, month: &str, currency: &str) -> &mut Cell {
        let cells = self.cells.entry(month.to_owned()).or_default();
        cells.entry(currency.to_owned()).or_default()
    }
}

fn month(order: &Order) -> String {
    order.placed_at.utc.format("%Y-%m").to_string()
}

fn row(month: &str, currency: &str, cell: &Cell) -> MoneyRow {
    let sum = |of: fn(&Amounts) -> Decimal| {
        Sum::new(of(&cell.old.amounts), of(&cell.left_out.amounts), of(&cell.new.amounts))
    };
    MoneyRow {
        month: month.to_owned(),
        currency: currency.to_owned(),
        orders_old: cell.old.orders,
        orders_left_out: cell.left_out.orders,
        orders_new: cell.new.orders,
        revenue: sum(|amounts| amounts.revenue),
        tax: sum(|amounts| amounts.tax),
        discounts: sum(|amounts| amounts.discounts),
        refunds: sum(|amounts| amounts.refunds),
        shipping: sum(|amounts| amounts.shipping),
    }
}
