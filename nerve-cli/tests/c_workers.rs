//! Faults of the original around its workers (C-23 to C-26, C-32, C-33, C-37): crash, crash limit, removal, broken builds.

mod support;

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::builds::{self, Worker};
use support::own::{self, Variant};
use support::{SOON, TestWorkspace, processes, scripted};

#[test]
fn this_executable_is_a_worker_too() {
    own::serve();
}

const SWIFT: &str = "supervision: { respawn_min: 10ms, respawn_max: 20ms }\n";

/// A worker that cannot start.
const BROKEN: Worker = Worker::Script("echo 'libnothing.so is missing' >&2; exit 3");

fn acting(config: &str) -> TestWorkspace {
    let workspace = TestWorkspace::new(config);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    workspace
}

/// The threads in the order in which a role of `support::own` first ran for them.
fn order(workspace: &TestWorkspace) -> Vec<String> {
    let mut order = Vec::new();
    for run in own::ran(workspace) {
        if !order.contains(&run.thread) {
            order.push(run.thread);
        }
    }
    order
}

#[test]
fn c23_after_a_crash_the_queue_drains_in_order_and_no_newcomer_overtakes_it() {
    let workspace = acting("workflows:\n  act-once: { concurrency: 1 }\n");
    let mut ids = vec![workspace.trigger_of("act-once", "waits")];
    workspace.acts(&ids[0], 1);
    ids.extend((1..4).map(|n| workspace.trigger_of("act-once", &format!("load {n}"))));
    processes::signal(own::ran(&workspace)[0].pid, Signal::SIGKILL);
    ids.push(workspace.trigger_of("act-once", "the newcomer"));
    workspace.write("go", "");
    ids.iter().for_each(|id| drop(workspace.completes(id)));
    assert_eq!(order(&workspace), ids);
}

#[test]
fn c23_a_thread_that_crashed_for_good_lets_the_next_in_the_queue_start() {
    let workspace = acting("workflows:\n  act-once: { concurrency: 1 }\n");
    let bad = workspace.trigger_of("act-once", "dies");
    let next = [workspace.trigger_of("act-once", "one"), workspace.trigger_of("act-once", "two")];
    next.iter().for_each(|id| drop(workspace.completes(id)));
    assert_eq!(workspace.show(&bad)["state"], "crashed");
    assert_eq!(order(&workspace), [&bad, &next[0], &next[1]].map(String::clone));
}

