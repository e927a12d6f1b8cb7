//! EventService: the durable history of migrations and accounts.

use std::sync::Arc;

use async_trait::async_trait;
use cartage_engine::migration::MigrationState;
use cartage_proto::v1;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use v1::end_of_stream::Reason as Why;

use super::{
    Api, convert, filter, own_name,
    page::Page,
    watch::{self, Feed, Item, Opening},
};
use crate::{
    app::{App, lookout::Subject, migration::Migration, reads::EventsKey, shared::Shared},
    error::{Error, Result, Violation},
    name::Name,
    reason::Reason,
    store::{
        Store, Tx,
        event::{Bounds, Event, Limits, News},
        resource::{Body, Resource},
    },
    token::Caller,
};

/// An event on the wire.
pub(super) fn encode(event: &Event) -> v1::Event {
    let body = &event.event;
    v1::Event {
        name: format!("{}/events/e{}", event.stream, event.sequence),
        uid: event.uid.to_string(),
        sequence: event.sequence,
        r#type: body.event_type.clone(),
        resource: body.resource.clone(),
        actor: body.actor.clone(),
        create_time: Some(convert::timestamp(event.create_time)),
        state_change: body.state.as_ref().map(|state| v1::StateChange {
            previous_state: body.previous_state.clone().unwrap_or_default(),
            state: state.clone(),
        }),
        failure: body.failure.as_ref().map(convert::failure),
        attributes: body.attributes.clone(),
    }
}

/// The parent of events: a migration, or the account.
fn parent(caller: &Caller, text: &str) -> Result<Name> {
    let collection = if text.contains("/migrations/") { "migrations" } else { "accounts" };
    own_name(caller, text, collection, "parent")
}

/// Looks for the parent of events. An account begins to be with the first thing in it, so the
/// caller's own is there in any case.
async fn exists(tx: &mut Tx, parent: &Name) -> Result<()> {
    if parent.parent().is_some() { tx.resource_exists(parent).await } else { Ok(()) }
}

/// What stands in a stream behind a sequence. Those who watch the same read it once.
pub(super) async fn news(
    app: &App,
    account: &str,
    stream: &str,
    after: i64,
    about: Option<&Name>,
    limits: Limits,
) -> Result<Arc<News<Event>>> {
    let key = EventsKey {
        account: account.to_owned(),
        stream: stream.to_owned(),
        about: about.map(Name::to_string).unwrap_or_default(),
        after,
    };
    let read = async || {
        let mut tx = app.store.begin(account).await?;
        let news = tx.event_news(stream, after, about.map(Name::as_str), limits).await?;
        tx.rollback().await?;
        Ok(news)
    };
    app.reads.events.read(key, read).await
}

/// A resource as it is. Those who watch the same read it once.
pub(super) async fn resource<B: Body + Send + Sync>(
    reads: &Shared<(String, Name), Resource<B>>,
    app: &App,
    account: &str,
    name: &Name,
) -> Result<Arc<Resource<B>>> {
    let read = async || {
        let mut tx = app.store.begin(account).await?;
        let resource = tx.resource_get::<B>(name).await?;
        tx.rollback().await?;
        Ok(resource)
    };
    reads.read((account.to_owned(), name.clone()), read).await
}

/// The uid of the event at a sequence of a stream.
pub(super) async fn uid(
    store: &Store,
    account: &str,
    stream: &str,
    sequence: i64,
) -> Result<Option<Uuid>> {
    let mut tx = store.begin(account).await?;
    let uid = tx.event_uid(stream, sequence).await?;
    tx.rollback().await?;
    Ok(uid)
}

/// The events that should stand on a page have been removed since the page before.
fn page_gone(after: i64, oldest: i64) -> Error {
    let message = "The events of this page have been removed; begin at the first page.";
    let mut error = Error::new(Reason::PageTokenExpired, message)
        .with("sequence", after.to_string())
        .with("oldestSequence", oldest.to_string());
    error.violations.push(Violation {
        field: "page_token".to_owned(),
        reason: "OUT_OF_RANGE",
        description: "The first page begins with the oldest event that is kept.".to_owned(),
    });
    error
}

struct EventFeed {
    app: Arc<App>,
    account: String,
    stream: String,
    /// Of the migration, where it is one: another one of that name has another history.
    migration: Option<Uuid>,
    event_type: String,
    resource: String,
}

impl EventFeed {
    /// The migration whose events these are; none where they are the account's own.
    async fn migration(&self, tx: &mut Tx) -> Result<Option<Resource<Migration>>> {
        let name = Name::trusted(&self.stream);
        if name.parent().is_none() {
            return Ok(None);
        }
        tx.resource_get::<Migration>(&name).await.map(Some)
    }
}

