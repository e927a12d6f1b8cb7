//! The stock of a product's variants: levels that differ, in one call.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        json::{self, decimal_of},
        map,
        work::{Stop, Writer},
    },
    Task,
    products::STOCK,
    refuse,
    step::{Change, Verb},
    trace::{Level, Trace},
    variants::{Pairs, before},
};

/// The ids of stock locations by their names.
pub(super) type Places = BTreeMap<String, String>;

impl Writer<'_> {
    /// The locations that the stock before and after is at.
    pub(super) fn places(&self, task: &Task<'_>, around: &map::Around) -> Result<Places, Stop> {
        let mut places = Places::new();
        let variants = json::list(&task.wanted, "variants").iter();
        for level in variants.flat_map(|variant| json::list(variant, "stock")) {
            let name = name_of(level);
            let shown = || around.locations.iter().find(|(_, shown)| *shown == name);
            let id = self
                .prepared
                .locations
                .get(name)
                .or_else(|| shown().map(|(id, _)| id))
                .or_else(|| around.locations.get_key_value(name).map(|(id, _)| id));
            let Some(id) = id else {
                let field = Some("variants[].stock");
                let message = "a stock location was not prepared";
                return Err(refuse("REFERENCE_MISSING", field, message));
            };
            places.insert(name.to_owned(), id.clone());
        }
        Ok(places)
    }

    /// Sets the levels that differ. A level that was read and shall not be is taken away; one that
    /// others made since stays.
    pub(super) async fn change_stock(
        &self,
        task: &Task<'_>,
        pairs: &Pairs<'_>,
        places: &Places,
        around: &map::Around,
    ) -> Result<(), Stop> {
        let (mut create, mut update, mut delete) = (Vec::new(), Vec::new(), Vec::new());
        let mut levels = Vec::new();
        let current = json::list(&task.current, "variants");
        let wanted = json::list(&task.wanted, "variants");
        for (want, variant) in wanted.iter().zip(&pairs.held) {
            let Some(variant) = variant else { continue };
            let was = before(task, current, variant, around);
            let known: Vec<&Value> =
                was.map(|was| json::list(was, "stock")).unwrap_or_default().iter().collect();
            let shall = quantities(json::list(want, "stock").iter());
            let item = json::list(variant, "inventory_items").first();
            let is_kept = quantities(known.iter().copied()) == shall;
            if is_kept && (shall.is_empty() || item.is_some()) {
                continue;
            }
            let Some(item) = item else {
                if shall.is_empty() {
                    continue;
                }
                let why = "a variant has no inventory item for its stock";
                return Err(Stop::Postponed(why.to_owned()));
            };
            let Some(id) = json::owned(item, "inventory_item_id") else { continue };
            let inventory = item.get("inventory").unwrap_or(&Value::Null);
            let held = json::list(inventory, "location_levels");
            for (name, quantity) in &shall {
                let Some(location) = places.get(*name) else { continue };
                let level = held.iter().find(|it| json::text(it, "location_id") == Some(location));
                let entry = json!({
                    "inventory_item_id": id,
                    "location_id": location,
                    "stocked_quantity": json::number(*quantity),
                });
                match level.map(|level| decimal_of(level, "stocked_quantity")) {
                    None => create.push(entry),
                    Some(now) if now.unwrap_or_default() != *quantity => update.push(entry),
                    Some(_) => continue,
                }
                levels.push(Level {
                    item: id.clone(),
                    location: location.clone(),
                    quantity: Some(*quantity),
                });
            }
            for level in held {
                let Some(location) = json::owned(level, "location_id") else { continue };
                let name = around.locations.get(&location).unwrap_or(&location);
                let was_read = known.iter().any(|level| name_of(level) == name);
                if was_read && !shall.contains_key(name.as_str()) {
                    delete.extend(json::owned(level, "id"));
                    levels.push(Level { item: id.clone(), location, quantity: None });
                }
            }
        }
        if levels.is_empty() {
            return Ok(());
        }
        let mut body = json!({ "create": create, "update": update });
        if !delete.is_empty() {
            body["delete"] = json!(delete);
            // Pieces that are there go with the level.
            body["force"] = json!(true);
        }
        let change = Change {
            ordinal: STOCK,
            name: "inventory_levels.set",
            verb: Verb::Post,
            path: "/admin/inventory-items/location-levels/batch".to_owned(),
            body,
            trace: Trace::Levels(levels),
        };
        self.change(task.item, &change).await.map(drop)
    }
}

fn name_of(level: &Value) -> &str {
    level.get("location").and_then(Value::as_str).unwrap_or("")
}

fn quantities<'a>(levels: impl Iterator<Item = &'a Value>) -> BTreeMap<&'a str, Decimal> {
    levels
        .map(|level| (name_of(level), decimal_of(level, "quantity").unwrap_or_default()))
        .collect()
}
