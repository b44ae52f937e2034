//! The sweeper of one life of the daemon: `nerve sweeper`, a process that waits for that life's end and then leaves nothing of it.
//!
//! Its stdin is a pipe whose other end only the daemon holds. A clean end says so in it; any other end just closes it. What
//! belongs to the life carries its mark. Plain blocking code, and as little of it as can be: it lives as long as the daemon.

use std::io::{self, ErrorKind, Read};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use crate::crash_point::{Moment, Point, crash_point};
use crate::keeper::KILL_AFTER;
use crate::processes::{self, Environ, Process};
use crate::spool;

/// What a daemon says when it ends cleanly.
pub(crate) const DONE: u8 = b'.';
/// What the sweeper itself was started for.
pub(crate) const OWNER: &str = "sweeper";

/// How long keepers have to stop their agents and say how they ended.
const KEEPERS: Duration = KILL_AFTER.saturating_add(Duration::from_millis(500));
/// How long it looks again after a daemon that was killed: a child that was just being started gets its mark late.
const LATE: Duration = Duration::from_millis(300);
/// After this long, what is left cannot be killed.
const LIMIT: Duration = Duration::from_secs(15);
/// How long between two looks.
const LOOK: Duration = Duration::from_millis(30);

/// Waits for the end of the daemon that started this, and ends all that it leaves.
pub fn run() -> ExitCode {
    // Whatever ends a terminal's or a group's processes is not to end the one that cleans up after them.
    let _ = nix::unistd::setsid();
    let _ = SigSet::all().thread_block();
    // Without a life there is nothing that it may touch.
    let Ok(life) = std::env::var(processes::LIFE) else { return ExitCode::FAILURE };
    crash_point(Point::At(Moment::SweeperWatches));
    let clean = ends_cleanly(&mut io::stdin());
    crash_point(Point::At(Moment::SweeperSweeps));
    if end_all(&life, clean) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Waits for the daemon's end; whether it was a clean one.
fn ends_cleanly(lifeline: &mut impl Read) -> bool {
    let mut byte = [0];
    let mut clean = false;
    loop {
        match lifeline.read(&mut byte) {
            Ok(0) => return clean,
            Ok(_) => clean = byte == [DONE],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return clean,
        }
    }
}

/// Ends everything of this life; whether nothing is left.
fn end_all(life: &str, clean: bool) -> bool {
    let begun = Instant::now();
    let mut empty = 0;
    while begun.elapsed() < LIMIT {
        let in_time = begun.elapsed() < KEEPERS;
        let found = processes::found(|environ| environ.has(processes::LIFE, life).then(|| Kind::of(environ)));
        let keepers_work = in_time && found.iter().any(|(_, kind)| *kind == Kind::Keeper);
        // A worker has nothing to say after its daemon's end, and neither has what it started.
        let goes = |kind: &Kind| !keepers_work || *kind == Kind::Other;
        let left: Vec<Process> = found.iter().filter(|(_, kind)| goes(kind)).map(|(process, _)| *process).collect();
        // Those that are stopped die of this, too.
        processes::signal_all(&processes::with_descendants(&left), Signal::SIGKILL);
        let none = found.is_empty();
        // One look can miss what starts while it goes through the table.
        empty = if none { empty + 1 } else { 0 };
        if empty > 1 && (clean || begun.elapsed() > LATE) {
            return true;
        }
        if !(none && clean) {
            thread::sleep(LOOK);
        }
    }
    false
}

/// What a process of the life is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It stops its agent and says how that ended.
    Keeper,
    /// An agent, or what it started.
    OfCall,
    Other,
}

impl Kind {
    fn of(environ: &Environ) -> Self {
        let owner = environ.get(processes::OWNER).and_then(|owner| owner.to_str());
        if environ.get(processes::KEEPER).is_some() {
            Self::Keeper
        } else if owner.is_some_and(|owner| owner.starts_with(spool::OWNER)) {
            Self::OfCall
        } else {
            Self::Other
        }
    }
}
