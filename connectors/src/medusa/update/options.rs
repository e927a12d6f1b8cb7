//! What the variants of a product may choose from. Since version 2.16 options are objects of their
//! own, linked to products: values are added and taken off by `POST /admin/products/:id/options/batch`
//! (2.17), a title is changed at the option (`admin/product-options/[id]` and
//! `create-and-link-product-options-to-product` of `@medusajs/medusa` and `@medusajs/core-flows`
//! 2.21.2, read on 2026-11-28). A variant must choose a value of every option of its product, so that
//! none can be added or taken away while variants stand.

use serde_json::{Value, json};

use super::{
    super::{
        json,
        work::{Stop, Writer},
    },
    Task, fixed,
    products::{OPTION_TITLE, OPTIONS_ADD, OPTIONS_REMOVE},
    step::Change,
};

/// What is to become of the options.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// Options by place and id, with other titles.
    titles: Vec<(u32, String, String)>,
    /// Updates that add values.
    added: Vec<Value>,
    /// Updates that take values off.
    removed: Vec<Value>,
}

/// Options in the form Medusa has them: a product without any has one of one value.
pub(super) fn of(fields: &Value) -> Vec<(String, Vec<String>)> {
    let texts = |option: &Value| {
        let values = json::list(option, "values").iter();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let options: Vec<(String, Vec<String>)> = json::list(fields, "options")
        .iter()
        .filter_map(|option| Some((json::owned(option, "title")?, texts(option))))
        .collect();
    if options.is_empty() {
        return vec![("Default option".to_owned(), vec!["Default option value".to_owned()])];
    }
    options
}

/// What has to be done so that the variants may choose what they shall.
pub(super) fn offer(task: &Task<'_>) -> Result<Offer, Stop> {
    let (before, after) = (of(&task.current), of(&task.wanted));
    let mut held: Vec<&Value> = json::list(task.raw, "options").iter().collect();
    if held.len() != after.len() {
        let message = "Medusa adds no option to a product with variants and takes none away";
        return Err(fixed("options", message));
    }
    let mut paired: Vec<Option<&Value>> = after
        .iter()
        .map(|(title, _)| {
            let place = held.iter().position(|option| json::text(option, "title") == Some(title));
            place.map(|place| held.remove(place))
        })
        .collect();
    for slot in &mut paired {
        if slot.is_none() && !held.is_empty() {
            *slot = Some(held.remove(0));
        }
    }
    let mut offer = Offer::default();
    for (place, ((title, values), option)) in (0..).zip(after.iter().zip(paired)) {
        let Some(option) = option else { continue };
        let Some(id) = json::owned(option, "id") else { continue };
        let old = json::text(option, "title").unwrap_or_default();
        let is_shared = option.get("is_exclusive") == Some(&Value::Bool(false));
        if old != title {
            if is_shared {
                return Err(fixed("options", "the option is shared with other products"));
            }
            offer.titles.push((OPTION_TITLE + place, id.clone(), title.clone()));
        }
        let rows = json::list(option, "values");
        let has = |value: &str| rows.iter().any(|row| json::text(row, "value") == Some(value));
        let added: Vec<Value> = values
            .iter()
            .filter(|value| !has(value))
            .map(|value| json!({ "value": value }))
            .collect();
        // What others added since stays.
        let known: Vec<&String> = before
            .iter()
            .filter(|(title, _)| title == old)
            .flat_map(|(_, values)| values)
            .collect();
        let removed: Vec<&str> = rows
            .iter()
            .filter(|row| {
                let value = json::text(row, "value").unwrap_or_default();
                known.iter().any(|it| *it == value) && !values.iter().any(|it| it == value)
            })
            .filter_map(|row| json::text(row, "id"))
            .collect();
        if !added.is_empty() {
            offer.added.push(json!({ "product_option_id": id, "add": added }));
        }
        if !removed.is_empty() {
            offer.removed.push(json!({ "product_option_id": id, "remove": removed }));
        }
    }
    Ok(offer)
}

impl Writer<'_> {
    /// Gives options their titles and new values.
    pub(super) async fn widen(&self, task: &Task<'_>, offer: &Offer) -> Result<(), Stop> {
        for (ordinal, id, title) in &offer.titles {
            let path = format!("/admin/product-options/{id}");
            let body = json!({ "title": title });
            let change = Change::set(*ordinal, "product_option.update", path, body);
            self.change(task.item, &change).await?;
        }
        self.offer(task, OPTIONS_ADD, &offer.added).await
    }

    /// Takes values off that no variant chooses any more.
    pub(super) async fn narrow(&self, task: &Task<'_>, offer: &Offer) -> Result<(), Stop> {
        self.offer(task, OPTIONS_REMOVE, &offer.removed).await
    }

    async fn offer(&self, task: &Task<'_>, ordinal: u32, updates: &[Value]) -> Result<(), Stop> {
        if updates.is_empty() {
            return Ok(());
        }
        let path = format!("/admin/products/{}/options/batch", task.item.target_id);
        let body = json!({ "update": updates });
        let change = Change::set(ordinal, "product_options.update", path, body);
        self.change(task.item, &change).await.map(drop)
    }
}
