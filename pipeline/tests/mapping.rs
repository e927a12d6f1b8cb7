//! What mappings do to records, and what is said of wrong ones.
#![expect(clippy::panic, reason = "helpers of tests stop the test")]

use cartage_model::{
    Change, ExclusionRule, FieldRule, FieldSpec, FieldType, Kind, Mapped, Mapping, OnError,
    RuleValue,
};
use cartage_pipeline::mapping::{
    CompiledMapping, Failure, Issue, MapOutcome, Mask, Preflight, PreviewOutcome, compile, preview,
    validate,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const fn spec(path: &'static str, field_type: FieldType) -> FieldSpec {
    FieldSpec { path, field_type, required: false, length_max: None, personal: false, about: "" }
}

const fn personal(path: &'static str) -> FieldSpec {
    FieldSpec { personal: true, ..spec(path, FieldType::Text) }
}

static PRODUCT: [FieldSpec; 8] = [
    FieldSpec { required: true, ..spec("title", FieldType::Text) },
    spec("handle", FieldType::Text),
    spec("status", FieldType::Text),
    spec("tags", FieldType::Set),
    spec("variants[].sku", FieldType::Text),
    spec("variants[].label", FieldType::Text),
    spec("variants[].prices", FieldType::List),
    spec("metadata.*", FieldType::Any),
];

static CUSTOMER: [FieldSpec; 7] = [
    personal("email"),
    personal("first_name"),
    personal("addresses[].address_1"),
    personal("addresses[].phone"),
    spec("addresses[].country_code", FieldType::Text),
    spec("metadata.registered_at", FieldType::Instant),
    FieldSpec { personal: true, ..spec("metadata.*", FieldType::Any) },
];

fn schema(kind: Kind) -> &'static [FieldSpec] {
    match kind {
        Kind::Product => &PRODUCT,
        Kind::Customer => &CUSTOMER,
        _ => &[],
    }
}

fn path(text: &str) -> RuleValue {
    RuleValue::SourcePath(text.to_owned())
}

fn expression(text: &str) -> RuleValue {
    RuleValue::Expression(text.to_owned())
}

fn template(text: &str) -> RuleValue {
    RuleValue::Template(text.to_owned())
}

fn rule(kind: Kind, target: &str, value: RuleValue) -> FieldRule {
    FieldRule { kind, target_field: target.to_owned(), value, on_error: OnError::Quarantine }
}

fn title() -> FieldRule {
    rule(Kind::Product, "title", path("title.value"))
}

fn product() -> Value {
    json!({
        "kind": "product", "source_id": "p1", "status": "active",
        "title": {"value": "Shirt"}, "vendor": "Acme", "tags": ["red", "linen"],
        "slug": {}, "published_at": null,
        "variants": [
            {"source_id": "v1", "sku": "S-1", "stock_tracked": true,
             "prices": [{"money": {"amount": "19.90", "currency": "EUR"}}]},
            {"source_id": "v2", "sku": null, "prices": []},
        ],
        "unknown": {"Google Category": 12},
    })
}

fn compiled(rules: Vec<FieldRule>) -> CompiledMapping {
    compile(&Mapping { rules, exclusions: vec![] }, &schema).expect("the mapping is right")
}

fn run(value: RuleValue, target: &str) -> MapOutcome {
    let rules = vec![title(), rule(Kind::Product, target, value)];
    compiled(rules).map(Kind::Product, "p1", &product())
}

fn fields(outcome: MapOutcome) -> Map<String, Value> {
    match outcome {
        MapOutcome::Mapped(mapped) => mapped.fields,
        other => panic!("{other:?}"),
    }
}

