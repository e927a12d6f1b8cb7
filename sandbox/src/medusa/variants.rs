//! Variants with their prices and options, and the inventory item each managed one gets.

use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::inventory;
use super::product_body::{VARIANT, VARIANT_UPDATE};
use super::product_view as view;
use super::query::Query;
use super::schema::{Shape, Type, check, loose, req};
use super::state::{Kind, Shop};
use super::value::{Row, empties_metadata, flag, id, list, overlay, stamp, text};

const BLANK: &[&str] = &[
    "title",
    "sku",
    "barcode",
    "ean",
    "upc",
    "allow_backorder",
    "manage_inventory",
    "hs_code",
    "origin_country",
    "mid_code",
    "material",
    "weight",
    "length",
    "height",
    "width",
    "metadata",
    "variant_rank",
    "thumbnail",
];

const UNIQUE: &[&str] = &["sku", "barcode", "ean", "upc"];

/// `POST /admin/products/:id/variants`.
pub(crate) fn post(shop: &mut Shop, query: &Query, product: &str, body: &Value) -> Answer {
    let body = check(&VARIANT, body)?;
    if !shop.has(Kind::Products, product) {
        return Err(Refusal::missing(format!("Product with id: {product} was not found")));
    }
    judge_count(shop, product, &body)?;
    judge_options(shop, product, "", &options(shop, product, &body)?)?;
    create(shop, product, &body)?;
    view::read(shop, query, product)
}

/// `POST /admin/products/:id/variants/:variant`.
pub(crate) fn post_one(
    shop: &mut Shop,
    query: &Query,
    product: &str,
    variant: &str,
    body: &Value,
) -> Answer {
    let body = check(&VARIANT_UPDATE, body)?;
    change(shop, product, variant, &body)?;
    view::read(shop, query, product)
}

/// Adds a variant to a product.
pub(crate) fn create(shop: &mut Shop, product: &str, body: &Row) -> Answer<String> {
    let mut row = Row::new();
    row.insert("id".into(), id("variant").into());
    for field in BLANK {
        row.insert((*field).into(), body.get(*field).cloned().unwrap_or(Value::Null));
    }
    if row["allow_backorder"].is_null() {
        row.insert("allow_backorder".into(), false.into());
    }
    if row["manage_inventory"].is_null() {
        row.insert("manage_inventory".into(), true.into());
    }
    if row["variant_rank"].is_null() {
        row.insert("variant_rank".into(), 0.into());
    }
    row.insert("product_id".into(), product.into());
    stamp(&mut row);
    let variant = text(&row, "id").to_owned();
    row.insert("options".into(), options(shop, product, body)?);
    row.insert("prices".into(), prices(&variant, list(body, "prices"), &[]));
    judge_unique(shop, &row)?;
    let mut held = Vec::new();
    for item in list(body, "inventory_items").iter().filter_map(Value::as_object) {
        held.push(Value::Object(item.clone()));
    }
    if held.is_empty() && flag(&row, "manage_inventory") {
        let item = inventory::create_for(shop, &row)?;
        held.push(json!({ "inventory_item_id": item, "required_quantity": 1 }));
    }
    row.insert("_inventory".into(), Value::Array(held));
    Ok(shop.insert(Kind::Variants, row))
}

/// Changes a variant.
pub(crate) fn change(shop: &mut Shop, product: &str, variant: &str, body: &Row) -> Answer<()> {
    let stored = shop.get(Kind::Variants, variant);
    let stored = stored.filter(|row| text(row, "product_id") == product);
    let Some(stored) = stored else {
        return Err(Refusal::missing(format!("Variant with id: {variant} was not found")));
    };
    let mut row = stored.clone();
    let mut own = body.clone();
    own.retain(|key, _| BLANK.contains(&key.as_str()));
    overlay(&mut row, &own);
    if empties_metadata(body) {
        row.insert("metadata".into(), json!({}));
    }
    if body.contains_key("options") {
        judge_count(shop, product, body)?;
        let chosen = options(shop, product, body)?;
        judge_options(shop, product, variant, &chosen)?;
        row.insert("options".into(), chosen);
    }
    if body.contains_key("prices") {
        let held = list(&row, "prices").to_vec();
        row.insert("prices".into(), prices(variant, list(body, "prices"), &held));
    }
    judge_unique(shop, &row)?;
    // Counting that ends unties the inventory items, which stay; counting that begins makes one where
    // there is none (`update-product-variants.js` of `@medusajs/core-flows` 2.21.2, read on
    // 2026-11-28).
    match body.get("manage_inventory").and_then(Value::as_bool) {
        Some(false) => drop(row.insert("_inventory".into(), json!([]))),
        Some(true) if list(&row, "_inventory").is_empty() => {
            let item = inventory::create_for(shop, &row)?;
            row.insert("_inventory".into(), held(&item));
        }
        _ => {}
    }
    shop.update(Kind::Variants, variant, |stored| *stored = row);
    Ok(())
}

fn held(item: &str) -> Value {
    json!([{ "inventory_item_id": item, "required_quantity": 1 }])
}

/// `POST /admin/products/:id/variants/:variant/inventory-items`.
pub(crate) fn link_item(
    shop: &mut Shop,
    query: &Query,
    product: &str,
    variant: &str,
    body: &Value,
) -> Answer {
    const SHAPE: Shape =
        loose(&[req("inventory_item_id", Type::Text), req("required_quantity", Type::Number)]);
    let body = check(&SHAPE, body)?;
    shop.update(Kind::Variants, variant, |row| {
        let mut items = list(row, "_inventory").to_vec();
        items.retain(|held| held["inventory_item_id"] != body["inventory_item_id"]);
        items.push(Value::Object(body));
        row.insert("_inventory".into(), Value::Array(items));
    });
    let reply = view::read(shop, query, product)?;
    let shown = reply["product"]["variants"].as_array().into_iter().flatten();
    let shown = shown.into_iter().find(|one| one["id"] == variant).cloned();
    Ok(json!({ "variant": shown }))
}

