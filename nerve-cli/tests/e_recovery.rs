//! The original's suite `WorkflowManager — crash recovery`: a worker that dies loses what it ran, never a thread.

mod support;

use nix::sys::signal::Signal;
use serde_json::json;
use support::builds::{self, Worker};
use support::own::{self, Variant};
use support::{SOON, TestWorkspace, id_of, processes, scripted};

#[test]
fn this_executable_is_a_worker_too() {
    own::serve();
}

/// A workspace whose roles do what the prompt says.
fn acting(config: &str) -> TestWorkspace {
    let workspace = TestWorkspace::new(config);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    workspace
}

fn once(concurrency: u32) -> String {
    format!("workflows:\n  act-once: {{ concurrency: {concurrency} }}\n")
}

#[test]
fn both_threads_of_a_worker_that_died_are_put_down_as_lost_and_go_on() {
    let workspace = acting(&once(2));
    let ids = [workspace.trigger_of("act-once", "waits one"), workspace.trigger_of("act-once", "waits two")];
    ids.iter().for_each(|id| workspace.acts(id, 1));
    assert_eq!(workspace.load_of("act-once"), Some((2, 0)));
    let died = own::ran(&workspace)[0].pid;
    processes::signal(died, Signal::SIGKILL);
    for id in &ids {
        workspace.acts(id, 2);
        assert_eq!(workspace.count(id, "attempt_lost"), 1);
        assert_ne!(own::ran_for(&workspace, id)[1].pid, died);
    }
    assert_eq!(workspace.load_of("act-once"), Some((2, 0)), "they keep their slots");
    workspace.write("go", "");
    for id in &ids {
        workspace.completes(id);
        assert_eq!(workspace.count(id, "completed"), 1);
    }
}

#[test]
fn a_crash_with_several_threads_charges_none_and_gives_each_a_process() {
    let workspace = acting(&once(3));
    let ids: Vec<_> = (0..3).map(|n| workspace.trigger_of("act-once", &format!("waits {n}"))).collect();
    ids.iter().for_each(|id| workspace.acts(id, 1));
    processes::signal(own::ran(&workspace)[0].pid, Signal::SIGKILL);
    ids.iter().for_each(|id| workspace.acts(id, 2));
    for id in &ids {
        let lost = workspace.entries(id).into_iter().find(|entry| entry.kind == "attempt_lost").expect("a loss");
        assert_eq!(lost.payload["attempt_lost"]["suspected"], true, "{lost:?}");
        let ran = own::ran_for(&workspace, id);
        assert_eq!(workspace.worker_of(id), ran[1].pid);
        assert!(workspace.workers("workflow/act-once").iter().any(|worker| worker["thread"] == **id && worker["pid"] == ran[1].pid));
    }
    let mut pids: Vec<_> = ids.iter().map(|id| own::ran_for(&workspace, id)[1].pid).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 3);
    workspace.write("go", "");
    ids.iter().for_each(|id| drop(workspace.completes(id)));
    let alone = || workspace.workers("workflow/act-once").iter().all(|worker| worker["thread"].is_null()).then_some(());
    workspace.until("their own processes to be gone", SOON, alone);
}

#[test]
fn a_role_that_kills_its_process_ends_its_own_thread_and_no_other() {
    let workspace = acting(&once(4));
    let others: Vec<_> = (0..3).map(|n| workspace.trigger_of("act-once", &format!("waits {n}"))).collect();
    others.iter().for_each(|id| workspace.acts(id, 1));
    let bad = workspace.trigger_of("act-once", "dies");
    let thread = workspace.ended(&bad);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&json!("crashed"), &json!(255)), "{thread:#}");
    workspace.write("go", "");
    for id in &others {
        workspace.completes(id);
        assert_eq!(workspace.count(id, "attempt_lost"), 1, "only the crash that they shared");
    }
}

#[test]
fn a_moderator_that_kills_its_process_ends_its_own_thread_and_no_other() {
    let workspace = acting(&once(2));
    let other = workspace.trigger_of("act-once", "waits");
    workspace.acts(&other, 1);
    let bad = workspace.trigger_of("act-once", "moderator-dies");
    let thread = workspace.ended(&bad);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&json!("crashed"), &json!(255)), "{thread:#}");
    workspace.write("go", "");
    workspace.completes(&other);
    let after = workspace.trigger_of("act-once", "quickly");
    workspace.completes(&after);
}

#[test]
fn a_worker_that_died_is_replaced() {
    let workspace = TestWorkspace::new(&scripted("0ms", "60s", 1));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "fixer");
    let died = workspace.workflow_worker();
    processes::signal(died, Signal::SIGKILL);
    workspace.until("another worker", SOON, || (workspace.worker_of(&id) != died).then_some(()));
    assert_eq!(workspace.show(&id)["state"], "started");
    assert_eq!(workspace.load(), Some((1, 0)));
}

