//! What answers say about a shop's budget, as the platforms publish it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::http::HeaderMap;

/// A form in which a shop tells of its budget. A platform's description lists those it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `RateLimit-Limit`, `-Remaining`, `-Reset` and `RateLimit-Policy`, as the IETF's drafts have
    /// them and many proxies send them. A `burst` in the policy makes it a bucket.
    RateLimit,
    /// `X-Rate-Limit-Requests-Quota`, `-Requests-Left`, `-Time-Window-Ms`, `-Time-Reset-Ms`:
    /// BigCommerce.
    TimeReset,
    /// `X-Shopify-Shop-Api-Call-Limit: used/capacity`: Shopify's REST API.
    CallLimit {
        /// In how many seconds a full bucket drains; the header does not say it.
        drain_s: u32,
    },
    /// `extensions.cost` in the body: Shopify's GraphQL API.
    Cost,
}

/// What one answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A bucket that fills again all the time.
    Bucket {
        /// How many points it holds.
        capacity: u32,
        /// How many are in it.
        remaining: u32,
        /// How many come back in a second.
        restore_per_s: u32,
        /// What the call cost, where it is said.
        cost: Option<u32>,
    },
    /// So many calls in a window.
    Window {
        /// How many in all.
        calls: u32,
        /// How many are left.
        remaining: u32,
        /// When the next window begins, counted from the answer.
        reset: Duration,
        /// How long a window is, where it is said.
        window: Option<Duration>,
    },
}

/// What an answer says in one of these dialects; the first that says something counts.
pub fn read(dialects: &[Dialect], headers: &HeaderMap, body: Option<&Value>) -> Option<Said> {
    dialects.iter().find_map(|dialect| match dialect {
        Dialect::RateLimit => rate_limit(headers),
        Dialect::TimeReset => time_reset(headers),
        Dialect::CallLimit { drain_s } => call_limit(headers, *drain_s),
        Dialect::Cost => cost(body?),
    })
}

