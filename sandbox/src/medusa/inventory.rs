//! Inventory items, their levels at locations, and the reservations orders make.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::query::{List, Match, Query};
use super::schema::{Field, Shape, Type, check, loose, nul, opt, req, strict};
use super::state::{Kind, Shop};
use super::value::{Row, amount, flag, id, list, number, overlay, stamp, text};

static ITEMS: List = List {
    strict: true,
    limit: 20,
    filters: &[
        ("q", Match::Search(&["sku", "title", "description"])),
        ("id", Match::Value),
        ("sku", Match::Value),
        ("origin_country", Match::Value),
        ("mid_code", Match::Value),
        ("hs_code", Match::Value),
        ("requires_shipping", Match::Flag),
        ("location_levels", Match::RelatedField("location_id", at_location)),
    ],
};

const CREATE_LEVEL: &[Field] = &[
    req("location_id", Type::Text),
    opt("stocked_quantity", Type::Quantity),
    opt("incoming_quantity", Type::Quantity),
];

const LEVEL: Shape = strict(CREATE_LEVEL);

const LEVEL_UPDATE: Shape = strict(&[
    opt("id", Type::Text),
    req("location_id", Type::Text),
    opt("stocked_quantity", Type::Quantity),
    opt("incoming_quantity", Type::Quantity),
]);

const ANY_LEVEL: Shape = loose(&[
    req("inventory_item_id", Type::Text),
    req("location_id", Type::Text),
    opt("stocked_quantity", Type::Quantity),
    opt("incoming_quantity", Type::Quantity),
]);

fn at_location(_: &Shop, row: &Row, asked: &[&str]) -> bool {
    list(row, "location_levels").iter().any(|level| {
        level["location_id"].as_str().is_some_and(|location| asked.contains(&location))
    })
}

/// `GET /admin/inventory-items`.
pub(crate) fn list_items(shop: &Shop, query: &Query) -> Answer {
    let fields = query.fields(&["*", "*location_levels"]);
    let page = query.page(shop, Kind::InventoryItems, &ITEMS, |_| true)?;
    let rows = page.rows.iter().map(|row| fields.pick(&full(row)));
    Ok(page.reply("inventory_items", rows.collect()))
}

/// `GET /admin/inventory-items/:id`.
pub(crate) fn read(shop: &Shop, query: &Query, item: &str) -> Answer {
    let row = shop
        .get(Kind::InventoryItems, item)
        .ok_or_else(|| Refusal::missing(format!("Inventory item with id: {item} was not found")))?;
    Ok(json!({ "inventory_item": query.fields(&["*", "*location_levels"]).pick(&full(row)) }))
}

/// `GET /admin/inventory-items/:id/location-levels`.
pub(crate) fn list_levels(shop: &Shop, query: &Query, item: &str) -> Answer {
    let row = shop.get(Kind::InventoryItems, item);
    let levels = row.map_or(&[][..], |row| list(row, "location_levels"));
    let fields = query.fields(&["*"]);
    let shown: Vec<Value> =
        levels.iter().filter_map(Value::as_object).map(|level| fields.pick(level)).collect();
    Ok(json!({ "inventory_levels": shown, "count": levels.len(), "offset": 0, "limit": 50 }))
}

fn full(row: &Row) -> Row {
    let sum = |field: &str| -> Value {
        let levels = list(row, "location_levels").iter().filter_map(Value::as_object);
        number(levels.map(|level| amount(level, field)).sum())
    };
    let mut full = row.clone();
    full.insert("stocked_quantity".into(), sum("stocked_quantity"));
    full.insert("reserved_quantity".into(), sum("reserved_quantity"));
    full
}

/// The inventory item of a new managed variant.
pub(crate) fn create_for(shop: &mut Shop, variant: &Row) -> Answer<String> {
    let mut row = Row::new();
    row.insert("id".into(), id("iitem").into());
    for field in ["sku", "title", "thumbnail", "origin_country", "hs_code", "mid_code", "material"]
    {
        row.insert(field.into(), variant.get(field).cloned().unwrap_or(Value::Null));
    }
    row.insert("description".into(), variant.get("title").cloned().unwrap_or(Value::Null));
    row.insert("requires_shipping".into(), true.into());
    for field in ["weight", "length", "height", "width"] {
        let rounded = variant.get(field).filter(|value| value.is_number());
        let rounded =
            rounded.map_or(Value::Null, |value| {
                number(super::value::decimal(value).round_dp_with_strategy(
                    0,
                    rust_decimal::RoundingStrategy::MidpointAwayFromZero,
                ))
            });
        row.insert(field.into(), rounded);
    }
    row.insert("metadata".into(), Value::Null);
    row.insert("location_levels".into(), json!([]));
    stamp(&mut row);
    if let Some(sku) = row.get("sku").and_then(Value::as_str)
        && !shop.habits.takes_duplicates
        && shop.find(Kind::InventoryItems, "sku", sku).is_some()
    {
        return Err(Refusal::taken("Inventory item", "sku", sku));
    }
    Ok(shop.insert(Kind::InventoryItems, row))
}

