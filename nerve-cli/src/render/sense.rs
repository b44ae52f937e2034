//! Senses in a table.

use jiff::Timestamp;
use nerve_runtime::daemon::api::dto::{List, SenseItem, SenseTriggered};

use super::table::{cell, table};
use super::time::{ago, until};
use super::{count, cut};

/// All senses.
pub(crate) fn list(page: &List<SenseItem>, now: Timestamp) -> String {
    let total = count(page.total, "sense");
    if page.items.is_empty() {
        return format!("{total}\n");
    }
    let rows: Vec<_> = page.items.iter().map(|item| row(item, now)).collect();
    let body = table(&["NAME", "GROUP", "STATE", "INTERVAL", "ON", "LAST TICK", "NEXT", "LAST SIGNAL", "ERROR"], &rows);
    format!("{body}{total}\n")
}

fn row(item: &SenseItem, now: Timestamp) -> Vec<String> {
    vec![
        item.name.clone(),
        item.group.clone(),
        item.state.clone(),
        cell(item.interval.as_ref()),
        if item.on.is_empty() { "-".to_owned() } else { item.on.join(", ") },
        ago(now, item.last_tick),
        until(now, item.next_tick),
        ago(now, item.last_signal),
        item.last_error.as_deref().map(|error| cut(error, 60)).unwrap_or_default(),
    ]
}

/// What one tick gave.
pub(crate) fn triggered(done: &SenseTriggered) -> String {
    let signal = done.signal.as_ref().map_or_else(|| "silent".to_owned(), |signal| format!("signal {}", signal.get()));
    let thread = done.thread.map(|thread| format!("  -> {thread}")).unwrap_or_default();
    format!("{}  {signal}{thread}\n", done.tick)
}
