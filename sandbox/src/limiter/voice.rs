//! What answers say about a budget, as the published platforms say it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Left, Limit, Shape};

/// How answers tell of the budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voice {
    /// They say nothing; a refusal is a bare 429.
    #[default]
    Silent,
    /// `Retry-After` in a refusal, in whole seconds.
    RetryAfter,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset` (seconds) and `RateLimit-Policy` with the window,
    /// or with the burst of a bucket; `Retry-After` in a refusal.
    RateLimit,
    /// `X-Rate-Limit-Requests-Quota`, `-Requests-Left`, `-Time-Window-Ms` and `-Time-Reset-Ms`, as
    /// BigCommerce says it.
    TimeReset,
    /// `X-Shopify-Shop-Api-Call-Limit: used/capacity`, and `Retry-After` in a refusal, as Shopify's
    /// REST API says it.
    CallLimit,
    /// `extensions.cost` in the body, as Shopify's GraphQL API says it.
    Cost,
}

/// The headers of an answer.
pub fn headers(limit: &Limit, left: &Left) -> Vec<(&'static str, String)> {
    let seconds = left.wait.as_millis().div_ceil(1_000);
    let (quota, window_ms) = match limit.shape {
        Shape::Bucket { capacity, .. } => (capacity, 0),
        Shape::Window { calls, window_ms } => (calls, window_ms),
    };
    let mut headers = match limit.voice {
        Voice::Silent | Voice::RetryAfter | Voice::Cost => Vec::new(),
        Voice::RateLimit => {
            let (policy, reset) = match limit.shape {
                Shape::Bucket { capacity, restore_per_s } => {
                    let missing = u64::from(capacity.saturating_sub(left.remaining));
                    let reset = missing.div_ceil(u64::from(restore_per_s).max(1));
                    (format!("{restore_per_s};w=1;burst={capacity}"), u128::from(reset))
                }
                Shape::Window { calls, window_ms } => {
                    (format!("{calls};w={}", window_ms.div_ceil(1_000)), seconds)
                }
            };
            vec![
                ("ratelimit-limit", quota.to_string()),
                ("ratelimit-remaining", left.remaining.to_string()),
                ("ratelimit-reset", reset.to_string()),
                ("ratelimit-policy", policy),
            ]
        }
        Voice::TimeReset => vec![
            ("x-rate-limit-requests-quota", quota.to_string()),
            ("x-rate-limit-requests-left", left.remaining.to_string()),
            ("x-rate-limit-time-window-ms", window_ms.to_string()),
            ("x-rate-limit-time-reset-ms", left.wait.as_millis().to_string()),
        ],
        Voice::CallLimit => {
            let used = quota.saturating_sub(left.remaining);
            vec![("x-shopify-shop-api-call-limit", format!("{used}/{quota}"))]
        }
    };
    let says_when = matches!(limit.voice, Voice::RetryAfter | Voice::RateLimit | Voice::CallLimit);
    if !left.taken && says_when {
        headers.push(("retry-after", seconds.max(1).to_string()));
    }
    headers
}

/// What is put under `extensions` into the body of an answer, where the voice does so.
pub fn extension(limit: &Limit, left: &Left) -> Option<Value> {
    let Shape::Bucket { capacity, restore_per_s } = limit.shape else { return None };
    (limit.voice == Voice::Cost).then(|| {
        json!({ "cost": {
            "requestedQueryCost": left.cost,
            "actualQueryCost": if left.taken { json!(left.cost) } else { Value::Null },
            "throttleStatus": {
                "maximumAvailable": capacity,
                "currentlyAvailable": left.remaining,
                "restoreRate": restore_per_s,
            },
        }})
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_voice_says_what_its_platform_says() {
        let bucket = Shape::Bucket { capacity: 40, restore_per_s: 2 };
        let window = Shape::Window { calls: 150, window_ms: 30_000 };
        let taken =
            Left { taken: true, cost: 3, remaining: 30, wait: Duration::from_millis(1_200) };
        let said = |shape, voice, left: &Left| {
            let headers = headers(&Limit::new(shape, voice), left);
            headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
        };
        assert!(said(bucket, Voice::Silent, &taken).is_empty());
        assert_eq!(
            said(bucket, Voice::CallLimit, &taken),
            ["x-shopify-shop-api-call-limit: 10/40"]
        );
        assert_eq!(
            said(bucket, Voice::RateLimit, &taken),
            [
                "ratelimit-limit: 40",
                "ratelimit-remaining: 30",
                "ratelimit-reset: 5",
                "ratelimit-policy: 2;w=1;burst=40",
            ]
        );
        assert_eq!(
            said(window, Voice::TimeReset, &taken),
            [
                "x-rate-limit-requests-quota: 150",
                "x-rate-limit-requests-left: 30",
                "x-rate-limit-time-window-ms: 30000",
                "x-rate-limit-time-reset-ms: 1200",
            ]
        );
        let refused = Left { taken: false, ..taken };
        assert_eq!(said(window, Voice::RetryAfter, &refused), ["retry-after: 2"]);
        assert_eq!(
            said(window, Voice::RateLimit, &refused).last().map(String::as_str),
            Some("retry-after: 2")
        );
        let cost = extension(&Limit::new(bucket, Voice::Cost), &taken).unwrap();
        assert_eq!(cost.pointer("/cost/actualQueryCost"), Some(&json!(3)));
        assert_eq!(cost.pointer("/cost/throttleStatus/currentlyAvailable"), Some(&json!(30)));
        assert_eq!(extension(&Limit::new(window, Voice::Cost), &taken), None);
    }
}
