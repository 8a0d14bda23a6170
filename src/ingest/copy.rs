//! Some rows of a file, or of a folder's parts, as they are in them.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::csv::{CsvReader, Record};
use super::source::name_of;
use super::wide::content;
use super::{IngestError, Source, files_of, is_parquet};
use crate::digest::Digest;

/// A file, or the parts of a folder, that have been read to their end.
pub struct Original {
    /// The files, with the part's name of each where there are parts.
    pub files: Vec<(PathBuf, Option<String>)>,
    /// What a reading of it gives as its SHA-256.
    pub content: Digest,
}

impl Original {
    /// Reads a file or the parts of a folder; nothing for what can be read only once.
    pub fn read(path: &Path) -> Result<Option<Self>, IngestError> {
        if path == Path::new("-") {
            return Ok(None);
        }
        let there = std::fs::metadata(path)
            .map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
        let several = there.is_dir();
        if !several && !there.is_file() {
            return Ok(None);
        }
        let mut files = Vec::new();
        let mut digests = Vec::new();
        for file in files_of(&[path.to_owned()])? {
            digests.push(whole(&file)?);
            let part = several.then(|| name_of(&file));
            files.push((file, part));
        }
        Ok(Some(Self { files, content: content(&digests, several) }))
    }
}

fn whole(path: &Path) -> Result<Digest, IngestError> {
    let read = |source| IngestError::Read { path: path.to_owned(), source };
    if is_parquet(path)? {
        return Digest::of_file(path).map_err(read);
    }
    let mut source = Source::open(path)?;
    io::copy(&mut source, &mut io::sink()).map_err(read)?;
    Ok(source.digest())
}

/// Copies the rows that begin on these lines, byte for byte, the last one with a line end too;
/// returns how many. The header goes before them if none was copied yet; one that is another than
/// `header` is an error.
pub fn copy_rows(
    path: &Path,
    lines: &BTreeSet<u64>,
    header: &mut Option<Vec<u8>>,
    out: &mut dyn Write,
) -> Result<usize, IngestError> {
    let failed = |source| IngestError::Read { path: path.to_owned(), source };
    let mut records = CsvReader::new(Source::open(path)?);
    let mut bytes = Source::open(path)?;
    let (mut at, mut copied, mut first) = (0, 0, true);
    loop {
        if matches!(records.read().map_err(failed)?, Record::End) {
            return Ok(copied);
        }
        let place = records.place();
        if !first && !lines.contains(&records.line()) {
            continue;
        }
        io::copy(&mut bytes.by_ref().take(place.start - at), &mut io::sink()).map_err(failed)?;
        let record = bytes.by_ref().take(place.end - place.start);
        at = place.end;
        if first {
            first = false;
            let mut own = Vec::new();
            copy_record(record, &mut own).map_err(failed)?;
            match header {
                Some(header) if *header == own => {}
                Some(_) => {
                    let reason = "the header is not that of the parts before it; correct the rows \
                        in the parts themselves";
                    return Err(IngestError::Header {
                        path: path.to_owned(),
                        reason: reason.into(),
                    });
                }
                None => {
                    out.write_all(&own).map_err(failed)?;
                    *header = Some(own);
                }
            }
            continue;
        }
        copy_record(record, out).map_err(failed)?;
        copied += 1;
    }
}

/// Copies a record without the line ends before it, of which its range may hold some, and with one
/// after it, within which its range ends. It may be of any length and is never whole in memory.
fn copy_record(record: impl Read, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut buffer = [0; 1 << 13];
    let mut record = record;
    let (mut begun, mut last) = (false, None);
    loop {
        let read = record.read(&mut buffer)?;
        let bytes = &buffer[..read];
        let Some(end) = bytes.last() else { break };
        let line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let start = bytes.iter().position(|byte| begun || !line_end(byte));
        let Some(start) = start else { continue };
        begun = true;
        last = Some(*end);
        out.write_all(&bytes[start..])?;
    }
    if last == Some(b'\n') { Ok(()) } else { out.write_all(b"\n") }
}
