//! The page: a template compiled in, filled with a report. No script, no request to anywhere.

use std::sync::LazyLock;

use cartage_model::Kind;
use chrono::{DateTime, Utc};
use minijinja::{
    Environment,
    value::{Serde, Value},
};
use serde::Serialize;

use super::{KindAccounting, Report, Throughput, Verdict, cells, verdict::grouped};

const NAME: &str = "report.html";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.add_filter("number", number);
    environment.add_filter("kind", kind);
    environment.add_filter("time", time);
    environment.add_function("count", cells::count);
    environment.add_function("sums", cells::sums);
    environment.add_function("samples", cells::samples);
    environment
        .add_template(NAME, include_str!("../../templates/report.html"))
        .expect("the compiled-in template parses, which a test of this module holds to");
    environment
});

/// All that the template is given.
#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    verdict: &'a Verdict,
    accounting: Vec<AccountingRow<'a>>,
    total: AccountingRow<'a>,
    unaccounted: u64,
    speeds: Vec<SpeedRow<'a>>,
    duration: String,
}

/// A row of the accounting with what the page shows beside it.
#[derive(Serialize)]
struct AccountingRow<'a> {
    #[serde(flatten)]
    kind: &'a KindAccounting,
    unaccounted: u64,
    /// Outcome and share in per mille, for the bar.
    shares: Vec<(&'static str, u64)>,
}

/// A row of the speeds.
#[derive(Serialize)]
struct SpeedRow<'a> {
    #[serde(flatten)]
    throughput: &'a Throughput,
    duration: String,
    per_second: String,
}

/// The report as one self-contained HTML page.
pub fn render_html(report: &Report) -> String {
    let mut total = KindAccounting::new(Kind::Product);
    for kind in &report.accounting {
        total.records += kind.records;
        total.migrated += kind.migrated;
        total.merged += kind.merged;
        total.changed += kind.changed;
        total.excluded += kind.excluded;
        total.quarantined += kind.quarantined;
        total.unknown += kind.unknown;
        total.created += kind.created;
        total.updated += kind.updated;
        total.unchanged += kind.unchanged;
        total.deleted += kind.deleted;
        total.none += kind.none;
    }
    let accounting: Vec<_> = report.accounting.iter().map(accounting_row).collect();
    let unaccounted: u64 = accounting.iter().map(|row| row.unaccounted).sum();
    let speeds: Vec<_> = report.throughput.iter().map(speed_row).collect();
    let duration = match (report.run.started_at, report.run.finished_at) {
        (Some(start), Some(end)) => {
            duration(u64::try_from((end - start).num_milliseconds()).unwrap_or(0))
        }
        _ => String::new(),
    };
    let verdict = report.verdict();
    let page = Page {
        report,
        accounting,
        unaccounted,
        speeds,
        duration,
        verdict: &verdict,
        total: accounting_row(&total),
    };
    TEMPLATES.get_template(NAME).and_then(|template| template.render(Serde(&page))).unwrap_or_else(
        |_| format!("<!doctype html><title>Report</title><h1>{}</h1>", verdict.headline),
    )
}

fn accounting_row(kind: &KindAccounting) -> AccountingRow<'_> {
    let whole = kind.records.max(kind.accounted()).max(1);
    let shares = [
        ("migrated", kind.migrated),
        ("changed", kind.changed),
        ("merged", kind.merged),
        ("excluded", kind.excluded),
        ("quarantined", kind.quarantined),
        ("unknown", kind.unknown),
    ];
    let shares = shares
        .into_iter()
        .filter(|(_, count)| *count > 0)
        // At least a visible sliver: one lost record in a million must be seen.
        .map(|(name, count)| (name, (count.saturating_mul(1_000) / whole).max(6)))
        .collect();
    AccountingRow { kind, unaccounted: kind.unaccounted(), shares }
}

fn speed_row(throughput: &Throughput) -> SpeedRow<'_> {
    let tenths = throughput
        .records
        .saturating_mul(10_000)
        .checked_div(throughput.duration_ms)
        .unwrap_or_default();
    SpeedRow {
        throughput,
        duration: duration(throughput.duration_ms),
        per_second: grouped(&format!("{}.{}", tenths / 10, tenths % 10)),
    }
}

fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => format!("{milliseconds} ms"),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

fn number(value: &Value) -> String {
    grouped(&value.to_string())
}

fn time(value: &Value) -> String {
    let text = value.to_string();
    match text.parse::<DateTime<Utc>>() {
        Ok(time) => time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => text,
    }
}

/// The name of a kind as people say it, in the plural.
fn kind(value: &Value) -> String {
    let text = value.to_string();
    let label = match text.as_str() {
        "category" => "Categories",
        "collection" => "Collections",
        "product" => "Products",
        "customer_group" => "Customer groups",
        "company" => "Companies",
        "customer" => "Customers",
        "coupon" => "Coupons",
        "gift_card" => "Gift cards",
        "order" => "Orders",
        "review" => "Reviews",
        "page" => "Pages",
        "post" => "Posts",
        "url" => "Addresses",
        other => other,
    };
    label.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_parses() {
        let text = include_str!("../../templates/report.html");
        assert_eq!(TEMPLATES.get_template(NAME).unwrap().source(), text);
    }

    #[test]
    fn durations_read_well() {
        let check = |milliseconds, expected: &str| assert_eq!(duration(milliseconds), expected);
        check(500, "500 ms");
        check(61_000, "1 min 1 s");
        check(7_384_000, "2 h 3 min");
    }
}
