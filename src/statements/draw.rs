//! What a month's lines come to: totals, and the faces of statements.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::Catalogue;
use crate::ident::key_of;
use crate::ledger::Face;
use crate::money::{AmountOutOfRange, Currency, Micros};
use crate::period::Period;
use crate::settle::{Kind, LineRow, party_of};

/// What a month comes to in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// What services and sources put in.
    pub money_in: Micros,
    /// What earlier months left undistributed and this one shares.
    #[serde(default)]
    pub carried_in: Micros,
    /// What goes to payees: the statements' totals added up.
    pub payable: Micros,
    /// What is held, what services keep, and what rounding left.
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
    #[error("{what} in {currency}: {source}")]
    Range {
        /// Whose or which.
        what: String,
        /// In what.
        currency: Currency,
        /// That it does not fit.
        source: AmountOutOfRange,
    },
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

impl DrawError {
    /// Says what does not fit.
    pub fn range(what: &str, currency: Currency) -> impl Fn(AmountOutOfRange) -> Self {
        move |source| Self::Range { what: what.to_owned(), currency, source }
    }
}

/// A month's statements, without their lines.
#[derive(Debug, Default)]
pub struct Drawn {
    /// Their faces, by owner and currency.
    pub faces: Vec<Face>,
    /// What the month comes to, by currency; proven to be reconciled.
    pub totals: BTreeMap<String, Totals>,
}

/// Adds up lines that come one by one, in any order. It grows with the payees, not with the
/// lines.
#[derive(Debug, Default)]
pub struct Survey {
    currencies: BTreeMap<Currency, Running>,
    owners: HashMap<Box<str>, Vec<Owned>>,
}

/// Sums in one currency, exact on the way and checked at the end.
#[derive(Debug, Default)]
struct Running {
    money_in: i128,
    carried_in: i128,
    held: BTreeMap<Kind, i128>,
    by_kind: BTreeMap<Kind, i128>,
    lines: u64,
}

#[derive(Debug)]
struct Owned {
    currency: Currency,
    total: i128,
    lines: i64,
}

impl Survey {
    /// Counts a line.
    pub fn take(&mut self, line: &LineRow<'_>) {
        let amount = i128::from(line.amount.micros());
        let running = self.currencies.entry(line.currency).or_default();
        running.lines += 1;
        if line.debit.starts_with("service:") || line.debit.starts_with("source:") {
            running.money_in += amount;
        }
        if line.debit.starts_with("suspense:") {
            running.carried_in += amount;
        }
        if ["suspense:", "retained:"].iter().any(|held| line.credit.starts_with(held))
            || line.credit == "rounding"
        {
            *running.held.entry(line.kind).or_default() += amount;
        }
        if !matches!(line.kind, Kind::Pool | Kind::Carried) {
            *running.by_kind.entry(line.kind).or_default() += amount;
        }
        for (owner, amount) in owners(line) {
            self.owe(owner, line.currency, amount);
        }
    }

    fn owe(&mut self, owner: &str, currency: Currency, amount: Micros) {
        let amount = i128::from(amount.micros());
        let Some(owned) = self.owners.get_mut(owner) else {
            self.owners.insert(owner.into(), vec![Owned { currency, total: amount, lines: 1 }]);
            return;
        };
        match owned.iter_mut().find(|owned| owned.currency == currency) {
            Some(owned) => {
                owned.total += amount;
                owned.lines += 1;
            }
            None => owned.push(Owned { currency, total: amount, lines: 1 }),
        }
    }

    /// What all of it comes to; proves that statements and held money are the money that came in.
    pub fn finish(self, period: Period, catalogue: &Catalogue) -> Result<Drawn, DrawError> {
        let mut drawn = Drawn::default();
        let sums = |sums: BTreeMap<Kind, i128>, currency| -> Result<_, DrawError> {
            let sum = |(kind, sum): (Kind, i128)| {
                let kind = kind.as_str();
                let sum = Micros::from_micros(sum).map_err(DrawError::range(kind, currency))?;
                Ok((kind.to_owned(), sum))
            };
            sums.into_iter().map(sum).collect::<Result<BTreeMap<String, Micros>, _>>()
        };
        for (currency, running) in self.currencies {
            let totals = Totals {
                money_in: Micros::from_micros(running.money_in)
                    .map_err(DrawError::range("money in", currency))?,
                carried_in: Micros::from_micros(running.carried_in)
                    .map_err(DrawError::range("carried in", currency))?,
                held: sums(running.held, currency)?,
                by_kind: sums(running.by_kind, currency)?,
                lines: running.lines,
                ..Totals::default()
            };
            drawn.totals.insert(currency.to_string(), totals);
        }
        drawn.faces = faces(period, catalogue, self.owners)?;
        for face in &drawn.faces {
            let totals = drawn.totals.entry(face.currency.to_string()).or_default();
            let payable = totals.payable.plus(face.total);
            totals.payable = payable.map_err(DrawError::range("payable", face.currency))?;
            totals.statements += 1;
        }
        for (currency, totals) in &drawn.totals {
            let Ok(currency) = Currency::parse(currency) else { continue }; // it was one above
            let held = Micros::sum(totals.held.values().copied());
            let held = held.map_err(DrawError::range("held", currency))?;
            let out = totals.payable.plus(held).map_err(DrawError::range("money out", currency))?;
            let came = totals.money_in.plus(totals.carried_in);
            let money_in = came.map_err(DrawError::range("money in", currency))?;
            if out != money_in {
                let payable = totals.payable;
                return Err(DrawError::NotReconciled { currency, money_in, payable, held });
            }
        }
        Ok(drawn)
    }
}

/// On whose statements a line stands, the payee's first, and with which sign.
pub(super) fn owners<'a>(line: &LineRow<'a>) -> impl Iterator<Item = (&'a str, Micros)> + use<'a> {
    let credit = party_of(line.credit).map(|owner| (owner, line.amount));
    let debit = party_of(line.debit).map(|owner| (owner, -line.amount));
    credit.into_iter().chain(debit)
}

fn faces(
    period: Period,
    catalogue: &Catalogue,
    owners: HashMap<Box<str>, Vec<Owned>>,
) -> Result<Vec<Face>, DrawError> {
    let mut owners: Vec<_> = owners.into_iter().collect();
    owners.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let period = period.to_string();
    let mut faces = Vec::with_capacity(owners.len());
    let mut first_row = 0;
    for (owner, mut owned) in owners {
        owned.sort_by_key(|owned| owned.currency);
        for Owned { currency, total, lines } in owned {
            faces.push(Face {
                statement: key_of([&period, &*owner, currency.code()]),
                payee: owner.to_string(),
                payee_name: catalogue.party(&owner).unwrap_or(&owner).to_owned(),
                currency,
                total: Micros::from_micros(total).map_err(DrawError::range(&owner, currency))?,
                lines,
                first_row,
            });
            first_row += lines;
        }
    }
    Ok(faces)
}
