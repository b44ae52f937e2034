//! Schedules and ticks.

use std::collections::HashMap;
use std::time::Duration;

use nerve_core::config::SenseConfig;
use nerve_core::thread::Origin;
use nerve_core::wire::ToWorker;
use nerve_core::{Cause, Observation, RawJson, ThreadId, TickId, Timestamp};
use nerve_store::{JournalEntry, SenseRow, StoreError, TickResult, TickRow, Turn};
use tokio::time::Instant;

use super::super::api::dto::{ErrorBody, ErrorKind};
use super::super::clock;
use super::message::Reply;
use super::timers::Timer;
use super::written::TurnTag;
use super::{Engine, TickOutcome, Trigger, WorkerKey};
use crate::crash_point::{Moment, Point, crash_point};

/// A sense's schedule and what it is at.
pub(super) struct SenseSlot {
    pub(super) config: SenseConfig,
    pub(super) row: SenseRow,
    pub(super) tick: Option<Tick>,
    /// What asked for a tick that could not start yet.
    due: Vec<Cause>,
    /// Callers whose tick could not start yet.
    callers: Vec<Reply<TickOutcome>>,
    pub(super) next_at: Option<Instant>,
    last_started: Option<Instant>,
    /// nerve.yaml no longer has it: it goes when its tick is over.
    gone: bool,
}

/// A tick in flight.
pub(super) struct Tick {
    id: TickId,
    worker: WorkerKey,
    at: Timestamp,
    started: Instant,
    causes: Vec<Cause>,
    callers: Vec<Reply<TickOutcome>>,
    /// Whether its observation is on its way to the journal.
    seen: Option<TickOutcome>,
}

impl SenseSlot {
    pub(super) fn runs_on(&self, key: &WorkerKey) -> bool {
        self.tick.as_ref().is_some_and(|tick| tick.worker == *key)
    }
}

impl Engine {
    /// Takes over what the store knows of senses.
    pub(crate) fn remember_senses(&mut self, rows: Vec<SenseRow>) {
        let mut rows: HashMap<String, SenseRow> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        for (name, config) in &self.config.senses {
            let row = rows.remove(name).unwrap_or_else(|| SenseRow { name: name.clone(), ..SenseRow::default() });
            self.senses.insert(name.clone(), SenseSlot::new(config.clone(), row));
        }
        self.unused_senses = rows;
    }

    /// Sets every sense's next tick. One that was missed while the daemon was down runs once, at once.
    pub(super) fn schedule_senses(&mut self) {
        let now = clock::now();
        let names: Vec<String> = self.senses.keys().cloned().collect();
        for name in names {
            self.wake_for_missed_signals(&name);
            let Some(sense) = self.senses.get_mut(&name) else { continue };
            let Some(interval) = sense.config.interval else { continue };
            let since = sense.row.last_tick_at.map_or(interval, |at| millis(now.millis() - at.millis()));
            let at = Instant::now() + interval.saturating_sub(since);
            sense.next_at = Some(at);
            self.timers.at(at, Timer::Sense(name));
        }
    }

    /// A signal that came while nobody could be woken by it still wakes its dependents, once.
    fn wake_for_missed_signals(&mut self, name: &str) {
        let Some(sense) = self.senses.get(name) else { return };
        let since = sense.row.last_tick_at;
        let missed: Vec<_> = sense
            .config
            .on
            .iter()
            .filter_map(|of| self.senses.get(of))
            .filter(|of| of.row.last_signal_at.is_some_and(|at| since.is_none_or(|since| at > since)))
            .filter_map(|of| Some(Cause::Signal { sense: of.row.name.clone(), payload: of.row.last_signal.clone()? }))
            .collect();
        missed.into_iter().for_each(|cause| self.wake(name, cause));
    }

