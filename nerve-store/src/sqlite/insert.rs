//! Each kind of row: its statement, and a row as that statement's values, which are borrowed.

use nerve_core::{RawJson, ThreadId, Timestamp};
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Statement, params};

use crate::record::JournalRecord;
use crate::{SenseRow, ThreadRow, TickRow};

type Inserted = rusqlite::Result<usize>;

pub(super) const BODY: &str = "INSERT INTO bodies (hash, text) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING";

pub(super) fn body(to: &mut Statement<'_>, (hash, text): &([u8; 32], String)) -> Inserted {
    to.execute(params![hash, text])
}

pub(super) const THREAD: &str = "INSERT INTO threads \
    (id, text, workflow, state, exit_code, build, origin, reason, key, dry_run, accepted_at, started_at, ended_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, exit_code = excluded.exit_code, build = excluded.build, \
    reason = excluded.reason, started_at = excluded.started_at, ended_at = excluded.ended_at";

pub(super) fn thread(to: &mut Statement<'_>, row: &ThreadRow) -> Inserted {
    to.execute(params![
        row.id.bytes(),
        row.id.to_string().trim_start_matches(ThreadId::PREFIX),
        row.workflow,
        row.state.name(),
        row.exit_code,
        row.build.as_ref().map(|build| build.0.as_str()),
        json(&row.origin)?,
        row.reason,
        row.key,
        row.dry_run,
        At(row.accepted_at),
        row.started_at.map(At),
        row.ended_at.map(At),
    ])
}

pub(super) const TICK: &str = "INSERT INTO ticks \
    (sense, id, number, at, result, took_ms, causes, reason, signal, thread, state_before, state_after) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) fn tick(to: &mut Statement<'_>, row: &TickRow) -> Inserted {
    to.execute(params![
        row.sense,
        row.id.bytes(),
        row.number,
        At(row.at),
        row.result.name(),
        i64::try_from(row.took_ms).unwrap_or(i64::MAX),
        json(&row.causes)?,
        row.reason,
        row.signal.as_ref().map(RawJson::get),
        row.thread.map(|id| id.bytes()),
        row.state_before.as_ref().map(RawJson::get),
        row.state_after.as_ref().map(RawJson::get),
    ])
}

pub(super) const SENSE: &str = "INSERT INTO senses \
    (name, state, last_tick, last_tick_at, last_signal_at, last_signal, last_error, ticks, signals, failures) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (name) DO UPDATE SET state = excluded.state, last_tick = excluded.last_tick, \
    last_tick_at = excluded.last_tick_at, last_signal_at = excluded.last_signal_at, last_signal = excluded.last_signal, \
    last_error = excluded.last_error, ticks = excluded.ticks, signals = excluded.signals, failures = excluded.failures";

pub(super) fn sense(to: &mut Statement<'_>, row: &SenseRow) -> Inserted {
    to.execute(params![
        row.name,
        row.state.as_ref().map(RawJson::get),
        row.last_tick.map(|id| id.bytes()),
        row.last_tick_at.map(At),
        row.last_signal_at.map(At),
        row.last_signal.as_ref().map(RawJson::get),
        row.last_error,
        row.ticks,
        row.signals,
        row.failures,
    ])
}

pub(super) const COUNTER: &str = "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub(super) fn counter(to: &mut Statement<'_>, (name, value): &(String, String)) -> Inserted {
    to.execute(params![name, value])
}

pub(super) const JOURNAL: &str = "INSERT INTO journal (source, kind, thread, n, subject, at, payload, body_hash, calls) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) fn journal(to: &mut Statement<'_>, row: &JournalRecord) -> Inserted {
    to.execute(params![row.source.name(), row.kind, row.thread, row.n, row.subject, At(row.at), row.payload, row.body_hash, row.calls])
}

/// A moment, stored as its milliseconds.
struct At(Timestamp);

impl ToSql for At {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.millis().into())
    }
}

fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
