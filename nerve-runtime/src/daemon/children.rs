//! Who are our children: those that were started, and those that others left to us.
//!
//! The daemon is a subreaper: what loses its parent below it becomes its child. Such orphans are collected here, and
//! nobody else's child ever is, for then whoever started it would never learn how it ended.

mod afar;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::LifeId;
use crate::processes::{self, Environ, Process, Table};

/// How long a sweep waits for what it killed to be gone.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it waits between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// The children that were started and not yet reported as ended.
///
/// Being a parent is a fact of the process, so there is one list for it, whoever asks. Whoever starts a child holds it
/// locked meanwhile: no look at the process table sees a child that is not on the list yet.
static STARTED: Mutex<BTreeMap<u32, Started>> = Mutex::new(BTreeMap::new());

struct Started {
    process: Process,
    owner: String,
}

fn started() -> MutexGuard<'static, BTreeMap<u32, Started>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn register(children: &mut BTreeMap<u32, Started>, pid: u32, owner: &str) {
    // Nobody can have collected it yet.
    let process = Process::of(pid).unwrap_or(Process { pid, start: 0 });
    children.insert(pid, Started { process, owner: owner.to_owned() });
}

/// Starts the daemon's children, and ends what they leave behind.
#[derive(Debug, Clone)]
pub(crate) struct Children {
    life: LifeId,
}

impl Children {
    /// For this life of the daemon.
    pub(crate) fn new(life: LifeId) -> Self {
        Self { life }
    }

    /// The life with which they are marked.
    pub(crate) fn life(&self) -> &LifeId {
        &self.life
    }

    /// Starts a child that is marked with this life and its owner. [`Self::ended`] is to be called once it was waited for.
    pub(crate) fn spawn(&self, command: &mut Command, owner: &str) -> io::Result<Child> {
        command.env(processes::LIFE, self.life.as_str()).env(processes::OWNER, owner);
        let mut children = started();
        let child = command.spawn()?;
        if let Some(pid) = child.id() {
            register(&mut children, pid, owner);
        }
        Ok(child)
    }

    /// A child was waited for: its pid may be anybody's from now on.
    pub(crate) fn ended(&self, pid: u32) {
        started().remove(&pid);
    }

    /// Kills what this owner's processes left behind, and every orphan that became our child after it had taken our mark off;
    /// gives the pids of those that would not die.
    ///
    /// Started children are spared, with all below them: they have somebody who waits for them. So is an orphan whose mark
    /// cannot be read, for it may be anybody's, and every orphan without a mark as long as others leave us theirs: as the
    /// first process of a container, or while other code here has children of its own.
    ///
    /// All that is left to a subreaper is below it. What carries the mark elsewhere, since somebody else's server started it with
    /// our environment, is ended soon after by a thread aside, for that takes a look at all that runs on this machine.
    pub(crate) async fn sweep(&self, owner: &str) -> Vec<u32> {
        let deadline = Instant::now() + PATIENCE;
        let mut empty = false;
        loop {
            let left = self.left_by(owner);
            processes::signal_all(&left, Signal::SIGKILL);
            collect();
            // One look can miss what is started while it goes through the table.
            if left.is_empty() && std::mem::replace(&mut empty, true) {
                self.look_afar(owner);
                return Vec::new();
            }
            if !left.is_empty() {
                empty = false;
                if Instant::now() >= deadline {
                    return left.iter().map(|process| process.pid).collect();
                }
                sleep(LOOK).await;
            }
        }
    }

    /// The pids of this owner's processes that still run, besides started children.
    pub(crate) fn survivors(&self, owner: &str) -> Vec<u32> {
        let children = started();
        let marked = processes::marked(|environ| self.marks(environ, owner));
        besides_started(&Table::read(), &children, marked).iter().map(|process| process.pid).collect()
    }

    /// The pids of all that runs for this owner, started children too.
    pub(crate) fn running(&self, owner: &str) -> Vec<u32> {
        let marked = processes::marked(|environ| self.marks(environ, owner));
        processes::with_descendants(&marked).iter().map(|process| process.pid).collect()
    }

