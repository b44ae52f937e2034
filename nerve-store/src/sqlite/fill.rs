//! A store that is soon full, for tests. No release holds this.

use rusqlite::Connection;

/// The environment variable with the number of pages that the file may still grow by.
pub const VARIABLE: &str = "NERVE_MAX_PAGES";

/// Bounds the file as the variable wants it; a connection that is opened later has no bound.
pub(super) fn bound(connection: &Connection) -> rusqlite::Result<()> {
    let Some(more) = std::env::var(VARIABLE).ok().and_then(|pages| pages.parse::<i64>().ok()) else { return Ok(()) };
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    connection.pragma_update(None, "max_page_count", pages + more)
}
