//! Finds the files of an input and recognises by their headers which of them are exports.

use std::{
    fs::{File, Metadata},
    io::{BufReader, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    Input, Limits,
    archive::{Found, may_be_export, unpack},
    frame::{Frame, FrameLimits, Place, Scanner},
    input_error,
    layout::{self, FileKind},
    reason,
    rows::Splitter,
    storage_error,
};
use crate::Result;

/// A header that does not end within this is none.
const HEADER_SIZE_BYTES_MAX: u64 = 256 << 10;
/// How deep folders are looked into.
const FOLDER_DEPTH_MAX: usize = 4;
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// A recognised export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceFile {
    /// Its name, below the folder or in the archive.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) kind: FileKind,
    /// The headings as written.
    pub(super) header: Vec<String>,
    pub(super) delimiter: u8,
    /// Where the rows begin.
    pub(super) body: Place,
    pub(super) size_bytes: u64,
}

/// By what a file is known to be the same: places in it are kept while it is read, and mean nothing in
/// another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified_ns: i128,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.size(),
            modified_ns: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
        }
    }
}

impl SourceFile {
    /// The place of a column by its key; the first, should there be two.
    pub(super) fn column(&self, key: &str) -> Option<usize> {
        self.header.iter().position(|heading| self.kind.key(heading) == key)
    }
}

/// What an input has.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The exports, in the order of their names.
    pub(super) exports: Vec<SourceFile>,
    /// The names of files that are none, with the reason.
    pub(super) others: Vec<(String, &'static str)>,
    /// Where archives were unpacked; gone with this value.
    unpacked: Option<tempfile::TempDir>,
    /// Where they were found, and everything that was there.
    input: Option<Input>,
    there: Vec<(PathBuf, Option<Stamp>)>,
}

impl Files {
    /// Looks at everything an input has.
    pub(super) fn find(input: &Input, limits: &Limits) -> Result<Self> {
        let there = listing(input)?;
        let mut files = Self { input: Some(input.clone()), there, ..Self::default() };
        let mut found = Vec::new();
        match input {
            Input::Folder(path) => files.walk(path, "", FOLDER_DEPTH_MAX, &mut found)?,
            Input::Zip(path) => files.unpack(path, limits, &mut found)?,
            Input::Files(paths) => {
                for path in paths {
                    if is_zip(path)? {
                        files.unpack(path, limits, &mut found)?;
                    } else {
                        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                        found.push(Found { name: name.into_owned(), path: path.clone() });
                    }
                }
            }
        }
        if found.len() > limits.file_count_max {
            let message = format!("There are more than {} files.", limits.file_count_max);
            return Err(input_error(reason::SOURCE_FILE_MISSING, message));
        }
        found.sort_by(|left, right| left.name.cmp(&right.name));
        for file in found {
            files.recognise(file)?;
        }
        files.refuse_nothing()?;
        Ok(files)
    }

    /// The exports of a kind with their places among all.
    pub(super) fn of(&self, kind: FileKind) -> impl Iterator<Item = &SourceFile> {
        self.exports.iter().filter(move |file| file.kind == kind)
    }

