//! Watches that survive broken connections.
//!
//! A [`Watcher`] opens the stream, hands out what comes, and opens it again with the last token when it
//! breaks: when it ends without `EndOfStream`, with an error that may pass, or is silent for three heartbeat
//! intervals. What comes twice after that is dropped. It ends when the service says that nothing more will
//! come.
//!
//! ```no_run
//! use cartage_client::{Client, v1, watch::{Item, watch}};
//!
//! # async fn example(client: &Client, name: String, stored: String) -> Result<(), cartage_client::Error> {
//! let request = v1::WatchRunRequest { name, resume_token: stored, ..Default::default() };
//! let mut watcher = watch(client, request);
//! while let Some(message) = watcher.next().await.transpose()? {
//!     match message.item {
//!         Item::State(run) => println!("{:?}", run.state()),
//!         Item::Durable(event) => println!("{} {}", event.sequence, event.r#type),
//!         Item::Progress(progress) => println!("{} done", progress.done),
//!         Item::Synced { .. } | Item::Restarted { .. } => {}
//!     }
//!     // Now that it is processed, keep `message.resume_token`: a later watch goes on from here.
//! }
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use cartage_proto::v1::{self, ErrorReason};
use futures::{Stream, stream};
use tokio::time::Instant;
use tonic::Code;

use crate::{Client, Error, retry};

mod message;
mod source;

pub use message::{Item, Message, MessageOf};
pub use source::{Signal, Watch};

/// How often in a row a stream may break without a message before the watch gives up. With the waits of
/// the published policy that is about a minute and a half.
const FAILURES_MAX: u32 = 24;

/// The silence after which a stream counts as broken, in heartbeat intervals.
const MISSED_HEARTBEATS: u32 = 3;

/// Begins a watch. Nothing is sent before [`Watcher::next`] is called.
pub fn watch<W: Watch>(client: &Client, request: W) -> Watcher<W> {
    Watcher {
        client: client.clone(),
        policy: retry::Policy::default(),
        request,
        stream: None,
        not_before: None,
        last_sequence: 0,
        failures: 0,
        heard: false,
        ended: false,
    }
}

/// A watch under way. See [`watch`].
pub struct Watcher<W: Watch> {
    client: Client,
    policy: retry::Policy,
    /// Holds the token of the last message.
    request: W,
    stream: Option<tonic::Streaming<W::Response>>,
    not_before: Option<Instant>,
    /// Durable messages up to here were handed out.
    last_sequence: i64,
    /// Streams that broke in a row without a message.
    failures: u32,
    /// Whether the present stream has said anything.
    heard: bool,
    ended: bool,
}

impl<W: Watch> Watcher<W> {
    /// The token of the last message that was handed out, or of a heartbeat after it.
    pub fn resume_token(&mut self) -> &str {
        self.request.resume_token()
    }

    /// The next message; none at the end. After an error there is nothing more. Dropping the future
    /// loses nothing.
    pub async fn next(&mut self) -> Option<Result<MessageOf<W>, Error>> {
        while !self.ended {
            match self.signal().await {
                Ok((sequence, signal)) => {
                    if let Some(message) = self.accept(sequence, signal) {
                        return Some(Ok(message));
                    }
                }
                Err(error) => {
                    if let Some(answer) = self.broken(error) {
                        return Some(answer);
                    }
                }
            }
        }
        None
    }

