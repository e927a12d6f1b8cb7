//! Sets up what records need. Everything is looked for by name before it is made, so a repetition
//! writes nothing, and two at once end with the same objects wherever Medusa keeps names unique.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    client::{Client, PLATFORM},
    json, marks, read,
};
use crate::{Error, Lease, Needs, Result};

/// The stock location of a source that has a nameless one.
const NAMELESS_LOCATION: &str = "Cartage stock";

/// What was set up: what a write needs to know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Prepared {
    /// For which migration: what is made carries its id, so that it can be taken back.
    pub(super) migration: String,
    /// The sales channel products are sold in.
    pub(super) sales_channel: String,
    /// The shipping profile of products.
    pub(super) shipping_profile: Option<String>,
    /// Stock locations by their names in the source.
    pub(super) locations: BTreeMap<String, String>,
    /// Regions by currency in lower case.
    pub(super) regions: BTreeMap<String, String>,
    /// Tags by value.
    pub(super) tags: BTreeMap<String, String>,
    /// Types by value.
    pub(super) types: BTreeMap<String, String>,
}

impl Prepared {
    /// Reads what [`prepare`] gave.
    pub(super) fn read(value: &Value) -> Result<Self> {
        Self::deserialize(value).map_err(|error| Error::Settings {
            field: "prepared",
            problem: format!("was not made by this connector: {error}"),
        })
    }
}

/// Sets up everything.
pub(super) async fn prepare(
    client: &Client,
    lease: &dyn Lease,
    migration: &str,
    needs: &Needs,
) -> Result<Prepared> {
    let maker = Maker { client, lease, migration };
    let store = store(&maker, needs).await?;
    let sales_channel = sales_channel(&maker, &store).await?;
    let mut prepared = Prepared {
        migration: migration.to_owned(),
        shipping_profile: shipping_profile(client).await?,
        locations: locations(&maker, &needs.locations, &sales_channel).await?,
        tags: maker.words(&TAGS, &needs.tags).await?,
        types: maker.words(&TYPES, &needs.merchandise_types).await?,
        sales_channel,
        regions: BTreeMap::new(),
    };
    for currency in &needs.currencies {
        let code = currency.to_ascii_lowercase();
        let region = maker.region(&code).await?;
        prepared.regions.insert(code, region);
    }
    Ok(prepared)
}

/// Who sets up, and for which migration.
pub(super) struct Maker<'a> {
    pub(super) client: &'a Client,
    pub(super) lease: &'a dyn Lease,
    pub(super) migration: &'a str,
}

fn id(object: &Value, path: &str) -> Result<String> {
    json::owned(object, "id").ok_or_else(|| Error::Unreadable {
        platform: PLATFORM,
        operation: path.to_owned(),
        problem: "an object has no id".to_owned(),
    })
}

/// Where objects of a sort are listed and made, and by which field they are found.
pub(super) struct Sort {
    pub(super) path: &'static str,
    pub(super) list: &'static str,
    object: &'static str,
    pub(super) field: &'static str,
}

const CHANNELS: Sort = Sort {
    path: "/admin/sales-channels",
    list: "sales_channels",
    object: "sales_channel",
    field: "name",
};
/// Stock locations.
pub(super) const LOCATIONS: Sort = Sort {
    path: "/admin/stock-locations",
    list: "stock_locations",
    object: "stock_location",
    field: "name",
};
/// Regions.
pub(super) const REGIONS: Sort =
    Sort { path: "/admin/regions", list: "regions", object: "region", field: "name" };
/// Product tags.
pub(super) const TAGS: Sort = Sort {
    path: "/admin/product-tags",
    list: "product_tags",
    object: "product_tag",
    field: "value",
};
/// Product types.
pub(super) const TYPES: Sort = Sort {
    path: "/admin/product-types",
    list: "product_types",
    object: "product_type",
    field: "value",
};

/// The object with a name. Names of channels, locations and regions are not unique, so of several
/// the oldest is everybody's choice.
async fn named(client: &Client, sort: &Sort, name: &str) -> Result<Option<String>> {
    let query =
        [(sort.field, name.to_owned()), ("limit", "100".to_owned()), ("order", "id".to_owned())];
    let answer = client.get(sort.path, &query).await?;
    let rows = read::rows(&answer, sort.path, sort.list)?;
    let found = rows.iter().find(|row| json::text(row, sort.field) == Some(name));
    found.map(|row| id(row, sort.path)).transpose()
}

/// The store, with the currencies that are needed.
async fn store(maker: &Maker<'_>, needs: &Needs) -> Result<Value> {
    let path = "/admin/stores";
    let asked = [("fields", "*supported_currencies".to_owned())];
    let answer = maker.client.get(path, &asked).await?;
    let store = read::rows(&answer, path, "stores")?.first().cloned().unwrap_or_default();
    let mut codes: Vec<(String, bool)> = json::list(&store, "supported_currencies")
        .iter()
        .filter_map(|entry| {
            Some((json::owned(entry, "currency_code")?, entry["is_default"] == true))
        })
        .collect();
    let known = codes.len();
    for currency in &needs.currencies {
        let code = currency.to_ascii_lowercase();
        if !codes.iter().any(|(known, _)| *known == code) {
            codes.push((code, false));
        }
    }
    if codes.len() > known {
        if !codes.iter().any(|(_, is_default)| *is_default)
            && let Some((_, is_default)) = codes.first_mut()
        {
            *is_default = true;
        }
        // The list is replaced as a whole.
        let list: Vec<Value> = codes
            .iter()
            .map(|(code, is_default)| json!({ "currency_code": code, "is_default": is_default }))
            .collect();
        let store_path = format!("{path}/{}", id(&store, path)?);
        let body = json!({ "supported_currencies": list });
        maker.client.post(maker.lease, &store_path, &body).await?;
    }
    Ok(store)
}

