//! What the variants of a product may choose from, after the product was made. The rules are those of
//! `product-module-service.js` of `@medusajs/product` 2.21.2 (linking, values, removal), read on
//! 2026-11-28: a value that a variant has chosen stays, and one that is there is not made twice.

use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::product_view as view;
use super::query::Query;
use super::schema::{Shape, Type, check, loose, nul, opt, req, strict};
use super::state::{Kind, Shop};
use super::value::{Row, id, list, stamp, text};

const CHANGE: Shape = loose(&[
    req("product_option_id", Type::Text),
    opt("add", Type::Any),
    opt("remove", Type::Texts),
]);

static BATCH: Shape =
    loose(&[opt("add", Type::Any), opt("remove", Type::Texts), opt("update", Type::List(&CHANGE))]);

static OPTION: Shape = strict(&[
    opt("title", Type::Text),
    opt("values", Type::Texts),
    opt("ranks", Type::Record),
    opt("is_exclusive", Type::Bool),
    nul("metadata", Type::Record),
]);

/// `POST /admin/products/:id/options/batch`. Only the changes of values are done; options that are to
/// be linked or unlinked are not, for no client here does that.
pub(crate) fn batch(shop: &mut Shop, query: &Query, product: &str, body: &Value) -> Answer {
    let body = check(&BATCH, body)?;
    for one in list(&body, "update").iter().filter_map(Value::as_object) {
        change(shop, product, one)?;
    }
    view::read(shop, query, product)
}

fn change(shop: &mut Shop, product: &str, change: &Row) -> Answer<()> {
    let wanted = text(change, "product_option_id").to_owned();
    let options = shop.get(Kind::Products, product).map(|row| list(row, "options").to_vec());
    let option = options.into_iter().flatten().find(|option| option["id"] == wanted.as_str());
    let Some(Value::Object(mut option)) = option else {
        return Err(Refusal::invalid(format!(
            "Some product options are not linked to products: [{product}:{wanted}]"
        )));
    };
    let gone: Vec<&str> = list(change, "remove").iter().filter_map(Value::as_str).collect();
    let users: Vec<String> = shop
        .table(Kind::Variants)
        .by("product_id", product)
        .filter(|row| {
            let chosen = list(row, "options").iter().filter_map(|value| value["id"].as_str());
            chosen.into_iter().any(|value| gone.contains(&value))
        })
        .map(|row| text(row, "title").to_owned())
        .collect();
    if !users.is_empty() {
        return Err(Refusal::invalid(format!(
            "Cannot unassign option values from product because the following variant(s) are using it: {}",
            users.join(", ")
        )));
    }
    let mut values = list(&option, "values").to_vec();
    for added in list(change, "add") {
        let Some(value) = added["value"].as_str().map(str::trim).filter(|it| !it.is_empty()) else {
            continue;
        };
        if values.iter().any(|held| held["value"] == value) {
            continue;
        }
        let mut row = Row::new();
        row.insert("id".into(), id("optval").into());
        row.insert("value".into(), value.into());
        row.insert("rank".into(), Value::Null);
        row.insert("metadata".into(), Value::Null);
        row.insert("option_id".into(), wanted.clone().into());
        stamp(&mut row);
        values.push(Value::Object(row));
    }
    values.retain(|held| !held["id"].as_str().is_some_and(|id| gone.contains(&id)));
    option.insert("values".into(), Value::Array(values));
    put(shop, product, &wanted, &option);
    Ok(())
}

fn put(shop: &mut Shop, product: &str, wanted: &str, option: &Row) {
    shop.update(Kind::Products, product, |row| {
        let options = row.get_mut("options").and_then(Value::as_array_mut);
        for held in options.into_iter().flatten().filter(|held| held["id"] == wanted) {
            *held = Value::Object(option.clone());
        }
    });
}

/// `POST /admin/product-options/:id`: its title; the variants that chose one of its values show it.
pub(crate) fn update(shop: &mut Shop, wanted: &str, body: &Value) -> Answer {
    let body = check(&OPTION, body)?;
    let found = shop.table(Kind::Products).by("options.id", wanted).find_map(|row| {
        let option = list(row, "options").iter().find(|option| option["id"] == wanted)?;
        Some((text(row, "id").to_owned(), option.as_object().cloned()?))
    });
    let Some((product, mut option)) = found else {
        return Err(Refusal::invalid(format!(
            "Cannot update non-existing options with ids: {wanted}"
        )));
    };
    if let Some(title) = body.get("title") {
        option.insert("title".into(), title.clone());
    }
    put(shop, &product, wanted, &option);
    let variants: Vec<String> = shop
        .table(Kind::Variants)
        .by("product_id", &product)
        .map(|row| text(row, "id").to_owned())
        .collect();
    for variant in variants {
        shop.update(Kind::Variants, &variant, |row| {
            let chosen = row.get_mut("options").and_then(Value::as_array_mut);
            for value in chosen.into_iter().flatten().filter(|it| it["option"]["id"] == wanted) {
                value["option"]["title"] = option["title"].clone();
            }
        });
    }
    Ok(json!({ "product_option": { "id": wanted, "title": option["title"] } }))
}
