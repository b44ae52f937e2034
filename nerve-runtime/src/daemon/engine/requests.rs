//! What callers of the API ask for.

use nerve_core::ThreadId;
use nerve_core::thread::{Input, Refused};

use super::super::api::dto::{ErrorBody, ErrorKind};
use super::message::Reply;
use super::slot::{OnWritten, Slot};
use super::{Engine, Request, Trigger};

impl Engine {
    pub(super) fn request(&mut self, request: Request) {
        match request {
            Request::Trigger(trigger, reply) => self.trigger(trigger, reply),
            Request::TriggerSense(name, reply) => self.trigger_sense(&name, reply),
            Request::Kill { thread, by, reply } => self.put(thread, Input::Kill { by, interrupt: false }, reply),
            Request::ResumeOnCurrentBuild { thread, reply } => self.resume_on_current_build(thread, reply),
            Request::RestartWorkflow { workflow, by, reply } => self.restart_workflow(&workflow, &by, reply),
            Request::Resume { thread, resume, reply } => self.put(thread, Input::Resume(resume), reply),
            Request::Wait { thread, reply } => match self.slots.get_mut(&thread) {
                Some(slot) if slot.machine.thread().state() != nerve_core::thread::StateName::Waiting => slot.waiting.push(reply),
                _ => {
                    let _ = reply.send(());
                }
            },
            Request::Look(reply) => {
                let _ = reply.send(self.look());
            }
            Request::ResetLimits(reply) => {
                self.reset_limits();
                let _ = reply.send(Ok(()));
            }
            Request::TestAdapter { name, reply } => self.try_adapter(name, reply),
            Request::ResetWorker { key, reply } => {
                let _ = reply.send(self.reset_worker(&key));
            }
            Request::Stop { now, reply } => {
                let waits_for = self.begin_stop(now);
                let _ = reply.send(waits_for);
            }
        }
    }

    /// Answers when the acceptance is durable. The same key is the same thread, also while that is still being written: a second
    /// thread would only be refused by the store after it had pushed another out of the queue.
    fn trigger(&mut self, trigger: Trigger, reply: Reply<ThreadId>) {
        if let Some((id, slot)) = self.with_key(&trigger) {
            if slot.accepted.is_empty() {
                let _ = reply.send(Ok(id));
            } else {
                slot.accepted.push(reply);
            }
            return;
        }
        match self.accept(trigger) {
            Ok(id) => {
                if let Some(slot) = self.slots.get_mut(&id) {
                    slot.accepted.push(reply);
                }
            }
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
            }
        }
    }

    /// The open thread that has this trigger's key.
    fn with_key(&mut self, trigger: &Trigger) -> Option<(ThreadId, &mut Slot)> {
        let key = trigger.key.as_ref()?;
        let same = |slot: &Slot| slot.workflow() == trigger.workflow && slot.machine.thread().launch.key.as_ref() == Some(key);
        self.slots.iter_mut().find(|(_, slot)| same(slot)).map(|(id, slot)| (*id, slot))
    }

    /// Gives a thread what a caller asks for, and answers when it is durable; what follows comes by itself.
    pub(super) fn put(&mut self, id: ThreadId, input: Input, reply: Reply<()>) {
        let answer = self.input(id, input).map_err(|refused| not_open(id, &refused));
        match (answer, self.slots.get_mut(&id)) {
            (Ok(()), Some(slot)) => slot.on_written.push(OnWritten::Done(reply)),
            (answer, _) => {
                let _ = reply.send(answer);
            }
        }
    }

    fn reset_worker(&mut self, name: &str) -> Result<(), ErrorBody> {
        let mut found: Vec<_> = self
            .workers
            .keys()
            .filter(|key| key.to_string() == name || key.to_string().starts_with(&format!("{name}@")))
            .cloned()
            .collect();
        if found.is_empty() {
            let known: Vec<_> = self.workers.keys().map(ToString::to_string).collect();
            let body = ErrorBody::new(ErrorKind::NotFound, "NV0308", format!("there is no worker `{name}`"));
            return Err(body.help(format!("workers: {}", known.join(", "))));
        }
        // A thread that had a process for itself has run before: it is in the line when those that never ran may start.
        found.sort_by_key(|key| key.alone().is_none());
        for key in found {
            self.unblock(&key);
        }
        Ok(())
    }
}

pub(super) fn not_open(id: ThreadId, refused: &Refused) -> ErrorBody {
    match refused {
        Refused::Ended(state) => ErrorBody::new(ErrorKind::Conflict, "NV0309", format!("{id} has ended already: {state}")),
        Refused::NotExpected(_) => ErrorBody::new(ErrorKind::Conflict, "NV0310", format!("{id}: {refused}")),
    }
}
