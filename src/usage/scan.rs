//! The month's sealed files of one pool key, read together as if they were one.
//!
//! The space of listeners' hashes is cut where row groups begin, and threads take the ranges in
//! turn. Recordings are numbered when the files are opened: those of the first file are what its
//! rows have for them, so that of one file nothing is ever looked up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cursor::Cursor;
use super::listening::{ListenerCount, add_up};
use super::recordings::Recordings;
use super::sealed_file::{SealedFile, Span, damaged, is_sealed, ranges};
use super::{Listening, Play, Sums, UsageError};
use crate::ident::RecordingId;

/// Sealed files, read together as if they were one.
pub struct SealedScan {
    files: Vec<SealedFile>,
    recordings: Recordings,
    threads: usize,
    active: bool,
}

impl SealedScan {
    /// Opens the files of one pool key, to be read on so many threads.
    pub fn open(paths: &[PathBuf], threads: usize) -> Result<Self, UsageError> {
        let (mut files, mut recordings) = (Vec::with_capacity(paths.len()), Recordings::default());
        for path in paths {
            let (file, texts) = SealedFile::open(path)?;
            recordings.add(&texts, threads).map_err(|e| damaged(path, &e.to_string()))?;
            files.push(file);
        }
        Ok(Self { files, recordings, threads, active: false })
    }

    /// The same, with or without active plays.
    #[must_use]
    pub fn with_active(self, active: bool) -> Self {
        Self { active, ..self }
    }

    /// True if the file says that it was sealed here.
    pub fn is_sealed(path: &Path) -> Result<bool, UsageError> {
        is_sealed(path)
    }

    /// Calls `visit` with each listener's hash and plays, in the order of hashes. Each recording
    /// stands once.
    pub fn visit(&self, mut visit: impl FnMut(u128, &[Play])) -> Result<(), UsageError> {
        self.read(Span::ALL, &mut visit)
    }

    /// Decodes the columns that an allocation needs on all threads and looks at none of them;
    /// returns how many rows there are. What an allocation is measured against.
    pub fn bare(&self) -> Result<u64, UsageError> {
        struct Rows(u64);
        impl Sums for Rows {
            fn add(&mut self, _: u128, plays: &[Play]) {
                self.0 += std::hint::black_box(plays).len() as u64;
            }
        }
        Ok(self.fold(|| Rows(0))?.iter().map(|rows| rows.0).sum())
    }

    /// Calls `visit` with each listener of a span, in order.
    fn read(&self, span: Span, visit: &mut impl FnMut(u128, &[Play])) -> Result<(), UsageError> {
        let mut cursors = Vec::with_capacity(self.files.len());
        for (file, numbers) in self.files.iter().zip(self.recordings.of_files()) {
            let mut cursor = Cursor::new(file, span, self.active);
            if cursor.advance()? {
                cursors.push((cursor, numbers));
            }
        }
        let mut plays = Vec::new();
        if let [(only, numbers)] = cursors.as_mut_slice() {
            loop {
                plays.clear();
                read_one(only, *numbers, &mut plays)?;
                visit(only.listener, &plays);
                if !only.advance()? {
                    return Ok(());
                }
            }
        }
        while let Some(listener) = cursors.iter().map(|(cursor, _)| cursor.listener).min() {
            plays.clear();
            let (mut sources, mut index) = (0, 0);
            while let Some((cursor, numbers)) = cursors.get_mut(index) {
                if cursor.listener != listener {
                    index += 1;
                    continue;
                }
                sources += 1;
                read_one(cursor, *numbers, &mut plays)?;
                if cursor.advance()? {
                    index += 1;
                } else {
                    cursors.swap_remove(index);
                }
            }
            if sources > 1 {
                add_up(&mut plays).map_err(|recording| self.too_many(recording))?;
            }
            visit(listener, &plays);
        }
        Ok(())
    }

    fn too_many(&self, recording: u32) -> UsageError {
        UsageError::TooManyPlays {
            recording: self.recordings.ids()[recording as usize].to_string(),
            place: self.files[0].path().display().to_string(),
        }
    }
}

/// Adds the plays of the cursor's listener; without numbers, recordings keep the file's.
fn read_one(
    cursor: &Cursor<'_>,
    numbers: Option<&[u32]>,
    plays: &mut Vec<Play>,
) -> Result<(), UsageError> {
    let begin = plays.len();
    cursor.read(plays)?;
    if let Some(numbers) = numbers {
        for play in &mut plays[begin..] {
            play.recording = numbers[play.recording as usize];
        }
    }
    Ok(())
}

impl Listening for SealedScan {
    type Error = UsageError;

    fn threads(&self) -> usize {
        self.threads
    }

    fn listeners(&self) -> Result<u64, UsageError> {
        if let [only] = self.files.as_slice() {
            // What the file says of itself; `allocate` refuses it if the plays say otherwise.
            let count = only.note("tantieme.listeners").and_then(|text| text.parse().ok());
            return count.ok_or_else(|| damaged(only.path(), "it does not count its listeners"));
        }
        let parts = self.fold(ListenerCount::default)?;
        Ok(parts.iter().map(|part| part.0).sum())
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, UsageError> {
        let ranges = ranges(&self.files);
        let next = AtomicUsize::new(0);
        let sums = crate::threads::on_threads(self.threads, || {
            let mut sums = start();
            while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.read(*range, &mut |listener, plays| sums.add(listener, plays))?;
            }
            Ok(sums)
        });
        sums.into_iter().collect()
    }

