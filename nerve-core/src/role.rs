//! Roles: what takes a turn in a thread.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AdapterRef, AdapterSource, BoxFuture, Error, Extractor, IntoAdapter, Meta, Prompt, RawJson, Result, RoleKey, Schema, ThreadContext,
    Usage, schema_for,
};

/// What recovery may do with an attempt that was cut off before its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effects {
    /// Try again by itself, at most three lost attempts in all.
    Repeatable,
    /// Park the thread until a person says.
    AskBeforeRepeat,
    /// End the thread as failed.
    NeverRepeat,
}

/// What every role may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleOptions {
    /// How long one attempt may take; the adapter's or the default (5 m) when absent.
    pub timeout: Option<Duration>,
    /// What recovery may do; by the adapter's kind when absent.
    pub effects: Option<Effects>,
}

/// One participant of a workflow: made by `create_role` or by [`Role::written`].
#[derive(Clone)]
pub struct Role {
    name: &'static str,
    schema: RawJson,
    options: RoleOptions,
    body: RoleBody,
    check: fn(&RawJson) -> Result<(), String>,
}

/// How a role comes to its text.
#[derive(Clone)]
pub enum RoleBody {
    /// An adapter answers a prompt; the daemon makes the call.
    Hosted(HostedRole),
    /// A function of the user's runs in the worker.
    Written(WrittenRole),
}

/// A role whose text an adapter gives.
#[derive(Clone, Debug)]
pub struct HostedRole {
    /// Who answers.
    pub adapter: AdapterRef,
    /// What is asked.
    pub prompt: Prompt,
    /// What reads the meta from the text.
    pub extractor: Extractor,
    /// The metas that a dry run uses, in order; the last repeats.
    pub dry_run: Vec<RawJson>,
}

type Run = dyn Fn(RoleContext) -> BoxFuture<'static, Result<RoleResult<RawJson>>> + Send + Sync;

/// A role that is a function of the user's.
#[derive(Clone)]
pub struct WrittenRole(Arc<Run>);

impl WrittenRole {
    /// Runs it.
    pub fn run(&self, context: RoleContext) -> BoxFuture<'static, Result<RoleResult<RawJson>>> {
        (self.0)(context)
    }
}

impl Role {
    /// A role whose text an adapter gives; `create_role` is the way to write this.
    pub fn hosted<M: Meta>(key: RoleKey<M>, schema: Schema<M>, hosted: HostedRole, options: RoleOptions) -> Self {
        Self { name: key.name(), schema: schema.into_json(), options, body: RoleBody::Hosted(hosted), check: check::<M> }
    }

    /// A hand-written role: an async function that returns content and meta.
    ///
    /// Inside it, [`RoleContext::ask`] calls an adapter through the daemon.
    pub fn written<M, F, Fut>(key: RoleKey<M>, run: F) -> Self
    where
        M: Meta,
        F: Fn(RoleContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<RoleResult<M>>> + Send + 'static,
    {
        let run = move |context| -> BoxFuture<'static, Result<RoleResult<RawJson>>> {
            let result = run(context);
            Box::pin(async move {
                let RoleResult { content, meta } = result.await?;
                Ok(RoleResult { content, meta: RawJson::of(&meta)? })
            })
        };
        Self {
            name: key.name(),
            schema: schema_for::<M>().into_json(),
            options: RoleOptions::default(),
            body: RoleBody::Written(WrittenRole(Arc::new(run))),
            check: check::<M>,
        }
    }

    /// How long one attempt may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// What recovery may do with an attempt that was cut off.
    pub fn effects(mut self, effects: Effects) -> Self {
        self.options.effects = Some(effects);
        self
    }

    /// The role's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The schema of its meta.
    pub fn schema(&self) -> &RawJson {
        &self.schema
    }

    /// What it set.
    pub fn options(&self) -> RoleOptions {
        self.options
    }

    /// How it comes to its text.
    pub fn body(&self) -> &RoleBody {
        &self.body
    }

    /// Checks a meta against the role's Rust type.
    ///
    /// # Errors
    /// What the type's own reader says.
    pub fn check(&self, meta: &RawJson) -> Result<(), String> {
        (self.check)(meta)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({})", self.name)
    }
}

