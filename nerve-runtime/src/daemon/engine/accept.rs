//! Accepting threads: a slot at once, a place in the line, or no room.

use nerve_core::ThreadId;
use nerve_core::config::{Overflow, WorkflowConfig};
use nerve_core::thread::{End, Input, Launch, Machine, Resume, Rules};

use super::super::api::dto::{ErrorBody, ErrorKind};
use super::super::clock;
use super::slot::Slot;
use super::{Engine, Trigger, WorkerKey};

impl Engine {
    /// Makes a thread of a trigger; it counts as accepted once its turn is durable.
    pub(super) fn accept(&mut self, trigger: Trigger) -> Result<ThreadId, ErrorBody> {
        if self.stopping.is_some() {
            return Err(
                ErrorBody::new(ErrorKind::NotRunning, "NV0303", "the daemon is stopping and starts nothing new").help("nerve start")
            );
        }
        if let Some(problem) = &self.outage {
            return Err(store_problem(problem));
        }
        let settings = self.startable(&trigger.workflow)?;
        let (id, moment) = clock::new_thread(self.last_accepted);
        self.last_accepted = moment;
        let launch = Launch {
            thread: id,
            max_rounds: trigger.max_rounds.or(settings.max_rounds).unwrap_or(self.config.max_rounds),
            workflow: trigger.workflow,
            prompt: trigger.prompt,
            dry_run: trigger.dry_run,
            origin: trigger.origin,
            workdir: trigger.workdir,
            key: trigger.key,
            accepted_at: clock::now(),
        };
        let (machine, entries) = Machine::accept(launch, Rules::default());
        let slot = Slot::accepted(machine, entries, clock::now());
        let name = slot.workflow().to_owned();
        self.slots.insert(id, slot);
        self.dirty.insert(id);
        self.place(&name, id, &settings);
        Ok(id)
    }

    fn startable(&self, workflow: &str) -> Result<WorkflowConfig, ErrorBody> {
        let known = || self.config.workflows.keys().cloned().collect::<Vec<_>>().join(", ");
        let Some(settings) = self.config.workflows.get(workflow) else {
            let message = format!("nerve.yaml has no workflow `{workflow}`");
            return Err(ErrorBody::new(ErrorKind::NotFound, "NV0301", message).help(format!("workflows here: {}", known())));
        };
        if self.manifest.workflow(workflow).is_none() {
            let message = format!("the current build ({}) registers no workflow `{workflow}`", self.build.id);
            return Err(ErrorBody::new(ErrorKind::NotFound, "NV0304", message).help("register it in src/lib.rs, then: nerve build"));
        }
        Ok(settings.clone())
    }

    /// Gives the thread a slot, a place in the line, or an end.
    fn place(&mut self, workflow: &str, id: ThreadId, settings: &WorkflowConfig) {
        let line = self.lines.entry(workflow.to_owned()).or_default();
        let free = line.queue.is_empty() && line.active.len() < settings.concurrency as usize;
        if free && self.can_run(workflow) {
            self.begin(workflow, id);
            return;
        }
        let line = self.lines.entry(workflow.to_owned()).or_default();
        match settings.overflow {
            Overflow::Drop => self.end_unstarted(id, End::Dropped { by: None }),
            Overflow::Queue if settings.max_queue == 0 => self.end_unstarted(id, End::Dropped { by: None }),
            Overflow::Queue => {
                line.queue.push_back(id);
                self.input_late(id, Input::Queue);
            }
        }
    }

    /// A newcomer is durable: when the queue is over its bound with it, the oldest that never ran goes.
    pub(super) fn push_out(&mut self, newcomer: ThreadId) {
        let Some(workflow) = self.slots.get(&newcomer).map(|slot| slot.workflow().to_owned()) else { return };
        let Some(most) = self.config.workflows.get(&workflow).map(|settings| settings.max_queue as usize) else { return };
        // Most of the time it is not, and that is cheap to see.
        let Some(line) = self.lines.get(&workflow).filter(|line| line.queue.len() > most) else { return };
        let never_ran = |id: &&ThreadId| self.slots.get(id).is_some_and(Slot::is_queued);
        let queued: Vec<ThreadId> = line.queue.iter().filter(never_ran).copied().collect();
        for oldest in queued.iter().take(queued.len().saturating_sub(most)) {
            if let Some(line) = self.lines.get_mut(&workflow) {
                line.queue.retain(|id| id != oldest);
            }
            self.end_unstarted(*oldest, End::Dropped { by: Some(newcomer) });
        }
    }

