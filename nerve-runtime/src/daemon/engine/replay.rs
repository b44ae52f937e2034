//! Giving a parked thread to the current build: only when its moderator makes the choices that are recorded.

use nerve_core::ThreadId;
use nerve_core::thread::{Input, Refused, Resume, StateName, Thread};
use nerve_core::wire::ToWorker;
use tokio::time::Instant;

use super::super::api::dto::{ErrorBody, ErrorKind};
use super::message::Reply;
use super::requests::not_open;
use super::slot::Replay;
use super::timers::Timer;
use super::{Engine, WorkerKey};

impl Engine {
    /// Asks the current build what it would have chosen.
    pub(super) fn resume_on_current_build(&mut self, id: ThreadId, reply: Reply<()>) {
        match self.replayable(id) {
            Ok(None) => self.put(id, Input::Resume(Resume::TryAgain), reply),
            Ok(Some(worker)) => self.ask_for_replay(id, worker, reply),
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
            }
        }
    }

    /// The process to ask; none when the thread is on the current build already.
    fn replayable(&mut self, id: ThreadId) -> Result<Option<WorkerKey>, ErrorBody> {
        let slot = self.slots.get(&id).ok_or_else(|| not_open(id, &Refused::NotExpected("a resume: the thread is not open")))?;
        let thread = slot.machine.thread();
        if thread.state() != StateName::Waiting {
            return Err(not_open(id, &Refused::NotExpected("a resume: the thread is not parked")));
        }
        if slot.replay.is_some() {
            return Err(differs(id, "the current build is being asked already"));
        }
        if thread.build.as_ref() == Some(&self.build.id) {
            return Ok(None);
        }
        let workflow = slot.workflow();
        let Some(manifest) = self.manifest.workflow(workflow) else {
            return Err(differs(id, &format!("build {} registers no workflow `{workflow}`", self.build.id)));
        };
        let role = thread.acting().map(|acting| &acting.intent.role);
        if let Some(role) = role.filter(|role| !manifest.roles.iter().any(|known| known.name == **role)) {
            return Err(differs(id, &format!("build {} has no role `{role}`, which is to act", self.build.id)));
        }
        let key = WorkerKey::workflow(workflow, &self.build.id);
        if let Some(reason) = self.workers.get(&key).and_then(|worker| worker.blocked.clone()) {
            return Err(differs(id, &reason));
        }
        self.ensure_worker(&key).map_err(|why| differs(id, &why))?;
        Ok(Some(key))
    }

    fn ask_for_replay(&mut self, id: ThreadId, worker: WorkerKey, reply: Reply<()>) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let steps = slot.machine.thread().steps.len();
        slot.decision += 1;
        let question = slot.decision;
        slot.replay = Some(Replay { worker: worker.clone(), reply, question });
        // Another process than the one that served it: it knows nothing of the thread yet.
        slot.told = None;
        let mut frames = self.context(id, &worker, steps);
        frames.push(ToWorker::Replay { thread: id, upto: steps });
        self.tell_worker(&worker, frames);
        self.timers.at(Instant::now() + self.config.supervision.ready + self.config.supervision.decide, Timer::Replay(id, question));
    }

    pub(super) fn replayed(&mut self, key: &WorkerKey, id: ThreadId, chosen: &[Option<String>], error: Option<String>) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(replay) = slot.replay.take_if(|replay| replay.worker == *key) else { return };
        let difference = difference(slot.machine.thread(), chosen, error);
        match difference {
            None => self.put(id, Input::Resume(Resume::OnBuild(key.build().clone())), replay.reply),
            Some(difference) => {
                slot.told = None;
                let _ = replay.reply.send(Err(differs(id, &difference)));
                self.tell_worker(key, vec![ToWorker::Forget { thread: id }]);
            }
        }
    }

    /// The process that was asked is gone, or cannot answer; how many questions it leaves open.
    pub(super) fn replays_lost(&mut self, key: &WorkerKey, why: &str) -> usize {
        let mut lost = 0;
        for (id, slot) in &mut self.slots {
            if let Some(replay) = slot.replay.take_if(|replay| replay.worker == *key) {
                slot.told = None;
                let _ = replay.reply.send(Err(differs(*id, why)));
                lost += 1;
            }
        }
        lost
    }

    pub(super) fn replay_overdue(&mut self, id: ThreadId, question: u64) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(replay) = slot.replay.take_if(|replay| replay.question == question) else { return };
        slot.told = None;
        let _ = replay.reply.send(Err(differs(id, "the current build did not answer in time")));
        let worker = replay.worker;
        if self.workers.get(&worker).is_some_and(|worker| worker.pid.is_some()) {
            self.kill_worker(&worker, format!("no replay within {:?}", self.config.supervision.decide));
        }
    }
}

/// Where the choices differ from the recorded ones, in words.
fn difference(thread: &Thread, chosen: &[Option<String>], error: Option<String>) -> Option<String> {
    let finished = thread.steps.iter().map(|step| &step.role);
    let recorded = finished.chain(thread.acting().map(|acting| &acting.intent.role));
    let word = |role: &Option<String>| role.as_ref().map_or_else(|| "the end".to_owned(), |role| format!("`{role}`"));
    for (index, recorded) in recorded.enumerate() {
        match chosen.get(index) {
            Some(Some(role)) if role == recorded => {}
            Some(other) => {
                return Some(format!("step {}: `{recorded}` is recorded, the current build chooses {}", index + 1, word(other)));
            }
            None => return Some(error.unwrap_or_else(|| format!("step {}: the current build gave no choice", index + 1))),
        }
    }
    None
}

fn differs(id: ThreadId, why: &str) -> ErrorBody {
    ErrorBody::new(ErrorKind::Conflict, "NV0317", format!("{id} cannot go on with the current build: {why}"))
        .help(format!("nerve thread resume {id} once its own build runs again, or: nerve thread kill {id}"))
}
