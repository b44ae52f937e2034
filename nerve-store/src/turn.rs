//! What one step of the engine writes.

use std::sync::Arc;

use nerve_core::thread::Entry;
use nerve_core::{RawJson, ThreadId, Timestamp};

use crate::{SenseRow, ThreadRow, TickRow};

/// What is written together: all of it or nothing.
///
/// A thread's entries and the row that they change belong into one turn, as do a signal, the sense's next state and the thread it starts.
/// What only a tick has is boxed: a turn changes hands several times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// Appended to the journal in this order.
    pub entries: Vec<JournalEntry>,
    /// Written over the row of the same id; a new one gets the next `seq`. A turn that leaves a row as it is needs none.
    pub threads: Vec<ThreadRow>,
    /// Written over the row of the same name.
    pub sense: Option<Box<SenseRow>>,
    /// A tick that is worth a row. Its sense and id may occur once: a second turn with them is refused as
    /// [`StoreError::Duplicate`](crate::StoreError::Duplicate), so that a signal never starts two threads.
    pub tick: Option<Box<TickRow>>,
    /// Small values by name, written over what was there.
    pub counters: Vec<(String, String)>,
}

/// One line to append to the journal.
#[derive(Debug, Clone, PartialEq)]
pub enum JournalEntry {
    /// Something happened to a thread.
    Thread {
        /// The thread.
        thread: ThreadId,
        /// Its number within the thread, from 1; each may occur once.
        n: u32,
        /// What happened; shared, since who hands a turn in keeps it until it is durable.
        entry: Arc<Entry>,
        /// When.
        at: Timestamp,
    },
    /// Something happened to a sense.
    Sense {
        /// The sense.
        sense: String,
        /// What, such as `signal` or `tick_failure`.
        kind: &'static str,
        /// The details.
        payload: RawJson,
        /// When.
        at: Timestamp,
    },
    /// Something happened to the daemon or its workers.
    System {
        /// What, such as `config_reload` or `worker_exit`.
        kind: &'static str,
        /// Whom it is about, such as a worker's key.
        subject: Option<String>,
        /// The details.
        payload: RawJson,
        /// When.
        at: Timestamp,
    },
}

impl JournalEntry {
    /// A thread's entry with its number.
    pub fn thread(thread: ThreadId, n: u32, entry: Entry, at: Timestamp) -> Self {
        Self::Thread { thread, n, entry: Arc::new(entry), at }
    }
}
