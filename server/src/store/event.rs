//! Durable events: gapless sequences per stream, in the order of the commits.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
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

    /// A change of state. What was created has no state before.
    pub fn of_state<B: Body>(resource: &Resource<B>, before: B::State) -> Self {
        Self::about(resource, "state_changed", (before != resource.state).then_some(before))
    }
}

/// An event as it was written.
#[derive(Clone, Debug)]
pub struct Event {
    /// The stream it stands in: the name of a migration or account.
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

/// A place in a stream: a sequence, and what stands there where that is known. After a restore of
/// the database a sequence is given a second time, and a uid never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The sequence.
    pub sequence: i64,
    /// The uid of what stands there.
    #[serde(default)]
    pub uid: Option<Uuid>,
}

/// From where to where a stream is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first sequence that is kept; the one that comes next where none is.
    pub oldest: i64,
    /// The last sequence that was given.
    pub head: Place,
}

/// What stands behind a place.
#[derive(Clone, Debug)]
pub struct News<T> {
    /// What matches, oldest first.
    pub items: Vec<(Place, T)>,
    /// Up to where was read, also over what does not match.
    pub reached: Place,
    /// What was kept after the reading.
    pub bounds: Bounds,
}

impl<T> News<T> {
    /// The same with other items: none leaves one out.
    pub fn filter_map<U>(&self, mut change: impl FnMut(&T) -> Option<U>) -> News<U> {
        let items = self.items.iter();
        let items = items.filter_map(|(place, item)| Some((*place, change(item)?))).collect();
        News { items, reached: self.reached, bounds: self.bounds }
    }
}

/// How much is read at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many rows.
    pub rows: i64,
    /// How many bytes, roughly; one row is read in any case.
    pub bytes: i64,
}

impl Limits {
    /// So many rows, whatever their size.
    pub const fn rows(rows: i64) -> Self {
        Self { rows, bytes: i64::MAX }
    }
}

impl Tx {
    /// Writes an event. Should be the last statement before the commit: until then the stream's
    /// counter is held, and other writers of the stream wait.
    pub async fn event_append(&mut self, stream: &str, event: &NewEvent) -> Result<i64> {
        self.tells = true;
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

    /// Whether an event of this type, resource and attributes stands in a stream.
    pub async fn event_told(&mut self, stream: &str, event: &NewEvent) -> Result<bool> {
        let row = sqlx::query!(
            r#"select exists (
                select from event
                where account_id = $1 and stream = $2 and type = $3 and resource = $4 and attributes = $5
            ) as "told!""#,
            self.account,
            stream,
            event.event_type,
            event.resource,
            serde_json::to_value(&event.attributes)?,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.told)
    }

    /// From where to where a stream is kept.
    pub async fn event_bounds(&mut self, stream: &str) -> Result<Bounds> {
        let row = sqlx::query!(
            r#"select head.sequence, last.uid as "uid?",
                coalesce(
                    (select min(sequence) from event where account_id = $1 and stream = $2),
                    head.sequence + 1
                ) as "oldest!"
            from event_head as head
            left join event as last using (account_id, stream, sequence)
            where head.account_id = $1 and head.stream = $2"#,
            self.account,
            stream,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map_or(Bounds { oldest: 1, head: Place::default() }, |row| Bounds {
            oldest: row.oldest,
            head: Place { sequence: row.sequence, uid: row.uid },
        }))
    }

    /// The uid of the event at a sequence; none where none is kept.
    pub async fn event_uid(&mut self, stream: &str, sequence: i64) -> Result<Option<Uuid>> {
        let row = sqlx::query!(
            "select uid from event where account_id = $1 and stream = $2 and sequence = $3",
            self.account,
            stream,
            sequence,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map(|row| row.uid))
    }

