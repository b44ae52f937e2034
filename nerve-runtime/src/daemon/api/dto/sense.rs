//! Senses as JSON shows them.

use jiff::Timestamp;
use nerve_core::{RawJson, ThreadId, TickId};
use serde::{Deserialize, Serialize};

/// A sense: its settings with defaults filled in, and what it is at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SenseItem {
    /// Its name.
    pub name: String,
    /// The group whose worker runs it.
    pub group: String,
    /// What it is at, in a word such as `idle` or `running`.
    pub state: String,
    /// How often it ticks, such as `10s`; absent when only signals or a person wake it.
    pub interval: Option<String>,
    /// The senses whose signals wake it.
    pub on: Vec<String>,
    /// The least time between two of its threads.
    pub throttle: Option<String>,
    /// How long a tick may take.
    pub timeout: String,
    /// How long a cancelled tick may take to end.
    pub grace_period: String,
    /// When it last ticked.
    pub last_tick: Option<Timestamp>,
    /// When it is to tick next.
    pub next_tick: Option<Timestamp>,
    /// When it last signalled.
    pub last_signal: Option<Timestamp>,
    /// What went wrong at its last tick, when something did.
    pub last_error: Option<String>,
}

/// What one wanted tick gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SenseTriggered {
    /// [`schema::SENSE_TRIGGER`](super::schema::SENSE_TRIGGER).
    pub schema: String,
    /// The tick.
    pub tick: TickId,
    /// The signal's payload, when it signalled.
    pub signal: Option<RawJson>,
    /// The thread that the signal started.
    pub thread: Option<ThreadId>,
}
