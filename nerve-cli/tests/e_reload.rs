//! The original's suites `WorkflowManager — drainAndRespawn`, `— drainWhenIdle` and `Kernel — workflow hot reload`.
//!
//! Waiting until a workflow is idle is gone with its reason: a thread stays on the build it started with, so a new build serves at
//! once and ends nothing. What the original drained for, `nerve workflow restart` does.

mod support;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::builds::{self, Worker};
use support::own::{self, Variant};
use support::{SOON, TestWorkspace, processes, scripted};

#[test]
fn this_executable_is_a_worker_too() {
    own::serve();
}

const OWN: &str = "workflows:
  act-once: { concurrency: 2 }
  act-aside: { concurrency: 1 }
";

/// The daemon serves build `old` of the test's own worker.
fn acting() -> TestWorkspace {
    let workspace = TestWorkspace::new(OWN);
    builds::make(&workspace, "old", Worker::Own(Variant::Plain));
    workspace.start();
    workspace
}

fn new_build(workspace: &TestWorkspace) {
    builds::take_over(workspace, "new", Worker::Own(Variant::Plain));
}

/// Waits until no process of this build is left for this workflow.
#[track_caller]
fn retires(workspace: &TestWorkspace, key: &str) {
    workspace.until(&format!("{key} to retire"), SOON, || workspace.workers(key).is_empty().then_some(()));
}

#[test]
fn a_new_build_ends_no_thread_and_serves_the_next_one_at_once() {
    let workspace = acting();
    let open = workspace.trigger_of("act-once", "waits");
    workspace.acts(&open, 1);
    new_build(&workspace);
    let next = workspace.trigger_of("act-once", "next");
    assert_eq!(workspace.completes(&next)["build"], "new");
    assert_eq!(workspace.show(&open)["state"], "started");
    workspace.write("go", "");
    assert_eq!(workspace.completes(&open)["build"], "old");
    assert_eq!(own::ran_for(&workspace, &open).len(), 1, "it was not disturbed");
    assert_eq!(workspace.kinds(&open), ["accepted", "started", "step_intent", "thread_workflow_message", "completed"]);
}

#[test]
fn the_old_worker_goes_with_the_last_of_its_threads() {
    let workspace = acting();
    let blocked = workspace.trigger_of("act-once", "waits");
    let killed = workspace.trigger_of("act-once", "waits");
    workspace.acts(&blocked, 1);
    workspace.acts(&killed, 1);
    new_build(&workspace);
    workspace.run(&["thread", "kill", &killed]).exits(0);
    assert_eq!(workspace.workers("workflow/act-once@old").len(), 1, "one thread still runs there");
    workspace.write("go", "");
    workspace.completes(&blocked);
    retires(&workspace, "workflow/act-once@old");
}

#[test]
fn the_old_worker_goes_after_a_thread_that_failed_too() {
    let workspace = acting();
    let id = workspace.trigger_of("act-once", "waits fails");
    workspace.acts(&id, 1);
    new_build(&workspace);
    assert_eq!(workspace.workers("workflow/act-once@old").len(), 1);
    workspace.write("go", "");
    assert_eq!(workspace.ended(&id)["state"], "failed");
    retires(&workspace, "workflow/act-once@old");
}

#[test]
fn many_builds_in_a_row_end_nothing_and_the_last_one_serves() {
    let workspace = acting();
    let open = workspace.trigger_of("act-once", "waits");
    workspace.acts(&open, 1);
    for name in ["b1", "b2", "b3", "b4"] {
        builds::make(&workspace, name, Worker::Own(Variant::Plain));
    }
    workspace.until("the last build", SOON, || (workspace.status()["build"] == "b4").then_some(()));
    let next = workspace.trigger_of("act-once", "next");
    assert_eq!(workspace.completes(&next)["build"], "b4");
    workspace.write("go", "");
    workspace.completes(&open);
    assert_eq!(own::ran(&workspace).len(), 2);
    retires(&workspace, "workflow/act-once@old");
    for name in ["b1", "b2", "b3"] {
        retires(&workspace, &format!("workflow/act-once@{name}"));
    }
}

