//! The task that owns one child.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nerve_core::wire::{PROTOCOL, ToDaemon, ToWorker};
use nix::sys::signal::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::super::children::Children;
use super::channel::{Frames, Heard};
use super::crashes::{Crashes, Verdict};
use super::handle::{Ends, Standing};
use super::load::{Load, Piece};
use super::spawn::{Running, spawn};
use super::state::{Stage, State};
use super::{Event, Exit, Gone, Pace, Session, Spec, event};

/// How long the rest of a dead child's frames and words may take to come.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a child that closed its channel has to exit.
const EXIT: Duration = Duration::from_millis(500);

/// What is asked of a child's task.
#[derive(Debug)]
pub(super) enum Control {
    Start,
    Send { session: Option<Session>, piece: Piece },
    TrySend { session: Session, piece: Piece },
    Kill { session: Session, why: String, grace: Option<Duration> },
    Drain(oneshot::Sender<()>),
    Evict(Pace),
    Reset,
    Replace(Box<Spec>),
}

enum Woken {
    Control(Option<Control>),
    Heard(Heard),
    Exited(Option<ExitStatus>),
    Relieved,
    Time,
}

/// A message that waits for a process to be ready.
struct Queued {
    session: Option<Session>,
    piece: Piece,
}

pub(super) struct Task {
    processes: Children,
    name: String,
    spec: Spec,
    tell: Box<dyn Fn(Event) + Send + Sync>,
    inbox: mpsc::UnboundedReceiver<Control>,
    standing: watch::Sender<Standing>,
    load: Arc<Load>,
    evicted: Arc<AtomicBool>,
    state: State,
    session: Session,
    crashes: Crashes,
    queue: Vec<Queued>,
    /// Those who wait for the next process.
    drains: Vec<oneshot::Sender<()>>,
    /// Nothing is started any more; when no process runs, this ends.
    closing: bool,
    /// Nobody holds the child any more.
    inbox_ended: bool,
}

impl Task {
    pub(super) fn new(processes: Children, name: String, spec: Spec, tell: Box<dyn Fn(Event) + Send + Sync>, ends: Ends) -> Self {
        let Ends { inbox, standing, load, evicted } = ends;
        Self {
            processes,
            name,
            spec,
            tell,
            inbox,
            standing,
            load,
            evicted,
            state: State::Stopped,
            session: 0,
            crashes: Crashes::default(),
            queue: Vec::new(),
            drains: Vec::new(),
            closing: false,
            inbox_ended: false,
        }
    }

