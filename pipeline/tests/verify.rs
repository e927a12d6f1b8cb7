//! What verification sees, and what it takes for the same.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests stop the test")]

use cartage_model::{Currency, FieldSpec, FieldType, Instant, Kind, Money, Order};
use cartage_pipeline::verify::{
    Amounts, Comparison, KindVerification, Reconciliation, StockReconciliation, compare,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const fn spec(path: &'static str, field_type: FieldType) -> FieldSpec {
    FieldSpec { path, field_type, required: false, length_max: None, personal: false, about: "" }
}

static SPECS: [FieldSpec; 10] = [
    spec("title", FieldType::Text),
    spec("total", FieldType::Decimal),
    spec("placed_at", FieldType::Instant),
    spec("tags", FieldType::Set),
    spec("images", FieldType::List),
    spec("variants[].sku", FieldType::Text),
    spec("variants[].prices", FieldType::Set),
    spec("variants[].prices[].amount", FieldType::Decimal),
    spec("metadata.rate", FieldType::Decimal),
    spec("metadata.*", FieldType::Any),
];

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn run(expected: Value, actual: Value) -> Comparison {
    compare(&SPECS, &object(expected), &object(actual))
}

#[test]
fn what_a_shop_means_is_compared() {
    let check = |expected: Value, actual: Value, fields: &[&str]| {
        let found = run(expected.clone(), actual.clone());
        let places: Vec<_> = found.differences.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(places, fields, "{expected} against {actual}");
    };
    check(json!({"title": null}), json!({}), &[]);
    check(json!({"title": ""}), json!({"title": null}), &[]);
    check(json!({"tags": [], "metadata": {}}), json!({"metadata": {"a": null}}), &[]);
    check(json!({"title": "a"}), json!({"title": "A"}), &["title"]);
    check(json!({"title": "a"}), json!({"title": "a "}), &["title"]);
    check(json!({"title": "5"}), json!({"title": 5}), &["title"]);
    check(json!({}), json!({"title": "a"}), &["title"]);
    check(json!({}), json!({"id": "prod_1"}), &[]);
    check(json!({"beyond": 1}), json!({}), &["beyond"]);
    check(json!({"total": "19.90"}), json!({"total": 19.9}), &[]);
    check(json!({"total": "1000"}), json!({"total": 1e3}), &[]);
    check(json!({"total": "0"}), json!({}), &["total"]);
    check(json!({"total": "19.90"}), json!({"total": "19.91"}), &["total"]);
    let instants = (
        json!({"placed_at": "2024-01-01T01:00:00+01:00"}),
        json!({"placed_at": "2024-01-01T00:00:00.000Z"}),
    );
    check(instants.0, instants.1, &[]);
    check(json!({"tags": ["a", "b"]}), json!({"tags": ["b", "a"]}), &[]);
    check(json!({"tags": ["a", "b"]}), json!({"tags": ["b", "c"]}), &["tags[0]"]);
    check(json!({"tags": ["a"]}), json!({"tags": ["a", "a"]}), &["tags[1]"]);
    check(
        json!({"images": ["a", "b"]}),
        json!({"images": ["b", "a"]}),
        &["images[0]", "images[1]"],
    );
    check(json!({"images": ["a"]}), json!({"images": ["a", "b"]}), &["images[1]"]);
    check(
        json!({"variants": [{"sku": "1"}, {"sku": "2"}]}),
        json!({"variants": [{"sku": "1", "id": "v"}, {"sku": "3"}]}),
        &["variants[1].sku"],
    );
    check(
        json!({"variants": [{"prices": [{"amount": "1.0"}, {"amount": 2}]}]}),
        json!({"variants": [{"prices": [{"amount": 2.00}, {"amount": "1"}]}]}),
        &[],
    );
    check(json!({"metadata": {"rate": "1.50"}}), json!({"metadata": {"rate": 1.5}}), &[]);
    check(json!({"metadata": {"x": "1.50"}}), json!({"metadata": {"x": "1.5"}}), &["metadata.x"]);
    check(
        json!({"metadata": {"x": {"y": [1, {"z": true}]}}}),
        json!({"metadata": {"x": {"y": [1, {"z": false}]}}}),
        &["metadata.x.y[1].z"],
    );
    check(json!({"variants": [{"sku": "1"}]}), json!({}), &["variants[0]"]);
    check(json!({"title": "a"}), json!({"title": {"value": "a"}}), &["title"]);
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{1,8}".prop_map(Value::from),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    let inner = leaf().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 1..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    (prop::collection::vec("[a-z]{1,5}", 1..5), prop::collection::vec(leaf(), 0..3), inner)
        .prop_map(|(tags, images, inner)| {
            json!({
                "title": "t", "total": "12.50", "tags": tags, "images": images,
                "variants": [{"sku": "s", "prices": [{"amount": "1"}, {"amount": "2"}]}],
                "metadata": {"any": inner},
            })
        })
}

/// Alters the leaf of a number, counted through the tree.
fn alter(value: &mut Value, number: &mut usize) -> bool {
    match value {
        Value::Object(map) => map.values_mut().any(|inner| alter(inner, number)),
        Value::Array(list) => list.iter_mut().any(|inner| alter(inner, number)),
        leaf if *number == 0 => {
            *leaf = json!("altered");
            true
        }
        _ => {
            *number -= 1;
            false
        }
    }
}

proptest! {
    #[test]
    fn a_record_equals_itself_and_every_altered_leaf_shows(value in tree(), number in 0_usize..40) {
        let same = run(value.clone(), value.clone());
        prop_assert_eq!(&same.differences, &[]);
        prop_assert!(same.fields_compared > 0);
        let mut altered = value.clone();
        let mut number = number;
        if alter(&mut altered, &mut number) {
            for (expected, actual) in [(&value, &altered), (&altered, &value)] {
                let found = run(expected.clone(), actual.clone());
                prop_assert_eq!(found.differences.len(), 1, "{:?}", found.differences);
            }
        }
    }
}

fn order(placed_at: &str, currency: &str, total: &str) -> Order {
    let currency = Currency::parse(currency).unwrap();
    let money = |amount: &str| Money::parse(amount, currency.clone()).unwrap();
    Order {
        number: "#1".to_owned(),
        subtotal: money(total),
        shipping_total: money("5"),
        tax_total: money("1.90"),
        total: money(total),
        refunded_total: money("0.5"),
        ..Order::new("1".to_owned(), currency.clone(), Instant::parse(placed_at, 0).unwrap())
    }
}

#[test]
fn money_balances_to_the_cent_or_says_where_it_does_not() {
    let orders = [
        order("2024-01-31T23:30:00-01:00", "EUR", "10.0000"),
        order("2024-02-01T10:00:00Z", "EUR", "0.1"),
        order("2024-02-02T10:00:00Z", "eur", "0.2"),
        order("2024-02-03T10:00:00Z", "JPY", "500"),
    ];
    let mut sums = Reconciliation::default();
    for order in &orders {
        sums.add_source(order);
    }
    assert!(!sums.balanced());
    sums.add_not_migrated(&orders[3], "CURRENCY_UNSUPPORTED");
    for order in &orders[..2] {
        sums.add_target("2024-02", "eur", &Amounts::of(order));
    }
    let mut short = Amounts::of(&orders[2]);
    short.revenue -= rust_decimal::Decimal::new(1, 2);
    let mut other = Reconciliation::default();
    other.add_target("2024-02", "EUR", &short);
    sums.merge(&other);
    assert!(!sums.balanced());
    let rows = sums.rows();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].month.as_str(), rows[0].currency.as_str()), ("2024-02", "EUR"));
    assert_eq!(rows[0].revenue.difference.to_string(), "-0.01");
    assert_eq!(rows[0].revenue.old.to_string(), "10.30");
    assert!(rows[0].tax.difference.is_zero() && !rows[0].is_balanced());
    assert!(rows[1].is_balanced());
    assert_eq!(sums.totals().len(), 2);
    assert_eq!(sums.left_out()["CURRENCY_UNSUPPORTED"], 1);
    let text = serde_json::to_string(&rows).unwrap();
    assert!(text.contains("\"difference\":\"-0.01\""), "{text}");
}

