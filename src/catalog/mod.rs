//! Who and what there is: parties, recordings, claims, revenue, exchange rates, clearances.
//!
//! In: rows of files. Out: typed facts, each with a key and one canonical form, and a
//! [`Catalogue`] that answers what settlement asks. Each kind judges a row by itself; whether
//! what it refers to exists is asked when a month is frozen, so the order of files never matters.

mod claims;
mod clearances;
mod lookup;
mod parties;
mod recordings;
mod revenue;

pub use claims::{Claim, Right, Subject};
pub use clearances::{Clearance, Cleared};
pub use lookup::{Catalogue, CatalogueBuilder};
pub use parties::Party;
pub use recordings::{Ai, Content, Recording};
pub use revenue::{FxRate, Revenue};

use crate::ingest::{Column, Fault, Row};
use crate::period::Period;
use crate::store::statements::facts::FactTable;

/// A kind of fact that is kept row by row.
pub trait Fact: Sized {
    /// What `import` calls it.
    const KIND: &'static str;
    /// What its files hold. The canonical form has the same columns in the same order.
    const COLUMNS: &'static [Column];
    /// Where it is kept.
    const TABLE: &'static FactTable;
    /// True if another value for a known key needs `--replace`.
    const REPLACE_ONLY_IF_ASKED: bool = false;

    /// Columns of which quarantine keeps nothing: a listener may stand in them.
    const WITHHELD: &'static [usize] = &[];

    /// Reads a row, or says which cell is wrong and why.
    fn read(row: Row<'_>) -> Result<Self, Fault>;

    /// What it is about: a later fact with the same key supersedes this one.
    fn key(&self) -> String;

    /// The canonical cells, one for each of [`Fact::COLUMNS`].
    fn cells(&self) -> Vec<Option<String>>;

    /// The month it belongs to, if it belongs to one.
    fn period(&self) -> Option<Period> {
        None
    }
}

/// Reads a cell with a parser whose error says what is wrong.
pub(crate) fn cell<T, E: std::fmt::Display>(
    row: Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Fault> {
    let text = row.text(column);
    if text.is_empty() {
        return Err(row.fault(column, "empty"));
    }
    parse(text).map_err(|reason| row.fault(column, format!("{}: {reason}", shown(text))))
}

/// Like [`cell`], for a cell that may be empty.
pub(crate) fn optional_cell<T, E: std::fmt::Display>(
    row: Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Fault> {
    row.optional(column).map(|_| cell(row, column, parse)).transpose()
}

/// A cell's text as an error shows it: quoted, and cut where it is long. A cell of several lines
/// has swallowed other rows, and perhaps their listeners, so nothing of it is shown.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    if text.contains(['\n', '\r']) {
        return "a text of several lines".to_owned();
    }
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((cut, _)) => format!("{:?}… ({} bytes)", &text[..cut], text.len()),
        None => format!("{text:?}"),
    }
}

/// Reads one of a few words.
pub(crate) fn one_of<'a>(text: &str, words: &[&'a str]) -> Result<&'a str, String> {
    let word = words.iter().find(|word| **word == text).copied();
    word.ok_or_else(|| format!("not one of {}", words.join(", ")))
}

/// Free text for people: no control characters, at most 1,000 bytes.
pub(crate) fn free_text(text: &str) -> Result<String, &'static str> {
    if text.len() > 1000 {
        Err("longer than 1000 bytes")
    } else if text.contains(|c: char| c.is_ascii_control()) {
        Err("holds a control character")
    } else if text.trim().is_empty() {
        Err("only spaces")
    } else {
        Ok(text.trim().to_owned())
    }
}

/// A whole number that is not negative.
pub(crate) fn whole(text: &str) -> Result<u64, &'static str> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| text.parse().ok()).flatten();
    number.ok_or("not a whole number of 0 or more")
}

pub(crate) fn joined(names: &[crate::ident::Name]) -> String {
    names.iter().map(crate::ident::Name::as_str).collect::<Vec<_>>().join("|")
}
