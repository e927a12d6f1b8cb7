//! `cartage run create`, `start` and `resume`.

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
