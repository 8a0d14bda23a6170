//! Some rows of a file, as they are in it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::Path;

use super::csv::{CsvReader, Record};
use super::{IngestError, Source};

/// Copies the header and the rows that begin on these lines, byte for byte, the last one
/// with a line end too; returns how many rows.
pub fn copy_rows(
    path: &Path,
    lines: &BTreeSet<u64>,
    out: &mut dyn Write,
) -> Result<usize, IngestError> {
    let failed = |source| IngestError::Read { path: path.to_owned(), source };
    let mut records = CsvReader::new(Source::open(path)?);
    let mut bytes = Source::open(path)?;
    let (mut at, mut copied, mut header) = (0, 0, true);
    loop {
        if matches!(records.read().map_err(failed)?, Record::End) {
            return Ok(copied);
        }
        let place = records.place();
        if !header && !lines.contains(&records.line()) {
            continue;
        }
        io::copy(&mut bytes.by_ref().take(place.start - at), &mut io::sink()).map_err(failed)?;
        let mut row = Vec::new();
        bytes.by_ref().take(place.end - place.start).read_to_end(&mut row).map_err(failed)?;
        at = place.end;
        let first = row.iter().position(|byte| !matches!(byte, b'\n' | b'\r')).unwrap_or(row.len());
        // A record's range ends within its line end, or with the file.
        let line_end: &[u8] = match row.last() {
            Some(b'\n') => b"",
            _ => b"\n",
        };
        out.write_all(&row[first..]).and_then(|()| out.write_all(line_end)).map_err(failed)?;
        copied += usize::from(!header);
        header = false;
    }
}
