//! The month's sealed files of one pool key, read together as if they were one.
//!
//! The space of listeners' hashes is cut where row groups begin, and threads take the ranges in
//! turn. Only the columns that a pass needs are decoded, and recordings are numbered once for
//! each dictionary, never for each row.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{Array, RecordBatch, StringArray};
use hashbrown::HashMap;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use super::{Listening, Play, UsageError};
use crate::ident::RecordingId;

const BATCH_ROWS: usize = 1 << 15;

/// Sealed files, read together as if they were one.
pub struct SealedScan {
    paths: Vec<PathBuf>,
    threads: usize,
    recordings: RwLock<Recordings>,
    /// The recordings once more, for those who hold the scan.
    known: Vec<RecordingId>,
}

/// The recordings met so far, numbered as they come.
#[derive(Default)]
struct Recordings {
    ids: Vec<RecordingId>,
    numbers: HashMap<RecordingId, u32>,
}

/// An open file.
struct SealedFile<'a> {
    path: &'a Path,
    metadata: ArrowReaderMetadata,
    groups: Vec<RowGroup>,
}

/// A row group: its first and last listener.
#[derive(Debug, Clone, Copy)]
struct RowGroup {
    first: u128,
    last: u128,
    rows: u64,
}

/// Listeners from one hash on and before another; without an end, all after it.
#[derive(Debug, Clone, Copy)]
struct Range {
    from: u128,
    to: Option<u128>,
}

impl SealedScan {
    /// A scan over the files of one pool key, on so many threads.
    pub fn new(paths: Vec<PathBuf>, threads: usize) -> Self {
        Self { paths, threads, recordings: RwLock::default(), known: Vec::new() }
    }

    /// True if the file says that it was sealed here.
    pub fn is_sealed(path: &Path) -> Result<bool, UsageError> {
        Ok(SealedFile::open(path)?.note("tantieme.sealed").as_deref() == Some("1"))
    }

    /// Calls `visit` with each listener's hash and plays, in the order of hashes. Each recording
    /// stands once.
    pub fn visit(&mut self, mut visit: impl FnMut(u128, &[Play])) -> Result<(), UsageError> {
        let paths = std::mem::take(&mut self.paths);
        let read = open_all(&paths).and_then(|files| {
            let range = Range { from: 0, to: None };
            let rows = self.read_range(&files, range, &mut visit)?;
            check_rows(&files, rows)
        });
        self.paths = paths;
        self.note_recordings();
        read
    }

    /// Decodes the columns that an allocation needs on all threads and looks at none of them;
    /// returns how many rows there are. What an allocation is measured against.
    pub fn bare(&self) -> Result<u64, UsageError> {
        let files = open_all(&self.paths)?;
        let groups: Vec<(&SealedFile<'_>, usize)> = files
            .iter()
            .flat_map(|file| (0..file.groups.len()).map(move |at| (file, at)))
            .collect();
        let next = AtomicUsize::new(0);
        let counts = super::on_threads(self.threads, || {
            let mut rows = 0;
            while let Some((file, group)) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                for batch in file.batches(*group)? {
                    rows +=
                        batch.map_err(|e| damaged(file.path, &e.to_string()))?.num_rows() as u64;
                }
            }
            Ok(rows)
        });
        counts.into_iter().sum()
    }

