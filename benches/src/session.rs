//! Everything, one after the other.

use std::path::Path;
use std::time::Duration;

use crate::failure::Result;
use crate::figures::Figures;
use crate::steps::{self, Kind, Plan};
use crate::stored::Filled;
use crate::worker::{self, Program};
use crate::workspace::Workspace;
use crate::{builds, idle, limits, one_core, recovery, stored};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Runs whose median is told.
    pub(crate) runs: usize,
    /// Seconds that a run of steps takes when its budget is just met.
    pub(crate) seconds: f64,
    /// How long a limit of the disk is counted.
    pub(crate) limit: Duration,
    /// Starts of a worker or a command in a run.
    pub(crate) starts: usize,
    /// Round trips in a run.
    pub(crate) trips: usize,
    /// Ended threads in the smaller and in the greater store.
    pub(crate) stored: [usize; 2],
    /// How long an idle daemon is looked at.
    pub(crate) idle: Duration,
    /// Cold builds.
    pub(crate) builds: usize,
}

impl Size {
    /// What a report is kept of: less than 25 minutes on two cores.
    pub(crate) const FULL: Self = Self {
        runs: 5,
        seconds: 3.0,
        limit: Duration::from_secs(1),
        starts: 40,
        trips: 5_000,
        stored: [10_000, 100_000],
        idle: Duration::from_secs(10),
        builds: 3,
    };

    /// A look: less than 3 minutes. Its stores are a tenth of what the rows say.
    pub(crate) const QUICK: Self = Self {
        runs: 1,
        seconds: 1.0,
        limit: Duration::from_millis(500),
        starts: 20,
        trips: 2_000,
        stored: [1_000, 10_000],
        idle: Duration::from_secs(3),
        builds: 1,
    };

    /// Whether its stores are smaller than the rows say.
    pub(crate) fn is_quick(&self) -> bool {
        self.stored != Self::FULL.stored
    }
}

/// Steps of the threads in the greater store: enough for what an open store costs, few enough to be written soon.
const STEPS_OF_MANY: usize = 2;

/// Where a percentile lies.
const P50: f64 = 0.5;
const P99: f64 = 0.99;

/// Measures everything of ours and the limits.
pub(crate) fn measure(workspace: &Workspace, folder: &Path, size: Size) -> Figures {
    let mut figures = Figures::default();
    let all = &mut figures;
    all.attempt("the limits", |all| of_the_machine(all, folder, size));
    all.attempt("workers", |all| workers(all, workspace, size));
    all.attempt("frames", |all| frames(all, workspace, size));
    all.attempt("a worker's death", |all| deaths(all, workspace, size));
    for kind in [Kind::Written, Kind::Hosted] {
        for concurrency in [1, 8, 64, 512] {
            let id = format!("{}_{concurrency}", kind.row());
            let plan = Plan { kind, concurrency, seconds: size.seconds };
            all.attempt(&id, |all| (0..size.runs).try_for_each(|_| throughput(all, &id, workspace, plan, None)));
        }
    }
    all.attempt("a thread alone", |all| alone(all, workspace, size));
    all.attempt("an idle daemon", |all| idle_daemon(all, workspace, size));
    all.attempt("memory of threads", |all| memory(all, workspace, size));
    all.attempt("stores", |all| stores(all, workspace, folder, size));
    all.attempt("builds", |all| build(all, workspace, folder, size));
    figures
}

fn of_the_machine(all: &mut Figures, folder: &Path, size: Size) -> Result<()> {
    for _ in 0..size.runs {
        all.add("fdatasync", limits::fdatasync(folder, size.limit)?);
        all.add("sqlite_commits", limits::sqlite_commits(folder, size.limit)?);
        all.add_percentile("socketpair_rtt", &limits::socketpair(size.trips)?, P50);
        all.add_percentile("socketpair_rtt_pinned", &one_core::run(|| limits::socketpair(size.trips))?, P50);
        all.add_percentile("spawn_minimal", &limits::spawn_minimal(size.starts)?, P50);
    }
    Ok(())
}