/// `DELETE /admin/products/:id/variants/:variant`: it is said to be deleted, whether it was there or
/// not.
pub(crate) fn delete_one(shop: &mut Shop, query: &Query, product: &str, variant: &str) -> Answer {
    delete(shop, variant);
    let parent = view::one(shop, query, product).unwrap_or_default();
    Ok(json!({ "id": variant, "object": "variant", "deleted": true, "parent": parent }))
}

/// Refuses a variant that does not choose a value of each option.
fn judge_count(shop: &Shop, product: &str, body: &Row) -> Answer<()> {
    let chosen = body.get("options").and_then(Value::as_object).map_or(0, Row::len);
    let offered = shop.get(Kind::Products, product).map_or(0, |row| list(row, "options").len());
    if chosen == 0 || chosen == offered {
        return Ok(());
    }
    let title = body.get("title").and_then(Value::as_str).unwrap_or("undefined");
    Err(Refusal::invalid(format!(
        "Product has {offered} option values but there were {chosen} provided option values for the variant: {title}."
    )))
}

/// Deletes a variant, and its inventory items where it counted them and no other variant has them.
pub(crate) fn delete(shop: &mut Shop, variant: &str) {
    let row = shop.get(Kind::Variants, variant).filter(|row| flag(row, "manage_inventory"));
    let held = row.map(|row| list(row, "_inventory").to_vec());
    for item in held.into_iter().flatten() {
        let Some(item) = item.get("inventory_item_id").and_then(Value::as_str) else { continue };
        let is_other = |row: &Row| text(row, "id") != variant;
        if !shop.table(Kind::Variants).by("_inventory.inventory_item_id", item).any(is_other) {
            shop.remove(Kind::InventoryItems, item);
        }
    }
    shop.remove(Kind::Variants, variant);
}

fn judge_unique(shop: &Shop, row: &Row) -> Answer<()> {
    if shop.habits.takes_duplicates {
        return Ok(());
    }
    for field in UNIQUE {
        let Some(value) = row.get(*field).and_then(Value::as_str) else { continue };
        let own = text(row, "id");
        if shop.table(Kind::Variants).by(field, value).any(|one| text(one, "id") != own) {
            return Err(Refusal::taken("Product variant", field, value));
        }
    }
    Ok(())
}

/// Refuses the options of a variant that another one of the product has. Medusa does not look at
/// this among the variants of a new product.
fn judge_options(shop: &Shop, product: &str, own: &str, chosen: &Value) -> Answer<()> {
    let chosen: Vec<&Value> = chosen.as_array().into_iter().flatten().collect();
    let has =
        |row: &Row, one: &Value| list(row, "options").iter().any(|held| held["id"] == one["id"]);
    let twin = shop.table(Kind::Variants).by("product_id", product).find(|row| {
        text(row, "id") != own && !chosen.is_empty() && chosen.iter().all(|one| has(row, one))
    });
    match twin {
        Some(twin) => Err(Refusal::invalid(format!(
            "Variant ({}) with provided options already exists.",
            text(twin, "title")
        ))),
        None => Ok(()),
    }
}

/// The values a variant chooses, each with its option.
fn options(shop: &Shop, product: &str, body: &Row) -> Answer<Value> {
    let Some(Value::Object(chosen)) = body.get("options") else { return Ok(json!([])) };
    let product = shop.get(Kind::Products, product);
    let offered = product.map_or(&[][..], |product| list(product, "options"));
    let mut held = Vec::new();
    for (title, value) in chosen {
        let option = offered.iter().find(|option| option["title"] == title.as_str());
        let found = option.and_then(|option| {
            let values = option["values"].as_array()?;
            Some((option, values.iter().find(|one| one["value"] == *value)?))
        });
        let Some((option, found)) = found else {
            let value = value.as_str().unwrap_or_default();
            return Err(Refusal::invalid(format!(
                "Option value {value} does not exist for option {title}"
            )));
        };
        let mut found = found.as_object().cloned().unwrap_or_default();
        let mut option = option.as_object().cloned().unwrap_or_default();
        option.shift_remove("values");
        found.insert("option".into(), Value::Object(option));
        held.push(Value::Object(found));
    }
    Ok(Value::Array(held))
}

/// The prices of a body; one that names a price by id changes that one.
fn prices(variant: &str, wanted: &[Value], held: &[Value]) -> Value {
    let mut prices = Vec::new();
    for one in wanted.iter().filter_map(Value::as_object) {
        let known = one.get("id").and_then(|id| held.iter().find(|price| price["id"] == *id));
        let mut price = known.and_then(Value::as_object).cloned().unwrap_or_else(|| {
            let mut price = Row::new();
            price.insert("id".into(), id("price").into());
            price.insert("amount".into(), Value::Null);
            price.insert("currency_code".into(), Value::Null);
            price.insert("min_quantity".into(), Value::Null);
            price.insert("max_quantity".into(), Value::Null);
            price.insert("variant_id".into(), variant.into());
            stamp(&mut price);
            price.insert("rules".into(), json!({}));
            price
        });
        for field in ["amount", "min_quantity", "max_quantity", "rules"] {
            if let Some(value) = one.get(field) {
                price.insert(field.into(), value.clone());
            }
        }
        if let Some(code) = one.get("currency_code").and_then(Value::as_str) {
            price.insert("currency_code".into(), code.to_lowercase().into());
        }
        prices.push(Value::Object(price));
    }
    Value::Array(prices)
}