    /// Refuses to go on with files that are not those that were found: part of what was read would be
    /// of before, and part of it of now.
    pub(super) fn refuse_changed(&self) -> Result<()> {
        let there = self.input.as_ref().map(listing).transpose()?.unwrap_or_default();
        let is_same = |(path, stamp): &(PathBuf, Option<Stamp>)| {
            there.iter().any(|(now, of)| now == path && of == stamp)
        };
        let changed = self.there.iter().find(|it| !is_same(it));
        // One that came meanwhile, too: it may be half of what was there.
        let come = there.iter().find(|(now, _)| !self.there.iter().any(|(path, _)| path == now));
        match changed.or(come) {
            None => Ok(()),
            Some((path, _)) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                let message = format!("{name} was changed while the files were read.");
                Err(input_error(reason::SOURCE_CHANGED, message))
            }
        }
    }

    fn unpack(&mut self, path: &Path, limits: &Limits, found: &mut Vec<Found>) -> Result<()> {
        let folder = match self.unpacked.take() {
            Some(folder) => folder,
            None => tempfile::Builder::new()
                .prefix("cartage-exports-")
                .tempdir()
                .map_err(|error| storage_error("unpacking the archive", &error))?,
        };
        let unpacked = unpack(path, folder.path(), limits);
        self.unpacked = Some(folder);
        let unpacked = unpacked?;
        found.extend(unpacked.files);
        self.others.extend(unpacked.left.into_iter().map(|name| (name, "is no CSV file")));
        Ok(())
    }

    fn walk(
        &mut self,
        folder: &Path,
        prefix: &str,
        depth: usize,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        let failed = |error| storage_error("reading the folder", &error);
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let file_type = entry.file_type().map_err(failed)?;
            if file_type.is_dir() && depth > 0 {
                self.walk(&entry.path(), &format!("{name}/"), depth - 1, found)?;
            } else if file_type.is_file() && may_be_export(&name) {
                found.push(Found { name, path: entry.path() });
            } else if !file_type.is_dir() {
                // A link may lead anywhere on this machine.
                let why = if file_type.is_symlink() { "is a link" } else { "is no CSV file" };
                self.others.push((name, why));
            }
        }
        Ok(())
    }

    fn recognise(&mut self, found: Found) -> Result<()> {
        let failed = |error| storage_error("reading a file", &error);
        let mut file = File::open(&found.path).map_err(failed)?;
        let size_bytes = file.metadata().map_err(failed)?.len();
        let mut start = Vec::new();
        file.by_ref().take(1_024).read_to_end(&mut start).map_err(failed)?;
        // Text files that merely lie beside the exports are no reason to refuse them.
        if start.contains(&0) && is_note(&found.name) {
            self.others.push((found.name, NO_EXPORT));
            return Ok(());
        }
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            let message = format!("{} is UTF-16; export or save it as UTF-8.", found.name);
            return Err(input_error(reason::TEXT_ENCODING_INVALID, message));
        }
        if start.contains(&0) {
            let message = format!("{} is neither a CSV file nor a zip archive.", found.name);
            return Err(input_error(reason::ARCHIVE_INVALID, message));
        }
        if start.is_empty() {
            self.others.push((found.name, "is empty"));
            return Ok(());
        }
        let marked = start.starts_with(&BYTE_ORDER_MARK);
        let begin = if marked { BYTE_ORDER_MARK.len() as u64 } else { 0 };
        for delimiter in DELIMITERS {
            file.seek(SeekFrom::Start(begin)).map_err(failed)?;
            let Some(frame) = header(&file, delimiter, begin).map_err(failed)? else { continue };
            let cells = Splitter::new(delimiter).split(&frame.bytes);
            let header: Vec<String> =
                cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
            if let Some(kind) = layout::recognise(&header) {
                refuse_missing(kind, &header, &found.name)?;
                let body = frame.next;
                let Found { name, path } = found;
                self.exports.push(SourceFile {
                    name,
                    path,
                    kind,
                    header,
                    delimiter,
                    body,
                    size_bytes,
                });
                return Ok(());
            }
        }
        self.others.push((found.name, NO_EXPORT));
        Ok(())
    }

    fn refuse_nothing(&self) -> Result<()> {
        if !self.exports.is_empty() {
            return Ok(());
        }
        Err(match self.others.iter().find(|(_, why)| *why == NO_EXPORT) {
            Some((name, _)) => {
                let message = format!("The columns of {name} are not those of a Shopify export.");
                input_error(reason::CSV_COLUMN_UNKNOWN, message)
            }
            None => input_error(reason::SOURCE_FILE_MISSING, "There is no CSV file."),
        })
    }
}

/// Everything that an input has now and that could be an export, with what it is known by; none where
/// it cannot be looked at. What is unpacked stays as it is.
fn listing(input: &Input) -> Result<Vec<(PathBuf, Option<Stamp>)>> {
    let paths = match input {
        Input::Zip(_) => Vec::new(),
        Input::Files(paths) => paths.clone(),
        Input::Folder(path) => {
            let mut found = Vec::new();
            Files::default().walk(path, "", FOLDER_DEPTH_MAX, &mut found)?;
            found.into_iter().map(|found| found.path).collect()
        }
    };
    let stamp = |path: PathBuf| {
        let stamp = std::fs::metadata(&path).ok().map(|metadata| Stamp::of(&metadata));
        (path, stamp)
    };
    Ok(paths.into_iter().map(stamp).collect())
}

fn is_note(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
}

const NO_EXPORT: &str = "has columns of no known export";

fn header(file: &File, delimiter: u8, begin: u64) -> std::io::Result<Option<Frame>> {
    let limits = FrameLimits {
        cell_size_bytes_max: HEADER_SIZE_BYTES_MAX,
        record_size_bytes_max: HEADER_SIZE_BYTES_MAX,
    };
    let place = Place { byte: begin, line: 1 };
    let frame = Scanner { reader: BufReader::new(file), place, delimiter, limits }.next_frame()?;
    Ok(frame.filter(|frame| frame.fault.is_none()))
}

fn refuse_missing(kind: FileKind, header: &[String], name: &str) -> Result<()> {
    let Some((column, nearest)) = layout::missing(kind, header) else { return Ok(()) };
    let hint = nearest.map(|heading| format!(" Is it {heading:?}?")).unwrap_or_default();
    let noun = kind.noun();
    let message = format!("{name} has the columns of {noun}, but no column {column:?}.{hint}");
    Err(input_error(reason::CSV_COLUMN_MISSING, message))
}

fn is_zip(path: &Path) -> Result<bool> {
    let failed = |error| storage_error("reading a file", &error);
    let mut start = Vec::new();
    File::open(path).map_err(failed)?.take(4).read_to_end(&mut start).map_err(failed)?;
    // The second is an archive without entries.
    Ok(start == *b"PK\x03\x04" || start == *b"PK\x05\x06")
}
