//! Rows in, sorted runs out: usage of any size in bounded memory.
//!
//! Each reading thread has a gatherer, which hashes listeners, numbers recordings and fills its
//! part of the memory with rows; when that is full they are sorted and go to the disk as a run,
//! in a file that no folder lists and that is gone with the process. What sealing must know before
//! it begins is counted run by run: how many rows a recording has, and which pools name it.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;

use super::raw::{Places, UsageKey, cell, check_listener, read_plays};
use super::{ListenerKey, Secret, UsageError};
use crate::ident::RecordingId;
use crate::ingest::{Fault, Row};

/// Spellings of recordings that are remembered beside their ids.
const SPELLINGS_MAX: usize = 1 << 20;
/// The most pools of one file, each of which becomes a file: every offer in every country in every
/// month of a year.
pub const POOLS_MAX: u32 = 1 << 16;
/// The fewest rows that a gatherer holds.
const ROWS_MIN: usize = 1 << 10;
/// Bytes of a row on the disk.
const ROW_BYTES: usize = 28;

/// One row of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GatheredRow {
    pub(super) listener: u128,
    /// By the gatherer's own numbers.
    pub(super) recording: u32,
    pub(super) plays: u32,
    pub(super) active: u32,
    /// By the gatherer's own numbers.
    pool: u32,
}

/// Why a row was not gathered.
#[derive(Debug)]
pub enum NotGathered {
    /// The row is wrong.
    Row(Fault),
    /// Nothing more can be gathered.
    Failed(UsageError),
}

impl From<Fault> for NotGathered {
    fn from(fault: Fault) -> Self {
        Self::Row(fault)
    }
}

/// Gathers the rows that one thread reads.
pub struct Gatherer {
    secret: Secret,
    places: Places,
    spill: PathBuf,
    rows_max: usize,
    pools: Vec<Pool>,
    keys: HashMap<UsageKey, u32>,
    /// The pool of the last row and its four texts: most rows are of the same pool.
    last_key: Option<([String; 4], u32)>,
    /// The last listener, its pool and its hash: many files have a listener's rows together.
    last_listener: (u32, String, u128),
    recordings: Numbers,
    /// By the recordings' numbers.
    met: Vec<Met>,
    segments: u64,
    rows: Vec<GatheredRow>,
    file: Option<BufWriter<File>>,
    spilled: u64,
    runs: Vec<Vec<Segment>>,
}

struct Pool {
    key: Option<UsageKey>,
    hash: ListenerKey,
    rows: u64,
    /// The recordings of its runs, in order, each once.
    recordings: Vec<u32>,
}

/// What the runs say of one recording.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    rows: u64,
    /// The last segment that has it.
    segment: u64,
}

/// Recordings, numbered as they come.
#[derive(Default)]
struct Numbers {
    ids: Vec<RecordingId>,
    by_id: HashMap<RecordingId, u32>,
    /// What was met and fits into sixteen bytes, ISRCs first of all: found without following a
    /// pointer.
    short: HashMap<u128, u32>,
    /// Other spellings that do not fit.
    long: HashMap<String, u32>,
}

impl Numbers {
    fn get(&self, text: &str) -> Option<u32> {
        let known = match short(text) {
            Some(short) => self.short.get(&short),
            None => self.by_id.get(text).or_else(|| self.long.get(text)),
        };
        known.copied()
    }

    /// The number of a recording, spelled as `text`; none if there are too many.
    fn number(&mut self, text: &str, id: RecordingId) -> Option<u32> {
        let next = u32::try_from(self.ids.len()).ok()?;
        let number = *self.by_id.entry(id.clone()).or_insert(next);
        if number == next {
            self.ids.push(id);
        }
        // An ISRC can be spelled in many ways. What is not remembered is parsed again.
        let spellings = self.short.len() + self.long.len();
        if number == next || spellings < self.ids.len() + SPELLINGS_MAX {
            match short(text) {
                Some(short) => drop(self.short.insert(short, number)),
                None if self.ids[number as usize].as_str() == text => {}
                None => drop(self.long.insert(text.to_owned(), number)),
            }
        }
        Some(number)
    }
}

/// A text of at most fifteen bytes as a number, its length included.
fn short(text: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    bytes.get_mut(..text.len()).filter(|room| room.len() < 16)?.copy_from_slice(text.as_bytes());
    bytes[15] = u8::try_from(text.len()).ok()?;
    Some(u128::from_le_bytes(bytes))
}

