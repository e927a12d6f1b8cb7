//! A product as rows: the first carries the product, its first variant and its first image, the
//! following ones a variant and an image each, as long as there are any.

use super::Error;
use super::product::{Product, Variant};
use super::table::{Table, truth};

/// Writes all rows of a product.
pub(super) fn write(table: &mut Table, product: &Product) -> Result<(), Error> {
    for place in 0..product.variants.len().max(product.images.len()).max(1) {
        table.set("Handle", &product.handle);
        if place == 0 {
            set_product(table, product);
        }
        if let Some(variant) = product.variants.get(place) {
            set_variant(table, product, variant);
            if product.rarity.is_some_and(|number| number % 3 != 2) {
                set_rare(table, variant);
            }
        }
        if let Some(image) = product.images.get(place) {
            table.set("Image Src", &image.address);
            // In a shop with rarities some products have their images in another order than rows.
            let is_backwards = product.rarity.is_some_and(|number| number % 4 == 1);
            let position = if is_backwards { product.images.len() - place } else { place + 1 };
            table.set("Image Position", position.to_string());
            table.set("Image Alt Text", &image.alt);
        }
        table.end_row()?;
    }
    Ok(())
}

fn set_product(table: &mut Table, product: &Product) {
    let published = truth(product.status == "active");
    table.set_all([
        ("Title", product.title.as_str()),
        ("Body (HTML)", &product.body),
        ("Vendor", product.vendor),
        ("Product Category", product.kind.category),
        ("Type", product.kind.name),
        ("Tags", &product.tags.join(", ")),
        ("Published", published),
        ("Gift Card", truth(product.gift_card)),
        ("Google Shopping / Google Product Category", product.kind.category),
        ("Google Shopping / Age Group", "adult"),
        ("Google Shopping / Gender", if product.fabric.is_empty() { "" } else { "unisex" }),
        ("Google Shopping / Condition", "new"),
        ("Google Shopping / Custom Product", "FALSE"),
        ("Google Shopping / Custom Label 0", product.vendor),
        ("Fabric (product.metafields.custom.fabric)", product.fabric),
        ("Included / Germany", "true"),
        ("Included / International", published),
        ("Status", product.status),
        ("Collection", product.collection),
    ]);
    if !product.fabric.is_empty() {
        let care = "Wash at 30 °C,\ndo not bleach";
        table.set("Care instructions (product.metafields.custom.care_instructions)", care);
    }
    if let Some((title, description)) = &product.seo {
        table.set("SEO Title", title);
        table.set("SEO Description", description);
    }
    if product.rarity.is_some_and(|number| number % 3 == 0) {
        table.set_all([
            ("Google Shopping / Custom Label 1", "season: spring"),
            ("Google Shopping / Custom Label 2", "margin 3"),
            ("Google Shopping / Custom Label 3", "1"),
            ("Google Shopping / Custom Label 4", "clearance"),
            ("Google Shopping / AdWords Grouping", "goods"),
            ("Google Shopping / AdWords Labels", "goods, new"),
            ("Option1 Linked To", "product.metafields.shopify.color-pattern"),
        ]);
    }
    let names = ["Option1 Name", "Option2 Name", "Option3 Name"];
    table.set_all(names.into_iter().zip(product.options.iter().copied()));
}

/// What few shops fill: a tax code, a price per measure, prices per market.
fn set_rare(table: &mut Table, variant: &Variant) {
    table.set_all([
        ("Variant Tax Code", "PC040100"),
        ("Unit Price Total Measure", "750"),
        ("Unit Price Total Measure Unit", "ml"),
        ("Unit Price Base Measure", "100"),
        ("Unit Price Base Measure Unit", "ml"),
        ("Price / Germany", variant.price.as_str()),
        ("Compare At Price / Germany", &variant.compare_at),
        ("Price / International", &variant.price),
        ("Compare At Price / International", &variant.compare_at),
    ]);
}

fn set_variant(table: &mut Table, product: &Product, variant: &Variant) {
    let values = ["Option1 Value", "Option2 Value", "Option3 Value"];
    table.set_all(values.into_iter().zip(variant.values.iter().copied()));
    table.set_all([
        ("Variant SKU", variant.sku.as_str()),
        ("Variant Grams", &variant.grams.to_string()),
        ("Variant Inventory Tracker", if variant.stock.is_some() { "shopify" } else { "" }),
        (
            "Variant Inventory Qty",
            &variant.stock.map(|units| units.to_string()).unwrap_or_default(),
        ),
        ("Variant Inventory Policy", if variant.continue_selling { "continue" } else { "deny" }),
        ("Variant Fulfillment Service", if product.gift_card { "gift_card" } else { "manual" }),
        ("Variant Price", &variant.price),
        ("Variant Compare At Price", &variant.compare_at),
        ("Variant Requires Shipping", truth(!product.gift_card)),
        ("Variant Taxable", truth(!product.gift_card)),
        ("Variant Barcode", &variant.barcode),
        ("Variant Weight Unit", if variant.grams >= 1_000 { "kg" } else { "g" }),
        ("Google Shopping / MPN", &variant.sku),
        ("Cost per item", &variant.cost),
    ]);
    if let Some(image) = variant.image.and_then(|place| product.images.get(place)) {
        table.set("Variant Image", &image.address);
    }
}
