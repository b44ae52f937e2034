//! The original's suite `WorkflowManager`: slots, queue and workers of workflows, by what a user sees of them.

mod support;

use nix::sys::signal::Signal;
use support::builds::{self, Worker};
use support::own::Variant;
use support::{SOON, TestWorkspace, processes, scripted};

#[test]
fn this_executable_is_a_worker_too() {
    support::own::serve();
}

/// Answers take so long that nothing ends by itself.
fn slow(concurrency: u32) -> String {
    scripted("60s", "0ms", concurrency)
}

const TWO: &str = "workflows:
  act-once: { concurrency: 1 }
  act-aside: { concurrency: 1 }
";

#[test]
fn a_thread_that_has_a_slot_starts_one_worker() {
    let workspace = TestWorkspace::new(&slow(2));
    workspace.start();
    assert!(workspace.workers("workflow/").is_empty(), "a worker starts when there is something for it");
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    assert_eq!((workspace.workers("workflow/").len(), workspace.load()), (1, Some((1, 0))));
}

#[test]
fn a_second_thread_that_has_a_slot_shares_the_worker_of_the_first() {
    let workspace = TestWorkspace::new(&slow(2));
    workspace.start();
    let first = workspace.trigger("one");
    workspace.called(&first, "analyst");
    let worker = workspace.workflow_worker();
    let second = workspace.trigger("two");
    workspace.called(&second, "analyst");
    assert_eq!((workspace.workers("workflow/").len(), workspace.load()), (1, Some((2, 0))));
    assert_eq!(workspace.workflow_worker(), worker);
}

#[test]
fn each_thread_that_starts_has_a_started_entry_with_its_build() {
    let workspace = TestWorkspace::new(&slow(2));
    workspace.start();
    let ids = [workspace.trigger("one"), workspace.trigger("two")];
    let build = workspace.status()["build"].clone();
    for id in &ids {
        workspace.called(id, "analyst");
        let entries = workspace.entries(id);
        let started: Vec<_> = entries.iter().filter(|entry| entry.kind == "started").collect();
        assert_eq!(started.len(), 1, "{entries:#?}");
        assert_eq!(started[0].payload["started"]["build"], build);
        assert_eq!(entries[0].kind, "accepted");
    }
}

#[test]
fn the_next_in_the_queue_starts_when_what_runs_ends_however_it_ends() {
    let done = "analyst:\n  - { text: Nothing is busy., meta: { actionable: false, culprit: null } }\n";
    let away = "analyst:\n  - { error: the model is away }\n";
    for (end, delay, replies) in [("completed", "300ms", done), ("failed", "300ms", away), ("killed", "60s", done)] {
        let workspace = TestWorkspace::new(&scripted(delay, "0ms", 1));
        workspace.write("replies.yaml", replies);
        workspace.start();
        let first = workspace.trigger("one");
        let second = workspace.trigger("two");
        workspace.called(&first, "analyst");
        assert_eq!(workspace.kinds(&second), ["accepted", "queued"]);
        if end == "killed" {
            workspace.run(&["thread", "kill", &first]).exits(0);
        }
        workspace.called(&second, "analyst");
        assert_eq!(workspace.show(&first)["state"], end);
        assert_eq!(workspace.calls_of(&second, "analyst"), 1);
    }
}

#[test]
fn two_workflows_have_a_worker_and_slots_each() {
    let workspace = TestWorkspace::new(TWO);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    let once = workspace.trigger_of("act-once", "waits");
    let aside = workspace.trigger_of("act-aside", "waits");
    workspace.acts(&once, 1);
    workspace.acts(&aside, 1);
    assert_eq!((workspace.load_of("act-once"), workspace.load_of("act-aside")), (Some((1, 0)), Some((1, 0))));
    let pids = ["workflow/act-once@", "workflow/act-aside@"].map(|key| workspace.workers(key)[0]["pid"].as_u64().expect("a pid"));
    assert_ne!(pids[0], pids[1]);
    workspace.write("go", "");
    workspace.completes(&once);
    workspace.completes(&aside);
}

#[test]
fn a_worker_that_dies_takes_no_thread_of_another_workflow_with_it() {
    let workspace = TestWorkspace::new(TWO);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    let once = workspace.trigger_of("act-once", "waits");
    let aside = workspace.trigger_of("act-aside", "waits");
    workspace.acts(&once, 1);
    workspace.acts(&aside, 1);
    let worker = workspace.workers("workflow/act-once@")[0]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a pid");
    processes::signal(worker, Signal::SIGKILL);
    workspace.acts(&once, 2);
    assert_eq!(support::own::ran_for(&workspace, &aside).len(), 1);
    workspace.write("go", "");
    workspace.completes(&once);
    workspace.completes(&aside);
    assert_eq!(workspace.count(&aside, "attempt_lost"), 0);
}

#[test]
fn an_unknown_workflow_starts_nothing() {
    let workspace = TestWorkspace::new(&slow(1));
    workspace.start();
    workspace.run(&["workflow", "trigger", "explain-nothing", "--prompt", "x"]).exits(5);
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 0);
    assert!(workspace.workers("workflow/").is_empty());
}

#[test]
fn what_runs_and_what_waits_is_counted() {
    let workspace = TestWorkspace::new(&slow(2));
    workspace.start();
    assert_eq!(workspace.load(), Some((0, 0)));
    let ids: Vec<_> = (0..5).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    assert_eq!(workspace.load(), Some((2, 3)));
    workspace.run(&["thread", "kill", &ids[4]]).exits(0);
    workspace.run(&["thread", "kill", &ids[0]]).exits(0);
    workspace.until("the third to run", SOON, || (workspace.load() == Some((2, 1))).then_some(()));
    workspace.called(&ids[2], "analyst");
}
