//! All processes at one moment.

use std::collections::{BTreeSet, HashMap};

use super::{Process, system};

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Which process.
    pub(crate) process: Process,
    /// Its parent's pid.
    pub(crate) parent: u32,
    /// Its process group.
    pub(crate) group: u32,
    /// Whether all of it has ended, and it only waits to be collected.
    pub(crate) ended: bool,
}

/// All processes as they were read, one after the other: one that started meanwhile may be missing.
pub(crate) struct Table(HashMap<u32, Row>);

impl Table {
    /// Reads it.
    pub(crate) fn read() -> Self {
        Self(system::rows().into_iter().map(|row| (row.process.pid, row)).collect())
    }

    /// Reads only these.
    pub(crate) fn of(pids: impl Iterator<Item = u32>) -> Self {
        Self(pids.filter_map(|pid| Some((pid, system::row(pid)?))).collect())
    }

    /// Reads only what is below this process, leaving out the children of it that are spared, with all below them; none where the
    /// system does not list children.
    pub(crate) fn below_alone(of: u32, spared: impl Fn(u32) -> bool) -> Option<Self> {
        let mut open = system::children(of)?;
        open.retain(|pid| !spared(*pid));
        let mut rows = HashMap::new();
        while let Some(pid) = open.pop() {
            let Some(row) = system::row(pid) else { continue };
            if rows.insert(pid, row).is_none() {
                open.extend(system::children(pid)?);
            }
        }
        Some(Self(rows))
    }

    /// Whether this very process is in it.
    pub(crate) fn has(&self, process: &Process) -> bool {
        self.0.get(&process.pid).is_some_and(|row| row.process == *process)
    }

    /// Living processes below these pids, without them.
    pub(crate) fn below(&self, pids: &[u32]) -> Vec<Process> {
        let mut by_parent: HashMap<u32, Vec<&Row>> = HashMap::new();
        for row in self.0.values() {
            by_parent.entry(row.parent).or_default().push(row);
        }
        let mut found = Vec::new();
        let mut seen: BTreeSet<u32> = pids.iter().copied().collect();
        let mut open = pids.to_vec();
        while let Some(pid) = open.pop() {
            for row in by_parent.get(&pid).into_iter().flatten() {
                if seen.insert(row.process.pid) {
                    open.push(row.process.pid);
                    if !row.ended {
                        found.push(row.process);
                    }
                }
            }
        }
        found
    }

    /// All that runs.
    pub(crate) fn living(&self) -> impl Iterator<Item = Process> {
        self.0.values().filter(|row| !row.ended).map(|row| row.process)
    }

    /// The children of this pid, those too that wait to be collected.
    pub(crate) fn children(&self, of: u32) -> impl Iterator<Item = &Row> {
        self.0.values().filter(move |row| row.parent == of)
    }

    /// This pid and those that it descends from.
    pub(super) fn line_of(&self, pid: u32) -> BTreeSet<u32> {
        let mut line = BTreeSet::new();
        let mut next = Some(pid);
        while let Some(pid) = next.filter(|pid| line.insert(*pid)) {
            next = self.0.get(&pid).map(|row| row.parent);
        }
        line
    }
}