    /// A sense's timer fired: its interval has come round, or what had to wait may start.
    pub(super) fn sense_due(&mut self, name: &str) {
        let now = Instant::now();
        let Some(sense) = self.senses.get_mut(name) else { return };
        if sense.next_at.is_some_and(|at| at <= now)
            && let Some(interval) = sense.config.interval
        {
            // From now, not from when it was due: a machine that slept does not owe a burst.
            sense.next_at = Some(now + interval);
            self.timers.at(now + interval, Timer::Sense(name.to_owned()));
            self.wake(name, Cause::Interval);
        } else {
            self.start_tick(name);
        }
    }

    /// Something asks for a tick. What cannot start now is put together into the next one.
    pub(super) fn wake(&mut self, name: &str, cause: Cause) {
        let Some(sense) = self.senses.get_mut(name) else { return };
        if cause != Cause::Interval || !sense.due.contains(&Cause::Interval) {
            sense.due.push(cause);
        }
        self.start_tick(name);
    }

    /// A person asks for a tick; the answer comes when it is in the journal.
    pub(super) fn trigger_sense(&mut self, name: &str, reply: Reply<TickOutcome>) {
        let refusal = if self.stopping.is_some() {
            Some(ErrorBody::new(ErrorKind::NotRunning, "NV0303", "the daemon is stopping and starts nothing new").help("nerve start"))
        } else if let Some(problem) = &self.outage {
            Some(super::accept::store_problem(problem))
        } else if self.senses.get(name).is_none_or(|sense| sense.gone) {
            let known: Vec<_> = self.senses.keys().map(String::as_str).collect();
            let message = format!("nerve.yaml has no sense `{name}`");
            Some(ErrorBody::new(ErrorKind::NotFound, "NV0306", message).help(format!("senses here: {}", known.join(", "))))
        } else {
            self.blocked_group(name).map(|(key, reason)| {
                let reason = reason.lines().next().unwrap_or_default().to_owned();
                ErrorBody::new(ErrorKind::Failed, "NV0316", format!("the process of `{name}` {reason}"))
                    .help(format!("nerve worker reset {key}"))
            })
        };
        match (refusal, self.senses.get_mut(name)) {
            (None, Some(sense)) => {
                sense.callers.push(reply);
                // Asked for by hand, it does not wait for the throttle.
                sense.last_started = None;
                self.wake(name, Cause::Manual);
            }
            (refusal, _) => {
                let refusal = refusal.unwrap_or_else(|| ErrorBody::new(ErrorKind::Failed, "NV0399", "the sense is gone"));
                let _ = reply.send(Err(refusal));
            }
        }
    }

    /// The worker of this sense and why it may not run, when it may not.
    fn blocked_group(&self, name: &str) -> Option<(WorkerKey, String)> {
        let key = WorkerKey::Senses { group: self.senses.get(name)?.config.group.clone(), build: self.build.id.clone() };
        let reason = self.workers.get(&key)?.blocked.clone()?;
        Some((key, reason))
    }

    fn start_tick(&mut self, name: &str) {
        if self.stopping.is_some() || self.outage.is_some() {
            return;
        }
        let build = self.build.id.clone();
        let Some(sense) = self.senses.get_mut(name) else { return };
        if sense.tick.is_some() || sense.due.is_empty() || sense.gone {
            return;
        }
        let now = Instant::now();
        if let (Some(throttle), Some(last)) = (sense.config.throttle, sense.last_started)
            && now < last + throttle
        {
            self.timers.at(last + throttle, Timer::Sense(name.to_owned()));
            return;
        }
        let worker = WorkerKey::Senses { group: sense.config.group.clone(), build };
        if self.workers.get(&worker).is_some_and(|worker| worker.blocked.is_some()) {
            return;
        }
        let (id, causes, callers) = (clock::new_tick(), std::mem::take(&mut sense.due), std::mem::take(&mut sense.callers));
        let frame = ToWorker::Compute { sense: name.to_owned(), tick: id, causes: causes.clone(), state: sense.row.state.clone() };
        sense.last_started = Some(now);
        sense.tick = Some(Tick { id, worker: worker.clone(), at: clock::now(), started: now, causes, callers, seen: None });
        let limit = sense.config.timeout + sense.config.grace_period;
        if let Err(why) = self.ensure_worker(&worker) {
            return self.tick_failed(name, id, &why);
        }
        self.tell_worker(&worker, vec![frame]);
        self.timers.at(now + limit, Timer::Tick(name.to_owned(), id));
    }

