//! What earlier lives of the daemon left running, ended before this one takes up their work.
//!
//! Their sweeper does the same; this is for when it was killed too, or is not through yet: an agent must not meet its own
//! earlier attempt.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};
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
/// How long the sweepers of earlier lives have for their last looks.
const SWEEPERS: Duration = Duration::from_secs(1);
/// How long between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// The end of what earlier lives left, which a thread sees to while this one opens its store. Dropping it waits for that.
pub(super) struct Leftovers(Option<JoinHandle<io::Result<()>>>);

impl Leftovers {
    /// Begins to end everything of this workspace's earlier lives.
    pub(super) fn end(layout: &Layout, life: &LifeId) -> io::Result<Self> {
        let (layout, life) = (layout.clone(), life.clone());
        let thread = thread::Builder::new().name("leftovers".to_owned()).spawn(move || end(&layout, &life))?;
        Ok(Self(Some(thread)))
    }

    /// Waits until they are gone; nothing that they could meet may be started before.
    pub(super) fn gone(mut self) -> io::Result<()> {
        self.join()
    }

    fn join(&mut self) -> io::Result<()> {
        let Some(thread) = self.0.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the look for leftovers panicked")))
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        // This life does not come about for another reason, which is the one that is told.
        let _ = self.join();
    }
}

/// What a process of an earlier life is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It watches over an agent, which goes first.
    Keeper,
    /// It looks for the same as this does, for a while after all is gone, and then ends by itself.
    Sweeper,
    Other,
}

impl Kind {
    fn of(environ: &Environ) -> Self {
        if environ.get(processes::KEEPER).is_some() {
            Self::Keeper
        } else if environ.has(processes::OWNER, sweeper::OWNER) {
            Self::Sweeper
        } else {
            Self::Other
        }
    }
}

fn end(layout: &Layout, life: &LifeId) -> io::Result<()> {
    let begun = Instant::now();
    let root = fs::canonicalize(layout.root())?;
    let boot = processes::boot();
    let recorded: Vec<Process> = Spool::all(layout)?.iter().filter_map(Spool::agent).flat_map(|agent| agent.processes(&boot)).collect();
    let earlier = |environ: &Environ| {
        let is_earlier = environ.get(processes::LIFE).is_some_and(|found| found != life.as_str())
            && environ.get(processes::WORKSPACE).is_some_and(|workspace| is(workspace, &root));
        is_earlier.then(|| Kind::of(environ))
    };
    let (mut empty, mut ended) = (0, 0);
    let sweepers = loop {
        let all = processes::found(earlier);
        let those = |wanted: Kind| all.iter().filter(move |(_, kind)| *kind == wanted).map(|(process, _)| *process);
        let (keepers, sweepers): (Vec<_>, Vec<_>) = (those(Kind::Keeper).collect(), those(Kind::Sweeper).collect());
        let mut left: Vec<_> = those(Kind::Other).collect();
        left.extend(recorded.iter().filter(|process| processes::alive(process) && !keepers.contains(process)));
        if left.is_empty() && keepers.is_empty() && ended == 0 {
            break sweepers;
        }
        let mut left = processes::with_descendants(&left);
        let ours = processes::descendants(std::process::id());
        left.retain(|process| !ours.contains(process) && !keepers.contains(process) && !sweepers.contains(process));
        // A keeper without an agent puts that on record and ends by itself.
        if left.is_empty() && begun.elapsed() > KEEPERS {
            left.clone_from(&keepers);
        }
        processes::signal_all(&left, Signal::SIGKILL);
        ended += left.len();
        // One look can miss what starts while it goes through the table.
        empty = if left.is_empty() && keepers.is_empty() { empty + 1 } else { 0 };
        if empty > 1 {
            break sweepers;
        }
        if begun.elapsed() > PATIENCE {
            processes::signal_all(&keepers, Signal::SIGKILL);
            tracing::error!(?left, ?keepers, "processes of an earlier life would not die");
            break sweepers;
        }
        if empty == 0 {
            thread::sleep(LOOK);
        }
    };
    if !sweepers.is_empty() {
        thread::Builder::new().name("leftovers".to_owned()).spawn(move || see_off(&sweepers))?;
    }
    let took = begun.elapsed();
    if ended > 0 {
        tracing::warn!(ended, ?took, "an earlier life had left processes running");
    } else {
        tracing::debug!(?took, "no earlier life left a process");
    }
    Ok(())
}

/// Ends sweepers that do not end by themselves. They touch nothing of this life's, so nobody waits for it.
fn see_off(sweepers: &[Process]) {
    thread::sleep(SWEEPERS);
    processes::signal_all(sweepers, Signal::SIGKILL);
}

/// Whether this names the workspace, be it over a link.
fn is(workspace: &OsStr, root: &Path) -> bool {
    Path::new(workspace) == root || fs::canonicalize(workspace).is_ok_and(|workspace| workspace == root)
}
