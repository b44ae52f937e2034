//! The journal, as it grows.

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use nerve_store::{JournalFilter, Source, Store};
use tokio::time::Instant;

use super::dto::{JournalLine, JournalQuery, JournalSource, List, moment, schema};
use super::{Answer, ApiState, Failure, threads};

/// Lines of a page when the caller does not say.
const PAGE: u32 = 200;

/// How often a waiting reader looks again.
const LOOK: Duration = Duration::from_millis(100);

/// The lines after a place; with `wait_ms` it waits so long for the first. Without `after`, the last page.
pub(super) async fn read(State(state): State<ApiState>, Query(query): Query<JournalQuery>) -> Answer<List<JournalLine>> {
    let thread = match &query.thread {
        Some(text) => Some(threads::find(&state, text).await?),
        None => None,
    };
    let limit = query.limit.unwrap_or(PAGE);
    let filter = JournalFilter { thread, sense: query.sense, limit };
    let until = Instant::now() + Duration::from_millis(query.wait_ms.unwrap_or(0));
    let after = match query.after {
        Some(after) => i64::try_from(after).unwrap_or(i64::MAX),
        None => before_last_page(&state, &filter).await?,
    };
    loop {
        let lines = state.store.journal(after, filter.clone()).await?;
        if !lines.is_empty() || Instant::now() >= until || state.engine.is_closed() {
            let next = (lines.len() as u32 == limit).then(|| lines.last().map(|line| line.seq.to_string())).flatten();
            let items: Vec<_> = lines.into_iter().map(line).collect();
            return Ok(Json(List { schema: schema::LOGS.to_owned(), total: items.len() as u64, items, next }));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The place after which the last `limit` lines stand.
async fn before_last_page(state: &ApiState, filter: &JournalFilter) -> Result<i64, Failure> {
    if filter.thread.is_none() && filter.sense.is_none() {
        let last = state.store.health().await?.last_seq;
        return Ok((last - i64::from(filter.limit)).max(0));
    }
    let all = state.store.journal(0, JournalFilter { limit: u32::MAX, ..filter.clone() }).await?;
    Ok(all.len().checked_sub(filter.limit as usize + 1).and_then(|at| all.get(at)).map_or(0, |line| line.seq))
}

pub(super) fn line(line: nerve_store::JournalLine) -> JournalLine {
    JournalLine {
        seq: u64::try_from(line.seq).unwrap_or(0),
        at: moment(line.at),
        source: match line.source {
            Source::Sense => JournalSource::Sense,
            Source::Workflow => JournalSource::Workflow,
            Source::System => JournalSource::System,
        },
        kind: line.kind,
        about: line.subject,
        payload: line.payload,
    }
}
