//! Statements of a month, published or drafted.

use std::path::{Path, PathBuf};

use super::CloseError;
use super::lines::Lines;
use super::manifest::Manifest;
use super::published::face;
use super::run::{Run, State};
use super::steps::{self, Made, Wanted};
use crate::columnar::{self, TableError, TableReader};
use crate::facts::Workspace;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::settle::{Account, Line};
use crate::statements::{DrawError, Drawn, Entries, LAYOUT, Printed};
use crate::store::Tx;
use crate::store::statements::ledger::{BALANCE, STATEMENTS, STATEMENTS_OF_PAYEE};

/// Rows of a statements file: where they are, and how many.
#[derive(Debug, Clone)]
pub struct StatementRows {
    path: PathBuf,
    first: usize,
    count: usize,
}

impl StatementRows {
    /// How many rows.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// True if there is no row.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// At most `count` of these rows, from row `first` on, counted from 0.
    pub fn open(&self, first: usize, count: usize) -> Result<Entries, TableError> {
        let first = first.min(self.count);
        Entries::open(&self.path, Some((self.first + first, count.min(self.count - first))))
    }

    /// All of them.
    pub fn open_all(&self) -> Result<Entries, TableError> {
        self.open(0, self.count)
    }
}

/// Statements and where their lines are.
#[derive(Debug)]
pub struct OpenStatements {
    /// Their faces, in the order of the lines.
    pub faces: Vec<Printed>,
    path: PathBuf,
}

impl OpenStatements {
    /// The rows of all these statements, in the order of the faces.
    pub fn rows(&self) -> StatementRows {
        let first = self.faces.first().map_or(0, |face| face.first_row);
        let count: i64 = self.faces.iter().map(|face| face.line_count).sum();
        self.range(first, count)
    }

    /// The lines of all these statements, in the order of the faces.
    pub fn entries(&self) -> Result<Entries, TableError> {
        self.rows().open_all()
    }

    fn range(&self, first: i64, count: i64) -> StatementRows {
        let row = |number: i64| usize::try_from(number).unwrap_or_default();
        StatementRows { path: self.path.clone(), first: row(first), count: row(count) }
    }
}

/// The lines of all statements of a month, without their faces; `draft` shows what is not
/// published yet.
pub async fn statement_rows(
    workspace: &Workspace,
    period: Period,
    draft: bool,
) -> Result<StatementRows, CloseError> {
    let mut tx = workspace.store.read().await?;
    let (_, path) = readable(workspace, &mut tx, period, draft).await?;
    let count = columnar::rows_in(&path, LAYOUT)?;
    Ok(StatementRows { path, first: 0, count })
}

