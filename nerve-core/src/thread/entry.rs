//! What the journal says of a thread, in the order it happened.

use serde::{Deserialize, Serialize};

use super::End;
use crate::wire::HostedWork;
use crate::{BuildId, CallFailure, Effects, Evidence, RawJson, ThreadId, TickId, Timestamp, Usage};

/// What a thread was accepted with; fixed for its life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// The thread.
    pub thread: ThreadId,
    /// The workflow.
    pub workflow: String,
    /// What it is about.
    pub prompt: String,
    /// The most rounds it may take.
    pub max_rounds: u32,
    /// Whether nothing may touch the outside.
    #[serde(default)]
    pub dry_run: bool,
    /// Who started it.
    pub origin: Origin,
    /// Where its agents work, when the caller said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// The caller's key: the same key is the same thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

/// Who started a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// A person or script at the command line.
    Cli,
    /// A call of the API.
    Api,
    /// A sense's signal.
    Sense {
        /// The sense.
        sense: String,
        /// Its tick.
        tick: TickId,
        /// The signal's payload as text; kept as a string since an internally tagged enum cannot hold raw JSON.
        signal: String,
    },
}

/// One entry of a thread's journal. The first is always [`Entry::Accepted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The thread exists.
    Accepted(Launch),
    /// It waits for a slot of its workflow.
    Queued,
    /// It has a slot and is pinned to this build.
    Started {
        /// The build.
        build: BuildId,
    },
    /// A role is to act; attempt 1 starts with this.
    Intent(Intent),
    /// A text arrived: the role's answer, or the answer to a re-ask.
    Text(StepText),
    /// The text's meta was refused.
    Refused {
        /// The step.
        step: u32,
        /// What is wrong with it.
        errors: Vec<String>,
    },
    /// The meta was checked; the step is complete.
    Meta {
        /// The step.
        step: u32,
        /// The meta.
        meta: RawJson,
        /// Which rung of the extraction ladder read it.
        rung: String,
        /// The part of the answer, in bytes, that only carried the meta and is no part of what the role said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<Cut>,
        /// What was changed of what stood there so that it could be read, one sentence each; nothing of it changes a meaning.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edits: Vec<String>,
    },
    /// An agent's session was seen that may be gone on with.
    Session {
        /// The step.
        step: u32,
        /// The attempt in which it was seen.
        attempt: u32,
        /// The session.
        session: AgentSession,
    },
    /// A call gave no text.
    CallFailed(CallFailedEntry),
    /// A hand-written role's text and meta; the step is complete.
    Done {
        /// The step.
        step: u32,
        /// The attempt that gave it.
        attempt: u32,
        /// The text.
        content: String,
        /// The meta.
        meta: RawJson,
    },
    /// A hand-written role asks an adapter.
    Asked(AskEntry),
    /// An ask was answered.
    AskText(AskTextEntry),
    /// An attempt was cut off before its answer.
    AttemptLost {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// What cut it off.
        cause: CrashCause,
        /// Whether it was only one of several that may have done it; then it does not count against the thread.
        #[serde(default, skip_serializing_if = "is_false")]
        suspected: bool,
    },
    /// The attempt with this number starts, with the same prompt and key.
    Retry {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
    },
    /// A decision was cut off.
    DecisionLost {
        /// How many steps were finished.
        upto: u32,
        /// What cut it off.
        cause: CrashCause,
        /// Whether it was only one of several that may have done it; then it does not count against the thread.
        #[serde(default, skip_serializing_if = "is_false")]
        suspected: bool,
    },
    /// The thread is parked.
    Waiting {
        /// Why.
        reason: ParkReason,
    },
    /// A person let it go on; it waits for a slot.
    Resumed,
    /// It is pinned to another build, whose moderator makes the choices that were recorded.
    BuildChanged {
        /// The build.
        build: BuildId,
    },
    /// Somebody wants it gone.
    KillRequested {
        /// Who.
        by: String,
        /// Whether it goes for a restart of its workflow, and ends `interrupted`.
        #[serde(default, skip_serializing_if = "is_false")]
        interrupt: bool,
    },
    /// The thread is over.
    Ended(End),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A part of a text, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The first byte.
    pub from: usize,
    /// The byte after the last.
    pub to: usize,
}

impl Cut {
    /// The text without this part and without the blanks that it leaves at the end.
    pub fn out_of(self, text: &str) -> String {
        match (text.get(..self.from), text.get(self.to..)) {
            (Some(before), Some(after)) => format!("{before}{after}").trim_end().to_owned(),
            _ => text.to_owned(),
        }
    }
}

/// A role's turn, as decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The step, from 1.
    pub step: u32,
    /// The role.
    pub role: String,
    /// Why the moderator chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to ask whom; absent for a hand-written role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted: Option<HostedWork>,
    /// What recovery may do.
    pub effects: Effects,
    /// Whether nobody said what recovery may do and the adapter can go on with a session: then an attempt whose session is known is
    /// tried again in it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub continues: bool,
    /// How long one attempt may take.
    pub timeout_ms: u64,
    /// Where an agent works, when one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
}

