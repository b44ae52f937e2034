//! A thread as a pure state machine: decide, then act.
//!
//! [`Machine::handle`] takes what happened and gives the [`Entry`]s that the journal must hold before anything follows
//! from it; [`Machine::effects`] gives what to do once they are there. Nothing here waits, sends or stores. A thread is
//! rebuilt after a crash by folding its entries ([`Machine::restore`]), and goes on from the last one.

mod acting;
mod effect;
mod end;
mod entry;
mod hold;
mod input;
mod loss;
mod machine;
#[cfg(test)]
mod properties;
mod state;

pub use acting::{Acting, AskRecord, AskState, Refusal, Stage, TextRecord};
pub use effect::{Checked, Effect};
pub use end::End;
pub use entry::{
    AgentSession, AskEntry, AskNo, AskTextEntry, CallFailedEntry, CrashCause, Cut, Entry, Intent, Launch, Origin, ParkReason, StepText,
};
pub use input::{AttemptFound, CallAnswer, Found, Input, Resume};
pub use machine::{Machine, Refused, Rules};
pub use state::{FinishedStep, KillRequest, KnownSession, Phase, StateName, Thread};

/// The most attempts of one step that may be lost to crashes or deadlines before its thread ends as crashed.
pub const MAX_LOST: u32 = 3;
