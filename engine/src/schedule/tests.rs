//! Schedules against the clocks of real zones.

use proptest::prelude::*;

use super::*;

/// An instant.
fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A local time.
fn local(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn window(start: &str, end: &str, weekdays: &[Weekday]) -> Window {
    Window { start: start.parse().unwrap(), end: end.parse().unwrap(), weekdays: weekdays.to_vec() }
}

fn schedule(zone: Tz, start: &str, windows: Vec<Window>) -> Schedule {
    Schedule {
        start: at(start),
        local_start: None,
        zone: Some(zone),
        windows,
        at_window_end: AtWindowEnd::Pause,
        catch_up_s: 3_600,
    }
}

const BERLIN: Tz = Tz::Europe__Berlin;

#[test]
fn times_of_day_are_read_and_written() {
    let table = [
        ("00:00", Some("00:00")),
        ("22:30", Some("22:30")),
        ("22:30:00", Some("22:30")),
        ("06:00:05", Some("06:00:05")),
        ("24:00", Some("24:00")),
        ("24:00:01", None),
        ("24:01", None),
        ("7:00", None),
        ("07:60", None),
        ("07", None),
        ("07:00:00:00", None),
        ("+7:00", None),
        ("", None),
    ];
    for (text, written) in table {
        let read = text.parse::<TimeOfDay>().ok().map(|time| time.to_string());
        assert_eq!(read.as_deref(), written, "{text}");
    }
}

#[test]
fn local_times_that_are_skipped_or_come_twice_are_told_apart() {
    // 2026-03-29, 02:00 becomes 03:00; 2026-10-25, 03:00 becomes 02:00.
    let table = [
        ("2026-03-29T01:59:59", Local::At(at("2026-03-29T00:59:59Z"))),
        ("2026-03-29T02:00:00", Local::Skipped(at("2026-03-29T01:00:00Z"))),
        ("2026-03-29T02:30:17", Local::Skipped(at("2026-03-29T01:00:00Z"))),
        ("2026-03-29T03:00:00", Local::At(at("2026-03-29T01:00:00Z"))),
        ("2026-10-25T02:30:00", Local::At(at("2026-10-25T00:30:00Z"))),
        ("2026-10-25T03:00:00", Local::At(at("2026-10-25T02:00:00Z"))),
    ];
    for (text, expected) in table {
        assert_eq!(resolve(BERLIN, local(text)), expected, "{text}");
    }
    // Samoa left a whole day out.
    let skipped = resolve(Tz::Pacific__Apia, local("2011-12-30T12:00:00"));
    assert_eq!(skipped, Local::Skipped(at("2011-12-30T10:00:00Z")));
}

#[test]
fn a_start_must_lie_ahead_and_in_a_window() {
    let nights = || vec![window("22:00", "06:00", &[])];
    let now = at("2026-11-27T12:00:00Z");
    let table = [
        ("2026-11-27T12:00:00Z", vec![], Err(Refusal::Past)),
        ("2026-11-27T12:00:01Z", vec![], Ok(())),
        ("2028-01-01T00:00:00Z", vec![], Err(Refusal::TooFar)),
        // Berlin is an hour ahead.
        ("2026-11-27T20:59:59Z", nights(), Err(Refusal::OutsideWindows)),
        ("2026-11-27T21:00:00Z", nights(), Ok(())),
        ("2026-11-28T04:59:59Z", nights(), Ok(())),
        ("2026-11-28T05:00:00Z", nights(), Err(Refusal::OutsideWindows)),
    ];
    for (start, windows, expected) in table {
        assert_eq!(schedule(BERLIN, start, windows).check(now), expected, "{start}");
    }
}

#[test]
fn a_late_start_is_caught_up_in_time_and_in_a_window_or_is_missed() {
    let start = "2026-11-27T21:00:00Z";
    let mut plan = schedule(BERLIN, start, vec![]);
    assert_eq!(plan.start(at("2026-11-27T20:59:59Z")), Start::At(at(start)));
    assert_eq!(plan.start(at(start)), Start::Now);
    assert_eq!(plan.start(at("2026-11-27T22:00:00Z")), Start::Now);
    assert_eq!(plan.start(at("2026-11-27T22:00:01Z")), Start::Missed);
    plan.windows = vec![window("22:00", "22:10", &[])];
    assert_eq!(plan.start(at("2026-11-27T21:09:59Z")), Start::Now);
    assert_eq!(plan.start(at("2026-11-27T21:10:00Z")), Start::Missed);
    // The next window opens early enough.
    plan.catch_up_s = 25 * 3_600;
    assert_eq!(plan.start(at("2026-11-27T21:10:00Z")), Start::At(at("2026-11-28T21:00:00Z")));
    // So it is where the run would go on at the end of a window: it does not begin outside one.
    plan.at_window_end = AtWindowEnd::Continue;
    assert_eq!(plan.start(at("2026-11-27T21:10:00Z")), Start::At(at("2026-11-28T21:00:00Z")));
    assert_eq!(plan.work(at("2026-11-27T21:10:00Z")), Gate::Open(None));
}

#[test]
fn windows_pass_midnight_touch_each_other_and_keep_to_their_days() {
    let nights = schedule(BERLIN, "2026-11-27T21:00:00Z", vec![window("22:00", "06:00", &[])]);
    assert_eq!(
        nights.work(at("2026-11-27T23:30:00Z")),
        Gate::Open(Some(at("2026-11-28T05:00:00Z")))
    );
    assert_eq!(
        nights.work(at("2026-11-28T05:00:00Z")),
        Gate::Closed(Some(at("2026-11-28T21:00:00Z")))
    );
    // From Saturday to Monday morning, in three pieces.
    let weekend = [
        window("00:00", "24:00", &[Weekday::Sat, Weekday::Sun]),
        window("00:00", "05:00", &[Weekday::Mon]),
    ];
    let weekend = schedule(BERLIN, "2026-11-28T12:00:00Z", weekend.to_vec());
    assert_eq!(
        weekend.work(at("2026-11-27T12:00:00Z")),
        Gate::Closed(Some(at("2026-11-27T23:00:00Z")))
    );
    assert_eq!(
        weekend.work(at("2026-11-28T12:00:00Z")),
        Gate::Open(Some(at("2026-11-30T04:00:00Z")))
    );
    let always = schedule(BERLIN, "2026-11-28T12:00:00Z", vec![window("00:00", "24:00", &[])]);
    assert_eq!(always.work(at("2026-11-28T12:00:00Z")), Gate::Open(None));
    let never = schedule(BERLIN, "2026-11-28T12:00:00Z", vec![]);
    assert_eq!(never.work(at("2026-11-28T12:00:00Z")), Gate::Open(None));
}

#[test]
fn windows_follow_the_clocks_when_they_are_changed() {
    let with = |windows| schedule(BERLIN, "2026-03-28T12:00:00Z", windows);
    // Half of it does not exist: it opens when the clocks have been put forward.
    let cut = with(vec![window("02:30", "04:00", &[])]);
    assert_eq!(
        cut.work(at("2026-03-29T00:59:59Z")),
        Gate::Closed(Some(at("2026-03-29T01:00:00Z")))
    );
    assert_eq!(cut.work(at("2026-03-29T01:00:00Z")), Gate::Open(Some(at("2026-03-29T02:00:00Z"))));
    // None of it exists: that day has none.
    let gone = with(vec![window("02:15", "02:45", &[])]);
    assert_eq!(
        gone.work(at("2026-03-29T00:00:00Z")),
        Gate::Closed(Some(at("2026-03-30T00:15:00Z")))
    );
    // A weekly one is left out for a week.
    let weekly = with(vec![window("02:15", "02:45", &[Weekday::Sun])]);
    assert_eq!(
        weekly.work(at("2026-03-28T00:00:00Z")),
        Gate::Closed(Some(at("2026-04-05T00:15:00Z")))
    );
    // The night in which an hour comes twice is an hour longer; an edge in it is the first one.
    let night = with(vec![window("22:00", "06:00", &[])]);
    let (opening, closing) = (at("2026-10-24T20:00:00Z"), at("2026-10-25T05:00:00Z"));
    assert_eq!(night.work(opening), Gate::Open(Some(closing)));
    assert_eq!(closing - opening, TimeDelta::hours(9));
    let early = with(vec![window("01:00", "02:30", &[])]);
    assert_eq!(
        early.work(at("2026-10-25T00:15:00Z")),
        Gate::Open(Some(at("2026-10-25T00:30:00Z")))
    );
    assert!(matches!(early.work(at("2026-10-25T01:15:00Z")), Gate::Closed(Some(_))));
}

#[test]
fn what_is_stored_is_read_again() {
    let mut plan = schedule(
        Tz::America__New_York,
        "2026-11-28T02:00:00Z",
        vec![window("20:00", "05:30", &[Weekday::Fri])],
    );
    plan.local_start = Some(local("2026-11-27T21:00:00"));
    let text = serde_json::to_string(&plan).unwrap();
    assert!(text.contains("\"America/New_York\"") && text.contains("\"05:30\""), "{text}");
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), plan);
    let bare = Schedule { zone: None, windows: vec![], local_start: None, ..plan };
    let text = serde_json::to_string(&bare).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), bare);
}

