//! The use-cases, one file per noun. They decide; they know neither the wire nor SQL.

pub mod audit;
pub mod budget;
pub mod connection;
pub mod lookout;
pub mod mapping;
pub mod migration;
pub mod plan;
pub mod platform;
pub mod preflight;
pub mod readiness;
pub mod reads;
pub mod record_key;
pub mod record_link;
pub mod restore_test;
pub mod run;
pub mod sandbox;
pub mod shared;
pub mod snapshot;
pub mod streams;
pub mod upload;
pub mod verification;

use std::sync::Arc;

use object_store::ObjectStore;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config, error::Result, keys::Keys, scratch::Scratch, store::Store, token::Verifier,
};

/// What everything in the server shares.
#[derive(Debug)]
pub struct App {
    /// This process among those that share the database.
    pub worker: String,
    /// The settings.
    pub config: Config,
    /// The state store.
    pub store: Store,
    /// The keys of the deployment.
    pub keys: Arc<Keys>,
    /// Who checks tokens.
    pub verifier: Verifier,
    /// Where the bytes of snapshots lie.
    pub objects: Arc<dyn ObjectStore>,
    /// Woken after every commit of this process that somebody may wait for.
    pub wake: Notify,
    /// The isolated shops of TEST runs.
    pub sandboxes: sandbox::Sandboxes,
    /// The budgets of the shops that are worked with.
    pub budgets: budget::Budgets,
    /// The preflights of this process.
    pub preflights: preflight::Preflights,
    /// Who looks for news on behalf of the watchers.
    pub lookouts: lookout::Lookouts,
    /// What watchers read together.
    pub reads: reads::Reads,
    /// The streams that are open.
    pub streams: streams::Streams,
    /// Where this process keeps files in the clear while they are read.
    pub scratch: Scratch,
    /// Whose turn it is to write to an upload.
    pub writers: upload::Writers,
    /// Tasks beside calls: streams, and writes that outlive their call.
    pub tasks: TaskTracker,
    /// Cancelled when the server begins to stop.
    pub draining: CancellationToken,
}

impl App {
    /// Opens everything below the data folder, on a database.
    pub async fn open(config: Config, database_url: &str) -> Result<Arc<Self>> {
        let keys = Arc::new(Keys::open(&config.data_dir)?);
        let verifier = Verifier::new(&keys);
        let folder = config.data_dir.join("objects");
        std::fs::create_dir_all(&folder).map_err(crate::error::Error::internal)?;
        let objects = object_store::local::LocalFileSystem::new_with_prefix(&folder)
            .map_err(crate::error::Error::internal)?;
        let store = Store::open(database_url).await?;
        Ok(Arc::new(Self {
            worker: crate::id::new().to_string(),
            streams: streams::Streams::new(&config),
            scratch: Scratch::open(&config.data_dir)?,
            writers: upload::Writers::default(),
            config,
            store,
            keys,
            verifier,
            objects: Arc::new(objects),
            sandboxes: sandbox::Sandboxes::default(),
            budgets: budget::Budgets::default(),
            preflights: preflight::Preflights::default(),
            lookouts: lookout::Lookouts::default(),
            reads: reads::Reads::default(),
            tasks: TaskTracker::new(),
            wake: Notify::new(),
            draining: CancellationToken::new(),
        }))
    }
}
