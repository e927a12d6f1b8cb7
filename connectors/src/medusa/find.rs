//! Finding objects that were in the shop before by what tells them apart: the value is asked for, and
//! held against each hit again, because a filter that Medusa does not know gives everything.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::Value;

use super::{client::Client, json, read};
use crate::{Error, Result};

/// Values asked for at once; their address stays far below Medusa's limit of 16 KiB.
const VALUES_PER_READ: usize = 50;
/// Hits asked for at once.
const PAGE_SIZE: usize = 200;

/// The fields by which objects of a kind are found. An order has none: its number is our metadata,
/// which cannot be searched.
pub(super) const fn match_fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Product => &["handle", "sku"],
        Kind::Category | Kind::Collection => &["handle"],
        Kind::CustomerGroup => &["name"],
        Kind::Customer => &["email"],
        _ => &[],
    }
}

/// The ids of a kind's objects by the values of a field.
pub(super) async fn find(
    client: &Client,
    kind: Kind,
    field: &str,
    values: &[String],
) -> Result<BTreeMap<String, Vec<String>>> {
    let Some(field) = match_fields(kind).iter().find(|known| **known == field) else {
        return Err(Error::Settings {
            field: "run.match_rules",
            problem: format!("nothing of kind {kind} is found by {field}"),
        });
    };
    // A variant knows its product, and an article number is a variant's.
    let (path, name, id) = match *field {
        "sku" => ("/admin/product-variants", "variants", "product_id"),
        _ => {
            let (path, name) = read::listing(kind)?;
            (path, name, "id")
        }
    };
    let mut found: BTreeMap<String, Vec<String>> =
        values.iter().map(|value| (value.clone(), Vec::new())).collect();
    let asked: Vec<&String> = values.iter().filter(|value| !value.is_empty()).collect();
    let (filter, fields) = (format!("{field}[]"), format!("id,{field},{id}"));
    for chunk in asked.chunks(VALUES_PER_READ) {
        let mut offset = 0;
        loop {
            let mut query = vec![
                ("limit", PAGE_SIZE.to_string()),
                ("offset", offset.to_string()),
                ("order", "id".to_owned()),
                ("fields", fields.clone()),
            ];
            query.extend(chunk.iter().map(|value| (filter.as_str(), (*value).clone())));
            let answer = client.get(path, &query).await?;
            let rows = read::rows(&answer, path, name)?;
            for row in rows {
                keep(&mut found, row, field, id);
            }
            if rows.len() < PAGE_SIZE {
                break;
            }
            offset += rows.len();
        }
    }
    Ok(found)
}

fn keep(found: &mut BTreeMap<String, Vec<String>>, row: &Value, field: &str, id: &str) {
    let ids = json::text(row, field).and_then(|value| found.get_mut(value));
    if let (Some(ids), Some(id)) = (ids, json::owned(row, id))
        && !ids.contains(&id)
    {
        ids.push(id);
    }
}
