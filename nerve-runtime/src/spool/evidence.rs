//! What a call's folder proves.

use super::{Spool, SpooledReply};

/// What a call's folder proves.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// Nothing: whether the call left this machine is not known.
    None,
    /// A reply came whole.
    Reply(Box<SpooledReply>),
    /// An agent was started, and nobody saw its end.
    Started,
    /// An agent ended, and its output is whole.
    Ended,
}

impl Spool {
    /// Reads what the folder proves.
    pub(crate) fn evidence(&self) -> Evidence {
        if let Some(reply) = self.read_reply() {
            return Evidence::Reply(Box::new(reply));
        }
        if self.exit().is_some() {
            return Evidence::Ended;
        }
        if self.agent().is_some() { Evidence::Started } else { Evidence::None }
    }
}
