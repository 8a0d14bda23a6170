//! Plain tables in Parquet: what one step of a close writes and the next one reads.
//!
//! Four kinds of column are enough. Their files open in any engine: amounts are decimals with
//! six places, ids are sixteen bytes.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    Decimal128Builder, FixedSizeBinaryBuilder, Int64Builder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::money::Micros;

const BATCH_ROWS: usize = 8192;
const GROUP_ROWS: usize = 1 << 18;

/// A table that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct TableError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub reason: String,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// An amount of money, in micros here and as a decimal in the file.
    Amount,
    /// Sixteen bytes.
    Id,
}

/// A table's columns, in order.
pub type Layout = &'static [(&'static str, Kind)];

/// One value; `Absent` is a null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Absent,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// An amount.
    Amount(Micros),
    /// Sixteen bytes.
    Id([u8; 16]),
}

enum Builder {
    Text(StringBuilder),
    Int(Int64Builder),
    Amount(Decimal128Builder),
    Id(FixedSizeBinaryBuilder),
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Int => DataType::Int64,
        Kind::Amount => DataType::Decimal128(19, 6),
        Kind::Id => DataType::FixedSizeBinary(16),
    }
}

fn schema(layout: Layout) -> Arc<Schema> {
    let field = |(name, kind): &(&str, Kind)| Field::new(*name, data_type(*kind), true);
    Arc::new(Schema::new(layout.iter().map(field).collect::<Vec<_>>()))
}

fn builders(layout: Layout) -> Vec<Builder> {
    let amounts = || Decimal128Builder::new().with_data_type(data_type(Kind::Amount));
    let builder = |(_, kind): &(&str, Kind)| match kind {
        Kind::Text => Builder::Text(StringBuilder::new()),
        Kind::Int => Builder::Int(Int64Builder::new()),
        Kind::Amount => Builder::Amount(amounts()),
        Kind::Id => Builder::Id(FixedSizeBinaryBuilder::new(16)),
    };
    layout.iter().map(builder).collect()
}

/// Writes a table row by row.
pub struct TableWriter<W: Write + Send> {
    path: PathBuf,
    schema: Arc<Schema>,
    layout: Layout,
    builders: Vec<Builder>,
    rows: usize,
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Starts a table; `path` is for errors.
    pub fn new(out: W, path: &Path, layout: Layout) -> Result<Self, TableError> {
        let schema = schema(layout);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by("tantieme".to_owned())
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties));
        let writer = writer.map_err(|e| table_error(path, e))?;
        let path = path.to_owned();
        Ok(Self { path, schema, layout, builders: builders(layout), rows: 0, writer })
    }

    /// Adds a row with one cell for each column, each of its column's kind.
    pub fn push(&mut self, row: &[Cell<'_>]) -> Result<(), TableError> {
        let fits = row.len() == self.builders.len();
        let pushed = fits && self.builders.iter_mut().zip(row).all(|(b, cell)| b.push(*cell));
        if !pushed {
            return Err(table_error(&self.path, "a row does not fit its table"));
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns);
        let batch = batch.map_err(|e| table_error(&self.path, e))?;
        self.builders = builders(self.layout);
        self.rows = 0;
        self.writer.write(&batch).map_err(|e| table_error(&self.path, e))
    }

    /// Ends the table and returns what it was written to.
    pub fn finish(mut self) -> Result<W, TableError> {
        self.flush()?;
        let path = self.path;
        self.writer.into_inner().map_err(|e| table_error(&path, e))
    }
}

impl Builder {
    /// Adds a cell; false if it is of another kind.
    fn push(&mut self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Text(builder), Cell::Absent) => builder.append_null(),
            (Self::Int(builder), Cell::Int(number)) => builder.append_value(number),
            (Self::Int(builder), Cell::Absent) => builder.append_null(),
            (Self::Amount(builder), Cell::Amount(amount)) => {
                builder.append_value(i128::from(amount.micros()));
            }
            (Self::Amount(builder), Cell::Absent) => builder.append_null(),
            (Self::Id(builder), Cell::Id(id)) => return builder.append_value(id).is_ok(),
            (Self::Id(builder), Cell::Absent) => builder.append_null(),
            _ => return false,
        }
        true
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Amount(builder) => Arc::new(builder.finish()),
            Self::Id(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Reads a table row by row.
pub struct TableReader {
    path: PathBuf,
    layout: Layout,
    batches: ParquetRecordBatchReader,
    batch: RecordBatch,
    row: usize,
}

impl TableReader {
    /// Opens a table, all of it or `count` rows from row `first`.
    pub fn open(
        path: &Path,
        layout: Layout,
        range: Option<(usize, usize)>,
    ) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|e| table_error(path, e))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| table_error(path, e))?;
        let schema = schema(layout);
        if builder.schema().fields() != schema.fields() {
            return Err(table_error(path, "the columns are not those that were written"));
        }
        let builder = builder.with_batch_size(BATCH_ROWS);
        let builder = match range {
            Some((first, count)) => builder.with_offset(first).with_limit(count),
            None => builder,
        };
        let batches = builder.build().map_err(|e| table_error(path, e))?;
        let batch = RecordBatch::new_empty(schema);
        Ok(Self { path: path.to_owned(), layout, batches, batch, row: 0 })
    }

    /// The next row's cells; `None` at the end.
    pub fn read_row(&mut self) -> Result<Option<Vec<Cell<'_>>>, TableError> {
        while self.row >= self.batch.num_rows() {
            let Some(batch) = self.batches.next() else { return Ok(None) };
            self.batch = batch.map_err(|e| table_error(&self.path, e))?;
            self.row = 0;
        }
        let row = self.row;
        self.row += 1;
        let cells = self.layout.iter().zip(self.batch.columns()).map(|((_, kind), column)| {
            if column.is_null(row) {
                return Some(Cell::Absent);
            }
            Some(match kind {
                Kind::Text => Cell::Text(column.as_string::<i32>().value(row)),
                Kind::Int => Cell::Int(column.as_primitive::<Int64Type>().value(row)),
                Kind::Amount => {
                    let micros = column.as_primitive::<Decimal128Type>().value(row);
                    Cell::Amount(Micros::from_micros(micros).ok()?)
                }
                Kind::Id => Cell::Id(column.as_fixed_size_binary().value(row).try_into().ok()?),
            })
        });
        let cells: Option<Vec<Cell<'_>>> = cells.collect();
        cells.map(Some).ok_or_else(|| table_error(&self.path, "an amount is out of range"))
    }
}

fn table_error(path: &Path, reason: impl std::fmt::Display) -> TableError {
    TableError { path: path.to_owned(), reason: reason.to_string() }
}
