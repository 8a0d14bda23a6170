//! `/v1/periods/{period}/…`: statements and their lines.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::auth::{LineSight, Sight};
use super::extract::{Asked, Chunked, Named, Place, page};
use super::lines::{Reading, StatementLine, Wanted};
use super::periods::one_more;
use super::problem::{Document, Problem, Refusals};
use crate::close::{self, FacesWanted, LineRows};
use crate::ident::Name;
use crate::money::Currency;
use crate::period::Period;
use crate::statements::Printed;

/// What a statement comes to.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Statement)]
pub(super) struct Summary {
    /// Month/payee/currency; `%` and `/` in a payee's id are escaped.
    #[schema(example = "2026-10/lumen/CNY")]
    statement: String,
    /// The month.
    #[schema(example = "2026-10")]
    period: String,
    /// Whose it is.
    #[schema(example = "lumen")]
    payee: String,
    /// What they are called.
    #[schema(example = "Lumen Wyckett")]
    payee_name: String,
    /// In what all its amounts are.
    #[schema(value_type = String, example = "CNY")]
    currency: Currency,
    /// What was owed before this month.
    #[schema(example = "0.000000")]
    opening: String,
    /// What its lines add up to.
    #[schema(example = "0.244806")]
    total: String,
    /// How many lines.
    #[schema(example = 5)]
    line_count: i64,
}

impl From<Printed> for Summary {
    fn from(face: Printed) -> Self {
        Self {
            statement: face.statement,
            period: face.period,
            payee: face.payee,
            payee_name: face.payee_name,
            currency: face.currency,
            opening: face.opening.to_string(),
            total: face.total.to_string(),
            line_count: face.line_count,
        }
    }
}

/// A page of statements.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Statements)]
pub(super) struct Summaries {
    /// The statements, by payee and currency.
    data: Vec<Summary>,
    /// Give it as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// A page of lines.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct Lines {
    /// The lines, in the order of the export.
    data: Vec<StatementLine>,
    /// Give it as `cursor` for the next page; null on the last.
    next: Option<String>,
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only this payee's.
    payee: Option<String>,
    /// Only in this currency.
    currency: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u16>,
    /// `next` of the page before, with the same filters.
    cursor: Option<String>,
}

/// The statements of a published month that the key sees, without their lines.
#[utoipa::path(
    get, path = "/periods/{period}/statements", operation_id = "listStatements", tag = "statements",
    params(("period" = String, Path, description = "The month, such as 2026-10"), ListQuery),
    responses((status = 200, description = "A page of statements", body = Summaries), Refusals),
    security(("key" = []))
)]
pub(super) async fn list(
    State(app): State<App>,
    sight: Sight,
    Place(period): Place<Period>,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Summaries>, Problem> {
    let limit = page(query.limit)?;
    let month = period.to_string();
    let (payee, currency) = (query.payee.as_deref(), query.currency.as_deref());
    let filters = [mark(payee), mark(currency)];
    let parts = ["statements", &month, &filters[0], &filters[1], &sight.mark()];
    let listing = app.seal.listing(&parts);
    let after = query.cursor.map(|cursor| listing.place(&cursor)).transpose()?.unwrap_or_default();
    // No payee's id holds a |.
    let (after_payee, after_currency) = after.split_once('|').unwrap_or_default();

    // What cannot be an id or a currency is nobody's.
    let seen = payee.is_none_or(|id| Name::parse(id).is_ok() && sight.sees_statements_of(id))
        && currency.is_none_or(|code| Currency::parse(code).is_ok());
    let wanted = FacesWanted {
        payee: payee.or(sight.only_payee()).map(str::to_owned),
        currency: query.currency.clone(),
        after: (after_payee.to_owned(), after_currency.to_owned()),
        limit: one_more(limit),
    };
    let mut faces =
        if seen { close::published_faces(&app.look, period, &wanted).await? } else { Vec::new() };
    if faces.is_empty() && !close::is_published(&app.look, period).await? {
        return Err(Problem::NotFound);
    }
    let more = faces.len() > limit;
    faces.truncate(limit);
    let last = faces.last().filter(|_| more);
    let next = last.map(|face| listing.cursor(&format!("{}|{}", face.payee, face.currency)));
    Ok(Json(Summaries { data: faces.into_iter().map(Summary::from).collect(), next }))
}

/// A filter as a part of a listing: nothing is not the same as an empty text.
fn mark(filter: Option<&str>) -> String {
    filter.map_or_else(String::new, |text| format!("={text}"))
}

/// What a statement comes to.
#[utoipa::path(
    get, path = "/periods/{period}/statements/{payee}/{currency}", operation_id = "getStatement", tag = "statements",
    params(
        ("period" = String, Path, description = "The month, such as 2026-10"),
        ("payee" = String, Path, description = "Whose it is, percent-encoded"),
        ("currency" = String, Path, description = "Its currency, such as CNY"),
    ),
    responses((status = 200, description = "The statement", body = Summary), Refusals),
    security(("key" = []))
)]
pub(super) async fn show(
    State(app): State<App>,
    sight: Sight,
    statement: Named,
) -> Result<Json<Summary>, Problem> {
    if !sight.sees_statements_of(statement.payee.as_str()) {
        return Err(Problem::NotFound);
    }
    let face = face_of(&app, &statement).await?;
    Ok(Json(face.into()))
}

