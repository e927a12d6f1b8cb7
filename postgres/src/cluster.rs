//! Making a new database folder with `initdb`: complete, or not there.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::place::{Place, write_private};
use crate::psql::SUPERUSER;
use crate::{Error, process};

/// Unfinished database folders carry this prefix; they are removed before the next try.
const UNFINISHED: &str = "data.init-";

/// Makes the database folder where it is missing, and returns the superuser's password.
///
/// `initdb` works in a temporary folder that is renamed when it is complete, so a process killed
/// in the middle leaves nothing that could be taken for a database.
pub(crate) async fn ensure(
    place: &Place,
    account: Account,
    binaries: &Binaries,
    durable: bool,
) -> Result<String, Error> {
    let (data, password) = (place.data(), place.password());
    if data.is_dir() {
        return match fs::read_to_string(&password) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::PasswordLost { data, password })
            }
            Err(error) => Err(Error::io("read", &password)(error)),
        };
    }
    sweep(place)?;
    let secret = format!("{:032x}", rand::random::<u128>());
    write_private(&password, &format!("{secret}\n"))?;
    account.own(&password)?;
    initialise(place, account, binaries, durable).await?;
    Ok(secret)
}

async fn initialise(
    place: &Place,
    account: Account,
    binaries: &Binaries,
    durable: bool,
) -> Result<(), Error> {
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(place.base());
    let unfinished = unfinished.map_err(Error::io("create a folder in", place.base()))?;
    account.own(unfinished.path())?;
    let mut last = None;
    for locale in locales(binaries) {
        let mut command: Command = process::command(&binaries.program("initdb"), account);
        command.arg("--pgdata").arg(unfinished.path()).arg("--pwfile").arg(place.password());
        command.args(["--username", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8"]);
        command.args(locale);
        if !durable {
            command.arg("--no-sync");
        }
        match process::run(command, "making a database with initdb", Duration::from_secs(300)).await
        {
            Ok(_) => {
                let made = unfinished.keep();
                let data = place.data();
                return fs::rename(&made, &data).map_err(Error::io("rename to", &data));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or(Error::NoAccount))
}

/// Returns the locale options to try in turn. All sort by code point; the builtin provider of
/// PostgreSQL 17 has Unicode case mapping on every system, `C.UTF-8` of the C library exists on
/// current Linux, and plain `C` exists everywhere but maps only ASCII.
fn locales(binaries: &Binaries) -> Vec<&'static [&'static str]> {
    let mut tries: Vec<&'static [&'static str]> = Vec::new();
    if binaries.major >= 17 {
        tries.push(&["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]);
    }
    tries.push(&["--locale=C.UTF-8"]);
    tries.push(&["--locale=C"]);
    tries
}

/// Removes what earlier, interrupted tries left.
fn sweep(place: &Place) -> Result<(), Error> {
    let base = place.base();
    for entry in fs::read_dir(base).map_err(Error::io("read", base))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
            tracing::info!(folder = %path.display(), "An unfinished database was removed.");
        }
    }
    Ok(())
}
