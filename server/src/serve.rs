//! Starts and stops a server: database, services and workers in one process.

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    api,
    app::App,
    config::Config,
    error::{Error, Result},
    reason::Reason,
    worker,
};

/// The name of the database in a PostgreSQL of the server's own.
const DATABASE: &str = "cartage";

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it shares.
    pub app: Arc<App>,
    calls: JoinHandle<Result<()>>,
    work: JoinHandle<()>,
    postgres: Option<cartage_postgres::Postgres>,
}

/// Starts a server. Without a database in the settings it starts a private PostgreSQL of its own.
pub async fn start(config: Config) -> Result<Running> {
    make_data_dir(&config)?;
    sweep_scratch(&config);
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        Error::new(Reason::InternalError, format!("{} cannot be listened on.", config.listen))
            .caused_by(error)
    })?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let (url, postgres) = match &config.database_url {
        Some(url) => (url.clone(), None),
        None => {
            let settings = cartage_postgres::Settings::durable(config.data_dir.join("postgres"));
            let postgres = cartage_postgres::start(settings).await.map_err(|error| {
                Error::new(Reason::StorageUnavailable, error.to_string()).caused_by(error)
            })?;
            postgres.ensure_database(DATABASE).await.map_err(Error::internal)?;
            tracing::info!(
                port = postgres.port(),
                adopted = postgres.adopted(),
                "The private PostgreSQL runs."
            );
            (postgres.url(DATABASE), Some(postgres))
        }
    };
    let app = App::open(config, &url).await?;
    let calls = tokio::spawn(api::serve(Arc::clone(&app), listener));
    let work = tokio::spawn(worker::run(Arc::clone(&app)));
    Ok(Running { address, app, calls, work, postgres })
}

impl Running {
    /// Ends calls, streams and work in good order, then the database where it is the server's own.
    pub async fn stop(self) -> Result<()> {
        self.app.draining.cancel();
        self.app.wake.notify_waiters();
        self.app.tasks.close();
        let ended = self.calls.await.map_err(Error::internal)?;
        self.work.await.map_err(Error::internal)?;
        if tokio::time::timeout(self.app.config.drain, self.app.tasks.wait()).await.is_err() {
            tracing::warn!("Streams were still open at the end of the drain time.");
        }
        self.app.store.close().await;
        if let Some(postgres) = self.postgres {
            postgres.stop().await.map_err(Error::internal)?;
        }
        ended
    }
}

/// Unsealed uploads are read in a scratch folder, and a server that was killed leaves them there.
fn sweep_scratch(config: &Config) {
    let scratch = config.data_dir.join("scratch");
    match std::fs::remove_dir_all(&scratch) {
        Ok(()) => tracing::info!("Scratch files of an earlier server were removed."),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "Scratch files of an earlier server stay."),
    }
}

/// Makes the data folder. Others may pass through it (not read it), because a server started by
/// root runs its database as somebody else.
fn make_data_dir(config: &Config) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(&config.data_dir).map_err(
        |error| {
            let folder = config.data_dir.display();
            Error::new(Reason::InternalError, format!("The data folder {folder} cannot be made."))
                .caused_by(error)
        },
    )
}
