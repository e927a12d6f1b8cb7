//! Unpacks a zip archive that nobody vouches for.
//!
//! Entries are written under numbers into a folder of our own, so that no name of theirs ever
//! becomes a path; names that would have escaped refuse the whole archive all the same, because
//! such an archive was made to do harm.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use zip::{ZipArchive, read::ZipFile, result::ZipError};

use super::{Limits, input_error, reason, storage_error};
use crate::Result;

/// An archive this small may expand by any ratio.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// How much is unpacked between two looks at the limits.
const CHUNK_SIZE_BYTES: usize = 64 << 10;

/// A file found somewhere: the name it goes by and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// What was in an archive.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    /// Files that may be exports.
    pub(super) files: Vec<Found>,
    /// The names of the others, which were left packed.
    pub(super) left: Vec<String>,
}

/// Unpacks what may be an export into `folder`.
pub(super) fn unpack(archive: &Path, folder: &Path, limits: &Limits) -> Result<Unpacked> {
    let file = File::open(archive).map_err(|error| storage_error("opening the archive", &error))?;
    let Opened { entries: mut zip, mut room } = open(file, limits)?;
    let mut unpacked = Unpacked::default();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| invalid(&error))?;
        let name = entry.name().to_owned();
        refuse_link(&entry)?;
        if entry.is_dir() {
            continue;
        }
        if !may_be_export(&name) {
            unpacked.left.push(name);
            continue;
        }
        let path = folder.join(format!("{:05}-{index:05}", folder_entries(folder)));
        let failed = |error| storage_error("unpacking the archive", &error);
        let mut file = File::create(&path).map_err(failed)?;
        room = room.saturating_sub(copy(&mut entry, &mut file, room)?);
        unpacked.files.push(Found { name, path });
    }
    Ok(unpacked)
}

/// The files of an archive with their expanded sizes, as unpacking gives them: what the archive says
/// about sizes is not asked.
///
/// This expands the archive: call it where blocking is allowed.
///
/// # Errors
/// [`crate::Error::Input`] for an archive that is damaged, unsafe or too large.
pub fn list_archive(archive: File, limits: &Limits) -> Result<Vec<(String, u64)>> {
    let mut zip = open(archive, limits)?;
    let mut room = zip.room;
    let mut files = Vec::new();
    for index in 0..zip.entries.len() {
        let mut entry = zip.entries.by_index(index).map_err(|error| invalid(&error))?;
        refuse_link(&entry)?;
        if !entry.is_dir() {
            let size_bytes = copy(&mut entry, &mut std::io::sink(), room)?;
            room = room.saturating_sub(size_bytes);
            files.push((entry.name().to_owned(), size_bytes));
        }
    }
    Ok(files)
}

/// An archive whose names are safe, and to how much it may expand.
struct Opened {
    entries: ZipArchive<File>,
    room: u64,
}

fn open(file: File, limits: &Limits) -> Result<Opened> {
    let packed_bytes =
        file.metadata().map_err(|error| storage_error("opening the archive", &error))?.len();
    let zip = ZipArchive::new(file).map_err(|error| invalid(&error))?;
    if zip.len() > limits.file_count_max {
        let message = format!("The archive has more than {} entries.", limits.file_count_max);
        return Err(input_error(reason::ARCHIVE_EXPANSION_TOO_LARGE, message));
    }
    refuse_unsafe_names(&zip)?;
    let by_ratio = packed_bytes.saturating_mul(limits.archive_expansion_ratio_max);
    let room = by_ratio.max(RATIO_FREE_BYTES).min(limits.archive_expanded_bytes_max);
    Ok(Opened { entries: zip, room })
}

fn refuse_link<R: Read>(entry: &ZipFile<'_, R>) -> Result<()> {
    if !entry.is_symlink() {
        return Ok(());
    }
    let message = format!("The entry {:?} of the archive is a link.", entry.name());
    Err(input_error(reason::ARCHIVE_UNSAFE_PATH, message))
}

/// Whether a file of this name is worth a look: hidden files and the folder that macOS adds are
/// not, nor is anything whose name says that it is something else.
pub(super) fn may_be_export(name: &str) -> bool {
    let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
    let extension = Path::new(name).extension().map(|text| text.to_string_lossy().to_lowercase());
    !hidden && extension.is_none_or(|text| ["csv", "tsv", "txt"].contains(&text.as_str()))
}

/// How many files the folder has: several archives may be unpacked into one.
fn folder_entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn refuse_unsafe_names(zip: &ZipArchive<File>) -> Result<()> {
    match zip.file_names().find(|name| is_unsafe(name)) {
        Some(name) => {
            let message = format!("The entry {name:?} of the archive would leave its folder.");
            Err(input_error(reason::ARCHIVE_UNSAFE_PATH, message))
        }
        None => Ok(()),
    }
}

fn is_unsafe(name: &str) -> bool {
    name.starts_with(['/', '\\'])
        || name.contains('\0')
        || matches!(name.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic())
        || name.split(['/', '\\']).any(|part| part == "..")
}

/// Writes an entry and returns its size; more than `room` refuses the archive. What the archive
/// says about sizes is not asked: it may lie.
fn copy<R: Read>(entry: &mut ZipFile<'_, R>, out: &mut impl Write, room: u64) -> Result<u64> {
    let mut chunk = vec![0_u8; CHUNK_SIZE_BYTES];
    let mut copied = 0_u64;
    loop {
        let read = entry.read(&mut chunk).map_err(|_| {
            input_error(reason::ARCHIVE_INVALID, "An entry of the archive is damaged.")
        })?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(copied);
        };
        copied += bytes.len() as u64;
        if copied > room {
            let message = "The archive expands to more than is accepted.";
            return Err(input_error(reason::ARCHIVE_EXPANSION_TOO_LARGE, message));
        }
        out.write_all(bytes).map_err(|error| storage_error("unpacking the archive", &error))?;
    }
}

fn invalid(error: &ZipError) -> crate::Error {
    let message = match error {
        ZipError::UnsupportedArchive(what) => {
            format!("The archive needs something that is not supported: {what}.")
        }
        ZipError::InvalidPassword => "The archive is protected by a password.".to_owned(),
        _ => "The file is no zip archive, or it is damaged.".to_owned(),
    };
    input_error(reason::ARCHIVE_INVALID, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_unsafe_and_others_are_not() {
        for name in ["../a.csv", "a/../../b.csv", "/etc/a.csv", "..\\a.csv", "C:\\a.csv", "\\a"] {
            assert!(is_unsafe(name), "{name}");
        }
        for name in ["a.csv", "folder/a..csv", "ü: a.csv"] {
            assert!(!is_unsafe(name), "{name}");
        }
    }
}
