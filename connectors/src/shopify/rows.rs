//! Reads a file row by row: cells as text, or what is wrong with the row.
//!
//! A broken row costs itself alone. Where a quote never closes, the text behind it is searched for
//! the first line that is a whole row again, and reading goes on there.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::Path,
};

use super::{
    Limits,
    files::SourceFile,
    frame::{Frame, FrameFault, FrameLimits, Place, Scanner},
    reason,
};
use cartage_model::Unreadable;

/// How many lines behind a broken row are tried.
const RESUME_LINES_MAX: usize = 1_000;
/// How large a row may be to be recognised as whole behind a broken one.
const RESUME_ROW_BYTES_MAX: u64 = 1 << 20;
const READ_BUFFER_BYTES: usize = 64 << 10;

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Where it begins.
    pub(super) start: Place,
    /// Where the next one begins.
    pub(super) next: Place,
    /// Its cells; with a fault, those that could be read.
    pub(super) cells: Vec<String>,
    /// What is wrong with it.
    pub(super) fault: Option<Unreadable>,
}

/// The rows of a file from a place on.
pub(super) struct Rows<'a> {
    file: &'a SourceFile,
    scanner: Scanner<BufReader<File>>,
    splitter: Splitter,
    /// How many bytes may still be read again.
    reread_bytes_left: u64,
}

impl<'a> Rows<'a> {
    /// The rows behind the header, or from `place` on.
    pub(super) fn open(
        file: &'a SourceFile,
        place: Option<Place>,
        limits: &Limits,
    ) -> io::Result<Self> {
        let place = place.unwrap_or(file.body);
        let reader = open_at(&file.path, place)?;
        let frame_limits = FrameLimits {
            cell_size_bytes_max: limits.cell_size_bytes_max,
            record_size_bytes_max: limits.record_size_bytes_max,
        };
        let scanner = Scanner { reader, place, delimiter: file.delimiter, limits: frame_limits };
        let splitter = Splitter::new(file.delimiter);
        Ok(Self { file, scanner, splitter, reread_bytes_left: limits.reread_bytes_max })
    }

