//! What the engine holds of an open thread, and of a workflow's line.

use std::collections::{HashMap, HashSet, VecDeque};

use nerve_core::thread::{AskNo, CrashCause, Entry, Machine, ParkReason, Phase, StateName, Thread};
use nerve_core::wire::{AskId, CallId, StartFrame};
use nerve_core::{BuildId, ThreadId, Timestamp};
use nerve_store::{JournalEntry, ThreadRow, Turn};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::super::api::dto::ErrorBody;
use super::super::supervisor::Session;
use super::WorkerKey;
use super::brakes::Pass;
use super::message::Reply;
use super::timers::TimerKey;
use crate::spool::CallName;

/// An open thread.
pub(super) struct Slot {
    pub(super) machine: Machine,
    pub(super) started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    /// What the journal was last told of the thread's row; absent before the first turn of this life.
    row: Option<RowMark>,
    /// Entries that are not handed to the journal yet.
    news: Vec<(u32, Entry, Timestamp)>,
    /// Until when they wait for the decision that follows them.
    pub(super) pair_until: Option<Instant>,
    /// Turns that are handed to the journal and not durable yet.
    writing: u32,
    /// Callers that wait for the acceptance: several when they have the same key. Empty once it is durable.
    pub(super) accepted: Vec<oneshot::Sender<Result<ThreadId, ErrorBody>>>,
    /// Whether its acceptance is not durable yet: only then may it push another one out of a full queue.
    pub(super) newcomer: bool,
    /// Callers that wait for the end.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
    /// Callers that wait until what they asked for is durable.
    pub(super) on_written: Vec<OnWritten>,
    /// What the worker of this session knows of the thread.
    pub(super) told: Option<Told>,
    /// The call that runs for the step under way.
    pub(super) call: Running,
    /// Roles that wait for asks.
    pub(super) askers: HashMap<AskNo, Vec<(Session, AskId)>>,
    /// Calls that run for asks.
    pub(super) ask_calls: HashMap<AskNo, HostedCall>,
    /// How often in a row the worker said that it lacks the thread.
    pub(super) retold: u32,
    /// Calls whose folders may go once all that is decided is durable.
    pub(super) answered: Vec<CallName>,
    /// Whether any of its calls left a folder.
    pub(super) leaves_folders: bool,
    /// Commands that were stopped and whose processes are not gone yet.
    pub(super) leaving: bool,
    /// Processes of them that would not die.
    pub(super) left: Vec<u32>,
    /// Counts the questions put to the moderator, so that a deadline knows its own.
    pub(super) decision: u64,
    /// The deadline of the last of them.
    pub(super) decision_due: Option<TimerKey>,
    /// Whether it has a process for itself, because it may have crashed the one that it shared.
    pub(super) alone: bool,
    /// The current build is being asked whether it makes the recorded choices.
    pub(super) replay: Option<Replay>,
}

/// How much of a thread a worker's session has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) session: Session,
    pub(super) steps: usize,
}

/// What runs for the step under way.
#[derive(Debug)]
pub(super) enum Running {
    Nothing,
    /// A task of the daemon's.
    Hosted(HostedCall),
    /// The worker.
    Worker(CallId),
    /// It waits for a brake.
    Waiting,
}

/// A caller that waits until what it asked for is durable, and what it is told then.
#[derive(Debug)]
pub(super) enum OnWritten {
    Done(Reply<()>),
    /// It asked for several threads; this is the one that is written last.
    Threads(Reply<Vec<ThreadId>>, Vec<ThreadId>),
}

impl OnWritten {
    pub(super) fn tell(self) {
        // A caller that went away will find it in the journal.
        match self {
            Self::Done(reply) => drop(reply.send(Ok(()))),
            Self::Threads(reply, threads) => drop(reply.send(Ok(threads))),
        }
    }
}

/// A question to the current build: would it have made the recorded choices?
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) worker: WorkerKey,
    pub(super) reply: Reply<()>,
    /// Tells its deadline from that of an earlier question.
    pub(super) question: u64,
}

/// A task of the daemon's that makes a call.
#[derive(Debug)]
pub(super) struct HostedCall {
    pub(super) task: AbortHandle,
    pub(super) pass: Pass,
    /// The call, when it has processes that a stop has to wait for.
    pub(super) command: Option<CallName>,
}

/// What was stopped of a thread.
#[derive(Debug, Default)]
pub(super) struct Aborted {
    /// What its calls held.
    pub(super) passes: Vec<Pass>,
    /// The worker's call, which is to be cancelled.
    pub(super) call: Option<CallId>,
    /// Commands whose processes are on their way out.
    pub(super) commands: Vec<CallName>,
}

/// What a worker's call belongs to.
#[derive(Debug, Clone)]
pub(super) struct CallRef {
    pub(super) thread: ThreadId,
    pub(super) step: u32,
    pub(super) attempt: u32,
    pub(super) worker: WorkerKey,
    /// Its deadline.
    pub(super) deadline: Option<TimerKey>,
    /// How the meta was asked for, when it is an own adapter's call.
    pub(super) form: Option<nerve_core::RawJson>,
}

/// All of a thread's row that can change; when it started and ended changes with its state.
#[derive(Debug, PartialEq)]
struct RowMark {
    state: StateName,
    build: Option<BuildId>,
    reason: Option<ParkReason>,
}

impl RowMark {
    fn of(thread: &Thread) -> Self {
        Self { state: thread.state(), build: thread.build.clone(), reason: parked(thread).cloned() }
    }

