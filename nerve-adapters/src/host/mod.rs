//! The daemon's half: making the calls that leave the process, and reading metas from what comes back.
//!
//! The parts know nothing of threads or the journal. [`Conversation`] says what is asked, [`llm`] and [`scripted`] answer it with a
//! [`CallText`], and [`extract`] reads the meta from that text. Limits, journalling and the order of the ladder are the daemon's.
//! Every `${VAR}` is expanded before anything comes here.

pub mod agent;
mod answer;
mod conversation;
pub mod extract;
mod form;
pub mod llm;
mod prices;
pub mod scripted;
mod thinking;

pub use answer::CallText;
pub use conversation::{Conversation, Message, Reask, Speaker, as_text, in_session};
pub use form::Form;
pub use prices::price;
