//! The engine: one loop that owns every open thread, every queue and every schedule.
//!
//! It takes messages in chunks, lets the thread machines decide, hands what they wrote to the journal once a chunk, and
//! acts when the journal says that it is durable. It awaits nothing but its inbox and its timers; what takes long runs
//! elsewhere and comes back as a message. Only a few turns are written on its thread, which a slow disk may hold up once.

mod accept;
mod backlog;
mod blame;
mod brakes;
mod calls;
mod frames;
mod message;
mod pairs;
mod perform;
mod recover;
mod reload;
mod replay;
mod requests;
mod restart;
mod senses;
mod slot;
mod stop;
mod timers;
mod trial;
mod view;
mod workers;
mod written;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use nerve_core::config::Config;
use nerve_core::thread::{Input, Refused, Rules};
use nerve_core::wire::{CallId, Manifest};
use nerve_core::{BuildId, Extractor, ThreadId, Timestamp};
use nerve_store::SenseRow;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::calls::Host;
use super::children::Children;
use super::claim::Claim;
use super::journal::{Order, TurnNo};
use super::supervisor::Supervisor;
use super::{BuildSpec, Layout};
use brakes::Brakes;
pub(crate) use calls::REASKS;
pub(crate) use message::WorkerKey;
pub(crate) use message::{Finished, Look, Message, MetaRead, Request, TickOutcome, Trigger};
use pairs::Pairs;
pub(crate) use recover::LastLife;
use senses::SenseSlot;
use slot::{CallRef, Line, Slot};
use stop::Stopping;
use timers::Timers;
pub(crate) use trial::Tried;
use workers::Worker;
use written::TurnTag;

use crate::crash_point::{Moment, Point, crash_point};

/// What the engine is made with.
pub(crate) struct Parts {
    pub layout: Layout,
    pub config: Arc<Config>,
    pub build: BuildSpec,
    pub manifest: Manifest,
    pub journal: mpsc::UnboundedSender<Vec<Order>>,
    pub inbox: mpsc::UnboundedReceiver<Message>,
    pub tell: mpsc::UnboundedSender<Message>,
    pub host: Host,
    pub children: Children,
    pub claim: Claim,
}

pub(crate) struct Engine {
    layout: Layout,
    claim: Claim,
    config: Arc<Config>,
    config_problem: Option<String>,
    /// A config that names what the current build lacks; it is tried again with the next build.
    waiting_config: Option<Arc<Config>>,
    build: BuildSpec,
    manifest: Manifest,
    build_problem: Option<String>,
    /// A build whose first worker has yet to say `ready`.
    candidate: Option<reload::Candidate>,
    builds: HashMap<BuildId, BuildSpec>,
    journal: mpsc::UnboundedSender<Vec<Order>>,
    host: Host,
    slots: HashMap<ThreadId, Slot>,
    lines: HashMap<String, Line>,
    workers: HashMap<WorkerKey, Worker>,
    senses: HashMap<String, SenseSlot>,
    /// What is known of senses that nerve.yaml does not have now.
    unused_senses: HashMap<String, SenseRow>,
    /// Calls that workers run.
    calls: HashMap<CallId, CallRef>,
    next_call: u64,
    supervisor: Supervisor<WorkerKey>,
    brakes: Brakes,
    /// When the brakes are looked at next, so that one look is enough for all that wait.
    brakes_at: Option<Instant>,
    timers: Timers,
    /// Results that wait for what follows them.
    pairs: Pairs,
    /// The moment in the youngest thread's id: what is done for several threads is done in the order of their ids.
    last_accepted: Timestamp,
    /// Threads with something to write or to do at the end of this chunk.
    dirty: BTreeSet<ThreadId>,
    orders: Vec<Order>,
    turns: HashMap<TurnNo, TurnTag>,
    next_turn: u64,
    outage: Option<String>,
    fenced: bool,
    stopping: Option<Stopping>,
}

/// The counter that says whether the last life ended with nothing in flight.
pub(crate) const CLEAN_STOP: &str = "clean_stop";

/// A timer that is later than this was held up by something else than its turn.
const LATE: Duration = Duration::from_millis(50);

/// Turns that it takes until what lies in the workers' sockets is in the inbox: the sockets are polled, their readers and owners run.
const CATCH_UP: usize = 8;

/// The most messages that are taken before anything is written.
const CHUNK: usize = 256;

impl Engine {
    pub(crate) fn new(parts: Parts) -> (Self, mpsc::UnboundedReceiver<Message>) {
        let Parts { layout, config, build, manifest, journal, inbox, tell, host, children, claim } = parts;
        let builds = HashMap::from([(build.id.clone(), build.clone())]);
        let supervisor = Supervisor::new(children, move |key: &WorkerKey, generation, event| {
            // The engine is the last to go; without it nobody is left to tell. The inbox has no bound of its own and
            // needs none for children: each keeps a few chunks under way, and is not read before they were taken.
            let _ = tell.send(Message::Worker(key.clone(), generation, event));
        });
        let engine = Self {
            layout,
            claim,
            brakes: Brakes::new(&config.limits),
            brakes_at: None,
            config,
            config_problem: None,
            waiting_config: None,
            build,
            manifest,
            build_problem: None,
            candidate: None,
            builds,
            journal,
            host,
            slots: HashMap::new(),
            lines: HashMap::new(),
            workers: HashMap::new(),
            senses: HashMap::new(),
            unused_senses: HashMap::new(),
            supervisor,
            calls: HashMap::new(),
            next_call: 1,
            timers: Timers::default(),
            pairs: Pairs::default(),
            last_accepted: Timestamp::default(),
            dirty: BTreeSet::new(),
            orders: Vec::new(),
            turns: HashMap::new(),
            next_turn: 1,
            outage: None,
            fenced: false,
            stopping: None,
        };
        (engine, inbox)
    }

