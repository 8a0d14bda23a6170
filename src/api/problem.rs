//! What goes wrong, as RFC 9457 says it.
//!
//! The policy:
//!
//! - Every answer with a status of 400 and more is an `application/problem+json` of one of the
//!   types below, whoever refuses: a handler, the router, a limit.
//! - A type is stable: programs compare it. Its title never changes. The detail is for people and
//!   says what to do.
//! - What a key may not see and what does not exist are the same [`Problem::NotFound`], to the
//!   byte but for the request's id. There is no 403.
//! - Of a 5xx the client learns the request's id. The cause is in the log under that id. A database
//!   that cannot be asked now is [`Problem::NotReady`], whoever asks it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::close::CloseError;
use crate::columnar::TableError;
use crate::store::StoreError;

/// Why a request is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Problem {
    /// The path or query cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// A cursor of another listing, or none at all.
    #[error(
        "this cursor belongs to another listing: use it with the filters that it came with, or begin without one"
    )]
    BadCursor,
    /// No key, an unknown one, or a revoked one.
    #[error(
        "send a key that is not revoked as `Authorization: Bearer tnt_…`; `tantieme key add` makes one"
    )]
    Unauthorized,
    /// Not there, or not for this key.
    #[error(
        "there is no such resource, or this key does not see it; GET /openapi.json lists the paths"
    )]
    NotFound,
    /// Another method.
    #[error("this resource is only read: use GET or HEAD")]
    MethodNotAllowed,
    /// A download over a version of HTTP that cannot tell its end.
    #[error(
        "a download needs HTTP/1.1: before it one that breaks off looks whole; a proxy may have to be told (nginx: proxy_http_version 1.1)"
    )]
    UpgradeRequired,
    /// A body that nobody asked for.
    #[error("a request may carry {} bytes at most", super::router::BODY_BYTES_MAX)]
    TooLarge,
    /// Too much at once.
    #[error("too many downloads are under way: try again in a few seconds")]
    Busy,
    /// It took too long.
    #[error("the answer took too long: try again, and quote the instance if it stays so")]
    Late,
    /// The database does not answer; the text is for the log alone.
    #[error("the database does not answer: try again in a few seconds")]
    NotReady(String),
    /// Our fault; the text is for the log alone.
    #[error("the request could not be answered: try again, and quote the instance if it stays so")]
    Internal(String),
}

/// A problem document.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document {
    /// What kind of problem it is; programs compare this.
    #[schema(example = "urn:tantieme:problem:not-found")]
    r#type: String,
    /// The kind in words.
    #[schema(example = "Not found")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What to do.
    detail: String,
    /// This occurrence: the request's id, which is in the server's log too.
    #[schema(example = "urn:tantieme:request:5d1c0f6e21a9-000000000007")]
    instance: String,
}

impl Problem {
    /// The media type.
    pub(super) const MEDIA: &'static str = "application/problem+json";

    /// The last part of its type, its title, its status.
    pub(super) const fn kind(&self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::BadRequest(_) => ("bad-request", "Bad request", StatusCode::BAD_REQUEST),
            Self::BadCursor => ("bad-cursor", "Bad cursor", StatusCode::BAD_REQUEST),
            Self::Unauthorized => ("unauthorized", "Unauthorized", StatusCode::UNAUTHORIZED),
            Self::NotFound => ("not-found", "Not found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => {
                ("method-not-allowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED)
            }
            Self::UpgradeRequired => {
                ("upgrade-required", "Upgrade required", StatusCode::UPGRADE_REQUIRED)
            }
            Self::TooLarge => ("too-large", "Body too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Busy => ("busy", "Busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::NotReady(_) => ("not-ready", "Not ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::Late => ("late", "Took too long", StatusCode::GATEWAY_TIMEOUT),
            Self::Internal(_) => ("internal", "Internal error", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The whole answer, for the request of that id.
    pub(super) fn answer(&self, request: &str) -> Response {
        let (name, title, status) = self.kind();
        let document = Document {
            r#type: format!("urn:tantieme:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            instance: format!("urn:tantieme:request:{request}"),
        };
        let mut response = (status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Self::MEDIA));
        match self {
            Self::Unauthorized => {
                let scheme = HeaderValue::from_static("Bearer realm=\"tantieme\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            Self::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
            }
            Self::UpgradeRequired => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("HTTP/1.1"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            }
            Self::Busy | Self::NotReady(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

/// Carries the problem to `log`, which knows the request's id and writes the document.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind().2.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CloseError> for Problem {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Store(error) => error.into(),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause = error.to_string();
        if error.is_away() { Self::NotReady(cause) } else { Self::Internal(cause) }
    }
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The problems that every resource behind a key can answer with, for its description.
pub(super) struct Refusals;

impl utoipa::IntoResponses for Refusals {
    fn responses() -> std::collections::BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let refusals = [
            (
                "400",
                "The path, the query or the cursor cannot be understood: bad-request, bad-cursor",
            ),
            ("401", "No key, an unknown key or a revoked one: unauthorized"),
            ("404", "It does not exist, or this key does not see it: not-found"),
            ("413", "The request carries a body that is too large: too-large"),
            ("500", "The server failed; its log holds the cause under the request's id: internal"),
            ("503", "Too much at once, or the database does not answer: busy, not-ready"),
            ("504", "The answer took too long: late"),
        ];
        refusals
            .into_iter()
            .map(|(status, text)| (status.to_owned(), RefOr::T(described(text))))
            .collect()
    }
}

/// A response that is a problem document.
fn described(text: &str) -> utoipa::openapi::Response {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(text).content(Problem::MEDIA, content).build()
}
