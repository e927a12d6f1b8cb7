//! `cartage run create`, `start`, `resume`, `retry`, `rollback` and `resolve`.

use cartage_client::{
    name::Pattern,
    road,
    v1::{self, RecordKind, RunKind},
    wait,
};

use super::{Context, Failure, value};

/// See `cartage run create --help`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cartage run create spring --test --snapshot old/monday --mapping-revision spring/main/r1 --target-connection rehearsal
  cartage run create spring --live --plan spring/first --target-snapshot new/before")]
pub(crate) struct CreateArguments {
    /// The migration.
    migration: String,
    /// A rehearsal into a sandbox or a test shop.
    #[arg(long, required_unless_present = "live", conflicts_with = "live",
        requires_all = ["snapshot", "mapping_revision", "target_connection"])]
    test: bool,
    /// The real thing, from an approved plan.
    #[arg(long, requires_all = ["plan", "target_snapshot"])]
    live: bool,
    /// The id of the run; chosen by the service when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    id: String,
    /// With --live: the approved plan, `MIGRATION/PLAN`.
    #[arg(long, value_name = "PLAN", conflicts_with = "test")]
    plan: Option<String>,
    /// With --live: the snapshot of the target, `CONNECTION/SNAPSHOT`.
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "test")]
    target_snapshot: Option<String>,
    /// With --test: the snapshot of the source, `CONNECTION/SNAPSHOT`.
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "live")]
    snapshot: Option<String>,
    /// With --test: the revision, `MIGRATION/MAPPING/REVISION`.
    #[arg(long, value_name = "REVISION", conflicts_with = "live")]
    mapping_revision: Option<String>,
    /// With --test: the sandbox or test shop to write.
    #[arg(long, value_name = "CONNECTION", conflicts_with = "live")]
    target_connection: Option<String>,
    /// With --test into a sandbox: write personal data as it is.
    #[arg(long, conflicts_with = "live")]
    unmasked: bool,
    /// Only these kinds of records; all when not given.
    #[arg(long, value_parser = value::kind, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<RecordKind>,
    /// Pause when more records than this are quarantined.
    #[arg(long, value_name = "NUMBER")]
    max_quarantined: Option<i64>,
}

/// A run to wait for.
#[derive(clap::Args)]
pub(crate) struct WaitArguments {
    /// The run, `MIGRATION/RUN`.
    name: String,
    /// Do not wait.
    #[arg(long)]
    no_wait: bool,
}

/// A run to be taken back.
#[derive(clap::Args)]
pub(crate) struct RollbackArguments {
    /// The oldest LIVE run to be taken back, `MIGRATION/RUN`.
    name: String,
    /// Only say what could be taken back. Nothing is created or written.
    #[arg(long, conflicts_with = "no_wait")]
    check: bool,
    /// Do not wait.
    #[arg(long)]
    no_wait: bool,
}

pub(crate) async fn create(context: &Context, arguments: CreateArguments) -> Result<(), Failure> {
    let full = |pattern: Pattern, text: Option<String>| {
        text.map(|text| context.name(pattern, &text)).transpose().map(Option::unwrap_or_default)
    };
    let mut run = v1::Run {
        plan: full(Pattern::PLAN, arguments.plan)?,
        target_snapshot: full(Pattern::SNAPSHOT, arguments.target_snapshot)?,
        snapshot: full(Pattern::SNAPSHOT, arguments.snapshot)?,
        mapping_revision: full(Pattern::MAPPING_REVISION, arguments.mapping_revision)?,
        target_connection: full(Pattern::CONNECTION, arguments.target_connection)?,
        scope: value::scope(&arguments.kinds),
        max_quarantined_records: arguments.max_quarantined,
        ..Default::default()
    };
    run.set_kind(if arguments.live { RunKind::Live } else { RunKind::Test });
    if arguments.unmasked {
        run.set_masking(v1::Masking::None);
    }
    let request = v1::CreateRunRequest {
        parent: context.name(Pattern::MIGRATION, &arguments.migration)?,
        run_id: arguments.id,
        run: Some(run),
        ..Default::default()
    };
    context.show(request).await
}

pub(crate) async fn start(context: &Context, arguments: WaitArguments) -> Result<(), Failure> {
    let name = context.name(Pattern::RUN, &arguments.name)?;
    let run = road::start_run(&context.client, &name).await?;
    at_rest(context, run, arguments.no_wait).await
}

pub(crate) async fn resume(context: &Context, arguments: WaitArguments) -> Result<(), Failure> {
    let name = context.name(Pattern::RUN, &arguments.name)?;
    let request = v1::ResumeRunRequest { name, ..Default::default() };
    let run = context.client.call(request).await?;
    at_rest(context, run, arguments.no_wait).await
}

pub(crate) async fn retry(context: &Context, arguments: WaitArguments) -> Result<(), Failure> {
    let name = context.name(Pattern::RUN, &arguments.name)?;
    let request = v1::RetryRunRequest { name, ..Default::default() };
    let run = context.client.call(request).await?;
    at_rest(context, run, arguments.no_wait).await
}

pub(crate) async fn rollback(
    context: &Context,
    arguments: RollbackArguments,
) -> Result<(), Failure> {
    let name = context.name(Pattern::RUN, &arguments.name)?;
    if arguments.check {
        let readiness = road::rollback_readiness(&context.client, &name).await?;
        return context.output.document(&readiness);
    }
    let run = road::start_rollback(&context.client, &name).await?;
    at_rest(context, run, arguments.no_wait).await
}

pub(crate) async fn resolve(context: &Context, arguments: ResolveArguments) -> Result<(), Failure> {
    let parent = context.name(Pattern::RUN, &arguments.name)?;
    let kind = arguments.kind.as_str_name().trim_start_matches("RECORD_KIND_").to_owned();
    let id = arguments.source_id.replace('\\', "\\\\").replace('"', "\\\"");
    let filter = format!("kind = {kind} AND source_id = \"{id}\"");
    let request = v1::ListRunRecordsRequest { parent, filter, ..Default::default() };
    let found = context.client.call(request).await?.run_records;
    let Some(record) = found.into_iter().next() else {
        return Err(Failure::Client(cartage_client::Error::Configuration(format!(
            "the run has no {kind} with the source id {}",
            arguments.source_id
        ))));
    };
    let mut request = v1::ResolveRunRecordRequest {
        name: record.name,
        reason: arguments.reason,
        ..Default::default()
    };
    request.set_resolution(v1::resolve_run_record_request::Resolution::Quarantine);
    context.show(request).await
}

async fn at_rest(context: &Context, mut run: v1::Run, no_wait: bool) -> Result<(), Failure> {
    if no_wait {
        return context.output.document(&run);
    }
    let mut progress = context.progress();
    let ended = wait::run(&context.client, &run.name, |update| progress.update(&update)).await;
    progress.clear();
    run = ended?;
    context.output.document(&run)?;
    wait::succeeded(run)?;
    Ok(())
}

/// A record to judge.
#[derive(clap::Args)]
pub(crate) struct ResolveArguments {
    /// The run, `MIGRATION/RUN`.
    name: String,
    /// The kind of the record.
    #[arg(long, value_parser = value::kind, value_name = "KIND")]
    kind: RecordKind,
    /// The id of the record in the source.
    #[arg(long, value_name = "ID")]
    source_id: String,
    /// It counts as not migrated; what may stand in the target of it is left there.
    #[arg(long, required = true)]
    quarantine: bool,
    /// Why, for the ledger.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}
