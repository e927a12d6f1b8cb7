//! The product files, with the faults of products.

use super::columns;
use super::faults::{Fault, Kind};
use super::manifest::Manifest;
use super::plan::{Plan, Planned};
use super::product::{Product, Variant};
use super::settings::Settings;
use super::table::Table;
use super::text;
use super::{Error, Layout, product_rows};
use std::collections::BTreeSet;
use std::path::Path;

/// Writes every product, in as many files as it takes.
pub(super) fn write(
    settings: &Settings,
    plan: &Plan,
    directory: &Path,
    manifest: &mut Manifest,
) -> Result<(), Error> {
    let mut collections = BTreeSet::new();
    for file in settings.files("products", settings.products, Settings::PRODUCTS_PER_FILE) {
        let path = directory.join(&file.name);
        let mut table = Table::create(&path, &columns::product(file.layout))?;
        for index in file.records {
            let product = write_one(settings, plan, index, &mut table, manifest)?;
            if file.layout == Layout::Current {
                collections.insert(product.collection);
            }
        }
        table.finish()?;
        manifest.files.push(file.name);
    }
    collections.remove("");
    manifest.note_collections(&collections);
    Ok(())
}

fn write_one(
    settings: &Settings,
    plan: &Plan,
    index: usize,
    table: &mut Table,
    manifest: &mut Manifest,
) -> Result<Product, Error> {
    let mut product = Product::make(settings, index);
    let planned = plan.of(Kind::Product, index);
    let mut related = String::new();
    if let Some(Planned { fault, partner }) = planned {
        let partner = partner.map(|index| Product::make(settings, index));
        spoil(&mut product, fault, partner.as_ref());
        related = partner.map(|partner| partner.handle).unwrap_or_default();
    }
    product_rows::write(table, &product)?;
    let fault = planned.map(|planned| (planned.fault, related));
    let arrives = planned.is_none_or(|planned| planned.fault.expected_outcome().arrives());
    manifest.note(Kind::Product, &product.handle, fault);
    count(&product, arrives, manifest);
    Ok(product)
}

fn count(product: &Product, arrives: bool, manifest: &mut Manifest) {
    manifest.records.products += 1;
    manifest.records.variants += product.variants.len();
    manifest.records.images += product.images.len();
    for units in product.variants.iter().filter_map(|variant| variant.stock) {
        manifest.stock.in_files += units;
        manifest.stock.expected += if arrives { units.max(0) } else { 0 };
    }
}

fn spoil(product: &mut Product, fault: Fault, partner: Option<&Product>) {
    match fault {
        Fault::MissingTitle => product.title.clear(),
        Fault::MalformedPrice => first(product, |variant| variant.price = "12,5O".to_owned()),
        Fault::NegativePrice => first(product, |variant| variant.price.insert(0, '-')),
        Fault::MissingPrice => first(product, |variant| variant.price.clear()),
        Fault::ZeroPrice => {
            product.variants.iter_mut().for_each(|variant| variant.price = "0.00".to_owned());
        }
        Fault::DuplicateSku => {
            if let Some(sku) = partner.and_then(|partner| partner.variants.first()) {
                first(product, |variant| variant.sku.clone_from(&sku.sku));
            }
        }
        Fault::DuplicateVariant => repeat_variant(product),
        Fault::UnsafeHandle => product.handle = format!("Größe {} & mehr", product.handle),
        Fault::NegativeStock => first(product, |variant| variant.stock = Some(-3)),
        Fault::OverlongTitle => product.title = text::overlong(&product.title, 300),
        Fault::MojibakeText => {
            product.title = text::mojibake(&format!("Grüne Schürze {}", product.handle));
            product.body = text::mojibake("<p>Schöne Küche für alle Räume</p>");
        }
        Fault::BrokenHtml => product.body = "<p>Half a <b>sentence and <div>no end".to_owned(),
        Fault::InvalidBarcode => first(product, |variant| {
            let digits: String = variant.barcode.chars().skip(2).take(10).collect();
            variant.barcode = text::wrong_barcode(digits.parse().unwrap_or_default());
        }),
        Fault::MissingImageAlt => product.images.iter_mut().for_each(|image| image.alt.clear()),
        Fault::MissingSeo => product.seo = None,
        _ => {}
    }
}

fn first(product: &mut Product, change: impl FnOnce(&mut Variant)) {
    if let Some(variant) = product.variants.first_mut() {
        change(variant);
    }
}

/// Adds a variant with the option values of the first, and a SKU of its own.
fn repeat_variant(product: &mut Product) {
    let Some(variant) = product.variants.first() else { return };
    let again = Variant {
        values: variant.values.clone(),
        sku: format!("{}-B", variant.sku),
        barcode: String::new(),
        price: variant.price.clone(),
        compare_at: String::new(),
        cost: variant.cost.clone(),
        grams: variant.grams,
        stock: variant.stock,
        continue_selling: false,
        image: None,
    };
    product.variants.push(again);
}
