//! `cartage links`.

use std::path::{Path, PathBuf};

use cartage_client::{
    json, links,
    name::Pattern,
    v1::{self, RecordKind, export_record_links_request::Format, find_record_request::Key},
};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Context, Failure, link_file, list, output::line, value};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Find what became of a record, in every run of a migration, the newest first.
    ///
    /// Example: cartage links find spring --order-number '#1001'
    Find(FindArguments),
    /// Write the id map into a file: which object of the target each record became.
    ///
    /// Ids are written as they are. A spreadsheet may take some for formulas: import the columns as text.
    ///
    /// Example: cartage links export spring --kind order --out orders.csv
    Export {
        /// The migration, or a run, `MIGRATION/RUN`, for the links of its records.
        name: String,
        /// Only these kinds of records; all when not given.
        #[arg(long, value_parser = value::kind, value_delimiter = ',', value_name = "KIND")]
        kind: Vec<RecordKind>,
        /// The form; jsonl when --out ends in .jsonl, else csv.
        #[arg(long)]
        format: Option<FileFormat>,
        /// The file to write; standard output when not given.
        #[arg(long, short, visible_alias = "output", value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Take over links of records that are in the target already; live runs do not write those.
    ///
    /// The file has the columns kind, source_id and target_id, and may have role and parent_source_id. A
    /// file of `links export` will do. Exit code 1 when links were refused; the others are taken over.
    ///
    /// Example: cartage links import spring customers.csv
    Import {
        /// The migration.
        migration: String,
        /// The file: JSON Lines when its name ends in .jsonl, else CSV; `-` is standard input, as CSV.
        file: PathBuf,
        /// The form of the file, when its name does not say it.
        #[arg(long)]
        format: Option<FileFormat>,
        /// Only say what would come of it.
        #[arg(long)]
        validate_only: bool,
    },
}

/// See `cartage links find --help`.
#[derive(clap::Args)]
pub(crate) struct FindArguments {
    /// The migration.
    migration: String,
    #[command(flatten)]
    key: KeyArguments,
    /// Only records of this kind.
    #[arg(long, value_parser = value::kind)]
    kind: Option<RecordKind>,
    /// At most this many; 0 for all.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct KeyArguments {
    /// The number of an order; `#1001` and `1001` are the same.
    #[arg(long, value_name = "NUMBER")]
    order_number: Option<String>,
    /// The article number of a product or of one of its variants.
    #[arg(long, value_name = "TEXT")]
    sku: Option<String>,
    /// The e-mail address of a customer, and of the orders that name it.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The id in the source.
    #[arg(long, value_name = "ID")]
    source_id: Option<String>,
    /// The id in the target.
    #[arg(long, value_name = "ID")]
    target_id: Option<String>,
}

/// The form of a file of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma-separated values with a line of titles.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl FileFormat {
    fn of(path: &Path) -> Self {
        let is_json = path.extension().is_some_and(|it| it == "jsonl" || it == "ndjson");
        if is_json { Self::Jsonl } else { Self::Csv }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Find(arguments) => find(context, arguments).await,
        Command::Export { name, kind, format, out } => {
            export(context, &name, &kind, format, out).await
        }
        Command::Import { migration, file, format, validate_only } => {
            let migration = context.name(Pattern::MIGRATION, &migration)?;
            let format = format.unwrap_or_else(|| FileFormat::of(&file));
            import(context, &migration, &file, format, validate_only).await
        }
    }
}

