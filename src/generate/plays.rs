//! Plays as rows of a file.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use super::GenerateError;
use super::audience::{Audience, Heard};
use super::blocks::in_blocks;
use super::catalogue::Catalogue;
use super::place::{Arriving, Compression, Out};
use super::random::{Of, Random};

/// Listeners whose rows are made at once.
const BLOCK: u32 = 4096;

/// What kind of file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `.csv`, `.csv.gz`, `.csv.zst`
    Csv(Compression),
}

impl Form {
    /// The form that a file's name asks for.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        [
            (".csv", Self::Csv(Compression::None)),
            (".csv.gz", Self::Csv(Compression::Gzip)),
            (".csv.zst", Self::Csv(Compression::Zstd)),
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
        let Form::Csv(compression) = form;
        let mut out = Out::create(&arriving.path(), compression).map_err(failed)?;
        let made = self.write_csv(&mut out, progress).map_err(failed)?;
        out.finish().map_err(failed)?;
        arriving.keep()?;
        Ok(made)
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
        let mut rows: Vec<(u32, Heard)> = Vec::new();
        let mut heard = Vec::new();
        for listener in listeners.clone() {
            self.audience.plays_of(listener, &mut heard);
            rows.extend(heard.iter().map(|heard| (listener, *heard)));
        }
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
        let plays = rows.iter().map(|(_, heard)| u64::from(heard.plays)).sum();
        let listeners = listeners.end - listeners.start;
        (text, Made { listeners, rows: rows.len() as u64, plays })
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