fn programs(workspace: &Workspace) -> Result<[(&'static str, Program); 2]> {
    let built = Program::built(workspace.program()?, workspace.root());
    Ok([("", built), ("_builtin", Program::embedded(workspace.nerve(), workspace.root()))])
}

fn workers(all: &mut Figures, workspace: &Workspace, size: Size) -> Result<()> {
    for (suffix, program) in programs(workspace)? {
        for _ in 0..size.runs {
            all.add_percentile(&format!("cold_start{suffix}"), &worker::cold_starts(&program, size.starts)?, P50);
            let hundred = worker::hundred(&program)?;
            all.add(&format!("workers_100{suffix}"), hundred.ready_ms);
            all.add(&format!("workers_100{suffix}_pss"), hundred.pss_mib);
        }
    }
    Ok(())
}

fn frames(all: &mut Figures, workspace: &Workspace, size: Size) -> Result<()> {
    let [(_, built), (_, embedded)] = programs(workspace)?;
    let mut both = |id: &str, trips: &[f64]| {
        all.add_percentile(id, trips, P50);
        all.add_percentile(&format!("{id}_p99"), trips, P99);
    };
    for _ in 0..size.runs {
        for (id, bytes) in [("round_trip_small", 0), ("round_trip_64k", 64 * 1024)] {
            both(id, &one_core::run(|| worker::round_trips(&built, bytes, size.trips))?);
            both(&format!("{id}_unpinned"), &worker::round_trips(&built, bytes, size.trips)?);
        }
        both("round_trip_small_builtin", &one_core::run(|| worker::round_trips(&embedded, 0, size.trips))?);
    }
    for _ in 0..size.runs {
        all.add("frames_pipelined", worker::pipelined(&built, size.trips / 5)?);
    }
    Ok(())
}

/// Ten deaths are a run.
fn deaths(all: &mut Figures, workspace: &Workspace, size: Size) -> Result<()> {
    for _ in 0..size.runs {
        all.add_percentile("kill_ready", &recovery::workers(workspace)?, P50);
    }
    Ok(())
}

/// One run, on an empty store or on a copy of a filled one.
fn throughput(all: &mut Figures, id: &str, workspace: &Workspace, plan: Plan, stored: Option<&Filled>) -> Result<()> {
    match stored {
        Some(filled) => filled.install(workspace)?,
        None => workspace.fresh()?,
    }
    let run = steps::run(workspace, plan)?;
    eprintln!("  {run}");
    all.add(id, run.steps_per_second);
    all.add_limit(id, run.limit());
    Ok(())
}

fn alone(all: &mut Figures, workspace: &Workspace, size: Size) -> Result<()> {
    for _ in 0..size.runs {
        all.add_percentile("thread_20", &steps::latencies(workspace, size.starts)?, P50);
        all.add_percentile("version", &stored::commands(workspace, &["--version"], size.starts)?, P50);
    }
    Ok(())
}

fn idle_daemon(all: &mut Figures, workspace: &Workspace, size: Size) -> Result<()> {
    for _ in 0..size.runs.min(3) {
        let idle = idle::look(workspace, size.idle)?;
        all.add("idle_rss", idle.rss_mib);
        all.add("idle_cpu", idle.cpu_percent);
        all.add("idle_wakeups", idle.wakeups);
        all.add("worker_pss", idle.worker_pss_mib);
    }
    Ok(())
}

fn memory(all: &mut Figures, workspace: &Workspace, size: Size) -> Result<()> {
    for _ in 0..size.runs.min(3) {
        all.add("waiting_10k", idle::waiting(workspace, size.stored[0])?);
        all.add("running_1k", idle::running(workspace, size.stored[0] / 10)?);
    }
    Ok(())
}

fn stores(all: &mut Figures, workspace: &Workspace, folder: &Path, size: Size) -> Result<()> {
    let temp = tempfile::tempdir_in(folder)?;
    let some = stored::fill(workspace, temp.path(), size.stored[0], steps::STEPS)?;
    all.add("growth", some.bytes_per_step);
    let (page, everything) = (["thread", "list"], ["thread", "list", "--all"]);
    for _ in 0..size.runs {
        all.add("recovery", recovery::daemon(workspace, &some, 1)?.first_ms);
        all.add("recovery_64", recovery::daemon(workspace, &some, 64)?.all_ms);
        all.add("start_10k", stored::start(workspace, &some)?);
        all.add_percentile("thread_list", &stored::lists(workspace, &some, &page, size.starts / 2)?, P50);
        all.add_percentile("thread_list_all", &stored::lists(workspace, &some, &everything, size.starts / 10)?, P50);
    }
    let many = stored::fill(workspace, temp.path(), size.stored[1], STEPS_OF_MANY)?;
    let plan = Plan { kind: Kind::Written, concurrency: 64, seconds: size.seconds };
    for _ in 0..size.runs {
        all.add("start_100k", stored::start(workspace, &many)?);
        // In turn, so that what the machine does meanwhile meets both.
        throughput(all, "steps_64_empty", workspace, plan, None)?;
        throughput(all, "steps_64_100k", workspace, plan, Some(&many))?;
    }
    Ok(())
}

fn build(all: &mut Figures, workspace: &Workspace, folder: &Path, size: Size) -> Result<()> {
    for _ in 0..size.builds {
        all.add("cold_build", builds::cold(workspace.nerve(), folder)?);
    }
    // Last of all, for it changes the sources that the other rows are measured with.
    for took in builds::edits(workspace, size.runs)? {
        all.add("edit_build", took);
    }
    Ok(())
}