async fn find(context: &Context, arguments: FindArguments) -> Result<(), Failure> {
    let of = arguments.key;
    let key = of
        .order_number
        .map(Key::OrderNumber)
        .or(of.sku.map(Key::Sku))
        .or(of.email.map(Key::Email))
        .or(of.source_id.map(Key::SourceId))
        .or(of.target_id.map(Key::TargetId));
    let request = v1::FindRecordRequest {
        parent: context.name(Pattern::MIGRATION, &arguments.migration)?,
        key,
        kind: arguments.kind.unwrap_or_default().into(),
        ..Default::default()
    };
    let columns = [
        ("RUN", "/run"),
        ("KIND", "/runRecord/kind"),
        ("SOURCE ID", "/runRecord/sourceId"),
        ("OUTCOME", "/runRecord/outcome"),
        ("EFFECT", "/runRecord/effect"),
        ("TARGET ID", "/runRecord/targetObjects/0/targetId"),
        ("REASON", "/runRecord/reason"),
        ("IN THE SOURCE", "/sourceAdminUrl"),
        ("IN THE TARGET", "/targetAdminUrl"),
    ];
    list::print(context, request, &columns, arguments.limit).await
}

async fn export(
    context: &Context,
    name: &str,
    kinds: &[RecordKind],
    format: Option<FileFormat>,
    out: Option<PathBuf>,
) -> Result<(), Failure> {
    // A full name says itself what it is of; of short ones, one with two ids is a run's.
    let migration = context.name(Pattern::MIGRATION, name);
    let parent = migration.or_else(|_| context.name(Pattern::RUN, name))?;
    let of_path = || out.as_deref().map_or(FileFormat::Csv, FileFormat::of);
    let format = match format.unwrap_or_else(of_path) {
        FileFormat::Csv => Format::Csv,
        FileFormat::Jsonl => Format::JsonLines,
    };
    let request = v1::ExportRecordLinksRequest {
        parent: parent.clone(),
        format: format.into(),
        kinds: value::kinds(kinds),
        ..Default::default()
    };
    let Some(path) = out else {
        let mut out = tokio::io::stdout();
        links::export(&context.client, request, &mut out, |_| {}).await?;
        return Ok(tokio::io::AsyncWriteExt::flush(&mut out).await?);
    };
    let mut progress = context.progress();
    let shown = |so_far: &links::Exported| progress.counted("links", so_far.links, None);
    let exported = links::export_to_file(&context.client, request, &path, shown).await;
    progress.clear();
    let exported = exported?;
    let sentence = format!("{} ({} links)", path.display(), exported.links);
    let document = json!({
        "file": path, "bytes": exported.bytes, "links": exported.links, "parent": parent,
    });
    context.output.done(&document, &sentence)
}

async fn import(
    context: &Context,
    migration: &str,
    file: &Path,
    format: FileFormat,
    validate_only: bool,
) -> Result<(), Failure> {
    let read = link_file::read(file, format)?;
    let all: Vec<v1::ImportedRecordLink> = read.iter().map(|(_, link)| link.clone()).collect();
    if all.is_empty() {
        return Err(Failure::Usage(format!("{} holds no links", file.display())));
    }
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let mut progress = context.progress();
    let shown = |done: usize| {
        progress.counted("links", u64::try_from(done).unwrap_or(u64::MAX), Some(total));
    };
    let imported = links::import(&context.client, migration, &all, validate_only, shown).await;
    progress.clear();
    let imported = imported?;
    let mut refused = Vec::new();
    for (place, failure) in &imported.refused {
        let at = read.get(*place).map_or(0, |(line, _)| *line);
        refused.push(json!({ "line": at, "failure": json::to_value(failure)? }));
        if !context.output.json {
            line(&format!("line {at}: {}", failure.message))?;
        }
    }
    let counts = format!(
        "{} new, {} there already, {} refused",
        imported.created,
        imported.unchanged,
        imported.refused.len()
    );
    let document = json!({
        "createdCount": imported.created,
        "unchangedCount": imported.unchanged,
        "refused": Value::Array(refused),
        "validateOnly": validate_only,
    });
    context.output.done(&document, &counts)?;
    match imported.refused.len() {
        0 => Ok(()),
        some => Err(Failure::Invalid(format!("{some} links were refused"))),
    }
}
