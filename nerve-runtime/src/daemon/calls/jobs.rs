//! The three kinds of work that are done outside the engine.

use std::time::Duration;

use nerve_adapters::host::extract::{self, Extraction};
use nerve_adapters::host::{Conversation, Form, Reask, as_text};
use nerve_core::config::ExtractPolicy;
use nerve_core::thread::{Acting, AskEntry, AskNo, CallAnswer, Cut, Refusal, Thread};
use nerve_core::{CallFailure, FailureKind, RawJson, Request, ThreadId, Usage};
use tokio::task::AbortHandle;

use super::super::clock;
use super::super::engine::{Finished, MetaRead};
use super::line::{Answer, Caller, Line};
use super::{Host, Resolved};
use crate::spool::{CallName, What};

/// The call of a step: the role's own, or a re-ask.
pub(crate) struct StepJob {
    caller: Caller,
    conversation: Conversation,
}

/// The reading of a meta. Without a form it is looked for anywhere in the text, as in one that a person gave.
pub(crate) struct ExtractJob {
    pub thread: ThreadId,
    pub step: u32,
    pub text: String,
    pub form: Option<RawJson>,
    pub schema: RawJson,
    pub policy: ExtractPolicy,
}

/// The call of an ask, with its meta when one is wanted.
pub(crate) struct AskJob {
    caller: Caller,
    ask: AskNo,
    conversation: Conversation,
}

impl StepJob {
    /// The call's name.
    pub(crate) fn name(&self) -> CallName {
        self.caller.name()
    }

    /// The job of the step under way, or `None` when it is a hand-written one.
    pub(crate) fn of(thread: &Thread, acting: &Acting, rung: u32) -> Option<Self> {
        let hosted = acting.intent.hosted.as_ref()?;
        let role = acting.intent.role.clone();
        let reasks = acting.texts.iter().zip(&acting.refusals);
        let timeout = Some(Duration::from_millis(acting.intent.timeout_ms));
        Some(Self {
            caller: Caller { timeout, session: thread.sessions.get(&role).cloned(), ..caller(thread, acting, What::Step { rung }) },
            conversation: Conversation {
                start: thread.launch.prompt.clone(),
                steps: thread.context(0),
                prompt: hosted.prompt.clone(),
                schema: Some(hosted.schema.clone()),
                form: form(role, &acting.refusals, format!("meta-{}", clock::random_tag())),
                reasks: reasks.map(|(text, refusal)| Reask { answer: text.content.clone(), errors: refusal.errors.clone() }).collect(),
            },
        })
    }

