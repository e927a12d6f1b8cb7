//! Categories, collections, products and customer groups as target fields.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::{Map, Value, json};

use super::{
    super::{
        json::{self, decimal_of, plain},
        marks,
    },
    copy, key, metadata, source_id,
};

pub(super) fn category(object: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    copy(object, &mut fields, &["name", "handle", "description", "is_active"]);
    let parent = object.get("parent_category").and_then(key);
    if let Some(parent) = parent.and_then(|key| source_id(key, Kind::Category)) {
        fields.insert("parent".to_owned(), json!(parent));
    } else if let Some(id) = json::text(object, "parent_category_id") {
        fields.insert("parent".to_owned(), json!(id));
    }
    metadata(object, &mut fields);
    fields
}

pub(super) fn collection(object: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    copy(object, &mut fields, &["title", "handle"]);
    metadata(object, &mut fields);
    fields
}

pub(super) fn customer_group(object: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    copy(object, &mut fields, &["name"]);
    metadata(object, &mut fields);
    fields
}

pub(super) fn product(object: &Value, locations: &BTreeMap<String, String>) -> Map<String, Value> {
    let mut fields = Map::new();
    copy(object, &mut fields, &["title", "subtitle", "description", "handle", "status"]);
    if let Some(word) = object.get("type").and_then(|of| json::text(of, "value")) {
        fields.insert("type".to_owned(), json!(word));
    }
    let mut images: Vec<&Value> = json::list(object, "images").iter().collect();
    images.sort_by_key(|image| image.get("rank").and_then(Value::as_u64));
    let urls: Vec<&str> = images.iter().filter_map(|image| json::text(image, "url")).collect();
    json::put(&mut fields, "images", json!(urls));
    let mut tags: Vec<&str> =
        json::list(object, "tags").iter().filter_map(|tag| json::text(tag, "value")).collect();
    tags.sort_unstable();
    json::put(&mut fields, "tags", json!(tags));
    let mut categories: Vec<&str> = json::list(object, "categories")
        .iter()
        .filter_map(|category| {
            key(category)
                .and_then(|key| source_id(key, Kind::Category))
                .or_else(|| json::text(category, "id"))
        })
        .collect();
    categories.sort_unstable();
    json::put(&mut fields, "categories", json!(categories));
    json::put(&mut fields, "collections", collections(object));
    let has_options = options(object, &mut fields);
    let mut variants: Vec<&Value> = json::list(object, "variants").iter().collect();
    variants.sort_by_key(|variant| variant.get("variant_rank").and_then(Value::as_u64));
    let variants: Vec<Value> = variants
        .into_iter()
        .map(|entry| Value::Object(variant(entry, has_options, locations)))
        .collect();
    json::put(&mut fields, "variants", Value::Array(variants));
    metadata(object, &mut fields);
    fields
}

