//! `cartage report`.

use std::{io::Write as _, path::PathBuf};

use cartage_client::{
    name::Pattern,
    report,
    v1::{self, export_verification_report_request::Format},
};
use clap::ValueEnum;

use super::{Context, Failure};

/// See `cartage report --help`.
#[derive(clap::Args)]
#[command(after_help = "Example: cartage report spring/first --format html --output report.html")]
pub(crate) struct Arguments {
    /// The run, `MIGRATION/RUN`, whose newest report is fetched; or a report, `MIGRATION/RUN/REPORT`.
    name: String,
    /// The form; html when --output ends in .html, else json.
    #[arg(long)]
    format: Option<FileFormat>,
    /// The file to write. When not given: standard output; with --json an HTML page goes to
    /// `REPORT.html` in this folder.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The form of a report.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum FileFormat {
    /// One JSON document.
    Json,
    /// One self-contained HTML page.
    Html,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let name = report_name(context, &arguments.name).await?;
    let is_html = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "html");
    let format = match arguments.format {
        Some(FileFormat::Html) => Format::Html,
        None if arguments.output.as_ref().is_some_and(is_html) => Format::Html,
        Some(FileFormat::Json) | None => Format::Json,
    };
    // Standard output is for one JSON document where a program reads.
    let own_path =
        || PathBuf::from(format!("{}.html", name.rsplit('/').next().unwrap_or("report")));
    let is_page = context.output.json && format == Format::Html;
    let Some(path) = arguments.output.or_else(|| is_page.then(own_path)) else {
        // Nothing is printed before the whole report is there and checked.
        let mut bytes = Vec::new();
        report::export(&context.client, &name, format, &mut bytes).await?;
        let mut out = std::io::stdout().lock();
        out.write_all(&bytes)?;
        return Ok(out.flush()?);
    };
    let exported = report::export_to_file(&context.client, &name, format, &path).await?;
    let written = format!("{} ({} bytes)", path.display(), exported.bytes);
    let document = serde_json::json!({ "file": path, "bytes": exported.bytes, "report": name });
    context.output.done(&document, &written)
}

async fn report_name(context: &Context, text: &str) -> Result<String, Failure> {
    if let Ok(name) = context.name(Pattern::REPORT, text) {
        return Ok(name);
    }
    let name = context.name(Pattern::RUN, text)?;
    let run = context.client.call(v1::GetRunRequest { name }).await?;
    if run.latest_verification_report.is_empty() {
        let hint = format!("{} has no verification report yet; run `cartage verify`", run.name);
        return Err(Failure::Usage(hint));
    }
    Ok(run.latest_verification_report)
}
