//! The fields of canonical records, as paths: read once off a fully filled example of each kind,
//! so that a field added to the model is known to mappings without anybody writing it down.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use cartage_model::{FieldType, Kind};
use serde_json::Value;

use super::{examples, schema::wildcard_root};

/// A field of a canonical record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its path; elements of lists as `variants[].sku`, free names as `unknown.*`.
    pub path: String,
    /// Its type. Decimals are text of digits, as JSON has them.
    pub field_type: FieldType,
}

struct Catalogue {
    fields: Vec<FieldInfo>,
    paths: BTreeSet<String>,
}

static CATALOGUES: LazyLock<BTreeMap<Kind, Catalogue>> =
    LazyLock::new(|| Kind::ALL.into_iter().map(|kind| (kind, read_off(kind))).collect());

/// The fields of a kind, sorted by path; structures and lists stand before their parts.
pub fn canonical_fields(kind: Kind) -> &'static [FieldInfo] {
    CATALOGUES.get(&kind).map_or(&[], |catalogue| &catalogue.fields)
}

/// The paths of a kind.
pub(super) fn paths(kind: Kind) -> impl Iterator<Item = &'static str> {
    canonical_fields(kind).iter().map(|field| field.path.as_str())
}

/// Whether a path names a field of the kind, or something below a free name.
pub(super) fn is_known(kind: Kind, path: &str) -> bool {
    let Some(catalogue) = CATALOGUES.get(&kind) else { return false };
    catalogue.paths.contains(path)
        || path.strip_suffix("[]").is_some_and(|list| is_list(kind, list))
        || catalogue.paths.iter().filter_map(|known| wildcard_root(known)).any(|root| {
            path.strip_prefix(root).is_some_and(|rest| rest.starts_with('.') || rest == "[]")
        })
}

/// Whether a path names a list of the kind.
pub(super) fn is_list(kind: Kind, path: &str) -> bool {
    canonical_fields(kind)
        .iter()
        .any(|field| field.path == path && field.field_type == FieldType::List)
}

fn read_off(kind: Kind) -> Catalogue {
    let mut found = BTreeMap::new();
    for record in examples::of(kind) {
        if let Ok(Value::Object(document)) = serde_json::to_value(&record) {
            for (name, value) in &document {
                walk(name, value, &mut found);
            }
        }
    }
    // A zone has one of two forms; the examples show one.
    let guessed: Vec<_> = found
        .keys()
        .filter_map(|path: &String| path.strip_suffix(".zone.offset"))
        .map(|above| format!("{above}.zone.guessed"))
        .collect();
    found.extend(guessed.into_iter().map(|path| (path, FieldType::Integer)));
    let paths = found.keys().cloned().collect();
    let fields = found.into_iter().map(|(path, field_type)| FieldInfo { path, field_type });
    Catalogue { fields: fields.collect(), paths }
}

fn walk(path: &str, value: &Value, found: &mut BTreeMap<String, FieldType>) {
    found.insert(path.to_owned(), type_of(value));
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                walk(&format!("{path}.{name}"), inner, found);
            }
        }
        Value::Array(list) => {
            for inner in list {
                match inner {
                    Value::Object(map) => {
                        for (name, inner) in map {
                            walk(&format!("{path}[].{name}"), inner, found);
                        }
                    }
                    other => walk(&format!("{path}[]"), other, found),
                }
            }
        }
        _ => {}
    }
}

fn type_of(value: &Value) -> FieldType {
    match value {
        Value::Object(map) if map.contains_key("*") => FieldType::Any,
        Value::Object(_) => FieldType::Object,
        Value::Array(_) => FieldType::List,
        Value::Bool(_) => FieldType::Boolean,
        Value::Number(_) => FieldType::Integer,
        Value::Null => FieldType::Any,
        Value::String(text) if text == examples::DECIMAL => FieldType::Decimal,
        Value::String(text) if text == examples::INSTANT => FieldType::Instant,
        Value::String(_) => FieldType::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_paths_and_types() {
        let check = |kind, path: &str, expected| {
            let found = canonical_fields(kind).iter().find(|field| field.path == path);
            assert_eq!(found.map(|field| field.field_type), Some(expected), "{kind} {path}");
        };
        check(Kind::Product, "title.value", FieldType::Text);
        check(Kind::Product, "variants", FieldType::List);
        check(Kind::Product, "variants[].prices[].money.amount", FieldType::Decimal);
        check(Kind::Product, "variants[].prices[].starts_at", FieldType::Instant);
        check(Kind::Product, "variants[].stock_tracked", FieldType::Boolean);
        check(Kind::Product, "tags[]", FieldType::Text);
        check(Kind::Product, "custom_fields[].value.value", FieldType::Any);
        check(Kind::Order, "placed_at.utc", FieldType::Instant);
        check(Kind::Order, "placed_at.zone.guessed", FieldType::Integer);
        check(Kind::Order, "shipping_address.city", FieldType::Text);
        check(Kind::Order, "refunds[].lines[].quantity", FieldType::Decimal);
        check(Kind::Order, "lines[].parent_line", FieldType::Text);
        check(Kind::Product, "status", FieldType::Text);
        check(Kind::Product, "status_scoped[].scope.level", FieldType::Text);
        check(Kind::Product, "assigned.value", FieldType::Boolean);
        check(Kind::Product, "variants[].prices[].unknown", FieldType::Any);
        check(Kind::Coupon, "value.percent", FieldType::Decimal);
        check(Kind::Coupon, "value.amount[].currency", FieldType::Text);
        check(Kind::Customer, "unknown", FieldType::Any);
    }

    #[test]
    fn no_example_leaves_a_field_empty() {
        for kind in Kind::ALL {
            for record in examples::of(kind).take(1) {
                let text = serde_json::to_string(&record).unwrap();
                assert!(!text.contains("null") && !text.contains("[]"), "{kind}: {text}");
            }
        }
    }

    #[test]
    fn free_names_are_known_and_wrong_ones_are_not() {
        let check =
            |path: &str, expected| assert_eq!(is_known(Kind::Customer, path), expected, "{path}");
        check("unknown.Anything At All", true);
        check("unknown.x.y[].z", true);
        check("addresses[].city", true);
        check("addresses[]", true);
        check("addresses.city", false);
        check("adresses[].city", false);
        check("tags[]", true);
    }
}