/// Kills this workflow's worker until it may not run any more.
#[track_caller]
fn exhaust(workspace: &TestWorkspace, key: &str) -> Value {
    let mut killed = Vec::new();
    workspace.until("the crash limit", SOON, || {
        let worker = workspace.workers(key).pop()?;
        if let Some(pid) = worker["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
            && !killed.contains(&pid)
        {
            killed.push(pid);
            processes::signal(pid, Signal::SIGKILL);
        }
        (worker["state"] == "crash_limit").then_some(worker)
    })
}

#[test]
fn c24_a_new_build_lets_threads_run_that_the_crash_limit_held() {
    let workspace = TestWorkspace::new(&(scripted("0ms", "0ms", 2) + SWIFT));
    workspace.start();
    workspace.completes(&workspace.trigger("the first one"));
    exhaust(&workspace, "workflow/explain-load@");
    let held: Vec<_> = (0..3).map(|n| workspace.trigger(&format!("held {n}"))).collect();
    assert_eq!(workspace.load(), Some((0, 3)), "they wait, and use up no concurrency");
    builds::take_over(&workspace, "mended", Worker::Template);
    for id in &held {
        assert_eq!(workspace.completes(id)["build"], "mended");
    }
}

#[test]
fn c24_the_crash_limit_is_gone_with_the_daemons_life() {
    let workspace = TestWorkspace::new(&(scripted("0ms", "0ms", 2) + SWIFT));
    workspace.start();
    workspace.completes(&workspace.trigger("the first one"));
    exhaust(&workspace, "workflow/explain-load@");
    let held = workspace.trigger("held");
    assert_eq!(workspace.show(&held)["state"], "queued");
    workspace.kill_daemon();
    workspace.start();
    workspace.completes(&held);
}

#[test]
fn c25_c62_what_is_sent_to_a_worker_whose_death_is_not_known_yet_is_not_lost() {
    let workspace = TestWorkspace::new(&(scripted("0ms", "0ms", 4) + "supervision: { crash_limit: 100, respawn_max: 100ms }\n"));
    workspace.start();
    workspace.completes(&workspace.trigger("the first one"));
    let mut ids = Vec::new();
    for n in 0..6 {
        let worker = workspace.workflow_worker();
        // Stopped, it takes nothing more; what is sent now goes with it.
        processes::signal(worker, Signal::SIGSTOP);
        ids.push(workspace.trigger(&format!("load {n}")));
        processes::signal(worker, Signal::SIGKILL);
        ids.push(workspace.trigger(&format!("load {n}, too")));
    }
    for id in &ids {
        workspace.completes(id);
        assert_eq!((workspace.calls_of(id, "analyst"), workspace.calls_of(id, "fixer")), (1, 1), "{id}");
    }
    workspace.settles("explain-load", (0, 0));
}

#[test]
fn c26_a_thread_that_no_worker_can_go_on_with_parks_and_gives_its_slot_back() {
    let workspace = acting(&format!("workflows:\n  act-once: {{ concurrency: 1 }}\n{SWIFT}"));
    let id = workspace.trigger_of("act-once", "waits");
    workspace.acts(&id, 1);
    builds::replace(&workspace, "own", BROKEN);
    processes::signal(own::ran(&workspace)[0].pid, Signal::SIGKILL);
    let parked = workspace.becomes(&id, "waiting");
    assert!(parked["reason"].as_str().is_some_and(|reason| reason.contains("exit code 3")), "{parked:#}");
    workspace.settles("act-once", (0, 0));
    builds::replace(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.write("go", "");
    for worker in workspace.workers("workflow/act-once") {
        workspace.ok(&["worker", "reset", worker["key"].as_str().expect("a key")]);
    }
    workspace.completes(&id);
    workspace.completes(&workspace.trigger_of("act-once", "the next one"));
}

#[test]
fn c32_c51_a_removed_workflow_gets_no_worker_but_for_the_threads_that_it_still_has() {
    let both = "workflows:\n  act-once: { concurrency: 1 }\n  act-aside: { concurrency: 1 }\n";
    let one = "workflows:\n  act-aside: { concurrency: 1 }\n";
    let workspace = acting(both);
    let open = workspace.trigger_of("act-once", "waits");
    let queued = workspace.trigger_of("act-once", "queued");
    workspace.acts(&open, 1);
    workspace.reconfigure(one);
    processes::signal(own::ran(&workspace)[0].pid, Signal::SIGKILL);
    workspace.acts(&open, 2);
    workspace.write("go", "");
    workspace.completes(&open);
    workspace.completes(&queued);
    let gone = || workspace.workers("workflow/act-once").is_empty().then_some(());
    workspace.until("the worker to go", SOON, gone);
    // Another life has nothing to start it for either.
    workspace.kill_daemon();
    workspace.start();
    workspace.completes(&workspace.trigger_of("act-aside", "still here"));
    assert!(workspace.workers("workflow/act-once").is_empty());
}

#[test]
fn c32_an_idle_worker_that_dies_as_its_workflow_is_removed_stays_dead() {
    let workspace = acting("workflows:\n  act-once: { concurrency: 1 }\n  act-aside: { concurrency: 1 }\n");
    workspace.completes(&workspace.trigger_of("act-once", "first"));
    let pid = own::ran(&workspace)[0].pid;
    processes::signal(pid, Signal::SIGKILL);
    workspace.reconfigure("workflows:\n  act-aside: { concurrency: 1 }\n");
    workspace.until("the worker to be gone", SOON, || workspace.workers("workflow/act-once").is_empty().then_some(()));
    workspace.completes(&workspace.trigger_of("act-aside", "second"));
    assert!(workspace.workers("workflow/act-once").is_empty());
}

#[test]
fn c33_a_busy_queue_takes_a_new_build_with_its_next_thread() {
    let workspace = acting("workflows:\n  act-once: { concurrency: 1 }\n");
    let mut ids = vec![workspace.trigger_of("act-once", "waits")];
    workspace.acts(&ids[0], 1);
    ids.extend((1..5).map(|n| workspace.trigger_of("act-once", &format!("load {n}"))));
    builds::take_over(&workspace, "new", Worker::Own(Variant::Plain));
    workspace.write("go", "");
    let used: Vec<_> = ids.iter().map(|id| workspace.completes(id)["build"].clone()).collect();
    assert_eq!(used, ["own", "new", "new", "new", "new"]);
    assert_eq!(order(&workspace), ids);
}

#[test]
fn c37_a_broken_build_burns_no_thread_and_says_what_is_wrong_with_it() {
    let workspace = TestWorkspace::new(&(scripted("0ms", "0ms", 1) + SWIFT));
    builds::make(&workspace, "broken", BROKEN);
    workspace.start();
    let ids: Vec<_> = (0..3).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    let worker = workspace
        .until("the crash limit", SOON, || workspace.workers("workflow/").into_iter().find(|worker| worker["state"] == "crash_limit"));
    let reason = worker["reason"].as_str().expect("a reason");
    assert!(reason.contains("exit code 3") && reason.contains("libnothing.so is missing"), "{reason}");
    workspace.becomes(&ids[0], "waiting");
    let states: Vec<_> = ids.iter().map(|id| workspace.show(id)["state"].clone()).collect();
    assert_eq!(states, ["waiting", "queued", "queued"], "none has ended");
    let exits = workspace.journal().into_iter().filter(|entry| entry.kind == "worker_exit").count();
    assert_eq!(exits, 6, "each queued thread would have cost another process");
    builds::replace(&workspace, "broken", Worker::Template);
    workspace.ok(&["worker", "reset", worker["key"].as_str().expect("a key")]);
    ids.iter().for_each(|id| drop(workspace.completes(id)));
    let analysts: Vec<_> = workspace.calls().into_iter().filter(|call| call.role == "analyst").map(|call| call.thread).collect();
    assert_eq!(analysts, ids);
}

#[test]
fn c37_a_new_build_that_cannot_start_is_refused_with_its_own_words() {
    let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
    workspace.start();
    let before = workspace.status()["build"].clone();
    builds::make(&workspace, "broken", BROKEN);
    let problem = workspace.until("the problem", SOON, || workspace.status()["build_problem"].as_str().map(str::to_owned));
    assert!(problem.contains("broken") && problem.contains("exit code 3"), "{problem}");
    assert!(problem.contains("libnothing.so is missing"), "{problem}");
    assert_eq!(workspace.completes(&workspace.trigger("load"))["build"], before);
    builds::take_over(&workspace, "mended", Worker::Template);
    assert_eq!(workspace.status()["build_problem"], json!(null));
    assert_eq!(workspace.completes(&workspace.trigger("load"))["build"], "mended");
}

#[test]
fn c37_a_build_whose_program_is_gone_is_named_and_no_thread_is_burnt() {
    let workspace = acting("workflows:\n  act-once: { concurrency: 1 }\n");
    builds::remove(&workspace, "own");
    let id = workspace.trigger_of("act-once", "load");
    let parked = workspace.becomes(&id, "waiting");
    assert!(parked["reason"].as_str().is_some_and(|reason| reason.contains("own/worker is gone")), "{parked:#}");
    fs::remove_dir_all(workspace.root().join(".nerve/builds/own")).expect("a folder");
    builds::take_over(&workspace, "mended", Worker::Own(Variant::Plain));
    workspace.ok(&["thread", "resume", &id, "--build", "current"]);
    workspace.completes(&id);
}
