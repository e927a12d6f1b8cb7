//! What a stream told, recorded message by message and held against the contract of `stream.proto`.

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use cartage_client::v1;
use tonic::{Status, Streaming};

use crate::support::soon;

/// One message, whatever watch it is of.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) sequence: i64,
    pub(crate) token: String,
    pub(crate) what: What,
}

/// What a message is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// The resource as it is.
    State,
    Event(Box<v1::Event>),
    Finding(Box<v1::Finding>),
    Progress(Box<v1::Progress>),
    Heartbeat,
    /// With the head at the opening.
    Synced(i64),
    End(v1::EndOfStream),
}

impl Said {
    /// Sequence and uid of a durable message.
    pub(crate) fn durable(&self) -> Option<(i64, String)> {
        match &self.what {
            What::Event(event) => Some((event.sequence, event.uid.clone())),
            What::Finding(finding) => Some((finding.sequence, finding.uid.clone())),
            _ => None,
        }
    }
}

/// A message of a watch.
pub(crate) trait Message: Debug {
    fn said(self) -> Said;
}

macro_rules! messages {
    ($($response:ident in $module:ident: $durable:ident $(, $state:ident)?;)*) => {
        $(impl Message for v1::$response {
            fn said(self) -> Said {
                use v1::$module::Message as M;
                let position = self.position.expect("every message has a position");
                let what = match self.message.expect("every message says something") {
                    $(M::$state(_) => What::State,)?
                    M::$durable(it) => What::$durable(Box::new(it)),
                    M::Progress(it) => What::Progress(Box::new(it)),
                    M::Heartbeat(_) => What::Heartbeat,
                    M::Synced(it) => What::Synced(it.head_sequence),
                    M::EndOfStream(it) => What::End(it),
                };
                Said { sequence: position.sequence, token: position.resume_token, what }
            }
        })*
    };
}

messages! {
    WatchEventsResponse in watch_events_response: Event;
    WatchRunResponse in watch_run_response: Event, Run;
    WatchSnapshotResponse in watch_snapshot_response: Event, Snapshot;
    WatchAuditResponse in watch_audit_response: Finding, Audit;
}

/// How a recorded stream was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The sequence it was to begin after, where that is known.
    pub(crate) after: Option<i64>,
    /// Whether everything in the sequence matches.
    pub(crate) dense: bool,
    pub(crate) min_progress: Duration,
}

impl Asked {
    /// For all there is.
    pub(crate) fn all(after: Option<i64>) -> Self {
        Self { after, dense: true, min_progress: Duration::from_secs(1) }
    }

    /// For what matches.
    pub(crate) fn some(after: Option<i64>) -> Self {
        Self { dense: false, ..Self::all(after) }
    }
}

/// How a recorded stream ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The reader had enough.
    Cut,
    /// With the status OK.
    Ok,
    /// With an error.
    With(Box<Status>),
}

/// What a stream told. It kept the contract: every recording is checked when it is made.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) asked: Asked,
    pub(crate) said: Vec<Said>,
    pub(crate) ended: Ended,
}

impl Recording {
    /// Reads a stream to its end.
    pub(crate) async fn whole<M: Message>(stream: &mut Streaming<M>, asked: Asked) -> Self {
        Self::until(stream, asked, |_| false).await
    }

    /// Reads a stream until a message is the last one that is wanted.
    pub(crate) async fn until<M: Message>(
        stream: &mut Streaming<M>,
        asked: Asked,
        mut last: impl FnMut(&Said) -> bool,
    ) -> Self {
        let mut said = Vec::new();
        // All of it: heartbeats come for ever.
        let ended = soon(async {
            loop {
                match stream.message().await {
                    Ok(Some(message)) => said.push(message.said()),
                    Ok(None) => break Ended::Ok,
                    Err(status) => break Ended::With(Box::new(status)),
                }
                if said.last().is_some_and(&mut last) {
                    break Ended::Cut;
                }
            }
        })
        .await;
        let recording = Self { asked, said, ended };
        recording.check();
        recording
    }

