//! Ending all that an agent started.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::course::Course;
use crate::processes;

/// How long between two kills: what was started during the first is met by the next.
const AGAIN: Duration = Duration::from_millis(10);
/// How often it is killed, for about a second: what is there then is not ours to end, or hangs in the system.
const KILLS: u32 = 100;

/// Ends everything below this process: TERM, time, then KILL until nothing is left that can be ended.
pub(super) fn end(agent: u32, course: &mut Course, kill_after: Duration) {
    // The agent may have left nothing behind.
    let left = processes::descendants(std::process::id());
    if left.is_empty() && !strays(agent) && course.until_childless(AGAIN) {
        return;
    }
    signal(agent, Signal::SIGTERM);
    // One that is stopped hears the first signal only when it goes on.
    signal(agent, Signal::SIGCONT);
    let deadline = Instant::now() + kill_after;
    let mut kills = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let childless = course.until_childless(left.max(AGAIN));
        if childless && !strays(agent) {
            return;
        }
        if childless {
            thread::sleep(AGAIN);
        }
        if Instant::now() >= deadline {
            if kills == KILLS {
                let left: Vec<u32> = processes::descendants(std::process::id()).iter().map(|process| process.pid).collect();
                // It is in the daemon's log. How the agent ended counts more than what cannot be helped.
                let _ = writeln!(io::stderr(), "keeper: processes of the agent cannot be ended: {left:?}");
                return;
            }
            signal(agent, Signal::SIGKILL);
            kills += 1;
        }
    }
}

fn signal(agent: u32, signal: Signal) {
    processes::signal_all(&processes::descendants(std::process::id()), signal);
    signal_group(agent, Some(signal));
}

/// Whether something of the agent's runs that is no child of ours: only where orphans are not left to us.
fn strays(agent: u32) -> bool {
    !cfg!(target_os = "linux") && signal_group(agent, None)
}

/// Where descendants cannot be listed, the agent's group stands for them.
fn signal_group(agent: u32, signal: impl Into<Option<Signal>>) -> bool {
    !cfg!(target_os = "linux") && processes::pid_of(agent).is_some_and(|group| nix::sys::signal::killpg(group, signal).is_ok())
}