    /// Shows every listener's plays to one of several sums, on as many threads.
    fn on_threads<T: Send>(
        &self,
        start: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, &[Play]) + Sync,
    ) -> Result<Vec<T>, UsageError> {
        let files = open_all(&self.paths)?;
        let ranges = ranges(&files);
        let (next, rows) = (AtomicUsize::new(0), AtomicU64::new(0));
        let sums = super::on_threads(self.threads, || {
            let mut sum = start();
            while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                let read = self.read_range(&files, *range, &mut |_, plays| add(&mut sum, plays))?;
                rows.fetch_add(read, Ordering::Relaxed);
            }
            Ok(sum)
        });
        let sums = sums.into_iter().collect::<Result<_, _>>()?;
        check_rows(&files, rows.into_inner())?;
        Ok(sums)
    }

    /// Calls `visit` with each listener of a range, in order; returns how many rows were read.
    fn read_range(
        &self,
        files: &[SealedFile<'_>],
        range: Range,
        visit: &mut impl FnMut(u128, &[Play]),
    ) -> Result<u64, UsageError> {
        let mut cursors = Vec::with_capacity(files.len());
        for file in files {
            let mut cursor = Cursor::new(file, range, &self.recordings);
            if cursor.advance()? {
                cursors.push(cursor);
            }
        }
        let mut plays = Vec::new();
        let (mut rows, mut last) = (0, None);
        while let Some(listener) = cursors.iter().map(|cursor| cursor.listener).min() {
            if last.replace(listener).is_some_and(|last| last >= listener) {
                return Err(damaged(files[0].path, "its listeners are not in order"));
            }
            plays.clear();
            let (mut sources, mut index) = (0, 0);
            while index < cursors.len() {
                let cursor = &mut cursors[index];
                if cursor.listener != listener {
                    index += 1;
                    continue;
                }
                sources += 1;
                if cursor.take(&mut plays)? {
                    index += 1;
                } else {
                    cursors.swap_remove(index);
                }
            }
            rows += plays.len() as u64;
            if sources > 1 || plays.windows(2).any(|pair| pair[0].recording == pair[1].recording) {
                self.add_up(&mut plays, files[0].path)?;
            }
            visit(listener, &plays);
        }
        Ok(rows)
    }

    /// Adds up what several batches say of the same listener and recording.
    fn add_up(&self, plays: &mut Vec<Play>, path: &Path) -> Result<(), UsageError> {
        plays.sort_unstable_by_key(|play| play.recording);
        let mut over = None;
        plays.dedup_by(|next, kept| {
            let same = next.recording == kept.recording;
            if same {
                match kept.plays.checked_add(next.plays) {
                    Some(sum) => kept.plays = sum,
                    None => over = Some(kept.recording),
                }
            }
            same
        });
        let Some(recording) = over else { return Ok(()) };
        let known = self.recordings.read().unwrap_or_else(PoisonError::into_inner);
        Err(UsageError::TooManyPlays {
            recording: known.ids[recording as usize].to_string(),
            place: path.display().to_string(),
        })
    }

    fn note_recordings(&mut self) {
        let known = self.recordings.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.known.extend_from_slice(&known.ids[self.known.len()..]);
    }
}

impl Listening for SealedScan {
    type Error = UsageError;

    fn listeners(&mut self) -> Result<u64, UsageError> {
        if let [only] = self.paths.as_slice() {
            // What the file says of itself; `allocate` refuses it if the plays say otherwise.
            let count = SealedFile::open(only)?.note("tantieme.listeners");
            let count = count.and_then(|text| text.parse().ok());
            return count.ok_or_else(|| damaged(only, "it does not count its listeners"));
        }
        let count = |sum: &mut u64, plays: &[Play]| {
            *sum += u64::from(plays.iter().any(|play| play.plays > 0));
        };
        let listeners = self.on_threads(|| 0, count)?.into_iter().sum();
        self.note_recordings();
        Ok(listeners)
    }

    fn fold<T: Send>(
        &mut self,
        start: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, &[Play]) + Sync,
    ) -> Result<Vec<T>, UsageError> {
        let sums = self.on_threads(start, add)?;
        self.note_recordings();
        Ok(sums)
    }

    fn recordings(&self) -> &[RecordingId] {
        &self.known
    }
}

fn open_all(paths: &[PathBuf]) -> Result<Vec<SealedFile<'_>>, UsageError> {
    paths.iter().map(|path| SealedFile::open(path)).collect()
}

