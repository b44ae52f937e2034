//! A step's result and what follows it, in one turn.
//!
//! A worker says what follows a hand-written role right behind its result, and the daemon often reads the two apart. Written apart they
//! would cost a step two commits, one after the other. So a result whose role may be repeated waits a moment for the decision. Nobody has
//! been told of it, and nothing acts on it meanwhile.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use nerve_core::ThreadId;
use tokio::time::Instant;

use super::Engine;
use super::slot::Slot;

/// How long a result waits for the decision at most.
const MOMENT: Duration = Duration::from_millis(1);

/// Results that wait, the first to be written in front. Some wait no more: what their slots say counts.
#[derive(Debug, Default)]
pub(super) struct Pairs(VecDeque<(Instant, ThreadId)>);

impl Pairs {
    fn waits(slots: &HashMap<ThreadId, Slot>, id: ThreadId, until: Instant) -> bool {
        slots.get(&id).is_some_and(|slot| slot.pair_until == Some(until))
    }

    /// When the next result is written although no decision has come.
    pub(super) fn next(&mut self, slots: &HashMap<ThreadId, Slot>) -> Option<Instant> {
        while let Some((until, id)) = self.0.front() {
            if Self::waits(slots, *id, *until) {
                return Some(*until);
            }
            self.0.pop_front();
        }
        None
    }
}

impl Engine {
    /// Lets a thread's result wait for the decision that follows it.
    pub(super) fn await_pair(&mut self, id: ThreadId) {
        if self.stopping.is_some() || self.outage.is_some() {
            return;
        }
        if let Some(slot) = self.slots.get_mut(&id) {
            let until = Instant::now() + MOMENT;
            slot.pair_until = Some(until);
            self.pairs.0.push_back((until, id));
        }
    }

    /// Has the results written that have waited long enough.
    pub(super) fn release_pairs(&mut self, now: Instant) {
        while let Some((until, id)) = self.pairs.0.front().copied().filter(|(until, _)| *until <= now) {
            self.pairs.0.pop_front();
            if Pairs::waits(&self.slots, id, until) {
                self.release_pair(id);
            }
        }
    }

    /// Has every result written: nothing is waited for any more.
    pub(super) fn release_all_pairs(&mut self) {
        for (_, id) in std::mem::take(&mut self.pairs.0) {
            self.release_pair(id);
        }
    }

    fn release_pair(&mut self, id: ThreadId) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.pair_until = None;
            self.dirty.insert(id);
        }
    }
}