    /// Starts the ticks that had to wait for their process.
    pub(super) fn start_due_ticks(&mut self) {
        let names: Vec<String> = self.senses.keys().cloned().collect();
        names.iter().for_each(|name| self.start_tick(name));
    }

    /// A tick saw something or nothing.
    pub(super) fn observed(&mut self, name: &str, id: TickId, seen: Observation) {
        let Some(sense) = self.senses.get_mut(name) else { return };
        if !sense.tick.as_ref().is_some_and(|tick| tick.id == id && tick.seen.is_none()) {
            return;
        }
        if seen.start.is_some() && (self.stopping.is_some() || self.outage.is_some()) {
            // Nothing can be started now. As if it had not looked: its state stays, and it will see the same again.
            if let Some(tick) = sense.tick.take() {
                sense.due.extend(tick.causes);
                sense.callers.extend(tick.callers);
            }
            return;
        }
        let Some(tick) = sense.tick.as_mut() else { return };
        let took_ms = u64::try_from(tick.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let before = sense.row.state.clone();
        let row = &mut sense.row;
        row.ticks += 1;
        row.last_tick = Some(id);
        row.last_tick_at = Some(tick.at);
        row.last_error = None;
        let changed = seen.state.is_some() && seen.state != before;
        if let Some(state) = seen.state {
            row.state = Some(state);
        }
        let Some(signal) = seen.signal else {
            // A signal that was answered with silence is answered; the next life must not take it for missed.
            let answers = tick.causes.iter().any(|cause| matches!(cause, Cause::Signal { .. }));
            tick.seen = Some(TickOutcome { tick: id, signal: None, thread: None });
            return self.silent(name, id, changed || answers);
        };
        row.signals += 1;
        row.last_signal = Some(signal.clone());
        // When it spoke, not when it began to look: who waits for it may have looked in between.
        row.last_signal_at = Some(clock::now());
        let (at, causes) = (tick.at, tick.causes.clone());
        let (thread, reason) = match seen.start {
            Some(start) => self.start_from_signal(name, id, &signal, start),
            None => (None, None),
        };
        let Some(sense) = self.senses.get_mut(name) else { return };
        if let Some(tick) = &mut sense.tick {
            tick.seen = Some(TickOutcome { tick: id, signal: Some(signal.clone()), thread });
        }
        let tick = TickRow {
            id,
            sense: name.to_owned(),
            number: sense.row.ticks,
            at,
            result: TickResult::Signal,
            took_ms,
            causes,
            reason,
            signal: Some(signal.clone()),
            thread,
            state_before: before,
            state_after: sense.row.state.clone(),
        };
        let row = sense.row.clone();
        self.write_tick(name, id, signal, row, tick, thread);
    }

    /// Nothing to tell: only a changed state is worth a write, the counters go along with the next one.
    fn silent(&mut self, name: &str, id: TickId, changed: bool) {
        if changed && let Some(row) = self.senses.get(name).map(|sense| sense.row.clone()) {
            let tag = TurnTag::Tick { sense: name.to_owned(), tick: id, thread: None };
            self.order(Turn { sense: Some(Box::new(row)), ..Turn::default() }, false, tag);
        } else {
            self.tick_written(name, id, None, &Ok(()));
        }
    }

    /// The signal's workflow start: the thread's first entries will share the signal's transaction.
    fn start_from_signal(
        &mut self,
        name: &str,
        tick: TickId,
        signal: &RawJson,
        start: nerve_core::Start,
    ) -> (Option<ThreadId>, Option<String>) {
        let trigger = Trigger {
            workflow: start.workflow,
            prompt: start.prompt,
            key: None,
            workdir: None,
            max_rounds: start.max_rounds,
            dry_run: false,
            origin: Origin::Sense { sense: name.to_owned(), tick, signal: signal.get().to_owned() },
        };
        match self.accept(trigger) {
            Ok(id) => (Some(id), None),
            Err(refusal) => {
                let reason = format!("nothing was started: {}", refusal.error.message);
                tracing::warn!(sense = name, reason);
                (None, Some(reason))
            }
        }
    }

    fn write_tick(&mut self, name: &str, id: TickId, signal: RawJson, row: SenseRow, tick: TickRow, thread: Option<ThreadId>) {
        let at = tick.at;
        let mut turn = Turn { sense: Some(Box::new(row)), tick: Some(Box::new(tick)), ..Turn::default() };
        turn.entries.push(JournalEntry::Sense { sense: name.to_owned(), kind: "signal", payload: signal, at });
        if let Some(id) = thread {
            self.order_accepted_before(id);
        }
        if let Some(slot) = thread.and_then(|id| self.slots.get_mut(&id)) {
            let (started, _) = slot.turn();
            turn.entries.extend(started.entries);
            turn.threads.extend(started.threads);
        }
        let tag = TurnTag::Tick { sense: name.to_owned(), tick: id, thread };
        self.order(turn, false, tag);
    }

    /// Orders the turns of the threads that this chunk accepted before `id`, whose own turn is not left to the chunk's end:
    /// threads are numbered as they are written, and they must be numbered as they were accepted.
    fn order_accepted_before(&mut self, id: ThreadId) {
        let earlier: Vec<ThreadId> = self.dirty.range(..id).copied().collect();
        for id in earlier {
            let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.newcomer && slot.has_news()) else { continue };
            let (turn, refusable) = slot.turn();
            self.order(turn, refusable, TurnTag::Thread(id));
        }
    }

