//! Which call a folder belongs to.

use std::fmt;
use std::str::FromStr;

use nerve_core::ThreadId;
use nerve_core::thread::AskNo;
use serde::{Deserialize, Serialize};

/// What is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// A step's text, or a better meta for it.
    Step {
        /// How many answers this step has already.
        rung: u32,
    },
    /// What a hand-written role asks.
    Ask {
        /// Which of its asks.
        ask: AskNo,
    },
}

/// The name of a call, and of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallName {
    thread: ThreadId,
    step: u32,
    call: Numbered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Numbered {
    Step { attempt: u32, rung: u32 },
    Ask { ask: AskNo },
}

/// The text names no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no call")]
pub(crate) struct BadCallName(String);

impl CallName {
    /// Names a call; an ask keeps its name through all attempts of its step.
    pub(crate) fn new(thread: ThreadId, step: u32, attempt: u32, what: What) -> Self {
        let call = match what {
            What::Step { rung } => Numbered::Step { attempt, rung },
            What::Ask { ask } => Numbered::Ask { ask },
        };
        Self { thread, step, call }
    }

    /// The thread that calls.
    pub(crate) fn thread(&self) -> ThreadId {
        self.thread
    }

    /// What the call's processes are marked with.
    pub(crate) fn owner(&self) -> String {
        format!("{OWNER}{self}")
    }
}

/// What the owner of every call's processes begins with.
pub(crate) const OWNER: &str = "call/";

impl fmt::Display for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, step, .. } = self;
        match self.call {
            Numbered::Step { attempt, rung } => write!(f, "{thread}-{step}-{attempt}-{rung}"),
            Numbered::Ask { ask } => write!(f, "{thread}-{step}-ask{}", ask.0),
        }
    }
}

impl FromStr for CallName {
    type Err = BadCallName;

    fn from_str(text: &str) -> Result<Self, BadCallName> {
        let read = || {
            let parts: Vec<&str> = text.split('-').collect();
            let number = |text: &str| text.parse::<u32>().ok();
            let (thread, step, call) = match *parts {
                [thread, step, ask] => (thread, step, Numbered::Ask { ask: AskNo(number(ask.strip_prefix("ask")?)?) }),
                [thread, step, attempt, rung] => (thread, step, Numbered::Step { attempt: number(attempt)?, rung: number(rung)? }),
                _ => return None,
            };
            Some(Self { thread: thread.parse().ok()?, step: number(step)?, call })
        };
        read().ok_or_else(|| BadCallName(text.to_owned()))
    }
}
