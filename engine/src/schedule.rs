//! When a run starts, and in which windows it may work. The time that it is comes from outside.
//!
//! Local times follow the time zone's rules, also where clocks are changed. A local time that does
//! not exist is refused as a start, and as an edge of a window is the instant at which the clocks
//! were put forward; of a local time that comes twice the first one is meant. A window that lies
//! in hours that do not exist is left out on that day.

use std::{fmt, str::FromStr};

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike,
    Utc, Weekday,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// How late a run may start where nothing else is said.
pub const CATCH_UP: TimeDelta = TimeDelta::hours(1);
/// The least that can be said.
pub const CATCH_UP_MIN: TimeDelta = TimeDelta::seconds(10);
/// The most that can be said.
pub const CATCH_UP_MAX: TimeDelta = TimeDelta::days(7);
/// How far ahead a start may lie: zones change their rules.
pub const AHEAD_MAX: TimeDelta = TimeDelta::days(366);
/// How many windows a schedule has at most.
pub const WINDOWS_MAX: usize = 50;
/// How many days are looked through for a window; a weekly one comes again even where clocks are changed over it.
const LOOK_AHEAD: u64 = 24;
/// Seconds of a day.
const DAY: u32 = 86_400;

/// A time of day in whole seconds, up to 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u32);

/// A text that is no time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time of day is written HH:MM or HH:MM:SS, from 00:00 to 24:00")]
pub struct NoTimeOfDay;

impl FromStr for TimeOfDay {
    type Err = NoTimeOfDay;

    fn from_str(text: &str) -> Result<Self, NoTimeOfDay> {
        let mut seconds = 0;
        let mut parts = 0;
        for (part, (unit, most)) in text.split(':').zip([(3_600, 24), (60, 59), (1, 59)]) {
            if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(NoTimeOfDay);
            }
            let number: u32 = part.parse().map_err(|_| NoTimeOfDay)?;
            if number > most {
                return Err(NoTimeOfDay);
            }
            seconds += number * unit;
            parts += 1;
        }
        // What `zip` left behind would be a fourth part.
        if parts < 2 || text.split(':').count() != parts || seconds > DAY {
            return Err(NoTimeOfDay);
        }
        Ok(Self(seconds))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:02}:{:02}", self.0 / 3_600, self.0 / 60 % 60)?;
        if self.0.is_multiple_of(60) { Ok(()) } else { write!(to, ":{:02}", self.0 % 60) }
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NoTimeOfDay;

    fn try_from(text: String) -> Result<Self, NoTimeOfDay> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

/// A window that comes again each day, or on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When it opens.
    pub start: TimeOfDay,
    /// When it closes; on the next day where it is not after `start`.
    pub end: TimeOfDay,
    /// The days on which it opens; every day when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
}

/// What happens to a run at the end of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtWindowEnd {
    /// It is paused, and goes on when the next window opens.
    #[default]
    Pause,
    /// It goes on: the windows are for its start alone.
    Continue,
}

/// When a run starts, and when it may work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The start.
    pub start: DateTime<Utc>,
    /// The start as it was said, where it was a local time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_start: Option<NaiveDateTime>,
    /// The zone of local times; none where nothing is local.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "zone_name")]
    pub zone: Option<Tz>,
    /// When it may work; always when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// What happens at the end of a window.
    #[serde(default)]
    pub at_window_end: AtWindowEnd,
    /// How late it may start, in seconds.
    pub catch_up_s: i64,
}

mod zone_name {
    use chrono_tz::Tz;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde gives it so")]
    pub(super) fn serialize<S: Serializer>(zone: &Option<Tz>, to: S) -> Result<S::Ok, S::Error> {
        zone.map(Tz::name).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Tz>, D::Error> {
        let name = Option::<String>::deserialize(from)?;
        name.map(|name| name.parse().map_err(D::Error::custom)).transpose()
    }
}

/// What a local time is in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// This instant; of two the first.
    At(DateTime<Utc>),
    /// Nothing: the clocks were put forward over it, at this instant.
    Skipped(DateTime<Utc>),
}

impl Local {
    /// The instant; of a local time that does not exist the one at which the clocks were changed.
    pub const fn instant(self) -> DateTime<Utc> {
        match self {
            Self::At(instant) | Self::Skipped(instant) => instant,
        }
    }
}

