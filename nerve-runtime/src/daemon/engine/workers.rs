//! The engine's side of its child processes.

use std::collections::BTreeMap;
use std::time::Duration;

use nerve_core::thread::{Input, ParkReason, Phase};
use nerve_core::wire::{Manifest, ToWorker};
use nerve_core::{BuildId, RawJson, ThreadId};
use nerve_store::{JournalEntry, Turn};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::supervisor::{Event, Exit, Frames, Generation, Pace, Session, Spec};
use super::super::{BuildSpec, clock};
use super::backlog::HeldBack;
use super::slot::{Running, Slot, Told};
use super::timers::Timer;
use super::written::TurnTag;
use super::{Engine, Message, Request, WorkerKey};
use crate::crash_point::{Moment, Point, crash_point};

/// When a sense group that crashed too often is tried again.
const SENSES_AGAIN: Duration = Duration::from_secs(300);

/// When a process that crashed before starts with a clean record.
const HEALTHY: Duration = Duration::from_secs(60);

/// What the engine remembers of a child process; the supervisor owns it.
pub(super) struct Worker {
    /// Tells it from an earlier child of the same key.
    generation: Generation,
    pub(super) session: Session,
    /// Its process, while one is ready.
    pub(super) pid: Option<u32>,
    /// What that process registers.
    pub(super) manifest: Option<Manifest>,
    /// Why it may not run.
    pub(super) blocked: Option<String>,
    pub(super) crashes: usize,
    /// The thread for whose sake it is being killed.
    pub(super) culprit: Option<ThreadId>,
    /// What it will be asked once it has read on.
    pub(super) backlog: Vec<(ThreadId, HeldBack)>,
}

impl Engine {
    /// Makes sure that there is a child for this key; the process starts with the first frame.
    pub(super) fn ensure_worker(&mut self, key: &WorkerKey) -> Result<(), String> {
        if self.workers.contains_key(key) {
            return Ok(());
        }
        let spec = self.spec(key)?;
        let generation = self.supervisor.add(key, spec).map_err(|refused| refused.to_string())?;
        let worker =
            Worker { generation, session: 0, pid: None, manifest: None, blocked: None, crashes: 0, culprit: None, backlog: Vec::new() };
        self.workers.insert(key.clone(), worker);
        Ok(())
    }

    fn spec(&mut self, key: &WorkerKey) -> Result<Spec, String> {
        let build = self.build_spec(key.build())?;
        let times = self.config.supervision.clone();
        let drain = match key {
            WorkerKey::Senses { .. } => times.sense_drain,
            WorkerKey::Workflow { .. } => times.workflow_drain,
        };
        let env = self.host.worker_environment(&self.config.workers);
        Ok(Spec { program: build.program, args: build.args, env, root: self.layout.root().to_owned(), drain, healthy: HEALTHY, times })
    }

    fn build_spec(&mut self, build: &BuildId) -> Result<BuildSpec, String> {
        let known = match self.builds.get(build) {
            Some(spec) => spec.clone(),
            None => BuildSpec::of(&self.layout, build),
        };
        if !known.program.is_file() {
            return Err(format!("{} is gone", known.program.display()));
        }
        self.builds.insert(build.clone(), known.clone());
        Ok(known)
    }

    /// Gives every child's next process the times and the environment of the present config; running ones stay as they are.
    pub(super) fn respecify_workers(&mut self) {
        let keys: Vec<_> = self.workers.keys().cloned().collect();
        for key in keys {
            if let Ok(spec) = self.spec(&key) {
                // It is known: `workers` and the supervisor hold the same keys.
                let _ = self.supervisor.replace(&key, spec);
            }
        }
    }

    pub(super) fn session(&self, key: &WorkerKey) -> Session {
        self.workers.get(key).map_or(0, |worker| worker.session)
    }

    pub(super) fn tell_worker(&mut self, key: &WorkerKey, frames: Vec<ToWorker>) {
        let session = self.session(key);
        // One that is not known has been retired, and what was asked of it with it.
        let _ = self.supervisor.post_within(key, session, &frames);
    }