proptest! {
    /// Whatever the windows, an edge that is foretold is one: before it all is as said, at it all is
    /// the other way round.
    #[test]
    fn foretold_edges_are_edges(
        zone in prop::sample::select(vec![
            BERLIN, Tz::UTC, Tz::America__New_York, Tz::Australia__Lord_Howe, Tz::Asia__Kathmandu,
            Tz::America__Santiago, Tz::Pacific__Apia,
        ]),
        now in 1_767_225_600_i64..1_830_297_600,
        spans in prop::collection::vec((0_u32..96, 1_u32..96, 0_u8..128), 1..4),
    ) {
        let days = [
            Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat,
            Weekday::Sun,
        ];
        let windows = spans.into_iter().map(|(start, length, mask)| {
            let weekdays = days.into_iter().enumerate();
            Window {
                start: TimeOfDay(start * 900),
                end: TimeOfDay((start + length) * 900 % DAY),
                weekdays: weekdays.filter(|(n, _)| mask >> n & 1 == 1).map(|(_, day)| day).collect(),
            }
        });
        let plan = schedule(zone, "2026-01-01T00:00:00Z", windows.collect());
        let now = DateTime::from_timestamp(now, 0).unwrap();
        let second = TimeDelta::seconds(1);
        match plan.work(now) {
            Gate::Open(Some(until)) => {
                prop_assert!(until > now);
                prop_assert_eq!(plan.work(until - second), Gate::Open(Some(until)));
                prop_assert!(matches!(plan.work(until), Gate::Closed(_)));
            }
            Gate::Closed(Some(until)) => {
                prop_assert!(until > now);
                prop_assert_eq!(plan.work(until - second), Gate::Closed(Some(until)));
                prop_assert!(matches!(plan.work(until), Gate::Open(_)));
                prop_assert!(matches!(plan.start(now), Start::At(_) | Start::Missed));
            }
            Gate::Open(None) => {}
            Gate::Closed(None) => prop_assert!(false, "a weekly window comes within two weeks"),
        }
    }
}
