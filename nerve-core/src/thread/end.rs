//! How threads end.

use serde::{Deserialize, Serialize};

use super::StateName;
use crate::ThreadId;

/// The end of a thread; it never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The moderator ended it.
    Completed {
        /// Why, when the moderator said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A role, prompt or moderator failed.
    Failed {
        /// What failed.
        error: String,
    },
    /// The moderator wanted one more round than the thread may take.
    RoundsUsedUp {
        /// The cap.
        max_rounds: u32,
    },
    /// Somebody killed it.
    Killed {
        /// Who.
        by: String,
        /// Processes that it had started and that would not die; their workdir stays reserved while they live.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<u32>,
    },
    /// It was pushed out of a full queue, or there was no room.
    Dropped {
        /// The thread that took its place; absent when the workflow drops what it has no slot for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<ThreadId>,
    },
    /// It was ended for a restart of its workflow.
    Interrupted,
    /// What ran it died too often.
    Crashed {
        /// How, and the last words on stderr.
        cause: String,
    },
}

impl End {
    /// The thread's state.
    pub fn state(&self) -> StateName {
        match self {
            Self::Completed { .. } => StateName::Completed,
            Self::Failed { .. } | Self::RoundsUsedUp { .. } => StateName::Failed,
            Self::Killed { .. } => StateName::Killed,
            Self::Dropped { .. } => StateName::Dropped,
            Self::Interrupted => StateName::Interrupted,
            Self::Crashed { .. } => StateName::Crashed,
        }
    }

    /// The thread's exit code: 0 completed, 1 failed, 2 rounds used up, 137 killed, 255 crashed, else none.
    pub fn exit_code(&self) -> Option<u8> {
        match self {
            Self::Completed { .. } => Some(0),
            Self::Failed { .. } => Some(1),
            Self::RoundsUsedUp { .. } => Some(2),
            Self::Killed { .. } => Some(137),
            Self::Crashed { .. } => Some(255),
            Self::Dropped { .. } | Self::Interrupted => None,
        }
    }

    /// Why, in words, when there is something to say.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Completed { reason } => reason.clone(),
            Self::Failed { error } => Some(error.clone()),
            Self::RoundsUsedUp { max_rounds } => Some(format!("all {max_rounds} rounds are used up")),
            Self::Killed { by, left } if left.is_empty() => Some(format!("killed by {by}")),
            Self::Killed { by, left } => {
                let left: Vec<_> = left.iter().map(u32::to_string).collect();
                Some(format!("killed by {by}; still alive: process {}", left.join(", ")))
            }
            Self::Dropped { by: Some(by) } => Some(format!("pushed out of the full queue by {by}")),
            Self::Dropped { by: None } => Some("no free slot, and the workflow drops what overflows".to_owned()),
            Self::Interrupted => Some("interrupted by a restart of its workflow".to_owned()),
            Self::Crashed { cause } => Some(cause.clone()),
        }
    }
}
