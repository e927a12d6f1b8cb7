//! RunService: creating, starting, watching and accounting for runs.

mod change;
mod conflicts;
pub(in crate::api) mod encode;
mod find;
mod judge;
mod ledger;
mod links;
mod readiness;
mod schedule;
mod watch_run;

use cartage_engine::run::{RunEvent, RunState};
use cartage_proto::v1;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use self::{encode::encode, watch_run::RunFeed};
use super::{
    Api,
    change::Change,
    convert, filter,
    listing::rows_where,
    migration as migration_api, own_name,
    page::Page,
    snapshot::filter_value,
    watch::{self, Opening},
};
use crate::{
    app::{
        connection::Connection,
        mapping::MappingRevision,
        migration::Migration,
        plan::Plan,
        readiness as guards,
        run::{self, Run, RunKind, judgement, rollback},
        verification,
    },
    begin,
    error::{Error, Result},
    name::{Name, chosen_id},
    store::{Tx, resource::Resource},
    token::Caller,
};

/// The longest name for people, in characters.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 200;

/// A run of a request as it will be stored.
async fn decode(tx: &mut Tx, caller: &Caller, migration: &Name, run: &v1::Run) -> Result<Run> {
    if run.display_name.chars().count() > DISPLAY_NAME_CHARACTERS_MAX {
        return Err(Error::field(
            "run.display_name",
            "TOO_LONG",
            "A name has at most 200 characters.",
        ));
    }
    let stored = tx.resource_get::<Migration>(migration).await?;
    let masking = convert::enum_value::<v1::Masking>(run.masking, "run.masking")?;
    let mut body = Run {
        display_name: run.display_name.clone(),
        quarantined_max: run.max_quarantined_records,
        ..Run::default()
    };
    if body.quarantined_max.is_some_and(|max| max < 0) {
        return Err(Error::field(
            "run.max_quarantined_records",
            "NEGATIVE",
            "The number is at least 0.",
        ));
    }
    let scope = run
        .scope
        .as_ref()
        .map(|scope| migration_api::decode_scope(scope, "run.scope"))
        .transpose()?;
    match convert::enum_value(run.kind, "run.kind")? {
        v1::RunKind::Live => {
            let plan = own_name(caller, &run.plan, "plans", "run.plan")?;
            same_migration(&plan, migration, "run.plan")?;
            let plan = tx.resource_get::<Plan>(&plan).await?;
            body.kind = RunKind::Live;
            body.plan = plan.name.as_str().to_owned();
            body.snapshot.clone_from(&plan.body.snapshot);
            body.mapping_revision.clone_from(&plan.body.mapping_revision);
            body.scope = scope.unwrap_or_else(|| plan.body.scope.clone());
            if !body.scope.is_within(&plan.body.scope) {
                return Err(Error::field(
                    "run.scope",
                    "SCOPE_OUTSIDE_PLAN",
                    "A live run stays within the scope of its plan.",
                ));
            }
            body.target_connection.clone_from(&stored.body.target_connection);
            let snapshot =
                own_name(caller, &run.target_snapshot, "snapshots", "run.target_snapshot")?;
            body.target_snapshot = snapshot.as_str().to_owned();
            if masking == v1::Masking::Masked {
                return Err(Error::field(
                    "run.masking",
                    "ENUM_VALUE_INVALID",
                    "A live run masks nothing.",
                ));
            }
        }
        v1::RunKind::Test => {
            let snapshot = own_name(caller, &run.snapshot, "snapshots", "run.snapshot")?;
            let revision =
                own_name(caller, &run.mapping_revision, "revisions", "run.mapping_revision")?;
            same_migration(&revision, migration, "run.mapping_revision")?;
            tx.resource_get::<MappingRevision>(&revision).await?;
            let target =
                own_name(caller, &run.target_connection, "connections", "run.target_connection")?;
            tx.resource_get::<Connection>(&target).await?;
            body.kind = RunKind::Test;
            body.snapshot = snapshot.as_str().to_owned();
            body.mapping_revision = revision.as_str().to_owned();
            body.scope = scope.unwrap_or_else(|| stored.body.scope.clone());
            body.target_connection = target.as_str().to_owned();
            body.masked = masking != v1::Masking::None;
        }
        v1::RunKind::Rollback => {
            let oldest = own_name(caller, &run.rollback_run, "runs", "run.rollback_run")?;
            let oldest = rollback::oldest(tx, migration, &oldest).await?;
            if scope.is_some() {
                return Err(Error::field(
                    "run.scope",
                    "NOT_ALLOWED",
                    "A rollback takes back all that its runs wrote.",
                ));
            }
            body.kind = RunKind::Rollback;
            body.rollback_run = oldest.name.as_str().to_owned();
            body.snapshot = oldest.body.snapshot;
            body.mapping_revision = oldest.body.mapping_revision;
            body.target_connection = oldest.body.target_connection;
        }
        v1::RunKind::Unspecified => {
            return Err(Error::field("run.kind", "REQUIRED", "Say what the run is for."));
        }
        kind @ (v1::RunKind::Delta | v1::RunKind::Reapply) => {
            change::decode(tx, caller, migration, run, kind, scope, &mut body).await?;
        }
    }
    change::decode_rules(tx, run, &mut body).await?;
    Ok(body)
}

