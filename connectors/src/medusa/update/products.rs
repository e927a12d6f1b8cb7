//! Products: their own fields first, then what variants may choose from, then the variants, and at
//! last the stock. Values that no variant may choose any more go behind the variants that chose them.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::{Map, Value, json};

use super::{
    super::{
        json, map, marks, prepare, read,
        work::{Stop, Writer, link},
    },
    OBJECT, Task,
    difference::{Keeping, put_fields, set},
    options, stock, variants,
    variants::Pairs,
};
use crate::{Link, WrittenOutcome};

/// What is asked for of a product beside its fields.
pub(super) const ALSO_ASKED: &str = "type_id,options.id,options.is_exclusive,options.values.id,\
                                     variants.prices.id,\
                                     variants.inventory_items.inventory.sku,\
                                     variants.inventory_items.inventory.location_levels.id";

/// The places of a product's calls. Those of variants follow, so many for each place.
pub(super) const OPTIONS_ADD: u32 = OBJECT + 1;
/// Takes values out that are no longer chosen.
pub(super) const OPTIONS_REMOVE: u32 = OBJECT + 2;
/// Sets stock.
pub(super) const STOCK: u32 = OBJECT + 3;
/// Gives an option another title.
pub(super) const OPTION_TITLE: u32 = OBJECT + 10;
/// The calls of the variant at the first place.
pub(super) const VARIANT: u32 = OBJECT + 1_000;
/// How many places a variant has.
pub(super) const VARIANT_CALLS: u32 = 10;

impl Writer<'_> {
    pub(super) async fn change_product(
        &self,
        task: &Task<'_>,
        around: &map::Around,
    ) -> Result<WrittenOutcome, Stop> {
        let is_whole = task.keeps("variants") && task.keeps("options");
        let pairs = Pairs::of(task);
        let (offer, goods) = if is_whole {
            (options::Offer::default(), stock::Places::new())
        } else {
            // Whatever is refused is refused before anything is sent.
            (options::offer(task)?, self.places(task, around)?)
        };
        let (body, metadata) = self.product_body(task).await?;
        let path = format!("/admin/products/{}", task.item.target_id);
        self.change_own(task, "product.update", path, body, metadata).await?;
        if is_whole {
            return Ok(links(task, &pairs.ids()));
        }
        self.widen(task, &offer).await?;
        let plan = variants::plan(task, &pairs, around);
        self.delete_variants(task, &plan).await?;
        self.change_variants(task, &plan).await?;
        self.create_variants(task, &plan).await?;
        self.narrow(task, &offer).await?;
        let ids = match plan.makes_parts() {
            true => {
                let raw = self.product_with_parts(task).await?;
                let after = Task { raw: &raw, ..task.again() };
                let pairs = Pairs::of(&after);
                self.change_stock(&after, &pairs, &goods, around).await?;
                pairs.ids()
            }
            false => {
                self.change_stock(task, &pairs, &goods, around).await?;
                pairs.ids()
            }
        };
        Ok(links(task, &ids))
    }

    /// The product's own fields that differ.
    async fn product_body(
        &self,
        task: &Task<'_>,
    ) -> Result<(Map<String, Value>, Option<Value>), Stop> {
        let (current, wanted) = (&task.current, &task.wanted);
        let mut body = Map::new();
        let names = ["title", "subtitle", "description", "handle", "status"];
        put_fields(&mut body, current, wanted, &names, &Value::Null);
        if !task.keeps("type") {
            let word = json::owned(wanted, "type");
            let ids = self.word_ids(&prepare::TYPES, word.iter().cloned().collect()).await?;
            let id = word.and_then(|word| ids.get(&word).cloned());
            body.insert("type_id".to_owned(), json!(id));
        }
        if set(current, "tags") != set(wanted, "tags") {
            let words: Vec<String> = set(wanted, "tags").into_iter().map(str::to_owned).collect();
            let ids = self.word_ids(&prepare::TAGS, words).await?;
            let tags: Vec<Value> = ids.values().map(|id| json!({ "id": id })).collect();
            body.insert("tags".to_owned(), Value::Array(tags));
        }
        if set(current, "categories") != set(wanted, "categories") {
            let categories: Vec<Value> = set(wanted, "categories")
                .into_iter()
                .filter_map(|id| task.target_of(Kind::Category, id, "pcat_"))
                .map(|id| json!({ "id": id }))
                .collect();
            body.insert("categories".to_owned(), Value::Array(categories));
        }
        let mut own_marks = Vec::new();
        if !task.keeps("collections") {
            let all = json::list(wanted, "collections");
            let first = all.first().and_then(Value::as_str);
            let id = first.and_then(|id| task.target_of(Kind::Collection, id, "pcol_"));
            body.insert("collection_id".to_owned(), json!(id));
            let kept = if all.is_empty() { Value::Null } else { json!(all) };
            own_marks.push((marks::COLLECTIONS, kept));
        }
        if !task.keeps("images") {
            put_images(&mut body, task);
        }
        if !task.keeps("options") {
            own_marks.push((marks::OPTIONS, json!(json::list(wanted, "options"))));
        }
        task.put_external_id(&mut body);
        Ok((body, task.metadata(&own_marks, Keeping::Merged)))
    }

    /// The ids of words, made where they are not there.
    async fn word_ids(
        &self,
        sort: &prepare::Sort,
        words: Vec<String>,
    ) -> Result<BTreeMap<String, String>, Stop> {
        if words.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut ids = self.maker().words(sort, &words).await.map_err(Stop::of)?;
        ids.retain(|word, _| words.contains(word));
        Ok(ids)
    }

    /// The product once more, with the variants and inventory items that were made now.
    async fn product_with_parts(&self, task: &Task<'_>) -> Result<Value, Stop> {
        let id = &task.item.target_id;
        let fields = super::fields(Kind::Product);
        let ids = std::slice::from_ref(id);
        let found = read::by_ids(self.client, Kind::Product, ids, &fields).await;
        let object = found.map_err(Stop::of)?.remove(id);
        object.ok_or_else(|| Stop::Postponed("the product went away meanwhile".to_owned()))
    }
}

