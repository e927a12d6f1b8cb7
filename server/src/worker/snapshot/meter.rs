//! How far reading a shop has come.

use std::{collections::VecDeque, time::Duration};

use cartage_model::Kind;
use tokio::time::Instant;

use crate::store::progress::{KindProgress, Progress};

/// Over how long the rate is measured.
const WINDOW: Duration = Duration::from_secs(30);
/// How often the progress is told.
const PERIOD: Duration = Duration::from_secs(1);

/// Counts what is read.
pub(super) struct Meter {
    kinds: Vec<KindProgress>,
    current: Option<Kind>,
    /// When a progress of the current kind was told, and how much was done then.
    samples: VecDeque<(Instant, i64)>,
    told_at: Option<Instant>,
}

impl Meter {
    pub(super) fn new(kinds: &[Kind]) -> Self {
        let kinds = kinds
            .iter()
            .map(|kind| KindProgress { kind: kind.to_string(), ..KindProgress::default() });
        Self { kinds: kinds.collect(), current: None, samples: VecDeque::new(), told_at: None }
    }

    /// Notes how much there is of a kind.
    pub(super) fn set_total(&mut self, kind: Kind, total: Option<u64>) {
        let total = total.map(|total| i64::try_from(total).unwrap_or(i64::MAX));
        if let Some(progress) = self.kind(kind) {
            progress.total = total;
        }
    }

    /// Counts records.
    pub(super) fn add(&mut self, kind: Kind, records: usize) {
        if self.current != Some(kind) {
            self.current = Some(kind);
            self.samples.clear();
            let done = self.kind(kind).map_or(0, |progress| progress.done);
            self.samples.push_back((Instant::now(), done));
        }
        if let Some(progress) = self.kind(kind) {
            progress.done =
                progress.done.saturating_add(i64::try_from(records).unwrap_or(i64::MAX));
        }
    }

    /// The progress, when a second has passed since the last time or it is wanted now.
    pub(super) fn due(&mut self, now: bool) -> Option<Progress> {
        if !now && self.told_at.is_some_and(|at| at.elapsed() < PERIOD) {
            return None;
        }
        self.told_at = Some(Instant::now());
        self.measure();
        Some(Progress {
            activity: "extract".to_owned(),
            done: self.kinds.iter().map(|kind| kind.done).sum(),
            total: self.kinds.iter().map(|kind| kind.total).sum(),
            kinds: self.kinds.clone(),
        })
    }

    fn kind(&mut self, kind: Kind) -> Option<&mut KindProgress> {
        self.kinds.iter_mut().find(|progress| progress.kind == kind.as_str())
    }

    #[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
    fn measure(&mut self) {
        let now = Instant::now();
        let current = self.current.map(Kind::as_str);
        for progress in &mut self.kinds {
            progress.rate_per_second = 0.0;
            progress.eta_s = None;
            if Some(progress.kind.as_str()) != current {
                continue;
            }
            self.samples.push_back((now, progress.done));
            while self.samples.len() > 2
                && self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
            {
                self.samples.pop_front();
            }
            let Some((since, before)) = self.samples.front() else { continue };
            let seconds = now.duration_since(*since).as_secs_f64();
            if seconds > 0.0 {
                progress.rate_per_second = to_f64(progress.done - before) / seconds;
            }
            if let Some(total) = progress.total
                && progress.rate_per_second > 0.0
            {
                let left = to_f64((total - progress.done).max(0));
                progress.eta_s = Some(left / progress.rate_per_second);
            }
        }
    }
}

fn to_f64(count: i64) -> f64 {
    i32::try_from(count).map_or(f64::from(i32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_kind_at_hand() {
        let mut meter = Meter::new(&[Kind::Product, Kind::Order]);
        meter.set_total(Kind::Product, Some(100));
        assert!(meter.due(false).is_some());
        assert!(meter.due(false).is_none());
        meter.add(Kind::Product, 0);
        std::thread::sleep(Duration::from_millis(5));
        meter.add(Kind::Product, 20);
        let progress = meter.due(true).unwrap();
        assert_eq!((progress.done, progress.total), (20, None));
        assert!(progress.kinds[0].rate_per_second > 0.0);
        assert!(progress.kinds[0].eta_s.is_some());
        meter.add(Kind::Order, 5);
        let progress = meter.due(true).unwrap();
        assert!(progress.kinds[0].rate_per_second == 0.0);
        assert_eq!(progress.kinds[1].done, 5);
    }
}
