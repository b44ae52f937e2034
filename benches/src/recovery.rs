//! From the death of a process to the moment its work goes on.

use std::fs;
use std::time::{Duration, Instant};

use crate::clock;
use crate::failure::{Failure, Result};
use crate::stored::Filled;
use crate::workspace::{Daemon, Workspace, signal, until};

/// Threads that are open when the daemon dies.
const OPEN: usize = 64;

/// From the kill of the daemon to the moment that an interrupted step runs again, and all of them, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovered {
    pub(crate) first_ms: f64,
    pub(crate) all_ms: f64,
}

/// Kills a daemon whose steps hang and starts the next at once. Of the 64 open threads so many have a step under way; the others wait for a slot.
pub(crate) fn daemon(workspace: &Workspace, filled: &Filled, hanging: usize) -> Result<Recovered> {
    filled.install(workspace)?;
    workspace.configure(hanging, OPEN)?;
    let daemon = workspace.start()?;
    let mut connection = daemon.connect()?;
    for _ in 0..OPEN {
        connection.trigger("hang", "")?;
    }
    until("the steps that hang", || Ok((ran(workspace)?.len() == hanging).then_some(())))?;
    drop(connection);

    let killed = clock::now_ms();
    daemon.kill()?;
    let next = workspace.start()?;
    let again = until("the interrupted steps", || Ok(Some(ran(workspace)?).filter(|ran| ran.len() == 2 * hanging)))?;
    drop(next);
    let late = |at: &f64| at - killed;
    let again: Vec<f64> = again[hanging..].iter().map(late).collect();
    let edge = |pick: fn(f64, f64) -> f64| again.iter().copied().reduce(pick).ok_or_else(|| Failure::new("no step ran again"));
    Ok(Recovered { first_ms: edge(f64::min)?, all_ms: edge(f64::max)? })
}

/// When each step that hangs began, in milliseconds, in the order in which they did.
fn ran(workspace: &Workspace) -> Result<Vec<f64>> {
    let path = workspace.root().join("ran.txt");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(Failure::io("read", &path))?,
    };
    let at = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e6);
    text.lines().map(|line| at(line).ok_or_else(|| Failure::new(format!("no time: {line}")))).collect()
}

/// From the kill of a worker to the moment that its successor is ready, in milliseconds: once for each of the ten that an idle daemon has.
pub(crate) fn workers(workspace: &Workspace) -> Result<Vec<f64>> {
    let daemon = crate::idle::with_workers(workspace)?;
    let pids = daemon.workers()?;
    pids.iter().map(|pid| kill_one(&daemon, *pid)).collect()
}

/// No process is loaded and ready sooner; to ask before would only take time from those who see to it.
const SOONEST: Duration = Duration::from_millis(1);

fn kill_one(daemon: &Daemon<'_>, pid: u32) -> Result<f64> {
    let mut connection = daemon.connect()?;
    let key = daemon.worker_key(pid)?;
    let killed = Instant::now();
    signal(pid)?;
    std::thread::sleep(SOONEST);
    while killed.elapsed() < Duration::from_secs(10) {
        let status = connection.get("status")?;
        let took = killed.elapsed();
        let workers = status["workers"].as_array().into_iter().flatten();
        let now = workers.filter(|worker| worker["key"] == key.as_str()).find_map(|worker| worker["pid"].as_u64());
        if now.is_some_and(|now| now != u64::from(pid)) {
            return Ok(took.as_secs_f64() * 1e3);
        }
        // Asking all the time would slow down what is waited for.
        std::thread::sleep(Duration::from_micros(200));
    }
    Err(Failure::new(format!("{key} did not come back")))
}
