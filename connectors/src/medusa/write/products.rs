//! Products, fifty to a call. Medusa takes a batch as a whole or not at all, so a refused one is
//! halved until the guilty record stands alone; before that the shop is asked for records of ours
//! that an earlier, lost call had made. Medusa makes a product first and its variants and inventory
//! items later, so what is found counts only when all of it is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cartage_model::Kind;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::{
        client::REFUSALS_MAX,
        json::{self, decimal_of},
        map, marks, prepare, read,
    },
    Ended, Stop, Writer, ended, ended_alike, link, linked, own_link,
    step::{Standing, call, metadata, refusal, standing, stands_otherwise, wait},
};
use crate::{Call, CallResult, CallState, Error, Link, Result, WriteItem};

/// What is asked for of a product just made.
const MADE_FIELDS: &str = "id,external_id,variants.id,variants.sku,variants.metadata,\
                           variants.inventory_items.inventory_item_id";

/// How often a batch is sent before its records are postponed.
const ATTEMPTS: u32 = 4;

/// How often a part of a batch is sent that the shop answered with faults of its own.
const PART_ATTEMPTS: u32 = 1;

/// Products to be sent in one call, and how often.
struct Group<'i> {
    items: Vec<&'i WriteItem>,
    attempts: u32,
    /// Whether a call for them was lost that may have made them, and that the shop may not show yet.
    lost: bool,
}

/// Results by source id.
pub(super) type Results = BTreeMap<String, std::result::Result<Value, Stop>>;

