//! Keeping everything on one core.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::failure::{Failure, Result};

/// This is the calling OS thread.
const HERE: Pid = Pid::from_raw(0);

/// Does something on one core: this OS thread, the threads that it starts and their processes. Afterwards this OS thread runs where it did.
pub(crate) fn run<T>(what: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = sched_getaffinity(HERE)?;
    let last = (0..CpuSet::count()).rev().find(|core| before.is_set(*core).unwrap_or(false));
    let last = last.ok_or_else(|| Failure::new("this process may run on no core"))?;
    let mut one = CpuSet::new();
    one.set(last)?;
    sched_setaffinity(HERE, &one)?;
    let done = what();
    sched_setaffinity(HERE, &before)?;
    done
}
