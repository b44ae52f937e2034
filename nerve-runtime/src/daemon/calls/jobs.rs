//! The three kinds of work that are done outside the engine.

use std::sync::Arc;
use std::time::Duration;

use nerve_adapters::host::extract::{self, Extraction};
use nerve_adapters::host::llm::{self, CallLimits, Endpoint, LlmClient};
use nerve_adapters::host::scripted::{ScriptedAdapter, Turn};
use nerve_adapters::host::{self, Conversation, Form, Reask, as_text};
use nerve_core::thread::{Acting, AskEntry, AskNo, Cut, Thread};
use nerve_core::{CallFailure, FailureKind, RawJson, Request, ThreadId, Usage};
use tokio::task::AbortHandle;

use super::super::clock;
use super::super::engine::{CallText, Finished, MetaRead};
use super::{Host, Kind, Resolved};

/// The call of a step: the role's own, or a re-ask.
pub(crate) struct StepJob {
    pub thread: ThreadId,
    pub step: u32,
    pub attempt: u32,
    conversation: Conversation,
    role: String,
    turn: u32,
    timeout: Duration,
}

/// The reading of a meta.
pub(crate) struct ExtractJob {
    pub thread: ThreadId,
    pub step: u32,
    pub text: String,
    pub form: Option<RawJson>,
    pub schema: RawJson,
}

/// The call of an ask, with its meta when one is wanted.
pub(crate) struct AskJob {
    pub thread: ThreadId,
    pub step: u32,
    pub ask: AskNo,
    conversation: Conversation,
    role: String,
    attempt: u32,
    turn: u32,
}

impl StepJob {
    /// The job of the step under way, or `None` when it is a hand-written one.
    pub(crate) fn of(thread: &Thread, acting: &Acting) -> Option<Self> {
        let hosted = acting.intent.hosted.as_ref()?;
        let role = acting.intent.role.clone();
        let turn = u32::try_from(thread.steps.iter().filter(|step| step.role == role).count()).unwrap_or(u32::MAX);
        let reasks = acting.texts.iter().zip(&acting.refusals);
        Some(Self {
            thread: thread.launch.thread,
            step: acting.intent.step,
            attempt: acting.attempt,
            conversation: Conversation {
                start: thread.launch.prompt.clone(),
                steps: thread.context(0),
                prompt: hosted.prompt.clone(),
                schema: Some(hosted.schema.clone()),
                form: Form::NativeSchema { name: role.clone(), tag: format!("meta-{}", clock::random_tag()) },
                reasks: reasks.map(|(text, refusal)| Reask { answer: text.content.clone(), errors: refusal.errors.clone() }).collect(),
            },
            role,
            turn,
            timeout: Duration::from_millis(acting.intent.timeout_ms),
        })
    }

    /// The same step, asked of a second model that only reads the meta from the first answer.
    pub(crate) fn second_model(mut self, acting: &Acting) -> Self {
        let tag = format!("meta-{}", clock::random_tag());
        if let (Some(hosted), Some(text)) = (&acting.intent.hosted, acting.texts.first()) {
            self.conversation = extract::second_model_conversation(&text.content, &hosted.schema, &tag);
        }
        self
    }

    /// What a user's own adapter is asked, and how it was told to give the meta.
    pub(crate) fn own_request(mut self) -> (Request, RawJson) {
        self.conversation.form = self.conversation.form.without_schema();
        // A form is a small enum; writing it cannot fail.
        let form = self.conversation.form.to_raw().unwrap_or_default();
        (as_text(&self.conversation), form)
    }
}

impl AskJob {
    pub(crate) fn of(thread: &Thread, acting: &Acting, entry: &AskEntry) -> Self {
        let role = acting.intent.role.clone();
        let form = match &entry.schema {
            Some(_) => Form::NativeSchema { name: role.clone(), tag: format!("meta-{}", clock::random_tag()) },
            None => Form::Plain,
        };
        let conversation = Conversation {
            start: String::new(),
            steps: Vec::new(),
            prompt: entry.prompt.clone(),
            schema: entry.schema.clone(),
            form,
            reasks: Vec::new(),
        };
        let turn = u32::try_from(thread.steps.iter().filter(|step| step.role == role).count()).unwrap_or(u32::MAX);
        Self { thread: thread.launch.thread, step: entry.step, ask: entry.ask, conversation, role, attempt: acting.attempt, turn }
    }
}

/// Who makes calls, cut free from the host so that a task can own it.
enum Line {
    Llm { client: Arc<LlmClient>, endpoint: Endpoint, limits: CallLimits },
    Scripted(ScriptedAdapter),
}

