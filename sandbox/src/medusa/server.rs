//! The HTTP side: takes a request, lets the faults at it, runs it against the shop, answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::auth::Tokens;
use super::control;
use super::error::{Answer, Refusal};
use super::faults::{Fault, Faults, Plan, without_each};
use super::partial;
use super::query::Query;
use super::route;
use super::seed;
use super::state::Shop;
use crate::limiter::{self, Count, Left, Limit, Limiter};

/// What one server's requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) shop: RwLock<Shop>,
    pub(crate) plan: Mutex<Plan>,
    tokens: Mutex<Tokens>,
    api_key: String,
    requests: watch::Sender<u64>,
    writes: AtomicU64,
    unauthorised: AtomicU64,
    limiter: Mutex<Option<Limiter>>,
    started: Instant,
}

/// The bodies of single records, and of batches.
const SMALL: usize = 100 * 1024;
const LARGE: usize = 2 * 1024 * 1024;

impl Shared {
    pub(crate) fn new(shop: Shop, faults: Faults, limit: Option<Limit>, api_key: String) -> Self {
        let shared = Self {
            shop: RwLock::new(shop),
            plan: Mutex::default(),
            tokens: Mutex::default(),
            api_key,
            requests: watch::Sender::new(0),
            writes: AtomicU64::new(0),
            unauthorised: AtomicU64::new(0),
            limiter: Mutex::new(limit.map(Limiter::new)),
            started: Instant::now(),
        };
        shared.set_faults(faults);
        shared
    }

