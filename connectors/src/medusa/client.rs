//! Requests to Medusa's admin API and what its answers mean. Reads are repeated within bounds;
//! writes are sent once, because only a look-up can tell whether a lost one had its effect.

use std::{fmt, time::Duration};

use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::{
    Error, Result,
    http::{self, BodyError, HttpSettings},
};

/// The platform's id in errors.
pub(super) const PLATFORM: &str = "medusa";

/// How often a read is tried.
const READ_ATTEMPTS: u32 = 5;

/// A query string as pairs.
pub(super) type Query<'a> = [(&'a str, String)];

/// The admin API of one shop.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    api_key: SecretString,
    body_size_max: usize,
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
    pub(super) fn new(
        base_url: &str,
        api_key: SecretString,
        settings: &HttpSettings,
        settle_time: Duration,
    ) -> Result<Self> {
        let (http, url) = http::client(base_url, settings)
            .map_err(|error| Error::Settings { field: "base_url", problem: error.to_string() })?;
        if api_key.expose_secret().trim().is_empty() {
            return Err(Error::Settings { field: "api_key", problem: "is empty".to_owned() });
        }
        Ok(Self {
            http,
            base: url.as_str().trim_end_matches('/').to_owned(),
            api_key,
            body_size_max: settings.body_size_max,
            settle_time,
        })
    }

    /// Reads, again and again within bounds while the shop is away or asks for patience.
    pub(super) async fn get(&self, path: &str, query: &Query<'_>) -> Result<Value> {
        let operation = format!("GET {path}");
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.send(Method::GET, path, query, None, &operation).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wait = match &error {
                Error::Transient { retry_after, .. } | Error::Throttled { retry_after, .. } => {
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

    /// Writes once.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, &[], Some(body), &format!("POST {path}")).await
    }

    /// Writes once, asking for certain fields in the answer.
    pub(super) async fn post_for(&self, path: &str, fields: &str, body: &Value) -> Result<Value> {
        let query = [("fields", fields.to_owned())];
        self.send(Method::POST, path, &query, Some(body), &format!("POST {path}")).await
    }

    /// Deletes once.
    pub(super) async fn delete(&self, path: &str) -> Result<Value> {
        self.send(Method::DELETE, path, &[], None, &format!("DELETE {path}")).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &Query<'_>,
        body: Option<&Value>,
        operation: &str,
    ) -> Result<Value> {
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
        let retry_after = http::retry_after(response.headers());
        let bytes = match http::body(response, self.body_size_max).await {
            Ok(bytes) => bytes,
            Err(BodyError::Broken) => return Err(transient("the answer broke off")),
            Err(BodyError::TooLong) => {
                return Err(unreadable(&operation, "the answer is longer than allowed"));
            }
        };
        judge(status, retry_after, &bytes, &operation, is_asked)
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
    bytes: &[u8],
    operation: &str,
    is_asked: bool,
) -> Result<Value> {
    let json: Option<Value> = serde_json::from_slice(bytes).ok();
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
        judge(status, None, body.as_bytes(), "GET /x", is_asked).unwrap_err()
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
