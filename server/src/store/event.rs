//! Durable events: gapless sequences per stream, in the order of the commits.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Tx,
    resource::{Body, Resource, State},
};
use crate::error::{Failure, Result};

/// An event to be written.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    /// Its type, such as `run.state_changed`.
    pub event_type: String,
    /// The resource it is about.
    pub resource: String,
    /// Who caused it; `system` for the server itself.
    pub actor: String,
    /// The state before, where the state changed.
    pub previous_state: Option<String>,
    /// The state after.
    pub state: Option<String>,
    /// The failure it reports.
    pub failure: Option<Failure>,
    /// Anything else, as text.
    pub attributes: std::collections::BTreeMap<String, String>,
}

impl NewEvent {
    /// Something that happened to a resource in the state it has now; `before` where that changed.
    /// A worker's event is the server's own; a caller's gets its actor with the call.
    pub fn about<B: Body>(resource: &Resource<B>, what: &str, before: Option<B::State>) -> Self {
        Self {
            event_type: format!("{}.{what}", B::TYPE),
            resource: resource.name.to_string(),
            actor: "system".to_owned(),
            previous_state: before.map(|state| state.as_str().to_owned()),
            state: Some(resource.state.as_str().to_owned()),
            ..Self::default()
        }
    }
}

/// An event as it was written.
#[derive(Clone, Debug)]
pub struct Event {
    /// The stream it stands in: the name of a migration or connection.
    pub stream: String,
    /// Its place, from 1 without gaps.
    pub sequence: i64,
    /// Its id.
    pub uid: Uuid,
    /// What it says.
    pub event: NewEvent,
    /// When it was written.
    pub create_time: DateTime<Utc>,
}

impl Tx {
    /// Writes an event. Should be the last statement before the commit: until then the stream's
    /// counter is held, and other writers of the stream wait.
    pub async fn event_append(&mut self, stream: &str, event: &NewEvent) -> Result<i64> {
        let head = sqlx::query!(
            "insert into event_head (account_id, stream, sequence)
            values ($1, $2, 1)
            on conflict (account_id, stream) do update set sequence = event_head.sequence + 1
            returning sequence",
            self.account,
            stream,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        sqlx::query!(
            "insert into event (account_id, stream, sequence, uid, type, resource, actor, previous_state, state, failure, attributes)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            self.account,
            stream,
            head.sequence,
            crate::id::new(),
            event.event_type,
            event.resource,
            event.actor,
            event.previous_state,
            event.state,
            event.failure.as_ref().map(serde_json::to_value).transpose()?,
            serde_json::to_value(&event.attributes)?,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(head.sequence)
    }

    /// The last sequence of a stream; 0 for an empty one.
    pub async fn event_head(&mut self, stream: &str) -> Result<i64> {
        let row = sqlx::query!(
            "select sequence from event_head where account_id = $1 and stream = $2",
            self.account,
            stream,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map_or(0, |row| row.sequence))
    }

    /// The events of a stream behind a sequence, oldest first; only those about one resource (or
    /// about what stands below it) where one is given.
    pub async fn event_page(
        &mut self,
        stream: &str,
        after: i64,
        resource: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Event>> {
        let rows = sqlx::query!(
            "select sequence, uid, type, resource, actor, previous_state, state, failure, attributes, create_time
            from event
            where account_id = $1 and stream = $2 and sequence > $3
                and ($4::text is null or resource = $4 or starts_with(resource, $4 || '/'))
            order by sequence
            limit $5",
            self.account,
            stream,
            after,
            resource,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Event {
                    stream: stream.to_owned(),
                    sequence: row.sequence,
                    uid: row.uid,
                    event: NewEvent {
                        event_type: row.r#type,
                        resource: row.resource,
                        actor: row.actor,
                        previous_state: row.previous_state,
                        state: row.state,
                        failure: row.failure.map(serde_json::from_value).transpose()?,
                        attributes: serde_json::from_value(row.attributes)?,
                    },
                    create_time: row.create_time,
                })
            })
            .collect()
    }
}