/// The run whose statements may be read, and their file.
async fn readable(
    workspace: &Workspace,
    tx: &mut Tx,
    period: Period,
    draft: bool,
) -> Result<(Run, PathBuf), CloseError> {
    let run = Run::live(tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    let published = run.state == State::Published;
    if run.state < State::Drafted || (!published && !draft) {
        let advice = if run.state < State::Drafted {
            "finish its close first"
        } else {
            "its statements are a draft; --draft shows them"
        };
        return Err(CloseError::State { period, state: run.state, advice });
    }
    let made = run.has_made(tx, "draft").await?;
    Ok((run, workspace.data().join(made.path)))
}

/// The statements of a month, of one payee or of all; `draft` shows what is not published yet.
pub async fn statements(
    workspace: &Workspace,
    period: Period,
    payee: Option<&str>,
    draft: bool,
) -> Result<OpenStatements, CloseError> {
    let mut tx = workspace.store.read().await?;
    let (run, path) = readable(workspace, &mut tx, period, draft).await?;
    let faces = if run.state == State::Published {
        let month = period.to_string();
        let (sql, values) = match payee {
            Some(payee) => (STATEMENTS_OF_PAYEE, vec![month.into(), payee.into()]),
            None => (STATEMENTS, vec![month.into()]),
        };
        let mut faces = Vec::new();
        tx.each(sql, &values, |row| {
            faces.push(face(period, row)?);
            Ok::<_, CloseError>(())
        })
        .await?;
        faces
    } else {
        let mut faces = drafted(&path, period, payee)?;
        for face in &mut faces {
            let account = format!("payable:{}", face.payee);
            let values = [account.into(), face.currency.code().into()];
            if let Some(row) = tx.row(BALANCE, &values).await? {
                let balance = Micros::from_micros(i128::from(row.int(0)?));
                face.opening = balance.map_err(DrawError::range(&face.payee, face.currency))?;
            }
        }
        faces
    };
    match payee {
        Some(payee) if faces.is_empty() => {
            Err(CloseError::NoStatement { period, payee: payee.to_owned() })
        }
        _ => Ok(OpenStatements { faces, path }),
    }
}

/// The faces of a draft, from its lines. For one payee, only the rows that may be theirs are
/// looked at.
fn drafted(path: &Path, period: Period, payee: Option<&str>) -> Result<Vec<Printed>, CloseError> {
    let range = payee.map(|payee| columnar::rows_of(path, LAYOUT, "owner", payee)).transpose()?;
    let first = range.as_ref().map_or(0, |range| range.start);
    let names = ["statement", "amount", "currency", "owner", "owner_name"];
    let range = range.map(|range| (range.start, range.len()));
    let mut table = TableReader::open_columns(path, LAYOUT, &names, range)?;
    let mut faces: Vec<Printed> = Vec::new();
    let mut row = i64::try_from(first).unwrap_or(i64::MAX);
    while let Some(batch) = table.read()? {
        for at in 0..batch.rows() {
            let damaged = || TableError::new(path, "a row is not a statement line");
            let [statement, amount, currency, owner, owner_name] = batch.row(at);
            let statement = statement.text().ok_or_else(damaged)?;
            let amount = amount.amount().ok_or_else(damaged)?;
            if let Some(face) = faces.last_mut().filter(|face| face.statement == statement) {
                let total = face.total.plus(amount);
                face.total = total.map_err(DrawError::range(&face.payee, face.currency))?;
                face.line_count += 1;
            } else {
                let currency = currency.text().and_then(|code| Currency::parse(code).ok());
                faces.push(Printed {
                    statement: statement.to_owned(),
                    period: period.to_string(),
                    payee: owner.text().ok_or_else(damaged)?.to_owned(),
                    payee_name: owner_name.text().ok_or_else(damaged)?.to_owned(),
                    currency: currency.ok_or_else(damaged)?,
                    opening: Micros::ZERO,
                    total: amount,
                    line_count: 1,
                    first_row: row,
                });
            }
            row += 1;
        }
    }
    Ok(faces)
}

/// The statements of a month drawn anew from its lines, with what they come to.
pub async fn drawn(workspace: &Workspace, period: Period) -> Result<Drawn, CloseError> {
    let (run, lines) = settled(workspace, period).await?;
    let data = workspace.data();
    let manifest = Manifest::read(&data, period, run.manifest)?;
    Ok(steps::read(&data, &manifest, &lines, workspace.means, Wanted::Totals)?.drawn)
}

/// The lines of a month, in their canonical order, read as they are asked for.
pub async fn lines(workspace: &Workspace, period: Period) -> Result<Lines, CloseError> {
    let (_, lines) = settled(workspace, period).await?;
    Ok(Lines::open(&lines.check(&workspace.data())?, None)?)
}

/// The lines of a month whose money is held. They stand together, and no other is kept.
pub async fn held(workspace: &Workspace, period: Period) -> Result<Vec<Line>, CloseError> {
    let (_, lines) = settled(workspace, period).await?;
    let path = lines.check(&workspace.data())?;
    let first = columnar::row_from(&path, crate::settle::LAYOUT, "credit", "suspense:")?;
    let mut held = Vec::new();
    for line in Lines::open(&path, Some((first, usize::MAX)))? {
        let line = line?;
        if matches!(line.credit, Account::Suspense(_)) {
            held.push(line);
        }
    }
    Ok(held)
}

async fn settled(workspace: &Workspace, period: Period) -> Result<(Run, Made), CloseError> {
    let mut tx = workspace.store.read().await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    let made = run.has_made(&mut tx, "settle").await?;
    Ok((run, made))
}
