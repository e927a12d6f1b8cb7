//! Every rule finds its fault and nothing in a sound shop; only reading rules are taken.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail it")]

mod support;

use std::{ops::ControlFlow, sync::Arc};

use cartage_model::{
    Address, Adjustment, AdjustmentKind, Category, Collection, Consent, ConsentChannel,
    ConsentState, Currency, CustomField, Customer, CustomerGroup, Image, Instant, Kind,
    OptionValue, Order, Page, Placement, Price, PriceKind, Product, ProductOption, RawFailure,
    RawRecord, Record, Refund, Scope, Scoped, ScopedValue, SelectedOption, Seo, Stock, Unreadable,
    Variant,
};
use cartage_pipeline::audit::{
    AuditEvent, AuditLimits, AuditSummary, Finding, Rule, RuleError, Severity, audit, audit_with,
    built_in_rules,
};
use cartage_pipeline::snapshot::{QueryLimits, Snapshot};
use datafusion::object_store::{ObjectStore, local::LocalFileSystem};
use support::{customer, decimal, eur, location, memory, order, product, raw, snapshot_of};

/// A sound shop, to be made unsound.
struct Shop {
    products: Vec<Product>,
    customers: Vec<Customer>,
    orders: Vec<Order>,
    others: Vec<Record>,
    failures: Vec<RawFailure>,
}

impl Shop {
    fn sound() -> Self {
        let category = Category {
            source_id: "category".to_owned(),
            title: Scoped::shop("A category".to_owned()),
            ..Category::default()
        };
        Self {
            products: vec![product("p1"), product("p2")],
            customers: vec![customer("ada"), customer("bob")],
            orders: vec![order(1001, "ada", "p1"), order(1002, "bob", "p2")],
            others: vec![Record::Category(category)],
            failures: Vec::new(),
        }
    }

    fn records(&self) -> Vec<RawRecord> {
        let products = self.products.iter().cloned().map(Record::Product);
        let customers = self.customers.iter().cloned().map(Record::Customer);
        let orders = self.orders.iter().cloned().map(Record::Order);
        self.others
            .iter()
            .cloned()
            .chain(products)
            .chain(customers)
            .chain(orders)
            .map(|it| raw(&it))
            .collect()
    }

    fn variant(&mut self) -> &mut Variant {
        &mut self.products[1].variants[0]
    }

    fn fail(&mut self, kind: Kind, reason: &str, field: Option<&str>) {
        let cause = Unreadable {
            reason: reason.to_owned(),
            field: field.map(str::to_owned),
            message: "it is wrong".to_owned(),
        };
        self.failures.push(RawFailure { kind, source_id: "broken".to_owned(), cause });
    }

    async fn findings(&self, rules: &[Rule]) -> (Vec<Finding>, AuditSummary) {
        let snapshot = snapshot_of(&memory(), &self.records(), &self.failures).await;
        let mut findings = Vec::new();
        let summary = audit(&snapshot, rules, |event| {
            if let AuditEvent::Finding(finding) = event {
                findings.push(finding);
            }
            ControlFlow::Continue(())
        })
        .await
        .unwrap();
        for outcome in &summary.rules {
            assert_eq!(outcome.error, None, "{}", outcome.rule_id);
        }
        (findings, summary)
    }
}

