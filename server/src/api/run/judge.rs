//! What a person decides about a run: a record judged, the run accepted.

use cartage_proto::v1;

use super::{super::Api, ledger::parse_record_name};
use crate::{
    api::{
        change::{Begun, Change},
        convert, own_name,
    },
    app::{
        migration,
        run::{
            Run,
            judgement::{self, Acceptance},
        },
        verification,
    },
    error::{Error, Result},
    store::run_record::RecordFilter,
    token::Caller,
};

/// The longest reason, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

impl Api {
    pub(super) async fn resolve_record(
        &self,
        caller: &Caller,
        request: v1::ResolveRunRecordRequest,
    ) -> Result<v1::RunRecord> {
        let (run, (kind, source_id)) = parse_record_name(caller, &request.name)?;
        let mut change = match Change::begin(self, caller, "ResolveRunRecord", &request).await? {
            Begun::Replay(response) => return Ok(response),
            Begun::Fresh(change) => change,
        };
        let reason = required_reason(&request.reason)?;
        match convert::enum_value(request.resolution, "resolution")? {
            v1::resolve_run_record_request::Resolution::Quarantine => {}
            v1::resolve_run_record_request::Resolution::Unspecified => {
                return Err(Error::field("resolution", "REQUIRED", "Say what is decided."));
            }
        }
        // Before the run is held, in the order of whoever begins a verification.
        change.tx.resource_children_hold(&run).await?;
        let mut held = change.tx.resource_lock::<Run>(&run).await?;
        if let Some(other) = verification::under_way(&mut change.tx, &run).await? {
            return Err(Error::in_progress(run.as_str(), &other));
        }
        let record = (kind.as_str(), source_id.as_str());
        let event =
            judgement::quarantine(&mut change.tx, &mut held, &request.name, record, reason).await?;
        change.event(run.stream(), event);
        let wanted = RecordFilter { kind, source_id, ..RecordFilter::default() };
        let response = self
            .encoded_record(&mut change.tx, caller, &held, &wanted)
            .await?
            .ok_or_else(|| Error::not_found(&request.name))?;
        change.finish(self, &response).await?;
        Ok(response)
    }

    pub(super) async fn accept(
        &self,
        caller: &Caller,
        request: v1::AcceptRunRequest,
    ) -> Result<v1::Run> {
        let name = own_name(caller, &request.name, "runs", "name")?;
        let mut change = match Change::begin(self, caller, "AcceptRun", &request).await? {
            Begun::Replay(response) => return Ok(response),
            Begun::Fresh(change) => change,
        };
        let acceptance = Acceptance {
            actor: caller.subject.clone(),
            reason: required_reason(&request.reason)?.to_owned(),
            accept_time: chrono::Utc::now(),
        };
        let mut run = change.tx.resource_lock::<Run>(&name).await?;
        run.check_etag(&request.etag, true)?;
        if let Some(event) = judgement::accept(&mut change.tx, &mut run, acceptance).await? {
            change.tx.resource_update(&mut run).await?;
            migration::writer_moved(&mut change.tx, &run).await?;
            change.event(name.stream(), event);
        }
        let response = self.encoded_run(&mut change.tx, &run).await?;
        change.finish(self, &response).await?;
        Ok(response)
    }
}

fn required_reason(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    match reason.chars().count() {
        0 => Err(Error::field("reason", "REQUIRED", "Say why.")),
        1..=REASON_CHARACTERS_MAX => Ok(reason),
        _ => Err(Error::field("reason", "TOO_LONG", "A reason has at most 500 characters.")),
    }
}
