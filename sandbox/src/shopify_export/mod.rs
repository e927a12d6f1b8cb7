//! A made-up shop in the words of Shopify's own CSV exports, for the demo and the tests.
//!
//! [`generate`] writes the files a merchant would download (products, customers, orders) and a
//! [`Manifest`] of what is in them: how many records, how much money, and every planted fault with
//! the ids of the records that carry it. The same [`Settings`] give the same bytes, always.
//!
//! Every record is drawn from a random stream of its own (seed, kind, index), so a record can be
//! made again whenever another one needs it and nothing has to be kept in memory; records are
//! written one by one. At most one fault is planted in a record, so the counts of the manifest add
//! up without overlaps.
//!
//! What the files look like, and where that was learnt, stands in `columns.rs`; the faults and what
//! a target makes of them in `faults.rs`; how an order's money adds up in `order.rs`.

mod catalogue;
mod columns;
mod customer;
mod customer_rows;
mod error;
mod faults;
mod manifest;
mod money;
mod order;
mod order_money;
mod order_rows;
mod orders;
mod places;
mod plan;
mod product;
mod product_rows;
mod random;
mod settings;
mod table;
mod text;
mod time;
mod words;

pub use error::Error;
pub use faults::{Fault, Kind, Outcome};
pub use manifest::{Counts, Manifest, MonthMoney, Planted, Stock, manifest_path};
pub use money::Currency;
pub use settings::{Layout, Settings};

use plan::Plan;
use std::path::Path;

/// Writes the exports of one shop into `directory` (made where missing) and its manifest beside it.
///
/// Files: `products_export.csv` (or `products_export_1.csv`, `products_export_2.csv` … where there
/// are more than [`Settings::PRODUCTS_PER_FILE`]), `customers_export.csv`, `orders_export.csv`, and
/// [`manifest_path`], outside the folder so that a reader of the folder meets only exports.
pub fn generate(settings: &Settings, directory: &Path) -> Result<Manifest, Error> {
    std::fs::create_dir_all(directory).map_err(|source| Error::io(directory, source))?;
    let plan = Plan::new(settings);
    let mut manifest = Manifest::new(settings);
    catalogue::write(settings, &plan, directory, &mut manifest)?;
    let spent = orders::write(settings, &plan, directory, &mut manifest)?;
    customer_rows::write(settings, &plan, directory, &spent, &mut manifest)?;
    manifest.save(&manifest_path(directory))?;
    Ok(manifest)
}