/// The store's own sales channel, which its storefront shows; one of ours where it has none.
async fn sales_channel(maker: &Maker<'_>, store: &Value) -> Result<String> {
    if let Some(channel) = json::owned(store, "default_sales_channel_id") {
        return Ok(channel);
    }
    if let Some(channel) = named(maker.client, &CHANNELS, "Default Sales Channel").await? {
        return Ok(channel);
    }
    maker.named_or_made(&CHANNELS, "Cartage", json!({ "name": "Cartage" })).await
}

/// The default shipping profile.
async fn shipping_profile(client: &Client) -> Result<Option<String>> {
    let path = "/admin/shipping-profiles";
    let query = [("limit", "100".to_owned()), ("order", "id".to_owned())];
    let answer = client.get(path, &query).await?;
    let rows = read::rows(&answer, path, "shipping_profiles")?;
    let default = rows.iter().find(|row| json::text(row, "type") == Some("default"));
    Ok(default.or(rows.first()).and_then(|row| json::owned(row, "id")))
}

/// Stock locations, each linked to the sales channel.
async fn locations(
    maker: &Maker<'_>,
    names: &[String],
    sales_channel: &str,
) -> Result<BTreeMap<String, String>> {
    let mut ids = BTreeMap::new();
    for source_name in names {
        let name = match source_name.trim() {
            "" => NAMELESS_LOCATION,
            trimmed => trimmed,
        };
        let body = json!({ "name": name, "metadata": { marks::LOCATION: source_name } });
        let location = maker.named_or_made(&LOCATIONS, name, body).await?;
        let own_path = format!("{}/{location}", LOCATIONS.path);
        let query = [("fields", "id,sales_channels.id".to_owned())];
        let answer = maker.client.get(&own_path, &query).await?;
        let is_linked = json::list(&answer["stock_location"], "sales_channels")
            .iter()
            .any(|channel| json::text(channel, "id") == Some(sales_channel));
        if !is_linked {
            let body = json!({ "add": [sales_channel] });
            let path = format!("{own_path}/sales-channels");
            maker.client.post(maker.lease, &path, &body).await?;
        }
        ids.insert(source_name.clone(), location);
    }
    Ok(ids)
}

impl Maker<'_> {
    /// The region of a currency: without countries and automatic taxes, so that nothing is added to
    /// the sums of old orders.
    pub(super) async fn region(&self, code: &str) -> Result<String> {
        let name = format!("Cartage {}", code.to_ascii_uppercase());
        let body = json!({
            "name": name,
            "currency_code": code,
            "automatic_taxes": false,
            "payment_providers": ["pp_system_default"],
        });
        self.named_or_made(&REGIONS, &name, body).await
    }

    /// The ids of words, made where they are not there.
    pub(super) async fn words(
        &self,
        sort: &Sort,
        values: &[String],
    ) -> Result<BTreeMap<String, String>> {
        let wanted: BTreeSet<&String> = values.iter().filter(|value| !value.is_empty()).collect();
        let wanted: Vec<&String> = wanted.into_iter().collect();
        let mut ids = BTreeMap::new();
        for chunk in wanted.chunks(40) {
            let mut query = vec![("limit", "100".to_owned())];
            query.extend(chunk.iter().map(|value| ("value[]", (*value).clone())));
            let answer = self.client.get(sort.path, &query).await?;
            for row in read::rows(&answer, sort.path, sort.list)? {
                if let (Some(value), Some(id)) = (json::owned(row, "value"), json::owned(row, "id"))
                {
                    ids.insert(value, id);
                }
            }
        }
        let mut missing = Vec::new();
        for value in wanted {
            if !ids.contains_key(value) {
                missing.push(self.word(sort, value));
            }
        }
        let made: Vec<Result<(String, String)>> =
            stream::iter(missing).buffer_unordered(4).collect().await;
        for pair in made {
            let (value, id) = pair?;
            ids.insert(value, id);
        }
        Ok(ids)
    }

    async fn word(&self, sort: &Sort, value: &str) -> Result<(String, String)> {
        let id = self.named_or_made(sort, value, json!({ "value": value })).await?;
        Ok((value.to_owned(), id))
    }

    /// The id of an object by its name, made where it is not there. When that fails, it may be there
    /// all the same, by us or by another: it is looked for as long as lists may lag behind.
    async fn named_or_made(&self, sort: &Sort, name: &str, mut body: Value) -> Result<String> {
        let Self { client, lease, migration } = *self;
        if let Some(found) = named(client, sort, name).await? {
            return Ok(found);
        }
        // A run that was prepared before marks were made does not know.
        if !migration.is_empty() {
            body["metadata"][marks::SET_UP] = json!({ "migration": migration, "name": name });
        }
        let error = match client.post(lease, sort.path, &body).await {
            Ok(answer) => return id(answer.get(sort.object).unwrap_or(&Value::Null), sort.path),
            Err(error) => error,
        };
        if !matches!(
            error,
            Error::Transient { .. } | Error::Rejected { .. } | Error::Unreadable { .. }
        ) {
            return Err(error);
        }
        let mut waited = Duration::ZERO;
        loop {
            if let Some(found) = named(client, sort, name).await? {
                return Ok(found);
            }
            if waited >= client.settle_time {
                return Err(error);
            }
            let wait = (waited / 2).max(Duration::from_millis(200)).min(client.settle_time);
            tokio::time::sleep(wait).await;
            waited += wait;
        }
    }
}
