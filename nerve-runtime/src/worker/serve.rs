//! The worker's loop: one frame in, one task or answer out.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nerve_core::wire::{AskId, CallId, CheckMeta, ContextStep, PROTOCOL, ToDaemon, ToWorker};
use nerve_core::{
    Answer, Ask, AskRequest, BoxFuture, Error, RoleBody, RoleContext, RoleResult, SenseContext, ThreadContext, ThreadId, Workflow,
};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::channel::Channel;
use super::contexts::Contexts;
use super::inbox::Inbox;
use super::out::Out;
use super::{WorkerError, catch, catching, check, decide, replay};
use crate::Workspace;
use crate::crash_point::{Moment, Point, crash_point};

/// How long a worker that was told to stop waits for what runs, when the daemon does not say.
const DRAIN: Duration = Duration::from_secs(10);

struct Server {
    workspace: Workspace,
    root: PathBuf,
    drain: Duration,
    out: Out,
    memory: Memory,
    asks: Asks,
    tasks: JoinSet<()>,
    calls: Calls,
}

/// What the worker remembers, for the loop and the tasks that add to it. No lock is held across an await.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Contexts>>);

impl Memory {
    fn contexts(&self) -> MutexGuard<'_, Contexts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tasks of calls, so that they can be cancelled.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<HashMap<CallId, AbortHandle>>>);

impl Calls {
    fn begun(&self, call: CallId, task: AbortHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(call, task);
    }

    fn over(&self, call: CallId) -> Option<AbortHandle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&call)
    }
}

pub(super) async fn serve(workspace: Workspace, channel: Channel) -> Result<(), WorkerError> {
    let (out, mut inbox) = channel.open().map_err(WorkerError::Channel)?;
    let mut frames = Vec::new();
    inbox.frames(&mut frames).await;
    let mut server = Server::greet(workspace, out, frames.remove(0))?;
    let mut stopping = false;
    loop {
        for frame in frames.drain(..) {
            match frame {
                ToWorker::Shutdown => stopping = true,
                frame if stopping => server.take_while_stopping(frame),
                frame => server.take(frame),
            }
        }
        // Tasks answer for themselves; only their remains are collected.
        while server.tasks.try_join_next().is_some() {}
        if stopping {
            server.drain(inbox).await;
            return Ok(());
        }
        inbox.frames(&mut frames).await;
    }
}

impl Server {
    fn greet(workspace: Workspace, out: Out, first: ToWorker) -> Result<Self, WorkerError> {
        let ToWorker::Hello { protocol, root, drain_ms } = first else { return Err(WorkerError::NoDaemon) };
        if protocol != PROTOCOL {
            return Err(WorkerError::Protocol { daemon: protocol, ours: PROTOCOL });
        }
        out.send(&[ToDaemon::Ready { protocol: PROTOCOL, sdk: env!("CARGO_PKG_VERSION").to_owned(), manifest: workspace.manifest() }]);
        crash_point(Point::At(Moment::WorkerHello));
        let asks = Asks { out: out.clone(), open: Arc::default(), next: Arc::default() };
        let drain = drain_ms.map_or(DRAIN, Duration::from_millis);
        Ok(Self {
            workspace,
            root: root.into(),
            drain,
            out,
            memory: Memory::default(),
            asks,
            tasks: JoinSet::new(),
            calls: Calls::default(),
        })
    }