impl Writer<'_> {
    pub(super) async fn products(&self, items: &[WriteItem]) -> Result<Vec<Ended>> {
        let mut results = match self.made(items).await {
            Ok(results) => results,
            Err(stop) => return ended_alike(items, &stop),
        };
        if let Err(Stop::Fatal(error)) = self.stock(items, &mut results).await {
            return Err(error);
        }
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            let result = results
                .remove(&item.source_id)
                .unwrap_or_else(|| Err(Stop::Postponed("it was not reached".to_owned())));
            all.push(ended(item, result.map(|made| links(item, &made)))?);
        }
        Ok(all)
    }

    /// The first call of each: what was made, by source id.
    async fn made(&self, items: &[WriteItem]) -> std::result::Result<Results, Stop> {
        let words = self.words(items).await?;
        let bodies: BTreeMap<&str, Value> =
            items.iter().map(|item| (item.source_id.as_str(), self.body(item, &words))).collect();
        let mut results = Results::new();
        let mut open = Vec::new();
        let mut halves = Vec::new();
        let mut changed = Vec::new();
        let mut fresh = Vec::new();
        let mut calls = Vec::new();
        for item in items {
            let Some(body) = bodies.get(item.source_id.as_str()) else { continue };
            let call = call(item, 0, "product.create", body);
            match standing(item, &call) {
                Ok(Standing::Applied(value)) if is_whole(item, value) => {
                    results.insert(item.source_id.clone(), Ok(value.clone()));
                }
                Ok(Standing::Applied(_)) => halves.push(item),
                Ok(Standing::Open) => open.push(item),
                Ok(Standing::Changed) => changed.push((item, call)),
                Ok(Standing::New) => {
                    fresh.push(item);
                    calls.push(call);
                }
                Err(stop) => drop(results.insert(item.source_id.clone(), Err(stop))),
            }
        }
        for lost in self.adopt(halves, &mut results).await? {
            let stop = Stop::Postponed("the product that was made is not there".to_owned());
            results.insert(lost.source_id.clone(), Err(stop));
        }
        let mut waiting = self.adopt(open, &mut results).await?;
        let lost = !waiting.is_empty();
        for (item, call) in self.not_made(changed, &mut results).await? {
            fresh.push(item);
            calls.push(call);
        }
        self.intend(&calls).await?;
        waiting.extend(fresh);
        let mut groups = vec![Group { items: waiting, attempts: ATTEMPTS, lost }];
        while let Some(group) = groups.pop() {
            if !group.items.is_empty() {
                groups.extend(self.create(group, &bodies, &mut results).await?);
            }
        }
        Ok(results)
    }

    /// Sends a group; gives the halves to send instead when it was refused.
    async fn create<'i>(
        &self,
        group: Group<'i>,
        bodies: &BTreeMap<&str, Value>,
        results: &mut Results,
    ) -> std::result::Result<Vec<Group<'i>>, Stop> {
        let Group { items: mut group, attempts, mut lost } = group;
        let halves = |mut group: Vec<&'i WriteItem>, attempts, lost| {
            let second = group.split_off(group.len() / 2);
            vec![Group { items: second, attempts, lost }, Group { items: group, attempts, lost }]
        };
        let mut last = Stop::Postponed("the answer names not all that was sent".to_owned());
        let (mut attempt, mut refusals) = (0, 0);
        while attempt < attempts && refusals < REFUSALS_MAX {
            attempt += 1;
            let list: Vec<&Value> =
                group.iter().filter_map(|item| bodies.get(item.source_id.as_str())).collect();
            let body = json!({ "create": list });
            let permit = self.permit().await?;
            let path = "/admin/products/batch";
            let error = match self.client.post_for(permit, path, MADE_FIELDS, &body).await {
                Ok(answer) => {
                    let created: Vec<Value> = json::list(&answer, "created").to_vec();
                    let (mut rest, halves) = self.keep(group, &created, results).await?;
                    rest.extend(halves);
                    group = self.adopt(rest, results).await?;
                    if group.is_empty() {
                        return Ok(Vec::new());
                    }
                    continue;
                }
                Err(error) => error,
            };
            last = Stop::of(error.clone());
            match error {
                // It had no effect and is no try; the budget waits as long as the shop asks.
                Error::Throttled { .. } => {
                    attempt -= 1;
                    refusals += 1;
                }
                Error::Transient { retry_after, .. } => {
                    lost = true;
                    wait(attempt - 1, retry_after).await;
                    group = self.adopt(group, results).await?;
                    if attempt == attempts && group.len() > 1 {
                        // The shop answers reads: one product may be more than it can bear.
                        return Ok(halves(group, PART_ATTEMPTS, lost));
                    }
                }
                Error::Unreadable { .. } => {
                    lost = true;
                    group = self.adopt(group, results).await?;
                }
                Error::Rejected { field, problem, .. } => {
                    let before = group.len();
                    group = self.adopt(group, results).await?;
                    let (mut waited, mut pause) = (Duration::ZERO, Duration::from_millis(250));
                    while lost && group.len() == before && waited < self.client.settle_time {
                        tokio::time::sleep(pause.min(self.client.settle_time)).await;
                        waited += pause;
                        pause *= 2;
                        group = self.adopt(group, results).await?;
                    }
                    if group.len() < before {
                        return Ok(vec![Group { items: group, attempts, lost }]);
                    }
                    // Whatever the lost call made would be shown by now.
                    lost = false;
                    if let [item] = group.as_slice() {
                        let stop = self.refuse(item, 0, refusal(field, problem)).await?;
                        results.insert(item.source_id.clone(), Err(stop));
                        return Ok(Vec::new());
                    }
                    return Ok(halves(group, attempts, lost));
                }
                Error::Missing { .. } => break,
                fatal => return Err(Stop::Fatal(fatal)),
            }
            if group.is_empty() {
                return Ok(Vec::new());
            }
        }
        for item in group {
            results.insert(item.source_id.clone(), Err(last.clone()));
        }
        Ok(Vec::new())
    }

    /// Takes what an earlier call of ours made, found by our key; gives the others. A product that
    /// is there without all of its parts is waited for as long as the shop may still be at work.
    async fn adopt<'i>(
        &self,
        group: Vec<&'i WriteItem>,
        results: &mut Results,
    ) -> std::result::Result<Vec<&'i WriteItem>, Stop> {
        let mut rest = Vec::new();
        let mut asked = group;
        let mut waited = Duration::ZERO;
        let mut wait = Duration::from_millis(250);
        loop {
            let found = self.find(asked.iter().copied()).await?;
            let (missing, halves) = self.keep(asked, &found, results).await?;
            rest.extend(missing);
            if halves.is_empty() {
                return Ok(rest);
            }
            if waited >= self.client.settle_time {
                for item in halves {
                    let why = "the product stands in the target without all of its variants or \
                               their inventory items";
                    let stop = Stop::Postponed(why.to_owned());
                    results.insert(item.source_id.clone(), Err(stop));
                }
                return Ok(rest);
            }
            tokio::time::sleep(wait.min(self.client.settle_time)).await;
            waited += wait;
            wait *= 2;
            asked = halves;
        }
    }

    /// Looks for products that were intended with other values, as long as the shop may still be at
    /// work on them. What stands is a conflict, be it whole or not; gives the others.
    async fn not_made<'i>(
        &self,
        changed: Vec<(&'i WriteItem, Call)>,
        results: &mut Results,
    ) -> std::result::Result<Vec<(&'i WriteItem, Call)>, Stop> {
        let mut asked = changed;
        let mut waited = Duration::ZERO;
        let mut wait = Duration::from_millis(250);
        loop {
            let found = self.find(asked.iter().map(|(item, _)| *item)).await?;
            let by_key: BTreeMap<&str, &Value> =
                found.iter().filter_map(|object| Some((map::key(object)?, object))).collect();
            let mut journal = Vec::new();
            asked.retain(|(item, _)| {
                let made = by_key.get(item.key.as_str()).and_then(|object| made_of(object));
                let Some(value) = made else { return true };
                results.insert(item.source_id.clone(), Err(stands_otherwise(0, &value)));
                let state = CallState::Applied(value);
                journal.push(CallResult { source_id: item.source_id.clone(), ordinal: 0, state });
                false
            });
            self.record(&journal).await?;
            if asked.is_empty() || waited >= self.client.settle_time {
                return Ok(asked);
            }
            tokio::time::sleep(wait.min(self.client.settle_time)).await;
            waited += wait;
            wait *= 2;
        }
    }

    /// The products of the shop that carry the keys of some records.
    async fn find<'i>(
        &self,
        items: impl Iterator<Item = &'i WriteItem>,
    ) -> std::result::Result<Vec<Value>, Stop> {
        let items: Vec<&WriteItem> = items.collect();
        let mut found = Vec::new();
        // Keys hold source ids of any length; ten of them stay below the limit of an address.
        for chunk in items.chunks(10) {
            let mut query = vec![("limit", "100".to_owned()), ("fields", MADE_FIELDS.to_owned())];
            query.extend(chunk.iter().map(|item| ("external_id[]", item.key.clone())));
            let path = "/admin/products";
            let answer = self.client.get(path, &query).await.map_err(Stop::of)?;
            found.extend(read::rows(&answer, path, "products").map_err(Stop::of)?.to_vec());
        }
        Ok(found)
    }

    /// Journals objects that carry our keys and are whole; gives the records without an object,
    /// and those with half a one.
    async fn keep<'i>(
        &self,
        group: Vec<&'i WriteItem>,
        objects: &[Value],
        results: &mut Results,
    ) -> std::result::Result<(Vec<&'i WriteItem>, Vec<&'i WriteItem>), Stop> {
        let by_key: BTreeMap<&str, &Value> =
            objects.iter().filter_map(|object| Some((map::key(object)?, object))).collect();
        let (mut rest, mut halves) = (Vec::new(), Vec::new());
        let mut journal = Vec::new();
        for item in group {
            let Some(value) = by_key.get(item.key.as_str()).and_then(|object| made_of(object))
            else {
                rest.push(item);
                continue;
            };
            if !is_whole(item, &value) {
                halves.push(item);
                continue;
            }
            let state = CallState::Applied(value.clone());
            journal.push(CallResult { source_id: item.source_id.clone(), ordinal: 0, state });
            results.insert(item.source_id.clone(), Ok(value));
        }
        self.record(&journal).await?;
        Ok((rest, halves))
    }

    /// Tags and types of these products that were not prepared.
    async fn words(&self, items: &[WriteItem]) -> std::result::Result<Words, Stop> {
        let mut tags = BTreeSet::new();
        let mut types = BTreeSet::new();
        for item in items {
            let fields = &item.mapped.fields;
            let said = fields.get("tags").and_then(Value::as_array).into_iter().flatten();
            tags.extend(said.filter_map(Value::as_str).map(str::to_owned));
            types.extend(fields.get("type").and_then(Value::as_str).map(str::to_owned));
        }
        tags.retain(|word| !self.prepared.tags.contains_key(word));
        types.retain(|word| !self.prepared.types.contains_key(word));
        let tags: Vec<String> = tags.into_iter().collect();
        let types: Vec<String> = types.into_iter().collect();
        let maker = self.maker();
        let tags = maker.words(&prepare::TAGS, &tags).await.map_err(Stop::of)?;
        let types = maker.words(&prepare::TYPES, &types).await.map_err(Stop::of)?;
        Ok(Words { tags, types })
    }

    fn body(&self, item: &WriteItem, words: &Words) -> Value {
        let fields = Value::Object(item.mapped.fields.clone());
        let mut body = Map::new();
        for name in ["title", "subtitle", "description", "handle", "status"] {
            json::put(&mut body, name, fields.get(name).cloned().unwrap_or_default());
        }
        body.insert("external_id".to_owned(), json!(item.key));
        body.insert("discountable".to_owned(), json!(true));
        body.insert("sales_channels".to_owned(), json!([{ "id": self.prepared.sales_channel }]));
        json::put(&mut body, "shipping_profile_id", json!(self.prepared.shipping_profile));
        let images: Vec<Value> =
            json::list(&fields, "images").iter().map(|url| json!({ "url": url })).collect();
        if let Some(first) = json::list(&fields, "images").first() {
            body.insert("thumbnail".to_owned(), first.clone());
        }
        json::put(&mut body, "images", Value::Array(images));
        let tags: Vec<Value> = texts(&fields, "tags")
            .filter_map(|tag| self.prepared.tags.get(tag).or_else(|| words.tags.get(tag)))
            .map(|id| json!({ "id": id }))
            .collect();
        json::put(&mut body, "tags", Value::Array(tags));
        let word = json::text(&fields, "type");
        let type_id =
            word.and_then(|word| self.prepared.types.get(word).or_else(|| words.types.get(word)));
        json::put(&mut body, "type_id", json!(type_id));
        let categories: Vec<Value> = texts(&fields, "categories")
            .filter_map(|id| linked(item, Kind::Category, id, Kind::Category.as_str()))
            .map(|id| json!({ "id": id }))
            .collect();
        json::put(&mut body, "categories", Value::Array(categories));
        let first = texts(&fields, "collections").next();
        let collection =
            first.and_then(|id| linked(item, Kind::Collection, id, Kind::Collection.as_str()));
        json::put(&mut body, "collection_id", json!(collection));
        let options = json::list(&fields, "options");
        let mut kept = metadata(item, &fields);
        kept[marks::OPTIONS] = json!(options);
        if let Some(collections) = fields.get("collections") {
            kept[marks::COLLECTIONS] = collections.clone();
        }
        body.insert("metadata".to_owned(), kept);
        let sent_options = if options.is_empty() {
            json!([{ "title": "Default option", "values": ["Default option value"] }])
        } else {
            json!(options)
        };
        body.insert("options".to_owned(), sent_options);
        let variants: Vec<Value> = json::list(&fields, "variants")
            .iter()
            .enumerate()
            .map(|(rank, entry)| variant(rank, entry, options.is_empty()))
            .collect();
        json::put(&mut body, "variants", Value::Array(variants));
        Value::Object(body)
    }
}

