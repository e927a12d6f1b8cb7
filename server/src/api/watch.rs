//! The stream contract, once for every watch: ordered, gapless, resumable, with heartbeats, a
//! synced marker, conflated progress and one last message.
//!
//! A watch reads pages from the database by sequence; a wake-up only makes it look sooner. It holds
//! one page at most, and a reader that does not take a message in time is cut off and told so.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cartage_proto::v1;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::convert;
use crate::{
    app::App,
    error::{Error, Result},
    reason::Reason,
    token::Caller,
};

/// How many durable messages are read at once.
const PAGE_ROWS: i64 = 200;
/// How often a watch looks for news when nothing wakes it.
const POLL: Duration = Duration::from_millis(500);
/// How long a watch rests between two looks, however often it is woken: a run under way commits
/// hundreds of times a second, and nobody reads that fast.
const REST: Duration = Duration::from_millis(150);
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

    /// What the feed shows, for resume tokens: the same text for the same request.
    fn binding(&self) -> String;
    /// The last sequence there is.
    async fn head(&mut self) -> Result<i64>;
    /// Durable messages behind a sequence, and up to where the page reaches: also over messages
    /// that do not match.
    async fn page(&mut self, after: i64, limit: i64) -> Result<(Vec<(i64, Self::Body)>, i64)>;
    /// The resource as it is when it differs from the last time, and whether it has ended.
    async fn resource(&mut self) -> Result<(Option<Self::Body>, bool)>;
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
    /// Where to begin without a token; none is at the end.
    pub after_sequence: Option<i64>,
    /// The longest silence.
    pub heartbeat: Option<prost_types::Duration>,
    /// The shortest time between two progress messages.
    pub min_progress: Option<prost_types::Duration>,
}

/// What a resume token holds. It gives no rights: they are checked at every opening.
#[derive(Serialize, Deserialize)]
struct Token {
    sequence: i64,
}

struct Watch<F: Feed> {
    app: Arc<App>,
    feed: F,
    sender: mpsc::Sender<std::result::Result<F::Message, Status>>,
    failure: Failure,
    binding: String,
    /// Up to where was read.
    sequence: i64,
    /// Up to where the reader was sent.
    sent: i64,
    last_sent: Instant,
    ends_at: Instant,
    expires_at: Instant,
}

/// The stream of a watch.
pub struct Stream<M> {
    messages: ReceiverStream<std::result::Result<M, Status>>,
    failure: Failure,
}

/// What a stream ends with when it does not end well. It does not go through the queue of messages:
/// that may be full, and whoever is too slow for it must learn so behind the last one.
type Failure = Arc<Mutex<Option<Status>>>;

impl<M> futures::Stream for Stream<M> {
    type Item = std::result::Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match Pin::new(&mut self.messages).poll_next(context) {
            Poll::Ready(None) => {
                let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                Poll::Ready(failure.map(Err))
            }
            other => other,
        }
    }
}

/// Opens a watch.
///
/// # Errors
/// `RESUME_TOKEN_INVALID`, `SEQUENCE_IN_FUTURE`, `STREAM_LIMIT`, and what the feed's first reading
/// gives.
pub async fn open<F: Feed>(
    app: &Arc<App>,
    caller: &Caller,
    mut feed: F,
    opening: Opening,
) -> Result<Stream<F::Message>> {
    let permit = app.streams.open(caller)?;
    let heartbeat = between(&opening.heartbeat, 15.0, 5.0, 60.0, "heartbeat_interval")?;
    let min_progress = between(&opening.min_progress, 1.0, 0.1, 60.0, "min_progress_interval")?;
    let binding = format!("watch\n{}\n{}", caller.account, feed.binding());
    let head = feed.head().await?;
    let resumed = !opening.resume_token.is_empty();
    let sequence = if resumed {
        URL_SAFE_NO_PAD
            .decode(&opening.resume_token)
            .ok()
            .and_then(|sealed| app.keys.open_sealed(&sealed, &binding))
            .and_then(|plain| serde_json::from_slice::<Token>(&plain).ok())
            .map(|token| token.sequence)
            .ok_or_else(|| {
                Error::new(Reason::ResumeTokenInvalid, "The resume token is not of this stream.")
            })?
    } else {
        opening.after_sequence.unwrap_or(head)
    };
    if sequence > head {
        return Err(Error::new(Reason::SequenceInFuture, "The sequence has not been reached yet.")
            .with("sequence", sequence.to_string())
            .with("headSequence", head.to_string()));
    }
    let (sender, receiver) = mpsc::channel(16);
    let now = Instant::now();
    let expires_in_s = caller.expires_at_s.saturating_sub(chrono::Utc::now().timestamp());
    let expires_in = Duration::from_secs(u64::try_from(expires_in_s).unwrap_or_default());
    let failure = Failure::default();
    let watch = Watch {
        app: Arc::clone(app),
        feed,
        sender,
        failure: Arc::clone(&failure),
        binding,
        sequence,
        sent: sequence,
        last_sent: now,
        ends_at: now + app.config.stream_age_max,
        expires_at: now + expires_in.min(EXPIRY_MAX),
    };
    app.tasks.spawn(async move {
        watch.run(head, heartbeat, min_progress).await;
        drop(permit);
    });
    Ok(Stream { messages: ReceiverStream::new(receiver), failure })
}

