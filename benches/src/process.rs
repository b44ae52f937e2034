//! What the kernel says of a process.

use std::fs;
use std::ops::Sub;
use std::path::PathBuf;

use crate::failure::{Failure, Result};

/// What a process has used up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Used {
    /// Processor time in microseconds.
    pub(crate) cpu_us: f64,
    /// Times that one of its OS threads went to sleep.
    pub(crate) sleeps: u64,
    /// Times that one of its OS threads had to make room.
    pub(crate) preempted: u64,
}

impl Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu_us: self.cpu_us - before.cpu_us,
            sleeps: self.sleeps.saturating_sub(before.sleeps),
            preempted: self.preempted.saturating_sub(before.preempted),
        }
    }
}

/// What this process has used; OS threads of it that ended meanwhile are not counted.
pub(crate) fn used(pid: u32) -> Result<Used> {
    let folder = PathBuf::from(format!("/proc/{pid}/task"));
    let mut sum = Used::default();
    for task in fs::read_dir(&folder).map_err(Failure::io("read", &folder))? {
        let task = task?.path();
        // One that ends while we look has nothing to say.
        let (Ok(times), Ok(status)) = (fs::read_to_string(task.join("schedstat")), fs::read_to_string(task.join("status"))) else {
            continue;
        };
        let nanoseconds: f64 = times.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default();
        sum.cpu_us += nanoseconds / 1e3;
        sum.sleeps += field(&status, "voluntary_ctxt_switches").unwrap_or_default();
        sum.preempted += field(&status, "nonvoluntary_ctxt_switches").unwrap_or_default();
    }
    Ok(sum)
}

/// Its share of memory in bytes: what it shares with others counts in parts.
pub(crate) fn pss(pid: u32) -> Result<f64> {
    bytes(pid, "smaps_rollup", "Pss")
}

/// Its resident memory in bytes, shared or not.
pub(crate) fn rss(pid: u32) -> Result<f64> {
    bytes(pid, "status", "VmRSS")
}

/// Its resident memory in bytes that is no file's: what it allocated.
pub(crate) fn allocated(pid: u32) -> Result<f64> {
    bytes(pid, "status", "RssAnon")
}

fn bytes(pid: u32, file: &str, name: &str) -> Result<f64> {
    let path = PathBuf::from(format!("/proc/{pid}/{file}"));
    let text = fs::read_to_string(&path).map_err(Failure::io("read", &path))?;
    let kib = field(&text, name).ok_or_else(|| Failure::new(format!("{} has no {name}", path.display())))?;
    Ok(kib as f64 * 1024.0)
}

/// The number after this name in a file of `name: number` lines.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t5\nRss:  12 kB\n";
        assert_eq!((field(text, "voluntary_ctxt_switches"), field(text, "Rss"), field(text, "Pss")), (Some(5), Some(12), None));
    }
}
