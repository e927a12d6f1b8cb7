//! The report: its verdict, and a page that stands alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests stop the test")]

use cartage_model::Kind;
use cartage_pipeline::{
    report::{
        AuditRule, AuditSummary, ChangeRow, Exclusion, KindAccounting, Level, LossRow, Quarantine,
        Report, RunSummary, Shop, SnapshotSummary, Throughput, render_html,
    },
    verify::{Comparison, Difference, KindVerification, MoneyRow, StockRow, Sum},
};
use rust_decimal::Decimal;
use serde_json::json;

fn sum(old: i64, left_out: i64, new: i64) -> Sum {
    let cents = |amount| Decimal::new(amount, 2);
    Sum {
        old: cents(old),
        left_out: cents(left_out),
        new: cents(new),
        difference: cents(new - old + left_out),
    }
}

fn month(month: &str, old: i64, new: i64) -> MoneyRow {
    MoneyRow {
        month: month.to_owned(),
        currency: "EUR".to_owned(),
        orders_old: 812,
        orders_left_out: 2,
        orders_new: 810,
        revenue: sum(old, 10_000, new),
        tax: sum(1_912_345, 1_900, 1_910_445),
        discounts: sum(50_000, 0, 50_000),
        refunds: sum(12_000, 0, 12_000),
        shipping: sum(399_900, 980, 398_920),
    }
}

fn ids(prefix: &str) -> Vec<String> {
    (1..=3).map(|number| format!("{prefix}-{number}")).collect()
}

fn accounting(
    kind: Kind,
    migrated: u64,
    changed: u64,
    merged: u64,
    excluded: u64,
    quarantined: u64,
) -> KindAccounting {
    KindAccounting {
        records: migrated + changed + merged + excluded + quarantined,
        migrated,
        changed,
        merged,
        excluded,
        quarantined,
        created: migrated + changed,
        none: merged + excluded + quarantined,
        ..KindAccounting::new(kind)
    }
}

fn verification(kind: Kind, records: u64, fields: u64) -> KindVerification {
    KindVerification {
        expected: records,
        compared: records,
        equal: records,
        fields_compared: fields,
        ..KindVerification::new(kind)
    }
}

fn report() -> Report {
    let time = |text: &str| text.parse().ok();
    Report {
        migration: "Brightwater Goods".to_owned(),
        migration_name: "accounts/a/migrations/brightwater".to_owned(),
        run: RunSummary {
            name: "accounts/a/migrations/brightwater/runs/4".to_owned(),
            kind: "LIVE".to_owned(),
            state: "SUCCEEDED".to_owned(),
            started_at: time("2026-11-20T01:00:04Z"),
            finished_at: time("2026-11-20T01:21:50Z"),
            masked: false,
        },
        source: Shop {
            name: "Brightwater".to_owned(),
            platform: "Shopify CSV".to_owned(),
            address: None,
        },
        target: Shop {
            name: "Brightwater new".to_owned(),
            platform: "Medusa 2".to_owned(),
            address: Some("https://shop.example".to_owned()),
        },
        snapshot: SnapshotSummary {
            name: "accounts/a/connections/old/snapshots/7".to_owned(),
            digest: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262".to_owned(),
            taken_at: time("2026-11-20T00:12:00Z"),
        },
        mapping_revision: "accounts/a/migrations/brightwater/mappings/m/revisions/3".to_owned(),
        accounting: vec![
            accounting(Kind::Collection, 41, 0, 0, 0, 0),
            accounting(Kind::Product, 1_902, 84, 0, 9, 5),
            accounting(Kind::Customer, 4_811, 120, 61, 0, 8),
            accounting(Kind::Order, 7_940, 44, 0, 14, 2),
        ],
        losses: vec![LossRow {
            kind: Kind::Order,
            field: "placed_at".to_owned(),
            kept_as_metadata: true,
            about: "The server sets the date itself; the original date is kept as metadata."
                .to_owned(),
            records: Some(7_984),
        }],
        quarantined: vec![
            Quarantine {
                kind: Kind::Product,
                reason: "MONEY_MALFORMED".to_owned(),
                field: Some("variants[].prices[].amount".to_owned()),
                message: "the price is no decimal number".to_owned(),
                records: 5,
                samples: ids("linen-shirt"),
            },
            Quarantine {
                kind: Kind::Customer,
                reason: "TARGET_REFUSED_RECORD".to_owned(),
                field: None,
                message: "the target refuses <script>alert(1)</script>".to_owned(),
                records: 8,
                samples: vec!["<img src=x>".to_owned()],
            },
        ],
        changes: vec![ChangeRow {
            kind: Kind::Customer,
            field: "email".to_owned(),
            why: "The target keeps addresses in lower case.".to_owned(),
            records: 120,
            samples: ids("customer"),
        }],
        excluded: vec![Exclusion {
            kind: Kind::Order,
            rule: "orders of the test gateway".to_owned(),
            records: 14,
            samples: ids("#10"),
        }],
        verification: vec![
            verification(Kind::Collection, 41, 328),
            verification(Kind::Product, 1_986, 91_356),
            verification(Kind::Customer, 4_931, 73_965),
            verification(Kind::Order, 7_984, 415_168),
        ],
        money: vec![
            month("2026-09", 123_456_789, 123_446_789),
            month("2026-10", 98_765_432, 98_755_432),
        ],
        money_totals: vec![month("total", 222_222_221, 222_212_221)],
        money_left_out: [("EXCLUDED".to_owned(), 14), ("MONEY_MALFORMED".to_owned(), 2)].into(),
        stock: vec![
            StockRow { location: "Leipzig".to_owned(), units: sum(1_841_200, 5_000, 1_836_200) },
            StockRow { location: String::new(), units: sum(1_200, 0, 1_200) },
        ],
        audit: Some(AuditSummary {
            findings: 412,
            by_severity: [("ERROR".to_owned(), 12), ("WARNING".to_owned(), 400)].into(),
            top_rules: vec![AuditRule {
                rule: "product.sku.duplicate".to_owned(),
                severity: "WARNING".to_owned(),
                title: "Two variants share an article number.".to_owned(),
                findings: 214,
            }],
        }),
        throughput: vec![Throughput {
            kind: Kind::Product,
            records: 1_986,
            calls: 2_240,
            duration_ms: 121_000,
        }],
        created_at: time("2026-11-20T01:22:00Z").unwrap(),
    }
}

