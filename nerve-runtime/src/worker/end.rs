//! The end of the daemon, which ends this process and all that it started.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};

use crate::processes;

/// How long what was started may take to be gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// Ends this process and all that user code started, in whatever group or session: nothing runs that the daemon does not own.
pub(super) fn end_of_the_daemon() -> ! {
    let own = nix::unistd::getpid();
    end_what_was_started();
    if nix::unistd::getpgrp() == own {
        let _ = killpg(own, Signal::SIGKILL);
    }
    // Not the leader of a group: started in some other way than by the daemon.
    loop {
        let _ = nix::sys::signal::kill(own, Signal::SIGKILL);
        std::thread::sleep(LOOK);
    }
}

/// Kills what is below this process or carries its mark, until nothing of it is left or the time is over.
fn end_what_was_started() {
    // Not before: whoever adopts orphans has to collect them, which only their starters' code could tell from its own
    // children. From here on none is to get away; those of before are known by their mark.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let mark = [processes::LIFE, processes::OWNER].map(|name| std::env::var(name).ok().map(|value| (name, value)));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut left = processes::descendants(std::process::id());
        if let [Some(life), Some(owner)] = &mark {
            let marked = processes::marked(|environ| [life, owner].iter().all(|(name, value)| environ.has(name, value)));
            left.extend(processes::with_descendants(&marked));
        }
        if left.is_empty() || Instant::now() >= deadline {
            return;
        }
        processes::signal_all(&left, Signal::SIGKILL);
        std::thread::sleep(LOOK);
    }
}
