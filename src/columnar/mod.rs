//! Plain tables in Parquet: what one step of a close writes and the next one reads.
//!
//! Four kinds of column are enough. Their files open in any engine: amounts are decimals with
//! six places, ids are sixteen bytes. A [`Sorter`] brings more rows than fit into memory into
//! the order of a table. A file's bytes depend on its rows alone: not on memory, not on threads.

mod read;
mod sort;
mod spill;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};

pub use read::{Batch, TableReader, row_from, rows_in, rows_of, same_rows};
pub use sort::{Key, Sorted, SortedRow, Sorter};
pub use write::{Batches, Packing, TableWriter};

use crate::money::Micros;

/// Rows that are encoded or decoded together.
const BATCH_ROWS: usize = 8192;

/// A table that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct TableError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub reason: String,
}

impl TableError {
    /// What went wrong with a file.
    pub fn new(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
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

impl<'a> Cell<'a> {
    /// The text, if it is one.
    pub const fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub const fn int(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The amount, if it is one.
    pub const fn amount(self) -> Option<Micros> {
        match self {
            Self::Amount(amount) => Some(amount),
            _ => None,
        }
    }

    /// The id, if it is one.
    pub const fn id(self) -> Option<[u8; 16]> {
        match self {
            Self::Id(id) => Some(id),
            _ => None,
        }
    }
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
