//! Senses: what watches the world.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{BoxFuture, RawJson, Result, TickId};

/// Why a sense was woken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its interval came round.
    Interval,
    /// A person or script asked.
    Manual,
    /// Another sense signalled.
    Signal {
        /// Who.
        sense: String,
        /// What it saw.
        payload: RawJson,
    },
}

/// A workflow that a signal starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The workflow's name.
    pub workflow: String,
    /// What the thread is about.
    pub prompt: String,
    /// The round cap; the workflow's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rounds: Option<u32>,
}

/// What a tick saw: nothing worth telling, or a signal, which may start a workflow.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use = "return it from the sense"]
pub struct Observation {
    /// The fact, when there is one.
    pub signal: Option<RawJson>,
    /// The sense's next state; unchanged when absent.
    pub state: Option<RawJson>,
    /// The workflow that this signal starts.
    pub start: Option<Start>,
    /// Why it was silent.
    pub note: Option<String>,
}

impl Observation {
    /// Nothing to tell, and why.
    pub fn silent(note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..Self::default() }
    }

    /// A fact.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn signal<T: Serialize + ?Sized>(fact: &T) -> Result<Self> {
        Ok(Self { signal: Some(RawJson::of(fact)?), ..Self::default() })
    }

    /// Keeps this as the sense's state, in one transaction with the signal.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn state<T: Serialize + ?Sized>(mut self, state: &T) -> Result<Self> {
        self.state = Some(RawJson::of(state)?);
        Ok(self)
    }

    /// Starts a workflow with this prompt; only a signal can start one.
    pub fn start(mut self, workflow: impl Into<String>, prompt: impl Into<String>) -> Self {
        self.start = Some(Start { workflow: workflow.into(), prompt: prompt.into(), max_rounds: None });
        self
    }
}

/// What a tick is given. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct SenseContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sense: String,
    tick: TickId,
    root: PathBuf,
    causes: Vec<Cause>,
    state: Option<RawJson>,
}

impl SenseContext {
    /// Builds a context; the runtime and the test kit do this.
    pub fn new(sense: String, tick: TickId, root: PathBuf, causes: Vec<Cause>, state: Option<RawJson>) -> Self {
        Self(Arc::new(Inner { sense, tick, root, causes, state }))
    }

    /// The sense's name.
    pub fn name(&self) -> &str {
        &self.0.sense
    }

    /// This tick's id.
    pub fn tick(&self) -> TickId {
        self.0.tick
    }

    /// The workspace's folder.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// Why it was woken: one cause, or several that came while it could not run.
    pub fn causes(&self) -> &[Cause] {
        &self.0.causes
    }

    /// What the last tick kept, or the type's default before the first.
    ///
    /// # Errors
    /// When the stored state no longer fits the type.
    pub fn state<S: DeserializeOwned + Default>(&self) -> Result<S> {
        match &self.0.state {
            Some(state) => Ok(state.read()?),
            None => Ok(S::default()),
        }
    }
}

type Compute = dyn Fn(SenseContext) -> BoxFuture<'static, Result<Observation>> + Send + Sync;

/// A named function that looks at the world.
#[derive(Clone)]
pub struct Sense {
    name: String,
    compute: Arc<Compute>,
}

impl Sense {
    /// Names a function as a sense; the name is a kebab-case noun such as `cpu-usage`.
    pub fn new<F, Fut>(name: impl Into<String>, compute: F) -> Self
    where
        F: Fn(SenseContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Observation>> + Send + 'static,
    {
        Self { name: name.into(), compute: Arc::new(move |context| Box::pin(compute(context))) }
    }

    /// The sense's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks once.
    pub fn compute(&self, context: SenseContext) -> BoxFuture<'static, Result<Observation>> {
        (self.compute)(context)
    }
}

impl fmt::Debug for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sense({})", self.name)
    }
}
