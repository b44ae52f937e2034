//! Ending a daemon's life cleanly: nothing new starts, what runs gets time, what is open goes on in the next life.

use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use super::slot::Running;
use super::timers::Timer;
use crate::crash_point::{Moment, Point, crash_point};

/// A stop under way.
#[derive(Debug)]
pub(super) struct Stopping {
    /// Whether nothing more is waited for.
    now: bool,
}

impl Engine {
    /// Begins a stop, or hurries one; says what is waited for.
    pub(super) fn begin_stop(&mut self, now: bool) -> Vec<String> {
        let now = now || self.stopping.as_ref().is_some_and(|stopping| stopping.now);
        if self.stopping.is_none() {
            tracing::info!(now, "stopping");
            let drain: Duration = self.config.supervision.workflow_drain;
            self.timers.at(Instant::now() + drain, Timer::Drain);
        }
        self.stopping = Some(Stopping { now });
        self.release_all_pairs();
        crash_point(Point::At(Moment::StopBegun));
        self.running_steps()
    }

    pub(super) fn drain_over(&mut self) {
        if let Some(stopping) = &mut self.stopping {
            stopping.now = true;
        }
    }

    /// Whether the loop may end: nothing runs any more, or nothing is waited for, and all that was decided is written.
    pub(super) fn over(&self) -> bool {
        if self.fenced {
            return true;
        }
        let Some(stopping) = &self.stopping else { return false };
        if stopping.now {
            // The journal's writer still gets what was handed to it; see `run`.
            return true;
        }
        let quiet = self.slots.values().all(|slot| matches!(slot.call, Running::Nothing | Running::Waiting) && slot.is_settled());
        quiet && self.turns.is_empty() && self.senses.values().all(|sense| sense.tick.is_none())
    }

    /// Whether nothing more is waited for.
    pub(super) fn hurried(&self) -> bool {
        self.fenced || self.stopping.as_ref().is_some_and(|stopping| stopping.now)
    }

    /// Ends this life when another daemon has taken the workspace, which its sweep of this one's children shows before the store does.
    pub(super) fn give_way_if_claimed(&mut self) {
        if !self.fenced && self.claim.is_lost() {
            tracing::error!("another daemon took this workspace, whose lock was deleted: this one stops");
            self.fenced = true;
        }
    }

    fn running_steps(&self) -> Vec<String> {
        let running = self.slots.values().filter(|slot| matches!(slot.call, Running::Hosted(_) | Running::Worker(_)));
        running
            .filter_map(|slot| {
                let thread = slot.machine.thread();
                Some(format!("{} ({}, {})", thread.launch.thread, thread.launch.workflow, thread.acting()?.intent.role))
            })
            .collect()
    }
}
