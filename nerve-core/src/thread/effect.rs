//! What a thread wants done.

use super::{AskNo, End};
use crate::RawJson;

/// A step whose meta is to be checked by the role's type.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The role.
    pub role: String,
    /// What it said.
    pub content: String,
    /// The meta.
    pub meta: RawJson,
}

/// Something to do, now that the journal holds why.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the moderator what follows the finished steps; with `check`, have the role's type check that meta first.
    Decide {
        /// How many steps the moderator is to see; with `check`, counting the step that is being checked.
        upto: usize,
        /// The step under way, as it will be when its meta is taken.
        check: Option<Checked>,
    },
    /// Make the call of the step under way: 0 is the role's own, n the n-th re-ask.
    Call {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
        /// Which call.
        rung: u32,
    },
    /// Read the meta from the last text of the step under way.
    Extract {
        /// The step.
        step: u32,
    },
    /// Have the worker run the hand-written role.
    Run {
        /// The step.
        step: u32,
        /// The attempt.
        attempt: u32,
    },
    /// Make the call of an ask.
    CallAsk {
        /// The step.
        step: u32,
        /// The ask.
        ask: AskNo,
    },
    /// The ask has its answer in the journal: give it to whoever waits.
    AnswerAsk {
        /// The step.
        step: u32,
        /// The ask.
        ask: AskNo,
    },
    /// Stop everything that runs for this thread, then say [`Input::Stopped`](super::Input::Stopped).
    Stop,
    /// It is parked: its slot is free.
    Parked,
    /// It may run again when there is a slot.
    Requeue,
    /// It is over: its slot is free.
    Ended(End),
}
