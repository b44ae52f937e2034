//! What can be asked, and how the answers look.

use nerve_core::thread::{Entry, StateName};
use nerve_core::{Epoch, RawJson, ThreadId, Timestamp, Usage};

use crate::ThreadRow;

/// Which threads to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadFilter {
    /// Only those in this state.
    pub state: Option<StateName>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only those accepted before this one: a page's [`Page::next`].
    pub before_seq: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl Default for ThreadFilter {
    /// The newest fifty of all.
    fn default() -> Self {
        Self { state: None, workflow: None, before_seq: None, limit: 50 }
    }
}

/// A part of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// What to ask next for; absent on the last page.
    pub next: Option<i64>,
}

/// A thread with its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredThread {
    /// Its row.
    pub row: ThreadRow,
    /// Its entries in order, and when each was written.
    pub entries: Vec<(Timestamp, Entry)>,
}

/// Which ticks of a sense to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickFilter {
    /// The sense.
    pub sense: String,
    /// Only those that signalled.
    pub signals_only: bool,
    /// Only those before this number: a page's [`Page::next`].
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// Which journal lines to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalFilter {
    /// Only those of this thread.
    pub thread: Option<ThreadId>,
    /// Only those of this sense.
    pub sense: Option<String>,
    /// At most so many; 0 reads none.
    pub limit: u32,
}

/// Where a journal line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A sense.
    Sense,
    /// A thread of a workflow.
    Workflow,
    /// The daemon.
    System,
}

impl Source {
    const ALL: [Self; 3] = [Self::Sense, Self::Workflow, Self::System];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sense => "sense",
            Self::Workflow => "workflow",
            Self::System => "system",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalLine {
    /// Its place; later lines have higher ones.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Where it comes from.
    pub source: Source,
    /// What happened.
    pub kind: String,
    /// The thread's id, the sense's name or whom a system line is about.
    pub subject: Option<String>,
    /// A thread entry's number.
    pub n: Option<u32>,
    /// The details; of a thread's line the whole [`Entry`].
    pub payload: RawJson,
}

/// How the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The number of its last migration.
    pub version: i64,
    /// The latest daemon life; absent before the first.
    pub epoch: Option<Epoch>,
    /// The place of the journal's last line, 0 when it is empty.
    pub last_seq: i64,
    /// The size of the data in bytes.
    pub bytes: u64,
}

/// What calls are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    /// The day in UTC, such as `2026-11-29`.
    Day,
    /// The workflow.
    Workflow,
    /// The role.
    Role,
    /// Who answered, such as `openai/gpt-4o-mini`.
    Model,
}

/// What a group of calls cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageGroup {
    /// The group.
    pub key: String,
    /// How many threads the calls were made for.
    pub threads: u64,
    /// What they cost together.
    pub usage: Usage,
}
