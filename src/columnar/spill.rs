//! Rows on their way through a sort: in memory, and on the disk where memory ends.
//!
//! A record is the length of its key, the length of its row, the key, the row. The file of
//! records has no name: it is gone when the program is, however that ends.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{Cell, Sorted, TableError};
use crate::money::Micros;

/// Bytes before a record's key.
const HEAD: usize = 8;
/// The least that is read from a run at once.
const READ_MIN: usize = 1 << 14;
/// The most that is read from a run at once.
const READ_MAX: usize = 1 << 20;

/// Appends a record.
pub(super) fn write_record(arena: &mut Vec<u8>, key: &[u8], row: &[Cell<'_>]) {
    let start = arena.len();
    arena.extend_from_slice(&[0; HEAD]);
    arena.extend_from_slice(key);
    let row_start = arena.len();
    for cell in row {
        write_cell(arena, *cell);
    }
    let lengths = [row_start - start - HEAD, arena.len() - row_start];
    for (at, length) in lengths.into_iter().enumerate() {
        let length = u32::try_from(length).unwrap_or(u32::MAX); // a row is far shorter
        arena[start + at * 4..start + at * 4 + 4].copy_from_slice(&length.to_le_bytes());
    }
}

fn write_cell(arena: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Absent => arena.push(0),
        Cell::Text(text) => {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            arena.push(1);
            arena.extend_from_slice(&length.to_le_bytes());
            arena.extend_from_slice(text.as_bytes());
        }
        Cell::Int(number) => {
            arena.push(2);
            arena.extend_from_slice(&number.to_le_bytes());
        }
        Cell::Amount(amount) => {
            arena.push(3);
            arena.extend_from_slice(&amount.micros().to_le_bytes());
        }
        Cell::Id(id) => {
            arena.push(4);
            arena.extend_from_slice(&id);
        }
    }
}

/// Takes a cell off the front of a row; `None` where the bytes are not a cell's.
pub(super) fn read_cell<'a>(row: &mut &'a [u8]) -> Option<Cell<'a>> {
    let (tag, rest) = row.split_first()?;
    let (cell, rest) = match tag {
        0 => (Cell::Absent, rest),
        1 => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            (Cell::Text(std::str::from_utf8(text).ok()?), rest)
        }
        2 | 3 => {
            let (bytes, rest) = rest.split_first_chunk::<8>()?;
            let number = i64::from_le_bytes(*bytes);
            let amount = |number| Micros::from_micros(i128::from(number)).ok();
            (if *tag == 2 { Cell::Int(number) } else { Cell::Amount(amount(number)?) }, rest)
        }
        _ => {
            let (id, rest) = rest.split_first_chunk::<16>()?;
            (Cell::Id(*id), rest)
        }
    };
    *row = rest;
    Some(cell)
}

/// The lengths of a record's key and row.
fn lengths(record: &[u8]) -> (usize, usize) {
    let length = |at: usize| {
        let bytes = record.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default()) as usize
    };
    (length(0), length(4))
}

/// The key of the record that begins there.
pub(super) fn key_at(arena: &[u8], at: usize) -> &[u8] {
    let (key, _) = lengths(&arena[at..]);
    &arena[at + HEAD..at + HEAD + key]
}

/// The record that begins there.
pub(super) fn record_at(arena: &[u8], at: usize) -> &[u8] {
    let (key, row) = lengths(&arena[at..]);
    &arena[at..at + HEAD + key + row]
}

/// Sorted runs in a nameless file.
pub(super) struct Spill {
    file: Arc<File>,
    pub(super) runs: Vec<Range<u64>>,
    end: u64,
}

impl Spill {
    pub(super) fn new(folder: &Path) -> Result<Self, TableError> {
        let file = tempfile::tempfile_in(folder).map_err(|e| lost(folder, &e))?;
        Ok(Self { file: Arc::new(file), runs: Vec::new(), end: 0 })
    }

