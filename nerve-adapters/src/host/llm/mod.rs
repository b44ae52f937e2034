//! Models behind any endpoint that speaks the OpenAI chat API.
//!
//! [`call`] is the one verb. The transport is ours, since typed clients break on what compatible servers really send: a response is read
//! as plain JSON first, and what it means is decided by evidence (finish reason, usage, text), never by the status alone.

mod call;
mod client;
mod dialect;
mod endpoint;
mod exchange;
mod limits;
mod problem;
mod request;
mod response;
mod retry_after;
mod shown;
mod strict;

pub use call::call;
pub use client::LlmClient;
pub use dialect::{NativeSchema, native_schema};
pub use endpoint::Endpoint;
pub use limits::CallLimits;