/// A text that arrived for a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepText {
    /// The step.
    pub step: u32,
    /// The attempt that gave it.
    pub attempt: u32,
    /// The adapter as it was resolved for this attempt, such as `openai/gpt-4o-mini`.
    pub adapter: String,
    /// The text.
    pub content: String,
    /// What it cost.
    pub usage: Usage,
    /// What the call used to ask for the meta, for the extraction: see the adapters' host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<RawJson>,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
}

/// An agent's session, and what has to be the same for it to be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentSession {
    /// The agent's name for it.
    pub id: String,
    /// Which agent it is, as the adapter's label names it: `cursor`, `hermes`, `cli/codex`.
    pub agent: String,
    /// The model that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where it works.
    pub workdir: String,
}

/// A call that gave no text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallFailedEntry {
    /// The step.
    pub step: u32,
    /// The attempt.
    pub attempt: u32,
    /// The ask that it was made for; absent for the step's own call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskNo>,
    /// Why, what it cost all the same, and what proves it.
    pub failure: CallFailure,
}

/// The number of an ask within its step, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskNo(pub u32);

/// A question of a hand-written role; (key, count) tells it from the others of its step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskEntry {
    /// The step.
    pub step: u32,
    /// Its number within the step.
    pub ask: AskNo,
    /// Hash of adapter, prompt and schema.
    pub key: String,
    /// How often the same attempt asked the very same before.
    pub count: u32,
    /// Who is to answer.
    pub adapter: crate::AdapterSource,
    /// What is asked.
    pub prompt: String,
    /// The schema of the meta that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<RawJson>,
}

/// The answer to an ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskTextEntry {
    /// The step.
    pub step: u32,
    /// The ask.
    pub ask: AskNo,
    /// The adapter as it was resolved.
    pub adapter: String,
    /// The text.
    pub content: String,
    /// The meta, when one was asked for and read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<RawJson>,
    /// What it cost.
    pub usage: Usage,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
}

/// What cut an attempt or decision off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrashCause {
    /// The daemon ended while it ran.
    Daemon,
    /// The worker's process died.
    Worker {
        /// How it ended, and the last it said on stderr.
        exit: String,
    },
    /// The keeper of the agent died, and the agent was ended for that.
    Keeper,
    /// The agent did not go on with its session.
    Session,
    /// It took longer than it may.
    Deadline,
}

/// Why a thread is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// An attempt was lost that may have had effects; a person decides.
    AttemptLost {
        /// The role.
        role: String,
    },
    /// The build that the thread is pinned to cannot run.
    Build {
        /// Why not.
        why: String,
    },
}

impl Entry {
    /// The entry's name in `thread inspect`, `logs` and the store. The list is closed.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Queued => "queued",
            Self::Started { .. } => "started",
            Self::Intent(_) => "step_intent",
            Self::Text(_) => "step_text",
            Self::Refused { .. } => "step_meta_refused",
            Self::Meta { .. } => "step_meta",
            Self::Session { .. } => "session",
            Self::CallFailed(_) => "call_failed",
            Self::Done { .. } => "thread_workflow_message",
            Self::Asked(_) => "ask",
            Self::AskText(_) => "ask_text",
            Self::AttemptLost { .. } => "attempt_lost",
            Self::Retry { .. } => "attempt",
            Self::DecisionLost { .. } => "decision_lost",
            Self::Waiting { .. } => "waiting",
            Self::Resumed => "resumed",
            Self::BuildChanged { .. } => "build_changed",
            Self::KillRequested { .. } => "kill_requested",
            Self::Ended(end) => end.state().name(),
        }
    }

    /// What the calls behind this entry cost.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Text(text) => Some(text.usage),
            Self::AskText(text) => Some(text.usage),
            Self::CallFailed(failed) => Some(failed.failure.usage()),
            _ => None,
        }
    }

    /// Who was called, as it was resolved; absent where that did not come about.
    pub fn adapter(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&text.adapter),
            Self::AskText(text) => Some(&text.adapter),
            Self::CallFailed(failed) => failed.failure.record.as_ref()?.adapter.as_deref(),
            _ => None,
        }
    }

    /// The one text of this entry that may be long, so that a store can keep it apart.
    pub fn body_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Accepted(launch) => Some(&mut launch.prompt),
            Self::Intent(Intent { hosted: Some(work), .. }) => Some(&mut work.prompt),
            Self::Text(text) => Some(&mut text.content),
            Self::Done { content, .. } => Some(content),
            Self::Asked(ask) => Some(&mut ask.prompt),
            Self::AskText(text) => Some(&mut text.content),
            _ => None,
        }
    }
}
