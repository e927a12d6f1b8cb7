//! One private PostgreSQL from start to stop, shared by all processes that use its data folder.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::account::Account;
use crate::place::{self, Place};
use crate::postmaster::{self, Holder, PidFile};
use crate::psql::{self, Psql, SUPERUSER};
use crate::{Error, Settings, cluster, install, lock};

/// How long one process waits for another that is starting or stopping the same PostgreSQL.
const TURN: Duration = Duration::from_secs(900);

/// A running PostgreSQL that this process uses.
///
/// Dropping it stops PostgreSQL unless another process uses it too; [`Postgres::stop`] does the
/// same without blocking the thread and reports errors.
#[derive(Debug)]
pub struct Postgres {
    place: Place,
    account: Account,
    psql: Psql,
    pid: i32,
    durable: bool,
    adopted: bool,
    /// Holds the shared lock; `None` once this handle has let go.
    users: Option<File>,
}

/// Starts the PostgreSQL of `settings.data_dir`, or adopts it where it is running already.
///
/// # Errors
/// See [`Error`]; each says what to do.
pub async fn start(settings: Settings) -> Result<Postgres, Error> {
    let data_dir = place::create(&settings.data_dir)?;
    // Held to the end of this function: of two processes one starts, the other adopts.
    let _turn = lock::exclusive(&place::turn(&data_dir), TURN).await?;
    let (place, account) = Place::open(&data_dir)?;
    let binaries = install::find_or_install(&settings, account, &place.data()).await?;
    let password = cluster::ensure(&place, account, &binaries, settings.durable).await?;
    let users = lock::open(&place.users())?;
    let psql = Psql { binaries, port: 0, password };
    let running = running(&place, account, &psql, settings.durable, &users).await?;
    let adopted = running.is_some();
    let (pid_file, psql) = match running {
        Some(pid_file) => (pid_file.clone(), Psql { port: pid_file.port, ..psql }),
        None => {
            let pid_file = postmaster::start(&place, account, &psql.binaries, &settings).await?;
            let psql = Psql { port: pid_file.port, ..psql };
            psql.query("postgres", "select 1").await?;
            (pid_file, psql)
        }
    };
    users.lock_shared().map_err(Error::io("lock", &place.users()))?;
    let pid = pid_file.pid;
    tracing::info!(pid, port = psql.port, adopted, place = %place.base().display(), "PostgreSQL is up.");
    let durable = settings.durable;
    Ok(Postgres { place, account, psql, pid, durable, adopted, users: Some(users) })
}

/// Returns the postmaster that runs on our data already and answers to our password. One that
/// runs but does not answer is stopped; traces of a dead one are cleared where PostgreSQL would
/// not do it itself.
async fn running(
    place: &Place,
    account: Account,
    psql: &Psql,
    durable: bool,
    users: &File,
) -> Result<Option<PidFile>, Error> {
    let data = place.data();
    let Some(pid_file) = PidFile::read(&data) else { return Ok(None) };
    match postmaster::holder(pid_file.pid, &data) {
        Holder::Nobody => {}
        Holder::Stranger => {
            // The number may belong to somebody else here and to a postmaster in another
            // container that shares this folder: then somebody holds the lock of the users.
            alone(place, users)?;
            let stale = data.join("postmaster.pid");
            std::fs::remove_file(&stale).map_err(Error::io("remove", &stale))?;
            tracing::info!(pid = pid_file.pid, "A stale postmaster.pid was removed.");
        }
        Holder::Postmaster => {
            let psql = Psql { port: pid_file.port, ..psql.clone() };
            match answers(&psql, &pid_file, &data).await {
                Ok(()) => return Ok(Some(pid_file)),
                Err(error) => {
                    tracing::warn!(%error, pid = pid_file.pid, "A PostgreSQL left running does not answer and is replaced.");
                    alone(place, users)?;
                    postmaster::stop(place, account, &psql.binaries, durable).await?;
                }
            }
        }
    }
    Ok(None)
}

/// Fails when another process uses this PostgreSQL.
fn alone(place: &Place, users: &File) -> Result<(), Error> {
    if lock::try_exclusive(users, &place.users())? {
        return users.unlock().map_err(Error::io("unlock", &place.users()));
    }
    Err(Error::InUse { data_dir: place.data_dir.clone() })
}

