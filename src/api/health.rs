//! `/health/…`: for whoever keeps the server running. They need no key and say nothing but how it is.

use std::time::Duration;

use axum::Json;
use axum::extract::State;

use super::App;
use super::problem::Problem;
use crate::store::statements::api::ALIVE;

/// How the server is.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// `live` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// The process answers.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "health",
    responses((status = 200, description = "It does", body = Health))
)]
pub(super) async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// The process can answer questions: its database does.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "health",
    responses(
        (status = 200, description = "It can", body = Health),
        (status = 503, description = "The database does not answer: not-ready",
         body = super::problem::Document, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Health>, Problem> {
    const WAIT_MAX: Duration = Duration::from_secs(2);
    let late = || Problem::NotReady(format!("no answer within {WAIT_MAX:?}"));
    let asked = tokio::time::timeout(WAIT_MAX, app.look.row(ALIVE, &[])).await;
    match asked.map_err(|_| late())? {
        Ok(_) => Ok(Json(Health { status: "ready" })),
        Err(error) => Err(Problem::NotReady(error.to_string())),
    }
}
