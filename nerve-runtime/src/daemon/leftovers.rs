//! What earlier lives of the daemon left running, ended before this one takes up their work.
//!
//! Their sweeper does the same; this is for when it was killed too, or is not through yet: an agent must not meet its own
//! earlier attempt.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Layout, LifeId};
use crate::processes::{self, Environ, Process};
use crate::spool::Spool;
use crate::sweeper;

/// How long it waits for them to be gone.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long keepers have, with nothing left to keep, to put that on record.
const KEEPERS: Duration = Duration::from_millis(500);
/// How long between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Ends everything of this workspace's earlier lives.
pub(super) fn end(layout: &Layout, life: &LifeId) -> io::Result<()> {
    let begun = Instant::now();
    let root = fs::canonicalize(layout.root())?;
    let boot = processes::boot();
    let recorded: Vec<Process> = Spool::all(layout)?.iter().filter_map(Spool::agent).flat_map(|agent| agent.processes(&boot)).collect();
    let earlier = |environ: &Environ| {
        environ.get(processes::LIFE).is_some_and(|found| found != life.as_str())
            && environ.get(processes::WORKSPACE).is_some_and(|workspace| is(workspace, &root))
    };
    let (mut empty, mut ended) = (0, 0);
    loop {
        let all = processes::marked(earlier);
        let (watching, mut left): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|process| processes::environ(process).is_some_and(|environ| watches(&environ)));
        left.extend(recorded.iter().filter(|process| processes::alive(process) && !watching.contains(process)));
        if left.is_empty() && watching.is_empty() && ended == 0 {
            break;
        }
        let mut left = processes::with_descendants(&left);
        let ours = processes::descendants(std::process::id());
        left.retain(|process| !ours.contains(process) && !watching.contains(process));
        // A keeper without an agent puts that on record and ends by itself.
        if left.is_empty() && begun.elapsed() > KEEPERS {
            left.clone_from(&watching);
        }
        processes::signal_all(&left, Signal::SIGKILL);
        ended += left.len();
        // One look can miss what starts while it goes through the table.
        empty = if left.is_empty() && watching.is_empty() { empty + 1 } else { 0 };
        if empty > 1 {
            break;
        }
        if begun.elapsed() > PATIENCE {
            processes::signal_all(&watching, Signal::SIGKILL);
            tracing::error!(?left, ?watching, "processes of an earlier life would not die");
            break;
        }
        if empty == 0 {
            thread::sleep(LOOK);
        }
    }
    let took = begun.elapsed();
    if ended > 0 {
        tracing::warn!(ended, ?took, "an earlier life had left processes running");
    } else {
        tracing::debug!(?took, "no earlier life left a process");
    }
    Ok(())
}

/// Keepers and sweepers: what they watch over goes first.
fn watches(environ: &Environ) -> bool {
    environ.get(processes::KEEPER).is_some() || environ.has(processes::OWNER, sweeper::OWNER)
}

/// Whether this names the workspace, be it over a link.
fn is(workspace: &OsStr, root: &Path) -> bool {
    Path::new(workspace) == root || fs::canonicalize(workspace).is_ok_and(|workspace| workspace == root)
}
