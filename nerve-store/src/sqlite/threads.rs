//! Reading threads.

use nerve_core::thread::{Entry, StateName};
use nerve_core::{BuildId, ThreadId};

use super::SqliteStore;
use super::read::Columns;
use crate::{Page, StoreError, StoredThread, ThreadFilter, ThreadRow};

/// The condition is the partial index's own, word for word: without that SQLite would not use it.
const OPEN: &str = "SELECT threads.*, payload, body, body_hash, bodies.text AS long_body \
    FROM threads JOIN journal ON journal.thread = threads.id LEFT JOIN bodies ON bodies.hash = journal.body_hash \
    WHERE state IN ('queued', 'started', 'waiting') ORDER BY threads.seq, journal.n";

/// One statement, so that the row and the entries are of one moment.
const ONE: &str = "SELECT threads.*, at, payload, body, body_hash, bodies.text AS long_body \
    FROM threads JOIN journal ON journal.thread = threads.id LEFT JOIN bodies ON bodies.hash = journal.body_hash \
    WHERE id = ? ORDER BY n";

const FIND: &str = "SELECT id FROM threads WHERE text >= ? AND text < ? ORDER BY text LIMIT ?";

const LIST: &str = "SELECT * FROM threads WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR workflow = ?2) \
    AND seq < ?3 ORDER BY seq DESC LIMIT ?4";

const COUNT: &str = "SELECT count(*) FROM threads WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR workflow = ?2)";

pub(super) async fn open(store: &SqliteStore) -> Result<Vec<(ThreadRow, Vec<Entry>)>, StoreError> {
    let rows = sqlx::query(OPEN).fetch_all(&store.readers).await.map_err(|error| store.unreadable(&error))?;
    let mut threads: Vec<(ThreadRow, Vec<Entry>)> = Vec::new();
    for row in &rows {
        let columns = Columns::new(row, &store.place);
        let seq: i64 = columns.get("seq")?;
        if threads.last().is_none_or(|(thread, _)| thread.seq != seq) {
            threads.push((thread_row(&columns)?, Vec::new()));
        }
        if let Some((_, entries)) = threads.last_mut() {
            entries.push(columns.entry()?);
        }
    }
    Ok(threads)
}

pub(super) async fn one(store: &SqliteStore, id: ThreadId) -> Result<Option<StoredThread>, StoreError> {
    let rows = sqlx::query(ONE).bind(id.bytes().to_vec()).fetch_all(&store.readers).await.map_err(|error| store.unreadable(&error))?;
    let Some(first) = rows.first() else { return Ok(None) };
    let row = thread_row(&Columns::new(first, &store.place))?;
    let entries = rows.iter().map(|row| Columns::new(row, &store.place)).map(|columns| Ok((columns.at("at")?, columns.entry()?)));
    Ok(Some(StoredThread { row, entries: entries.collect::<Result<_, StoreError>>()? }))
}

pub(super) async fn find(store: &SqliteStore, prefix: &str, limit: u32) -> Result<Vec<ThreadId>, StoreError> {
    let prefix = prefix.to_ascii_lowercase();
    let from = prefix.strip_prefix(ThreadId::PREFIX).unwrap_or(&prefix);
    // `~` sorts after every character of an id.
    let query = sqlx::query(FIND).bind(from).bind(format!("{from}~")).bind(limit);
    let rows = query.fetch_all(&store.readers).await.map_err(|error| store.unreadable(&error))?;
    rows.iter().map(|row| Columns::new(row, &store.place).thread_id("id")).collect()
}

pub(super) async fn by_key(store: &SqliteStore, workflow: &str, key: &str) -> Result<Option<ThreadId>, StoreError> {
    let query = sqlx::query("SELECT id FROM threads WHERE workflow = ? AND key = ?").bind(workflow).bind(key);
    let row = query.fetch_optional(&store.readers).await.map_err(|error| store.unreadable(&error))?;
    row.map(|row| Columns::new(&row, &store.place).thread_id("id")).transpose()
}

pub(super) async fn list(store: &SqliteStore, filter: ThreadFilter) -> Result<Page<ThreadRow>, StoreError> {
    let failed = |error| store.unreadable(&error);
    let state = filter.state.map(StateName::name);
    // One more than asked tells whether there is a next page.
    let query = sqlx::query(LIST)
        .bind(state)
        .bind(filter.workflow.as_deref())
        .bind(filter.before_seq.unwrap_or(i64::MAX))
        .bind(i64::from(filter.limit) + 1);
    let rows = query.fetch_all(&store.readers).await.map_err(failed)?;
    let items = rows.iter().map(|row| thread_row(&Columns::new(row, &store.place))).collect::<Result<_, _>>()?;
    let count = sqlx::query_scalar(COUNT).bind(state).bind(filter.workflow.as_deref());
    let total: i64 = count.fetch_one(&store.readers).await.map_err(failed)?;
    Ok(page(items, total, filter.limit, |row: &ThreadRow| row.seq))
}

/// Cuts the one item too many off, and says what the next page is to ask for.
pub(super) fn page<T>(mut items: Vec<T>, total: i64, limit: u32, place: fn(&T) -> i64) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(place);
    Page { items, total: total.unsigned_abs(), next }
}

fn thread_row(columns: &Columns<'_>) -> Result<ThreadRow, StoreError> {
    Ok(ThreadRow {
        id: columns.thread_id("id")?,
        seq: columns.get("seq")?,
        workflow: columns.get("workflow")?,
        state: columns.word("state", StateName::from_name)?,
        exit_code: columns.get("exit_code")?,
        build: columns.get::<Option<String>>("build")?.map(BuildId),
        origin: columns.read("origin")?,
        reason: columns.get("reason")?,
        key: columns.get("key")?,
        dry_run: columns.get("dry_run")?,
        accepted_at: columns.at("accepted_at")?,
        started_at: columns.maybe_at("started_at")?,
        ended_at: columns.maybe_at("ended_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{AssertSqlSafe, Row};

    async fn plan(store: &SqliteStore, sql: &str) -> String {
        let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&store.readers).await.expect("it prepares");
        rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn what_recovery_and_lookups_read_is_found_by_index() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("nerve.db")).await.expect("a store");
        let open = plan(&store, OPEN).await;
        assert!(open.contains("USING INDEX threads_open") || open.contains("USING COVERING INDEX threads_open"), "{open}");
        assert!(open.contains("USING INDEX journal_thread"), "{open}");
        assert!(!open.contains("SCAN journal") && !open.contains("TEMP B-TREE"), "{open}");
        let one = plan(&store, ONE).await;
        assert!(one.contains("USING INDEX journal_thread") && !one.contains("TEMP B-TREE") && !one.contains("SCAN"), "{one}");
        let find = plan(&store, FIND).await;
        assert!(find.contains("SEARCH threads USING"), "{find}");
    }
}