    pub(super) async fn run(mut self, after: Gone) {
        after.wait().await;
        loop {
            match self.wait().await {
                Woken::Control(Some(control)) => self.control(control),
                Woken::Control(None) => {
                    self.inbox_ended = true;
                    self.close(Pace::Drain);
                }
                Woken::Heard(heard) => self.heard(heard),
                Woken::Exited(status) => self.exited(status).await,
                Woken::Relieved => self.tell(Event::Drained),
                Woken::Time => self.time(),
            }
            self.show();
            if self.closing && matches!(self.state, State::Stopped | State::Blocked) {
                return;
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let (running, deadline) = match &mut self.state {
            State::Stopped | State::Blocked => (None, None),
            State::Backoff { until } => (None, Some(*until)),
            State::Starting { running, deadline }
            | State::Condemned { running, deadline, .. }
            | State::Draining { running, deadline, .. } => (Some(running), Some(*deadline)),
            State::Ready { running, healthy_at, .. } => (Some(running), *healthy_at),
        };
        let time = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let child = async {
            match running {
                // What it said goes first: a result must not be taken for lost because the exit was seen sooner.
                Some(running) => tokio::select! {
                    biased;
                    Some(heard) = running.heard.recv() => Woken::Heard(heard),
                    status = running.child.wait() => Woken::Exited(status.ok()),
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            control = self.inbox.recv(), if !self.inbox_ended => Woken::Control(control),
            // Before the child: one that never stops talking must not keep its deadline from coming.
            () = time => Woken::Time,
            woken = child => woken,
            () = self.load.relieved() => Woken::Relieved,
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Start => self.start_if_stopped(),
            Control::Send { session, piece } => self.send(Queued { session, piece }),
            Control::TrySend { session, piece } => match &self.state {
                State::Ready { running, .. } if session == self.session => running.send(piece),
                _ => {}
            },
            Control::Kill { session, why, grace } if session == self.session => self.condemn(Some(why), grace),
            Control::Kill { .. } => {}
            Control::Drain(done) => {
                self.drains.push(done);
                self.stop();
            }
            Control::Evict(pace) => self.close(pace),
            Control::Reset => {
                self.crashes.clear();
                match self.state {
                    State::Blocked => self.state = State::Stopped,
                    State::Backoff { .. } => self.start(),
                    _ => {}
                }
            }
            Control::Replace(spec) => self.spec = *spec,
        }
    }

    fn send(&mut self, message: Queued) {
        if message.session.is_some_and(|session| session != self.session) {
            return;
        }
        match &self.state {
            State::Ready { running, .. } => running.send(message.piece),
            // What it was for is parked or dropped by those who asked; a later start must not find old questions.
            State::Blocked => {}
            _ => {
                self.queue.push(message);
                self.start_if_stopped();
            }
        }
    }

    fn start_if_stopped(&mut self) {
        if matches!(self.state, State::Stopped) {
            self.start();
        }
    }

    fn start(&mut self) {
        self.state = State::Stopped;
        if self.closing || self.evicted.load(Ordering::Relaxed) {
            return;
        }
        match spawn(&self.processes, &self.name, &self.spec, &self.load) {
            Ok(running) => {
                tracing::info!(worker = self.name, pid = running.pid, "started");
                self.standing.send_modify(|standing| standing.tail = running.tail.clone());
                self.state = State::Starting { running, deadline: Instant::now() + self.spec.times.ready };
            }
            Err(error) => {
                let summary = format!("{} cannot be started: {error}", self.spec.program.display());
                self.crashed(0, false, summary);
            }
        }
    }

    fn heard(&mut self, heard: Heard) {
        match (heard, &self.state) {
            (Heard::Frames(frames), State::Starting { .. }) => self.first_frames(frames),
            // It was refused before it was ready; what it says now is of no use.
            (Heard::Frames(_), State::Condemned { ready_since: None, .. }) => {}
            (Heard::Frames(frames), _) => self.tell(Event::Frames(frames)),
            (Heard::Broken(error), State::Ready { running, .. } | State::Starting { running, .. }) => {
                tracing::error!(worker = self.name, pid = running.pid, error, "frame refused");
                self.condemn(Some(error), None);
            }
            // The exit follows; a child that only closed its channel cannot be spoken to any more.
            (Heard::End, State::Ready { .. } | State::Starting { .. }) => self.condemn(None, None),
            (Heard::Broken(_) | Heard::End, _) => {}
        }
    }

    fn first_frames(&mut self, mut frames: Frames) {
        let refused = match (frames.list.remove(0), std::mem::replace(&mut self.state, State::Stopped)) {
            (ToDaemon::Ready { protocol: PROTOCOL, manifest, .. }, State::Starting { running, .. }) => {
                self.queue.drain(..).for_each(|waiting| running.send(waiting.piece));
                let (pid, since) = (running.pid, Instant::now());
                tracing::debug!(worker = self.name, pid, "ready");
                let healthy_at = (self.crashes.count() > 0).then(|| since + self.spec.healthy);
                self.state = State::Ready { running, since, healthy_at };
                self.show();
                self.tell(Event::Ready { pid, manifest });
                if !frames.list.is_empty() {
                    self.tell(Event::Frames(frames));
                }
                return;
            }
            (frame, state) => {
                self.state = state;
                match frame {
                    ToDaemon::Ready { protocol, .. } => format!("it speaks protocol {protocol}, this nerve {PROTOCOL}"),
                    _ => "its first frame was not `ready`".to_owned(),
                }
            }
        };
        tracing::error!(worker = self.name, why = refused, "frame refused");
        self.condemn(Some(refused), None);
    }

    /// Ends the process for a fault: at once, or after a grace from SIGTERM. Without a reason it may end by itself first.
    fn condemn(&mut self, why: Option<String>, grace: Option<Duration>) {
        let (running, ready_since) = match std::mem::replace(&mut self.state, State::Stopped) {
            State::Starting { running, .. } => (running, None),
            State::Ready { running, since, .. } => (running, Some(since)),
            State::Condemned { running, ready_since, why: None, .. } => (running, ready_since),
            other => {
                self.state = other;
                if grace.is_none() {
                    self.kill();
                }
                return;
            }
        };
        let wait = match (&why, grace) {
            (None, _) => EXIT,
            (Some(_), Some(grace)) => {
                running.terminate();
                grace
            }
            (Some(_), None) => {
                running.signal(Signal::SIGKILL);
                self.spec.times.term_grace
            }
        };
        self.state = State::Condemned { running, ready_since, why, deadline: Instant::now() + wait };
    }

    /// Kills a process that is on its way out.
    fn kill(&mut self) {
        match &mut self.state {
            State::Condemned { running, deadline, .. } | State::Draining { running, deadline, .. } => {
                running.signal(Signal::SIGKILL);
                *deadline = Instant::now() + self.spec.times.term_grace;
            }
            State::Stopped | State::Backoff { .. } | State::Starting { .. } | State::Ready { .. } | State::Blocked => {}
        }
    }

    fn close(&mut self, pace: Pace) {
        self.closing = true;
        self.stop();
        if pace == Pace::Now {
            self.kill();
        }
    }

    fn stop(&mut self) {
        match std::mem::replace(&mut self.state, State::Stopped) {
            State::Starting { running, .. } => self.ask_to_stop(running, false),
            State::Ready { running, .. } => self.ask_to_stop(running, true),
            State::Condemned { running, ready_since, deadline, .. } => {
                self.state = State::Draining { running, stage: Stage::Signalled, deadline, was_ready: ready_since.is_some() };
            }
            draining @ State::Draining { .. } => self.state = draining,
            State::Blocked => {
                self.state = State::Blocked;
                self.drained();
            }
            State::Stopped | State::Backoff { .. } => self.stopped(),
        }
    }

    fn ask_to_stop(&mut self, running: Running, was_ready: bool) {
        running.say(&[ToWorker::Shutdown]);
        self.state = State::Draining { running, stage: Stage::Asked, deadline: Instant::now() + self.spec.drain, was_ready };
    }

    /// No process runs. Another is started if one is wanted.
    fn stopped(&mut self) {
        if !self.queue.is_empty() || !self.drains.is_empty() {
            self.start();
        }
        self.drained();
    }

    fn drained(&mut self) {
        self.drains.drain(..).for_each(|done| {
            let _ = done.send(());
        });
    }

    fn time(&mut self) {
        match &mut self.state {
            State::Backoff { .. } => self.start(),
            // It may have spoken while nobody had time to listen.
            State::Starting { running, .. } => match running.heard.try_recv() {
                Ok(heard) => self.heard(heard),
                Err(_) => self.condemn(Some(format!("not ready within {:?}", self.spec.times.ready)), None),
            },
            State::Ready { healthy_at, .. } => {
                *healthy_at = None;
                self.crashes.clear();
            }
            State::Condemned { why, .. } => {
                why.get_or_insert_with(|| "it closed its channel and lived on".to_owned());
                self.kill();
            }
            State::Draining { running, stage: stage @ Stage::Asked, deadline, .. } => {
                running.terminate();
                (*stage, *deadline) = (Stage::Signalled, Instant::now() + self.spec.times.term_grace);
            }
            State::Draining { .. } => self.kill(),
            State::Stopped | State::Blocked => {}
        }
    }

    async fn exited(&mut self, status: Option<ExitStatus>) {
        let (running, ready_since, expected, fault) = match std::mem::replace(&mut self.state, State::Stopped) {
            State::Starting { running, .. } => (running, None, false, None),
            State::Ready { running, since, .. } => (running, Some(since), false, None),
            State::Condemned { running, ready_since, why, .. } => (running, ready_since, false, why),
            State::Draining { running, was_ready, .. } => (running, was_ready.then(Instant::now), true, None),
            other => {
                self.state = other;
                return;
            }
        };
        self.show();
        // All it started is gone before anything is said of its end.
        running.signal(Signal::SIGKILL);
        self.processes.ended(running.pid);
        let left = self.processes.sweep(&self.name).await;
        if !left.is_empty() {
            tracing::error!(worker = self.name, pids = ?left, "what it started would not die");
        }
        let (pid, was_ready) = (running.pid, ready_since.is_some());
        let summary = event::summary(status, fault, &self.last_words(running, was_ready).await);
        tracing::info!(worker = self.name, pid, expected, summary, "exit");
        if was_ready {
            self.session += 1;
            let session = self.session;
            self.queue.retain(|waiting| waiting.session.is_none_or(|of| of == session));
        }
        if expected {
            let exit = Exit { pid, session: self.session, was_ready, expected, summary, crashes: self.crashes.count() };
            self.tell(Event::Exited(exit));
            self.stopped();
        } else {
            self.crashed(pid, was_ready, summary);
        }
    }

    /// Takes in what a dead process still has in its pipes.
    async fn last_words(&self, running: Running, was_ready: bool) -> String {
        let Running { mut heard, out, words, tail, .. } = running;
        // Its writer ends, and then nobody is left to tell anything.
        drop(out);
        let rest = async {
            while let Some(heard) = heard.recv().await {
                if let (Heard::Frames(frames), true) = (heard, was_ready) {
                    self.tell(Event::Frames(frames));
                }
            }
            if let Some(words) = words {
                let _ = words.await;
            }
        };
        let _ = timeout(LAST_WORDS, rest).await;
        tail.text()
    }

    fn crashed(&mut self, pid: u32, was_ready: bool, summary: String) {
        let verdict = self.crashes.add(Instant::now(), &self.spec.times, fastrand::f64());
        let crashes = self.crashes.count();
        self.tell(Event::Exited(Exit { pid, session: self.session, was_ready, expected: false, summary: summary.clone(), crashes }));
        if self.closing {
            self.state = State::Stopped;
            return;
        }
        match verdict {
            Verdict::Respawn(Duration::ZERO) if crashes == 1 => {
                tracing::warn!(worker = self.name, "crash 1 of {}, respawn at once", self.spec.times.crash_limit);
                // No timer: it would wait for the next millisecond.
                self.start();
            }
            Verdict::Respawn(delay) => {
                tracing::warn!(worker = self.name, "crash {crashes} of {}, respawn in {delay:?}", self.spec.times.crash_limit);
                self.state = State::Backoff { until: Instant::now() + delay };
            }
            Verdict::Blocked => {
                tracing::error!(worker = self.name, "crash {crashes} of {}, limit reached", self.spec.times.crash_limit);
                self.state = State::Blocked;
                self.queue.clear();
                self.tell(Event::Blocked { reason: format!("crashed {crashes} times; the last time: {summary}") });
            }
        }
    }

    /// Tells what happened. A listener that panics must not cost the child its owner.
    fn tell(&self, event: Event) {
        if catch_unwind(AssertUnwindSafe(|| (self.tell)(event))).is_err() {
            tracing::error!(worker = self.name, "what listens to this worker panicked");
        }
    }

    /// Shows the state to those who look from outside.
    fn show(&self) {
        let ready = match &self.state {
            State::Ready { running, .. } => Some(running.pid),
            _ => None,
        };
        self.standing.send_if_modified(|standing| {
            let new = (ready, self.session) != (standing.ready, standing.session);
            (standing.ready, standing.session) = (ready, self.session);
            new
        });
    }
}
