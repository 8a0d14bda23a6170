//! Gathered rows into sealed files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use arrow_array::{ArrayRef, StringArray};

use super::merge::{Gathered, GatheredPool};
use super::sealed::{Encoders, Group, Parts, SealedTotals, SealedWriter};
use super::{UsageError, UsageKey};
use crate::digest::Digest;

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

/// Writes one file for each pool key into `folder`, on so many threads; returns the files and how
/// many rows were added to another row of the same listener and recording. `progress` is told
/// how many rows have been sealed.
pub fn seal(
    gathered: &Gathered,
    folder: &Path,
    threads: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<(Vec<SealedUsage>, u64), UsageError> {
    let names: StringArray = gathered.recordings.iter().map(|id| Some(id.as_str())).collect();
    let names: ArrayRef = Arc::new(names);
    let encoders = Encoders::new(folder, names)?;
    let tasks: Vec<Task<'_>> = gathered
        .pools
        .iter()
        .filter_map(|(key, pool)| key.as_ref().map(|key| (key, pool)))
        .flat_map(|(key, pool)| {
            let parts = Parts::of(pool.rows);
            (0..parts.count()).map(move |part| Task { key, pool, parts, part })
        })
        .collect();
    let mut files = Files::new(folder, &encoders);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = sync_channel(threads.max(1));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (sender, tasks, next, encoders) = (sender.clone(), &tasks, &next, &encoders);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(index) else { return };
                    let made = encode(gathered, task, encoders);
                    if sender.send((index, made)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // Groups are made in any order and written in theirs. Where writing fails, the receiver
        // is gone, and with it the threads.
        let mut waiting = BTreeMap::new();
        let mut written = 0;
        for (index, made) in receiver {
            waiting.insert(index, made);
            while let Some(made) = waiting.remove(&written) {
                let (group, repeated) = made?;
                files.repeated += repeated;
                files.append(&tasks[written], group)?;
                progress(files.rows);
                written += 1;
            }
        }
        Ok(())
    })
    .and_then(|()| files.finish())
}

fn encode(
    gathered: &Gathered,
    task: &Task<'_>,
    encoders: &Encoders,
) -> Result<(Group, u64), UsageError> {
    let mut group = encoders.group()?;
    let range = (task.parts.start(task.part).unwrap_or(0), task.parts.start(task.part + 1));
    let repeated = gathered.visit(Some(task.key), task.pool, range, |_, rows| {
        rows.iter().try_for_each(|row| group.push(*row))
    })?;
    Ok((group.finish()?, repeated))
}

/// The files, one after the other.
struct Files<'a> {
    folder: &'a Path,
    encoders: &'a Encoders,
    open: Option<(UsageKey, String, SealedWriter)>,
    sealed: Vec<SealedUsage>,
    rows: u64,
    repeated: u64,
}

impl<'a> Files<'a> {
    const fn new(folder: &'a Path, encoders: &'a Encoders) -> Self {
        Self { folder, encoders, open: None, sealed: Vec::new(), rows: 0, repeated: 0 }
    }

    fn append(&mut self, task: &Task<'_>, group: Group) -> Result<(), UsageError> {
        if self.open.as_ref().is_none_or(|(key, ..)| key != task.key) {
            self.close()?;
            let key = task.key.to_string();
            let file = format!("{}.parquet", Digest::of(key.as_bytes()).short());
            let path = self.folder.join(&file);
            let writer = SealedWriter::new(&path, &key, self.encoders.clone(), task.parts)?;
            self.open = Some((task.key.clone(), file, writer));
        }
        self.rows += group.rows();
        self.open.as_mut().map_or(Ok(()), |(.., writer)| writer.append(group))
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
