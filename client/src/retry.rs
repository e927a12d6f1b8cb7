//! The published retry policy: when a failed call is tried again, and after how long. The numbers stand
//! in `docs/retries.md` and in the README, which a test compares with [`Policy::default`].
//!
//! UNAVAILABLE is tried again; RESOURCE_EXHAUSTED and ABORTED only when the service says when, by
//! `RetryInfo`. Everything else is the caller's to decide. A call that changes something is tried again
//! only with a `request_id`, so that it takes effect once.

use std::{future::Future, time::Duration};

use rand::Rng as _;
use tonic::Code;
use uuid::Uuid;

use crate::Error;

/// How often and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tries in all, the first one included. At least 1.
    pub max_attempts: u32,
    /// The longest wait before the second try.
    pub initial_backoff: Duration,
    /// The longest wait before any try; a longer `RetryInfo` of the service wins.
    pub max_backoff: Duration,
    /// By how much the longest wait grows from try to try, in percent: 130 is a factor of 1.3.
    pub growth_percent: u32,
}

/// Whether a call may take effect a second time without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// It reads, or carries a request id.
    Idempotent,
    /// It changes something and has no request id: one try only.
    Once,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            growth_percent: 130,
        }
    }
}

impl Policy {
    /// One try.
    #[must_use]
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// The longest wait before try `attempt` + 1, `attempt` counting from 1.
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let mut ceiling = self.initial_backoff.min(self.max_backoff);
        for _ in 1..attempt {
            ceiling = ceiling.saturating_mul(self.growth_percent) / 100;
            if ceiling >= self.max_backoff {
                return self.max_backoff;
            }
        }
        ceiling
    }

    /// A wait before try `attempt` + 1: anything up to the ceiling (full jitter), but not shorter than the
    /// service asked for.
    #[must_use]
    pub fn backoff(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let ceiling = u64::try_from(self.ceiling(attempt).as_millis()).unwrap_or(u64::MAX);
        let jittered = Duration::from_millis(rand::rng().random_range(0..=ceiling));
        jittered.max(asked.unwrap_or_default())
    }
}

/// Whether the policy allows another try after this error.
#[must_use]
pub fn is_retryable(error: &Error) -> bool {
    let Error::Status(status) = error else { return false };
    match status.code {
        Code::Unavailable => true,
        Code::ResourceExhausted | Code::Aborted => status.retry_delay.is_some(),
        _ => false,
    }
}

/// Whether a transfer broke off in a way after which it can go on where it stopped.
pub(crate) fn is_broken(error: &Error) -> bool {
    let broken =
        [Code::Unavailable, Code::Cancelled, Code::Unknown, Code::Internal, Code::DeadlineExceeded];
    error.status().is_some_and(|status| broken.contains(&status.code))
}

/// Calls until it succeeds, an error is not retryable, or the tries are used up. The call must be
/// idempotent; see [`Safety`].
///
/// # Errors
/// The last error.
pub async fn run<T, F, Fut>(policy: &Policy, mut call: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let mut attempt = 1;
    loop {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if attempt >= policy.max_attempts || !is_retryable(&error) {
            return Err(error);
        }
        tokio::time::sleep(policy.backoff(attempt, error.retry_delay())).await;
        attempt += 1;
    }
}

/// What [`run`] does, for calls made by the generated clients: one that is not safe is made once.
///
/// # Errors
/// The last error.
pub async fn run_status<T, F, Fut>(policy: &Policy, safety: Safety, mut call: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    let policy = match safety {
        Safety::Idempotent => policy.clone(),
        Safety::Once => Policy::never(),
    };
    run(&policy, || {
        let answer = call();
        async { answer.await.map(tonic::Response::into_inner).map_err(Error::from) }
    })
    .await
}

/// Sets a new UUID of version 4 when there is none.
pub fn ensure_request_id(request_id: &mut String) {
    if request_id.is_empty() {
        *request_id = Uuid::new_v4().to_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_grows_by_a_third_to_ten_seconds() {
        let policy = Policy::default();
        let table = [(1, 1000), (2, 1300), (3, 1690), (4, 2197), (12, 10_000), (u32::MAX, 10_000)];
        for (attempt, milliseconds) in table {
            assert_eq!(policy.ceiling(attempt), Duration::from_millis(milliseconds), "{attempt}");
        }
    }

    #[test]
    fn the_numbers_are_those_that_are_published() {
        let Policy { max_attempts, initial_backoff, max_backoff, growth_percent } =
            Policy::default();
        let (first, longest) = (initial_backoff.as_secs(), max_backoff.as_secs());
        let factor = format!("{}.{}", growth_percent / 100, growth_percent % 100 / 10);
        let rows = [
            format!("| tries in all | {max_attempts} |"),
            format!("| longest wait before the second try | {first} s |"),
            format!("| factor of the longest wait from try to try | {factor} |"),
            format!("| longest wait before any try | {longest} s |"),
        ];
        let published = include_str!("../../docs/retries.md");
        for row in rows {
            assert!(published.contains(&row), "docs/retries.md lacks: {row}");
        }
        let sentence = format!(
            "{max_attempts} tries in all, waits of up to {first} s growing by {factor} to at most {longest} s"
        );
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&sentence), "README.md lacks: {sentence}");
        let codes = [Code::Unavailable, Code::ResourceExhausted, Code::Aborted];
        let is_published = |code: Code| published.contains(&format!("| `{}` |", screaming(code)));
        for number in 0..=16 {
            let code = Code::from_i32(number);
            assert_eq!(is_published(code), codes.contains(&code), "{code:?}");
            let Error::Status(mut status) = Error::from(tonic::Status::new(code, "")) else {
                unreachable!("a status is a status");
            };
            status.retry_delay = Some(Duration::from_secs(1));
            assert_eq!(is_retryable(&Error::Status(status)), codes.contains(&code), "{code:?}");
        }
    }

    /// `RESOURCE_EXHAUSTED` of `ResourceExhausted`.
    fn screaming(code: Code) -> String {
        let mut name = String::new();
        for letter in format!("{code:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_uppercase());
        }
        name
    }

    #[test]
    fn the_wait_lies_below_the_ceiling_and_not_below_what_was_asked_for() {
        let policy = Policy::default();
        for _ in 0..200 {
            assert!(policy.backoff(2, None) <= Duration::from_millis(1300));
            let asked = Duration::from_secs(25);
            assert_eq!(policy.backoff(2, Some(asked)), asked);
        }
    }

    #[test]
    fn a_request_id_is_kept_or_made() {
        let mut id = String::new();
        ensure_request_id(&mut id);
        assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 4);
        let made = id.clone();
        ensure_request_id(&mut id);
        assert_eq!(id, made);
    }
}
