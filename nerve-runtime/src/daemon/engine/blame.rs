//! Whom the death of a worker is charged to.
//!
//! A process that dies while exactly one thing was asked of it, or that is killed because that one missed its deadline, is
//! charged to that thread. When several had something under way, nobody is charged yet: each of them goes on in a process
//! of its own until it has passed or has crashed that one too. So one bad thread cannot take the others down with it.

use nerve_core::ThreadId;
use nerve_core::thread::{CrashCause, Input};

use super::slot::{Running, Slot};
use super::{Engine, WorkerKey};

/// What had been asked of a process.
enum Asked {
    Attempt { step: u32, attempt: u32 },
    Decision,
}

impl Engine {
    /// Remembers that a process is being killed because of this thread.
    pub(super) fn blame(&mut self, key: &WorkerKey, thread: ThreadId) {
        if let Some(worker) = self.workers.get_mut(key) {
            worker.culprit = Some(thread);
        }
    }

    /// Whether nothing but this thread's question was put to a process.
    pub(super) fn is_only_question(&self, key: &WorkerKey, id: ThreadId) -> bool {
        let called = self.calls.values().any(|of| of.worker == *key);
        let asked = |slot: &Slot| slot.machine.decision_in_flight() && slot.worker().as_ref() == Some(key);
        let replayed = |slot: &Slot| slot.replay.as_ref().is_some_and(|replay| replay.worker == *key);
        !called && !self.slots.iter().any(|(other, slot)| *other != id && (asked(slot) || replayed(slot)))
    }

    /// Opens again what had been asked of a process that is gone; what the daemon itself has in flight goes on.
    pub(super) fn lose(&mut self, key: &WorkerKey, summary: &str) {
        if let WorkerKey::Senses { .. } = key {
            return self.ticks_lost(key, summary);
        }
        let replays = self.replays_lost(key, summary);
        let culprit = self.workers.get_mut(key).and_then(|worker| worker.culprit.take());
        let asked = self.take_asked(key);
        let only = asked.len() == 1 && replays == 0;
        for (id, asked) in asked {
            let charged = culprit.map_or(only, |culprit| culprit == id);
            let cause = if culprit == Some(id) { CrashCause::Deadline } else { CrashCause::Worker { exit: summary.to_owned() } };
            if (charged || culprit.is_none())
                && let Some(slot) = self.slots.get_mut(&id)
            {
                slot.alone = true;
                slot.told = None;
            }
            match asked {
                Asked::Attempt { step, attempt } => {
                    self.input_late(id, Input::AttemptLost { step, attempt, cause, suspected: !charged });
                    self.stopped_if_killed(id);
                }
                Asked::Decision => self.input_late(id, Input::DecisionLost { cause, suspected: !charged }),
            }
        }
    }

    fn take_asked(&mut self, key: &WorkerKey) -> Vec<(ThreadId, Asked)> {
        let mut asked = Vec::new();
        let calls: Vec<_> = self.calls.iter().filter(|(_, of)| of.worker == *key).map(|(call, _)| *call).collect();
        for of in calls.into_iter().filter_map(|call| self.call_over(call)) {
            asked.push((of.thread, Asked::Attempt { step: of.step, attempt: of.attempt }));
        }
        for (id, _) in &asked {
            if let Some(slot) = self.slots.get_mut(id) {
                slot.call = Running::Nothing;
            }
        }
        let deciding = self.slots.iter().filter(|(_, slot)| slot.machine.decision_in_flight() && slot.worker().as_ref() == Some(key));
        let deciding: Vec<_> = deciding.map(|(id, _)| *id).filter(|id| !self.is_held_back(key, *id)).collect();
        asked.extend(deciding.into_iter().map(|id| (id, Asked::Decision)));
        asked
    }

    /// A thread that ran alone has got through: it goes back to the process that its workflow shares.
    pub(super) fn passed(&mut self, id: ThreadId) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.alone) else { return };
        let Some(key) = slot.worker() else { return };
        slot.alone = false;
        slot.told = None;
        self.retire_if_unused(&key);
    }
}
