//! The table of contents.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use super::{App, auth, health, log, openapi, periods, statements};

/// What a request may carry.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

/// What needs a key, under `/v1`. A resource that is added here is guarded by that alone.
fn v1() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(periods::list))
        .routes(routes!(statements::list))
        .routes(routes!(statements::show))
        .routes(routes!(statements::lines))
        .routes(routes!(statements::lines_csv))
        .routes(routes!(statements::month_csv))
}

/// What is open to everybody, besides `/openapi.json`.
fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready))
}

/// The whole API.
pub(super) fn router(app: App, answer_max: Duration) -> Router {
    let guarded = v1().fallback(not_found).layer(from_fn_with_state(app.clone(), auth::guard));
    let router: Router<App> = Router::new().nest("/v1", guarded.into()).merge(open());
    router
        .merge(openapi::route(description()))
        .fallback(not_found)
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(from_fn(small_body))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            Problem::Internal("a handler panicked".to_owned()).into_response()
        }))
        .layer(from_fn_with_state(answer_max, log::requests))
        .with_state(app)
}

/// The description of the whole API, as `/openapi.json` serves it.
pub fn description() -> Result<String, serde_json::Error> {
    let whole = OpenApiRouter::<App>::with_openapi(openapi::Description::openapi());
    whole.nest("/v1", v1()).merge(open()).into_openapi().to_pretty_json()
}

async fn not_found() -> Problem {
    Problem::NotFound
}

/// Refuses a body that says itself that it is too large. No handler reads one.
async fn small_body(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Problem::TooLarge.into_response();
    }
    next.run(request).await
}
