//! A proxy on loopback between Cartage and a shop: it counts what is asked of the shop besides
//! reading, so that "wrote nothing" is measured at the shop and not said by who wrote.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::task::JoinHandle;

/// The largest body that is passed on.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long the shop may take. Longer than any client of ours waits.
const LIMIT: Duration = Duration::from_secs(600);

/// Requests that may have changed something, by method and path.
pub(crate) type Writes = BTreeMap<String, usize>;

/// A proxy that runs. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Its address.
    pub(crate) url: String,
    writes: Arc<Mutex<Writes>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Passage {
    client: reqwest::Client,
    shop: String,
    writes: Arc<Mutex<Writes>>,
}

impl Proxy {
    /// Starts one in front of a shop.
    pub(crate) async fn start(shop: &str) -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .build()?;
        let writes = Arc::new(Mutex::new(Writes::new()));
        let passage = Passage { client, shop: shop.to_owned(), writes: Arc::clone(&writes) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("the proxy")?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(pass).with_state(passage);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the proxy ended: {error}");
            }
        });
        Ok(Self { url, writes, task })
    }

    /// What was counted since the last time this was asked.
    pub(crate) fn taken(&self) -> Writes {
        std::mem::take(&mut *self.writes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes a request on, and the answer back.
async fn pass(State(passage): State<Passage>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if ![Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method) {
        let line = format!("{} {}", parts.method, shape(parts.uri.path()));
        let mut writes = passage.writes.lock().unwrap_or_else(PoisonError::into_inner);
        *writes.entry(line).or_default() += 1;
    }
    let place = parts.uri.path_and_query().map_or("/", |place| place.as_str());
    let url = format!("{}{place}", passage.shop);
    let answer = async {
        let body = to_bytes(body, BODY_BYTES_MAX).await?;
        let request = passage.client.request(parts.method, url).headers(kept(&parts.headers));
        let answer = request.body(body).send().await?;
        let (status, headers) = (answer.status(), kept(answer.headers()));
        anyhow::Ok((status, headers, answer.bytes().await?))
    };
    match answer.await {
        Ok((status, headers, body)) => (status, headers, Body::from(body)).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

/// Headers without those that are the business of one connection.
fn kept(headers: &HeaderMap) -> HeaderMap {
    const OWN: [HeaderName; 5] = [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    let kept = headers.iter().filter(|(name, _)| !OWN.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A path with `{id}` for each id of an object: `prod_01K…`.
fn shape(path: &str) -> String {
    let is_id = |part: &str| {
        part.rsplit_once('_').is_some_and(|(_, id)| id.len() == 26)
            && part.bytes().any(|letter| letter.is_ascii_digit())
    };
    let parts = path.split('/').map(|part| if is_id(part) { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_objects_are_left_out_of_a_path() {
        let path = "/admin/products/prod_01K5ZQ3W8X9Y7V6T5S4R3Q2P1N/variants";
        assert_eq!(shape(path), "/admin/products/{id}/variants");
        assert_eq!(shape("/admin/draft-orders"), "/admin/draft-orders");
    }

    #[tokio::test]
    async fn what_is_no_reading_is_counted_and_all_is_passed_on() {
        let echo = |request: Request| async move {
            let agent = request.headers().get("x-mark").cloned();
            let place = request.uri().to_string();
            let body = to_bytes(request.into_body(), 1_000).await.unwrap();
            let text = format!("{place} {}", String::from_utf8_lossy(&body));
            (StatusCode::IM_A_TEAPOT, [("x-mark", agent.unwrap())], text)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shop = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(echo);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let proxy = Proxy::start(&shop).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/admin/a?b[]=c", proxy.url);
        let answer = client.get(&url).header("x-mark", "m").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
        assert_eq!(answer.headers()["x-mark"], "m");
        assert!(proxy.taken().is_empty());
        let request = client.post(&url).header("x-mark", "m").body("said");
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "/admin/a?b[]=c said");
        assert_eq!(proxy.taken(), Writes::from([("POST /admin/a".to_owned(), 1)]));
        assert!(proxy.taken().is_empty());
    }
}