    /// Waits until no started child is left whose owner is wanted, or until the time is over; whether none is.
    pub(crate) async fn until_ended(&self, wanted: impl Fn(&str) -> bool, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            if !started().values().any(|child| wanted(&child.owner) && processes::alive(&child.process)) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Collects orphans as they end, for as long as the daemon runs.
    pub(crate) async fn collect_orphans() {
        let mut ended = match signal(SignalKind::child()) {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "the end of children cannot be watched: orphans stay in the process table until the daemon ends");
                return;
            }
        };
        loop {
            collect();
            if ended.recv().await.is_none() {
                return;
            }
        }
    }

    fn marks(&self, environ: &Environ, owner: &str) -> bool {
        environ.has(processes::LIFE, self.life.as_str()) && environ.has(processes::OWNER, owner)
    }

    fn left_by(&self, owner: &str) -> Vec<Process> {
        let children = started();
        let near = if is_subreaper() { Table::below_alone(std::process::id(), |pid| children.contains_key(&pid)) } else { None };
        let (table, mut left) = match near {
            Some(table) => {
                let marked = |process: &Process| processes::environ(process).is_some_and(|environ| self.marks(&environ, owner));
                let left = table.living().filter(marked).collect();
                (table, left)
            }
            None => (Table::read(), processes::marked(|environ| self.marks(environ, owner))),
        };
        let others_leave_us_theirs = std::process::id() == 1 || children.values().any(|child| child.owner.is_empty());
        if !others_leave_us_theirs {
            let unmarked = |process: &Process| processes::environ(process).is_some_and(|environ| environ.get(processes::LIFE).is_none());
            left.extend(left_to_us(&table, &children).filter(|row| !row.ended).map(|row| row.process).filter(unmarked));
        }
        besides_started(&table, &children, left)
    }

    /// Has what carries this owner's mark outside of our tree ended soon, if it was started before now.
    fn look_afar(&self, owner: &str) {
        if is_subreaper() {
            afar::look(&self.life, owner);
        }
    }
}

/// These and what is below them, without started children and what is below those.
fn besides_started(table: &Table, children: &BTreeMap<u32, Started>, roots: Vec<Process>) -> Vec<Process> {
    if roots.is_empty() {
        return roots;
    }
    let mut left = processes::with_descendants(&roots);
    let pids: Vec<u32> = children.keys().copied().collect();
    let spared = table.below(&pids);
    left.retain(|process| !children.contains_key(&process.pid) && !spared.contains(process));
    left
}

/// Our children that nobody here started.
///
/// One in our own process group is none of them: every child is put into a group of its own, so this one was started by
/// other code in this process, which waits for it itself.
fn left_to_us<'a>(table: &'a Table, children: &'a BTreeMap<u32, Started>) -> impl Iterator<Item = &'a processes::Row> {
    let own_group = u32::try_from(nix::unistd::getpgrp().as_raw()).unwrap_or_default();
    table.children(std::process::id()).filter(move |row| row.group != own_group && !children.contains_key(&row.process.pid))
}

/// Collects the orphans that have ended.
fn collect() {
    let mut children = started();
    let own = std::process::id();
    let listed = processes::children(own);
    let table = match &listed {
        Some(_) => Table::of(listed.iter().flatten().copied().filter(|pid| !children.contains_key(pid))),
        None => Table::read(),
    };
    for row in left_to_us(&table, &children).filter(|row| row.ended) {
        if let Some(pid) = processes::pid_of(row.process.pid) {
            // By its pid and no other: to wait for any child would take those of others.
            let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
    }
    if cfg!(target_os = "linux") {
        // Children whose owner went away without a word were collected by tokio. One that is not listed may have been missed.
        let listed = listed.unwrap_or_default();
        children.retain(|pid, child| listed.contains(pid) || Process::of(*pid) == Some(child.process));
    }
}

/// Whether all that loses its parent below this process becomes its child.
fn is_subreaper() -> bool {
    #[cfg(target_os = "linux")]
    return nix::sys::prctl::get_child_subreaper().unwrap_or(false);
    #[cfg(not(target_os = "linux"))]
    false
}

/// Makes this process the one that orphans below it are left to, where the system can.
pub(crate) fn become_subreaper() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::error!(%error, "orphans will not be left to this process");
    }
}

/// A child that other code of this process started and waits for; the daemon leaves it alone as long as this is held.
#[derive(Debug)]
pub struct Beside(u32);

/// Starts a child that the daemon in this process, if there is one, has nothing to do with.
///
/// # Errors
/// When it cannot be started.
pub fn spawn_beside(command: &mut std::process::Command) -> io::Result<(std::process::Child, Beside)> {
    let mut children = started();
    let child = command.spawn()?;
    let pid = child.id();
    register(&mut children, pid, "");
    Ok((child, Beside(pid)))
}

impl Drop for Beside {
    fn drop(&mut self) {
        started().remove(&self.0);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
