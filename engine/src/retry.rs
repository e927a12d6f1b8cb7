//! What to do about a failure, as a value.

use std::time::Duration;

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try again after a delay.
    Retry(Duration),
    /// Give up: the tries are used up.
    GiveUp,
}

/// How often and how patiently something is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often at most, the first time included.
    pub attempts_max: u32,
    /// The delay after the first failure; doubled each time.
    pub delay_first: Duration,
    /// The longest delay.
    pub delay_max: Duration,
}

impl Policy {
    /// What to do after the failure number `attempt` (from 1). `asked` is how long the shop asked
    /// to wait. `jitter` in thousandths (0 to 1000) spreads the delay over its upper half, so that
    /// workers that failed together do not come back together.
    pub fn decide(&self, attempt: u32, asked: Option<Duration>, jitter: u32) -> Decision {
        if attempt >= self.attempts_max {
            return Decision::GiveUp;
        }
        let doubled = self.delay_first.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let full = doubled.min(self.delay_max);
        let spread = full / 2 + (full / 2).saturating_mul(jitter.min(1_000)) / 1_000;
        Decision::Retry(asked.map_or(spread, |asked| asked.max(spread)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_limit_and_end() {
        let policy = Policy {
            attempts_max: 5,
            delay_first: Duration::from_secs(1),
            delay_max: Duration::from_secs(3),
        };
        let delays: Vec<Decision> =
            (1..=5).map(|attempt| policy.decide(attempt, None, 1_000)).collect();
        let seconds = |s| Decision::Retry(Duration::from_secs(s));
        assert_eq!(delays, [seconds(1), seconds(2), seconds(3), seconds(3), Decision::GiveUp]);
        assert_eq!(policy.decide(1, None, 0), Decision::Retry(Duration::from_millis(500)));
        assert_eq!(policy.decide(1, Some(Duration::from_secs(60)), 0), seconds(60));
    }
}
