//! Proof that the ledger says what was posted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::chain::{FORM_VERSION, Head, PostingHash, PostingHead, Transfer};
use super::sums::{Sum, transfers};
use crate::digest::Digest;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::settle::Kind;
use crate::store::statements::ledger::{
    ACCOUNTS, PERIODS_CLOSED, POSTINGS, SNAPSHOTS, SNAPSHOTS_STRAY, STATEMENTS, STATEMENTS_STRAY,
    TRANSFERS, TRANSFERS_STRAY,
};
use crate::store::{Row, StoreError, Tx};

/// What does not hold, the first that was found.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A posting's hash or place in the chain.
    #[error("posting {posting} of {period} is not what was posted: {reason}")]
    Posting {
        /// Its number.
        posting: i64,
        /// Its month.
        period: String,
        /// What is wrong.
        reason: String,
    },
    /// A transfer that hangs in the air.
    #[error("transfer {0} has no posting, or an account that is not in its currency")]
    Stray(i64),
    /// A statement that hangs in the air.
    #[error("statement {0} is of no posted month")]
    StrayStatement(String),
    /// A balance that its transfers do not make.
    #[error(
        "the balance of {account} at the close of {period} is {found} and its transfers make {expected}"
    )]
    Balance {
        /// The account.
        account: String,
        /// The month.
        period: String,
        /// What was noted.
        found: String,
        /// What the transfers make.
        expected: String,
    },
    /// A statement that does not begin where the ledger stood.
    #[error("statement {statement} opens with {found} micros and {expected} were owed before it")]
    Opening {
        /// The statement.
        statement: String,
        /// What it says.
        found: i128,
        /// What the transfers before it make.
        expected: i128,
    },
    /// Debits and credits that differ.
    #[error("the trial balance in {currency} is {sum} micros and not 0")]
    TrialBalance {
        /// The currency.
        currency: String,
        /// The sum.
        sum: i128,
    },
    /// A pool that is not empty after its settlement.
    #[error("{account} holds {balance} micros of {currency} after its month was posted")]
    PoolNotEmpty {
        /// The account.
        account: String,
        /// In what.
        currency: String,
        /// What is left.
        balance: i128,
    },
    /// A closed month without its posting, or the other way round.
    #[error("the closed months are not those that were posted: {0}")]
    ClosedPeriods(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A proof of the ledger, month by month, oldest first. It keeps balances, and no transfer.
pub struct Proof {
    accounts: HashMap<i64, (Arc<str>, Currency)>,
    /// Credits less debits of each account, of the months so far.
    balances: HashMap<i64, i128>,
    /// Postings that no month has claimed yet, the oldest last.
    postings: Vec<Posted>,
    previous: Digest,
    number: i64,
    /// The months so far, and their postings.
    posted: Vec<(String, i64)>,
}

/// A published month as its close has it.
#[derive(Debug)]
pub struct Closed<'a> {
    /// The month.
    pub period: Period,
    /// Its run.
    pub run: i64,
    /// Its result hash.
    pub result: &'a str,
    /// Its lines, summed.
    pub sums: &'a [Sum],
}

/// A posting as it stands in the database.
struct Posted {
    id: i64,
    run: i64,
    version: i64,
    head: PostingHead,
    hash: Vec<u8>,
    previous: Vec<u8>,
    transfers: i64,
}

impl Posted {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let head = PostingHead {
            id: row.int(0)?,
            period: row.text(1)?,
            result: row.text(6)?,
            posted_by: row.text(8)?,
            recorded_at: row.text(9)?,
            previous: Digest::ZERO,
        };
        let (previous, hash) = (row.bytes(4)?, row.bytes(5)?);
        let (run, version, transfers) = (row.int(2)?, row.int(3)?, row.int(7)?);
        Ok(Self { id: head.id, run, version, head, hash, previous, transfers })
    }

    fn broken(&self, reason: &str) -> Broken {
        let (posting, period) = (self.id, self.head.period.clone());
        Broken::Posting { posting, period, reason: reason.to_owned() }
    }
}

impl Proof {
    /// Reads accounts and the heads of postings.
    pub async fn begin(tx: &mut Tx) -> Result<Self, Broken> {
        let mut accounts = HashMap::new();
        tx.each(ACCOUNTS, &[], |row| {
            // An account in no currency is nobody's: its transfers do not have their hash.
            if let Ok(currency) = Currency::parse(&row.text(2)?) {
                accounts.insert(row.int(0)?, (row.text(1)?.into(), currency));
            }
            Ok::<_, StoreError>(())
        })
        .await?;
        let postings = tx.rows(POSTINGS, &[]).await?;
        let postings = postings.iter().rev().map(Posted::read).collect::<Result<_, _>>()?;
        let (previous, balances) = (Digest::ZERO, HashMap::new());
        Ok(Self { accounts, balances, postings, previous, number: 0, posted: Vec::new() })
    }

