//! Schedules of runs: as they are said, and as they are shown.

use cartage_engine::schedule::{
    AtWindowEnd, CATCH_UP, CATCH_UP_MAX, CATCH_UP_MIN, Local, Schedule, TimeOfDay, WINDOWS_MAX,
    Window, resolve,
};
use cartage_proto::v1::{
    self,
    run_schedule::{Start, WindowEndAction},
    run_window::Weekday,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::super::{
    Api,
    change::{Begun, Change},
    convert::{instant, timestamp},
    own_name,
};
use crate::{
    app::run::{self, Run},
    error::{Error, Result},
    token::Caller,
};

/// How a local time is written.
const LOCAL_FORMATS: [&str; 2] = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];

impl Api {
    pub(super) async fn schedule(
        &self,
        caller: &Caller,
        request: v1::ScheduleRunRequest,
    ) -> Result<v1::Run> {
        let name = own_name(caller, &request.name, "runs", "name")?;
        let mut change = match Change::begin(self, caller, "ScheduleRun", &request).await? {
            Begun::Replay(response) => return Ok(response),
            Begun::Fresh(change) => change,
        };
        let schedule = request.schedule.as_ref();
        let schedule = schedule
            .ok_or_else(|| Error::field("schedule", "REQUIRED", "Say when the run starts."))?;
        let schedule = decode(schedule)?;
        let mut run = change.tx.resource_lock::<Run>(&name).await?;
        run.check_etag(&request.etag, true)?;
        let event = run::schedule::schedule(&mut change.tx, &mut run, schedule).await?;
        change.event(name.stream(), event);
        let response = self.encoded_run(&mut change.tx, &run).await?;
        change.finish(self, &response).await?;
        Ok(response)
    }

    pub(super) async fn unschedule(
        &self,
        caller: &Caller,
        request: v1::UnscheduleRunRequest,
    ) -> Result<v1::Run> {
        let name = own_name(caller, &request.name, "runs", "name")?;
        let mut change = match Change::begin(self, caller, "UnscheduleRun", &request).await? {
            Begun::Replay(response) => return Ok(response),
            Begun::Fresh(change) => change,
        };
        let mut run = change.tx.resource_lock::<Run>(&name).await?;
        run.check_etag(&request.etag, false)?;
        if let Some(event) = run::schedule::unschedule(&mut change.tx, &mut run).await? {
            change.event(name.stream(), event);
        }
        let response = self.encoded_run(&mut change.tx, &run).await?;
        change.finish(self, &response).await?;
        Ok(response)
    }
}

/// A schedule of a request.
fn decode(from: &v1::RunSchedule) -> Result<Schedule> {
    let zone = match from.time_zone.as_str() {
        "" => None,
        name => Some(name.parse::<Tz>().map_err(|_| {
            let message = "Name a zone as the IANA does, such as Europe/Berlin.";
            Error::field("schedule.time_zone", "FORMAT_INVALID", message)
        })?),
    };
    let needed = |why: &str| {
        let message = format!("{why} a time zone.");
        Error::field("schedule.time_zone", "REQUIRED", message)
    };
    if from.windows.len() > WINDOWS_MAX {
        let message = format!("At most {WINDOWS_MAX} windows.");
        return Err(Error::field("schedule.windows", "TOO_MANY", message));
    }
    let (start, local_start) = match &from.start {
        None => {
            return Err(Error::field("schedule.start", "REQUIRED", "Say when the run starts."));
        }
        Some(Start::StartTime(time)) => (instant(time, "schedule.start_time")?, None),
        Some(Start::LocalStartTime(text)) => {
            let zone = zone.ok_or_else(|| needed("A local start time needs"))?;
            let (start, local) = local_start(text, zone)?;
            (start, Some(local))
        }
    };
    if zone.is_none() && !from.windows.is_empty() {
        return Err(needed("Windows need"));
    }
    let windows = from.windows.iter().enumerate();
    Ok(Schedule {
        start,
        local_start,
        zone,
        windows: windows.map(|(at, window)| decode_window(at, window)).collect::<Result<_>>()?,
        at_window_end: match WindowEndAction::try_from(from.window_end_action) {
            Ok(WindowEndAction::Unspecified | WindowEndAction::Pause) => AtWindowEnd::Pause,
            Ok(WindowEndAction::Continue) => AtWindowEnd::Continue,
            Err(_) => {
                let message = "The window can end with PAUSE or CONTINUE.";
                return Err(Error::field(
                    "schedule.window_end_action",
                    "ENUM_VALUE_INVALID",
                    message,
                ));
            }
        },
        catch_up_s: catch_up(from.catch_up_duration.as_ref())?,
    })
}