fn same_migration(name: &Name, migration: &Name, field: &str) -> Result<()> {
    if name.stream() == migration.as_str() {
        return Ok(());
    }
    Err(Error::field(field, "REFERENCE_INVALID", "It belongs to another migration."))
}

/// The handler of a call that only moves a run: by which event, and whether it must bring an etag.
macro_rules! moved {
    ($api:ident, $request:ident, $method:literal, $etag_required:literal, $event:expr) => {{
        let (caller, request) = $api.enter($request)?;
        let name = own_name(&caller, &request.name, "runs", "name")?;
        let mut change = begin!($api, &caller, $method, &request);
        let etag = (request.etag.as_str(), $etag_required);
        let run = $api.advance_run(&mut change, &name, etag, $event).await?;
        let response = $api.encoded_run(&mut change.tx, &run).await?;
        change.finish($api, &response).await?;
        Ok(Response::new(response))
    }};
}

impl Api {
    /// Applies a caller's event to a run that is held; the run as it is afterwards.
    async fn advance_run(
        &self,
        change: &mut Change,
        name: &Name,
        etag: (&str, bool),
        event: RunEvent,
    ) -> Result<Resource<Run>> {
        let goes_on = matches!(event, RunEvent::Resume | RunEvent::Retry);
        if goes_on {
            // Before the run is held: whoever begins a verification holds these two in that order.
            change.tx.resource_children_hold(name).await?;
        }
        let mut run = change.tx.resource_lock::<Run>(name).await?;
        run.check_etag(etag.0, etag.1)?;
        if goes_on && let Some(other) = verification::under_way(&mut change.tx, name).await? {
            return Err(Error::in_progress(name.as_str(), &other));
        }
        if event == RunEvent::Retry {
            rollback::refuse_retry(&run)?;
            run.body.failure = None;
        }
        if matches!(event, RunEvent::Start | RunEvent::Resume | RunEvent::Retry)
            && run.state.next(event).is_ok_and(|next| next.is_some())
        {
            let migration = run::migration_of(name);
            if run.body.kind == RunKind::Test {
                // Held, so that it is not given up beside this; a LIVE run moves it below.
                change.tx.resource_lock::<Migration>(&migration).await?;
            }
            guards::refuse(guards::blockers(&mut change.tx, &migration, &run.body).await?)?;
            if run.body.kind == RunKind::Rollback && event != RunEvent::Resume {
                for event in rollback::begin(&mut change.tx, &mut run).await? {
                    change.event(name.stream(), event);
                }
            }
            if run.body.kind.writes() {
                run::refuse_second_writer(&mut change.tx, &run).await?;
            }
        }
        if event == RunEvent::Pause
            && let Some(held) = run::schedule::hold(&mut change.tx, &mut run).await?
        {
            change.event(name.stream(), held);
            return Ok(run);
        }
        if event == RunEvent::Pause {
            "REQUESTED".clone_into(&mut run.body.pause_reason);
        }
        let Some(moved) = run::advance(&mut run, event)? else {
            return change.tx.resource_get::<Run>(name).await;
        };
        match event {
            RunEvent::Start => run.body.start_time = Some(change.tx.clock().await?),
            RunEvent::Resume => run.body.resume_count += 1,
            RunEvent::Retry => judgement::reopen(&mut change.tx, &mut run).await?,
            _ => {}
        }
        change.tx.resource_update(&mut run).await?;
        if matches!(run.state, RunState::Pending | RunState::Cancelling) {
            run::put(&mut change.tx, &run).await?;
        } else if run.state == RunState::Cancelled {
            change.tx.job_withdraw(name).await?;
        }
        crate::app::migration::writer_moved(&mut change.tx, &run).await?;
        change.event(name.stream(), moved);
        Ok(run)
    }

