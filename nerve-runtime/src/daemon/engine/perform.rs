//! Putting questions to workers.

use std::fmt::Write;

use nerve_core::thread::{AskNo, AskState, Checked, Input, ParkReason};
use nerve_core::wire::{CallId, CheckMeta, ContextStep, ToWorker};
use nerve_core::{Effects, RawJson, Request, ThreadId};
use tokio::time::Instant;

use super::super::calls::Resolved;
use super::backlog::HeldBack;
use super::brakes::Held;
use super::slot::{Aborted, CallRef, Running, Told};
use super::timers::Timer;
use super::{Engine, WorkerKey};

/// How much of a context travels in one frame.
const PIECE: usize = 1024 * 1024;

/// How much of a step's text a worker is sent.
const LONGEST_TEXT: usize = 4 * 1024 * 1024;

impl Engine {
    /// Asks what follows; with `check`, the meta of the step under way travels along.
    pub(super) fn ask_moderator(&mut self, id: ThreadId, upto: usize, check: Option<Checked>) {
        let Some(key) = self.worker_of(id) else { return };
        let Some(slot) = self.slots.get_mut(&id) else { return };
        // A new question, also when it is held back: the deadline of the one before must not be taken for its own.
        slot.decision += 1;
        if self.hold_back(&key, id, HeldBack::Decision) {
            return;
        }
        let mut frames = self.context(id, &key, upto - usize::from(check.is_some()));
        let check = check.map(|Checked { role, content, meta }| {
            // The moderator is to see the step as it will be once its meta is taken.
            let n = u32::try_from(upto).unwrap_or(u32::MAX);
            let step = ContextStep { n, role: role.clone(), content: shortened(content), meta: meta.clone() };
            frames.push(ToWorker::Context { thread: id, start: None, from: upto - 1, steps: vec![step] });
            CheckMeta { role, meta }
        });
        frames.push(ToWorker::Decide { thread: id, upto, check });
        self.tell_worker(&key, frames);
        self.expect_decision(id);
    }

    /// Has the worker run a hand-written role.
    pub(super) fn run_role(&mut self, id: ThreadId, step: u32, attempt: u32) {
        let Some(key) = self.worker_of(id) else { return };
        if self.hold_back(&key, id, HeldBack::Attempt) {
            return;
        }
        let call = self.new_call(id, step, attempt, &key, None);
        let mut frames = self.context(id, &key, step as usize - 1);
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.call = Running::Worker(call);
        let Some(acting) = slot.machine.thread().acting() else { return };
        let timeout = std::time::Duration::from_millis(acting.intent.timeout_ms);
        frames.push(ToWorker::RunRole {
            call,
            thread: id,
            role: acting.intent.role.clone(),
            step,
            attempt,
            idempotency_key: format!("{id}-{step}"),
            urgent: acting.intent.effects != Effects::Repeatable,
        });
        self.tell_worker(&key, frames);
        self.has_deadline(call, timeout);
    }

    /// Has the worker ask a role's own adapter.
    pub(super) fn run_adapter(&mut self, id: ThreadId, held: Held, resolved: &Resolved, request: Request, form: RawJson) {
        let Held::Step { step, attempt, .. } = held else { return };
        let Some(key) = self.worker_of(id) else { return };
        if self.hold_back(&key, id, HeldBack::Attempt) {
            return;
        }
        // It has no gates; what it counts for is given back with its answer.
        if self.pass(resolved, held).is_none() {
            return;
        }
        let call = self.new_call(id, step, attempt, &key, Some(form));
        let mut frames = self.context(id, &key, step as usize - 1);
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.call = Running::Worker(call);
        let Some(acting) = slot.machine.thread().acting() else { return };
        let timeout = std::time::Duration::from_millis(acting.intent.timeout_ms);
        frames.push(ToWorker::RunAdapter { call, thread: id, role: acting.intent.role.clone(), request });
        self.tell_worker(&key, frames);
        self.has_deadline(call, timeout);
    }

    /// Gives an answer that is in the journal to the role that waits for it.
    pub(super) fn answer_ask(&mut self, id: ThreadId, ask: AskNo) {
        let Some(key) = self.worker_of(id) else { return };
        if self.hold_back(&key, id, HeldBack::Answer(ask)) {
            return;
        }
        let session = self.session(&key);
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let asked = slot.machine.thread().acting().and_then(|acting| acting.asks.get(ask.0 as usize));
        let Some(AskState::Answered(answer)) = asked.map(|asked| &asked.state) else { return };
        let answer = answer.clone();
        let frames: Vec<_> = slot
            .askers
            .remove(&ask)
            .into_iter()
            .flatten()
            .filter(|(of, _)| *of == session)
            .map(|(_, ask)| ToWorker::Answer {
                ask,
                text: shortened(answer.content.clone()),
                meta: answer.meta.clone(),
                usage: answer.usage,
            })
            .collect();
        if !frames.is_empty() {
            self.tell_worker(&key, frames);
        }
    }

