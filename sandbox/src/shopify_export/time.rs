//! Dates as Shopify writes them: the shop's local time with its offset, summer time included.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta, Utc, Weekday};

/// Orders lie between these days. Fixed, so that files repeat.
const FIRST_DAY: (i32, u32, u32) = (2025, 8, 1);
const DAYS: i64 = 456;

/// The moment `part` of `whole` through the shop's life, as seconds of the epoch in UTC.
pub(super) fn moment(part: usize, whole: usize, jitter_seconds: i64) -> DateTime<Utc> {
    let span = DAYS * 86_400;
    let offset = span.saturating_mul(part as i64) / (whole.max(1) as i64);
    start() + TimeDelta::seconds(offset + jitter_seconds)
}

fn start() -> DateTime<Utc> {
    let (year, month, day) = FIRST_DAY;
    NaiveDate::from_ymd_opt(year, month, day)
        .and_then(|date| date.and_hms_opt(6, 0, 0))
        .map_or(DateTime::UNIX_EPOCH, |time| time.and_utc())
}

/// `2026-03-01 10:12:13 +0100`: the clock of a shop in Berlin.
pub(super) fn text(moment: DateTime<Utc>) -> String {
    let hours = if is_summer(moment) { 2 } else { 1 };
    match FixedOffset::east_opt(hours * 3600) {
        Some(zone) => moment.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %z").to_string(),
        None => moment.format("%Y-%m-%d %H:%M:%S +0000").to_string(),
    }
}

/// The month of a moment in UTC, as the manifest names it: `2026-03`.
pub(super) fn month(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m").to_string()
}

/// European summer time: from the last Sunday of March to that of October, 01:00 UTC.
fn is_summer(moment: DateTime<Utc>) -> bool {
    let change = |month| {
        last_sunday(moment.year(), month)
            .and_then(|date| date.and_hms_opt(1, 0, 0))
            .map(|time| time.and_utc())
    };
    match (change(3), change(10)) {
        (Some(from), Some(until)) => moment >= from && moment < until,
        _ => false,
    }
}

fn last_sunday(year: i32, month: u32) -> Option<NaiveDate> {
    let last = NaiveDate::from_ymd_opt(year, month, 31)?;
    let back = last.weekday().days_since(Weekday::Sun);
    last.checked_sub_signed(TimeDelta::days(i64::from(back)))
}
