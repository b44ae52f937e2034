//! Brakes over the whole workspace: how many calls at once, in an hour, and failures in a row.

use std::collections::{HashMap, VecDeque};

use nerve_core::config::Limits;
use nerve_core::thread::AskNo;
use nerve_core::{ThreadId, Timestamp};

const HOUR_MS: i64 = 3_600_000;

/// The counter's name in the store.
pub(super) const FAILURES: &str = "failures_in_a_row";

/// When the hourly count was last set back.
pub(super) const RESET_AT: &str = "limits_reset_at";

/// A call that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    Step { thread: ThreadId, step: u32, attempt: u32, rung: u32 },
    Ask { thread: ThreadId, step: u32, ask: AskNo },
}

impl Held {
    pub(super) fn thread(&self) -> ThreadId {
        match self {
            Self::Step { thread, .. } | Self::Ask { thread, .. } => *thread,
        }
    }
}

/// What is counted, and what waits.
#[derive(Debug)]
pub(super) struct Brakes {
    limits: Limits,
    calls: VecDeque<Timestamp>,
    pub(super) failures: u32,
    running: HashMap<String, u32>,
    pub(super) held: VecDeque<(Held, String)>,
}

/// A call that was let through; it gives back what it took when it ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Pass {
    gates: Vec<String>,
    counts: bool,
}

impl Pass {
    /// What a call of a user's own adapter holds: no gate, and it counts.
    pub(super) fn of_own() -> Self {
        Self { gates: Vec::new(), counts: true }
    }
}

impl Brakes {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), calls: VecDeque::new(), failures: 0, running: HashMap::new(), held: VecDeque::new() }
    }

    pub(super) fn set(&mut self, limits: &Limits) {
        self.limits = limits.clone();
    }

    /// What the store remembers of earlier lives.
    pub(super) fn remember(&mut self, calls: Vec<Timestamp>, failures: u32) {
        self.calls = calls.into();
        self.failures = failures;
    }

    /// Lets a call through, or says what it waits for.
    pub(super) fn pass(&mut self, gates: &[(String, u32)], counts: bool, now: Timestamp) -> Result<Pass, String> {
        if counts {
            self.forget_old(now);
            if self.failures >= self.limits.failures_in_a_row {
                return Err(format!("{} calls failed in a row; when the cause is mended: nerve limits reset", self.failures));
            }
            if self.calls.len() >= self.limits.calls_per_hour as usize {
                return Err(format!(
                    "{} calls within the hour (limits.calls_per_hour); to go on now: nerve limits reset",
                    self.calls.len()
                ));
            }
        }
        if let Some((gate, most)) = gates.iter().find(|(gate, most)| self.running.get(gate).is_some_and(|running| running >= most)) {
            return Err(format!("{gate} is busy with {most} of {most} calls"));
        }
        for (gate, _) in gates {
            *self.running.entry(gate.clone()).or_insert(0) += 1;
        }
        if counts {
            self.calls.push_back(now);
        }
        Ok(Pass { gates: gates.iter().map(|(gate, _)| gate.clone()).collect(), counts })
    }

    /// The asks of this thread's step are over, those too that still wait.
    pub(super) fn forget_asks(&mut self, of: ThreadId) {
        self.held.retain(|(held, _)| !matches!(held, Held::Ask { thread, .. } if *thread == of));
    }

    /// A call has ended; `failed` is `None` when it was stopped by us. Tells whether the count of failures changed.
    pub(super) fn ended(&mut self, pass: &Pass, failed: Option<bool>) -> bool {
        for gate in &pass.gates {
            if let Some(running) = self.running.get_mut(gate) {
                *running = running.saturating_sub(1);
            }
        }
        // Folders of threads come and go.
        self.running.retain(|_, running| *running > 0);
        let before = self.failures;
        match failed {
            Some(true) if pass.counts => self.failures += 1,
            Some(false) if pass.counts => self.failures = 0,
            _ => {}
        }
        before != self.failures
    }

    /// Calls may go on, whatever was counted.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
        self.calls.clear();
    }

    pub(super) fn calls_last_hour(&self, now: Timestamp) -> usize {
        self.calls.iter().filter(|at| now.millis() - at.millis() < HOUR_MS).count()
    }

    /// When the hourly count lets the next call through, when that is what calls wait for.
    pub(super) fn next_free(&self, now: Timestamp) -> Option<std::time::Duration> {
        if self.calls.len() < self.limits.calls_per_hour as usize {
            return None;
        }
        let oldest = self.calls.front()?.millis() + HOUR_MS - now.millis();
        Some(std::time::Duration::from_millis(u64::try_from(oldest).unwrap_or(0) + 1))
    }

    fn forget_old(&mut self, now: Timestamp) {
        while self.calls.front().is_some_and(|at| now.millis() - at.millis() >= HOUR_MS) {
            self.calls.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_hour_slides() {
        let mut brakes = Brakes::new(&Limits { calls_per_hour: 2, failures_in_a_row: 5 });
        assert!(brakes.pass(&[], true, at(0)).is_ok() && brakes.pass(&[], true, at(10)).is_ok());
        assert!(brakes.pass(&[], true, at(3599)).is_err());
        assert_eq!(brakes.next_free(at(3599)).map(|wait| wait.as_millis()), Some(1001));
        assert!(brakes.pass(&[], true, at(3600)).is_ok());
        assert!(brakes.pass(&[], false, at(3600)).is_ok(), "scripts are free");
    }

    #[test]
    fn failures_in_a_row_stop_calls_until_the_reset_and_a_success_forgives_them() {
        let mut brakes = Brakes::new(&Limits { calls_per_hour: 200, failures_in_a_row: 2 });
        let pass = brakes.pass(&[], true, at(0)).expect("free");
        assert!(brakes.ended(&pass, Some(true)) && brakes.ended(&pass, Some(false)));
        assert!(brakes.ended(&pass, Some(true)) && brakes.ended(&pass, Some(true)));
        assert!(brakes.pass(&[], true, at(1)).is_err());
        brakes.reset();
        assert!(brakes.pass(&[], true, at(1)).is_ok());
    }

    #[test]
    fn a_gate_lets_in_as_many_as_it_says() {
        let mut brakes = Brakes::new(&Limits::default());
        let gate = [("provider `a`".to_owned(), 1)];
        let pass = brakes.pass(&gate, true, at(0)).expect("free");
        assert_eq!(brakes.pass(&gate, true, at(0)).expect_err("busy"), "provider `a` is busy with 1 of 1 calls");
        brakes.ended(&pass, Some(false));
        assert!(brakes.pass(&gate, true, at(0)).is_ok());
    }
}
