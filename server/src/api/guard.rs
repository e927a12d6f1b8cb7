//! The layer around every call: who calls, whether they may, how long it may take; and errors that
//! the framework makes, in our own form.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use tonic::{Code, Status, body::Body, transport::server::TcpConnectInfo};
use tower::{Layer, Service};

use super::scope::{Access, access};
use crate::{
    app::App,
    error::{Error, Result},
    reason::Reason,
    token::Verifier,
};

/// How long a call may take until its answer begins.
const DEADLINE: Duration = Duration::from_secs(60);

/// Puts a [`Guard`] around a service.
#[derive(Clone, Debug)]
pub struct GuardLayer(pub Arc<App>);

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { app: Arc::clone(&self.0), inner }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    app: Arc<App>,
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
        if let Err(error) = admit(&self.app.verifier, &mut request) {
            return Box::pin(async move { Ok(Status::from(error).into_http()) });
        }
        let path = request.uri().path().to_owned();
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let answer = AssertUnwindSafe(inner.call(request)).catch_unwind();
            match tokio::time::timeout(DEADLINE, answer).await {
                Ok(Ok(Ok(response))) => Ok(normalise(response)),
                Ok(Ok(Err(error))) => Err(error),
                Ok(Err(_)) => {
                    tracing::error!(path, "A call panicked.");
                    Ok(Status::from(Error::internal("a call panicked")).into_http())
                }
                Err(_) => {
                    let error = Error::new(Reason::DeadlineExceeded, "The call took too long.")
                        .with("deadlineMs", DEADLINE.as_millis().to_string());
                    Ok(Status::from(error).into_http())
                }
            }
        })
    }
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
fn normalise(response: Response<Body>) -> Response<Body> {
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if status.code() == Code::Ok || !status.details().is_empty() {
        return response;
    }
    let error = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Error::new(Reason::MessageTooLarge, "The request is larger than the server takes.")
                .with("limitBytes", super::REQUEST_BYTES_MAX.to_string())
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
