//! `cartage mapping`.

use std::path::PathBuf;

use cartage_client::{
    name::{self, Pattern},
    paginate,
    v1::{self, RecordKind, preview_mapping_request, validate_mapping_request},
};
use clap::Subcommand;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{Context, Failure, list, value};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a mapping: the default one of the two platforms, or that of a file.
    ///
    /// Example: cartage mapping create spring --id main
    Create {
        /// The migration.
        migration: String,
        /// The id of the mapping; chosen by the service when not given.
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
        /// The rules, a JSON file as `mapping get --content` prints it; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show a mapping.
    ///
    /// Example: cartage mapping get spring/main --content > mapping.json
    Get {
        /// The mapping, `MIGRATION/MAPPING`.
        name: String,
        /// Only the rules, as a JSON file to edit.
        #[arg(long)]
        content: bool,
    },
    /// Replace the rules by those of a file.
    ///
    /// Example: cartage mapping edit spring/main --file mapping.json
    Edit {
        /// The mapping, `MIGRATION/MAPPING`.
        name: String,
        /// The rules, a JSON file; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Check a mapping, or a file before it is stored. Exit code 1 when it is not valid.
    Validate {
        /// The mapping, `MIGRATION/MAPPING`; with --file, the migration.
        name: String,
        /// Check these rules instead.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// At most this many issues; 0 for all.
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Show what a mapping makes of records.
    ///
    /// Example: cartage mapping preview spring/main --snapshot old/monday --kind product
    Preview {
        /// The mapping, `MIGRATION/MAPPING`; with --file, the migration.
        name: String,
        /// Try these rules instead.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The snapshot, `CONNECTION/SNAPSHOT`.
        #[arg(long, value_name = "SNAPSHOT")]
        snapshot: String,
        /// The kind of record.
        #[arg(long, value_parser = value::kind)]
        kind: RecordKind,
        /// This record, by source id; may be repeated. The first ones when not given.
        #[arg(long = "source-id", value_name = "ID")]
        source_ids: Vec<String>,
        /// At most this many records, up to 100.
        #[arg(long, default_value_t = 10, value_name = "NUMBER")]
        limit: i32,
    },
    /// Make an immutable revision of a mapping.
    Publish {
        /// The mapping, `MIGRATION/MAPPING`.
        name: String,
    },
    /// List the published revisions, newest first.
    Revisions {
        /// The mapping, `MIGRATION/MAPPING`.
        name: String,
        /// At most this many; 0 for all.
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { migration, id, file } => {
            let content = value::optional_content(file.as_ref())?;
            let request = v1::CreateMappingRequest {
                parent: context.name(Pattern::MIGRATION, &migration)?,
                mapping_id: id,
                mapping: Some(v1::Mapping { content, ..Default::default() }),
                ..Default::default()
            };
            context.show(request).await
        }
        Command::Get { name, content } => {
            let mapping = get(context, &name).await?;
            match content {
                true => {
                    let json = super::output::Output { json: true };
                    json.document(&mapping.content.unwrap_or_default())
                }
                false => context.output.document(&mapping),
            }
        }
        Command::Edit { name, file } => {
            let content = value::mapping_content(&file)?;
            let now = get(context, &name).await?;
            let mapping = v1::Mapping {
                name: now.name,
                etag: now.etag,
                content: Some(content),
                ..Default::default()
            };
            let mask = prost_types::FieldMask { paths: vec!["content".to_owned()] };
            let request = v1::UpdateMappingRequest {
                mapping: Some(mapping),
                update_mask: Some(mask),
                ..Default::default()
            };
            context.show(request).await
        }
        Command::Validate { name, file, limit } => {
            validate(context, &name, file.as_ref(), limit).await
        }
        Command::Preview { name, file, snapshot, kind, source_ids, limit } => {
            use preview_mapping_request::Subject;
            let (parent, mapping) = subject(context, &name, file.is_some())?;
            let content = value::optional_content(file.as_ref())?;
            let request = v1::PreviewMappingRequest {
                parent,
                subject: Some(content.map_or(Subject::Mapping(mapping), Subject::Content)),
                snapshot: context.name(Pattern::SNAPSHOT, &snapshot)?,
                kind: kind.into(),
                source_ids,
                page_size: limit,
                ..Default::default()
            };
            context.show(request).await
        }
        Command::Publish { name } => {
            let now = get(context, &name).await?;
            let request =
                v1::PublishMappingRequest { name: now.name, etag: now.etag, ..Default::default() };
            context.show(request).await
        }
        Command::Revisions { name, limit } => {
            let parent = context.name(Pattern::MAPPING, &name)?;
            let request = v1::ListMappingRevisionsRequest { parent, ..Default::default() };
            let columns = [
                ("NAME", "/name"),
                ("AUTHOR", "/author"),
                ("CREATED", "/createTime"),
                ("HASH", "/contentHash"),
            ];
            list::print(context, request, &columns, limit).await
        }
    }
}

async fn get(context: &Context, name: &str) -> Result<v1::Mapping, Failure> {
    let name = context.name(Pattern::MAPPING, name)?;
    Ok(context.client.call(v1::GetMappingRequest { name }).await?)
}

/// The migration and the mapping; with a file, the name is that of the migration.
fn subject(context: &Context, text: &str, file: bool) -> Result<(String, String), Failure> {
    if file {
        return Ok((context.name(Pattern::MIGRATION, text)?, String::new()));
    }
    let mapping = context.name(Pattern::MAPPING, text)?;
    Ok((name::parent(&mapping).to_owned(), mapping))
}

async fn validate(
    context: &Context,
    name: &str,
    file: Option<&PathBuf>,
    limit: Option<usize>,
) -> Result<(), Failure> {
    use validate_mapping_request::Subject;
    let (parent, mapping) = subject(context, name, file.is_some())?;
    let content = value::optional_content(file)?;
    let request = v1::ValidateMappingRequest {
        parent,
        subject: Some(content.map_or(Subject::Mapping(mapping), Subject::Content)),
        ..Default::default()
    };
    let mut verdict = context.client.call(request.clone()).await?;
    if context.output.json {
        // One document, with the issues of all pages.
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        verdict.issues = paginate(&context.client, request).take(limit).try_collect().await?;
        verdict.next_page_token.clear();
        context.output.document(&verdict)?;
    } else if !verdict.issues.is_empty() {
        let columns = [
            ("SEVERITY", "/severity"),
            ("FIELD", "/field"),
            ("LINE", "/line"),
            ("MESSAGE", "/message"),
            ("SUGGESTIONS", "/suggestions"),
        ];
        list::print(context, request, &columns, limit).await?;
    }
    let (errors, warnings) = (verdict.error_count, verdict.warning_count);
    let counts = format!("{errors} errors, {warnings} warnings");
    if verdict.valid {
        if context.output.json {
            return Ok(());
        }
        return super::output::line(&format!("valid: {counts}"));
    }
    Err(Failure::Invalid(format!("the mapping is not valid: {counts}")))
}