    /// Reads so many durable messages.
    pub(crate) async fn of<M: Message>(
        stream: &mut Streaming<M>,
        asked: Asked,
        count: usize,
    ) -> Self {
        let mut left = count;
        let recording = Self::until(stream, asked, |said| {
            left -= usize::from(said.durable().is_some());
            left == 0
        });
        let recording = recording.await;
        assert_eq!(recording.sequences().len(), count, "{recording:?}");
        recording
    }

    /// The sequences of its durable messages.
    pub(crate) fn sequences(&self) -> Vec<i64> {
        self.said.iter().filter_map(Said::durable).map(|(sequence, _)| sequence).collect()
    }

    /// Its events.
    pub(crate) fn events(&self) -> impl Iterator<Item = &v1::Event> {
        self.said.iter().filter_map(|said| match &said.what {
            What::Event(event) => Some(event.as_ref()),
            _ => None,
        })
    }

    /// Its progress.
    pub(crate) fn progress(&self) -> impl Iterator<Item = &v1::Progress> {
        self.said.iter().filter_map(|said| match &said.what {
            What::Progress(progress) => Some(progress.as_ref()),
            _ => None,
        })
    }

    /// The token of its last message.
    pub(crate) fn token(&self) -> String {
        self.said.last().unwrap().token.clone()
    }

    /// The last message of a stream that ended in order.
    pub(crate) fn end(&self) -> &v1::EndOfStream {
        match self.said.last().map(|said| &said.what) {
            Some(What::End(end)) if matches!(self.ended, Ended::Ok) => end,
            _ => panic!("it did not end in order: {self:?}"),
        }
    }

    /// The error it ended with.
    pub(crate) fn error(&self) -> &Status {
        match &self.ended {
            Ended::With(status) => status,
            _ => panic!("it did not end with an error: {self:?}"),
        }
    }

    fn check(&self) {
        if let Err(problem) = self.keeps_the_contract() {
            panic!("{problem}: {self:#?}");
        }
    }

    /// The promises of `stream.proto` that one stream can break.
    pub(crate) fn keeps_the_contract(&self) -> Result<(), String> {
        let sure = |holds: bool, promise: &str| {
            if holds { Ok(()) } else { Err(promise.to_owned()) }
        };
        // Up to where all is told: the last durable message, or a position that said so.
        let mut told = self.asked.after;
        let mut uids = BTreeSet::new();
        let mut synced = None;
        let mut measured: Option<prost_types::Timestamp> = None;
        for (place, said) in self.said.iter().enumerate() {
            sure(!said.token.is_empty(), "every message can be resumed after")?;
            if let Some((sequence, uid)) = said.durable() {
                sure(said.sequence == sequence, "a durable message stands at its position")?;
                let next = told.is_none_or(|told| sequence > told);
                sure(next, "sequences rise, and nothing comes that a position said was sent")?;
                let gapless = told.is_none_or(|told| !self.asked.dense || sequence == told + 1);
                sure(gapless, "nothing is left out")?;
                sure(uids.insert(uid), "nothing comes twice")?;
                told = Some(sequence);
                continue;
            }
            sure(told.is_none_or(|told| said.sequence >= told), "positions do not go back")?;
            let ahead = self.asked.dense && told.is_some_and(|told| said.sequence != told);
            sure(!ahead, "a position does not run ahead of what was sent")?;
            told = Some(said.sequence);
            match &said.what {
                What::Synced(head) => {
                    sure(synced.replace(*head).is_none(), "there is one marker at most")?;
                    sure(said.sequence >= *head, "all from before the opening comes before it")?;
                }
                What::End(_) => {
                    sure(place + 1 == self.said.len(), "nothing follows the last message")?;
                    sure(!matches!(self.ended, Ended::With(_)), "no error follows it either")?;
                }
                What::Progress(progress) => {
                    let now = progress.measure_time.ok_or("progress has a time")?;
                    if let Some(before) = measured.replace(now) {
                        let since = Duration::try_from(prost_types::Duration {
                            seconds: now.seconds - before.seconds,
                            nanos: now.nanos - before.nanos,
                        });
                        // The two clocks of the server may differ a little in their speed.
                        let pause = self.asked.min_progress * 9 / 10;
                        sure(since.is_ok_and(|it| it >= pause), "progress is not too frequent")?;
                    }
                }
                _ => {}
            }
        }
        let last = self.said.last().map(|said| &said.what);
        let in_order = matches!(last, Some(What::End(_)));
        sure(in_order || !matches!(self.ended, Ended::Ok), "an OK end has a last message")
    }
}

