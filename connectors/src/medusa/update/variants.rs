//! The variants of a product: which stands for which, what differs, and which come and go.

use std::collections::BTreeMap;

use cartage_model::Kind;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::{
        json, map, marks,
        work::{Stop, Writer, linked},
        write,
    },
    Task,
    difference::{Keeping, metadata},
    products::{VARIANT, VARIANT_CALLS},
    step::{Change, Verb},
    trace::Trace,
};

/// The fields of a variant that are set as they are.
const FIELDS: [&str; 12] = [
    "title",
    "sku",
    "barcode",
    "hs_code",
    "origin_country",
    "manage_inventory",
    "allow_backorder",
    "weight",
    "length",
    "width",
    "height",
    "variant_rank",
];

/// Fields that no two variants of the shop may share.
const UNIQUE: [&str; 2] = ["sku", "barcode"];

/// The wanted variants with the shop's, and the shop's that stand for none.
pub(super) struct Pairs<'a> {
    /// By the place among the wanted ones.
    pub(super) held: Vec<Option<&'a Value>>,
    /// In the order of the shop.
    pub(super) rest: Vec<&'a Value>,
}

impl<'a> Pairs<'a> {
    /// Pairs them by what is known of them, then by our mark, the article number, what they choose,
    /// and at last by their place where neither side says which it is.
    pub(super) fn of(task: &Task<'a>) -> Self {
        let wanted = json::list(&task.wanted, "variants");
        let is_plain = json::list(&task.wanted, "options").is_empty();
        let mut pairs = Self { held: vec![None; wanted.len()], rest: in_order(task.raw) };
        let source_id = |want: &Value| json::owned(want, "source_id");
        pairs.pair(wanted, |_, want, variant| {
            let known = source_id(want)
                .and_then(|id| linked(&task.item.links, Kind::Product, &id, "variant"));
            known.is_some() && known == json::text(variant, "id")
        });
        pairs.pair(wanted, |_, want, variant| {
            let id = source_id(want);
            id.is_some() && id.as_deref() == json::text(kept(variant), marks::SOURCE_ID)
        });
        pairs.pair(wanted, |_, want, variant| {
            let sku = json::text(want, "sku");
            sku.is_some() && sku == json::text(variant, "sku")
        });
        pairs.pair(wanted, |_, want, variant| {
            let options = json::object(want, "options");
            if is_plain { wanted.len() == 1 } else { chosen(variant) == options }
        });
        pairs.pair(wanted, |place, want, variant| {
            source_id(want).is_none()
                && json::text(kept(variant), marks::SOURCE_ID).is_none()
                && kept(variant).get(marks::POSITION) == Some(&json!(place))
        });
        pairs
    }

    fn pair(&mut self, wanted: &[Value], is_it: impl Fn(usize, &Value, &Value) -> bool) {
        for (place, (slot, want)) in self.held.iter_mut().zip(wanted).enumerate() {
            if slot.is_none()
                && let Some(found) = self.rest.iter().position(|it| is_it(place, want, it))
            {
                *slot = Some(self.rest.remove(found));
            }
        }
    }

    /// The ids of the shop's variants by the places of the wanted ones.
    pub(super) fn ids(&self) -> Vec<Option<String>> {
        let id = |held: &Option<&Value>| held.and_then(|variant| json::owned(variant, "id"));
        self.held.iter().map(id).collect()
    }
}

/// The variants of a product in the order in which they are read back.
pub(super) fn in_order(product: &Value) -> Vec<&Value> {
    let mut variants: Vec<&Value> = json::list(product, "variants").iter().collect();
    variants.sort_by_key(|variant| variant.get("variant_rank").and_then(Value::as_u64));
    variants
}

/// The metadata of a variant.
fn kept(variant: &Value) -> &Value {
    variant.get("metadata").unwrap_or(&Value::Null)
}

/// What a variant of the shop chooses, by the title of the option.
fn chosen(variant: &Value) -> Map<String, Value> {
    let entry = |value: &Value| {
        let title = value.get("option").and_then(|option| json::owned(option, "title"))?;
        Some((title, json!(json::text(value, "value")?)))
    };
    json::list(variant, "options").iter().filter_map(entry).collect()
}

