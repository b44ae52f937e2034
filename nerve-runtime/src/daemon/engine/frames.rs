//! What workers say.

use nerve_core::thread::{Acting, AskState, CallAnswer, Effect, End, Input, Stage};
use nerve_core::wire::{AskId, CallId, Choice, ToDaemon, ToWorker, Work};
use nerve_core::{AdapterSource, CallFailure, Effects, FailureKind, RawJson, ThreadId};

use super::brakes::Pass;
use super::slot::{CallRef, Running, Told};
use super::{Engine, WorkerKey};
use crate::crash_point::{Moment, Point, crash_point};

/// How often a worker is told of a thread anew before that counts as impossible.
const MOST_RETOLD: u32 = 3;

impl Engine {
    pub(super) fn frame(&mut self, key: &WorkerKey, frame: ToDaemon) {
        match frame {
            ToDaemon::Decision { thread, upto, choice } => self.decided(thread, upto, choice),
            ToDaemon::DecideFailed { thread, upto, error } => self.input_late(thread, Input::DecideFailed { upto, error }),
            ToDaemon::Replayed { thread, chosen, error } => self.replayed(key, thread, &chosen, error),
            ToDaemon::NeedContext { thread, have } => self.need_context(key, thread, have),
            ToDaemon::MetaOk { thread, upto } => {
                let step = u32::try_from(upto).unwrap_or(u32::MAX);
                let session = self.session(key);
                if self.input(thread, Input::MetaAccepted { step }).is_ok()
                    && let Some(slot) = self.slots.get_mut(&thread)
                {
                    slot.told = Some(Told { session, steps: upto });
                }
            }
            ToDaemon::MetaRefused { thread, upto, error } => {
                let step = u32::try_from(upto).unwrap_or(u32::MAX);
                self.input_late(thread, Input::MetaRefused { step, errors: vec![error] });
            }
            ToDaemon::RoleDone { call, content, meta } => self.role_done(key, call, content, meta),
            ToDaemon::RoleFailed { call, error } => self.role_failed(call, error),
            ToDaemon::Text { call, reply } => self.adapter_answered(call, reply),
            ToDaemon::Ask { call, ask, adapter, prompt, schema, count } => self.asked(key, call, ask, adapter, prompt, schema, count),
            ToDaemon::Observation { sense, tick, signal, state, start, note } => {
                crash_point(Point::At(Moment::TickSeen));
                self.observed(&sense, tick, nerve_core::Observation { signal, state, start, note });
            }
            ToDaemon::ComputeFailed { sense, tick, error } => self.tick_failed(&sense, tick, &error),
            ToDaemon::Log { line } => tracing::info!(target: "worker", worker = %key, "{line}"),
            // Ready was heard by the supervisor; a pong needs no answer.
            ToDaemon::Ready { .. } | ToDaemon::Pong { .. } => {}
        }
    }

    fn decided(&mut self, thread: ThreadId, upto: usize, mut choice: Choice) {
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        slot.retold = 0;
        let launch = &slot.machine.thread().launch;
        let dry_run = launch.dry_run;
        let (mut workdir, mut continues) = (None, false);
        if self.stopping.is_some() && matches!(choice, Choice::Role { .. }) {
            // A step that could not begin any more is decided in the next life; its intent would count as an attempt. The question
            // is answered all the same, and not late.
            slot.decision += 1;
            return;
        }
        if let Choice::Role { role, work, timeout_ms, effects, .. } = &mut choice {
            let settled = self.host.settle(&self.config, launch, role, work);
            *timeout_ms = settled.timeout_ms.or(*timeout_ms).or(settled.default_timeout_ms);
            continues = settled.continues && settled.effects.or(*effects).is_none();
            *effects = settled.effects.or(*effects).or(Some(settled.default_effects));
            workdir = settled.workdir;
            if dry_run && !settled.scripted && lacks_example(work) {
                let reason = Some(format!("dry run: no example for role `{role}`"));
                return self.input_late(thread, Input::End(End::Completed { reason }));
            }
        }
        self.input_late(thread, Input::Decided { upto, choice, workdir, continues });
        self.decision_came(thread);
        self.passed(thread);
        self.refresh_rules(thread);
    }

    /// The worker's memory of a thread is not what was thought: tell it anew and ask again.
    fn need_context(&mut self, key: &WorkerKey, thread: ThreadId, have: usize) {
        let session = self.session(key);
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        slot.told = (have > 0).then_some(Told { session, steps: have });
        slot.retold += 1;
        if slot.retold > MOST_RETOLD {
            return self.untellable(thread);
        }
        match &slot.call {
            Running::Worker(call) => {
                let call = *call;
                slot.call = Running::Nothing;
                self.call_over(call);
                let Some(slot) = self.slots.get(&thread) else { return };
                let stage = slot.machine.thread().acting().map(Acting::stage);
                match (slot.machine.attempt_in_flight(), stage) {
                    (Some((step, attempt)), Some(Stage::Call { rung })) => self.call(thread, step, attempt, rung),
                    (Some((step, attempt)), Some(Stage::Run)) => self.run_role(thread, step, attempt),
                    _ => {}
                }
            }
            _ => {
                if let Some(Effect::Decide { upto, check }) = slot.machine.pending_question() {
                    self.ask_moderator(thread, upto, check);
                }
            }
        }
    }

