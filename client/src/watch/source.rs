//! The four watches of the API behind one trait.

use std::{convert::Infallible, future::Future};

use cartage_proto::v1;

use crate::Client;

/// A request that opens a watch.
pub trait Watch: Clone + Send + Sync + 'static {
    /// What is watched.
    type State: Send + 'static;
    /// What happens to it, with a sequence.
    type Durable: Send + 'static;
    /// A message on the wire.
    type Response: Send + 'static;

    /// The name of the method in snake case.
    const METHOD: &'static str;

    /// Where the token goes.
    fn resume_token(&mut self) -> &mut String;

    /// Takes out where to begin, so that the watch begins with the present state.
    fn begin_anew(&mut self);

    /// The interval that was asked for.
    fn heartbeat_interval(&self) -> Option<prost_types::Duration>;

    /// Opens the stream, once.
    fn open(
        self,
        client: &Client,
    ) -> impl Future<Output = Result<tonic::Streaming<Self::Response>, tonic::Status>> + Send;

    /// Takes a message apart.
    fn split(
        response: Self::Response,
    ) -> (Option<v1::StreamPosition>, Signal<Self::State, Self::Durable>);

    /// Whether this durable message is about a change of state.
    fn changes_state(durable: &Self::Durable) -> bool;
}

/// A message on the wire, the same for all watches.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal<S, D> {
    /// The resource as it is.
    State(S),
    /// An event or a finding.
    Durable(D),
    /// The newest progress.
    Progress(v1::Progress),
    /// A sign of life.
    Heartbeat,
    /// All that was there at the beginning has been sent.
    Synced(v1::Synced),
    /// The last message.
    End(v1::EndOfStream),
    /// A message of a newer service.
    Unknown,
}

macro_rules! watches {
    ($($service:ident.$method:ident($request:ident, $module:ident::$response:ident)
        state $state:ty $(= $resource:ident)?, durable $durable:ident: $changes:expr
        $(, begins $begin:ident)?;)*) => {
        $(impl Watch for v1::$request {
            type State = $state;
            type Durable = v1::$durable;
            type Response = v1::$response;
            const METHOD: &'static str = stringify!($method);

            fn resume_token(&mut self) -> &mut String {
                &mut self.resume_token
            }

            fn begin_anew(&mut self) {
                self.resume_token.clear();
                // The place asked for at first may be gone as well.
                $(self.$begin = None;)?
            }

            fn heartbeat_interval(&self) -> Option<prost_types::Duration> {
                self.heartbeat_interval
            }

            async fn open(
                self,
                client: &Client,
            ) -> Result<tonic::Streaming<v1::$response>, tonic::Status> {
                Ok(client.$service().$method(self).await?.into_inner())
            }

            fn split(
                response: v1::$response,
            ) -> (Option<v1::StreamPosition>, Signal<$state, v1::$durable>) {
                use v1::$module::Message;
                let signal = match response.message {
                    $(Some(Message::$resource(state)) => Signal::State(state),)?
                    Some(Message::$durable(durable)) => Signal::Durable(durable),
                    Some(Message::Progress(progress)) => Signal::Progress(progress),
                    Some(Message::Heartbeat(_)) => Signal::Heartbeat,
                    Some(Message::Synced(synced)) => Signal::Synced(synced),
                    Some(Message::EndOfStream(end)) => Signal::End(end),
                    None => Signal::Unknown,
                };
                (response.position, signal)
            }

            fn changes_state(durable: &v1::$durable) -> bool {
                let changes: fn(&v1::$durable) -> bool = $changes;
                changes(durable)
            }
        })*
    };
}

watches! {
    runs.watch_run(WatchRunRequest, watch_run_response::WatchRunResponse)
        state v1::Run = Run, durable Event: |event| event.state_change.is_some();
    snapshots.watch_snapshot(WatchSnapshotRequest, watch_snapshot_response::WatchSnapshotResponse)
        state v1::Snapshot = Snapshot, durable Event: |event| event.state_change.is_some();
    audits.watch_audit(WatchAuditRequest, watch_audit_response::WatchAuditResponse)
        state v1::Audit = Audit, durable Finding: |_| false;
    events.watch_events(WatchEventsRequest, watch_events_response::WatchEventsResponse)
        state Infallible, durable Event: |event| event.state_change.is_some(),
        begins after_sequence;
}