/// Cuts the listeners where row groups begin. A listener whose rows go over the edge of a group
/// is in one range all the same: the range's threads find it from both groups.
fn ranges(files: &[SealedFile<'_>]) -> Vec<Range> {
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
fn check_rows(files: &[SealedFile<'_>], read: u64) -> Result<(), UsageError> {
    let rows: u64 = files.iter().flat_map(|file| &file.groups).map(|group| group.rows).sum();
    match files.first() {
        Some(file) if rows != read => Err(damaged(file.path, "its listeners are not in order")),
        _ => Ok(()),
    }
}

impl<'a> SealedFile<'a> {
    fn open(path: &'a Path) -> Result<Self, UsageError> {
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

    fn note(&self, key: &str) -> Option<String> {
        let notes = self.metadata.metadata().file_metadata().key_value_metadata()?;
        notes.iter().find(|note| note.key == key)?.value.clone()
    }

    /// The listeners, recordings and plays of one row group.
    fn batches(&self, group: usize) -> Result<ParquetRecordBatchReader, UsageError> {
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

/// The rows of one file within a range, read from the first to the last.
struct Cursor<'a> {
    file: &'a SealedFile<'a>,
    range: Range,
    recordings: &'a RwLock<Recordings>,
    next_group: usize,
    batches: Option<ParquetRecordBatchReader>,
    batch: RecordBatch,
    /// What the codes of the current dictionary mean.
    codes: Vec<u32>,
    dictionary: Option<StringArray>,
    /// The row that is read next, and its listener.
    row: usize,
    listener: u128,
}

impl<'a> Cursor<'a> {
    fn new(file: &'a SealedFile<'a>, range: Range, recordings: &'a RwLock<Recordings>) -> Self {
        let batch = RecordBatch::new_empty(file.metadata.schema().clone());
        Self {
            file,
            range,
            recordings,
            next_group: 0,
            batches: None,
            batch,
            codes: Vec::new(),
            dictionary: None,
            row: 0,
            listener: 0,
        }
    }

    /// Moves to the next row of the range that exists; false at its end.
    fn advance(&mut self) -> Result<bool, UsageError> {
        loop {
            while self.row >= self.batch.num_rows() {
                if !self.next_batch()? {
                    return Ok(false);
                }
            }
            self.listener = u128::from_be_bytes(self.listeners()[self.row]);
            if self.range.to.is_some_and(|to| self.listener >= to) {
                return Ok(false);
            }
            if self.listener >= self.range.from {
                return Ok(true);
            }
            self.row += 1;
        }
    }

    fn next_batch(&mut self) -> Result<bool, UsageError> {
        loop {
            if let Some(batches) = &mut self.batches
                && let Some(batch) = batches.next()
            {
                self.batch = batch.map_err(|e| damaged(self.file.path, &e.to_string()))?;
                self.row = 0;
                self.read_dictionary()?;
                return Ok(true);
            }
            let Some(group) = self.file.groups.get(self.next_group) else { return Ok(false) };
            let before = group.last < self.range.from;
            let after = self.range.to.is_some_and(|to| group.first >= to);
            self.batches =
                if before || after { None } else { Some(self.file.batches(self.next_group)?) };
            self.next_group += 1;
        }
    }

    fn read_dictionary(&mut self) -> Result<(), UsageError> {
        let names = self.batch.column(1).as_dictionary::<Int32Type>().values().as_string::<i32>();
        // The batches of a row group share the bytes of one dictionary.
        let same = |known: &StringArray| std::ptr::eq(known.value_data(), names.value_data());
        if self.dictionary.as_ref().is_some_and(same) {
            return Ok(());
        }
        let wrong = |reason: String| damaged(self.file.path, &reason);
        if names.null_count() > 0 {
            return Err(wrong("a recording is missing".to_owned()));
        }
        self.codes.clear();
        let mut unknown = Vec::new();
        let known = self.recordings.read().unwrap_or_else(PoisonError::into_inner);
        for name in names.iter().flatten() {
            if let Some(number) = known.numbers.get(name) {
                self.codes.push(*number);
            } else {
                let id = RecordingId::parse(name);
                let id = id.map_err(|_| wrong(format!("{name:?} is not a recording id")))?;
                unknown.push((self.codes.len(), id));
                self.codes.push(0);
            }
        }
        drop(known);
        let mut known = self.recordings.write().unwrap_or_else(PoisonError::into_inner);
        for (code, id) in unknown {
            let next = u32::try_from(known.ids.len())
                .map_err(|_| wrong("it names over 2^32 recordings".to_owned()))?;
            let number = *known.numbers.entry(id.clone()).or_insert(next);
            if number == next {
                known.ids.push(id);
            }
            self.codes[code] = number;
        }
        self.dictionary = Some(names.clone());
        Ok(())
    }

    fn listeners(&self) -> &[[u8; 16]] {
        self.batch.column(0).as_fixed_size_binary().value_data().as_chunks().0
    }

    /// Takes all rows of the current listener; false at the end of the range.
    fn take(&mut self, plays: &mut Vec<Play>) -> Result<bool, UsageError> {
        let listener = self.listener;
        let bytes = listener.to_be_bytes();
        loop {
            let rest = &self.listeners()[self.row..];
            let rows =
                self.row..self.row + rest.iter().take_while(|found| **found == bytes).count();
            let codes =
                &self.batch.column(1).as_dictionary::<Int32Type>().keys().values()[rows.clone()];
            let counts = &self.batch.column(2).as_primitive::<UInt32Type>().values()[rows.clone()];
            let mut known = true;
            plays.extend(codes.iter().zip(counts).map(|(code, count)| {
                let recording = usize::try_from(*code).ok().and_then(|code| self.codes.get(code));
                known &= recording.is_some();
                Play { recording: recording.copied().unwrap_or(0), plays: *count }
            }));
            if !known {
                return Err(damaged(self.file.path, "a code without a recording"));
            }
            self.row = rows.end;
            if !self.advance()? {
                return Ok(false);
            }
            if self.listener != listener {
                return Ok(true);
            }
        }
    }
}

fn damaged(path: &Path, reason: &str) -> UsageError {
    UsageError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}