/// What a fault is expected to be found as: source id, field, evidence.
type Expected = (&'static str, Option<&'static str>, &'static str);
type Case = (&'static str, fn(&mut Shop), Expected);

fn scoped(text: &str) -> Scoped<String> {
    Scoped::shop(text.to_owned())
}

fn gone() -> Scope {
    Scope::Website("gone".to_owned())
}

fn address() -> Address {
    Address { country_code: Some("DE".to_owned()), ..Address::default() }
}

const PRODUCT_CASES: &[Case] = &[
    (
        "product_title_missing",
        |s| s.products[1].title = Scoped::default(),
        ("p2", Some("title"), "the title is empty"),
    ),
    (
        "scope_unknown",
        |s| {
            let scope = Scope::StoreView("gone".to_owned());
            s.products[1].slug.scoped.push(ScopedValue { scope, value: "p2".to_owned() });
        },
        ("p2", Some("slug"), "value for store_view gone"),
    ),
    (
        "scope_unknown",
        |s| s.variant().prices[0].scope = Some(gone()),
        ("p2", Some("variants[0].prices"), "value for website gone"),
    ),
    (
        "scope_unknown",
        |s| s.variant().enabled.scoped.push(ScopedValue { scope: gone(), value: false }),
        ("p2", Some("variants[].enabled"), "value for website gone"),
    ),
    (
        "scope_unknown",
        |s| {
            let mut page = Page { source_id: "about".to_owned(), ..Page::default() };
            let value = serde_json::json!({ "scoped": [{ "scope": "as the merchant says" }] });
            let scoped = vec![ScopedValue { scope: gone(), value: true }];
            page.published_scoped = scoped;
            page.custom_fields = vec![CustomField {
                namespace: String::new(),
                key: "own".to_owned(),
                value_type: None,
                value: Scoped::shop(value),
                ..CustomField::default()
            }];
            s.others.push(Record::Page(page));
        },
        ("about", Some("published"), "value for website gone"),
    ),
    (
        "product_title_too_long",
        |s| s.products[1].title = scoped(&"x".repeat(300)),
        ("p2", Some("title"), "300 characters"),
    ),
    (
        "product_handle_unsafe",
        |s| s.products[1].slug = scoped("Grüner Hut"),
        ("p2", Some("slug"), "Grüner Hut"),
    ),
    (
        "product_slug_duplicate",
        |s| s.products[1].slug = scoped("p1"),
        ("p2", Some("slug"), "p1 is already that of product p1"),
    ),
    (
        "product_html_broken",
        |s| s.products[1].description_html = scoped("<div><b>x</div>"),
        ("p2", Some("description_html"), "<b> is not closed before </div>"),
    ),
    (
        "product_html_script",
        |s| s.products[1].description_html = scoped("<script>x()</script>"),
        ("p2", Some("description_html"), "a script, frame or event handler"),
    ),
    (
        "product_description_missing",
        |s| s.products[1].description_html = Scoped::default(),
        ("p2", Some("description_html"), "no description"),
    ),
    ("product_image_missing", |s| s.products[1].images.clear(), ("p2", Some("images"), "no image")),
    (
        "image_alt_missing",
        |s| {
            s.products[1].images.push(Image {
                url: "u".to_owned(),
                position: 2,
                ..Image::default()
            })
        },
        ("p2", Some("images[].alt_text"), "1 of 2 images have no alt text"),
    ),
    (
        "product_seo_missing",
        |s| s.products[1].seo = Seo::default(),
        ("p2", Some("seo"), "no SEO title and no SEO description"),
    ),
    (
        "product_category_missing",
        |s| s.products[1].categories.clear(),
        ("p2", Some("categories"), "in no category and no collection"),
    ),
    (
        "product_category_unknown",
        |s| s.products[1].categories[0].source_id = "gone".to_owned(),
        ("p2", Some("categories"), "category gone"),
    ),
    (
        "product_collection_unknown",
        |s| {
            let known = Collection { source_id: "known".to_owned(), ..Collection::default() };
            s.others.push(Record::Collection(known));
            s.products[1]
                .collections
                .push(Placement { source_id: "gone".to_owned(), ..Placement::default() });
        },
        ("p2", Some("collections"), "collection gone"),
    ),
    (
        "category_parent_unknown",
        |s| {
            let torn = Category {
                source_id: "torn".to_owned(),
                parent: Some("gone".to_owned()),
                ..Category::default()
            };
            s.others.push(Record::Category(torn));
        },
        ("torn", Some("parent"), "parent gone"),
    ),
    (
        "product_variants_missing",
        |s| s.products[1].variants.clear(),
        ("p2", Some("variants"), "no variant"),
    ),
    (
        "variant_price_missing",
        |s| s.variant().prices.clear(),
        ("p2", Some("variants[0].prices"), "SKU SKU-p2 has no regular price"),
    ),
    (
        "variant_price_negative",
        |s| s.variant().prices[0].money = eur("-1.50"),
        ("p2", Some("variants[0].prices"), "regular price of -1.50 EUR"),
    ),
    (
        "variant_price_zero",
        |s| s.variant().prices[0].money = eur("0.00"),
        ("p2", Some("variants[0].prices"), "SKU SKU-p2 costs nothing"),
    ),
    (
        "variant_compare_at_price_low",
        |s| s.variant().prices.push(Price::plain(PriceKind::Msrp, eur("10"))),
        ("p2", Some("variants[0].prices"), "struck through 10, asked 19.90 EUR"),
    ),
    (
        "variant_special_price_high",
        |s| s.variant().prices.push(Price::plain(PriceKind::Special, eur("20"))),
        ("p2", Some("variants[0].prices"), "special 20, regular 19.90 EUR"),
    ),
    (
        "variant_sku_duplicate",
        |s| s.variant().sku = Some("SKU-p1 ".to_owned()),
        ("p2", Some("variants[0].sku"), "SKU SKU-p1  is already that of product p1"),
    ),
    (
        "variant_sku_missing",
        |s| s.variant().sku = None,
        ("p2", Some("variants[0].sku"), "variant 1 has no SKU"),
    ),
    (
        "variant_barcode_invalid",
        |s| s.variant().barcode = Some("4006381333932".to_owned()),
        ("p2", Some("variants[0].barcode"), "4006381333932 is no valid GTIN"),
    ),
    (
        "variant_stock_negative",
        |s| s.variant().stock.push(Stock { quantity: decimal("-3"), ..Stock::default() }),
        ("p2", Some("variants[0].stock"), "stock of -3"),
    ),
    (
        "variant_options_duplicate",
        |s| {
            with_option(&mut s.products[1]);
            let mut second = s.products[1].variants[0].clone();
            second.sku = Some("another".to_owned());
            s.products[1].variants.push(second);
        },
        ("p2", Some("variants[1].options"), "variant 2 repeats Red"),
    ),
    (
        "variant_option_missing",
        |s| {
            with_option(&mut s.products[1]);
            s.products[1].variants[0].options.clear();
        },
        ("p2", Some("variants[0].options"), "0 of 1 options have a value"),
    ),
    ("text_mojibake", |s| s.products[1].title = scoped("GrÃ¼n"), ("p2", Some("title"), "GrÃ¼n")),
    (
        "variant_price_unreadable",
        |s| s.fail(Kind::Product, "MONEY_MALFORMED", Some("Variant Price")),
        ("broken", Some("Variant Price"), "MONEY_MALFORMED: it is wrong"),
    ),
    (
        "record_unreadable",
        |s| s.fail(Kind::Customer, "CSV_MALFORMED", None),
        ("broken", None, "CSV_MALFORMED: it is wrong"),
    ),
];

fn with_option(product: &mut Product) {
    let red = OptionValue { value: "Red".to_owned(), ..OptionValue::default() };
    product.options = vec![ProductOption {
        name: "Colour".to_owned(),
        values: vec![red],
        ..ProductOption::default()
    }];
    product.variants[0].options =
        vec![SelectedOption { option: "Colour".to_owned(), value: "Red".to_owned() }];
}

const CUSTOMER_CASES: &[Case] = &[
    (
        "scope_unknown",
        |s| s.customers[1].scope = Some(gone()),
        ("bob", Some("scope"), "value for website gone"),
    ),
    (
        "customer_email_duplicate",
        |s| s.customers[1].email = Some(" ADA@Example.com ".to_owned()),
        ("bob", Some("email"), "A***@example.com is already that of customer ada"),
    ),
    (
        "customer_email_untidy",
        |s| s.customers[1].email = Some("Bob@example.com".to_owned()),
        ("bob", Some("email"), "B***@example.com is not written as it is compared"),
    ),
    (
        "customer_email_invalid",
        |s| s.customers[1].email = Some("bob(at)example.com".to_owned()),
        ("bob", Some("email"), "b***"),
    ),
    (
        "customer_email_missing",
        |s| s.customers[1].email = None,
        ("bob", Some("email"), "no e-mail"),
    ),
    (
        "customer_name_missing",
        |s| {
            s.customers[1].first_name = None;
            s.customers[1].last_name = None;
        },
        ("bob", Some("last_name"), "no first and no last name"),
    ),
    (
        "customer_phone_malformed",
        |s| s.customers[1].phone = Some("call me: 12-7".to_owned()),
        ("bob", Some("phone"), "c***"),
    ),
    (
        "customer_test_account",
        |s| s.customers[1].tags.push("test-account".to_owned()),
        ("bob", Some("tags"), "tagged test-account"),
    ),
    (
        "customer_inactive",
        |s| {
            s.orders.pop();
            s.customers[1].orders_count = Some(0);
        },
        ("bob", None, "no order"),
    ),
    (
        "customer_consent_unproven",
        |s| {
            s.customers[1].consents.push(Consent {
                channel: ConsentChannel::Email,
                state: ConsentState::Given,
                given_at: None,
                origin: None,
                network_address: None,
                text: None,
                scope: None,
                unknown: cartage_model::UnknownFields::NONE,
            })
        },
        ("bob", Some("consents[0]"), "email consent without date and origin"),
    ),
    (
        "customer_group_unknown",
        |s| {
            let known = CustomerGroup { source_id: "known".to_owned(), ..CustomerGroup::default() };
            s.others.push(Record::CustomerGroup(known));
            s.customers[1].groups.push("gone".to_owned());
        },
        ("bob", Some("groups"), "group gone"),
    ),
    (
        "address_country_unknown",
        |s| {
            s.customers[1]
                .addresses
                .push(Address { country: Some("Ruritania".to_owned()), ..Address::default() })
        },
        ("bob", Some("addresses[0].country_code"), "country Ruritania"),
    ),
    (
        "address_field_too_long",
        |s| s.customers[1].addresses.push(Address { company: Some("x".repeat(300)), ..address() }),
        ("bob", Some("addresses[0]"), "300 characters"),
    ),
    (
        "text_mojibake",
        |s| s.customers[1].last_name = Some("MÃ¼ller".to_owned()),
        ("bob", Some("last_name"), "a name has traces such as Ã¼: M***"),
    ),
];

const ORDER_CASES: &[Case] = &[
    (
        "scope_unknown",
        |s| s.orders[1].scope = Some(gone()),
        ("#1002", Some("scope"), "value for website gone"),
    ),
    (
        "order_total_mismatch",
        |s| s.orders[1].total = eur("53.36"),
        ("#1002", Some("total"), "total 53.36, parts 44.80 and taxes 7.56 EUR"),
    ),
    (
        "order_date_future",
        |s| s.orders[1].placed_at = Instant::parse("2031-01-01T00:00:00Z", 0).unwrap(),
        ("#1002", Some("placed_at"), "placed at 2031-01-01T00:00:00Z"),
    ),
    (
        "order_customer_unknown",
        |s| s.orders[1].email = Some("eve@example.com".to_owned()),
        ("#1002", Some("email"), "e***@example.com"),
    ),
    (
        "line_product_unknown",
        |s| s.orders[1].lines[0].sku = Some("gone".to_owned()),
        ("#1002", Some("lines[0].sku"), "SKU gone"),
    ),
    (
        "line_quantity_not_positive",
        |s| s.orders[1].lines[0].quantity = decimal("0"),
        ("#1002", Some("lines[0].quantity"), "quantity 0"),
    ),
    (
        "order_refund_too_high",
        |s| s.orders[1].refunds.push(Refund::new(eur("60"))),
        ("#1002", Some("refunded_total"), "refunded 60 of 52.36 EUR"),
    ),
    (
        "order_number_gap",
        |s| {
            s.orders[1].number = "#1005".to_owned();
            s.orders[1].source_id = "#1005".to_owned();
        },
        ("#1005", Some("number"), "numbers missing before it: 3"),
    ),
    (
        "order_number_duplicate",
        |s| {
            let mut again = s.orders[0].clone();
            again.total = eur("1");
            s.orders.push(again);
        },
        ("#1001", Some("number"), "SOURCE_ID_DUPLICATE: an earlier order has the same id"),
    ),
    (
        "currency_not_in_use",
        |s| s.orders[1].currency = Currency::parse("DEM").unwrap(),
        ("#1002", Some("currency"), "DEM"),
    ),
    (
        "order_paid_without_payment",
        |s| s.orders[1].financial_status = Some("paid".to_owned()),
        ("#1002", Some("payments"), "stated as paid, no payment"),
    ),
    (
        "order_lines_missing",
        |s| s.fail(Kind::Order, "ORDER_WITHOUT_LINES", None),
        ("broken", Some("lines"), "ORDER_WITHOUT_LINES: it is wrong"),
    ),
    (
        "order_currency_invalid",
        |s| s.fail(Kind::Order, "CURRENCY_INVALID", Some("Currency")),
        ("broken", Some("Currency"), "CURRENCY_INVALID: it is wrong"),
    ),
    (
        "order_date_unreadable",
        |s| s.fail(Kind::Order, "VALUE_INVALID", Some("Created at")),
        ("broken", Some("Created at"), "VALUE_INVALID: it is wrong"),
    ),
    (
        "line_quantity_unreadable",
        |s| s.fail(Kind::Order, "VALUE_INVALID", Some("Lineitem quantity")),
        ("broken", Some("Lineitem quantity"), "VALUE_INVALID: it is wrong"),
    ),
];

/// Asks all rules over a shop with one fault: the rule finds it, once, as expected.
async fn check(cases: &[Case]) {
    let rules = built_in_rules().unwrap();
    for (id, spoil, (source_id, field, evidence)) in cases {
        let mut shop = Shop::sound();
        spoil(&mut shop);
        let rule = rules.iter().find(|rule| rule.id == *id).unwrap_or_else(|| panic!("{id}"));
        let (findings, summary) = shop.findings(std::slice::from_ref(rule)).await;
        let found: Vec<_> = findings
            .iter()
            .map(|it| (it.source_id.as_str(), it.field.as_deref(), it.evidence.as_deref()))
            .collect();
        assert_eq!(found, [(*source_id, *field, Some(*evidence))], "{id}");
        assert_eq!(summary.rules[0].count, 1, "{id}");
        assert_eq!((findings[0].severity, &findings[0].repair), (rule.severity, &rule.repair));
    }
}

#[tokio::test]
async fn rules_find_faults_of_products() {
    check(PRODUCT_CASES).await;
}

#[tokio::test]
async fn rules_find_faults_of_customers() {
    check(CUSTOMER_CASES).await;
}

#[tokio::test]
async fn rules_find_faults_of_orders() {
    check(ORDER_CASES).await;
}

#[test]
fn every_rule_has_a_test() {
    let cases = || PRODUCT_CASES.iter().chain(CUSTOMER_CASES).chain(ORDER_CASES);
    for rule in built_in_rules().unwrap() {
        assert!(cases().any(|(id, ..)| *id == rule.id), "{}", rule.id);
    }
}

#[tokio::test]
async fn a_sound_shop_has_no_findings_and_full_health() {
    let (findings, summary) = Shop::sound().findings(&built_in_rules().unwrap()).await;
    assert_eq!(findings, []);
    assert_eq!(summary.findings, 0);
    let product = summary.kinds.iter().find(|it| it.kind == Kind::Product).unwrap();
    assert_eq!((product.records, product.unreadable, product.health_score), (2, 0, 100));
    let filled =
        |field: &str| product.completeness.iter().find(|it| it.field == field).unwrap().filled;
    assert_eq!((filled("title"), filled("vendor")), (2, 0));
}

#[tokio::test]
async fn taxes_may_be_included_and_fees_count() {
    let mut shop = Shop::sound();
    shop.orders[0].taxes_included = Some(true);
    shop.orders[0].total = eur("44.80");
    shop.orders[1].taxes_included = None;
    shop.orders[1].total = eur("54.36");
    shop.orders[1].adjustments = vec![Adjustment::new(AdjustmentKind::Fee, eur("2"))];
    let rules = built_in_rules().unwrap();
    let rule = rules.into_iter().find(|rule| rule.id == "order_total_mismatch").unwrap();
    let rules = [rule];
    assert_eq!(shop.findings(&rules).await.0, []);
    shop.orders[1].total = eur("55.36");
    assert_eq!(shop.findings(&rules).await.0.len(), 1);
    shop.orders[0].total = eur("52.36");
    assert_eq!(shop.findings(&rules).await.0.len(), 2);
}

#[tokio::test]
async fn a_price_for_some_is_not_the_price_of_the_variant() {
    let regular = |amount: &str| Price::plain(PriceKind::Regular, eur(amount));
    let of_company = || Price { company: Some("X".to_owned()), ..regular("0") };
    let of_site = Price { scope: Some(Scope::Website("b".to_owned())), ..regular("8") };
    let rules = [own_rule(
        "SELECT product_id AS source_id, price_kind || ' ' || company_id AS evidence \
        FROM variant_price WHERE company_id IS NOT NULL",
    )];
    let cases = [
        (vec![of_company(), regular("9")], None),
        (vec![of_company(), of_site], None),
        (vec![of_company()], Some("variant_price_missing")),
    ];
    for (prices, expected) in cases {
        let mut shop = Shop::sound();
        shop.variant().prices = prices;
        let priced = built_in_rules().unwrap();
        let priced = priced.into_iter().filter(|rule| {
            ["variant_price_missing", "variant_price_zero"].contains(&rule.id.as_str())
        });
        let found = shop.findings(&priced.collect::<Vec<_>>()).await.0;
        let found = found.iter().map(|it| it.rule_id.as_str()).next();
        assert_eq!(found, expected, "{:?}", shop.variant().prices);
        let evidence = &shop.findings(&rules).await.0[0].evidence;
        assert_eq!(evidence.as_deref(), Some("regular X"));
    }
}

fn own_rule(sql: &str) -> Rule {
    Rule {
        id: "own".to_owned(),
        title: "Own".to_owned(),
        severity: Severity::Info,
        kind: Kind::Product,
        field: None,
        sql: sql.to_owned(),
        explanation: "x".to_owned(),
        repair: "x".to_owned(),
    }
}

#[test]
fn only_one_select_is_a_rule() {
    let parse = |sql: &str| {
        let text = format!(
            "id = \"own\"\ntitle = \"t\"\nseverity = \"info\"\nkind = \"product\"\nsql = '''{sql}'''\nexplanation = \"e\"\nrepair = \"r\"\n"
        );
        Rule::parse(&text)
    };
    for sql in [
        "SELECT source_id FROM product",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT 2",
        "SELECT source_id FROM product;",
    ] {
        assert!(parse(sql).is_ok(), "{sql}");
    }
    for sql in [
        "DELETE FROM product",
        "INSERT INTO product SELECT * FROM product",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE product",
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT 1 INTO x",
        "VALUES (1)",
        "WITH a AS (INSERT INTO product SELECT 1) SELECT 1",
    ] {
        assert_eq!(parse(sql), Err(RuleError::NotOneSelect), "{sql}");
    }
    assert!(matches!(parse("SELEKT 1"), Err(RuleError::SqlMalformed(_) | RuleError::NotOneSelect)));
    assert!(matches!(parse("SELECT FROM WHERE ("), Err(RuleError::SqlMalformed(_))));
    assert!(matches!(Rule::parse("id = 3"), Err(RuleError::Malformed(_))));
}

#[tokio::test]
async fn a_bad_rule_fails_alone() {
    let shop = Shop::sound();
    let snapshot = snapshot_of(&memory(), &shop.records(), &[]).await;
    let rules = [
        own_rule("SELECT source_id FROM nothing"),
        own_rule("DROP TABLE product"),
        own_rule("SELECT title FROM product"),
        own_rule(
            "SELECT 'x' AS source_id FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b",
        ),
        own_rule("SELECT source_id, title AS evidence FROM product"),
    ];
    let limits =
        AuditLimits { rule_time_max: std::time::Duration::from_secs(2), ..AuditLimits::default() };
    let summary =
        audit_with(&snapshot, &rules, &limits, |_| ControlFlow::Continue(())).await.unwrap();
    let errors: Vec<bool> = summary.rules.iter().map(|it| it.error.is_some()).collect();
    assert_eq!(errors, [true, true, true, true, false], "{:?}", summary.rules);
    assert_eq!(summary.rules[4].count, 2);
}

#[tokio::test]
async fn findings_are_counted_beyond_those_that_are_sent_and_the_caller_can_stop() {
    let mut shop = Shop::sound();
    shop.products = (0..5_000).map(|n| product(&format!("p{n}"))).collect();
    let snapshot = snapshot_of(&memory(), &shop.records(), &[]).await;
    let rules =
        [own_rule("SELECT source_id FROM product"), own_rule("SELECT source_id FROM customer")];
    let limits = AuditLimits { findings_per_rule_max: 10, ..AuditLimits::default() };
    let mut sent = 0;
    let summary = audit_with(&snapshot, &rules, &limits, |event| {
        sent += u64::from(matches!(event, AuditEvent::Finding(_)));
        ControlFlow::Continue(())
    })
    .await
    .unwrap();
    assert_eq!((sent, summary.rules[0].count, summary.rules[0].sent), (12, 5_000, 10));
    assert!(!summary.stopped);

    let mut seen = 0;
    let summary = audit(&snapshot, &rules, |event| {
        seen += u64::from(matches!(event, AuditEvent::Finding(_)));
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await
    .unwrap();
    assert_eq!((summary.stopped, summary.rules.len(), summary.rules[0].count), (true, 1, 3));
}

/// What stands in the files below a folder.
fn files_below(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(std::fs::read(entry.path()).unwrap());
        }
    }
    files
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_spilled_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let spill_folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn ObjectStore> =
        Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let mut shop = Shop::sound();
    shop.products = (0..6_000)
        .map(|n| {
            let mut product = product(&format!("p{n}"));
            product.description_html = scoped(&format!("{n} plain words {}", "x".repeat(500)));
            product
        })
        .collect();
    drop(snapshot_of(&store, &shop.records(), &[]).await);
    let limits = QueryLimits {
        memory_bytes_max: 18 * 1024 * 1024,
        spill_folder: Some(spill_folder.path().to_owned()),
        ..QueryLimits::default()
    };
    let snapshot = Snapshot::open_with(location(&store), limits).await.unwrap();
    let rules = [own_rule("SELECT source_id, document AS evidence FROM product ORDER BY document")];
    let mut spilled = Vec::new();
    let summary = audit(&snapshot, &rules, |event| {
        if spilled.is_empty() && matches!(event, AuditEvent::Finding(_)) {
            spilled = files_below(spill_folder.path());
        }
        ControlFlow::Continue(())
    })
    .await
    .unwrap();
    assert_eq!(summary.rules[0].error, None);
    assert_eq!(summary.rules[0].count, 6_000);
    assert!(spilled.iter().map(Vec::len).sum::<usize>() > 1_000_000);
    let words = b"plain words";
    let begins = |file: &Vec<u8>| file.iter().take(200_000).copied().collect::<Vec<u8>>();
    assert!(
        spilled.iter().all(|file| !begins(file).windows(words.len()).any(|part| part == words))
    );
    drop(snapshot);
    assert!(files_below(spill_folder.path()).is_empty());
}

#[tokio::test]
async fn columns_that_came_later_are_empty_in_a_snapshot_of_format_1() {
    let store = support::of_format_1().await;
    let snapshot = Snapshot::open(support::location(&store)).await.unwrap();
    let sql = "SELECT p.source_id, coalesce(p.visibility, l.parent_line_id, 'nothing') AS evidence \
        FROM product AS p, order_line AS l WHERE p.source_id = 'p0'";
    let rules = [own_rule(sql)].into_iter().chain(built_in_rules().unwrap()).collect::<Vec<_>>();
    let mut evidence = Vec::new();
    let summary = audit(&snapshot, &rules, |event| {
        if let AuditEvent::Finding(finding) = event
            && finding.rule_id == "own"
        {
            evidence.extend(finding.evidence);
        }
        ControlFlow::Continue(())
    });
    let summary = summary.await.unwrap();
    assert_eq!(evidence, ["nothing"]);
    assert!(summary.rules.iter().all(|rule| rule.error.is_none()), "{:?}", summary.rules);
}
