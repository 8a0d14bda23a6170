//! Parquet files of other engines, read as the text that a CSV would have held.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::IngestError;

pub(super) struct ParquetReader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    columns: Vec<StringArray>,
    row: usize,
    rows: usize,
    line: u64,
}

impl ParquetReader {
    /// Opens a file and reads only the columns that `wanted` names, in that order.
    pub(super) fn open(
        path: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(Self, Vec<String>), IngestError> {
        let parquet = |reason: String| IngestError::Parquet { path: path.to_owned(), reason };
        let file = File::open(path)
            .map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| parquet(e.to_string()))?;
        let fields = builder.schema().fields();
        let kept: Vec<usize> = (0..fields.len()).filter(|i| wanted(fields[*i].name())).collect();
        let names = kept.iter().map(|i| fields[*i].name().clone()).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), kept);
        let batches = builder.with_projection(mask).build().map_err(|e| parquet(e.to_string()))?;
        let reader =
            Self { path: path.to_owned(), batches, columns: Vec::new(), row: 0, rows: 0, line: 0 };
        Ok((reader, names))
    }

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
