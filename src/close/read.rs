//! Statements of a month, published or drafted.

use std::path::PathBuf;

use super::CloseError;
use super::manifest::Manifest;
use super::run::{Run, State};
use super::steps::{self, Made};
use crate::columnar::TableError;
use crate::facts::Workspace;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::settle::{Account, Line};
use crate::statements::{Drawn, Entries, Printed};
use crate::store::statements::ledger::{BALANCE, STATEMENTS, STATEMENTS_OF_PAYEE};

/// Statements and where their lines are.
#[derive(Debug)]
pub struct OpenStatements {
    /// Their faces, in the order of the lines.
    pub faces: Vec<Printed>,
    path: PathBuf,
}

impl OpenStatements {
    /// The lines of all these statements, in the order of the faces.
    pub fn entries(&self) -> Result<Entries, TableError> {
        let first = self.faces.first().map_or(0, |face| face.first_row);
        let count: i64 = self.faces.iter().map(|face| face.line_count).sum();
        let row = |number: i64| usize::try_from(number).unwrap_or_default();
        Entries::open(&self.path, Some((row(first), row(count))))
    }

    /// The lines of one statement.
    pub fn entries_of(&self, face: &Printed) -> Result<Entries, TableError> {
        let row = |number: i64| usize::try_from(number).unwrap_or_default();
        Entries::open(&self.path, Some((row(face.first_row), row(face.line_count))))
    }
}

/// The statements of a month, of one payee or of all; `draft` shows what is not published yet.
pub async fn statements(
    workspace: &Workspace,
    period: Period,
    payee: Option<&str>,
    draft: bool,
) -> Result<OpenStatements, CloseError> {
    let mut tx = workspace.store.read().await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    let published = run.state == State::Published;
    if run.state < State::Drafted || (!published && !draft) {
        let advice = if run.state < State::Drafted {
            "finish its close first"
        } else {
            "its statements are a draft; --draft shows them"
        };
        return Err(CloseError::State { period, state: run.state, advice });
    }
    let made = run.made(&mut tx, "draft").await?.ok_or(CloseError::NotClosed(period))?;
    let path = workspace.data().join(&made.path);
    let faces = if published {
        let month = period.to_string();
        let rows = match payee {
            Some(payee) => tx.rows(STATEMENTS_OF_PAYEE, &[month.into(), payee.into()]).await?,
            None => tx.rows(STATEMENTS, &[month.into()]).await?,
        };
        let mut faces = Vec::new();
        for row in rows {
            let damaged = || CloseError::File {
                path: "statement".into(),
                problem: "holds what cannot be read".to_owned(),
            };
            let amount =
                |micros: i64| Micros::from_micros(i128::from(micros)).map_err(|_| damaged());
            faces.push(Printed {
                statement: row.text(0)?,
                period: period.to_string(),
                payee: row.text(1)?,
                payee_name: row.text(2)?,
                currency: Currency::parse(&row.text(3)?).map_err(|_| damaged())?,
                opening: amount(row.int(4)?)?,
                total: amount(row.int(5)?)?,
                line_count: row.int(6)?,
                first_row: row.int(7)?,
            });
        }
        faces
    } else {
        let mut faces = drafted(&path, period, payee)?;
        for face in &mut faces {
            let account = format!("payable:{}", face.payee);
            let values = [account.into(), face.currency.code().into()];
            if let Some(row) = tx.row(BALANCE, &values).await? {
                let balance = Micros::from_micros(i128::from(row.int(0)?));
                face.opening = balance.map_err(crate::statements::DrawError::from)?;
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

/// The faces of a draft, from its lines.
fn drafted(
    path: &std::path::Path,
    period: Period,
    payee: Option<&str>,
) -> Result<Vec<Printed>, CloseError> {
    let mut faces: Vec<Printed> = Vec::new();
    for (row, entry) in (0_i64..).zip(Entries::open(path, None)?) {
        let entry = entry?;
        if payee.is_some_and(|payee| payee != entry.owner) {
            continue;
        }
        match faces.last_mut().filter(|face| face.statement == entry.statement) {
            Some(face) => {
                let total = face.total.plus(entry.amount);
                face.total = total.map_err(crate::statements::DrawError::from)?;
                face.line_count += 1;
            }
            None => faces.push(Printed {
                statement: entry.statement,
                period: period.to_string(),
                payee: entry.owner,
                payee_name: entry.owner_name,
                currency: entry.currency,
                opening: Micros::ZERO,
                total: entry.amount,
                line_count: 1,
                first_row: row,
            }),
        }
    }
    Ok(faces)
}

/// The statements of a month drawn anew from its lines, with what they come to.
pub async fn drawn(workspace: &Workspace, period: Period) -> Result<Drawn, CloseError> {
    let (run, lines) = settled(workspace, period).await?;
    let data = workspace.data();
    let loaded = Manifest::read(&data, period, run.manifest)?.load(&data)?;
    steps::drawn(&data, &loaded, &lines)
}

/// The lines of a month, in their canonical order.
pub async fn lines(workspace: &Workspace, period: Period) -> Result<Vec<Line>, CloseError> {
    let (_, lines) = settled(workspace, period).await?;
    let lines = steps::Lines::open(&lines.check(&workspace.data())?)?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The lines of a month whose money is held.
pub async fn held(workspace: &Workspace, period: Period) -> Result<Vec<Line>, CloseError> {
    let mut lines = lines(workspace, period).await?;
    lines.retain(|line| matches!(line.credit, Account::Suspense(_)));
    Ok(lines)
}

async fn settled(workspace: &Workspace, period: Period) -> Result<(Run, Made), CloseError> {
    let mut tx = workspace.store.read().await?;
    let run = Run::live(&mut tx, period).await?.ok_or(CloseError::NotClosed(period))?;
    let made = run.made(&mut tx, "settle").await?.ok_or(CloseError::NotClosed(period))?;
    Ok((run, made))
}
