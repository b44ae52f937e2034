//! The daemon's state in a few lines, what needs a person last.

use jiff::Timestamp;
use nerve_runtime::daemon::api::dto::Status;

use super::time::{between, span, until};
use super::{count, cut};

/// The state.
pub(crate) fn status(status: &Status, now: Timestamp) -> String {
    let mut lines = vec![
        format!("running  pid {}  up {}  nerve {}  {}", status.pid, span(status.uptime_ms), status.version, status.workspace),
        format!("build      {}", build(status)),
        format!("senses     {}", senses(status, now)),
        format!("workflows  {}", workflows(status)),
        format!("workers    {}", workers(status)),
        format!("calls      {} in the last hour", status.limits.calls_last_hour),
    ];
    lines.extend(problems(status));
    for parked in &status.parked {
        let since = between(parked.since, now);
        lines.push(format!("waits      {}  {}  {}, for {since}", parked.id, parked.workflow, cut(&parked.reason, 80)));
        lines.push(format!("           nerve thread resume {0} [--build current]   or   nerve thread kill {0}", parked.id));
    }
    lines.join("\n") + "\n"
}

fn build(status: &Status) -> String {
    let name = status.build.as_ref().map_or("none", |build| build.0.as_str());
    if status.stale { format!("{name}  stale: sources changed since: nerve build") } else { name.to_owned() }
}

fn senses(status: &Status, now: Timestamp) -> String {
    let failing: Vec<_> = status.senses.iter().filter(|sense| sense.last_error.is_some()).map(|sense| sense.name.as_str()).collect();
    let next = status.senses.iter().filter_map(|sense| sense.next_tick.map(|at| (at, &sense.name))).min();
    let mut text = status.senses.len().to_string();
    if !failing.is_empty() {
        text.push_str(", failing: ");
        text.push_str(&failing.join(", "));
    }
    if let Some((at, name)) = next {
        text.push_str("  next tick: ");
        text.push_str(name);
        text.push(' ');
        text.push_str(&until(now, Some(at)));
    }
    text
}

fn workflows(status: &Status) -> String {
    let loads = status.workflows.iter().map(|load| {
        let queued = if load.queued == 0 { String::new() } else { format!(", {} queued", load.queued) };
        format!("{} {}/{}{queued}", load.name, load.active, load.concurrency)
    });
    join_or_none(loads.collect())
}

fn workers(status: &Status) -> String {
    let workers = status.workers.iter().map(|worker| {
        let crashes = if worker.crashes == 0 {
            String::new()
        } else {
            format!(", {}", count(worker.crashes.into(), "crash").replace("crashs", "crashes"))
        };
        format!("{} {}{crashes}", worker.key, worker.state)
    });
    join_or_none(workers.collect())
}

fn problems(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(reason) = &status.limits.waiting {
        lines.push(format!("problem    calls wait: {reason}: nerve limits reset"));
    }
    for worker in &status.workers {
        if let Some(reason) = worker.reason.as_ref().and_then(|reason| reason.lines().next()) {
            lines.push(format!("problem    {}: {reason}: nerve worker reset {0}", worker.key));
        }
    }
    if !status.store.ok {
        lines.push(format!("problem    the store takes no writes: {}", status.store.problem.as_deref().unwrap_or("unknown")));
    }
    if let Some(problem) = &status.config_problem {
        lines.push(format!("problem    nerve.yaml was not taken: {problem}: nerve validate"));
    }
    lines.extend(status.build_problem.as_ref().map(|problem| format!("problem    {problem}")));
    for load in status.workflows.iter().filter(|load| load.queued > 0) {
        if let Some(held) = &load.held {
            lines.push(format!("problem    {}: {} wait: {held}", load.name, count(load.queued, "thread")));
        }
    }
    lines
}

fn join_or_none(parts: Vec<String>) -> String {
    if parts.is_empty() { "none".to_owned() } else { parts.join("   ") }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::status;
    use crate::render::samples;

    #[test]
    fn a_well_daemon_is_told_in_six_lines() {
        assert_snapshot!(status(&samples::status(), samples::NOW));
    }

    #[test]
    fn what_needs_a_person_stands_last() {
        assert_snapshot!(status(&samples::troubled_status(), samples::NOW));
    }
}
