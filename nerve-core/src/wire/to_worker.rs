//! What the daemon says to a worker.

use serde::{Deserialize, Serialize};

use super::{AskId, CallId};
use crate::{Cause, RawJson, Request, ThreadId, TickId, Usage};

/// A frame from the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToWorker {
    /// The first frame; the worker answers `ready`.
    Hello {
        /// The protocol that the daemon speaks.
        protocol: u32,
        /// The workspace's folder.
        root: String,
        /// How long the worker may let run what runs when it is told to stop.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drain_ms: Option<u64>,
    },
    /// Finished steps of a thread, from step index `from`; what the worker had from there on is replaced.
    Context {
        /// The thread.
        thread: ThreadId,
        /// Its start, sent with the first piece.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<StartFrame>,
        /// Index of the first step in `steps`.
        from: usize,
        /// The steps.
        steps: Vec<ContextStep>,
    },
    /// Which role is next after `upto` steps? With `check`, that step's meta is checked first.
    Decide {
        /// The thread.
        thread: ThreadId,
        /// How many finished steps the moderator sees.
        upto: usize,
        /// A meta to check before; the step it belongs to is the last one of the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<CheckMeta>,
    },
    /// Which role does the moderator choose after 0, 1, … `upto` steps? Nothing is rendered or run.
    Replay {
        /// The thread.
        thread: ThreadId,
        /// The last number of steps that is asked about.
        upto: usize,
    },
    /// Run a hand-written role.
    RunRole {
        /// The call's number.
        call: CallId,
        /// The thread.
        thread: ThreadId,
        /// The role.
        role: String,
        /// The step's number, from 1; the role sees the `step - 1` steps before it.
        step: u32,
        /// The attempt, from 1.
        attempt: u32,
        /// The same in every attempt of this step.
        idempotency_key: String,
        /// Whether the result goes out before anything else is done, because the step must not simply be repeated.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        urgent: bool,
    },
    /// Run a role's own adapter.
    RunAdapter {
        /// The call's number.
        call: CallId,
        /// The thread.
        thread: ThreadId,
        /// The role whose adapter it is.
        role: String,
        /// What is asked.
        request: Request,
    },
    /// The answer to an ask.
    Answer {
        /// The ask.
        ask: AskId,
        /// The text.
        text: String,
        /// The meta, when one was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meta: Option<RawJson>,
        /// What it cost.
        usage: Usage,
    },
    /// An ask that failed for good.
    AskFailed {
        /// The ask.
        ask: AskId,
        /// Why.
        error: String,
    },
    /// Look once.
    Compute {
        /// The sense.
        sense: String,
        /// The tick.
        tick: TickId,
        /// Why.
        causes: Vec<Cause>,
        /// What the last tick kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<RawJson>,
    },
    /// A tick's observation is in the journal.
    Ack {
        /// The tick.
        tick: TickId,
    },
    /// Stop this call.
    Cancel {
        /// The call.
        call: CallId,
    },
    /// Forget this thread's context.
    Forget {
        /// The thread.
        thread: ThreadId,
    },
    /// Are you there?
    Ping {
        /// Comes back in the pong.
        n: u64,
    },
    /// Finish what runs, then exit.
    Shutdown,
}

/// How a thread began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartFrame {
    /// The thread.
    pub thread: ThreadId,
    /// The workflow.
    pub workflow: String,
    /// The prompt that it was started with.
    pub content: String,
    /// The most rounds it may take.
    pub max_rounds: u32,
    /// Whether nothing may touch the outside.
    pub dry_run: bool,
}

/// A finished step as prompts and moderators see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextStep {
    /// From 1.
    pub n: u32,
    /// Who spoke.
    pub role: String,
    /// What it said; a text over 4 MiB comes cut, with a mark.
    pub content: String,
    /// Its checked meta.
    pub meta: RawJson,
}

/// A meta that the schema allows, to be checked against the role's Rust type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckMeta {
    /// The role.
    pub role: String,
    /// The meta.
    pub meta: RawJson,
}