/// What `Retry-After` asks for: seconds, with a fraction as Shopify writes them, or a date.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = text(headers, "retry-after")?;
    if let Some(seconds) = decimal_ms(text) {
        return Some(Duration::from_millis(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

/// Seconds with up to three places, in milliseconds.
fn decimal_ms(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(part.parse().ok()?)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    text(headers, name)?.parse().ok()
}

/// The longest wait until a window's end that is believed.
const RESET_S_MAX: u32 = 86_400;

fn rate_limit(headers: &HeaderMap) -> Option<Said> {
    let remaining = number(headers, "ratelimit-remaining")?;
    // Some write the policy behind the limit: `100, 100;w=60`.
    let limit = text(headers, "ratelimit-limit")?;
    let limit = limit.split([',', ';']).next()?.trim().parse::<u32>().ok()?;
    let policy = text(headers, "ratelimit-policy").or_else(|| text(headers, "ratelimit-limit"));
    let item = policy.and_then(|policy| policy.split(',').rfind(|item| item.contains(";w=")));
    let parameter = |name: &str| -> Option<u32> {
        let found = item?.split(';').skip(1).find_map(|one| one.trim().strip_prefix(name));
        found?.strip_prefix('=')?.parse().ok()
    };
    let window_s = parameter("w");
    if let (Some(burst), Some(window_s)) = (parameter("burst"), window_s.filter(|it| *it > 0)) {
        let quota = item?.split(';').next()?.trim().parse::<u32>().ok()?;
        let restore_per_s = (quota / window_s).max(1);
        return Some(Said::Bucket { capacity: burst, remaining, restore_per_s, cost: None });
    }
    // Some write the second of the epoch there, which is no wait.
    let reset = number(headers, "ratelimit-reset").filter(|reset| *reset <= RESET_S_MAX)?;
    Some(Said::Window {
        calls: limit,
        remaining,
        reset: Duration::from_secs(reset.into()),
        window: window_s.map(|seconds| Duration::from_secs(seconds.into())),
    })
}

fn time_reset(headers: &HeaderMap) -> Option<Said> {
    let ms = |name: &str| number(headers, name).map(|ms| Duration::from_millis(ms.into()));
    Some(Said::Window {
        calls: number(headers, "x-rate-limit-requests-quota")?,
        remaining: number(headers, "x-rate-limit-requests-left")?,
        reset: ms("x-rate-limit-time-reset-ms")?,
        window: ms("x-rate-limit-time-window-ms").filter(|window| !window.is_zero()),
    })
}

fn call_limit(headers: &HeaderMap, drain_s: u32) -> Option<Said> {
    let (used, capacity) = text(headers, "x-shopify-shop-api-call-limit")?.split_once('/')?;
    let (used, capacity) = (used.trim().parse::<u32>().ok()?, capacity.trim().parse().ok()?);
    Some(Said::Bucket {
        capacity,
        remaining: capacity.saturating_sub(used),
        restore_per_s: (capacity / drain_s.max(1)).max(1),
        cost: None,
    })
}

fn cost(body: &Value) -> Option<Said> {
    let cost = body.get("extensions")?.get("cost")?;
    let status = cost.get("throttleStatus")?;
    // Shopify writes whole numbers as `1000.0`.
    let whole = |value: &Value| -> Option<u32> {
        let text = value.as_number()?.to_string();
        text.split('.').next()?.parse().ok()
    };
    Some(Said::Bucket {
        capacity: whole(status.get("maximumAvailable")?)?,
        remaining: whole(status.get("currentlyAvailable")?)?,
        restore_per_s: whole(status.get("restoreRate")?)?,
        cost: ["actualQueryCost", "requestedQueryCost"]
            .into_iter()
            .find_map(|name| cost.get(name).and_then(whole)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::{HeaderName, HeaderValue};

    const ALL: &[Dialect] = &[
        Dialect::RateLimit,
        Dialect::TimeReset,
        Dialect::CallLimit { drain_s: 20 },
        Dialect::Cost,
    ];

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    fn window(calls: u32, remaining: u32, reset_ms: u64, window_ms: Option<u64>) -> Option<Said> {
        Some(Said::Window {
            calls,
            remaining,
            reset: Duration::from_millis(reset_ms),
            window: window_ms.map(Duration::from_millis),
        })
    }

    #[test]
    fn every_dialect_is_read() {
        let bucket = |capacity, remaining, restore_per_s, cost| {
            Some(Said::Bucket { capacity, remaining, restore_per_s, cost })
        };
        type Headers = &'static [(&'static str, &'static str)];
        let cases: &[(Headers, Option<Said>)] = &[
            (&[], None),
            (
                &[
                    ("ratelimit-limit", "120"),
                    ("ratelimit-remaining", "7"),
                    ("ratelimit-reset", "9"),
                ],
                window(120, 7, 9_000, None),
            ),
            (
                &[
                    ("ratelimit-limit", "100, 100;w=60"),
                    ("ratelimit-remaining", "50"),
                    ("ratelimit-reset", "50"),
                ],
                window(100, 50, 50_000, Some(60_000)),
            ),
            (
                &[
                    ("ratelimit-limit", "1000"),
                    ("ratelimit-remaining", "900"),
                    ("ratelimit-reset", "2"),
                    ("ratelimit-policy", "50;w=1;burst=1000"),
                ],
                bucket(1_000, 900, 50, None),
            ),
            (
                &[
                    ("x-rate-limit-requests-quota", "150"),
                    ("x-rate-limit-requests-left", "149"),
                    ("x-rate-limit-time-window-ms", "30000"),
                    ("x-rate-limit-time-reset-ms", "15123"),
                ],
                window(150, 149, 15_123, Some(30_000)),
            ),
            (&[("x-shopify-shop-api-call-limit", "32/40")], bucket(40, 8, 2, None)),
            (&[("x-shopify-shop-api-call-limit", "many")], None),
            (
                &[
                    ("ratelimit-limit", "100"),
                    ("ratelimit-remaining", "99"),
                    ("ratelimit-reset", "1795000000"),
                ],
                None,
            ),
        ];
        for (pairs, expected) in cases {
            let headers = pairs.iter().map(|(name, value)| {
                (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
            });
            assert_eq!(read(ALL, &headers.collect(), None), *expected, "{pairs:?}");
        }
        let body = json!({ "data": {}, "extensions": { "cost": {
            "requestedQueryCost": 12, "actualQueryCost": 10,
            "throttleStatus": { "maximumAvailable": 2000.0, "currentlyAvailable": 1990, "restoreRate": 100.0 },
        }}});
        let none = HeaderMap::new();
        assert_eq!(read(ALL, &none, Some(&body)), bucket(2_000, 1_990, 100, Some(10)));
        assert_eq!(read(&[Dialect::RateLimit], &none, Some(&body)), None, "not its dialect");
    }

    #[test]
    fn patience_is_asked_for_in_seconds_or_until_a_date() {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        let asked = |text: &'static str| retry_after(&headers(&[("retry-after", text)]), now);
        assert_eq!(asked("2"), Some(Duration::from_secs(2)));
        assert_eq!(asked("2.0"), Some(Duration::from_secs(2)));
        assert_eq!(asked("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(asked("Fri, 27 Nov 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Fri, 27 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
    }
}
