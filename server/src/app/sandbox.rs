//! The isolated shops of TEST runs: one simulated shop per run, on loopback, in this process.
//!
//! It dies with the process. Of several servers on one database the one with the shop does all work
//! on the run, its verification too, as long as it shows that it lives (`store::job::HOLDER_GRACE`).
//! A TEST run that is taken up again in another process finds its shop gone, forgets what it did, and
//! begins anew in a fresh one.

use std::{collections::VecDeque, sync::Arc};

use cartage_connectors::registry::PlatformId;
use cartage_sandbox::medusa;
use tokio::sync::Mutex;

use crate::{
    error::{Error, Result},
    name::Name,
    reason::Reason,
};

/// How many shops are kept; the oldest is given up for a new one.
const SHOPS_MAX: usize = 8;

/// The shops of this process.
#[derive(Debug, Default)]
pub struct Sandboxes {
    shops: Mutex<VecDeque<(String, Sandbox)>>,
}

/// The shop of a run.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// The shop.
    pub shop: Arc<medusa::Medusa>,
    /// Which one it is: another one is another, empty shop.
    pub instance: String,
}

impl Sandboxes {
    /// Whether there are any.
    pub async fn is_empty(&self) -> bool {
        self.shops.lock().await.is_empty()
    }

    /// Whether a shop of a run lives in this process.
    pub async fn has(&self, run: &Name, instance: &str) -> bool {
        let shops = self.shops.lock().await;
        shops.iter().any(|(name, shop)| name == run.as_str() && shop.instance == instance)
    }

    /// Gives up the shop of a run if it is another than this one: since it was made, another process
    /// has gone on with the run in a shop of its own, and what stands here is of no run.
    pub async fn keep_only(&self, run: &Name, instance: Option<&str>) {
        let mut shops = self.shops.lock().await;
        shops.retain(|(name, shop)| name != run.as_str() || Some(&*shop.instance) == instance);
    }

    /// The shop of a run, made where there is none.
    ///
    /// # Errors
    /// `CAPABILITY_UNSUPPORTED` for a platform that is not simulated.
    pub async fn of_run(&self, run: &Name, platform: &str) -> Result<Sandbox> {
        if platform != PlatformId::Medusa.as_str() {
            return Err(Error::new(
                Reason::CapabilityUnsupported,
                format!("The platform {platform} has no simulated shop."),
            )
            .with("platform", platform)
            .with("capability", "sandbox"));
        }
        let mut shops = self.shops.lock().await;
        if let Some((_, shop)) = shops.iter().find(|(name, _)| name == run.as_str()) {
            return Ok(shop.clone());
        }
        let shop = medusa::start(medusa::Options::default()).await.map_err(Error::internal)?;
        let sandbox = Sandbox { shop: Arc::new(shop), instance: crate::id::new().to_string() };
        if shops.len() >= SHOPS_MAX {
            shops.pop_front();
        }
        shops.push_back((run.as_str().to_owned(), sandbox.clone()));
        Ok(sandbox)
    }
}
