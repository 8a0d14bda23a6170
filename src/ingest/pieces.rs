//! A CSV file cut into pieces that begin and end with whole records.
//!
//! Where a piece holds no quote, its last line end is the end of a record. Otherwise the same
//! parser that will read the piece says where its records end, so that a file is cut as it is
//! read.

use std::io::{self, Read};

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter, memrchr};

use super::csv::ROW_BYTES_MAX;

/// More than any record that can be taken, whatever is quoted in it.
const PIECE_BYTES: usize = 4 * ROW_BYTES_MAX;

/// Records of a file, as they stand in it.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// The line of the file on which it begins.
    pub(super) line: u64,
}

/// What comes next in a file.
pub(super) enum Next {
    /// Whole records.
    Piece(Piece),
    /// One record that is far too long; it was skipped. It begins on this line.
    TooLong(u64),
    /// Nothing more.
    End,
}

pub(super) struct Pieces<R> {
    source: R,
    /// Read, and not handed out yet.
    rest: Vec<u8>,
    /// The line on which `rest` begins.
    line: u64,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, rest: Vec::new(), line: 1, ended: false }
    }

    pub(super) const fn source(&self) -> &R {
        &self.source
    }

    /// What the next piece begins with, for a header to be read from it.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.fill()?;
        Ok(&self.rest)
    }

    /// Passes over bytes that [`Pieces::peek`] showed, and over the second half of a line end.
    pub(super) fn pass(&mut self, bytes: usize) {
        let mut bytes = bytes;
        if self.rest[..bytes].last() == Some(&b'\r') && self.rest.get(bytes) == Some(&b'\n') {
            bytes += 1;
        }
        self.line += line_ends(&self.rest[..bytes]);
        self.rest.drain(..bytes);
    }

    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.fill()?;
        if self.rest.is_empty() {
            return Ok(Next::End);
        }
        let end = if self.ended { Some(self.rest.len()) } else { last_record_end(&self.rest) };
        let Some(end) = end else { return self.skip_record().map(Next::TooLong) };
        let mut bytes = self.rest.split_off(end);
        std::mem::swap(&mut bytes, &mut self.rest);
        let piece = Piece { line: self.line, bytes };
        self.line += line_ends(&piece.bytes);
        Ok(Next::Piece(piece))
    }

    /// Reads on until a piece is full or the file is at its end.
    fn fill(&mut self) -> io::Result<()> {
        let missing = PIECE_BYTES.saturating_sub(self.rest.len());
        if missing > 0 && !self.ended {
            self.rest.reserve_exact(missing);
            self.source.by_ref().take(missing as u64).read_to_end(&mut self.rest)?;
            self.ended = self.rest.len() < PIECE_BYTES;
        }
        Ok(())
    }

    /// Skips the record at the beginning of `rest`, which has no end in it; returns its line.
    fn skip_record(&mut self) -> io::Result<u64> {
        let line = self.line;
        let mut parser = csv_core::Reader::new();
        let (mut fields, mut ends) = (vec![0; 1 << 16], [0; 1 << 10]);
        loop {
            let mut used = 0;
            while used < self.rest.len() {
                let (result, read, ..) =
                    parser.read_record(&self.rest[used..], &mut fields, &mut ends);
                used += read;
                if matches!(result, ReadRecordResult::Record) {
                    self.pass(used);
                    return Ok(line);
                }
            }
            self.line += line_ends(&self.rest);
            self.rest.clear();
            self.fill()?;
            if self.rest.is_empty() {
                return Ok(line);
            }
        }
    }
}

/// Where the last record ends that has an end in these bytes; they begin with a record.
fn last_record_end(bytes: &[u8]) -> Option<usize> {
    if memchr(b'"', bytes).is_none()
        && let Some(last) = memrchr(b'\n', bytes)
    {
        return Some(last + 1);
    }
    let mut parser = csv_core::Reader::new();
    let (mut fields, mut ends) = (vec![0; 1 << 16], [0; 1 << 10]);
    let (mut used, mut end) = (0, None);
    while used < bytes.len() {
        let (result, read, ..) = parser.read_record(&bytes[used..], &mut fields, &mut ends);
        used += read;
        if matches!(result, ReadRecordResult::Record) {
            // A carriage return and the newline after it are one line end: they stay together.
            let whole = match bytes.get(used) {
                Some(b'\n') if bytes[used - 1] == b'\r' => Some(used + 1),
                None if bytes[used - 1] == b'\r' => None,
                _ => Some(used),
            };
            end = whole.or(end);
        }
    }
    end
}

/// How many lines end in these bytes: by a newline, a carriage return, or both together.
fn line_ends(bytes: &[u8]) -> u64 {
    let newlines = memchr_iter(b'\n', bytes).count() as u64;
    let alone = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n'));
    newlines + alone.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8]) -> Vec<(Vec<u8>, u64)> {
        let mut pieces = Pieces::new(text);
        let mut found = Vec::new();
        loop {
            match pieces.next().unwrap() {
                Next::Piece(piece) => found.push((piece.bytes, piece.line)),
                Next::TooLong(line) => found.push((b"too long".to_vec(), line)),
                Next::End => return found,
            }
        }
    }

    #[test]
    fn a_piece_ends_with_a_record() {
        for line_end in ["\n", "\r\n", "\r"] {
            for row in ["abc,def", "\"a\nb\",c"] {
                let row = format!("{row}{line_end}");
                let text = row.repeat(2 * PIECE_BYTES / row.len());
                let pieces = cut(text.as_bytes());
                assert!(pieces.len() > 1);
                let mut line = 1;
                for (bytes, first) in &pieces {
                    assert_eq!((bytes.len() % row.len(), *first), (0, line), "{row:?}");
                    line += line_ends(bytes);
                }
                let whole: usize = pieces.iter().map(|(bytes, _)| bytes.len()).sum();
                assert_eq!(whole, text.len());
            }
        }
    }

    #[test]
    fn a_record_without_an_end_is_passed_over() {
        let mut text = b"a,b\n\"".to_vec();
        text.resize(3 * PIECE_BYTES, b'\n');
        text.extend_from_slice(b"\"\nc,d\n");
        let pieces = cut(&text);
        assert_eq!(pieces[0], (b"a,b\n".to_vec(), 1));
        assert_eq!(pieces[1], (b"too long".to_vec(), 2));
        assert_eq!(pieces[2].0, b"c,d\n");
        assert_eq!(pieces[2].1, 1 + line_ends(&text) - 1);
        assert_eq!(pieces.len(), 3);
    }
}
