//! Which path is whose.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::dto::{ErrorBody, ErrorKind};
use super::{ApiState, Failure, adapters, journal, senses, status, threads, trigger, usage, workers};

/// The longest body, in bytes.
const BODY: usize = 1024 * 1024;

pub(super) fn router(state: ApiState) -> Router {
    Router::new()
        .route("/v1/health", get(status::health))
        .route("/v1/status", get(status::status))
        .route("/v1/stop", post(status::stop))
        .route("/v1/limits/reset", post(workers::reset_limits))
        .route("/v1/workers/reset", post(workers::reset))
        .route("/v1/workflows", get(trigger::list))
        .route("/v1/workflows/{name}/trigger", post(trigger::trigger))
        .route("/v1/workflows/{name}/restart", post(trigger::restart))
        .route("/v1/threads", get(threads::list))
        .route("/v1/threads/{id}", get(threads::show))
        .route("/v1/threads/{id}/entries", get(threads::entries))
        .route("/v1/threads/{id}/wait", get(threads::wait))
        .route("/v1/threads/{id}/kill", post(threads::kill))
        .route("/v1/threads/{id}/resume", post(threads::resume))
        .route("/v1/senses", get(senses::list))
        .route("/v1/senses/{name}/trigger", post(senses::trigger))
        .route("/v1/journal", get(journal::read))
        .route("/v1/adapters/{name}/test", post(adapters::test))
        .route("/v1/usage", get(usage::report))
        .fallback(async || Failure(ErrorBody::new(ErrorKind::NotFound, "NV0300", "the API has no such path")))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(state)
}