/// What is to be done with the variants.
pub(super) struct Plan {
    /// Ordinal and id of those that go.
    gone: Vec<(u32, String)>,
    /// What has to be made free before others can take it: ordinal, id and body.
    freed: Vec<(u32, String, Value)>,
    /// Ordinal, id and body of those that differ.
    changed: Vec<Changed>,
    /// Place and body of those that come.
    made: Vec<(usize, Value)>,
    /// The ids of those that were there.
    known: Vec<String>,
}

/// A variant that differs.
struct Changed {
    ordinal: u32,
    id: String,
    body: Map<String, Value>,
    /// The article number under which an inventory item may wait, where stock is counted again.
    counted: Option<Option<String>>,
    /// The inventory item that goes by the variant's article number, and the new one.
    item: Option<(String, Value)>,
}

impl Plan {
    /// Whether variants or inventory items are made, whose ids only the shop knows.
    pub(super) fn makes_parts(&self) -> bool {
        !self.made.is_empty() || self.changed.iter().any(|one| one.counted.is_some())
    }
}

/// The first ordinal of the variant at a place.
fn ordinal(place: usize) -> u32 {
    VARIANT + u32::try_from(place).unwrap_or_default() * VARIANT_CALLS
}

/// Compares the variants that shall be with those that are.
pub(super) fn plan(task: &Task<'_>, pairs: &Pairs<'_>, around: &map::Around) -> Plan {
    let wanted = json::list(&task.wanted, "variants");
    let current = json::list(&task.current, "variants");
    let is_plain = json::list(&task.wanted, "options").is_empty();
    let known = in_order(task.raw).into_iter().filter_map(|it| json::owned(it, "id")).collect();
    let mut plan =
        Plan { gone: Vec::new(), freed: Vec::new(), changed: Vec::new(), made: Vec::new(), known };
    for variant in &pairs.rest {
        // One that came since the fields were read is none of ours to take away.
        if before(task, current, variant, around).is_some()
            && let Some(id) = json::owned(variant, "id")
        {
            let place = kept(variant).get(marks::POSITION).and_then(Value::as_u64);
            let place = place.and_then(|place| usize::try_from(place).ok()).unwrap_or(0);
            plan.gone.push((ordinal(place) + 5, id));
        }
    }
    for (place, (want, held)) in wanted.iter().zip(&pairs.held).enumerate() {
        let body = write::variant(place, want, is_plain);
        let Some(variant) = held else {
            plan.made.push((place, body));
            continue;
        };
        let Some(id) = json::owned(variant, "id") else { continue };
        let read = map::variant_fields(task.raw, variant, around);
        let was = before(task, current, variant, around).unwrap_or(&read);
        let changes = match json::dense(was.clone()) == json::dense(want.clone()) {
            true => standing(variant, was, want, &body),
            false => differing(variant, was, want, &body),
        };
        let clashes = |field: &&str| {
            let value = json::text(variant, field);
            changes.contains_key(*field)
                && value.is_some()
                && wanted.iter().any(|other| json::text(other, field) == value)
        };
        let freed: Map<String, Value> = UNIQUE
            .iter()
            .filter(|field| clashes(field))
            .map(|field| ((*field).to_owned(), Value::Null))
            .collect();
        let base = ordinal(place);
        if !freed.is_empty() {
            plan.freed.push((base, id.clone(), Value::Object(freed)));
        }
        if !changes.is_empty() {
            let is_counted = changes.get("manage_inventory") == Some(&Value::Bool(true));
            let counted = is_counted.then(|| json::owned(want, "sku"));
            let item = inventory_item(variant, &changes);
            plan.changed.push(Changed { ordinal: base + 1, id, body: changes, counted, item });
        }
    }
    plan
}

/// The fields of a variant as they were read for this update, found by what they say.
pub(super) fn before<'c>(
    task: &Task<'_>,
    current: &'c [Value],
    variant: &Value,
    around: &map::Around,
) -> Option<&'c Value> {
    let now = map::variant_fields(task.raw, variant, around);
    let source_id = json::text(&now, "source_id");
    // Of another one of the source it is not, whatever else they share.
    let may_be = |it: &&Value| source_id.is_none() || json::text(it, "source_id").is_none();
    let shares = |it: &&Value, field: &str| {
        it.get(field).is_some_and(|value| !json::is_blank(value) && now.get(field) == Some(value))
    };
    let known = current.iter().find(|it| shares(it, "source_id"));
    known
        .or_else(|| current.iter().filter(may_be).find(|it| shares(it, "sku")))
        .or_else(|| current.iter().filter(may_be).find(|it| shares(it, "options")))
        .or_else(|| match current {
            [only] if may_be(&only) && json::list(task.raw, "variants").len() == 1 => Some(only),
            _ => None,
        })
}