    /// Runs until a stop is complete.
    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        self.schedule_senses();
        self.collect_builds();
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            self.flush();
            if self.over() {
                break;
            }
            let next = [self.timers.next(), self.pairs.next(&self.slots)].into_iter().flatten().min();
            let timer = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = inbox.recv_many(&mut chunk, CHUNK) => {}
                () = timer => {}
            }
            let now = Instant::now();
            if next.is_some_and(|at| now > at + LATE) {
                // This thread was held up. What was said in time, and not read, goes before the deadline for it.
                for _ in 0..CATCH_UP {
                    tokio::task::yield_now().await;
                }
                while let Ok(message) = inbox.try_recv() {
                    chunk.push(message);
                }
            }
            for message in chunk.drain(..) {
                self.take(message);
            }
            for timer in self.timers.due(now) {
                self.fire(timer);
            }
            self.release_pairs(now);
        }
        if !self.hurried() {
            crash_point(Point::At(Moment::StopQuiet));
            // Nothing was in flight: the next life need not take what had not begun for lost.
            self.keep(CLEAN_STOP, "1".to_owned());
            self.flush();
            crash_point(Point::At(Moment::StopNoted));
        }
        // What agents say until they have ended is kept for the next life.
        for slot in self.slots.values_mut() {
            slot.abort();
        }
        self.stop_workers(inbox).await;
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Worker(key, generation, event) => self.worker_event(&key, generation, event),
            Message::Written(written) => self.written(written),
            Message::Call(finished) => self.call_finished(*finished),
            Message::SessionSeen { thread, step, attempt, session } => {
                self.input_late(thread, Input::SessionSeen { step, attempt, session });
            }
            Message::Request(request) => self.request(request),
            Message::Config(config) => self.reload(config),
            Message::ConfigProblem(problem) => {
                tracing::error!(problem, "nerve.yaml was not taken over; the last good one serves");
                self.config_problem = Some(problem);
            }
            Message::Build(record, spec) => self.try_build(record, spec),
            Message::SweeperDied => self.give_way_if_claimed(),
        }
    }

    /// Gives a thread what happened to it. What it answers is written at the end of the chunk.
    fn input(&mut self, id: ThreadId, input: Input) -> Result<(), Refused> {
        let Some(slot) = self.slots.get_mut(&id) else { return Err(Refused::NotExpected("anything: the thread is not open")) };
        let entries = slot.machine.handle(input)?;
        // What comes next is here, or something else is: the result is written with it.
        slot.pair_until = None;
        slot.note(entries, super::clock::now());
        self.dirty.insert(id);
        Ok(())
    }

    /// [`input`](Self::input) for what may come late: a refusal is the machine doing its work, and only told to the log.
    fn input_late(&mut self, id: ThreadId, input: Input) {
        if let Err(refused) = self.input(id, input) {
            tracing::debug!(thread = %id, %refused, "a late result was refused");
        }
    }

    /// Writes what is new and acts on what is durable, until nothing is left to do in this chunk.
    fn flush(&mut self) {
        while let Some(id) = self.dirty.pop_first() {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            if slot.pair_until.is_some() {
                continue;
            }
            if slot.has_news() {
                let (turn, refusable) = slot.turn();
                let no = self.order(turn, refusable, TurnTag::Thread(id));
                tracing::trace!(thread = %id, turn = no.0, "to the journal");
            } else if slot.is_settled() {
                self.settle(id);
            }
        }
        self.supervisor.deliver();
        if !self.orders.is_empty() {
            // What a newer daemon's sweep does to this one's children is no news of a thread.
            self.give_way_if_claimed();
            if self.fenced {
                return;
            }
            let orders = std::mem::take(&mut self.orders);
            if self.journal.send(orders).is_err() {
                tracing::error!("the journal's writer is gone");
                self.fenced = true;
            }
        }
    }

    fn order(&mut self, turn: nerve_store::Turn, refusable: bool, tag: TurnTag) -> TurnNo {
        let no = TurnNo(self.next_turn);
        self.next_turn += 1;
        self.turns.insert(no, tag);
        self.orders.push(Order { no, turn, refusable });
        no
    }

    /// The bounds of a step of this role: one more rung than the re-asks when a second model stands ready for it.
    fn rules(&self, workflow: &str, role: &str, extractor: &Extractor) -> Rules {
        let second = self.host.has_extractor(&self.config, workflow, role, &extractor.0);
        Rules { max_reasks: REASKS + u32::from(second), ..Rules::default() }
    }

    /// Sets the bounds of the step that the thread is at, by the config of this moment.
    fn refresh_rules(&mut self, id: ThreadId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let Some(intent) = slot.machine.thread().acting().map(|acting| &acting.intent) else { return };
        let Some(hosted) = &intent.hosted else { return };
        let rules = self.rules(slot.workflow(), &intent.role, &hosted.extractor);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.machine.set_rules(rules);
        }
    }
}