fn local_start(text: &str, zone: Tz) -> Result<(DateTime<Utc>, NaiveDateTime)> {
    const FIELD: &str = "schedule.local_start_time";
    let read = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let local = LOCAL_FORMATS.into_iter().find_map(read).ok_or_else(|| {
        Error::field(FIELD, "FORMAT_INVALID", "Write a local time as 2026-11-27T22:30.")
    })?;
    match resolve(zone, local) {
        Local::At(start) => Ok((start, local)),
        Local::Skipped(after) => {
            let first = after.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S");
            let message = format!(
                "There is no such time in {zone}: the clocks are put forward over it, to {first}."
            );
            Err(Error::field(FIELD, "LOCAL_TIME_SKIPPED", message))
        }
    }
}

fn decode_window(at: usize, from: &v1::RunWindow) -> Result<Window> {
    let field = |name: &str| format!("schedule.windows[{at}].{name}");
    let time = |name: &str, text: &str| {
        text.parse::<TimeOfDay>().map_err(|error| {
            let message = format!("Not understood: {error}.");
            Error::field(&field(name), "FORMAT_INVALID", message)
        })
    };
    let start = time("start_time_of_day", &from.start_time_of_day)?;
    let end = time("end_time_of_day", &from.end_time_of_day)?;
    if start == end {
        let message = "The window is empty; 00:00 to 24:00 is a whole day.";
        return Err(Error::field(&field("end_time_of_day"), "OUT_OF_RANGE", message));
    }
    let weekdays = from.weekdays.iter().map(|number| {
        Weekday::try_from(*number).ok().and_then(weekday_of).ok_or_else(|| {
            let message = format!("{number} is not a day of the week.");
            Error::field(&field("weekdays"), "ENUM_VALUE_INVALID", message)
        })
    });
    let mut weekdays = weekdays.collect::<Result<Vec<_>>>()?;
    weekdays.sort_unstable_by_key(chrono::Weekday::num_days_from_monday);
    weekdays.dedup();
    Ok(Window { start, end, weekdays })
}

fn catch_up(from: Option<&prost_types::Duration>) -> Result<i64> {
    let Some(from) = from else { return Ok(CATCH_UP.num_seconds()) };
    let allowed = CATCH_UP_MIN..=CATCH_UP_MAX;
    let asked = TimeDelta::new(from.seconds, u32::try_from(from.nanos).unwrap_or(u32::MAX));
    asked.filter(|asked| allowed.contains(asked)).map(|asked| asked.num_seconds()).ok_or_else(
        || {
            let message = "The time to catch up is between 10 seconds and 7 days.";
            Error::field("schedule.catch_up_duration", "OUT_OF_RANGE", message)
        },
    )
}

/// A schedule on the wire.
pub(super) fn encode(from: &Schedule) -> v1::RunSchedule {
    let start = match from.local_start {
        Some(local) => Start::LocalStartTime(local.format("%Y-%m-%dT%H:%M:%S").to_string()),
        None => Start::StartTime(timestamp(from.start)),
    };
    let windows = from.windows.iter().map(|window| v1::RunWindow {
        start_time_of_day: window.start.to_string(),
        end_time_of_day: window.end.to_string(),
        weekdays: window.weekdays.iter().map(|day| i32::from(weekday(*day))).collect(),
    });
    v1::RunSchedule {
        start: Some(start),
        time_zone: from.zone.map_or_else(String::new, |zone| zone.name().to_owned()),
        windows: windows.collect(),
        window_end_action: match from.at_window_end {
            AtWindowEnd::Pause => WindowEndAction::Pause,
            AtWindowEnd::Continue => WindowEndAction::Continue,
        }
        .into(),
        catch_up_duration: Some(prost_types::Duration { seconds: from.catch_up_s, nanos: 0 }),
    }
}

const fn weekday_of(day: Weekday) -> Option<chrono::Weekday> {
    use chrono::Weekday as Day;
    Some(match day {
        Weekday::Unspecified => return None,
        Weekday::Monday => Day::Mon,
        Weekday::Tuesday => Day::Tue,
        Weekday::Wednesday => Day::Wed,
        Weekday::Thursday => Day::Thu,
        Weekday::Friday => Day::Fri,
        Weekday::Saturday => Day::Sat,
        Weekday::Sunday => Day::Sun,
    })
}

const fn weekday(day: chrono::Weekday) -> Weekday {
    use chrono::Weekday as Day;
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}
