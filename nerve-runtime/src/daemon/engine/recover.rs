//! The start of a daemon's life: every open thread goes on from its last entry, or from what its calls left.

use std::collections::HashMap;

use nerve_core::thread::{
    Acting, AskState, AskTextEntry, AttemptFound, Entry, Launch, Machine, ParkReason, Phase, Rules, Stage, StepText, Thread,
};
use nerve_core::{AdapterSource, ThreadId, Timestamp, thread};
use nerve_store::ThreadRow;

use super::super::calls::{Found, Place};
use super::super::clock;
use super::Engine;
use super::brakes::{FAILURES, RESET_AT};
use super::slot::Slot;
use crate::processes;
use crate::spool::What;

/// The counter that names the boot of the machine in which the last life began.
pub(super) const BOOT: &str = "boot";

/// How the last life ended, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastLife {
    /// With nothing in flight.
    pub clean: bool,
    /// In this same boot of the machine, so that whatever was written to a file is there.
    pub same_boot: bool,
}

impl LastLife {
    /// Reads it from the store's counters.
    pub(crate) fn of(counters: &[(String, String)]) -> Self {
        let has = |name: &str, value: &str| counters.iter().any(|(key, of)| key == name && of == value);
        Self { clean: has(super::CLEAN_STOP, "1"), same_boot: has(BOOT, &processes::boot()) }
    }
}

impl Engine {
    /// Takes over the open threads, in the order in which they were accepted; as many as have slots go on, the others wait for
    /// theirs. An attempt whose answer had reached this machine is answered, one that never began goes on, any other counts as
    /// lost.
    pub(crate) fn recover(&mut self, threads: Vec<(ThreadRow, Vec<Entry>)>, last: LastLife) {
        let count = threads.len();
        let mut workflows = Vec::new();
        let mut found: HashMap<ThreadId, Vec<Found>> = HashMap::new();
        for call in self.host.found() {
            found.entry(call.thread).or_default().push(call);
        }
        for (row, entries) in threads {
            let Some(machine) = Machine::restore(entries, Rules::default()) else {
                tracing::error!(thread = %row.id, "its journal does not begin with its acceptance: left alone");
                continue;
            };
            self.last_accepted = self.last_accepted.max(clock::moment_of(row.id));
            let mut slot = Slot::restored(machine, row.started_at);
            let calls = found.remove(&row.id).unwrap_or_default();
            let known = self.what_is_known(slot.machine.thread(), &calls, last);
            slot.leaves_folders = !calls.is_empty();
            let concurrency = self.concurrency(&row.workflow);
            let line = self.lines.entry(row.workflow.clone()).or_default();
            let entries = slot.machine.recover(known, line.active.len() < concurrency);
            slot.note(entries, clock::now());
            if slot.machine.has_slot() {
                line.active.insert(row.id);
            } else if slot.is_queued() {
                line.queue.push_back(row.id);
            }
            // A step's next attempt has a folder of its own; an ask goes by the same name in every attempt.
            slot.answered = calls.iter().filter(|call| matches!(call.what, What::Step { .. })).map(|call| call.call).collect();
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
        // Their threads are over.
        found.into_values().flatten().for_each(|call| self.host.forget(call.call));
        if count > 0 {
            tracing::info!(threads = count, "resumed");
        }
        self.keep(BOOT, processes::boot());
        for workflow in workflows {
            self.pump(&workflow);
        }
    }

    /// What is known of that which the last life had under way for a thread.
    fn what_is_known(&self, thread: &Thread, calls: &[Found], last: LastLife) -> thread::Found {
        let asks = thread.acting().map(|acting| asks_found(acting, calls)).unwrap_or_default();
        let attempt = match &thread.phase {
            Phase::Acting(acting) => self.attempt_found(thread, acting, calls, last),
            _ => AttemptFound::Lost,
        };
        thread::Found { attempt, asks }
    }

    fn attempt_found(&self, thread: &Thread, acting: &Acting, calls: &[Found], last: LastLife) -> AttemptFound {
        let not_begun = |known: bool| if known { AttemptFound::NotBegun } else { AttemptFound::Lost };
        let (Some(hosted), Stage::Call { rung }) = (&acting.intent.hosted, acting.stage()) else { return not_begun(last.clean) };
        let what = What::Step { rung };
        let begun = calls.iter().find(|call| call.step == acting.intent.step && call.attempt == acting.attempt && call.what == what);
        let Some(begun) = begun else {
            // It leaves a folder before it goes out, so without one it never did.
            let Launch { thread: id, workflow, .. } = &thread.launch;
            let place = Place { thread: *id, workflow, role: &acting.intent.role, workdir: acting.intent.workdir.as_deref() };
            let resolved = self.host.resolve_role(&self.config, place, &hosted.adapter);
            let leaves_folder = resolved.is_ok_and(|resolved| resolved.leaves_folder());
            // A role with an adapter of its own leaves none, whatever nerve.yaml says by now.
            let own = matches!(hosted.adapter, AdapterSource::Own);
            return not_begun(last.clean || (last.same_boot && leaves_folder && !own));
        };
        match begun.answer(Some(&hosted.schema)) {
            Some(found) => {
                tracing::info!(thread = %thread.launch.thread, step = acting.intent.step, "its answer had come: taken from its folder");
                AttemptFound::Answered(Box::new(StepText {
                    step: acting.intent.step,
                    attempt: acting.attempt,
                    adapter: found.answer.adapter,
                    content: found.answer.content,
                    usage: found.answer.usage,
                    form: found.answer.form,
                    evidence: found.answer.evidence,
                }))
            }
            None => AttemptFound::Lost,
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

/// Answers to asks that had come and are not in the journal.
fn asks_found(acting: &Acting, calls: &[Found]) -> Vec<AskTextEntry> {
    let open = acting.asks.iter().filter(|ask| ask.state == AskState::Open).map(|ask| &ask.entry);
    open.filter_map(|ask| {
        let what = What::Ask { ask: ask.ask };
        let call = calls.iter().find(|call| call.step == ask.step && call.what == what)?;
        let found = call.answer(ask.schema.as_ref())?;
        Some(AskTextEntry {
            step: ask.step,
            ask: ask.ask,
            adapter: found.answer.adapter,
            content: found.answer.content,
            meta: found.meta,
            usage: found.answer.usage,
            evidence: found.answer.evidence,
        })
    })
    .collect()
}