impl Line {
    async fn call(
        &self,
        conversation: &Conversation,
        thread: ThreadId,
        role: &str,
        attempt: u32,
        turn: u32,
    ) -> Result<host::CallText, CallFailure> {
        match self {
            Self::Llm { client, endpoint, limits } => llm::call(client, endpoint, conversation, *limits).await,
            Self::Scripted(script) => script.call(Turn { thread, role, attempt, turn }, &conversation.form).await,
        }
    }
}

impl Host {
    /// Makes the call of a step.
    pub(crate) fn step(&self, job: StepJob, resolved: Resolved) -> AbortHandle {
        let (label, line) = self.line(resolved);
        self.spawn(async move {
            let StepJob { thread, step, attempt, conversation, role, turn, timeout } = job;
            let result = match line {
                Ok(line) => within(timeout, line.call(&conversation, thread, &role, attempt, turn)).await,
                Err(failure) => Err(failure),
            };
            Finished::Step { thread, step, attempt, result: result.map(|text| told(label, text)) }
        })
    }

    /// Reads a meta; pure, but it compiles a schema, and the engine is not to wait for that.
    pub(crate) fn extract(&self, job: ExtractJob) -> AbortHandle {
        self.spawn(async move {
            let form = job.form.as_ref().and_then(|form| Form::from_raw(form).ok()).unwrap_or(Form::Plain);
            let result = match extract::read(&job.text, &form, &job.schema) {
                Extraction::Meta { meta, rung } => Ok(MetaRead { meta, rung: rung.to_owned(), cut: block(&job.text, &form) }),
                Extraction::Refused { errors } => Err(errors),
            };
            Finished::Extracted { thread: job.thread, step: job.step, result }
        })
    }

    /// Makes the call of an ask; a meta that cannot be read is asked for again, as often as for a role.
    pub(crate) fn ask(&self, job: AskJob, resolved: Resolved) -> AbortHandle {
        let (label, line) = self.line(resolved);
        self.spawn(async move {
            let (thread, step, ask) = (job.thread, job.step, job.ask);
            let result = match line {
                Ok(line) => ask_until_read(&line, job, label).await,
                Err(failure) => Err(failure),
            };
            Finished::Ask { thread, step, ask, result }
        })
    }

    fn line(&self, resolved: Resolved) -> (String, Result<Line, CallFailure>) {
        let line = match resolved.kind {
            Kind::Llm { endpoint, limits } => Ok(Line::Llm { client: Arc::clone(&self.client), endpoint, limits }),
            Kind::Scripted(script) => Ok(Line::Scripted(script)),
            Kind::Cli(command) => {
                let message = format!("{} cannot be run yet: agents have no keeper", command.program.display());
                Err(CallFailure::new(FailureKind::Config, message))
            }
            Kind::Own => Err(CallFailure::new(FailureKind::Config, "a role's own adapter can only answer for that role")),
        };
        (resolved.label, line)
    }
}

async fn ask_until_read(line: &Line, job: AskJob, label: String) -> Result<(CallText, Option<RawJson>), CallFailure> {
    let AskJob { thread, mut conversation, role, attempt, turn, .. } = job;
    let mut usage = Usage::default();
    loop {
        let mut text = line.call(&conversation, thread, &role, attempt, turn).await?;
        usage.add(&text.usage);
        text.usage = usage;
        let Some(schema) = conversation.schema.clone() else { return Ok((told(label, text), None)) };
        match extract::read(&text.content, &text.form, &schema) {
            Extraction::Meta { meta, .. } => {
                if let Some(cut) = block(&text.content, &text.form) {
                    text.content = cut.out_of(&text.content);
                }
                return Ok((told(label, text), Some(meta)));
            }
            Extraction::Refused { errors } if conversation.reasks.len() >= super::super::engine::REASKS as usize => {
                return Err(CallFailure::new(
                    FailureKind::BadResponse,
                    format!("no meta could be read from the answer: {}", errors.join("; ")),
                ));
            }
            Extraction::Refused { errors } => conversation.reasks.push(Reask { answer: text.content, errors }),
        }
    }
}

/// Where the block stands that carried the meta: it was asked for by us and is no part of what the role says.
fn block(text: &str, form: &Form) -> Option<Cut> {
    let (Form::TaggedBlock { tag } | Form::NativeSchema { tag, .. }) = form else { return None };
    let open = format!("```{tag}");
    let from = text.rfind(&open)?;
    let inside = from + open.len();
    let to = inside + text[inside..].find("```")? + 3;
    Some(Cut { from, to })
}

async fn within<T>(timeout: Duration, call: impl Future<Output = Result<T, CallFailure>>) -> Result<T, CallFailure> {
    match tokio::time::timeout(timeout, call).await {
        Ok(result) => result,
        Err(_) => Err(CallFailure::new(FailureKind::Timeout, format!("no answer within {timeout:?}"))),
    }
}

fn told(adapter: String, text: host::CallText) -> CallText {
    CallText { adapter, content: text.content, usage: text.usage, form: text.form.to_raw().ok() }
}
