//! What a worker says to the daemon.

use serde::{Deserialize, Serialize};

use super::{AskId, CallId, Manifest};
use crate::{AdapterSource, Effects, Extractor, RawJson, Reply, Start, ThreadId, TickId};

/// A frame from a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToDaemon {
    /// The answer to `hello`.
    Ready {
        /// The protocol that the worker speaks.
        protocol: u32,
        /// The version of the runtime it is linked with.
        sdk: String,
        /// What it contains.
        manifest: Manifest,
    },
    /// The moderator's choice after `upto` steps.
    Decision {
        /// The thread.
        thread: ThreadId,
        /// How many steps it saw.
        upto: usize,
        /// The choice.
        choice: Choice,
    },
    /// The moderator or a prompt failed.
    DecideFailed {
        /// The thread.
        thread: ThreadId,
        /// How many steps it saw.
        upto: usize,
        /// Why, with file and line of a panic.
        error: String,
    },
    /// What the moderator chooses after 0, 1, … steps, as far as it could be asked.
    Replayed {
        /// The thread.
        thread: ThreadId,
        /// The role after so many steps; nothing where it would end the thread.
        chosen: Vec<Option<String>>,
        /// Why it could not be asked further.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The worker lacks steps of this thread.
    NeedContext {
        /// The thread.
        thread: ThreadId,
        /// How many steps it has.
        have: usize,
    },
    /// The checked meta fits the role's type.
    MetaOk {
        /// The thread.
        thread: ThreadId,
        /// Steps including the one it belongs to.
        upto: usize,
    },
    /// The checked meta does not fit the role's type.
    MetaRefused {
        /// The thread.
        thread: ThreadId,
        /// Steps including the one it belongs to.
        upto: usize,
        /// What the type's reader said.
        error: String,
    },
    /// A hand-written role is done; the decision that follows travels as its own frame.
    RoleDone {
        /// The call.
        call: CallId,
        /// The text.
        content: String,
        /// The meta, as its type wrote it.
        meta: RawJson,
    },
    /// A hand-written role or an own adapter failed.
    RoleFailed {
        /// The call.
        call: CallId,
        /// Why, with file and line of a panic.
        error: String,
    },
    /// An own adapter answered.
    Text {
        /// The call.
        call: CallId,
        /// The answer.
        reply: Reply,
    },
    /// A running role asks an adapter.
    Ask {
        /// The role run that asks.
        call: CallId,
        /// The ask's number.
        ask: AskId,
        /// Who is to answer.
        adapter: AdapterSource,
        /// What is asked.
        prompt: String,
        /// The schema of the meta that is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<RawJson>,
        /// How often this role run asked the very same before.
        count: u32,
    },
    /// What a tick saw.
    Observation {
        /// The sense.
        sense: String,
        /// The tick.
        tick: TickId,
        /// The fact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<RawJson>,
        /// The next state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<RawJson>,
        /// The workflow to start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<Start>,
        /// Why it was silent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A tick failed.
    ComputeFailed {
        /// The sense.
        sense: String,
        /// The tick.
        tick: TickId,
        /// Why.
        error: String,
    },
    /// A line for the log.
    Log {
        /// The line.
        line: String,
    },
    /// The answer to a ping.
    Pong {
        /// The ping's number.
        n: u64,
    },
}

/// A moderator's choice, with all that the daemon needs to act on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The thread is complete.
    End {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A role's turn.
    Role {
        /// The role.
        role: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// How its text comes to be.
        work: Work,
        /// How long one attempt may take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
        /// What recovery may do; by the adapter's kind when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effects: Option<Effects>,
    },
}

/// How a role's text comes to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// An adapter answers; the daemon makes the call, or has the worker make it for an own adapter.
    Hosted(HostedWork),
    /// A hand-written function runs in the worker.
    Written,
}

/// A prompt and who is to answer it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostedWork {
    /// Who answers.
    pub adapter: AdapterSource,
    /// The rendered prompt.
    pub prompt: String,
    /// The schema of the meta.
    pub schema: RawJson,
    /// What reads the meta from the text.
    pub extractor: Extractor,
    /// The meta that a dry run uses at this turn, if the role has an example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<RawJson>,
}
