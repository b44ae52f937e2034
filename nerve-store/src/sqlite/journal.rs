//! Reading the journal, and how the store is.

use nerve_core::{Epoch, RawJson, Timestamp};
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::read::Columns;
use crate::record::{hash, hex};
use crate::{Health, JournalFilter, JournalLine, Source, StoreError};

const LINES: &str = "SELECT journal.*, bodies.text AS long_body FROM journal LEFT JOIN bodies ON bodies.hash = journal.body_hash \
    WHERE seq > ? ORDER BY seq LIMIT ?";

const OF_THREAD: &str = "SELECT journal.*, bodies.text AS long_body FROM journal LEFT JOIN bodies ON bodies.hash = journal.body_hash \
    WHERE thread = ? AND seq > ? ORDER BY n LIMIT ?";

const OF_SENSE: &str =
    "SELECT journal.*, NULL AS long_body FROM journal WHERE source = 'sense' AND subject = ? AND seq > ? ORDER BY seq LIMIT ?";

const CALLS: &str = "SELECT at FROM journal WHERE calls IS NOT NULL AND at >= ? ORDER BY at";

const HEALTH: &str = "SELECT (SELECT max(version) FROM _sqlx_migrations) AS version, (SELECT max(epoch) FROM epochs) AS epoch, \
    (SELECT coalesce(max(seq), 0) FROM journal) AS last_seq, page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()";

pub(super) async fn lines(store: &SqliteStore, after_seq: i64, filter: JournalFilter) -> Result<Vec<JournalLine>, StoreError> {
    let query = match (filter.thread, &filter.sense) {
        // A line has one subject.
        (Some(_), Some(_)) => return Ok(Vec::new()),
        (Some(thread), None) => sqlx::query(OF_THREAD).bind(thread.bytes().to_vec()),
        (None, Some(sense)) => sqlx::query(OF_SENSE).bind(sense.clone()),
        (None, None) => sqlx::query(LINES),
    };
    let rows = query.bind(after_seq).bind(filter.limit).fetch_all(&store.readers).await.map_err(|error| store.unreadable(&error))?;
    rows.iter().map(|row| line(store, row)).collect()
}

pub(super) async fn calls_since(store: &SqliteStore, since: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
    let query = sqlx::query_scalar(CALLS).bind(since.millis());
    let moments: Vec<i64> = query.fetch_all(&store.readers).await.map_err(|error| store.unreadable(&error))?;
    Ok(moments.into_iter().map(Timestamp::from_millis).collect())
}

pub(super) async fn health(store: &SqliteStore) -> Result<Health, StoreError> {
    let row = sqlx::query(HEALTH).fetch_one(&store.readers).await.map_err(|error| store.unreadable(&error))?;
    let columns = Columns::new(&row, &store.place);
    Ok(Health {
        version: columns.get("version")?,
        epoch: columns.get::<Option<i64>>("epoch")?.map(Epoch),
        last_seq: columns.get("last_seq")?,
        bytes: columns.get::<i64>("bytes")?.unsigned_abs(),
    })
}

pub(super) async fn integrity_check(store: &SqliteStore) -> Result<Vec<String>, StoreError> {
    let failed = |error| store.unreadable(&error);
    let mut problems: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&store.readers).await.map_err(failed)?;
    problems.retain(|problem| problem != "ok");
    // One text at a time: together they may be larger than memory.
    let mut last = 0;
    let next = "SELECT rowid AS place, hash, text FROM bodies WHERE rowid > ? ORDER BY rowid LIMIT 1";
    while let Some(row) = sqlx::query(next).bind(last).fetch_optional(&store.readers).await.map_err(failed)? {
        let columns = Columns::new(&row, &store.place);
        last = columns.get("place")?;
        let expected: &[u8] = columns.get("hash")?;
        if hash(columns.get("text")?) != expected {
            problems.push(format!("the text {} is damaged", hex(expected)));
        }
    }
    let orphans = "SELECT count(*) FROM journal WHERE body_hash IS NOT NULL AND body_hash NOT IN (SELECT hash FROM bodies)";
    let missing: i64 = sqlx::query_scalar(orphans).fetch_one(&store.readers).await.map_err(failed)?;
    if missing > 0 {
        problems.push(format!("the texts of {missing} journal lines are missing"));
    }
    Ok(problems)
}

fn line(store: &SqliteStore, row: &SqliteRow) -> Result<JournalLine, StoreError> {
    let columns = Columns::new(row, &store.place);
    let source = columns.word("source", Source::from_name)?;
    let (subject, payload) = match source {
        Source::Workflow => {
            let entry = RawJson::of(&columns.entry()?).map_err(|error| store.place.other("writing an entry as JSON", error))?;
            (Some(columns.thread_id("thread")?.to_string()), entry)
        }
        Source::Sense | Source::System => (columns.get("subject")?, columns.maybe_json("payload")?.unwrap_or_default()),
    };
    Ok(JournalLine {
        seq: columns.get("seq")?,
        at: columns.at("at")?,
        source,
        kind: columns.get("kind")?,
        subject,
        n: columns.get("n")?,
        payload,
    })
}
