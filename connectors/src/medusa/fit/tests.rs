//! What fitting must hold for any input, and the decisions in it.

use cartage_model::{Kind, Mapped};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{super::spec, fit};

fn mapped(kind: Kind, fields: Value) -> Mapped {
    let Value::Object(fields) = fields else { panic!("no object") };
    Mapped { kind, source_id: "s1".to_owned(), fields, changes: Vec::new() }
}

fn fitted(kind: Kind, fields: Value) -> Mapped {
    fit(mapped(kind, fields)).unwrap()
}

/// The reason and the field of a refusal.
fn check_refused(kind: Kind, fields: Value, reason: &str, field: &str) {
    let refusal = fit(mapped(kind, fields)).unwrap_err();
    assert_eq!((refusal.reason.as_str(), refusal.field.as_deref()), (reason, Some(field)));
}

#[test]
fn records_medusa_would_refuse_are_refused_before() {
    check_refused(Kind::Product, json!({"title": ""}), "FIELD_MISSING", "title");
    check_refused(Kind::Customer, json!({"email": "jane@"}), "EMAIL_INVALID", "email");
    check_refused(Kind::Category, json!({}), "FIELD_MISSING", "name");
    let order = json!({"number": "1", "placed_at": "x", "currency_code": "EUR"});
    check_refused(Kind::Order, order, "FIELD_MISSING", "total");
    let big = json!({"name": "x".repeat(200_000)});
    assert_eq!(fit(mapped(Kind::CustomerGroup, big)).unwrap_err().reason, "TARGET_LIMIT_EXCEEDED");
}

#[test]
fn an_address_is_trimmed_and_lower_cased_and_the_change_is_noted() {
    let customer = fitted(Kind::Customer, json!({"email": " Jane@Example.COM "}));
    assert_eq!(customer.fields["email"], "jane@example.com");
    assert_eq!(customer.changes.len(), 1);
    assert_eq!(customer.changes[0].before, " Jane@Example.COM ");
}

#[test]
fn an_order_outlives_an_address_that_is_none() {
    let order = json!({"number": "1", "placed_at": "x", "currency_code": "EUR", "total": "1",
        "email": "none"});
    let order = fitted(Kind::Order, order);
    assert_eq!(order.fields.get("email"), None);
    assert_eq!(order.fields["metadata"]["email_as_written"], "none");
    assert_eq!(order.changes.len(), 1);
}

#[test]
fn prices_are_rounded_to_the_currency_and_only_plain_ones_are_applied() {
    let product = json!({"title": "T", "variants": [{"prices": [
        {"kind": "regular", "money": {"amount": "10.5", "currency": "JPY"}},
        {"kind": "regular", "money": {"amount": "19.9900", "currency": "EUR"}},
        {"kind": "msrp", "money": {"amount": "25", "currency": "EUR"}},
        {"kind": "regular", "money": {"amount": "1", "currency": "EUR"},
            "scope": {"level": "website", "code": "ch"}}
    ]}]});
    let product = fitted(Kind::Product, product);
    let variant = &product.fields["variants"][0];
    assert_eq!(
        variant["prices"],
        json!([{"currency_code": "eur", "amount": "19.99"}, {"currency_code": "jpy", "amount": "11"}])
    );
    assert_eq!(variant["metadata"]["other_prices"].as_array().unwrap().len(), 2);
    assert_eq!(product.changes.len(), 1);
}

#[test]
fn a_price_with_a_condition_is_not_made_everybodys() {
    let regular =
        |amount: &str| json!({"kind": "regular", "money": {"amount": amount, "currency": "EUR"}});
    let check = |condition: &str, value: &Value, expected: &str| {
        let mut first = regular("5");
        first[condition] = value.clone();
        let product = json!({"title": "T", "variants": [{"prices": [first, regular("9")]}]});
        let product = fitted(Kind::Product, product);
        let prices = &product.fields["variants"][0]["prices"];
        assert_eq!(*prices, json!([{"currency_code": "eur", "amount": expected}]), "{condition}");
    };
    let conditions = json!({
        "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z",
        "quantity_min": "5", "quantity_max": "9", "customer_group": "g", "company": "X",
        "customer": "c", "country_code": "DE", "price_list": "spring",
        "unknown": {"rules": {"region_id": "r"}},
    });
    for (condition, value) in conditions.as_object().unwrap() {
        check(condition, value, "9");
    }
    check("company", &Value::Null, "5");
    check("includes_tax", &json!(true), "5");
    let unread = json!({"title": "T", "variants": [{"prices": [
        {"amount": "5", "currency_code": "eur", "starts_at": "soon"},
        {"amount": "9", "currency_code": "eur"},
    ]}]});
    let variant = &fitted(Kind::Product, unread).fields["variants"][0];
    assert_eq!(variant["prices"], json!([{"currency_code": "eur", "amount": "9"}]));
    assert_eq!(variant["metadata"]["other_prices"][0]["starts_at"], "soon");
}

