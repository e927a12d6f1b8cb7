//! Requests to Medusa's admin API and what its answers mean. Reads are repeated within bounds;
//! writes are sent once, because only a look-up can tell whether a lost one had its effect.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Settings, spec};
use crate::{
    Error, JournalError, Lease, Result,
    budget::{self, Budget, Denied, Heard, Permit},
    http::{self, BodyError},
};

/// The platform's id in errors.
pub(super) const PLATFORM: &str = "medusa";

/// How often a read is tried.
const READ_ATTEMPTS: u32 = 5;
/// How often in a row one call may be refused for the shop's budget before its caller is told: each
/// refusal is followed by the wait it asks for, and is no try.
pub(super) const REFUSALS_MAX: u32 = 8;

/// The longest a read waits for a circuit that is open.
const CIRCUIT_WAIT_MAX: Duration = Duration::from_secs(5);

/// The names of calls in the budget.
const READ: &str = "read";
const WRITE: &str = "write";

/// A query string as pairs.
pub(super) type Query<'a> = [(&'a str, String)];

/// The admin API of one shop.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    api_key: SecretString,
    body_size_max: usize,
    budget: Arc<Budget>,
    /// How long the shop may still work on a request after we have gone.
    pub(super) settle_time: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for a shop.
    pub(super) fn new(settings: Settings) -> Result<Self> {
        let Settings { base_url, api_key, http: limits, settle_time, budget } = settings;
        let (http, url) = http::client(&base_url, &limits)
            .map_err(|error| Error::Settings { field: "base_url", problem: error.to_string() })?;
        if api_key.expose_secret().trim().is_empty() {
            return Err(Error::Settings { field: "api_key", problem: "is empty".to_owned() });
        }
        Ok(Self {
            http,
            base: url.as_str().trim_end_matches('/').to_owned(),
            api_key,
            body_size_max: limits.body_size_max,
            budget,
            settle_time,
        })
    }

    /// Reads, again and again within bounds while the shop is away or asks for patience.
    pub(super) async fn get(&self, path: &str, query: &Query<'_>) -> Result<Value> {
        let operation = format!("GET {path}");
        let (mut attempt, mut refusals) = (0, 0);
        loop {
            let sent = match self.permit(READ, &operation).await {
                Ok(permit) => self.send(permit, Method::GET, path, query, None, &operation).await,
                // A circuit that opens again soon is waited for like a shop that is away.
                Err(error @ Error::Transient { retry_after: Some(wait), .. })
                    if wait <= CIRCUIT_WAIT_MAX =>
                {
                    Err(error)
                }
                Err(error) => return Err(error),
            };
            let error = match sent {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wait = match &error {
                // The budget waits as long as the shop asks.
                Error::Throttled { .. } if refusals < REFUSALS_MAX => {
                    refusals += 1;
                    continue;
                }
                Error::Transient { retry_after, .. } => {
                    attempt += 1;
                    retry_after.unwrap_or(Duration::from_millis(100) * 2_u32.pow(attempt))
                }
                _ => return Err(error),
            };
            if attempt == READ_ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(wait.min(Duration::from_secs(10))).await;
        }
    }

    /// Waits until the shop's budget has room for a write. To be asked for before the intent is
    /// committed, or before the journal is asked whether the work is still ours: it may take long.
    pub(super) async fn write_permit(&self) -> Result<Permit> {
        self.permit(WRITE, "a write").await
    }

    async fn permit(&self, call: &'static str, operation: &str) -> Result<Permit> {
        let operation = || without_ids(operation);
        self.budget.permit(call).await.map_err(|denied| match denied {
            Denied::Later(wait) => Error::Throttled {
                platform: PLATFORM,
                operation: operation(),
                retry_after: Some(wait),
            },
            Denied::Open(wait) => Error::Transient {
                platform: PLATFORM,
                operation: operation(),
                problem: "too many calls failed in a row, none is made for a while".to_owned(),
                retry_after: Some(wait),
            },
            Denied::Ledger(error) => Error::Journal(JournalError::Store(error.to_string())),
        })
    }

    /// Writes once, outside the journal; the lease is asked when the budget has room.
    pub(super) async fn post(&self, lease: &dyn Lease, path: &str, body: &Value) -> Result<Value> {
        let mut refusals = 0;
        loop {
            let permit = self.write_permit().await?;
            lease.still_ours().await?;
            match self.post_with(permit, path, body).await {
                // A refused call had no effect; the budget waits as long as the shop asks.
                Err(Error::Throttled { .. }) if refusals < REFUSALS_MAX => refusals += 1,
                sent => return sent,
            }
        }
    }

    /// Writes once.
    pub(super) async fn post_with(
        &self,
        permit: Permit,
        path: &str,
        body: &Value,
    ) -> Result<Value> {
        let operation = format!("POST {path}");
        self.send(permit, Method::POST, path, &[], Some(body), &operation).await
    }

    /// Writes once, asking for certain fields in the answer.
    pub(super) async fn post_for(
        &self,
        permit: Permit,
        path: &str,
        fields: &str,
        body: &Value,
    ) -> Result<Value> {
        let query = [("fields", fields.to_owned())];
        let operation = format!("POST {path}");
        self.send(permit, Method::POST, path, &query, Some(body), &operation).await
    }

    /// Deletes once.
    pub(super) async fn delete(&self, permit: Permit, path: &str) -> Result<Value> {
        let operation = format!("DELETE {path}");
        self.send(permit, Method::DELETE, path, &[], None, &operation).await
    }

    /// Makes a call and notes in the budget what came of it.
    async fn send(
        &self,
        permit: Permit,
        method: Method,
        path: &str,
        query: &Query<'_>,
        body: Option<&Value>,
        operation: &str,
    ) -> Result<Value> {
        let (answer, said) = match self.ask(method, path, query, body, operation).await {
            Ok(told) => told,
            Err(error) => (Err(error), None),
        };
        permit.note(match &answer {
            Err(Error::Transient { .. }) => Heard::Failed,
            Err(Error::Throttled { retry_after, .. }) => Heard::Refused {
                said,
                retry_after_ms: retry_after.and_then(|it| i64::try_from(it.as_millis()).ok()),
            },
            _ => Heard::Answered(said),
        });
        answer
    }

    /// Makes a call; what the answer means, and what it says of the budget.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &Query<'_>,
        body: Option<&Value>,
        operation: &str,
    ) -> Result<(Result<Value>, Option<budget::Said>)> {
        let url = Url::parse(&format!("{}{path}", self.base)).map_err(|_| Error::Settings {
            field: "base_url",
            problem: "is no address".to_owned(),
        })?;
        // A write to an object that is gone is refused; a read or a deletion has found that out.
        let is_asked = method != Method::POST;
        let mut request = self
            .http
            .request(method, url)
            .basic_auth(self.api_key.expose_secret().trim(), Some(""))
            .query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let operation = without_ids(operation);
        let transient = |problem: &str| Error::Transient {
            platform: PLATFORM,
            operation: operation.clone(),
            problem: problem.to_owned(),
            retry_after: None,
        };
        let response = request.send().await.map_err(|error| {
            transient(if error.is_timeout() {
                "no answer in time"
            } else if error.is_connect() {
                "no connection"
            } else {
                "the connection broke"
            })
        })?;
        let status = response.status();
        let headers = response.headers().clone();
        let retry_after = budget::retry_after(&headers, chrono::Utc::now());
        let bytes = match http::body(response, self.body_size_max).await {
            Ok(bytes) => bytes,
            Err(BodyError::Broken) => return Err(transient("the answer broke off")),
            Err(BodyError::TooLong) => {
                return Err(unreadable(&operation, "the answer is longer than allowed"));
            }
        };
        let json: Option<Value> = serde_json::from_slice(&bytes).ok();
        let said = budget::read(spec::DIALECTS, &headers, json.as_ref());
        Ok((judge(status, retry_after, json, &operation, is_asked), said))
    }
}

