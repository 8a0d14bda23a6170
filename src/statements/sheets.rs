//! Lines onto statements, in the order in which people read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::draw::owners;
use super::entry::WIDTH;
use crate::agreements::Agreements;
use crate::catalog::Catalogue;
use crate::columnar::{Cell, Key, Sorted, SortedRow, Sorter, TableError};
use crate::ident::key_of;
use crate::money::Currency;
use crate::period::Period;
use crate::settle::{LineRow, party_of, shown};

/// Takes lines in any order and gives the rows of the statements file: by owner and currency,
/// then service, offer, territory, right, recording, kind and payee, then as the lines came.
/// Names are not carried along; they are put in at the end.
pub struct Sheets {
    folder: PathBuf,
    sorter: Sorter,
    key: Key,
}

impl Sheets {
    /// Empty sheets that keep at most about `memory` bytes, and the rest in a nameless file in
    /// `folder`.
    pub fn new(folder: &Path, memory: u64, threads: usize) -> Self {
        let sorter = Sorter::new(folder, memory, threads);
        Self { folder: folder.to_owned(), sorter, key: Key::default() }
    }

    /// Puts a line onto the statements on which it stands.
    pub fn take(&mut self, line: &LineRow<'_>) -> Result<(), TableError> {
        for (owner, amount) in owners(line) {
            self.key.clear().text(owner).text(line.currency.code()).text(line.service);
            self.key.text(line.offer).text(line.territory).text(line.right);
            self.key.text(line.recording.unwrap_or_default()).text(line.kind.as_str());
            self.key.text(&shown(line.credit));
            let row = [
                Cell::Text(line.debit),
                Cell::Int(i64::from(party_of(line.credit).is_some())),
                Cell::Int(line.plays),
                Cell::Amount(line.base),
                Cell::Text(line.rate.unwrap_or_default()),
                Cell::Amount(amount),
                Cell::Text(line.agreement.unwrap_or_default()),
                Cell::Id(line.id.bytes()),
            ];
            self.sorter.push(&self.key, &row)?;
        }
        Ok(())
    }

    /// Gives every row, in order, to `out`.
    pub fn write(
        self,
        period: Period,
        catalogue: &Catalogue,
        out: &mut dyn FnMut(&[Cell<'_>]) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut sorted = self.sorter.finish()?;
        let mut names = Names::of(catalogue, period.to_string());
        while let Some(row) = sorted.read()? {
            let torn = || TableError::new(&self.folder, "a row came back torn from its sort");
            names.row(row, out).ok_or_else(torn)??;
        }
        Ok(())
    }
}

/// What rows are completed with, kept from row to row where it stays the same.
struct Names<'a> {
    catalogue: &'a Catalogue,
    period: String,
    owner: String,
    currency: String,
    statement: String,
    artists: String,
}

impl<'a> Names<'a> {
    fn of(catalogue: &'a Catalogue, period: String) -> Self {
        let (owner, currency) = (String::new(), String::new());
        let (statement, artists) = (String::new(), String::new());
        Self { catalogue, period, owner, currency, statement, artists }
    }

    /// Completes a row; `None` if it is not what [`Sheets::take`] pushed.
    fn row(
        &mut self,
        row: SortedRow<'_>,
        out: &mut dyn FnMut(&[Cell<'_>]) -> Result<(), TableError>,
    ) -> Option<Result<(), TableError>> {
        let [owner, currency, service, offer, territory, right, recording, kind, payee] =
            row.texts()?;
        let [payer, to_party, plays, base, rate, amount, agreement, line] = row.cells::<8>()?;
        if self.owner != owner || self.currency != currency {
            (self.owner, self.currency) = (owner.to_owned(), currency.to_owned());
            self.statement = key_of([&self.period, owner, currency]);
        }
        let called = |id: &str| self.catalogue.party(id);
        let known = self.catalogue.recording(recording);
        self.artists.clear();
        for artist in known.iter().flat_map(|recording| &recording.artists) {
            if !self.artists.is_empty() {
                self.artists.push('|');
            }
            self.artists.push_str(called(artist.as_str()).unwrap_or(artist.as_str()));
        }
        let payer = payer.text()?;
        let payer_shown = shown(payer);
        let payer_party = party_of(payer).and_then(called);
        let payee_party = if to_party.int()? == 1 { called(payee) } else { None };
        let cells: [Cell<'_>; WIDTH] = [
            Cell::Text(&self.statement),
            Cell::Text(&self.period),
            Cell::Text(payee),
            Cell::Text(&payer_shown),
            Cell::Text(kind),
            Cell::Text(recording),
            Cell::Text(known.map_or("", |recording| &recording.title)),
            Cell::Text(&self.artists),
            Cell::Text(service),
            Cell::Text(offer),
            Cell::Text(territory),
            Cell::Text(right),
            plays,
            base,
            rate,
            amount,
            Cell::Text(currency),
            agreement,
            line,
            Cell::Text(payee_party.unwrap_or(payee)),
            Cell::Text(payer_party.unwrap_or(&payer_shown)),
            Cell::Text(owner),
            Cell::Text(called(owner).unwrap_or(owner)),
        ];
        Some(out(&cells))
    }
}

/// Finds receipts on which nothing was paid on, by parties who pay on others: lines whose
/// payee has royalty terms and that no other line names as its parent.
pub struct Receipts {
    sorter: Sorter,
    key: Key,
}

impl Receipts {
    /// None yet; see [`Sheets::new`].
    pub fn new(folder: &Path, memory: u64, threads: usize) -> Self {
        Self { sorter: Sorter::new(folder, memory, threads), key: Key::default() }
    }

    /// Looks at a line.
    pub fn take(&mut self, line: &LineRow<'_>, agreements: &Agreements) -> Result<(), TableError> {
        if let Some(parent) = line.parent {
            self.key.clear().bytes(&parent.bytes()).bytes(&[0]);
            self.sorter.push(&self.key, &[])?;
        }
        if party_of(line.credit).is_some_and(|party| agreements.pays_on(party)) {
            self.key.clear().bytes(&line.id.bytes()).bytes(&[1]);
            self.key.bytes(line.currency.code().as_bytes());
            self.sorter.push(&self.key, &[])?;
        }
        Ok(())
    }

    /// How many there are, by currency.
    pub fn count(self) -> Result<BTreeMap<String, u64>, TableError> {
        let mut sorted: Sorted = self.sorter.finish()?;
        let (mut paid_on, mut counts) = (None, BTreeMap::new());
        while let Some(row) = sorted.read()? {
            let Some((id, rest)) = row.key.split_first_chunk::<16>() else { continue };
            let Some((1, currency)) = rest.split_first() else {
                paid_on = Some(*id);
                continue;
            };
            let currency = std::str::from_utf8(currency).ok().map(Currency::parse);
            if let Some(Ok(currency)) = currency
                && paid_on != Some(*id)
            {
                *counts.entry(currency.to_string()).or_default() += 1;
            }
        }
        Ok(counts)
    }
}
