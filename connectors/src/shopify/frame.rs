//! Finds where a CSV record ends, within limits and without trusting the file.
//!
//! The rules are those of the `csv` crate (a quote opens a cell only at its start, `""` is a quote)
//! but for two things which that crate forgives and which tell a broken file: text behind a
//! closing quote, and a quote that is open at the end. Bytes beyond a limit are read over, never
//! kept.

use std::io::{self, BufRead};

/// A place in a file at which a record begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Bytes before it.
    pub(super) byte: u64,
    /// Its line, from 1.
    pub(super) line: u64,
}

/// The limits of one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameLimits {
    pub(super) cell_size_bytes_max: u64,
    pub(super) record_size_bytes_max: u64,
}

/// What is wrong with a record before its cells are even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameFault {
    /// A cell is over its limit.
    CellTooLarge,
    /// The record is over its limit: most likely a quote that never closes.
    RecordTooLarge,
    /// The file ends inside quotes.
    QuoteOpen,
    /// Something other than the end of the cell stands behind a closing quote.
    TextBehindQuote,
}

/// One record's bytes.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// The bytes without the end of line; with a fault, those before it at best.
    pub(super) bytes: Vec<u8>,
    /// How many cells there are, also beyond what was kept.
    pub(super) cells: usize,
    /// Where it begins.
    pub(super) start: Place,
    /// Where the next one begins.
    pub(super) next: Place,
    /// What is wrong with it.
    pub(super) fault: Option<FrameFault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    QuoteInQuoted,
    Ended,
}

/// Reads records one by one from a place on.
pub(super) struct Scanner<R> {
    pub(super) reader: R,
    pub(super) place: Place,
    pub(super) delimiter: u8,
    pub(super) limits: FrameLimits,
}

impl<R: BufRead> Scanner<R> {
    /// The next record that is not an empty line; none at the end of the file.
    pub(super) fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        self.skip_empty_lines()?;
        let mut walk = Walk::new(self.place, self.delimiter, self.limits);
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            let used = walk.feed(chunk);
            self.reader.consume(used);
            if walk.is_done() {
                break;
            }
        }
        if walk.ended_by_return && self.reader.fill_buf()?.first() == Some(&b'\n') {
            self.reader.consume(1);
            walk.frame.next.byte += 1;
        }
        self.place = walk.frame.next;
        Ok((walk.length > 0).then(|| walk.finish()))
    }

    fn skip_empty_lines(&mut self) -> io::Result<()> {
        loop {
            let chunk = self.reader.fill_buf()?;
            let blank = chunk.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let lines = chunk.iter().take(blank).filter(|byte| **byte == b'\n').count();
            if blank == 0 {
                return Ok(());
            }
            self.reader.consume(blank);
            self.place.byte += blank as u64;
            self.place.line += lines as u64;
        }
    }
}

/// The walk through one record.
struct Walk {
    frame: Frame,
    state: State,
    delimiter: u8,
    limits: FrameLimits,
    length: u64,
    cell_start: u64,
    keeping: bool,
    ended_by_return: bool,
}

impl Walk {
    fn new(start: Place, delimiter: u8, limits: FrameLimits) -> Self {
        Self {
            frame: Frame { cells: 1, start, next: start, ..Frame::default() },
            state: State::CellStart,
            delimiter,
            limits,
            length: 0,
            cell_start: 0,
            keeping: true,
            ended_by_return: false,
        }
    }

    fn is_done(&self) -> bool {
        self.state == State::Ended || self.is_hopeless()
    }

    /// Whether nothing behind can be told apart any more.
    const fn is_hopeless(&self) -> bool {
        matches!(
            self.frame.fault,
            Some(FrameFault::TextBehindQuote | FrameFault::RecordTooLarge | FrameFault::QuoteOpen)
        )
    }