    /// Ends the process of a worker that missed a deadline.
    pub(super) fn kill_worker(&mut self, key: &WorkerKey, why: String) {
        let session = self.session(key);
        let _ = self.supervisor.kill(key, session, why);
    }

    /// Lets a worker forget a thread that is over.
    pub(super) fn forget(&mut self, key: &WorkerKey, thread: ThreadId, told: Option<Told>) {
        if self.workers.get(key).is_some_and(|worker| worker.pid.is_some() && told.is_some_and(|told| told.session == worker.session)) {
            self.tell_worker(key, vec![ToWorker::Forget { thread }]);
        }
    }

    pub(super) fn worker_event(&mut self, key: &WorkerKey, generation: Generation, event: Event) {
        let Some(worker) = self.workers.get_mut(key).filter(|worker| worker.generation == generation) else { return };
        match event {
            Event::Ready { pid, manifest } => {
                worker.pid = Some(pid);
                worker.manifest = Some(manifest.clone());
                worker.blocked = None;
                crash_point(Point::At(Moment::WorkerReady));
                self.restart_deadlines(key);
                self.candidate_ready(key, &manifest);
            }
            Event::Frames(Frames { list, place }) => {
                list.into_iter().for_each(|frame| self.frame(key, frame));
                // Now the next may be read.
                drop(place);
            }
            Event::Drained => self.ask_held_back(key),
            Event::Exited(exit) => self.worker_exited(key, &exit),
            Event::Blocked { reason } => {
                self.replays_lost(key, &reason);
                self.block(key, &reason);
                self.note("crash_limit", &key.to_string(), BTreeMap::from([("reason", reason.clone())]));
                self.candidate_failed(key, &reason);
            }
        }
    }

