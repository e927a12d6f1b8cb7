//! The limits that shops publish, free of any platform: a cost bucket and a fixed window.
//!
//! The core is pure, with the time passed in: [`Limiter::judge`] takes or refuses one call. What an
//! answer says about the budget is in [`voice`]; a simulated shop asks both.

mod voice;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::voice::{Voice, extension, headers};

/// A published limit, what a call costs, and how answers tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How calls are counted.
    pub shape: Shape,
    /// What answers say about the budget.
    #[serde(default)]
    pub voice: Voice,
    /// What a read costs, in calls or points.
    #[serde(default = "one")]
    pub read_cost: u32,
    /// What a write costs.
    #[serde(default = "one")]
    pub write_cost: u32,
}

const fn one() -> u32 {
    1
}

/// The two shapes that platforms publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A bucket that is full at first and fills again all the time.
    Bucket {
        /// How many points it holds.
        capacity: u32,
        /// How many points come back in a second.
        restore_per_s: u32,
    },
    /// So many calls in every window; a new one begins when the last one ends.
    Window {
        /// How many.
        calls: u32,
        /// How long a window is, in milliseconds.
        window_ms: u32,
    },
}

impl Limit {
    /// A limit at which every call costs one.
    pub fn new(shape: Shape, voice: Voice) -> Self {
        Self { shape, voice, read_cost: 1, write_cost: 1 }
    }

    /// What a call costs.
    pub fn cost(&self, is_write: bool) -> u32 {
        if is_write { self.write_cost } else { self.read_cost }
    }
}

/// What is counted since the first call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Calls that were taken.
    pub taken: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// What the taken calls cost.
    pub used: u64,
    /// What could have been used until the last call: of a bucket what it held at first and what came
    /// back, of windows the calls of all that have ended. Of the window under way as much as was used.
    pub offered: u64,
}

/// What is left after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Whether the call is taken.
    pub taken: bool,
    /// What it cost, or would have.
    pub cost: u32,
    /// Points or calls that are left.
    pub remaining: u32,
    /// Until the window ends, or until there is enough for the call that was refused. Zero for a
    /// call that a bucket took.
    pub wait: Duration,
}

/// One limit at work. Times are counted from any one moment.
#[derive(Debug, Clone)]
pub struct Limiter {
    limit: Limit,
    /// Thousandths of points in the bucket, or calls left in the window.
    level: u64,
    /// When the level of a bucket was right, or the first window began; none before the first call.
    at: Option<Duration>,
    /// The first call to a bucket, or the beginning of the window under way.
    begin: Duration,
    count: Count,
}

impl Limiter {
    /// A limiter whose budget is whole.
    pub fn new(limit: Limit) -> Self {
        let level = match limit.shape {
            Shape::Bucket { capacity, .. } => u64::from(capacity) * 1_000,
            Shape::Window { calls, .. } => u64::from(calls),
        };
        Self { limit, level, at: None, begin: Duration::ZERO, count: Count::default() }
    }

    /// Its limit.
    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    /// What was counted so far.
    pub fn count(&self) -> Count {
        self.count
    }

    /// Takes or refuses a call.
    pub fn judge(&mut self, now: Duration, is_write: bool) -> Left {
        let cost = self.limit.cost(is_write);
        let left = match self.limit.shape {
            Shape::Bucket { capacity, restore_per_s } => {
                self.bucket(now, cost, u64::from(capacity), u64::from(restore_per_s))
            }
            Shape::Window { calls, window_ms } => {
                self.window(now, cost, u64::from(calls), Duration::from_millis(window_ms.into()))
            }
        };
        if left.taken {
            self.count.taken += 1;
            self.count.used += u64::from(cost);
        } else {
            self.count.refused += 1;
        }
        if let Shape::Window { calls, .. } = self.limit.shape {
            self.count.offered = self.finished(calls) + u64::from(calls) - self.level;
        }
        left
    }

