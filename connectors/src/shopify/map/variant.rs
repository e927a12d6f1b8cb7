//! Variants of a product.
//!
//! Prices: `Variant Price` is what is asked, so it is the regular price; `Variant Compare At
//! Price` is shown struck through beside it, so it is an MSRP. Taking the second for the regular
//! price and the first for a special one would make a sale of what is the shop's plain price.

use std::collections::HashMap;

use cartage_model::{
    Currency, Price, PriceKind, SelectedOption, Stock, Unreadable, Variant, Weight, WeightUnit,
};

use super::{
    super::{group::unguarded, layout::is_market},
    field::{google, metafields},
    sheet::Sheet,
    value::truth,
};

/// What only rows with a variant have.
const VARIANT_KEYS: &[&str] = &[
    "option1 value",
    "option2 value",
    "option3 value",
    "variant sku",
    "variant grams",
    "variant inventory tracker",
    "variant inventory qty",
    "variant inventory policy",
    "variant fulfillment service",
    "variant price",
    "variant compare at price",
    "variant requires shipping",
    "variant taxable",
    "variant barcode",
    "cost per item",
];

/// The variants of a product, at least one: rows that have only an image are none.
pub(super) fn read_all(
    product: &str,
    sheet: &mut Sheet,
    names: &[Option<String>; 3],
    currency: &Currency,
) -> Result<Vec<Variant>, Unreadable> {
    let says = |row: &usize| VARIANT_KEYS.iter().any(|key| sheet.look(*row, key).is_some());
    let mut rows: Vec<usize> = (0..sheet.len()).filter(says).collect();
    if rows.is_empty() {
        rows.push(0);
    }
    let mut met: HashMap<String, u32> = HashMap::new();
    let mut variants = Vec::new();
    for row in rows {
        let mut variant = read(sheet, row, names, currency)?;
        let id = id(product, &variant.options);
        let times = met.entry(id.clone()).and_modify(|times| *times += 1).or_insert(1);
        // Two variants with the same options: the audit's to find, ours to keep apart.
        variant.source_id = if *times > 1 { format!("{id}~{times}") } else { id };
        variants.push(variant);
    }
    Ok(variants)
}

/// The handle, and the option values behind slashes.
fn id(product: &str, options: &[SelectedOption]) -> String {
    options.iter().fold(product.to_owned(), |id, selected| {
        let value = selected.value.replace('%', "%25").replace('/', "%2F");
        format!("{id}/{value}")
    })
}

fn read(
    sheet: &mut Sheet,
    row: usize,
    names: &[Option<String>; 3],
    currency: &Currency,
) -> Result<Variant, Unreadable> {
    let text = |sheet: &mut Sheet, key| {
        sheet.take(row, key).map(|text| unguarded(&text).trim().to_owned())
    };
    let mut variant = Variant {
        sku: text(sheet, "variant sku"),
        barcode: text(sheet, "variant barcode"),
        options: selected(sheet, row, names),
        prices: prices(sheet, row, currency)?,
        stock_tracked: sheet.look(row, "variant inventory tracker").is_some(),
        backorder_allowed: sheet.take_as(row, "variant inventory policy", policy) == Some(true),
        stock: stock(sheet, row)?,
        weight: weight(sheet, row)?,
        requires_shipping: sheet.take_as(row, "variant requires shipping", truth) != Some(false),
        taxable: sheet.take_as(row, "variant taxable", truth) != Some(false),
        tax_class: sheet.take(row, "variant tax code"),
        fulfilment_service: sheet.take(row, "variant fulfillment service"),
        image_url: sheet.take(row, "variant image").map(|text| text.trim().to_owned()),
        // The first row's are the product's, but for the number of the piece itself.
        custom_fields: google(sheet, row, |name| row > 0 || name == "mpn"),
        ..Variant::default()
    };
    if row > 0 {
        variant.custom_fields.extend(metafields(sheet, row));
    }
    if sheet.look(row, "variant inventory tracker") == Some("shopify") {
        sheet.mark(row, "variant inventory tracker");
    }
    let is_ours = |key: &str| {
        let of_market = is_market(key) && !key.starts_with("included");
        of_market || key.starts_with("variant ") || key.starts_with("unit price ")
    };
    for (heading, _, text) in sheet.take_all(row, is_ours) {
        variant.unknown.keep(&heading, serde_json::Value::String(text));
    }
    Ok(variant)
}

/// Whether to go on selling without stock: `continue` and `deny`, or a truth value.
fn policy(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "continue" => Some(true),
        "deny" => Some(false),
        other => truth(other),
    }
}

fn selected(sheet: &mut Sheet, row: usize, names: &[Option<String>; 3]) -> Vec<SelectedOption> {
    let keys = ["option1 value", "option2 value", "option3 value"];
    let pairs = names.iter().zip(keys).filter_map(|(name, key)| {
        let option = name.clone()?;
        Some(SelectedOption { option, value: sheet.take(row, key)? })
    });
    pairs.collect()
}

fn prices(sheet: &mut Sheet, row: usize, currency: &Currency) -> Result<Vec<Price>, Unreadable> {
    let columns = [
        ("variant price", PriceKind::Regular),
        ("variant compare at price", PriceKind::Msrp),
        ("cost per item", PriceKind::Cost),
    ];
    let mut prices = Vec::new();
    for (key, kind) in columns {
        prices.extend(sheet.money(row, key, currency)?.map(|money| Price::plain(kind, money)));
    }
    Ok(prices)
}

/// The number as written, also where it is not tracked: [`Variant::stock_tracked`] says that.
fn stock(sheet: &mut Sheet, row: usize) -> Result<Vec<Stock>, Unreadable> {
    let quantity = sheet.number(row, "variant inventory qty")?;
    Ok(quantity.into_iter().map(|quantity| Stock { quantity, ..Stock::default() }).collect())
}

/// Always grams; the unit for display is left over.
fn weight(sheet: &mut Sheet, row: usize) -> Result<Option<Weight>, Unreadable> {
    let grams = sheet.number(row, "variant grams")?;
    Ok(grams.map(|value| Weight { value, unit: WeightUnit::Gram }))
}
