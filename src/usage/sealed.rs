//! The sealed file: its columns, its parts, and how it is written.
//!
//! Rows are ordered by listener, then by the recording's place in the file's dictionary, and stand
//! once for each pair. A row group holds the listeners of one part of the space of hashes, so no
//! listener is split over two of them; how many parts there are depends on the numbers of rows
//! and of recordings alone. So the bytes of a file do not depend on threads or memory, and a
//! reader can take its row groups side by side.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use super::UsageError;
use super::encode::{Coding, Group, GroupEncoder};
use crate::digest::{Digest, Hashing};
use crate::ident::RecordingId;

/// The most rows that a group of evenly spread listeners has, where there are few recordings.
const GROUP_ROWS_MAX: u64 = 1 << 23;
/// The fewest rows for each recording, so that the dictionary is a small part of a group.
const GROUP_ROWS_OF_RECORDING: u64 = 4;
/// What a file says of itself: the version of its layout.
pub(super) const SEALED: &str = "2";
/// Listener, recording, plays, active plays.
pub(super) const COLUMNS: usize = 4;

/// One listener's plays of one recording, by the recording's place among all of the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedRow {
    /// The listener's hash.
    pub listener: u128,
    /// The recording's place among those that the file was created with.
    pub recording: u32,
    /// Raw plays.
    pub plays: u32,
    /// Those that the listener chose.
    pub active: u32,
}

/// What a sealed file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedTotals {
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Rows: one for each listener and recording.
    pub rows: u64,
    /// All plays.
    pub plays: u64,
    /// Listeners with at least one play.
    pub listeners: u64,
}

/// The parts into which the space of listeners' hashes is cut for so many rows: a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    bits: u32,
}

impl Parts {
    /// The parts of a file with so many rows and recordings.
    pub fn of(rows: u64, recordings: usize) -> Self {
        let least = GROUP_ROWS_OF_RECORDING.saturating_mul(recordings as u64);
        Self::at_least(rows.div_ceil(GROUP_ROWS_MAX.max(least)))
    }

    /// So many parts or, since they are a power of two, a few more.
    pub fn at_least(parts: u64) -> Self {
        Self { bits: parts.max(1).next_power_of_two().ilog2() }
    }

    /// How many there are.
    pub const fn count(self) -> u64 {
        1 << self.bits
    }

    /// The part that a listener belongs to.
    pub fn part_of(self, listener: u128) -> u64 {
        // The part's number is the hash's first bits; a shift by all 128 leaves none.
        let part = listener.checked_shr(128 - self.bits).unwrap_or(0);
        u64::try_from(part).unwrap_or(u64::MAX)
    }

    /// The lowest hash of a part; none after the last.
    pub fn start(self, part: u64) -> Option<u128> {
        if part >= self.count() {
            return None;
        }
        Some(u128::from(part).checked_shl(128 - self.bits).unwrap_or(0))
    }
}

/// The columns of a sealed file, as Arrow has them.
pub(super) fn arrow_schema() -> Schema {
    let recording = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Schema::new(vec![
        Field::new("listener", DataType::FixedSizeBinary(16), false),
        Field::new("recording", recording, false),
        Field::new("plays", DataType::UInt32, false),
        Field::new("active_plays", DataType::UInt32, false),
    ])
}

/// The columns of a sealed file, as Parquet has them.
pub(super) fn schema() -> Result<SchemaDescriptor, ParquetError> {
    ArrowSchemaConverter::new().convert(&arrow_schema())
}

/// Writes a sealed file part by part.
pub struct SealedWriter {
    path: PathBuf,
    out: SerializedFileWriter<Hashing<BufWriter<File>>>,
    coding: Coding,
    parts: Parts,
    /// The group that `push` is filling, and its part.
    open: Option<(u64, GroupEncoder)>,
    rows: u64,
    plays: u64,
    listeners: u64,
}

impl SealedWriter {
    /// Starts a file of about so many rows for a pool key. Each of the `recordings` must stand in
    /// at least one row; those with most rows come first, so that readers find them together.
    pub fn create(
        path: &Path,
        key: &str,
        recordings: &[RecordingId],
        rows: u64,
    ) -> Result<Self, UsageError> {
        let coding = Coding::new(path, recordings.iter())?;
        Self::new(path, key, coding, Parts::of(rows, recordings.len()))
    }

    pub(super) fn new(
        path: &Path,
        key: &str,
        coding: Coding,
        parts: Parts,
    ) -> Result<Self, UsageError> {
        let file = |source| UsageError::File { path: path.to_owned(), source };
        let out =
            Hashing::new(BufWriter::with_capacity(1 << 20, File::create_new(path).map_err(file)?));
        let mut out = open(out).map_err(|e| write_error(path, e))?;
        out.append_key_value_metadata(note("key", key.to_owned()));
        let path = path.to_owned();
        Ok(Self { path, out, coding, parts, open: None, rows: 0, plays: 0, listeners: 0 })
    }

    /// Adds a row; rows come in the order of listeners and then of recordings' places.
    pub fn push(&mut self, row: SealedRow) -> Result<(), UsageError> {
        let part = self.parts.part_of(row.listener);
        if let Some((_, full)) = self.open.take_if(|(open, _)| *open != part) {
            self.append(full.finish()?)?;
        }
        let (_, encoder) = match &mut self.open {
            Some(open) => open,
            none => none.insert((part, self.coding.group()?)),
        };
        encoder.push(row)
    }

    /// Adds an encoded group; groups come in the order of their listeners, and an empty one
    /// leaves no trace.
    pub(super) fn append(&mut self, group: Group) -> Result<(), UsageError> {
        let (rows, plays, listeners) = group.totals;
        if rows == 0 {
            return Ok(());
        }
        let written = self.out.next_row_group().and_then(|out| group.append_to(out));
        written.map_err(|e| write_error(&self.path, e))?;
        self.rows += rows;
        self.plays += plays;
        self.listeners += listeners;
        Ok(())
    }

    /// Ends the file and says what it holds.
    pub fn finish(mut self) -> Result<SealedTotals, UsageError> {
        if let Some((_, group)) = self.open.take() {
            self.append(group.finish()?)?;
        }
        self.out.append_key_value_metadata(note("listeners", self.listeners.to_string()));
        let mut out = self.out.into_inner().map_err(|e| write_error(&self.path, e))?;
        out.flush().map_err(|source| UsageError::File { path: self.path.clone(), source })?;
        let (rows, plays, listeners) = (self.rows, self.plays, self.listeners);
        Ok(SealedTotals { sha256: out.digest(), rows, plays, listeners })
    }
}

/// Starts a file, through the writer of whole batches, which notes the columns' types in it.
fn open<W: std::io::Write + Send>(out: W) -> Result<SerializedFileWriter<W>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by("tantieme".to_owned())
        .set_key_value_metadata(Some(vec![note("sealed", SEALED.to_owned())]))
        .build();
    let writer = ArrowWriter::try_new(out, Arc::new(arrow_schema()), Some(properties))?;
    writer.into_serialized_writer().map(|(out, _)| out)
}

fn note(name: &str, text: String) -> KeyValue {
    KeyValue::new(format!("tantieme.{name}"), Some(text))
}

pub(super) fn write_error(path: &Path, error: ParquetError) -> UsageError {
    let source = match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => *source,
            Err(source) => std::io::Error::other(source),
        },
        other => std::io::Error::other(other),
    };
    UsageError::File { path: path.to_owned(), source }
}
