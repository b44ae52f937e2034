//! The places at which a test may have a process of ours killed. In a build without the feature `crash-points` reaching one is nothing.
//!
//! All of them stand here, so that the harness that goes through them forgets none.
#![cfg_attr(
    not(all(feature = "crash-points", feature = "daemon")),
    allow(dead_code, unreachable_pub, unused_imports, reason = "only a test build of the daemon asks for names and starts processes")
)]

use std::fmt;

use nerve_core::thread::{Effect, End, Entry};

#[cfg(feature = "crash-points")]
mod armed;
#[cfg(feature = "crash-points")]
pub use armed::VARIABLE;
#[cfg(feature = "crash-points")]
pub(crate) use armed::inherited;

/// Here a test may want this process to die.
#[cfg(feature = "crash-points")]
pub(crate) fn crash_point(point: Point) {
    armed::reach(point);
}

/// Here a test may want this process to die.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) fn crash_point(_: Point) {}

/// Whether this process may be told to die: what is said then leaves before the point behind it is reached.
#[cfg(feature = "crash-points")]
pub(crate) fn may_die() -> bool {
    armed::is_armed()
}

/// Whether this process may be told to die.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) fn may_die() -> bool {
    false
}

/// What a child must be given so that it knows where it is to die.
#[cfg(not(feature = "crash-points"))]
pub(crate) fn inherited() -> Option<(&'static str, std::ffi::OsString)> {
    None
}

/// A place in the life of one of our processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// This is handed to the store and not yet written.
    BeforeCommit(Commit),
    /// This is durable and nobody knows.
    AfterCommit(Commit),
    /// This is due and not begun.
    BeforeAct(Act),
    /// This was begun, or done.
    AfterAct(Act),
    /// Another place.
    At(Moment),
}

/// Which program reaches a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Process {
    /// The daemon.
    Daemon,
    /// A worker.
    Worker,
    /// A keeper of an agent.
    Keeper,
    /// The sweeper.
    Sweeper,
}

macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($variant:ident $name:literal $sentence:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {
            $(#[doc = $sentence] $variant,)*
        }

        impl $kind {
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in a point's name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

named! {
    /// What a commit makes durable.
    Commit {
        Accepted "accepted" "a thread's acceptance",
        Queued "queued" "its place in the queue",
        Started "started" "its start and its build",
        Intent "step_intent" "what a role is to do",
        Text "step_text" "what a role answered",
        Refused "step_meta_refused" "that its meta could not be read",
        Meta "step_meta" "its meta",
        Session "session" "that an agent has a session",
        CallFailed "call_failed" "that a call gave no text",
        Done "thread_workflow_message" "what a hand-written role gave",
        Asked "ask" "what a hand-written role asks",
        AskText "ask_text" "what it was answered",
        AttemptLost "attempt_lost" "that an attempt was cut off",
        Retry "attempt" "that the next attempt begins",
        DecisionLost "decision_lost" "that a decision was cut off",
        Waiting "waiting" "that a thread is parked",
        Resumed "resumed" "that it may go on",
        BuildChanged "build_changed" "that it goes on with another build",
        KillRequested "kill_requested" "that it is to be killed",
        Completed "completed" "that it is complete",
        Failed "failed" "that it failed",
        Killed "killed" "that it was killed",
        Dropped "dropped" "that there was no room for it",
        Interrupted "interrupted" "that its workflow was restarted",
        Crashed "crashed" "that what ran it died too often",
        Signal "signal" "a sense's signal, and the thread that it starts",
        TickFailure "tick_failure" "that a tick failed",
        SenseState "sense_state" "a sense's next state without a signal",
        WorkerExit "worker_exit" "that a worker ended",
        ConfigReload "config_reload" "that nerve.yaml was taken over",
        BuildReload "build_reload" "that a build was taken over",
        Note "note" "something else about the daemon",
        Counter "counter" "a small value",
    }
}

named! {
    /// What a thread's machine has done once its entries are durable.
    Act {
        Decide "decide" "the worker is asked what follows",
        Call "call" "an adapter is called for a step",
        Extract "extract" "a meta is read from a text",
        Run "run" "the worker runs a hand-written role",
        CallAsk "call_ask" "an adapter is called for an ask",
        AnswerAsk "answer_ask" "the role gets its answer",
        Stop "stop" "what runs for a thread is stopped",
        Parked "parked" "a parked thread's slot is free",
        Requeue "requeue" "a resumed thread queues again",
        Ended "ended" "an ended thread's slot is free",
    }
}

named! {
    /// A place that is no commit and no act. Its name begins with its process.
    Moment {
        LockTaken "daemon.start.lock_taken" "the workspace is ours and nothing is read yet",
        Swept "daemon.start.swept" "nothing of an earlier life runs and nothing of this one",
        StoreOpen "daemon.start.store_open" "the store is open and no epoch has begun",
        SweeperStarted "daemon.start.sweeper" "the sweeper waits for this life's end and nothing else of it runs",
        EpochBegun "daemon.start.epoch_begun" "earlier lives are fenced off and nothing is read yet",
        Recovered "daemon.start.recovered" "open threads are in memory and nothing of it is written",
        SocketOpen "daemon.start.socket_open" "callers may come and nobody was told",
        ReplyDue "daemon.reply.due" "a thread is accepted and its caller does not know",
        Replied "daemon.reply.told" "its caller knows",
        RequestDone "daemon.request.done" "a kill or a resume is durable and its caller does not know",
        CallBegun "daemon.call.begun" "a call's folder is there and nothing was called",
        CallAnswered "daemon.call.answered" "a call's answer is in hand and nowhere else",
        CallKept "daemon.call.kept" "a call's answer is in its folder and the engine does not know",
        CallTold "daemon.call.told" "a call's answer is with the engine",
        CallForgotten "daemon.call.forgotten" "a call's folder is gone, for its answer is written",
        WorkerReady "daemon.worker.ready" "a worker said that it is ready and was asked nothing",
        WorkerExited "daemon.worker.exited" "a worker is gone and nothing was made of it",
        TickSeen "daemon.tick.seen" "a tick's result is in hand and not written",
        TickAcked "daemon.tick.acked" "a tick is written and its worker was told",
        ReloadBegun "daemon.reload.begun" "a new nerve.yaml is read and not taken over",
        ReloadDone "daemon.reload.done" "it is taken over and not noted",
        BuildTried "daemon.build.tried" "a new build's first worker is being started",
        BuildReady "daemon.build.ready" "that worker is ready and the old build still serves",
        BuildTaken "daemon.build.taken" "the new build serves and it is not noted",
        StopBegun "daemon.stop.begun" "a clean stop was asked for",
        StopQuiet "daemon.stop.quiet" "nothing runs any more and that is not noted",
        StopNoted "daemon.stop.noted" "it is noted that nothing ran; workers still live",
        StopWritten "daemon.stop.written" "workers are gone and all is written; the store is open",
        StopUnkept "daemon.stop.unkept" "no agent runs any more and the sweeper waits",
        StopSwept "daemon.stop.swept" "the sweeper has ended, too",
        StopClosed "daemon.stop.closed" "the store is closed; the socket's file is there",
        WorkerHello "worker.hello" "it has said that it is ready",
        TakesDecide "worker.takes.decide" "it is asked what follows",
        TakesRunRole "worker.takes.run_role" "it is to run a role",
        TakesCompute "worker.takes.compute" "it is to run a sense",
        TakesRunAdapter "worker.takes.run_adapter" "it is to ask a role's own adapter",
        TakesAnswer "worker.takes.answer" "an ask's answer has come",
        DecisionDue "worker.decision.due" "it has decided and not said so",
        DecisionSent "worker.decision.sent" "it has said what follows",
        RoleDoneDue "worker.role_done.due" "a role is through and that is not said",
        RoleDoneSent "worker.role_done.sent" "a role's result is said and what follows is not",
        TextDue "worker.text.due" "an own adapter has answered and that is not said",
        TextSent "worker.text.sent" "its answer is said",
        ObservationDue "worker.observation.due" "a sense has looked and that is not said",
        ObservationSent "worker.observation.sent" "a sense's observation is said",
        AskDue "worker.ask.due" "a role asks and that is not said",
        AskSent "worker.ask.sent" "a role has asked",
        KeeperJob "keeper.job" "a keeper knows what to run and runs nothing",
        AgentStarted "keeper.agent.started" "the agent runs and that is not recorded",
        AgentRecorded "keeper.agent.recorded" "it is recorded that the agent runs",
        AgentSaid "keeper.agent.said" "the first of what the agent says is written down",
        AgentEnded "keeper.agent.ended" "the agent has ended; what it left behind may live",
        AgentGone "keeper.agent.gone" "nothing of the agent's lives and its end is not recorded",
        AgentDone "keeper.agent.done" "its end is recorded",
        SweeperWatches "sweeper.watches" "it waits for the end of the daemon",
        SweeperSweeps "sweeper.sweeps" "the daemon has ended and what it left still runs",
    }
}

impl Commit {
    /// What this entry makes durable.
    pub(crate) fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Accepted(_) => Self::Accepted,
            Entry::Queued => Self::Queued,
            Entry::Started { .. } => Self::Started,
            Entry::Intent(_) => Self::Intent,
            Entry::Text(_) => Self::Text,
            Entry::Refused { .. } => Self::Refused,
            Entry::Meta { .. } => Self::Meta,
            Entry::Session { .. } => Self::Session,
            Entry::CallFailed(_) => Self::CallFailed,
            Entry::Done { .. } => Self::Done,
            Entry::Asked(_) => Self::Asked,
            Entry::AskText(_) => Self::AskText,
            Entry::AttemptLost { .. } => Self::AttemptLost,
            Entry::Retry { .. } => Self::Retry,
            Entry::DecisionLost { .. } => Self::DecisionLost,
            Entry::Waiting { .. } => Self::Waiting,
            Entry::Resumed => Self::Resumed,
            Entry::BuildChanged { .. } => Self::BuildChanged,
            Entry::KillRequested { .. } => Self::KillRequested,
            Entry::Ended(End::Completed { .. }) => Self::Completed,
            Entry::Ended(End::Failed { .. } | End::RoundsUsedUp { .. }) => Self::Failed,
            Entry::Ended(End::Killed { .. }) => Self::Killed,
            Entry::Ended(End::Dropped { .. }) => Self::Dropped,
            Entry::Ended(End::Interrupted) => Self::Interrupted,
            Entry::Ended(End::Crashed { .. }) => Self::Crashed,
        }
    }
}

impl Act {
    /// What this effect is.
    pub(crate) fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Decide { .. } => Self::Decide,
            Effect::Call { .. } => Self::Call,
            Effect::Extract { .. } => Self::Extract,
            Effect::Run { .. } => Self::Run,
            Effect::CallAsk { .. } => Self::CallAsk,
            Effect::AnswerAsk { .. } => Self::AnswerAsk,
            Effect::Stop => Self::Stop,
            Effect::Parked => Self::Parked,
            Effect::Requeue => Self::Requeue,
            Effect::Ended(_) => Self::Ended,
        }
    }
}

