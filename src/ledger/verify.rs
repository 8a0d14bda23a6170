//! Proof that the ledger says what was posted.

use std::collections::{BTreeMap, HashMap};

use super::chain::{FORM_VERSION, PostingHead, Transfer, posting_hash};
use super::posting::{SumOfLines, transfers};
use crate::digest::Digest;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::store::statements::ledger::{
    ACCOUNTS, PERIODS_CLOSED, POSTINGS, SNAPSHOTS, STATEMENTS, TRANSFERS, TRANSFERS_STRAY,
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

/// Balances by account and currency, in micros: credits less debits.
pub type Balances = BTreeMap<(String, String), i128>;

/// The sums of all transfers.
pub async fn balances(tx: &mut Tx) -> Result<Balances, StoreError> {
    let mut sums = Balances::new();
    for posting in tx.rows(POSTINGS, &[]).await? {
        for row in tx.rows(TRANSFERS, &[posting.int(0)?.into()]).await? {
            add(&mut sums, &row)?;
        }
    }
    Ok(sums)
}

fn add(sums: &mut Balances, row: &Row) -> Result<(), StoreError> {
    let (debit, credit, currency) = (row.text(2)?, row.text(3)?, row.text(4)?);
    let amount = i128::from(row.int(5)?);
    *sums.entry((debit, currency.clone())).or_default() -= amount;
    *sums.entry((credit, currency)).or_default() += amount;
    Ok(())
}

/// Proves the chain, the balances, the pools and the closed months, and that each posting holds
/// the transfers that `expected` says its month's lines make.
pub async fn verify(tx: &mut Tx, expected: &BTreeMap<String, SumOfLines>) -> Result<(), Broken> {
    let mut previous = Digest::ZERO;
    let mut sums = Balances::new();
    let mut posted = Vec::new();
    let mut snapshots = snapshots(tx).await?;
    for (number, row) in (1..).zip(tx.rows(POSTINGS, &[]).await?) {
        let (id, period) = (row.int(0)?, row.text(1)?);
        let broken = |reason: &str| Broken::Posting {
            posting: id,
            period: period.clone(),
            reason: reason.to_owned(),
        };
        if id != number {
            return Err(broken(&format!("posting {number} is missing before it")));
        }
        if row.int(3)? != FORM_VERSION {
            return Err(broken("its form is of a version that this program does not know"));
        }
        let head = PostingHead {
            id,
            period: period.clone(),
            result: row.text(6)?,
            posted_by: row.text(8)?,
            recorded_at: row.text(9)?,
            previous,
        };
        if row.bytes(4)? != previous.bytes() {
            return Err(broken("it does not follow the posting before it"));
        }
        let rows = tx.rows(TRANSFERS, &[id.into()]).await?;
        let found: Option<Vec<Transfer>> = rows.iter().map(|row| transfer(row, &head)).collect();
        let found = found.ok_or_else(|| broken("a transfer is not of its month and moment"))?;
        let hash = posting_hash(&head, &found);
        if row.bytes(5)? != hash.bytes() || row.int(7)? != i64::try_from(found.len()).unwrap_or(-1)
        {
            return Err(broken("its transfers do not have its hash"));
        }
        let month = period.parse::<Period>().map_err(|_| broken("its month cannot be read"))?;
        let sums_of_lines =
            expected.get(&period).ok_or_else(|| broken("its close is not published"))?;
        let first = found.first().map_or(1, |transfer| transfer.id);
        if transfers(sums_of_lines, first, month).as_deref() != Ok(found.as_slice()) {
            return Err(broken("its transfers are not the sums of its lines"));
        }
        openings(tx, &period, &sums).await?;
        for row in &rows {
            add(&mut sums, row)?;
        }
        let noted = snapshots.remove(&period).unwrap_or_default();
        let mut moved: Vec<_> = found.iter().flat_map(Transfer::accounts).collect();
        moved.sort();
        moved.dedup();
        let mut accounts: Vec<_> = noted.iter().map(|(account, _)| account.clone()).collect();
        accounts.sort();
        if accounts != moved {
            return Err(broken("its balances are not those of the accounts that moved"));
        }
        for (account, noted) in noted {
            let sum = sums.get(&account).copied().unwrap_or(0);
            if sum != i128::from(noted) {
                let shown = |micros: i128| {
                    Micros::from_micros(micros).map_or_else(|e| e.to_string(), |m| m.to_string())
                };
                return Err(Broken::Balance {
                    account: format!("{} in {}", account.0, account.1),
                    period,
                    found: shown(i128::from(noted)),
                    expected: shown(sum),
                });
            }
        }
        previous = hash;
        posted.push((period, id));
    }
    if let Some(row) = tx.row(TRANSFERS_STRAY, &[]).await? {
        return Err(Broken::Stray(row.int(0)?));
    }
    if let Some((period, _)) = snapshots.into_iter().next() {
        return Err(Broken::ClosedPeriods(format!("{period} has balances and was not posted")));
    }
    check_sums(&sums)?;
    let mut closed = Vec::new();
    for row in tx.rows(PERIODS_CLOSED, &[]).await? {
        closed.push((row.text(0)?, row.int(1)?));
    }
    posted.sort();
    let names = |months: &[(String, i64)]| {
        months.iter().map(|(month, _)| month.clone()).collect::<Vec<_>>().join(", ")
    };
    if closed != posted {
        let text = format!("closed {}; posted {}", names(&closed), names(&posted));
        return Err(Broken::ClosedPeriods(text));
    }
    Ok(())
}

/// Proves that each statement of a month begins with what its payee was owed before.
async fn openings(tx: &mut Tx, period: &str, before: &Balances) -> Result<(), Broken> {
    for row in tx.rows(STATEMENTS, &[period.into()]).await? {
        let account = (format!("payable:{}", row.text(1)?), row.text(3)?);
        let expected = before.get(&account).copied().unwrap_or(0);
        let found = i128::from(row.int(4)?);
        if found != expected {
            return Err(Broken::Opening { statement: row.text(0)?, found, expected });
        }
    }
    Ok(())
}

fn check_sums(sums: &Balances) -> Result<(), Broken> {
    let mut by_currency: BTreeMap<&str, i128> = BTreeMap::new();
    for ((account, currency), sum) in sums {
        *by_currency.entry(currency).or_default() += sum;
        if account.starts_with("pool:") && *sum != 0 {
            let (account, currency) = (account.clone(), currency.clone());
            return Err(Broken::PoolNotEmpty { account, currency, balance: *sum });
        }
    }
    match by_currency.into_iter().find(|(_, sum)| *sum != 0) {
        Some((currency, sum)) => Err(Broken::TrialBalance { currency: currency.to_owned(), sum }),
        None => Ok(()),
    }
}

type Snapshots = HashMap<String, Vec<((String, String), i64)>>;

async fn snapshots(tx: &mut Tx) -> Result<Snapshots, StoreError> {
    let mut accounts = HashMap::new();
    for row in tx.rows(ACCOUNTS, &[]).await? {
        accounts.insert(row.int(0)?, (row.text(1)?, row.text(2)?));
    }
    let mut snapshots = Snapshots::new();
    for row in tx.rows(SNAPSHOTS, &[]).await? {
        let account = accounts.get(&row.int(1)?).cloned().unwrap_or_default();
        snapshots.entry(row.text(0)?).or_default().push((account, row.int(2)?));
    }
    Ok(snapshots)
}

/// Reads a transfer; `None` if it is not of its posting's month and moment.
fn transfer(row: &Row, head: &PostingHead) -> Option<Transfer> {
    if row.text(1).ok()? != head.period || row.text(9).ok()? != head.recorded_at {
        return None;
    }
    Some(Transfer {
        id: row.int(0).ok()?,
        debit: row.text(2).ok()?,
        credit: row.text(3).ok()?,
        currency: Currency::parse(&row.text(4).ok()?).ok()?,
        amount: Micros::from_micros(i128::from(row.int(5).ok()?)).ok()?,
        kind: row.text(6).ok()?,
        lines: Digest::from_bytes(&row.bytes(7).ok()?).ok()?,
        effective_on: row.text(8).ok()?,
    })
}