/// Words that were made late.
struct Words {
    tags: BTreeMap<String, String>,
    types: BTreeMap<String, String>,
}

fn texts<'a>(fields: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    json::list(fields, field).iter().filter_map(Value::as_str)
}

/// A variant in the form of a call that makes it.
pub(in super::super) fn variant(rank: usize, fields: &Value, is_plain: bool) -> Value {
    let mut body = Map::new();
    let mut kept = json::object(fields, "metadata");
    for name in
        ["sku", "barcode", "hs_code", "origin_country", "manage_inventory", "allow_backorder"]
    {
        json::put(&mut body, name, fields.get(name).cloned().unwrap_or_default());
    }
    let options = json::object(fields, "options");
    let title = json::owned(fields, "title").unwrap_or_else(|| {
        kept.insert(marks::TITLE_MADE.to_owned(), json!(true));
        let values: Vec<&str> = options.values().filter_map(Value::as_str).collect();
        if values.is_empty() { "Default".to_owned() } else { values.join(" / ") }
    });
    body.insert("title".to_owned(), json!(title));
    if is_plain {
        body.insert("options".to_owned(), json!({ "Default option": "Default option value" }));
    } else {
        json::put(&mut body, "options", Value::Object(options));
    }
    let prices: Vec<Value> = json::list(fields, "prices")
        .iter()
        .filter_map(|price| {
            let amount = decimal_of(price, "amount").and_then(json::number)?;
            Some(json!({ "currency_code": price.get("currency_code"), "amount": amount }))
        })
        .collect();
    // Medusa wants the list, even when it is empty.
    body.insert("prices".to_owned(), Value::Array(prices));
    for (ours, theirs) in [
        ("weight_g", "weight"),
        ("length_cm", "length"),
        ("width_cm", "width"),
        ("height_cm", "height"),
    ] {
        let measure: Option<Decimal> = decimal_of(fields, ours);
        if let Some(number) = measure.and_then(json::number) {
            body.insert(theirs.to_owned(), Value::Number(number));
        }
    }
    body.insert("variant_rank".to_owned(), json!(rank));
    if let Some(id) = json::text(fields, "source_id") {
        kept.insert(marks::SOURCE_ID.to_owned(), json!(id));
    }
    kept.insert(marks::POSITION.to_owned(), json!(rank));
    body.insert("metadata".to_owned(), Value::Object(kept));
    Value::Object(body)
}

