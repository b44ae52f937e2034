//! Time limits of worker processes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{self, DurationText};

/// Time limits of starting, stopping and restarting workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Supervision {
    /// Time a new worker has to say that it is ready.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub ready: Duration,
    /// Time the daemon waits for a workflow's worker to finish its steps when it stops.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub workflow_drain: Duration,
    /// The part of `workflow_drain` that the worker itself may use to end its steps.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub worker_drain: Duration,
    /// Time the daemon waits for a sense worker to finish its tick when it stops.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub sense_drain: Duration,
    /// Time from TERM to KILL when a worker stops.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub term_grace: Duration,
    /// Time a killed thread's step has to end by itself.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub kill_cancel: Duration,
    /// Time from TERM to KILL for what a killed thread started.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub kill_term: Duration,
    /// First wait before a crashed worker is started again; it doubles from there. The very first respawn is at once.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub respawn_min: Duration,
    /// Longest wait before a crashed worker is started again.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub respawn_max: Duration,
    /// Crashes within `crash_window` after which a worker stays down.
    #[schemars(range(min = 1, max = 1000))]
    pub crash_limit: u32,
    /// The time in which crashes are counted.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub crash_window: Duration,
    /// Longest time a moderator may take to decide.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub decide: Duration,
}

impl Default for Supervision {
    fn default() -> Self {
        Supervision {
            ready: Duration::from_secs(10),
            workflow_drain: Duration::from_secs(30),
            worker_drain: Duration::from_secs(10),
            sense_drain: Duration::from_secs(5),
            term_grace: Duration::from_secs(3),
            kill_cancel: Duration::from_secs(2),
            kill_term: Duration::from_secs(1),
            respawn_min: Duration::from_millis(100),
            respawn_max: Duration::from_secs(5),
            crash_limit: 6,
            crash_window: Duration::from_secs(60),
            decide: Duration::from_secs(5),
        }
    }
}
