//! What follows when turns are durable.

use nerve_core::thread::Effect;
use nerve_core::{ThreadId, TickId};
use nerve_store::{Duplicated, StoreError};

use super::super::api::dto::{ErrorBody, ErrorKind};
use super::super::journal::{TurnNo, Written};
use super::Engine;
use super::accept::store_problem;
use super::slot::{Aborted, OnWritten};
use crate::crash_point::{Act, Moment, Point, crash_point};

/// What a turn was for.
#[derive(Debug)]
pub(super) enum TurnTag {
    Thread(ThreadId),
    Tick {
        sense: String,
        tick: TickId,
        thread: Option<ThreadId>,
    },
    /// Nobody waits for it.
    Note,
}

impl Engine {
    pub(super) fn written(&mut self, written: Written) {
        match written {
            Written::Done(turns) => turns.into_iter().for_each(|(no, result)| self.turn_done(no, result)),
            Written::Outage(problem) => {
                if self.outage.is_none() {
                    tracing::error!(problem, "the store cannot write: nothing new is accepted, turns wait");
                }
                self.outage = Some(problem);
            }
            Written::Recovered => {
                tracing::info!("the store writes again");
                self.outage = None;
                self.start_due_ticks();
                self.release_brakes();
            }
        }
    }

    fn turn_done(&mut self, no: TurnNo, result: Result<(), StoreError>) {
        let Some(tag) = self.turns.remove(&no) else { return };
        if let Err(StoreError::Fenced { .. }) = &result {
            tracing::error!("a newer daemon owns this workspace: this one stops");
            self.fenced = true;
            return;
        }
        match tag {
            TurnTag::Thread(id) => self.thread_written(id, result),
            TurnTag::Tick { sense, tick, thread } => {
                self.tick_written(&sense, tick, thread, &result);
                if let Some(id) = thread {
                    self.thread_written(id, result);
                }
            }
            TurnTag::Note => {
                if let Err(error) = result {
                    tracing::error!(%error, "a note was not written");
                }
            }
        }
    }

    fn thread_written(&mut self, id: ThreadId, result: Result<(), StoreError>) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.written();
        let callers = std::mem::take(&mut slot.accepted);
        let newcomer = std::mem::take(&mut slot.newcomer);
        match result {
            Ok(()) => {
                callers.into_iter().for_each(|caller| {
                    crash_point(Point::At(Moment::ReplyDue));
                    // A caller that went away will find the thread in the list.
                    let _ = caller.send(Ok(id));
                    crash_point(Point::At(Moment::Replied));
                });
                if slot.is_settled() {
                    slot.on_written.drain(..).for_each(|caller| {
                        crash_point(Point::At(Moment::RequestDone));
                        caller.tell();
                    });
                }
                self.dirty.insert(id);
                if newcomer {
                    self.push_out(id);
                }
            }
            Err(error) => {
                tracing::error!(thread = %id, %error, "a turn was refused");
                let Aborted { passes, call, .. } = slot.abort();
                self.leave(id);
                self.slots.remove(&id);
                self.stopped_calls(passes);
                if let Some(call) = call {
                    self.cancel(call);
                }
                callers.into_iter().for_each(|caller| {
                    let _ = caller.send(Err(refusal(&error)));
                });
            }
        }
    }

    /// Everything that the thread's machine decided is durable: act on it.
    pub(super) fn settle(&mut self, id: ThreadId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        // What changed nothing needed no turn: a second kill, for one.
        slot.on_written.drain(..).for_each(OnWritten::tell);
        slot.answered.drain(..).for_each(|call| self.host.forget(call));
        let over = slot.machine.thread().end().is_some();
        if (self.stopping.is_some() || self.fenced) && !over && slot.machine.thread().kill.is_none() {
            // What is open goes on in the next life; only a step that runs is still given what it asks for.
            for effect in slot.machine.due_asks() {
                self.perform(id, effect);
            }
            return;
        }
        for effect in slot.machine.effects() {
            self.perform(id, effect);
        }
    }

    pub(super) fn ended(&mut self, id: ThreadId) {
        self.leave(id);
        let Some(mut slot) = self.slots.remove(&id) else { return };
        self.stopped_calls(slot.abort().passes);
        if slot.leaves_folders {
            self.host.forget_thread(id);
        }
        slot.waiting.drain(..).for_each(|waiting| {
            let _ = waiting.send(());
        });
        if let Some(key) = slot.worker() {
            self.forget(&key, id, slot.told);
            self.retire_if_unused(&key);
        }
    }

    pub(super) fn parked(&mut self, id: ThreadId) {
        self.leave(id);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.waiting.drain(..).for_each(|waiting| {
                let _ = waiting.send(());
            });
        }
    }

    /// Performs what a durable decision asks for.
    fn perform(&mut self, id: ThreadId, effect: Effect) {
        let act = Act::of(&effect);
        crash_point(Point::BeforeAct(act));
        match effect {
            Effect::Decide { upto, check } => self.ask_moderator(id, upto, check),
            Effect::Call { step, attempt, rung } => self.call(id, step, attempt, rung),
            Effect::Extract { step } => self.extract(id, step),
            Effect::Run { step, attempt } => self.run_role(id, step, attempt),
            Effect::CallAsk { step, ask } => self.call_ask(id, step, ask),
            Effect::AnswerAsk { ask, .. } => self.answer_ask(id, ask),
            Effect::Stop => self.stop_thread(id),
            Effect::Parked => self.parked(id),
            Effect::Requeue => self.requeue(id),
            Effect::Ended(_) => self.ended(id),
        }
        crash_point(Point::AfterAct(act));
    }
}

fn refusal(error: &StoreError) -> ErrorBody {
    match error {
        StoreError::Duplicate(Duplicated::Key) => {
            ErrorBody::new(ErrorKind::Conflict, "NV0305", "another thread of this workflow has this key")
        }
        error => store_problem(&error.to_string()),
    }
}