    /// Adds a run of records, in the order given.
    pub(super) fn add<'a>(&mut self, records: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let mut out = self.start()?;
        let mut length = 0;
        for record in records {
            out.write_all(record)?;
            length += record.len() as u64;
        }
        out.flush()?;
        self.ended(length);
        Ok(())
    }

    /// Adds a run of records that are still being merged.
    pub(super) fn add_all(&mut self, sorted: &mut Sorted) -> Result<(), TableError> {
        let folder = sorted.folder().to_owned();
        let lost = |e| lost(&folder, &e);
        let mut out = self.start().map_err(lost)?;
        let mut length = 0;
        loop {
            let record = sorted.record()?;
            if record.is_empty() {
                break;
            }
            out.write_all(record).map_err(lost)?;
            length += record.len() as u64;
        }
        out.flush().map_err(lost)?;
        self.ended(length);
        Ok(())
    }

    /// Merged sources read elsewhere in another file, so this one's place is its own.
    fn start(&self) -> io::Result<BufWriter<Arc<File>>> {
        let mut out = BufWriter::with_capacity(READ_MAX, self.file.clone());
        out.seek(SeekFrom::Start(self.end))?;
        Ok(out)
    }

    fn ended(&mut self, length: u64) {
        self.runs.push(self.end..self.end + length);
        self.end += length;
    }

    /// A source for each run; together they hold about `memory` bytes.
    pub(super) fn sources(&self, runs: &[Range<u64>], memory: usize) -> Vec<Source> {
        let each = (memory / runs.len().max(1)).clamp(READ_MIN, READ_MAX);
        let source = |run: &Range<u64>| Source::Disk {
            file: self.file.clone(),
            left: run.clone(),
            buffer: Vec::with_capacity(each),
            at: 0,
            each,
        };
        runs.iter().map(source).collect()
    }
}

/// What the disk did not take or give back.
pub(super) fn lost(folder: &Path, error: &io::Error) -> TableError {
    TableError::new(folder, format!("cannot keep rows here while they are sorted: {error}"))
}

/// Records in their order, one after the other.
pub(super) enum Source {
    /// From memory: an arena, and where its records begin, in order.
    Memory { arena: Vec<u8>, order: Vec<u32>, next: usize },
    /// From a run on the disk.
    Disk { file: Arc<File>, left: Range<u64>, buffer: Vec<u8>, at: usize, each: usize },
}

impl Source {
    /// The record that is next; empty at the end.
    pub(super) fn record(&self) -> &[u8] {
        match self {
            Self::Memory { arena, order, next } => {
                order.get(*next).map_or(&[], |at| record_at(arena, *at as usize))
            }
            Self::Disk { buffer, at, .. } if *at < buffer.len() => record_at(buffer, *at),
            Self::Disk { .. } => &[],
        }
    }

    /// The next record's key; `None` at the end.
    pub(super) fn key(&self) -> Option<&[u8]> {
        let record = self.record();
        (!record.is_empty()).then(|| key_at(record, 0))
    }

    /// Goes on to the next record; to the first one before any.
    pub(super) fn advance(&mut self, started: bool) -> io::Result<()> {
        let length = self.record().len();
        match self {
            Self::Memory { next, .. } => *next += usize::from(started),
            Self::Disk { file, left, buffer, at, each } => {
                *at += length;
                let have = buffer.len() - *at;
                let (key, row) = lengths(&buffer[*at..]);
                let short = have < HEAD || have < HEAD + key + row;
                if !short {
                    return Ok(());
                }
                buffer.drain(..*at);
                *at = 0;
                loop {
                    refill(file, left, buffer, *each)?;
                    let (key, row) = lengths(buffer);
                    if buffer.is_empty() || buffer.len() >= HEAD + key + row {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads on in a run; at its end the buffer stays as it is, which must be empty then.
fn refill(file: &File, left: &mut Range<u64>, buffer: &mut Vec<u8>, each: usize) -> io::Result<()> {
    let count = (left.end - left.start).min(each as u64);
    if count == 0 {
        let whole = buffer.is_empty();
        let torn = || io::Error::new(io::ErrorKind::UnexpectedEof, "a row is torn");
        return whole.then_some(()).ok_or_else(torn);
    }
    let mut file = file;
    file.seek(SeekFrom::Start(left.start))?;
    let read = file.take(count).read_to_end(buffer)?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    left.start += read as u64;
    Ok(())
}

/// A record's key and row.
pub(super) fn parts(record: &[u8]) -> (&[u8], &[u8]) {
    let (key, _) = lengths(record);
    record.get(HEAD..).unwrap_or_default().split_at_checked(key).unwrap_or_default()
}
