//! Who makes calls, cut free from the host so that a task can own it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nerve_adapters::host::llm::{self, CallLimits, Endpoint, LlmClient};
use nerve_adapters::host::scripted::{ScriptedAdapter, Turn};
use nerve_adapters::host::{self, Conversation};
use nerve_core::thread::{CallAnswer, KnownSession};
use nerve_core::{CallFailure, FailureKind, RawJson, ThreadId};
use tokio::time::{Instant, sleep};

use super::super::{Layout, LifeId, clock};
use super::command::Agent;
use super::pricing::Pricing;
use super::{Host, Kind, Resolved};
use crate::crash_point::{Moment, Point, crash_point};
use crate::processes;
use crate::spool::{Begun, CallName, Called, Spool, SpooledReply, What};

/// How long a call that has no limit of its own waits to be recorded.
const PATIENCE: Duration = Duration::from_secs(300);

/// When recording is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Whose call it is.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) thread: ThreadId,
    pub(super) step: u32,
    pub(super) attempt: u32,
    pub(super) what: What,
    pub(super) role: String,
    /// How many steps this role has finished before this one.
    pub(super) turn: u32,
    /// The step's limit; an ask has none of its own.
    pub(super) timeout: Option<Duration>,
    /// The session that the role's agent had last; an ask goes on with none.
    pub(super) session: Option<KnownSession>,
}

impl Caller {
    pub(super) fn name(&self) -> CallName {
        CallName::new(self.thread, self.step, self.attempt, self.what)
    }
}

/// A text that came, and where it is kept until it is in the journal.
pub(super) struct Answer {
    pub(super) text: CallAnswer,
    pub(super) kept: Option<Spool>,
}

impl Answer {
    /// Keeps it, so that a daemon that ends now need not call again. It is told all the same when that cannot be.
    pub(super) fn keep(&self, meta: Option<&RawJson>) {
        let Some(spool) = &self.kept else { return };
        crash_point(Point::At(Moment::CallAnswered));
        let CallAnswer { adapter, content, usage, form, evidence, .. } = &self.text;
        let reply = SpooledReply {
            adapter: adapter.clone(),
            content: content.clone(),
            usage: *usage,
            form: form.clone(),
            evidence: evidence.clone(),
            meta: meta.cloned(),
        };
        if let Err(error) = spool.reply(&reply) {
            tracing::error!(call = %spool.name(), %error, "an answer cannot be kept until it is in the journal");
        }
        crash_point(Point::At(Moment::CallKept));
    }
}

/// Who makes calls.
pub(super) struct Line {
    label: String,
    pricing: Pricing,
    way: Way,
    pub(super) leaves_folder: bool,
    layout: Layout,
    life: LifeId,
}

enum Way {
    Llm { client: Arc<LlmClient>, endpoint: Endpoint, limits: CallLimits },
    Scripted(ScriptedAdapter),
    Cli(Box<Agent>),
}

impl Line {
    /// Makes a call; one that anybody pays for leaves a record from before it goes out until its answer is durable.
    pub(super) async fn call(&self, caller: &Caller, conversation: &Conversation) -> Result<Answer, CallFailure> {
        let called = match &self.way {
            Way::Cli(agent) => Some(agent.plan(caller)),
            Way::Llm { .. } | Way::Scripted(_) => None,
        };
        let kept = if self.leaves_folder { Some(self.recorded(caller, conversation, called.as_ref()).await?) } else { None };
        crash_point(Point::At(Moment::CallBegun));
        let mut session = None;
        // The long ways are boxed, for a task is as large as its longest way and is moved before it runs.
        let result = match (&self.way, &kept) {
            (Way::Llm { client, endpoint, limits }, _) => {
                // The call ends by itself, so that what it cost until then is told.
                let timeout = caller.timeout.map_or(limits.timeout, |timeout| timeout.min(limits.timeout));
                Box::pin(llm::call(client, endpoint, conversation, CallLimits { timeout, ..*limits })).await
            }
            (Way::Scripted(script), _) => {
                let Caller { thread, role, attempt, turn, .. } = caller;
                let turn = Turn { thread: *thread, role, attempt: *attempt, turn: *turn };
                within(caller.timeout, script.call(turn, &conversation.form)).await
            }
            (Way::Cli(agent), Some(spool)) if called.is_some() => {
                let called = called.unwrap_or_default();
                let answered = Box::pin(agent.answer(caller, conversation, spool.clone(), &called)).await;
                answered.map(|(text, of)| {
                    session = of;
                    text
                })
            }
            (Way::Cli(_), _) => Err(CallFailure::new(FailureKind::Config, "a command cannot run without its folder")),
        };
        match result {
            Ok(text) => Ok(Answer { text: CallAnswer { session, ..self.told(text) }, kept }),
            // What is left stays until the failure is durable: a call that may not be repeated must not look as if it had
            // never been made.
            Err(mut failure) => {
                if let Some(record) = &mut failure.record {
                    record.usage = self.pricing.price(record.usage, record.evidence.model.as_deref());
                }
                Err(failure.of(self.label.clone()))
            }
        }
    }