    /// Takes bytes until the record ends, and says how many.
    fn feed(&mut self, chunk: &[u8]) -> usize {
        let mut used = 0;
        for byte in chunk {
            used += 1;
            self.step(*byte);
            if self.is_done() {
                break;
            }
        }
        used
    }

    fn step(&mut self, byte: u8) {
        self.frame.next.byte += 1;
        self.length += 1;
        if byte == b'\n' {
            self.frame.next.line += 1;
        }
        self.state = match (self.state, byte) {
            (State::CellStart | State::QuoteInQuoted, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) => State::Quoted,
            (_, b'\n') => State::Ended,
            (_, b'\r') => {
                self.ended_by_return = true;
                self.frame.next.line += 1;
                State::Ended
            }
            (_, byte) if byte == self.delimiter => State::CellStart,
            (State::QuoteInQuoted, _) => {
                self.frame.fault = Some(FrameFault::TextBehindQuote);
                State::Plain
            }
            (_, _) => State::Plain,
        };
        self.keep(byte);
    }

    fn keep(&mut self, byte: u8) {
        if self.keeping && self.state != State::Ended {
            self.frame.bytes.push(byte);
        }
        if self.state == State::CellStart {
            self.frame.cells += 1;
            self.cell_start = self.length;
        } else if self.keeping && self.length - self.cell_start > self.limits.cell_size_bytes_max {
            self.keeping = false;
            self.frame.fault.get_or_insert(FrameFault::CellTooLarge);
            self.frame.bytes.truncate(usize::try_from(self.cell_start).unwrap_or_default());
        }
        if self.length > self.limits.record_size_bytes_max.saturating_mul(RECORD_READ_OVER) {
            self.frame.fault = Some(FrameFault::RecordTooLarge);
        }
    }

    fn finish(mut self) -> Frame {
        if self.state == State::Quoted {
            self.frame.fault = Some(FrameFault::QuoteOpen);
        }
        self.frame
    }
}

/// How many times the largest record is read over in search of its end before it is given up.
const RECORD_READ_OVER: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(
        text: &str,
        cell_size_bytes_max: u64,
    ) -> Vec<(String, usize, u64, Option<FrameFault>)> {
        let limits = FrameLimits { cell_size_bytes_max, record_size_bytes_max: 1_000 };
        // A buffer of three bytes puts the seams everywhere.
        let reader = io::BufReader::with_capacity(3, text.as_bytes());
        let place = Place { byte: 0, line: 1 };
        let mut scanner = Scanner { reader, place, delimiter: b',', limits };
        let mut all = Vec::new();
        while let Some(frame) = scanner.next_frame().unwrap() {
            let text = String::from_utf8(frame.bytes).unwrap();
            all.push((text, frame.cells, frame.start.line, frame.fault));
        }
        all
    }

    #[test]
    fn records_end_at_lines_outside_of_quotes() {
        let found = frames("a,b\r\n\"x\ny\",\"\"\"z\"\n\n5\" pipe,c\rlast,", 100);
        let expected = [
            ("a,b", 2, 1, None),
            ("\"x\ny\",\"\"\"z\"", 2, 2, None),
            ("5\" pipe,c", 2, 5, None),
            ("last,", 2, 6, None),
        ];
        let expected = expected.map(|(text, cells, line, fault)| (text.into(), cells, line, fault));
        assert_eq!(found, expected);
    }

    #[test]
    fn broken_quotes_and_large_cells_are_faults_and_large_cells_are_not_kept() {
        assert_eq!(frames("a,\"b\nc", 100)[0].3, Some(FrameFault::QuoteOpen));
        assert_eq!(frames("a,\"b\"c\nd", 100)[0].3, Some(FrameFault::TextBehindQuote));
        let found = frames("a,\"bbbbbbbbbb\",c\nd,e,f", 5);
        assert_eq!(found[0], ("a,".into(), 3, 1, Some(FrameFault::CellTooLarge)));
        assert_eq!(found[1], ("d,e,f".into(), 3, 2, None));
    }
}
