//! The task that owns one child.

use std::process::ExitStatus;
use std::time::Duration;

use nerve_core::wire::{PROTOCOL, ToDaemon, ToWorker};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::crashes::{Crashes, Verdict};
use super::spawn::{Heard, Running, spawn};
use super::{Control, Event, Exit, Session, Spec};

/// How long the rest of a dead child's frames may take to come out of the channel.
const LAST_FRAMES: Duration = Duration::from_secs(1);

/// A child that was ready this long starts with a clean record.
const HEALTHY: Duration = Duration::from_secs(60);

enum State {
    Stopped,
    /// Waits before the next start.
    Backoff {
        until: Instant,
    },
    Starting {
        running: Running,
        deadline: Instant,
    },
    Ready {
        running: Running,
        since: Instant,
    },
    Draining {
        running: Running,
        stage: Stage,
        deadline: Instant,
        was_ready: bool,
    },
    Blocked,
}

/// How far a stop has gone.
#[derive(Clone, Copy)]
enum Stage {
    Asked,
    Terminated,
    Killed,
}

enum Woken {
    Control(Option<Control>),
    Heard(Heard),
    Exited(Option<ExitStatus>),
    Time,
}

pub(super) struct Task {
    name: String,
    spec: Spec,
    tell: Box<dyn Fn(Event) + Send + Sync>,
    inbox: mpsc::UnboundedReceiver<Control>,
    state: State,
    session: Session,
    crashes: Crashes,
    /// What waits for the child to be ready.
    queue: Vec<ToWorker>,
    stopping: Vec<oneshot::Sender<()>>,
    /// Why the running process was killed, when it was for a fault of its own.
    fault: Option<String>,
    closed: bool,
}

