//! How the daemon is, and its end.

use axum::Json;
use axum::extract::State;
use nerve_core::thread::{Entry, StateName};
use nerve_store::{Store, ThreadFilter, ThreadRow};

use super::super::builds;
use super::super::engine::{Look, Request};
use super::body::Body;
use super::dto::{Health, List, Parked, Status, StopRequest, Stopping, WorkflowLoad, moment, schema};
use super::{Answer, ApiState, Failure};

pub(super) async fn health(State(state): State<ApiState>) -> Answer<Health> {
    let look = state.ask(Request::Look).await?;
    Ok(Json(Health {
        hostname: hostname(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_ms: uptime(&state),
        active_senses: look.senses.len() as u64,
        active_workflows: look.workflows.iter().filter(|workflow| workflow.active > 0).count() as u64,
    }))
}

pub(super) async fn status(State(state): State<ApiState>) -> Answer<Status> {
    let look = state.ask(Request::Look).await?;
    let Look { build, senses, workflows, workers, limits, store, config_problem, build_problem } = look;
    let filter = ThreadFilter { state: Some(StateName::Waiting), ..ThreadFilter::default() };
    let parked = state.store.list_threads(filter).await?;
    let load = |workflow: super::dto::WorkflowItem| WorkflowLoad {
        name: workflow.name,
        active: workflow.active,
        queued: workflow.queued,
        concurrency: workflow.concurrency,
        held: workflow.held,
    };
    let mut waiting = Vec::with_capacity(parked.items.len());
    for row in parked.items {
        waiting.push(parked_since(&state, row).await?);
    }
    Ok(Json(Status {
        schema: schema::STATUS.to_owned(),
        running: true,
        pid: state.started.pid,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hostname: hostname(),
        workspace: state.layout.root().display().to_string(),
        since: moment(state.started.since),
        uptime_ms: uptime(&state),
        stale: builds::is_stale(&state.layout, &state.builtin, &build),
        build: Some(build),
        senses,
        workflows: workflows.into_iter().map(load).collect(),
        workers,
        limits,
        store,
        parked: waiting,
        config_problem,
        build_problem,
    }))
}

/// A parked thread with the moment of its park.
async fn parked_since(state: &ApiState, row: ThreadRow) -> Result<Parked, Failure> {
    let entries = state.store.thread(row.id).await?.map(|thread| thread.entries).unwrap_or_default();
    let parked = entries.iter().rev().find(|(_, entry)| matches!(entry, Entry::Waiting { .. }));
    let since = parked.map_or(row.accepted_at, |(at, _)| *at);
    Ok(Parked { id: row.id, workflow: row.workflow, reason: row.reason.unwrap_or_default(), since: moment(since) })
}

pub(super) async fn stop(State(state): State<ApiState>, Body(request): Body<StopRequest>) -> Answer<Stopping> {
    let waits_for = state.ask(|reply| Request::Stop { now: request.now, reply }).await?;
    Ok(Json(Stopping { schema: schema::STOP.to_owned(), pid: state.started.pid, waits_for }))
}

fn uptime(state: &ApiState) -> u64 {
    u64::try_from(state.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn hostname() -> String {
    nix::unistd::gethostname().map_or_else(|_| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A list that fits on one page.
pub(super) fn whole<T>(schema: &str, items: Vec<T>) -> Json<List<T>> {
    Json(List::whole(schema, items))
}
