//! The stream contract, once for every watch: ordered, gapless, resumable, with heartbeats, a
//! synced marker, conflated progress and one last message.
//!
//! A watch reads pages from the database by sequence when the lookout over what it shows has seen a
//! change; what the time alone asks for it sends without looking. It holds one page at most, and a
//! reader that does not take a message in time is cut off and told so. What
//! is said last does not wait for a slow reader either: it lies beside the queue of messages.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cartage_proto::v1;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;
use v1::end_of_stream::Reason as Why;

use super::convert;
use crate::{
    app::{App, lookout::Subject},
    error::{Error, Result},
    reason::Reason,
    store::event::{Bounds, Limits, News, Place},
    token::Caller,
};

/// How much is read at once.
const PAGE: Limits = Limits { rows: 200, bytes: 256 * 1_024 };
/// How long a watch that goes over what does not match is silent at most.
const SILENCE_MAX: Duration = Duration::from_millis(500);
/// How much earlier than it must a sign of life is sent: it has a way to go.
const HEARTBEAT_AHEAD: Duration = Duration::from_millis(650);
/// What a token's rest of life is taken for at most.
const EXPIRY_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// What a stream sends beside its position.
#[derive(Clone, Debug)]
pub enum Item<B> {
    /// A durable message, or the resource as it is.
    Body(B),
    /// The newest progress.
    Progress(v1::Progress),
    /// A sign of life.
    Heartbeat(v1::Heartbeat),
    /// Everything committed before the opening was sent.
    Synced(v1::Synced),
    /// The last message.
    End(v1::EndOfStream),
}

/// What a watch is about.
#[async_trait]
pub trait Feed: Send + 'static {
    /// A durable message, or the resource.
    type Body: Send;
    /// A message of the stream.
    type Message: Send + 'static;

    /// What it is news of.
    fn subject(&self) -> Subject;
    /// What the feed shows, for resume tokens: the same text for the same request.
    fn binding(&self) -> String;
    /// From where to where the durable messages are kept.
    async fn bounds(&mut self) -> Result<Bounds>;
    /// The uid of what stands at a sequence; none where nothing is kept.
    async fn uid(&mut self, sequence: i64) -> Result<Option<Uuid>>;
    /// Durable messages behind a sequence, and up to where the page reaches: also over messages
    /// that do not match.
    async fn page(&mut self, after: i64, limits: Limits) -> Result<News<Self::Body>>;
    /// The resource as it is when it differs from the last time, and why no message is to come any
    /// more where that is so.
    async fn resource(&mut self) -> Result<(Option<Self::Body>, Option<Why>)>;
    /// The newest progress.
    async fn progress(&mut self) -> Result<Option<v1::Progress>>;
    /// Puts a message together.
    fn message(&self, position: v1::StreamPosition, item: Item<Self::Body>) -> Self::Message;
}

/// How a watch was asked for.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The token to resume after; empty begins anew.
    pub resume_token: String,
    /// Where to begin without a token; none is at the end, 0 at the oldest message that is kept.
    pub after_sequence: Option<i64>,
    /// The longest silence.
    pub heartbeat: Option<prost_types::Duration>,
    /// The shortest time between two progress messages.
    pub min_progress: Option<prost_types::Duration>,
}

/// How often a watch says something without being asked.
#[derive(Clone, Copy)]
struct Pace {
    heartbeat: Duration,
    min_progress: Duration,
}

/// What was said without being asked.
struct Told {
    synced: bool,
    progress: Option<v1::Progress>,
    /// Not before this comes the next one.
    progress_at: Instant,
    /// Whether there may be a newer one.
    owes_progress: bool,
}

struct Watch<F: Feed> {
    app: Arc<App>,
    feed: F,
    sender: mpsc::Sender<std::result::Result<F::Message, Status>>,
    binding: String,
    /// Up to where was read, and all of it was sent but for the message at hand. A resume token
    /// holds this. It gives no rights: they are checked at every opening.
    place: Place,
    /// Up to where the reader was sent.
    sent: Place,
    last_sent: Instant,
    ends_at: Instant,
    expires_at: Instant,
}