    /// Stops everything that runs for a thread that is to be killed.
    pub(super) fn stop_thread(&mut self, id: ThreadId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Aborted { passes, call, commands } = slot.abort();
        if !commands.is_empty() {
            slot.leaving = true;
            self.host.await_gone(id, commands);
        }
        match call {
            Some(call) => self.cancel(call),
            None => self.stopped_if_killed(id),
        }
        self.stopped_calls(passes);
    }

    /// Tells the worker to let go of a call, and waits for that a while.
    pub(super) fn cancel(&mut self, call: CallId) {
        let Some(CallRef { worker, .. }) = self.calls.get(&call).cloned() else { return };
        self.tell_worker(&worker, vec![ToWorker::Cancel { call }]);
        self.timers.at(Instant::now() + self.config.supervision.kill_cancel, Timer::Cancel(call));
    }

    /// Steps that the worker lacks, in pieces; afterwards it counts as knowing `upto` steps.
    pub(super) fn context(&mut self, id: ThreadId, key: &WorkerKey, upto: usize) -> Vec<ToWorker> {
        let session = self.session(key);
        let Some(slot) = self.slots.get_mut(&id) else { return Vec::new() };
        let known = slot.told.filter(|told| told.session == session).map(|told| told.steps);
        slot.told = Some(Told { session, steps: upto });
        let mut from = known.unwrap_or(0).min(upto);
        let mut start = known.is_none().then(|| slot.start_frame());
        let mut frames = Vec::new();
        let (mut piece, mut size) = (Vec::new(), 0);
        for mut step in slot.machine.thread().context(from).into_iter().take(upto - from) {
            step.content = shortened(step.content);
            size += step.content.len() + step.meta.get().len();
            piece.push(step);
            if size > PIECE {
                let steps = std::mem::take(&mut piece);
                let next = from + steps.len();
                frames.push(ToWorker::Context { thread: id, start: start.take(), from, steps });
                (from, size) = (next, 0);
            }
        }
        if !piece.is_empty() || start.is_some() {
            frames.push(ToWorker::Context { thread: id, start, from, steps: piece });
        }
        frames
    }

    /// The process that serves this thread; parks the thread when its build cannot run.
    pub(super) fn worker_of(&mut self, id: ThreadId) -> Option<WorkerKey> {
        let key = self.slots.get(&id)?.worker()?;
        let blocked = || self.workers.get(&key).and_then(|worker| worker.blocked.clone());
        match blocked().map_or(Ok(()), Err).and_then(|()| self.ensure_worker(&key)) {
            Ok(()) => Some(key),
            Err(why) => {
                if let Some((step, attempt)) = self.slots.get(&id)?.machine.attempt_in_flight() {
                    self.input_late(id, Input::NotBegun { step, attempt });
                }
                self.park(id, why);
                None
            }
        }
    }

    /// Parks a thread whose build cannot run.
    pub(super) fn park(&mut self, id: ThreadId, why: String) {
        tracing::warn!(thread = %id, why, "its build cannot run: parked");
        self.input_late(id, Input::Park { reason: ParkReason::Build { why } });
    }

    fn has_deadline(&mut self, call: CallId, timeout: std::time::Duration) {
        let deadline = self.timers.at(Instant::now() + timeout, Timer::Call(call));
        if let Some(of) = self.calls.get_mut(&call) {
            of.deadline = Some(deadline);
        }
    }

    /// A worker's call is over, or was never put: nothing waits for it any more.
    pub(super) fn call_over(&mut self, call: CallId) -> Option<CallRef> {
        let of = self.calls.remove(&call)?;
        if let Some(deadline) = of.deadline {
            self.timers.cancel(deadline);
        }
        Some(of)
    }

    fn new_call(&mut self, thread: ThreadId, step: u32, attempt: u32, worker: &WorkerKey, form: Option<RawJson>) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.calls.insert(call, CallRef { thread, step, attempt, worker: worker.clone(), deadline: None, form });
        call
    }
}

/// A text as a worker is sent it: one over 4 MiB is cut, with a mark.
fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        let mut end = LONGEST_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let left = text.len() - end;
        text.truncate(end);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[nerve: {left} bytes more are stored; see nerve thread show]");
    }
    text
}
