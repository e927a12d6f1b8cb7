//! What can go wrong with a private PostgreSQL, in words that say what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable programs on the machine, and none could be fetched.
    #[error(
        "no PostgreSQL {min} or newer on this machine (initdb, pg_ctl, postgres and psql in one \
         folder){}.\nInstall it (Debian, Ubuntu: `apt-get install postgresql`; Fedora: `dnf \
         install postgresql-server`; macOS: `brew install postgresql@17`), or set \
         CARTAGE_POSTGRES_BIN to the folder that holds its programs, or use a database of your \
         own: `cartage-server serve --database-url postgres://…`.\nLooked in: {}",
        reasons(tried), folders(looked), min = crate::binaries::OLDEST
    )]
    NoBinaries {
        /// The folders searched.
        looked: Vec<PathBuf>,
        /// What was tried to fetch them, and why it failed.
        tried: Vec<String>,
    },

    /// The data was written by another major version than the programs found.
    #[error(
        "the database in {} was made by PostgreSQL {needed}, but this machine has {}. Install \
         PostgreSQL {needed}, or set CARTAGE_POSTGRES_BIN to its programs",
        data.display(), versions(found)
    )]
    Version {
        /// The database folder.
        data: PathBuf,
        /// The major version that wrote it.
        needed: u32,
        /// The major versions found.
        found: Vec<u32>,
    },

    /// Started by root, and no other user to run PostgreSQL as.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres`, `cartage` nor \
         `nobody`. Create one: `useradd --system cartage`"
    )]
    NoAccount,

    /// The data folder points at a database that is not there.
    #[error(
        "{} says that the database is in {}, which is not there. Bring it back, or delete the \
         pointer to begin with an empty database",
        pointer.display(), place.display()
    )]
    Lost {
        /// The pointer file.
        pointer: PathBuf,
        /// Where the database should be.
        place: PathBuf,
    },

    /// The database exists, but its password file does not.
    #[error(
        "the database in {} is there, but the file with its password, {}, is not. Bring it back",
        data.display(), password.display()
    )]
    PasswordLost {
        /// The database folder.
        data: PathBuf,
        /// Where the password should be.
        password: PathBuf,
    },

    /// Another process uses this data folder with a PostgreSQL that cannot be seen from here.
    #[error(
        "another process uses the data folder {}, with a PostgreSQL that does not answer here. \
         Stop that process first",
        data_dir.display()
    )]
    InUse {
        /// The deployment's data folder.
        data_dir: PathBuf,
    },

    /// A program did not come up.
    #[error("PostgreSQL does not start ({reason}). The end of {}:\n{tail}", log.display())]
    Start {
        /// What the start said.
        reason: String,
        /// PostgreSQL's log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },

    /// One of PostgreSQL's programs failed.
    #[error("{doing}: {output}")]
    Tool {
        /// What was being done.
        doing: String,
        /// What the program said.
        output: String,
    },

    /// Something took too long.
    #[error("{doing}: not done after {} seconds", limit.as_secs())]
    Timeout {
        /// What was being done.
        doing: String,
        /// How long it was given.
        limit: Duration,
    },

    /// The file system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },

    /// The caller's own preparation of a template database failed.
    #[error("preparing the template database {name}: {reason}")]
    Template {
        /// The template.
        name: String,
        /// What the caller's function said.
        reason: String,
    },
}

impl Error {
    /// Returns a function that wraps an I/O error with what was done to which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

fn reasons(tried: &[String]) -> String {
    if tried.is_empty() { String::new() } else { format!(", and {}", tried.join("; ")) }
}

fn folders(looked: &[PathBuf]) -> String {
    if looked.is_empty() {
        return "nowhere".to_owned();
    }
    looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn versions(found: &[u32]) -> String {
    found.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