/// The stream of a watch.
pub struct Stream<M> {
    messages: ReceiverStream<std::result::Result<M, Status>>,
    last: Last<M>,
}

/// What a stream ends with: its last message, or an error. It does not go through the queue of
/// messages: that may be full, and whoever is too slow for it must learn of the end behind the last
/// one.
type Last<M> = Arc<Mutex<Option<std::result::Result<M, Status>>>>;

impl<M> futures::Stream for Stream<M> {
    type Item = std::result::Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match Pin::new(&mut self.messages).poll_next(context) {
            Poll::Ready(None) => {
                Poll::Ready(self.last.lock().unwrap_or_else(PoisonError::into_inner).take())
            }
            other => other,
        }
    }
}

/// Opens a watch.
///
/// # Errors
/// `RESUME_TOKEN_INVALID`, `RESUME_TOKEN_EXPIRED`, `SEQUENCE_IN_FUTURE`, `STREAM_LIMIT`, and what
/// the feed's first reading gives.
pub async fn open<F: Feed>(
    app: &Arc<App>,
    caller: &Caller,
    mut feed: F,
    opening: Opening,
) -> Result<Stream<F::Message>> {
    let permit = app.streams.open(caller)?;
    let pace = Pace {
        heartbeat: between(&opening.heartbeat, 15.0, 5.0, 60.0, "heartbeat_interval")?,
        min_progress: between(&opening.min_progress, 1.0, 0.1, 60.0, "min_progress_interval")?,
    };
    let binding = format!("watch\n{}\n{}", caller.account, feed.binding());
    let bounds = feed.bounds().await?;
    let place = if opening.resume_token.is_empty() {
        match opening.after_sequence {
            None => bounds.head,
            Some(0) => Place { sequence: bounds.oldest.saturating_sub(1), uid: None },
            Some(sequence) => Place { sequence, uid: None },
        }
    } else {
        URL_SAFE_NO_PAD
            .decode(&opening.resume_token)
            .ok()
            .and_then(|sealed| app.keys.open_sealed(&sealed, &binding))
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .ok_or_else(|| {
                Error::new(Reason::ResumeTokenInvalid, "The resume token is not of this stream.")
            })?
    };
    still_there(place.sequence, bounds)?;
    if place != bounds.head
        && let Some(known) = place.uid
        && feed.uid(place.sequence).await?.is_some_and(|found| found != known)
    {
        let message = "The history has been put back since, and goes on in another way.";
        return Err(in_future(place.sequence, bounds.head.sequence, message));
    }
    // A token of a place says of which history it is, from the first message on.
    let uid = match place.uid {
        None if place.sequence > 0 => feed.uid(place.sequence).await?,
        known => known,
    };
    let place = Place { uid, ..place };
    let (sender, receiver) = mpsc::channel(16);
    let now = Instant::now();
    let expires_in_s = caller.expires_at_s.saturating_sub(chrono::Utc::now().timestamp());
    let expires_in = Duration::from_secs(u64::try_from(expires_in_s).unwrap_or_default());
    let last = Last::default();
    let watch = Watch {
        app: Arc::clone(app),
        feed,
        sender,
        binding,
        place,
        sent: place,
        last_sent: now,
        ends_at: now + age(app.config.stream_age_max, rand::random_range(0..=1_000)),
        expires_at: now + expires_in.min(EXPIRY_MAX),
    };
    let slot = Arc::clone(&last);
    app.tasks.spawn(async move {
        watch.run(bounds.head.sequence, pace, &slot).await;
        drop(permit);
    });
    Ok(Stream { messages: ReceiverStream::new(receiver), last })
}

/// Why a watch ends.
enum Ending {
    /// In order, with a last message.
    InOrder(Why),
    /// With an error.
    Failed(Error),
    /// Nobody listens any more.
    Gone,
}

