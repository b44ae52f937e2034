//! What callers send.

use serde::{Deserialize, Serialize};

/// The body of `POST /v1/workflows/{name}/trigger`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerRequest {
    /// What the thread is about.
    pub prompt: String,
    /// The same key gives the same thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where its agents work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// The most rounds it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rounds: Option<u32>,
    /// Whether nothing may touch the outside.
    #[serde(default)]
    pub dry_run: bool,
    /// Who calls; the API when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Caller>,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// The command line.
    Cli,
    /// Anything else.
    Api,
}

/// The body of `POST /v1/threads/{id}/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// The answer of the attempt that was lost; without it the step is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Go on with another build; see [`OtherBuild`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<OtherBuild>,
}

/// Which build a parked thread goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherBuild {
    /// The one that serves new threads, if its moderator makes the choices that are recorded.
    Current,
}

/// The body of `POST /v1/stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// Lets nothing finish first.
    #[serde(default)]
    pub now: bool,
}

/// The body of `POST /v1/workers/reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerResetRequest {
    /// The worker's key, as `status` shows it.
    pub key: String,
}

/// The query of `GET /v1/threads`. `state` is a word that the handler reads, so that a wrong one gets a proper answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ThreadsQuery {
    /// Only threads in this state.
    pub state: Option<String>,
    /// Only threads of this workflow.
    pub workflow: Option<String>,
    /// The most items; 50 when nothing is said.
    pub limit: Option<u32>,
    /// Only threads before this page mark, the `next` of the page before.
    pub before: Option<String>,
}

/// The query of `GET /v1/threads/{id}/entries`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntriesQuery {
    /// The most items.
    pub limit: Option<u32>,
    /// How many to leave out at the start.
    pub offset: Option<u64>,
}

/// The query of `GET /v1/threads/{id}/wait`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WaitQuery {
    /// How long to wait for an end or a park.
    pub timeout_ms: Option<u64>,
}

/// The query of `GET /v1/journal`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JournalQuery {
    /// Only entries with a higher number, oldest first; without it the latest `limit` entries, oldest first too.
    pub after: Option<u64>,
    /// The most items.
    pub limit: Option<u32>,
    /// How long to wait for an entry when there is none yet.
    pub wait_ms: Option<u64>,
    /// Only this thread's entries.
    pub thread: Option<String>,
    /// Only this sense's entries.
    pub sense: Option<String>,
}