async fn face_of(app: &App, statement: &Named) -> Result<Printed, Problem> {
    let Named { period, payee, currency } = statement;
    let face = close::published_face(&app.look, *period, payee.as_str(), currency.code()).await?;
    face.ok_or(Problem::NotFound)
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Rows on a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The lines of a statement, page by page.
///
/// A key of a label sees of another party's statement the lines that the label pays or receives.
#[utoipa::path(
    get, path = "/periods/{period}/statements/{payee}/{currency}/lines", operation_id = "listLines", tag = "lines",
    params(
        ("period" = String, Path, description = "The month, such as 2026-10"),
        ("payee" = String, Path, description = "Whose statement, percent-encoded"),
        ("currency" = String, Path, description = "Its currency, such as CNY"),
        PageQuery,
    ),
    responses((status = 200, description = "A page of lines", body = Lines), Refusals),
    security(("key" = []))
)]
pub(super) async fn lines(
    State(app): State<App>,
    sight: Sight,
    statement: Named,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Lines>, Problem> {
    let limit = page(query.limit)?;
    let Named { period, payee, currency } = &statement;
    let (month, mark) = (period.to_string(), sight.mark());
    let listing = app.seal.listing(&["lines", &month, payee.as_str(), currency.code(), &mark]);
    let place = query.cursor.map(|cursor| listing.place(&cursor)).transpose()?;
    let place = place.map(|place| place.parse::<usize>().map_err(|_| Problem::BadCursor));
    let place = place.transpose()?;

    let mut wanted = statement_rows(&app, &sight, &statement).await?;
    wanted.row = place.unwrap_or(wanted.row);
    let mut found = Vec::new();
    while found.len() <= limit && wanted.row < wanted.end {
        let missing = limit + 1 - found.len();
        let work = move |reading: &mut Reading| {
            let lines = reading.page(missing)?;
            Ok((lines, reading.row()))
        };
        let mut part = wanted.clone();
        if part.sight == LineSight::Whole {
            // Every row is seen, so no more of them need to be read.
            part.end = part.end.min(part.row.saturating_add(missing));
        }
        let (mut lines, row) = app.desk.read(part, work).await?;
        found.append(&mut lines);
        wanted.row = row;
    }
    if found.is_empty() {
        return Err(Problem::NotFound);
    }
    // Rows are written in one width, since a cursor is as long as its place.
    let next = found.get(limit).map(|(row, _)| listing.cursor(&format!("{row:020}")));
    found.truncate(limit);
    Ok(Json(Lines { data: found.into_iter().map(|(_, line)| line).collect(), next }))
}

/// The lines of a statement as CSV.
///
/// A key of a label sees of another party's statement the lines that the label pays or receives.
#[utoipa::path(
    get, path = "/periods/{period}/statements/{payee}/{currency}/lines.csv", operation_id = "downloadLines", tag = "lines",
    params(
        ("period" = String, Path, description = "The month, such as 2026-10"),
        ("payee" = String, Path, description = "Whose statement, percent-encoded"),
        ("currency" = String, Path, description = "Its currency, such as CNY"),
    ),
    responses(
        (status = 200, description = "The lines", body = String, content_type = "text/csv"),
        (status = 426, description = "A download needs HTTP/1.1: upgrade-required",
         body = Document, content_type = "application/problem+json"),
        Refusals,
    ),
    security(("key" = []))
)]
pub(super) async fn lines_csv(
    State(app): State<App>,
    sight: Sight,
    _: Chunked,
    statement: Named,
) -> Result<Response, Problem> {
    let wanted = statement_rows(&app, &sight, &statement).await?;
    Ok(csv(app.desk.start(wanted, true).await?, statement.period))
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MonthQuery {
    /// Only the lines on this payee's statements.
    payee: Option<String>,
}

/// The lines of a month that the key sees as CSV: what `tantieme statements` prints of them.
#[utoipa::path(
    get, path = "/periods/{period}/lines.csv", operation_id = "downloadMonth", tag = "lines",
    params(("period" = String, Path, description = "The month, such as 2026-10"), MonthQuery),
    responses(
        (status = 200, description = "The lines", body = String, content_type = "text/csv"),
        (status = 426, description = "A download needs HTTP/1.1: upgrade-required",
         body = Document, content_type = "application/problem+json"),
        Refusals,
    ),
    security(("key" = []))
)]
pub(super) async fn month_csv(
    State(app): State<App>,
    sight: Sight,
    _: Chunked,
    Place(period): Place<Period>,
    Asked(query): Asked<MonthQuery>,
) -> Result<Response, Problem> {
    let asked = query.payee.as_deref();
    if asked.is_some_and(|payee| Name::parse(payee).is_err()) {
        return Err(Problem::NotFound);
    }
    let (line_sight, payee) = match asked {
        Some(payee) => (sight.lines_of(payee)?, Some(payee)),
        None => sight.lines(),
    };
    let rows = close::published_rows(&app.look, period, payee).await?.ok_or(Problem::NotFound)?;
    let wanted = wanted(&app, &rows, line_sight);
    // A payee who is asked for by name must have a line; a whole month may be empty.
    Ok(csv(app.desk.start(wanted, asked.is_some()).await?, period))
}

/// The rows of a statement and which of them the key sees.
async fn statement_rows(app: &App, sight: &Sight, statement: &Named) -> Result<Wanted, Problem> {
    let line_sight = sight.lines_of(statement.payee.as_str())?;
    let face = face_of(app, statement).await?;
    let rows = close::published_rows_of(&app.look, statement.period, &face).await?;
    Ok(wanted(app, &rows.ok_or(Problem::NotFound)?, line_sight))
}

fn wanted(app: &App, rows: &LineRows, sight: LineSight) -> Wanted {
    Wanted { path: app.data.join(&rows.path), row: rows.first, end: rows.end, sight }
}

fn csv(body: axum::body::Body, period: Period) -> Response {
    const TYPE: (HeaderName, &str) =
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
    let disposition = format!("attachment; filename=\"{period}-lines.csv\"");
    ([TYPE], [(header::CONTENT_DISPOSITION, disposition)], body).into_response()
}