    /// The same step, asked of a second model that only reads the meta from the first answer.
    pub(crate) fn second_model(mut self, acting: &Acting) -> Self {
        let tag = format!("meta-{}", clock::random_tag());
        self.caller.session = None;
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
    /// The call's name.
    pub(crate) fn name(&self) -> CallName {
        self.caller.name()
    }

    pub(crate) fn of(thread: &Thread, acting: &Acting, entry: &AskEntry) -> Self {
        let form = match &entry.schema {
            Some(_) => Form::NativeSchema { name: acting.intent.role.clone(), tag: format!("meta-{}", clock::random_tag()) },
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
        Self { caller: caller(thread, acting, What::Ask { ask: entry.ask }), ask: entry.ask, conversation }
    }
}

/// How the meta is asked for: by the role's schema, and by a block once the same errors came twice, for then a third time would bring them again.
fn form(role: String, refusals: &[Refusal], tag: String) -> Form {
    match refusals {
        [.., before, last] if before == last => Form::TaggedBlock { tag },
        _ => Form::NativeSchema { name: role, tag },
    }
}

fn caller(thread: &Thread, acting: &Acting, what: What) -> Caller {
    let role = acting.intent.role.clone();
    let turn = u32::try_from(thread.steps.iter().filter(|step| step.role == role).count()).unwrap_or(u32::MAX);
    let (step, attempt) = (acting.intent.step, acting.attempt);
    Caller { thread: thread.launch.thread, step, attempt, what, role, turn, timeout: None, session: None }
}

impl Host {
    /// Makes the call of a step.
    pub(crate) fn step(&self, job: StepJob, resolved: Resolved) -> AbortHandle {
        let line = self.line(resolved);
        self.spawn(async move {
            let StepJob { caller, conversation } = job;
            let (thread, step, attempt) = (caller.thread, caller.step, caller.attempt);
            let call = line.as_ref().is_ok_and(|line| line.leaves_folder).then(|| caller.name());
            let result = match line {
                Ok(line) => line.call(&caller, &conversation).await,
                Err(failure) => Err(failure),
            };
            let result = result.map(|answer| {
                answer.keep(None);
                answer.text
            });
            Finished::Step { thread, step, attempt, call, result }
        })
    }

    /// Reads a meta; pure, but it compiles a schema, and the engine is not to wait for that.
    pub(crate) fn extract(&self, job: ExtractJob) -> AbortHandle {
        self.spawn(async move {
            let anywhere = || Form::NativeSchema { name: String::new(), tag: "meta".to_owned() };
            let form = job.form.as_ref().and_then(|form| Form::from_raw(form).ok()).unwrap_or_else(anywhere);
            let result = match extract::read(&job.text, &form, &job.schema, job.policy) {
                Extraction::Meta { meta, rung, edits } => {
                    let edits = edits.iter().map(ToString::to_string).collect();
                    Ok(MetaRead { meta, rung: rung.to_owned(), cut: block(&job.text, &form), edits })
                }
                Extraction::Refused { errors } => Err(errors),
            };
            Finished::Extracted { thread: job.thread, step: job.step, result }
        })
    }

    /// Makes the call of an ask; a meta that cannot be read is asked for again, as often as for a role.
    pub(crate) fn ask(&self, job: AskJob, resolved: Resolved) -> AbortHandle {
        let line = self.line(resolved);
        self.spawn(async move {
            let AskJob { caller, ask, conversation } = job;
            let (thread, step) = (caller.thread, caller.step);
            let call = line.as_ref().is_ok_and(|line| line.leaves_folder).then(|| caller.name());
            let result = match line {
                Ok(line) => ask_until_read(&line, &caller, conversation).await,
                Err(failure) => Err(failure),
            };
            Finished::Ask { thread, step, ask, call, result }
        })
    }
}

async fn ask_until_read(
    line: &Line,
    caller: &Caller,
    mut conversation: Conversation,
) -> Result<(CallAnswer, Option<RawJson>), CallFailure> {
    let mut usage = Usage::default();
    loop {
        let mut answer = line.call(caller, &conversation).await?;
        usage.add(&answer.text.usage);
        answer.text.usage = usage;
        let Some(schema) = &conversation.schema else {
            answer.keep(None);
            return Ok((answer.text, None));
        };
        match with_meta(answer.text, schema) {
            Ok((text, meta)) => {
                let answer = Answer { text, kept: answer.kept };
                answer.keep(Some(&meta));
                return Ok((answer.text, Some(meta)));
            }
            Err(refused) if conversation.reasks.len() >= super::super::engine::REASKS as usize => {
                return Err(CallFailure::new(
                    FailureKind::BadResponse,
                    format!("no meta could be read from the answer: {}", refused.1.join("; ")),
                ));
            }
            Err(refused) => {
                let (text, errors) = *refused;
                conversation.reasks.push(Reask { answer: text.content, errors });
            }
        }
    }
}

/// A text of which no meta can be read, and why.
pub(super) type Unread = Box<(CallAnswer, Vec<String>)>;

/// The answer to an ask, without the block that carried its meta; or the text, and why none can be read.
pub(super) fn with_meta(mut text: CallAnswer, schema: &RawJson) -> Result<(CallAnswer, RawJson), Unread> {
    let form = text.form.as_ref().and_then(|form| Form::from_raw(form).ok()).unwrap_or(Form::Plain);
    match extract::read(&text.content, &form, schema, ExtractPolicy::default()) {
        Extraction::Meta { meta, .. } => {
            if let Some(cut) = block(&text.content, &form) {
                text.content = cut.out_of(&text.content);
            }
            Ok((text, meta))
        }
        Extraction::Refused { errors } => Err(Box::new((text, errors))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_errors_twice_change_the_mode() {
        let refusal = |error: &str| Refusal { errors: vec![error.to_owned()] };
        let by_schema = |refusals: &[Refusal]| matches!(form("r".to_owned(), refusals, "t".to_owned()), Form::NativeSchema { .. });
        assert!(by_schema(&[]) && by_schema(&[refusal("a")]) && by_schema(&[refusal("a"), refusal("b")]));
        assert!(!by_schema(&[refusal("a"), refusal("a")]));
    }
}
