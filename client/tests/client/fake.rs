//! A service that answers as the test says. It is made of tonic's own server code, one handler per path,
//! and is given to the client as its transport.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    future::ready,
    pin::Pin,
    sync::{Arc, Mutex},
};

use cartage_client::{Client, ClientBuilder, v1};
use futures::{Stream, StreamExt as _, future::BoxFuture, stream};
use prost::Message;
use tonic::{Request, Response, Status, body::Body, server::Grpc};
use tonic_prost::ProstCodec;

type Handler =
    Arc<dyn Fn(http::Request<Body>) -> BoxFuture<'static, http::Response<Body>> + Send + Sync>;
type Answers<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// A scripted service. Calls to paths without a script give UNIMPLEMENTED.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<HashMap<String, Handler>>>);

/// The requests that came, in order.
pub(crate) struct Seen<M>(Arc<Mutex<Vec<Request<M>>>>);

impl<M: Clone> Seen<M> {
    pub(crate) fn messages(&self) -> Vec<M> {
        self.0.lock().unwrap().iter().map(|request| request.get_ref().clone()).collect()
    }

    pub(crate) fn header(&self, at: usize, key: &str) -> Option<String> {
        let requests = self.0.lock().unwrap();
        requests[at].metadata().get(key).map(|value| value.to_str().unwrap().to_owned())
    }
}

impl Fake {
    /// Answers each call of a unary method with the next of these.
    pub(crate) fn answers<Q, A>(
        &self,
        method: &str,
        answers: impl IntoIterator<Item = Result<A, Status>>,
    ) -> Seen<Q>
    where
        Q: Message + Default + Clone + 'static,
        A: Message + Default + 'static,
    {
        let queue: VecDeque<_> = answers.into_iter().collect();
        let queue = Mutex::new(queue);
        self.unary(method, move |_: &Q| {
            queue.lock().unwrap().pop_front().unwrap_or(Err(Status::unimplemented("script over")))
        })
    }

    /// Answers a unary method by a function.
    pub(crate) fn unary<Q, A>(
        &self,
        method: &str,
        answer: impl Fn(&Q) -> Result<A, Status> + Send + Sync + 'static,
    ) -> Seen<Q>
    where
        Q: Message + Default + Clone + 'static,
        A: Message + Default + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let answer = Arc::new(answer);
        self.route(method, move |http| {
            let (log, answer) = (log.clone(), answer.clone());
            Box::pin(async move {
                let service = tower::service_fn(move |request: Request<Q>| {
                    let reply = answer(request.get_ref()).map(Response::new);
                    log.lock().unwrap().push(request);
                    ready(reply)
                });
                Grpc::new(ProstCodec::<A, Q>::default()).unary(service, http).await
            })
        });
        Seen(seen)
    }

    /// Answers each call of a streaming method with the next of these streams.
    pub(crate) fn streams<Q, A>(
        &self,
        method: &str,
        scripts: impl IntoIterator<Item = Result<Answers<A>, Status>>,
    ) -> Seen<Q>
    where
        Q: Message + Default + Clone + 'static,
        A: Message + Default + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let scripts: VecDeque<_> = scripts.into_iter().collect();
        let scripts = Arc::new(Mutex::new(scripts));
        self.route(method, move |http| {
            let (log, scripts) = (log.clone(), scripts.clone());
            Box::pin(async move {
                let service = tower::service_fn(move |request: Request<Q>| {
                    log.lock().unwrap().push(request);
                    let next = scripts.lock().unwrap().pop_front();
                    let next = next.unwrap_or(Err(Status::failed_precondition("script over")));
                    ready(next.map(Response::new))
                });
                Grpc::new(ProstCodec::<A, Q>::default()).server_streaming(service, http).await
            })
        });
        Seen(seen)
    }

    fn route(
        &self,
        method: &str,
        handler: impl Fn(http::Request<Body>) -> BoxFuture<'static, http::Response<Body>>
        + Send
        + Sync
        + 'static,
    ) {
        self.0.lock().unwrap().insert(format!("/cartage.v1.{method}"), Arc::new(handler));
    }

    /// What the script answers to a request.
    pub(crate) async fn respond(
        self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, Infallible> {
        let handler = self.0.lock().unwrap().get(request.uri().path()).cloned();
        Ok(match handler {
            Some(handler) => handler(request).await,
            None => Status::unimplemented("no such method").into_http(),
        })
    }

    /// A client of this service.
    pub(crate) fn client(&self) -> Client {
        let routes = self.clone();
        let transport = tower::service_fn(move |request| routes.clone().respond(request));
        let builder = ClientBuilder::new("http://in.process").token("secret");
        builder.with_transport(transport).unwrap()
    }
}

/// A stream that says these messages and ends with OK.
pub(crate) fn ends<M: Send + 'static>(messages: Vec<M>) -> Result<Answers<M>, Status> {
    Ok(stream::iter(messages).map(Ok).boxed())
}

/// A stream that says these messages and breaks.
pub(crate) fn breaks<M: Send + 'static>(
    messages: Vec<M>,
    with: Status,
) -> Result<Answers<M>, Status> {
    Ok(stream::iter(messages).map(Ok).chain(stream::iter([Err(with)])).boxed())
}

/// A stream that says these messages and then nothing for ever.
pub(crate) fn hangs<M: Send + 'static>(messages: Vec<M>) -> Result<Answers<M>, Status> {
    Ok(stream::iter(messages).map(Ok).chain(stream::pending()).boxed())
}

/// A status with an `ErrorInfo`, and a `RetryInfo` when there is a delay.
pub(crate) fn status(
    code: tonic::Code,
    reason: v1::ErrorReason,
    retry: Option<std::time::Duration>,
) -> Status {
    use tonic_types::{ErrorDetails, StatusExt as _};
    let mut details = ErrorDetails::new();
    details.set_error_info(reason.as_reason(), cartage_proto::ERROR_DOMAIN, []);
    if retry.is_some() {
        details.set_retry_info(retry);
    }
    Status::with_error_details(code, "scripted", details)
}
