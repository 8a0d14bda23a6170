//! A month's lines into transfers, and transfers into the database.

use std::collections::{BTreeMap, HashMap};

use super::chain::{FORM_VERSION, PostingHead, Transfer, posting_hash};
use crate::digest::{Canonical, Digest};
use crate::money::{AmountOutOfRange, Currency, Micros};
use crate::period::Period;
use crate::settle::Line;
use crate::store::statements::ledger::{
    ACCOUNT, ACCOUNTS, BALANCES, PERIOD_CLOSE, POSTING_ADD, POSTING_LAST, SNAPSHOT, STATEMENT,
    TRANSFER, TRANSFER_LAST,
};
use crate::store::{StoreError, Tx, Value};

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
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
}

/// What one transfer sums, by debit, credit, kind and currency.
pub type SumOfLines = BTreeMap<(String, String, &'static str, Currency), (i128, Digest)>;

/// Sums lines that come in their canonical order. Zero lines count towards the digest.
pub fn sum_lines<E>(lines: impl Iterator<Item = Result<Line, E>>) -> Result<SumOfLines, E> {
    type Running = BTreeMap<(String, String, &'static str, Currency), (i128, Canonical)>;
    let mut sums = Running::new();
    for line in lines {
        let line = line?;
        let key = (
            line.debit.to_string(),
            line.credit.to_string(),
            line.kind.as_str(),
            line.origin.currency,
        );
        let (amount, record) =
            sums.remove(&key).unwrap_or_else(|| (0, Canonical::new("tantieme transfer lines 1")));
        let record = record.bytes(&line.id.bytes()).int(line.amount.micros());
        sums.insert(key, (amount + i128::from(line.amount.micros()), record));
    }
    let digests = sums.into_iter().map(|(key, (sum, record))| (key, (sum, record.digest())));
    Ok(digests.collect())
}

/// The transfers that sums make: none for zero, the other way round for less.
pub(super) fn transfers(
    sums: &SumOfLines,
    first_id: i64,
    period: Period,
) -> Result<Vec<Transfer>, AmountOutOfRange> {
    let moving = sums.iter().filter(|(_, (sum, _))| *sum != 0);
    (first_id..)
        .zip(moving)
        .map(|(id, ((debit, credit, kind, currency), (sum, lines)))| {
            let (debit, credit) = if *sum < 0 { (credit, debit) } else { (debit, credit) };
            Ok(Transfer {
                id,
                debit: debit.clone(),
                credit: credit.clone(),
                currency: *currency,
                amount: Micros::from_micros(
                    i128::try_from(sum.unsigned_abs()).unwrap_or(i128::MAX),
                )?,
                kind: (*kind).to_owned(),
                lines: *lines,
                effective_on: period.last_day().to_string(),
            })
        })
        .collect()
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
    pub sums: &'a SumOfLines,
    /// Its statements.
    pub faces: &'a [Face],
}

/// Posts a month within a transaction and closes it; returns how many transfers.
pub async fn post(tx: &mut Tx, posting: &Posting<'_>) -> Result<usize, PostError> {
    let last = tx.row(POSTING_LAST, &[]).await?;
    let (id, previous) = match &last {
        Some(row) => (row.int(0)? + 1, Digest::from_bytes(&row.bytes(1)?).unwrap_or(Digest::ZERO)),
        None => (1, Digest::ZERO),
    };
    let first_id =
        tx.row(TRANSFER_LAST, &[]).await?.map(|row| row.int(0)).transpose()?.unwrap_or(0) + 1;
    let out_of_range =
        |_| PostError::Balance { account: "a transfer".into(), currency: String::new() };
    let transfers = transfers(posting.sums, first_id, posting.period).map_err(out_of_range)?;
    let head = PostingHead {
        id,
        period: posting.period.to_string(),
        result: posting.result.to_owned(),
        posted_by: posting.by.to_owned(),
        recorded_at: crate::now(),
        previous,
    };
    let hash = posting_hash(&head, &transfers);
    let count = i64::try_from(transfers.len()).unwrap_or(i64::MAX);
    let values = [
        id.into(),
        head.period.as_str().into(),
        posting.run.into(),
        FORM_VERSION.into(),
        previous.bytes().as_slice().into(),
        hash.bytes().as_slice().into(),
        posting.result.into(),
        count.into(),
        posting.by.into(),
        head.recorded_at.as_str().into(),
    ];
    tx.run(POSTING_ADD, &values).await?;
    let accounts = accounts(tx, &transfers).await?;
    let rows: Vec<Vec<Value>> = transfers
        .iter()
        .map(|transfer| {
            let account = |code: &String| accounts[&(code.clone(), transfer.currency)];
            vec![
                transfer.id.into(),
                id.into(),
                head.period.as_str().into(),
                account(&transfer.debit).into(),
                account(&transfer.credit).into(),
                transfer.currency.code().into(),
                transfer.amount.micros().into(),
                transfer.kind.as_str().into(),
                transfer.lines.bytes().as_slice().into(),
                transfer.effective_on.as_str().into(),
                head.recorded_at.as_str().into(),
            ]
        })
        .collect();
    tx.add(TRANSFER, rows).await?;
    let before = snapshot(tx, posting.period, &transfers, &accounts).await?;
    let rows: Vec<Vec<Value>> = posting
        .faces
        .iter()
        .map(|face| {
            let account = (format!("payable:{}", face.payee), face.currency);
            let opening = before.get(&account).copied().unwrap_or(0);
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
        })
        .collect();
    tx.add(STATEMENT, rows).await?;
    tx.run(PERIOD_CLOSE, &[head.period.as_str().into(), id.into()]).await?;
    Ok(transfers.len())
}

type ByAccount<T> = HashMap<(String, Currency), T>;

/// The numbers of all accounts, after opening those that are new.
async fn accounts(tx: &mut Tx, transfers: &[Transfer]) -> Result<ByAccount<i64>, PostError> {
    let mut known = ByAccount::new();
    let mut last = 0;
    for row in tx.rows(ACCOUNTS, &[]).await? {
        let (id, code, currency) = (row.int(0)?, row.text(1)?, row.text(2)?);
        let currency = Currency::parse(&currency).map_err(|_| PostError::Currency(currency))?;
        known.insert((code, currency), id);
        last = last.max(id);
    }
    let sides = transfers.iter().flat_map(|t| [(&t.debit, t.currency), (&t.credit, t.currency)]);
    let mut new: Vec<(String, Currency)> = sides
        .map(|(code, currency)| (code.clone(), currency))
        .filter(|account| !known.contains_key(account))
        .collect();
    new.sort();
    new.dedup();
    let numbered: Vec<(i64, (String, Currency))> = (last + 1..).zip(new).collect();
    let rows = numbered.iter().map(|(id, (code, currency))| {
        vec![(*id).into(), code.as_str().into(), currency.code().into()]
    });
    tx.add(ACCOUNT, rows).await?;
    known.extend(numbered.into_iter().map(|(id, account)| (account, id)));
    Ok(known)
}

/// Notes the balance of each account that moved; returns the balances before.
async fn snapshot(
    tx: &mut Tx,
    period: Period,
    transfers: &[Transfer],
    accounts: &ByAccount<i64>,
) -> Result<ByAccount<i64>, PostError> {
    let mut before = ByAccount::new();
    for row in tx.rows(BALANCES, &[]).await? {
        let (code, currency, balance) = (row.text(0)?, row.text(1)?, row.int(2)?);
        let currency = Currency::parse(&currency).map_err(|_| PostError::Currency(currency))?;
        before.insert((code, currency), balance);
    }
    let mut moved: BTreeMap<(String, Currency), i128> = BTreeMap::new();
    for transfer in transfers {
        let amount = i128::from(transfer.amount.micros());
        *moved.entry((transfer.debit.clone(), transfer.currency)).or_default() -= amount;
        *moved.entry((transfer.credit.clone(), transfer.currency)).or_default() += amount;
    }
    let mut rows = Vec::with_capacity(moved.len());
    for (account, change) in moved {
        let balance = i128::from(before.get(&account).copied().unwrap_or(0)) + change;
        let balance = Micros::from_micros(balance).map_err(|_| PostError::Balance {
            account: account.0.clone(),
            currency: account.1.to_string(),
        })?;
        let id = accounts[&account];
        rows.push(vec![period.to_string().into(), id.into(), balance.micros().into()]);
    }
    tx.add(SNAPSHOT, rows).await?;
    Ok(before)
}
