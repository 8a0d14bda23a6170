//! Usage of one pool as any file may hold it: rows repeat and come in any order.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::gather::{Gatherer, NotGathered};
use super::listening::ListenerCount;
use super::merge::Gathered;
use super::raw::Places;
use super::sealed::{Parts, SealedRow};
use super::{ListenerKey, Listening, Play, Secret, Sums, UsageError};
use crate::config::Means;
use crate::ident::RecordingId;
use crate::ingest::{Column, Fault, Given, IngestError, OtherColumns, RowRead, WideRows};

const COLUMNS: &[Column] = &[
    Column::required("listener"),
    Column::required("recording"),
    Column::required("plays"),
    Column::optional("active_plays"),
];
const PLACES: Places = Places { key: None, listener: 0, recording: 1, plays: 2, active: 3 };
/// Parts of the listeners for each thread, so that all end at about the same time.
const PARTS_OF_THREAD: u64 = 8;
const PART_ROWS: u64 = 1 << 16;

/// Why a file of usage was not taken. It is taken whole or not at all.
#[derive(Debug, thiserror::Error)]
pub enum UnsealedError {
    /// The file cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A row is wrong.
    #[error("{}", fault.at(path))]
    Row {
        /// The file, if there is but one.
        path: PathBuf,
        /// Where and why.
        fault: Fault,
    },
    /// One listener's plays of one recording do not fit, or the disk does not take the rows.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// No randomness to be had.
    #[error("cannot draw a key to hash listeners with: {0}")]
    Random(getrandom::Error),
}

/// The plays of a file, ordered by listener in memory and in unlisted temporary files.
pub struct UnsealedPlays {
    gathered: Gathered,
    threads: usize,
    listener_key: ListenerKey,
}

impl UnsealedPlays {
    /// The hash that stands for a listener in these plays.
    pub fn hash(&self, listener: &str) -> u128 {
        self.listener_key.hash(listener)
    }
}

/// Reads `listener,recording,plays[,active_plays]` from files, or folders of files, as one; other
/// columns are passed over. Listeners are hashed with a key that is drawn for this run and
/// kept nowhere.
pub fn read_unsealed(paths: &[PathBuf], means: Means) -> Result<UnsealedPlays, UnsealedError> {
    let rows = WideRows::open(paths, COLUMNS, &Given::new(), OtherColumns::Ignored)?;
    let secret = Secret::generate().map_err(UnsealedError::Random)?;
    let spill = std::env::temp_dir();
    let taker = || {
        let Means { threads, memory } = means;
        (Gatherer::new(secret.clone(), PLACES, &spill, threads, memory), None)
    };
    let takers: Vec<(Gatherer, Option<NotGathered>)> =
        std::iter::repeat_with(taker).take(means.threads).collect();
    let (takers, _) = rows.read(
        takers,
        |(gatherer, wrong), read| {
            let gathered = match read {
                RowRead::Row(row) => gatherer.add(row),
                RowRead::Fault(fault) => Err(fault.into()),
                RowRead::End => Ok(()),
            };
            match gathered {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    // A thread may find several wrong rows before all threads stop.
                    let first = match (&wrong, &error) {
                        (Some(NotGathered::Row(old)), NotGathered::Row(new)) => new < old,
                        (old, _) => old.is_none(),
                    };
                    if first {
                        *wrong = Some(error);
                    }
                    ControlFlow::Break(())
                }
            }
        },
        &mut |_| {},
    )?;
    let (gatherers, wrong): (Vec<_>, Vec<_>) = takers.into_iter().unzip();
    let mut faults = Vec::new();
    for wrong in wrong.into_iter().flatten() {
        match wrong {
            NotGathered::Row(fault) => faults.push(fault),
            NotGathered::Failed(error) => return Err(error.into()),
        }
    }
    if let Some(fault) = faults.into_iter().min() {
        let path = paths.first().cloned().unwrap_or_default();
        return Err(UnsealedError::Row { path, fault });
    }
    let gathered = Gathered::new(gatherers, means.memory)?;
    // As the gatherers do where there is one pool.
    let listener_key = secret.listener_key("");
    Ok(UnsealedPlays { gathered, threads: means.threads, listener_key })
}

impl Listening for UnsealedPlays {
    type Error = UsageError;

    fn recordings(&self) -> &[RecordingId] {
        &self.gathered.recordings
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn listeners(&self) -> Result<u64, UsageError> {
        Ok(self.fold(ListenerCount::default)?.iter().map(|part| part.0).sum())
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, UsageError> {
        let Some(pool) = self.gathered.pools.get(&None) else { return Ok(Vec::new()) };
        let parts = (pool.rows / PART_ROWS).min(PARTS_OF_THREAD * self.threads as u64);
        let parts = Parts::at_least(parts);
        let play = |row: &SealedRow| Play {
            recording: row.recording,
            plays: row.plays,
            active: row.active,
        };
        let next = AtomicU64::new(0);
        let run = || {
            let (mut sums, mut plays) = (start(), Vec::new());
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                let Some(from) = parts.start(part) else { return Ok(sums) };
                let range = (from, parts.start(part + 1));
                self.gathered.visit::<UsageError>(None, pool, range, |listener, rows| {
                    plays.clear();
                    plays.extend(rows.iter().map(play));
                    sums.add(listener, &plays);
                    Ok(())
                })?;
            }
        };
        crate::threads::on_threads(self.threads, run).into_iter().collect()
    }
}