    fn bucket(&mut self, now: Duration, cost: u32, capacity: u64, restore_per_s: u64) -> Left {
        let begin = match self.at {
            Some(_) => self.begin,
            None => now,
        };
        self.begin = begin;
        // From the beginning each time, so that no thousandth is lost by rounding.
        let restored = |at: Duration| {
            let passed = u64::try_from(at.saturating_sub(begin).as_micros()).unwrap_or(u64::MAX);
            passed.saturating_mul(restore_per_s) / 1_000
        };
        let before = self.at.map_or(0, restored);
        let until = restored(now);
        self.level = (self.level + until.saturating_sub(before)).min(capacity * 1_000);
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        self.count.offered = capacity + until / 1_000;
        let wanted = u64::from(cost) * 1_000;
        let taken = self.level >= wanted;
        let mut wait = Duration::ZERO;
        if taken {
            self.level -= wanted;
        } else if restore_per_s > 0 {
            wait = Duration::from_millis((wanted - self.level).div_ceil(restore_per_s));
        }
        let remaining = u32::try_from(self.level / 1_000).unwrap_or(u32::MAX);
        Left { taken, cost, remaining, wait }
    }

    fn window(&mut self, now: Duration, cost: u32, calls: u64, window: Duration) -> Left {
        if self.at.is_none() {
            (self.at, self.begin) = (Some(now), now);
        }
        let ended = now.saturating_sub(self.begin).as_micros() / window.as_micros().max(1);
        if ended > 0 {
            let ended = u32::try_from(ended).unwrap_or(u32::MAX);
            self.begin += window * ended;
            self.level = calls;
        }
        let taken = self.level >= u64::from(cost);
        if taken {
            self.level -= u64::from(cost);
        }
        let remaining = u32::try_from(self.level).unwrap_or(u32::MAX);
        Left { taken, cost, remaining, wait: (self.begin + window).saturating_sub(now) }
    }

    /// What the windows that have ended could have given.
    fn finished(&self, calls: u32) -> u64 {
        let Shape::Window { window_ms, .. } = self.limit.shape else { return 0 };
        let passed = self.begin.saturating_sub(self.at.unwrap_or(self.begin));
        let windows = passed.as_millis() / u128::from(window_ms.max(1));
        u64::try_from(windows).unwrap_or(u64::MAX).saturating_mul(calls.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_what_comes_back() {
        let shape = Shape::Bucket { capacity: 20, restore_per_s: 10 };
        let limit = Limit { write_cost: 10, ..Limit::new(shape, Voice::Silent) };
        let mut limiter = Limiter::new(limit);
        let left = |taken, remaining, wait| Left { taken, cost: 10, remaining, wait: ms(wait) };
        assert_eq!(limiter.judge(ms(500), true), left(true, 10, 0));
        assert_eq!(limiter.judge(ms(500), true), left(true, 0, 0));
        assert_eq!(limiter.judge(ms(900), true), left(false, 4, 600));
        assert_eq!(limiter.judge(ms(1_500), true), left(true, 0, 0));
        assert_eq!(limiter.judge(ms(60_000), false).remaining, 19, "it holds no more than 20");
        let count = Count { taken: 4, refused: 1, used: 31, offered: 20 + 595 };
        assert_eq!(limiter.count(), count);
    }

    #[test]
    fn a_window_gives_its_calls_and_no_more() {
        let shape = Shape::Window { calls: 2, window_ms: 1_000 };
        let mut limiter = Limiter::new(Limit::new(shape, Voice::Silent));
        let left = |taken, remaining, wait| Left { taken, cost: 1, remaining, wait: ms(wait) };
        assert_eq!(limiter.judge(ms(100), true), left(true, 1, 1_000));
        assert_eq!(limiter.judge(ms(200), true), left(true, 0, 900));
        assert_eq!(limiter.judge(ms(1_099), true), left(false, 0, 1));
        assert_eq!(limiter.count(), Count { taken: 2, refused: 1, used: 2, offered: 2 });
        assert_eq!(limiter.judge(ms(1_100), true), left(true, 1, 1_000));
        // Two windows went by unused.
        assert_eq!(limiter.judge(ms(4_200), true), left(true, 1, 900));
        assert_eq!(limiter.count(), Count { taken: 4, refused: 1, used: 4, offered: 9 });
    }

    #[test]
    fn a_restore_rate_is_kept_over_many_small_steps() {
        let shape = Shape::Bucket { capacity: 1, restore_per_s: 7 };
        let mut limiter = Limiter::new(Limit::new(shape, Voice::Silent));
        for step in 0..10_000 {
            limiter.judge(ms(step), true);
        }
        assert!((69..=71).contains(&limiter.count().taken), "{:?}", limiter.count());
    }
}
