//! What `tantieme allocate` reads beside usage: a rule, recordings' attributes, fees.

use std::path::Path;

use hashbrown::HashMap;

use super::Failure;
use crate::allocate::{About, Fees, Rule, RuleError};
use crate::catalog::{Ai, Content, cell, optional_cell};
use crate::ident::{Name, RecordingId};
use crate::ingest::{Column, Fault, Given, OtherColumns, Row, RowRead, Rows, Source};
use crate::money::Micros;
use crate::usage::check_listener;

/// The most bytes of a rule.
const RULE_BYTES_MAX: u64 = 1 << 20;
const RECORDINGS: &[Column] = &[
    Column::required("recording"),
    Column::optional("artist"),
    Column::optional("content"),
    Column::optional("ai"),
];
const FEES: &[Column] = &[Column::required("listener"), Column::required("fee")];

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
pub(super) fn fees(path: &Path, hash: impl Fn(&str) -> u128) -> Result<Fees, Failure> {
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
