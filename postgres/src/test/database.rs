//! A database per test, empty or cloned from a template that is made once.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Stdio;
use std::time::Duration;

use crate::psql::{self, Psql};
use crate::{Error, Postgres, lock, server};

/// A database of one test. Dropping it drops the database, open connections or not.
#[derive(Debug)]
pub struct TestDatabase {
    /// The superuser's URL of the database.
    pub url: String,
    /// The database's name.
    pub name: String,
    server: &'static Postgres,
}

impl TestDatabase {
    /// Returns the URL of this database for another role.
    pub fn url_as(&self, role: &str, password: &str) -> String {
        self.server.url_as(role, password, &self.name)
    }

    /// Runs SQL in this database as the superuser and returns the rows.
    pub async fn query(&self, sql: &str) -> Result<String, Error> {
        self.server.query(&self.name, sql).await
    }

    fn new(server: &'static Postgres, name: String) -> Self {
        Self { url: server.url(&name), name, server }
    }
}

impl Drop for TestDatabase {
    /// Leaves the work to a process of its own: a test need not wait for it.
    fn drop(&mut self) {
        let mut command = self.server.psql().command("postgres");
        command.arg("--command").arg(server::drop_sql(&self.name));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = command.spawn() {
            tracing::warn!(%error, "A test's database was not dropped.");
        }
    }
}

/// Creates an empty database; `prefix` helps to recognise it.
///
/// # Errors
/// As [`crate::start`], or what PostgreSQL says.
pub async fn database(prefix: &str) -> Result<TestDatabase, Error> {
    let server = super::server().await?;
    let name = fresh(prefix);
    server.create_database(&name, None).await?;
    Ok(TestDatabase::new(server, name))
}

/// Creates a database as a copy of `template`, which `init` fills at its first use: it gets the
/// superuser's URL of an empty database and must have closed its connections when it returns.
///
/// A template is made once per test binary and build: a changed migration makes a new one. `init`
/// runs in one process at a time on this machine, so it may create roles where they are missing.
///
/// # Errors
/// As [`crate::start`], what PostgreSQL says, or what `init` says.
pub async fn database_from_template<F, T, E>(template: &str, init: F) -> Result<TestDatabase, Error>
where
    F: FnOnce(String) -> T,
    T: Future<Output = Result<(), E>>,
    E: Display,
{
    let server = super::server().await?;
    let template = format!("template_{}_{:016x}", shortened(template), this_binary());
    let name = fresh(template.strip_prefix("template_").unwrap_or(&template));
    match server.create_database(&name, Some(&template)).await {
        Err(Error::Tool { output, .. }) if output.contains("does not exist") => {}
        result => return result.map(|()| TestDatabase::new(server, name)),
    }
    let turn = server.folder().with_file_name("template.lock");
    let turn = lock::exclusive(&turn, Duration::from_secs(300)).await?;
    let known = format!("select 1 from pg_database where datname = {}", psql::string(&template));
    if server.query("postgres", &known).await?.is_empty() {
        let unfinished = fresh("unfinished");
        server.create_database(&unfinished, None).await?;
        let made = init(server.url(&unfinished)).await;
        made.map_err(|error| Error::Template {
            name: template.clone(),
            reason: error.to_string(),
        })?;
        seal(server.psql(), &unfinished, &template).await?;
    }
    drop(turn);
    server.create_database(&name, Some(&template)).await?;
    Ok(TestDatabase::new(server, name))
}

/// Makes a filled database the template: nobody can connect to it any more, since a copy needs it
/// unused, and it gets its name last.
async fn seal(psql: &Psql, unfinished: &str, template: &str) -> Result<(), Error> {
    let (from, to) = (psql::name(unfinished), psql::name(template));
    let steps = [
        format!("alter database {from} with allow_connections false"),
        format!(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = {}",
            psql::string(unfinished)
        ),
        format!("alter database {from} rename to {to}"),
    ];
    for step in steps {
        psql.query("postgres", &step).await?;
    }
    Ok(())
}

/// Returns a name nobody has: readable, then random, 63 bytes at most.
fn fresh(prefix: &str) -> String {
    format!("{}_{:016x}", shortened(prefix), rand::random::<u64>())
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(30).collect()
}

/// Returns a number that changes whenever the running test binary is built anew.
fn this_binary() -> u64 {
    let mut hasher = DefaultHasher::new();
    let path = std::env::current_exe().unwrap_or_default();
    path.hash(&mut hasher);
    let built = path.metadata().and_then(|file| file.modified());
    built.ok().hash(&mut hasher);
    hasher.finish()
}
