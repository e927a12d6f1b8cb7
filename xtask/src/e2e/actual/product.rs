//! Products as Medusa says them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::super::facts::{Facts, Kind, decimal};
use super::{References, entries, metadata, plain, put_key, taken, text};

/// What we look at.
pub(super) const FIELDS: &[&str] = &[
    "title",
    "subtitle",
    "description",
    "handle",
    "status",
    "external_id",
    "thumbnail",
    "metadata",
    "collection_id",
    "images.url",
    "images.rank",
    "tags.value",
    "categories.id",
    "type.value",
    "options.title",
    "options.values.value",
    "variants.title",
    "variants.sku",
    "variants.barcode",
    "variants.weight",
    "variants.length",
    "variants.width",
    "variants.height",
    "variants.hs_code",
    "variants.origin_country",
    "variants.manage_inventory",
    "variants.allow_backorder",
    "variants.variant_rank",
    "variants.metadata",
    "variants.options.value",
    "variants.options.option.title",
    "variants.prices.amount",
    "variants.prices.currency_code",
    "variants.prices.min_quantity",
    "variants.inventory_items.inventory.location_levels.location_id",
    "variants.inventory_items.inventory.location_levels.stocked_quantity",
    "variants.inventory_items.inventory.location_levels.reserved_quantity",
];

pub(super) fn facts(object: &Value, references: &References, facts: &mut Facts) {
    plain(object, &["title", "subtitle", "description", "handle", "status", "thumbnail"], facts);
    put_key(object, "external_id", "external_key", facts);
    facts.put("type", text(&object["type"], "value").unwrap_or_default());
    for image in entries(object, "images") {
        facts.put_json(&format!("images[{}]", image["rank"]), &image["url"]);
    }
    facts.put("tags", joined(entries(object, "tags").filter_map(|tag| text(tag, "value"))));
    // A category is named with those above it: the deepest says them all.
    let categories = entries(object, "categories").filter_map(|category| text(category, "id"));
    let categories: Vec<String> =
        categories.map(|id| references.source_id(Kind::Category, id)).collect();
    facts.put("categories", joined(categories.iter().map(String::as_str)));
    if let Some(id) = text(object, "collection_id") {
        facts.put("collection", references.source_id(Kind::Collection, id));
    }
    let mut kept = object.clone();
    let order = taken(&mut kept, &["metadata", "cartage_options"]);
    let collections = taken(&mut kept, &["metadata", "cartage_collections"]);
    facts.put_json("collections", &collections);
    let has_options = order.as_array().is_some_and(|order| !order.is_empty());
    for (place, option) in order.as_array().into_iter().flatten().enumerate() {
        let values: Vec<&str> = entries(option, "values").filter_map(Value::as_str).collect();
        let title = text(option, "title").unwrap_or_default();
        facts.put(format!("option_order[{place}]"), format!("{title}: {}", values.join(" | ")));
    }
    for option in entries(object, "options") {
        let title = text(option, "title").unwrap_or_default();
        let values = joined(entries(option, "values").filter_map(|value| text(value, "value")));
        // A product must have an option in Medusa; this one says that there is none.
        if has_options || (title, values.as_str()) != ("Default option", "Default option value") {
            facts.put(format!("options.{title}"), values);
        }
    }
    metadata(&kept, facts, "metadata");
    for entry in entries(object, "variants") {
        let path = format!("variants[{}]", entry["variant_rank"]);
        variant(entry, &path, references, facts);
    }
}

fn variant(object: &Value, path: &str, references: &References, facts: &mut Facts) {
    for (field, name) in [
        ("title", "title"),
        ("sku", "sku"),
        ("barcode", "barcode"),
        ("weight_g", "weight"),
        ("length_cm", "length"),
        ("width_cm", "width"),
        ("height_cm", "height"),
        ("hs_code", "hs_code"),
        ("origin_country", "origin_country"),
        ("manage_inventory", "manage_inventory"),
        ("allow_backorder", "allow_backorder"),
    ] {
        facts.put_json(&format!("{path}.{field}"), &object[name]);
    }
    for value in entries(object, "options") {
        let title = text(&value["option"], "title").unwrap_or_default();
        facts.put_json(&format!("{path}.options.{title}"), &value["value"]);
    }
    for price in entries(object, "prices") {
        let currency = text(price, "currency_code").unwrap_or_default();
        facts.put_json(&format!("{path}.prices.{currency}"), &price["amount"]);
        facts.put_json(&format!("{path}.prices.{currency}.from"), &price["min_quantity"]);
    }
    let levels = entries(object, "inventory_items")
        .flat_map(|item| entries(&item["inventory"], "location_levels"));
    let mut stock: BTreeMap<String, [Decimal; 2]> = BTreeMap::new();
    for level in levels {
        let location = references.location(text(level, "location_id").unwrap_or_default());
        let sums = stock.entry(location).or_default();
        for (sum, field) in sums.iter_mut().zip(["stocked_quantity", "reserved_quantity"]) {
            *sum += decimal(&level[field].to_string()).unwrap_or_default();
        }
    }
    for (location, [pieces, reserved]) in stock {
        facts.put_amount(format!("{path}.stock.{location}"), pieces);
        if !reserved.is_zero() {
            facts.put_amount(format!("{path}.reserved.{location}"), reserved);
        }
    }
    let mut kept = object.clone();
    let position = taken(&mut kept, &["metadata", "cartage_position"]);
    facts.put_json(&format!("{path}.position"), &position);
    facts.put_json(
        &format!("{path}.source_id"),
        &taken(&mut kept, &["metadata", "cartage_source_id"]),
    );
    // Says that the title was made of the options, which it is compared with.
    if kept["metadata"]["cartage_title_made"] == true {
        taken(&mut kept, &["metadata", "cartage_title_made"]);
    }
    metadata(&kept, facts, &format!("{path}.metadata"));
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.join(" | ")
}
