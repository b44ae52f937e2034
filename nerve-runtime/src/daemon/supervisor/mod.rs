//! Child processes that speak frames: one task owns each, the world holds them by their keys.
//!
//! Life of a child: `stopped → starting → ready → draining → stopped`. A message to a stopped child starts it; what is
//! sent before it is ready waits, and is sent then, in order. An exit that nobody asked for counts as a crash: the first
//! respawn comes at once, later ones after growing delays, and past the limit the child is blocked until
//! [`Supervisor::reset`]. After every exit, wanted or not, what it started is ended before anything is said or respawned.
//!
//! A child that is evicted is forgotten at once and can be told nothing more; its task sees it to its end. One that is
//! added under the same key meanwhile is another child with a task of its own, which begins when the first has ended. So
//! the end of one can never be taken for the end of another, and no two ever run for one key.
//!
//! Neither direction can fill the memory: see [`channel`] and [`load`].

mod channel;
mod crashes;
mod event;
mod handle;
mod load;
mod spawn;
mod spec;
mod state;
mod tail;
mod task;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use nerve_core::wire::ToWorker;
use tokio::sync::oneshot;

use super::children::Children;
pub(crate) use channel::Frames;
pub(crate) use event::{Event, Exit, Generation};
pub(crate) use handle::Gone;
use handle::Handle;
use load::Piece;
pub(crate) use spec::Spec;
use task::Control;

/// How many processes of a child were ready and have ended. What is sent names the session it is meant for, so that a
/// question to a dead process is never put to its successor.
pub(crate) type Session = u64;

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// There is no such child, or none any more.
    #[error("no such child")]
    Unknown,
    /// The supervisor was shut down.
    #[error("the supervisor is shut down")]
    ShutDown,
}

/// How much time children get to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// What their specs say.
    Drain,
    /// None.
    Now,
}

type Tell<K> = dyn Fn(&K, Generation, Event) + Send + Sync;

/// Child processes by key. Dropping it stops them all.
pub(crate) struct Supervisor<K> {
    processes: Children,
    tell: Arc<Tell<K>>,
    children: HashMap<K, Handle>,
    /// Evicted ones whose trees may not be gone yet.
    leaving: Vec<(K, Handle)>,
    /// What is said to children and not handed over yet.
    posted: Vec<(K, Session, Piece)>,
    generations: u64,
    shut_down: bool,
}

impl<K: Clone + Eq + Hash + Display + Send + Sync + 'static> Supervisor<K> {
    /// A supervisor without children. `tell` is called from their tasks and must not block.
    pub(crate) fn new(processes: Children, tell: impl Fn(&K, Generation, Event) + Send + Sync + 'static) -> Self {
        Self {
            processes,
            tell: Arc::new(tell),
            children: HashMap::new(),
            leaving: Vec::new(),
            posted: Vec::new(),
            generations: 0,
            shut_down: false,
        }
    }

    /// Makes a child known; its process starts with [`start`](Self::start) or the first message. For one that is known
    /// already this is [`replace`](Self::replace).
    pub(crate) fn add(&mut self, key: &K, spec: Spec) -> Result<Generation, Refused> {
        if self.shut_down {
            return Err(Refused::ShutDown);
        }
        if let Some(known) = self.children.get(key) {
            known.say(Control::Replace(Box::new(spec)));
            return Ok(known.generation);
        }
        self.generations += 1;
        let generation = Generation(self.generations);
        let (tell, of) = (Arc::clone(&self.tell), key.clone());
        let handle = {
            let tell = Box::new(move |event| tell(&of, generation, event));
            Handle::new(self.processes.clone(), key.to_string(), generation, spec, self.gone(key), tell)
        };
        self.children.insert(key.clone(), handle);
        Ok(generation)
    }

    /// Starts the process if none runs.
    pub(crate) fn start(&self, key: &K) -> Result<(), Refused> {
        self.say(key, Control::Start)
    }

    /// [`send`](Self::send), but only within this session: once it is over, the frames are dropped. They leave with the next
    /// [`deliver`](Self::deliver), or before anything else that is said to children: many small messages go as one.
    pub(crate) fn post_within(&mut self, key: &K, session: Session, frames: &[ToWorker]) -> Result<(), Refused> {
        let load = Arc::clone(&self.child(key)?.load);
        match self.posted.iter_mut().find(|(to, of, _)| of == &session && to == key) {
            Some((_, _, piece)) => piece.add(frames),
            None => {
                let piece = load.piece(frames);
                self.posted.push((key.clone(), session, piece));
            }
        }
        Ok(())
    }

    /// Hands over what was posted.
    pub(crate) fn deliver(&mut self) {
        for (key, session, piece) in self.posted.drain(..) {
            if let Some(child) = self.children.get(&key) {
                child.say(Control::Send { session: Some(session), piece });
            }
        }
    }

    /// Stops the process and forgets the child, at once. Resolves when it and all it started are gone.
    pub(crate) fn evict(&mut self, key: &K) -> Gone {
        self.deliver();
        self.leaving.retain(|(_, handle)| !handle.is_gone());
        if let Some(child) = self.children.remove(key) {
            child.evict(Pace::Drain);
            self.leaving.push((key.clone(), child));
        }
        self.gone(key)
    }

    /// Evicts every child, and refuses everything from now on. Resolves when all are gone, evicted ones too.
    pub(crate) fn shutdown(&mut self, pace: Pace) -> Gone {
        self.deliver();
        self.shut_down = true;
        self.leaving.extend(self.children.drain());
        self.leaving.iter().for_each(|(_, child)| child.evict(pace));
        self.leaving.iter().map(|(_, child)| child.gone()).collect()
    }

    /// Kills the process of this session at once: it missed a deadline. Counts as a crash.
    pub(crate) fn kill(&mut self, key: &K, session: Session, why: String) -> Result<(), Refused> {
        self.deliver();
        self.say(key, Control::Kill { session, why, grace: None })
    }

    /// Has the process of this session end by SIGTERM, and by SIGKILL after the grace. Counts as a crash.
    pub(crate) fn terminate(&mut self, key: &K, session: Session, why: String, grace: Duration) -> Result<(), Refused> {
        self.deliver();
        self.say(key, Control::Kill { session, why, grace: Some(grace) })
    }

    /// Forgets crashes and lets a blocked child run again.
    pub(crate) fn reset(&self, key: &K) -> Result<(), Refused> {
        self.say(key, Control::Reset)
    }

    /// What the next process of this key runs with.
    pub(crate) fn replace(&self, key: &K, spec: Spec) -> Result<(), Refused> {
        self.say(key, Control::Replace(Box::new(spec)))
    }

    fn child(&self, key: &K) -> Result<&Handle, Refused> {
        self.children.get(key).ok_or(if self.shut_down { Refused::ShutDown } else { Refused::Unknown })
    }

    fn say(&self, key: &K, control: Control) -> Result<(), Refused> {
        self.child(key)?.say(control);
        Ok(())
    }

    /// The end of those of this key that are on their way out.
    fn gone(&self, key: &K) -> Gone {
        self.leaving.iter().filter(|(leaving, _)| leaving == key).map(|(_, child)| child.gone()).collect()
    }
}