/// The rows of one pool in one run: ordered by listener.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) pool: u32,
    /// The first row, counted from the beginning of the file or of the memory.
    pub(super) first: u64,
    pub(super) rows: u64,
    /// True for rows that are still in memory.
    pub(super) memory: bool,
}

/// What a gatherer has gathered.
pub(super) struct Shelf {
    /// The pools by their numbers.
    pub(super) pools: Vec<ShelfPool>,
    /// The recordings by their numbers, and how many rows each has.
    pub(super) recordings: Vec<(RecordingId, u64)>,
    pub(super) segments: Vec<Segment>,
    pub(super) rows: Vec<GatheredRow>,
    file: Option<Mutex<File>>,
    path: PathBuf,
}

/// A pool as one gatherer has met it.
pub(super) struct ShelfPool {
    pub(super) key: Option<UsageKey>,
    pub(super) rows: u64,
    /// Its recordings by their numbers, in order, each once.
    pub(super) recordings: Vec<u32>,
}

impl Gatherer {
    /// Starts one of `threads` gatherers that share `memory` bytes; what does not fit goes to
    /// unlisted files in the folder `spill`.
    pub fn new(secret: Secret, places: Places, spill: &Path, threads: usize, memory: u64) -> Self {
        // A quarter is left for recordings, for what is being read and for what is being sealed.
        let bytes = memory / 4 * 3 / threads.max(1) as u64;
        let rows = usize::try_from(bytes).unwrap_or(usize::MAX) / size_of::<GatheredRow>();
        Self {
            secret,
            places,
            spill: spill.to_owned(),
            rows_max: rows.max(ROWS_MIN),
            pools: Vec::new(),
            keys: HashMap::new(),
            last_key: None,
            last_listener: (u32::MAX, String::new(), 0),
            recordings: Numbers::default(),
            met: Vec::new(),
            segments: 0,
            rows: Vec::new(),
            file: None,
            spilled: 0,
            runs: Vec::new(),
        }
    }

    /// Takes a row, or says what is wrong with it.
    pub fn add(&mut self, row: Row<'_>) -> Result<(), NotGathered> {
        let places = self.places;
        let plays = read_plays(row, places.plays, places.active)?;
        let recording = self.recording(row)?;
        let listener = row.text(places.listener);
        let fault = |reason| NotGathered::Row(row.fault(places.listener, reason));
        check_listener(listener).map_err(fault)?;
        let pool = self.pool(row)?;
        let listener = self.hash(pool, listener);
        if self.rows.capacity() == 0 {
            // All at once: pages that are never filled are never taken.
            self.rows.reserve_exact(self.rows_max);
        }
        let (plays, active) = (plays.plays, plays.active);
        self.rows.push(GatheredRow { listener, recording, plays, active, pool });
        self.pools[pool as usize].rows += 1;
        if self.rows.len() >= self.rows_max {
            self.spill().map_err(|source| {
                NotGathered::Failed(UsageError::File { path: self.spill.clone(), source })
            })?;
        }
        Ok(())
    }

    /// The pools that rows have been gathered of.
    pub fn keys(&self) -> impl Iterator<Item = &UsageKey> {
        self.pools.iter().filter_map(|pool| pool.key.as_ref())
    }

    fn hash(&mut self, pool: u32, listener: &str) -> u128 {
        let (last_pool, last, hash) = &mut self.last_listener;
        if *last_pool != pool || last != listener {
            *hash = self.pools[pool as usize].hash.hash(listener);
            *last_pool = pool;
            last.clear();
            last.push_str(listener);
        }
        *hash
    }

    fn pool(&mut self, row: Row<'_>) -> Result<u32, NotGathered> {
        let Some(columns) = self.places.key else {
            if self.pools.is_empty() {
                let hash = self.secret.listener_key("");
                self.pools.push(Pool { key: None, hash, rows: 0, recordings: Vec::new() });
            }
            return Ok(0);
        };
        if let Some((texts, pool)) = &self.last_key
            && texts.iter().zip(columns).all(|(text, column)| text == row.text(column))
        {
            return Ok(*pool);
        }
        let key = UsageKey::read(row)?;
        let next = u32::try_from(self.pools.len()).unwrap_or(u32::MAX);
        let pool = *self.keys.entry(key.clone()).or_insert(next);
        if pool >= POOLS_MAX {
            return Err(NotGathered::Failed(UsageError::TooManyPools(POOLS_MAX)));
        }
        if pool == next {
            let hash = self.secret.listener_key(key.service.as_str());
            self.pools.push(Pool { key: Some(key), hash, rows: 0, recordings: Vec::new() });
        }
        self.last_key = Some((columns.map(|column| row.text(column).to_owned()), pool));
        Ok(pool)
    }

