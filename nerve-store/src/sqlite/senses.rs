//! Reading senses, their ticks, and the small values.

use super::SqliteStore;
use super::read::Columns;
use super::threads::page;
use crate::{Page, SenseRow, StoreError, TickFilter, TickResult, TickRow};

const TICKS: &str = "SELECT * FROM ticks WHERE sense = ?1 AND (NOT ?2 OR result = 'signal') AND number < ?3 ORDER BY number DESC LIMIT ?4";

const COUNT_TICKS: &str = "SELECT count(*) FROM ticks WHERE sense = ?1 AND (NOT ?2 OR result = 'signal')";

pub(super) async fn all(store: &SqliteStore) -> Result<Vec<SenseRow>, StoreError> {
    let rows = sqlx::query("SELECT * FROM senses ORDER BY name").fetch_all(&store.readers).await;
    let rows = rows.map_err(|error| store.unreadable(&error))?;
    rows.iter().map(|row| sense_row(&Columns::new(row, &store.place))).collect()
}

pub(super) async fn ticks(store: &SqliteStore, filter: TickFilter) -> Result<Page<TickRow>, StoreError> {
    let failed = |error| store.unreadable(&error);
    let query = sqlx::query(TICKS)
        .bind(&filter.sense)
        .bind(filter.signals_only)
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(i64::from(filter.limit) + 1);
    let rows = query.fetch_all(&store.readers).await.map_err(failed)?;
    let items = rows.iter().map(|row| tick_row(&Columns::new(row, &store.place))).collect::<Result<_, _>>()?;
    let count = sqlx::query_scalar(COUNT_TICKS).bind(&filter.sense).bind(filter.signals_only);
    let total: i64 = count.fetch_one(&store.readers).await.map_err(failed)?;
    Ok(page(items, total, filter.limit, |row: &TickRow| row.number))
}

pub(super) async fn counters(store: &SqliteStore) -> Result<Vec<(String, String)>, StoreError> {
    let query = sqlx::query_as("SELECT name, value FROM counters ORDER BY name");
    query.fetch_all(&store.readers).await.map_err(|error| store.unreadable(&error))
}

fn sense_row(columns: &Columns<'_>) -> Result<SenseRow, StoreError> {
    Ok(SenseRow {
        name: columns.get("name")?,
        state: columns.maybe_json("state")?,
        last_tick: columns.maybe_tick_id("last_tick")?,
        last_tick_at: columns.maybe_at("last_tick_at")?,
        last_signal_at: columns.maybe_at("last_signal_at")?,
        last_signal: columns.maybe_json("last_signal")?,
        last_error: columns.get("last_error")?,
        ticks: columns.get("ticks")?,
        signals: columns.get("signals")?,
        failures: columns.get("failures")?,
    })
}

fn tick_row(columns: &Columns<'_>) -> Result<TickRow, StoreError> {
    Ok(TickRow {
        id: columns.tick_id("id")?,
        sense: columns.get("sense")?,
        number: columns.get("number")?,
        at: columns.at("at")?,
        result: columns.word("result", TickResult::from_name)?,
        took_ms: columns.get::<i64>("took_ms")?.unsigned_abs(),
        causes: columns.read("causes")?,
        reason: columns.get("reason")?,
        signal: columns.maybe_json("signal")?,
        thread: columns.maybe_thread_id("thread")?,
        state_before: columns.maybe_json("state_before")?,
        state_after: columns.maybe_json("state_after")?,
    })
}
