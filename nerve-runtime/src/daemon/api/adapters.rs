//! Trying an adapter.

use axum::Json;
use axum::extract::{Path, State};

use super::super::engine::Request;
use super::dto::AdapterTest;
use super::{Answer, ApiState};

pub(super) async fn test(State(state): State<ApiState>, Path(name): Path<String>) -> Answer<AdapterTest> {
    Ok(Json(state.ask(|reply| Request::TestAdapter { name, reply }).await??))
}
