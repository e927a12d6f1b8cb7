//! Progress on stderr: bars on a terminal, else a line now and then.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use cartage_client::{
    v1::{self, RecordKind},
    wait::Update,
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows progress, or does nothing.
pub(crate) enum Progress {
    /// Does nothing.
    Off,
    /// One bar per kind of record.
    Bars { all: MultiProgress, bars: BTreeMap<String, ProgressBar> },
    /// A line now and then.
    Lines { last: Option<Instant> },
}

impl Progress {
    pub(crate) fn new(wanted: bool) -> Self {
        match (wanted, io::stderr().is_terminal()) {
            (false, _) => Self::Off,
            (true, true) => Self::Bars { all: MultiProgress::new(), bars: BTreeMap::new() },
            (true, false) => Self::Lines { last: None },
        }
    }

    /// Takes news of long work.
    pub(crate) fn update(&mut self, update: &Update) {
        if let Update::Progress(progress) = update {
            self.show(progress);
        }
    }

    /// Shows the newest progress.
    pub(crate) fn show(&mut self, progress: &v1::Progress) {
        match self {
            Self::Off => {}
            Self::Bars { all, bars } => {
                for row in rows(progress) {
                    let bar = bars.entry(row.label.clone()).or_insert_with(|| {
                        all.add(ProgressBar::new(0).with_style(style(row.total.is_some())))
                    });
                    draw(bar, row);
                }
            }
            Self::Lines { last } => {
                if last.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) {
                    *last = Some(Instant::now());
                    say(&summary(progress));
                }
            }
        }
    }

    /// Shows how many bytes of a file have gone.
    pub(crate) fn bytes(&mut self, label: &str, done: u64, total: u64) {
        self.counted(label, done, Some(total));
    }

    /// Shows how many of something are done.
    pub(crate) fn counted(&mut self, label: &str, done: u64, total: Option<u64>) {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.show(&v1::Progress {
            activity: label.to_owned(),
            done: number(done),
            total: total.map(number),
            ..Default::default()
        });
    }

    /// Says a sentence, above the bars.
    pub(crate) fn say(&self, text: &str) {
        match self {
            Self::Off => {}
            // What cannot be shown is not worth stopping for.
            Self::Bars { all, .. } => drop(all.println(text)),
            Self::Lines { .. } => say(text),
        }
    }

    /// Takes the bars away.
    pub(crate) fn clear(&mut self) {
        if let Self::Bars { all, bars } = self {
            bars.clear();
            drop(all.clear());
        }
    }
}

fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// What one bar shows.
struct Row {
    label: String,
    done: i64,
    total: Option<i64>,
    message: String,
}

fn rows(progress: &v1::Progress) -> Vec<Row> {
    if progress.kinds.is_empty() {
        return vec![Row {
            label: progress.activity.clone(),
            done: progress.done,
            total: progress.total,
            message: pace(progress.rate_per_second, progress.eta.as_ref()),
        }];
    }
    let row = |kind: &v1::KindProgress| Row {
        label: kind_label(kind.kind()),
        done: kind.done,
        total: kind.total,
        message: pace(kind.rate_per_second, kind.eta.as_ref()),
    };
    progress.kinds.iter().map(row).collect()
}

fn draw(bar: &ProgressBar, row: Row) {
    if let Some(total) = row.total {
        bar.set_length(u64::try_from(total).unwrap_or(0));
        bar.set_style(style(true));
    }
    bar.set_prefix(row.label);
    bar.set_message(row.message);
    bar.set_position(u64::try_from(row.done).unwrap_or(0));
}

fn style(total_known: bool) -> ProgressStyle {
    let template = match total_known {
        true => "{prefix:16} {bar:30} {pos:>8}/{len:<8} {msg}",
        false => "{prefix:16} {spinner} {pos:>8} {msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `product`, `customer group`.
pub(crate) fn kind_label(kind: RecordKind) -> String {
    let name = kind.as_str_name();
    name.strip_prefix("RECORD_KIND_").unwrap_or(name).to_ascii_lowercase().replace('_', " ")
}

fn pace(rate: f64, eta: Option<&prost_types::Duration>) -> String {
    let left = eta.map(|eta| format!(", {} left", clock(eta.seconds))).unwrap_or_default();
    if rate > 0.0 { format!("{rate:.0}/s{left}") } else { String::new() }
}

/// `1:02:03`, `2:03`.
fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn summary(progress: &v1::Progress) -> String {
    let parts = rows(progress).into_iter().map(|row| {
        let total = row.total.map(|total| format!("/{total}")).unwrap_or_default();
        format!("{} {}{total}", row.label, row.done)
    });
    let pace = pace(progress.rate_per_second, progress.eta.as_ref());
    let pace = if pace.is_empty() { pace } else { format!(" ({pace})") };
    format!("{}{pace}", parts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_kinds_rate_and_time_left() {
        let mut product = v1::KindProgress { done: 7, total: Some(20), ..Default::default() };
        product.set_kind(RecordKind::Product);
        let mut group = v1::KindProgress { done: 2, ..Default::default() };
        group.set_kind(RecordKind::CustomerGroup);
        let progress = v1::Progress {
            kinds: vec![product, group],
            rate_per_second: 12.4,
            eta: Some(prost_types::Duration { seconds: 3723, nanos: 0 }),
            ..Default::default()
        };
        assert_eq!(summary(&progress), "product 7/20, customer group 2 (12/s, 1:02:03 left)");
    }
}