    /// Proves the posting of a published month: its place in the chain, the run and the result
    /// that it posted, its transfers, which are the sums of the run's lines, its statements'
    /// openings and its balances.
    pub async fn month(&mut self, tx: &mut Tx, closed: &Closed<'_>) -> Result<(), Broken> {
        let period = closed.period;
        let Some(mut posting) = self.postings.pop() else {
            let text = format!("{period} is published and was not posted");
            return Err(Broken::ClosedPeriods(text));
        };
        self.number += 1;
        if posting.id != self.number {
            return Err(posting.broken(&format!("posting {} is missing before it", self.number)));
        }
        if posting.head.period != period.to_string() {
            return Err(posting.broken("its close is not published"));
        }
        if posting.run != closed.run {
            return Err(posting.broken("it names another run than the published one"));
        }
        if posting.head.result != closed.result {
            return Err(posting.broken("its result is not the one that was approved"));
        }
        if posting.version != FORM_VERSION {
            return Err(posting.broken("its form is of a version that this program does not know"));
        }
        if posting.previous != self.previous.bytes() {
            return Err(posting.broken("it does not follow the posting before it"));
        }
        posting.head.previous = self.previous;
        let changes = self.transfers(tx, &posting, period, closed.sums).await?;
        self.openings(tx, &posting.head.period).await?;
        for (account, change) in &changes {
            *self.balances.entry(*account).or_default() += change;
        }
        self.snapshots(tx, &posting, &changes).await?;
        self.posted.push((posting.head.period, posting.id));
        Ok(())
    }

    /// Proves the transfers of a posting; returns what they add to each account.
    async fn transfers(
        &mut self,
        tx: &mut Tx,
        posting: &Posted,
        period: Period,
        sums: &[Sum],
    ) -> Result<HashMap<i64, i128>, Broken> {
        let day = period.last_day().to_string();
        let mut hash = PostingHash::new(&posting.head, &day);
        let mut changes: HashMap<i64, i128> = HashMap::new();
        let (mut count, mut torn, mut differs) = (0, false, false);
        let mut expected = None;
        tx.each(TRANSFERS, &[posting.id.into()], |row| {
            if row.text(1)? != posting.head.period || row.text(9)? != posting.head.recorded_at {
                return Err(posting.broken("a transfer is not of its month and moment"));
            }
            count += 1;
            let transfer = self.transfer(row).filter(|_| row.text(8).is_ok_and(|on| on == day));
            let Some(transfer) = transfer else {
                torn = true;
                return Ok(());
            };
            let expected = expected.get_or_insert_with(|| transfers(sums, transfer.id));
            differs |= expected.next() != Some(Ok(transfer.clone()));
            let amount = i128::from(transfer.amount.micros());
            *changes.entry(row.int(2)?).or_default() -= amount;
            *changes.entry(row.int(3)?).or_default() += amount;
            hash.add(&transfer);
            Ok(())
        })
        .await?;
        let hash = hash.digest();
        if torn || posting.hash != hash.bytes() || posting.transfers != count {
            return Err(posting.broken("its transfers do not have its hash"));
        }
        if differs || expected.unwrap_or_else(|| transfers(sums, 1)).next().is_some() {
            return Err(posting.broken("its transfers are not the sums of its lines"));
        }
        self.previous = hash;
        Ok(changes)
    }

    /// Reads a transfer; `None` where it cannot be one.
    fn transfer(&self, row: &Row) -> Option<Transfer> {
        let account = |column| self.accounts.get(&row.int(column).ok()?);
        let (debit, credit) = (account(2)?, account(3)?);
        let currency = Currency::parse(&row.text(4).ok()?).ok()?;
        Some(Transfer {
            id: row.int(0).ok()?,
            debit: debit.0.clone(),
            credit: credit.0.clone(),
            currency,
            amount: Micros::from_micros(i128::from(row.int(5).ok()?)).ok()?,
            kind: Kind::parse(&row.text(6).ok()?)?.as_str(),
            lines: Digest::from_bytes(&row.bytes(7).ok()?).ok()?,
        })
    }