/// What the journal keeps of a product: its id and its variants' ids.
fn made_of(object: &Value) -> Option<Value> {
    let id = json::text(object, "id")?;
    let variants: Vec<Value> = json::list(object, "variants")
        .iter()
        .map(|variant| {
            let kept = variant.get("metadata").unwrap_or(&Value::Null);
            let item = json::list(variant, "inventory_items").first();
            json!({
                "id": variant.get("id"),
                "sku": variant.get("sku"),
                "source_id": kept.get(marks::SOURCE_ID),
                "position": kept.get(marks::POSITION),
                "inventory_item": item.and_then(|item| item.get("inventory_item_id")),
            })
        })
        .collect();
    Some(json!({ "id": id, "variants": variants }))
}

/// The variant of what was made that stands at a place of the record's list.
pub(super) fn variant_at(made: &Value, place: usize) -> Option<&Value> {
    let wanted = json!(place);
    json::list(made, "variants").iter().find(|variant| variant.get("position") == Some(&wanted))
}

/// Whether every variant is there, and the inventory item of each whose stock is counted.
fn is_whole(item: &WriteItem, made: &Value) -> bool {
    let wanted = item.mapped.fields.get("variants").and_then(Value::as_array);
    wanted.into_iter().flatten().enumerate().all(|(place, wanted)| {
        let is_counted = wanted.get("manage_inventory") == Some(&Value::Bool(true));
        variant_at(made, place).is_some_and(|variant| {
            json::text(variant, "id").is_some()
                && (!is_counted || json::text(variant, "inventory_item").is_some())
        })
    })
}

/// The product's own link, and its variants' by source id and by article number.
fn links(item: &WriteItem, made: &Value) -> Vec<Link> {
    let mut links: Vec<Link> =
        json::text(made, "id").map(|id| own_link(Kind::Product, item, id)).into_iter().collect();
    for variant in json::list(made, "variants") {
        let Some(id) = json::text(variant, "id") else { continue };
        for (field, role) in [("source_id", "variant"), ("sku", "sku")] {
            if let Some(text) = json::text(variant, field) {
                links.push(link(Kind::Product, text, role, id));
            }
        }
    }
    links
}
