//! The sandbox's own door, `/__sandbox/…`: faults, the limit, what the shop holds, starting
//! afresh.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::state::{Kind, Shop};
use super::value::{Row, text};

/// The kinds a migration makes.
const MIGRATED: &[Kind] = &[
    Kind::Products,
    Kind::Variants,
    Kind::Categories,
    Kind::Collections,
    Kind::Tags,
    Kind::Types,
    Kind::Customers,
    Kind::Addresses,
    Kind::Groups,
    Kind::Orders,
];

/// What the shop holds: counts per kind, and the live objects of every external key. `field`
/// names the metadata field that carries a key where there is no `external_id`.
pub(crate) fn report(shop: &Shop, field: &str) -> Value {
    let mut counts = Map::new();
    for kind in Kind::all() {
        counts.insert(kind.name().into(), shop.table(kind).len().into());
    }
    let (mut keys, mut duplicates) = (Map::new(), Map::new());
    for kind in MIGRATED {
        let mut held: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for row in shop.table(*kind).rows() {
            if let Some(key) = key_of(row, field) {
                held.entry(key.to_owned()).or_default().push(text(row, "id"));
            }
        }
        let twice: BTreeMap<&String, &Vec<&str>> =
            held.iter().filter(|(_, ids)| ids.len() > 1).collect();
        if !twice.is_empty() {
            duplicates.insert(kind.name().into(), json!(twice));
        }
        if !held.is_empty() {
            keys.insert(kind.name().into(), json!(held));
        }
    }
    json!({ "counts": counts, "keys": keys, "duplicates": duplicates })
}

fn key_of<'a>(row: &'a Row, field: &str) -> Option<&'a str> {
    let own = text(row, "external_id");
    if !own.is_empty() {
        return Some(own);
    }
    row.get("metadata")?.get(field)?.as_str()
}
