//! Plays as rows of a file.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use super::GenerateError;
use super::audience::{Audience, Heard};
use super::blocks::in_blocks;
use super::catalogue::Catalogue;
use super::place::{Arriving, Compression, Out};
use super::random::{Of, Random};
use crate::ident::RecordingId;
use crate::usage::{SealedRow, SealedWriter, UsageError};

/// Listeners whose rows are made at once.
const BLOCK: u32 = 4096;
/// Rows that a listener has on average where the catalogue is large.
const ROWS_OF_LISTENER: u64 = 51;
/// The pool that a sealed file says it is of.
const POOL: &str = "2026-10/generated/all/WW";

/// What kind of file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `.csv`, `.csv.gz`, `.csv.zst`
    Csv(Compression),
    /// `.parquet`, sealed as a workspace seals its usage.
    Parquet,
}

impl Form {
    /// The form that a file's name asks for.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        [
            (".csv", Self::Csv(Compression::None)),
            (".csv.gz", Self::Csv(Compression::Gzip)),
            (".csv.zst", Self::Csv(Compression::Zstd)),
            (".parquet", Self::Parquet),
        ]
        .into_iter()
        .find_map(|(ending, form)| name.ends_with(ending).then_some(form))
    }
}

/// How much has been made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Made {
    /// Listeners.
    pub listeners: u32,
    /// Rows, one for each listener and recording.
    pub rows: u64,
    /// All plays.
    pub plays: u64,
}

impl Made {
    fn add(&mut self, more: Self) {
        self.listeners += more.listeners;
        self.rows += more.rows;
        self.plays += more.plays;
    }
}

impl Audience {
    /// The rows of some listeners, and how many there are.
    fn rows(&self, listeners: Range<u32>) -> (Vec<(u32, Heard)>, Made) {
        let (mut rows, mut heard) = (Vec::new(), Vec::new());
        let mut made = Made { listeners: listeners.end - listeners.start, ..Made::default() };
        for listener in listeners {
            self.plays_of(listener, &mut heard);
            rows.extend(heard.iter().map(|heard| (listener, *heard)));
            made.plays += heard.iter().map(|heard| u64::from(heard.plays)).sum::<u64>();
        }
        made.rows = rows.len() as u64;
        (rows, made)
    }
}

/// Usage for measuring: who played what how often, and no more.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    audience: Audience,
    shuffled: bool,
    threads: usize,
}

impl Usage {
    /// Usage of so many listeners and recordings; at least one of each. The same numbers and the
    /// same seed make the same plays on any machine.
    pub fn new(listeners: u32, recordings: u32, seed: u64) -> Result<Self, GenerateError> {
        if recordings > Catalogue::RECORDINGS_MAX {
            return Err(GenerateError::Recordings(Catalogue::RECORDINGS_MAX));
        }
        let catalogue = Catalogue::new(recordings, seed);
        let audience = Audience { seed, listeners: listeners.max(1), catalogue, dealt: 0 };
        Ok(Self { audience, shuffled: false, threads: 1 })
    }

    /// The rows of some thousand listeners at a time stand in no order, as plays come in time.
    #[must_use]
    pub const fn shuffled(self, shuffled: bool) -> Self {
        Self { shuffled, ..self }
    }

    /// On how many threads rows are made. The file does not depend on it.
    #[must_use]
    pub const fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Writes a file of that form and tells `progress` how far it is.
    pub fn write(
        &self,
        path: &Path,
        form: Form,
        progress: &mut dyn FnMut(Made),
    ) -> Result<Made, GenerateError> {
        let failed = |source| GenerateError::write(path, source);
        let arriving = Arriving::at(path)?;
        let made = match form {
            Form::Csv(compression) => {
                let mut out = Out::create(&arriving.path(), compression).map_err(failed)?;
                let made = self.write_csv(&mut out, progress).map_err(failed)?;
                out.finish().map_err(failed)?;
                made
            }
            Form::Parquet => self.seal(path, &arriving.path(), progress)?,
        };
        arriving.keep()?;
        Ok(made)
    }

    /// Seals a file that will stand at `path`.
    fn seal(
        &self,
        path: &Path,
        arriving: &Path,
        progress: &mut dyn FnMut(Made),
    ) -> Result<Made, GenerateError> {
        let failed = |error| match error {
            UsageError::File { source, .. } => GenerateError::write(path, source),
            error => GenerateError::Sealed(error),
        };
        let order = self.by_rows();
        let ids = order.iter().map(|rank| RecordingId::parse(Catalogue::id(*rank).as_str()));
        let ids: Vec<RecordingId> = ids.filter_map(Result::ok).collect(); // all of them can be
        let mut places = vec![0; self.audience.catalogue.recordings() as usize];
        for (place, rank) in (0..).zip(&order) {
            places[*rank as usize] = place;
        }
        let rows = u64::from(self.audience.listeners) * ROWS_OF_LISTENER;
        let mut writer = SealedWriter::create(arriving, POOL, &ids, rows).map_err(failed)?;
        let mut all = Made::default();
        let take = |(rows, made): (Vec<SealedRow>, Made)| {
            rows.into_iter().try_for_each(|row| writer.push(row))?;
            all.add(made);
            progress(all);
            Ok::<(), UsageError>(())
        };
        let make = |listeners| self.sealed_rows(listeners, &places);
        in_blocks(self.threads, (self.audience.listeners, BLOCK), make, take).map_err(failed)?;
        writer.finish().map_err(failed)?;
        let synced = File::open(arriving).and_then(|file| file.sync_all());
        synced.map_err(|source| GenerateError::write(path, source))?;
        Ok(all)
    }

