//! Parquet files of other engines, read as the text that a CSV would have held.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use super::IngestError;

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
    row: usize,
    rows: usize,
    line: u64,
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
        Ok(ParquetReader { path, batches, columns: Vec::new(), row: 0, rows: 0, line })
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
            self.columns = as_text(&batch).map_err(failed)?;
            self.rows = batch.num_rows();
            self.row = 0;
        }
        Ok(true)
    }

    /// The number of the row, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// One field as text; nothing for a null.
    pub(super) fn cell(&self, index: usize) -> &str {
        let column = &self.columns[index];
        if column.is_null(self.row) { "" } else { column.value(self.row) }
    }
}

fn as_text(batch: &RecordBatch) -> Result<Vec<StringArray>, String> {
    let text = |column: &dyn Array| -> Result<StringArray, String> {
        let float = column.data_type().is_floating();
        let column = cast(column, &DataType::Utf8).map_err(|e| e.to_string())?;
        let text = column.as_any().downcast_ref::<StringArray>();
        let text = text.ok_or_else(|| "a column cannot be read as text".to_owned())?;
        if !float {
            return Ok(text.clone());
        }
        // Engines that know no missing whole number write counts as 3.0.
        Ok(text
            .iter()
            .map(|cell| cell.map(|cell| cell.strip_suffix(".0").unwrap_or(cell)))
            .collect())
    };
    batch.columns().iter().map(|column| text(column.as_ref())).collect()
}
