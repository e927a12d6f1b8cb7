//! Products: creating, changing and deleting them, one by one and in batches.

use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::product_body::{BATCH, CREATE, UPDATE};
use super::product_view as view;
use super::query::Query;
use super::schema::check;
use super::state::{Kind, Shop};
use super::value::{Row, empties_metadata, id, ids, list, overlay, stamp, text};
use super::variants;

const BLANK: &[&str] = &[
    "title",
    "subtitle",
    "status",
    "external_id",
    "description",
    "handle",
    "is_giftcard",
    "discountable",
    "thumbnail",
    "collection_id",
    "type_id",
    "weight",
    "length",
    "height",
    "width",
    "hs_code",
    "origin_country",
    "mid_code",
    "material",
    "metadata",
];

/// `POST /admin/products`.
pub(crate) fn create(shop: &mut Shop, query: &Query, body: &Value) -> Answer {
    let body = check(&CREATE, body)?;
    let id = create_all(shop, std::slice::from_ref(&body))?.pop().unwrap_or_default();
    view::read(shop, query, &id)
}

/// `POST /admin/products/:id`.
pub(crate) fn update(shop: &mut Shop, query: &Query, id: &str, body: &Value) -> Answer {
    let body = check(&UPDATE, body)?;
    if !shop.has(Kind::Products, id) {
        return Err(Refusal::missing(format!("Product with id: {id} was not found")));
    }
    change(shop, id, &body)?;
    view::read(shop, query, id)
}

/// `DELETE /admin/products/:id`: the product, its variants and their inventory items.
pub(crate) fn delete(shop: &mut Shop, id: &str) -> Answer {
    let owned: Vec<String> = variant_ids(shop, id);
    for variant in owned {
        variants::delete(shop, &variant);
    }
    shop.remove(Kind::Products, id);
    Ok(json!({ "id": id, "object": "product", "deleted": true }))
}

/// `POST /admin/products/batch`: all of it or nothing.
pub(crate) fn batch(shop: &mut Shop, query: &Query, body: &Value) -> Answer {
    let body = check(&BATCH, body)?;
    let creates: Vec<Row> =
        list(&body, "create").iter().filter_map(Value::as_object).cloned().collect();
    let updates: Vec<Row> =
        list(&body, "update").iter().filter_map(Value::as_object).cloned().collect();
    let lost: Vec<&str> = updates
        .iter()
        .map(|update| text(update, "id"))
        .filter(|id| !shop.has(Kind::Products, id))
        .collect();
    if !lost.is_empty() {
        let lost = lost.join(", ");
        return Err(Refusal::missing(format!("Unable to update the products with ids: {lost}")));
    }
    let created = if creates.is_empty() { Vec::new() } else { create_all(shop, &creates)? };
    let mut updated = Vec::new();
    for mut update in updates {
        let id = text(&update, "id").to_owned();
        update.shift_remove("id");
        change(shop, &id, &update)?;
        updated.push(id);
    }
    let deleted = list(&body, "delete").to_vec();
    for id in deleted.iter().filter_map(Value::as_str) {
        delete(shop, id)?;
    }
    // Medusa gives them back in no order; backwards, so that nobody comes to rely on one.
    let created: Vec<String> = created.into_iter().rev().collect();
    let shown = |ids: &[String]| -> Vec<Value> {
        ids.iter().filter_map(|id| view::one(shop, query, id)).collect()
    };
    Ok(json!({
        "created": shown(&created),
        "updated": shown(&updated),
        "deleted": { "ids": deleted, "object": "product", "deleted": true },
    }))
}

fn create_all(shop: &mut Shop, bodies: &[Row]) -> Answer<Vec<String>> {
    let bare: Vec<&str> = bodies
        .iter()
        .filter(|body| list(body, "options").is_empty())
        .map(|body| text(body, "title"))
        .collect();
    if !bare.is_empty() {
        let bare = bare.join(", ");
        return Err(Refusal::invalid(format!("Product options are not provided for: [{bare}].")));
    }
    bodies.iter().map(|body| create_one(shop, body)).collect()
}