/// `POST /admin/inventory-items/:id`: its article number, which no other may have.
pub(crate) fn update(shop: &mut Shop, query: &Query, item: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[nul("sku", Type::Text), nul("title", Type::Text)]);
    let body = check(&SHAPE, body)?;
    read(shop, query, item)?;
    if let Some(sku) = body.get("sku").and_then(Value::as_str)
        && shop.find(Kind::InventoryItems, "sku", sku).is_some_and(|row| text(row, "id") != item)
    {
        return Err(Refusal::taken("Inventory item", "sku", sku));
    }
    shop.update(Kind::InventoryItems, item, |row| overlay(row, &body));
    read(shop, query, item)
}

/// `POST /admin/inventory-items/:id/location-levels`.
pub(crate) fn add(shop: &mut Shop, query: &Query, item: &str, body: &Value) -> Answer {
    let body = check(&LEVEL, body)?;
    create_level(shop, item, &body)?;
    read(shop, query, item)
}

/// `POST /admin/inventory-items/:id/location-levels/:location`.
pub(crate) fn set(shop: &mut Shop, query: &Query, item: &str, place: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[
        opt("stocked_quantity", Type::Quantity),
        opt("incoming_quantity", Type::Quantity),
    ]);
    let body = check(&SHAPE, body)?;
    update_level(shop, item, place, &body)?;
    read(shop, query, item)
}

/// `POST /admin/inventory-items/:id/location-levels/batch`.
pub(crate) fn batch_of(shop: &mut Shop, item: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[
        opt("create", Type::List(&LEVEL)),
        opt("update", Type::List(&LEVEL_UPDATE)),
        opt("delete", Type::Texts),
        opt("force", Type::Bool),
    ]);
    let body = check(&SHAPE, body)?;
    run_batch(shop, &body, |_| item.to_owned())
}

/// `POST /admin/inventory-items/location-levels/batch`.
pub(crate) fn batch(shop: &mut Shop, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[
        opt("create", Type::List(&ANY_LEVEL)),
        opt("update", Type::List(&ANY_LEVEL)),
        opt("delete", Type::Texts),
        opt("force", Type::Bool),
    ]);
    let body = check(&SHAPE, body)?;
    run_batch(shop, &body, |level| text(level, "inventory_item_id").to_owned())
}

fn run_batch(shop: &mut Shop, body: &Row, item: impl Fn(&Row) -> String) -> Answer {
    let (mut created, mut updated) = (Vec::new(), Vec::new());
    for level in list(body, "update").iter().filter_map(Value::as_object) {
        updated.push(update_level(shop, &item(level), text(level, "location_id"), level)?);
    }
    for level in list(body, "create").iter().filter_map(Value::as_object) {
        created.push(create_level(shop, &item(level), level)?);
    }
    for level in list(body, "delete").iter().filter_map(Value::as_str) {
        delete_level(shop, level, flag(body, "force"))?;
    }
    Ok(json!({ "created": created, "updated": updated, "deleted": list(body, "delete") }))
}

/// Takes a level away. Pieces that are promised or coming keep it; those that lie there only where
/// nobody insists (`delete-inventory-levels.js` of `@medusajs/core-flows` 2.21.2, read on 2026-11-28).
fn delete_level(shop: &mut Shop, wanted: &str, is_forced: bool) -> Answer<()> {
    let found = shop.table(Kind::InventoryItems).by("location_levels.id", wanted).find_map(|row| {
        let levels = list(row, "location_levels").iter().filter_map(Value::as_object);
        let level = levels.into_iter().find(|level| text(level, "id") == wanted)?;
        Some((text(row, "id").to_owned(), level.clone()))
    });
    let Some((item, level)) = found else { return Ok(()) };
    let place = text(&level, "location_id");
    let has = |field: &str| amount(&level, field) > Decimal::ZERO;
    if has("reserved_quantity") || has("incoming_quantity") {
        return Err(Refusal::not_allowed(format!(
            "Cannot remove Inventory Levels for {place} because there are reserved or incoming items at the locations"
        )));
    }
    if has("stocked_quantity") && !is_forced {
        return Err(Refusal::not_allowed(format!(
            "Cannot remove Inventory Levels for {place} because there are stocked items at the locations. Use force flag to delete anyway."
        )));
    }
    shop.update(Kind::InventoryItems, &item, |row| {
        if let Some(Value::Array(levels)) = row.get_mut("location_levels") {
            levels.retain(|level| level["id"] != wanted);
        }
    });
    Ok(())
}

