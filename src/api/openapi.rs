//! `/openapi.json`: what the routes say of themselves.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, header};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::problem::Problem;

/// What stands above the paths; `router` adds them.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "tantieme",
        description = "Published royalty statements, read only. Amounts are decimal strings with six places; \
            a currency stands beside them. What a key may not see answers like what does not exist. \
            Every answer of 400 and more is a problem document (RFC 9457).",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later"),
    ),
    components(schemas(super::problem::Document)),
    modifiers(&Security),
    tags(
        (name = "periods", description = "Published months"),
        (name = "statements", description = "What each payee is owed"),
        (name = "lines", description = "What it is made of"),
        (name = "health", description = "For whoever keeps the server running"),
    )
)]
pub(super) struct Description;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("tnt_…")
            .description(Some("A key that `tantieme key add` has made"))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// Serves the description.
pub(super) fn route<S: Clone + Send + Sync + 'static>(
    document: Result<String, serde_json::Error>,
) -> Router<S> {
    const TYPE: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
    let document = document.map(Bytes::from).map_err(|e| Problem::Internal(e.to_string()));
    let answer = move || async move { document.map(|document| (TYPE, document)) };
    Router::new().route("/openapi.json", get(answer))
}
