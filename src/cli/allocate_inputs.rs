//! What commands without a workspace read: usage, a rule, recordings' attributes, fees.

use std::mem::take;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::Failure;
use crate::allocate::{About, Attributes, Fees, Inputs, Reaches, Rule, RuleError};
use crate::catalog::{Ai, Content, cell, optional_cell};
use crate::config::Means;
use crate::ident::{Name, RecordingId};
use crate::ingest::{Column, Fault, Given, OtherColumns, Row, RowRead, Source, WideRows, files_of};
use crate::money::Micros;
use crate::threads::of_each;
use crate::usage::{
    Listening, SealedScan, Sums, UnsealedPlays, UsageError, check_listener, read_unsealed,
};

/// The most bytes of a rule.
const RULE_BYTES_MAX: u64 = 1 << 20;
const RECORDINGS: &[Column] = &[
    Column::required("recording"),
    Column::optional("artist"),
    Column::optional("content"),
    Column::optional("ai"),
];
const FEES: &[Column] = &[Column::required("listener"), Column::required("fee")];

/// The usage of some files, which are read as one.
pub(super) struct FileUsage {
    rows: FileRows,
    /// Once they were counted.
    listeners: OnceLock<u64>,
}

enum FileRows {
    /// Sealed by a workspace or by `generate`, and read as it stands.
    Sealed(SealedScan),
    /// Any other, ordered by listener.
    Unsealed(UnsealedPlays),
}

impl FileUsage {
    /// Opens files or folders of them, with active plays if a rule asks for them.
    pub(super) fn open(paths: &[PathBuf], active: bool, means: Means) -> Result<Self, Failure> {
        let files = files_of(paths)?;
        let (sealed, other): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_sealed(file));
        let rows = match (sealed.as_slice(), other.as_slice()) {
            ([sealed, ..], [other, ..]) => {
                // Their listeners are hashed with another key each: nobody could be told apart.
                return Err(Failure::Wrong(format!(
                    "{} is sealed usage and {} is not: allocate them by themselves",
                    sealed.display(),
                    other.display()
                )));
            }
            (sealed, []) => {
                let usage = SealedScan::open(sealed, means.threads)?;
                FileRows::Sealed(usage.with_active(active))
            }
            ([], _) => FileRows::Unsealed(read_unsealed(paths, means)?),
        };
        Ok(Self { rows, listeners: OnceLock::new() })
    }

    /// Reads what its listeners paid: listener,fee.
    pub(super) fn fees(&self, path: &Path) -> Result<Fees, Failure> {
        match &self.rows {
            FileRows::Sealed(_) => Err(Failure::Wrong(format!(
                "{}: sealed usage does not know its listeners' names; allocate the file it was imported from",
                path.display()
            ))),
            FileRows::Unsealed(usage) => {
                fees(path, usage.threads(), |listener| usage.hash(listener))
            }
        }
    }
}

impl FileUsage {
    /// Calls `look` with what rules look at. The files are all there is: the service, the month and
    /// the year; so all thresholds of all rules are measured by the same.
    pub(super) fn with_inputs<R>(
        &self,
        attributes: &Attributes<'_>,
        fees: Option<&Fees>,
        look: impl FnOnce(&Inputs<'_, Self>) -> R,
    ) -> R {
        let reaches = Reaches::default();
        look(&Inputs {
            listening: self,
            attributes,
            reach: &|threshold| reaches.of(self, attributes, threshold.of),
            fees,
            payers: fees.map(Fees::payers),
            released: None,
        })
    }
}

impl Listening for FileUsage {
    type Error = UsageError;

    fn recordings(&self) -> &[RecordingId] {
        match &self.rows {
            FileRows::Sealed(usage) => usage.recordings(),
            FileRows::Unsealed(usage) => usage.recordings(),
        }
    }

    fn threads(&self) -> usize {
        match &self.rows {
            FileRows::Sealed(usage) => usage.threads(),
            FileRows::Unsealed(usage) => usage.threads(),
        }
    }

