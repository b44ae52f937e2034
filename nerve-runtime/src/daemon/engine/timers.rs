//! What is to happen at a moment, kept in order of time.

use std::collections::BTreeMap;

use nerve_core::wire::CallId;
use nerve_core::{ThreadId, TickId};
use tokio::time::Instant;

use super::WorkerKey;

/// Something whose time will come. A timer whose reason is gone does nothing when it fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Timer {
    /// The sense's interval comes round, or its throttle has passed.
    Sense(String),
    /// The tick takes longer than its timeout and grace period.
    Tick(String, TickId),
    /// The moderator takes too long over this question.
    Decision(ThreadId, u64),
    /// The current build takes too long over this replay.
    Replay(ThreadId, u64),
    /// The worker's call takes longer than its timeout.
    Call(CallId),
    /// The worker does not let go of a cancelled call.
    Cancel(CallId),
    /// A sense group that crashed too often is tried again.
    Unblock(WorkerKey),
    /// Calls that wait for a brake may try again.
    Brakes,
    /// A clean stop has waited long enough.
    Drain,
}

/// A timer that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimerKey(Instant, u64);

#[derive(Debug, Default)]
pub(super) struct Timers {
    timers: BTreeMap<(Instant, u64), Timer>,
    next: u64,
}

impl Timers {
    pub(super) fn at(&mut self, at: Instant, timer: Timer) -> TimerKey {
        let key = TimerKey(at, self.next);
        self.timers.insert((at, self.next), timer);
        self.next += 1;
        key
    }

    /// Takes a timer away whose reason is gone; only needed where many would wait for nothing.
    pub(super) fn cancel(&mut self, key: TimerKey) {
        self.timers.remove(&(key.0, key.1));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn due(&mut self, now: Instant) -> Vec<Timer> {
        let mut due = Vec::new();
        while let Some(first) = self.timers.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }
}

impl super::Engine {
    /// Gives the thread's last question its time. An earlier question's is over: at many steps a second they would pile up.
    pub(super) fn expect_decision(&mut self, id: ThreadId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let due = self.timers.at(Instant::now() + self.config.supervision.decide, Timer::Decision(id, slot.decision));
        if let Some(earlier) = slot.decision_due.replace(due) {
            self.timers.cancel(earlier);
        }
    }

    /// A decision came: unless it answered another question, nothing is waited for any more.
    pub(super) fn decision_came(&mut self, id: ThreadId) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| !slot.machine.decision_in_flight()) else { return };
        if let Some(due) = slot.decision_due.take() {
            self.timers.cancel(due);
        }
    }

    /// Does what a timer was set for, if its reason still holds.
    pub(super) fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Sense(name) => self.sense_due(&name),
            Timer::Tick(name, tick) => self.tick_overdue(&name, tick),
            Timer::Decision(thread, question) => self.decision_overdue(thread, question),
            Timer::Replay(thread, question) => self.replay_overdue(thread, question),
            Timer::Call(call) => self.call_overdue(call),
            Timer::Cancel(call) => self.cancel_overdue(call),
            Timer::Unblock(key) => self.unblock(&key),
            Timer::Brakes => {
                self.brakes_at = self.brakes_at.filter(|at| *at > Instant::now());
                self.release_brakes();
            }
            Timer::Drain => self.drain_over(),
        }
    }

    /// A moderator that does not answer blocks its whole process: the process goes, its threads go on in the next.
    fn decision_overdue(&mut self, id: ThreadId, question: u64) {
        let Some(slot) = self.slots.get(&id) else { return };
        if slot.decision != question || !slot.machine.decision_in_flight() {
            return;
        }
        let Some(key) = slot.worker() else { return };
        // A question that still waits for a process to start was not asked yet.
        if self.workers.get(&key).is_some_and(|worker| worker.pid.is_some()) {
            self.kill_worker(&key, format!("no decision within {:?}", self.config.supervision.decide));
            // One that hangs holds up the questions behind it, and all of them are late: which one it is shows when each has a
            // process of its own.
            if self.is_only_question(&key, id) {
                self.blame(&key, id);
            }
        } else {
            self.expect_decision(id);
        }
    }

    fn call_overdue(&mut self, call: CallId) {
        let Some(of) = self.calls.get(&call).cloned() else { return };
        let error = "it took longer than its timeout".to_owned();
        self.input_late(of.thread, nerve_core::thread::Input::RoleFailed { step: of.step, attempt: of.attempt, error });
        self.cancel(call);
    }

    /// Code that does not let go when it is cancelled holds its process: the process goes.
    fn cancel_overdue(&mut self, call: CallId) {
        let Some(of) = self.calls.get(&call).cloned() else { return };
        let (why, grace) = ("a cancelled call did not stop".to_owned(), self.config.supervision.kill_term);
        let session = self.session(&of.worker);
        if self.supervisor.terminate(&of.worker, session, why, grace).is_ok() {
            self.blame(&of.worker, of.thread);
        }
    }
}