fn unreadable(operation: &str, problem: &str) -> Error {
    Error::Unreadable {
        platform: PLATFORM,
        operation: operation.to_owned(),
        problem: problem.to_owned(),
    }
}

/// What an answer means.
fn judge(
    status: StatusCode,
    retry_after: Option<Duration>,
    json: Option<Value>,
    operation: &str,
    is_asked: bool,
) -> Result<Value> {
    let operation = operation.to_owned();
    if status.is_success() {
        // A login page or a proxy's greeting comes with status 200 as well.
        return match json {
            Some(json @ Value::Object(_)) => Ok(json),
            _ => Err(unreadable(&operation, "it is not a JSON object")),
        };
    }
    let message =
        json.as_ref().and_then(|json| json.get("message")).and_then(Value::as_str).unwrap_or("");
    let problem = match http::redact(message) {
        text if text.is_empty() => format!("status {}", status.as_u16()),
        text => text,
    };
    Err(match status.as_u16() {
        401 | 403 => Error::Unauthorised { platform: PLATFORM, operation },
        404 if is_asked && json.is_some() => Error::Missing { platform: PLATFORM, operation },
        404 if json.is_none() => unreadable(&operation, "the shop does not know the path"),
        408 | 425 | 500..=599 => {
            Error::Transient { platform: PLATFORM, operation, problem, retry_after }
        }
        429 => Error::Throttled { platform: PLATFORM, operation, retry_after },
        300..=399 => unreadable(&operation, "it leads to another address"),
        _ => {
            Error::Rejected { platform: PLATFORM, operation, field: named_field(message), problem }
        }
    })
}

