//! Coding agents as protocols: how their commands are called, and what their output proves. No process is started here.
//!
//! A [`Profile`](nerve_core::config::Profile) says it as data; [`profile`] finds the one of an adapter. [`call`] makes arguments of a turn, a [`Reader`]
//! takes what the agent writes, in any pieces, and says at the end what it amounts to. What lies in a call's folder is read by the same reader,
//! so that a daemon which starts anew comes to the same end.

mod call;
mod events;
mod lines;
mod plain;
mod profiles;
mod reader;
mod words;

pub use call::{AgentCall, AgentTurn, call};
pub use plain::text as plain_text;
pub use profiles::{known, profile};
pub use reader::{AgentAnswer, Ended, Exit, Reader, Seen};
pub use words::{asks_for_trust, classify};
