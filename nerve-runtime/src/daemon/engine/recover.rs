//! The start of a daemon's life: every open thread goes on from its last entry.

use nerve_core::Timestamp;
use nerve_core::thread::{AttemptFound, Entry, Found, Machine, ParkReason, Phase, Rules};
use nerve_store::ThreadRow;

use super::super::clock;
use super::Engine;
use super::brakes::{FAILURES, RESET_AT};
use super::slot::Slot;

impl Engine {
    /// Takes over the open threads, in the order in which they were accepted; as many as have slots go on, the others wait for
    /// theirs. After a clean stop nothing was in flight, so an attempt without an answer is one that had not begun; else it
    /// counts as lost.
    pub(crate) fn recover(&mut self, threads: Vec<(ThreadRow, Vec<Entry>)>, clean: bool) {
        let count = threads.len();
        let mut workflows = Vec::new();
        for (row, entries) in threads {
            let Some(machine) = Machine::restore(entries, Rules::default()) else {
                tracing::error!(thread = %row.id, "its journal does not begin with its acceptance: left alone");
                continue;
            };
            let mut slot = Slot::restored(machine, row.started_at);
            let concurrency = self.concurrency(&row.workflow);
            let line = self.lines.entry(row.workflow.clone()).or_default();
            let attempt = if clean { AttemptFound::NotBegun } else { AttemptFound::Lost };
            let entries = slot.machine.recover(Found { attempt, asks: Vec::new() }, line.active.len() < concurrency);
            slot.note(entries, clock::now());
            if slot.machine.has_slot() {
                line.active.insert(row.id);
            } else if slot.is_queued() {
                line.queue.push_back(row.id);
            }
            if !workflows.contains(&row.workflow) {
                workflows.push(row.workflow);
            }
            let blocked = matches!(slot.machine.thread().phase, Phase::Waiting { reason: ParkReason::Build { .. }, .. });
            self.slots.insert(row.id, slot);
            self.refresh_rules(row.id);
            if blocked {
                // A new life counts crashes from zero; what still cannot run parks again.
                self.try_again(row.id);
            }
            self.dirty.insert(row.id);
        }
        if count > 0 {
            tracing::info!(threads = count, "resumed");
        }
        for workflow in workflows {
            self.pump(&workflow);
        }
    }

    /// Takes over what was counted in earlier lives.
    pub(crate) fn remember_limits(&mut self, calls: Vec<Timestamp>, counters: &[(String, String)]) {
        let value = |name: &str| counters.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<i64>().ok());
        let reset_at = Timestamp::from_millis(value(RESET_AT).unwrap_or(0));
        let failures = u32::try_from(value(FAILURES).unwrap_or(0)).unwrap_or(0);
        self.brakes.remember(calls.into_iter().filter(|at| *at >= reset_at).collect(), failures);
    }
}