#[test]
fn a_hidden_picture_is_kept_and_not_published() {
    let product = json!({"title": "T", "images": [
        {"url": "https://x/secret", "position": 1, "hidden": {"value": true}},
        {"url": "https://x/seen", "position": 2, "hidden": {"value": false,
            "scoped": [{"scope": {"level": "website", "code": "eu"}, "value": true}]}},
    ]});
    let product = fitted(Kind::Product, product);
    assert_eq!(product.fields["images"], json!(["https://x/seen"]));
    assert_eq!(product.fields["metadata"]["hidden_images"][0]["url"], "https://x/secret");
    let kept = &product.fields["metadata"]["images_hidden_by_scope"]["https://x/seen"];
    assert_eq!(kept[0]["value"], true);
    let change = &product.changes[0];
    assert_eq!((change.field.as_str(), &change.before), ("images", &json!("https://x/secret")));
}

#[test]
fn a_handle_medusa_refuses_is_changed_and_kept() {
    let product = fitted(Kind::Product, json!({"title": "T", "handle": "Old_Handle"}));
    assert_eq!(product.fields["handle"], "old-handle");
    assert_eq!(product.fields["metadata"]["source_handle"], "Old_Handle");
    let product = fitted(Kind::Product, json!({"title": "!!!"}));
    assert!(product.fields["handle"].as_str().unwrap().starts_with("item-"));
}

#[test]
fn refunds_without_a_payment_have_one() {
    let order = |extra: Value| {
        let mut order =
            json!({"number": "1", "placed_at": "x", "currency_code": "EUR", "total": "9"});
        for (name, value) in extra.as_object().unwrap() {
            order[name] = value.clone();
        }
        fitted(Kind::Order, order)
    };
    let paid = |extra| order(extra).fields["paid_total"].clone();
    assert_eq!(paid(json!({"financial_status": "paid"})), "9");
    assert_eq!(paid(json!({"financial_status": "pending"})), "0");
    assert_eq!(paid(json!({"financial_status": "pending", "refunded_total": "4"})), "4");
    let payments = json!([{"state": "captured", "money": {"amount": "3", "currency": "EUR"}},
        {"state": "pending", "money": {"amount": "6", "currency": "EUR"}}]);
    assert_eq!(paid(json!({"payments": payments})), "3");
}

#[test]
fn nul_characters_are_taken_out_wherever_they_stand() {
    let group = fitted(Kind::CustomerGroup, json!({"name": "a\0b", "metadata": {"x": ["c\0"]}}));
    assert_eq!(group.fields["name"], "ab");
    assert_eq!(group.fields["metadata"]["x"][0], "c");
    assert_eq!(group.changes.len(), 2);
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[0-9]{1,4}(\\.[0-9]{1,6})?".prop_map(Value::from),
        "[ -~äÜ日]{0,12}".prop_map(Value::from),
        "[a-z]{1,5}@[a-z]{1,5}\\.(de|com)".prop_map(Value::from),
        Just(json!("EUR")),
        Just(json!({"value": "1.23456789", "unit": "pound"})),
        Just(json!([{"kind": "regular", "money": {"amount": "1.005", "currency": "EUR"}}])),
        Just(json!([{"location": null, "quantity": "-1"}, {"location": "B", "quantity": "2"}])),
        Just(json!([{"option": "Size", "value": "M"}])),
        Just(json!([{"name": "Size", "values": [{"value": "S", "label": {"value": "Small"}}]}])),
        Just(json!([{"source_id": "a"}, {"source_id": "b"}])),
        Just(json!([{"url": "https://x/a", "position": 2, "alt_text": {"value": "A"}}])),
    ]
}

/// Fields of a kind with any values at all.
fn fields(kind: Kind) -> impl Strategy<Value = Value> {
    let paths: Vec<&'static str> = spec::schema(kind).iter().map(|spec| spec.path).collect();
    let count = paths.len();
    proptest::collection::vec(proptest::option::of(leaf()), count).prop_map(move |values| {
        let mut fields = Map::new();
        for (path, value) in paths.iter().zip(values) {
            if let Some(value) = value {
                put(&mut fields, &path.replace('*', "extra"), value);
            }
        }
        for (needed, value) in
            [("title", "T"), ("name", "N"), ("number", "1"), ("placed_at", "x"), ("total", "7.5")]
        {
            if paths.contains(&needed) {
                fields.entry(needed).or_insert(json!(value));
            }
        }
        if paths.contains(&"currency_code") {
            fields.insert("currency_code".to_owned(), json!("EUR"));
        }
        Value::Object(fields)
    })
}

fn put(fields: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            fields.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let (name, is_list) = match head.strip_suffix("[]") {
                Some(name) => (name, true),
                None => (head, false),
            };
            let start = if is_list { json!([{}]) } else { json!({}) };
            let entry = fields.entry(name).or_insert(start);
            let inner = if is_list { entry.get_mut(0) } else { Some(entry) };
            if let Some(Value::Object(inner)) = inner {
                put(inner, rest, value);
            }
        }
    }
}

proptest! {
    #[test]
    fn fitting_twice_changes_nothing_more(
        (kind, fields) in proptest::sample::select(spec::KINDS.to_vec())
            .prop_flat_map(|kind| (Just(kind), fields(kind)))
    ) {
        if let Ok(once) = fit(mapped(kind, fields)) {
            let twice = fit(once.clone());
            prop_assert_eq!(Ok(once), twice);
        }
    }
}
