//! Child processes that speak frames: one task owns each, the world holds a handle with verbs.
//!
//! Life of a child: `stopped → starting → ready → draining → stopped`. A message to a stopped child starts it; what is
//! sent before it is ready waits, and is sent then, in order. An exit that nobody asked for counts as a crash: the first
//! respawn comes at once, later ones after growing delays, and past the limit the child is blocked until
//! [`Handle::reset`]. After every exit, wanted or not, its process group is swept before anything is said or respawned.

mod crashes;
mod spawn;
mod tail;
mod task;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use nerve_core::config::Supervision;
use nerve_core::wire::{Manifest, ToDaemon, ToWorker};
use tokio::sync::{mpsc, oneshot};

/// What to run for a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The folder it starts in: the workspace.
    pub root: PathBuf,
    /// How long a wanted stop may take before signals are sent.
    pub drain: Duration,
    /// The other times and limits.
    pub times: Supervision,
}

/// How many processes of a key were ready and have ended. What is sent names the session it is meant for, so that a
/// question to a dead process is never put to its successor.
pub(crate) type Session = u64;

/// What a child's task tells the one who started it.
#[derive(Debug)]
pub(crate) enum Event {
    /// It can take questions.
    Ready { pid: u32, manifest: Manifest },
    /// It said something.
    Frames(Vec<ToDaemon>),
    /// It is gone, and so is its process group; every frame it had written was told before.
    Exited(Exit),
    /// It crashed too often; nothing is started before a reset.
    Blocked { reason: String },
}

/// The end of one process.
#[derive(Debug, Clone)]
pub(crate) struct Exit {
    pub pid: u32,
    /// The session that begins with its end.
    pub session: Session,
    /// Whether it had said `ready`; what was sent before that was never delivered and still waits.
    pub was_ready: bool,
    /// Whether it was told to stop.
    pub expected: bool,
    /// How it ended and its last words, for people.
    pub summary: String,
    /// How many crashes count at the moment.
    pub crashes: usize,
}

enum Control {
    Start,
    Send { session: Session, frames: Vec<ToWorker> },
    Stop(oneshot::Sender<()>),
    Kill { why: String },
    Reset,
    Replace(Box<Spec>),
}

/// A child by its verbs. Dropping the last handle stops the child.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    control: mpsc::UnboundedSender<Control>,
}

impl Handle {
    /// Starts a task for one child; the process itself starts with [`start`](Self::start) or the first message.
    ///
    /// `name` is the key in log lines; `tell` is called from the task and must not block.
    pub(crate) fn new(name: String, spec: Spec, tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        let (control, inbox) = mpsc::unbounded_channel();
        #[expect(clippy::disallowed_methods, reason = "the task ends with the last handle; the engine waits for each child's stop")]
        tokio::spawn(task::Task::new(name, spec, Box::new(tell), inbox).run());
        Self { control }
    }

    /// Starts the process if none runs.
    pub(crate) fn start(&self) {
        self.say(Control::Start);
    }

    /// Sends frames, in order, starting the process if none runs; those for an ended session are dropped. A blocked child
    /// keeps them until its reset.
    pub(crate) fn send(&self, session: Session, frames: Vec<ToWorker>) {
        self.say(Control::Send { session, frames });
    }

    /// Stops the process: `shutdown`, the drain time, TERM, KILL. Resolves when it and its group are gone; a dropped
    /// sender means the same, for the task ends only after a stop.
    pub(crate) fn begin_stop(&self) -> oneshot::Receiver<()> {
        let (done, stopped) = oneshot::channel();
        self.say(Control::Stop(done));
        stopped
    }

    /// Kills the process: it missed a deadline. Counts as a crash.
    pub(crate) fn kill(&self, why: String) {
        self.say(Control::Kill { why });
    }

    /// Forgets crashes and lets a blocked child run again.
    pub(crate) fn reset(&self) {
        self.say(Control::Reset);
    }

    /// What the next process of this key runs with.
    pub(crate) fn replace(&self, spec: Spec) {
        self.say(Control::Replace(Box::new(spec)));
    }

    fn say(&self, control: Control) {
        // A task that is gone was stopped; nothing it could do is left.
        let _ = self.control.send(control);
    }
}