    /// What stands in a stream behind a sequence, and up to where that reaches; only what is about
    /// one resource (or about what stands below it) where one is given.
    pub async fn event_news(
        &mut self,
        stream: &str,
        after: i64,
        resource: Option<&str>,
        limits: Limits,
    ) -> Result<News<Event>> {
        // The head first: what is committed between the two is then read again, never left out.
        let before = self.event_bounds(stream).await?;
        if before.head.sequence <= after {
            return Ok(News { items: Vec::new(), reached: before.head, bounds: before });
        }
        let (events, whole) = self.event_rows(stream, after, resource, limits).await?;
        // And where it begins last: what is removed between the two is then missed, not unseen.
        let bounds = self.event_bounds(stream).await?;
        let place = |event: &Event| Place { sequence: event.sequence, uid: Some(event.uid) };
        let last = events.last().map_or(Place { sequence: after, uid: None }, place);
        let ahead = whole && before.head.sequence > last.sequence;
        let reached = if ahead { before.head } else { last };
        let items = events.into_iter().map(|event| (place(&event), event)).collect();
        Ok(News { items, reached, bounds })
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
        Ok(self.event_rows(stream, after, resource, Limits::rows(limit)).await?.0)
    }

    /// A page of events, and whether it holds all there are.
    async fn event_rows(
        &mut self,
        stream: &str,
        after: i64,
        resource: Option<&str>,
        limits: Limits,
    ) -> Result<(Vec<Event>, bool)> {
        let rows = sqlx::query!(
            r#"select sequence, uid, type, resource, actor, previous_state, state, failure, attributes,
                create_time, found as "found!"
            from (
                select page.*,
                    count(*) over () as found,
                    row_number() over (order by sequence) as place,
                    sum(
                        256 + octet_length(resource) + octet_length(attributes::text)
                            + coalesce(octet_length(failure::text), 0)
                    ) over (order by sequence) as bytes
                from (
                    select sequence, uid, type, resource, actor, previous_state, state, failure,
                        attributes, create_time
                    from event
                    where account_id = $1 and stream = $2 and sequence > $3
                        and ($4::text is null or resource = $4 or starts_with(resource, $4 || '/'))
                    order by sequence
                    limit $5
                ) as page
            ) as sized
            where bytes <= $6 or place = 1
            order by sequence"#,
            self.account,
            stream,
            after,
            resource,
            limits.rows,
            limits.bytes,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let whole = rows.first().is_none_or(|row| row.found == read) && read < limits.rows;
        let events = rows.into_iter().map(|row| {
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
        });
        Ok((events.collect::<Result<Vec<_>>>()?, whole))
    }

    /// The streams of the account that begin with events older than this: its own, and those of
    /// migrations that have been in one of these states for as long.
    pub async fn event_streams_expired(
        &mut self,
        older_than_s: f64,
        ended: &[String],
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "select head.stream
            from event_head as head
            left join resource on resource.account_id = head.account_id and resource.name = head.stream
            where head.account_id = $1
                and (
                    resource.name is null
                    or resource.state = any($3)
                        and resource.update_time < clock_timestamp() - make_interval(secs => $2)
                )
                and (
                    select create_time from event
                    where event.account_id = head.account_id and event.stream = head.stream
                    order by sequence
                    limit 1
                ) < clock_timestamp() - make_interval(secs => $2)
            order by head.stream",
            self.account,
            older_than_s,
            ended,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.stream).collect())
    }

    /// Removes the oldest events of a stream that are older than this, without leaving a gap, and
    /// gives how many they were.
    pub async fn event_forget(
        &mut self,
        stream: &str,
        older_than_s: f64,
        limit: i64,
    ) -> Result<u64> {
        let forgotten = sqlx::query!(
            "with oldest as (
                select sequence,
                    create_time < clock_timestamp() - make_interval(secs => $3) as over
                from event
                where account_id = $1 and stream = $2
                order by sequence
                limit $4
            )
            delete from event
            where account_id = $1 and stream = $2
                and sequence <= (select max(sequence) from oldest)
                and sequence < coalesce(
                    (select min(sequence) from oldest where not over), 9223372036854775807)",
            self.account,
            stream,
            older_than_s,
            limit,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(forgotten.rows_affected())
    }
}