    /// The ranks of the recordings that are played, those with most rows first.
    fn by_rows(&self) -> Vec<u32> {
        let mut rows = vec![0_u64; self.audience.catalogue.recordings() as usize];
        let make = |listeners| self.audience.rows(listeners).0;
        let take = |heard: Vec<(u32, Heard)>| {
            for (_, heard) in heard {
                rows[heard.recording as usize] += 1;
            }
            Ok::<(), Infallible>(())
        };
        let Ok(()) = in_blocks(self.threads, (self.audience.listeners, BLOCK), make, take);
        let played = (0..).zip(rows).filter(|(_, rows)| *rows > 0);
        let mut ranks: Vec<(Reverse<u64>, u32)> =
            played.map(|(rank, rows)| (Reverse(rows), rank)).collect();
        ranks.sort_unstable();
        ranks.into_iter().map(|(_, rank)| rank).collect()
    }

    /// The rows of some listeners as they are sealed, recordings by these places.
    fn sealed_rows(&self, listeners: Range<u32>, places: &[u32]) -> (Vec<SealedRow>, Made) {
        let (rows, made) = self.audience.rows(listeners);
        let mut sealed = Vec::with_capacity(rows.len());
        for rows in rows.chunk_by(|a, b| a.0 == b.0) {
            let (listener, begin) = (self.audience.hash_of(rows[0].0), sealed.len());
            sealed.extend(rows.iter().map(|(_, Heard { recording, plays })| {
                let recording = places[*recording as usize];
                SealedRow { listener, recording, plays: *plays, active: 0 }
            }));
            sealed[begin..].sort_unstable_by_key(|row| row.recording);
        }
        (sealed, made)
    }

    /// Writes `listener,recording,plays` as CSV.
    pub fn write_csv(
        &self,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(Made),
    ) -> io::Result<Made> {
        out.write_all(b"listener,recording,plays\n")?;
        let lead = |listener| format!("u{listener},");
        let rows = CsvRows { audience: self.audience, lead, shuffled: self.shuffled };
        let made = rows.write(self.threads, out, progress)?;
        out.flush()?;
        Ok(made)
    }
}

/// Rows of a CSV file: what stands before the recording, the recording, the plays.
pub(super) struct CsvRows<L> {
    pub(super) audience: Audience,
    pub(super) lead: L,
    pub(super) shuffled: bool,
}

impl<L: Fn(u32) -> String + Sync> CsvRows<L> {
    /// Writes the rows of all listeners.
    pub(super) fn write(
        &self,
        threads: usize,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(Made),
    ) -> io::Result<Made> {
        let mut all = Made::default();
        let blocks = (self.audience.listeners, BLOCK);
        let take = |(text, made): (Vec<u8>, Made)| -> io::Result<()> {
            out.write_all(&text)?;
            all.add(made);
            progress(all);
            Ok(())
        };
        in_blocks(threads, blocks, |listeners| self.block(listeners), take)?;
        Ok(all)
    }

    fn block(&self, listeners: Range<u32>) -> (Vec<u8>, Made) {
        let (mut rows, made) = self.audience.rows(listeners.clone());
        if self.shuffled {
            shuffle(&mut rows, self.audience.seed, listeners.start);
        }
        let leads: Vec<String> = listeners.clone().map(&self.lead).collect();
        let mut text = Vec::with_capacity(rows.len() * 32);
        for (listener, heard) in &rows {
            text.extend_from_slice(leads[(listener - listeners.start) as usize].as_bytes());
            text.extend_from_slice(&Catalogue::id(heard.recording).0);
            text.push(b',');
            push_decimal(&mut text, heard.plays);
            text.push(b'\n');
        }
        (text, made)
    }
}

/// Fisher and Yates's shuffle.
fn shuffle<T>(rows: &mut [T], seed: u64, block: u32) {
    let mut random = Random::new(seed, Of::Order, u64::from(block));
    for last in (1..rows.len()).rev() {
        let other = random.below(last as u64 + 1);
        rows.swap(last, usize::try_from(other).unwrap_or(last));
    }
}

fn push_decimal(text: &mut Vec<u8>, number: u32) {
    if number >= 10 {
        push_decimal(text, number / 10);
    }
    text.push(b"0123456789"[number as usize % 10]);
}
