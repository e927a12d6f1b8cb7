//! What is in the generated files: counts, planted faults, money, stock.

use super::Error;
use super::faults::{Fault, Kind, Outcome};
use super::settings::Settings;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What was generated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The seed, also in the settings.
    pub seed: u64,
    /// What was asked for.
    pub settings: Settings,
    /// The file names, in the order they were written.
    pub files: Vec<String>,
    /// How many records and parts of records the files hold.
    pub records: Counts,
    /// The planted faults by name; see [`Fault`].
    pub faults: BTreeMap<String, Planted>,
    /// How many records of each kind should end in each outcome. Records without a fault count as
    /// `migrated`; a target that rounds or shortens something may make them `changed`, so compare
    /// the sum of the two.
    pub expected_outcomes: BTreeMap<Kind, BTreeMap<Outcome, usize>>,
    /// The money of the orders that should arrive, by currency and month (in UTC) of `Created at`.
    pub money: BTreeMap<String, BTreeMap<String, MonthMoney>>,
    /// The same of orders that should not; `?` where the currency or the date cannot be read.
    pub money_held_back: BTreeMap<String, BTreeMap<String, MonthMoney>>,
    /// Units in stock.
    pub stock: Stock,
}

/// How many there are of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Products: distinct handles.
    pub products: usize,
    /// Variants: rows with option values.
    pub variants: usize,
    /// Images: rows with an image address.
    pub images: usize,
    /// Collections: distinct names in the `Collection` column (none in the older layout).
    pub collections: usize,
    /// Customer accounts.
    pub customers: usize,
    /// Orders, those of a repeated number counted one by one.
    pub orders: usize,
    /// Order lines.
    pub lines: usize,
    /// Orders whose e-mail belongs to no account.
    pub guest_orders: usize,
    /// Orders with a discount, by code or on a line.
    pub discounted_orders: usize,
    /// Orders paid back in whole or in part.
    pub refunded_orders: usize,
    /// Cancelled orders.
    pub cancelled_orders: usize,
}

/// One fault and the records that carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    /// The kind of record.
    pub kind: Kind,
    /// The audit rule that should find it.
    pub rule: String,
    /// How many records carry it.
    pub count: usize,
    /// Their ids: a product's handle; a customer's id (in the older layout the e-mail as written,
    /// or `row:3` for the third customer where that is empty); an order's name.
    pub source_ids: Vec<String>,
    /// Beside each id what else is needed to tell the record: the handle of the product or the id
    /// of the customer it repeats; for a repeated order number this order's own `Id`; else empty.
    pub related_ids: Vec<String>,
    /// What should become of them.
    pub expected_outcome: Outcome,
}

/// The money of one month in one currency, as the order files state it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthMoney {
    /// How many orders.
    pub orders: usize,
    /// The sum of `Total`, cancelled and refunded orders included.
    pub revenue: Decimal,
    /// The sum of `Subtotal`.
    pub subtotal: Decimal,
    /// The sum of `Taxes`, whether they were added or contained.
    pub tax: Decimal,
    /// The sum of `Discount Amount` and of every `Lineitem discount`.
    pub discounts: Decimal,
    /// The sum of `Refunded Amount`.
    pub refunds: Decimal,
    /// The sum of `Shipping`.
    pub shipping: Decimal,
}

impl MonthMoney {
    pub(super) fn add(&mut self, other: &MonthMoney) {
        self.orders += other.orders;
        self.revenue += other.revenue;
        self.subtotal += other.subtotal;
        self.tax += other.tax;
        self.discounts += other.discounts;
        self.refunds += other.refunds;
        self.shipping += other.shipping;
    }
}

/// Units in stock over all tracked variants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// The plain sum of the files, negative numbers included.
    pub in_files: i64,
    /// What should be in the target: products that do not arrive left out, negative stock as none.
    pub expected: i64,
}

impl Manifest {
    pub(super) fn new(settings: &Settings) -> Self {
        Manifest {
            seed: settings.seed,
            settings: settings.clone(),
            files: Vec::new(),
            records: Counts::default(),
            faults: BTreeMap::new(),
            expected_outcomes: BTreeMap::new(),
            money: BTreeMap::new(),
            money_held_back: BTreeMap::new(),
            stock: Stock::default(),
        }
    }

    /// Notes a record, with the fault it carries and the other record that fault points to.
    pub(super) fn note(&mut self, kind: Kind, id: &str, fault: Option<(Fault, String)>) {
        let outcome =
            fault.as_ref().map_or(Outcome::Migrated, |(fault, _)| fault.expected_outcome());
        *self.expected_outcomes.entry(kind).or_default().entry(outcome).or_default() += 1;
        let Some((fault, related)) = fault else { return };
        let planted = self.faults.entry(fault.name().to_owned()).or_insert_with(|| Planted {
            kind: fault.kind(),
            rule: fault.rule().to_owned(),
            count: 0,
            source_ids: Vec::new(),
            related_ids: Vec::new(),
            expected_outcome: fault.expected_outcome(),
        });
        planted.count += 1;
        planted.source_ids.push(id.to_owned());
        planted.related_ids.push(related);
    }

    pub(super) fn note_collections(&mut self, names: &BTreeSet<&str>) {
        self.records.collections = names.len();
        names.iter().for_each(|name| self.note(Kind::Collection, name, None));
    }

    /// How many records there are in all.
    pub fn total(&self) -> usize {
        self.expected_outcomes.values().flat_map(BTreeMap::values).sum()
    }

    /// How many records should end in an outcome.
    pub fn expected(&self, outcome: Outcome) -> usize {
        self.expected_outcomes.values().filter_map(|kind| kind.get(&outcome)).sum()
    }

    pub(super) fn save(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(path, text).map_err(|source| Error::io(path, source))
    }
}

/// Where the manifest of a folder lies: beside it, `<folder>.manifest.json`.
pub fn manifest_path(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().map(|name| name.to_owned()).unwrap_or_default();
    name.push(".manifest.json");
    directory.with_file_name(name)
}