    fn take(&mut self, frame: ToWorker) {
        on_frame(&frame);
        match frame {
            ToWorker::Context { thread, start, from, steps } => self.memory.contexts().take(thread, start, from, steps),
            ToWorker::Decide { thread, upto, check } => self.decide(thread, upto, check),
            ToWorker::Replay { thread, upto } => match self.context_of(thread, upto) {
                Ok((workflow, context)) => {
                    let (chosen, error) = replay(&workflow, &context, upto);
                    self.out.send(&[ToDaemon::Replayed { thread, chosen, error }]);
                }
                Err(have) => self.out.send(&[ToDaemon::NeedContext { thread, have }]),
            },
            ToWorker::RunRole { call, thread, role, step, attempt, idempotency_key, urgent } => {
                match self.context_of(thread, step as usize - 1) {
                    Ok((workflow, context)) => self.run_role(call, &workflow, context, &role, step, attempt, idempotency_key, urgent),
                    Err(have) => self.out.send(&[ToDaemon::NeedContext { thread, have }]),
                }
            }
            ToWorker::RunAdapter { call, thread, role, request } => match self.context_of(thread, 0) {
                Ok((workflow, _)) => self.run_adapter(call, &workflow, &role, request),
                Err(have) => self.out.send(&[ToDaemon::NeedContext { thread, have }]),
            },
            ToWorker::Answer { ask, text, meta, usage } => self.asks.answered(ask, Ok(Answer { text, meta, usage })),
            ToWorker::AskFailed { ask, error } => self.asks.answered(ask, Err(Error::message(error))),
            ToWorker::Compute { sense, tick, causes, state } => {
                let context = SenseContext::new(sense.clone(), tick, self.root.clone(), causes, state);
                let Some(code) = self.workspace.find_sense(&sense).cloned() else {
                    return self.out.send(&[ToDaemon::ComputeFailed { error: format!("this build has no sense `{sense}`"), sense, tick }]);
                };
                let out = self.out.clone();
                self.tasks.spawn(async move {
                    let seen = match catch(|| code.compute(context)) {
                        Ok(compute) => catching(compute).await.map(|seen| seen.map_err(|error| error.to_string())),
                        Err(panic) => Err(panic),
                    };
                    crash_point(Point::At(Moment::ObservationDue));
                    out.send(&[match seen.and_then(|seen| seen) {
                        Ok(seen) => ToDaemon::Observation {
                            sense,
                            tick,
                            signal: seen.signal,
                            state: seen.state,
                            start: seen.start,
                            note: seen.note,
                        },
                        Err(error) => ToDaemon::ComputeFailed { sense, tick, error },
                    }]);
                    crash_point(Point::At(Moment::ObservationSent));
                });
            }
            ToWorker::Cancel { call } => {
                if let Some(task) = self.calls.over(call) {
                    task.abort();
                    self.out.send(&[ToDaemon::RoleFailed { call, error: "cancelled".to_owned() }]);
                }
            }
            ToWorker::Forget { thread } => self.memory.contexts().forget(thread),
            ToWorker::Hello { .. } | ToWorker::Ack { .. } | ToWorker::Ping { .. } | ToWorker::Shutdown => {}
        }
    }

    fn context_of(&self, thread: ThreadId, upto: usize) -> Result<(Arc<Workflow>, ThreadContext), usize> {
        let context = self.memory.contexts().get(thread, upto)?;
        // A workflow that this build lacks cannot have sent a context here; asking for one anew makes that visible.
        let workflow = self.workspace.find_workflow(&context.start().workflow).ok_or(0usize)?;
        Ok((Arc::clone(workflow), context))
    }

