//! How far a run has come: counts per kind, the rate of the last seconds, and what is left.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::store::{
    progress::{KindProgress, Progress},
    run_record::{OutcomeCount, RunRecord},
};

/// Over how long the rate is measured.
const WINDOW: Duration = Duration::from_secs(30);
/// How many samples the window holds at most.
const SAMPLES_MAX: usize = 64;

/// The kind that is loaded now.
#[derive(Debug)]
struct Current {
    kind: String,
    /// Where counting began: when, and how many were done then.
    since: (Instant, i64),
    /// Where the first records of it were through.
    first: Option<(Instant, i64)>,
}

impl Current {
    /// How long so many more records took. Before the first ones are through, a kind has costs that
    /// do not grow with it, and that a short rehearsal must not foretell for each record.
    fn took(&self, done: i64, now: Instant) -> Option<(Duration, i64)> {
        let of = |(at, before): (Instant, i64)| (now.duration_since(at), done - before);
        let more = self.first.map(of).filter(|(_, records)| *records > 0);
        more.or_else(|| Some(of(self.since)).filter(|(_, records)| *records > 0))
    }
}

/// The counts of a run under way.
#[derive(Debug)]
pub(super) struct Meter {
    kinds: Vec<KindProgress>,
    costs_s: BTreeMap<String, (f64, i64)>,
    /// What a record of a kind is expected to cost beside one of another kind.
    expected: BTreeMap<String, f64>,
    current: Option<Current>,
    samples: VecDeque<(Instant, i64)>,
    written_at: Option<Instant>,
}

impl Meter {
    /// A meter that goes on from what the ledger holds.
    pub(super) fn new(
        kinds: &[String],
        totals: &BTreeMap<String, i64>,
        counts: &[OutcomeCount],
        expected: BTreeMap<String, f64>,
    ) -> Self {
        let mut meter = Self {
            kinds: kinds
                .iter()
                .map(|kind| KindProgress {
                    kind: kind.clone(),
                    total: totals.get(kind).copied(),
                    ..KindProgress::default()
                })
                .collect(),
            costs_s: BTreeMap::new(),
            expected,
            current: None,
            samples: VecDeque::new(),
            written_at: None,
        };
        for count in counts {
            meter.count(&count.kind, &count.outcome, &count.effect, count.count);
        }
        meter
    }

    /// Notes that a kind is being loaded now.
    pub(super) fn begin(&mut self, kind: &str) {
        let done = self.done(kind);
        self.current =
            Some(Current { kind: kind.to_owned(), since: (Instant::now(), done), first: None });
        self.samples.clear();
    }

    /// Adds records of a kind to those that are to be done.
    pub(super) fn grow(&mut self, kind: &str, count: i64) {
        match self.kinds.iter_mut().find(|progress| progress.kind == kind) {
            Some(progress) => progress.total = Some(progress.total.unwrap_or_default() + count),
            None => self.kinds.push(KindProgress {
                kind: kind.to_owned(),
                total: Some(count),
                ..KindProgress::default()
            }),
        }
    }

