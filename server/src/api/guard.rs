//! The layer around every call: who calls, whether they may, how many calls there may be, how long
//! one may take; and errors that the framework makes, in our own form.
//!
//! A deadline counts until the answer begins. A unary answer is complete then. A stream goes on: it
//! has an age of its own, after which it says that it can be resumed, and a caller whose deadline ends
//! sooner gives it up itself, which the server sees at once.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use tokio::{sync::Semaphore, time::Instant};
use tonic::{Code, Status, body::Body, transport::server::TcpConnectInfo};
use tower::{Layer, Service};

use super::scope::{Access, access};
use crate::{
    app::App,
    error::{Error, Result},
    reason::Reason,
    token::{Caller, Verifier},
};

/// How long a call may take for a caller who does not say.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);
/// The longest that a caller may ask for.
const DEADLINE_MAX: Duration = Duration::from_secs(60);
/// tonic cuts a call off at its caller's deadline with CANCELLED and without details. So that ours is
/// the answer, and still reaches a caller who has a clock of their own, it comes this much sooner, or
/// a tenth of the time where that is less.
const DEADLINE_AHEAD: Duration = Duration::from_millis(50);
/// But no less: timers tick in milliseconds.
const DEADLINE_AHEAD_MIN: Duration = Duration::from_millis(2);
/// When one whose call was not taken may come again.
const OVERLOADED_WAIT: Duration = Duration::from_secs(1);

tokio::task_local! {
    static CALL: Call;
}

/// What an error says of the call it ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    /// What tells it from all others in the log; empty outside of a call.
    pub(super) id: String,
    /// The account it is made in; empty where none is.
    pub(super) account: String,
}

impl Call {
    /// The call that is being answered.
    pub(super) fn current() -> Self {
        CALL.try_with(Clone::clone).unwrap_or_default()
    }
}

/// Puts a [`Guard`] around a service.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    app: Arc<App>,
    calls: Arc<Semaphore>,
}

impl GuardLayer {
    /// A layer for the calls of one server.
    pub fn new(app: Arc<App>) -> Self {
        let calls = Arc::new(Semaphore::new(app.config.calls_max));
        Self { app, calls }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { app: Arc::clone(&self.app), calls: Arc::clone(&self.calls), inner }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    app: Arc<App>,
    calls: Arc<Semaphore>,
    inner: S,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, std::result::Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let begun = Instant::now();
        let open = access(request.uri().path()) == Some(Access::Open);
        if !open && !self.app.config.role.serves() {
            return Box::pin(async move { Ok(Status::from(only_works()).into_http()) });
        }
        if let Err(error) = admit(&self.app.verifier, &mut request) {
            return Box::pin(async move { Ok(Status::from(error).into_http()) });
        }
        let path = request.uri().path().to_owned();
        // Whether the server lives must be seen under any load.
        let permit = (!open).then(|| Arc::clone(&self.calls).try_acquire_owned()).transpose();
        let Ok(permit) = permit else {
            let error =
                Error::new(Reason::Overloaded, "The server has more calls than it can take.")
                    .retry_after(OVERLOADED_WAIT);
            return Box::pin(async move { Ok(Status::from(error).into_http()) });
        };
        let (told, deadline) = deadline(request.headers());
        if deadline.is_zero() {
            return Box::pin(async move { Ok(Status::from(too_late(told)).into_http()) });
        }
        let caller = request.extensions().get::<Caller>();
        let call = Call {
            id: crate::id::new().to_string(),
            account: caller.map(|caller| caller.account.clone()).unwrap_or_default(),
        };
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let answered = async move {
            let _permit = permit;
            let answer = AssertUnwindSafe(inner.call(request)).catch_unwind();
            match tokio::time::timeout_at(begun + deadline, answer).await {
                Ok(Ok(Ok(response))) => Ok(normalise(&path, response)),
                Ok(Ok(Err(error))) => Err(error),
                Ok(Err(_)) => {
                    tracing::error!(path, "A call panicked.");
                    Ok(Status::from(Error::internal("a call panicked")).into_http())
                }
                Err(_) => Ok(Status::from(too_late(told)).into_http()),
            }
        };
        Box::pin(CALL.scope(call, answered))
    }
}

fn only_works() -> Error {
    let message = "This process works and serves its health alone (its role is worker); call one whose role is api or all.";
    Error::new(Reason::MethodUnimplemented, message).with("role", "worker")
}

fn too_late(deadline: Duration) -> Error {
    Error::new(Reason::DeadlineExceeded, "The call took too long.")
        .with("deadlineMs", deadline.as_millis().to_string())
}

/// The deadline of a call as its caller is told it, and when it is given up.
fn deadline(headers: &HeaderMap) -> (Duration, Duration) {
    match headers.get("grpc-timeout").and_then(|text| timeout(text.to_str().ok()?)) {
        None => (DEADLINE_DEFAULT, DEADLINE_DEFAULT),
        Some(asked) if asked > DEADLINE_MAX => (DEADLINE_MAX, DEADLINE_MAX),
        Some(asked) => {
            let ahead = (asked / 10).clamp(DEADLINE_AHEAD_MIN, DEADLINE_AHEAD);
            (asked, asked.saturating_sub(ahead))
        }
    }
}

