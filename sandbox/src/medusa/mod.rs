//! A simulated Medusa 2 shop that speaks the admin API of version 2.21.
//!
//! It owns the paths, bodies, validation, paging, unique rules and traps a migration meets, with
//! the shop in memory. It was written from what a real server answered, and `tests/behaviour.rs`
//! asks both the same questions. What it leaves out: taxes (`automatic_taxes` is ignored), the
//! store front, price lists, returns, claims, exchanges, notifications.
//!
//! Beside Medusa's paths stand four of its own, without credentials: `POST /__sandbox/faults`
//! (and `GET`), `POST /__sandbox/limit` (and `GET`, with what was counted), `GET
//! /__sandbox/state?key=<metadata field>`, `POST /__sandbox/reset`.

mod auth;
mod catalogue;
mod control;
mod customers;
mod draft_orders;
mod error;
mod faults;
mod fields;
mod inventory;
mod options;
mod order_view;
mod orders;
mod partial;
mod payments;
mod product_body;
mod product_view;
mod products;
mod promotions;
mod query;
mod route;
mod schema;
mod seed;
mod server;
mod setup;
mod simple;
mod state;
mod table;
mod value;
mod variants;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::auth::{ADMIN_EMAIL, ADMIN_PASSWORD};
pub use self::faults::{Fault, Faults, Rule};
use self::server::Shared;
use self::state::Shop;
use crate::limiter::{Count, Limit};

/// How a shop is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The secret API key; a new one without it. A state file's keys count as well.
    pub api_key: Option<String>,
    /// Read at the start where it exists, written by [`Medusa::save`] and [`Medusa::stop`].
    /// Nothing is written in between: a shop that is killed forgets.
    pub state_file: Option<PathBuf>,
    /// What goes wrong from the start.
    pub faults: Faults,
    /// The limit before the shop; none without it.
    pub limit: Option<Limit>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            api_key: None,
            state_file: None,
            faults: Faults::default(),
            limit: None,
        }
    }
}

/// A running shop. Dropping it ends it without saving.
#[derive(Debug)]
pub struct Medusa {
    address: SocketAddr,
    api_key: String,
    state_file: Option<PathBuf>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// Starts a shop; it answers when this returns.
pub async fn start(options: Options) -> io::Result<Medusa> {
    let stored = match &options.state_file {
        Some(file) if file.exists() => {
            let stored: Value = serde_json::from_slice(&std::fs::read(file)?)?;
            Some(stored)
        }
        _ => None,
    };
    let kept = stored.as_ref().and_then(|stored| stored["api_key"].as_str()).map(str::to_owned);
    let api_key = options.api_key.or(kept).unwrap_or_else(auth::new_key);
    let shop = match &stored {
        Some(stored) => Shop::load(stored),
        None => seed::shop(&api_key),
    };
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared::new(shop, options.faults, options.limit, api_key.clone()));
    let router = server::router(Arc::clone(&shared));
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the simulated Medusa stopped");
        }
    });
    Ok(Medusa { address, api_key, state_file: options.state_file, shared, task })
}

impl Medusa {
    /// Where it answers, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The secret API key, for Basic authentication as its user name.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Sets what goes wrong from now on; counters start at zero.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.set_faults(faults);
    }

    /// Puts a limit before the shop, or takes it away; counting begins anew.
    pub fn set_limit(&self, limit: Option<Limit>) {
        self.shared.set_limit(limit);
    }

    /// What the limiter counted since it was set; none without one.
    pub fn limit_count(&self) -> Option<Count> {
        self.shared.limit_count()
    }

    /// How many requests have come in since the start or the last reset.
    pub fn requests(&self) -> u64 {
        self.shared.requests()
    }

    /// What `GET /__sandbox/state` says, with keys taken from this metadata field.
    pub fn state(&self, key: &str) -> Value {
        self.shared.report(key)
    }

    /// Waits until so many requests have come in since the start or the last reset. A request counts
    /// before it is looked at.
    pub async fn requests_reach(&self, wanted: u64) {
        self.shared.requests_reach(wanted).await;
    }

    /// Starts afresh: an empty shop, no faults.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Writes the state file, if there is one: whole, under another name, then put in its place.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = &self.state_file else { return Ok(()) };
        let mut dump = {
            let shop = self.shared.shop.read().unwrap_or_else(PoisonError::into_inner);
            shop.dump()
        };
        dump["api_key"] = self.api_key.clone().into();
        let beside = file.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(&dump)?)?;
        std::fs::rename(beside, file)
    }

    /// Saves and ends it. Requests under way are cut.
    pub async fn stop(mut self) -> io::Result<()> {
        self.task.abort();
        let _ended = (&mut self.task).await;
        self.save()
    }
}

impl Drop for Medusa {
    fn drop(&mut self) {
        self.task.abort();
    }
}