#[test]
fn a_build_for_a_workflow_that_never_ran_starts_no_worker_of_the_old_one() {
    let workspace = acting();
    new_build(&workspace);
    assert!(workspace.workers("workflow/").iter().all(|worker| worker["build"] == "new"), "{:#?}", workspace.workers(""));
    let exits = workspace.journal().into_iter().filter(|entry| entry.kind == "worker_exit").count();
    assert_eq!(exits, 0);
    assert_eq!(workspace.completes(&workspace.trigger_of("act-once", "first"))["build"], "new");
}

#[test]
fn a_queued_thread_takes_the_build_of_its_start() {
    let workspace = TestWorkspace::new("workflows:\n  act-once: { concurrency: 1 }\n");
    builds::make(&workspace, "old", Worker::Own(Variant::Plain));
    workspace.start();
    let open = workspace.trigger_of("act-once", "waits");
    let queued = workspace.trigger_of("act-once", "queued");
    workspace.acts(&open, 1);
    new_build(&workspace);
    workspace.write("go", "");
    assert_eq!(workspace.completes(&open)["build"], "old");
    assert_eq!(workspace.completes(&queued)["build"], "new");
}

#[test]
fn a_new_build_is_noted_with_what_stays_on_the_old_one() {
    let workspace = acting();
    let open = workspace.trigger_of("act-once", "waits");
    workspace.acts(&open, 1);
    new_build(&workspace);
    let noted = workspace.until("the note", SOON, || workspace.journal().into_iter().find(|entry| entry.kind == "build_reload"));
    assert_eq!(noted.payload, json!({ "from": "old", "to": "new", "open_threads": "1" }));
    workspace.write("go", "");
    workspace.completes(&open);
}

#[test]
fn a_build_that_lacks_what_is_needed_is_refused_and_the_old_one_serves() {
    let workspace = acting();
    builds::make(&workspace, "less", Worker::Own(Variant::Less));
    let problem = workspace.until("the problem", SOON, || workspace.status()["build_problem"].as_str().map(str::to_owned));
    assert!(problem.contains("less") && problem.contains("act-aside"), "{problem}");
    assert_eq!(workspace.status()["build"], "old");
    assert_eq!(workspace.completes(&workspace.trigger_of("act-aside", "still there"))["build"], "old");
}

#[test]
fn c51_a_restart_of_a_workflow_interrupts_what_runs_and_queued_threads_run_in_a_new_process() {
    let workspace = TestWorkspace::new("workflows:\n  act-once: { concurrency: 2 }\n");
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    let open = [workspace.trigger_of("act-once", "waits one"), workspace.trigger_of("act-once", "waits two")];
    open.iter().for_each(|id| workspace.acts(id, 1));
    let queued = [workspace.trigger_of("act-once", "three"), workspace.trigger_of("act-once", "four")];
    let before = own::ran(&workspace)[0].pid;
    let answer = workspace.ok(&["workflow", "restart", "act-once"]);
    for id in &open {
        assert!(answer.to_string().contains(id.as_str()), "{answer}");
        let thread = workspace.ended(id);
        assert_eq!((&thread["state"], &thread["exit_code"]), (&json!("interrupted"), &Value::Null), "{thread:#}");
    }
    for id in &queued {
        workspace.completes(id);
        assert_ne!(own::ran_for(&workspace, id)[0].pid, before);
    }
    assert_eq!(own::ran(&workspace).len(), 4);
    workspace.until("the old process to be gone", SOON, || (!processes::lives(before)).then_some(()));
    workspace.kill_daemon();
    workspace.start();
    for id in &open {
        assert_eq!(workspace.show(id)["state"], "interrupted", "an end never changes");
    }
    assert_eq!(workspace.load_of("act-once"), Some((0, 0)));
}

#[test]
fn a_restart_of_a_workflow_without_a_worker_does_nothing() {
    let workspace = acting();
    workspace.ok(&["workflow", "restart", "act-once"]);
    assert!(workspace.workers("workflow/").is_empty());
    workspace.run(&["workflow", "restart", "act-never"]).exits(5);
    workspace.completes(&workspace.trigger_of("act-once", "first"));
}

