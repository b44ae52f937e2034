//! Lifting brakes and blocks.

use axum::Json;
use axum::extract::State;

use super::super::engine::Request;
use super::body::Body;
use super::dto::{Done, WorkerResetRequest, schema};
use super::{Answer, ApiState};

pub(super) async fn reset_limits(State(state): State<ApiState>) -> Answer<Done> {
    state.ask(Request::ResetLimits).await??;
    Ok(Json(Done { schema: schema::LIMITS_RESET.to_owned(), message: "the limits count from zero; calls that waited go on".to_owned() }))
}

pub(super) async fn reset(State(state): State<ApiState>, Body(request): Body<WorkerResetRequest>) -> Answer<Done> {
    let key = request.key.clone();
    state.ask(|reply| Request::ResetWorker { key, reply }).await??;
    Ok(Json(Done { schema: schema::WORKER_RESET.to_owned(), message: format!("{} may run again", request.key) }))
}
