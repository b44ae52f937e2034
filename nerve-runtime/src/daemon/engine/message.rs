//! What reaches the engine's inbox.

use std::fmt;
use std::sync::Arc;

use nerve_core::config::Config;
use nerve_core::thread::{AgentSession, AskNo, CallAnswer, Cut, Resume};
use nerve_core::{BuildId, CallFailure, RawJson, ThreadId, TickId};
use tokio::sync::oneshot;

use super::super::api::dto::{AdapterTest, ErrorBody, LimitsState, SenseItem, StoreState, WorkerItem, WorkflowItem};
use super::super::journal::Written;
use super::super::supervisor::{Event, Generation};
use super::super::{BuildRecord, BuildSpec};
use super::trial::Tried;
use crate::spool::CallName;

/// Who a child is: one process per sense group and build, one per workflow and build, and one for each thread that runs
/// alone because it may have crashed the process that it shared with others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum WorkerKey {
    Senses { group: String, build: BuildId },
    Workflow { name: String, build: BuildId, alone: Option<ThreadId> },
}

impl WorkerKey {
    /// The process that a workflow's threads share.
    pub(crate) fn workflow(name: &str, build: &BuildId) -> Self {
        Self::Workflow { name: name.to_owned(), build: build.clone(), alone: None }
    }

    /// The thread that has this process for itself.
    pub(crate) fn alone(&self) -> Option<ThreadId> {
        match self {
            Self::Workflow { alone, .. } => *alone,
            Self::Senses { .. } => None,
        }
    }

    pub(crate) fn build(&self) -> &BuildId {
        match self {
            Self::Senses { build, .. } | Self::Workflow { build, .. } => build,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Senses { .. } => "sense",
            Self::Workflow { .. } => "workflow",
        }
    }
}

impl fmt::Display for WorkerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Senses { group, build } => write!(f, "senses/{group}@{build}"),
            Self::Workflow { name, build, alone: None } => write!(f, "workflow/{name}@{build}"),
            Self::Workflow { name, build, alone: Some(thread) } => write!(f, "workflow/{name}@{build}#{thread}"),
        }
    }
}

/// A message to the engine.
#[derive(Debug)]
pub(crate) enum Message {
    /// From a child; the number tells it from an earlier child of the same key.
    Worker(WorkerKey, Generation, Event),
    Written(Written),
    Call(Box<Finished>),
    /// The agent of a step's attempt has a session.
    SessionSeen {
        thread: ThreadId,
        step: u32,
        attempt: u32,
        session: AgentSession,
    },
    Request(Request),
    Config(Arc<Config>),
    ConfigProblem(String),
    Build(BuildRecord, BuildSpec),
    /// The process that cleans up after this life was killed.
    SweeperDied,
}

/// A call of the daemon's that came back; what it left lies under `call` until it is forgotten.
#[derive(Debug)]
pub(crate) enum Finished {
    /// The call of a step: its text.
    Step { thread: ThreadId, step: u32, attempt: u32, call: Option<CallName>, result: Result<CallAnswer, CallFailure> },
    /// The reading of a step's meta.
    Extracted { thread: ThreadId, step: u32, result: Result<MetaRead, Vec<String>> },
    /// The call of an ask, with its meta.
    Ask { thread: ThreadId, step: u32, ask: AskNo, call: Option<CallName>, result: Result<(CallAnswer, Option<RawJson>), CallFailure> },
    /// A trial of an adapter.
    Tried { test: Box<AdapterTest>, tried: Tried },
    /// Commands of a thread that were stopped are gone, besides processes that would not die.
    Gone { thread: ThreadId, left: Vec<u32> },
}

impl Finished {
    /// Whether somebody answered, and may have been paid.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Self::Step { result: Ok(_), .. } | Self::Ask { result: Ok(_), .. })
    }
}

/// A meta that its schema allows.
#[derive(Debug)]
pub(crate) struct MetaRead {
    pub meta: RawJson,
    pub rung: String,
    pub cut: Option<Cut>,
    /// What was changed so that it could be read.
    pub edits: Vec<String>,
}

/// What was asked of a trigger.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub workflow: String,
    pub prompt: String,
    pub key: Option<String>,
    pub workdir: Option<String>,
    pub max_rounds: Option<u32>,
    pub dry_run: bool,
    pub origin: nerve_core::thread::Origin,
}

/// The answer to one request.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, ErrorBody>>;

/// What callers of the API ask of the engine; reads of what is stored do not come here.
#[derive(Debug)]
pub(crate) enum Request {
    Trigger(Trigger, Reply<ThreadId>),
    TriggerSense(String, Reply<TickOutcome>),
    Kill {
        thread: ThreadId,
        by: String,
        reply: Reply<()>,
    },
    Resume {
        thread: ThreadId,
        resume: Resume,
        reply: Reply<()>,
    },
    /// Lets a parked thread go on with the current build, if that makes the recorded choices.
    ResumeOnCurrentBuild {
        thread: ThreadId,
        reply: Reply<()>,
    },
    /// Interrupts what runs of a workflow and gives it a new process; answers with the threads when that is in the journal.
    RestartWorkflow {
        workflow: String,
        by: String,
        reply: Reply<Vec<ThreadId>>,
    },
    /// Answers when the thread is over or parked, or is not open at all.
    Wait {
        thread: ThreadId,
        reply: oneshot::Sender<()>,
    },
    Look(oneshot::Sender<Look>),
    ResetLimits(Reply<()>),
    /// Calls an adapter once and says what came of it.
    TestAdapter {
        name: String,
        reply: Reply<AdapterTest>,
    },
    ResetWorker {
        key: String,
        reply: Reply<()>,
    },
    Stop {
        now: bool,
        reply: oneshot::Sender<Vec<String>>,
    },
}

/// A tick that is in the journal.
#[derive(Debug, Clone)]
pub(crate) struct TickOutcome {
    pub tick: TickId,
    pub signal: Option<RawJson>,
    pub thread: Option<ThreadId>,
}

/// What the engine knows that is not in the store.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub build: BuildId,
    pub senses: Vec<SenseItem>,
    pub workflows: Vec<WorkflowItem>,
    pub workers: Vec<WorkerItem>,
    pub limits: LimitsState,
    pub store: StoreState,
    pub config_problem: Option<String>,
    pub build_problem: Option<String>,
}
