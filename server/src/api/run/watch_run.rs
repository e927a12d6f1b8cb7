//! What a watch on a run shows: the run, its events, its progress.

use async_trait::async_trait;
use cartage_engine::run::RunState;
use cartage_proto::v1;
use uuid::Uuid;
use v1::end_of_stream::Reason as Why;

use super::{super::event, encode};
use crate::{
    api::{
        Api,
        watch::{Feed, Item},
    },
    app::{lookout::Subject, run::Run},
    error::Result,
    name::Name,
    store::event::{Bounds, Event, Limits, News},
    token::Caller,
};

/// A run, or one of its events.
pub(super) enum Body {
    Run(Box<v1::Run>),
    Event(Box<Event>),
}

pub(super) struct RunFeed {
    api: Api,
    account: String,
    name: Name,
    /// The state that was sent last; none asks for the run to be sent.
    sent: Option<RunState>,
    resumed: bool,
}

impl RunFeed {
    pub(super) fn new(api: Api, caller: &Caller, name: Name, anew: bool) -> Self {
        Self { api, account: caller.account.clone(), name, sent: None, resumed: !anew }
    }
}

#[async_trait]
impl Feed for RunFeed {
    type Body = Body;
    type Message = v1::WatchRunResponse;

    fn subject(&self) -> Subject {
        let (account, resource) = (self.account.clone(), self.name.clone());
        Subject { account, resource, stream: self.name.stream() }
    }

    fn binding(&self) -> String {
        format!("run\n{}", self.name)
    }

    async fn bounds(&mut self) -> Result<Bounds> {
        let mut tx = self.api.app.store.begin(&self.account).await?;
        // Also finds out whether there is such a run.
        tx.resource_get::<Run>(&self.name).await?;
        let bounds = tx.event_bounds(&self.name.stream()).await?;
        tx.rollback().await?;
        Ok(bounds)
    }

    async fn uid(&mut self, sequence: i64) -> Result<Option<Uuid>> {
        event::uid(&self.api.app.store, &self.account, &self.name.stream(), sequence).await
    }

    async fn page(&mut self, after: i64, limits: Limits) -> Result<News<Body>> {
        let (app, stream) = (&self.api.app, self.name.stream());
        let news =
            event::news(app, &self.account, &stream, after, Some(&self.name), limits).await?;
        Ok(news.filter_map(|event| Some(Body::Event(Box::new(event.clone())))))
    }

    async fn resource(&mut self) -> Result<(Option<Body>, Option<Why>)> {
        let app = &self.api.app;
        let run = event::resource::<Run>(&app.reads.runs, app, &self.account, &self.name).await?;
        let ended = run.state.is_terminal().then_some(Why::ResourceTerminal);
        if self.sent == Some(run.state) || (self.resumed && self.sent.is_none() && ended.is_none())
        {
            self.sent = Some(run.state);
            return Ok((None, ended));
        }
        self.sent = Some(run.state);
        let mut tx = self.api.app.store.begin(&self.account).await?;
        let encoded = self.api.encoded_run(&mut tx, &run).await?;
        tx.rollback().await?;
        Ok((Some(Body::Run(Box::new(encoded))), ended))
    }

    async fn progress(&mut self) -> Result<Option<v1::Progress>> {
        let app = &self.api.app;
        let read = async || {
            let mut tx = app.store.begin(&self.account).await?;
            let progress = tx.progress_get(&self.name).await?;
            tx.rollback().await?;
            Ok(progress)
        };
        let key = (self.account.clone(), self.name.clone());
        let progress = app.reads.progress.read(key, read).await?;
        let state = self.sent.map_or("", RunState::as_str);
        let encode = |progress| encode::progress(self.name.as_str(), state, progress);
        Ok(Option::as_ref(&progress).map(encode))
    }

    fn message(&self, position: v1::StreamPosition, item: Item<Body>) -> Self::Message {
        use v1::watch_run_response::Message;
        let message = match item {
            Item::Body(Body::Run(run)) => Message::Run(*run),
            Item::Body(Body::Event(body)) => Message::Event(event::encode(&body)),
            Item::Progress(progress) => Message::Progress(progress),
            Item::Heartbeat(heartbeat) => Message::Heartbeat(heartbeat),
            Item::Synced(synced) => Message::Synced(synced),
            Item::End(end) => Message::EndOfStream(end),
        };
        v1::WatchRunResponse { position: Some(position), message: Some(message) }
    }
}
