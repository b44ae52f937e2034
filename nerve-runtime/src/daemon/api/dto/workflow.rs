//! Workflows as JSON shows them.

use nerve_core::config::Overflow;
use nerve_core::{BuildId, ThreadId};
use serde::{Deserialize, Serialize};

/// A workflow: its settings with defaults filled in, and its load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowItem {
    /// Its name.
    pub name: String,
    /// Threads that run at once.
    pub concurrency: u32,
    /// What a trigger does past that.
    pub overflow: Overflow,
    /// Threads that may wait.
    pub max_queue: u32,
    /// Threads that run.
    pub active: u64,
    /// Threads that wait for a slot.
    pub queued: u64,
    /// Why no queued thread starts although there may be free slots.
    #[serde(default)]
    pub held: Option<String>,
    /// Its roles' names.
    pub roles: Vec<String>,
    /// The build that new threads get.
    pub build: Option<BuildId>,
}

/// A workflow was restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    /// [`schema::WORKFLOW_RESTART`](super::schema::WORKFLOW_RESTART).
    pub schema: String,
    /// Its name.
    pub workflow: String,
    /// The threads that were interrupted.
    pub interrupted: Vec<ThreadId>,
}
