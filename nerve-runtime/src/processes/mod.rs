//! Looking at processes and ending them.
//!
//! Nobody is signalled by a bare pid: the system gives pids anew. What counts is pid and start time together, the mark in
//! a process's environment, or being below one of ours. All of that is read from Linux' `/proc`; elsewhere nothing is found
//! beyond what one's own process group holds.

mod environ;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
mod table;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

pub(crate) use environ::Environ;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;
pub(crate) use table::{Row, Table};

/// The environment variable that says for which workspace a process runs.
pub(crate) const WORKSPACE: &str = "NERVE_WORKSPACE";
/// The environment variable that says in which life of a daemon a process was started.
pub(crate) const LIFE: &str = "NERVE_LIFE";
/// The environment variable that says what a process was started for.
pub(crate) const OWNER: &str = "NERVE_OWNER";
/// The environment variable that a keeper has, and nothing below it.
pub(crate) const KEEPER: &str = "NERVE_KEEPER";

/// One process of this boot: its pid alone may be another's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: u32,
    /// When it started, in ticks since the boot; 0 where that cannot be known.
    pub(crate) start: u64,
}

impl Process {
    /// The process that has this pid now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        system::row(pid).map(|row| row.process)
    }
}

/// What tells this boot of the machine from others; empty where that cannot be known.
pub(crate) fn boot() -> String {
    system::boot()
}

/// What a process was started with, if it is ours to see.
pub(crate) fn environ(of: &Process) -> Option<Environ> {
    system::environ(of.pid).filter(|_| alive(of))
}

/// The children of a process, those too that wait to be collected; none where the system does not list them.
pub(crate) fn children(of: u32) -> Option<Vec<u32>> {
    system::children(of)
}

/// Everything below this process, whatever session or group it is in; what has ended is left out.
pub(crate) fn descendants(of: u32) -> Vec<Process> {
    Table::below_alone(of, |_| false).unwrap_or_else(Table::read).below(&[of])
}

/// Every living process whose environment is wanted; never this one or those it descends from.
pub(crate) fn marked(wanted: impl Fn(&Environ) -> bool) -> Vec<Process> {
    found(|environ| wanted(environ).then_some(())).into_iter().map(|(process, ())| process).collect()
}

/// Every living process of whose environment something is found, with that; never this one or those it descends from.
///
/// It reads the environment of all that runs on this machine.
pub(crate) fn found<T>(look: impl Fn(&Environ) -> Option<T>) -> Vec<(Process, T)> {
    system::marked(look)
}

/// Now, as [`Process::start`] counts; 0 where that cannot be known.
pub(crate) fn now() -> u64 {
    system::now()
}

/// These and everything below them; never this process or those it descends from.
pub(crate) fn with_descendants(roots: &[Process]) -> Vec<Process> {
    if roots.is_empty() {
        return Vec::new();
    }
    let table = Table::read();
    let pids: Vec<u32> = roots.iter().filter(|root| table.has(root)).map(|root| root.pid).collect();
    let mut all = table.below(&pids);
    all.extend(roots.iter().filter(|root| alive(root)));
    let spared = table.line_of(std::process::id());
    all.retain(|process| !spared.contains(&process.pid));
    all.sort_unstable();
    all.dedup();
    all
}

/// Sends a signal to those that are still the same processes.
pub(crate) fn signal_all(processes: &[Process], signal: Signal) {
    for process in processes.iter().filter(|process| alive(process)) {
        if let Some(pid) = pid_of(process.pid) {
            // One that is gone since is no failure; one of another user is not ours to end.
            let _ = kill(pid, signal);
        }
    }
}

/// Whether it runs: neither gone, nor waiting to be collected, nor another process with the same pid.
pub(crate) fn alive(process: &Process) -> bool {
    system::row(process.pid).is_some_and(|row| row.process == *process && !row.ended)
}

/// A pid that a signal may be sent to; 0, 1 and what is out of range mean many processes or init.
pub(crate) fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().filter(|pid| *pid > 1).map(Pid::from_raw)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