fn check<M: Meta>(meta: &RawJson) -> Result<(), String> {
    meta.read::<M>().map(drop).map_err(|error| error.to_string())
}

/// What a role gives: free text for readers, a small typed meta for the moderator.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleResult<M> {
    /// The text.
    pub content: String,
    /// The meta.
    pub meta: M,
}

/// A question from inside a hand-written role.
#[derive(Debug, Clone, PartialEq)]
pub struct AskRequest {
    /// Who answers.
    pub adapter: AdapterSource,
    /// What is asked.
    pub prompt: String,
    /// The schema of the meta that is wanted, if one is.
    pub schema: Option<RawJson>,
    /// How often this role run asked the very same before: 0 the first time.
    pub count: u32,
}

/// The daemon's answer to an ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// The meta, when a schema was given.
    pub meta: Option<RawJson>,
    /// What it cost.
    pub usage: Usage,
}

/// What carries a role's asks to the daemon.
pub trait Ask: Send + Sync {
    /// Asks, and waits for the answer.
    fn ask(&self, request: AskRequest) -> BoxFuture<'static, Result<Answer>>;
}

/// What a hand-written role is given: the thread, the step, and the way to ask. Cloning is cheap.
#[derive(Clone)]
pub struct RoleContext(Arc<Inner>);

/// Adapter, prompt and schema of an ask.
type Asked = (AdapterSource, String, Option<String>);

struct Inner {
    thread: ThreadContext,
    step: u32,
    attempt: u32,
    idempotency_key: String,
    dry_run: bool,
    asker: Box<dyn Ask>,
    // Held only to count; never across an await.
    asked: Mutex<HashMap<Asked, u32>>,
}

impl RoleContext {
    /// Builds a context; the runtime and the test kit do this.
    pub fn new(thread: ThreadContext, step: u32, attempt: u32, idempotency_key: String, asker: Box<dyn Ask>) -> Self {
        let dry_run = thread.start().dry_run;
        Self(Arc::new(Inner { thread, step, attempt, idempotency_key, dry_run, asker, asked: Mutex::default() }))
    }

    /// The thread so far.
    pub fn thread(&self) -> &ThreadContext {
        &self.0.thread
    }

    /// This step's number, from 1.
    pub fn step(&self) -> u32 {
        self.0.step
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// A key that is the same in every attempt of this step: hand it to services that can recognise a repeat.
    pub fn idempotency_key(&self) -> &str {
        &self.0.idempotency_key
    }

    /// Whether this is a dry run.
    pub fn dry_run(&self) -> bool {
        self.0.dry_run
    }

    /// Asks an adapter for a text; the answer is kept, and a later attempt gets the kept one instead of a new call.
    ///
    /// # Errors
    /// When the call failed for good.
    pub async fn ask(&self, adapter: impl IntoAdapter, prompt: impl Into<String>) -> Result<Answer> {
        self.send(adapter.into_adapter(), prompt.into(), None).await
    }

    /// Asks an adapter for a text with a meta of type `M`.
    ///
    /// # Errors
    /// When the call failed for good, or no meta of that type could be read.
    pub async fn ask_for<M: Meta>(&self, adapter: impl IntoAdapter, prompt: impl Into<String>) -> Result<RoleResult<M>> {
        let answer = self.send(adapter.into_adapter(), prompt.into(), Some(schema_for::<M>().into_json())).await?;
        let meta = answer.meta.ok_or("the answer came without the meta that was asked for")?.read()?;
        Ok(RoleResult { content: answer.text, meta })
    }

    async fn send(&self, adapter: AdapterRef, prompt: String, schema: Option<RawJson>) -> Result<Answer> {
        let adapter = adapter.source().clone();
        if adapter == AdapterSource::Own {
            return Err(Error::message("call an adapter of your own directly; ask() is for adapters that the daemon hosts"));
        }
        let count = self.count(&adapter, &prompt, schema.as_ref());
        self.0.asker.ask(AskRequest { adapter, prompt, schema, count }).await
    }

    fn count(&self, adapter: &AdapterSource, prompt: &str, schema: Option<&RawJson>) -> u32 {
        let key = (adapter.clone(), prompt.to_owned(), schema.map(|schema| schema.get().to_owned()));
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let next = asked.entry(key).or_insert(0);
        let count = *next;
        *next += 1;
        count
    }
}
