//! Every row of the report that is ours, in its order: what it is, and what is promised.

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Budget {
    None,
    /// A figure in the row's unit.
    Fixed(f64),
    /// So many times the limit of the same run.
    OfLimit(f64),
    /// So many times another row.
    OfRow(&'static str, f64),
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) unit: &'static str,
    pub(super) better: Better,
    pub(super) budget: Budget,
    /// The row of the limit that stands beside it.
    pub(super) limit: Option<&'static str>,
}

impl Spec {
    const fn within(mut self, budget: f64) -> Self {
        self.budget = Budget::Fixed(budget);
        self
    }

    const fn beside(mut self, limit: &'static str) -> Self {
        self.limit = Some(limit);
        self
    }

    const fn times_the_limit(mut self, factor: f64) -> Self {
        self.budget = Budget::OfLimit(factor);
        self
    }
}

const fn more(id: &'static str, unit: &'static str, what: &'static str) -> Spec {
    Spec { id, what, unit, better: Better::More, budget: Budget::None, limit: None }
}

const fn less(id: &'static str, unit: &'static str, what: &'static str) -> Spec {
    Spec { id, what, unit, better: Better::Less, budget: Budget::None, limit: None }
}

const COMMITS: &str = "sqlite_commits";
const SPAWN: &str = "spawn_minimal";
const SOCKET: &str = "socketpair_rtt";
const PINNED: &str = "socketpair_rtt_pinned";

/// All rows.
pub(super) fn catalogue() -> Vec<Spec> {
    let limits = [
        more("fdatasync", "1/s", "appends of 250 bytes with fdatasync after each"),
        more(COMMITS, "1/s", "bare SQLite: one-row commits, WAL, synchronous=FULL"),
        less(SOCKET, "µs", "100 bytes there and back over a socketpair, p50"),
        less(PINNED, "µs", "the same on one core, p50"),
        less(SPAWN, "ms", "`true` from its start to its end, p50"),
    ];
    let workers = [
        less("cold_start", "ms", "worker of `nerve build`: start to ready, p50").within(3.0).beside(SPAWN),
        less("cold_start_builtin", "ms", "worker inside `nerve`: start to ready, p50").within(3.0).beside(SPAWN),
        less("kill_ready", "ms", "worker killed to its successor ready, through the daemon, p50").within(3.0).beside(SPAWN),
        less("workers_100", "ms", "100 workers at once: first start to last ready").within(300.0),
        less("workers_100_pss", "MiB", "100 workers: memory, shared parts counted once").within(150.0),
        less("workers_100_builtin", "ms", "100 workers inside `nerve` at once").within(300.0),
        less("workers_100_builtin_pss", "MiB", "their memory, shared parts counted once").within(150.0),
    ];
    let frames = [
        less("round_trip_small", "µs", "question of 100 bytes to a decision, on one core, p50").within(20.0).beside(PINNED),
        less("round_trip_small_p99", "µs", "the same, p99").within(30.0).beside(PINNED),
        less("round_trip_small_unpinned", "µs", "the same on all cores, p50").beside(SOCKET),
        less("round_trip_small_unpinned_p99", "µs", "the same on all cores, p99").beside(SOCKET),
        less("round_trip_small_builtin", "µs", "worker inside `nerve`, on one core, p50").within(20.0).beside(PINNED),
        less("round_trip_64k", "µs", "a meta of 64 KiB checked and a decision, on one core, p50"),
        less("round_trip_64k_p99", "µs", "the same, p99"),
        less("round_trip_64k_unpinned", "µs", "the same on all cores, p50"),
        less("round_trip_64k_unpinned_p99", "µs", "the same on all cores, p99"),
        more("frames_pipelined", "1/s", "questions answered by one worker that are not waited for"),
    ];
    let steps = |id, what, factor| more(id, "steps/s", what).beside(COMMITS).times_the_limit(factor);
    let throughput = [
        steps("steps_1", "durable steps, hand-written roles, 1 thread at once", 0.4),
        steps("steps_8", "8 at once", 2.0),
        steps("steps_64", "64 at once", 6.0),
        steps("steps_512", "512 at once", 9.0),
        steps("hosted_1", "durable steps, scripted roles, text and meta committed apart, 1 thread at once", 0.2),
        steps("hosted_8", "8 at once", 1.0),
        steps("hosted_64", "64 at once", 3.0),
        steps("hosted_512", "512 at once", 4.5),
        Spec { budget: Budget::OfRow("steps_64_empty", 0.9), ..more("steps_64_100k", "steps/s", "64 at once, 100,000 threads stored") },
        more("steps_64_empty", "steps/s", "64 at once, nothing stored, in turn with the row above"),
    ];
    let daemon = [
        less("thread_20", "ms", "a thread of 20 steps alone: trigger to the answer that it is over, p50"),
        less("recovery", "ms", "daemon killed to its interrupted step running again; 10,000 ended, 64 open threads").within(30.0),
        less("recovery_64", "ms", "the same with 64 interrupted steps, to the last of them running again"),
        less("start_10k", "ms", "`nerve start` on 10,000 ended threads"),
        less("start_100k", "ms", "`nerve start` on 100,000 ended threads"),
        less("idle_rss", "MiB", "idle daemon with 10 workers: resident memory").within(20.0),
        less("idle_cpu", "% of a core", "the same: processor time"),
        less("idle_wakeups", "1/s", "the same: wake-ups of the daemon").within(0.0),
        less("worker_pss", "MiB", "the same: memory of a worker").within(3.0),
        less("waiting_10k", "bytes", "memory for each thread that waits for a slot, 10,000 waiting"),
        less("running_1k", "bytes", "memory for each thread that runs, in daemon and worker, 1,000 running"),
        less("growth", "bytes", "the store's growth for each step of 20-step threads"),
    ];
    let faces = [
        less("version", "ms", "`nerve --version`, p50").within(10.0).beside(SPAWN),
        less("thread_list", "ms", "`nerve thread list` over 10,000 threads, p50").within(100.0).beside(SPAWN),
        less("thread_list_all", "ms", "`nerve thread list --all` over 10,000 threads, p50"),
        less("cold_build", "s", "`nerve build` of a new workspace, nothing compiled yet").within(20.0),
        less("edit_build", "s", "`nerve build` after an edit, to the daemon serving the new build").within(1.5),
    ];
    [&limits[..], &workers, &frames, &throughput, &daemon, &faces].concat()
}
