//! What stands in the shop, read from Medusa's own objects: nothing of the connector's is used.
//!
//! Each kind has a list of the fields we look at ([`fields`]). Objects are cut down to them, and
//! everything that is left becomes a fact: `breakage.rs` proves that no leaf is overlooked.

mod customer;
mod order;
mod product;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::admin::Admin;
use super::facts::{Facts, Id, Kind, Records};

/// The objects of one migration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actual {
    /// The objects, cut down to what we look at, by the record they came of.
    pub(crate) objects: BTreeMap<Id, Value>,
    /// What an object's id in the shop refers to.
    references: References,
}

/// What target ids stand for.
#[derive(Clone, Debug, Default)]
struct References {
    /// Source ids by kind and target id.
    records: BTreeMap<(Kind, String), String>,
    /// Article numbers by the variant's target id.
    skus: BTreeMap<String, String>,
    /// Names of stock locations by target id.
    locations: BTreeMap<String, String>,
}

/// Where objects of a kind are listed.
const fn list(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Category => ("product-categories", "product_categories"),
        Kind::Collection => ("collections", "collections"),
        Kind::Product => ("products", "products"),
        Kind::CustomerGroup => ("customer-groups", "customer_groups"),
        Kind::Customer => ("customers", "customers"),
        Kind::Order => ("orders", "orders"),
    }
}

/// The fields we look at.
const fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Category => &[
            "name",
            "handle",
            "description",
            "is_active",
            "parent_category_id",
            "external_id",
            "metadata",
        ],
        Kind::Collection => &["title", "handle", "metadata"],
        Kind::CustomerGroup => &["name", "metadata"],
        Kind::Product => product::FIELDS,
        Kind::Customer => customer::FIELDS,
        Kind::Order => order::FIELDS,
    }
}

impl Actual {
    /// Reads the objects of records by their ids in the shop.
    pub(crate) async fn read(admin: &Admin, targets: &BTreeMap<Id, String>) -> Result<Self> {
        let mut actual = Self::default();
        actual.references.locations = admin.locations().await?;
        for ((kind, source_id), target_id) in targets {
            let entry = ((*kind, target_id.clone()), source_id.clone());
            actual.references.records.extend([entry]);
        }
        for kind in Kind::ALL {
            let ids: Vec<String> = targets
                .iter()
                .filter(|((of, _), _)| *of == kind)
                .map(|(_, target_id)| target_id.clone())
                .collect();
            let (path, rows) = list(kind);
            let asked = format!("id,{}", fields(kind).join(","));
            // A single total of the summary cannot be asked for.
            let asked = asked.replace("summary.paid_total,summary.refunded_total", "summary");
            for object in admin.objects(path, rows, &asked, &ids).await? {
                let target_id = object["id"].as_str().context("an object has no id")?.to_owned();
                for variant in entries(&object, "variants") {
                    if let (Some(id), Some(sku)) = (text(variant, "id"), text(variant, "sku")) {
                        actual.references.skus.insert(id.to_owned(), sku.to_owned());
                    }
                }
                let key = (kind, target_id);
                let Some(source_id) = actual.references.records.get(&key) else { continue };
                let paths: Vec<Vec<&str>> =
                    fields(kind).iter().map(|path| path.split('.').collect()).collect();
                let slices: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
                actual.objects.insert((kind, source_id.clone()), cut(&object, &slices));
            }
        }
        Ok(actual)
    }

    /// The facts of all objects.
    pub(crate) fn records(&self) -> Records {
        let facts = |(id, object): (&Id, &Value)| (id.clone(), self.facts(id.0, object));
        self.objects.iter().map(facts).collect()
    }

    /// The facts of an object.
    pub(crate) fn facts(&self, kind: Kind, object: &Value) -> Facts {
        let mut facts = Facts::default();
        match kind {
            Kind::Category => {
                plain(object, &["name", "handle", "description", "is_active"], &mut facts);
                if let Some(parent) = text(object, "parent_category_id") {
                    facts.put("parent", self.references.source_id(Kind::Category, parent));
                }
                put_key(object, "external_id", "external_key", &mut facts);
                metadata(object, &mut facts, "metadata");
            }
            Kind::Collection => {
                plain(object, &["title", "handle"], &mut facts);
                metadata(object, &mut facts, "metadata");
            }
            Kind::CustomerGroup => {
                plain(object, &["name"], &mut facts);
                metadata(object, &mut facts, "metadata");
            }
            Kind::Product => product::facts(object, &self.references, &mut facts),
            Kind::Customer => customer::facts(object, &mut facts),
            Kind::Order => order::facts(object, &self.references, &mut facts),
        }
        facts
    }
}

