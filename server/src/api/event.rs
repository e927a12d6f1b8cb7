//! EventService: the durable history of migrations and accounts.

use async_trait::async_trait;
use cartage_proto::v1;
use tonic::{Request, Response, Status};

use super::{
    Api, convert, filter, own_name,
    page::Page,
    watch::{self, Feed, Item, Opening},
};
use crate::{
    error::{Error, Result},
    name::Name,
    store::{Store, Tx, event::Event},
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

struct EventFeed {
    store: Store,
    account: String,
    stream: String,
    event_type: String,
    resource: String,
}

#[async_trait]
impl Feed for EventFeed {
    type Body = Event;
    type Message = v1::WatchEventsResponse;

    fn binding(&self) -> String {
        format!("events\n{}\n{}\n{}", self.stream, self.event_type, self.resource)
    }

    async fn head(&mut self) -> Result<i64> {
        let mut tx = self.store.begin(&self.account).await?;
        exists(&mut tx, &Name::trusted(&self.stream)).await?;
        let head = tx.event_head(&self.stream).await?;
        tx.rollback().await?;
        Ok(head)
    }

    async fn page(&mut self, after: i64, limit: i64) -> Result<(Vec<(i64, Event)>, i64)> {
        let mut tx = self.store.begin(&self.account).await?;
        let events = tx.event_page(&self.stream, after, None, limit).await?;
        tx.rollback().await?;
        let reached = events.last().map_or(after, |event| event.sequence);
        let matching = events.into_iter().filter(|event| {
            (self.event_type.is_empty() || event.event.event_type == self.event_type)
                && (self.resource.is_empty() || event.event.resource == self.resource)
        });
        Ok((matching.map(|event| (event.sequence, event)).collect(), reached))
    }

    async fn resource(&mut self) -> Result<(Option<Event>, bool)> {
        Ok((None, false))
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
            store: self.app.store.clone(),
            account: caller.account.clone(),
            stream: parent.as_str().to_owned(),
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
        let mut events = tx
            .event_page(parent.as_str(), after, resource.as_deref(), page.size.saturating_add(1))
            .await?;
        tx.rollback().await?;
        let next_page_token = page.cut(keys, &mut events, |event| event.sequence)?;
        let wanted = filter::text(&fields, "type");
        let events = events
            .iter()
            .filter(|event| wanted.is_empty() || event.event.event_type == wanted)
            .map(encode)
            .collect();
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