fn create_level(shop: &mut Shop, item: &str, body: &Row) -> Answer<Value> {
    let place = text(body, "location_id");
    let Some(row) = shop.get(Kind::InventoryItems, item) else {
        return Err(Refusal::relation("inventory_item_id", item));
    };
    if list(row, "location_levels").iter().any(|level| level["location_id"] == place) {
        return Err(Refusal::invalid(format!(
            "Inventory level with inventory_item_id: {item}, location_id: {place}, already exists."
        )));
    }
    if !shop.has(Kind::StockLocations, place) {
        return Err(Refusal::missing(format!("Stock location with id: {place} was not found")));
    }
    let mut level = Row::new();
    level.insert("id".into(), id("ilev").into());
    level.insert("location_id".into(), place.into());
    level.insert("metadata".into(), Value::Null);
    level.insert("inventory_item_id".into(), item.into());
    stamp(&mut level);
    for field in ["stocked_quantity", "reserved_quantity", "incoming_quantity"] {
        level.insert(field.into(), number(amount(body, field)));
    }
    available(&mut level);
    let made = Value::Object(level);
    let kept = made.clone();
    shop.update(Kind::InventoryItems, item, |row| {
        if let Some(Value::Array(levels)) = row.get_mut("location_levels") {
            levels.push(kept);
        }
    });
    Ok(made)
}

fn update_level(shop: &mut Shop, item: &str, place: &str, body: &Row) -> Answer<Value> {
    let mut made = None;
    change_level(shop, item, place, |level| {
        let mut own = body.clone();
        own.retain(|key, _| key.ends_with("_quantity"));
        overlay(level, &own);
        available(level);
        made = Some(Value::Object(level.clone()));
    });
    made.ok_or_else(|| Refusal::missing(format!("Item {item} is not stocked at location {place}")))
}

fn change_level(shop: &mut Shop, item: &str, place: &str, change: impl FnOnce(&mut Row)) {
    shop.update(Kind::InventoryItems, item, |row| {
        let levels = row.get_mut("location_levels").and_then(Value::as_array_mut);
        let mut levels = levels.into_iter().flatten().filter_map(Value::as_object_mut);
        if let Some(level) = levels.find(|level| text(level, "location_id") == place) {
            change(level);
        }
    });
}

fn available(level: &mut Row) {
    let free = amount(level, "stocked_quantity") - amount(level, "reserved_quantity");
    level.insert("available_quantity".into(), number(free));
}

/// The first level of an item at a location of a sales channel: the location and what is free.
fn level_for(shop: &Shop, channel: &str, item: &str) -> Option<(String, Decimal)> {
    let row = shop.get(Kind::InventoryItems, item)?;
    list(row, "location_levels").iter().filter_map(Value::as_object).find_map(|level| {
        let place = shop.get(Kind::StockLocations, text(level, "location_id"))?;
        let linked = list(place, "_sales_channels").iter().any(|one| one == channel);
        linked.then(|| (text(level, "location_id").into(), amount(level, "available_quantity")))
    })
}

/// Refuses an order line whose variant has not got the stock for it.
pub(crate) fn confirm(shop: &Shop, channel: &str, variant: &Row, quantity: Decimal) -> Answer<()> {
    if !flag(variant, "manage_inventory") || flag(variant, "allow_backorder") {
        return Ok(());
    }
    for held in list(variant, "_inventory").iter().filter_map(Value::as_object) {
        let level = level_for(shop, channel, text(held, "inventory_item_id"));
        let Some((_, free)) = level else {
            return Err(Refusal::invalid(format!(
                "Sales channel {channel} is not associated with any stock location for variant {}.",
                text(variant, "id")
            )));
        };
        if free < quantity * amount(held, "required_quantity") {
            return Err(Refusal::insufficient());
        }
    }
    Ok(())
}

/// Reserves stock for an order line, or gives it back with a negative quantity.
pub(crate) fn reserve(
    shop: &mut Shop,
    channel: &str,
    variant: &Row,
    quantity: Decimal,
) -> Answer<()> {
    if !flag(variant, "manage_inventory") {
        return Ok(());
    }
    for held in list(variant, "_inventory").iter().filter_map(Value::as_object) {
        let item = text(held, "inventory_item_id");
        let Some((place, free)) = level_for(shop, channel, item) else {
            return Err(Refusal::missing(format!(
                "Item {item} is not stocked at location undefined"
            )));
        };
        let wanted = quantity * amount(held, "required_quantity");
        if free < wanted && !flag(variant, "allow_backorder") {
            return Err(Refusal::insufficient());
        }
        change_level(shop, item, &place, |level| {
            let reserved = amount(level, "reserved_quantity") + wanted;
            level.insert("reserved_quantity".into(), number(reserved));
            available(level);
        });
    }
    Ok(())
}
