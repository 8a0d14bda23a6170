//! Parquet files of other engines, read as the text that a CSV would have held.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{Array, RecordBatch, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use super::IngestError;
use super::csv::ROW_BYTES_MAX;

const BATCH_ROWS: usize = 1 << 13;

/// A file whose columns have been chosen.
#[derive(Clone)]
pub(super) struct ParquetFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    kept: Vec<usize>,
}

/// Rows of a file, or of one of its row groups.
pub(super) struct ParquetReader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    columns: Vec<StringArray>,
    /// The rows of the batch that have no usable cells.
    unusable: BTreeMap<usize, Unusable>,
    row: usize,
    rows: usize,
    line: u64,
}

/// Why a row has no usable cells.
#[derive(Clone, Copy)]
pub(super) enum Unusable {
    /// This field is a float that may have lost digits.
    Float(usize),
    /// It is over [`ROW_BYTES_MAX`].
    TooLong,
}

impl ParquetFile {
    /// Opens a file; of its columns only those that `wanted` names are read.
    pub(super) fn open(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self, IngestError> {
        let file = File::open(path)
            .map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())
            .map_err(|e| IngestError::Parquet { path: path.to_owned(), reason: e.to_string() })?;
        let fields = metadata.schema().fields();
        let kept = (0..fields.len()).filter(|i| wanted(fields[*i].name())).collect();
        Ok(Self { path: path.to_owned(), metadata, kept })
    }

    /// The names of the columns that are read.
    pub(super) fn names(&self) -> Vec<String> {
        let fields = self.metadata.schema().fields();
        self.kept.iter().map(|i| fields[*i].name().clone()).collect()
    }

    /// The rows of each row group.
    pub(super) fn groups(&self) -> impl Iterator<Item = u64> {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or_default())
    }

    /// Reads all rows; or those of one group, given with the number of rows before it.
    pub(super) fn rows(&self, group: Option<(usize, u64)>) -> Result<ParquetReader, IngestError> {
        let path = self.path.clone();
        let file =
            File::open(&path).map_err(|source| IngestError::Read { path: path.clone(), source })?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), self.kept.iter().copied());
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let (builder, line) = match group {
            Some((group, before)) => (builder.with_row_groups(vec![group]), before),
            None => (builder, 0),
        };
        let batches = builder
            .build()
            .map_err(|e| IngestError::Parquet { path: path.clone(), reason: e.to_string() })?;
        let (columns, unusable) = Default::default();
        Ok(ParquetReader { path, batches, columns, unusable, row: 0, rows: 0, line })
    }
}

impl ParquetReader {
    /// Moves to the next row; false at the end.
    pub(super) fn read(&mut self) -> Result<bool, IngestError> {
        self.row += 1;
        self.line += 1;
        while self.row >= self.rows {
            let failed = |reason: String| IngestError::Parquet { path: self.path.clone(), reason };
            let Some(batch) = self.batches.next() else { return Ok(false) };
            let batch = batch.map_err(|e| failed(e.to_string()))?;
            (self.columns, self.unusable) = as_text(&batch).map_err(failed)?;
            self.rows = batch.num_rows();
            self.row = 0;
        }
        Ok(true)
    }

    /// The number of the row, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// What is wrong with the row as a whole, if anything is.
    pub(super) fn unusable(&self) -> Option<Unusable> {
        self.unusable.get(&self.row).copied()
    }

    /// One field as text; nothing for a null.
    pub(super) fn cell(&self, index: usize) -> &str {
        let column = &self.columns[index];
        if column.is_null(self.row) { "" } else { column.value(self.row) }
    }
}

type Texts = (Vec<StringArray>, BTreeMap<usize, Unusable>);

fn as_text(batch: &RecordBatch) -> Result<Texts, String> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    let mut unusable = BTreeMap::new();
    for (field, column) in batch.columns().iter().enumerate() {
        // A value that cannot be text is an error: as a null it would look like an empty cell.
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let name = batch.schema_ref().field(field).name();
        let failed = |reason| format!("column {name} cannot be read as text: {reason}");
        let text = cast_with_options(column, &DataType::Utf8, &options)
            .map_err(|error| failed(error.to_string()))?;
        let text = text.as_any().downcast_ref::<StringArray>();
        let text = text.ok_or_else(|| failed("it is of a type without text".to_owned()))?;
        let Some(bits) = exact_bits(column.data_type()) else {
            columns.push(text.clone());
            continue;
        };
        let whole = text.iter().enumerate().map(|(row, cell)| {
            let whole = cell.map(|cell| whole(cell, bits));
            if whole == Some(None) {
                unusable.entry(row).or_insert(Unusable::Float(field));
            }
            whole.flatten()
        });
        columns.push(whole.collect());
    }
    let bytes: usize = columns.iter().map(|column| column.value_data().len()).sum();
    // Hardly ever can a row be too long because all rows together are.
    let rows = if bytes > ROW_BYTES_MAX { 0..batch.num_rows() } else { 0..0 };
    for row in rows {
        let bytes = |column: &StringArray| usize::try_from(column.value_length(row)).unwrap_or(0);
        if columns.iter().map(bytes).sum::<usize>() > ROW_BYTES_MAX {
            unusable.insert(row, Unusable::TooLong);
        }
    }
    Ok((columns, unusable))
}

/// Up to how many bits a float of that type holds every whole number; nothing for other types.
fn exact_bits(kind: &DataType) -> Option<u32> {
    match kind {
        DataType::Float16 => Some(11),
        DataType::Float32 => Some(24),
        DataType::Float64 => Some(53),
        DataType::Dictionary(_, kind) => exact_bits(kind),
        _ => None,
    }
}

/// Engines that know no missing whole number write counts and ids as floats: 3.0 is the 3 that it
/// was. What any other float was, nobody can tell: 0.1 may have been 0.1 or its nearest neighbour.
fn whole(float: &str, bits: u32) -> Option<&str> {
    let whole = float.strip_suffix(".0")?;
    let number: i64 = whole.parse().ok()?;
    let exact = number.unsigned_abs() < 1 << bits;
    exact.then_some(if number == 0 { "0" } else { whole })
}
