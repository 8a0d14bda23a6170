//! Lines to statements.

use std::collections::{BTreeMap, HashSet};

use super::Entry;
use crate::agreements::Agreements;
use crate::catalog::Catalogue;
use crate::ident::{Name, key_of};
use crate::ledger::Face;
use crate::money::{AmountOutOfRange, Currency, Micros};
use crate::period::Period;
use crate::settle::{Account, Kind, Line, LineId};

/// What a month comes to in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// What services and sources put in.
    pub money_in: Micros,
    /// What goes to payees: the statements' totals added up.
    pub payable: Micros,
    /// What is held, and what rounding left.
    pub held: BTreeMap<String, Micros>,
    /// Money that moved, by kind.
    pub by_kind: BTreeMap<String, Micros>,
    /// Receipts of parties who pay royalties on which no term applied: all of it stays with them.
    pub without_term: u64,
    /// How many statements.
    pub statements: u64,
    /// How many lines.
    pub lines: u64,
}

/// Statements that do not add up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// A sum does not fit.
    #[error(transparent)]
    Range(#[from] AmountOutOfRange),
    /// Money went missing between lines and statements: a defect.
    #[error("in {currency} {money_in} came in, {payable} is payable and {held} is held")]
    NotReconciled {
        /// The currency.
        currency: Currency,
        /// What came in.
        money_in: Micros,
        /// What is payable.
        payable: Micros,
        /// What is held.
        held: Micros,
    },
}

/// A month's statements.
#[derive(Debug, Default)]
pub struct Drawn {
    /// Their lines, by owner, currency and then as people read.
    pub entries: Vec<Entry>,
    /// Their faces.
    pub faces: Vec<Face>,
    /// What the month comes to, by currency; proven to be reconciled.
    pub totals: BTreeMap<String, Totals>,
}

/// Draws the statements of a month from its lines.
pub fn draw(
    period: Period,
    catalogue: &Catalogue,
    agreements: &Agreements,
    lines: &[Line],
) -> Result<Drawn, DrawError> {
    let mut drawn = Drawn::default();
    let paid_on: HashSet<LineId> = lines.iter().filter_map(|line| line.parent).collect();
    for line in lines {
        let totals = drawn.totals.entry(line.origin.currency.to_string()).or_default();
        count(totals, line)?;
        let payer = line.credit.party().is_some_and(|party| agreements.pays_on(party));
        totals.without_term += u64::from(payer && !paid_on.contains(&line.id));
        let credit = line.credit.party().map(|owner| (owner, line.amount));
        let debit = line.debit.party().map(|owner| (owner, -line.amount));
        for (owner, amount) in credit.into_iter().chain(debit) {
            drawn.entries.push(entry(period, catalogue, line, owner, amount));
        }
    }
    drawn.entries.sort_by(|a, b| order(a).cmp(&order(b)));
    drawn.faces = faces(&drawn.entries)?;
    for face in &drawn.faces {
        let totals = drawn.totals.entry(face.currency.to_string()).or_default();
        totals.payable = totals.payable.plus(face.total)?;
        totals.statements += 1;
    }
    for (currency, totals) in &drawn.totals {
        let held = Micros::sum(totals.held.values().copied())?;
        if totals.payable.plus(held)? != totals.money_in
            && let Ok(currency) = Currency::parse(currency)
        {
            let (money_in, payable) = (totals.money_in, totals.payable);
            return Err(DrawError::NotReconciled { currency, money_in, payable, held });
        }
    }
    Ok(drawn)
}

fn order(entry: &Entry) -> [&str; 9] {
    [
        &entry.owner,
        entry.currency.code(),
        &entry.service,
        &entry.offer,
        &entry.territory,
        &entry.right,
        &entry.recording,
        &entry.kind,
        entry.payee.as_str(),
    ]
}

fn count(totals: &mut Totals, line: &Line) -> Result<(), DrawError> {
    totals.lines += 1;
    if matches!(line.debit, Account::Service(_) | Account::Source(_)) {
        totals.money_in = totals.money_in.plus(line.amount)?;
    }
    if matches!(line.credit, Account::Suspense(_) | Account::Rounding) {
        let held = totals.held.entry(line.kind.as_str().to_owned()).or_default();
        *held = held.plus(line.amount)?;
    }
    if line.kind != Kind::Pool {
        let kind = totals.by_kind.entry(line.kind.as_str().to_owned()).or_default();
        *kind = kind.plus(line.amount)?;
    }
    Ok(())
}

fn entry(
    period: Period,
    catalogue: &Catalogue,
    line: &Line,
    owner: &Name,
    amount: Micros,
) -> Entry {
    let called = |id: &Name| {
        let party = catalogue.party(id);
        party.map_or_else(|| id.to_string(), |party| party.name.clone())
    };
    let name = |account: &Account| account.party().map_or_else(|| account.shown(), called);
    let recording = line.recording.as_ref().and_then(|id| catalogue.recording(id));
    let artists = recording.map(|r| r.artists.iter().map(called).collect::<Vec<_>>().join("|"));
    let origin = &line.origin;
    Entry {
        statement: key_of([&period.to_string(), owner.as_str(), origin.currency.code()]),
        period: period.to_string(),
        payee: line.credit.shown(),
        payer: line.debit.shown(),
        kind: line.kind.as_str().to_owned(),
        recording: line.recording.as_ref().map(ToString::to_string).unwrap_or_default(),
        title: recording.map(|r| r.title.clone()).unwrap_or_default(),
        artist: artists.unwrap_or_default(),
        service: origin.service.to_string(),
        offer: origin.offer.to_string(),
        territory: origin.territory.to_string(),
        right: origin.right.to_string(),
        plays: line.plays,
        base: line.base,
        rate: line.rate.clone().unwrap_or_default(),
        amount,
        currency: origin.currency,
        agreement: line.agreement.as_ref().map(|a| a.id.to_string()).unwrap_or_default(),
        line: line.id,
        payee_name: name(&line.credit),
        payer_name: name(&line.debit),
        owner: owner.to_string(),
        owner_name: called(owner),
    }
}

fn faces(entries: &[Entry]) -> Result<Vec<Face>, AmountOutOfRange> {
    let mut first_row = 0;
    let mut faces = Vec::new();
    for statement in entries.chunk_by(|a, b| (&a.owner, a.currency) == (&b.owner, b.currency)) {
        let lines = i64::try_from(statement.len()).unwrap_or(i64::MAX);
        faces.push(Face {
            statement: statement[0].statement.clone(),
            payee: statement[0].owner.clone(),
            payee_name: statement[0].owner_name.clone(),
            currency: statement[0].currency,
            total: Micros::sum(statement.iter().map(|entry| entry.amount))?,
            lines,
            first_row,
        });
        first_row += lines;
    }
    Ok(faces)
}
