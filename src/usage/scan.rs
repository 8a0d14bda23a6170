//! The month's sealed files of one pool key, read together as if they were one.
//!
//! The space of listeners' hashes is cut where row groups begin, and threads take the ranges in
//! turn. Only the columns that a pass needs are decoded, and recordings are numbered once for
//! each dictionary, never for each row.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use super::cursor::{Cursor, add_up};
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
                add_up(&mut plays).map_err(|recording| self.too_many(recording))?;
            }
            visit(listener, &plays);
        }
        Ok(rows)
    }

    fn too_many(&self, recording: u32) -> UsageError {
        let known = self.recordings.read().unwrap_or_else(PoisonError::into_inner);
        UsageError::TooManyPlays {
            recording: known.ids()[recording as usize].to_string(),
            place: self.files[0].path.display().to_string(),
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow_array::StringArray;

    use super::super::sealed::{Encoders, Parts, SealedRow, SealedWriter};
    use super::*;

    /// Plays and listeners by recording.
    #[derive(Default)]
    struct Naive {
        open: Vec<Play>,
        sums: BTreeMap<u32, (u64, u64)>,
    }

    impl Sums for Naive {
        fn add(&mut self, plays: impl Iterator<Item = Play> + Clone) {
            self.open.extend(plays);
        }

        fn close(&mut self, numbers: &[u32]) {
            for play in self.open.drain(..) {
                let sum = self.sums.entry(numbers[play.recording as usize]).or_default();
                *sum = (sum.0 + u64::from(play.plays), sum.1 + 1);
            }
        }
    }

    /// A file of groups as they are given, whatever listeners they have.
    fn write(path: &Path, groups: &[Vec<SealedRow>]) {
        let names = (0..40).map(|n| Some(format!("x::{n:02}"))).collect::<StringArray>();
        let encoders = Encoders::new(path, Arc::new(names)).unwrap();
        let mut writer = SealedWriter::new(path, "key", encoders.clone(), Parts::of(1)).unwrap();
        for rows in groups {
            let mut group = encoders.group().unwrap();
            for row in rows {
                group.push(*row).unwrap();
            }
            writer.append(group.finish().unwrap()).unwrap();
        }
        writer.finish().unwrap();
    }

    fn sums(paths: &[PathBuf], threads: usize) -> BTreeMap<String, (u64, u64)> {
        let mut scan = SealedScan::new(paths.to_vec(), threads);
        let mut all = BTreeMap::<String, (u64, u64)>::new();
        for part in scan.fold(Naive::default).unwrap() {
            for (number, sum) in part.sums {
                let name = scan.recordings()[number as usize].to_string();
                let all = all.entry(name).or_default();
                *all = (all.0 + sum.0, all.1 + sum.1);
            }
        }
        all
    }

    fn row(listener: u128, recording: u32) -> SealedRow {
        SealedRow { listener: listener << 64, recording, plays: recording + 1, active: 0 }
    }

    #[test]
    fn a_listener_over_the_edge_of_groups_is_one_listener() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
        let rows: Vec<SealedRow> =
            (0..600).flat_map(|listener| (0..40).map(move |n| row(listener, n))).collect();
        write(&whole, std::slice::from_ref(&rows));
        // Cut within listeners 2, 250 (twice) and 412.
        let cuts = [&rows[..100], &rows[100..10_003], &rows[10_003..10_020], &rows[10_020..16_499]];
        let mut groups: Vec<Vec<SealedRow>> = cuts.iter().map(|rows| rows.to_vec()).collect();
        groups.push(rows[16_499..].to_vec());
        write(&cut, &groups);
        let expected: BTreeMap<String, (u64, u64)> =
            (0..40).map(|n| (format!("x::{n:02}"), (600 * (n + 1), 600))).collect();
        for threads in [1, 2, 5] {
            assert_eq!(sums(std::slice::from_ref(&whole), threads), expected);
            assert_eq!(sums(std::slice::from_ref(&cut), threads), expected);
        }
        let mut scan = SealedScan::new(vec![cut], 1);
        let mut seen = 0;
        scan.visit(|_, plays| {
            assert_eq!(plays.len(), 40);
            seen += 1;
        })
        .unwrap();
        assert_eq!(seen, 600);
    }

    #[test]
    fn plays_in_two_files_or_rows_are_those_of_one_listener() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        write(&one, &[vec![row(1, 7), row(1, 7), row(2, 7)]]);
        write(&other, &[vec![row(1, 3), row(1, 7), row(9, 8)]]);
        let expected = |rows: &[(&str, (u64, u64))]| {
            rows.iter().map(|(name, sum)| ((*name).to_owned(), *sum)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(sums(std::slice::from_ref(&one), 2), expected(&[("x::07", (24, 2))]));
        assert_eq!(
            sums(&[one, other], 2),
            expected(&[("x::03", (4, 1)), ("x::07", (32, 2)), ("x::08", (9, 1))]),
        );
    }
}
