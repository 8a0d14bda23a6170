//! Tables on their way in.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{
    Array, Decimal128Array, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{BATCH_ROWS, Cell, Kind, Layout, TableError, schema};
use crate::money::Micros;

#[derive(Debug, Clone)]
enum Column {
    Text(StringArray),
    Int(Int64Array),
    Amount(Decimal128Array),
    Id(FixedSizeBinaryArray),
}

impl Column {
    fn cell(&self, row: usize) -> Cell<'_> {
        let absent = match self {
            Self::Text(column) => column.is_null(row),
            Self::Int(column) => column.is_null(row),
            Self::Amount(column) => column.is_null(row),
            Self::Id(column) => column.is_null(row),
        };
        if absent {
            return Cell::Absent;
        }
        match self {
            Self::Text(column) => Cell::Text(column.value(row)),
            Self::Int(column) => Cell::Int(column.value(row)),
            // Both were checked when the batch was read.
            Self::Amount(column) => {
                Cell::Amount(Micros::from_micros(column.value(row)).unwrap_or(Micros::ZERO))
            }
            Self::Id(column) => Cell::Id(column.value(row).try_into().unwrap_or_default()),
        }
    }
}

/// Some rows of a table, unpacked. Copies share them.
#[derive(Debug, Clone)]
pub struct Batch {
    columns: Vec<Column>,
    rows: usize,
}

impl Batch {
    fn new(kinds: &[Kind], batch: &RecordBatch) -> Option<Self> {
        let columns = kinds.iter().zip(batch.columns()).map(|(kind, column)| {
            Some(match kind {
                Kind::Text => Column::Text(column.as_string_opt::<i32>()?.clone()),
                Kind::Int => Column::Int(column.as_primitive_opt::<Int64Type>()?.clone()),
                Kind::Amount => {
                    let amounts = column.as_primitive_opt::<Decimal128Type>()?.clone();
                    let good = |amount| Micros::from_micros(amount).is_ok();
                    amounts.iter().flatten().all(good).then_some(Column::Amount(amounts))?
                }
                Kind::Id => Column::Id(column.as_fixed_size_binary_opt()?.clone()),
            })
        });
        Some(Self { columns: columns.collect::<Option<_>>()?, rows: batch.num_rows() })
    }

    /// How many rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// A row's cells, one for each of the `N` columns that were asked for.
    pub fn row<const N: usize>(&self, row: usize) -> [Cell<'_>; N] {
        let mut cells = [Cell::Absent; N];
        for (cell, column) in cells.iter_mut().zip(&self.columns) {
            *cell = column.cell(row);
        }
        cells
    }
}

/// Reads a table batch by batch.
pub struct TableReader {
    path: PathBuf,
    kinds: Vec<Kind>,
    batches: ParquetRecordBatchReader,
}

impl TableReader {
    /// Opens a table, all of it or `count` rows from row `first`. Only the groups that hold
    /// these rows are touched.
    pub fn open(
        path: &Path,
        layout: Layout,
        range: Option<(usize, usize)>,
    ) -> Result<Self, TableError> {
        Self::columns(path, layout, None, range)
    }

    /// Opens a table for some of its columns; the cells come in the order of the layout.
    pub fn open_columns(
        path: &Path,
        layout: Layout,
        names: &[&str],
        range: Option<(usize, usize)>,
    ) -> Result<Self, TableError> {
        Self::columns(path, layout, Some(names), range)
    }

    fn columns(
        path: &Path,
        layout: Layout,
        names: Option<&[&str]>,
        range: Option<(usize, usize)>,
    ) -> Result<Self, TableError> {
        let mut builder = open(path, layout)?.with_batch_size(BATCH_ROWS);
        let wanted = |name: &str| names.is_none_or(|names| names.contains(&name));
        let at = layout.iter().enumerate().filter(|(_, (name, _))| wanted(name));
        let (at, kinds): (Vec<usize>, Vec<Kind>) = at.map(|(at, (_, kind))| (at, *kind)).unzip();
        if at.len() < layout.len() {
            let mask = ProjectionMask::roots(builder.parquet_schema(), at);
            builder = builder.with_projection(mask);
        }
        if let Some((first, count)) = range {
            let (groups, skipped) = groups(&builder, first, count);
            builder = builder
                .with_row_groups(groups)
                .with_offset(first - skipped)
                .with_limit(count)
                .with_batch_size(count.clamp(1, BATCH_ROWS));
        }
        let batches = builder.build().map_err(|e| TableError::new(path, e))?;
        Ok(Self { path: path.to_owned(), kinds, batches })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next rows; `None` at the end.
    pub fn read(&mut self) -> Result<Option<Batch>, TableError> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let batch = batch.map_err(|e| TableError::new(&self.path, e))?;
        let batch = Batch::new(&self.kinds, &batch);
        let damaged = || TableError::new(&self.path, "an amount is out of range");
        batch.map(Some).ok_or_else(damaged)
    }
}

