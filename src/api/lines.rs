//! Lines out of a month's file: as CSV chunk by chunk, as JSON page by page.
//!
//! This is the one file of the room that opens the statements file of a close. It reads a range
//! of rows, leaves out what the key does not see, and can go on at any row.

use std::path::PathBuf;

use super::auth::LineSight;
use crate::columnar::TableError;
use crate::money::Currency;
use crate::statements::{Entries, Entry, write_csv_header, write_csv_where};

/// Rows of a file, and which of them are seen.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The file.
    pub(super) path: PathBuf,
    /// The next row.
    pub(super) row: usize,
    /// The row after the last.
    pub(super) end: usize,
    /// What is seen of them.
    pub(super) sight: LineSight,
}

/// Those rows, being read.
pub(super) struct Reading {
    entries: Entries,
    wanted: Wanted,
}

impl Reading {
    /// Opens the file at the first row that is wanted.
    pub(super) fn open(wanted: Wanted) -> Result<Self, TableError> {
        let count = wanted.end.saturating_sub(wanted.row);
        let entries = Entries::open(&wanted.path, Some((wanted.row, count)))?;
        Ok(Self { entries, wanted })
    }

    /// The row that is read next: where to go on after having let go of the file.
    pub(super) const fn row(&self) -> usize {
        self.wanted.row
    }

    /// True when nothing is left.
    pub(super) const fn done(&self) -> bool {
        self.wanted.row >= self.wanted.end
    }

    /// The next entry that is seen before row `until`, with its row.
    fn next(&mut self, until: usize) -> Result<Option<(usize, Entry)>, TableError> {
        while self.wanted.row < until.min(self.wanted.end) {
            let Some(entry) = self.entries.next().transpose()? else {
                return Err(self.too_short());
            };
            let row = self.wanted.row;
            self.wanted.row += 1;
            if self.wanted.sight.sees_entry(&entry) {
                return Ok(Some((row, entry)));
            }
        }
        Ok(None)
    }

    /// Up to `limit` lines and the rows they stand in; fewer at the end, or after a long stretch
    /// in which few are seen.
    pub(super) fn page(&mut self, limit: usize) -> Result<Vec<(usize, StatementLine)>, TableError> {
        let until = self.wanted.row.saturating_add(STRETCH_ROWS);
        let mut lines = Vec::new();
        while lines.len() < limit
            && let Some((row, entry)) = self.next(until)?
        {
            lines.push((row, StatementLine::from(entry)));
        }
        Ok(lines)
    }

    /// The next lines as CSV, about [`CHUNK_BYTES`] of them; less at the end, or after a long
    /// stretch in which few are seen.
    pub(super) fn chunk(&mut self) -> Result<Vec<u8>, TableError> {
        let until = self.wanted.row.saturating_add(STRETCH_ROWS).min(self.wanted.end);
        let sight = &self.wanted.sight;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        while chunk.len() < CHUNK_BYTES - SLACK_BYTES && self.wanted.row < until {
            let count = ROWS_AT_ONCE.min(until - self.wanted.row);
            let looked = write_csv_where(
                &mut self.entries,
                count,
                |cells| sight.sees_cells(cells),
                &mut chunk,
            )?;
            if looked < count {
                return Err(self.too_short());
            }
            self.wanted.row += looked;
        }
        Ok(chunk)
    }

    fn too_short(&self) -> TableError {
        let reason = "the file is shorter than its statements".to_owned();
        TableError { path: self.wanted.path.clone(), reason }
    }
}

/// What a client is sent at once.
pub(super) const CHUNK_BYTES: usize = 32 << 10;
const SLACK_BYTES: usize = 4 << 10;
const ROWS_AT_ONCE: usize = 16;
/// Rows that are looked through before a thread is given back.
const STRETCH_ROWS: usize = 50_000;

/// The header line of every CSV of lines.
pub(super) fn csv_header() -> Vec<u8> {
    let mut header = Vec::new();
    let _ = write_csv_header(&mut header); // memory takes it all
    header
}

/// A line of a statement.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Line)]
pub(super) struct StatementLine {
    /// Whose statement it is on: month/payee/currency.
    #[schema(example = "2026-10/lumen/CNY")]
    statement: String,
    /// The month in which it settles.
    #[schema(example = "2026-10")]
    period: String,
    /// Who is paid: a party, or an account such as `suspense:parked`.
    payee: String,
    /// Who pays: a party, a service or a source.
    payer: String,
    /// `share`, `royalty` or `parked`.
    kind: String,
    /// The recording; empty where there is none.
    recording: String,
    /// Its title.
    title: String,
    /// Its artists' names.
    artist: String,
    /// The service or source.
    service: String,
    /// The offer or channel.
    offer: String,
    /// Where.
    territory: String,
    /// For which right.
    right: String,
    /// Raw plays, or the quantity sold.
    plays: i64,
    /// What the rate was taken of.
    #[schema(example = "0.243806")]
    base_amount: String,
    /// The rate or share as it was agreed; empty where there is none.
    #[schema(example = "20")]
    rate: String,
    /// + for the statement's payee, − against.
    #[schema(example = "0.048761")]
    amount: String,
    /// In what.
    #[schema(value_type = String, example = "CNY")]
    currency: Currency,
    /// By which agreement; empty where a claim alone decides.
    agreement: String,
    /// The line's id, the same on both statements it stands on.
    line: String,
    /// What the payee is called.
    payee_name: String,
    /// What the payer is called.
    payer_name: String,
}

impl From<Entry> for StatementLine {
    fn from(entry: Entry) -> Self {
        Self {
            statement: entry.statement,
            period: entry.period,
            payee: entry.payee,
            payer: entry.payer,
            kind: entry.kind,
            recording: entry.recording,
            title: entry.title,
            artist: entry.artist,
            service: entry.service,
            offer: entry.offer,
            territory: entry.territory,
            right: entry.right,
            plays: entry.plays,
            base_amount: entry.base.to_string(),
            rate: entry.rate,
            amount: entry.amount.to_string(),
            currency: entry.currency,
            agreement: entry.agreement,
            line: entry.line.to_string(),
            payee_name: entry.payee_name,
            payer_name: entry.payer_name,
        }
    }
}