impl References {
    /// The source id of a target id; where nothing of ours has it, that is said.
    fn source_id(&self, kind: Kind, target_id: &str) -> String {
        let known = self.records.get(&(kind, target_id.to_owned()));
        known.cloned().unwrap_or_else(|| format!("not ours: {target_id}"))
    }
}

impl References {
    /// The name of a stock location.
    fn location(&self, target_id: &str) -> String {
        let known = self.locations.get(target_id);
        known.cloned().unwrap_or_else(|| format!("no location: {target_id}"))
    }
}

/// An object with nothing but the paths; lists are gone through.
fn cut(value: &Value, paths: &[&[&str]]) -> Value {
    if paths.iter().any(|path| path.is_empty()) {
        return value.clone();
    }
    match value {
        Value::Array(list) => list.iter().map(|entry| cut(entry, paths)).collect(),
        Value::Object(map) => {
            let mut kept = Map::new();
            for (name, entry) in map {
                let below: Vec<&[&str]> = paths
                    .iter()
                    .filter_map(|path| path.split_first())
                    .filter(|(first, _)| *first == name)
                    .map(|(_, rest)| rest)
                    .collect();
                if !below.is_empty() {
                    kept.insert(name.clone(), cut(entry, &below));
                }
            }
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object[field].as_str().filter(|text| !text.is_empty())
}

fn entries<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object[field].as_array().into_iter().flatten()
}

/// Takes a value out; null where there is none.
fn taken(object: &mut Value, path: &[&str]) -> Value {
    let mut found = Some(object);
    for name in path {
        found = found.and_then(|value| value.get_mut(*name));
    }
    found.map(Value::take).unwrap_or_default()
}

/// Fields that are taken as they are.
fn plain(object: &Value, names: &[&str], facts: &mut Facts) {
    for name in names {
        facts.put_json(name, &object[*name]);
    }
}

/// Our key, without the migration's name.
fn put_key(object: &Value, field: &str, path: &str, facts: &mut Facts) {
    let Some(key) = text(object, field) else { return };
    let known = key.strip_prefix("cartage:").and_then(|rest| rest.split_once(':'));
    facts.put(path, known.map_or(key, |(_, rest)| rest));
}

/// What is kept beside. Lists of named things are told by their names.
fn metadata(object: &Value, facts: &mut Facts, path: &str) {
    let Some(map) = object["metadata"].as_object() else { return };
    for (name, value) in map {
        match name.as_str() {
            "cartage_key" => put_key(&object["metadata"], name, "key", facts),
            "custom_fields" => {
                for field in value.as_array().into_iter().flatten() {
                    let [space, key] = ["namespace", "key"].map(|it| text(field, it).unwrap_or(""));
                    let mut rest = field.clone();
                    let said = taken(&mut rest, &["value", "value"]);
                    facts.put_json(&format!("{path}.custom_fields.{space}.{key}"), &said);
                    if let Some(map) = rest.as_object_mut() {
                        map.retain(|name, _| name != "namespace" && name != "key");
                    }
                    facts.put_json(&format!("{path}.custom_fields.{space}.{key}.more"), &rest);
                }
            }
            "other_prices" => {
                for price in value.as_array().into_iter().flatten() {
                    let kind = text(price, "kind").unwrap_or_default();
                    let mut rest = price.clone();
                    let money = taken(&mut rest, &["money"]);
                    if let Some(map) = rest.as_object_mut() {
                        map.retain(|name, _| name != "kind");
                    }
                    facts.put_json(&format!("{path}.other_prices.{kind}"), &money);
                    facts.put_json(&format!("{path}.other_prices.{kind}.more"), &rest);
                }
            }
            _ => facts.put_json(&format!("{path}.{name}"), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_cut_down_to_the_paths() {
        let object = json!({"id": 1, "a": [{"b": 1, "c": 2}], "m": {"x": {"y": 1}}});
        let paths: [&[&str]; 2] = [&["a", "b"], &["m"]];
        assert_eq!(cut(&object, &paths), json!({"a": [{"b": 1}], "m": {"x": {"y": 1}}}));
    }
}
