//! Threads as JSON shows them.

use jiff::Timestamp;
use nerve_core::thread::StateName;
use nerve_core::{BuildId, RawJson, ThreadId, Usage};
use serde::{Deserialize, Serialize};

use super::OriginView;

/// What `workflow trigger`, `thread kill` and `thread resume` say of their thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Triggered {
    /// The command's own schema.
    pub schema: String,
    /// The thread.
    pub id: ThreadId,
    /// Its workflow.
    pub workflow: String,
    /// Its state.
    pub state: StateName,
    /// Its exit code, once it has one.
    pub exit_code: Option<u8>,
}

/// A thread with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadView {
    /// [`schema::THREAD_SHOW`](super::schema::THREAD_SHOW).
    pub schema: String,
    /// The thread.
    pub id: ThreadId,
    /// Its workflow.
    pub workflow: String,
    /// Its state.
    pub state: StateName,
    /// Its exit code, once it has one.
    pub exit_code: Option<u8>,
    /// The build that it is pinned to, once started.
    pub build: Option<BuildId>,
    /// What it is about.
    pub prompt: String,
    /// Who started it.
    pub origin: OriginView,
    /// Why it ended, or what it waits for.
    pub reason: Option<String>,
    /// What all its calls cost, those too that failed.
    pub usage: Usage,
    /// The money in words: `$0.0012`, `?` when it is not known, `$0.0012 + ?` when a part of it is not.
    pub cost: String,
    /// The most rounds it may take.
    pub max_rounds: u32,
    /// Whether nothing may touch the outside.
    pub dry_run: bool,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it got its slot.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its steps, in order; the last may be under way.
    pub steps: Vec<StepView>,
}

/// One role's turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Its round, from 1.
    pub n: u32,
    /// The role.
    pub role: String,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// `started`, `completed`, `waiting`, or how the thread ended while it was under way.
    pub state: StateName,
    /// The adapter, as resolved once it answered; absent for a hand-written role.
    pub adapter: Option<String>,
    /// What was asked; absent for a hand-written role.
    pub prompt: Option<String>,
    /// What the role said.
    pub content: Option<String>,
    /// Its checked meta.
    pub meta: Option<RawJson>,
    /// Why the moderator chose this role.
    pub reason: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// What its calls cost, those too that failed.
    pub usage: Usage,
    /// The money in words.
    pub cost: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A thread in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadItem {
    /// The thread.
    pub id: ThreadId,
    /// Its workflow.
    pub workflow: String,
    /// Its state.
    pub state: StateName,
    /// Its exit code, once it has one.
    pub exit_code: Option<u8>,
    /// The build that it is pinned to, once started.
    pub build: Option<BuildId>,
    /// Who started it.
    pub origin: OriginView,
    /// Why it ended, or what it waits for.
    pub reason: Option<String>,
    /// The journal's number of its acceptance.
    pub seq: u64,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it got its slot.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}