    fn listeners(&self) -> Result<u64, UsageError> {
        if let Some(known) = self.listeners.get() {
            return Ok(*known);
        }
        // Several rules ask, and each time it could be a pass over all plays.
        let listeners = match &self.rows {
            FileRows::Sealed(usage) => usage.listeners(),
            FileRows::Unsealed(usage) => usage.listeners(),
        }?;
        Ok(*self.listeners.get_or_init(|| listeners))
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, UsageError> {
        match &self.rows {
            FileRows::Sealed(usage) => usage.fold(start),
            FileRows::Unsealed(usage) => usage.fold(start),
        }
    }
}

fn is_sealed(path: &Path) -> bool {
    // A file that is not Parquet, or is not there, is for the other reader to judge.
    path != Path::new("-") && SealedScan::is_sealed(path).unwrap_or(false)
}

/// Files as an error names them.
pub(super) fn file_names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

/// Reads a rule.
pub(super) fn rule(path: &Path) -> Result<Rule, Failure> {
    let (text, _) = Source::open(path)?.read_text(RULE_BYTES_MAX)?;
    Rule::parse(&text).map_err(|error| {
        let colon = if matches!(error, RuleError::Text { .. }) { ":" } else { ": " };
        Failure::Wrong(format!("{}{colon}{error}", path.display()))
    })
}

/// What a file says of a recording.
#[derive(Debug, Default)]
pub(super) struct Attribute {
    artist: Option<Name>,
    content: Content,
    ai: Ai,
    /// Where it says so.
    line: u64,
}

impl Attribute {
    /// The same, as rules see it.
    pub(super) fn about(&self) -> About<'_> {
        let Self { artist, content, ai, line: _ } = self;
        About { artist: artist.as_ref(), content: *content, ai: *ai }
    }
}

/// What is known of recordings: several maps, so that as many threads can fill them.
#[derive(Default)]
pub(super) struct Known(Vec<HashMap<RecordingId, Attribute>>);

impl Known {
    /// What is known of a recording.
    pub(super) fn get(&self, recording: &RecordingId) -> Option<&Attribute> {
        self.0.get(map_of(recording, self.0.len()))?.get(recording)
    }
}

/// The map that a recording is in, of so many.
fn map_of(recording: &RecordingId, maps: usize) -> usize {
    let sum: usize = recording.as_str().bytes().map(usize::from).sum();
    sum.checked_rem(maps).unwrap_or(0)
}

/// Rows that one thread has read, by the map that they belong to.
struct AttributeRows {
    rows: Vec<Vec<(RecordingId, Attribute)>>,
    /// The artist of the row before: often the same.
    artist: Option<Name>,
    /// What is said of a row with a recording that stands twice, but for the row.
    twice: Option<Fault>,
}

/// Reads recordings' attributes: recording,artist,content,ai; other columns are passed
/// over.
pub(super) fn recordings(path: &Path, threads: usize) -> Result<Known, Failure> {
    let maps = threads.max(1);
    let rows = || (0..maps).map(|_| Vec::new()).collect();
    let start = || AttributeRows { rows: rows(), artist: None, twice: None };
    let note = |read: &mut AttributeRows, row: Row<'_>| {
        let id = cell(row, 0, RecordingId::parse)?;
        let same = read.artist.as_ref().is_some_and(|artist| artist.as_str() == row.text(1));
        if !same {
            let artists = optional_cell(row, 1, Name::parse_list)?.unwrap_or_default();
            // Rules count the first of several.
            read.artist = artists.into_iter().next();
        }
        let attribute = Attribute {
            artist: read.artist.clone(),
            content: optional_cell(row, 2, Content::parse)?.unwrap_or_default(),
            ai: optional_cell(row, 3, Ai::parse)?.unwrap_or_default(),
            line: row.line(),
        };
        read.twice.get_or_insert_with(|| row.fault(0, ""));
        read.rows[map_of(&id, maps)].push((id, attribute));
        Ok(())
    };
    let (mut read, wrong) = each_row(path, RECORDINGS, threads, start, note)?;
    let twice = read.iter_mut().find_map(|read| read.twice.take());
    let of_map = |map: usize| read.iter_mut().map(|read| take(&mut read.rows[map])).collect();
    let (maps, lines): (Vec<_>, Vec<_>) =
        of_each((0..maps).map(of_map).collect(), filled).into_iter().unzip();
    let twice = lines.into_iter().flatten().min().zip(twice).map(|((line, recording), fault)| {
        Fault { line, reason: format!("{:?} stands twice", recording.as_str()), ..fault }
    });
    match wrong.into_iter().chain(twice).min() {
        Some(fault) => Err(Failure::Wrong(fault.at(path))),
        None => Ok(Known(maps)),
    }
}