/// Whether a name is that of a resource or of something below it.
fn is_below(name: &str, resource: &str) -> bool {
    name.strip_prefix(resource).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[async_trait]
impl Feed for EventFeed {
    type Body = Event;
    type Message = v1::WatchEventsResponse;

    fn subject(&self) -> Subject {
        let (account, resource) = (self.account.clone(), Name::trusted(&self.stream));
        Subject { account, resource, stream: self.stream.clone() }
    }

    fn binding(&self) -> String {
        format!("events\n{}\n{}\n{}", self.stream, self.event_type, self.resource)
    }

    async fn bounds(&mut self) -> Result<Bounds> {
        let mut tx = self.app.store.begin(&self.account).await?;
        self.migration = self.migration(&mut tx).await?.map(|migration| migration.uid);
        let bounds = tx.event_bounds(&self.stream).await?;
        tx.rollback().await?;
        Ok(bounds)
    }

    async fn uid(&mut self, sequence: i64) -> Result<Option<Uuid>> {
        uid(&self.app.store, &self.account, &self.stream, sequence).await
    }

    async fn page(&mut self, after: i64, limits: Limits) -> Result<News<Event>> {
        let news = news(&self.app, &self.account, &self.stream, after, None, limits).await?;
        Ok(news.filter_map(|event| {
            let matches = (self.event_type.is_empty() || event.event.event_type == self.event_type)
                && (self.resource.is_empty() || is_below(&event.event.resource, &self.resource));
            matches.then(|| event.clone())
        }))
    }

    async fn resource(&mut self) -> Result<(Option<Event>, Option<Why>)> {
        if self.migration.is_none() {
            return Ok((None, None));
        }
        let name = Name::trusted(&self.stream);
        let now =
            resource::<Migration>(&self.app.reads.migrations, &self.app, &self.account, &name);
        let now = now.await?;
        if Some(now.uid) != self.migration {
            return Err(Error::not_found(&self.stream));
        }
        let deleted = now.state == MigrationState::Deleted;
        Ok((None, deleted.then_some(Why::ResourceDeleted)))
    }

    async fn progress(&mut self) -> Result<Option<v1::Progress>> {
        Ok(None)
    }

    fn message(&self, position: v1::StreamPosition, item: Item<Event>) -> Self::Message {
        use v1::watch_events_response::Message;
        let message = match item {
            Item::Body(event) => Message::Event(encode(&event)),
            Item::Progress(progress) => Message::Progress(progress),
            Item::Heartbeat(heartbeat) => Message::Heartbeat(heartbeat),
            Item::Synced(synced) => Message::Synced(synced),
            Item::End(end) => Message::EndOfStream(end),
        };
        v1::WatchEventsResponse { position: Some(position), message: Some(message) }
    }
}

#[tonic::async_trait]
impl v1::event_service_server::EventService for Api {
    type WatchEventsStream = watch::Stream<v1::WatchEventsResponse>;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = parent(&caller, &request.parent)?;
        let fields = filter::parse(&request.filter, &["type", "resource"])?;
        let feed = EventFeed {
            app: Arc::clone(&self.app),
            account: caller.account.clone(),
            stream: parent.as_str().to_owned(),
            migration: None,
            event_type: filter::text(&fields, "type"),
            resource: filter::text(&fields, "resource"),
        };
        let opening = Opening {
            resume_token: request.resume_token,
            after_sequence: request.after_sequence,
            heartbeat: request.heartbeat_interval,
            min_progress: request.min_progress_interval,
        };
        Ok(Response::new(watch::open(&self.app, &caller, feed, opening).await?))
    }

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = parent(&caller, &request.parent)?;
        let fields = filter::parse(&request.filter, &["type", "resource"])?;
        if !matches!(request.order_by.trim(), "" | "sequence") {
            return Err(Error::field(
                "order_by",
                "UNKNOWN_FIELD",
                "Events are ordered by sequence.",
            )
            .into());
        }
        let arguments = format!("{}\n{}", request.parent, request.filter);
        let page = Page::new(
            &caller.account,
            "ListEvents",
            &arguments,
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let keys = &self.app.keys;
        let after = page.after::<i64>(keys)?.unwrap_or_default();
        let resource = filter::text(&fields, "resource");
        let resource = (!resource.is_empty()).then_some(resource);
        let mut tx = self.app.store.begin(&caller.account).await?;
        exists(&mut tx, &parent).await?;
        let events = tx
            .event_page(parent.as_str(), after, resource.as_deref(), page.size.saturating_add(1))
            .await?;
        // Last: what was removed while the page was read is then missed, not unseen.
        let oldest = tx.event_bounds(parent.as_str()).await?.oldest;
        tx.rollback().await?;
        if after > 0 && after < oldest.saturating_sub(1) {
            return Err(page_gone(after, oldest).into());
        }
        let (mut events, next_page_token) =
            page.fill(keys, events, |event| event.sequence, |event| encode(&event))?;
        let wanted = filter::text(&fields, "type");
        events.retain(|event| wanted.is_empty() || event.r#type == wanted);
        Ok(Response::new(v1::ListEventsResponse { events, next_page_token }))
    }

    async fn get_event(
        &self,
        request: Request<v1::GetEventRequest>,
    ) -> Result<Response<v1::Event>, Status> {
        let (caller, request) = self.enter(request)?;
        let wrong =
            || Error::field("name", "FORMAT_INVALID", "A name looks like …/events/{event}.");
        let (stream, id) = request.name.rsplit_once("/events/").ok_or_else(wrong)?;
        let parent = parent(&caller, stream)?;
        let sequence: i64 =
            id.strip_prefix('e').and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let events = tx.event_page(parent.as_str(), sequence.saturating_sub(1), None, 1).await?;
        tx.rollback().await?;
        match events.first().filter(|event| event.sequence == sequence) {
            Some(event) => Ok(Response::new(encode(event))),
            None => Err(Error::not_found(&request.name).into()),
        }
    }
}