#[test]
fn a_thread_that_goes_on_has_its_start_and_its_steps() {
    let workspace = TestWorkspace::new(&scripted("0ms", "400ms", 1));
    workspace.write(
        "replies.yaml",
        "analyst:\n  - { text: Job 7 is busy., meta: { actionable: true, culprit: job-7 } }\nfixer:\n  - { text: Done., meta: { done: true } }\n",
    );
    workspace.start();
    let id = workspace.trigger("the machine hums");
    workspace.called(&id, "fixer");
    processes::signal(workspace.workflow_worker(), Signal::SIGKILL);
    let thread = workspace.completes(&id);
    assert_eq!((&thread["prompt"], &thread["steps"][0]["meta"]["culprit"]), (&json!("the machine hums"), &json!("job-7")), "{thread:#}");
    // The fixer's question is made of the analyst's step; were that missing in the new process, it would fail or ask something else.
    let asks: Vec<_> = workspace.entries(&id).into_iter().filter(|entry| entry.kind == "ask").collect();
    assert_eq!(asks.len(), 1, "{asks:#?}");
    assert!(asks[0].payload["asked"]["prompt"].as_str().is_some_and(|prompt| prompt.contains("job-7")), "{asks:#?}");
    assert_eq!(workspace.calls_of(&id, "analyst"), 1);
}

#[test]
fn a_queued_thread_stays_queued_while_the_one_that_goes_on_has_the_slot() {
    let workspace = acting(&once(1));
    let first = workspace.trigger_of("act-once", "waits first");
    let second = workspace.trigger_of("act-once", "second");
    workspace.acts(&first, 1);
    processes::signal(own::ran(&workspace)[0].pid, Signal::SIGKILL);
    workspace.acts(&first, 2);
    assert_eq!((workspace.show(&second)["state"].clone(), workspace.load_of("act-once")), (json!("queued"), Some((1, 1))));
    assert!(own::ran_for(&workspace, &second).is_empty());
    workspace.write("go", "");
    workspace.completes(&first);
    workspace.completes(&second);
}

#[test]
fn c51_crash_upon_crash_makes_no_thread_twice() {
    let workspace = acting(&once(1));
    let first = workspace.trigger_of("act-once", "waits first");
    let second = workspace.trigger_of("act-once", "waits second");
    for crash in 1..=2 {
        workspace.acts(&first, crash);
        processes::signal(own::ran(&workspace)[crash - 1].pid, Signal::SIGKILL);
    }
    workspace.acts(&first, 3);
    assert_eq!(workspace.load_of("act-once"), Some((1, 1)));
    workspace.write("go", "");
    for id in [&first, &second] {
        workspace.completes(id);
        assert_eq!((workspace.count(id, "started"), workspace.count(id, "completed")), (1, 1));
    }
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 2);
    assert_eq!(own::ran(&workspace).len(), 4, "three runs of the first and one of the second");
}

#[test]
fn what_a_thread_was_launched_with_is_in_the_journal_and_outlives_everything() {
    let workspace = TestWorkspace::new(&scripted("60s", "0ms", 1));
    workspace.start();
    let running = workspace.trigger("first");
    workspace.called(&running, "analyst");
    let args = ["workflow", "trigger", "explain-load", "--prompt", "a \"quoted\"\nprompt", "--max-rounds", "7", "--dry-run", "--key", "k"];
    let id = id_of(&workspace.ok(&args));
    workspace.kill_daemon();
    workspace.start();
    let accepted = workspace.entries(&id).remove(0).payload["accepted"].clone();
    assert_eq!((&accepted["prompt"], &accepted["max_rounds"]), (&json!("a \"quoted\"\nprompt"), &json!(7)), "{accepted}");
    assert_eq!((&accepted["dry_run"], &accepted["key"], &accepted["origin"]["kind"]), (&json!(true), &json!("k"), &json!("cli")));
    let thread = workspace.show(&id);
    assert_eq!((&thread["prompt"], &thread["max_rounds"], &thread["dry_run"]), (&accepted["prompt"], &json!(7), &json!(true)));
}

#[test]
fn an_exit_that_was_asked_for_is_no_crash() {
    let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
    workspace.start();
    workspace.completes(&workspace.trigger("load"));
    workspace.stop();
    let log = workspace.log();
    let exits: Vec<_> = log.lines().filter(|line| line.contains("exit worker=")).collect();
    assert!(!exits.is_empty() && exits.iter().all(|line| line.contains("expected=true")), "{log}");
    workspace.start();
    assert_eq!(workspace.journal().into_iter().filter(|entry| entry.payload["expected"] == "false").count(), 0);
    assert!(workspace.workers("workflow/").is_empty(), "nothing is started before there is something to do");
}

#[test]
fn c51_c62_six_crashes_within_a_minute_are_the_last_though_each_was_ready_before() {
    let workspace = TestWorkspace::new(&(scripted("0ms", "0ms", 1) + "supervision: { respawn_min: 10ms, respawn_max: 20ms }\n"));
    workspace.start();
    workspace.completes(&workspace.trigger("load"));
    let killed = workspace.kill_workers_until_the_limit();
    assert_eq!(killed.len(), 6);
    let held = workspace.trigger("held");
    let exits = || workspace.journal().into_iter().filter(|entry| entry.kind == "worker_exit").count();
    assert_eq!((workspace.show(&held)["state"].clone(), exits()), (json!("queued"), 6));
    let worker = workspace.workers("workflow/").remove(0);
    assert_eq!((&worker["pid"], &worker["crashes"]), (&json!(null), &json!(6)), "{worker}");
}
