//! The store in one SQLite file.

mod batch;
mod connection;
mod fault;
#[cfg(feature = "fill")]
mod fill;
mod insert;
mod journal;
mod migrations;
mod open;
mod read;
mod senses;
mod threads;
mod usage;
mod writer;

use std::sync::Arc;

use nerve_core::thread::Entry;
use nerve_core::{Epoch, ThreadId, Timestamp};
use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use self::fault::Place;
use self::writer::{Command, Job, Shared};
use crate::record::Record;
use crate::{
    Health, JournalFilter, JournalLine, Page, SenseRow, Store, StoreError, StoredThread, ThreadFilter, ThreadRow, TickFilter, TickRow,
    Turn, UsageBy, UsageGroup,
};

#[cfg(feature = "fill")]
pub use self::fill::VARIABLE as MAX_PAGES;
pub use self::open::SqliteOptions;

/// A store in a file: one connection writes, a few read beside it. Cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    commands: mpsc::Sender<Command>,
    writer: Arc<Shared>,
    readers: SqlitePool,
    place: Place,
}

impl SqliteStore {
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let place = self.commands.reserve().await.map_err(|_| StoreError::Closed)?;
        self.writer.handed_over();
        place.send(command(reply));
        answer.await.map_err(|_| StoreError::Closed)
    }

    fn unreadable(&self, error: &sqlx::Error) -> StoreError {
        self.place.error("reading the store", error)
    }
}

impl Store for SqliteStore {
    async fn begin_epoch(&self, now: Timestamp) -> Result<Epoch, StoreError> {
        self.ask(|reply| Command::Begin(now, reply)).await?
    }

    async fn commit(&self, epoch: Epoch, turns: Vec<Turn>) -> Vec<Result<(), StoreError>> {
        let count = turns.len();
        let mut refused = Vec::new();
        let mut records = Vec::with_capacity(count);
        for (at, turn) in turns.into_iter().enumerate() {
            match Record::of(turn) {
                Ok(record) => records.push(record),
                Err(error) => refused.push((at, self.place.other("writing an entry as JSON", error))),
            }
        }
        let written = records.len();
        let mut answers = match self.writer.write_few(epoch, &records) {
            Some(answers) => answers,
            None => {
                let answers = self.ask(|reply| Command::Commit(Job { epoch, records, reply })).await;
                answers.unwrap_or_else(|error| vec![Err(error); written])
            }
        };
        // In ascending order each insertion lands at its turn's place.
        for (at, error) in refused {
            answers.insert(at.min(answers.len()), Err(error));
        }
        answers
    }

    async fn open_threads(&self) -> Result<Vec<(ThreadRow, Vec<Entry>)>, StoreError> {
        threads::open(self).await
    }

    async fn thread(&self, id: ThreadId) -> Result<Option<StoredThread>, StoreError> {
        threads::one(self, id).await
    }

    async fn find_threads(&self, prefix: &str, limit: u32) -> Result<Vec<ThreadId>, StoreError> {
        threads::find(self, prefix, limit).await
    }

    async fn thread_by_key(&self, workflow: &str, key: &str) -> Result<Option<ThreadId>, StoreError> {
        threads::by_key(self, workflow, key).await
    }

    async fn list_threads(&self, filter: ThreadFilter) -> Result<Page<ThreadRow>, StoreError> {
        threads::list(self, filter).await
    }

    async fn senses(&self) -> Result<Vec<SenseRow>, StoreError> {
        senses::all(self).await
    }

    async fn ticks(&self, filter: TickFilter) -> Result<Page<TickRow>, StoreError> {
        senses::ticks(self, filter).await
    }

    async fn counters(&self) -> Result<Vec<(String, String)>, StoreError> {
        senses::counters(self).await
    }

    async fn journal(&self, after_seq: i64, filter: JournalFilter) -> Result<Vec<JournalLine>, StoreError> {
        journal::lines(self, after_seq, filter).await
    }

    async fn calls_since(&self, since: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        journal::calls_since(self, since).await
    }

    async fn usage(&self, by: UsageBy, since: Timestamp) -> Result<Vec<UsageGroup>, StoreError> {
        usage::usage(self, by, since).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        journal::health(self).await
    }

    async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        journal::integrity_check(self).await
    }

    async fn close(&self) {
        // An error says that it is closed already.
        let _ = self.ask(Command::Close).await;
        self.readers.close().await;
    }
}
