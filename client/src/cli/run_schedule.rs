//! `cartage run schedule` and `unschedule`.

use cartage_client::{
    name::Pattern,
    road,
    v1::{
        self, RunWindow,
        run_schedule::{Start, WindowEndAction},
        run_window::Weekday,
    },
};
use prost_types::{Duration, Timestamp};

use super::{Context, Failure};

/// See `cartage run schedule --help`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cartage run schedule spring/live --at 2026-12-01T22:30 --time-zone Europe/Berlin
  cartage run schedule spring/live --at 2026-12-01T22:30:00+01:00 --time-zone Europe/Berlin \\
    --window mon,tue,wed,thu=22:00-06:00 --window sat,sun=00:00-24:00 --at-window-end pause --catch-up 2h")]
pub(crate) struct ScheduleArguments {
    /// The run, `MIGRATION/RUN`.
    name: String,
    /// When it starts: a local time, `2026-12-01T22:30`, or an instant, `2026-12-01T22:30:00+01:00`.
    #[arg(long, value_name = "TIME", value_parser = start)]
    at: Start,
    /// The time zone of local times and windows, by its IANA name, such as `Europe/Berlin`.
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    time_zone: String,
    /// When it may work, `22:00-06:00` or `sat,sun=00:00-24:00`; may be given several times. Always
    /// when not given.
    #[arg(long = "window", value_name = "WINDOW", value_parser = window, requires = "time_zone")]
    windows: Vec<RunWindow>,
    /// What happens when its window ends: `pause`, to go on in the next one, or `continue`.
    #[arg(long, value_name = "ACTION", default_value = "pause",
        value_parser = window_end, requires = "windows")]
    at_window_end: WindowEndAction,
    /// How late it may start, such as `30m` or `2h`; an hour when not given.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    catch_up: Option<Duration>,
}

pub(crate) async fn schedule(
    context: &Context,
    arguments: ScheduleArguments,
) -> Result<(), Failure> {
    let name = context.name(Pattern::RUN, &arguments.name)?;
    let schedule = v1::RunSchedule {
        start: Some(arguments.at),
        time_zone: arguments.time_zone,
        windows: arguments.windows,
        window_end_action: arguments.at_window_end.into(),
        catch_up_duration: arguments.catch_up,
    };
    let run = road::schedule_run(&context.client, &name, schedule).await?;
    context.output.document(&run)
}

pub(crate) async fn unschedule(context: &Context, name: &str) -> Result<(), Failure> {
    let name = context.name(Pattern::RUN, name)?;
    context.show(v1::UnscheduleRunRequest { name, ..Default::default() }).await
}

/// A start: an instant where it has an offset, else a local time.
fn start(text: &str) -> Result<Start, String> {
    let time = text.split_once('T').map(|(_, time)| time).ok_or("write it as 2026-12-01T22:30")?;
    if time.contains(['Z', '+', '-']) {
        let instant = text.parse::<Timestamp>();
        return instant.map(Start::StartTime).map_err(|error| error.to_string());
    }
    // The service knows what a local time is.
    Ok(Start::LocalStartTime(text.to_owned()))
}

/// `22:00-06:00`, `sat,sun=00:00-24:00`.
fn window(text: &str) -> Result<RunWindow, String> {
    let (days, times) = match text.split_once('=') {
        Some((days, times)) => (Some(days), times),
        None => (None, text),
    };
    let (start, end) = times.split_once('-').ok_or("write it as 22:00-06:00")?;
    let days = days.into_iter().flat_map(|days| days.split(','));
    let weekdays = days.map(|day| weekday(day).map(i32::from)).collect::<Result<_, _>>()?;
    let (start_time_of_day, end_time_of_day) = (start.to_owned(), end.to_owned());
    Ok(RunWindow { start_time_of_day, end_time_of_day, weekdays })
}

fn weekday(text: &str) -> Result<Weekday, String> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return Err(format!("{text} is not a day; such are mon, tue, sat, sun")),
    })
}

fn window_end(text: &str) -> Result<WindowEndAction, String> {
    match text {
        "pause" => Ok(WindowEndAction::Pause),
        "continue" => Ok(WindowEndAction::Continue),
        _ => Err("it is pause or continue".to_owned()),
    }
}

/// `45s`, `30m`, `2h`, `1d`.
fn duration(text: &str) -> Result<Duration, String> {
    let says = || "write a number and a unit: 45s, 30m, 2h or 1d".to_owned();
    let unit = text.chars().next_back().ok_or_else(says)?;
    let number = text.trim_end_matches(unit);
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(says()),
    };
    let number: u32 = number.parse().map_err(|_| says())?;
    Ok(Duration { seconds: i64::from(number) * seconds, nanos: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_instants_or_local() {
        let local = |text: &str| Ok(Start::LocalStartTime(text.to_owned()));
        let instant = |seconds| Ok(Start::StartTime(Timestamp { seconds, nanos: 0 }));
        let table = [
            ("2026-12-01T22:30", local("2026-12-01T22:30")),
            ("2026-12-01T22:30:00", local("2026-12-01T22:30:00")),
            ("2026-12-01T22:30:00Z", instant(1_796_164_200)),
            ("2026-12-01T22:30:00+01:00", instant(1_796_160_600)),
            ("2026-12-01T22:30:00-05:00", instant(1_796_182_200)),
            ("2026-12-01", Err(())),
            ("2026-13-01T22:30:00Z", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(start(text).map_err(drop), expected, "{text}");
        }
    }

    #[test]
    fn windows_have_times_and_perhaps_days() {
        let of = |start: &str, end: &str, weekdays: &[Weekday]| RunWindow {
            start_time_of_day: start.to_owned(),
            end_time_of_day: end.to_owned(),
            weekdays: weekdays.iter().map(|day| i32::from(*day)).collect(),
        };
        let weekend = [Weekday::Saturday, Weekday::Sunday];
        assert_eq!(window("22:00-06:00"), Ok(of("22:00", "06:00", &[])));
        assert_eq!(window("sat,Sunday=00:00-24:00"), Ok(of("00:00", "24:00", &weekend)));
        for wrong in ["22:00", "now=22:00-06:00", "=22:00-06:00"] {
            assert!(window(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        let table = [("45s", 45), ("30m", 1_800), ("2h", 7_200), ("1d", 86_400)];
        for (text, seconds) in table {
            assert_eq!(duration(text), Ok(Duration { seconds, nanos: 0 }), "{text}");
        }
        for wrong in ["", "2", "h", "-2h", "2 h", "2w", "1.5h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
