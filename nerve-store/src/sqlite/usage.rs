//! Adding up what calls cost.

use std::collections::{BTreeMap, HashSet};

use nerve_core::thread::Entry;
use nerve_core::{Timestamp, Usage};

use super::SqliteStore;
use super::read::Columns;
use crate::{StoreError, UsageBy, UsageGroup};

/// Rows that are read at once: there may be more calls than memory holds.
const PAGE: u32 = 5000;

/// Every answer and every failed call. Bodies are not needed, so long texts are left where they are. The role stands in the intent of the
/// step, which is the last one before.
const CALLS: &str = "SELECT journal.seq, journal.thread, journal.payload, threads.workflow, \
    strftime('%Y-%m-%d', journal.at / 1000, 'unixepoch') AS day, \
    CASE WHEN ? THEN (SELECT json_extract(intent.payload, '$.intent.role') FROM journal AS intent \
        WHERE intent.thread = journal.thread AND intent.kind = 'step_intent' AND intent.n < journal.n ORDER BY intent.n DESC LIMIT 1) END AS role \
    FROM journal JOIN threads ON threads.id = journal.thread \
    WHERE journal.seq > ? AND journal.kind IN ('step_text', 'ask_text', 'call_failed') AND journal.at >= ? ORDER BY journal.seq LIMIT ?";

pub(super) async fn usage(store: &SqliteStore, by: UsageBy, since: Timestamp) -> Result<Vec<UsageGroup>, StoreError> {
    let mut groups: BTreeMap<String, (Usage, HashSet<[u8; 16]>)> = BTreeMap::new();
    let mut last = 0_i64;
    loop {
        let query = sqlx::query(CALLS).bind(by == UsageBy::Role).bind(last).bind(since.millis()).bind(PAGE);
        let rows = query.fetch_all(&store.readers).await.map_err(|error| store.unreadable(&error))?;
        for row in &rows {
            let columns = Columns::new(row, &store.place);
            last = columns.get("seq")?;
            let entry: Entry = columns.read("payload")?;
            let Some(usage) = entry.usage() else { continue };
            let key: String = match by {
                UsageBy::Workflow => columns.get("workflow")?,
                UsageBy::Day => columns.get("day")?,
                UsageBy::Role => columns.get::<Option<String>>("role")?.unwrap_or_default(),
                UsageBy::Model => entry.adapter().unwrap_or_default().to_owned(),
            };
            let (group, threads) = groups.entry(key).or_default();
            group.add(&usage);
            threads.insert(columns.thread_id("thread")?.bytes());
        }
        if rows.len() < PAGE as usize {
            break;
        }
    }
    Ok(groups.into_iter().map(|(key, (usage, threads))| UsageGroup { key, threads: threads.len() as u64, usage }).collect())
}
