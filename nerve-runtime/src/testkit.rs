//! Running a workspace's workflows and senses in a test: in-process, offline, through the same thread machine as the daemon.
//!
//! ```ignore
//! let outcome = testkit::thread(&workspace(), "explain-load")
//!     .prompt("load is 12")
//!     .reply("analyst", "A build is running.", &Diagnosis { actionable: false, culprit: None })
//!     .run();
//! assert_eq!(outcome.state, StateName::Completed);
//! ```

mod asks;
mod tick;

use std::collections::HashMap;
use std::sync::Arc;

use nerve_core::thread::{CallAnswer, Checked, Effect, Input, Launch, Machine, Origin, Rules};
use nerve_core::wire::{ContextStep, StartFrame};
use nerve_core::{
    BuildId, CallFailure, FailureKind, Meta, RawJson, Role, RoleBody, RoleContext, ThreadContext, ThreadId, Timestamp, Usage, Workflow,
};

use crate::Workspace;
use crate::worker::{catching, check, decide};
use asks::KitAsks;
pub use nerve_core::thread::StateName;
pub use tick::{TickTest, tick};

/// A scripted answer: a text, and the meta that goes with it.
#[derive(Debug, Clone)]
struct Scripted {
    content: String,
    meta: Option<RawJson>,
}

type Script = HashMap<String, Vec<Scripted>>;

/// A thread to run in a test.
#[derive(Debug)]
#[must_use = "nothing runs before .run()"]
pub struct ThreadTest {
    workflow: Arc<Workflow>,
    prompt: String,
    max_rounds: u32,
    script: Script,
}

/// What became of it.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub state: StateName,
    /// Why, when there is something to say.
    pub reason: Option<String>,
    /// Its finished steps.
    pub steps: Vec<OutcomeStep>,
    /// The prompts that adapters were asked, in order, as (role or adapter, prompt).
    pub prompts: Vec<(String, String)>,
}

/// One finished step.
#[derive(Debug)]
pub struct OutcomeStep {
    /// The role.
    pub role: String,
    /// What it said.
    pub content: String,
    /// Its meta as JSON.
    pub meta: RawJson,
}

impl Outcome {
    /// The roles that had a turn, in order.
    pub fn roles(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.role.as_str()).collect()
    }
}

/// A thread of this workflow.
///
/// # Panics
/// When the workspace registers no such workflow.
pub fn thread(workspace: &Workspace, workflow: &str) -> ThreadTest {
    let found = workspace.find_workflow(workflow).cloned();
    let workflow = found.unwrap_or_else(|| panic!("the workspace registers no workflow `{workflow}`"));
    ThreadTest { workflow, prompt: String::new(), max_rounds: 10, script: Script::new() }
}

impl ThreadTest {
    /// What the thread is about.
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = prompt.into();
        self
    }

    /// The round cap; 10 when not set.
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// What the role's adapter answers at its next turn; the last reply repeats.
    ///
    /// # Panics
    /// When the meta cannot be written as JSON.
    pub fn reply<M: Meta>(mut self, role: &str, content: impl Into<String>, meta: &M) -> Self {
        let meta = Some(RawJson::of(meta).unwrap_or_else(|error| panic!("the meta for `{role}`: {error}")));
        self.script.entry(role.to_owned()).or_default().push(Scripted { content: content.into(), meta });
        self
    }

    /// What an adapter answers when a hand-written role asks it; the last answer repeats.
    pub fn answer(mut self, adapter: &str, content: impl Into<String>) -> Self {
        self.script.entry(adapter.to_owned()).or_default().push(Scripted { content: content.into(), meta: None });
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When a runtime cannot be started.
    pub fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap_or_else(|error| panic!("no runtime: {error}")).block_on(Run::new(self).finish())
    }
}

struct Run {
    workflow: Arc<Workflow>,
    machine: Machine,
    script: Script,
    asks: KitAsks,
    prompts: Vec<(String, String)>,
    /// The meta that goes with the last scripted text.
    meta: Option<RawJson>,
}

impl Run {
    fn new(test: ThreadTest) -> Self {
        let launch = Launch {
            thread: ThreadId::new(Timestamp::default(), [7; 10]),
            workflow: test.workflow.name().to_owned(),
            prompt: test.prompt,
            max_rounds: test.max_rounds,
            dry_run: false,
            origin: Origin::Cli,
            workdir: None,
            key: None,
            accepted_at: Timestamp::default(),
        };
        let (machine, _) = Machine::accept(launch, Rules { max_reasks: 0, ..Rules::default() });
        let asks = KitAsks::new(test.script.clone());
        Self { workflow: test.workflow, machine, script: test.script, asks, prompts: Vec::new(), meta: None }
    }

