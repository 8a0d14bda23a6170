//! Claims: who holds which share of what, where and when.

use std::fmt;
use std::sync::Arc;

use super::{Fact, cell, optional_cell};
use crate::ident::{Name, RecordingId, TerritorySet, key_of};
use crate::ingest::{Column, Fault, Row};
use crate::money::Share;
use crate::period::{Validity, parse_day};
use crate::store::statements::facts::{CLAIM, FactTable};

/// Which right is paid for: in the sound recording, or in the composition that it records.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The sound recording.
    Recording,
    /// The musical work.
    Composition,
}

impl Right {
    /// Reads `recording` or `composition`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "recording" => Ok(Self::Recording),
            "composition" => Ok(Self::Composition),
            _ => Err("not a right (recording or composition)"),
        }
    }

    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Composition => "composition",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a claim is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A recording.
    Recording(RecordingId),
    /// A work, and by it every recording of it.
    Work(Name),
}

/// One party's share of one right in one recording or work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed.
    pub subject: Subject,
    /// Which right in it.
    pub right: Right,
    /// Who claims.
    pub party: Name,
    /// How much of it; nothing withdraws the claim.
    pub share: Share,
    /// Where, shared by all claims that say the same.
    pub(super) places: Arc<Places>,
    /// When.
    pub validity: Validity,
}

/// A set of territories and how it is written.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Places {
    set: TerritorySet,
    text: String,
}

impl Claim {
    /// Where it holds.
    pub fn territories(&self) -> &TerritorySet {
        &self.places.set
    }
}

impl Fact for Claim {
    const KIND: &'static str = "claims";
    const COLUMNS: &'static [Column] = &[
        Column::optional("recording"),
        Column::optional("work"),
        Column::required("right"),
        Column::required("party"),
        Column::required("share"),
        Column::optional("territories"),
        Column::optional("valid_from"),
        Column::optional("valid_to"),
    ];
    const TABLE: &'static FactTable = &CLAIM;

    fn read(row: Row<'_>) -> Result<Self, Fault> {
        let recording = optional_cell(row, 0, RecordingId::parse)?;
        let work = optional_cell(row, 1, Name::parse)?;
        let subject = match (recording, work) {
            (Some(recording), None) => Subject::Recording(recording),
            (None, Some(work)) => Subject::Work(work),
            (Some(_), Some(_)) => {
                return Err(row.fault(1, "a claim is on a recording or on a work, not on both"));
            }
            (None, None) => return Err(row.fault(0, "a claim needs a recording or a work")),
        };
        let territories_text = row.optional(5).unwrap_or("WW").to_owned();
        let territories =
            optional_cell(row, 5, TerritorySet::parse)?.unwrap_or(TerritorySet::WORLD);
        let (from, to) = (optional_cell(row, 6, parse_day)?, optional_cell(row, 7, parse_day)?);
        Ok(Self {
            subject,
            right: cell(row, 2, Right::parse)?,
            party: cell(row, 3, Name::parse)?,
            share: cell(row, 4, Share::parse)?,
            places: Arc::new(Places { set: territories, text: canonical(&territories_text) }),
            validity: Validity::new(from, to).map_err(|reason| row.fault(7, reason))?,
        })
    }

    fn key(&self) -> String {
        let (kind, subject) = match &self.subject {
            Subject::Recording(recording) => ("recording", recording.as_str()),
            Subject::Work(work) => ("work", work.as_str()),
        };
        let from = self.validity.from.map_or_else(String::new, |day| day.to_string());
        key_of([kind, subject, self.right.as_str(), self.party.as_str(), &self.places.text, &from])
    }

    fn cells(&self) -> Vec<Option<String>> {
        let (recording, work) = match &self.subject {
            Subject::Recording(recording) => (Some(recording.to_string()), None),
            Subject::Work(work) => (None, Some(work.to_string())),
        };
        vec![
            recording,
            work,
            Some(self.right.to_string()),
            Some(self.party.to_string()),
            Some(self.share.to_string()),
            Some(self.places.text.clone()),
            self.validity.from.map(|day| day.to_string()),
            self.validity.to.map(|day| day.to_string()),
        ]
    }
}

/// The same set of territories, always written the same way.
fn canonical(territories: &str) -> String {
    let sorted = |codes: &str, separator: char| {
        let mut codes: Vec<&str> = codes.split(separator).collect();
        codes.sort_unstable();
        codes.dedup();
        codes.join(&separator.to_string())
    };
    match territories.strip_prefix("WW-") {
        Some(excluded) => format!("WW-{}", sorted(excluded, '-')),
        None => sorted(territories, '|'),
    }
}