#[test]
fn stock_is_summed_by_location() {
    let mut stock = StockReconciliation::default();
    let product = serde_json::from_value(json!({"variants": [{"source_id": "v", "stock": [
        {"location": "Berlin", "quantity": "3"}, {"location": null, "quantity": "-1"},
    ]}]}))
    .unwrap();
    stock.add_source(&product);
    assert!(!stock.balanced());
    stock.add_target(Some("Berlin"), 3.into());
    stock.add_target(None, (-1).into());
    assert!(stock.balanced());
    stock.add_not_migrated(&product);
    assert!(!stock.balanced());
}

#[test]
fn a_kind_is_clean_when_every_record_is_there_once_and_equal() {
    let mut found = KindVerification::new(Kind::Product);
    found.add("1", Some(&run(json!({"title": "a"}), json!({"title": "a"}))));
    assert!(found.is_clean());
    let mut other = KindVerification::new(Kind::Product);
    let sku = |sku: &str| json!({"variants": [{}, {"sku": sku}]});
    other.add("2", Some(&run(sku("1"), sku("2"))));
    other.add("3", None);
    found.merge(&other);
    assert_eq!([found.expected, found.compared, found.equal, found.missing], [3, 2, 1, 1]);
    assert_eq!(found.differences[0].field, "variants[].sku");
    assert_eq!(found.differences[0].samples, ["2"]);
    assert!(!found.is_clean());
}