    /// Removes what a call left that is nobody's answer.
    pub(super) fn clear(&self, caller: &Caller, remove: impl FnOnce(&Spool)) {
        if let Some(spool) = Spool::of(&self.layout, &caller.name()) {
            remove(&spool);
        }
    }

    /// The folder of a call that is about to go out. While none can be written, such as on a full disk, the call waits.
    async fn recorded(&self, caller: &Caller, conversation: &Conversation, called: Option<&Called>) -> Result<Spool, CallFailure> {
        let deadline = Instant::now() + caller.timeout.unwrap_or(PATIENCE);
        loop {
            match self.begin(caller, conversation, called) {
                Ok(spool) => return Ok(spool),
                Err(error) if Instant::now() >= deadline => {
                    let place = self.layout.calls();
                    let message = format!("a call cannot be recorded before it begins, in {}: {error}", place.display());
                    return Err(CallFailure::new(FailureKind::Config, message));
                }
                Err(error) => {
                    tracing::warn!(call = %caller.name(), %error, "a call waits, for it cannot be recorded");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    fn begin(&self, caller: &Caller, conversation: &Conversation, called: Option<&Called>) -> io::Result<Spool> {
        let form = match self.way {
            Way::Llm { .. } => conversation.form.clone(),
            Way::Scripted(_) | Way::Cli(_) => conversation.form.without_schema(),
        };
        let begun = Begun {
            thread: caller.thread,
            step: caller.step,
            attempt: caller.attempt,
            what: caller.what,
            adapter: self.label.clone(),
            called: called.cloned(),
            form: form.to_raw().ok(),
            begun_at: clock::now(),
            life: self.life.clone(),
            boot: processes::boot(),
        };
        Spool::begin(&self.layout, begun)
    }

    fn told(&self, text: host::CallText) -> CallAnswer {
        let host::CallText { content, usage, form, evidence } = text;
        let usage = self.pricing.price(usage, evidence.model.as_deref());
        CallAnswer { form: form.to_raw().ok(), evidence, ..CallAnswer::plain(self.label.clone(), content, usage) }
    }
}

impl Host {
    pub(super) fn line(&self, resolved: Resolved) -> Result<Line, CallFailure> {
        let leaves_folder = resolved.leaves_folder();
        let way = match resolved.kind {
            Kind::Llm { endpoint, limits } => Way::Llm { client: Arc::clone(&self.client), endpoint, limits },
            Kind::Scripted(script) => Way::Scripted(script),
            Kind::Cli(command) => Way::Cli(Box::new(self.agent(*command))),
            Kind::Own => return Err(CallFailure::new(FailureKind::Config, "a role's own adapter can only answer for that role")),
        };
        Ok(Line {
            label: resolved.label,
            pricing: resolved.pricing,
            way,
            leaves_folder,
            layout: self.layout.clone(),
            life: self.children.life().clone(),
        })
    }
}

/// Removes what a call left; what cannot be removed is only in the way.
pub(super) fn remove(spool: &Spool) {
    if let Err(error) = spool.remove() {
        tracing::warn!(call = %spool.name(), %error, "what a call left cannot be removed");
    }
}

async fn within<T>(timeout: Option<Duration>, call: impl Future<Output = Result<T, CallFailure>>) -> Result<T, CallFailure> {
    let Some(timeout) = timeout else { return call.await };
    match tokio::time::timeout(timeout, call).await {
        Ok(result) => result,
        Err(_) => Err(CallFailure::new(FailureKind::Timeout, format!("no answer within {timeout:?}"))),
    }
}