type Opened = ParquetRecordBatchReaderBuilder<File>;

fn open(path: &Path, layout: Layout) -> Result<Opened, TableError> {
    let file = File::open(path).map_err(|e| TableError::new(path, e))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| TableError::new(path, e))?;
    if builder.schema().fields() != schema(layout).fields() {
        return Err(TableError::new(path, "the columns are not those that were written"));
    }
    Ok(builder)
}

/// The row groups that hold `count` rows from `first`, and how many rows stand before them.
fn groups(builder: &Opened, first: usize, count: usize) -> (Vec<usize>, usize) {
    let (mut groups, mut before, mut row) = (Vec::new(), 0, 0);
    for (group, metadata) in builder.metadata().row_groups().iter().enumerate() {
        let rows = usize::try_from(metadata.num_rows()).unwrap_or_default();
        if row + rows <= first {
            before = row + rows;
        } else if row < first.saturating_add(count) {
            groups.push(group);
        }
        row += rows;
    }
    (groups, before.min(first))
}

/// Where a text stands in a column by which a table is ordered: the range of its rows. Groups
/// that cannot hold it are passed over by their least and greatest values.
pub fn rows_of(
    path: &Path,
    layout: Layout,
    column: &str,
    text: &str,
) -> Result<Range<usize>, TableError> {
    let groups = Groups::open(path, layout, column)?;
    let (mut row, mut found) = (0, None::<Range<usize>>);
    for (rows, least, most) in groups.0 {
        let above = least.is_some_and(|least| least.as_str() > text);
        let below = most.is_some_and(|most| most.as_str() < text);
        if !above && !below {
            let mut table = TableReader::open_columns(path, layout, &[column], Some((row, rows)))?;
            let mut at = row;
            while let Some(batch) = table.read()? {
                for index in 0..batch.rows() {
                    let [Cell::Text(value)] = batch.row(index) else { continue };
                    if value == text {
                        let first = found.map_or(at + index, |found| found.start);
                        found = Some(first..at + index + 1);
                    }
                }
                at += batch.rows();
            }
        }
        row += rows;
    }
    Ok(found.unwrap_or(0..0))
}

/// How many rows a table has.
pub fn rows_in(path: &Path, layout: Layout) -> Result<usize, TableError> {
    let rows = open(path, layout)?.metadata().file_metadata().num_rows();
    Ok(usize::try_from(rows).unwrap_or_default())
}

/// True if two tables hold the same rows in the same order, however they are packed.
pub fn same_rows(one: &Path, other: &Path, layout: Layout) -> Result<bool, TableError> {
    let (mut one, mut other) =
        (TableReader::open(one, layout, None)?, TableReader::open(other, layout, None)?);
    loop {
        // Both come in batches of as many rows.
        match (one.batches.next(), other.batches.next()) {
            (None, None) => return Ok(true),
            (Some(Ok(rows)), Some(Ok(others))) if rows == others => {}
            (Some(Err(error)), _) => return Err(TableError::new(&one.path, error)),
            (_, Some(Err(error))) => return Err(TableError::new(&other.path, error)),
            _ => return Ok(false),
        }
    }
}

/// The first row of the first group that holds a text or a greater one, in a column by which a
/// table is ordered.
pub fn row_from(
    path: &Path,
    layout: Layout,
    column: &str,
    text: &str,
) -> Result<usize, TableError> {
    let groups = Groups::open(path, layout, column)?;
    let mut row = 0;
    for (rows, _, most) in groups.0 {
        if most.is_none_or(|most| most.as_str() >= text) {
            break;
        }
        row += rows;
    }
    Ok(row)
}

/// How many rows each group has, and the least and greatest text of a column in it where that is
/// known.
struct Groups(Vec<(usize, Option<String>, Option<String>)>);

impl Groups {
    fn open(path: &Path, layout: Layout, column: &str) -> Result<Self, TableError> {
        let builder = open(path, layout)?;
        let failed = |e| TableError::new(path, e);
        let bounds =
            StatisticsConverter::try_new(column, builder.schema(), builder.parquet_schema())
                .map_err(failed)?;
        let groups = builder.metadata().row_groups();
        let least = bounds.row_group_mins(groups).map_err(failed)?;
        let most = bounds.row_group_maxes(groups).map_err(failed)?;
        let bound = |bounds: &dyn Array, group: usize| {
            let texts = bounds.as_string_opt::<i32>().filter(|texts| texts.is_valid(group));
            texts.map(|texts| texts.value(group).to_owned())
        };
        let groups = groups.iter().enumerate().map(|(group, metadata)| {
            let rows = usize::try_from(metadata.num_rows()).unwrap_or_default();
            (rows, bound(&least, group), bound(&most, group))
        });
        Ok(Self(groups.collect()))
    }
}
