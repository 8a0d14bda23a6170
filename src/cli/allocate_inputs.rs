//! What commands without a workspace read: usage, a rule, recordings' attributes, fees.

use std::path::{Path, PathBuf};

use hashbrown::HashMap;

use super::Failure;
use crate::allocate::{About, Fees, Rule, RuleError};
use crate::catalog::{Ai, Content, cell, optional_cell};
use crate::config::Means;
use crate::ident::{Name, RecordingId};
use crate::ingest::{Column, Fault, Given, OtherColumns, Row, RowRead, Rows, Source, files_of};
use crate::money::Micros;
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
pub(super) enum FileUsage {
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
        match (sealed.as_slice(), other.as_slice()) {
            // Their listeners are hashed with another key each: nobody could be told apart.
            ([sealed, ..], [other, ..]) => Err(Failure::Wrong(format!(
                "{} is sealed usage and {} is not: allocate them by themselves",
                sealed.display(),
                other.display()
            ))),
            (sealed, []) => {
                Ok(Self::Sealed(SealedScan::open(sealed, means.threads)?.with_active(active)))
            }
            ([], _) => Ok(Self::Unsealed(read_unsealed(paths, means)?)),
        }
    }

    /// Reads what its listeners paid: listener,fee.
    pub(super) fn fees(&self, path: &Path) -> Result<Fees, Failure> {
        match self {
            Self::Sealed(_) => Err(Failure::Wrong(format!(
                "{}: sealed usage does not know its listeners' names; allocate the file it was imported from",
                path.display()
            ))),
            Self::Unsealed(usage) => fees(path, |listener| usage.hash(listener)),
        }
    }
}

impl Listening for FileUsage {
    type Error = UsageError;

    fn recordings(&self) -> &[RecordingId] {
        match self {
            Self::Sealed(usage) => usage.recordings(),
            Self::Unsealed(usage) => usage.recordings(),
        }
    }

    fn threads(&self) -> usize {
        match self {
            Self::Sealed(usage) => usage.threads(),
            Self::Unsealed(usage) => usage.threads(),
        }
    }

    fn listeners(&self) -> Result<u64, UsageError> {
        match self {
            Self::Sealed(usage) => usage.listeners(),
            Self::Unsealed(usage) => usage.listeners(),
        }
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, UsageError> {
        match self {
            Self::Sealed(usage) => usage.fold(start),
            Self::Unsealed(usage) => usage.fold(start),
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
}

impl Attribute {
    /// The same, as rules see it.
    pub(super) fn about(&self) -> About<'_> {
        let Self { artist, content, ai } = self;
        About { artist: artist.as_ref(), content: *content, ai: *ai }
    }
}

/// Reads recordings' attributes: recording,artist,content,ai; other columns are passed
/// over.
pub(super) fn recordings(path: &Path) -> Result<HashMap<RecordingId, Attribute>, Failure> {
    let mut recordings = HashMap::new();
    each_row(path, RECORDINGS, |row| {
        let id = cell(row, 0, RecordingId::parse)?;
        let artists = optional_cell(row, 1, Name::parse_list)?.unwrap_or_default();
        let attribute = Attribute {
            // Rules count the first of several.
            artist: artists.into_iter().next(),
            content: optional_cell(row, 2, Content::parse)?.unwrap_or_default(),
            ai: optional_cell(row, 3, Ai::parse)?.unwrap_or_default(),
        };
        match recordings.insert(id, attribute) {
            Some(_) => Err(row.fault(0, format!("{:?} stands twice", row.text(0)))),
            None => Ok(()),
        }
    })?;
    Ok(recordings)
}

/// Reads what listeners paid: listener,fee; `hash` is how the usage hashes listeners.
fn fees(path: &Path, hash: impl Fn(&str) -> u128) -> Result<Fees, Failure> {
    let mut fees = Vec::new();
    each_row(path, FEES, |row| {
        let fee = cell(row, 1, Micros::parse)?;
        let fee = u64::try_from(fee.micros())
            .map_err(|_| row.fault(1, format!("{fee}: a fee cannot be negative")))?;
        check_listener(row.text(0)).map_err(|reason| row.fault(0, reason))?;
        fees.push((hash(row.text(0)), fee));
        Ok(())
    })?;
    Fees::new(fees).map_err(|e| Failure::Wrong(format!("{}: {e}", path.display())))
}

fn each_row(
    path: &Path,
    columns: &'static [Column],
    mut take: impl FnMut(Row<'_>) -> Result<(), Fault>,
) -> Result<(), Failure> {
    let mut rows = Rows::open(path, columns, Given::new(), OtherColumns::Ignored)?;
    loop {
        let fault = match rows.next()? {
            RowRead::End => return Ok(()),
            RowRead::Fault(fault) => fault,
            RowRead::Row(row) => match take(row) {
                Ok(()) => continue,
                Err(fault) => fault,
            },
        };
        return Err(Failure::Wrong(format!("{}:{fault}", path.display())));
    }
}
