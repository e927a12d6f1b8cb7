//! How the shop says no: Medusa's error bodies and their statuses.

use serde_json::{Value, json};

/// A refused request: its status and its JSON body, in the shape the real server uses.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// What a handler gives back.
pub(crate) type Answer<T = Value> = Result<T, Refusal>;

impl Refusal {
    fn typed(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self { status, body: json!({ "type": kind, "message": message.into() }) }
    }

    /// 400 `invalid_data`: the body or a value in it is refused.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::typed(400, "invalid_data", message)
    }

    /// 400 `not_allowed`: the object is not in a state for this.
    pub(crate) fn not_allowed(message: impl Into<String>) -> Self {
        Self::typed(400, "not_allowed", message)
    }

    /// 404 `not_found`.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::typed(404, "not_found", message)
    }

    /// 404 for a relation to an object that does not exist.
    pub(crate) fn relation(field: &str, id: &str) -> Self {
        Self::missing(format!(
            "You tried to set relationship {field}: {id}, but such entity does not exist"
        ))
    }

    /// 400 for a value that must be unique and is taken.
    pub(crate) fn taken(label: &str, field: &str, value: &str) -> Self {
        Self::invalid(format!("{label} with {field}: {value}, already exists."))
    }

    /// 401: no credentials, or wrong ones.
    pub(crate) fn unauthorized() -> Self {
        Self { status: 401, body: json!({ "message": "Unauthorized" }) }
    }

    /// 401 of the log-in form.
    pub(crate) fn bad_login() -> Self {
        Self::typed(401, "unauthorized", "Invalid email or password")
    }

    /// 413: more bytes than the route takes.
    pub(crate) fn too_large() -> Self {
        Self::typed(413, "unknown_error", "request entity too large")
    }

    /// 500 with a type of its own: some wrong input is answered this way by the real server.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::typed(500, "invalid_argument", message)
    }

    /// 500 `unknown_error`: an exception inside the server.
    pub(crate) fn unknown() -> Self {
        Self {
            status: 500,
            body: json!({
                "code": "unknown_error",
                "type": "unknown_error",
                "message": "An unknown error occurred.",
            }),
        }
    }

    /// 400 with Medusa's code for stock that is not there.
    pub(crate) fn insufficient() -> Self {
        Self {
            status: 400,
            body: json!({
                "code": "insufficient_inventory",
                "type": "not_allowed",
                "message": "Some variant does not have the required inventory",
            }),
        }
    }

    /// 404 of the web server itself: an HTML page, as Express sends it.
    pub(crate) fn no_route(method: &str, path: &str) -> Self {
        Self {
            status: 404,
            body: Value::String(format!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                 <title>Error</title>\n</head>\n<body>\n<pre>Cannot {method} {path}</pre>\n\
                 </body>\n</html>\n"
            )),
        }
    }
}
