//! The shops we migrate: public sample exports where they are on the machine, and made-up ones.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use cartage_sandbox::shopify_export::{self, Settings};

use super::facts::Kind;
use super::table::Table;

/// A shop in export files.
#[derive(Debug)]
pub(crate) struct Shop {
    /// What we call it; also the last part of resource names.
    pub(crate) name: &'static str,
    /// Where its files lie.
    pub(crate) folder: PathBuf,
    /// In which its prices are.
    pub(crate) currency: &'static str,
    /// Kinds of which there must be some.
    pub(crate) kinds: &'static [Kind],
    /// Whether nothing is wrong with any of its records, so that all must arrive.
    pub(crate) is_faultless: bool,
    /// Its files.
    pub(crate) tables: Vec<Table>,
}

/// The samples beside the repository; none where they are not there.
pub(crate) fn samples(root: &Path) -> Result<Option<Shop>> {
    let folder = root.join("../shared/data/shopify");
    let Ok(folder) = folder.canonicalize() else { return Ok(None) };
    let kinds = &[Kind::Product];
    Ok(Some(Shop::open("samples", folder, "USD", kinds, false)?))
}

/// A made-up shop with every kind of record: some dozens each, or in full some hundreds.
pub(crate) fn fixtures(folder: &Path, full: bool) -> Result<Shop> {
    let whole = Settings::end_to_end();
    let settings = match full {
        true => whole,
        false => Settings { products: 60, customers: 60, orders: 60, ..whole },
    };
    shopify_export::generate(&settings, folder).context("making the fixtures")?;
    Shop::open("fixtures", folder.to_owned(), "EUR", &Kind::ALL, true)
}

impl Shop {
    pub(crate) fn open(
        name: &'static str,
        folder: PathBuf,
        currency: &'static str,
        kinds: &'static [Kind],
        is_faultless: bool,
    ) -> Result<Self> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "csv") {
                paths.push(path);
            }
        }
        paths.sort();
        ensure!(!paths.is_empty(), "there is no CSV file in {}", folder.display());
        let tables = paths.iter().map(|path| Table::read(path)).collect::<Result<_>>()?;
        Ok(Self { name, folder, currency, kinds, is_faultless, tables })
    }
}