    fn limiter<T>(&self, ask: impl FnOnce(&mut Option<Limiter>) -> T) -> T {
        ask(&mut self.limiter.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a limit before the shop, or takes it away; counting begins anew.
    pub(crate) fn set_limit(&self, limit: Option<Limit>) {
        self.limiter(|limiter| *limiter = limit.map(Limiter::new));
    }

    /// What the limiter counted; none without one.
    pub(crate) fn limit_count(&self) -> Option<Count> {
        self.limiter(|limiter| limiter.as_ref().map(Limiter::count))
    }

    /// What the shop holds and how often it was asked.
    pub(crate) fn report(&self, field: &str) -> Value {
        let shop = self.shop.read().unwrap_or_else(PoisonError::into_inner);
        let mut report = control::report(&shop, field);
        report["requests"] = (*self.requests.borrow()).into();
        report["writes"] = self.writes.load(Ordering::Relaxed).into();
        report["unauthorised"] = self.unauthorised.load(Ordering::Relaxed).into();
        report["limit"] = json!(self.limit_count());
        report
    }

    /// Starts afresh: an empty shop, no faults, counters at zero. A limit stays, and is whole again.
    pub(crate) fn reset(&self) {
        *self.shop.write().unwrap_or_else(PoisonError::into_inner) = seed::shop(&self.api_key);
        self.set_faults(Faults::default());
        self.set_limit(self.limiter(|limiter| limiter.as_ref().map(|it| *it.limit())));
        self.requests.send_replace(0);
        self.writes.store(0, Ordering::Relaxed);
        self.unauthorised.store(0, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> u64 {
        *self.requests.borrow()
    }

    /// Waits until so many requests have come in.
    pub(crate) async fn requests_reach(&self, wanted: u64) {
        let mut requests = self.requests.subscribe();
        // It fails only when the counter is gone, and that is ours.
        let _reached = requests.wait_for(|requests| *requests >= wanted).await;
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        let plan = Plan::new(faults);
        self.shop.write().unwrap_or_else(PoisonError::into_inner).habits = plan.habits();
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn plan<T>(&self, ask: impl FnOnce(&mut Plan) -> T) -> T {
        ask(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The routes: everything goes through one handler, so that faults can hit anything.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = Query::parse(&parts.uri);
    if let Some(name) = path.strip_prefix("/__sandbox/") {
        let body = to_bytes(body, LARGE).await.unwrap_or_default();
        return answer(own_door(&shared, &parts.method, name, &query, &body));
    }
    if path == "/health" {
        return reply(StatusCode::OK, "text/plain; charset=utf-8", "OK".into());
    }
    let is_write = parts.method != Method::GET;
    let limit = if route::takes_much(&path) { LARGE } else { SMALL };
    let Ok(body) = to_bytes(body, limit).await else {
        return answer(Err(Refusal::too_large()));
    };
    shared.requests.send_modify(|requests| *requests += 1);
    let judged = shared.limiter(|limiter| {
        let limiter = limiter.as_mut()?;
        let left = limiter.judge(shared.started.elapsed(), is_write);
        Some((*limiter.limit(), left))
    });
    let Some((limit, left)) = judged else {
        return work(&shared, parts, path, query, body, is_write).await;
    };
    let response = match left.taken {
        true => work(&shared, parts, path, query, body, is_write).await,
        false => refuse(429),
    };
    told(&limit, &left, response).await
}

/// The answer with what it says about the budget.
async fn told(limit: &Limit, left: &Left, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    for (name, value) in limiter::headers(limit, left) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            parts.headers.insert(name, value);
        }
    }
    let Some(extension) = limiter::extension(limit, left) else {
        return Response::from_parts(parts, body);
    };
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let bytes = match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(mut fields)) => {
            fields.insert("extensions".into(), extension);
            Value::Object(fields).to_string().into()
        }
        _ => bytes,
    };
    Response::from_parts(parts, Body::from(bytes))
}

/// The request behind the limiter: what the faults leave of it is done.
async fn work(
    shared: &Arc<Shared>,
    parts: Parts,
    path: String,
    query: Query,
    mut body: Bytes,
    is_write: bool,
) -> Response {
    let latency = shared.plan(|plan| plan.latency());
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let fault = {
        let text = String::from_utf8_lossy(&body);
        shared.plan(|plan| plan.next(&path, is_write, &text))
    };
    match fault {
        Some(Fault::Refuse { status }) => return refuse(status),
        Some(Fault::Throttle { retry_after }) => return throttle(retry_after),
        Some(Fault::FailBefore) => return answer(Err(Refusal::unknown())),
        Some(Fault::CutBefore) => cut(),
        Some(Fault::PartialBatch { every }) => body = without_each(&body, every).into(),
        Some(Fault::Wait { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(Fault::FailAfter | Fault::HangAfter | Fault::CutAfter) | None => {}
        Some(Fault::CutLate { .. } | Fault::CutAmid { .. } | Fault::Revoke) => {}
    }
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header.map(str::to_owned);
    let work = {
        let shared = Arc::clone(shared);
        move || {
            let done = run(&shared, &parts.method, &path, &query, header.as_deref(), &body);
            if is_write && done.is_ok() {
                shared.writes.fetch_add(1, Ordering::Relaxed);
            }
            if done.as_ref().is_err_and(|refusal| refusal.status == 401) {
                shared.unauthorised.fetch_add(1, Ordering::Relaxed);
            }
            (path, done)
        }
    };
    let done = match fault {
        Some(Fault::CutLate { ms }) => {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                let _nobody_waits = work();
            });
            cut()
        }
        Some(Fault::CutAmid { rest_ms }) => {
            let rest = {
                let (path, done) = work();
                let mut shop = shared.shop.write().unwrap_or_else(PoisonError::into_inner);
                done.map(|done| partial::hold_back(&mut shop, &path, &done)).unwrap_or_default()
            };
            if let Some(ms) = rest_ms {
                let shared = Arc::clone(shared);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    let mut shop = shared.shop.write().unwrap_or_else(PoisonError::into_inner);
                    partial::put_in(&mut shop, rest);
                });
            }
            cut()
        }
        _ => work().1,
    };
    match fault {
        Some(Fault::FailAfter) => answer(Err(Refusal::unknown())),
        Some(Fault::HangAfter) => std::future::pending().await,
        Some(Fault::CutAfter) => cut(),
        _ => answer(done),
    }
}

/// Ends the connection without a word. A handler cannot refuse to answer; the end of its task
/// closes the socket, and unlike a panic this runs no hook and prints nothing.
fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

fn run(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: &Query,
    authorization: Option<&str>,
    body: &Bytes,
) -> Answer {
    let json = |body: &Bytes| -> Answer {
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))
    };
    let no_route = || Refusal::no_route(method.as_str(), path);
    if path == "/auth/user/emailpass" && method == Method::POST {
        let mut tokens = shared.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        return tokens.log_in(&json(body)?);
    }
    let inner = path.strip_prefix("/admin/").ok_or_else(no_route)?;
    if shared.plan(|plan| plan.revoked()) {
        return Err(Refusal::unauthorized());
    }
    {
        let shop = shared.shop.read().unwrap_or_else(PoisonError::into_inner);
        let tokens = shared.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.judge(&shop, authorization)?;
    }
    let steps: Vec<&str> = inner.split('/').collect();
    let done = if method == Method::GET {
        let shop = shared.shop.read().unwrap_or_else(PoisonError::into_inner);
        route::read(&shop, &steps, query)
    } else {
        let body = json(body)?;
        if let Some(marker) = shared.plan(|plan| plan.marker(&body).map(str::to_owned)) {
            return Err(Refusal::invalid(format!("The value '{marker}' is refused")));
        }
        let mut shop = shared.shop.write().unwrap_or_else(PoisonError::into_inner);
        shop.transaction(|shop| match *method {
            Method::POST => route::post(shop, &steps, query, &body),
            Method::DELETE => route::delete(shop, &steps, query),
            _ => Err(Refusal { status: 0, body: Value::Null }),
        })
    };
    done.map_err(|refusal| if refusal.status == 0 { no_route() } else { refusal })
}

