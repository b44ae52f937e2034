//! One cheap call to an adapter, to see whether it works.

use std::time::{Duration, Instant};

use nerve_adapters::host::extract::{self, Extraction};
use nerve_adapters::host::{Conversation, Form};
use nerve_core::config::ExtractPolicy;
use nerve_core::thread::CallAnswer;
use nerve_core::{CallFailure, RawJson, ThreadId, Usage};

use super::super::api::dto::{AdapterProblem, AdapterTest, Culprit, schema};
use super::super::clock;
use super::super::engine::{Finished, Tried};
use super::line::{Caller, Line, remove};
use super::{Host, Kind, Resolved};
use crate::spool::What;

/// The longest that a trial takes.
const LONGEST: Duration = Duration::from_secs(120);

/// What is asked: short, and with an answer that shows whether a schema is kept to.
const PROMPT: &str = "This is a test of the connection. Set `ok` to true.";
const SCHEMA: &str = r#"{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}"#;

impl Host {
    /// Makes the call; `tried` goes back to the engine with what came of it.
    pub(crate) fn try_adapter(&self, name: String, thread: ThreadId, resolved: Resolved, tried: Tried) {
        let label = resolved.label.clone();
        let script = match &resolved.kind {
            Kind::Scripted(script) => Some(script.clone()),
            _ => None,
        };
        let line = self.line(resolved);
        self.spawn(async move {
            let begun = Instant::now();
            let result = match (script, line) {
                // A script has replies for roles, and no role asks here.
                (Some(script), _) => script.roles().await.map(|roles| scripted(&roles)),
                (None, Ok(line)) => ask(&line, thread).await,
                (None, Err(failure)) => Err(failure),
            };
            let test = AdapterTest { took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX), ..seen(name, label, result) };
            Finished::Tried { test: Box::new(test), tried }
        });
    }
}

/// An answer and, where a meta was asked for, what is wrong with it.
struct Came {
    answer: CallAnswer,
    mode: Option<&'static str>,
    errors: Vec<String>,
}

fn scripted(roles: &[String]) -> Came {
    let answer = CallAnswer::plain("scripted", format!("replies for {}", roles.join(", ")), Usage::FREE_CALL);
    Came { answer, mode: None, errors: Vec::new() }
}

async fn ask(line: &Line, thread: ThreadId) -> Result<Came, CallFailure> {
    let what = What::Step { rung: 0 };
    let role = "test".to_owned();
    let caller = Caller { thread, step: 0, attempt: 1, what, role: role.clone(), turn: 0, timeout: Some(LONGEST), session: None };
    let schema = RawJson::parse(SCHEMA).unwrap_or_default();
    let conversation = Conversation {
        start: String::new(),
        steps: Vec::new(),
        prompt: PROMPT.to_owned(),
        schema: Some(schema.clone()),
        form: Form::NativeSchema { name: role, tag: format!("meta-{}", clock::random_tag()) },
        reasks: Vec::new(),
    };
    let called = line.call(&caller, &conversation).await;
    line.clear(&caller, remove);
    let answer = called?.text;
    let form = answer.form.as_ref().and_then(|form| Form::from_raw(form).ok()).unwrap_or(Form::Plain);
    let mode = match form {
        Form::NativeSchema { .. } => Some("native"),
        Form::TaggedBlock { .. } => Some("tagged block"),
        Form::Plain => None,
    };
    let errors = match extract::read(&answer.content, &form, &schema, ExtractPolicy::default()) {
        Extraction::Meta { .. } => Vec::new(),
        Extraction::Refused { errors } => errors,
    };
    Ok(Came { answer, mode, errors })
}

fn seen(name: String, label: String, result: Result<Came, CallFailure>) -> AdapterTest {
    let mut test = blank(name);
    test.adapter = Some(label);
    match result {
        Ok(Came { answer, mode, errors }) => {
            (test.ok, test.usage, test.cost) = (errors.is_empty(), answer.usage, answer.usage.money());
            (test.model, test.schema_mode) = (answer.evidence.model, mode.map(str::to_owned));
            test.problem = (!errors.is_empty()).then(|| AdapterProblem {
                which: Culprit::Answer,
                kind: None,
                message: format!("it answered, but not as asked: {}", errors.join("; ")),
                help: Culprit::Answer.help().to_owned(),
            });
        }
        Err(failure) => {
            (test.usage, test.cost) = (failure.usage(), failure.usage().money());
            test.problem = Some(of_failure(&failure));
        }
    }
    test
}

fn blank(name: String) -> AdapterTest {
    AdapterTest {
        schema: schema::ADAPTER_TEST.to_owned(),
        name,
        ok: false,
        adapter: None,
        model: None,
        schema_mode: None,
        took_ms: 0,
        usage: Usage::default(),
        cost: Usage::default().money(),
        problem: None,
    }
}

fn of_failure(failure: &CallFailure) -> AdapterProblem {
    let which = Culprit::of(failure.kind);
    AdapterProblem { which, kind: Some(failure.kind), message: failure.to_string(), help: which.help().to_owned() }
}

/// A trial that came to nothing before anybody was called.
pub(crate) fn not_tried(name: String, failure: &CallFailure) -> AdapterTest {
    AdapterTest { problem: Some(of_failure(failure)), ..blank(name) }
}

/// A trial that a brake of the workspace holds.
pub(crate) fn held(name: String, reason: String) -> AdapterTest {
    let which = Culprit::Limits;
    AdapterTest { problem: Some(AdapterProblem { which, kind: None, message: reason, help: which.help().to_owned() }), ..blank(name) }
}