    /// Proves that each statement of a month begins with what its payee was owed before.
    async fn openings(&self, tx: &mut Tx, period: &str) -> Result<(), Broken> {
        if self.balances.is_empty() {
            return tx.each(STATEMENTS, &[period.into()], |row| opening(row, 0)).await;
        }
        let numbers: HashMap<(&str, Currency), i64> = self
            .accounts
            .iter()
            .map(|(id, (code, currency))| ((&**code, *currency), *id))
            .collect();
        tx.each(STATEMENTS, &[period.into()], |row| {
            let account = format!("payable:{}", row.text(1)?);
            let currency = Currency::parse(&row.text(3)?).ok();
            let number = currency.and_then(|currency| numbers.get(&(account.as_str(), currency)));
            let before = number.and_then(|number| self.balances.get(number));
            opening(row, before.copied().unwrap_or(0))
        })
        .await
    }

    /// Proves the balances that were noted when a month was posted.
    async fn snapshots(
        &self,
        tx: &mut Tx,
        posting: &Posted,
        changes: &HashMap<i64, i128>,
    ) -> Result<(), Broken> {
        let period = &posting.head.period;
        let other = || posting.broken("its balances are not those of the accounts that moved");
        let mut noted = 0;
        let mut wrong = None;
        tx.each(SNAPSHOTS, &[period.as_str().into()], |row| {
            let (account, found) = (row.int(0)?, i128::from(row.int(1)?));
            if !changes.contains_key(&account) {
                return Err(other());
            }
            noted += 1;
            let expected = self.balances.get(&account).copied().unwrap_or(0);
            if found != expected && wrong.is_none() {
                wrong = Some((account, found, expected));
            }
            Ok(())
        })
        .await?;
        if noted != changes.len() {
            return Err(other());
        }
        let Some((account, found, expected)) = wrong else { return Ok(()) };
        let shown = |micros: i128| {
            Micros::from_micros(micros).map_or_else(|e| e.to_string(), |m| m.to_string())
        };
        let name = self.accounts.get(&account);
        Err(Broken::Balance {
            account: name
                .map_or_else(String::new, |(code, currency)| format!("{code} in {currency}")),
            period: period.clone(),
            found: shown(found),
            expected: shown(expected),
        })
    }

    /// Proves that nothing stands beside the months: no posting, transfer, statement or balance,
    /// that pools are empty, debits equal credits, and the closed months are those that were
    /// posted. Returns the last posting.
    pub async fn end(mut self, tx: &mut Tx) -> Result<Option<Head>, Broken> {
        if let Some(posting) = self.postings.last() {
            return Err(posting.broken("its close is not published"));
        }
        if let Some(row) = tx.row(TRANSFERS_STRAY, &[]).await? {
            return Err(Broken::Stray(row.int(0)?));
        }
        if let Some(row) = tx.row(STATEMENTS_STRAY, &[]).await? {
            return Err(Broken::StrayStatement(row.text(0)?));
        }
        if let Some(row) = tx.row(SNAPSHOTS_STRAY, &[]).await? {
            let text = format!("{} has balances and was not posted", row.text(0)?);
            return Err(Broken::ClosedPeriods(text));
        }
        self.sums()?;
        let mut closed = Vec::new();
        for row in tx.rows(PERIODS_CLOSED, &[]).await? {
            closed.push((row.text(0)?, row.int(1)?));
        }
        self.posted.sort();
        let names = |months: &[(String, i64)]| {
            months.iter().map(|(month, _)| month.clone()).collect::<Vec<_>>().join(", ")
        };
        if closed != self.posted {
            let text = format!("closed {}; posted {}", names(&closed), names(&self.posted));
            return Err(Broken::ClosedPeriods(text));
        }
        let (number, hash) = (self.number, self.previous);
        Ok((number > 0).then_some(Head { number, hash }))
    }

    fn sums(&self) -> Result<(), Broken> {
        let mut by_currency: BTreeMap<Currency, i128> = BTreeMap::new();
        for (account, sum) in &self.balances {
            let Some((code, currency)) = self.accounts.get(account) else { continue };
            *by_currency.entry(*currency).or_default() += sum;
            if code.starts_with("pool:") && *sum != 0 {
                let (account, currency) = (code.to_string(), currency.to_string());
                return Err(Broken::PoolNotEmpty { account, currency, balance: *sum });
            }
        }
        match by_currency.into_iter().find(|(_, sum)| *sum != 0) {
            Some((currency, sum)) => {
                Err(Broken::TrialBalance { currency: currency.to_string(), sum })
            }
            None => Ok(()),
        }
    }
}

fn opening(row: &Row, expected: i128) -> Result<(), Broken> {
    let found = i128::from(row.int(4)?);
    if found == expected {
        return Ok(());
    }
    Err(Broken::Opening { statement: row.text(0)?, found, expected })
}
