//! What is published, one question at a time: months, faces page by page, and where lines are.
//!
//! A statement's face is in the database from the moment that its month is published and never
//! changes, so nothing here needs a transaction.

use std::path::PathBuf;

use super::CloseError;
use super::run::step_gone;
use crate::ident::key_of;
use crate::money::{Currency, Micros};
use crate::period::Period;
use crate::statements::Printed;
use crate::store::statements::api::{
    FACE, FACES, FACES_OF_CURRENCY, FACES_OF_PAYEE, MONTH, MONTH_LINES, MONTH_ROWS, MONTHS,
    PAYEE_ROWS,
};
use crate::store::{Looking, Row};

/// A published month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedMonth {
    /// The month.
    pub period: Period,
    /// When it was published, in UTC.
    pub published_at: String,
}

/// Which faces of a month, and after which one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacesWanted {
    /// Only this payee's.
    pub payee: Option<String>,
    /// Only in this currency.
    pub currency: Option<String>,
    /// After this payee's in this currency; both empty for the first page.
    pub after: (String, String),
    /// How many at most.
    pub limit: i64,
}

/// Some rows of a month's file of statement lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRows {
    /// The file, under the workspace's data folder.
    pub path: PathBuf,
    /// The first row.
    pub first: usize,
    /// The row after the last.
    pub end: usize,
}

fn damaged() -> CloseError {
    CloseError::File { path: "statement".into(), problem: "holds what cannot be read".to_owned() }
}

/// A published statement's face, from its row.
pub(super) fn face(period: Period, row: &Row) -> Result<Printed, CloseError> {
    let amount = |micros: i64| Micros::from_micros(i128::from(micros)).map_err(|_| damaged());
    Ok(Printed {
        statement: row.text(0)?,
        period: period.to_string(),
        payee: row.text(1)?,
        payee_name: row.text(2)?,
        currency: Currency::parse(&row.text(3)?).map_err(|_| damaged())?,
        opening: amount(row.int(4)?)?,
        total: amount(row.int(5)?)?,
        line_count: row.int(6)?,
        first_row: row.int(7)?,
    })
}

/// Published months after one, oldest first. An empty text is before all of them.
pub async fn published_months(
    look: &Looking,
    after: &str,
    limit: i64,
) -> Result<Vec<PublishedMonth>, CloseError> {
    let rows = look.rows(MONTHS, &[after.into(), limit.into()]).await?;
    let month = |row: &Row| {
        let period = row.text(0)?.parse().map_err(|_| damaged())?;
        Ok(PublishedMonth { period, published_at: row.text(1)? })
    };
    rows.iter().map(month).collect()
}

/// True if the month is published.
pub async fn is_published(look: &Looking, period: Period) -> Result<bool, CloseError> {
    Ok(look.row(MONTH, &[period.to_string().into()]).await?.is_some())
}

/// Faces of a month's published statements, by payee and currency.
pub async fn published_faces(
    look: &Looking,
    period: Period,
    wanted: &FacesWanted,
) -> Result<Vec<Printed>, CloseError> {
    let month = period.to_string();
    let (after_payee, after_currency) = (wanted.after.0.as_str(), wanted.after.1.as_str());
    let limit = wanted.limit.into();
    let rows = match (&wanted.payee, &wanted.currency) {
        (None, None) => {
            let values = [month.into(), after_payee.into(), after_currency.into(), limit];
            look.rows(FACES, &values).await?
        }
        (None, Some(currency)) => {
            let values = [month.into(), currency.as_str().into(), after_payee.into(), limit];
            look.rows(FACES_OF_CURRENCY, &values).await?
        }
        (Some(payee), None) => {
            let values = [month.into(), payee.as_str().into(), after_currency.into(), limit];
            look.rows(FACES_OF_PAYEE, &values).await?
        }
        (Some(payee), Some(currency)) => {
            let after = after_payee.is_empty(); // there is one at most, and it is on the first page
            let found =
                if after { published_face(look, period, payee, currency).await? } else { None };
            return Ok(found.into_iter().collect());
        }
    };
    rows.iter().map(|row| face(period, row)).collect()
}

/// The face of one published statement.
pub async fn published_face(
    look: &Looking,
    period: Period,
    payee: &str,
    currency: &str,
) -> Result<Option<Printed>, CloseError> {
    let statement = key_of([&period.to_string(), payee, currency]);
    let row = look.row(FACE, &[statement.into()]).await?;
    row.map(|row| face(period, &row)).transpose()
}

/// Where a published month's lines are, of all payees or of one. `None` if the month is not
/// published; without a row if there is no such statement.
pub async fn published_rows(
    look: &Looking,
    period: Period,
    payee: Option<&str>,
) -> Result<Option<LineRows>, CloseError> {
    let Some(mut rows) = published_file(look, period).await? else { return Ok(None) };
    let month = period.to_string();
    let row = match payee {
        Some(payee) => look.row(PAYEE_ROWS, &[month.into(), payee.into()]).await?,
        None => look.row(MONTH_ROWS, &[month.into()]).await?,
    };
    if let Some(row) = row
        && let (Some(first), Some(end)) = (row.opt_int(0)?, row.opt_int(1)?)
    {
        rows.first = usize::try_from(first).map_err(|_| damaged())?;
        rows.end = usize::try_from(end).map_err(|_| damaged())?;
    }
    Ok(Some(rows))
}

/// Where one published statement's lines are.
pub async fn published_rows_of(
    look: &Looking,
    period: Period,
    face: &Printed,
) -> Result<Option<LineRows>, CloseError> {
    let Some(mut rows) = published_file(look, period).await? else { return Ok(None) };
    rows.first = usize::try_from(face.first_row).map_err(|_| damaged())?;
    let count = usize::try_from(face.line_count).map_err(|_| damaged())?;
    rows.end = rows.first.checked_add(count).ok_or_else(damaged)?;
    Ok(Some(rows))
}

async fn published_file(look: &Looking, period: Period) -> Result<Option<LineRows>, CloseError> {
    let Some(row) = look.row(MONTH_LINES, &[period.to_string().into()]).await? else {
        return Ok(None);
    };
    let path = row.opt_text(0)?.ok_or_else(|| step_gone(period, "draft"))?;
    Ok(Some(LineRows { path: path.into(), first: 0, end: 0 }))
}
