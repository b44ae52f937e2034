//! Opening the file.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::mpsc;

use super::connection::WritableFile;
use super::fault::Place;
use super::writer::Writer;
use super::{SqliteStore, migrations};
use crate::StoreError;

/// How long to wait for another process that holds the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Distinct texts that a reader keeps prepared.
const STATEMENTS: usize = 256;

/// Commands that may wait for the writer before callers wait too.
const INBOX: usize = 1024;

/// Connections that read.
const READERS: u32 = 3;

/// How to open the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqliteOptions {
    /// Only read: every write is refused as [`StoreError::ReadOnly`], and the file must be there.
    pub read_only: bool,
    /// The most pages of 4 KiB that the file may have; past them writes are refused as [`StoreError::Full`].
    pub max_pages: Option<u32>,
}

impl SqliteStore {
    /// Opens the store, or makes a new one. Its writer has a thread of its own.
    ///
    /// # Errors
    /// When the file or its folder cannot be used, or a newer nerve wrote it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteOptions::default()).await
    }

    /// Opens the store with options.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_with(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let common = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let reading = common.clone().read_only(true).pragma("query_only", "ON");
        let mut setting_up = match options.read_only {
            true => reading.clone(),
            false => common.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full),
        };
        if let Some(pages) = options.max_pages {
            setting_up = setting_up.pragma("max_page_count", pages.to_string());
        }
        let mut connection = setting_up.connect().await.map_err(|error| place.error("opening the store", &error))?;
        if options.read_only {
            migrations::check(&mut connection, &place).await?;
        } else {
            migrations::run(&mut connection, &place).await?;
        }
        let (commands, inbox) = mpsc::channel(INBOX);
        let writer = Writer::start(WritableFile { path: path.to_owned(), options }, place.clone(), inbox).await?;
        // Only now: the last connection that closes removes the log. The format is durable whether or not this one closes well.
        let _ = connection.close().await;
        // No idle timeout and no lifetime: a pool that looks after them wakes an idle daemon.
        let readers = SqlitePoolOptions::new().max_connections(READERS).idle_timeout(None).max_lifetime(None).connect_lazy_with(reading);
        Ok(Self { commands, writer, readers, place })
    }
}
