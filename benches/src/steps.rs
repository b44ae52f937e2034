//! Durable steps a second, through the released `nerve` and a worker that `nerve build` made.
//!
//! All threads are accepted first, while those that run wait at a gate; then the gate opens, and the time runs to the last end.

use std::fmt;
use std::time::{Duration, Instant};

use crate::api::{Connection, trigger_many};
use crate::clock;
use crate::failure::{Failure, Result};
use crate::limits::sqlite_commits;
use crate::process::{Used, used};
use crate::stats::percentile;
use crate::workspace::{Workspace, until};

/// Steps of a thread.
pub(crate) const STEPS: usize = 20;

/// How long bare commits are counted, before and after a run.
const LIMIT: Duration = Duration::from_millis(700);

/// Who runs the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Roles written by hand, in the worker.
    Written,
    /// Roles that a script answers: text and meta are committed apart.
    Hosted,
}

impl Kind {
    fn workflow(self) -> &'static str {
        match self {
            Self::Written => "bench",
            Self::Hosted => "bench-hosted",
        }
    }

    /// How its rows begin.
    pub(crate) fn row(self) -> &'static str {
        match self {
            Self::Written => "steps",
            Self::Hosted => "hosted",
        }
    }
}

/// How a run is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// Threads that run at once.
    pub(crate) concurrency: usize,
    /// How long it should take when the budget is just met, in seconds.
    pub(crate) seconds: f64,
}

impl Plan {
    /// Steps for each bare commit that the budget asks for.
    pub(crate) fn factor(self) -> f64 {
        let written = match self.concurrency {
            ..8 => 0.4,
            8..64 => 2.0,
            64..512 => 6.0,
            512.. => 9.0,
        };
        if self.kind == Kind::Hosted { written / 2.0 } else { written }
    }

    /// As many threads as keep it busy for that long.
    fn threads(self, commits: f64) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousand")]
        let threads = (self.seconds * commits * self.factor() / STEPS as f64) as usize;
        threads.max(self.concurrency * 2)
    }
}

/// What one run showed.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) threads: usize,
    pub(crate) steps_per_second: f64,
    /// Bare commits a second, right before and right after.
    pub(crate) commits: [f64; 2],
    /// The budget in steps a second, by the bare commits of this run.
    pub(crate) budget: f64,
    /// What a thread took from its start to its end, in milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// What the daemon and the worker used for each step.
    pub(crate) daemon: Used,
    pub(crate) worker: Used,
    pub(crate) steps: f64,
}

impl Run {
    /// The mean of both counts of bare commits.
    pub(crate) fn limit(&self) -> f64 {
        f64::midpoint(self.commits[0], self.commits[1])
    }
}

/// Does one run on the store as it is; the caller removes the store when it wants an empty one.
pub(crate) fn run(workspace: &Workspace, plan: Plan) -> Result<Run> {
    let before = sqlite_commits(workspace.root(), LIMIT)?;
    let threads = plan.threads(before);
    workspace.configure(plan.concurrency, threads)?;
    let daemon = workspace.start()?;
    let workflow = plan.kind.workflow();
    let mut connection = daemon.connect()?;
    for _ in 0..plan.concurrency {
        connection.trigger(workflow, &format!("gate {STEPS}"))?;
    }
    at_the_gate(&mut connection, workflow, plan.concurrency)?;
    let last = trigger_many(workspace.root(), workflow, &format!("go {STEPS}"), threads - plan.concurrency)?;
    let worker = daemon.worker(workflow)?;
    let idle = (used(daemon.pid)?, used(worker)?);

    let opened = clock::now_ms();
    workspace.open_gate()?;
    for thread in &last {
        connection.wait(thread)?;
    }
    settled(&mut connection, workflow)?;
    let (daemon_used, worker_used) = (used(daemon.pid)? - idle.0, used(worker)? - idle.1);

    let ends = Ends::read(&mut connection, workflow, threads, plan.concurrency)?;
    drop(daemon);
    let after = sqlite_commits(workspace.root(), LIMIT)?;
    let steps = (threads * STEPS) as f64;
    let seconds = (ends.last - opened) / 1e3;
    let none = || Failure::new("no thread ran from its start to its end");
    Ok(Run {
        threads,
        steps_per_second: steps / seconds,
        commits: [before, after],
        budget: f64::midpoint(before, after) * plan.factor(),
        p50_ms: percentile(&ends.took, 0.5).ok_or_else(none)?,
        p99_ms: percentile(&ends.took, 0.99).ok_or_else(none)?,
        daemon: daemon_used,
        worker: worker_used,
        steps,
    })
}

