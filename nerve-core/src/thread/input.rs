//! What happens to a thread.

use super::{AgentSession, AskNo, AskTextEntry, CrashCause, Cut, End, ParkReason, StepText};
use crate::wire::Choice;
use crate::{AdapterSource, BuildId, CallFailure, Evidence, RawJson, Usage};

/// Something that happened. Results name what they answer; one that answers nothing open is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// It has to wait for a slot.
    Queue,
    /// It gets a slot and is pinned to this build.
    Start {
        /// The build.
        build: BuildId,
    },
    /// The moderator chose, having seen `upto` steps.
    Decided {
        /// How many steps it saw.
        upto: usize,
        /// The choice.
        choice: Choice,
        /// Where its agent works, by all that says so; the caller's folder without it.
        workdir: Option<String>,
        /// Whether the adapter can go on with a session and nobody said what recovery may do.
        continues: bool,
    },
    /// The moderator or a prompt failed.
    DecideFailed {
        /// How many steps it saw.
        upto: usize,
        /// Why.
        error: String,
    },
    /// The decision was cut off, or with it the check of a meta.
    DecisionLost {
        /// What cut it off.
        cause: CrashCause,
        /// Whether others may have done it as well.
        suspected: bool,
    },
    /// A call gave a text.
    Answered {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// What it gave.
        answer: CallAnswer,
    },
    /// The agent of the running attempt has a session.
    SessionSeen {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// The session.
        session: AgentSession,
    },
    /// A call failed for good.
    CallFailed {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// Why.
        failure: CallFailure,
    },
    /// The text's meta was read and its schema allows it; the role's type is still to check it.
    MetaRead {
        /// The step.
        step: u32,
        /// The meta.
        meta: RawJson,
        /// Which rung read it.
        rung: String,
        /// The part of the last text that only carried the meta.
        cut: Option<Cut>,
        /// What was changed so that it could be read.
        edits: Vec<String>,
    },
    /// The text gave no meta, or the role's type refused it.
    MetaRefused {
        /// The step.
        step: u32,
        /// What is wrong.
        errors: Vec<String>,
    },
    /// The role's type takes the meta.
    MetaAccepted {
        /// The step.
        step: u32,
    },
    /// A hand-written role is done.
    RoleDone {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// The text.
        content: String,
        /// The meta.
        meta: RawJson,
    },
    /// A hand-written role failed.
    RoleFailed {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// Why.
        error: String,
    },
    /// The attempt was cut off before its answer.
    AttemptLost {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// What cut it off.
        cause: CrashCause,
        /// Whether others may have done it as well.
        suspected: bool,
    },
    /// The attempt could not even begin: nobody was asked, so nothing is lost.
    NotBegun {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
    },
    /// The running role asks an adapter.
    Ask {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// Hash of adapter, prompt and schema.
        key: String,
        /// How often this attempt asked the very same before.
        count: u32,
        /// Who is to answer.
        adapter: AdapterSource,
        /// What is asked.
        prompt: String,
        /// The schema of the meta that is wanted.
        schema: Option<RawJson>,
    },
    /// An ask was answered.
    AskAnswered {
        /// The step.
        step: u32,
        /// The ask.
        ask: AskNo,
        /// What came.
        answer: CallAnswer,
        /// The meta.
        meta: Option<RawJson>,
    },
    /// An ask's call failed for good; a later attempt may make it anew.
    AskFailed {
        /// The step.
        step: u32,
        /// The ask.
        ask: AskNo,
        /// Why.
        failure: CallFailure,
    },
    /// Park it.
    Park {
        /// Why.
        reason: ParkReason,
    },
    /// A person lets it go on.
    Resume(Resume),
    /// Somebody wants it gone.
    Kill {
        /// Who.
        by: String,
        /// Whether it goes for a restart of its workflow.
        interrupt: bool,
    },
    /// Nothing that ran for it is waited for any more.
    Stopped {
        /// Processes that would not die.
        left: Vec<u32>,
    },
    /// End it without running it further.
    End(End),
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub struct CallAnswer {
    /// The adapter as it was resolved.
    pub adapter: String,
    /// The text.
    pub content: String,
    /// What it cost.
    pub usage: Usage,
    /// How the meta was asked for.
    pub form: Option<RawJson>,
    /// What proves it.
    pub evidence: Evidence,
    /// The session that the agent had, where it told of none before.
    pub session: Option<AgentSession>,
}

impl CallAnswer {
    /// A text of which nothing else is known.
    pub fn plain(adapter: impl Into<String>, content: impl Into<String>, usage: Usage) -> Self {
        Self { adapter: adapter.into(), content: content.into(), usage, form: None, evidence: Evidence::default(), session: None }
    }
}

/// How a parked thread goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Resume {
    /// With a new attempt.
    TryAgain,
    /// With this text as the answer of the lost attempt.
    WithText(String),
    /// With a new attempt on this build, whose moderator was seen to make the choices that are recorded.
    OnBuild(BuildId),
}

/// What is known, at the start of a daemon's life, of what the last one had under way for a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The step's call or run.
    pub attempt: AttemptFound,
    /// Answers to asks that had reached this machine.
    pub asks: Vec<AskTextEntry>,
}

/// What is known of the attempt that was under way.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptFound {
    /// It may have begun, and its answer is not here.
    Lost,
    /// It had not begun.
    NotBegun,
    /// Its answer is here.
    Answered(Box<StepText>),
}