impl From<Error> for Ending {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<F: Feed> Watch<F> {
    async fn run(mut self, head: i64, pace: Pace, slot: &Last<F::Message>) {
        let last = match self.follow(head, pace).await {
            Ending::InOrder(why) => self.message(Item::End(end(why))).map_err(Status::from),
            Ending::Failed(error) => Err(error.into()),
            Ending::Gone => {
                tracing::debug!("A watcher left before the end.");
                return;
            }
        };
        // Before the sender goes with this watch: the stream looks here when the queue has ended.
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    /// Sends until there is an end.
    async fn follow(&mut self, head: i64, pace: Pace) -> Ending {
        let app = Arc::clone(&self.app);
        let progress_at = Instant::now();
        let mut told = Told { synced: false, progress: None, progress_at, owes_progress: true };
        let mut news = app.lookouts.join(&app, self.feed.subject());
        loop {
            // Before anything is read: what is seen while that goes on is not overheard.
            news.borrow_and_update();
            if let Err(ending) = self.tell(&mut told, head, pace).await {
                return ending;
            }
            while !app.draining.is_cancelled() {
                let due = self.due(&told, pace);
                tokio::select! {
                    biased;
                    () = app.draining.cancelled() => break,
                    () = self.sender.closed() => return Ending::Gone,
                    // Before the news: there may always be some that this reader is not told of.
                    () = tokio::time::sleep_until(due) => {}
                    seen = news.changed() => {
                        if seen.is_err() {
                            news = app.lookouts.join(&app, self.feed.subject());
                        }
                        break;
                    }
                }
                if let Err(ending) = self.remind(&mut told, pace).await {
                    return ending;
                }
            }
        }
    }

    /// When there is something to say again, whatever happens.
    fn due(&self, told: &Told, pace: Pace) -> Instant {
        let heartbeat = self.last_sent + pace.heartbeat.saturating_sub(HEARTBEAT_AHEAD);
        let due = heartbeat.min(self.ends_at).min(self.expires_at);
        if told.owes_progress { due.min(told.progress_at) } else { due }
    }

    /// Sends what the time alone asks for. When the server stops it does nothing: what was committed
    /// before may not have been read yet.
    async fn remind(&mut self, told: &mut Told, pace: Pace) -> Result<(), Ending> {
        if self.app.draining.is_cancelled() {
            return Ok(());
        }
        if told.owes_progress {
            self.send_progress(told, pace).await?;
        }
        match self.over() {
            Err(Ending::InOrder(Why::ServerDraining)) => return Ok(()),
            over => over?,
        }
        if self.last_sent.elapsed() + HEARTBEAT_AHEAD >= pace.heartbeat {
            self.heartbeat().await?;
        }
        Ok(())
    }

    /// Sends what is new.
    async fn tell(&mut self, told: &mut Told, head: i64, pace: Pace) -> Result<(), Ending> {
        let draining = self.app.draining.is_cancelled();
        // Read before the events: an ended resource has no event that is still to come.
        let (resource, ended) = match self.feed.resource().await {
            Ok(read) => read,
            Err(error) if error.reason == Reason::ResourceNotFound => {
                // Its last events may have outlived it. Where they went with it, there is nothing to say.
                match self.send_durable().await {
                    Err(Ending::Failed(error))
                        if matches!(
                            error.reason,
                            Reason::ResumeTokenExpired | Reason::SequenceInFuture
                        ) => {}
                    sent => sent?,
                }
                return Err(Ending::InOrder(Why::ResourceDeleted));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(body) = resource {
            self.send(Item::Body(body)).await?;
        }
        self.send_durable().await?;
        if !std::mem::replace(&mut told.synced, true) {
            self.send(Item::Synced(v1::Synced { head_sequence: head })).await?;
        }
        told.owes_progress = true;
        self.send_progress(told, pace).await?;
        if let Some(why) = ended {
            return Err(Ending::InOrder(why));
        }
        match self.over() {
            // What was committed before the server was asked to stop may not have been read yet.
            Err(Ending::InOrder(Why::ServerDraining)) if !draining => Ok(()),
            over => over,
        }
    }

    async fn heartbeat(&mut self) -> Result<(), Ending> {
        let server_time = Some(convert::timestamp(chrono::Utc::now()));
        self.send(Item::Heartbeat(v1::Heartbeat { server_time })).await
    }

    /// Sends every durable message behind the place.
    async fn send_durable(&mut self) -> Result<(), Ending> {
        loop {
            let after = self.place.sequence;
            let news = self.feed.page(after, PAGE).await?;
            still_there(after, news.bounds)?;
            for (place, body) in news.items {
                self.place = place;
                self.send(Item::Body(body)).await?;
            }
            let is_all = news.reached.sequence >= news.bounds.head.sequence;
            // Over what does not match; what was sent last knows its uid.
            if news.reached.sequence > self.place.sequence {
                self.place = news.reached;
            }
            // What comes later is news.
            if is_all || news.reached.sequence == after {
                return Ok(());
            }
            self.over()?;
            if self.last_sent.elapsed() >= SILENCE_MAX {
                // A long way over what does not match: the reader sees life, and need not go it again.
                self.heartbeat().await?;
            }
        }
    }

    /// Sends the newest progress where it is time for it, and another one than the last.
    async fn send_progress(&mut self, told: &mut Told, pace: Pace) -> Result<(), Ending> {
        if told.progress_at > Instant::now() {
            return Ok(());
        }
        told.owes_progress = false;
        told.progress_at = Instant::now() + pace.min_progress;
        let newest = self.feed.progress().await?;
        if newest.is_none() || newest == told.progress {
            return Ok(());
        }
        told.progress.clone_from(&newest);
        let Some(mut progress) = newest else { return Ok(()) };
        // Workers write it once a second.
        progress.measure_time = Some(convert::timestamp(chrono::Utc::now()));
        self.send(Item::Progress(progress)).await
    }

    /// Whether the stream must end, whatever there is to say.
    fn over(&self) -> Result<(), Ending> {
        let now = Instant::now();
        if self.app.draining.is_cancelled() {
            return Err(Ending::InOrder(Why::ServerDraining));
        }
        if self.expires_at <= now {
            let message = "The token that opened the stream has expired; resume with a new one.";
            return Err(Error::new(Reason::TokenExpired, message).into());
        }
        if self.ends_at <= now {
            return Err(Ending::InOrder(Why::MaxAge));
        }
        Ok(())
    }

    fn message(&self, item: Item<F::Body>) -> Result<F::Message> {
        let token = self.app.keys.seal(&serde_json::to_vec(&self.place)?, &self.binding)?;
        let position = v1::StreamPosition {
            sequence: self.place.sequence,
            resume_token: URL_SAFE_NO_PAD.encode(token),
        };
        Ok(self.feed.message(position, item))
    }

    /// Sends a message. One that the reader has no room for is given up when the stream must end,
    /// or when that takes too long: then the stream stands before it.
    async fn send(&mut self, item: Item<F::Body>) -> Result<(), Ending> {
        let message = self.message(item)?;
        self.last_sent = Instant::now();
        let given_up = tokio::select! {
            biased;
            sent = self.sender.send(Ok(message)) => {
                sent.map_err(|_| Ending::Gone)?;
                self.sent = self.place;
                return Ok(());
            }
            () = self.app.draining.cancelled() => self.over().and(Err(Ending::Gone)),
            () = tokio::time::sleep_until(self.expires_at.min(self.ends_at)) => {
                self.over().and(Err(Ending::Gone))
            }
            () = tokio::time::sleep(self.app.config.reader_patience) => {
                let message = "A message was not taken in time; resume with the last token.";
                Err(Error::new(Reason::SlowConsumer, message)
                    .with("lastSequence", self.sent.sequence.to_string())
                    .into())
            }
        };
        self.place = self.sent;
        given_up
    }
}

/// Whether all that comes after a sequence is kept, and the sequence was reached.
fn still_there(after: i64, bounds: Bounds) -> Result<()> {
    let (oldest, head) = (bounds.oldest, bounds.head.sequence);
    if after > head {
        return Err(in_future(after, head, "The sequence has not been reached yet."));
    }
    if after < oldest.saturating_sub(1) {
        let message =
            "The history after this place is gone; read the present state, then begin anew.";
        return Err(Error::new(Reason::ResumeTokenExpired, message)
            .with("sequence", after.to_string())
            .with("oldestSequence", oldest.to_string())
            .with("headSequence", head.to_string()));
    }
    Ok(())
}

fn in_future(sequence: i64, head: i64, message: &str) -> Error {
    Error::new(Reason::SequenceInFuture, message)
        .with("sequence", sequence.to_string())
        .with("headSequence", head.to_string())
}

/// How long a stream may live: a tenth less or more than it is meant to, by a chance of 0 to 1000, so
/// that streams which were opened together are not all opened again together.
fn age(meant: Duration, chance: u32) -> Duration {
    meant / 10_000 * (9_000 + 2 * chance.min(1_000))
}

fn end(why: Why) -> v1::EndOfStream {
    let resumable = matches!(why, Why::MaxAge | Why::ServerDraining);
    let delay = prost_types::Duration { seconds: 1, nanos: 0 };
    v1::EndOfStream { reason: why.into(), resumable, reconnect_delay: resumable.then_some(delay) }
}

fn between(
    asked: &Option<prost_types::Duration>,
    default_s: f64,
    min_s: f64,
    max_s: f64,
    field: &str,
) -> Result<Duration> {
    let Some(asked) = asked else { return Ok(Duration::from_secs_f64(default_s)) };
    Duration::try_from(*asked)
        .ok()
        .filter(|asked| (min_s..=max_s).contains(&asked.as_secs_f64()))
        .ok_or_else(|| {
            Error::field(field, "OUT_OF_RANGE", format!("The interval is {min_s} to {max_s} s."))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_lives_a_tenth_less_or_more_than_meant() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert_eq!(age(minutes(30), 0), minutes(27));
        assert_eq!(age(minutes(30), 500), minutes(30));
        assert_eq!(age(minutes(30), 1_000), minutes(33));
        assert_eq!(age(minutes(30), u32::MAX), minutes(33));
        assert_eq!(age(Duration::ZERO, 700), Duration::ZERO);
    }

    #[test]
    fn a_place_must_be_within_what_is_kept() {
        let reason = |after, oldest, sequence| {
            let bounds = Bounds { oldest, head: Place { sequence, uid: None } };
            still_there(after, bounds).map_err(|it| it.reason)
        };
        assert_eq!(reason(0, 1, 0), Ok(()), "an empty stream");
        assert_eq!(reason(9, 10, 9), Ok(()), "all of it gone, and all of it seen");
        assert_eq!(reason(9, 10, 20), Ok(()), "the next one is the oldest");
        assert_eq!(reason(8, 10, 20), Err(Reason::ResumeTokenExpired));
        assert_eq!(reason(20, 10, 20), Ok(()));
        assert_eq!(reason(21, 10, 20), Err(Reason::SequenceInFuture));
    }

    #[test]
    fn only_an_end_that_another_stream_goes_on_from_is_resumable() {
        for (why, resumable) in [
            (Why::ResourceTerminal, false),
            (Why::ResourceDeleted, false),
            (Why::MaxAge, true),
            (Why::ServerDraining, true),
        ] {
            let end = end(why);
            assert_eq!((end.reason(), end.resumable), (why, resumable));
            assert_eq!(end.reconnect_delay.is_some(), resumable);
        }
    }
}
