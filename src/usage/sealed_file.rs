//! Sealed files, opened: what they say of themselves, their recordings and their row groups.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use super::UsageError;
use super::decode::{GroupReader, Shared, Texts, Wrong, dictionary_page, recordings};
use super::sealed::{SEALED, schema};

/// An open file.
pub(super) struct SealedFile {
    path: PathBuf,
    file: Shared,
    metadata: ParquetMetaData,
    pub groups: Vec<RowGroup>,
    /// How many recordings it has.
    pub recordings: usize,
    /// The hash of their page, which is the same in every row group.
    recordings_page: Option<blake3::Hash>,
}

/// A row group: its first and last listener.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowGroup {
    pub first: u128,
    pub last: u128,
    pub rows: u64,
}

/// Span from one hash on and before another; without an end, all after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub from: u128,
    pub to: Option<u128>,
}

impl Span {
    pub(super) const ALL: Self = Self { from: 0, to: None };
}

/// Cuts the listeners where row groups begin.
pub(super) fn ranges(files: &[SealedFile]) -> Vec<Span> {
    let groups = files.iter().flat_map(|file| &file.groups);
    let mut starts: BTreeMap<u128, u64> = BTreeMap::new();
    for group in groups {
        *starts.entry(group.first).or_default() += group.rows;
    }
    // Of several files with groups of their own, no more ranges are made than the largest has.
    let most = files.iter().map(|file| file.groups.len()).max().unwrap_or(0).max(1) as u64;
    let size = starts.values().sum::<u64>() / most;
    let (mut ranges, mut filled) = (vec![Span::ALL], 0);
    for (start, rows) in starts {
        if filled > 0 && filled + rows / 2 >= size {
            if let Some(before) = ranges.last_mut() {
                before.to = Some(start);
            }
            ranges.push(Span { from: start, to: None });
            filled = 0;
        }
        filled += rows;
    }
    ranges
}

impl SealedFile {
    /// Opens a file; returns the texts of its recordings too, by the numbers that rows have for
    /// them.
    pub(super) fn open(path: &Path) -> Result<(Self, Texts), UsageError> {
        let (file, metadata) = open(path)?;
        if note(&metadata, "tantieme.sealed") != Some(SEALED) {
            return Err(damaged(path, "it was sealed by another version: import it again"));
        }
        let mut file = Self {
            path: path.to_owned(),
            file,
            metadata,
            groups: Vec::new(),
            recordings: 0,
            recordings_page: None,
        };
        match file.read_groups() {
            Ok(recordings) => Ok((file, recordings)),
            Err(wrong) => Err(file.damaged(&wrong)),
        }
    }

    fn read_groups(&mut self) -> Result<Texts, Wrong> {
        let schema = schema()?;
        let ours = self.metadata.file_metadata().schema_descr().columns() == schema.columns();
        let groups = self.metadata.row_groups();
        let bounds: Option<Vec<RowGroup>> = groups.iter().map(bounds).collect();
        self.groups = bounds.filter(|_| ours).ok_or(Wrong::Pages)?;
        if self.groups.windows(2).any(|pair| pair[0].last >= pair[1].first) {
            return Err(Wrong::Order);
        }
        let Some(first) = groups.first() else { return Ok(Texts::default()) };
        let recordings = recordings(&self.file, first)?;
        self.recordings = recordings.len();
        if groups.len() > 1 {
            self.recordings_page = Some(self.page_hash(first)?);
        }
        Ok(recordings)
    }

    fn page_hash(&self, group: &RowGroupMetaData) -> Result<blake3::Hash, Wrong> {
        Ok(blake3::hash(&dictionary_page(&self.file, group, 1)?))
    }

    /// What a file says of itself.
    pub(super) fn note(&self, key: &str) -> Option<&str> {
        note(&self.metadata, key)
    }

    /// Opens one of its row groups, with active plays if they are asked for.
    pub(super) fn group(&self, group: usize, active: bool) -> Result<GroupReader, Wrong> {
        let found = self.metadata.row_groups().get(group).ok_or(Wrong::Pages)?;
        let bounds = self.groups.get(group).ok_or(Wrong::Pages)?;
        if let Some(page) = self.recordings_page
            && self.page_hash(found)? != page
        {
            return Err(Wrong::Recordings);
        }
        let group = GroupReader::open(&self.file, found, active)?;
        if group.bounds() == Some((bounds.first, bounds.last)) {
            Ok(group)
        } else {
            Err(Wrong::Order)
        }
    }

    /// That this file cannot be read.
    pub(super) fn damaged(&self, wrong: &Wrong) -> UsageError {
        damaged(&self.path, &wrong.to_string())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// True if the file says that it was sealed here, whatever the version.
pub(super) fn is_sealed(path: &Path) -> Result<bool, UsageError> {
    let (_, metadata) = open(path)?;
    Ok(note(&metadata, "tantieme.sealed").is_some())
}

fn open(path: &Path) -> Result<(Shared, ParquetMetaData), UsageError> {
    let file = File::open(path);
    let file = file.map_err(|source| UsageError::File { path: path.to_owned(), source })?;
    let file = Shared(Arc::new(file));
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file);
    Ok((file, metadata.map_err(|e| damaged(path, &e.to_string()))?))
}

fn note<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let notes = metadata.file_metadata().key_value_metadata()?;
    notes.iter().find(|note| note.key == key)?.value.as_deref()
}

fn bounds(group: &RowGroupMetaData) -> Option<RowGroup> {
    let bounds = group.columns().first()?.statistics()?;
    let bound = |bytes: Option<&[u8]>| bytes?.try_into().ok().map(u128::from_be_bytes);
    Some(RowGroup {
        first: bound(bounds.min_bytes_opt())?,
        last: bound(bounds.max_bytes_opt())?,
        rows: u64::try_from(group.num_rows()).ok()?,
    })
}

pub(super) fn damaged(path: &Path, reason: &str) -> UsageError {
    UsageError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}
