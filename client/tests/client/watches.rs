//! Watches over streams that are cut, repeat themselves, fall silent and end.

use std::time::Duration;

use cartage_client::{
    Error, v1,
    watch::{Item, watch},
};
use tokio::time::Instant;
use tonic::{Code, Status};
use v1::{ErrorReason, end_of_stream::Reason, watch_run_response::Message as M};

use super::fake::{Fake, Seen, breaks, ends, hangs, status};

const WATCH: &str = "RunService/WatchRun";

fn message(sequence: i64, message: M) -> v1::WatchRunResponse {
    let position = v1::StreamPosition { sequence, resume_token: format!("after {sequence}") };
    v1::WatchRunResponse { position: Some(position), message: Some(message) }
}

fn event(sequence: i64) -> v1::WatchRunResponse {
    message(sequence, M::Event(v1::Event { sequence, ..Default::default() }))
}

fn heartbeat(sequence: i64) -> v1::WatchRunResponse {
    message(sequence, M::Heartbeat(v1::Heartbeat::default()))
}

fn end(resumable: bool, delay: i64) -> v1::WatchRunResponse {
    let reconnect_delay = Some(prost_types::Duration { seconds: delay, nanos: 0 });
    let mut end = v1::EndOfStream { resumable, reconnect_delay, ..Default::default() };
    end.set_reason(if resumable { Reason::ServerDraining } else { Reason::ResourceTerminal });
    v1::WatchRunResponse { position: None, message: Some(M::EndOfStream(end)) }
}

/// Watches to the end: the sequences of the events, or the restart marked as 0, and the error if any.
async fn collect(fake: &Fake, token: &str) -> (Vec<i64>, Option<Error>) {
    let request = v1::WatchRunRequest { resume_token: token.to_owned(), ..Default::default() };
    let mut watcher = watch(&fake.client(), request);
    let mut sequences = Vec::new();
    while let Some(message) = watcher.next().await {
        match message {
            Ok(message) => match message.item {
                Item::Durable(event) => {
                    assert_eq!(message.resume_token, format!("after {}", event.sequence));
                    sequences.push(event.sequence);
                }
                Item::Restarted { .. } => sequences.push(0),
                _ => {}
            },
            Err(error) => return (sequences, Some(error)),
        }
    }
    (sequences, None)
}