impl Point {
    /// Every point.
    pub fn all() -> impl Iterator<Item = Self> {
        let commits = Commit::ALL.iter().flat_map(|commit| [Self::BeforeCommit(*commit), Self::AfterCommit(*commit)]);
        let acts = Act::ALL.iter().flat_map(|act| [Self::BeforeAct(*act), Self::AfterAct(*act)]);
        commits.chain(acts).chain(Moment::ALL.iter().map(|moment| Self::At(*moment)))
    }

    /// The program that reaches it.
    pub fn process(self) -> Process {
        match self {
            Self::At(moment) if moment.name().starts_with("worker.") => Process::Worker,
            Self::At(moment) if moment.name().starts_with("keeper.") => Process::Keeper,
            Self::At(moment) if moment.name().starts_with("sweeper.") => Process::Sweeper,
            _ => Process::Daemon,
        }
    }

    /// What is the case there.
    pub fn sentence(self) -> String {
        match self {
            Self::BeforeCommit(commit) => format!("not yet written: {}", commit.sentence()),
            Self::AfterCommit(commit) => format!("written and known to nobody: {}", commit.sentence()),
            Self::BeforeAct(act) => format!("due: {}", act.sentence()),
            Self::AfterAct(act) => format!("begun: {}", act.sentence()),
            Self::At(moment) => moment.sentence().to_owned(),
        }
    }
}

impl fmt::Display for Point {
    /// Its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeCommit(commit) => write!(f, "daemon.commit.{}.before", commit.name()),
            Self::AfterCommit(commit) => write!(f, "daemon.commit.{}.after", commit.name()),
            Self::BeforeAct(act) => write!(f, "daemon.act.{}.before", act.name()),
            Self::AfterAct(act) => write!(f, "daemon.act.{}.after", act.name()),
            Self::At(moment) => f.write_str(moment.name()),
        }
    }
}