fn create_one(shop: &mut Shop, body: &Row) -> Answer<String> {
    let mut row = Row::new();
    row.insert("id".into(), id("prod").into());
    for field in BLANK {
        row.insert((*field).into(), Value::Null);
    }
    row.insert("status".into(), "draft".into());
    row.insert("is_giftcard".into(), false.into());
    row.insert("discountable".into(), true.into());
    for (key, value) in body {
        if BLANK.contains(&key.as_str()) && !(key == "status" && value.is_null()) {
            row.insert(key.clone(), value.clone());
        }
    }
    stamp(&mut row);
    row.insert("options".into(), options(list(body, "options"))?);
    row.insert("images".into(), json!([]));
    if row.get("thumbnail").is_none_or(Value::is_null) {
        let first = list(body, "images").first().and_then(|image| image.get("url"));
        row.insert("thumbnail".into(), first.cloned().unwrap_or(Value::Null));
    }
    settle(shop, &mut row, body)?;
    let id = shop.insert(Kind::Products, row);
    for variant in list(body, "variants").iter().filter_map(Value::as_object) {
        variants::create(shop, &id, variant)?;
    }
    Ok(id)
}

fn change(shop: &mut Shop, id: &str, body: &Row) -> Answer<()> {
    let Some(row) = shop.get(Kind::Products, id) else { return Ok(()) };
    let mut row = row.clone();
    let mut own = body.clone();
    own.retain(|key, _| BLANK.contains(&key.as_str()));
    overlay(&mut row, &own);
    if empties_metadata(body) {
        row.insert("metadata".into(), json!({}));
    }
    settle(shop, &mut row, body)?;
    shop.update(Kind::Products, id, |stored| *stored = row);
    if body.contains_key("variants") {
        replace_variants(shop, id, list(body, "variants"))?;
    }
    Ok(())
}

/// The variants of an update are the whole set: those not named are deleted.
fn replace_variants(shop: &mut Shop, product: &str, wanted: &[Value]) -> Answer<()> {
    let kept: Vec<&str> =
        wanted.iter().filter_map(|one| one.get("id").and_then(Value::as_str)).collect();
    for variant in variant_ids(shop, product) {
        if !kept.contains(&variant.as_str()) {
            variants::delete(shop, &variant);
        }
    }
    for one in wanted.iter().filter_map(Value::as_object) {
        match one.get("id").and_then(Value::as_str) {
            Some(variant) => variants::change(shop, product, variant, one)?,
            None => drop(variants::create(shop, product, one)?),
        }
    }
    Ok(())
}

fn variant_ids(shop: &Shop, product: &str) -> Vec<String> {
    let rows = shop.table(Kind::Variants).by("product_id", product);
    rows.map(|row| text(row, "id").to_owned()).collect()
}

