//! A month's transfers into the database.

use std::collections::{BTreeMap, HashMap};

use super::accounts::Accounts;
use super::chain::{FORM_VERSION, Head, PostingHash, PostingHead, Transfer};
use super::sums::{Sum, TooLarge, transfers};
use crate::digest::Digest;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::store::statements::ledger::{
    BALANCES, PERIOD_CLOSE, POSTING_ADD, POSTING_LAST, SNAPSHOT, STATEMENT, TRANSFER, TRANSFER_LAST,
};
use crate::store::{StoreError, Tx};

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A transfer would not fit.
    #[error(transparent)]
    Transfer(#[from] TooLarge),
    /// A defect: an account of a transfer was not opened.
    #[error("{account} was not opened in {currency}")]
    Unopened {
        /// The account.
        account: String,
        /// In what.
        currency: Currency,
    },
    /// A balance would not fit.
    #[error("the balance of {account} in {currency} would be out of range")]
    Balance {
        /// The account.
        account: String,
        /// In what.
        currency: String,
    },
    /// The ledger holds what it never writes.
    #[error("the ledger holds an account in {0:?}, which is no currency; run `tantieme verify`")]
    Currency(String),
    /// The posting before cannot be followed.
    #[error("the hash of posting {0} cannot be read; run `tantieme verify`")]
    Head(i64),
    /// The balances that statements would open with are not those of the transfers.
    #[error(
        "the balances in {currency} add up to {sum} micros and not to 0; run `tantieme verify`"
    )]
    Balances {
        /// In what.
        currency: Currency,
        /// What they add up to.
        sum: i128,
    },
}

/// A statement's face: what it is and what it comes to, without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// PERIOD/PAYEE/CURRENCY.
    pub statement: String,
    /// Whose it is.
    pub payee: String,
    /// What they are called.
    pub payee_name: String,
    /// In what.
    pub currency: Currency,
    /// What the lines add up to.
    pub total: Micros,
    /// How many lines.
    pub lines: i64,
    /// Where they begin in the statements file.
    pub first_row: i64,
}

/// All that is posted for a month.
#[derive(Debug)]
pub struct Posting<'a> {
    /// The month.
    pub period: Period,
    /// The run that made it.
    pub run: i64,
    /// The result hash that was approved.
    pub result: &'a str,
    /// Who posts.
    pub by: &'a str,
    /// Its lines, summed.
    pub sums: &'a [Sum],
    /// Its statements.
    pub faces: &'a [Face],
}

/// A transfer and the numbers of its accounts.
struct Numbered {
    transfer: Transfer,
    debit: i64,
    credit: i64,
}

/// What was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// How many transfers.
    pub transfers: usize,
    /// The head of the chain, which is this posting.
    pub head: Head,
}

/// Posts a month within a transaction and closes it.
pub async fn post(tx: &mut Tx, posting: &Posting<'_>) -> Result<Posted, PostError> {
    let last = tx.row(POSTING_LAST, &[]).await?;
    let (id, previous) = match &last {
        Some(row) => {
            let last = row.int(0)?;
            let hash = Digest::from_bytes(&row.bytes(1)?);
            (last + 1, hash.map_err(|_| PostError::Head(last))?)
        }
        None => (1, Digest::ZERO),
    };
    let first_id =
        tx.row(TRANSFER_LAST, &[]).await?.map(|row| row.int(0)).transpose()?.unwrap_or(0) + 1;
    let head = PostingHead {
        id,
        period: posting.period.to_string(),
        result: posting.result.to_owned(),
        posted_by: posting.by.to_owned(),
        recorded_at: crate::now(),
        previous,
    };
    let (transfers, accounts) = number(tx, posting.sums, first_id).await?;
    let day = posting.period.last_day().to_string();
    let mut hash = PostingHash::new(&head, &day);
    for numbered in &transfers {
        hash.add(&numbered.transfer);
    }
    let hash = hash.digest();
    let values = [
        id.into(),
        head.period.as_str().into(),
        posting.run.into(),
        FORM_VERSION.into(),
        previous.bytes().as_slice().into(),
        hash.bytes().as_slice().into(),
        posting.result.into(),
        i64::try_from(transfers.len()).unwrap_or(i64::MAX).into(),
        posting.by.into(),
        head.recorded_at.as_str().into(),
    ];
    tx.run(POSTING_ADD, &values).await?;
    let rows = transfers.iter().map(|Numbered { transfer, debit, credit }| {
        vec![
            transfer.id.into(),
            id.into(),
            head.period.as_str().into(),
            (*debit).into(),
            (*credit).into(),
            transfer.currency.code().into(),
            transfer.amount.micros().into(),
            transfer.kind.into(),
            transfer.lines.bytes().as_slice().into(),
            day.as_str().into(),
            head.recorded_at.as_str().into(),
        ]
    });
    tx.add(TRANSFER, rows).await?;
    let before = balances(tx, &accounts).await?;
    snapshot(tx, &head.period, &transfers, &before).await?;
    let rows = posting.faces.iter().map(|face| {
        let account = accounts.number(&format!("payable:{}", face.payee), face.currency);
        let opening = account.and_then(|account| before.get(&account)).copied().unwrap_or(0);
        vec![
            face.statement.as_str().into(),
            id.into(),
            head.period.as_str().into(),
            face.payee.as_str().into(),
            face.payee_name.as_str().into(),
            face.currency.code().into(),
            opening.into(),
            face.total.micros().into(),
            face.lines.into(),
            face.first_row.into(),
        ]
    });
    tx.add(STATEMENT, rows).await?;
    tx.run(PERIOD_CLOSE, &[head.period.as_str().into(), id.into()]).await?;
    Ok(Posted { transfers: transfers.len(), head: Head { number: id, hash } })
}

