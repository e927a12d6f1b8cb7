//! `cartage migrate`: the whole road.

use std::path::PathBuf;

use cartage_client::{
    Error, json,
    name::Pattern,
    report,
    road::{self, Options, Rehearsal, Step},
    v1::{ErrorReason, RecordKind, export_verification_report_request::Format},
};
use serde_json::json as object;

use super::{Context, Failure, output::line, plan::Accept, progress::Progress, value, verify};

/// See `cartage migrate --help`.
#[derive(clap::Args)]
#[command(after_help = "\
Writes into the target shop: it submits and approves the plan on your word. Where the deployment asks for a \
second person, --approve-token is the token of that person.

Example: cartage migrate --source old --target new --accept-losses all --report report.html")]
pub(crate) struct Arguments {
    /// The connection to read.
    #[arg(long, value_name = "CONNECTION")]
    source: String,
    /// The connection to write.
    #[arg(long, value_name = "CONNECTION")]
    target: String,
    /// The id of the migration; chosen by the service when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    id: String,
    /// A name for people.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    display_name: String,
    /// Only these kinds of records; all when not given.
    #[arg(long, value_parser = value::kind, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<RecordKind>,
    /// The rules of the mapping, a JSON file; the default mapping when not given.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Do not audit the snapshot.
    #[arg(long)]
    no_audit: bool,
    /// Do not rehearse.
    #[arg(long)]
    no_test: bool,
    /// Rehearse in this connection instead of a new sandbox.
    #[arg(long, value_name = "CONNECTION", conflicts_with = "no_test")]
    test_connection: Option<String>,
    #[command(flatten)]
    accept: Accept,
    /// The token of who approves; the same token when not given.
    #[arg(long, env = "CARTAGE_APPROVE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    approve_token: Option<String>,
    /// A remark that is kept with the approval.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    comment: String,
    /// Write the report as an HTML page to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let client = &context.client;
    let approver = match &arguments.approve_token {
        Some(token) => client.with_token(token)?,
        None => client.clone(),
    };
    let options = options(context, &arguments)?;
    let mut progress = context.progress();
    let walked =
        road::walk(client, &approver, &options, &mut |step| tell(&mut progress, &step)).await;
    progress.clear();
    let walked = walked.map_err(explain)?;

    if let Some(path) = &arguments.report {
        let name = &walked.report.name;
        report::export_to_file(client, name, Format::Html, path).await?;
    }
    if context.output.json {
        let mut document = object!({
            "migration": json::to_value(&walked.migration)?,
            "run": json::to_value(&walked.run)?,
            "verificationReport": json::to_value(&walked.report)?,
        });
        if let Some(path) = &arguments.report {
            document["file"] = path.display().to_string().into();
        }
        line(&format!("{document:#}"))?;
    } else {
        verify::print(context, &walked.report)?;
        if let Some(path) = &arguments.report {
            line(&format!("report: {}", path.display()))?;
        }
    }
    if walked.report.passed { Ok(()) } else { Err(Failure::Differences) }
}

fn options(context: &Context, arguments: &Arguments) -> Result<Options, Failure> {
    let source = context.name(Pattern::CONNECTION, &arguments.source)?;
    let target = context.name(Pattern::CONNECTION, &arguments.target)?;
    let mut options = Options::new(&context.parent()?, &source, &target);
    options.migration_id.clone_from(&arguments.id);
    options.display_name.clone_from(&arguments.display_name);
    options.scope = value::scope(&arguments.kinds);
    options.mapping = value::optional_content(arguments.mapping.as_ref())?;
    options.audit = !arguments.no_audit;
    options.rehearsal = match &arguments.test_connection {
        _ if arguments.no_test => Rehearsal::Skip,
        Some(name) => Rehearsal::Connection(context.name(Pattern::CONNECTION, name)?),
        None => Rehearsal::NewSandbox,
    };
    options.comment.clone_from(&arguments.comment);
    arguments.accept.fill(&mut options);
    Ok(options)
}

fn tell(progress: &mut Progress, step: &Step) {
    match step {
        Step::Begun { stage, resource } => progress.say(&format!("→ {stage}: {resource}")),
        Step::Update { update, .. } => progress.update(update),
        Step::Done { stage, resource, summary } => {
            progress.clear();
            progress.say(&format!("✓ {stage}: {resource}  {summary}"));
        }
        _ => {}
    }
}

/// Says which option would have helped.
fn explain(error: Error) -> Failure {
    let hint = match error.reason() {
        Some(ErrorReason::SelfApprovalForbidden) => "give --approve-token of a second person",
        Some(ErrorReason::PreconditionsUnmet) => {
            "losses are accepted by --accept-losses, side effects by --accept-side-effects"
        }
        _ => return Failure::Client(error),
    };
    match error {
        Error::Status(mut status) => {
            status.message = format!("{}; {hint}", status.message);
            Failure::Client(Error::Status(status))
        }
        error => Failure::Client(error),
    }
}
