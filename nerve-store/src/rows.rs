//! The rows beside the journal: what is true now.

use nerve_core::thread::{Origin, Phase, StateName, Thread};
use nerve_core::{BuildId, Cause, RawJson, ThreadId, TickId, Timestamp};

/// A thread in one row, as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadRow {
    /// The thread.
    pub id: ThreadId,
    /// Its place in the order of acceptance, given by the store; what is written here is ignored.
    pub seq: i64,
    /// Its workflow.
    pub workflow: String,
    /// Its state.
    pub state: StateName,
    /// Its exit code; absent while it is open, and for ends that have none.
    pub exit_code: Option<u8>,
    /// The build it is pinned to.
    pub build: Option<BuildId>,
    /// Who started it.
    pub origin: Origin,
    /// Why it is in this state, in words.
    pub reason: Option<String>,
    /// The caller's key; a workflow has each at most once.
    pub key: Option<String>,
    /// Whether nothing may touch the outside.
    pub dry_run: bool,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it first started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl ThreadRow {
    /// The row of a thread in its present state; the caller knows when it started and ended.
    pub fn of(thread: &Thread, started_at: Option<Timestamp>, ended_at: Option<Timestamp>) -> Self {
        let launch = &thread.launch;
        let reason = match &thread.phase {
            Phase::Waiting { reason, .. } => Some(reason.words()),
            Phase::Ended(end) => end.reason(),
            _ => None,
        };
        Self {
            id: launch.thread,
            seq: 0,
            workflow: launch.workflow.clone(),
            state: thread.state(),
            exit_code: thread.end().and_then(nerve_core::thread::End::exit_code),
            build: thread.build.clone(),
            origin: launch.origin.clone(),
            reason,
            key: launch.key.clone(),
            dry_run: launch.dry_run,
            accepted_at: launch.accepted_at,
            started_at,
            ended_at,
        }
    }
}

/// A sense's state and counters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SenseRow {
    /// The sense.
    pub name: String,
    /// What its last tick kept.
    pub state: Option<RawJson>,
    /// Its last tick, signal or not.
    pub last_tick: Option<TickId>,
    /// When that was.
    pub last_tick_at: Option<Timestamp>,
    /// When it last signalled.
    pub last_signal_at: Option<Timestamp>,
    /// What it last signalled.
    pub last_signal: Option<RawJson>,
    /// Why its last tick failed; absent once one succeeds.
    pub last_error: Option<String>,
    /// How many ticks there were.
    pub ticks: i64,
    /// How many of them signalled.
    pub signals: i64,
    /// How many of them failed.
    pub failures: i64,
}

/// A tick that is worth a row; silent ones are only counted in [`SenseRow::ticks`].
#[derive(Debug, Clone, PartialEq)]
pub struct TickRow {
    /// The tick.
    pub id: TickId,
    /// Its sense.
    pub sense: String,
    /// Its number among the sense's ticks, from 1: gaps between rows are silent ticks.
    pub number: i64,
    /// When it began.
    pub at: Timestamp,
    /// How it came out.
    pub result: TickResult,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What woke the sense.
    pub causes: Vec<Cause>,
    /// Why it was silent, failed or skipped, or what became of its start.
    pub reason: Option<String>,
    /// What it signalled.
    pub signal: Option<RawJson>,
    /// The thread that it started.
    pub thread: Option<ThreadId>,
    /// The sense's state before.
    pub state_before: Option<RawJson>,
    /// The sense's state after.
    pub state_after: Option<RawJson>,
}

/// How a tick came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickResult {
    /// It had something to tell.
    Signal,
    /// It had nothing to tell.
    Silent,
    /// It failed or took too long.
    Failed,
    /// It never ran.
    Skipped,
}

impl TickResult {
    const ALL: [Self; 4] = [Self::Signal, Self::Silent, Self::Failed, Self::Skipped];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Silent => "silent",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.name() == name)
    }
}
