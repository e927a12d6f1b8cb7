//! Joining the PostgreSQL shared by all test processes, or starting it and its supervisor.
//!
//! A *generation* is a temporary folder with one PostgreSQL. Each user of it keeps a file named by
//! its process id in `users/`. The supervisor ends the generation by renaming that folder away,
//! after which nobody can join it any more.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Error, Postgres, Settings, lock};

const SUPERVISE: &str = include_str!("supervise.sh");

/// The seconds without any user after which the supervisor ends a generation.
const LINGER: &str = "3";

/// Joins the current generation or begins the next.
pub(super) async fn join() -> Result<Postgres, Error> {
    let registry = registry()?;
    let _turn = lock::exclusive(&registry.join("lock"), Duration::from_secs(900)).await?;
    let current = registry.join("current");
    let known = fs::read_to_string(&current).unwrap_or_default();
    let generation = match PathBuf::from(known.trim()) {
        known if known.is_absolute() && enlist(&known).is_ok() => known,
        _ => {
            let made = begin(&registry)?;
            enlist(&made).map_err(Error::io("join", &made))?;
            let text = made.display().to_string();
            fs::write(&current, text).map_err(Error::io("write", &current))?;
            made
        }
    };
    supervise(&generation)?;
    let settings = Settings { max_connections: 400, ..Settings::scratch(&generation) };
    crate::start(settings).await
}

/// Returns the folder by which test processes of the same user find each other.
fn registry() -> Result<PathBuf, Error> {
    let uid = nix::unistd::geteuid().as_raw();
    let folder = std::env::temp_dir().join(format!("cartage-test-{uid}"));
    match DirBuilder::new().mode(0o711).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create", &folder)(error));
        }
        _ => {}
    }
    // The temporary folder is everybody's: somebody else's folder of this name is not ours to use.
    let found = fs::symlink_metadata(&folder).map_err(Error::io("read", &folder))?;
    if !found.is_dir() || found.uid() != uid {
        let refused = std::io::Error::other("it belongs to somebody else");
        return Err(Error::io("use", &folder)(refused));
    }
    Ok(folder)
}

fn begin(registry: &Path) -> Result<PathBuf, Error> {
    let name = format!("{:016x}", rand::random::<u64>());
    let generation = registry.join(name);
    DirBuilder::new().mode(0o711).create(&generation).map_err(Error::io("create", &generation))?;
    let users = generation.join("users");
    fs::create_dir(&users).map_err(Error::io("create", &users))?;
    Ok(generation)
}

/// Fails when the generation has ended: its `users` is gone then.
fn enlist(generation: &Path) -> std::io::Result<()> {
    fs::write(generation.join("users").join(std::process::id().to_string()), "")
}

/// Starts the supervisor where none is alive. It belongs to no process group of ours and holds
/// none of our files, so it outlives us.
fn supervise(generation: &Path) -> Result<(), Error> {
    let file = generation.join("supervisor");
    let known = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    let alive = |pid| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok();
    if known.is_some_and(alive) {
        return Ok(());
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SUPERVISE, "cartage-test-postgres"]).arg(generation).arg(LINGER);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.current_dir("/").process_group(0);
    let child = command.spawn().map_err(Error::io("run", Path::new("/bin/sh")))?;
    fs::write(&file, child.id().to_string()).map_err(Error::io("write", &file))
}