    /// A thread that cannot be told to its worker, such as one with a meta longer than a frame, ends with that reason.
    fn untellable(&mut self, thread: ThreadId) {
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        let error = "its worker cannot be told of it: a step's text or meta is longer than a frame holds".to_owned();
        if let Running::Worker(call) = &slot.call {
            let call = *call;
            slot.call = Running::Nothing;
            self.call_over(call);
        }
        let Some(slot) = self.slots.get(&thread) else { return };
        let input = match (slot.machine.attempt_in_flight(), slot.machine.pending_question()) {
            (Some((step, attempt)), _) => Input::RoleFailed { step, attempt, error },
            (None, Some(Effect::Decide { upto, check: Some(_) })) => {
                Input::MetaRefused { step: u32::try_from(upto).unwrap_or(u32::MAX), errors: vec![error] }
            }
            (None, _) => Input::DecideFailed { upto: slot.machine.thread().steps.len(), error },
        };
        self.input_late(thread, input);
    }

    fn role_done(&mut self, key: &WorkerKey, call: CallId, content: String, meta: RawJson) {
        let Some(CallRef { thread, step, attempt, .. }) = self.call_over(call) else { return };
        let session = self.session(key);
        // One that must not be repeated is written at once: the shorter the time in which it could be lost, the better.
        let acting = self.slots.get(&thread).and_then(|slot| slot.machine.thread().acting());
        let repeatable = acting.is_some_and(|acting| acting.intent.effects == Effects::Repeatable);
        let result = self.input(thread, Input::RoleDone { step, attempt, content, meta });
        self.role_over(thread);
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        if result.is_ok() {
            // The worker took the step into its memory and goes on to the decision by itself.
            slot.told = Some(Told { session, steps: step as usize });
            slot.decision += 1;
            self.expect_decision(thread);
            if repeatable {
                self.await_pair(thread);
            }
            self.stopped_if_killed(thread);
        }
    }

    /// A hand-written role runs no more, and nobody waits for what it asked.
    fn role_over(&mut self, thread: ThreadId) {
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        slot.call = Running::Nothing;
        let aborted = slot.abort_asks();
        self.brakes.forget_asks(thread);
        self.stopped_calls(aborted.passes);
    }

    /// What ran for a thread that is to be killed runs no more: it may end.
    pub(super) fn stopped_if_killed(&mut self, thread: ThreadId) {
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        if slot.machine.thread().kill.is_some() && !slot.leaving {
            let left = std::mem::take(&mut slot.left);
            self.input_late(thread, Input::Stopped { left });
        }
    }

    /// The commands of a thread that were stopped are gone.
    pub(super) fn gone(&mut self, thread: ThreadId, left: Vec<u32>) {
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        slot.leaving = false;
        slot.left = left;
        if !matches!(slot.call, Running::Worker(_)) {
            self.stopped_if_killed(thread);
        }
    }

    fn role_failed(&mut self, call: CallId, error: String) {
        let Some(CallRef { thread, step, attempt, form, .. }) = self.call_over(call) else { return };
        self.role_over(thread);
        // Only an adapter's call was told how the meta is wanted.
        if form.is_some() {
            self.give_back(&Pass::of_own(), Some(&CallFailure::new(FailureKind::CommandFailed, error.as_str())));
        }
        self.input_late(thread, Input::RoleFailed { step, attempt, error });
        self.stopped_if_killed(thread);
    }

    fn adapter_answered(&mut self, call: CallId, reply: nerve_core::Reply) {
        let Some(CallRef { thread, step, attempt, form, .. }) = self.call_over(call) else { return };
        if let Some(slot) = self.slots.get_mut(&thread) {
            slot.call = Running::Nothing;
        }
        self.give_back(&Pass::of_own(), None);
        let input = Input::Answered { step, attempt, answer: CallAnswer { form, ..CallAnswer::plain("own", reply.content, reply.usage) } };
        self.input_late(thread, input);
        self.stopped_if_killed(thread);
    }

    #[expect(clippy::too_many_arguments, reason = "the frame's fields, one by one")]
    fn asked(
        &mut self,
        key: &WorkerKey,
        call: CallId,
        ask: AskId,
        adapter: AdapterSource,
        prompt: String,
        schema: Option<RawJson>,
        count: u32,
    ) {
        let Some(CallRef { thread, step, attempt, .. }) = self.calls.get(&call).cloned() else { return };
        let session = self.session(key);
        let hash = super::super::calls::ask_key(&adapter, &prompt, schema.as_ref());
        let input = Input::Ask { step, attempt, key: hash.clone(), count, adapter, prompt, schema };
        match self.input(thread, input) {
            Ok(()) => {
                let Some(slot) = self.slots.get_mut(&thread) else { return };
                if let Some(no) = slot.machine.ask_no(&hash, count) {
                    slot.askers.entry(no).or_default().push((session, ask));
                    let asked = slot.machine.thread().acting().and_then(|acting| acting.asks.get(no.0 as usize));
                    let kept = asked.is_some_and(|asked| matches!(asked.state, AskState::Answered(_)));
                    tracing::debug!(thread = %thread, step, ask = no.0, kept, "asked");
                }
            }
            Err(refused) => self.tell_worker(key, vec![ToWorker::AskFailed { ask, error: refused.to_string() }]),
        }
    }
}

fn lacks_example(work: &Work) -> bool {
    match work {
        Work::Hosted(hosted) => hosted.example.is_none(),
        // A hand-written role runs in a dry run too; it sees `dry_run()` and its asks are not made.
        Work::Written => false,
    }
}
