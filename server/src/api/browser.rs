//! What browsers need beside gRPC: gRPC-Web over HTTP/1.1 or HTTP/2, and the leave of the pages that
//! may call (CORS). A browser's page cannot speak gRPC itself: it sees no trailers.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{
    error::{Error, Result},
    reason::Reason,
};

/// How long a browser may remember that a page may call.
const ALLOWED_FOR: Duration = Duration::from_secs(24 * 3_600);

/// What an error consists of, and what a page sees only where it is named.
const STATUS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// What a page may send: the token, what the protocol needs, and a deadline.
const SENT: [&str; 6] = [
    "authorization",
    "content-type",
    "grpc-timeout",
    "x-grpc-web",
    "x-user-agent",
    "grpc-accept-encoding",
];

/// Lets pages of these origins call, or of all for `*`; of none where none is named. Credentials of
/// the browser's own (cookies) are never asked for: a token is.
///
/// # Errors
/// When one is no origin.
pub(super) fn pages(origins: &[String]) -> Result<CorsLayer> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().map(|it| origin(it)).collect::<Result<Vec<_>>>()?)
    };
    Ok(CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::POST])
        .allow_headers(SENT.map(HeaderName::from_static))
        .expose_headers(STATUS.map(HeaderName::from_static))
        .vary([header::ORIGIN])
        .max_age(ALLOWED_FOR))
}

/// An origin as browsers send it: compared byte by byte, so that what they never send is refused here
/// and does not stand in the settings without effect.
fn origin(text: &str) -> Result<HeaderValue> {
    let wrong = || {
        let message = format!(
            "{text:?} is no origin: it is to look like https://shop.example or http://localhost:3000."
        );
        Error::new(Reason::InvalidFields, message)
    };
    let url = url::Url::parse(text).map_err(|_| wrong())?;
    if url.origin().ascii_serialization() != text {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in ["https://app.example", "http://localhost:3000", "https://app.example:8443"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "app.example",
            "https://app.example/",
            "https://app.example/page",
            "https://App.example",
            "https://app.example:443",
            "null",
        ] {
            let error = origin(wrong).unwrap_err();
            assert_eq!(error.reason, Reason::InvalidFields, "{wrong}");
        }
        assert!(pages(&["*".to_owned()]).is_ok() && pages(&[]).is_ok());
        assert!(pages(&["*/".to_owned()]).is_err());
    }
}
