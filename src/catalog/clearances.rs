//! Suspicious listening that a person has looked at and let go.

use super::{Fact, free_text, one_of};
use crate::ident::{Name, RecordingId, Territory, key_of, parse_listener, shown_listener};
use crate::ingest::{Column, Fault, Row};
use crate::period::Period;
use crate::store::statements::facts::{CLEARANCE, FactTable};

/// Plays of one pool's usage that are not held, whatever finds them: a listener's, or a
/// recording's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearance {
    /// The month.
    pub period: Period,
    /// Where they were played.
    pub service: Name,
    /// Under which offer.
    pub offer: Name,
    /// Where.
    pub territory: Territory,
    /// Whose or of what.
    pub of: Cleared,
    /// Why, for people.
    pub reason: Option<String>,
    /// False where an earlier clearance is taken back.
    pub stands: bool,
}

/// What was let go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cleared {
    /// All plays of a listener, by hash.
    Listener(u128),
    /// All plays of a recording.
    Recording(RecordingId),
}

const STATES: [&str; 2] = ["cleared", "held"];

impl Fact for Clearance {
    const KIND: &'static str = "clearances";
    const COLUMNS: &'static [Column] = &[
        Column::required("period"),
        Column::required("service"),
        Column::required("offer"),
        Column::required("territory"),
        Column::optional("listener"),
        Column::optional("recording"),
        Column::optional("reason"),
        Column::optional("state"),
    ];
    const TABLE: &'static FactTable = &CLEARANCE;
    // Only the month and the territory cannot be a listener's id that has slipped.
    const WITHHELD: &'static [usize] = &[1, 2, 4, 5, 6, 7];

    fn read(row: Row<'_>) -> Result<Self, Fault> {
        // What stands in a cell is not shown: it may be a listener's id in the wrong column.
        fn cell<T, E: std::fmt::Display>(
            row: Row<'_>,
            column: usize,
            parse: impl FnOnce(&str) -> Result<T, E>,
        ) -> Result<Option<T>, Fault> {
            let text = row.optional(column);
            text.map(parse).transpose().map_err(|reason| row.fault(column, reason))
        }
        let needed = |column| row.fault(column, "empty");
        let hash = |text: &str| {
            let wrong =
                "not a listener as `tantieme suspicious` shows one: 32 and 8 hexadecimal digits";
            parse_listener(text).ok_or(wrong)
        };
        let listener = cell(row, 4, hash)?;
        let recording = cell(row, 5, RecordingId::parse)?;
        let of = match (listener, recording) {
            (Some(listener), None) => Cleared::Listener(listener),
            (None, Some(recording)) => Cleared::Recording(recording),
            (None, None) => return Err(row.fault(4, "name a listener or a recording")),
            (Some(_), Some(_)) => {
                return Err(row.fault(5, "name a listener or a recording, in two rows if both"));
            }
        };
        let state = cell(row, 7, |text| one_of(text, &STATES))?;
        Ok(Self {
            period: cell(row, 0, str::parse)?.ok_or_else(|| needed(0))?,
            service: cell(row, 1, Name::parse)?.ok_or_else(|| needed(1))?,
            offer: cell(row, 2, Name::parse)?.ok_or_else(|| needed(2))?,
            territory: cell(row, 3, Territory::parse)?.ok_or_else(|| needed(3))?,
            of,
            reason: cell(row, 6, free_text)?,
            stands: state != Some(STATES[1]),
        })
    }

    fn key(&self) -> String {
        let [listener, recording] = self.subject();
        key_of([
            &self.period.to_string(),
            self.service.as_str(),
            self.offer.as_str(),
            self.territory.as_str(),
            listener.as_deref().unwrap_or_default(),
            recording.as_deref().unwrap_or_default(),
        ])
    }

    fn cells(&self) -> Vec<Option<String>> {
        let [listener, recording] = self.subject();
        vec![
            Some(self.period.to_string()),
            Some(self.service.to_string()),
            Some(self.offer.to_string()),
            Some(self.territory.to_string()),
            listener,
            recording,
            self.reason.clone(),
            Some(STATES[usize::from(!self.stands)].to_owned()),
        ]
    }

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }
}

impl Clearance {
    /// The listener's hash, or the recording.
    fn subject(&self) -> [Option<String>; 2] {
        match &self.of {
            Cleared::Listener(hash) => [Some(shown_listener(*hash)), None],
            Cleared::Recording(id) => [None, Some(id.to_string())],
        }
    }
}
