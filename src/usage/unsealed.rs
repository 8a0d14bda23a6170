//! Usage of one pool as any file may hold it: rows repeat and come in any order.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::raw::{cell, check_listener, read_plays};
use super::{Play, PlaysInMemory, Secret, UsageError};
use crate::ident::RecordingId;
use crate::ingest::{Column, Fault, Given, IngestError, OtherColumns, RowRead, Rows};

const COLUMNS: &[Column] = &[
    Column::required("listener"),
    Column::required("recording"),
    Column::required("plays"),
    Column::optional("active_plays"),
];
const LISTENER: usize = 0;
const RECORDING: usize = 1;

/// Why a file of usage was not taken. It is taken whole or not at all.
#[derive(Debug, thiserror::Error)]
pub enum UnsealedError {
    /// The file cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A row is wrong.
    #[error("{}:{fault}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Where and why.
        fault: Fault,
    },
    /// One listener's plays of one recording do not fit.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// No randomness to be had.
    #[error("cannot draw a key to hash listeners with: {0}")]
    Random(getrandom::Error),
}

/// Reads `listener,recording,plays[,active_plays]`; other columns are passed over. Listeners are
/// hashed with a key that is drawn for this run and kept nowhere.
pub fn read_unsealed(path: &Path, threads: usize) -> Result<PlaysInMemory, UnsealedError> {
    let mut rows = Rows::open(path, COLUMNS, Given::new(), OtherColumns::Ignored)?;
    let key = Secret::generate().map_err(UnsealedError::Random)?.listener_key("");
    let mut ids: HashMap<RecordingId, u32> = HashMap::new();
    let mut spellings: HashMap<String, u32> = HashMap::new();
    let mut plays = Vec::new();
    let wrong = |fault: Fault| UnsealedError::Row { path: path.to_owned(), fault };
    loop {
        let row = match rows.next()? {
            RowRead::End => break,
            RowRead::Fault(fault) => return Err(wrong(fault)),
            RowRead::Row(row) => row,
        };
        let recording = if let Some(recording) = spellings.get(row.text(RECORDING)) {
            *recording
        } else {
            let id = cell(row, RECORDING, RecordingId::parse).map_err(wrong)?;
            let next = u32::try_from(ids.len())
                .map_err(|_| wrong(row.fault(RECORDING, "more than 2^32 recordings")))?;
            let recording = *ids.entry(id).or_insert(next);
            spellings.insert(row.text(RECORDING).to_owned(), recording);
            recording
        };
        check_listener(row.text(LISTENER)).map_err(|reason| wrong(row.fault(LISTENER, reason)))?;
        let count = read_plays(row, 2, 3).map_err(wrong)?;
        plays.push((key.hash(row.text(LISTENER)), Play { recording, plays: count.plays }));
    }
    let mut recordings: Vec<(u32, RecordingId)> =
        ids.into_iter().map(|(id, at)| (at, id)).collect();
    recordings.sort_unstable_by_key(|(at, _)| *at);
    let recordings: Vec<RecordingId> = recordings.into_iter().map(|(_, id)| id).collect();
    let place = path.display().to_string();
    PlaysInMemory::new(recordings, plays, threads).map_err(|recording| {
        UsageError::TooManyPlays { recording: recording.to_string(), place }.into()
    })
}
