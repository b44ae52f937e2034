//! What happens to an agent, in the order in which it is seen.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};

use super::{capture, wake};
use crate::spool::Ending;

enum Event {
    /// The lifeline closed.
    Released,
    /// The agent ended.
    Ended(Ending),
    /// There is no child left.
    Childless,
    /// A stream closed.
    Captured { truncated: bool },
}

/// What happened so far.
pub(super) struct Course {
    tell: Sender<Event>,
    events: Receiver<Event>,
    /// How the agent ended.
    pub(super) ending: Option<Ending>,
    /// Whether the lifeline closed while the agent ran.
    pub(super) stopped: bool,
    /// Whether the agent said more than is kept.
    pub(super) truncated: bool,
    childless: bool,
    open: u32,
}

impl Course {
    /// Watches the lifeline and all children, of which this one is the agent.
    pub(super) fn watch(agent: u32) -> Self {
        let (tell, events) = channel();
        let (lifeline, children) = (tell.clone(), tell.clone());
        wake::never_wait();
        thread::spawn(move || {
            until_closed(&mut io::stdin());
            let _ = lifeline.send(Event::Released);
        });
        thread::spawn(move || collect(agent, &children));
        Self { tell, events, ending: None, stopped: false, truncated: false, childless: false, open: 0 }
    }

    /// Writes a stream down.
    pub(super) fn capture(&mut self, from: Option<impl Read + Send + 'static>, to: File) {
        let Some(from) = from else { return };
        self.open += 1;
        let tell = self.tell.clone();
        thread::spawn(move || {
            let truncated = capture::copy(from, to);
            let _ = tell.send(Event::Captured { truncated });
        });
    }

    /// Returns when the agent has ended or is to be ended.
    pub(super) fn until_it_is_to_end(&mut self) {
        while self.ending.is_none() && !self.stopped && self.next(None) {}
    }

    /// Returns when no child is left, or when the time is over; whether none is.
    pub(super) fn until_childless(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while !self.childless && self.next(Some(deadline)) {}
        self.childless
    }

    /// Returns when both streams have closed, or when the time is over.
    pub(super) fn until_all_is_captured(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.open > 0 && self.next(Some(deadline)) {}
    }

    /// Takes in what happens next; whether anything did in time.
    fn next(&mut self, deadline: Option<Instant>) -> bool {
        let event = match deadline {
            // It holds a sender itself, so there is always somebody to wait for.
            None => self.events.recv().ok(),
            Some(deadline) => self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
        };
        match event {
            Some(Event::Released) => self.stopped |= self.ending.is_none(),
            Some(Event::Ended(ending)) => self.ending = Some(ending),
            Some(Event::Childless) => self.childless = true,
            Some(Event::Captured { truncated }) => {
                self.open -= 1;
                self.truncated |= truncated;
            }
            None => return false,
        }
        true
    }
}

fn until_closed(lifeline: &mut impl Read) {
    let mut bytes = [0; 64];
    loop {
        match lifeline.read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Waits for every child until there is none. Orphans below the agent are children too, once their parents are gone.
fn collect(agent: u32, tell: &Sender<Event>) {
    loop {
        let ended = match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) => Some((pid, Ending::Code(code))),
            Ok(WaitStatus::Signaled(pid, signal, _)) => Some((pid, Ending::Signal(signal as i32))),
            Ok(_) | Err(Errno::EINTR) => None,
            Err(_) => {
                let _ = tell.send(Event::Childless);
                return;
            }
        };
        if let Some((_, ending)) = ended.filter(|(pid, _)| u32::try_from(pid.as_raw()).is_ok_and(|pid| pid == agent)) {
            let _ = tell.send(Event::Ended(ending));
        }
    }
}
