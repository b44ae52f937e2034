//! What carries our mark and is not below us: somebody else's server started it with our environment.
//!
//! To find it takes a look at every process of the machine, so it is done on a thread of its own, once for all owners whose
//! processes ended in the meantime.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::LifeId;
use crate::processes::{self, Environ, Process};

/// How long it waits for more to look for. Whoever starts anew in this time has the machine for itself.
const GATHER: Duration = Duration::from_millis(250);
/// How long at most it looks again for what it killed.
const LOOKS: u32 = 20;

/// Whose processes have ended, and whether the thread runs.
static WANTED: Mutex<Wanted> = Mutex::new(Wanted { ended: Vec::new(), looks: false });

struct Wanted {
    ended: Vec<Ended>,
    looks: bool,
}

struct Ended {
    life: LifeId,
    owner: String,
    /// What started later belongs to the owner's next process.
    at: u64,
}

/// Has what this owner's processes left there ended soon.
pub(super) fn look(life: &LifeId, owner: &str) {
    let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
    wanted.ended.push(Ended { life: life.clone(), owner: owner.to_owned(), at: processes::now() });
    if !wanted.looks {
        wanted.looks = thread::Builder::new().name("look-afar".to_owned()).spawn(run).is_ok();
    }
}

fn run() {
    loop {
        thread::sleep(GATHER);
        let ended = {
            let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.looks = !wanted.ended.is_empty();
            std::mem::take(&mut wanted.ended)
        };
        if ended.is_empty() {
            return;
        }
        for _ in 0..LOOKS {
            let left = left_by(&ended);
            if left.is_empty() {
                break;
            }
            tracing::warn!(?left, "processes outside of this daemon's tree carry the mark of one that ended: ended too");
            processes::signal_all(&left, Signal::SIGKILL);
            thread::sleep(GATHER);
        }
    }
}

fn left_by(ended: &[Ended]) -> Vec<Process> {
    let is_of = |environ: &Environ, of: &Ended| environ.has(processes::LIFE, of.life.as_str()) && environ.has(processes::OWNER, &of.owner);
    let found = processes::found(|environ| ended.iter().filter(|of| is_of(environ, of)).map(|of| of.at).max());
    let before: Vec<Process> = found.into_iter().filter(|(process, at)| process.start <= *at).map(|(process, _)| process).collect();
    let mut left = processes::with_descendants(&before);
    // What is below us was looked at when its owner ended; what is there by now is of those that followed.
    if !left.is_empty() {
        let ours = processes::descendants(std::process::id());
        left.retain(|process| !ours.contains(process));
    }
    left
}