/// The transfers with the numbers of their accounts, after opening those that are new.
async fn number(
    tx: &mut Tx,
    sums: &[Sum],
    first_id: i64,
) -> Result<(Vec<Numbered>, Accounts), PostError> {
    let transfers: Vec<Transfer> = transfers(sums, first_id).collect::<Result<_, _>>()?;
    let mut accounts = Accounts::read(tx).await?;
    let sides = transfers.iter().flat_map(|t| [(&t.debit, t.currency), (&t.credit, t.currency)]);
    accounts.open(tx, sides).await?;
    let number = |code: &str, currency| {
        let unopened = || PostError::Unopened { account: code.to_owned(), currency };
        accounts.number(code, currency).ok_or_else(unopened)
    };
    let numbered = transfers.into_iter().map(|transfer| {
        let debit = number(&transfer.debit, transfer.currency)?;
        let credit = number(&transfer.credit, transfer.currency)?;
        Ok(Numbered { transfer, debit, credit })
    });
    let numbered: Result<Vec<Numbered>, PostError> = numbered.collect();
    Ok((numbered?, accounts))
}

/// What stands in each account before the month. To add up every transfer there ever was would
/// take longer each month, so this is what the last snapshots say. The database takes those of a
/// month only while it is posted; that they add up to 0 shows one that was changed nevertheless.
async fn balances(tx: &mut Tx, accounts: &Accounts) -> Result<HashMap<i64, i64>, PostError> {
    let mut balances = HashMap::new();
    tx.each(BALANCES, &[], |row| {
        balances.insert(row.int(0)?, row.int(1)?);
        Ok::<_, PostError>(())
    })
    .await?;
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for (account, currency) in accounts.numbers() {
        let balance = balances.get(&account).copied().unwrap_or(0);
        *sums.entry(currency).or_default() += i128::from(balance);
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        Some((currency, sum)) => Err(PostError::Balances { currency, sum }),
        None => Ok(balances),
    }
}

/// Notes the balance of each account that moved.
async fn snapshot(
    tx: &mut Tx,
    period: &str,
    transfers: &[Numbered],
    before: &HashMap<i64, i64>,
) -> Result<(), PostError> {
    let mut moved: HashMap<i64, (&str, Currency, i128)> = HashMap::new();
    for Numbered { transfer, debit, credit } in transfers {
        let amount = i128::from(transfer.amount.micros());
        for (account, code, change) in
            [(debit, &transfer.debit, -amount), (credit, &transfer.credit, amount)]
        {
            moved.entry(*account).or_insert((code, transfer.currency, 0)).2 += change;
        }
    }
    let mut balances = Vec::with_capacity(moved.len());
    for (account, (code, currency, change)) in moved {
        let balance = i128::from(before.get(&account).copied().unwrap_or(0)) + change;
        let balance = Micros::from_micros(balance).map_err(|_| PostError::Balance {
            account: code.to_owned(),
            currency: currency.to_string(),
        })?;
        balances.push((account, balance.micros()));
    }
    balances.sort_unstable();
    let rows = balances
        .iter()
        .map(|(account, balance)| vec![period.into(), (*account).into(), (*balance).into()]);
    tx.add(SNAPSHOT, rows).await?;
    Ok(())
}
