//! What the engine and the faces ask of a store.

use std::future::Future;

use nerve_core::thread::Entry;
use nerve_core::{Epoch, ThreadId, Timestamp};

use crate::{
    Health, JournalFilter, JournalLine, Page, SenseRow, StoreError, StoredThread, ThreadFilter, ThreadRow, TickFilter, TickRow, Turn,
    UsageBy, UsageGroup,
};

/// A place that keeps turns and gives them back. A backend passes the story in `tests/story.rs`.
pub trait Store: Send + Sync + 'static {
    /// Begins a daemon's life and fences off every earlier one.
    ///
    /// # Errors
    /// When it cannot be written.
    fn begin_epoch(&self, now: Timestamp) -> impl Future<Output = Result<Epoch, StoreError>> + Send;

    /// Writes turns durably, and answers for each in order.
    ///
    /// They share a transaction; when one of them is refused, the others are written without it. When the store itself
    /// cannot write ([`StoreError::is_outage`]), all fail and none is written, so that they can be tried again in order.
    /// The work goes on even when the caller stops waiting.
    fn commit(&self, epoch: Epoch, turns: Vec<Turn>) -> impl Future<Output = Vec<Result<(), StoreError>>> + Send;

    /// Every thread that has not ended, in the order of acceptance, with its entries. Its cost does not depend on how
    /// many threads have ended.
    ///
    /// # Errors
    /// When it cannot be read.
    fn open_threads(&self) -> impl Future<Output = Result<Vec<(ThreadRow, Vec<Entry>)>, StoreError>> + Send;

    /// A thread with its journal.
    ///
    /// # Errors
    /// When it cannot be read.
    fn thread(&self, id: ThreadId) -> impl Future<Output = Result<Option<StoredThread>, StoreError>> + Send;

    /// The threads whose id starts with this text, with or without `th_`, at most `limit`. The caller refuses prefixes
    /// that are too short.
    ///
    /// # Errors
    /// When it cannot be read.
    fn find_threads(&self, prefix: &str, limit: u32) -> impl Future<Output = Result<Vec<ThreadId>, StoreError>> + Send;

    /// The workflow's thread with the caller's key.
    ///
    /// # Errors
    /// When it cannot be read.
    fn thread_by_key(&self, workflow: &str, key: &str) -> impl Future<Output = Result<Option<ThreadId>, StoreError>> + Send;

    /// Threads, newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    fn list_threads(&self, filter: ThreadFilter) -> impl Future<Output = Result<Page<ThreadRow>, StoreError>> + Send;

    /// Every sense that ever ticked, by name.
    ///
    /// # Errors
    /// When it cannot be read.
    fn senses(&self) -> impl Future<Output = Result<Vec<SenseRow>, StoreError>> + Send;

    /// A sense's ticks that have a row, newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    fn ticks(&self, filter: TickFilter) -> impl Future<Output = Result<Page<TickRow>, StoreError>> + Send;

    /// Every small value by name.
    ///
    /// # Errors
    /// When it cannot be read.
    fn counters(&self) -> impl Future<Output = Result<Vec<(String, String)>, StoreError>> + Send;

    /// The journal's lines after this place, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    fn journal(&self, after_seq: i64, filter: JournalFilter) -> impl Future<Output = Result<Vec<JournalLine>, StoreError>> + Send;

    /// When each answer since then came that took a call to the outside, oldest first. Scripted answers took none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn calls_since(&self, since: Timestamp) -> impl Future<Output = Result<Vec<Timestamp>, StoreError>> + Send;

    /// What all calls since then cost, those too that failed or came from a script, in groups by name.
    ///
    /// # Errors
    /// When it cannot be read.
    fn usage(&self, by: UsageBy, since: Timestamp) -> impl Future<Output = Result<Vec<UsageGroup>, StoreError>> + Send;

    /// How the store is, cheaply.
    ///
    /// # Errors
    /// When it cannot be read.
    fn health(&self) -> impl Future<Output = Result<Health, StoreError>> + Send;

    /// What is wrong with the stored data, one sentence each; empty when it is sound. Reads everything.
    ///
    /// # Errors
    /// When it cannot be read.
    fn integrity_check(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Finishes what was handed in, then refuses everything.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