/// Waits, an hour at most, until no thread of the workflow is open.
pub(crate) fn settled(connection: &mut Connection, workflow: &str) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3600) {
        if load(connection, workflow)? == (0, 0) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new(format!("threads of {workflow} do not end")))
}

/// Waits until so many threads run, and have had time to reach the gate.
pub(crate) fn at_the_gate(connection: &mut Connection, workflow: &str, concurrency: usize) -> Result<()> {
    until("all threads at the gate", || Ok((load(connection, workflow)? == (concurrency as u64, 0)).then_some(())))?;
    // A thread that has its slot still needs its first decision.
    std::thread::sleep(Duration::from_millis(300));
    Ok(())
}

/// Threads of the workflow that run, and that wait for a slot.
fn load(connection: &mut Connection, workflow: &str) -> Result<(u64, u64)> {
    let status = connection.get("status")?;
    let workflows = status["workflows"].as_array().into_iter().flatten();
    let ours = workflows.into_iter().find(|item| item["name"] == workflow);
    let number = |name: &str| ours.and_then(|item| item[name].as_u64());
    number("active").zip(number("queued")).ok_or_else(|| Failure::new(format!("no workflow {workflow} in {status}")))
}

/// When the threads ended, by the store.
struct Ends {
    /// The last end, in milliseconds of the clock.
    last: f64,
    /// What each took that did not wait at the gate, in milliseconds.
    took: Vec<f64>,
}

impl Ends {
    /// Reads the newest threads; the oldest of them are those that waited at the gate.
    fn read(connection: &mut Connection, workflow: &str, threads: usize, gated: usize) -> Result<Self> {
        let mut ends = Self { last: 0.0, took: Vec::new() };
        let (mut before, mut seen) = (String::new(), 0);
        while seen < threads {
            let page = connection.get(&format!("threads?workflow={workflow}&limit=500{before}"))?;
            let items = page["items"].as_array().ok_or_else(|| Failure::new(format!("no list: {page}")))?;
            for item in items.iter().take(threads - seen) {
                let ended = clock::parse_ms(&item["ended_at"])?;
                ends.last = ends.last.max(ended);
                if seen < threads - gated {
                    ends.took.push(ended - clock::parse_ms(&item["started_at"])?);
                }
                seen += 1;
            }
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        if seen < threads {
            return Err(Failure::new(format!("{seen} of {threads} threads are in the store")));
        }
        Ok(ends)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = self.commits;
        let ratio = self.steps_per_second / self.limit();
        let met = if self.steps_per_second >= self.budget { "met" } else { "MISSED" };
        write!(f, "{:>8.0} steps/s  limit {before:.0} .. {after:.0} commits/s  ratio {ratio:.2}  ", self.steps_per_second)?;
        writeln!(f, "budget {:.0} {met} ({:.0} %)", self.budget, 100.0 * self.steps_per_second / self.budget)?;
        let each = |used: Used| (used.cpu_us / self.steps, used.sleeps as f64 / self.steps, used.preempted as f64 / self.steps);
        let ((daemon, asleep, pushed), (worker, worker_asleep, worker_pushed)) = (each(self.daemon), each(self.worker));
        write!(f, "         {} threads, each p50 {:.0} ms p99 {:.0} ms;  ", self.threads, self.p50_ms, self.p99_ms)?;
        write!(f, "a step: daemon {daemon:.1} µs, {asleep:.2} + {pushed:.2} switches; ")?;
        write!(f, "worker {worker:.1} µs, {worker_asleep:.2} + {worker_pushed:.2}")
    }
}

/// Threads one after the other, each from its trigger to the answer that it is over, in milliseconds.
pub(crate) fn latencies(workspace: &Workspace, threads: usize) -> Result<Vec<f64>> {
    workspace.fresh()?;
    workspace.configure(1, 10)?;
    let daemon = workspace.start()?;
    let mut connection = daemon.connect()?;
    // The first starts the worker.
    let first = connection.trigger("bench", &format!("go {STEPS}"))?;
    connection.wait(&first)?;
    (0..threads)
        .map(|_| {
            let start = Instant::now();
            let thread = connection.trigger("bench", &format!("go {STEPS}"))?;
            connection.wait(&thread)?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        })
        .collect()
}