impl<'a> Task<'a> {
    /// The same task, to be given a newer object.
    fn again(&self) -> Task<'a> {
        Task {
            item: self.item,
            raw: self.raw,
            current: self.current.clone(),
            wanted: self.wanted.clone(),
        }
    }
}

/// Pictures that stay keep their ids; the thumbnail follows the first one where it was that before.
fn put_images(body: &mut Map<String, Value>, task: &Task<'_>) {
    let mut held: Vec<&Value> = json::list(task.raw, "images").iter().collect();
    let wanted = json::list(&task.wanted, "images");
    let images: Vec<Value> = wanted
        .iter()
        .map(|url| {
            let place = held.iter().position(|image| image.get("url") == Some(url));
            match place.map(|place| held.remove(place)).and_then(|image| json::text(image, "id")) {
                Some(id) => json!({ "id": id, "url": url }),
                None => json!({ "url": url }),
            }
        })
        .collect();
    body.insert("images".to_owned(), Value::Array(images));
    let thumbnail = json::text(task.raw, "thumbnail");
    let before = json::list(&task.current, "images").first().and_then(Value::as_str);
    if thumbnail.is_none() || thumbnail == before {
        body.insert("thumbnail".to_owned(), wanted.first().cloned().unwrap_or_default());
    }
}

/// What became of the links of the variants, which stand at the places of the wanted ones.
fn links(task: &Task<'_>, ids: &[Option<String>]) -> WrittenOutcome {
    let mut after: Vec<Link> = Vec::new();
    for (variant, id) in json::list(&task.wanted, "variants").iter().zip(ids) {
        let Some(id) = id else { continue };
        for (field, role) in [("source_id", "variant"), ("sku", "sku")] {
            let text = json::text(variant, field);
            after.extend(text.map(|text| link(Kind::Product, text, role, id)));
        }
    }
    let known = &task.item.links;
    let is_own = |role: &str| role == "variant" || role == "sku";
    let gone = known
        .iter()
        .filter(|(to, _)| to.kind == Kind::Product && is_own(&to.role))
        .map(|(to, id)| Link { reference: to.clone(), target_id: id.clone() })
        .filter(|link| !after.contains(link))
        .collect();
    after.retain(|link| known.get(&link.reference) != Some(&link.target_id));
    WrittenOutcome::Updated { made: after, gone }
}
