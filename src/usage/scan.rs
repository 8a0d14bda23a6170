//! The month's sealed files of one pool key, merged, one listener at a time.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{Listening, Play, UsageError};
use crate::ident::RecordingId;

const BATCH_ROWS: usize = 1 << 16;

/// Sealed files, read together as if they were one.
pub struct SealedScan {
    paths: Vec<PathBuf>,
    recordings: Recordings,
}

/// The recordings met so far, numbered as they come.
#[derive(Default)]
struct Recordings {
    ids: Vec<RecordingId>,
    numbers: HashMap<String, u32>,
}

impl SealedScan {
    /// A scan over the files of one pool key.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, recordings: Recordings::default() }
    }

    /// True if the file says that it was sealed here.
    pub fn is_sealed(path: &Path) -> Result<bool, UsageError> {
        Ok(note(&open(path)?, "tantieme.sealed").as_deref() == Some("1"))
    }

    /// Calls `visit` with each listener's hash and plays, in the order of hashes. Each recording
    /// stands once.
    pub fn visit(&mut self, mut visit: impl FnMut(u128, &[Play])) -> Result<(), UsageError> {
        let mut cursors = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            let mut cursor = Cursor::open(path)?;
            if cursor.advance(&mut self.recordings)? {
                cursors.push(cursor);
            }
        }
        let mut plays = Vec::new();
        let mut last = None;
        while let Some(listener) = cursors.iter().map(Cursor::listener).min() {
            if last.replace(listener).is_some_and(|last| last >= listener) {
                return Err(damaged(&self.paths[0], "its listeners are not in order"));
            }
            plays.clear();
            let mut sources = 0;
            let mut index = 0;
            while index < cursors.len() {
                let cursor = &mut cursors[index];
                if cursor.listener() != listener {
                    index += 1;
                    continue;
                }
                sources += 1;
                if cursor.take(listener, &mut plays, &mut self.recordings)? {
                    index += 1;
                } else {
                    cursors.swap_remove(index);
                }
            }
            if sources > 1 || plays.windows(2).any(|pair| pair[0].recording == pair[1].recording) {
                add_up(&mut plays, &self.recordings, &self.paths[0])?;
            }
            visit(listener, &plays);
        }
        Ok(())
    }
}

/// Adds up what several batches say of the same listener and recording.
fn add_up(plays: &mut Vec<Play>, recordings: &Recordings, path: &Path) -> Result<(), UsageError> {
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
    match over {
        None => Ok(()),
        Some(recording) => Err(UsageError::TooManyPlays {
            recording: recordings.ids[recording as usize].to_string(),
            place: path.display().to_string(),
        }),
    }
}

impl Listening for SealedScan {
    type Error = UsageError;

    fn listeners(&mut self) -> Result<u64, UsageError> {
        if let [only] = self.paths.as_slice() {
            // What the file says of itself; `allocate` refuses it if the plays say otherwise.
            let count = note(&open(only)?, "tantieme.listeners").and_then(|text| text.parse().ok());
            return count.ok_or_else(|| damaged(only, "it does not count its listeners"));
        }
        let mut listeners = 0;
        self.visit(|_, plays| listeners += u64::from(plays.iter().any(|play| play.plays > 0)))?;
        Ok(listeners)
    }

    fn fold<T: Send>(
        &mut self,
        start: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, &[Play]) + Sync,
    ) -> Result<Vec<T>, UsageError> {
        let mut sum = start();
        self.visit(|_, plays| add(&mut sum, plays))?;
        Ok(vec![sum])
    }

    fn recordings(&self) -> &[RecordingId] {
        &self.recordings.ids
    }
}

/// One file, read from its beginning to its end.
struct Cursor {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    listeners: FixedSizeBinaryArray,
    batch: RecordBatch,
    /// What the codes of the current dictionary mean.
    codes: Vec<u32>,
    dictionary: Option<ArrayRef>,
    row: usize,
}

impl Cursor {
    fn open(path: &Path) -> Result<Self, UsageError> {
        let builder = open(path)?;
        if builder.schema().fields() != super::sealed::schema().fields() {
            return Err(damaged(path, "its columns are not those of sealed usage"));
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), [0, 1, 2]);
        let schema = builder.schema().clone();
        let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        let batch = RecordBatch::new_empty(schema);
        Ok(Self {
            path: path.to_owned(),
            batches: batches.map_err(|e| damaged(path, &e.to_string()))?,
            listeners: batch.column(0).as_fixed_size_binary().clone(),
            batch,
            codes: Vec::new(),
            dictionary: None,
            row: 0,
        })
    }

    fn listener(&self) -> u128 {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(self.listeners.value(self.row));
        u128::from_be_bytes(bytes)
    }

    /// Makes sure that the current row exists; false at the end of the file.
    fn advance(&mut self, recordings: &mut Recordings) -> Result<bool, UsageError> {
        while self.row >= self.listeners.len() {
            let Some(batch) = self.batches.next() else { return Ok(false) };
            self.batch = batch.map_err(|e| damaged(&self.path, &e.to_string()))?;
            self.listeners = self.batch.column(0).as_fixed_size_binary().clone();
            self.row = 0;
            let values = self.batch.column(1).as_dictionary::<Int32Type>().values();
            if !self.dictionary.as_ref().is_some_and(|known| Arc::ptr_eq(known, values)) {
                self.codes.clear();
                for name in values.as_string::<i32>() {
                    let name = name.ok_or_else(|| damaged(&self.path, "a recording is missing"))?;
                    self.codes.push(recordings.number(name).ok_or_else(|| {
                        damaged(&self.path, &format!("{name:?} is not a recording id"))
                    })?);
                }
                self.dictionary = Some(values.clone());
            }
        }
        Ok(true)
    }

    /// Takes all rows of a listener; false at the end of the file.
    fn take(
        &mut self,
        listener: u128,
        plays: &mut Vec<Play>,
        recordings: &mut Recordings,
    ) -> Result<bool, UsageError> {
        loop {
            let codes = self.batch.column(1).as_dictionary::<Int32Type>().keys().values();
            let counts = self.batch.column(2).as_primitive::<UInt32Type>().values();
            while self.row < counts.len() && self.listener() == listener {
                let code = usize::try_from(codes[self.row]).ok();
                let recording = code.and_then(|code| self.codes.get(code)).copied();
                let recording =
                    recording.ok_or_else(|| damaged(&self.path, "a code without a recording"))?;
                plays.push(Play { recording, plays: counts[self.row] });
                self.row += 1;
            }
            if self.row < self.listeners.len() {
                return Ok(true);
            }
            if !self.advance(recordings)? {
                return Ok(false);
            }
            if self.listener() != listener {
                return Ok(true);
            }
        }
    }
}

impl Recordings {
    fn number(&mut self, name: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let id = RecordingId::parse(name).ok()?;
        let number = u32::try_from(self.ids.len()).ok()?;
        self.ids.push(id);
        self.numbers.insert(name.to_owned(), number);
        Some(number)
    }
}

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, UsageError> {
    let file =
        File::open(path).map_err(|source| UsageError::File { path: path.to_owned(), source })?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(path, &e.to_string()))
}

fn note(builder: &ParquetRecordBatchReaderBuilder<File>, key: &str) -> Option<String> {
    let notes = builder.metadata().file_metadata().key_value_metadata()?;
    notes.iter().find(|note| note.key == key)?.value.clone()
}

fn damaged(path: &Path, reason: &str) -> UsageError {
    UsageError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}