    fn recordings(&self) -> &[RecordingId] {
        self.recordings.ids()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::sealed::{SealedRow, SealedWriter};
    use super::*;

    /// Plays and listeners by recording.
    #[derive(Default)]
    struct Naive(BTreeMap<u32, (u64, u64)>);

    impl Sums for Naive {
        fn add(&mut self, _: u128, plays: &[Play]) {
            for play in plays {
                let sum = self.0.entry(play.recording).or_default();
                *sum = (sum.0 + u64::from(play.plays), sum.1 + 1);
            }
        }
    }

    /// A file of rows that name recordings by their places among the names.
    fn write(path: &Path, names: &[&str], rows: &[SealedRow], groups: u64) {
        let names: Vec<RecordingId> =
            names.iter().map(|name| RecordingId::parse(name).unwrap()).collect();
        // A group has so many rows at most.
        let rows_said = groups << 23;
        let mut writer = SealedWriter::create(path, "key", &names, rows_said).unwrap();
        rows.iter().try_for_each(|row| writer.push(*row)).unwrap();
        assert_eq!(writer.finish().unwrap().rows, rows.len() as u64);
    }

    fn sums(paths: &[PathBuf], threads: usize) -> BTreeMap<String, (u64, u64)> {
        let scan = SealedScan::open(paths, threads).unwrap();
        let mut all = BTreeMap::<String, (u64, u64)>::new();
        for part in scan.fold(Naive::default).unwrap() {
            for (number, sum) in part.0 {
                let all = all.entry(scan.recordings()[number as usize].to_string()).or_default();
                *all = (all.0 + sum.0, all.1 + sum.1);
            }
        }
        all
    }

    fn row(listener: u128, recording: u32) -> SealedRow {
        SealedRow { listener: listener << 118, recording, plays: recording + 1, active: 0 }
    }

    #[test]
    fn every_listener_is_read_once_whatever_the_groups_and_threads() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..40).map(|n| format!("x::{n:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // One listener in three plays one recording, the others forty; over 2¹⁵ rows are several
        // pages.
        let recordings = |listener: u128| if listener.is_multiple_of(3) { 39..40 } else { 0..40 };
        let rows: Vec<SealedRow> = (0..1000)
            .flat_map(|listener| recordings(listener).map(move |n| row(listener, n)))
            .collect();
        let expected: BTreeMap<String, (u64, u64)> = (0..40)
            .map(|n| (n, if n == 39 { 1000 } else { 666 }))
            .map(|(n, listeners)| (format!("x::{n:02}"), (listeners * (n + 1), listeners)))
            .collect();
        for groups in [1, 2, 8] {
            let path = folder.path().join(groups.to_string());
            write(&path, &names, &rows, groups);
            for threads in [1, 2, 5] {
                assert_eq!(sums(std::slice::from_ref(&path), threads), expected);
            }
            let (mut seen, mut last) = (0, None);
            let scan = SealedScan::open(&[path], 1).unwrap();
            scan.visit(|listener, plays| {
                assert!(last.replace(listener).is_none_or(|last| last < listener));
                assert_eq!(plays.len(), recordings(listener >> 118).len());
                seen += 1;
            })
            .unwrap();
            assert_eq!(seen, 1000);
        }
    }

    #[test]
    fn plays_in_two_files_are_those_of_one_listener() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        write(&one, &["x::a", "x::b"], &[row(1, 0), row(1, 1), row(2, 0)], 1);
        write(&other, &["x::b", "x::c"], &[row(1, 0), row(9, 1)], 2);
        let expected = |rows: &[(&str, (u64, u64))]| {
            rows.iter().map(|(name, sum)| ((*name).to_owned(), *sum)).collect::<BTreeMap<_, _>>()
        };
        let only = sums(std::slice::from_ref(&one), 2);
        assert_eq!(only, expected(&[("x::a", (2, 2)), ("x::b", (2, 1))]));
        let both = expected(&[("x::a", (2, 2)), ("x::b", (3, 1)), ("x::c", (2, 1))]);
        assert_eq!(sums(&[one.clone(), other.clone()], 2), both);
        assert_eq!(sums(&[other, one], 3), both);
    }

    #[test]
    fn a_damaged_file_is_refused_and_breaks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        let rows: Vec<SealedRow> =
            (0..12).flat_map(|listener| (0..3).map(move |n| row(listener, n))).collect();
        write(&path, &["x::a", "x::b", "x::c"], &rows, 2);
        let whole = std::fs::read(&path).unwrap();
        let expected = sums(std::slice::from_ref(&path), 1);
        let mut refused = 0;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, bytes).unwrap();
            // What is not noticed here is noticed by the file's SHA-256; it must not panic.
            let read = SealedScan::open(std::slice::from_ref(&path), 1)
                .and_then(|scan| scan.fold(Naive::default));
            refused += usize::from(read.is_err());
        }
        assert!(refused > whole.len() / 4, "{refused} of {} refused", whole.len());
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(SealedScan::open(std::slice::from_ref(&path), 1).is_err());
        std::fs::write(&path, whole).unwrap();
        assert_eq!(sums(std::slice::from_ref(&path), 1), expected);
    }

    #[test]
    fn rows_that_are_out_of_order_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (name, rows) in [
            ("listeners", vec![row(2, 0), row(1, 0)]),
            ("listener twice", vec![row(1, 0), row(2, 0), row(1, 1)]),
            ("recordings", vec![row(1, 1), row(1, 0)]),
            ("recording twice", vec![row(1, 0), row(1, 0)]),
            ("unknown recording", vec![row(1, 2)]),
        ] {
            let path = folder.path().join(name);
            write(&path, &["x::a", "x::b"], &rows, 1);
            let read = SealedScan::open(&[path], 1).and_then(|scan| scan.fold(Naive::default));
            assert!(matches!(read, Err(UsageError::Damaged { .. })), "{name}");
        }
    }
}
