//! Workflows: which there are, and starting one.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use nerve_core::thread::Origin;
use nerve_core::{ThreadId, thread::StateName};
use nerve_store::Store;

use super::super::engine::{Request, Trigger};
use super::body::Body;
use super::dto::{Caller, ErrorBody, ErrorKind, List, Restarted, TriggerRequest, Triggered, WorkflowItem, schema};
use super::{Answer, ApiState, Failure, status::whole};

pub(super) async fn list(State(state): State<ApiState>) -> Answer<List<WorkflowItem>> {
    let look = state.ask(Request::Look).await?;
    Ok(whole(schema::WORKFLOW_LIST, look.workflows))
}

/// Answers when the interruptions are in the journal and the threads have ended, or after a while.
pub(super) async fn restart(State(state): State<ApiState>, Path(name): Path<String>) -> Answer<Restarted> {
    let workflow = name.clone();
    let interrupted = state.ask(|reply| Request::RestartWorkflow { workflow, by: "user".to_owned(), reply }).await??;
    let ends = async {
        for thread in &interrupted {
            let _ = state.ask(|reply| Request::Wait { thread: *thread, reply }).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(6), ends).await;
    Ok(Json(Restarted { schema: schema::WORKFLOW_RESTART.to_owned(), workflow: name, interrupted }))
}

/// Answers when the thread is in the journal.
pub(super) async fn trigger(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Body(request): Body<TriggerRequest>,
) -> Answer<Triggered> {
    if request.max_rounds.is_some_and(|rounds| !(1..=1000).contains(&rounds)) {
        return Err(ErrorBody::new(ErrorKind::Usage, "NV0311", "max_rounds must be between 1 and 1000").into());
    }
    if let Some(key) = &request.key
        && let Some(known) = state.store.thread_by_key(&name, key).await?
    {
        return triggered(&state, known).await;
    }
    let key = request.key.clone();
    let trigger = Trigger {
        workflow: name.clone(),
        prompt: request.prompt,
        key: request.key,
        workdir: request.workdir,
        max_rounds: request.max_rounds,
        dry_run: request.dry_run,
        origin: match request.origin {
            Some(Caller::Cli) => Origin::Cli,
            Some(Caller::Api) | None => Origin::Api,
        },
    };
    match state.ask(|reply| Request::Trigger(trigger, reply)).await? {
        Ok(id) => triggered(&state, id).await,
        // Another caller with the same key was quicker.
        Err(refusal) if refusal.error.code == "NV0305" => match state.store.thread_by_key(&name, &key.unwrap_or_default()).await? {
            Some(known) => triggered(&state, known).await,
            None => Err(Failure(refusal)),
        },
        Err(refusal) => Err(Failure(refusal)),
    }
}

async fn triggered(state: &ApiState, id: ThreadId) -> Answer<Triggered> {
    let row = state.store.thread(id).await?.map(|stored| stored.row);
    let Some(row) = row else { return Err(ErrorBody::new(ErrorKind::NotFound, "NV0302", format!("no thread `{id}`")).into()) };
    let state_name: StateName = row.state;
    Ok(Json(Triggered {
        schema: schema::WORKFLOW_TRIGGER.to_owned(),
        id,
        workflow: row.workflow,
        state: state_name,
        exit_code: row.exit_code,
    }))
}