/// What differs of a variant whose fields stay: its place, and our marks.
fn standing(variant: &Value, was: &Value, want: &Value, body: &Value) -> Map<String, Value> {
    let mut changes = Map::new();
    if variant.get("variant_rank") != body.get("variant_rank") {
        changes.insert("variant_rank".to_owned(), body["variant_rank"].clone());
    }
    if let Some(metadata) = own_metadata(variant, was, want, body) {
        changes.insert("metadata".to_owned(), metadata);
    }
    changes
}

/// What differs of a variant.
fn differing(variant: &Value, was: &Value, want: &Value, body: &Value) -> Map<String, Value> {
    let mut changes = Map::new();
    for field in FIELDS {
        let blank = |of: &Value| of.get(field).filter(|it| !json::is_blank(it)).cloned();
        let (now, then) = (blank(variant), blank(body));
        let is_same = match (&now, &then) {
            (Some(now @ Value::Number(_)), Some(then @ Value::Number(_))) => {
                json::decimal(now) == json::decimal(then)
            }
            _ => now == then,
        };
        let is_flag = matches!(now, Some(Value::Bool(_))) && then.is_none();
        if !is_same && !is_flag {
            changes.insert(field.to_owned(), then.unwrap_or_default());
        }
    }
    // Counted stock needs an inventory item, which Medusa makes when it is told to count.
    let has_item = !json::list(variant, "inventory_items").is_empty();
    if !has_item && body.get("manage_inventory") == Some(&Value::Bool(true)) {
        changes.insert("manage_inventory".to_owned(), Value::Bool(true));
    }
    let options = json::object(body, "options");
    if options != chosen(variant) && !options.is_empty() {
        changes.insert("options".to_owned(), Value::Object(options));
    }
    if let Some(prices) = prices(variant, want) {
        changes.insert("prices".to_owned(), prices);
    }
    if let Some(metadata) = own_metadata(variant, was, want, body) {
        changes.insert("metadata".to_owned(), metadata);
    }
    changes
}

fn own_metadata(variant: &Value, was: &Value, want: &Value, body: &Value) -> Option<Value> {
    let mark = |name| (name, body["metadata"].get(name).cloned().unwrap_or_default());
    let own = [mark(marks::SOURCE_ID), mark(marks::POSITION), mark(marks::TITLE_MADE)];
    metadata(variant, was, want, &own, Keeping::Merged)
}

/// The whole list of prices, which Medusa puts in the stead of the old one: those that are bound to
/// something stay as they are, a plain one keeps its id. None when it is what is there.
fn prices(variant: &Value, want: &Value) -> Option<Value> {
    let said = |price: &Value| {
        Some((json::owned(price, "currency_code")?, json::decimal_of(price, "amount")?))
    };
    let (plain, bound): (Vec<&Value>, Vec<&Value>) =
        json::list(variant, "prices").iter().partition(|price| map::is_plain(price));
    let now: BTreeMap<String, Decimal> = plain.iter().filter_map(|price| said(price)).collect();
    let then: BTreeMap<String, Decimal> =
        json::list(want, "prices").iter().filter_map(said).collect();
    if now == then {
        return None;
    }
    let sent = then.iter().map(|(code, amount)| {
        let held = plain.iter().find(|price| json::text(price, "currency_code") == Some(code));
        let mut price = Map::new();
        json::put(&mut price, "id", json!(held.and_then(|held| json::text(held, "id"))));
        price.insert("currency_code".to_owned(), json!(code));
        price.insert("amount".to_owned(), json!(json::number(*amount)));
        Value::Object(price)
    });
    Some(sent.chain(bound.into_iter().map(as_it_is)).collect())
}

/// A price with everything that it is told by; one that is sent without its conditions would be taken
/// for the plain one of its currency.
fn as_it_is(price: &Value) -> Value {
    let mut sent = Map::new();
    for field in ["id", "currency_code", "amount", "min_quantity", "max_quantity", "rules"] {
        json::put(&mut sent, field, price.get(field).cloned().unwrap_or_default());
    }
    Value::Object(sent)
}

