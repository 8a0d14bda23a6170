//! One line as it stands on one statement.

use std::ops::Range;
use std::path::Path;

use crate::columnar::{Batch, Cell, Kind, Layout, TableError, TableReader};
use crate::money::{Currency, Micros};
use crate::settle::LineId;

/// The columns of a file of statement lines: those of every export first, then what a reader of
/// the whole file needs to tell statements apart.
pub const LAYOUT: Layout = &[
    ("statement", Kind::Text),
    ("period", Kind::Text),
    ("payee", Kind::Text),
    ("payer", Kind::Text),
    ("kind", Kind::Text),
    ("recording", Kind::Text),
    ("title", Kind::Text),
    ("artist", Kind::Text),
    ("service", Kind::Text),
    ("offer", Kind::Text),
    ("territory", Kind::Text),
    ("right", Kind::Text),
    ("plays", Kind::Int),
    ("base_amount", Kind::Amount),
    ("rate", Kind::Text),
    ("amount", Kind::Amount),
    ("currency", Kind::Text),
    ("agreement", Kind::Text),
    ("line", Kind::Id),
    ("payee_name", Kind::Text),
    ("payer_name", Kind::Text),
    ("owner", Kind::Text),
    ("owner_name", Kind::Text),
];

/// How many columns.
pub(super) const WIDTH: usize = LAYOUT.len();

/// A line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// PERIOD/PAYEE/CURRENCY, the payee being whose statement it is.
    pub statement: String,
    /// The month it settles in.
    pub period: String,
    /// Who is paid.
    pub payee: String,
    /// Who pays.
    pub payer: String,
    /// What it is.
    pub kind: String,
    /// The recording; empty where there is none.
    pub recording: String,
    /// Its title.
    pub title: String,
    /// Its artists' names.
    pub artist: String,
    /// The service or source.
    pub service: String,
    /// The offer or channel.
    pub offer: String,
    /// Where.
    pub territory: String,
    /// For which right.
    pub right: String,
    /// Raw plays or the quantity.
    pub plays: i64,
    /// What the rate was taken of.
    pub base: Micros,
    /// The rate or share; empty where there is none.
    pub rate: String,
    /// + for the statement's owner, − against.
    pub amount: Micros,
    /// In what.
    pub currency: Currency,
    /// By which agreement; empty where a claim alone decides.
    pub agreement: String,
    /// The line.
    pub line: LineId,
    /// What the payee is called.
    pub payee_name: String,
    /// What the payer is called.
    pub payer_name: String,
    /// Whose statement it is.
    pub owner: String,
    /// What they are called.
    pub owner_name: String,
}

impl Entry {
    fn from_cells(cells: &[Cell<'_>; WIDTH]) -> Option<Self> {
        let text = |at: usize| cells[at].text().map(str::to_owned);
        Some(Self {
            statement: text(0)?,
            period: text(1)?,
            payee: text(2)?,
            payer: text(3)?,
            kind: text(4)?,
            recording: text(5)?,
            title: text(6)?,
            artist: text(7)?,
            service: text(8)?,
            offer: text(9)?,
            territory: text(10)?,
            right: text(11)?,
            plays: cells[12].int()?,
            base: cells[13].amount()?,
            rate: text(14)?,
            amount: cells[15].amount()?,
            currency: Currency::parse(cells[16].text()?).ok()?,
            agreement: text(17)?,
            line: LineId::from_bytes(cells[18].id()?),
            payee_name: text(19)?,
            payer_name: text(20)?,
            owner: text(21)?,
            owner_name: text(22)?,
        })
    }
}

/// Reads entries from their file, in its order: by owner, currency, and then as people read.
pub struct Entries {
    table: TableReader,
    /// How many rows are asked for, where that is known.
    pub(super) rows: Option<usize>,
    batch: Option<Batch>,
    next: usize,
}

impl Entries {
    /// Opens the file, all of it or `count` rows from row `first`.
    pub fn open(path: &Path, range: Option<(usize, usize)>) -> Result<Self, TableError> {
        let rows = range.map(|(_, count)| count);
        Ok(Self { table: TableReader::open(path, LAYOUT, range)?, rows, batch: None, next: 0 })
    }

    /// The next rows, at most so many, as a part of what was unpacked with them; `None` at the end.
    pub(super) fn next_rows(
        &mut self,
        most: usize,
    ) -> Result<Option<(Batch, Range<usize>)>, TableError> {
        let left = self.batch.take().filter(|batch| self.next < batch.rows());
        let batch = if let Some(batch) = left {
            batch
        } else {
            self.next = 0;
            let Some(batch) = self.table.read()? else { return Ok(None) };
            batch
        };
        let rows = self.next..self.next.saturating_add(most).min(batch.rows());
        self.next = rows.end;
        self.batch = Some(batch.clone());
        Ok(Some((batch, rows)))
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (batch, rows) = match self.next_rows(1) {
            Err(error) => return Some(Err(error)),
            Ok(None) => return None,
            Ok(Some(rows)) => rows,
        };
        let entry = Entry::from_cells(&batch.row(rows.start));
        let damaged = || TableError::new(self.table.path(), "a row is not a statement line");
        Some(entry.ok_or_else(damaged))
    }
}
