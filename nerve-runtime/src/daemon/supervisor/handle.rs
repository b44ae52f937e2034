//! A child as the supervisor holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};

use super::super::children::Children;
use super::load::Load;
use super::tail::Tail;
use super::task::{Control, Task};
use super::{Event, Generation, Pace, Session, Spec};

/// What can be seen of a child from outside its task.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// Its process, while it is ready and connected.
    pub(super) ready: Option<u32>,
    pub(super) session: Session,
    pub(super) tail: Tail,
}

/// The way to a child's task, which ends with the child. Dropping it stops the child.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) generation: Generation,
    pub(super) load: Arc<Load>,
    control: mpsc::UnboundedSender<Control>,
    standing: watch::Receiver<Standing>,
    /// Nothing may be started any more, not even for what was sent before.
    evicted: Arc<AtomicBool>,
}

/// The task's ends of what the handle holds.
pub(super) struct Ends {
    pub(super) inbox: mpsc::UnboundedReceiver<Control>,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) load: Arc<Load>,
    pub(super) evicted: Arc<AtomicBool>,
}

/// The end of children and of all that they started.
#[derive(Debug, Default)]
pub(crate) struct Gone(Vec<watch::Receiver<Standing>>);

impl Handle {
    /// Starts the task; it does nothing before `after`.
    pub(super) fn new(
        processes: Children,
        name: String,
        generation: Generation,
        spec: Spec,
        after: Gone,
        tell: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Self {
        let (control, inbox) = mpsc::unbounded_channel();
        let (stand, standing) = watch::channel(Standing::default());
        let (load, evicted) = (Arc::new(Load::default()), Arc::new(AtomicBool::new(false)));
        let ends = Ends { inbox, standing: stand, load: Arc::clone(&load), evicted: Arc::clone(&evicted) };
        let task = Task::new(processes, name, spec, tell, ends);
        #[expect(
            clippy::disallowed_methods,
            reason = "the task ends when the child is evicted or its handle dropped, which the supervisor does"
        )]
        tokio::spawn(task.run(after));
        Self { generation, load, control, standing, evicted }
    }

    pub(super) fn say(&self, control: Control) {
        // A task that is gone was stopped; nothing it could do is left.
        let _ = self.control.send(control);
    }

    pub(super) fn evict(&self, pace: Pace) {
        self.evicted.store(true, Ordering::Relaxed);
        self.say(Control::Evict(pace));
    }

    pub(super) fn standing(&self) -> watch::Ref<'_, Standing> {
        self.standing.borrow()
    }

    pub(super) fn is_gone(&self) -> bool {
        self.standing.has_changed().is_err()
    }

    pub(super) fn gone(&self) -> Gone {
        Gone(vec![self.standing.clone()])
    }
}

impl Gone {
    /// Waits for it.
    pub(crate) async fn wait(self) {
        for mut standing in self.0 {
            // The sender lives as long as the task.
            while standing.changed().await.is_ok() {}
        }
    }
}

impl FromIterator<Gone> for Gone {
    fn from_iter<I: IntoIterator<Item = Gone>>(all: I) -> Self {
        Self(all.into_iter().flat_map(|gone| gone.0).collect())
    }
}
