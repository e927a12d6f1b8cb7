//! `cartage verify`.

use cartage_client::{json, name::Pattern, road, v1};

use super::{
    Context, Failure,
    output::line,
    table::{self, Column},
};

/// See `cartage verify --help`.
#[derive(clap::Args)]
#[command(
    after_help = "Example: cartage verify spring/first && cartage report spring/first --output report.html"
)]
pub(crate) struct Arguments {
    /// The run, `MIGRATION/RUN`.
    run: String,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let name = context.name(Pattern::RUN, &arguments.run)?;
    let mut progress = context.progress();
    let report = road::verify_run(&context.client, &name, |update| progress.update(&update)).await;
    progress.clear();
    let report = report?;
    print(context, &report)?;
    if report.passed { Ok(()) } else { Err(Failure::Differences) }
}

/// Prints a report: the document, or tables of records, money and stock.
pub(crate) fn print(context: &Context, report: &v1::VerificationReport) -> Result<(), Failure> {
    if context.output.json {
        return context.output.document(report);
    }
    let document = json::to_value(report)?;
    let records: [Column; 7] = [
        ("KIND", "/kind"),
        ("COMPARED", "/compared"),
        ("EQUAL", "/equal"),
        ("EXPLAINED", "/explained"),
        ("DIFFERENT", "/different"),
        ("MISSING", "/missing"),
        ("UNEXPECTED", "/unexpected"),
    ];
    let money: [Column; 8] = [
        ("MONTH", "/month"),
        ("CURRENCY", "/currencyCode"),
        ("REVENUE OLD", "/revenue/sourceAmount"),
        ("LEFT OUT", "/revenue/explainedAmount"),
        ("REVENUE NEW", "/revenue/targetAmount"),
        ("DIFFERENCE", "/revenue/difference"),
        ("TAX", "/tax/difference"),
        ("REFUNDS", "/refunds/difference"),
    ];
    let stock: [Column; 5] = [
        ("LOCATION", "/location"),
        ("OLD", "/sourceUnits"),
        ("LEFT OUT", "/explainedUnits"),
        ("NEW", "/targetUnits"),
        ("DIFFERENCE", "/difference"),
    ];
    line(&format!("{}\n", report.name))?;
    for (columns, key) in
        [(&records[..], "/comparisons"), (&money[..], "/money"), (&stock[..], "/stock")]
    {
        let Some(rows) = document.pointer(key).and_then(|rows| rows.as_array()) else { continue };
        for row in table::lines(columns, rows) {
            line(&row)?;
        }
        line("")?;
    }
    line(if report.passed { "passed" } else { "DIFFERENCES FOUND" })
}
