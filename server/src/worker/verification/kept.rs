//! Fields of which the target keeps its own values, as the ledger of the run says: what differs there is
//! explained, as long as these values still stand there.

use cartage_pipeline::verify::is_empty;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::compare::stock_of;

/// The fields of which the target still holds what the ledger says it keeps.
pub(super) fn still_kept<'k>(kept: &'k [(String, Value)], actual: &Value) -> Vec<&'k str> {
    let holds = |(field, value): &&(String, Value)| match value_at(actual, "", field) {
        Some(stands) => stands == value || is_empty(stands) && is_empty(value),
        None => is_empty(value),
    };
    kept.iter().filter(holds).map(|(field, _)| field.as_str()).collect()
}

/// Whether a place is one of some fields, or within one.
pub(super) fn is_below(fields: &[&str], place: &str) -> bool {
    fields.iter().any(|field| leads(field, place))
}

/// Whether a path is a place or on the way to it.
fn leads(path: &str, place: &str) -> bool {
    let below = place.strip_prefix(path);
    below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
}

/// What stands in a field as the ledger names it: `variants[17].sku` is of the child with that id.
fn value_at<'v>(value: &'v Value, path: &str, field: &str) -> Option<&'v Value> {
    if path == field {
        return Some(value);
    }
    let go = |below: String, inner: &'v Value| {
        leads(&below, field).then(|| value_at(inner, &below, field)).flatten()
    };
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, inner)| match path {
            "" => go(name.clone(), inner),
            _ => go(format!("{path}.{name}"), inner),
        }),
        Value::Array(children) => children.iter().find_map(|inner| {
            let id = inner.get("source_id")?.as_str()?;
            go(format!("{path}[{id}]"), inner)
        }),
        _ => None,
    }
}

/// The stock that a field holds: of a variant's stock, of a variant, or of all of them.
pub(super) fn stock_at(side: &Value, field: &str) -> Vec<(String, Decimal)> {
    let Some(value) = value_at(side, "", field) else { return Vec::new() };
    let of = |variants: Value| stock_of(&Map::from_iter([("variants".to_owned(), variants)]));
    if field.ends_with(".stock") {
        of(json!([{ "stock": value }]))
    } else if field == "variants" {
        of(value.clone())
    } else if !field.contains("].") {
        of(json!([value]))
    } else {
        Vec::new()
    }
}

/// A place with the source ids of children for their indices, as the ledger names fields:
/// `variants[2].sku` is `variants[17].sku` there. What does not say its id keeps its index.
pub(super) fn by_children(place: &str, sides: &[Value; 2]) -> String {
    let mut named = String::new();
    let mut at = sides.each_ref().map(Some);
    for part in place.split_inclusive(['.', ']']) {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (part.trim_end_matches('.'), None),
        };
        at = at.map(|value| {
            let value = if name.is_empty() { value? } else { value?.get(name)? };
            match index {
                Some(index) => value.get(index),
                None => Some(value),
            }
        });
        let id = at.iter().flatten().find_map(|value| value.get("source_id")?.as_str());
        match (index, id) {
            (Some(_), Some(id)) => {
                named.push_str(name);
                named.push('[');
                named.push_str(id);
                named.push(']');
            }
            _ => named.push_str(part),
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides() -> [Value; 2] {
        let expected = json!({
            "title": "Lamp",
            "tags": ["a"],
            "variants": [
                { "source_id": "17", "prices": [{ "amount": "1" }],
                    "stock": [{ "location": "Berlin", "quantity": "5" }] },
            ],
        });
        let actual = json!({
            "title": "Their lamp",
            "variants": [
                { "source_id": "17", "stock": [{ "location": "Berlin", "quantity": "2" }] },
                { "source_id": "18", "sku": "theirs" },
            ],
        });
        [expected, actual]
    }

    #[test]
    fn a_place_is_named_by_its_child_as_in_the_ledger() {
        for (place, named) in [
            ("title", "title"),
            ("seo.title", "seo.title"),
            ("tags[0]", "tags[0]"),
            ("variants[0].prices[0].amount", "variants[17].prices[0].amount"),
            ("variants[1].sku", "variants[18].sku"),
            ("variants[2].sku", "variants[2].sku"),
        ] {
            assert_eq!(by_children(place, &sides()), named);
        }
    }

    #[test]
    fn what_is_kept_is_explained_as_long_as_it_stands_there() {
        let [expected, actual] = sides();
        let kept = |field: &str, value: Value| vec![(field.to_owned(), value)];
        let holds = |kept: &[(String, Value)]| !still_kept(kept, &actual).is_empty();
        assert!(holds(&kept("title", json!("Their lamp"))));
        assert!(!holds(&kept("title", json!("Another"))), "somebody changed it since");
        assert!(holds(&kept("subtitle", Value::Null)), "it keeps having none");
        assert!(holds(&kept("variants[18].sku", json!("theirs"))));
        assert!(!holds(&kept("variants[17].sku", json!("theirs"))), "of another child");
        assert!(is_below(&["variants[17]"], "variants[17].prices[0].amount"));
        assert!(!is_below(&["variants[1]"], "variants[17].sku") && !is_below(&["tit"], "title"));
        let pieces = |side: &Value, field: &str| {
            stock_at(side, field).iter().map(|(_, pieces)| *pieces).sum::<Decimal>()
        };
        for field in ["variants[17].stock", "variants[17]", "variants"] {
            assert_eq!(pieces(&expected, field), Decimal::from(5), "{field}");
            assert_eq!(pieces(&actual, field), Decimal::from(2), "{field}");
        }
        assert_eq!(pieces(&expected, "variants[17].prices"), Decimal::ZERO);
    }
}