/// Waits until a running postmaster accepts our password, and checks that it serves our data. It
/// may still be recovering from a crash.
async fn answers(psql: &Psql, pid_file: &PidFile, data: &Path) -> Result<(), Error> {
    let started = tokio::time::Instant::now();
    loop {
        match psql.query("postgres", "show data_directory").await {
            Ok(folder) if Path::new(&folder) == data => return Ok(()),
            Ok(folder) => {
                let output = format!("it serves {folder} instead of {}", data.display());
                return Err(Error::Tool { doing: "adopting PostgreSQL".to_owned(), output });
            }
            Err(error) => {
                let coming_up = error.to_string().contains("the database system is");
                let limit = Duration::from_secs(if coming_up { 600 } else { 10 });
                let gone = postmaster::holder(pid_file.pid, data) != Holder::Postmaster;
                if gone || started.elapsed() > limit {
                    return Err(error);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Postgres {
    /// Returns the superuser's URL of `database`, as sqlx and libpq accept it. It holds the
    /// password: not for logs.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, &self.psql.password, database)
    }

    /// Returns the URL of `database` for another role.
    pub fn url_as(&self, role: &str, password: &str, database: &str) -> String {
        let [role, password, database] = [role, password, database].map(psql::in_url);
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}", self.psql.port)
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.psql.port
    }

    /// Returns the process id of the postmaster.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Says whether it was running already.
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Says whether the postmaster still runs.
    pub fn is_running(&self) -> bool {
        postmaster::holder(self.pid, &self.place.data()) == Holder::Postmaster
    }

    /// Returns the folder with the data, the password and the log.
    pub fn folder(&self) -> &Path {
        self.place.base()
    }

    /// Runs SQL as the superuser and returns the rows, one a line, columns separated by `|`.
    pub async fn query(&self, database: &str, sql: &str) -> Result<String, Error> {
        self.psql.query(database, sql).await
    }

    /// Runs a file of SQL as the superuser in one transaction.
    pub async fn apply(&self, database: &str, file: &Path) -> Result<(), Error> {
        self.psql.file(database, file).await
    }

    /// Creates a database, empty or as a copy of `template`.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let template = template.map_or(String::new(), |it| format!(" template {}", psql::name(it)));
        let sql = format!("create database {}{template}", psql::name(name));
        self.psql.query("postgres", &sql).await.map(|_| ())
    }

    /// Creates a database where it is missing; says whether it did.
    pub async fn ensure_database(&self, name: &str) -> Result<bool, Error> {
        let known = format!("select 1 from pg_database where datname = {}", psql::string(name));
        if !self.psql.query("postgres", &known).await?.is_empty() {
            return Ok(false);
        }
        self.create_database(name, None).await.map(|()| true)
    }

    /// Drops a database where it is there, ending the connections to it.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.psql.query("postgres", &drop_sql(name)).await.map(|_| ())
    }

    /// Stops PostgreSQL and waits for its end; where another process uses it too, only lets go.
    pub async fn stop(mut self) -> Result<(), Error> {
        let _turn = lock::exclusive(&self.place.turn(), TURN).await?;
        if self.let_go()? {
            let binaries = &self.psql.binaries;
            postmaster::stop(&self.place, self.account, binaries, self.durable).await?;
            tracing::info!(pid = self.pid, "PostgreSQL is stopped.");
        }
        Ok(())
    }

    /// Stops PostgreSQL as a crash would, whoever uses it, and starts it again on the same port: what
    /// was committed is there, and every connection is broken. For tests of faults.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn crash_and_restart(&mut self) -> Result<(), Error> {
        let binaries = &self.psql.binaries;
        postmaster::crash_and_restart(&self.place, self.account, binaries).await?;
        if let Some(pid_file) = PidFile::read(&self.place.data()) {
            self.pid = pid_file.pid;
        }
        Ok(())
    }

    /// Lets go of PostgreSQL and leaves it running, for the next start to adopt.
    pub fn leave_running(mut self) {
        self.users = None;
    }

    pub(crate) fn psql(&self) -> &Psql {
        &self.psql
    }

    /// Releases the shared lock and says whether the postmaster is ours to stop: it is the one we
    /// started or adopted, it is alive, and nobody else uses it.
    fn let_go(&mut self) -> Result<bool, Error> {
        let Some(users) = self.users.take() else { return Ok(false) };
        users.unlock().map_err(Error::io("unlock", &self.place.users()))?;
        let last = lock::try_exclusive(&users, &self.place.users())?;
        let same = PidFile::read(&self.place.data()).is_some_and(|file| file.pid == self.pid);
        Ok(last && same && self.is_running())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.users.is_none() {
            return;
        }
        // Somebody who is starting it now will use it, too: then it stays.
        let turn = lock::open(&self.place.turn());
        let ours = turn.is_ok_and(|turn| turn.try_lock().is_ok() && self.let_go().unwrap_or(false));
        if !ours {
            return;
        }
        let mode = if self.durable { "fast" } else { "immediate" };
        let binaries = &self.psql.binaries;
        let mut command = postmaster::stop_command(&self.place, self.account, binaries, mode, 20);
        if let Err(error) = command.output() {
            tracing::warn!(%error, pid = self.pid, "PostgreSQL was not stopped.");
        }
    }
}

/// Returns the SQL that drops a database and ends the connections to it.
pub(crate) fn drop_sql(name: &str) -> String {
    format!("drop database if exists {} with (force)", psql::name(name))
}
