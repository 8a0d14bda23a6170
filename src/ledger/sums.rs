//! Lines into what their transfers are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Transfer;
use crate::digest::{Canonical, Digest, Fields};
use crate::money::{AmountOutOfRange, Currency, Micros};
use crate::settle::{Kind, LineRow};

/// The lines of one debit, credit, kind and currency, summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    debit: Arc<str>,
    credit: Arc<str>,
    kind: &'static str,
    currency: Currency,
    amount: i128,
    lines: Digest,
}

/// Lines that do not come in their canonical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lines are not in their order")]
pub struct OutOfOrder;

/// Sums lines that come in their canonical order. Zero lines count towards the digest. It grows
/// with the transfers, not with the lines.
#[derive(Default)]
pub struct Sums {
    done: Vec<Sum>,
    codes: HashSet<Arc<str>>,
    /// Whom the open sums credit: the lines of one payee stand together.
    credit: Option<Arc<str>>,
    open: HashMap<Arc<str>, Vec<Open>>,
    fields: Fields,
}

struct Open {
    kind: Kind,
    currency: Currency,
    amount: i128,
    lines: Canonical,
}

impl Sums {
    /// Adds a line.
    pub fn take(&mut self, line: &LineRow<'_>) -> Result<(), OutOfOrder> {
        if self.credit.as_deref() != Some(line.credit) {
            if self.credit.as_deref().is_some_and(|before| before > line.credit) {
                return Err(OutOfOrder);
            }
            self.close();
            self.credit = Some(self.code(line.credit));
        }
        let debit = self.code(line.debit);
        let open = self.open.entry(debit).or_default();
        let like = |open: &Open| (open.kind, open.currency) == (line.kind, line.currency);
        let at = open.iter().position(like).unwrap_or_else(|| {
            let lines = Canonical::new("tantieme transfer lines 1");
            open.push(Open { kind: line.kind, currency: line.currency, amount: 0, lines });
            open.len() - 1
        });
        self.fields.clear();
        self.fields.bytes(&line.id.bytes()).int(line.amount.micros());
        open[at].lines.fields(&self.fields);
        open[at].amount += i128::from(line.amount.micros());
        Ok(())
    }

    /// The one copy of an account's code.
    fn code(&mut self, code: &str) -> Arc<str> {
        if let Some(known) = self.codes.get(code) {
            return known.clone();
        }
        let code: Arc<str> = code.into();
        self.codes.insert(code.clone());
        code
    }

    fn close(&mut self) {
        let Some(credit) = self.credit.take() else { return };
        for (debit, open) in self.open.drain() {
            self.done.extend(open.into_iter().map(|open| Sum {
                debit: debit.clone(),
                credit: credit.clone(),
                kind: open.kind.as_str(),
                currency: open.currency,
                amount: open.amount,
                lines: open.lines.digest(),
            }));
        }
    }

    /// The sums, by debit, credit, kind and currency.
    pub fn finish(mut self) -> Vec<Sum> {
        self.close();
        let mut done = self.done;
        done.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
        done
    }
}

fn order(sum: &Sum) -> (&str, &str, &str, Currency) {
    (&sum.debit, &sum.credit, sum.kind, sum.currency)
}

/// A sum that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the transfer from {debit} to {credit} in {currency} would be out of range")]
pub struct TooLarge {
    debit: Arc<str>,
    credit: Arc<str>,
    currency: Currency,
}

/// The transfers that sums make: none for zero, the other way round for less.
pub(super) fn transfers(
    sums: &[Sum],
    first_id: i64,
) -> impl Iterator<Item = Result<Transfer, TooLarge>> {
    let moving = sums.iter().filter(|sum| sum.amount != 0);
    (first_id..).zip(moving).map(|(id, sum)| {
        let (debit, credit) = (sum.debit.clone(), sum.credit.clone());
        let (debit, credit) = if sum.amount < 0 { (credit, debit) } else { (debit, credit) };
        let (currency, kind, lines) = (sum.currency, sum.kind, sum.lines);
        let amount = i128::try_from(sum.amount.unsigned_abs()).unwrap_or(i128::MAX);
        match Micros::from_micros(amount) {
            Ok(amount) => Ok(Transfer { id, debit, credit, currency, amount, kind, lines }),
            Err(AmountOutOfRange) => Err(TooLarge { debit, credit, currency }),
        }
    })
}
