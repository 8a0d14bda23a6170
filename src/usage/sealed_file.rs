//! Sealed files, opened: what they say of themselves, and their row groups.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use super::UsageError;

const BATCH_ROWS: usize = 1 << 13;

/// An open file.
pub(super) struct SealedFile<'a> {
    pub path: &'a Path,
    pub metadata: ArrowReaderMetadata,
    pub groups: Vec<RowGroup>,
}

/// A row group: its first and last listener.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowGroup {
    pub first: u128,
    pub last: u128,
    pub rows: u64,
}

/// Listeners from one hash on and before another; without an end, all after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub from: u128,
    pub to: Option<u128>,
}

pub(super) fn open_all(paths: &[PathBuf]) -> Result<Vec<SealedFile<'_>>, UsageError> {
    paths.iter().map(|path| SealedFile::open(path)).collect()
}

/// Cuts the listeners where row groups begin. A listener whose rows go over the edge of a group
/// is in one range all the same: the range's threads find it from both groups.
pub(super) fn ranges(files: &[SealedFile<'_>]) -> Vec<Range> {
    let groups = files.iter().flat_map(|file| &file.groups);
    let mut starts: BTreeMap<u128, u64> = BTreeMap::new();
    for group in groups {
        *starts.entry(group.first).or_default() += group.rows;
    }
    // Of several files with groups of their own, no more ranges are made than the largest has.
    let most = files.iter().map(|file| file.groups.len()).max().unwrap_or(0).max(1) as u64;
    let size = starts.values().sum::<u64>() / most;
    let (mut ranges, mut filled) = (vec![Range { from: 0, to: None }], 0);
    for (start, rows) in starts {
        if filled > 0 && filled + rows / 2 >= size {
            if let Some(before) = ranges.last_mut() {
                before.to = Some(start);
            }
            ranges.push(Range { from: start, to: None });
            filled = 0;
        }
        filled += rows;
    }
    ranges
}

/// Proves that no row was passed over: rows out of order would lie outside every range.
pub(super) fn check_rows(files: &[SealedFile<'_>], read: u64) -> Result<(), UsageError> {
    let rows: u64 = files.iter().flat_map(|file| &file.groups).map(|group| group.rows).sum();
    match files.first() {
        Some(file) if rows != read => Err(damaged(file.path, "its listeners are not in order")),
        _ => Ok(()),
    }
}

impl<'a> SealedFile<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, UsageError> {
        let file = File::open(path)
            .map_err(|source| UsageError::File { path: path.to_owned(), source })?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())
            .map_err(|e| damaged(path, &e.to_string()))?;
        let mut file = Self { path, metadata, groups: Vec::new() };
        if file.note("tantieme.sealed").is_some() {
            file.groups = file.read_groups()?;
        }
        Ok(file)
    }

    fn read_groups(&self) -> Result<Vec<RowGroup>, UsageError> {
        if self.metadata.schema().fields() != super::sealed::schema().fields() {
            return Err(damaged(self.path, "its columns are not those of sealed usage"));
        }
        let group = |group: &parquet::file::metadata::RowGroupMetaData| {
            let bounds = group.column(0).statistics()?;
            let bound = |bytes: Option<&[u8]>| bytes?.try_into().ok().map(u128::from_be_bytes);
            Some(RowGroup {
                first: bound(bounds.min_bytes_opt())?,
                last: bound(bounds.max_bytes_opt())?,
                rows: u64::try_from(group.num_rows()).ok()?,
            })
        };
        let groups: Option<Vec<RowGroup>> =
            self.metadata.metadata().row_groups().iter().map(group).collect();
        groups.ok_or_else(|| damaged(self.path, "its row groups do not say what they hold"))
    }

    pub(super) fn note(&self, key: &str) -> Option<String> {
        let notes = self.metadata.metadata().file_metadata().key_value_metadata()?;
        notes.iter().find(|note| note.key == key)?.value.clone()
    }

    /// The listeners, recordings and plays of one row group.
    pub(super) fn batches(&self, group: usize) -> Result<ParquetRecordBatchReader, UsageError> {
        let file = File::open(self.path)
            .map_err(|source| UsageError::File { path: self.path.to_owned(), source })?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), [0, 1, 2]);
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let batches = builder.with_row_groups(vec![group]).build();
        batches.map_err(|e| damaged(self.path, &e.to_string()))
    }
}

pub(super) fn damaged(path: &Path, reason: &str) -> UsageError {
    UsageError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}
