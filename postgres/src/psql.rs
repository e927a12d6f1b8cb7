//! SQL through `psql`: the checks and chores of this crate, without a driver.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::{Error, process};

/// The superuser of every private PostgreSQL.
pub(crate) const SUPERUSER: &str = "postgres";

/// How to reach one running PostgreSQL.
#[derive(Clone)]
pub(crate) struct Psql {
    pub(crate) binaries: Binaries,
    pub(crate) port: u16,
    pub(crate) password: String,
}

impl std::fmt::Debug for Psql {
    /// Shows everything but the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Psql").field("binaries", &self.binaries).field("port", &self.port).finish()
    }
}

impl Psql {
    /// Runs SQL and returns the rows, one a line, columns separated by `|`.
    pub(crate) async fn query(&self, database: &str, sql: &str) -> Result<String, Error> {
        let mut command = self.command(database);
        command.arg("--command").arg(sql);
        process::run(command, "psql", Duration::from_secs(300)).await
    }

    /// Runs a file of SQL in one transaction.
    pub(crate) async fn file(&self, database: &str, file: &Path) -> Result<(), Error> {
        let mut command = self.command(database);
        command.arg("--single-transaction").arg("--file").arg(file);
        let doing = format!("applying {}", file.display());
        process::run(command, &doing, Duration::from_secs(300)).await.map(|_| ())
    }

    /// Returns a `psql` that runs as ourselves: it may have to read our files, and it needs no
    /// privilege but the password.
    pub(crate) fn command(&self, database: &str) -> Command {
        let ourselves = Account::ourselves();
        let mut command = process::command(&self.binaries.program("psql"), ourselves);
        command.env("PGPASSWORD", &self.password).env("PGCONNECT_TIMEOUT", "10");
        command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--host", "127.0.0.1", "--username", SUPERUSER]);
        command.arg("--port").arg(self.port.to_string()).arg("--dbname").arg(OsStr::new(database));
        command
    }
}

/// Quotes a name for SQL.
pub(crate) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Quotes a string for SQL.
pub(crate) fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Writes `text` so that it can stand anywhere in a URL.
pub(crate) fn in_url(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
