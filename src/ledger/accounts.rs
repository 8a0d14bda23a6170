//! The ledger's accounts by code and by number.

use std::collections::HashMap;
use std::sync::Arc;

use super::posting::PostError;
use crate::money::Currency;
use crate::store::Tx;
use crate::store::statements::ledger::{ACCOUNT, ACCOUNTS};

/// An account's number for each of its currencies.
type Numbers = Vec<(Currency, i64)>;

/// All accounts that the ledger has.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_code: HashMap<Arc<str>, Numbers>,
    last: i64,
}

impl Accounts {
    /// Reads them.
    pub(super) async fn read(tx: &mut Tx) -> Result<Self, PostError> {
        let mut accounts = Self::default();
        tx.each(ACCOUNTS, &[], |row| {
            let (code, currency) = (row.text(1)?, row.text(2)?);
            let currency = Currency::parse(&currency).map_err(|_| PostError::Currency(currency))?;
            accounts.insert(code.into(), currency, row.int(0)?);
            Ok::<_, PostError>(())
        })
        .await?;
        Ok(accounts)
    }

    fn insert(&mut self, code: Arc<str>, currency: Currency, number: i64) {
        self.by_code.entry(code).or_default().push((currency, number));
        self.last = self.last.max(number);
    }

    /// An account's number, if it has been opened.
    pub(super) fn number(&self, code: &str, currency: Currency) -> Option<i64> {
        let of_code = self.by_code.get(code)?;
        of_code.iter().find(|(of, _)| *of == currency).map(|(_, number)| *number)
    }

    /// The numbers of all that are opened, and their currencies.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (i64, Currency)> {
        self.by_code.values().flatten().map(|(currency, number)| (*number, *currency))
    }

    /// Opens those that are new, in the order of code and currency.
    pub(super) async fn open<'a>(
        &mut self,
        tx: &mut Tx,
        sides: impl Iterator<Item = (&'a Arc<str>, Currency)>,
    ) -> Result<(), PostError> {
        let mut new: Vec<(&Arc<str>, Currency)> =
            sides.filter(|(code, currency)| self.number(code, *currency).is_none()).collect();
        new.sort_unstable();
        new.dedup();
        let numbered: Vec<_> = (self.last + 1..).zip(new).collect();
        let rows = numbered.iter().map(|(number, (code, currency))| {
            vec![(*number).into(), (&***code).into(), currency.code().into()]
        });
        tx.add(ACCOUNT, rows).await?;
        for (number, (code, currency)) in numbered {
            self.insert(code.clone(), currency, number);
        }
        Ok(())
    }
}
