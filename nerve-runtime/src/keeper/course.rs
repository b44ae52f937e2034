//! What happens to an agent, in the order in which it is seen.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};

use super::capture::{self, Progress};
use super::wake;
use crate::spool::Ending;

/// How often it is looked whether a stream is silent.
const LOOK: Duration = Duration::from_millis(50);

enum Event {
    /// The lifeline closed.
    Released,
    /// The agent ended.
    Ended(Ending),
    /// There is no child left.
    Childless,
    /// A stream closed.
    Captured,
}

/// What happened so far.
pub(super) struct Course {
    tell: Sender<Event>,
    events: Receiver<Event>,
    /// How the agent ended.
    pub(super) ending: Option<Ending>,
    /// Whether the lifeline closed while the agent ran.
    pub(super) stopped: bool,
    childless: bool,
    streams: Vec<Arc<Progress>>,
}

impl Course {
    /// Watches the lifeline and all children, of which this one is the agent.
    pub(super) fn watch(agent: u32) -> Self {
        let course = Self::new();
        let (lifeline, children) = (course.tell.clone(), course.tell.clone());
        wake::never_wait();
        thread::spawn(move || {
            until_closed(&mut io::stdin());
            let _ = lifeline.send(Event::Released);
        });
        thread::spawn(move || collect(agent, &children));
        course
    }

    fn new() -> Self {
        let (tell, events) = channel();
        Self { tell, events, ending: None, stopped: false, childless: false, streams: Vec::new() }
    }

    /// Writes a stream down. What is told of it says how far that is.
    pub(super) fn capture(&mut self, from: Option<impl Read + Send + 'static>, to: File) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        let Some(from) = from else { return progress };
        self.streams.push(Arc::clone(&progress));
        let copied = Arc::clone(&progress);
        let tell = self.tell.clone();
        thread::spawn(move || {
            capture::copy(from, to, &copied);
            let _ = tell.send(Event::Captured);
        });
        progress
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

    /// Returns when every stream has closed or was silent for this long: then somebody else holds it. What still comes, or
    /// cannot be written, is waited for to the limit, and is cut off then.
    pub(super) fn until_all_is_captured(&mut self, silent: Duration, limit: Duration) {
        // Counted by looks, not by the clock: a keeper that was stopped has not heard a silence.
        let looks = |time: Duration| time.as_millis().div_ceil(LOOK.as_millis());
        let enough = looks(silent);
        let mut streams: Vec<_> = self.streams.iter().map(|stream| (Arc::clone(stream), None, 0)).collect();
        for _ in 0..looks(limit) {
            streams.retain(|(stream, ..)| !stream.closed());
            if streams.iter().all(|(_, _, silence)| *silence >= enough) {
                return;
            }
            let next = Instant::now() + LOOK;
            while self.next(Some(next)) && streams.iter().any(|(stream, ..)| !stream.closed()) {}
            for (stream, before, silence) in &mut streams {
                let now = stream.waiting();
                *silence = if now.is_some() && now == *before { *silence + 1 } else { 0 };
                *before = now;
            }
        }
        for (stream, ..) in streams.iter().filter(|(stream, _, silence)| !stream.closed() && *silence < enough) {
            stream.cut();
        }
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
            Some(Event::Captured) => {}
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

#[cfg(test)]
mod tests;