    fn end_unstarted(&mut self, id: ThreadId, end: End) {
        self.input_late(id, Input::End(end));
    }

    fn begin(&mut self, workflow: &str, id: ThreadId) {
        let pinned = self.slots.get(&id).and_then(|slot| slot.machine.thread().build.clone());
        let build = pinned.unwrap_or_else(|| self.build.id.clone());
        match self.input(id, Input::Start { build }) {
            Ok(()) => {
                self.lines.entry(workflow.to_owned()).or_default().active.insert(id);
            }
            Err(refused) => tracing::warn!(thread = %id, %refused, "it was not started"),
        }
    }

    /// Lets waiting threads of this workflow start while there are slots.
    pub(super) fn pump(&mut self, workflow: &str) {
        if self.stopping.is_some() || !self.can_run(workflow) {
            return;
        }
        let concurrency = self.concurrency(workflow);
        loop {
            let Some(line) = self.lines.get_mut(workflow) else { return };
            if line.active.len() >= concurrency {
                return;
            }
            let Some(id) = line.queue.pop_front() else { return };
            self.begin(workflow, id);
        }
    }

    /// How many threads of this workflow may run at once. Those of a workflow that nerve.yaml no longer has run to their end,
    /// one at a time.
    pub(super) fn concurrency(&self, workflow: &str) -> usize {
        self.config.workflows.get(workflow).map_or(1, |settings| settings.concurrency as usize)
    }

    fn can_run(&self, workflow: &str) -> bool {
        self.held(workflow).is_none()
    }

    /// Why no thread of this workflow is let in, when none is.
    pub(super) fn held(&self, workflow: &str) -> Option<String> {
        if self.lines.get(workflow).is_some_and(|line| line.restarting) {
            return Some("it restarts once what runs is over".to_owned());
        }
        let key = WorkerKey::workflow(workflow, &self.build.id);
        let blocked = self.workers.get(&key)?.blocked.as_ref()?;
        Some(format!("its worker {}: nerve worker reset {key}", blocked.lines().next().unwrap_or_default()))
    }

    /// Lets a thread go on that was parked because its build could not run. It is in the line at once: before what resumed it is
    /// durable, a slot could go to one that never ran.
    pub(super) fn try_again(&mut self, id: ThreadId) {
        match self.input(id, Input::Resume(Resume::TryAgain)) {
            Ok(()) => self.line_up(id),
            Err(refused) => tracing::debug!(thread = %id, %refused, "it stays parked"),
        }
    }

    pub(super) fn requeue(&mut self, id: ThreadId) {
        self.line_up(id);
        if let Some(workflow) = self.slots.get(&id).map(|slot| slot.workflow().to_owned()) {
            self.pump(&workflow);
        }
    }

    /// A thread that goes on waits for a slot like a new one: behind those that went on before it, in front of those that
    /// never ran.
    fn line_up(&mut self, id: ThreadId) {
        let Some(workflow) = self.slots.get(&id).map(|slot| slot.workflow().to_owned()) else { return };
        let slots = &self.slots;
        let never_ran = |queued: &ThreadId| slots.get(queued).is_some_and(Slot::is_queued);
        let line = self.lines.entry(workflow).or_default();
        // It may have gone on before its park was acted on.
        line.active.remove(&id);
        if !line.queue.contains(&id) {
            let place = line.queue.iter().position(never_ran).unwrap_or(line.queue.len());
            line.queue.insert(place, id);
        }
    }

    /// Takes a thread out of its workflow's line and lets the next one in.
    pub(super) fn leave(&mut self, id: ThreadId) {
        let Some(workflow) = self.slots.get(&id).map(|slot| slot.workflow().to_owned()) else { return };
        if let Some(line) = self.lines.get_mut(&workflow) {
            // One that runs is in no queue.
            if !line.active.remove(&id) {
                line.queue.retain(|queued| *queued != id);
            }
        }
        self.restart_if_empty(&workflow);
        self.pump(&workflow);
    }
}

/// The one error for everything new while the store cannot write.
pub(super) fn store_problem(problem: &str) -> ErrorBody {
    ErrorBody::new(ErrorKind::Failed, "NV0401", format!("the store cannot write, so nothing new is accepted: {problem}"))
        .help("free space or mend the file's rights; the daemon goes on by itself: nerve status")
}
