//! Tables on their way out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    Decimal128Builder, FixedSizeBinaryBuilder, Int64Builder, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use super::{BATCH_ROWS, Cell, Kind, Layout, TableError, data_type, schema};

/// How a file's rows are packed. It decides what a reader must unpack to see one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// For readers of all rows.
    Whole,
    /// For readers of a few rows that stand together: small groups of small pages.
    Few,
}

impl Packing {
    const fn group_rows(self) -> usize {
        match self {
            Self::Whole => 1 << 18,
            Self::Few => 1 << 16,
        }
    }

    fn apply(self, properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        match self {
            Self::Whole => properties,
            Self::Few => properties
                .set_data_page_row_count_limit(1 << 11)
                .set_write_batch_size(1 << 10)
                .set_dictionary_page_size_limit(1 << 16),
        }
    }
}

enum Builder {
    Text(StringBuilder),
    Int(Int64Builder),
    Amount(Decimal128Builder),
    Id(FixedSizeBinaryBuilder),
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

/// Gathers rows into batches, on whatever thread the rows are made.
pub struct Batches {
    path: PathBuf,
    schema: Arc<Schema>,
    builders: Vec<Builder>,
    rows: usize,
}

impl Batches {
    /// Nothing gathered yet; `path` is for errors.
    pub fn new(path: &Path, layout: Layout) -> Self {
        let (path, schema) = (path.to_owned(), schema(layout));
        Self { path, schema, builders: builders(layout), rows: 0 }
    }

    /// Adds a row with one cell for each column, each of its column's kind; returns a batch as
    /// often as one is full.
    pub fn push(&mut self, row: &[Cell<'_>]) -> Result<Option<RecordBatch>, TableError> {
        let fits = row.len() == self.builders.len();
        let pushed = fits && self.builders.iter_mut().zip(row).all(|(b, cell)| b.push(*cell));
        if !pushed {
            return Err(TableError::new(&self.path, "a row does not fit its table"));
        }
        self.rows += 1;
        (self.rows == BATCH_ROWS).then(|| self.rest()).transpose()
    }

    /// The rows since the last batch.
    pub fn rest(&mut self) -> Result<RecordBatch, TableError> {
        self.rows = 0;
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns);
        batch.map_err(|e| TableError::new(&self.path, e))
    }
}

/// Writes a table, row by row or batch by batch.
pub struct TableWriter<W: Write + Send> {
    path: PathBuf,
    batches: Batches,
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Starts a table that is read as a whole; `path` is for errors.
    pub fn new(out: W, path: &Path, layout: Layout) -> Result<Self, TableError> {
        Self::packed(out, path, layout, Packing::Whole)
    }

    /// Starts a table that is packed for its readers.
    pub fn packed(
        out: W,
        path: &Path,
        layout: Layout,
        packing: Packing,
    ) -> Result<Self, TableError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by("tantieme".to_owned())
            .set_max_row_group_row_count(Some(packing.group_rows()));
        let properties = packing.apply(properties).build();
        let writer = ArrowWriter::try_new(out, schema(layout), Some(properties));
        let writer = writer.map_err(|e| TableError::new(path, e))?;
        Ok(Self { path: path.to_owned(), batches: Batches::new(path, layout), writer })
    }

    /// What the file is called in errors.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a row with one cell for each column, each of its column's kind.
    pub fn push(&mut self, row: &[Cell<'_>]) -> Result<(), TableError> {
        match self.batches.push(row)? {
            Some(batch) => self.write(&batch),
            None => Ok(()),
        }
    }

    /// Adds rows that were gathered elsewhere, after those that were pushed.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        self.writer.write(batch).map_err(|e| TableError::new(&self.path, e))
    }

    /// Ends the table and returns what it was written to.
    pub fn finish(mut self) -> Result<W, TableError> {
        let rest = self.batches.rest()?;
        self.write(&rest)?;
        let path = self.path;
        self.writer.into_inner().map_err(|e| TableError::new(&path, e))
    }
}
