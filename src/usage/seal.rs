//! Gathered rows into sealed files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::encode::{Coding, Group};
use super::merge::{Gathered, GatheredPool};
use super::sealed::{Parts, SealedRow, SealedTotals, SealedWriter};
use super::{UsageError, UsageKey};
use crate::digest::Digest;

/// Groups for each thread that are being encoded or wait for those before them.
const GROUPS_AHEAD: usize = 2;

/// One sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedUsage {
    /// What its plays are pooled by.
    pub key: UsageKey,
    /// The file's name in the folder it was sealed into.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Rows: one for each listener and recording.
    pub rows: u64,
    /// All plays.
    pub plays: u64,
}

/// One row group to be made.
struct Task<'a> {
    key: &'a UsageKey,
    pool: &'a GatheredPool,
    parts: Parts,
    part: u64,
}

/// The recordings of one pool's file.
struct FileCoding {
    coding: Coding,
    /// For each place among all recordings, the place among the file's.
    places: Vec<u32>,
}

/// The coding that was made last: row groups are made in the order of their files.
type LastCoding<'a> = Mutex<Option<(&'a UsageKey, Arc<FileCoding>)>>;

/// A row group, and how many rows were added to others.
struct Made {
    group: Group,
    repeated: u64,
    coding: Arc<FileCoding>,
}

/// Writes one file for each pool key into `folder`, on so many threads; returns the files and how
/// many rows were added to another row of the same listener and recording. `progress` is told
/// how many rows have been sealed.
pub fn seal(
    gathered: &Gathered,
    folder: &Path,
    threads: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<(Vec<SealedUsage>, u64), UsageError> {
    let tasks: Vec<Task<'_>> = gathered
        .pools
        .iter()
        .filter_map(|(key, pool)| key.as_ref().map(|key| (key, pool)))
        .flat_map(|(key, pool)| {
            let parts = Parts::of(pool.rows, pool.recordings.len());
            (0..parts.count()).map(move |part| Task { key, pool, parts, part })
        })
        .collect();
    let threads = threads.max(1);
    let mut files = Files::new(folder);
    let (next, last_coding) = (AtomicUsize::new(0), LastCoding::default());
    let (sender, receiver) = channel();
    // A thread puts something in before it takes a task, and it is taken out when the group is
    // written: so groups that wait for a slow one before them are few.
    let (begin, begun) = sync_channel(GROUPS_AHEAD * threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, begin) = (sender.clone(), begin.clone());
            let (tasks, next, last_coding) = (&tasks, &next, &last_coding);
            scope.spawn(move || {
                while begin.send(()).is_ok() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(index) else { return };
                    let made = make(gathered, task, folder, last_coding);
                    if sender.send((index, made)).is_err() {
                        return;
                    }
                }
            });
        }
        drop((sender, begin));
        // Groups are made in any order and written in theirs. Where writing fails, the receivers
        // are gone, and with them the threads.
        let (begun, mut waiting) = (begun, BTreeMap::new());
        let mut written = 0;
        for (index, made) in receiver {
            waiting.insert(index, made);
            while let Some(made) = waiting.remove(&written) {
                files.append(&tasks[written], made?)?;
                progress(files.rows);
                written += 1;
                let _ = begun.recv(); // what the thread put in for this group
            }
        }
        Ok(())
    })
    .and_then(|()| files.finish())
}

fn make<'a>(
    gathered: &Gathered,
    task: &Task<'a>,
    folder: &Path,
    last: &LastCoding<'a>,
) -> Result<Made, UsageError> {
    let coding = coding(gathered, task, folder, last)?;
    let mut group = coding.coding.group()?;
    let range = (task.parts.start(task.part).unwrap_or(0), task.parts.start(task.part + 1));
    let repeated = gathered.visit(Some(task.key), task.pool, range, |_, rows| {
        rows.iter().try_for_each(|row| {
            group.push(SealedRow { recording: coding.places[row.recording as usize], ..*row })
        })
    })?;
    Ok(Made { group: group.finish()?, repeated, coding })
}

fn coding<'a>(
    gathered: &Gathered,
    task: &Task<'a>,
    folder: &Path,
    last: &LastCoding<'a>,
) -> Result<Arc<FileCoding>, UsageError> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, coding)) = last.as_ref().filter(|(key, _)| *key == task.key) {
        return Ok(coding.clone());
    }
    let ids = task.pool.recordings.iter().map(|place| &gathered.recordings[*place as usize]);
    let coding = Coding::new(folder, ids)?;
    let mut places = vec![0; gathered.recordings.len()];
    for (place, of_all) in (0..).zip(&task.pool.recordings) {
        places[*of_all as usize] = place;
    }
    let coding = Arc::new(FileCoding { coding, places });
    *last = Some((task.key, coding.clone()));
    Ok(coding)
}

/// The files, one after the other.
struct Files<'a> {
    folder: &'a Path,
    open: Option<(UsageKey, String, SealedWriter)>,
    sealed: Vec<SealedUsage>,
    rows: u64,
    repeated: u64,
}

impl<'a> Files<'a> {
    const fn new(folder: &'a Path) -> Self {
        Self { folder, open: None, sealed: Vec::new(), rows: 0, repeated: 0 }
    }

    fn append(&mut self, task: &Task<'_>, made: Made) -> Result<(), UsageError> {
        if self.open.as_ref().is_none_or(|(key, ..)| key != task.key) {
            self.close()?;
            let key = task.key.to_string();
            let file = format!("{}.parquet", Digest::of(key.as_bytes()).short());
            let path = self.folder.join(&file);
            let writer = SealedWriter::new(&path, &key, made.coding.coding.clone(), task.parts)?;
            self.open = Some((task.key.clone(), file, writer));
        }
        self.rows += made.group.rows();
        self.repeated += made.repeated;
        self.open.as_mut().map_or(Ok(()), |(.., writer)| writer.append(made.group))
    }

    fn close(&mut self) -> Result<(), UsageError> {
        if let Some((key, file, writer)) = self.open.take() {
            let SealedTotals { sha256, rows, plays, .. } = writer.finish()?;
            self.sealed.push(SealedUsage { key, file, sha256, rows, plays });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Vec<SealedUsage>, u64), UsageError> {
        self.close()?;
        Ok((self.sealed, self.repeated))
    }
}