    async fn finish(mut self) -> Outcome {
        self.take(Input::Start { build: BuildId("test".to_owned()) });
        while self.machine.thread().end().is_none() {
            for effect in self.machine.effects() {
                self.perform(effect).await;
            }
        }
        let thread = self.machine.thread();
        let mut prompts = self.prompts;
        prompts.extend(self.asks.take_prompts());
        Outcome {
            state: thread.state(),
            reason: thread.end().and_then(nerve_core::thread::End::reason),
            steps: thread
                .steps
                .iter()
                .map(|step| OutcomeStep { role: step.role.clone(), content: step.content.clone(), meta: step.meta.clone() })
                .collect(),
            prompts,
        }
    }

    /// The kit has one thing open at a time, so the machine takes whatever follows from it.
    fn take(&mut self, input: Input) {
        if let Err(refused) = self.machine.handle(input) {
            panic!("the thread machine refused its own next step: {refused}");
        }
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Decide { upto, check } => self.decide(upto, check).await,
            Effect::Call { step, attempt, .. } => self.call(step, attempt),
            Effect::Extract { step } => {
                let input = match self.meta.take() {
                    Some(meta) => Input::MetaRead { step, meta, rung: "test".to_owned(), cut: None, edits: Vec::new() },
                    None => Input::MetaRefused { step, errors: vec!["the scripted reply has no meta".to_owned()] },
                };
                self.take(input);
            }
            Effect::Run { step, attempt } => self.run_role(step, attempt).await,
            Effect::Ended(_) | Effect::Requeue | Effect::Parked | Effect::Stop | Effect::CallAsk { .. } | Effect::AnswerAsk { .. } => {}
        }
    }

    async fn decide(&mut self, upto: usize, checked: Option<Checked>) {
        if let (Some(checked), Some(acting)) = (checked, self.machine.thread().acting()) {
            let step = acting.intent.step;
            match check(&self.workflow, &checked.role, &checked.meta) {
                Ok(()) => self.take(Input::MetaAccepted { step }),
                Err(error) => return self.take(Input::MetaRefused { step, errors: vec![error] }),
            }
        }
        let input = match decide(&self.workflow, &self.context()).await {
            Ok(choice) => Input::Decided { upto, choice, workdir: None, continues: false },
            Err(error) => Input::DecideFailed { upto, error },
        };
        self.take(input);
    }

    fn call(&mut self, step: u32, attempt: u32) {
        let Some(acting) = self.machine.thread().acting() else { return };
        let role = acting.intent.role.clone();
        if let Some(hosted) = &acting.intent.hosted {
            self.prompts.push((role.clone(), hosted.prompt.clone()));
        }
        let input = match next(&mut self.script, &role) {
            Some(reply) => {
                self.meta = reply.meta;
                Input::Answered { step, attempt, answer: CallAnswer::plain("test", reply.content, Usage::default()) }
            }
            None => {
                let failure = CallFailure::new(FailureKind::Config, format!("the test gives no reply: add .reply(\"{role}\", …)"));
                Input::CallFailed { step, attempt, failure }
            }
        };
        self.take(input);
    }

    async fn run_role(&mut self, step: u32, attempt: u32) {
        let Some(acting) = self.machine.thread().acting() else { return };
        let role = acting.intent.role.clone();
        let Some(RoleBody::Written(written)) = self.workflow.role(&role).map(Role::body) else { return };
        let context = RoleContext::new(self.context(), step, attempt, format!("test-{step}"), Box::new(self.asks.clone()));
        let result = catching(written.run(context)).await.and_then(|result| result.map_err(|error| error.to_string()));
        match result {
            Ok(result) => {
                self.take(Input::RoleDone { step, attempt, content: result.content, meta: result.meta });
                self.decide(step as usize, None).await;
            }
            Err(error) => self.take(Input::RoleFailed { step, attempt, error }),
        }
    }

    fn context(&self) -> ThreadContext {
        let thread = self.machine.thread();
        let launch = &thread.launch;
        let start = StartFrame {
            thread: launch.thread,
            workflow: launch.workflow.clone(),
            content: launch.prompt.clone(),
            max_rounds: launch.max_rounds,
            dry_run: launch.dry_run,
        };
        let steps: Vec<Arc<ContextStep>> = thread.context(0).into_iter().map(Arc::new).collect();
        ThreadContext::new(Arc::new(start), Arc::new(steps))
    }
}

/// The next scripted reply of this name; the last one stays.
fn next(script: &mut Script, name: &str) -> Option<Scripted> {
    let replies = script.get_mut(name)?;
    if replies.len() > 1 { Some(replies.remove(0)) } else { replies.first().cloned() }
}
