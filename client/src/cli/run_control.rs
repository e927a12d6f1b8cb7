//! `cartage run start`, `resume`, `retry`, `rollback` and `resolve`.

use cartage_client::{
    name::Pattern,
    road,
    v1::{self, RecordKind},
    wait,
};

use super::{Context, Failure, value};

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
    /// The oldest run to be taken back, `MIGRATION/RUN`.
    name: String,
    /// Only say what could be taken back. Nothing is created or written.
    #[arg(long, conflicts_with = "no_wait")]
    check: bool,
    /// Do not wait.
    #[arg(long)]
    no_wait: bool,
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