/// The field a refusal of Medusa names: `Field 'title' is required`, `Product with handle: x`.
fn named_field(message: &str) -> Option<String> {
    let lower = message.to_lowercase();
    let quoted = lower
        .split_once("field '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(field, _)| field.replace(", ", "."));
    quoted.or_else(|| {
        ["handle", "sku", "barcode", "email", "name", "value"]
            .into_iter()
            .find(|field| lower.contains(&format!("with {field}:")))
            .map(str::to_owned)
    })
}

/// An operation's name without the ids in its path, so that errors can be counted.
fn without_ids(operation: &str) -> String {
    operation
        .split('/')
        .map(|part| if part.contains('_') { ":id" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, is_asked: bool) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        judge(status, None, serde_json::from_str(body).ok(), "GET /x", is_asked).unwrap_err()
    }

    #[test]
    fn answers_become_decisions() {
        assert!(matches!(check(401, "{}", true), Error::Unauthorised { .. }));
        assert!(matches!(check(404, "{\"message\":\"no\"}", true), Error::Missing { .. }));
        assert!(matches!(check(404, "{\"message\":\"no\"}", false), Error::Rejected { .. }));
        assert!(matches!(check(404, "<html>", true), Error::Unreadable { .. }));
        assert!(matches!(check(200, "<html>", true), Error::Unreadable { .. }));
        assert!(matches!(check(302, "", true), Error::Unreadable { .. }));
        assert!(matches!(check(429, "", false), Error::Throttled { .. }));
        assert!(matches!(check(503, "", false), Error::Transient { .. }));
        assert!(matches!(check(413, "{}", false), Error::Rejected { .. }));
    }

    #[test]
    fn a_refusal_names_its_field() {
        let check = |message: &str, field: Option<&str>| {
            assert_eq!(named_field(message).as_deref(), field, "{message}");
        };
        check("Invalid request: Field 'variants, 0, title' is required", Some("variants.0.title"));
        check("Product variant with sku: a, already exists.", Some("sku"));
        check("Invalid request: Unrecognized fields: 'a'", None);
    }

    #[test]
    fn errors_do_not_hold_ids() {
        assert_eq!(
            without_ids("POST /admin/orders/order_01/cancel"),
            "POST /admin/orders/:id/cancel"
        );
    }
}
