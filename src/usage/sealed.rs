//! The sealed file: its columns, and how it is written.
//!
//! Rows are ordered by listener, then recording, and stand once for each pair. A row group holds
//! the listeners of one part of the space of hashes, so no listener is split over two of them;
//! how many parts there are depends on the number of rows alone. So the bytes of a file do not
//! depend on threads or memory, and a reader can take its row groups side by side.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int32Array, StringArray, UInt32Array,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::UsageError;
use crate::digest::{Digest, Hashing};
use crate::ident::RecordingId;

/// The most rows that a group of evenly spread listeners has: so many that its dictionary of
/// recordings is a small part of it.
const GROUP_ROWS_MAX: u64 = 1 << 23;
/// Rows that are encoded at once.
const BATCH_ROWS: usize = 1 << 15;
const DICTIONARY_BYTES: usize = 1 << 26;

/// One listener's plays of one recording, by the recording's place among all of the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedRow {
    /// The listener's hash.
    pub listener: u128,
    /// The recording's place in the names that the file was created with.
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
    /// The parts for so many rows.
    pub fn of(rows: u64) -> Self {
        Self::at_least(rows.div_ceil(GROUP_ROWS_MAX))
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

/// The columns of a sealed file.
pub(super) fn schema() -> Schema {
    let recording = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Schema::new(vec![
        Field::new("listener", DataType::FixedSizeBinary(16), false),
        Field::new("recording", recording, false),
        Field::new("plays", DataType::UInt32, false),
        Field::new("active_plays", DataType::UInt32, false),
    ])
}

/// Writes a sealed file part by part.
pub struct SealedWriter {
    path: PathBuf,
    out: SerializedFileWriter<Hashing<BufWriter<File>>>,
    encoders: Encoders,
    parts: Parts,
    /// The group that `push` is filling, and its part.
    open: Option<(u64, GroupEncoder)>,
    rows: u64,
    plays: u64,
    listeners: u64,
}

/// What makes encoders for the groups of one file, on any thread.
#[derive(Clone)]
pub(super) struct Encoders {
    path: Arc<Path>,
    schema: Arc<Schema>,
    factory: Arc<ArrowRowGroupWriterFactory>,
    names: ArrayRef,
}

/// A row group on its way.
pub(super) struct GroupEncoder {
    encoders: Encoders,
    columns: Vec<ArrowColumnWriter>,
    listeners: Vec<u8>,
    recordings: Vec<i32>,
    plays: Vec<u32>,
    active: Vec<u32>,
    last: Option<u128>,
    /// True if the last listener has played anything.
    last_counts: bool,
    totals: (u64, u64, u64),
}

/// An encoded row group.
pub(super) struct Group {
    chunks: Vec<ArrowColumnChunk>,
    /// Rows, plays, listeners.
    totals: (u64, u64, u64),
}

impl SealedWriter {
    /// Starts a file of about so many rows for a pool key; `recordings` are all that its rows
    /// name, ordered by the bytes of their ids.
    pub fn create(
        path: &Path,
        key: &str,
        recordings: &[RecordingId],
        rows: u64,
    ) -> Result<Self, UsageError> {
        let names: StringArray = recordings.iter().map(|id| Some(id.as_str())).collect();
        Self::new(path, key, Encoders::new(path, Arc::new(names))?, Parts::of(rows))
    }

    pub(super) fn new(
        path: &Path,
        key: &str,
        encoders: Encoders,
        parts: Parts,
    ) -> Result<Self, UsageError> {
        let file = |source| UsageError::File { path: path.to_owned(), source };
        let out =
            Hashing::new(BufWriter::with_capacity(1 << 20, File::create(path).map_err(file)?));
        let (mut out, _) = open(out, &encoders.schema).map_err(|e| write_error(path, e))?;
        out.append_key_value_metadata(note("key", key.to_owned()));
        let path = path.to_owned();
        Ok(Self { path, out, encoders, parts, open: None, rows: 0, plays: 0, listeners: 0 })
    }

    /// Adds a row; rows come in the order of listeners and then of recordings.
    pub fn push(&mut self, row: SealedRow) -> Result<(), UsageError> {
        let part = self.parts.part_of(row.listener);
        if let Some((_, full)) = self.open.take_if(|(open, _)| *open != part) {
            self.append(full.finish()?)?;
        }
        let (_, encoder) = match &mut self.open {
            Some(open) => open,
            none => none.insert((part, self.encoders.group()?)),
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
        let written = self.out.next_row_group().and_then(|mut out| {
            for chunk in group.chunks {
                chunk.append_to_row_group(&mut out)?;
            }
            out.close().map(drop)
        });
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
fn open<W: std::io::Write + Send>(
    out: W,
    schema: &Arc<Schema>,
) -> Result<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory), ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("tantieme".to_owned())
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_key_value_metadata(Some(vec![note("sealed", "1".to_owned())]))
        .build();
    ArrowWriter::try_new(out, schema.clone(), Some(properties))?.into_serialized_writer()
}

fn note(name: &str, text: String) -> KeyValue {
    KeyValue::new(format!("tantieme.{name}"), Some(text))
}

impl Group {
    /// How many rows it has.
    pub(super) const fn rows(&self) -> u64 {
        self.totals.0
    }
}

impl Encoders {
    /// Encoders for files in a folder that name these recordings; the path is for errors.
    pub(super) fn new(path: &Path, names: ArrayRef) -> Result<Self, UsageError> {
        let schema = Arc::new(schema());
        let (_, factory) = open(std::io::sink(), &schema).map_err(|e| write_error(path, e))?;
        Ok(Self { path: path.into(), schema, factory: Arc::new(factory), names })
    }

    /// Starts a row group.
    pub(super) fn group(&self) -> Result<GroupEncoder, UsageError> {
        let columns =
            self.factory.create_column_writers(0).map_err(|e| write_error(&self.path, e))?;
        Ok(GroupEncoder {
            encoders: self.clone(),
            columns,
            listeners: Vec::with_capacity(BATCH_ROWS * 16),
            recordings: Vec::with_capacity(BATCH_ROWS),
            plays: Vec::with_capacity(BATCH_ROWS),
            active: Vec::with_capacity(BATCH_ROWS),
            last: None,
            last_counts: false,
            totals: (0, 0, 0),
        })
    }
}

impl GroupEncoder {
    pub(super) fn push(&mut self, row: SealedRow) -> Result<(), UsageError> {
        if self.last != Some(row.listener) {
            self.totals.2 += u64::from(self.last_counts);
            self.last = Some(row.listener);
            self.last_counts = false;
        }
        self.last_counts |= row.plays > 0;
        self.listeners.extend_from_slice(&row.listener.to_be_bytes());
        self.recordings.push(row.recording.cast_signed());
        self.plays.push(row.plays);
        self.active.push(row.active);
        if self.plays.len() == BATCH_ROWS { self.encode() } else { Ok(()) }
    }

    fn encode(&mut self) -> Result<(), UsageError> {
        self.totals.0 += self.plays.len() as u64;
        self.totals.1 += self.plays.iter().map(|plays| u64::from(*plays)).sum::<u64>();
        let encoders = &self.encoders;
        let failed = |e: ParquetError| write_error(&encoders.path, e);
        let arrow = |e: arrow_schema::ArrowError| failed(e.into());
        let room = |n| Vec::with_capacity(n);
        let listeners = std::mem::replace(&mut self.listeners, room(BATCH_ROWS * 16));
        let codes = Int32Array::from(std::mem::take(&mut self.recordings));
        let recordings =
            DictionaryArray::<Int32Type>::try_new(codes, encoders.names.clone()).map_err(arrow)?;
        let columns: [ArrayRef; 4] = [
            Arc::new(FixedSizeBinaryArray::try_new(16, listeners.into(), None).map_err(arrow)?),
            Arc::new(recordings),
            Arc::new(UInt32Array::from(std::mem::take(&mut self.plays))),
            Arc::new(UInt32Array::from(std::mem::take(&mut self.active))),
        ];
        for ((field, array), writer) in
            encoders.schema.fields().iter().zip(&columns).zip(&mut self.columns)
        {
            for leaf in compute_leaves(field, array).map_err(failed)? {
                writer.write(&leaf).map_err(failed)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Group, UsageError> {
        if !self.plays.is_empty() {
            self.encode()?;
        }
        self.totals.2 += u64::from(self.last_counts);
        let path = &self.encoders.path;
        let chunks = self.columns.into_iter().map(ArrowColumnWriter::close);
        let chunks = chunks.collect::<Result<_, _>>().map_err(|e| write_error(path, e))?;
        Ok(Group { chunks, totals: self.totals })
    }
}

fn write_error(path: &Path, error: ParquetError) -> UsageError {
    let source = match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => *source,
            Err(source) => std::io::Error::other(source),
        },
        other => std::io::Error::other(other),
    };
    UsageError::File { path: path.to_owned(), source }
}