impl Task {
    pub(super) fn new(name: String, spec: Spec, tell: Box<dyn Fn(Event) + Send + Sync>, inbox: mpsc::UnboundedReceiver<Control>) -> Self {
        let (state, crashes) = (State::Stopped, Crashes::default());
        Self { name, spec, tell, inbox, state, session: 0, crashes, queue: Vec::new(), stopping: Vec::new(), fault: None, closed: false }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.wait().await {
                Woken::Control(Some(control)) => self.control(control),
                Woken::Control(None) => {
                    self.closed = true;
                    self.stop();
                }
                Woken::Heard(heard) => self.heard(heard),
                Woken::Exited(status) => self.exited(status).await,
                Woken::Time => self.time(),
            }
            if self.closed && matches!(self.state, State::Stopped | State::Blocked) {
                return;
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let (running, deadline) = match &mut self.state {
            State::Stopped | State::Blocked => (None, None),
            State::Backoff { until } => (None, Some(*until)),
            State::Starting { running, deadline } | State::Draining { running, deadline, .. } => (Some(running), Some(*deadline)),
            State::Ready { running, .. } => (Some(running), None),
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
            control = self.inbox.recv(), if !self.closed => Woken::Control(control),
            woken = child => woken,
            () = time => Woken::Time,
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Start => self.start_if_stopped(),
            Control::Send { session, .. } if session != self.session => {}
            Control::Send { frames, .. } => match &self.state {
                State::Ready { running, .. } => running.send(&frames),
                _ => {
                    self.queue.extend(frames);
                    self.start_if_stopped();
                }
            },
            Control::Stop(done) => {
                self.stopping.push(done);
                self.stop();
            }
            Control::Kill { why } => {
                if let State::Ready { running, .. } | State::Starting { running, .. } = &self.state {
                    self.fault = Some(why);
                    signal(running.pid, Signal::SIGKILL);
                }
            }
            Control::Reset => {
                self.crashes.clear();
                if matches!(self.state, State::Blocked | State::Backoff { .. }) {
                    self.state = State::Stopped;
                    if !self.queue.is_empty() {
                        self.start();
                    }
                }
            }
            Control::Replace(spec) => self.spec = *spec,
        }
    }

    fn start_if_stopped(&mut self) {
        if matches!(self.state, State::Stopped) && !self.closed {
            self.start();
        }
    }

    fn start(&mut self) {
        match spawn(&self.name, &self.spec) {
            Ok(running) => {
                tracing::info!(worker = self.name, pid = running.pid, "started");
                self.state = State::Starting { running, deadline: Instant::now() + self.spec.times.ready };
            }
            Err(error) => {
                let summary = format!("{} cannot be started: {error}", self.spec.program.display());
                self.crashed(0, false, summary);
            }
        }
    }

    fn heard(&mut self, heard: Heard) {
        match (heard, &mut self.state) {
            (Heard::Frames(frames), State::Starting { .. }) => self.first_frames(frames),
            (Heard::Frames(frames), _) => (self.tell)(Event::Frames(frames)),
            (Heard::Broken(error), State::Ready { running, .. } | State::Starting { running, .. }) => {
                tracing::error!(worker = self.name, pid = running.pid, error, "frame refused");
                self.fault = Some(error);
                signal(running.pid, Signal::SIGKILL);
            }
            // The exit follows; a child that only closed its channel cannot be spoken to any more.
            (Heard::End, State::Ready { running, .. } | State::Starting { running, .. }) => signal(running.pid, Signal::SIGKILL),
            (Heard::Broken(_) | Heard::End, _) => {}
        }
    }

    fn first_frames(&mut self, mut frames: Vec<ToDaemon>) {
        let State::Starting { running, .. } = std::mem::replace(&mut self.state, State::Stopped) else { return };
        let pid = running.pid;
        match frames.remove(0) {
            ToDaemon::Ready { protocol: PROTOCOL, manifest, .. } => {
                running.send(&std::mem::take(&mut self.queue));
                self.state = State::Ready { running, since: Instant::now() };
                (self.tell)(Event::Ready { pid, manifest });
                if !frames.is_empty() {
                    (self.tell)(Event::Frames(frames));
                }
            }
            ToDaemon::Ready { protocol, .. } => self.refuse(running, format!("it speaks protocol {protocol}, this nerve {PROTOCOL}")),
            _ => self.refuse(running, "its first frame was not `ready`".to_owned()),
        }
    }

    fn refuse(&mut self, running: Running, why: String) {
        tracing::error!(worker = self.name, pid = running.pid, why, "frame refused");
        signal(running.pid, Signal::SIGKILL);
        self.fault = Some(why);
        self.state = State::Starting { running, deadline: Instant::now() + self.spec.times.ready };
    }

    fn stop(&mut self) {
        match std::mem::replace(&mut self.state, State::Stopped) {
            State::Starting { running, .. } => self.drain(running, false),
            State::Ready { running, .. } => self.drain(running, true),
            draining @ State::Draining { .. } => self.state = draining,
            State::Blocked => {
                self.state = State::Blocked;
                self.stopped();
            }
            State::Stopped | State::Backoff { .. } => self.stopped(),
        }
    }

    fn drain(&mut self, running: Running, was_ready: bool) {
        running.send(&[ToWorker::Shutdown]);
        self.state = State::Draining { running, stage: Stage::Asked, deadline: Instant::now() + self.spec.drain, was_ready };
    }

    fn stopped(&mut self) {
        self.stopping.drain(..).for_each(|done| {
            let _ = done.send(());
        });
    }

    fn time(&mut self) {
        match &mut self.state {
            State::Backoff { .. } => {
                self.state = State::Stopped;
                self.start();
            }
            State::Starting { running, deadline } => {
                self.fault = Some(format!("not ready within {:?}", self.spec.times.ready));
                *deadline = Instant::now() + self.spec.times.ready;
                signal(running.pid, Signal::SIGKILL);
            }
            State::Draining { running, stage, deadline, .. } => {
                let (next, sent) = match stage {
                    Stage::Asked => (Stage::Terminated, Signal::SIGTERM),
                    Stage::Terminated | Stage::Killed => (Stage::Killed, Signal::SIGKILL),
                };
                signal(running.pid, sent);
                (*stage, *deadline) = (next, Instant::now() + self.spec.times.term_grace);
            }
            State::Stopped | State::Ready { .. } | State::Blocked => {}
        }
    }

    async fn exited(&mut self, status: Option<ExitStatus>) {
        let (mut running, was_ready, expected, since) = match std::mem::replace(&mut self.state, State::Stopped) {
            State::Starting { running, .. } => (running, false, false, None),
            State::Ready { running, since } => (running, true, false, Some(since)),
            State::Draining { running, was_ready, .. } => (running, was_ready, true, None),
            other => {
                self.state = other;
                return;
            }
        };
        // Its group is gone before anything is said of its end.
        signal(running.pid, Signal::SIGKILL);
        let rest = async {
            while let Some(Heard::Frames(frames)) = running.heard.recv().await {
                if was_ready {
                    (self.tell)(Event::Frames(frames));
                }
            }
        };
        let _ = timeout(LAST_FRAMES, rest).await;
        let summary = summary(status, self.fault.take(), &running.tail.text());
        tracing::info!(worker = self.name, pid = running.pid, expected, summary, "exit");
        if since.is_some_and(|since| since.elapsed() > HEALTHY) {
            self.crashes.clear();
        }
        if was_ready {
            self.session += 1;
            self.queue.clear();
        }
        if expected {
            let exit = Exit { pid: running.pid, session: self.session, was_ready, expected, summary, crashes: self.crashes.count() };
            (self.tell)(Event::Exited(exit));
            self.stopped();
            // Something may have been sent while it drained.
            if !self.queue.is_empty() && !self.closed {
                self.start();
            }
        } else {
            self.crashed(running.pid, was_ready, summary);
        }
    }

    fn crashed(&mut self, pid: u32, was_ready: bool, summary: String) {
        let verdict = self.crashes.add(Instant::now(), &self.spec.times, fastrand::f64());
        let crashes = self.crashes.count();
        (self.tell)(Event::Exited(Exit { pid, session: self.session, was_ready, expected: false, summary: summary.clone(), crashes }));
        match verdict {
            Verdict::Respawn(delay) => {
                tracing::warn!(worker = self.name, "crash {crashes} of {}, respawn in {delay:?}", self.spec.times.crash_limit);
                self.state = State::Backoff { until: Instant::now() + delay };
            }
            Verdict::Blocked => {
                tracing::error!(worker = self.name, "crash {crashes} of {}, limit reached", self.spec.times.crash_limit);
                self.state = State::Blocked;
                // The engine parks or drops what these were for; a later start must not find old questions.
                self.queue.clear();
                (self.tell)(Event::Blocked { reason: format!("crashed {crashes} times; the last time: {summary}") });
            }
        }
        if !self.stopping.is_empty() || self.closed {
            self.state = State::Stopped;
            self.stopped();
        }
    }
}

/// Signals the child's whole group. The group's number stays taken while a member lives, so this never hits a stranger.
fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // No such group: all of it is gone already.
        let _ = killpg(Pid::from_raw(pid), signal);
    }
}

fn summary(status: Option<ExitStatus>, fault: Option<String>, tail: &str) -> String {
    use std::os::unix::process::ExitStatusExt;
    let mut text = match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown exit".to_owned(),
        },
        None => "unknown exit".to_owned(),
    };
    if let Some(fault) = fault {
        text = format!("{fault} ({text})");
    }
    if !tail.is_empty() {
        text = format!("{text}\n{tail}");
    }
    text
}
