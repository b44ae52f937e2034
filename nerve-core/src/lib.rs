//! The words of nerve as types.
//!
//! Nothing here does I/O, reads a clock or the environment, or prints: time, ids and randomness come in as arguments.
//! A user's workspace links this crate, so it stays small: what only the daemon needs sits behind the feature `config`.

mod adapter;
#[cfg(feature = "config")]
pub mod config;
mod context;
mod error;
mod evidence;
mod failure;
mod id;
mod json;
mod meta;
mod next;
mod prompt;
mod role;
mod sense;
pub mod thread;
mod time;
mod usage;
pub mod wire;
mod workflow;

pub use adapter::{Adapter, AdapterRef, AdapterSource, Extractor, IntoAdapter, OwnAdapter, Reply, Request, adapter, extractor};
pub use context::{Step, ThreadContext};
pub use error::Error;
pub use evidence::Evidence;
pub use failure::{CallFailure, CallRecord, FailureKind};
pub use id::{BadId, BuildId, Epoch, ThreadId, TickId};
pub use json::RawJson;
pub use meta::{Meta, RoleKey, Schema, schema_for};
pub use next::Next;
pub use prompt::{IntoPrompt, Prompt, PromptText};
pub use role::{Answer, Ask, AskRequest, Effects, HostedRole, Role, RoleBody, RoleContext, RoleOptions, RoleResult, WrittenRole};
pub use sense::{Cause, Observation, Sense, SenseContext, Start};
pub use time::Timestamp;
pub use usage::Usage;
pub use workflow::{DefinitionError, Workflow, WorkflowBuilder};

/// A future on the heap that may move between threads: how async user functions are kept behind one type.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What user code returns: a value, or any error that `?` can convert.
pub type Result<T, E = Error> = std::result::Result<T, E>;
