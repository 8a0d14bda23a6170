//! Files in, checked rows out.
//!
//! In: a path (CSV or Parquet; plain, gzip or zstd), and the columns that a room below declares.
//! Out: one row at a time, each either cells or a [`Fault`] that says where it is wrong. Knows no
//! table and no meaning; a listener's id passes through. It is written from here in one case: to
//! whoever has the file, when [`copy_rows`] gives rows of it back as they are.

mod copy;
mod csv;
mod parquet;
mod pieces;
mod rows;
mod source;
mod split;
mod wide;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use copy::{Original, copy_rows};
pub use rows::{Column, Given, KeptRow, OtherColumns, Row, RowRead, Rows, is_parquet};
pub use source::Source;
pub use wide::{Progress, WideRows, files_of};

/// Why a whole file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The file system said no.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A Parquet file that is not one, or is damaged.
    #[error("cannot read {path} as Parquet: {reason}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
    },
    /// A folder that cannot be read as the parts of one file.
    #[error("{path}: {reason}")]
    Folder {
        /// The folder, or what in it is no part.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The header row is missing or cannot be used.
    #[error("{path}:1: {reason}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what it should be.
        reason: String,
    },
}

/// One of several files that are read as one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Its number among them.
    pub number: usize,
    /// Where it is.
    pub path: PathBuf,
}

impl Part {
    /// The file's name, without its folders.
    pub fn name(&self) -> String {
        source::name_of(&self.path)
    }
}

/// What is wrong with one row. Faults are ordered as their rows are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Which of several files it is in; nothing where there is but one.
    pub part: Option<Arc<Part>>,
    /// The line in the file (the header is line 1), or the row of a Parquet file.
    pub line: u64,
    /// The field's number in the file, from 1; 0 where the whole row is at fault.
    pub field: usize,
    /// The column's name; empty where the whole row is at fault.
    pub column: String,
    /// What is wrong, and what it should be.
    pub reason: String,
}

impl Fault {
    /// `FILE:LINE:FIELD: column: reason`. The file is the part, where there are several.
    pub fn at(&self, file: &Path) -> String {
        let file = self.part.as_ref().map_or(file, |part| part.path.as_path());
        format!("{}:{self}", file.display())
    }
}

impl std::fmt::Display for Fault {
    /// `LINE:FIELD: column: reason`, to be put behind a file's name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.column.is_empty() {
            return write!(f, "{}:1: {}", self.line, self.reason);
        }
        write!(f, "{}:{}: {}: {}", self.line, self.field.max(1), self.column, self.reason)
    }
}