    fn recording(&mut self, row: Row<'_>) -> Result<u32, Fault> {
        let column = self.places.recording;
        let text = row.text(column);
        if let Some(recording) = self.recordings.get(text) {
            return Ok(recording);
        }
        let id = cell(row, column, RecordingId::parse)?;
        let full = || row.fault(column, "more than 2^32 recordings in one file");
        self.recordings.number(text, id).ok_or_else(full)
    }

    /// Sorts what is in memory and counts its recordings; returns its segments.
    fn sort(&mut self, first: u64, memory: bool) -> Vec<Segment> {
        self.rows.sort_unstable_by_key(|row| (row.pool, row.listener));
        self.met.resize(self.recordings.ids.len(), Met::default());
        let (mut first, mut segments) = (first, Vec::new());
        for rows in self.rows.chunk_by(|a, b| a.pool == b.pool) {
            let (pool, count) = (rows[0].pool, rows.len() as u64);
            segments.push(Segment { pool, first, rows: count, memory });
            first += count;
            self.segments += 1;
            let recordings = &mut self.pools[pool as usize].recordings;
            for row in rows {
                let met = &mut self.met[row.recording as usize];
                met.rows += 1;
                if std::mem::replace(&mut met.segment, self.segments) != self.segments {
                    recordings.push(row.recording);
                }
            }
            recordings.sort_unstable();
            recordings.dedup();
        }
        segments
    }

    fn spill(&mut self) -> std::io::Result<()> {
        let segments = self.sort(self.spilled, false);
        let mut out = match self.file.take() {
            Some(file) => file,
            None => BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(&self.spill)?),
        };
        for row in &self.rows {
            let mut bytes = [0; ROW_BYTES];
            bytes[..16].copy_from_slice(&row.listener.to_le_bytes());
            bytes[16..20].copy_from_slice(&row.recording.to_le_bytes());
            bytes[20..24].copy_from_slice(&row.plays.to_le_bytes());
            bytes[24..].copy_from_slice(&row.active.to_le_bytes());
            out.write_all(&bytes)?;
        }
        self.file = Some(out);
        self.spilled += self.rows.len() as u64;
        self.rows.clear();
        self.runs.push(segments);
        Ok(())
    }

    /// Ends the gathering.
    pub(super) fn finish(mut self) -> Result<Shelf, UsageError> {
        let last = self.sort(0, true);
        self.runs.push(last);
        let failed = |source| UsageError::File { path: self.spill.clone(), source };
        let file = self.file.map(|out| out.into_inner().map_err(|e| failed(e.into_error())));
        let pool = |Pool { key, rows, recordings, .. }| ShelfPool { key, rows, recordings };
        let rows = self.met.iter().map(|met| met.rows);
        Ok(Shelf {
            pools: self.pools.into_iter().map(pool).collect(),
            recordings: self.recordings.ids.into_iter().zip(rows).collect(),
            segments: self.runs.concat(),
            rows: self.rows,
            file: file.transpose()?.map(Mutex::new),
            path: self.spill,
        })
    }
}

impl Shelf {
    /// Reads rows back from the disk into `rows`.
    pub(super) fn read(
        &self,
        pool: u32,
        first: u64,
        count: usize,
        rows: &mut Vec<GatheredRow>,
    ) -> Result<(), UsageError> {
        let mut bytes = vec![0; count * ROW_BYTES];
        let read = |file: &Mutex<File>| {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(first * ROW_BYTES as u64))?;
            file.read_exact(&mut bytes)
        };
        self.file
            .as_ref()
            .map_or(Ok(()), read)
            .map_err(|source| UsageError::File { path: self.path.clone(), source })?;
        rows.clear();
        rows.extend(bytes.chunks_exact(ROW_BYTES).map(|row| {
            let number =
                |at: usize| u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
            let mut listener = [0; 16];
            listener.copy_from_slice(&row[..16]);
            GatheredRow {
                listener: u128::from_le_bytes(listener),
                recording: number(16),
                plays: number(20),
                active: number(24),
                pool,
            }
        }));
        Ok(())
    }
}
