//! Questions held back from a worker that does not read.
//!
//! Only ids are kept: what is to be asked is taken from the thread again once the worker has read on. So a stopped worker
//! costs what its channel holds and nothing more, and only its own threads wait.

use nerve_core::ThreadId;
use nerve_core::thread::{Acting, AskNo, Effect, Input, Stage};

use super::{Engine, WorkerKey};

/// A question that was not put yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldBack {
    /// What comes next, or whether a meta is right.
    Decision,
    /// The step's attempt.
    Attempt,
    /// The answer to a role's ask.
    Answer(AskNo),
}

impl Engine {
    /// Holds a question back when its worker has more before it than is good; says whether it did.
    pub(super) fn hold_back(&mut self, key: &WorkerKey, thread: ThreadId, what: HeldBack) -> bool {
        if !self.supervisor.clogged(key) {
            return false;
        }
        if let Some(worker) = self.workers.get_mut(key) {
            if worker.backlog.is_empty() {
                tracing::warn!(worker = %key, "it does not read: its threads wait");
            }
            worker.backlog.push((thread, what));
        }
        true
    }

    /// The worker has read on, or is another process by now: what was held back is asked, as far as it still matters.
    pub(super) fn ask_held_back(&mut self, key: &WorkerKey) {
        let backlog = self.workers.get_mut(key).map(|worker| std::mem::take(&mut worker.backlog)).unwrap_or_default();
        for (id, what) in backlog {
            let Some(slot) = self.slots.get(&id).filter(|slot| slot.worker().as_ref() == Some(key)) else { continue };
            if slot.machine.thread().kill.is_some() {
                continue;
            }
            match what {
                HeldBack::Decision => {
                    if let Some(Effect::Decide { upto, check }) = slot.machine.pending_question() {
                        self.ask_moderator(id, upto, check);
                    }
                }
                HeldBack::Attempt => {
                    let stage = slot.machine.thread().acting().map(Acting::stage);
                    match (slot.machine.attempt_in_flight(), stage) {
                        (Some((step, attempt)), Some(Stage::Run)) => self.run_role(id, step, attempt),
                        (Some((step, attempt)), Some(Stage::Call { rung })) => self.call(id, step, attempt, rung),
                        _ => {}
                    }
                }
                HeldBack::Answer(ask) => self.answer_ask(id, ask),
            }
        }
    }

    /// Whether this thread's question is still held back, and so was never asked.
    pub(super) fn is_held_back(&self, key: &WorkerKey, id: ThreadId) -> bool {
        self.workers.get(key).is_some_and(|worker| worker.backlog.iter().any(|(held, _)| *held == id))
    }

    /// The worker may not run any more: attempts that were held back had not begun.
    pub(super) fn drop_held_back(&mut self, key: &WorkerKey) {
        let backlog = self.workers.get_mut(key).map(|worker| std::mem::take(&mut worker.backlog)).unwrap_or_default();
        for (id, what) in backlog {
            let attempt = self.slots.get(&id).and_then(|slot| slot.machine.attempt_in_flight());
            if let (HeldBack::Attempt, Some((step, attempt))) = (what, attempt) {
                self.input_late(id, Input::NotBegun { step, attempt });
            }
        }
    }
}
