//! A piece of CSV, split into its rows.
//!
//! One without quotes is split by its commas and line ends alone; any other by the one CSV reader
//! of this room.

use std::io::Cursor;
use std::ops::ControlFlow;

use memchr::{memchr, memchr_iter};

use super::RowRead;
use super::csv::{CsvReader, FIELDS_MAX, ROW_BYTES_MAX, Record};
use super::pieces::Piece;
use super::rows::{Cells, Header};

/// Splits pieces into rows; keeps room for where the fields of a row end.
#[derive(Default)]
pub(super) struct Splitter {
    ends: Vec<usize>,
}

impl Splitter {
    /// Shows every row of a piece until `take` breaks off.
    pub(super) fn read(
        &mut self,
        header: &Header,
        piece: Piece,
        take: &mut dyn FnMut(RowRead<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match std::str::from_utf8(&piece.bytes) {
            Ok(text) if plain(&piece.bytes) => self.read_plain(header, text, piece.line, take),
            _ => read_any(header, piece, take),
        }
    }

    /// Splits lines that hold no quote.
    fn read_plain(
        &mut self,
        header: &Header,
        text: &str,
        first: u64,
        take: &mut dyn FnMut(RowRead<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut start = 0;
        let mut line = first;
        while start < text.len() {
            let end = memchr(b'\n', &text.as_bytes()[start..]).map_or(text.len(), |at| start + at);
            let row = &text[start..end];
            let row = row.strip_suffix('\r').unwrap_or(row);
            start = end + 1;
            if !row.is_empty() {
                self.ends.clear();
                for (at, byte) in row.bytes().enumerate() {
                    if byte == b',' {
                        self.ends.push(at);
                    }
                }
                self.ends.push(row.len());
                let found = self.ends.len();
                let long = row.len() > ROW_BYTES_MAX || found > FIELDS_MAX;
                let read = if long {
                    header.record(&Record::TooLong, line, 0, None)
                } else if found == header.fields {
                    RowRead::Row(
                        header.row(line, Cells::Csv { text: row, ends: &self.ends, gap: 1 }),
                    )
                } else {
                    header.record(&Record::Cells, line, found, Some((row, &self.ends)))
                };
                take(read)?;
            }
            line += 1;
        }
        ControlFlow::Continue(())
    }
}

/// True where nothing is quoted and every carriage return is half of a line end.
fn plain(bytes: &[u8]) -> bool {
    memchr(b'"', bytes).is_none()
        && memchr_iter(b'\r', bytes).all(|at| bytes.get(at + 1) == Some(&b'\n'))
}

fn read_any(
    header: &Header,
    piece: Piece,
    take: &mut dyn FnMut(RowRead<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let before = piece.line - 1;
    let mut reader = CsvReader::new(Cursor::new(piece.bytes));
    loop {
        // Memory does not fail to be read.
        let Ok(record) = reader.read() else { return ControlFlow::Continue(()) };
        let read = header.record(&record, before + reader.line(), reader.fields(), reader.record());
        if matches!(read, RowRead::End) {
            return ControlFlow::Continue(());
        }
        take(read)?;
    }
}
