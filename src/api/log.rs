//! A number for each request, a line in the log for each answer, and the words of a refusal.
//!
//! The log names routes, never paths or queries: those hold the ids of payees.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::KeyUsed;
use super::problem::Problem;

/// What tells this process's requests from those of others.
static PROCESS: LazyLock<String> = LazyLock::new(|| {
    let mut bytes = [0; 6];
    let drawn = getrandom::fill(&mut bytes);
    if drawn.is_err() {
        bytes[..4].copy_from_slice(&std::process::id().to_be_bytes());
    }
    const_hex::encode(bytes)
});
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Runs a request within its time, which is how long an answer may take to begin, numbers it, notes it, and writes its problem if it has one.
pub(super) async fn requests(
    State(answer_max): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let id = format!("{}-{number:012}", *PROCESS);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answered = tokio::time::timeout(answer_max, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| Problem::Late.into_response());
    let key = response.extensions().get::<KeyUsed>().map(|KeyUsed(key)| *key);
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Problem::Internal(cause) | Problem::NotReady(cause) = &problem {
            tracing::error!(request = id, cause, "failed");
        }
        response = problem.answer(&id);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    // A statement is its payee's own affair: no cache on the way keeps it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    tracing::info!(
        request = id,
        method = method.as_str(),
        route = route.as_ref().map_or("-", MatchedPath::as_str),
        key,
        status = response.status().as_u16(),
        micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use hyper::service::Service as _;

    #[tokio::test]
    async fn an_answer_that_does_not_begin_in_time_is_late() {
        let router = axum::Router::new()
            .route("/", get(std::future::pending::<()>))
            .layer(axum::middleware::from_fn_with_state(Duration::from_millis(20), requests));
        let service = hyper_util::service::TowerToHyperService::new(router);
        let answer = service.call(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), 504);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], Problem::MEDIA);
    }
}
