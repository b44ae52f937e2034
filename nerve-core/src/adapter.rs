//! Naming what produces a role's text.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Result, Usage};

/// What a user's own adapter is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The rendered prompt and, where a meta is wanted, how to give it.
    pub prompt: String,
    /// The thread so far, as one text.
    pub history: String,
}

/// What a user's own adapter answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The text.
    pub content: String,
    /// What it cost.
    #[serde(default)]
    pub usage: Usage,
}

impl Reply {
    /// A text whose cost is not told.
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: content.into(), usage: Usage::ONE_CALL }
    }
}

/// An adapter of your own: it runs in the worker, the daemon keeps its text and reads the meta from it.
pub trait Adapter: Send + Sync + 'static {
    /// Answers one request.
    fn ask(&self, request: Request) -> impl Future<Output = Result<Reply>> + Send;
}

/// [`Adapter`] behind one type; every adapter has it by itself.
pub trait OwnAdapter: Send + Sync {
    /// Answers one request.
    fn ask(&self, request: Request) -> BoxFuture<'_, Result<Reply>>;
}

impl<A: Adapter> OwnAdapter for A {
    fn ask(&self, request: Request) -> BoxFuture<'_, Result<Reply>> {
        Box::pin(Adapter::ask(self, request))
    }
}

/// Where a role's text comes from, as the wire and the journal name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterSource {
    /// A name under `adapters:` in nerve.yaml.
    Named(String),
    /// A provider under `providers:` in nerve.yaml and, when it differs from the provider's own, a model.
    Llm {
        /// The provider's name.
        provider: String,
        /// The model; the provider's when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// The role's own adapter in the worker.
    Own,
}

impl fmt::Display for AdapterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Llm { provider, model: Some(model) } => write!(f, "{provider}/{model}"),
            Self::Llm { provider, model: None } => f.write_str(provider),
            Self::Own => f.write_str("own"),
        }
    }
}

/// A role's adapter: the name that the journal knows and, for a user's own, the code behind it.
#[derive(Clone)]
pub struct AdapterRef {
    source: AdapterSource,
    own: Option<Arc<dyn OwnAdapter>>,
}

impl AdapterRef {
    /// An adapter that the daemon hosts.
    pub fn hosted(source: AdapterSource) -> Self {
        Self { source, own: None }
    }

    /// How the wire names it.
    pub fn source(&self) -> &AdapterSource {
        &self.source
    }

    /// The code, when it is a user's own.
    pub fn own(&self) -> Option<&Arc<dyn OwnAdapter>> {
        self.own.as_ref()
    }
}

impl fmt::Debug for AdapterRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)
    }
}

/// What may stand as a role's adapter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an adapter",
    note = "use adapter(\"name\") for one from nerve.yaml, LlmAdapter, or a type of your own that implements Adapter"
)]
pub trait IntoAdapter {
    /// Makes the reference.
    fn into_adapter(self) -> AdapterRef;
}

impl IntoAdapter for AdapterRef {
    fn into_adapter(self) -> AdapterRef {
        self
    }
}

impl<A: Adapter> IntoAdapter for A {
    fn into_adapter(self) -> AdapterRef {
        AdapterRef { source: AdapterSource::Own, own: Some(Arc::new(self)) }
    }
}

/// The adapter of this name under `adapters:` in nerve.yaml.
pub fn adapter(name: impl Into<String>) -> AdapterRef {
    AdapterRef::hosted(AdapterSource::Named(name.into()))
}

/// What reads a role's meta from its text when the text alone does not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extractor(pub String);

/// The extractor of this name: `default` is `extract:` in nerve.yaml, others stand under `extractors:`.
pub fn extractor(name: impl Into<String>) -> Extractor {
    Extractor(name.into())
}