#[test]
fn c02_a_thread_that_comes_during_a_restart_runs_in_the_new_process_only() {
    let workspace = acting();
    let open = workspace.trigger_of("act-once", "blocks");
    workspace.acts(&open, 1);
    let before = own::ran(&workspace)[0].pid;
    let mut restarting = workspace.command(&["workflow", "restart", "act-once"]);
    let mut restarting = restarting.stdout(std::process::Stdio::null()).spawn().expect("nerve starts");
    // A role that blocks its process holds the restart up until its time is over.
    workspace.until("the request", SOON, || (workspace.count(&open, "kill_requested") == 1).then_some(()));
    let next = workspace.trigger_of("act-once", "next");
    assert_eq!(workspace.show(&next)["state"], "queued");
    workspace.completes(&next);
    restarting.wait().expect("it ends");
    assert_ne!(own::ran_for(&workspace, &next)[0].pid, before);
    assert_eq!(workspace.ended(&open)["state"], "interrupted");
}

#[test]
fn a_workflow_that_is_removed_takes_no_new_thread_and_ends_none() {
    let workspace = acting();
    let aside = "workflows:\n  act-aside: { concurrency: 1 }\n";
    let open = [workspace.trigger_of("act-once", "waits one"), workspace.trigger_of("act-once", "waits two")];
    open.iter().for_each(|id| workspace.acts(id, 1));
    let queued = workspace.trigger_of("act-once", "three");
    workspace.reconfigure(aside);
    workspace.run(&["workflow", "trigger", "act-once", "--prompt", "x"]).exits(5);
    workspace.write("go", "");
    open.iter().chain([&queued]).for_each(|id| drop(workspace.completes(id)));
    assert_eq!(own::ran(&workspace).len(), 3);
    retires(&workspace, "workflow/act-once@");
}

#[test]
fn the_idle_worker_of_a_removed_workflow_is_shut_down() {
    let workspace = acting();
    workspace.completes(&workspace.trigger_of("act-once", "first"));
    assert_eq!(workspace.workers("workflow/act-once@").len(), 1);
    workspace.reconfigure("workflows:\n  act-aside: { concurrency: 1 }\n");
    retires(&workspace, "workflow/act-once@");
    let exit = |line: &&str| line.contains("exit worker=\"workflow/act-once@old\"");
    let exit = workspace.until("its exit", SOON, || workspace.log().lines().find(exit).map(str::to_owned));
    assert!(exit.contains("expected=true"), "{exit}");
    workspace.reconfigure(OWN);
    workspace.completes(&workspace.trigger_of("act-once", "again"));
}

#[test]
fn more_concurrency_applies_without_a_new_worker() {
    let one = "workflows:\n  act-once: { concurrency: 1 }\n";
    let workspace = TestWorkspace::new(one);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    let ids: Vec<_> = (0..3).map(|n| workspace.trigger_of("act-once", &format!("waits {n}"))).collect();
    workspace.acts(&ids[0], 1);
    assert_eq!(workspace.load_of("act-once"), Some((1, 2)));
    workspace.reconfigure(&one.replace('1', "5"));
    ids.iter().for_each(|id| workspace.acts(id, 1));
    assert_eq!(workspace.load_of("act-once"), Some((3, 0)));
    let ran = own::ran(&workspace);
    assert!(ran.iter().all(|run| run.pid == ran[0].pid), "{ran:?}");
    workspace.write("go", "");
    ids.iter().for_each(|id| drop(workspace.completes(id)));
}

/// A thread of build `old` is parked because that build's program is gone.
fn parked(workspace: &TestWorkspace, new: Variant) -> String {
    let id = workspace.trigger_of("act-once", "waits");
    workspace.acts(&id, 1);
    let worker = own::ran(workspace)[0].pid;
    builds::take_over(workspace, "new", Worker::Own(new));
    builds::remove(workspace, "old");
    processes::signal(worker, Signal::SIGKILL);
    let thread = workspace.becomes(&id, "waiting");
    assert!(thread["reason"].as_str().is_some_and(|reason| reason.contains("old/worker")), "{thread:#}");
    assert!(workspace.status()["parked"].to_string().contains(&id));
    id
}