    fn is_of(&self, thread: &Thread) -> bool {
        (self.state, &self.build, self.reason.as_ref()) == (thread.state(), &thread.build, parked(thread))
    }
}

fn parked(thread: &Thread) -> Option<&ParkReason> {
    match &thread.phase {
        Phase::Waiting { reason, .. } => Some(reason),
        _ => None,
    }
}

impl Slot {
    /// A thread that is being accepted: its first entries are news.
    pub(super) fn accepted(machine: Machine, entries: Vec<Entry>, at: Timestamp) -> Self {
        let mut slot = Self { newcomer: true, ..Self::restored(machine, None) };
        slot.news = entries.into_iter().zip(1u32..).map(|(entry, n)| (n, entry, at)).collect();
        slot
    }

    /// A thread from the store.
    pub(super) fn restored(machine: Machine, started_at: Option<Timestamp>) -> Self {
        let alone = match &machine.thread().phase {
            Phase::Deciding { lost } => *lost > 0,
            Phase::Acting(acting) => matches!(acting.last_loss, Some(CrashCause::Worker { .. })),
            _ => false,
        };
        Self {
            machine,
            started_at,
            ended_at: None,
            row: None,
            news: Vec::new(),
            pair_until: None,
            writing: 0,
            accepted: Vec::new(),
            newcomer: false,
            waiting: Vec::new(),
            on_written: Vec::new(),
            told: None,
            call: Running::Nothing,
            askers: HashMap::new(),
            ask_calls: HashMap::new(),
            retold: 0,
            answered: Vec::new(),
            leaves_folders: false,
            leaving: false,
            left: Vec::new(),
            decision: 0,
            decision_due: None,
            alone,
            replay: None,
        }
    }

    /// Takes entries that the machine has just applied.
    pub(super) fn note(&mut self, entries: Vec<Entry>, at: Timestamp) {
        let first = self.machine.thread().entries + 1 - u32::try_from(entries.len()).unwrap_or(u32::MAX);
        for (entry, n) in entries.into_iter().zip(first..) {
            match &entry {
                Entry::Started { .. } => self.started_at = self.started_at.or(Some(at)),
                Entry::Ended(_) => self.ended_at = Some(at),
                _ => {}
            }
            self.news.push((n, entry, at));
        }
    }

    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Whether all that the machine decided is durable.
    pub(super) fn is_settled(&self) -> bool {
        self.news.is_empty() && self.writing == 0
    }

    /// The turn that makes the news durable, and whether nobody was promised anything yet.
    pub(super) fn turn(&mut self) -> (Turn, bool) {
        let thread = self.machine.thread();
        let id = thread.launch.thread;
        let refusable = !self.accepted.is_empty();
        self.writing += 1;
        let entries = self.news.drain(..).map(|(n, entry, at)| JournalEntry::thread(id, n, entry, at)).collect();
        // Most steps leave the row as it is, and what is not written costs nothing.
        let thread = self.machine.thread();
        let threads = if self.row.as_ref().is_some_and(|row| row.is_of(thread)) {
            Vec::new()
        } else {
            self.row = Some(RowMark::of(thread));
            vec![ThreadRow::of(thread, self.started_at, self.ended_at)]
        };
        (Turn { entries, threads, ..Turn::default() }, refusable)
    }

    pub(super) fn written(&mut self) {
        self.writing = self.writing.saturating_sub(1);
    }

    pub(super) fn workflow(&self) -> &str {
        &self.machine.thread().launch.workflow
    }

    /// The process that decides for this thread; none before it has started.
    pub(super) fn worker(&self) -> Option<WorkerKey> {
        let thread = self.machine.thread();
        let build = thread.build.clone()?;
        let alone = self.alone.then_some(thread.launch.thread);
        Some(WorkerKey::Workflow { name: thread.launch.workflow.clone(), build, alone })
    }

    pub(super) fn is_queued(&self) -> bool {
        matches!(self.machine.thread().phase, Phase::Queued)
    }

    pub(super) fn start_frame(&self) -> StartFrame {
        let launch = &self.machine.thread().launch;
        StartFrame {
            thread: launch.thread,
            workflow: launch.workflow.clone(),
            content: launch.prompt.clone(),
            max_rounds: launch.max_rounds,
            dry_run: launch.dry_run,
        }
    }

    /// Stops the daemon's own calls for this thread.
    pub(super) fn abort(&mut self) -> Aborted {
        let mut aborted = self.abort_asks();
        match std::mem::replace(&mut self.call, Running::Nothing) {
            Running::Hosted(call) => aborted.take(call),
            Running::Worker(call) => {
                self.call = Running::Worker(call);
                aborted.call = Some(call);
            }
            Running::Nothing | Running::Waiting => {}
        }
        aborted
    }

    /// Stops the calls of asks.
    pub(super) fn abort_asks(&mut self) -> Aborted {
        self.askers.clear();
        let mut aborted = Aborted::default();
        self.ask_calls.drain().for_each(|(_, call)| aborted.take(call));
        aborted
    }
}

impl Aborted {
    fn take(&mut self, call: HostedCall) {
        call.task.abort();
        self.passes.push(call.pass);
        self.commands.extend(call.command);
    }
}

/// A workflow's threads: those that run, and those that wait in order.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) active: HashSet<ThreadId>,
    pub(super) queue: VecDeque<ThreadId>,
    /// Nothing starts before what runs is gone and the process is a new one.
    pub(super) restarting: bool,
}