/// The instant of a local time.
pub fn resolve(zone: Tz, local: NaiveDateTime) -> Local {
    if let Some(instant) = zone.from_local_datetime(&local).earliest() {
        return Local::At(instant.to_utc());
    }
    // The clocks are changed at full minutes; the longest leap so far was a day.
    let minute = local.with_nanosecond(0).and_then(|it| it.with_second(0)).unwrap_or(local);
    let after = (1..=26 * 60)
        .filter_map(|minutes| minute.checked_add_signed(TimeDelta::minutes(minutes)))
        .find_map(|later| zone.from_local_datetime(&later).earliest());
    Local::Skipped(after.map_or_else(|| local.and_utc(), |instant| instant.to_utc()))
}

/// Why a schedule is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The start lies in the past.
    #[error("the start is not in the future")]
    Past,
    /// The start lies too far ahead.
    #[error("the start is more than a year ahead")]
    TooFar,
    /// The start lies in no window.
    #[error("the start is in none of the windows")]
    OutsideWindows,
}

/// Whether a run may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may, until then; for good where that is none.
    Open(Option<DateTime<Utc>>),
    /// It may not before then; never where that is none.
    Closed(Option<DateTime<Utc>>),
}

/// What is to be done about the start of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing before then.
    At(DateTime<Utc>),
    /// It is to start.
    Now,
    /// It can no longer start in time.
    Missed,
}

impl Schedule {
    /// Whether it can be taken up now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        if self.start <= now {
            return Err(Refusal::Past);
        }
        if self.start - now > AHEAD_MAX {
            return Err(Refusal::TooFar);
        }
        match self.gate(self.start) {
            Gate::Open(_) => Ok(()),
            Gate::Closed(_) => Err(Refusal::OutsideWindows),
        }
    }

    /// What is to be done about the start: late it may be by the time to catch up, and it never lies
    /// outside the windows.
    pub fn start(&self, now: DateTime<Utc>) -> Start {
        let wanted = now.max(self.start);
        let possible = match self.gate(wanted) {
            Gate::Open(_) => wanted,
            Gate::Closed(Some(opening)) => opening,
            Gate::Closed(None) => return Start::Missed,
        };
        if possible - self.start > TimeDelta::seconds(self.catch_up_s) {
            Start::Missed
        } else if possible <= now {
            Start::Now
        } else {
            Start::At(possible)
        }
    }

    /// Whether a run that has started may work.
    pub fn work(&self, now: DateTime<Utc>) -> Gate {
        match self.at_window_end {
            AtWindowEnd::Pause => self.gate(now),
            AtWindowEnd::Continue => Gate::Open(None),
        }
    }

    /// Whether a window is open, and how long it stays so.
    fn gate(&self, now: DateTime<Utc>) -> Gate {
        let Some(zone) = self.zone.filter(|_| !self.windows.is_empty()) else {
            return Gate::Open(None);
        };
        let today = now.with_timezone(&zone).date_naive();
        let first = today.checked_sub_days(Days::new(2)).unwrap_or(today);
        let spans = (0..LOOK_AHEAD).filter_map(|day| first.checked_add_days(Days::new(day)));
        let mut spans: Vec<_> = spans.flat_map(|day| self.openings(zone, day)).collect();
        spans.sort_unstable();
        let mut open_until = None;
        for (opening, closing) in spans {
            match open_until {
                None if closing <= now => {}
                None if opening > now => return Gate::Closed(Some(opening)),
                None => open_until = Some(closing),
                // Windows that touch or overlap are one.
                Some(until) if opening <= until => open_until = Some(until.max(closing)),
                Some(until) => return Gate::Open(Some(until)),
            }
        }
        // No end was seen, or no beginning.
        if open_until.is_some() { Gate::Open(None) } else { Gate::Closed(None) }
    }

    /// The windows that open on a day.
    fn openings(
        &self,
        zone: Tz,
        day: NaiveDate,
    ) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let opens =
            move |it: &&Window| it.weekdays.is_empty() || it.weekdays.contains(&day.weekday());
        self.windows.iter().filter(opens).filter_map(move |window| {
            let next = u32::from(window.end <= window.start) * DAY;
            let at = |seconds: u32| {
                let midnight = day.and_time(NaiveTime::MIN);
                let local = midnight.checked_add_signed(TimeDelta::seconds(seconds.into()))?;
                Some(resolve(zone, local).instant())
            };
            let (opening, closing) = (at(window.start.0)?, at(window.end.0 + next)?);
            (opening < closing).then_some((opening, closing))
        })
    }
}

#[cfg(test)]
mod tests;
