//! A mutating call: one transaction, and one answer per request id.

use prost::Message;
use uuid::Uuid;

use super::Api;
use crate::{
    error::{Error, Result},
    reason::Reason,
    store::{Tx, event::NewEvent},
    token::Caller,
};

/// A request that changes something.
pub trait Mutation: Message + Clone {
    /// Its request id.
    fn request_id(&self) -> &str;
    /// The request without its request id.
    fn without_request_id(&self) -> Self;
    /// Whether it is a rehearsal.
    fn validate_only(&self) -> bool;
}

macro_rules! mutation {
    (@only $request:ident, validate) => { $request.validate_only };
    (@only $request:ident, always) => { false };
    ($($kind:ident: $($name:ident),*;)*) => {
        $($(
            impl Mutation for cartage_proto::v1::$name {
                fn request_id(&self) -> &str {
                    &self.request_id
                }
                fn without_request_id(&self) -> Self {
                    Self { request_id: String::new(), ..self.clone() }
                }
                fn validate_only(&self) -> bool {
                    let _request = self;
                    mutation!(@only _request, $kind)
                }
            }
        )*)*
    };
}

mutation! {
    validate: CreateConnectionRequest, UpdateConnectionRequest, DeleteConnectionRequest,
        CreateUploadRequest, DeleteUploadRequest,
        CreateMigrationRequest, UpdateMigrationRequest, DeleteMigrationRequest,
        CancelMigrationRequest, CompleteMigrationRequest,
        CreateSnapshotRequest, DeleteSnapshotRequest,
        CreateAuditRequest, DeleteAuditRequest,
        CreateMappingRequest, UpdateMappingRequest, DeleteMappingRequest, PublishMappingRequest,
        CreatePlanRequest, SubmitPlanRequest, ApprovePlanRequest,
        CreateRunRequest, StartRunRequest, ScheduleRunRequest, UnscheduleRunRequest,
        ResumeRunRequest, CancelRunRequest, RetryRunRequest, ResolveRunRecordRequest,
        AcceptRunRequest, ImportRecordLinksRequest, ResolveRecordConflictsRequest,
        CreateVerificationReportRequest;
    always: VerifyConnectionRequest, FinalizeUploadRequest, CancelSnapshotRequest,
        CreateRestoreTestRequest, CancelAuditRequest, PauseRunRequest;
}

/// What became of the beginning of a call.
pub enum Begun<R> {
    /// The call was answered before; this is the answer.
    Replay(R),
    /// The call is new.
    Fresh(Box<Change>),
}

/// A call under way.
pub struct Change {
    /// Its transaction.
    pub tx: Tx,
    caller: Caller,
    method: &'static str,
    request_id: Option<Uuid>,
    rehearsal: bool,
    events: Vec<(String, NewEvent)>,
}

impl Change {
    /// Begins a call.
    ///
    /// # Errors
    /// `INVALID_FIELDS` for a request id that is no UUID, `REQUEST_ID_REUSED` when it was used for
    /// other content, `REQUEST_IN_PROGRESS` while the same call is under way.
    pub async fn begin<M: Mutation, R: Message + Default>(
        api: &Api,
        caller: &Caller,
        method: &'static str,
        request: &M,
    ) -> Result<Begun<R>> {
        let mut tx = api.app.store.begin(&caller.account).await?;
        let request_id = match request.request_id() {
            "" => None,
            text => {
                Some(Uuid::parse_str(text).ok().filter(|id| id.get_version_num() == 4).ok_or_else(
                    || {
                        Error::field(
                            "request_id",
                            "NOT_UUID4",
                            "A request id is a UUID of version 4.",
                        )
                    },
                )?)
            }
        };
        let rehearsal = request.validate_only();
        if let Some(id) = request_id.filter(|_| !rehearsal) {
            let encoded = request.without_request_id().encode_to_vec();
            let fingerprint = blake3::hash(&encoded);
            if let Some(answered) = tx.request_take(method, id, fingerprint.as_bytes()).await? {
                if answered.fingerprint != fingerprint.as_bytes() {
                    return Err(Error::new(
                        Reason::RequestIdReused,
                        "The request id was used before for a request with other content.",
                    )
                    .with("firstUseTime", answered.create_time.to_rfc3339()));
                }
                let response = R::decode(answered.response.as_slice()).map_err(Error::internal)?;
                return Ok(Begun::Replay(response));
            }
        }
        Ok(Begun::Fresh(Box::new(Self {
            tx,
            caller: caller.clone(),
            method,
            request_id,
            rehearsal,
            events: Vec::new(),
        })))
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Notes an event, written as the last statement before the commit.
    pub fn event(&mut self, stream: String, mut event: NewEvent) {
        event.actor.clone_from(&self.caller.subject);
        self.events.push((stream, event));
    }

    /// Keeps the answer, writes the events and commits; a rehearsal is undone instead.
    ///
    /// # Errors
    /// Where the connection to the database breaks during the commit, nobody knows whether it took
    /// effect: `STORAGE_UNAVAILABLE` with a request id, by which the same call finds out, and
    /// `OUTCOME_UNKNOWN` without.
    pub async fn finish<R: Message>(mut self: Box<Self>, api: &Api, response: &R) -> Result<()> {
        if self.rehearsal {
            return self.tx.rollback().await;
        }
        if let Some(id) = self.request_id {
            self.tx.request_answer(self.method, id, &response.encode_to_vec()).await?;
        }
        for (stream, event) in &self.events {
            self.tx.event_append(stream, event).await?;
        }
        let request_id = self.request_id;
        self.tx.commit().await.map_err(|error| match error.reason {
            Reason::StorageUnavailable if request_id.is_none() => outcome_unknown(error),
            _ => error,
        })?;
        api.app.wake.notify_waiters();
        Ok(())
    }
}

fn outcome_unknown(error: Error) -> Error {
    let message = "The connection to the database broke during the commit; read the resource.";
    Error::new(Reason::OutcomeUnknown, message).caused_by(error)
}

/// Begins a mutating call in a handler: gives the change, or returns the earlier answer.
#[macro_export]
macro_rules! begin {
    ($api:expr, $caller:expr, $method:literal, $request:expr) => {
        match $crate::api::change::Change::begin($api, $caller, $method, $request).await? {
            $crate::api::change::Begun::Replay(response) => {
                return Ok(tonic::Response::new(response));
            }
            $crate::api::change::Begun::Fresh(change) => change,
        }
    };
}