#[test]
fn the_verdict_names_what_is_wrong() {
    let check = |change: fn(&mut Report), level: Level, part: &str| {
        let mut report = report();
        change(&mut report);
        let verdict = report.verdict();
        assert_eq!(verdict.level, level, "{verdict:?}");
        let text = format!("{} {}", verdict.headline, verdict.points.join(" "));
        assert!(text.contains(part), "{text}");
        assert!(render_html(&report).contains(part), "{part}");
    };
    check(|_| {}, Level::Good, "Everything in the source stands in the target, or is listed below");
    check(|it| it.accounting[1].records += 1, Level::Bad, "1 record has no outcome.");
    check(|it| it.accounting[1].migrated += 2, Level::Bad, "2 records have no outcome.");
    check(
        |it| {
            it.accounting[0].migrated -= 1;
            it.accounting[0].unknown += 1;
        },
        Level::Bad,
        "1 record may or may not have been written.",
    );
    check(|it| it.verification[0].missing = 1, Level::Bad, "1 record is missing from the target.");
    check(|it| it.money[0].tax = sum(2, 0, 1), Level::Bad, "1 month does not balance in money.");
    check(|it| it.stock[0].units = sum(2, 0, 1), Level::Bad, "1 stock location does not balance.");
    check(|it| it.verification.clear(), Level::Open, "The target has not been read back yet.");
    check(|it| it.run.state = "CANCELLED".to_owned(), Level::Open, "The run is CANCELLED.");
}

#[test]
fn the_page_stands_alone_and_escapes_what_shops_say() {
    let page = render_html(&report());
    assert!(page.contains("&lt;script&gt;alert(1)"), "escaped");
    for part in ["<script", "<img", "src=\"", "@import", "url(", "<link", "\"http"] {
        assert!(!page.contains(part), "{part}");
    }
    for text in [
        "Brightwater Goods",
        "af1349b9f5f9",
        "revisions&#x2f;3",
        "variants[].prices[].amount",
        "orders of the test gateway",
        "lower case",
        "original date is kept",
        "product.sku.duplicate",
        "15\u{202f}041",
        "1\u{202f}234\u{202f}567.89",
        "(nameless)",
        "21 min 46 s",
        "16.4",
    ] {
        assert!(page.contains(text), "{text}");
    }
    if let Ok(path) = std::env::var("CARTAGE_REPORT_SAMPLE") {
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn a_failed_run_shows_where_records_differ() {
    let mut report = report();
    let difference = Difference {
        field: "variants[1].sku".to_owned(),
        expected: json!("secret value"),
        actual: json!(null),
    };
    let comparison = Comparison { fields_compared: 3, differences: vec![difference] };
    report.verification[1].add("linen-shirt", Some(&comparison));
    report.money[1].revenue = sum(98_765_432, 10_000, 98_755_431);
    let page = render_html(&report);
    assert!(page.contains("Where products differ") && page.contains("variants[].sku"));
    assert!(page.contains("\u{2212}0.01") && page.contains("verdict bad"));
    assert!(!page.contains("secret value"));
    if let Ok(path) = std::env::var("CARTAGE_REPORT_SAMPLE") {
        std::fs::write(format!("{path}.bad.html"), page).unwrap();
    }
}

#[test]
fn the_json_says_the_same_again() {
    let text = serde_json::to_string(&report()).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report());
}
