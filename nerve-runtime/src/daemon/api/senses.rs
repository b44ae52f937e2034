//! Senses: how they are, and waking one.

use axum::Json;
use axum::extract::{Path, State};

use super::super::engine::Request;
use super::dto::{List, SenseItem, SenseTriggered, schema};
use super::{Answer, ApiState, status::whole};

pub(super) async fn list(State(state): State<ApiState>) -> Answer<List<SenseItem>> {
    let look = state.ask(Request::Look).await?;
    Ok(whole(schema::SENSE_LIST, look.senses))
}

/// Answers when the tick is in the journal.
pub(super) async fn trigger(State(state): State<ApiState>, Path(name): Path<String>) -> Answer<SenseTriggered> {
    let outcome = state.ask(|reply| Request::TriggerSense(name, reply)).await??;
    Ok(Json(SenseTriggered {
        schema: schema::SENSE_TRIGGER.to_owned(),
        tick: outcome.tick,
        signal: outcome.signal,
        thread: outcome.thread,
    }))
}