/// Reads a `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let fits = (1..=8).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| fits)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 60 * 60),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Finds out who calls and whether they may.
fn admit<B>(verifier: &Verifier, request: &mut Request<B>) -> Result<()> {
    let path = request.uri().path();
    let Some(needed) = access(path) else {
        let header = authorization(request);
        verifier.caller(header)?;
        return Err(Error::new(Reason::MethodUnimplemented, "There is no such method."));
    };
    if needed == Access::Open || (needed == Access::Loopback && from_loopback(request)) {
        return Ok(());
    }
    let caller = verifier.caller(authorization(request))?;
    if let Access::Scope(scope) = needed
        && !caller.has(scope)
    {
        return Err(Error::new(
            Reason::ScopeMissing,
            format!("The token lacks the scope {scope}."),
        )
        .with("requiredScope", scope));
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

fn authorization<B>(request: &Request<B>) -> Option<&str> {
    request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()
}

fn from_loopback<B>(request: &Request<B>) -> bool {
    let peer = request.extensions().get::<TcpConnectInfo>();
    peer.and_then(TcpConnectInfo::remote_addr)
        .is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// Rewrites an error that the framework made (it has no details) into ours.
fn normalise(path: &str, response: Response<Body>) -> Response<Body> {
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if status.code() == Code::Ok || !status.details().is_empty() {
        return response;
    }
    let error = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Error::new(Reason::MessageTooLarge, "The request is larger than the server takes.")
                .with("limitBytes", super::request_bytes_max(path).to_string())
        }
        Code::Unimplemented => Error::new(Reason::MethodUnimplemented, "There is no such method."),
        Code::Cancelled | Code::DeadlineExceeded => {
            Error::new(Reason::DeadlineExceeded, "The call took too long.")
        }
        Code::Internal | Code::InvalidArgument => {
            Error::new(Reason::MalformedRequest, "The request is not a message of this method.")
        }
        _ => return response,
    };
    Status::from(error).into_http()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::Keys, token};

    #[test]
    fn a_deadline_is_the_callers_up_to_a_minute() {
        let of = |text: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(text) = text {
                headers.insert("grpc-timeout", text.parse().unwrap());
            }
            let (told, until) = deadline(&headers);
            (told.as_millis(), until.as_millis())
        };
        for none in
            [None, Some(""), Some("S"), Some("5"), Some("5s"), Some("-1S"), Some("123456789n")]
        {
            assert_eq!(of(none), (30_000, 30_000), "{none:?}");
        }
        assert_eq!(of(Some("2S")), (2_000, 1_950));
        assert_eq!(of(Some("200m")), (200, 180));
        assert_eq!(of(Some("10m")), (10, 8));
        assert_eq!(of(Some("1m")), (1, 0));
        assert_eq!(of(Some("5000u")), (5, 3));
        assert_eq!(of(Some("1M")), (60_000, 59_950));
        assert_eq!(of(Some("99999999H")), (60_000, 60_000));
    }

    #[tokio::test]
    async fn an_error_names_its_call_where_that_is_of_use() {
        use tonic_types::StatusExt;
        let fault = || Status::from(Error::internal("made up"));
        let call = Call { id: "the-call".to_owned(), account: "acme".to_owned() };
        let within = CALL.scope(call.clone(), async { fault() }).await;
        assert_eq!(within.get_details_request_info().unwrap().request_id, "the-call");
        assert!(fault().get_details_request_info().is_none());
        let refused = async { Status::from(Error::not_found("accounts/a/uploads/u")) };
        let refused = CALL.scope(call.clone(), refused).await;
        assert!(refused.get_details_request_info().is_none(), "it is the same every time");
        let limit = async { Status::from(Error::new(Reason::StreamLimit, "Too many streams.")) };
        let limit = CALL.scope(call, limit).await.get_details_quota_failure().unwrap();
        assert_eq!(limit.violations[0].subject, "accounts/acme");
        assert_eq!(limit.violations[0].description, "Too many streams.");
    }

    #[test]
    fn reflection_beyond_this_machine_needs_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let verifier = Verifier::new(&keys);
        let token = token::sign(&keys, "acme", "me", "", Duration::from_secs(60)).unwrap();
        let asked = |path: &str, peer: Option<&str>, token: Option<&str>| {
            let mut request = Request::builder().uri(path);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let mut request = request.body(()).unwrap();
            let remote_addr = peer.map(|peer| peer.parse().unwrap());
            request.extensions_mut().insert(TcpConnectInfo { local_addr: None, remote_addr });
            admit(&verifier, &mut request).map_err(|error| error.reason)
        };
        let health = "/grpc.health.v1.Health/Check";
        for version in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            for own in ["127.0.0.1:9", "127.8.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
                assert_eq!(asked(&path, Some(own), None), Ok(()), "{own}");
            }
            for other in
                [Some("10.0.0.7:9"), Some("[::ffff:10.0.0.7]:9"), Some("[2001:db8::1]:9"), None]
            {
                assert_eq!(asked(&path, other, None), Err(Reason::TokenMissing), "{other:?}");
                assert_eq!(asked(&path, other, Some("x")), Err(Reason::TokenInvalid));
                assert_eq!(asked(&path, other, Some(&token)), Ok(()), "any token: {other:?}");
                assert_eq!(asked(health, other, None), Ok(()));
            }
        }
        let get = "/cartage.v1.RunService/GetRun";
        assert_eq!(asked(get, Some("127.0.0.1:9"), None), Err(Reason::TokenMissing));
        assert_eq!(asked(get, Some("127.0.0.1:9"), Some(&token)), Err(Reason::ScopeMissing));
    }
}
