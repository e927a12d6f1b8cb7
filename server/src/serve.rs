//! Starts and stops a server: database, services and workers in one process, or one part of them by
//! its role.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle, time::Instant};

use crate::{
    api,
    app::App,
    config::{Config, Role},
    error::{Error, Result},
    reason::Reason,
    worker,
};

/// The name of the database in a PostgreSQL of the server's own.
const DATABASE: &str = "cartage";

/// How much longer than the drain time the parts that end by it may take.
const MARGIN: Duration = Duration::from_secs(1);

/// How often it is looked whether the server's own database lives.
const LOOK: Duration = Duration::from_secs(1);

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it shares.
    pub app: Arc<App>,
    calls: Option<JoinHandle<Result<()>>>,
    work: Option<JoinHandle<()>>,
    postgres: Option<cartage_postgres::Postgres>,
}

/// Starts a server. Without a database in the settings it starts a private PostgreSQL of its own.
pub async fn start(mut config: Config) -> Result<Running> {
    make_data_dir(&config)?;
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
                Error::new(Reason::StorageUnavailable, "The private PostgreSQL cannot be started.")
                    .caused_by(error)
            })?;
            postgres.ensure_database(DATABASE).await.map_err(Error::internal)?;
            tracing::info!(
                port = postgres.port(),
                adopted = postgres.adopted(),
                "The private PostgreSQL runs."
            );
            config.guarded_dirs.push(postgres.folder().to_owned());
            (postgres.url(DATABASE), Some(postgres))
        }
    };
    let app = App::open(config, &url).await?;
    let calls = Some(tokio::spawn(api::serve(Arc::clone(&app), listener)));
    let role = app.config.role;
    let work = role.works().then(|| tokio::spawn(worker::run(Arc::clone(&app))));
    if role != Role::All {
        let does =
            if role.serves() { "serves calls alone" } else { "works, and serves its health alone" };
        tracing::info!(worker = app.worker, "This process {does}.");
    }
    Ok(Running { address, app, calls, work, postgres })
}

impl Running {
    /// Waits until a part of the server ends by itself, which none does unless something is wrong:
    /// then the others must not stay up as if nothing had happened. The server's own database is such
    /// a part: nobody but a server that starts would start it again.
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn failure(&mut self) -> Error {
        let (part, ended) = tokio::select! {
            ended = ended(&mut self.calls) => ("The service of calls", ended.and_then(|result| result)),
            ended = ended(&mut self.work) => ("The worker", ended),
            () = death(self.postgres.as_ref()) => ("The private PostgreSQL", Ok(())),
        };
        let error = Error::new(Reason::InternalError, format!("{part} ended by itself."));
        match ended {
            Ok(()) => error,
            Err(cause) => error.caused_by(cause),
        }
    }

    /// Ends calls, streams and work in good order, then the database where it is the server's own.
    /// What does not end within the drain time is cut off: leases and journals are made for that.
    pub async fn stop(self) -> Result<()> {
        self.app.draining.cancel();
        self.app.wake.notify_waiters();
        self.app.tasks.close();
        let deadline = Instant::now() + self.app.config.drain + MARGIN;
        let (calls, work, tasks) = tokio::join!(
            finish(self.calls, deadline, "calls"),
            finish(self.work, deadline, "work"),
            tokio::time::timeout_at(deadline, self.app.tasks.wait()),
        );
        if tasks.is_err() {
            tracing::warn!("Streams were still open at the end of the drain time.");
        }
        // Waits for connections that are in use; those of what was cut off come back at once.
        if tokio::time::timeout(MARGIN * 5, self.app.store.close()).await.is_err() {
            tracing::warn!("Connections to the database were still in use.");
        }
        if let Some(postgres) = self.postgres {
            postgres.stop().await.map_err(Error::internal)?;
        }
        calls.and_then(|ended| ended.unwrap_or(Ok(()))).and(work.map(drop))
    }
}

/// The end of a part; for ever pending when it was seen before.
async fn ended<T>(part: &mut Option<JoinHandle<T>>) -> Result<T> {
    let Some(handle) = part else { return std::future::pending().await };
    let ended = handle.await;
    *part = None;
    ended.map_err(Error::internal)
}

/// Waits until the server's own database has died; for ever where it has none.
async fn death(postgres: Option<&cartage_postgres::Postgres>) {
    let Some(postgres) = postgres else { return std::future::pending().await };
    while postgres.is_running() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits for a part, and cuts it off when it takes too long; none then, or when it had ended before.
async fn finish<T>(
    part: Option<JoinHandle<T>>,
    deadline: Instant,
    what: &str,
) -> Result<Option<T>> {
    let Some(mut handle) = part else { return Ok(None) };
    if let Ok(ended) = tokio::time::timeout_at(deadline, &mut handle).await {
        return ended.map(Some).map_err(Error::internal);
    }
    tracing::warn!(what, "A part of the server did not end within the drain time and is cut off.");
    handle.abort();
    Ok(None)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_does_not_end_is_cut_off_at_the_deadline() {
        let deadline = || Instant::now() + Duration::from_millis(50);
        let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
        let endless = tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(alive);
        });
        assert!(finish(Some(endless), deadline(), "test").await.unwrap().is_none());
        assert!(dropped.await.is_err(), "what it held is dropped");
        let quick = tokio::spawn(async { 7 });
        assert_eq!(finish(Some(quick), deadline(), "test").await.unwrap(), Some(7));
        assert_eq!(finish::<u8>(None, deadline(), "test").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_part_that_ends_by_itself_is_seen_once() {
        let mut part = Some(tokio::spawn(async { 7 }));
        assert_eq!(ended(&mut part).await.unwrap(), 7);
        assert!(part.is_none());
        let again = tokio::time::timeout(Duration::from_millis(20), ended(&mut part)).await;
        assert!(again.is_err(), "there is nothing more to come");
        let mut broken: Option<JoinHandle<()>> =
            Some(tokio::spawn(async { panic!("made to panic") }));
        assert!(ended(&mut broken).await.is_err());
    }
}