    /// The watch as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<MessageOf<W>, Error>> + Send {
        stream::unfold(self, |mut watcher| async move {
            let message = watcher.next().await?;
            Some((message, watcher))
        })
    }

    /// Receives one message, after opening the stream where that is needed.
    async fn signal(&mut self) -> Result<(i64, Signal<W::State, W::Durable>), Error> {
        if let Some(not_before) = self.not_before {
            tokio::time::sleep_until(not_before).await;
            self.not_before = None;
        }
        let silence = heartbeat(&self.request) * MISSED_HEARTBEATS;
        if self.stream.is_none() {
            let open = self.request.clone().open(&self.client);
            let opened = tokio::time::timeout(silence, open).await;
            self.stream = Some(opened.map_err(|_| Error::deadline(W::METHOD, silence))??);
            self.heard = false;
        }
        let Some(stream) = self.stream.as_mut() else {
            return Err(Error::Contract(format!("{} opened no stream", W::METHOD)));
        };
        let received = tokio::time::timeout(silence, stream.message()).await;
        let response = received
            .map_err(|_| Error::deadline(W::METHOD, silence))??
            .ok_or_else(|| tonic::Status::unavailable("the stream ended without EndOfStream"))?;
        let (position, signal) = W::split(response);
        let Some(position) = position else { return Ok((0, signal)) };
        if !position.resume_token.is_empty() {
            *self.request.resume_token() = position.resume_token;
        }
        Ok((position.sequence, signal))
    }

    /// What to hand out of a signal.
    fn accept(
        &mut self,
        sequence: i64,
        signal: Signal<W::State, W::Durable>,
    ) -> Option<MessageOf<W>> {
        if let Signal::End(end) = signal {
            self.end(&end);
            return None;
        }
        self.heard = true;
        self.failures = 0;
        let item = match signal {
            Signal::State(state) => Item::State(state),
            Signal::Durable(durable) => {
                if sequence > 0 && sequence <= self.last_sequence {
                    return None;
                }
                self.last_sequence = self.last_sequence.max(sequence);
                Item::Durable(durable)
            }
            Signal::Progress(progress) => Item::Progress(progress),
            Signal::Synced(synced) => Item::Synced { head_sequence: synced.head_sequence },
            Signal::Heartbeat => {
                self.last_sequence = self.last_sequence.max(sequence);
                return None;
            }
            Signal::Unknown | Signal::End(_) => return None,
        };
        let resume_token = self.request.resume_token().clone();
        Some(Message { sequence, resume_token, item })
    }

    /// The stream ended in order.
    fn end(&mut self, end: &v1::EndOfStream) {
        self.stream = None;
        if !end.resumable {
            self.ended = true;
            return;
        }
        let delay = end.reconnect_delay.and_then(|delay| Duration::try_from(delay).ok());
        let mut delay = delay.unwrap_or_default();
        if !self.heard {
            // A service that keeps ending streams at once must not be called in a tight loop.
            self.failures = self.failures.saturating_add(1);
            delay = delay.max(self.policy.ceiling(self.failures));
        }
        self.not_before = Some(Instant::now() + delay);
    }

    /// The stream broke: prepares to come back, or says why that is of no use.
    fn broken(&mut self, error: Error) -> Option<Result<MessageOf<W>, Error>> {
        self.stream = None;
        if let Some(reason) = lost_its_place(&error) {
            let had_token = !self.request.resume_token().is_empty();
            if had_token {
                self.request.begin_anew();
                if reason == ErrorReason::SequenceInFuture {
                    self.last_sequence = 0;
                }
                let item = Item::Restarted { reason };
                return Some(Ok(Message { sequence: 0, resume_token: String::new(), item }));
            }
        }
        self.failures = self.failures.saturating_add(1);
        // The stream outlived its token; the client may have been given a new one since.
        let outlived = self.heard && error.reason() == Some(ErrorReason::TokenExpired);
        if self.failures > FAILURES_MAX || !(outlived || may_pass(&error)) {
            self.ended = true;
            return Some(Err(error));
        }
        let wait = self.policy.backoff(self.failures, error.retry_delay());
        self.not_before = Some(Instant::now() + wait);
        None
    }
}

/// The interval the service keeps to: 5 to 60 s, 15 s when unset.
fn heartbeat<W: Watch>(request: &W) -> Duration {
    let asked = request.heartbeat_interval().and_then(|asked| Duration::try_from(asked).ok());
    let asked = asked.filter(|asked| !asked.is_zero()).unwrap_or(Duration::from_secs(15));
    asked.clamp(Duration::from_secs(5), Duration::from_secs(60))
}

fn lost_its_place(error: &Error) -> Option<ErrorReason> {
    error.reason().filter(|reason| {
        matches!(reason, ErrorReason::ResumeTokenExpired | ErrorReason::SequenceInFuture)
    })
}

/// Whether coming back may help. A stream that was cut can look like any of these codes.
fn may_pass(error: &Error) -> bool {
    error.status().is_some_and(|status| {
        matches!(
            status.code,
            Code::Unavailable
                | Code::Aborted
                | Code::Cancelled
                | Code::Unknown
                | Code::Internal
                | Code::DeadlineExceeded
                | Code::ResourceExhausted
        )
    })
}
