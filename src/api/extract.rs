//! What handlers are given of a request, with refusals in the words of `problem`.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::Version;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::ident::Name;
use crate::money::Currency;
use crate::period::Period;

/// The placeholders of the path, percent-decoded.
pub(super) struct Place<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Place<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        path.map(|Path(place)| Self(place)).map_err(|e| refused("the path", &e.body_text()))
    }
}

/// The statement that a path names. What cannot be an id or a currency is nobody's.
pub(super) struct Named {
    pub(super) period: Period,
    pub(super) payee: Name,
    pub(super) currency: Currency,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let place = Place::<(Period, String, String)>::from_request_parts(parts, state).await?;
        let Place((period, payee, currency)) = place;
        let payee = Name::parse(&payee).map_err(|_| Problem::NotFound)?;
        let currency = Currency::parse(&currency).map_err(|_| Problem::NotFound)?;
        Ok(Self { period, payee, currency })
    }
}

/// The query; a parameter that is not known is refused.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query: Result<Query<T>, QueryRejection> = Query::try_from_uri(&parts.uri);
        query.map(|Query(asked)| Self(asked)).map_err(|e| refused("the query", &e.body_text()))
    }
}

/// Proof that the client can tell a download that broke off from a whole one. Before HTTP/1.1 the
/// end of the connection is the end of the answer, whatever ended it.
pub(super) struct Chunked;

impl<S: Send + Sync> FromRequestParts<S> for Chunked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.version < Version::HTTP_11 { Err(Problem::UpgradeRequired) } else { Ok(Self) }
    }
}

/// The library's own words, without what they begin with.
fn refused(part: &str, text: &str) -> Problem {
    let beginnings = ["Invalid URL: ", "Failed to deserialize query string: "];
    let reason = beginnings.iter().find_map(|beginning| text.strip_prefix(beginning));
    Problem::BadRequest(format!("{part} cannot be understood: {}", reason.unwrap_or(text)))
}

/// Rows on a page.
pub(super) const PAGE_MAX: u16 = 1_000;
const PAGE: u16 = 100;

/// How many rows of a page are asked for.
pub(super) fn page(limit: Option<u16>) -> Result<usize, Problem> {
    match limit.unwrap_or(PAGE) {
        limit @ 1..=PAGE_MAX => Ok(usize::from(limit)),
        _ => Err(Problem::BadRequest(format!("limit is from 1 to {PAGE_MAX}"))),
    }
}