/// A map of what several threads have read, and the first line with a recording that stands in
/// one before.
fn filled(
    parts: Vec<Vec<(RecordingId, Attribute)>>,
) -> (HashMap<RecordingId, Attribute>, Option<(u64, RecordingId)>) {
    let mut map = HashMap::with_capacity(parts.iter().map(Vec::len).sum());
    let mut twice: Option<(u64, RecordingId)> = None;
    for (id, attribute) in parts.into_iter().flatten() {
        match map.entry(id) {
            Entry::Vacant(free) => {
                free.insert(attribute);
            }
            Entry::Occupied(mut known) => {
                let lines = [known.get().line, attribute.line];
                let id = known.key().clone();
                known.get_mut().line = lines[0].min(lines[1]);
                let later = (lines[0].max(lines[1]), id);
                twice = Some(twice.map_or(later.clone(), |first| first.min(later)));
            }
        }
    }
    (map, twice)
}

/// Reads what listeners paid: listener,fee; `hash` is how the usage hashes listeners.
fn fees(path: &Path, threads: usize, hash: impl Fn(&str) -> u128 + Sync) -> Result<Fees, Failure> {
    let take = |fees: &mut Vec<(u128, u64)>, row: Row<'_>| {
        let fee = cell(row, 1, Micros::parse)?;
        let fee = u64::try_from(fee.micros())
            .map_err(|_| row.fault(1, format!("{fee}: a fee cannot be negative")))?;
        check_listener(row.text(0)).map_err(|reason| row.fault(0, reason))?;
        fees.push((hash(row.text(0)), fee));
        Ok(())
    };
    let (fees, wrong) = each_row(path, FEES, threads, Vec::new, take)?;
    if let Some(fault) = wrong {
        return Err(Failure::Wrong(fault.at(path)));
    }
    Fees::new(fees.concat()).map_err(|e| Failure::Wrong(format!("{}: {e}", path.display())))
}

/// Shows every row to one of several takers, each on a thread of its own, until one is wrong;
/// returns the takers and the first row that is wrong.
fn each_row<T: Send>(
    path: &Path,
    columns: &'static [Column],
    threads: usize,
    start: impl Fn() -> T,
    take: impl Fn(&mut T, Row<'_>) -> Result<(), Fault> + Sync,
) -> Result<(Vec<T>, Option<Fault>), Failure> {
    let rows = WideRows::open(&[path.to_owned()], columns, &Given::new(), OtherColumns::Ignored)?;
    let takers = std::iter::repeat_with(|| (start(), None)).take(threads.max(1)).collect();
    let take = |(taker, wrong): &mut (T, Option<Fault>), read: RowRead<'_>| {
        let taken = match read {
            RowRead::Row(row) => take(taker, row),
            RowRead::Fault(fault) => Err(fault),
            RowRead::End => Ok(()),
        };
        let Err(fault) = taken else { return ControlFlow::Continue(()) };
        // A thread may find several wrong rows before all threads stop.
        if wrong.as_ref().is_none_or(|first| fault < *first) {
            *wrong = Some(fault);
        }
        ControlFlow::Break(())
    };
    let (takers, _) = rows.read(takers, take, &mut |_| {})?;
    let (takers, wrong): (Vec<T>, Vec<_>) = takers.into_iter().unzip();
    Ok((takers, wrong.into_iter().flatten().min()))
}
