//! Where PostgreSQL's programs are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::account::Account;
use crate::{Error, process};

/// The oldest major version that will do.
pub(crate) const OLDEST: u32 = 14;

/// The programs needed, all in one folder.
const PROGRAMS: [&str; 4] = ["initdb", "pg_ctl", "postgres", "psql"];

/// Folders by pattern; `*` stands for a version. Debian, PGDG on Fedora, Alpine, Arch, Homebrew on
/// ARM and Intel, MacPorts, Postgres.app, and PostgreSQL's own default.
const USUAL: [(&str, &str, &str); 10] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt", "postgresql", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/opt/local/lib", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/usr/local", "pgsql", "bin"),
    ("/usr/lib64", "pgsql", "bin"),
];

/// Where PostgreSQL's programs are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// `CARTAGE_POSTGRES_BIN` alone where it is set; else `PATH`, the usual folders (newest
    /// version first) and what was downloaded earlier.
    Machine,
    /// These folders and no others.
    Only(Vec<PathBuf>),
}

impl Search {
    /// Returns the folders in the order they are looked at.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        match self {
            Self::Only(folders) => folders.clone(),
            Self::Machine => match std::env::var_os("CARTAGE_POSTGRES_BIN") {
                Some(folder) if !folder.is_empty() => vec![folder.into()],
                _ => machine(),
            },
        }
    }
}

/// A folder with PostgreSQL's programs.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    folder: PathBuf,
    /// The major version.
    pub(crate) major: u32,
}

impl Binaries {
    /// Returns the path of `program`.
    pub(crate) fn program(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// Returns the first usable programs of `search`; with `data`, those of the version that
    /// wrote it.
    pub(crate) async fn find(
        search: &Search,
        account: Account,
        data: Option<&Path>,
    ) -> Result<Self, Error> {
        let looked = search.folders();
        let needed = data.and_then(written_by);
        let mut found = Vec::new();
        for folder in &looked {
            let complete = PROGRAMS.iter().all(|program| folder.join(program).is_file());
            if !complete || !account.reaches(folder) {
                continue;
            }
            let Some(major) = major(folder, account).await else { continue };
            if needed.map_or(major >= OLDEST, |needed| needed == major) {
                tracing::debug!(folder = %folder.display(), major, "PostgreSQL's programs found.");
                return Ok(Self { folder: folder.clone(), major });
            }
            found.push(major);
        }
        match (data, needed) {
            (Some(data), Some(needed)) if !found.is_empty() => {
                Err(Error::Version { data: data.to_owned(), needed, found })
            }
            _ => Err(Error::NoBinaries { looked, tried: Vec::new() }),
        }
    }
}

/// Returns the major version that wrote a database folder.
fn written_by(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Asks the programs for their major version: `postgres (PostgreSQL) 15.13 (Debian …)`.
async fn major(folder: &Path, account: Account) -> Option<u32> {
    let mut command = process::command(&folder.join("postgres"), account);
    command.arg("--version");
    let text = process::run(command, "asking PostgreSQL's version", Duration::from_secs(20)).await;
    let text = text.ok()?;
    let version = text.split_once("(PostgreSQL) ")?.1;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn machine() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    for (parent, prefix, rest) in USUAL {
        folders.extend(versions(Path::new(parent), prefix).iter().map(|each| each.join(rest)));
    }
    for parent in crate::archive::homes() {
        folders.extend(versions(&parent, "postgresql-").iter().map(|each| each.join("bin")));
    }
    let mut seen = std::collections::HashSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

/// Returns the entries of `parent` that are `prefix` followed by a version or nothing, newest
/// first.
fn versions(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?;
            let numbers = version.split('.').filter(|part| !part.is_empty());
            let numbers: Result<Vec<u32>, _> = numbers.map(str::parse).collect();
            Some((numbers.ok()?, entry.path()))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_newest_first_by_number_not_by_text() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["postgresql-9.6", "postgresql-17", "postgresql-18.4.0", "postgresql-x", "a"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let found = versions(folder.path(), "postgresql-");
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["postgresql-18.4.0", "postgresql-17", "postgresql-9.6"]);
    }
}