fn tokens(seen: &Seen<v1::WatchRunRequest>) -> Vec<String> {
    seen.messages().into_iter().map(|request| request.resume_token).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_in_any_way_is_resumed_without_gap_or_repetition() {
    let broken = || {
        vec![
            breaks(vec![event(1), event(2)], Status::internal("h2 protocol error")),
            ends(vec![event(2), event(3)]),
            breaks(
                vec![heartbeat(4)],
                status(Code::ResourceExhausted, ErrorReason::SlowConsumer, None),
            ),
            Err(Status::unavailable("nobody there")),
            Err(Status::with_details(Code::Unknown, "", vec![0xff; 20].into())),
            ends(vec![event(4), event(5), event(5), end(false, 0)]),
        ]
    };
    let fake = Fake::default();
    let seen = fake.streams::<v1::WatchRunRequest, _>(WATCH, broken());
    let (sequences, error) = collect(&fake, "").await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(sequences, [1, 2, 3, 5]);
    assert_eq!(tokens(&seen), ["", "after 2", "after 3", "after 4", "after 4", "after 4"]);
}

#[tokio::test(start_paused = true)]
async fn three_missed_heartbeats_break_a_stream() {
    let fake = Fake::default();
    let scripts = [hangs(vec![event(1)]), hangs(vec![]), ends(vec![event(2), end(false, 0)])];
    fake.streams::<v1::WatchRunRequest, _>(WATCH, scripts);
    let begin = Instant::now();
    let (sequences, error) = collect(&fake, "").await;
    assert!(error.is_none());
    assert_eq!(sequences, [1, 2]);
    let waited = begin.elapsed();
    // Two silences of 45 s, and a wait below 1 s and 1.3 s.
    assert!(waited >= Duration::from_secs(90) && waited < Duration::from_secs(93), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_resumable_is_obeyed() {
    let fake = Fake::default();
    let scripts = [ends(vec![event(1), end(true, 7)]), ends(vec![event(2), end(false, 0)])];
    let seen = fake.streams::<v1::WatchRunRequest, _>(WATCH, scripts);
    let begin = Instant::now();
    assert_eq!(collect(&fake, "kept").await.0, [1, 2]);
    assert_eq!(begin.elapsed(), Duration::from_secs(7));
    assert_eq!(tokens(&seen), ["kept", "after 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_ends_every_stream_at_once_is_not_called_in_a_tight_loop() {
    let fake = Fake::default();
    let barren = (0..5).map(|_| ends(vec![end(true, 0)]));
    fake.streams::<v1::WatchRunRequest, _>(WATCH, barren.chain([ends(vec![end(false, 0)])]));
    let begin = Instant::now();
    assert!(collect(&fake, "").await.0.is_empty());
    assert!(begin.elapsed() >= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_gone_is_left_with_notice() {
    let table = [
        // The history is gone: what was seen is not told again.
        (ErrorReason::ResumeTokenExpired, vec![5, 0, 6]),
        // The service was restored: its sequence begins below what was seen.
        (ErrorReason::SequenceInFuture, vec![5, 0, 4, 6]),
    ];
    for (reason, expected) in table {
        let fake = Fake::default();
        let scripts = [
            ends(vec![event(5)]),
            Err(status(Code::OutOfRange, reason, None)),
            ends(vec![event(4), event(6), end(false, 0)]),
        ];
        let seen = fake.streams::<v1::WatchRunRequest, _>(WATCH, scripts);
        assert_eq!(collect(&fake, "").await.0, expected);
        assert_eq!(tokens(&seen), ["", "after 5", ""]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_begins_anew_does_not_ask_for_its_first_place_again() {
    let reason = ErrorReason::ResumeTokenExpired;
    let position = v1::StreamPosition { sequence: 7, resume_token: "after 7".to_owned() };
    let answer = |message| v1::WatchEventsResponse {
        position: Some(position.clone()),
        message: Some(message),
    };
    let event = v1::Event { sequence: 7, ..Default::default() };
    let scripts = [
        ends(vec![answer(v1::watch_events_response::Message::Event(event))]),
        Err(status(Code::OutOfRange, reason, None)),
        ends(vec![answer(v1::watch_events_response::Message::EndOfStream(Default::default()))]),
    ];
    let fake = Fake::default();
    let seen = fake.streams::<v1::WatchEventsRequest, _>("EventService/WatchEvents", scripts);
    let request = v1::WatchEventsRequest { after_sequence: Some(6), ..Default::default() };
    let mut watcher = watch(&fake.client(), request);
    let mut items = Vec::new();
    while let Some(message) = watcher.next().await {
        items.push(message.unwrap().item);
    }
    assert!(matches!(items[..], [Item::Durable(_), Item::Restarted { .. }]), "{items:?}");
    let asked = seen.messages();
    let asked: Vec<_> =
        asked.iter().map(|it| (it.resume_token.as_str(), it.after_sequence)).collect();
    assert_eq!(asked, [("", Some(6)), ("after 7", Some(6)), ("", None)]);
}

#[tokio::test(start_paused = true)]
async fn errors_that_will_not_pass_end_the_watch() {
    let table = [
        status(Code::NotFound, ErrorReason::ResourceNotFound, None),
        status(Code::PermissionDenied, ErrorReason::AccessDenied, None),
        status(Code::Unauthenticated, ErrorReason::TokenExpired, None),
        status(Code::InvalidArgument, ErrorReason::ResumeTokenInvalid, None),
        status(Code::OutOfRange, ErrorReason::ResumeTokenExpired, None),
    ];
    for failure in table {
        let fake = Fake::default();
        let seen = fake.streams::<v1::WatchRunRequest, v1::WatchRunResponse>(WATCH, [Err(failure)]);
        let (sequences, error) = collect(&fake, "").await;
        assert!(sequences.is_empty() && error.is_some());
        assert_eq!(seen.messages().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_gives_up_after_long() {
    let fake = Fake::default();
    let down = (0..40).map(|_| Err(Status::unavailable("down")));
    let seen = fake.streams::<v1::WatchRunRequest, v1::WatchRunResponse>(WATCH, down);
    assert!(collect(&fake, "").await.1.is_some());
    assert_eq!(seen.messages().len(), 25);
}
