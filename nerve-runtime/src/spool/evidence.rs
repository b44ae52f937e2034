//! What a call's folder proves.

use super::{AgentRecord, ExitRecord, Spool, SpooledReply};

/// What a call's folder proves.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// Nothing: whether the call left this machine is not known.
    None,
    /// A reply came whole.
    Reply(SpooledReply),
    /// An agent was started, and nobody saw its end.
    Started(AgentRecord),
    /// An agent ended, and its output is whole.
    Ended(ExitRecord),
}

impl Spool {
    /// Reads what the folder proves.
    pub(crate) fn evidence(&self) -> Evidence {
        if let Some(reply) = self.read_reply() {
            return Evidence::Reply(reply);
        }
        if let Some(exit) = self.exit() {
            return Evidence::Ended(exit);
        }
        self.agent().map_or(Evidence::None, Evidence::Started)
    }
}
