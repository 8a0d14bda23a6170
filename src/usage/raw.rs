//! One row of usage, checked.

use std::fmt;

use crate::ident::{Name, Territory, key_of};
use crate::ingest::{Column, Fault, Row};
use crate::period::Period;

/// What usage files hold; the first four may be given by flag.
pub const COLUMNS: &[Column] = &[
    Column::required("period"),
    Column::required("service"),
    Column::required("offer"),
    Column::required("territory"),
    Column::required("listener"),
    Column::required("recording"),
    Column::required("plays"),
    Column::optional("active_plays"),
];

/// Where the columns of a row stand among those that were declared.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Period, service, offer and territory; none where all rows are of one pool.
    pub(super) key: Option<[usize; 4]>,
    pub(super) listener: usize,
    pub(super) recording: usize,
    pub(super) plays: usize,
    pub(super) active: usize,
}

/// Where [`COLUMNS`] stand.
pub const PLACES: Places =
    Places { key: Some([0, 1, 2, 3]), listener: 4, recording: 5, plays: 6, active: 7 };

/// What plays are pooled by.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct UsageKey {
    /// The month.
    pub period: Period,
    /// The service.
    pub service: Name,
    /// What the listener had bought.
    pub offer: Name,
    /// Where.
    pub territory: Territory,
}

impl fmt::Display for UsageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = self.period.to_string();
        let parts = [&period, self.service.as_str(), self.offer.as_str(), self.territory.as_str()];
        f.write_str(&key_of(parts))
    }
}

/// The numbers of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plays {
    /// Raw plays.
    pub(super) plays: u32,
    /// Those that the listener chose, at most all of them.
    pub(super) active: u32,
}

const LISTENER_BYTES_MAX: usize = 1024;
/// No service has so few listeners that this many digits name one.
const SHOWN_DIGITS_MAX: usize = 4;

/// Whether a listener's id can be one. A line end in it means that a quote has swallowed rows.
pub(crate) fn check_listener(listener: &str) -> Result<(), &'static str> {
    if listener.is_empty() {
        Err("empty")
    } else if listener.len() > LISTENER_BYTES_MAX {
        Err("a listener id is longer than 1024 bytes")
    } else if listener.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(()) // what nearly all of them are, told apart a byte at a time
    } else if listener.contains(char::is_control) {
        Err("a listener id holds a control character or a line end; look for a stray quote")
    } else {
        Ok(())
    }
}

/// Reads a cell of usage. What stands in it is not shown: it may be a listener's id in the wrong
/// column.
pub(super) fn cell<T, E: fmt::Display>(
    row: Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Fault> {
    match row.text(column) {
        "" => Err(row.fault(column, "empty")),
        text => parse(text).map_err(|reason| row.fault(column, reason)),
    }
}

/// Reads the plays of a row. `plays` and `active` are the columns' places.
pub(super) fn read_plays(row: Row<'_>, plays: usize, active: usize) -> Result<Plays, Fault> {
    let count = |column: usize| {
        let text = row.text(column);
        count(text).map_err(|reason| {
            let shown = if is_small(text) { format!("{text:?}: ") } else { String::new() };
            row.fault(column, format!("{shown}{reason}"))
        })
    };
    let numbers = Plays {
        plays: count(plays)?,
        active: if row.text(active).is_empty() { 0 } else { count(active)? },
    };
    if numbers.active > numbers.plays {
        let small = is_small(row.text(plays)) && is_small(row.text(active));
        return Err(if small {
            let reason = format!("{} active plays of {} plays", numbers.active, numbers.plays);
            row.fault(active, reason)
        } else {
            row.fault(active, "more active plays than plays")
        });
    }
    Ok(numbers)
}

/// True for a number that can be shown wherever it stands: one with more digits before its point
/// may be a listener's id in the wrong column.
pub fn is_small(text: &str) -> bool {
    let whole = text.trim_start_matches('-').split('.').next().unwrap_or_default();
    whole.len() <= SHOWN_DIGITS_MAX && text.len() <= 20 && crate::money::fixed(text, 18).is_ok()
}

fn count(text: &str) -> Result<u32, &'static str> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text
            .parse()
            .map_err(|_| "over 4294967295, which is more plays than one row can hold");
    }
    Err(match crate::money::fixed(text, 18) {
        Ok(number) if number < 0 => "plays cannot be negative",
        Ok(_) => "plays must be a whole number",
        Err(_) => "not a number of plays",
    })
}

impl UsageKey {
    /// Reads the pool key of a row.
    pub(super) fn read(row: Row<'_>) -> Result<Self, Fault> {
        Ok(Self {
            period: cell(row, 0, str::parse)?,
            service: cell(row, 1, Name::parse)?,
            offer: cell(row, 2, Name::parse)?,
            territory: cell(row, 3, Territory::parse)?,
        })
    }
}