#[cfg_attr(
    not(all(test, target_os = "linux")),
    expect(dead_code, reason = "the engine needs only some of the verbs that make this module whole")
)]
impl<K: Clone + Eq + Hash + Display + Send + Sync + 'static> Supervisor<K> {
    /// Sends frames, in order, starting the process if none runs: to the process that is ready, or to the next one.
    pub(crate) fn send(&self, key: &K, frames: &[ToWorker]) -> Result<(), Refused> {
        let child = self.child(key)?;
        child.say(Control::Send { session: None, piece: child.load.piece(frames) });
        Ok(())
    }

    /// Sends frames if the process is ready, connected and not clogged, and says whether it did. Otherwise nothing is
    /// started or kept. What a process did not read before it died is lost with it, which its exit says.
    pub(crate) fn try_send(&self, key: &K, frames: &[ToWorker]) -> bool {
        let Some(child) = self.children.get(key).filter(|child| !child.load.clogged()) else { return false };
        let session = {
            let standing = child.standing();
            standing.ready.map(|_| standing.session)
        };
        if let Some(session) = session {
            child.say(Control::TrySend { session, piece: child.load.piece(frames) });
        }
        session.is_some()
    }

    /// Stops the process, then starts another. Resolves when the first is gone and the other was started.
    pub(crate) fn drain(&self, key: &K) -> Result<oneshot::Receiver<()>, Refused> {
        let (done, drained) = oneshot::channel();
        self.say(key, Control::Drain(done))?;
        Ok(drained)
    }

    /// Whether its process is ready and connected.
    pub(crate) fn has(&self, key: &K) -> bool {
        self.pid(key).is_some()
    }

    /// Its process, while it is ready.
    pub(crate) fn pid(&self, key: &K) -> Option<u32> {
        self.children.get(key)?.standing().ready
    }

    /// Those whose processes are ready.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.children.keys().filter(|key| self.has(key))
    }

    /// The last words of its process, or of the last one that it had.
    pub(crate) fn stderr_tail(&self, key: &K) -> Option<String> {
        Some(self.children.get(key)?.standing().tail.text())
    }

    /// Whether so much waits for its process that nothing should be added before [`Event::Drained`].
    pub(crate) fn clogged(&self, key: &K) -> bool {
        self.children.get(key).is_some_and(|child| child.load.clogged())
    }

    /// How many bytes wait for its process.
    pub(crate) fn waiting(&self, key: &K) -> usize {
        self.children.get(key).map_or(0, |child| child.load.bytes())
    }
}
