//! Reading a Medusa shop page by page, ordered by id, and reading single records back.

use std::collections::BTreeMap;

use cartage_model::{Kind, RawRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    client::{Client, PLATFORM},
    json, map, marks,
};
use crate::{Error, Page, ReadBack, Result};

/// Records asked for at once.
const PAGE_SIZE: usize = 100;

/// Keys asked for at once.
const KEYS_PER_READ: usize = 500;

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

/// The page behind a cursor.
pub(super) async fn page(client: &Client, kind: Kind, cursor: Option<&str>) -> Result<Page> {
    let mut walk = match cursor {
        None => Walk::default(),
        Some(cursor) => serde_json::from_str(cursor).map_err(|_| Error::Settings {
            field: "cursor",
            problem: "is none of this connector".to_owned(),
        })?,
    };
    let (rows, is_last) =
        walk.next(client, listing(kind)?, PAGE_SIZE, map::asked_fields(kind)).await?;
    let records = rows.into_iter().map(|(source_id, body)| RawRecord { kind, source_id, body });
    let next = (!is_last).then(|| serde_json::to_string(&walk)).transpose().map_err(|error| {
        Error::Unreadable {
            platform: PLATFORM,
            operation: format!("reading {kind}"),
            problem: error.to_string(),
        }
    })?;
    Ok(Page { records: records.collect(), failures: Vec::new(), next })
}

/// A walk through a listing, in the order of ids (which is that of creation).
///
/// Medusa counts places alone: where a record that was passed is deleted, all behind it move up, and
/// the next page would begin behind one that nobody has seen. So a page begins at a record of the one
/// before, and goes back to find one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Walk {
    offset: usize,
    /// The ids of the last page.
    seen: Vec<String>,
}

impl Walk {
    /// The next records with their ids, and whether they are the last.
    pub(super) async fn next(
        &mut self,
        client: &Client,
        (path, name): (&str, &str),
        limit: usize,
        fields: &str,
    ) -> Result<(Vec<(String, Value)>, bool)> {
        let mut from = self.offset.saturating_sub(1);
        loop {
            let answer = list(client, path, from, limit, fields).await?;
            let mut page = Vec::with_capacity(limit);
            for row in rows(&answer, path, name)? {
                let id = json::owned(row, "id").ok_or_else(|| Error::Unreadable {
                    platform: PLATFORM,
                    operation: format!("GET {path}"),
                    problem: "a record has no id".to_owned(),
                })?;
                page.push((id, row.clone()));
            }
            let known = page.iter().rposition(|(id, _)| self.seen.contains(id));
            if known.is_none() && !self.seen.is_empty() {
                if from == 0 {
                    // All of them are gone: where to go on, nobody can tell.
                    return Err(Error::Transient {
                        platform: PLATFORM,
                        operation: format!("GET {path}"),
                        problem: "the records of the page before are not there any more".to_owned(),
                        retry_after: None,
                    });
                }
                from = from.saturating_sub(limit);
                continue;
            }
            let is_last = page.len() < limit;
            self.offset = from + page.len();
            let new = page.split_off(known.map_or(0, |known| known + 1));
            if !new.is_empty() {
                self.seen = new.iter().map(|(id, _)| id.clone()).collect();
            }
            return Ok((new, is_last));
        }
    }
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
    let mut walk = Walk::default();
    let listing = ("/admin/stock-locations", "stock_locations");
    loop {
        let (page, is_last) = walk.next(client, listing, PAGE_SIZE, "id,name,metadata").await?;
        for (id, row) in page {
            let kept = row.get("metadata").and_then(|kept| kept.get(marks::LOCATION));
            if let Some(name) = kept.and_then(Value::as_str).or_else(|| json::text(&row, "name")) {
                names.insert(id, name.to_owned());
            }
        }
        if is_last {
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
    for listing in listings {
        let mut walk = Walk::default();
        loop {
            let (page, is_last) = walk.next(client, listing, KEYS_PER_READ, fields).await?;
            for (id, row) in page {
                if let Some(key) = map::key(&row).filter(|key| key.starts_with(&prefix)) {
                    found.push((key.to_owned(), id));
                }
            }
            if is_last {
                break;
            }
        }
    }
    found.sort();
    Ok(found)
}
