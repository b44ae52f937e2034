//! What a daemon costs that has nothing to do, and what open threads cost.

use std::time::Duration;

use crate::api::trigger_many;
use crate::failure::Result;
use crate::process::{allocated, pss, rss, used};
use crate::steps::{STEPS, at_the_gate};
use crate::workspace::{Daemon, IDLE, Workspace};

/// How long everything gets to come to rest.
const REST: Duration = Duration::from_secs(3);

/// A daemon with ten workers and nothing to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    pub(crate) rss_mib: f64,
    /// Share of one core, in percent.
    pub(crate) cpu_percent: f64,
    /// Times a second that one of its OS threads woke up and went to sleep again.
    pub(crate) wakeups: f64,
    /// A worker's share of memory, in the mean.
    pub(crate) worker_pss_mib: f64,
}

/// A daemon whose ten workers have each run a step.
pub(crate) fn with_workers(workspace: &Workspace) -> Result<Daemon<'_>> {
    workspace.fresh()?;
    workspace.configure(1, 10)?;
    let daemon = workspace.start()?;
    let mut connection = daemon.connect()?;
    for n in 0..IDLE {
        let thread = connection.trigger(&format!("idle-{n}"), "go 1")?;
        connection.wait(&thread)?;
    }
    drop(connection);
    Ok(daemon)
}

/// Looks at an idle daemon for so long.
pub(crate) fn look(workspace: &Workspace, lasting: Duration) -> Result<Idle> {
    let daemon = with_workers(workspace)?;
    let workers = daemon.workers()?;
    std::thread::sleep(REST);
    let before = used(daemon.pid)?;
    std::thread::sleep(lasting);
    let during = used(daemon.pid)? - before;
    let seconds = lasting.as_secs_f64();
    let shares = workers.iter().map(|worker| pss(*worker)).sum::<Result<f64>>()?;
    Ok(Idle {
        rss_mib: mib(rss(daemon.pid)?),
        cpu_percent: during.cpu_us / 1e4 / seconds,
        wakeups: during.sleeps as f64 / seconds,
        worker_pss_mib: mib(shares / workers.len() as f64),
    })
}

/// Bytes that the daemon allocates for each thread that waits for a slot.
pub(crate) fn waiting(workspace: &Workspace, threads: usize) -> Result<f64> {
    workspace.fresh()?;
    workspace.configure(1, threads)?;
    let daemon = workspace.start()?;
    let mut connection = daemon.connect()?;
    connection.trigger("bench", &format!("gate {STEPS}"))?;
    at_the_gate(&mut connection, "bench", 1)?;
    let before = allocated(daemon.pid)?;
    trigger_many(workspace.root(), "bench", &format!("go {STEPS}"), threads)?;
    std::thread::sleep(REST / 3);
    Ok((allocated(daemon.pid)? - before) / threads as f64)
}

/// Bytes that daemon and worker together allocate for each thread that has a step under way.
pub(crate) fn running(workspace: &Workspace, threads: usize) -> Result<f64> {
    workspace.fresh()?;
    workspace.configure(threads + 1, 1)?;
    let daemon = workspace.start()?;
    let mut connection = daemon.connect()?;
    connection.trigger("bench", &format!("gate {STEPS}"))?;
    at_the_gate(&mut connection, "bench", 1)?;
    let worker = daemon.worker("bench")?;
    let both = || Ok::<_, crate::failure::Failure>(allocated(daemon.pid)? + allocated(worker)?);
    let before = both()?;
    trigger_many(workspace.root(), "bench", &format!("gate {STEPS}"), threads)?;
    at_the_gate(&mut connection, "bench", threads + 1)?;
    Ok((both()? - before) / threads as f64)
}

fn mib(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}
