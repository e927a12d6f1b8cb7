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
        }
        if let Some(image) = product.images.get(place) {
            table.set("Image Src", &image.address);
            table.set("Image Position", (place + 1).to_string());
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
    let names = ["Option1 Name", "Option2 Name", "Option3 Name"];
    table.set_all(names.into_iter().zip(product.options.iter().copied()));
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
