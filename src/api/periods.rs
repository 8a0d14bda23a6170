//! `/v1/periods`.

use axum::Json;
use axum::extract::State;

use super::App;
use super::auth::Sight;
use super::extract::{Asked, page};
use super::problem::{Problem, Refusals};
use crate::close;

/// A published month.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct Period {
    /// The month.
    #[schema(example = "2026-10")]
    period: String,
    /// When it was published, in UTC.
    #[schema(example = "2026-11-12T09:30:00.000000Z")]
    published_at: String,
}

/// A page of published months.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct Periods {
    /// The months, oldest first.
    data: Vec<Period>,
    /// Give it as `cursor` for the next page; null on the last.
    next: Option<String>,
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    /// Rows on a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The published months. They are the same for every key.
#[utoipa::path(
    get, path = "/periods", operation_id = "listPeriods", tag = "periods", params(Query),
    responses((status = 200, description = "A page of months", body = Periods), Refusals),
    security(("key" = []))
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Sight,
    Asked(query): Asked<Query>,
) -> Result<Json<Periods>, Problem> {
    let limit = page(query.limit)?;
    let listing = app.seal.listing(&["periods"]);
    let after = query.cursor.map(|cursor| listing.place(&cursor)).transpose()?.unwrap_or_default();
    let mut months = close::published_months(&app.look, &after, one_more(limit)).await?;
    let more = months.len() > limit;
    months.truncate(limit);
    let last = months.last().filter(|_| more);
    let next = last.map(|month| listing.cursor(&month.period.to_string()));
    let data = months
        .into_iter()
        .map(|month| Period { period: month.period.to_string(), published_at: month.published_at });
    Ok(Json(Periods { data: data.collect(), next }))
}

/// One row more than the page has, to see whether there is another page.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}