/// The linked collection's source id first, then those that could not be linked.
fn collections(object: &Value) -> Value {
    let kept: Vec<String> = object
        .get("metadata")
        .map(|metadata| json::list(metadata, marks::COLLECTIONS))
        .unwrap_or_default()
        .iter()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let linked = object
        .get("collection")
        .and_then(key)
        .and_then(|key| source_id(key, Kind::Collection))
        .or_else(|| json::text(object, "collection_id"));
    let mut all: Vec<String> = linked.map(str::to_owned).into_iter().collect();
    // The first of the list is the one that ought to be linked.
    for id in kept.into_iter().skip(1) {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    json!(all)
}

/// Options in the source's order; tells whether the product has any of its own.
fn options(object: &Value, fields: &mut Map<String, Value>) -> bool {
    let order = object.get("metadata").and_then(|metadata| metadata.get(marks::OPTIONS));
    let order = order.and_then(Value::as_array).cloned();
    if order.as_ref().is_some_and(Vec::is_empty) {
        return false;
    }
    let place_of = |title: &str| {
        let order = order.as_deref().unwrap_or_default();
        order.iter().position(|entry| json::text(entry, "title") == Some(title))
    };
    let mut found: Vec<(usize, &str, Vec<&str>)> = json::list(object, "options")
        .iter()
        .filter_map(|option| {
            let title = json::text(option, "title")?;
            let place = place_of(title);
            let mut values: Vec<&str> = json::list(option, "values")
                .iter()
                .filter_map(|value| json::text(value, "value"))
                .collect();
            let wanted = place
                .and_then(|place| order.as_deref()?.get(place))
                .map(|entry| json::list(entry, "values"))
                .unwrap_or_default();
            values.sort_by_key(|value| {
                wanted.iter().position(|entry| entry.as_str() == Some(value)).unwrap_or(usize::MAX)
            });
            Some((place.unwrap_or(usize::MAX), title, values))
        })
        .collect();
    found.sort_by_key(|(place, _, _)| *place);
    let options: Vec<Value> = found
        .into_iter()
        .map(|(_, title, values)| json!({ "title": title, "values": values }))
        .collect();
    json::put(fields, "options", Value::Array(options));
    true
}

/// One variant, as it stands among the fields of its product.
pub(super) fn variant_of(
    product: &Value,
    object: &Value,
    locations: &BTreeMap<String, String>,
) -> Value {
    let has_options = options(product, &mut Map::new());
    Value::Object(variant(object, has_options, locations))
}

fn variant(
    object: &Value,
    has_options: bool,
    locations: &BTreeMap<String, String>,
) -> Map<String, Value> {
    let mut fields = Map::new();
    copy(
        object,
        &mut fields,
        &["sku", "barcode", "hs_code", "origin_country", "manage_inventory", "allow_backorder"],
    );
    let kept = object.get("metadata").unwrap_or(&Value::Null);
    if let Some(id) = json::text(kept, marks::SOURCE_ID) {
        fields.insert("source_id".to_owned(), json!(id));
    }
    if has_options {
        let mut options = Map::new();
        for value in json::list(object, "options") {
            let title = value.get("option").and_then(|option| json::text(option, "title"));
            if let (Some(title), Some(value)) = (title, json::text(value, "value")) {
                options.insert(title.to_owned(), json!(value));
            }
        }
        json::put(&mut fields, "options", Value::Object(options));
    }
    // A title that was made of the options says nothing, unless somebody wrote another one since.
    if kept.get(marks::TITLE_MADE) != Some(&Value::Bool(true)) || !is_made_title(object, &fields) {
        copy(object, &mut fields, &["title"]);
    }
    let mut prices: Vec<(String, Value)> = json::list(object, "prices")
        .iter()
        .filter(|price| is_plain(price))
        .filter_map(|price| {
            let code = json::owned(price, "currency_code")?;
            Some((code, plain(decimal_of(price, "amount")?)))
        })
        .collect();
    prices.sort_by(|(left, _), (right, _)| left.cmp(right));
    let prices: Vec<Value> = prices
        .into_iter()
        .map(|(code, amount)| json!({ "currency_code": code, "amount": amount }))
        .collect();
    json::put(&mut fields, "prices", Value::Array(prices));
    for (ours, theirs) in [
        ("weight_g", "weight"),
        ("length_cm", "length"),
        ("width_cm", "width"),
        ("height_cm", "height"),
    ] {
        if let Some(measure) = decimal_of(object, theirs) {
            fields.insert(ours.to_owned(), plain(measure));
        }
    }
    json::put(&mut fields, "stock", stock(object, locations));
    metadata(object, &mut fields);
    fields
}

/// Whether the title of a variant is the one that was made of its options, in whatever order.
fn is_made_title(object: &Value, fields: &Map<String, Value>) -> bool {
    let words = |text: &str| {
        let mut words: Vec<String> = text.split(" / ").map(str::to_owned).collect();
        words.sort_unstable();
        words
    };
    let options = fields.get("options").and_then(Value::as_object);
    let values: Vec<&str> =
        options.into_iter().flatten().filter_map(|(_, value)| value.as_str()).collect();
    let made = if values.is_empty() { "Default".to_owned() } else { values.join(" / ") };
    json::text(object, "title").is_none_or(|title| words(title) == words(&made))
}

/// Whether a price is everybody's for any number of pieces: the field holds no other, for it does not
/// say what they are bound to.
pub(in super::super) fn is_plain(price: &Value) -> bool {
    ["min_quantity", "max_quantity", "rules"]
        .iter()
        .all(|field| price.get(*field).is_none_or(json::is_blank))
}

fn stock(variant: &Value, locations: &BTreeMap<String, String>) -> Value {
    let mut levels: Vec<(String, Value)> = Vec::new();
    for item in json::list(variant, "inventory_items") {
        let Some(inventory) = item.get("inventory") else { continue };
        for level in json::list(inventory, "location_levels") {
            let Some(id) = json::text(level, "location_id") else { continue };
            let name = locations.get(id).cloned().unwrap_or_else(|| id.to_owned());
            let quantity = decimal_of(level, "stocked_quantity").unwrap_or_default();
            levels.push((name, plain(quantity)));
        }
    }
    levels.sort_by(|(left, _), (right, _)| left.cmp(right));
    levels
        .into_iter()
        .map(|(location, quantity)| json!({ "location": location, "quantity": quantity }))
        .collect()
}
