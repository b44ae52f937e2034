//! Threads: lists, one whole, its journal, waiting for it, ending it, letting it go on.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use nerve_core::ThreadId;
use nerve_core::thread::{Resume, StateName};
use nerve_store::{JournalFilter, Store, StoredThread, ThreadFilter, ThreadRow};

use super::super::engine::Request;
use super::body::Body;
use super::dto::{
    EntriesQuery, ErrorBody, ErrorKind, JournalLine, List, OriginView, OtherBuild, ResumeRequest, ThreadItem, ThreadView, ThreadsQuery,
    Triggered, WaitQuery, moment, schema,
};
use super::{Answer, ApiState, Failure, journal, thread_view};

/// Items of a page when the caller does not say.
const PAGE: u32 = 50;

/// The shortest prefix of an id.
const PREFIX: usize = 4;

/// How long a wait lasts when the caller does not say.
const WAIT: Duration = Duration::from_secs(30);

pub(super) async fn list(State(state): State<ApiState>, Query(query): Query<ThreadsQuery>) -> Answer<List<ThreadItem>> {
    let wanted = match &query.state {
        Some(name) => Some(StateName::from_name(name).ok_or_else(|| unknown_state(name))?),
        None => None,
    };
    let before = match &query.before {
        Some(text) => {
            Some(text.parse().map_err(|_| ErrorBody::new(ErrorKind::Usage, "NV0312", format!("`{text}` is no page of this list")))?)
        }
        None => None,
    };
    let filter = ThreadFilter { state: wanted, workflow: query.workflow, before_seq: before, limit: query.limit.unwrap_or(PAGE) };
    let page = state.store.list_threads(filter).await?;
    Ok(Json(List {
        schema: schema::THREAD_LIST.to_owned(),
        items: page.items.into_iter().map(item).collect(),
        total: page.total,
        next: page.next.map(|next| next.to_string()),
    }))
}

pub(super) async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Answer<ThreadView> {
    let id = find(&state, &id).await?;
    Ok(Json(thread_view::view(&stored(&state, id).await?)))
}

pub(super) async fn entries(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<EntriesQuery>,
) -> Answer<List<JournalLine>> {
    let id = find(&state, &id).await?;
    let filter = JournalFilter { thread: Some(id), limit: u32::MAX, ..JournalFilter::default() };
    let lines = state.store.journal(0, filter).await?;
    let (total, offset) = (lines.len() as u64, query.offset.unwrap_or(0));
    let limit = u64::from(query.limit.unwrap_or(PAGE));
    let next = offset.saturating_add(limit);
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    let take = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = lines.into_iter().skip(skip).take(take).map(journal::line).collect();
    Ok(Json(List { schema: schema::THREAD_INSPECT.to_owned(), items, total, next: (next < total).then(|| next.to_string()) }))
}

/// Answers when the thread is over or parked, or when the time has passed.
pub(super) async fn wait(State(state): State<ApiState>, Path(id): Path<String>, Query(query): Query<WaitQuery>) -> Answer<ThreadView> {
    let id = find(&state, &id).await?;
    let limit = query.timeout_ms.map_or(WAIT, Duration::from_millis);
    if let Ok(Err(stopping)) = tokio::time::timeout(limit, state.ask(|reply| Request::Wait { thread: id, reply })).await {
        return Err(stopping);
    }
    Ok(Json(thread_view::view(&stored(&state, id).await?)))
}

/// Answers when the request is in the journal and the thread has ended, or after a while with what it is at.
pub(super) async fn kill(State(state): State<ApiState>, Path(id): Path<String>) -> Answer<Triggered> {
    let id = find(&state, &id).await?;
    let row = stored(&state, id).await?.row;
    if row.state.is_end() {
        return Err(ErrorBody::new(ErrorKind::Conflict, "NV0309", format!("{id} has ended already: {}", row.state)).into());
    }
    state.ask(|reply| Request::Kill { thread: id, by: "user".to_owned(), reply }).await??;
    // Recorded is what was promised; most ends follow within moments, and telling them saves the caller a look.
    let _ = tokio::time::timeout(Duration::from_secs(6), state.ask(|reply| Request::Wait { thread: id, reply })).await;
    answer(&state, id, schema::THREAD_KILL).await
}

pub(super) async fn resume(State(state): State<ApiState>, Path(id): Path<String>, Body(request): Body<ResumeRequest>) -> Answer<Triggered> {
    let id = find(&state, &id).await?;
    match (request.build, request.text) {
        (Some(OtherBuild::Current), None) => state.ask(|reply| Request::ResumeOnCurrentBuild { thread: id, reply }).await??,
        (Some(_), Some(_)) => {
            let body = ErrorBody::new(ErrorKind::Usage, "NV0318", "a resume takes a text or another build, not both");
            return Err(body.help("give the text first; the build can be changed when the thread waits again").into());
        }
        (None, text) => {
            let resume = text.map_or(Resume::TryAgain, Resume::WithText);
            state.ask(|reply| Request::Resume { thread: id, resume, reply }).await??;
        }
    }
    answer(&state, id, schema::THREAD_RESUME).await
}

async fn answer(state: &ApiState, id: ThreadId, schema: &str) -> Answer<Triggered> {
    let row = stored(state, id).await?.row;
    Ok(Json(Triggered { schema: schema.to_owned(), id, workflow: row.workflow, state: row.state, exit_code: row.exit_code }))
}

async fn stored(state: &ApiState, id: ThreadId) -> Result<StoredThread, Failure> {
    state.store.thread(id).await?.ok_or_else(|| no_thread(&id.to_string()))
}

/// The thread of this id, or of this prefix of four characters or more.
pub(super) async fn find(state: &ApiState, text: &str) -> Result<ThreadId, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let bare = text.strip_prefix(ThreadId::PREFIX).unwrap_or(text);
    if bare.len() < PREFIX {
        let message = format!("`{text}` is too short: an id needs {PREFIX} characters or more");
        return Err(ErrorBody::new(ErrorKind::NotFound, "NV0302", message).help("nerve thread list").into());
    }
    match state.store.find_threads(bare, 6).await?.as_slice() {
        [] => Err(no_thread(text)),
        [id] => Ok(*id),
        many => {
            let candidates: Vec<_> = many.iter().map(ToString::to_string).collect();
            let body = ErrorBody::new(ErrorKind::NotFound, "NV0314", format!("`{text}` fits several threads"));
            Err(body.help(format!("one of: {}", candidates.join(", "))).into())
        }
    }
}

fn no_thread(text: &str) -> Failure {
    Failure(ErrorBody::new(ErrorKind::NotFound, "NV0302", format!("no thread `{text}`")).help("nerve thread list --all"))
}

fn unknown_state(name: &str) -> ErrorBody {
    let states: Vec<_> = StateName::ALL.iter().map(|state| state.name()).collect();
    ErrorBody::new(ErrorKind::Usage, "NV0315", format!("`{name}` is not a state")).help(format!("states: {}", states.join(", ")))
}

fn item(row: ThreadRow) -> ThreadItem {
    ThreadItem {
        id: row.id,
        workflow: row.workflow,
        state: row.state,
        exit_code: row.exit_code,
        build: row.build,
        origin: OriginView::from(&row.origin),
        reason: row.reason,
        seq: u64::try_from(row.seq).unwrap_or(0),
        accepted_at: moment(row.accepted_at),
        started_at: row.started_at.map(moment),
        ended_at: row.ended_at.map(moment),
    }
}