    /// The next row with anything in it; none at the end of the file.
    pub(super) fn next_row(&mut self) -> io::Result<Option<Row>> {
        while let Some(frame) = self.scanner.next_frame()? {
            let row = self.row(&frame)?;
            let is_blank = row.cells.iter().all(|cell| cell.trim().is_empty());
            // Exports that somebody put together by hand repeat the header.
            if row.fault.is_some() || !(is_blank || row.cells == self.file.header) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn row(&mut self, frame: &Frame) -> io::Result<Row> {
        let cells = self.splitter.split(&frame.bytes);
        let valid = cells.iter().all(|cell| std::str::from_utf8(cell).is_ok());
        let fault = self.fault(frame, valid);
        if fault.is_some() && self.may_have_swallowed(frame) {
            self.resume(frame)?;
        }
        let cells = cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        Ok(Row { start: frame.start, next: self.scanner.place, cells, fault })
    }

    fn fault(&self, frame: &Frame, valid: bool) -> Option<Unreadable> {
        let (first, last) = (frame.start.line, frame.next.line.saturating_sub(1));
        let lines = if last > first { format!("{first} to {last}") } else { first.to_string() };
        let place = format!("{} line {lines}", self.file.name);
        let (reason, message) = match frame.fault {
            Some(FrameFault::CellTooLarge) => {
                let limit = self.scanner.limits.cell_size_bytes_max;
                (reason::CELL_TOO_LARGE, format!("{place}: a cell has more than {limit} bytes."))
            }
            Some(FrameFault::RecordTooLarge) => {
                (reason::CSV_MALFORMED, format!("{place}: a row does not end; is a quote open?"))
            }
            Some(FrameFault::QuoteOpen) => {
                (reason::CSV_MALFORMED, format!("{place}: the file ends inside quotes."))
            }
            Some(FrameFault::TextBehindQuote) => {
                (reason::CSV_MALFORMED, format!("{place}: there is text behind a closing quote."))
            }
            None if frame.cells != self.file.header.len() => {
                let (found, wanted) = (frame.cells, self.file.header.len());
                let message = format!("{place}: {found} cells where the header has {wanted}.");
                (reason::CSV_MALFORMED, message)
            }
            None if !valid => {
                (reason::TEXT_ENCODING_INVALID, format!("{place}: the text is not UTF-8."))
            }
            None => return None,
        };
        Some(Unreadable::record(reason, message))
    }

    /// Whether the row may have taken lines that belong to others.
    fn may_have_swallowed(&self, frame: &Frame) -> bool {
        let several_lines = frame.next.line > frame.start.line + 1;
        match frame.fault {
            Some(FrameFault::CellTooLarge) | None => {
                several_lines && frame.cells != self.file.header.len()
            }
            Some(_) => true,
        }
    }

    /// Goes on at the first line behind the broken row's first that is a whole row, else at the
    /// first line behind the broken row.
    fn resume(&mut self, broken: &Frame) -> io::Result<()> {
        self.reread(broken.next.byte - broken.start.byte)?;
        let mut line_starts = open_at(&self.file.path, broken.start)?;
        let mut place = broken.start;
        for _ in 0..RESUME_LINES_MAX {
            let skipped = skip_line(&mut line_starts)?;
            place = Place { byte: place.byte + skipped, line: place.line + 1 };
            if skipped == 0 || place.byte >= broken.next.byte || self.is_whole(place)? {
                return self.go_to(place);
            }
        }
        let mut rest = open_at(&self.file.path, broken.next)?;
        let skipped = skip_line(&mut rest)?;
        self.go_to(Place { byte: broken.next.byte + skipped, line: broken.next.line + 1 })
    }

    /// The first pass over a file meets this limit before any page of it is given.
    fn reread(&mut self, bytes: u64) -> io::Result<()> {
        self.reread_bytes_left = self.reread_bytes_left.checked_sub(bytes).ok_or_else(|| {
            let message = format!("{} has open quotes in too many places.", self.file.name);
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(())
    }

    fn is_whole(&mut self, place: Place) -> io::Result<bool> {
        let limits = FrameLimits {
            cell_size_bytes_max: RESUME_ROW_BYTES_MAX,
            record_size_bytes_max: RESUME_ROW_BYTES_MAX,
        };
        let reader = open_at(&self.file.path, place)?;
        let mut scanner = Scanner { reader, place, delimiter: self.file.delimiter, limits };
        let frame = scanner.next_frame()?;
        self.reread(scanner.place.byte - place.byte)?;
        let width = self.file.header.len();
        Ok(frame.is_some_and(|frame| frame.fault.is_none() && frame.cells == width))
    }

    fn go_to(&mut self, place: Place) -> io::Result<()> {
        self.scanner.reader = open_at(&self.file.path, place)?;
        self.scanner.place = place;
        Ok(())
    }
}

fn open_at(path: &Path, place: Place) -> io::Result<BufReader<File>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(place.byte))?;
    Ok(BufReader::with_capacity(READ_BUFFER_BYTES, file))
}

/// Reads over the rest of a line and says how many bytes it had.
fn skip_line(reader: &mut BufReader<File>) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let chunk = reader.fill_buf()?;
        let (used, ended) = match chunk.iter().position(|byte| *byte == b'\n') {
            Some(place) => (place + 1, true),
            None => (chunk.len(), chunk.is_empty()),
        };
        reader.consume(used);
        skipped += used as u64;
        if ended {
            return Ok(skipped);
        }
    }
}

/// Parts the bytes of records into cells. It is made once for a file: its tables take longer to fill
/// than a row takes to part.
pub(super) struct Splitter {
    reader: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    pub(super) fn new(delimiter: u8) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self { reader, bytes: Vec::new(), ends: Vec::new() }
    }

    /// The cells of one record's bytes.
    pub(super) fn split(&mut self, record: &[u8]) -> Vec<Vec<u8>> {
        self.reader.reset();
        // No more bytes come out than go in, and no more cells than bytes and one.
        self.bytes.resize(record.len() + 1, 0);
        self.ends.resize(record.len() + 1, 0);
        let (mut kept, mut cells) = (0, 0);
        // What is behind its end tells that a record has ended.
        for input in [record, &[]] {
            let (bytes, ends) = (self.bytes.get_mut(kept..), self.ends.get_mut(cells..));
            let (Some(bytes), Some(ends)) = (bytes, ends) else { break };
            let (result, _, more, ended) = self.reader.read_record(input, bytes, ends);
            kept += more;
            cells += ended;
            if matches!(result, csv_core::ReadRecordResult::Record) {
                break;
            }
        }
        let mut first = 0;
        let ends = self.ends.iter().take(cells);
        ends.map(|end| {
            let cell = self.bytes.get(first..*end).unwrap_or_default().to_vec();
            first = *end;
            cell
        })
        .collect()
    }
}
