//! The daemon's state as JSON shows it.

use jiff::Timestamp;
use nerve_core::{BuildId, ThreadId};
use serde::{Deserialize, Serialize};

use super::SenseItem;

/// Whether the daemon is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The machine's name.
    pub hostname: String,
    /// The version of `nerve`.
    pub version: String,
    /// How long it has been up.
    pub uptime_ms: u64,
    /// Senses that it runs.
    pub active_senses: u64,
    /// Workflows that have a thread under way.
    pub active_workflows: u64,
}

/// What the daemon is at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`schema::STATUS`](super::schema::STATUS).
    pub schema: String,
    /// Always true: without a daemon there is no such document.
    pub running: bool,
    /// Its process.
    pub pid: u32,
    /// The version of `nerve`.
    pub version: String,
    /// The machine's name.
    pub hostname: String,
    /// The workspace's folder.
    pub workspace: String,
    /// When it started.
    pub since: Timestamp,
    /// How long it has been up.
    pub uptime_ms: u64,
    /// Whether the sources were edited after the build that serves.
    pub stale: bool,
    /// The build that new threads get.
    pub build: Option<BuildId>,
    /// The senses.
    pub senses: Vec<SenseItem>,
    /// The workflows.
    pub workflows: Vec<WorkflowLoad>,
    /// The workers.
    pub workers: Vec<WorkerItem>,
    /// The brakes.
    pub limits: LimitsState,
    /// Whether the store takes writes.
    pub store: StoreState,
    /// The threads that wait for a person.
    pub parked: Vec<Parked>,
    /// Why the last change of nerve.yaml was not taken.
    pub config_problem: Option<String>,
    /// Why the last build was not taken over.
    #[serde(default)]
    pub build_problem: Option<String>,
}

/// A workflow's load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowLoad {
    /// Its name.
    pub name: String,
    /// Threads that run.
    pub active: u64,
    /// Threads that wait for a slot.
    pub queued: u64,
    /// Threads that run at once.
    pub concurrency: u32,
    /// Why no queued thread starts although there may be free slots.
    #[serde(default)]
    pub held: Option<String>,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerItem {
    /// What tells it from the others; `worker reset` takes it.
    pub key: String,
    /// `sense` or `workflow`.
    pub kind: String,
    /// Its build.
    pub build: Option<BuildId>,
    /// The thread that has it for itself, after a crash that may have been its doing.
    #[serde(default)]
    pub thread: Option<ThreadId>,
    /// Its process, when it has one.
    pub pid: Option<u32>,
    /// What it is at: `stopped`, `starting` (again, after a crash), `ready` or `crash_limit`.
    pub state: String,
    /// Its crashes in the time that counts.
    pub crashes: u32,
    /// Why it may not run, when it is at its crash limit.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What the brakes say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LimitsState {
    /// Why calls wait, when they do.
    pub waiting: Option<String>,
    /// Calls in the last hour.
    pub calls_last_hour: u64,
    /// Calls that failed one after another up to now.
    pub failures_in_a_row: u64,
}

/// What the store says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreState {
    /// Whether it takes writes.
    pub ok: bool,
    /// Why not.
    pub problem: Option<String>,
}

/// A thread that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The thread.
    pub id: ThreadId,
    /// Its workflow.
    pub workflow: String,
    /// What it waits for.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The daemon ends itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// [`schema::STOP`](super::schema::STOP).
    pub schema: String,
    /// Its process.
    pub pid: u32,
    /// What it lets finish first, each in a few words.
    pub waits_for: Vec<String>,
}

/// Something was done that has nothing more to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The command's own schema.
    pub schema: String,
    /// What was done, in a line.
    pub message: String,
}
