//! Reading a Medusa shop page by page, ordered by id, and reading single records back.

use std::collections::BTreeMap;

use cartage_model::{Kind, RawRecord};
use serde_json::Value;

use super::{
    client::{Client, PLATFORM},
    json, map, marks,
};
use crate::{Error, Page, ReadBack, Result};

/// Records asked for at once.
const PAGE_SIZE: usize = 100;

/// Ids asked for at once; their address stays far below Medusa's limit of 16 KiB.
const IDS_PER_READ: usize = 50;

/// Where a kind is listed, and the name of the list in the answer.
pub(super) fn listing(kind: Kind) -> Result<(&'static str, &'static str)> {
    Ok(match kind {
        Kind::Category => ("/admin/product-categories", "product_categories"),
        Kind::Collection => ("/admin/collections", "collections"),
        Kind::Product => ("/admin/products", "products"),
        Kind::CustomerGroup => ("/admin/customer-groups", "customer_groups"),
        Kind::Customer => ("/admin/customers", "customers"),
        Kind::Order => ("/admin/orders", "orders"),
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => {
            return Err(Error::Settings {
                field: "kind",
                problem: format!("{PLATFORM} has no records of kind {kind}"),
            });
        }
    })
}

/// The list in an answer.
pub(super) fn rows<'a>(answer: &'a Value, path: &str, name: &str) -> Result<&'a [Value]> {
    answer.get(name).and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| Error::Unreadable {
        platform: PLATFORM,
        operation: format!("GET {path}"),
        problem: format!("it has no list `{name}`"),
    })
}

/// How many there are.
pub(super) async fn count(client: &Client, kind: Kind) -> Result<Option<u64>> {
    let (path, _) = listing(kind)?;
    let query = [("limit", "1".to_owned()), ("fields", "id".to_owned())];
    Ok(client.get(path, &query).await?.get("count").and_then(Value::as_u64))
}

/// The page behind a cursor: the number of records before it.
pub(super) async fn page(client: &Client, kind: Kind, cursor: Option<&str>) -> Result<Page> {
    let offset: usize = cursor.unwrap_or("0").parse().map_err(|_| Error::Settings {
        field: "cursor",
        problem: "is none of this connector".to_owned(),
    })?;
    let (path, name) = listing(kind)?;
    let answer = list(client, path, offset, PAGE_SIZE, map::asked_fields(kind)).await?;
    let rows = rows(&answer, path, name)?;
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        let source_id = json::owned(row, "id").ok_or_else(|| Error::Unreadable {
            platform: PLATFORM,
            operation: format!("GET {path}"),
            problem: "a record has no id".to_owned(),
        })?;
        records.push(RawRecord { kind, source_id, body: row.clone() });
    }
    let next = (rows.len() == PAGE_SIZE).then(|| (offset + PAGE_SIZE).to_string());
    Ok(Page { records, failures: Vec::new(), next })
}

/// A page of a listing, in the order of ids (which is that of creation).
pub(super) async fn list(
    client: &Client,
    path: &str,
    offset: usize,
    limit: usize,
    fields: &str,
) -> Result<Value> {
    let query = [
        ("limit", limit.to_string()),
        ("offset", offset.to_string()),
        ("order", "id".to_owned()),
        ("fields", fields.to_owned()),
    ];
    client.get(path, &query).await
}

/// Records by their ids; those that are not there are left out.
pub(super) async fn by_ids(
    client: &Client,
    kind: Kind,
    ids: &[String],
    fields: &str,
) -> Result<BTreeMap<String, Value>> {
    let (path, name) = listing(kind)?;
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(IDS_PER_READ) {
        let mut query = vec![("limit", IDS_PER_READ.to_string()), ("fields", fields.to_owned())];
        query.extend(chunk.iter().map(|id| ("id[]", id.clone())));
        let answer = client.get(path, &query).await?;
        for row in rows(&answer, path, name)? {
            if let Some(id) = json::owned(row, "id").filter(|id| chunk.contains(id)) {
                found.insert(id, row.clone());
            }
        }
    }
    Ok(found)
}

/// Records as target fields.
pub(super) async fn read_back(
    client: &Client,
    kind: Kind,
    ids: &[String],
) -> Result<Vec<ReadBack>> {
    let found = by_ids(client, kind, ids, map::asked_fields(kind)).await?;
    let mut around = map::Around::default();
    match kind {
        Kind::Product => around.locations = locations(client).await?,
        Kind::Order => around.customers = customers(client, found.values()).await?,
        _ => {}
    }
    let read_backs = ids.iter().map(|id| ReadBack {
        target_id: id.clone(),
        fields: found.get(id).map(|object| map::fields(kind, object, &around)),
    });
    Ok(read_backs.collect())
}

/// The customers whom orders hang at, by id, with what tells who they are.
async fn customers(
    client: &Client,
    orders: impl Iterator<Item = &Value>,
) -> Result<BTreeMap<String, Value>> {
    let mut ids: Vec<String> =
        orders.filter_map(|order| json::owned(order, "customer_id")).collect();
    ids.sort_unstable();
    ids.dedup();
    by_ids(client, Kind::Customer, &ids, "id,email,metadata").await
}

/// The source's names of the stock locations, by id; of foreign ones their own names.
pub(super) async fn locations(client: &Client) -> Result<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    let path = "/admin/stock-locations";
    loop {
        let answer = list(client, path, names.len(), PAGE_SIZE, "id,name,metadata").await?;
        let page = rows(&answer, path, "stock_locations")?;
        for row in page {
            let kept = row.get("metadata").and_then(|kept| kept.get(marks::LOCATION));
            let name = kept.and_then(Value::as_str).or_else(|| json::text(row, "name"));
            if let (Some(id), Some(name)) = (json::owned(row, "id"), name) {
                names.insert(id, name.to_owned());
            }
        }
        if page.len() < PAGE_SIZE {
            return Ok(names);
        }
    }
}

/// Key and id of every object of a kind with a key of the migration; drafts of orders count.
pub(super) async fn keys(
    client: &Client,
    migration: &str,
    kind: Kind,
) -> Result<Vec<(String, String)>> {
    let prefix = format!("cartage:{migration}:{kind}:");
    let mut found = Vec::new();
    let mut listings = vec![listing(kind)?];
    let mut fields = "id,metadata";
    match kind {
        Kind::Order => listings.push(("/admin/draft-orders", "draft_orders")),
        Kind::Product | Kind::Category => fields = "id,external_id,metadata",
        _ => {}
    }
    for (path, name) in listings {
        let mut offset = 0;
        loop {
            let answer = list(client, path, offset, 500, fields).await?;
            let page = rows(&answer, path, name)?;
            for row in page {
                if let (Some(id), Some(key)) = (json::owned(row, "id"), map::key(row))
                    && key.starts_with(&prefix)
                {
                    found.push((key.to_owned(), id));
                }
            }
            if page.len() < 500 {
                break;
            }
            offset += page.len();
        }
    }
    found.sort();
    Ok(found)
}