    async fn encoded_run(&self, tx: &mut Tx, run: &Resource<Run>) -> Result<v1::Run> {
        let counts = tx.run_record_counts(&run.name).await?;
        let progress = tx.progress_get(&run.name).await?;
        let calls = tx.external_call_count(&run.name).await?;
        Ok(encode(run, &counts, progress.as_ref(), calls))
    }
}

#[tonic::async_trait]
impl v1::run_service_server::RunService for Api {
    type WatchRunStream = watch::Stream<v1::WatchRunResponse>;
    type ExportRecordLinksStream =
        BoxStream<'static, Result<v1::ExportRecordLinksResponse, Status>>;

    async fn check_run_readiness(
        &self,
        request: Request<v1::CheckRunReadinessRequest>,
    ) -> Result<Response<v1::CheckRunReadinessResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.readiness(&caller, request).await?))
    }

    async fn create_run(
        &self,
        request: Request<v1::CreateRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let mut change = begin!(self, &caller, "CreateRun", &request);
        let run = request
            .run
            .as_ref()
            .ok_or_else(|| Error::field("run", "REQUIRED", "The run is missing."))?;
        let id = chosen_id(&request.run_id, "run_id", "run")?;
        let body = decode(&mut change.tx, &caller, &parent, run).await?;
        let run =
            change.tx.resource_insert(&parent.child("runs", &id), RunState::Draft, &body).await?;
        change.event(parent.stream(), run::state_event(&run, RunState::Draft));
        let response = self.encoded_run(&mut change.tx, &run).await?;
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "runs", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let run = tx.resource_get::<Run>(&name).await?;
        let response = self.encoded_run(&mut tx, &run).await?;
        tx.rollback().await?;
        Ok(Response::new(response))
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let fields = filter::parse(&request.filter, &["kind", "state", "plan"])?;
        let known = |field: &str, word: &str| match field {
            "kind" => matches!(word, "TEST" | "LIVE" | "DELTA" | "REAPPLY" | "ROLLBACK"),
            "state" => RunState::parse(word).is_some(),
            _ => true,
        };
        if let Some((field, word)) = fields.iter().find(|(field, word)| !known(field, word)) {
            return Err(filter_value(field, word).into());
        }
        let arguments = format!("{parent}\n{}", request.filter);
        let page = Page::new(
            &caller.account,
            "ListRuns",
            &arguments,
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let keys = &self.app.keys;
        let fits = |run: &Resource<Run>| {
            let kind = run.body.kind.as_str();
            [("kind", kind), ("state", run.state.as_str()), ("plan", &run.body.plan)]
                .into_iter()
                .all(|(field, value)| fields.get(field).is_none_or(|text| text == value))
        };
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Migration>(&parent).await?;
        let runs = rows_where::<Run>(&mut tx, &parent, (&page, keys), false, fits).await?;
        let mut found = Vec::with_capacity(runs.len());
        for run in &runs {
            found.push((run.place(), self.encoded_run(&mut tx, run).await?));
        }
        tx.rollback().await?;
        let (runs, next_page_token) =
            page.fill(keys, found, |(place, _)| place.clone(), |(_, run)| run)?;
        Ok(Response::new(v1::ListRunsResponse { runs, next_page_token }))
    }

    async fn start_run(
        &self,
        request: Request<v1::StartRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        moved!(self, request, "StartRun", true, RunEvent::Start)
    }

    async fn schedule_run(
        &self,
        request: Request<v1::ScheduleRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.schedule(&caller, request).await?))
    }

    async fn unschedule_run(
        &self,
        request: Request<v1::UnscheduleRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.unschedule(&caller, request).await?))
    }

    async fn pause_run(
        &self,
        request: Request<v1::PauseRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        moved!(self, request, "PauseRun", false, RunEvent::Pause)
    }

    async fn resume_run(
        &self,
        request: Request<v1::ResumeRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        moved!(self, request, "ResumeRun", false, RunEvent::Resume)
    }

    async fn retry_run(
        &self,
        request: Request<v1::RetryRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        moved!(self, request, "RetryRun", false, RunEvent::Retry)
    }

    async fn resolve_run_record(
        &self,
        request: Request<v1::ResolveRunRecordRequest>,
    ) -> Result<Response<v1::RunRecord>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.resolve_record(&caller, request).await?))
    }

    async fn accept_run(
        &self,
        request: Request<v1::AcceptRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.accept(&caller, request).await?))
    }

    async fn cancel_run(
        &self,
        request: Request<v1::CancelRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        moved!(self, request, "CancelRun", false, RunEvent::Cancel)
    }

    async fn watch_run(
        &self,
        request: Request<v1::WatchRunRequest>,
    ) -> Result<Response<Self::WatchRunStream>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "runs", "name")?;
        let feed = RunFeed::new(self.clone(), &caller, name, request.resume_token.is_empty());
        let opening = Opening {
            resume_token: request.resume_token,
            after_sequence: None,
            heartbeat: request.heartbeat_interval,
            min_progress: request.min_progress_interval,
        };
        Ok(Response::new(watch::open(&self.app, &caller, feed, opening).await?))
    }

    async fn list_run_records(
        &self,
        request: Request<v1::ListRunRecordsRequest>,
    ) -> Result<Response<v1::ListRunRecordsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.run_records(&caller, request).await?))
    }

    async fn list_record_conflicts(
        &self,
        request: Request<v1::ListRecordConflictsRequest>,
    ) -> Result<Response<v1::ListRecordConflictsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.record_conflicts(&caller, request).await?))
    }

    async fn resolve_record_conflicts(
        &self,
        request: Request<v1::ResolveRecordConflictsRequest>,
    ) -> Result<Response<v1::ResolveRecordConflictsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.resolve_conflicts(&caller, request).await?))
    }

    async fn get_run_record(
        &self,
        request: Request<v1::GetRunRecordRequest>,
    ) -> Result<Response<v1::RunRecord>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.run_record(&caller, &request.name).await?))
    }

    async fn list_record_links(
        &self,
        request: Request<v1::ListRecordLinksRequest>,
    ) -> Result<Response<v1::ListRecordLinksResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.record_links(&caller, request).await?))
    }

    async fn list_run_losses(
        &self,
        request: Request<v1::ListRunLossesRequest>,
    ) -> Result<Response<v1::ListRunLossesResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.run_losses(&caller, request).await?))
    }

    async fn find_record(
        &self,
        request: Request<v1::FindRecordRequest>,
    ) -> Result<Response<v1::FindRecordResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.found_records(&caller, request).await?))
    }

    async fn export_record_links(
        &self,
        request: Request<v1::ExportRecordLinksRequest>,
    ) -> Result<Response<Self::ExportRecordLinksStream>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.export_links(&caller, request).await?))
    }

    async fn import_record_links(
        &self,
        request: Request<v1::ImportRecordLinksRequest>,
    ) -> Result<Response<v1::ImportRecordLinksResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.import_links(&caller, request).await?))
    }
}
