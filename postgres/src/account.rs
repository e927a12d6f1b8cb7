//! The user PostgreSQL runs as: ourselves, or an unprivileged one when we are root.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, geteuid};

use crate::Error;

/// A user to run PostgreSQL's programs as. `None` is the user we run as already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    /// Returns the user we run as.
    pub(crate) fn ourselves() -> Self {
        Self { ids: None }
    }

    /// Returns ourselves unless we are root; then the owner of `existing` data, else the user
    /// `postgres`, else `cartage` (created where that is possible), else `nobody`.
    pub(crate) fn choose(existing: Option<&Path>) -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self { ids: None });
        }
        let owner = existing.and_then(|path| path.metadata().ok());
        if let Some(owner) = owner.filter(|owner| owner.uid() != 0) {
            return Ok(Self { ids: Some((owner.uid(), owner.gid())) });
        }
        named("postgres")
            .or_else(|| named("cartage"))
            .or_else(create)
            .or_else(|| named("nobody"))
            .ok_or(Error::NoAccount)
    }

    /// Makes `command` run as this user, without root's supplementary groups.
    pub(crate) fn apply(self, command: &mut Command) {
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
    }

    /// Gives `path` to this user; one that has it keeps it.
    pub(crate) fn own(self, path: &Path) -> Result<(), Error> {
        let Some((uid, gid)) = self.ids else { return Ok(()) };
        nix::unistd::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .map_err(|errno| Error::io("give away", path)(errno.into()))
    }

    /// Says whether this user can reach what lies in `folder`, by trying: mode bits alone would
    /// miss access lists and mounts.
    pub(crate) fn reaches(self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cd -- \"$1\"", "sh"]).arg(folder).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }

    /// Says whether the programs run as somebody else than us.
    pub(crate) fn is_other(self) -> bool {
        self.ids.is_some()
    }
}

fn named(name: &str) -> Option<Account> {
    let user = User::from_name(name).ok().flatten()?;
    Some(Account { ids: Some((user.uid.as_raw(), user.gid.as_raw())) })
}

/// Creates a system user of our own, where `useradd` exists.
fn create() -> Option<Account> {
    let made = Command::new("useradd")
        .args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"])
        .args(["--shell", "/usr/sbin/nologin", "cartage"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    made.is_ok_and(|status| status.success()).then(|| named("cartage")).flatten()
}
