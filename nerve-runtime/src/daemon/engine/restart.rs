//! Restarting a workflow: what runs is interrupted, what is queued waits for the new process.

use nerve_core::ThreadId;
use nerve_core::thread::{Input, StateName};

use super::super::api::dto::{ErrorBody, ErrorKind};
use super::message::Reply;
use super::slot::{OnWritten, Slot};
use super::{Engine, WorkerKey};

impl Engine {
    /// Interrupts every thread of the workflow that has started. The kills are recorded with the next commit, in which all of
    /// them are; the answer waits for the last.
    pub(super) fn restart_workflow(&mut self, workflow: &str, by: &str, reply: Reply<Vec<ThreadId>>) {
        let known = self.config.workflows.contains_key(workflow) || self.lines.contains_key(workflow);
        if !known {
            let known: Vec<_> = self.config.workflows.keys().map(String::as_str).collect();
            let body = ErrorBody::new(ErrorKind::NotFound, "NV0301", format!("nerve.yaml has no workflow `{workflow}`"));
            let _ = reply.send(Err(body.help(format!("workflows here: {}", known.join(", ")))));
            return;
        }
        let started = |state| matches!(state, StateName::Started | StateName::Waiting);
        let of_workflow = self.slots.iter().filter(|(_, slot)| slot.workflow() == workflow && started(slot.machine.thread().state()));
        let mut open: Vec<_> = of_workflow.map(|(id, _)| *id).collect();
        open.sort_unstable();
        self.lines.entry(workflow.to_owned()).or_default().restarting = true;
        for id in &open {
            self.input_late(*id, Input::Kill { by: by.to_owned(), interrupt: true });
        }
        // One that was being killed already has nothing to write; the last that has is written last.
        let last = open.iter().rev().find(|id| self.slots.get(id).is_some_and(Slot::has_news));
        match last.and_then(|last| self.slots.get_mut(last)) {
            Some(slot) => slot.on_written.push(OnWritten::Threads(reply, open)),
            None => {
                let _ = reply.send(Ok(open));
            }
        }
        self.restart_if_empty(workflow);
    }

    /// Once nothing of a workflow that restarts runs any more, its processes go, and what waits starts in new ones.
    pub(super) fn restart_if_empty(&mut self, workflow: &str) {
        let Some(line) = self.lines.get_mut(workflow).filter(|line| line.restarting && line.active.is_empty()) else { return };
        line.restarting = false;
        // The first process of a build that is being tried is new anyway, and its build waits for it.
        let tried = self.candidate.as_ref().map(|candidate| &candidate.spec.id);
        let of_workflow =
            |key: &&WorkerKey| matches!(key, WorkerKey::Workflow { name, build, .. } if name == workflow && Some(build) != tried);
        let keys: Vec<_> = self.workers.keys().filter(of_workflow).cloned().collect();
        for key in keys {
            self.dismiss(&key);
        }
        tracing::info!(workflow, "restarted");
        self.pump(workflow);
    }
}
