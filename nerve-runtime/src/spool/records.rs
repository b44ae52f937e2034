//! The small files of a call's folder.

use nerve_core::config::{Argument, Profile};
use nerve_core::thread::AgentSession;
use nerve_core::{Evidence, RawJson, ThreadId, Timestamp, Usage};
use serde::{Deserialize, Serialize};

use super::{CallName, What};
use crate::daemon::LifeId;
use crate::processes::Process;

/// `call.json`: what is known before the call begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// The thread that calls.
    pub(crate) thread: ThreadId,
    /// Its step.
    pub(crate) step: u32,
    /// The step's attempt.
    pub(crate) attempt: u32,
    /// What is called for.
    pub(crate) what: What,
    /// Who is called.
    pub(crate) adapter: String,
    /// How it is read, when it is a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) called: Option<Called>,
    /// How the meta was asked for, if one was.
    pub(crate) form: Option<RawJson>,
    /// Since when.
    pub(crate) begun_at: Timestamp,
    /// The life of the daemon that calls.
    pub(crate) life: LifeId,
    /// The boot of the machine.
    pub(crate) boot: String,
}

/// How a command was called, for whoever reads what it left.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Called {
    /// How it is read.
    pub(crate) profile: Profile,
    /// What failures call it.
    pub(crate) program: String,
    /// What its session is; the id is not known yet.
    pub(crate) session: AgentSession,
    /// The session that it goes on with.
    pub(crate) resumed: Option<Resumed>,
}

/// A session that is gone on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resumed {
    /// Its id.
    pub(crate) id: String,
    /// The step that it was last used in.
    pub(crate) step: u32,
    /// What its turns cost so far.
    pub(crate) before: Usage,
}

impl Called {
    /// Whether it was to write a file that tells what it used.
    pub(crate) fn usage_file(&self) -> bool {
        let args = if self.resumed.is_some() { &self.profile.resume } else { &self.profile.fresh };
        let names = |word: &String| word.contains("{usage_file}");
        args.iter().any(|argument| match argument {
            Argument::One(word) => names(word),
            Argument::Group(words) => words.iter().any(names),
        })
    }
}

impl Begun {
    /// The call's name.
    pub(crate) fn name(&self) -> CallName {
        CallName::new(self.thread, self.step, self.attempt, self.what)
    }
}

/// `reply.json`: a reply that came whole over HTTP or from a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SpooledReply {
    /// Who answered.
    pub(crate) adapter: String,
    /// What it said.
    pub(crate) content: String,
    /// What it cost.
    pub(crate) usage: Usage,
    /// How the meta was asked for, if one was.
    pub(crate) form: Option<RawJson>,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub(crate) evidence: Evidence,
    /// The meta that an ask wanted; a step's is read once its text is in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<RawJson>,
}

/// `agent.json`: who runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AgentRecord {
    /// The agent's pid.
    pub(crate) pid: u32,
    /// When it started, in ticks since the boot.
    pub(crate) start: u64,
    /// The boot of the machine.
    pub(crate) boot: String,
    /// Its keeper.
    pub(crate) keeper: Process,
}

impl AgentRecord {
    /// The agent, then its keeper; none when the machine was booted since.
    pub(crate) fn processes(&self, boot: &str) -> Vec<Process> {
        if self.boot == boot { vec![Process { pid: self.pid, start: self.start }, self.keeper] } else { Vec::new() }
    }
}

/// How an agent ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It never ran, for this reason.
    Spawn(String),
}

/// `exit.json`: the agent ended, all that it started is gone, and what it said is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExitRecord {
    /// How it ended: `code`, `signal` or `spawn`.
    #[serde(flatten)]
    pub(crate) ending: Ending,
    /// Whether its keeper had begun to stop it before it ended.
    pub(crate) stopped: bool,
    /// Whether it said more on stdout than is kept.
    pub(crate) truncated: bool,
    /// When.
    pub(crate) ended_at: Timestamp,
}
