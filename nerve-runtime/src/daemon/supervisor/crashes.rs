//! How often a child may crash, and how long to wait before the next start.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The crashes of one key within the window.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    at: VecDeque<Instant>,
}

/// What follows a crash.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Start again after this time.
    Respawn(Duration),
    /// It crashed too often.
    Blocked,
}

impl Crashes {
    /// Counts one more. The first respawn comes at once, then `min` doubling to `max`; `jitter` is between 0 and 1 and
    /// takes up to a fifth off, so that many children do not come back at the same moment.
    pub(super) fn add(&mut self, now: Instant, limits: &nerve_core::config::Supervision, jitter: f64) -> Verdict {
        self.at.push_back(now);
        while self.at.front().is_some_and(|first| now.duration_since(*first) > limits.crash_window) {
            self.at.pop_front();
        }
        if self.at.len() >= limits.crash_limit as usize {
            return Verdict::Blocked;
        }
        let earlier = u32::try_from(self.at.len() - 1).unwrap_or(u32::MAX);
        if earlier == 0 {
            return Verdict::Respawn(Duration::ZERO);
        }
        let delay = limits.respawn_min.saturating_mul(2u32.saturating_pow(earlier - 1)).min(limits.respawn_max);
        Verdict::Respawn(delay.mul_f64(1.0 - 0.2 * jitter.clamp(0.0, 1.0)))
    }

    pub(super) fn count(&self) -> usize {
        self.at.len()
    }

    pub(super) fn clear(&mut self) {
        self.at.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nerve_core::config::Supervision;

    #[test]
    fn c15_the_first_respawn_is_at_once_then_delays_double_and_the_sixth_crash_blocks() {
        let (mut crashes, limits, now) = (Crashes::default(), Supervision::default(), Instant::now());
        let mut delays = Vec::new();
        for n in 0..6 {
            match crashes.add(now + Duration::from_secs(n), &limits, 0.0) {
                Verdict::Respawn(delay) => delays.push(delay.as_millis()),
                Verdict::Blocked => delays.push(9999),
            }
        }
        assert_eq!(delays, [0, 100, 200, 400, 800, 9999]);
    }

    #[test]
    fn crashes_outside_the_window_do_not_count() {
        let (mut crashes, limits, now) = (Crashes::default(), Supervision::default(), Instant::now());
        for n in 0..20 {
            assert_ne!(crashes.add(now + Duration::from_secs(n * 61), &limits, 0.0), Verdict::Blocked);
        }
    }
}