/// The inventory item that goes by the old article number of a variant: it keeps it when the variant
/// gets another one, and would stand in the way of whoever takes the old one.
fn inventory_item(variant: &Value, changes: &Map<String, Value>) -> Option<(String, Value)> {
    let sku = changes.get("sku")?;
    let old = json::text(variant, "sku")?;
    let item = json::list(variant, "inventory_items").first()?;
    let goes_by_it = item.get("inventory").and_then(|it| json::text(it, "sku")) == Some(old);
    let id = json::owned(item, "inventory_item_id").filter(|_| goes_by_it)?;
    Some((id, sku.clone()))
}

impl Writer<'_> {
    pub(super) async fn delete_variants(&self, task: &Task<'_>, plan: &Plan) -> Result<(), Stop> {
        for (ordinal, id) in &plan.gone {
            let path = format!("/admin/products/{}/variants/{id}", task.item.target_id);
            self.change(task.item, &Change::delete(*ordinal, "variant.delete", path)).await?;
        }
        Ok(())
    }

    pub(super) async fn change_variants(&self, task: &Task<'_>, plan: &Plan) -> Result<(), Stop> {
        let path = |id: &str| format!("/admin/products/{}/variants/{id}", task.item.target_id);
        for (ordinal, id, body) in &plan.freed {
            let change = Change::set(*ordinal, "variant.free", path(id), body.clone());
            self.change(task.item, &change).await?;
        }
        let items = || plan.changed.iter().filter_map(|one| Some((one, one.item.as_ref()?)));
        for (one, (item, sku)) in items() {
            let is_cleared = sku.is_null();
            let body = json!({ "sku": null });
            let clear = inventory_sku(one.ordinal + 1, item, body);
            if plan.freed.iter().any(|(_, id, _)| *id == one.id) || is_cleared {
                self.change(task.item, &clear).await?;
            }
        }
        for (one, (item, sku)) in items().filter(|(_, (_, sku))| !sku.is_null()) {
            let set = inventory_sku(one.ordinal + 2, item, json!({ "sku": sku }));
            self.change(task.item, &set).await?;
        }
        for one in &plan.changed {
            if let Some(sku) = one.counted.as_ref() {
                self.take_item(task, one, sku.as_deref()).await?;
            }
            let body = Value::Object(one.body.clone());
            let change = Change::set(one.ordinal, "variant.update", path(&one.id), body);
            self.change(task.item, &change).await?;
        }
        Ok(())
    }

    /// Ties the inventory item of an article number to a variant whose stock is counted again. When
    /// counting ends, Medusa only unties it (`dismiss-product-variants-inventory` of
    /// `@medusajs/core-flows` 2.21.2, read on 2026-11-28), and its number cannot be used for another.
    async fn take_item(
        &self,
        task: &Task<'_>,
        one: &Changed,
        sku: Option<&str>,
    ) -> Result<(), Stop> {
        let Some(sku) = sku else { return Ok(()) };
        let path = "/admin/inventory-items";
        let query = [("sku", sku.to_owned()), ("fields", "id,sku".to_owned())];
        let answer = self.client.get(path, &query).await.map_err(Stop::of)?;
        let found = json::list(&answer, "inventory_items")
            .iter()
            .find(|item| json::text(item, "sku") == Some(sku))
            .and_then(|item| json::text(item, "id"));
        let Some(item) = found else { return Ok(()) };
        let path =
            format!("/admin/products/{}/variants/{}/inventory-items", task.item.target_id, one.id);
        let body = json!({ "inventory_item_id": item, "required_quantity": 1 });
        let change = Change::set(one.ordinal + 3, "variant_inventory.link", path, body);
        self.change(task.item, &change).await.map(drop)
    }

    pub(super) async fn create_variants(&self, task: &Task<'_>, plan: &Plan) -> Result<(), Stop> {
        for (place, body) in &plan.made {
            let product = &task.item.target_id;
            let change = Change {
                ordinal: ordinal(*place) + 6,
                name: "variant.create",
                verb: Verb::Post,
                path: format!("/admin/products/{product}/variants"),
                body: body.clone(),
                trace: Trace::Variant {
                    product: product.clone(),
                    known: plan.known.clone(),
                    position: *place,
                    source_id: json::owned(kept(body), marks::SOURCE_ID),
                    sku: json::owned(body, "sku"),
                },
            };
            self.change(task.item, &change).await?;
        }
        Ok(())
    }
}

fn inventory_sku(ordinal: u32, item: &str, body: Value) -> Change {
    let path = format!("/admin/inventory-items/{item}");
    Change::set(ordinal, "inventory_item.update", path, body)
}