fn failure(outcome: MapOutcome) -> Failure {
    match outcome {
        MapOutcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_rule_fills_its_field() {
    let map = |source: &str, default: Option<Value>| RuleValue::ValueMap {
        source_path: source.to_owned(),
        entries: [("active".to_owned(), json!("published")), ("true".to_owned(), json!(1))].into(),
        default,
    };
    let check = |target: &str, value: RuleValue, expected: Value| {
        let mut fields = fields(run(value.clone(), target));
        fields.remove("title");
        assert_eq!(Value::Object(fields), expected, "{value:?}");
    };
    check("handle", path("vendor"), json!({"handle": "Acme"}));
    check("handle", path("slug.value"), json!({}));
    check("metadata.title", path("title"), json!({"metadata": {"title": {"value": "Shirt"}}}));
    check("metadata.a.b", path("unknown.Google Category"), json!({"metadata": {"a": {"b": 12}}}));
    check("tags", path("tags"), json!({"tags": ["red", "linen"]}));
    check("metadata.skus", path("variants[].sku"), json!({"metadata": {"skus": ["S-1"]}}));
    check(
        "variants[].prices",
        path("variants[].prices[].money.amount"),
        json!({"variants": [{"prices": ["19.90"]}, {"prices": []}]}),
    );
    check("variants[].sku", path("variants[].sku"), json!({"variants": [{"sku": "S-1"}, {}]}));
    check(
        "variants[].label",
        template("{{ title.value }} {{variants[].sku}}"),
        json!({"variants": [{"label": "Shirt S-1"}, {"label": "Shirt "}]}),
    );
    check(
        "variants[].label",
        expression("string!(.title.value) + \"/\" + (string(.item.sku) ?? \"none\")"),
        json!({"variants": [{"label": "Shirt/S-1"}, {"label": "Shirt/none"}]}),
    );
    check("status", RuleValue::Constant(json!("draft")), json!({"status": "draft"}));
    check("status", map("status", None), json!({"status": "published"}));
    check("status", map("vendor", Some(json!("x"))), json!({"status": "x"}));
    check("status", map("slug.value", None), json!({}));
    check(
        "variants[].label",
        map("variants[].stock_tracked", Some(json!(0))),
        json!({"variants": [{"label": 1}, {"label": 0}]}),
    );
    check("handle", expression("downcase!(.vendor)"), json!({"handle": "acme"}));
    check("handle", expression("null"), json!({}));
    check("metadata.n", expression("length!(.variants) * 2"), json!({"metadata": {"n": 4}}));
    check("metadata.all", template("{{ tags }}!"), json!({"metadata": {"all": "red, linen!"}}));
}

#[test]
fn a_later_rule_for_the_same_field_wins() {
    let rules = vec![
        rule(Kind::Product, "title", path("vendor")),
        title(),
        rule(Kind::Product, "handle", path("vendor")),
        rule(Kind::Product, "handle", path("slug.value")),
    ];
    let found = fields(compiled(rules).map(Kind::Product, "p1", &product()));
    assert_eq!(Value::Object(found), json!({"title": "Shirt"}));
}

#[test]
fn what_fails_on_a_record_costs_that_record_or_that_field() {
    let unmapped =
        RuleValue::ValueMap { source_path: "vendor".to_owned(), entries: [].into(), default: None };
    for (value, reason) in [
        (unmapped, "MAPPING_VALUE_UNMAPPED"),
        (expression("to_int!(.vendor)"), "MAPPING_EXPRESSION_FAILED"),
        (expression("if .vendor == \"Acme\" { abort }\n1"), "MAPPING_EXPRESSION_FAILED"),
    ] {
        let found = failure(run(value.clone(), "handle"));
        assert_eq!((found.reason.as_str(), found.field.as_deref()), (reason, Some("handle")));
        assert!(!found.message.contains("Acme"), "{}", found.message);

        let skipping =
            FieldRule { on_error: OnError::Skip, ..rule(Kind::Product, "handle", value) };
        let mapping = compiled(vec![title(), skipping]);
        let MapOutcome::Mapped(mapped) = mapping.map(Kind::Product, "p1", &product()) else {
            panic!("skipped")
        };
        assert_eq!(Value::Object(mapped.fields), json!({"title": "Shirt"}));
        assert_eq!(mapped.changes.len(), 1);
        assert_eq!(mapped.changes[0].field, "handle");

        let mut other = product();
        other["vendor"] = Value::Null;
        let outcome = mapping.map(Kind::Product, "p2", &other);
        assert!(matches!(outcome, MapOutcome::Mapped(_)), "{outcome:?}");
    }
}

#[test]
fn a_predicate_leaves_records_out_by_name() {
    let exclusion = ExclusionRule {
        kind: Kind::Product,
        name: "no stock".to_owned(),
        predicate: ".vendor == \"Acme\" && length!(.variants) > 1".to_owned(),
    };
    let mapping = Mapping { rules: vec![title()], exclusions: vec![exclusion] };
    let mapping = compile(&mapping, &schema).unwrap();
    let outcome = mapping.map(Kind::Product, "p1", &product());
    assert_eq!(outcome, MapOutcome::Excluded { rule: "no stock".to_owned() });
    let mut other = product();
    other["vendor"] = json!("Other");
    assert!(matches!(mapping.map(Kind::Product, "p2", &other), MapOutcome::Mapped(_)));
}

fn issues(value: RuleValue, target: &str) -> Vec<Issue> {
    let rules = vec![title(), rule(Kind::Product, target, value)];
    validate(&Mapping { rules, exclusions: vec![] }, &schema)
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_nearest_name() {
    let check =
        |target: &str, value: RuleValue, reason: &str, position, suggestion: Option<&str>| {
            let found = issues(value.clone(), target);
            assert_eq!(found.len(), 1, "{value:?}: {found:?}");
            assert_eq!(found[0].reason, reason, "{found:?}");
            assert_eq!(found[0].rule_index, Some(1));
            assert_eq!(found[0].position, position, "{found:?}");
            assert_eq!(found[0].suggestion.as_deref(), suggestion, "{found:?}");
        };
    let unknown = "MAPPING_FIELD_UNKNOWN";
    check("handel", path("vendor"), unknown, None, Some("handle"));
    check("handle", path("vendr"), unknown, None, Some("vendor"));
    check("variants[].skuu", path("variants[].sku"), unknown, None, Some("variants[].sku"));
    check("handle", template("a {{ vendr }}"), unknown, None, Some("vendor"));
    check("handle", expression("downcase!(.vendr)"), unknown, None, Some("vendor"));
    check("variants[].sku", expression(".item.skuu"), unknown, None, Some("variants[].sku"));
    let invalid = "MAPPING_EXPRESSION_INVALID";
    check("handle", expression("upcase(5)"), invalid, Some((1, 8)), None);
    check("handle", expression("x = 1\n\n  upcase(.vendor)"), invalid, Some((3, 10)), None);
    check("handle", expression("now()"), invalid, Some((1, 1)), None);
    check("handle", expression("dowcase!(.vendor)"), invalid, Some((1, 1)), Some("downcase"));
    check("handle", expression(".vendor = 1"), invalid, Some((1, 1)), None);
    check("handle", template("a {{ vendor"), "MAPPING_TEMPLATE_INVALID", Some((1, 3)), None);
    let lists = "MAPPING_LIST_MISMATCH";
    check("variants[].label", path("images[].url"), lists, None, None);
    check("handle", expression(".item.sku"), lists, None, None);
    check("variants[].prices[].x", path("vendor"), lists, None, None);
    check("a..b", path("vendor"), "MAPPING_PATH_INVALID", None, None);
    check("handle", path("variants[0].sku"), "MAPPING_PATH_INVALID", None, None);
    check("handle", expression(&"1 ".repeat(5_001)), "MAPPING_LIMIT_EXCEEDED", None, None);
}

#[test]
fn a_mapping_is_judged_as_a_whole() {
    let reasons = |mapping: &Mapping| {
        validate(mapping, &schema).into_iter().map(|issue| issue.reason).collect::<Vec<_>>()
    };
    let handle = rule(Kind::Product, "handle", path("vendor"));
    let mapping = Mapping { rules: vec![handle.clone()], exclusions: vec![] };
    assert_eq!(reasons(&mapping), ["MAPPING_REQUIRED_FIELD_MISSING"]);
    let other = rule(Kind::Page, "title", path("title.value"));
    assert_eq!(
        reasons(&Mapping { rules: vec![other], exclusions: vec![] }),
        ["MAPPING_KIND_UNSUPPORTED"]
    );
    let many = Mapping { rules: vec![handle; 2_001], exclusions: vec![] };
    assert_eq!(reasons(&many), ["MAPPING_LIMIT_EXCEEDED"]);
    let twice =
        ExclusionRule { kind: Kind::Product, name: "x".to_owned(), predicate: "true".to_owned() };
    let mapping = Mapping { rules: vec![], exclusions: vec![twice.clone(), twice] };
    assert_eq!(reasons(&mapping), ["MAPPING_EXCLUSION_NAME_INVALID"]);
}

#[test]
fn an_expression_cannot_fill_the_memory_or_run_for_long() {
    let doubling = format!("s = \"0123456789\"\n{}s", "s = s + s\n".repeat(60));
    let literal = format!("s = [1]\n{}s", "s = append(s, s)\n".repeat(60));
    let pushing = format!("s = split(\"a a\", \" \")\n{}s", "s = append(s, s)\n".repeat(60));
    let template = format!("s = \"0123456789\"\n{}s", "s = \"{{ s }}{{ s }}\"\n".repeat(60));
    let in_closure = "s = \"x\"\nfor_each(array!(.variants)) -> |_i, _v| { s = s + s }\ns";
    for source in [
        "\"a\" * 100000000000",
        "n = \"a\"\nn * 1000000000",
        &doubling,
        &literal,
        &template,
        in_closure,
        "a = []\na[1000000000] = 1\na",
        "replace(\"aaaa\", \"a\", string!(.title.value))",
        &"(".repeat(4_000),
        &format!("{}true", "!".repeat(9_990)),
        &format!("1{}", " + 1".repeat(2_400)),
        &format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000)),
        &"r'\\w{1000}' ; ".repeat(100),
        "range(0, 1000000000)",
    ] {
        let start = std::time::Instant::now();
        let found = issues(expression(source), "handle");
        assert!(
            found.iter().all(|issue| issue.reason == "MAPPING_EXPRESSION_INVALID")
                && !found.is_empty(),
            "{found:?}"
        );
        assert!(start.elapsed().as_secs() < 10);
    }
    let loops = "n = 0\nlist = split(\"a a a a a a a a a a a a a a a a a a a a\", \" \")\n\
        for_each(list) -> |_a, _b| { for_each(list) -> |_c, _d| { for_each(list) -> |_e, _f| {\n\
        for_each(list) -> |_g, _h| { n = to_int(n + 1) } } } }\nn";
    for source in [pushing.as_str(), loops] {
        let found = failure(run(expression(source), "handle"));
        assert_eq!(found.reason, "MAPPING_VALUE_TOO_LARGE", "{found:?}");
    }
}

#[test]
fn ordinary_expressions_pass_the_guard() {
    for (source, expected) in [
        ("join!([string!(.title.value), string!(.vendor)], \" - \")", json!("Shirt - Acme")),
        ("map_values(array!(.tags)) -> |tag| { upcase(string!(tag)) }", json!(["RED", "LINEN"])),
        ("price = to_float!(\"19.50\")\nprice * 100", json!(1950.0)),
        (
            "total = 0\nfor_each(array!(.variants)) -> |_i, v| { total = total + length(array!(v.prices)) }\ntotal",
            json!(1),
        ),
        ("name, err = to_int(.vendor)\nif err != null { \"none\" } else { name }", json!("none")),
        ("replace(string!(.vendor), r'[A-Z]', \"x\")", json!("xcme")),
        ("v = .variants[0].sku\nv", json!("S-1")),
    ] {
        let found = fields(run(expression(source), "metadata.value"));
        assert_eq!(found["metadata"]["value"], expected, "{source}");
    }
}

fn customer(email: &str) -> Mapped {
    let fields = json!({
        "email": email, "first_name": "Ann",
        "addresses": [{"address_1": "Main Street 1", "phone": "+491701234567", "country_code": "DE"}],
        "metadata": {
            "registered_at": "2024-01-02T03:04:05Z",
            "original_email": email.to_uppercase(),
            "note": format!("asked by {email} twice"),
        },
    });
    let Value::Object(fields) = fields else { panic!("an object") };
    let change = Change {
        field: "email".to_owned(),
        before: json!(format!(" {email}")),
        after: json!(email),
        why: "blanks removed".to_owned(),
    };
    Mapped { kind: Kind::Customer, source_id: "c1".to_owned(), fields, changes: vec![change] }
}

#[test]
fn masked_customers_keep_their_form_and_lose_themselves() {
    let mask = Mask::new(b"secret");
    let mut mapped = customer("ann@shop.example");
    mask.mask(&CUSTOMER, &mut mapped);
    let text = serde_json::to_string(&mapped).unwrap();
    for lost in ["ann@", "ANN@", "\"Ann\"", "Main Street", "1234567", "asked by"] {
        assert!(!text.contains(lost), "{lost} stands in {text}");
    }
    let email = mapped.fields["email"].as_str().unwrap();
    assert!(email.ends_with("@masked.invalid"));
    assert_eq!(mapped.fields["metadata"]["original_email"], mapped.fields["email"]);
    assert_eq!(mapped.fields["metadata"]["registered_at"], "2024-01-02T03:04:05Z");
    assert_eq!(mapped.fields["addresses"][0]["country_code"], "DE");
    assert_eq!(mapped.changes[0].after, mapped.fields["email"]);

    let mut document = json!({
        "kind": "customer", "source_id": "ann@shop.example", "email": "Ann@shop.example ",
        "addresses": [{"first_name": "Ann", "city": "Berlin", "postal_code": "10115"}],
        "unknown": {"Note": "call ann@shop.example"}, "tags": ["vip", "from ann@shop.example"],
    });
    mask.mask_document(Kind::Customer, &mut document);
    assert_eq!(document["email"], email);
    assert_eq!(document["source_id"], email);
    assert_eq!(document["addresses"][0]["city"], "Berlin");
    assert!(!document.to_string().to_lowercase().contains("ann@"), "{document}");
}

#[test]
fn a_preview_shows_each_outcome_and_stops_at_its_limit() {
    let exclusion = ExclusionRule {
        kind: Kind::Product,
        name: "drafts".to_owned(),
        predicate: ".status == \"draft\"".to_owned(),
    };
    let mapping = Mapping { rules: vec![title()], exclusions: vec![exclusion] };
    let mapping = compile(&mapping, &schema).unwrap();
    let mut draft = product();
    draft["status"] = json!("draft");
    let documents = [product(), draft, product(), product()];
    let fit = |mapped: Mapped| {
        if mapped.source_id == "2" {
            Err(Failure::new("FIELD_TOO_LONG", "too long").of_field("title"))
        } else {
            Ok(mapped)
        }
    };
    let rows = preview(
        &mapping,
        Kind::Product,
        documents.into_iter().enumerate().map(|(at, document)| (at.to_string(), document)),
        fit,
        Some((&Mask::new(b"x"), &PRODUCT)),
        3,
    );
    assert_eq!(rows.len(), 3);
    assert!(matches!(rows[0].outcome, PreviewOutcome::Mapped(_)));
    assert_eq!(rows[1].outcome, PreviewOutcome::Excluded("drafts".to_owned()));
    assert!(matches!(rows[2].outcome, PreviewOutcome::Refused(_)));
}

#[test]
fn a_preflight_counts_every_record_once() {
    let mut preflight = Preflight::default();
    let mut changed = customer("a@b.de");
    changed
        .changes
        .push(Change { field: "addresses[3].phone".to_owned(), ..changed.changes[0].clone() });
    let mut plain = customer("a@b.de");
    plain.changes.clear();
    for number in 0..30 {
        let outcome = match number % 3 {
            0 => MapOutcome::Mapped(changed.clone()),
            1 => MapOutcome::Excluded { rule: "old".to_owned() },
            _ => MapOutcome::Failed(Failure::new("X", "wrong").of_field("addresses[1].phone")),
        };
        preflight.add(Kind::Customer, &number.to_string(), &outcome);
    }
    preflight.add(Kind::Customer, "plain", &MapOutcome::Mapped(plain));
    let [counts] = <[_; 1]>::try_from(preflight.finish()).unwrap();
    assert_eq!(counts.records, 31);
    assert_eq!(
        [counts.would_migrate, counts.would_change, counts.would_exclude, counts.would_quarantine],
        [1, 10, 10, 10]
    );
    assert_eq!(counts.changes[0].field, "addresses[].phone");
    assert_eq!(counts.quarantines[0].field.as_deref(), Some("addresses[].phone"));
    assert_eq!(counts.exclusions[0].samples.len(), 10);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z ]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn identity_rules_keep_values(value in any_value()) {
        let mapping = compiled(vec![
            title(),
            rule(Kind::Product, "metadata.path", path("unknown")),
            rule(Kind::Product, "metadata.expression", expression(".unknown")),
        ]);
        let mut document = product();
        document["unknown"] = json!({"x": value});
        let found = fields(mapping.map(Kind::Product, "p1", &document));
        prop_assert_eq!(&found["metadata"]["path"], &document["unknown"]);
        prop_assert_eq!(&found["metadata"]["expression"], &document["unknown"]);
    }

    #[test]
    fn no_expression_breaks_the_compiler(source in "[a-z.(){}\\[\\]|!?+*=\" \n0-9-]{0,60}") {
        validate(&Mapping {
            rules: vec![title(), rule(Kind::Product, "handle", expression(&source))],
            exclusions: vec![],
        }, &schema);
    }

    #[test]
    fn masking_is_one_to_one_and_leaves_no_address(
        one in "[a-z]{1,8}(\\.[a-z]{1,5})?@[a-z]{2,8}\\.(com|de)",
        other in "[a-z]{1,8}@[a-z]{2,8}\\.(com|de)",
    ) {
        let mask = Mask::new(b"secret");
        let (mut first, mut again, mut second) = (customer(&one), customer(&one), customer(&other));
        for mapped in [&mut first, &mut again, &mut second] {
            mask.mask(&CUSTOMER, mapped);
        }
        prop_assert_eq!(&first, &again);
        prop_assert_eq!(one == other, first.fields["email"] == second.fields["email"]);
        prop_assert!(!serde_json::to_string(&first).unwrap().to_lowercase().contains(&one));
    }
}
