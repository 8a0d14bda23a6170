//! The month's sealed files of one pool key, read together as if they were one.
//!
//! The space of listeners' hashes is cut where row groups begin, and threads take the ranges in
//! turn. Only the columns that a pass needs are decoded, and recordings are numbered once for
//! each dictionary, never for each row.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use super::cursor::Cursor;
use super::listening::{Listeners, own_numbers};
use super::recordings::Recordings;
use super::sealed_file::{Range, SealedFile, check_rows, damaged, open_all, ranges};
use super::{Listening, Play, Sums, UsageError};
use crate::ident::RecordingId;

/// Sealed files, read together as if they were one.
pub struct SealedScan {
    paths: Vec<PathBuf>,
    threads: usize,
    recordings: Recordings,
}

/// One reading of the files.
struct Pass<'a> {
    files: Vec<SealedFile<'a>>,
    recordings: &'a RwLock<Recordings>,
}

impl SealedScan {
    /// A scan over the files of one pool key, on so many threads.
    pub fn new(paths: Vec<PathBuf>, threads: usize) -> Self {
        Self { paths, threads, recordings: Recordings::default() }
    }

    /// True if the file says that it was sealed here.
    pub fn is_sealed(path: &Path) -> Result<bool, UsageError> {
        Ok(SealedFile::open(path)?.note("tantieme.sealed").as_deref() == Some("1"))
    }

    /// Calls `visit` with each listener's hash and plays, in the order of hashes. Each recording
    /// stands once.
    pub fn visit(&mut self, mut visit: impl FnMut(u128, &[Play])) -> Result<(), UsageError> {
        self.pass(|pass| {
            let range = Range { from: 0, to: None };
            let rows = pass.merge(pass.cursors(range)?, &mut visit)?;
            check_rows(&pass.files, rows)
        })
    }

    fn pass<T>(
        &mut self,
        read: impl FnOnce(&Pass<'_>) -> Result<T, UsageError>,
    ) -> Result<T, UsageError> {
        let recordings = RwLock::new(std::mem::take(&mut self.recordings));
        let read =
            open_all(&self.paths).and_then(|files| read(&Pass { files, recordings: &recordings }));
        self.recordings = recordings.into_inner().unwrap_or_else(PoisonError::into_inner);
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
}

impl Pass<'_> {
    /// Shows every listener's plays to one of several sums, on as many threads.
    fn on_threads<S: Sums>(
        &self,
        threads: usize,
        start: impl Fn() -> S + Sync,
    ) -> Result<Vec<S>, UsageError> {
        let ranges = ranges(&self.files);
        let (next, rows) = (AtomicUsize::new(0), AtomicU64::new(0));
        let sums = super::on_threads(threads, || {
            let mut sums = start();
            while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                rows.fetch_add(self.read_range(*range, &mut sums)?, Ordering::Relaxed);
            }
            Ok(sums)
        });
        let sums = sums.into_iter().collect::<Result<_, _>>()?;
        check_rows(&self.files, rows.into_inner())?;
        Ok(sums)
    }

    /// Shows each listener of a range to `sums`, in order; returns how many rows were read.
    fn read_range(&self, range: Range, sums: &mut impl Sums) -> Result<u64, UsageError> {
        let mut cursors = self.cursors(range)?;
        if let [only] = cursors.as_mut_slice() {
            return only.take_all(sums);
        }
        let rows = self.merge(cursors, &mut |_, plays| sums.add(plays.iter().copied()))?;
        let known = self.recordings.read().unwrap_or_else(PoisonError::into_inner);
        sums.close(&own_numbers(known.ids()));
        Ok(rows)
    }

    /// Those files that have rows in a range, each at its first.
    fn cursors(&self, range: Range) -> Result<Vec<Cursor<'_>>, UsageError> {
        let mut cursors = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let mut cursor = Cursor::new(file, range, self.recordings);
            if cursor.advance()? {
                cursors.push(cursor);
            }
        }
        Ok(cursors)
    }

    /// Calls `visit` with each listener that the cursors have, in order; returns how many rows
    /// were read.
    fn merge(
        &self,
        mut cursors: Vec<Cursor<'_>>,
        visit: &mut impl FnMut(u128, &[Play]),
    ) -> Result<u64, UsageError> {
        let mut plays = Vec::new();
        let (mut rows, mut last) = (0, None);
        while let Some(listener) = cursors.iter().map(|cursor| cursor.listener).min() {
            if last.replace(listener).is_some_and(|last| last >= listener) {
                return Err(damaged(self.files[0].path, "its listeners are not in order"));
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
                self.add_up(&mut plays, self.files[0].path)?;
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
            recording: known.ids()[recording as usize].to_string(),
            place: path.display().to_string(),
        })
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
        let parts = self.fold(Listeners::default)?;
        Ok(parts.iter().map(|part| part.0).sum())
    }

    fn fold<S: Sums>(&mut self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, UsageError> {
        let threads = self.threads;
        self.pass(|pass| pass.on_threads(threads, start))
    }

    fn recordings(&self) -> &[RecordingId] {
        self.recordings.ids()
    }
}
