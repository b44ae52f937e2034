//! A worker that does not read: only its own threads wait, and what waits costs no memory of the daemon's.

mod support;

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use support::{SOON, TestWorkspace, id_of, processes};

const THREADS: usize = 12;

/// No deadline ends the stopped worker while this looks.
const CONFIG: &str = "adapters:
  analyst: { kind: scripted, replies: replies.yaml, calls: calls.jsonl }
  fixer: { kind: scripted, replies: replies.yaml, calls: calls.jsonl }
senses:
  inbox: { group: other, interval: 200ms }
workflows:
  explain-load: { concurrency: 12 }
supervision: { decide: 10m }
";

#[test]
fn a_stopped_worker_holds_up_its_own_threads_and_nothing_else() {
    let workspace = TestWorkspace::new(CONFIG);
    workspace.start();
    let first = workspace.trigger("the first one");
    assert_eq!(workspace.ended(&first)["state"], "completed");
    let worker = workspace.workflow_worker();
    processes::signal(worker, Signal::SIGSTOP);
    // Together they are longer than the channel and what may wait before it.
    let prompt = "x".repeat(900 * 1024);
    let trigger = || id_of(&workspace.post("workflows/explain-load/trigger", &json!({ "prompt": prompt }), || {}));
    let ids: Vec<String> = (0..THREADS).map(|_| trigger()).collect();
    workspace.until("the questions to be held back", SOON, || workspace.log().contains("it does not read").then_some(()));
    // The other group and the API go on.
    let ticks = || workspace.ok(&["sense", "list"])["items"][0]["last_tick"].clone();
    let before = ticks();
    workspace.until("the next tick", SOON, || (ticks() != before).then_some(()));
    assert_eq!(workspace.load(), Some((THREADS as u64, 0)));
    processes::signal(worker, Signal::SIGCONT);
    let over = || (workspace.load() == Some((0, 0))).then_some(());
    workspace.until("the end of all", Duration::from_secs(60), over);
    for id in &ids {
        let entries = workspace.entries(id);
        assert_eq!(entries.last().map(|entry| entry.kind.as_str()), Some("completed"), "{id}");
        assert!(entries.iter().all(|entry| !entry.kind.ends_with("_lost")), "{id} lost something");
    }
    assert_eq!(workspace.workflow_worker(), worker, "the worker was replaced");
}

#[test]
fn an_answer_that_came_in_time_counts_although_the_daemon_was_held_up_until_after_its_deadline() {
    let workspace = TestWorkspace::new(&CONFIG.replace("decide: 10m", "decide: 2s"));
    workspace.start();
    let first = workspace.trigger("the first one");
    assert_eq!(workspace.ended(&first)["state"], "completed");
    let (daemon, worker) = (workspace.daemon().expect("it was started"), workspace.workflow_worker());
    processes::signal(worker, Signal::SIGSTOP);
    let second = workspace.trigger("the second one");
    workspace.until("the thread to run", SOON, || (workspace.load() == Some((1, 0))).then_some(()));
    processes::signal(daemon, Signal::SIGSTOP);
    processes::signal(worker, Signal::SIGCONT);
    // Past the deadline, in which the worker has answered for long.
    std::thread::sleep(Duration::from_secs(4));
    processes::signal(daemon, Signal::SIGCONT);
    assert_eq!(workspace.ended(&second)["state"], "completed");
    let kinds: Vec<_> = workspace.entries(&second).into_iter().map(|entry| entry.kind).collect();
    assert!(kinds.iter().all(|kind| !kind.ends_with("_lost")), "{kinds:?}");
    assert_eq!(workspace.workflow_worker(), worker, "a worker that was in time is killed");
}
