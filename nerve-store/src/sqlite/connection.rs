//! The connection that writes.

use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};

use super::SqliteOptions;
use super::open::BUSY_TIMEOUT;

/// Distinct statements that it keeps prepared: more than a commit has.
const STATEMENTS: usize = 32;

/// A file that is there and has its format, to be opened for writing, again after a failure.
#[derive(Debug)]
pub(super) struct WritableFile {
    pub(super) path: PathBuf,
    pub(super) options: SqliteOptions,
}

impl WritableFile {
    pub(super) fn open(&self) -> rusqlite::Result<Connection> {
        let mode = if self.options.read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        // One thread at a time has it.
        let connection = Connection::open_with_flags(&self.path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "foreign_keys", "ON")?;
        if self.options.read_only {
            connection.pragma_update(None, "query_only", "ON")?;
        } else {
            // FULL, since a step is durable before the next one is asked for. The checkpoint stays at its default and the
            // log is never cut: a log that is reused in place syncs faster than one that grows.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
        }
        if let Some(pages) = self.options.max_pages {
            connection.pragma_update(None, "max_page_count", pages)?;
        }
        Ok(connection)
    }
}