/// Judges handle, title and relations, and puts the relations of a body into its row.
fn settle(shop: &Shop, row: &mut Row, body: &Row) -> Answer<()> {
    if text(row, "title").is_empty() {
        return Err(Refusal::invalid("Product title is required"));
    }
    let handle = text(row, "handle").to_owned();
    if handle.is_empty() {
        row.insert("handle".into(), handle_of(text(row, "title")).into());
    } else if !is_handle(&handle) && body.contains_key("handle") {
        return Err(Refusal::invalid(format!(
            "Invalid product handle '{handle}'. It must contain URL safe characters"
        )));
    }
    for tag in ids(body, "tags") {
        if !shop.has(Kind::Tags, &tag) {
            return Err(Refusal::invalid(format!(
                "Tag with id {tag} not found. Please create the tag before associating it with the product."
            )));
        }
    }
    let own = text(row, "id");
    let handle = text(row, "handle");
    let twin = shop.table(Kind::Products).by("handle", handle).any(|one| text(one, "id") != own);
    if twin && !shop.habits.takes_duplicates {
        return Err(Refusal::taken("Product", "handle", handle));
    }
    for (field, kind) in [("collection_id", Kind::Collections), ("type_id", Kind::Types)] {
        let other = text(row, field);
        if !other.is_empty() && !shop.has(kind, other) {
            return Err(Refusal::relation(field, other));
        }
    }
    for category in ids(body, "categories") {
        if !shop.has(Kind::Categories, &category) {
            return Err(Refusal::relation("product_category_id", &category));
        }
    }
    for (field, kept) in
        [("categories", "_categories"), ("tags", "_tags"), ("sales_channels", "_sales_channels")]
    {
        if body.contains_key(field) {
            row.insert(kept.into(), ids(body, field).into());
        }
    }
    if let Some(profile) = body.get("shipping_profile_id") {
        row.insert("_shipping_profile".into(), profile.clone());
    }
    if body.contains_key("images") {
        let images = list(body, "images").iter().enumerate().map(|(rank, image)| {
            let mut one = Row::new();
            // One that is named stays the one it is.
            let held = image.get("id").filter(|id| id.is_string()).cloned();
            one.insert("id".into(), held.unwrap_or_else(|| id("img").into()));
            one.insert("url".into(), image.get("url").cloned().unwrap_or(Value::Null));
            one.insert("metadata".into(), Value::Null);
            one.insert("rank".into(), rank.into());
            one.insert("product_id".into(), text(row, "id").into());
            stamp(&mut one);
            Value::Object(one)
        });
        let images: Vec<Value> = images.collect();
        row.insert("images".into(), Value::Array(images));
    }
    Ok(())
}

fn options(wanted: &[Value]) -> Answer<Value> {
    let mut options = Vec::new();
    for option in wanted.iter().filter_map(Value::as_object) {
        let mut row = Row::new();
        let option_id = id("opt");
        let mut seen: Vec<&str> = Vec::new();
        let mut values = Vec::new();
        for value in list(option, "values").iter().filter_map(Value::as_str) {
            if seen.contains(&value) {
                return Err(Refusal::invalid(format!(
                    "Product option value with option_id: {option_id}, value: {value}, already exists."
                )));
            }
            seen.push(value);
            let mut one = Row::new();
            one.insert("id".into(), id("optval").into());
            one.insert("value".into(), value.into());
            one.insert("rank".into(), Value::Null);
            one.insert("metadata".into(), Value::Null);
            one.insert("option_id".into(), option_id.clone().into());
            stamp(&mut one);
            values.push(Value::Object(one));
        }
        row.insert("id".into(), option_id.into());
        row.insert("title".into(), option.get("title").cloned().unwrap_or(Value::Null));
        row.insert("is_exclusive".into(), true.into());
        row.insert("metadata".into(), option.get("metadata").cloned().unwrap_or(Value::Null));
        stamp(&mut row);
        row.insert("values".into(), Value::Array(values));
        options.push(Value::Object(row));
    }
    Ok(Value::Array(options))
}

/// Whether Medusa takes a text as a product's handle.
fn is_handle(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() && !c.is_uppercase();
    !text.is_empty() && text.split('-').all(|part| !part.is_empty() && part.chars().all(fits))
}

/// The handle Medusa makes from a title.
fn handle_of(title: &str) -> String {
    let mut handle = String::new();
    for c in title.to_lowercase().replace('ß', "ss").chars() {
        if c.is_alphanumeric() {
            handle.push(c);
        } else if (c.is_whitespace() || c == '_' || c == '-') && !handle.ends_with('-') {
            handle.push('-');
        }
    }
    let handle = handle.trim_matches('-').to_owned();
    if !handle.is_empty() {
        return handle;
    }
    let random: String = id("p").chars().rev().take(6).collect();
    format!("product-{}", random.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_judged_and_made_as_medusa_does() {
        for good in ["runner-1", "über-uns", "私の-製品"] {
            assert!(is_handle(good), "{good}");
        }
        for bad in ["", "UPPER", "Über", "a--b", "a_b", "a.b", "-a-", "x y"] {
            assert!(!is_handle(bad), "{bad}");
        }
        assert_eq!(handle_of("Ünï Ça / 50% & more!"), "ünï-ça-50-more");
        assert_eq!(handle_of("日本語"), "日本語");
        assert!(handle_of("!!!").starts_with("product-"));
    }
}