    /// Counts rows of the ledger.
    pub(super) fn add(&mut self, rows: &[RunRecord]) {
        for row in rows {
            self.count(&row.kind, &row.outcome, &row.effect, 1);
        }
        let now = Instant::now();
        let done = self.current.as_ref().map_or(0, |current| self.done(&current.kind));
        if let Some(current) = &mut self.current
            && done > current.since.1
        {
            current.first.get_or_insert((now, done));
        }
        let total: i64 = self.kinds.iter().map(|kind| kind.done).sum();
        self.samples.push_back((now, total));
        while self.samples.len() > SAMPLES_MAX
            || self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// How many records of a kind are quarantined.
    pub(super) fn quarantined(&self) -> i64 {
        self.kinds.iter().filter_map(|kind| kind.outcomes.get("quarantined")).sum()
    }

    /// The progress, when a second has passed since the last time.
    pub(super) fn due(&mut self, activity: &str) -> Option<Progress> {
        let now = Instant::now();
        if self.written_at.is_some_and(|at| now.duration_since(at) < Duration::from_secs(1)) {
            return None;
        }
        self.written_at = Some(now);
        Some(self.progress(activity))
    }

    /// The progress as it is.
    #[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
    pub(super) fn progress(&mut self, activity: &str) -> Progress {
        let rate = self.rate();
        let current = self.current.as_ref().map(|current| current.kind.clone());
        if let Some(current) = &self.current
            && let Some((took, records)) = current.took(self.done(&current.kind), Instant::now())
        {
            self.costs_s.insert(current.kind.clone(), (took.as_secs_f64(), records));
        }
        for index in 0..self.kinds.len() {
            let Some(kind) = self.kinds.get(index).map(|kind| kind.kind.clone()) else { continue };
            let cost = self.cost_s(&kind);
            let Some(progress) = self.kinds.get_mut(index) else { continue };
            progress.rate_per_second = if current.as_deref() == Some(&kind) { rate } else { 0.0 };
            let left = progress.total.map(|total| total - progress.done);
            progress.eta_s = left.zip(cost).map(|(left, cost)| to_f64(left) * cost);
        }
        Progress {
            activity: activity.to_owned(),
            done: self.kinds.iter().map(|kind| kind.done).sum(),
            total: self.kinds.iter().map(|kind| kind.total).sum(),
            kinds: self.kinds.clone(),
        }
    }

    /// Seconds per record of a kind: measured; or what it is expected to cost, at the speed of the
    /// kinds that were measured.
    #[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
    fn cost_s(&self, kind: &str) -> Option<f64> {
        if let Some((seconds, records)) = self.costs_s.get(kind) {
            return Some(seconds / to_f64((*records).max(1)));
        }
        let (mut seconds, mut weight) = (0.0, 0.0);
        for (measured, (took, records)) in &self.costs_s {
            seconds += took;
            weight += to_f64(*records) * self.expected(measured);
        }
        (weight > 0.0).then(|| seconds / weight * self.expected(kind))
    }

    fn expected(&self, kind: &str) -> f64 {
        self.expected.get(kind).copied().filter(|cost| *cost > 0.0).unwrap_or(1.0)
    }

    /// What records of each kind took, of those that were measured.
    #[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
    pub(super) fn seconds_per_record(&self) -> BTreeMap<String, f64> {
        let costs = self.costs_s.iter();
        costs.map(|(kind, (took, of))| (kind.clone(), took / to_f64((*of).max(1)))).collect()
    }

    #[expect(clippy::float_arithmetic, reason = "rates and estimates are no money")]
    fn rate(&self) -> f64 {
        match (self.samples.front(), self.samples.back()) {
            (Some((first, before)), Some((last, after))) if last > first => {
                to_f64(after - before) / last.duration_since(*first).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    fn done(&self, kind: &str) -> i64 {
        self.kinds.iter().find(|progress| progress.kind == kind).map_or(0, |progress| progress.done)
    }

    fn count(&mut self, kind: &str, outcome: &str, effect: &str, count: i64) {
        if let Some(progress) = self.kinds.iter_mut().find(|progress| progress.kind == kind) {
            progress.done += count;
            *progress.outcomes.entry(outcome.to_owned()).or_default() += count;
            *progress.effects.entry(effect.to_owned()).or_default() += count;
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
    fn what_a_kind_costs_before_its_first_records_is_no_cost_of_each() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut current = Current { kind: "customer".to_owned(), since: (begun, 100), first: None };
        assert_eq!(current.took(100, after(5)), None);
        assert_eq!(current.took(150, after(10)), Some((Duration::from_secs(10), 50)));
        current.first = Some((after(10), 150));
        // Nothing better is known yet.
        assert_eq!(current.took(150, after(11)), Some((Duration::from_secs(11), 50)));
        assert_eq!(current.took(250, after(12)), Some((Duration::from_secs(2), 100)));
    }

    #[test]
    fn a_kind_is_estimated_by_its_usual_cost_until_it_is_measured() {
        let kinds = ["customer".to_owned(), "order".to_owned()];
        let totals = kinds.iter().map(|kind| (kind.clone(), 100)).collect();
        let expected = BTreeMap::from([("customer".to_owned(), 0.2), ("order".to_owned(), 0.6)]);
        let mut meter = Meter::new(&kinds, &totals, &[], expected);
        let eta_s = |meter: &mut Meter| {
            let progress = meter.progress("load");
            let eta = progress.kinds.iter().map(|kind| kind.eta_s.map(f64::round));
            eta.collect::<Vec<_>>()
        };
        assert_eq!(eta_s(&mut meter), [None, None], "nothing is measured");
        meter.costs_s.insert("customer".to_owned(), (20.0, 50));
        meter.count("customer", "migrated", "created", 50);
        // Two customers and a half in a second; an order is three times as dear.
        assert_eq!(eta_s(&mut meter), [Some(20.0), Some(120.0)]);
        meter.costs_s.insert("order".to_owned(), (30.0, 10));
        meter.count("order", "migrated", "created", 10);
        assert_eq!(eta_s(&mut meter), [Some(20.0), Some(270.0)], "each its own");
    }
}