    fn decide(&mut self, thread: ThreadId, upto: usize, checked: Option<CheckMeta>) {
        let (workflow, context) = match self.context_of(thread, upto) {
            Ok(found) => found,
            Err(have) => return self.out.send(&[ToDaemon::NeedContext { thread, have }]),
        };
        let mut frames = Vec::new();
        if let Some(CheckMeta { role, meta }) = checked {
            match catch(|| check(&workflow, &role, &meta)).and_then(|checked| checked) {
                Ok(()) => frames.push(ToDaemon::MetaOk { thread, upto }),
                Err(error) => return self.out.send(&[ToDaemon::MetaRefused { thread, upto, error }]),
            }
        }
        let out = self.out.clone();
        self.tasks.spawn(async move {
            tell_decision(&out, &workflow, &context, upto, frames).await;
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the frame's fields, one by one")]
    fn run_role(
        &mut self,
        call: CallId,
        workflow: &Arc<Workflow>,
        thread: ThreadContext,
        name: &str,
        step: u32,
        attempt: u32,
        key: String,
        urgent: bool,
    ) {
        let Some(RoleBody::Written(role)) = workflow.role(name).map(nerve_core::Role::body) else {
            return self.out.send(&[ToDaemon::RoleFailed { call, error: format!("this build has no hand-written role `{name}`") }]);
        };
        let (role, name, id) = (role.clone(), name.to_owned(), thread.id());
        let asker = CallAsks { asks: self.asks.clone(), call };
        let context = RoleContext::new(thread, step, attempt, key, Box::new(asker));
        let (out, memory, calls, workflow) = (self.out.clone(), self.memory.clone(), self.calls.clone(), Arc::clone(workflow));
        let task = self.tasks.spawn(async move {
            let result = match catch(|| role.run(context)) {
                Ok(run) => catching(run).await.and_then(|result| result.map_err(|error| error.to_string())),
                Err(panic) => Err(panic),
            };
            calls.over(call);
            let tell = |frames: &[ToDaemon]| if urgent { out.send(frames) } else { out.post(frames) };
            match result {
                Ok(RoleResult { content, meta }) => {
                    crash_point(Point::At(Moment::RoleDoneDue));
                    let done = [ToDaemon::RoleDone { call, content: content.clone(), meta: meta.clone() }];
                    // What follows is decided in this very turn, and goes out with it; a result that must not be lost goes first and alone.
                    tell(&done);
                    crash_point(Point::At(Moment::RoleDoneSent));
                    let upto = step as usize;
                    let known = {
                        let mut contexts = memory.contexts();
                        contexts.take(id, None, upto - 1, vec![ContextStep { n: step, role: name, content, meta }]);
                        contexts.get(id, upto)
                    };
                    match known {
                        Ok(context) => tell_decision(&out, &workflow, &context, upto, Vec::new()).await,
                        Err(have) => out.post(&[ToDaemon::NeedContext { thread: id, have }]),
                    }
                }
                Err(error) => tell(&[ToDaemon::RoleFailed { call, error }]),
            }
        });
        self.calls.begun(call, task);
    }

    fn run_adapter(&mut self, call: CallId, workflow: &Workflow, role: &str, request: nerve_core::Request) {
        let own = match workflow.role(role).map(nerve_core::Role::body) {
            Some(RoleBody::Hosted(hosted)) => hosted.adapter.own().cloned(),
            _ => None,
        };
        let Some(own) = own else {
            return self
                .out
                .send(&[ToDaemon::RoleFailed { call, error: format!("role `{role}` of this build has no adapter of its own") }]);
        };
        let (out, calls) = (self.out.clone(), self.calls.clone());
        let task = self.tasks.spawn(async move {
            let reply = catching(async { own.ask(request).await.map_err(|error| error.to_string()) }).await.and_then(|reply| reply);
            calls.over(call);
            crash_point(Point::At(Moment::TextDue));
            // It was paid for.
            out.send(&[match reply {
                Ok(reply) => ToDaemon::Text { call, reply },
                Err(error) => ToDaemon::RoleFailed { call, error },
            }]);
            crash_point(Point::At(Moment::TextSent));
        });
        self.calls.begun(call, task);
    }

    /// Nothing new begins any more.
    fn take_while_stopping(&mut self, frame: ToWorker) {
        if matches!(frame, ToWorker::Answer { .. } | ToWorker::AskFailed { .. } | ToWorker::Cancel { .. }) {
            self.take(frame);
        }
    }

    /// Lets what runs finish, for a while; answers to asks still come in.
    async fn drain(mut self, mut inbox: Inbox) {
        let limit = tokio::time::sleep(self.drain);
        tokio::pin!(limit);
        let mut frames = Vec::new();
        while !self.tasks.is_empty() {
            tokio::select! {
                () = &mut limit => break,
                () = inbox.frames(&mut frames) => frames.drain(..).for_each(|frame| self.take_while_stopping(frame)),
                Some(_) = self.tasks.join_next() => {}
            }
        }
        self.out.flush();
    }
}

/// Asks the moderator and tells its choice, behind these frames.
async fn tell_decision(out: &Out, workflow: &Workflow, context: &ThreadContext, upto: usize, mut frames: Vec<ToDaemon>) {
    let thread = context.id();
    frames.push(match decide(workflow, context).await {
        Ok(choice) => ToDaemon::Decision { thread, upto, choice },
        Err(error) => ToDaemon::DecideFailed { thread, upto, error },
    });
    crash_point(Point::At(Moment::DecisionDue));
    out.post(&frames);
    crash_point(Point::At(Moment::DecisionSent));
}

/// The crash point of a frame that was taken.
fn on_frame(frame: &ToWorker) {
    let moment = match frame {
        ToWorker::Decide { .. } => Moment::TakesDecide,
        ToWorker::RunRole { .. } => Moment::TakesRunRole,
        ToWorker::RunAdapter { .. } => Moment::TakesRunAdapter,
        ToWorker::Compute { .. } => Moment::TakesCompute,
        ToWorker::Answer { .. } => Moment::TakesAnswer,
        _ => return,
    };
    crash_point(Point::At(moment));
}

type Waiting = oneshot::Sender<nerve_core::Result<Answer>>;

/// The asks that wait for the daemon.
#[derive(Clone)]
struct Asks {
    out: Out,
    open: Arc<Mutex<HashMap<AskId, Waiting>>>,
    next: Arc<AtomicU64>,
}

impl Asks {
    fn answered(&self, ask: AskId, answer: nerve_core::Result<Answer>) {
        let waiting = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&ask);
        if let Some(waiting) = waiting {
            // The role may have been cancelled meanwhile.
            let _ = waiting.send(answer);
        }
    }
}

struct CallAsks {
    asks: Asks,
    call: CallId,
}

impl Ask for CallAsks {
    fn ask(&self, request: AskRequest) -> BoxFuture<'static, nerve_core::Result<Answer>> {
        let ask = AskId(self.asks.next.fetch_add(1, Ordering::Relaxed));
        let (waiting, answer) = oneshot::channel();
        self.asks.open.lock().unwrap_or_else(PoisonError::into_inner).insert(ask, waiting);
        let AskRequest { adapter, prompt, schema, count } = request;
        crash_point(Point::At(Moment::AskDue));
        self.asks.out.send(&[ToDaemon::Ask { call: self.call, ask, adapter, prompt, schema, count }]);
        crash_point(Point::At(Moment::AskSent));
        Box::pin(async move { answer.await.map_err(|_| Error::message("the worker stops"))? })
    }
}
