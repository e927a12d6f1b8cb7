//! What a record refers to, and what becomes of it when that is not in the shop.

use std::collections::BTreeSet;

use cartage_model::{Change, Kind, Mapped};
use serde_json::Value;

use super::json;
use crate::{EMAIL, Link, Reference};

/// What a record refers to, in order, each once.
pub(super) fn of(mapped: &Mapped) -> Vec<Reference> {
    let fields = Value::Object(mapped.fields.clone());
    let to = |kind: Kind, id: &str, role: &str| Reference {
        kind,
        source_id: id.to_owned(),
        role: role.to_owned(),
    };
    let own = |kind: Kind, id: &str| to(kind, id, kind.as_str());
    let texts = |field: &str| {
        json::list(&fields, field).iter().filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    match mapped.kind {
        Kind::Category => {
            found.extend(json::text(&fields, "parent").map(|id| own(Kind::Category, id)));
        }
        Kind::Product => {
            found.extend(texts("categories").into_iter().map(|id| own(Kind::Category, id)));
            // Medusa links one collection only.
            found.extend(texts("collections").first().map(|id| own(Kind::Collection, id)));
        }
        Kind::Customer => {
            found.extend(texts("groups").into_iter().map(|id| own(Kind::CustomerGroup, id)));
        }
        Kind::Order => {
            found.extend(json::text(&fields, "customer").map(|id| own(Kind::Customer, id)));
            found.extend(json::text(&fields, "email").map(|id| to(Kind::Customer, id, EMAIL)));
            let skus =
                json::list(&fields, "lines").iter().filter_map(|line| json::text(line, "sku"));
            found.extend(skus.map(|sku| to(Kind::Product, sku, "sku")));
        }
        _ => {}
    }
    found.sort();
    found.dedup();
    found
}

/// The links by which orders find a customer that was in the shop before: by the e-mail address. What
/// the variants of a product became is not in the product, so their links have to be imported.
pub(super) fn links_of(mapped: &Mapped, target_id: &str) -> Vec<Link> {
    if mapped.kind != Kind::Customer {
        return Vec::new();
    }
    let email = mapped.fields.get("email").and_then(Value::as_str);
    let reference = |email: &str| Reference {
        kind: Kind::Customer,
        source_id: email.to_owned(),
        role: EMAIL.to_owned(),
    };
    email
        .map(|email| Link { reference: reference(email), target_id: target_id.to_owned() })
        .into_iter()
        .collect()
}

/// Takes out what a record says about others that are not in the shop, and notes it. An order keeps
/// its customer: it is found by the e-mail address, and stands there as a guest's otherwise.
pub(super) fn without(mapped: &mut Mapped, missing: &BTreeSet<Reference>) {
    let fields: &[(&str, Kind)] = match mapped.kind {
        Kind::Category => &[("parent", Kind::Category)],
        Kind::Product => &[("categories", Kind::Category), ("collections", Kind::Collection)],
        Kind::Customer => &[("groups", Kind::CustomerGroup)],
        _ => &[],
    };
    for (field, kind) in fields {
        take_out(mapped, field, *kind, missing);
    }
}

fn take_out(mapped: &mut Mapped, field: &str, kind: Kind, missing: &BTreeSet<Reference>) {
    let is_missing = |id: &str| {
        let role = kind.as_str().to_owned();
        missing.contains(&Reference { kind, source_id: id.to_owned(), role })
    };
    let before = mapped.fields.get(field).cloned().unwrap_or_default();
    let after = match &before {
        Value::String(id) if is_missing(id) => Value::Null,
        Value::Array(ids) => {
            let kept = ids.iter().filter(|id| !id.as_str().is_some_and(is_missing));
            Value::Array(kept.cloned().collect())
        }
        _ => return,
    };
    if after == before {
        return;
    }
    mapped.fields.insert(field.to_owned(), after.clone());
    mapped.changes.push(Change {
        field: field.to_owned(),
        before,
        after,
        why: "what it refers to is not in the target".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_taken_out_and_noted() {
        let fields = json!({"title": "Hat", "categories": ["a", "b"], "collections": ["c"]});
        let mut mapped = Mapped {
            kind: Kind::Product,
            source_id: "hat".to_owned(),
            fields: fields.as_object().cloned().unwrap(),
            changes: Vec::new(),
        };
        let missing: BTreeSet<Reference> =
            of(&mapped).into_iter().filter(|it| it.source_id != "a").collect();
        without(&mut mapped, &missing);
        assert_eq!(
            Value::Object(mapped.fields.clone()),
            json!({"title": "Hat", "categories": ["a"], "collections": []})
        );
        let changed: Vec<&str> = mapped.changes.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(changed, ["categories", "collections"]);
        without(&mut mapped, &missing);
        assert_eq!(mapped.changes.len(), 2, "nothing is noted twice");
    }
}