/// The checker itself: each promise broken once.
#[test]
fn a_broken_promise_is_seen() {
    let said = |sequence, what| Said { sequence, token: "t".to_owned(), what };
    let event = |sequence: i64| {
        let event = v1::Event { sequence, uid: sequence.to_string(), ..Default::default() };
        said(sequence, What::Event(Box::new(event)))
    };
    let progress = |millis: i32| {
        let measure_time = Some(prost_types::Timestamp { seconds: 0, nanos: millis * 1_000_000 });
        said(1, What::Progress(Box::new(v1::Progress { measure_time, ..Default::default() })))
    };
    let end = |sequence| said(sequence, What::End(v1::EndOfStream::default()));
    let beat = |sequence| said(sequence, What::Heartbeat);
    let synced = |sequence, head| said(sequence, What::Synced(head));
    let problem = |dense, ended, said: &[Said]| {
        let asked = Asked { dense, ..Asked::all(Some(0)) };
        Recording { asked, said: said.to_vec(), ended }.keeps_the_contract().err()
    };
    let fine = [event(1), synced(1, 1), event(2), beat(2), end(2)];
    assert_eq!(problem(true, Ended::Ok, &fine), None);
    let filtered = [event(2), beat(5), synced(5, 4), event(7), end(9)];
    assert_eq!(problem(false, Ended::Ok, &filtered), None);
    let error = || Ended::With(Box::new(Status::unknown("")));
    let twin = Said { what: event(1).what, ..event(2) };
    let again = v1::Event { sequence: 2, uid: "1".to_owned(), ..Default::default() };
    let mute = Said { token: String::new(), ..event(1) };
    for (dense, ended, said, expected) in [
        (true, Ended::Cut, vec![event(2)], "nothing is left out"),
        (true, Ended::Cut, vec![event(1), event(3)], "nothing is left out"),
        (false, Ended::Cut, vec![event(3), event(2)], "sequences rise"),
        (false, Ended::Cut, vec![event(3), event(3)], "sequences rise"),
        (false, Ended::Cut, vec![beat(4), event(3)], "sequences rise"),
        (true, Ended::Cut, vec![event(1), twin], "stands at its position"),
        (true, Ended::Cut, vec![event(1), said(2, What::Event(Box::new(again)))], "comes twice"),
        (true, Ended::Cut, vec![event(1), beat(2)], "does not run ahead"),
        (false, Ended::Cut, vec![event(3), beat(2)], "do not go back"),
        (true, Ended::Cut, vec![mute], "can be resumed"),
        (true, Ended::Cut, vec![event(1), synced(1, 2)], "before the opening"),
        (true, Ended::Cut, vec![synced(0, 0), synced(0, 0)], "one marker"),
        (true, Ended::Ok, vec![event(1)], "an OK end has a last message"),
        (true, Ended::Ok, vec![end(0), end(0)], "nothing follows the last message"),
        (true, Ended::Ok, vec![end(0), event(1)], "nothing follows the last message"),
        (true, error(), vec![end(0)], "no error follows"),
        (true, Ended::Cut, vec![event(1), progress(0), progress(800)], "not too frequent"),
    ] {
        let problem = problem(dense, ended, &said).unwrap_or_default();
        assert!(problem.contains(expected), "{problem:?} is not {expected:?}");
    }
}