/// Why a watch ends without a last message.
enum Left {
    /// The reader is gone.
    Gone,
    /// The reader did not take a message in time.
    Slow,
}

impl<F: Feed> Watch<F> {
    async fn run(mut self, head: i64, heartbeat: Duration, min_progress: Duration) {
        let ended = match self.follow(head, heartbeat, min_progress).await {
            Ok(Ok(end)) => self.send(Item::End(end)).await.map(|()| None),
            Ok(Err(error)) => Ok(Some(error)),
            Err(left) => Err(left),
        };
        let error = match ended {
            Ok(None) => return,
            Ok(Some(error)) => error,
            Err(Left::Gone) => {
                tracing::debug!("A watcher left before the end.");
                return;
            }
            Err(Left::Slow) => {
                let message = "A message was not taken in time; resume with the last token.";
                Error::new(Reason::SlowConsumer, message)
                    .with("lastSequence", self.sent.to_string())
            }
        };
        // Before the sender goes: the stream looks here when the queue has ended.
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
    }

    /// Sends until there is an end to send, an error to send, or nobody to send to.
    async fn follow(
        &mut self,
        head: i64,
        heartbeat: Duration,
        min_progress: Duration,
    ) -> std::result::Result<Result<v1::EndOfStream>, Left> {
        let mut progress_at = Instant::now();
        let mut last_progress = None;
        let mut synced = false;
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Read before the events: an ended resource has no event that is still to come.
            let (resource, ended) = match self.feed.resource().await {
                Ok(read) => read,
                Err(error) if error.reason == Reason::ResourceNotFound => {
                    return Ok(Ok(end(v1::end_of_stream::Reason::ResourceDeleted, false)));
                }
                Err(error) => return Ok(Err(error)),
            };
            if let Some(body) = resource {
                self.send(Item::Body(body)).await?;
            }
            if let Err(error) = self.send_durable().await? {
                return Ok(Err(error));
            }
            if !synced {
                synced = true;
                self.send(Item::Synced(v1::Synced { head_sequence: head })).await?;
            }
            if progress_at <= Instant::now() {
                progress_at = Instant::now() + min_progress;
                match self.feed.progress().await {
                    Ok(Some(progress)) if last_progress.as_ref() != Some(&progress) => {
                        last_progress = Some(progress.clone());
                        self.send(Item::Progress(progress)).await?;
                    }
                    Ok(_) => {}
                    Err(error) => return Ok(Err(error)),
                }
            }
            if ended {
                return Ok(Ok(end(v1::end_of_stream::Reason::ResourceTerminal, false)));
            }
            if self.app.draining.is_cancelled() {
                return Ok(Ok(end(v1::end_of_stream::Reason::ServerDraining, true)));
            }
            if self.expires_at <= Instant::now() {
                let message =
                    "The token that opened the stream has expired; resume with a new one.";
                return Ok(Err(Error::new(Reason::TokenExpired, message)));
            }
            if self.ends_at <= Instant::now() {
                return Ok(Ok(end(v1::end_of_stream::Reason::MaxAge, true)));
            }
            if self.last_sent.elapsed() >= heartbeat {
                let server_time = Some(convert::timestamp(chrono::Utc::now()));
                self.send(Item::Heartbeat(v1::Heartbeat { server_time })).await?;
            }
            let draining = self.app.draining.clone();
            tokio::select! {
                () = tokio::time::sleep(REST) => {}
                () = draining.cancelled() => {}
                () = self.sender.closed() => return Err(Left::Gone),
            }
            tokio::select! {
                () = self.app.wake.notified() => {}
                _ = tick.tick() => {}
                () = draining.cancelled() => {}
                () = self.sender.closed() => return Err(Left::Gone),
            }
        }
    }

    /// Sends every durable message behind the position.
    async fn send_durable(&mut self) -> std::result::Result<Result<()>, Left> {
        loop {
            let (messages, reached) = match self.feed.page(self.sequence, PAGE_ROWS).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            let before = self.sequence;
            for (sequence, body) in messages {
                self.sequence = sequence;
                self.send(Item::Body(body)).await?;
            }
            self.sequence = self.sequence.max(reached);
            if self.sequence == before {
                return Ok(Ok(()));
            }
        }
    }

    async fn send(&mut self, item: Item<F::Body>) -> std::result::Result<(), Left> {
        let token = serde_json::to_vec(&Token { sequence: self.sequence })
            .map_err(Error::from)
            .and_then(|plain| self.app.keys.seal(&plain, &self.binding));
        let Ok(token) = token else { return Err(Left::Gone) };
        let position = v1::StreamPosition {
            sequence: self.sequence,
            resume_token: URL_SAFE_NO_PAD.encode(token),
        };
        let message = self.feed.message(position, item);
        self.last_sent = Instant::now();
        let patience = self.app.config.reader_patience;
        match tokio::time::timeout(patience, self.sender.send(Ok(message))).await {
            Ok(Ok(())) => {
                self.sent = self.sequence;
                Ok(())
            }
            Ok(Err(_)) => Err(Left::Gone),
            Err(_) => Err(Left::Slow),
        }
    }
}

fn end(reason: v1::end_of_stream::Reason, resumable: bool) -> v1::EndOfStream {
    let delay = prost_types::Duration { seconds: 1, nanos: 0 };
    v1::EndOfStream {
        reason: reason.into(),
        resumable,
        reconnect_delay: resumable.then_some(delay),
    }
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