#[test]
fn a_thread_whose_build_is_gone_goes_on_with_the_current_one_that_chooses_the_same() {
    let workspace = acting();
    let id = parked(&workspace, Variant::Plain);
    workspace.write("go", "");
    workspace.ok(&["thread", "resume", &id, "--build", "current"]);
    let thread = workspace.completes(&id);
    assert_eq!(thread["build"], "new", "{thread:#}");
    assert_eq!((workspace.count(&id, "build_changed"), own::ran_for(&workspace, &id).len()), (1, 2));
    let ran = own::ran_for(&workspace, &id);
    assert_eq!(ran[0].key, ran[1].key);
}

#[test]
fn a_thread_does_not_go_on_with_a_build_that_chooses_otherwise() {
    let workspace = acting();
    let id = parked(&workspace, Variant::Watchful);
    let error = workspace.run(&["thread", "resume", &id, "--build", "current", "--json"]).exits(7).error();
    assert_eq!(error["code"], "NV0317", "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("step 1") && message.contains("`actor`") && message.contains("`watcher`"), "{message}");
    assert_eq!((workspace.show(&id)["state"].clone(), own::ran_for(&workspace, &id).len()), (json!("waiting"), 1));
    workspace.run(&["thread", "kill", &id]).exits(0);
}

#[test]
fn threads_stay_on_their_build_over_a_restart_of_the_daemon() {
    let workspace = acting();
    let open = workspace.trigger_of("act-once", "waits");
    workspace.acts(&open, 1);
    new_build(&workspace);
    workspace.kill_daemon();
    workspace.start();
    workspace.acts(&open, 2);
    assert_eq!(workspace.status()["build"], "new");
    workspace.write("go", "");
    assert_eq!(workspace.completes(&open)["build"], "old");
    retires(&workspace, "workflow/act-once@old");
}

#[test]
fn a_new_build_takes_over_the_sense_groups_after_the_tick_in_flight() {
    let senses = "senses:\n  quick: {}\n  hung: { group: other, timeout: 60s }\n";
    let workspace = TestWorkspace::new(senses);
    builds::make(&workspace, "old", Worker::Own(Variant::Plain));
    workspace.start();
    let ticks = |document: &Value| (document["signal"]["ticks"].as_u64(), document["signal"]["pid"].as_u64());
    let (first, before) = ticks(&workspace.ok(&["sense", "trigger", "quick"]));
    workspace.write("hang", "");
    let mut hanging = workspace.command(&["sense", "trigger", "hung"]);
    let mut hanging = hanging.stdout(std::process::Stdio::null()).spawn().expect("nerve starts");
    let ticking =
        || workspace.status()["senses"].as_array()?.iter().any(|it| it["name"] == "hung" && it["state"] == "ticking").then_some(());
    workspace.until("the tick", SOON, ticking);
    new_build(&workspace);
    let (second, after) = ticks(&workspace.ok(&["sense", "trigger", "quick"]));
    assert_eq!((first, second), (Some(1), Some(2)), "its state goes on");
    assert_ne!(before, after);
    retires(&workspace, "senses/default@old");
    assert_eq!(workspace.workers("senses/other@old").len(), 1, "its tick is in flight");
    std::fs::remove_file(workspace.root().join("hang")).expect("a file");
    assert!(hanging.wait().expect("it ends").success());
    retires(&workspace, "senses/other@old");
}

#[test]
fn a_call_of_the_daemons_goes_on_over_a_new_build() {
    let workspace = TestWorkspace::new(&scripted("1s", "0ms", 1));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    builds::take_over(&workspace, "b2", Worker::Template);
    let thread = workspace.completes(&id);
    assert_eq!((&thread["steps"][0]["attempt"], workspace.calls_of(&id, "analyst")), (&json!(1), 1), "{thread:#}");
    assert!(thread["build"].as_str().is_some_and(|build| build.starts_with("builtin-")), "{thread:#}");
    assert_eq!(workspace.completes(&workspace.trigger("next"))["build"], "b2");
}