    /// A tick failed, took too long, or lost its process.
    pub(super) fn tick_failed(&mut self, name: &str, id: TickId, error: &str) {
        let Some(sense) = self.senses.get_mut(name) else { return };
        let Some(tick) = sense.tick.as_mut().filter(|tick| tick.id == id && tick.seen.is_none()) else { return };
        tick.seen = Some(TickOutcome { tick: id, signal: None, thread: None });
        let took_ms = u64::try_from(tick.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (at, causes) = (tick.at, tick.causes.clone());
        let failure = ErrorBody::new(ErrorKind::Failed, "NV0307", format!("the tick of `{name}` failed: {error}")).help("nerve logs");
        for caller in tick.callers.drain(..) {
            let _ = caller.send(Err(failure.clone()));
        }
        let row = &mut sense.row;
        row.ticks += 1;
        row.failures += 1;
        row.last_tick = Some(id);
        row.last_tick_at = Some(at);
        row.last_error = Some(error.to_owned());
        tracing::error!(sense = name, error, "a tick failed");
        let state = row.state.clone();
        let tick = TickRow {
            id,
            sense: name.to_owned(),
            number: row.ticks,
            at,
            result: TickResult::Failed,
            took_ms,
            causes,
            reason: Some(error.to_owned()),
            signal: None,
            thread: None,
            state_before: state.clone(),
            state_after: state,
        };
        let payload = RawJson::of(&HashMap::from([("tick", id.to_string()), ("error", error.to_owned())])).unwrap_or_default();
        let entry = JournalEntry::Sense { sense: name.to_owned(), kind: "tick_failure", payload, at };
        let turn = Turn { entries: vec![entry], sense: Some(Box::new(row.clone())), tick: Some(Box::new(tick)), ..Turn::default() };
        let tag = TurnTag::Tick { sense: name.to_owned(), tick: id, thread: None };
        self.order(turn, false, tag);
    }

    /// The tick is in the journal: tell the worker, the callers and the senses that wait for it.
    pub(super) fn tick_written(&mut self, name: &str, id: TickId, _thread: Option<ThreadId>, result: &Result<(), StoreError>) {
        let Some(sense) = self.senses.get_mut(name) else { return };
        let Some(tick) = sense.tick.take_if(|tick| tick.id == id) else { return };
        let Some(outcome) = tick.seen else { return };
        if let Err(error) = result {
            tracing::error!(sense = name, %error, "a tick was refused");
        }
        for caller in tick.callers {
            let _ = caller.send(Ok(outcome.clone()));
        }
        let gone = sense.gone;
        self.tell_worker(&tick.worker, vec![ToWorker::Ack { tick: id }]);
        crash_point(Point::At(Moment::TickAcked));
        if let (Some(payload), Ok(())) = (outcome.signal, result) {
            let woken: Vec<String> =
                self.senses.iter().filter(|(_, other)| other.config.on.iter().any(|on| on == name)).map(|(name, _)| name.clone()).collect();
            for other in woken {
                self.wake(&other, Cause::Signal { sense: name.to_owned(), payload: payload.clone() });
            }
        }
        if gone {
            if let Some(sense) = self.senses.remove(name) {
                self.unused_senses.insert(name.to_owned(), sense.row);
            }
            self.stop_empty_groups();
        }
        self.retire_if_unused(&tick.worker);
        self.start_tick(name);
    }

    /// A tick that takes longer than its timeout and grace period ends its process; other groups go on.
    pub(super) fn tick_overdue(&mut self, name: &str, id: TickId) {
        let Some(sense) = self.senses.get(name) else { return };
        let Some(tick) = sense.tick.as_ref().filter(|tick| tick.id == id && tick.seen.is_none()) else { return };
        let why = format!(
            "the tick of `{name}` took longer than {:?} and a grace period of {:?}",
            sense.config.timeout, sense.config.grace_period
        );
        let worker = tick.worker.clone();
        self.kill_worker(&worker, why.clone());
        self.tick_failed(name, id, &why);
    }

    pub(super) fn ticks_lost(&mut self, key: &WorkerKey, summary: &str) {
        let lost: Vec<_> = self
            .senses
            .iter()
            .filter(|(_, sense)| sense.runs_on(key))
            .filter_map(|(name, sense)| Some((name.clone(), sense.tick.as_ref()?.id)))
            .collect();
        for (name, id) in lost {
            self.tick_failed(&name, id, &format!("its process died: {summary}"));
        }
    }

    /// Takes a new config's senses: vanished ones go after their tick, schedules are made anew.
    pub(super) fn reload_senses(&mut self) {
        for (name, config) in self.config.senses.clone() {
            match self.senses.get_mut(&name) {
                Some(sense) => {
                    sense.gone = false;
                    if sense.config.interval != config.interval {
                        sense.next_at = config.interval.map(|interval| Instant::now() + interval);
                        if let Some(at) = sense.next_at {
                            self.timers.at(at, Timer::Sense(name.clone()));
                        }
                    }
                    sense.config = config;
                }
                None => {
                    let known = self.unused_senses.remove(&name);
                    let row = known.unwrap_or_else(|| SenseRow { name: name.clone(), ..SenseRow::default() });
                    let mut sense = SenseSlot::new(config, row);
                    if sense.config.interval.is_some() {
                        sense.next_at = Some(Instant::now());
                        self.timers.at(Instant::now(), Timer::Sense(name.clone()));
                    }
                    self.senses.insert(name, sense);
                }
            }
        }
        let (config, unused) = (&self.config, &mut self.unused_senses);
        self.senses.retain(|name, sense| {
            sense.gone = !config.senses.contains_key(name);
            let stays = !sense.gone || sense.tick.is_some();
            if !stays {
                // It may come back, and must not begin from nothing then.
                unused.insert(name.clone(), sense.row.clone());
            }
            stays
        });
        self.stop_empty_groups();
    }

    fn stop_empty_groups(&mut self) {
        let used = |key: &WorkerKey| match key {
            WorkerKey::Senses { group, .. } => self.senses.values().any(|sense| sense.config.group == *group || sense.runs_on(key)),
            WorkerKey::Workflow { .. } => true,
        };
        let unused: Vec<_> = self.workers.keys().filter(|key| !used(key)).cloned().collect();
        unused.iter().for_each(|key| self.dismiss(key));
    }
}

impl SenseSlot {
    fn new(config: SenseConfig, row: SenseRow) -> Self {
        Self { config, row, tick: None, due: Vec::new(), callers: Vec::new(), next_at: None, last_started: None, gone: false }
    }
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