    /// The time for a decision counts from when the worker could hear the question.
    fn restart_deadlines(&mut self, key: &WorkerKey) {
        let asked = self.slots.iter().filter(|(_, slot)| slot.machine.decision_in_flight() && slot.worker().as_ref() == Some(key));
        for id in asked.map(|(id, _)| *id).collect::<Vec<_>>() {
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.decision += 1;
            }
            self.expect_decision(id);
        }
    }

    /// A worker is over its crash limit: its threads park with the reason, its senses wait; others are not touched.
    fn block(&mut self, key: &WorkerKey, reason: &str) {
        if let Some(worker) = self.workers.get_mut(key) {
            worker.blocked = Some(reason.to_owned());
        }
        if let WorkerKey::Senses { .. } = key {
            self.ticks_lost(key, reason);
            self.timers.at(Instant::now() + SENSES_AGAIN, Timer::Unblock(key.clone()));
            return;
        }
        self.drop_held_back(key);
        // What was delivered is lost already; what is left never reached a process.
        let undelivered: Vec<_> = self.calls.iter().filter(|(_, of)| of.worker == *key).map(|(call, _)| *call).collect();
        for of in undelivered.iter().filter_map(|call| self.call_over(*call)).collect::<Vec<_>>() {
            if let Some(slot) = self.slots.get_mut(&of.thread) {
                slot.call = Running::Nothing;
            }
            self.input_late(of.thread, Input::NotBegun { step: of.step, attempt: of.attempt });
            self.stopped_if_killed(of.thread);
        }
        // One whose call the daemon makes parks when it next needs the worker.
        let served = |slot: &Slot| slot.worker().as_ref() == Some(key) && matches!(slot.call, Running::Nothing) && slot.machine.has_slot();
        let idle: Vec<_> = self.slots.iter().filter(|(_, slot)| served(slot)).map(|(id, _)| *id).collect();
        for id in idle {
            self.park(id, reason.to_owned());
        }
    }

    /// Lets a worker run again, and with it the threads that parked because of it.
    pub(super) fn unblock(&mut self, key: &WorkerKey) {
        if let Some(worker) = self.workers.get_mut(key) {
            worker.blocked = None;
            worker.crashes = 0;
            let _ = self.supervisor.reset(key);
        }
        let parked = |slot: &Slot| {
            let of_build = matches!(slot.machine.thread().phase, Phase::Waiting { reason: ParkReason::Build { .. }, .. });
            of_build && slot.worker().as_ref() == Some(key)
        };
        let mut parked: Vec<_> = self.slots.iter().filter(|(_, slot)| parked(slot)).map(|(id, _)| *id).collect();
        parked.sort_unstable();
        parked.into_iter().for_each(|id| self.try_again(id));
        match key {
            WorkerKey::Workflow { name, .. } => self.pump(name),
            WorkerKey::Senses { .. } => self.start_due_ticks(),
        }
    }

    fn worker_exited(&mut self, key: &WorkerKey, exit: &Exit) {
        let Some(worker) = self.workers.get_mut(key) else { return };
        crash_point(Point::At(Moment::WorkerExited));
        worker.pid = None;
        worker.session = exit.session;
        worker.crashes = exit.crashes;
        let details = BTreeMap::from([
            ("summary", exit.summary.clone()),
            ("pid", exit.pid.to_string()),
            ("expected", exit.expected.to_string()),
            ("crashes", exit.crashes.to_string()),
        ]);
        self.note("worker_exit", &key.to_string(), details);
        if !exit.expected {
            self.candidate_failed(key, &exit.summary);
        }
        if exit.was_ready {
            self.lose(key, &exit.summary);
        }
        self.ask_held_back(key);
    }

    /// Stops the worker of an old build, or of a workflow that nerve.yaml no longer has, once no thread needs it any more.
    pub(super) fn retire_if_unused(&mut self, key: &WorkerKey) {
        let serves = *key.build() == self.build.id && key.alone().is_none();
        let named = match key {
            WorkerKey::Workflow { name, .. } => self.config.workflows.contains_key(name),
            WorkerKey::Senses { .. } => true,
        };
        if (serves && named) || self.candidate.as_ref().is_some_and(|candidate| candidate.spec.id == *key.build()) {
            return;
        }
        let used = match key {
            WorkerKey::Workflow { name, .. } => {
                let queued = |slot: &Slot| serves && slot.is_queued() && slot.workflow() == name;
                self.slots.values().any(|slot| slot.worker().as_ref() == Some(key) || queued(slot))
            }
            WorkerKey::Senses { .. } => self.senses.values().any(|sense| sense.runs_on(key)),
        };
        if !used {
            tracing::info!(worker = %key, "retired");
            self.dismiss(key);
            if *key.build() != self.build.id {
                self.collect_builds();
            }
        }
    }

    /// Has the builds removed that neither serve nor have an open thread.
    pub(super) fn collect_builds(&self) {
        let pinned = self.slots.values().filter_map(|slot| slot.machine.thread().build.clone());
        let candidate = self.candidate.as_ref().map(|candidate| candidate.spec.id.clone());
        let served = self.workers.keys().map(|key| key.build().clone());
        self.host.collect_builds(pinned.chain(candidate).chain(served).chain([self.build.id.clone()]).collect());
    }

    /// Lets a worker go; the next question to its key starts a new one. A stop of the daemon waits for its end.
    pub(super) fn dismiss(&mut self, key: &WorkerKey) {
        if self.workers.remove(key).is_some() {
            drop(self.supervisor.evict(key));
        }
    }

    /// Writes a line about the daemon into the journal.
    pub(super) fn note(&mut self, kind: &'static str, subject: &str, details: BTreeMap<&str, String>) {
        // A map of strings is always JSON.
        let payload = RawJson::of(&details).unwrap_or_default();
        let entry = JournalEntry::System { kind, subject: Some(subject.to_owned()), payload, at: clock::now() };
        self.order(Turn { entries: vec![entry], ..Turn::default() }, true, TurnTag::Note);
    }

    /// Stops every child and waits until all are gone. Who asks meanwhile to stop now is heard.
    pub(super) async fn stop_workers(&mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        self.workers.clear();
        let pace = if self.hurried() { Pace::Now } else { Pace::Drain };
        let gone = self.supervisor.shutdown(pace).wait();
        tokio::pin!(gone);
        loop {
            tokio::select! {
                () = &mut gone => return,
                Some(message) = inbox.recv() => {
                    if let Message::Request(Request::Stop { now, reply }) = message {
                        if now {
                            drop(self.supervisor.shutdown(Pace::Now));
                        }
                        // Whoever asked may be gone.
                        let _ = reply.send(Vec::new());
                    }
                }
            }
        }
    }
}
