//! Models behind any endpoint that speaks the OpenAI chat API.
//!
//! [`call`] is the one verb. The transport is ours, since typed clients break on what compatible servers really send: a response is read
//! as plain JSON first, and what it means is decided by evidence (finish reason, usage, text), never by the status alone. What an endpoint
//! wants to be sent is data: [`Ways`], a row for each dialect.

mod call;
mod client;
mod dialect;
mod endpoint;
mod example;
mod exchange;
mod finish;
mod learnt;
mod ledger;
mod limits;
mod problem;
mod quota;
mod refs;
mod request;
mod response;
mod retry_after;
mod shown;
mod sse;
mod stream;
mod strict;
mod usage;

pub use call::call;
pub use client::LlmClient;
pub use dialect::{KeyIn, Ways, ways};
pub use endpoint::Endpoint;
pub use limits::CallLimits;
