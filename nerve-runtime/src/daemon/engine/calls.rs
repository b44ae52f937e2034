//! Calls as the engine sees them: through the brakes, out, and back.

use nerve_core::thread::{AskNo, AskState, CallAnswer, CrashCause, Input, Intent};
use nerve_core::wire::ToWorker;
use nerve_core::{CallFailure, FailureKind, RawJson, ThreadId};
use nerve_store::Turn;
use tokio::time::Instant;

use super::super::calls::{AskJob, ExtractJob, Kind, Place, Resolved, StepJob};
use super::super::clock;
use super::brakes::{FAILURES, Held, Pass, RESET_AT};
use super::slot::{HostedCall, Running};
use super::timers::Timer;
use super::written::TurnTag;
use super::{Engine, Finished};
use crate::spool::CallName;

/// How often an answer without a readable meta is sent back.
pub(crate) const REASKS: u32 = 2;

impl Engine {
    /// Makes the call of a step, when the brakes let it.
    pub(super) fn call(&mut self, id: ThreadId, step: u32, attempt: u32, rung: u32) {
        let Some(slot) = self.slots.get(&id) else { return };
        let thread = slot.machine.thread();
        let Some(acting) = thread.acting() else { return };
        let (workflow, role) = (slot.workflow().to_owned(), acting.intent.role.clone());
        let (Some(hosted), Some(mut job)) = (&acting.intent.hosted, StepJob::of(thread, acting, rung)) else { return };
        if let (true, Some(_)) = (thread.launch.dry_run, &hosted.example) {
            let content = format!("[dry run] `{role}` was not asked");
            let answer = CallAnswer::plain("dry run", content, nerve_core::Usage::default());
            return self.input_late(id, Input::Answered { step, attempt, answer });
        }
        let resolved = if rung > REASKS {
            job = job.second_model(acting);
            self.host.resolve_extractor(&self.config, &workflow, &role, &hosted.extractor.0).and_then(|model| {
                model.ok_or_else(|| CallFailure::new(FailureKind::Config, "no second model is configured any more (`extract:`)"))
            })
        } else {
            let place = Place { thread: id, workflow: &workflow, role: &role, workdir: acting.intent.workdir.as_deref() };
            self.host.resolve_role(&self.config, place, &hosted.adapter)
        };
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(failure) => return self.input_late(id, Input::CallFailed { step, attempt, failure }),
        };
        if thread.launch.dry_run && !matches!(resolved.kind, Kind::Scripted(_)) {
            let failure = CallFailure::new(FailureKind::Config, "dry run: nothing outside is asked");
            return self.input_late(id, Input::CallFailed { step, attempt, failure });
        }
        if matches!(resolved.kind, Kind::Own) {
            let (request, form) = job.own_request();
            return self.run_adapter(id, Held::Step { thread: id, step, attempt, rung }, &resolved, request, form);
        }
        let Some(pass) = self.pass(&resolved, Held::Step { thread: id, step, attempt, rung }) else { return };
        let command = matches!(resolved.kind, Kind::Cli(_)).then(|| job.name());
        let leaves_folder = resolved.leaves_folder();
        let task = self.host.step(job, resolved);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.leaves_folders |= leaves_folder;
            slot.call = Running::Hosted(HostedCall { task, pass, command });
        }
    }

    /// Makes the call of an ask, when the brakes let it.
    pub(super) fn call_ask(&mut self, id: ThreadId, step: u32, ask: AskNo) {
        let Some(slot) = self.slots.get(&id) else { return };
        let thread = slot.machine.thread();
        let Some(acting) = thread.acting() else { return };
        let Some(asked) = acting.asks.get(ask.0 as usize).filter(|asked| asked.state == AskState::Open) else { return };
        // An ask that a brake held may come back when its step is over or its call is made already.
        if acting.intent.step != step || slot.ask_calls.contains_key(&ask) {
            return;
        }
        let job = AskJob::of(thread, acting, &asked.entry);
        let Intent { role, workdir, .. } = &acting.intent;
        let place = Place { thread: id, workflow: slot.workflow(), role, workdir: workdir.as_deref() };
        let resolved = match self.host.resolve(&self.config, place, &asked.entry.adapter) {
            Ok(resolved) => resolved,
            Err(failure) => return self.ask_failed(id, step, ask, failure),
        };
        if thread.launch.dry_run && !matches!(resolved.kind, Kind::Scripted(_)) {
            let failure = CallFailure::new(FailureKind::Config, "dry run: nothing outside is asked");
            return self.ask_failed(id, step, ask, failure);
        }
        let Some(pass) = self.pass(&resolved, Held::Ask { thread: id, step, ask }) else { return };
        let command = matches!(resolved.kind, Kind::Cli(_)).then(|| job.name());
        let leaves_folder = resolved.leaves_folder();
        let task = self.host.ask(job, resolved);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.leaves_folders |= leaves_folder;
            slot.ask_calls.insert(ask, HostedCall { task, pass, command });
        }
    }

    /// Has the meta of the last text read.
    pub(super) fn extract(&mut self, id: ThreadId, step: u32) {
        let Some(acting) = self.slots.get(&id).and_then(|slot| slot.machine.thread().acting()) else { return };
        let (Some(hosted), Some(text)) = (&acting.intent.hosted, acting.texts.last()) else { return };
        if let (true, Some(example)) = (text.adapter == "dry run", &hosted.example) {
            let input = Input::MetaRead { step, meta: example.clone(), rung: "example".to_owned(), cut: None, edits: Vec::new() };
            return self.input_late(id, input);
        }
        let workflow = self.slots.get(&id).map(|slot| slot.workflow().to_owned()).unwrap_or_default();
        let set = self.config.workflows.get(&workflow).and_then(|workflow| workflow.roles.get(&acting.intent.role));
        let policy = set.and_then(|role| role.policy).unwrap_or_default();
        let job =
            ExtractJob { thread: id, step, text: text.content.clone(), form: text.form.clone(), schema: hosted.schema.clone(), policy };
        self.host.extract(job);
    }

    pub(super) fn call_finished(&mut self, finished: Finished) {
        match finished {
            Finished::Step { thread, step, attempt, call, result } => {
                self.step_finished(thread, result.as_ref().err());
                self.has_answer(thread, call);
                let input = match result {
                    Ok(answer) => Input::Answered { step, attempt, answer },
                    // What the agent did is not known: what may follow is for its effects to say.
                    Err(failure) if failure.kind == FailureKind::Lost => {
                        tracing::warn!(%thread, step, attempt, %failure, "an attempt was lost");
                        Input::AttemptLost { step, attempt, cause: CrashCause::Keeper, suspected: false }
                    }
                    Err(failure) if failure.kind == FailureKind::SessionLost => {
                        tracing::warn!(%thread, step, attempt, %failure, "a session was lost");
                        Input::AttemptLost { step, attempt, cause: CrashCause::Session, suspected: false }
                    }
                    Err(failure) => Input::CallFailed { step, attempt, failure },
                };
                self.input_late(thread, input);
            }
            Finished::Extracted { thread, step, result } => {
                let input = match result {
                    Ok(read) => Input::MetaRead { step, meta: read.meta, rung: read.rung, cut: read.cut, edits: read.edits },
                    Err(errors) => Input::MetaRefused { step, errors },
                };
                self.input_late(thread, input);
            }
            Finished::Ask { thread, step, ask, call, result } => {
                self.has_answer(thread, call);
                self.ask_finished(thread, step, ask, result);
            }
            Finished::Tried { test, tried } => self.tried(*test, tried),
            Finished::Gone { thread, left } => self.gone(thread, left),
        }
    }

    /// What this call left may go when what it brought is durable.
    fn has_answer(&mut self, thread: ThreadId, call: Option<CallName>) {
        match (self.slots.get_mut(&thread), call) {
            (Some(slot), Some(call)) => {
                slot.answered.push(call);
                slot.leaves_folders = true;
            }
            (None, Some(call)) => self.host.forget(call),
            (_, None) => {}
        }
    }

    fn step_finished(&mut self, thread: ThreadId, failure: Option<&CallFailure>) {
        let Some(slot) = self.slots.get_mut(&thread) else { return };
        if let Running::Hosted(call) = std::mem::replace(&mut slot.call, Running::Nothing) {
            self.give_back(&call.pass, failure);
        }
    }

    fn ask_finished(&mut self, id: ThreadId, step: u32, ask: AskNo, result: Result<(CallAnswer, Option<RawJson>), CallFailure>) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if let Some(call) = slot.ask_calls.remove(&ask) {
            self.give_back(&call.pass, result.as_ref().err());
        }
        match result {
            Ok((answer, meta)) => self.input_late(id, Input::AskAnswered { step, ask, answer, meta }),
            Err(failure) => self.ask_failed(id, step, ask, failure),
        }
    }

    fn ask_failed(&mut self, id: ThreadId, step: u32, ask: AskNo, failure: CallFailure) {
        let error = failure.to_string();
        self.input_late(id, Input::AskFailed { step, ask, failure });
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let askers = slot.askers.remove(&ask).unwrap_or_default();
        let Some(key) = slot.worker() else { return };
        let session = self.session(&key);
        let frames = askers.into_iter().filter(|(of, _)| *of == session).map(|(_, ask)| ToWorker::AskFailed { ask, error: error.clone() });
        self.tell_worker(&key, frames.collect());
    }

    /// Takes a place at the brakes, or puts the call into the waiting line.
    pub(super) fn pass(&mut self, resolved: &Resolved, held: Held) -> Option<Pass> {
        let now = clock::now();
        match self.brakes.pass(&resolved.gates, resolved.counts(), now) {
            Ok(pass) => Some(pass),
            Err(reason) => {
                if let Held::Step { thread, .. } = &held
                    && let Some(slot) = self.slots.get_mut(thread)
                {
                    slot.call = Running::Waiting;
                }
                tracing::info!(thread = %held.thread(), reason, "a call waits");
                self.brakes.held.push_back((held, reason));
                if let Some(wait) = self.brakes.next_free(now) {
                    let at = Instant::now() + wait;
                    if self.brakes_at.is_none_or(|pending| at < pending) {
                        self.brakes_at = Some(at);
                        self.timers.at(at, Timer::Brakes);
                    }
                }
                None
            }
        }
    }

    /// A call is over: what it held is free, and the next ones may go.
    pub(super) fn give_back(&mut self, pass: &Pass, failure: Option<&CallFailure>) {
        let failed = match failure.map(|failure| failure.kind) {
            None => Some(false),
            Some(FailureKind::Cancelled | FailureKind::Config) => None,
            Some(_) => Some(true),
        };
        if self.brakes.ended(pass, failed) {
            self.keep(FAILURES, self.brakes.failures.to_string());
        }
        self.release_brakes();
    }

    /// Calls were stopped by us: what they held is free.
    pub(super) fn stopped_calls(&mut self, passes: Vec<Pass>) {
        for pass in &passes {
            self.brakes.ended(pass, None);
        }
        self.release_brakes();
    }

    /// Lets calls that wait try again.
    pub(super) fn release_brakes(&mut self) {
        if self.stopping.is_some() || self.outage.is_some() || self.fenced {
            return;
        }
        for _ in 0..self.brakes.held.len() {
            let Some((held, _)) = self.brakes.held.pop_front() else { return };
            let waits = self.slots.get(&held.thread()).is_some_and(|slot| slot.machine.thread().kill.is_none());
            match held {
                _ if !waits => {}
                Held::Step { thread, step, attempt, rung } => self.call(thread, step, attempt, rung),
                Held::Ask { thread, step, ask } => self.call_ask(thread, step, ask),
            }
        }
    }

    pub(super) fn reset_limits(&mut self) {
        self.brakes.reset();
        self.keep(FAILURES, "0".to_owned());
        self.keep(RESET_AT, clock::now().millis().to_string());
        self.note("limits_reset", "limits", std::collections::BTreeMap::new());
        self.release_brakes();
    }

    pub(super) fn keep(&mut self, name: &str, value: String) {
        self.order(Turn { counters: vec![(name.to_owned(), value)], ..Turn::default() }, false, TurnTag::Note);
    }
}
