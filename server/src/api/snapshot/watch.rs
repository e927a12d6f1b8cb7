//! Watching a snapshot being taken.

use std::sync::Arc;

use async_trait::async_trait;
use cartage_proto::v1;
use uuid::Uuid;
use v1::end_of_stream::Reason as Why;

use super::encode;
use crate::{
    api::{
        Api, event, own_name,
        run::encode::progress,
        watch::{self, Feed, Item, Opening, Stream},
    },
    app::{
        App,
        lookout::Subject,
        snapshot::{Snapshot, SnapshotState},
    },
    error::Result,
    name::Name,
    store::{
        event::{Bounds, Event, Limits, News},
        resource::State,
    },
    token::Caller,
};

/// What is sent of a snapshot.
enum Body {
    Snapshot(Box<v1::Snapshot>),
    Event(Box<Event>),
}

struct SnapshotFeed {
    app: Arc<App>,
    account: String,
    name: Name,
    /// Whether the snapshot as it is was sent, or need not be.
    sent: bool,
    state: SnapshotState,
}

impl Api {
    /// Opens the stream of a snapshot.
    pub(super) async fn watch_one_snapshot(
        &self,
        caller: &Caller,
        request: v1::WatchSnapshotRequest,
    ) -> Result<Stream<v1::WatchSnapshotResponse>> {
        let name = own_name(caller, &request.name, "snapshots", "name")?;
        let feed = SnapshotFeed {
            app: Arc::clone(&self.app),
            account: caller.account.clone(),
            name,
            sent: !request.resume_token.is_empty(),
            state: SnapshotState::Pending,
        };
        let opening = Opening {
            resume_token: request.resume_token,
            after_sequence: None,
            heartbeat: request.heartbeat_interval,
            min_progress: request.min_progress_interval,
        };
        watch::open(&self.app, caller, feed, opening).await
    }
}

#[async_trait]
impl Feed for SnapshotFeed {
    type Body = Body;
    type Message = v1::WatchSnapshotResponse;

    fn subject(&self) -> Subject {
        let (account, resource) = (self.account.clone(), self.name.clone());
        Subject { account, resource, stream: self.name.stream() }
    }

    fn binding(&self) -> String {
        format!("snapshot\n{}", self.name)
    }

    async fn bounds(&mut self) -> Result<Bounds> {
        let mut tx = self.app.store.begin(&self.account).await?;
        // Also finds out whether there is such a snapshot.
        tx.resource_get::<Snapshot>(&self.name).await?;
        let bounds = tx.event_bounds(&self.name.stream()).await?;
        tx.rollback().await?;
        Ok(bounds)
    }

    async fn uid(&mut self, sequence: i64) -> Result<Option<Uuid>> {
        event::uid(&self.app.store, &self.account, &self.name.stream(), sequence).await
    }

    async fn page(&mut self, after: i64, limits: Limits) -> Result<News<Body>> {
        let (app, stream) = (&self.app, self.name.stream());
        let news =
            event::news(app, &self.account, &stream, after, Some(&self.name), limits).await?;
        Ok(news.filter_map(|event| Some(Body::Event(Box::new(event.clone())))))
    }

    async fn resource(&mut self) -> Result<(Option<Body>, Option<Why>)> {
        let mut tx = self.app.store.begin(&self.account).await?;
        let snapshot = tx.resource_get::<Snapshot>(&self.name).await?;
        self.state = snapshot.state;
        let ended = matches!(
            snapshot.state,
            SnapshotState::Succeeded | SnapshotState::Failed | SnapshotState::Cancelled
        );
        let ended = ended.then_some(Why::ResourceTerminal);
        if std::mem::replace(&mut self.sent, true) {
            tx.rollback().await?;
            return Ok((None, ended));
        }
        let progress = tx.progress_get(&self.name).await?;
        tx.rollback().await?;
        let encoded = encode::snapshot(&snapshot, progress.as_ref());
        Ok((Some(Body::Snapshot(Box::new(encoded))), ended))
    }

    async fn progress(&mut self) -> Result<Option<v1::Progress>> {
        let mut tx = self.app.store.begin(&self.account).await?;
        let newest = tx.progress_get(&self.name).await?;
        tx.rollback().await?;
        Ok(newest.map(|newest| {
            let told = progress(self.name.as_str(), self.state.as_str(), &newest);
            v1::Progress { kinds: encode::without_outcomes(told.kinds.clone()), ..told }
        }))
    }

    fn message(&self, position: v1::StreamPosition, item: Item<Body>) -> Self::Message {
        use v1::watch_snapshot_response::Message;
        let message = match item {
            Item::Body(Body::Snapshot(snapshot)) => Message::Snapshot(*snapshot),
            Item::Body(Body::Event(body)) => Message::Event(event::encode(&body)),
            Item::Progress(progress) => Message::Progress(progress),
            Item::Heartbeat(heartbeat) => Message::Heartbeat(heartbeat),
            Item::Synced(synced) => Message::Synced(synced),
            Item::End(end) => Message::EndOfStream(end),
        };
        v1::WatchSnapshotResponse { position: Some(position), message: Some(message) }
    }
}
