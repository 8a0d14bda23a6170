//! One line as it stands on one statement.

use std::path::Path;

use crate::columnar::{Cell, Kind, Layout, TableError, TableReader};
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
    /// One cell for each column of [`LAYOUT`].
    pub fn cells(&self) -> [Cell<'_>; 23] {
        [
            Cell::Text(&self.statement),
            Cell::Text(&self.period),
            Cell::Text(&self.payee),
            Cell::Text(&self.payer),
            Cell::Text(&self.kind),
            Cell::Text(&self.recording),
            Cell::Text(&self.title),
            Cell::Text(&self.artist),
            Cell::Text(&self.service),
            Cell::Text(&self.offer),
            Cell::Text(&self.territory),
            Cell::Text(&self.right),
            Cell::Int(self.plays),
            Cell::Amount(self.base),
            Cell::Text(&self.rate),
            Cell::Amount(self.amount),
            Cell::Text(self.currency.code()),
            Cell::Text(&self.agreement),
            Cell::Id(self.line.bytes()),
            Cell::Text(&self.payee_name),
            Cell::Text(&self.payer_name),
            Cell::Text(&self.owner),
            Cell::Text(&self.owner_name),
        ]
    }

    fn from_cells(cells: &[Cell<'_>]) -> Option<Self> {
        let text = |at: usize| match cells.get(at)? {
            Cell::Text(text) => Some((*text).to_owned()),
            _ => None,
        };
        let amount = |at: usize| match cells.get(at)? {
            Cell::Amount(amount) => Some(*amount),
            _ => None,
        };
        let plays = match cells.get(12)? {
            Cell::Int(plays) => *plays,
            _ => return None,
        };
        let line = match cells.get(18)? {
            Cell::Id(id) => LineId::from_bytes(*id),
            _ => return None,
        };
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
            plays,
            base: amount(13)?,
            rate: text(14)?,
            amount: amount(15)?,
            currency: Currency::parse(&text(16)?).ok()?,
            agreement: text(17)?,
            line,
            payee_name: text(19)?,
            payer_name: text(20)?,
            owner: text(21)?,
            owner_name: text(22)?,
        })
    }
}

/// Reads entries from their file, in its order: by owner, currency, and then as people read.
pub struct Entries {
    path: std::path::PathBuf,
    table: TableReader,
}

impl Entries {
    /// Opens the file, all of it or `count` rows from row `first`.
    pub fn open(path: &Path, range: Option<(usize, usize)>) -> Result<Self, TableError> {
        Ok(Self { path: path.to_owned(), table: TableReader::open(path, LAYOUT, range)? })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.table.read_row() {
            Err(error) => Some(Err(error)),
            Ok(None) => None,
            Ok(Some(cells)) => Some(Entry::from_cells(&cells).ok_or_else(|| TableError {
                path: self.path.clone(),
                reason: "a row is not a statement line".to_owned(),
            })),
        }
    }
}