fn own_door(shared: &Shared, method: &Method, name: &str, query: &Query, body: &Bytes) -> Answer {
    match (method.as_str(), name) {
        ("GET", "state") => Ok(shared.report(query.first("key").unwrap_or("cartage_key"))),
        ("GET", "faults") => Ok(shared.plan(|plan| json!(plan.faults()))),
        ("POST", "faults") => {
            let faults = serde_json::from_slice(body)
                .map_err(|error| Refusal::invalid(format!("These are no faults: {error}")))?;
            shared.set_faults(faults);
            Ok(shared.plan(|plan| json!(plan.faults())))
        }
        ("GET", "limit") => {
            let limit = shared.limiter(|limiter| limiter.as_ref().map(|it| *it.limit()));
            Ok(json!({ "limit": limit, "count": shared.limit_count() }))
        }
        ("POST", "limit") => {
            let limit = serde_json::from_slice::<Option<Limit>>(body)
                .map_err(|error| Refusal::invalid(format!("This is no limit: {error}")))?;
            shared.set_limit(limit);
            Ok(json!({ "limit": limit, "count": shared.limit_count() }))
        }
        ("POST", "reset") => {
            shared.reset();
            Ok(json!({ "reset": true }))
        }
        _ => Err(Refusal::no_route(method.as_str(), &format!("/__sandbox/{name}"))),
    }
}

fn answer(done: Answer) -> Response {
    let (status, body) = match done {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal { status, body }) => {
            (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body)
        }
    };
    match body {
        Value::String(page) => reply(status, "text/html; charset=utf-8", page),
        body => reply(status, "application/json; charset=utf-8", body.to_string()),
    }
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn refuse(status: u16) -> Response {
    let kind = if status == 401 { "unauthorized" } else { "unknown_error" };
    let body = json!({ "type": kind, "message": "Refused by the sandbox's fault plan." });
    answer(Err(Refusal { status, body }))
}

fn throttle(retry_after: Option<u64>) -> Response {
    let mut response = refuse(429);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
