//! How busy the processors were since the last look.

use nerve_runtime::prelude::*;
use serde::{Deserialize, Serialize};

/// The kernel's counters at the last look, in ticks since boot; zero before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Counters {
    busy: u64,
    total: u64,
}

/// What a tick reports.
#[derive(Debug, Serialize)]
struct Usage {
    /// Of all processors together, 0 to 100, since the last look (the first time: since boot).
    busy_percent: f64,
}

/// Signals at every tick and starts nothing. To act on a busy machine, add
/// `.start("explain-load", "what to explain")` to the observation when the figure is high.
pub fn sense() -> Sense {
    Sense::new("cpu-usage", compute)
}

async fn compute(ctx: SenseContext) -> Result<Observation> {
    let before: Counters = ctx.state()?;
    let Ok(stat) = std::fs::read_to_string("/proc/stat") else {
        return Ok(Observation::silent("this system has no /proc/stat"));
    };
    let now = counters(&stat).ok_or("the first line of /proc/stat is not `cpu` and its counters")?;
    match usage(before, now) {
        Some(usage) => Observation::signal(&usage)?.state(&now),
        None => Ok(Observation::silent("no time has passed since the last look")),
    }
}

/// Reads the first line: `cpu  user nice system idle iowait irq softirq steal …`.
fn counters(stat: &str) -> Option<Counters> {
    let mut words = stat.lines().next()?.split_whitespace();
    if words.next() != Some("cpu") {
        return None;
    }
    // What follows the first eight is time of guests, which `user` already holds.
    let ticks: Vec<u64> = words.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let idle = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
    let total: u64 = ticks.iter().sum();
    Some(Counters { busy: total.checked_sub(idle)?, total })
}

fn usage(before: Counters, now: Counters) -> Option<Usage> {
    // After a reboot the counters start again: then the figure is the one since boot.
    let before = if now.total < before.total { Counters::default() } else { before };
    let total = now.total - before.total;
    let busy = now.busy.saturating_sub(before.busy);
    (total > 0).then(|| Usage { busy_percent: (busy as f64 * 1000.0 / total as f64).round() / 10.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_summed_up() {
        let stat = "cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2 3 4\n";
        assert_eq!(counters(stat), Some(Counters { busy: 150, total: 1000 }));
        assert_eq!(counters("intr 5"), None);
    }

    #[test]
    fn usage_counts_from_the_last_look() {
        let percent = |before, now| usage(before, now).map(|usage| usage.busy_percent);
        let boot = Counters { busy: 150, total: 1000 };
        assert_eq!(percent(Counters::default(), boot), Some(15.0));
        assert_eq!(percent(boot, Counters { busy: 200, total: 1100 }), Some(50.0));
        assert_eq!(percent(boot, boot), None);
        assert_eq!(percent(boot, Counters { busy: 1, total: 10 }), Some(10.0));
    }
}
