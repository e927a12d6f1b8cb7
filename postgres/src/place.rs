//! Where a deployment's PostgreSQL keeps its files.
//!
//! Inside the data folder, unless we are root and the unprivileged user cannot get there (root's
//! home, a private folder): then in a folder of its own, recorded in a pointer file.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::account::Account;

/// The pointer file inside the data folder.
const POINTER: &str = "postgres.location";

/// Folders outside of anybody's home, best first.
const OUTSIDE: [&str; 2] = ["/var/lib/cartage", "/var/tmp/cartage"];

/// The files of one private PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The deployment's data folder, absolute.
    pub(crate) data_dir: PathBuf,
    base: PathBuf,
}

impl Place {
    /// Finds or makes the place for `data_dir`, and the user it belongs to.
    pub(crate) fn open(data_dir: &Path) -> Result<(Self, Account), Error> {
        let data_dir = create(data_dir)?;
        let recorded = recorded(&data_dir)?;
        let inside = data_dir.join("postgres");
        let existing = recorded.clone().unwrap_or_else(|| inside.clone());
        let account = Account::choose(Some(existing.as_path()))?;
        let base = match recorded {
            Some(base) => base,
            None if inside.is_dir() || account.reaches(&data_dir) => private(&inside, account)?,
            None => outside(&data_dir, account)?,
        };
        Ok((Self { data_dir, base }, account))
    }

    /// The folder that holds everything else here.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// PostgreSQL's own data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    /// The superuser's password.
    pub(crate) fn password(&self) -> PathBuf {
        self.base.join("password")
    }

    /// What the postmaster prints.
    pub(crate) fn log(&self) -> PathBuf {
        self.base.join("postgres.log")
    }

    /// The lock held while somebody starts or stops this PostgreSQL.
    pub(crate) fn turn(&self) -> PathBuf {
        turn(&self.data_dir)
    }

    /// The lock shared by all who use this PostgreSQL.
    pub(crate) fn users(&self) -> PathBuf {
        self.data_dir.join("postgres.users")
    }
}

/// Returns the lock of a data folder whose place is not known yet.
pub(crate) fn turn(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres.lock")
}

/// Makes the data folder where it is missing and returns its real path. Made by root, others may
/// pass through it, but not look into it.
pub(crate) fn create(data_dir: &Path) -> Result<PathBuf, Error> {
    if !data_dir.is_dir() {
        let mode = if nix::unistd::geteuid().is_root() { 0o711 } else { 0o700 };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(mode);
        builder.create(data_dir).map_err(Error::io("create", data_dir))?;
    }
    data_dir.canonicalize().map_err(Error::io("find", data_dir))
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    // A temporary file of this crate has mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(Error::io("write", path))?;
    file.write_all(text.as_bytes()).map_err(Error::io("write", path))?;
    file.as_file().sync_all().map_err(Error::io("write", path))?;
    file.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
    Ok(())
}

fn recorded(data_dir: &Path) -> Result<Option<PathBuf>, Error> {
    let pointer = data_dir.join(POINTER);
    let text = match fs::read_to_string(&pointer) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &pointer)(error)),
    };
    let place = PathBuf::from(text.trim());
    if place.is_dir() { Ok(Some(place)) } else { Err(Error::Lost { pointer, place }) }
}

/// Makes a folder with a random name outside, so that a deployment begun anew in the same data
/// folder never meets the database of the one before it.
fn outside(data_dir: &Path, account: Account) -> Result<PathBuf, Error> {
    let mut refused = None;
    for parent in OUTSIDE.map(Path::new) {
        match make_below(parent, account) {
            Ok(base) => {
                write_private(&base.join("owner"), &format!("{}\n", data_dir.display()))?;
                write_private(&data_dir.join(POINTER), &format!("{}\n", base.display()))?;
                tracing::info!(place = %base.display(), "The database lies outside the data folder, which its user cannot reach.");
                return Ok(base);
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or(Error::NoAccount))
}

fn make_below(parent: &Path, account: Account) -> Result<PathBuf, Error> {
    if !parent.is_dir() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o711);
        builder.create(parent).map_err(Error::io("create", parent))?;
    }
    let folder = tempfile::Builder::new().prefix("postgres-").tempdir_in(parent);
    let folder = folder.map_err(Error::io("create a folder in", parent))?;
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder.path(), mode).map_err(Error::io("protect", folder.path()))?;
    account.own(folder.path())?;
    if !account.reaches(folder.path()) {
        let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        return Err(Error::io("reach, as PostgreSQL's user,", parent)(refused));
    }
    Ok(folder.keep())
}

/// Makes `folder` for `account` alone.
fn private(folder: &Path, account: Account) -> Result<PathBuf, Error> {
    if !folder.is_dir() {
        DirBuilder::new().mode(0o700).create(folder).map_err(Error::io("create", folder))?;
    }
    // Also when it was there: whoever made it may have been killed before it was given away.
    account.own(folder)?;
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder, mode).map_err(Error::io("protect", folder))?;
    Ok(folder.to_owned())
}
