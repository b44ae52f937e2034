//! `kill -9` of a worker: its threads go on by themselves, and no call that the daemon has in flight is lost or made again.
#![allow(clippy::print_stderr, reason = "a test tells what it saw")]

mod support;

use nix::sys::signal::Signal;
use support::{SOON, TestWorkspace, processes, scripted};

/// Both adapters are scripted; the fixer's answer takes its time.
fn config(analyst: &str, fixer: &str) -> String {
    scripted(analyst, fixer, 4)
}

#[track_caller]
fn completed(workspace: &TestWorkspace, id: &str) -> serde_json::Value {
    let thread = workspace.ended(id);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&"completed".into(), &0.into()), "{thread:#}");
    thread
}

#[test]
fn c31_an_ask_in_flight_outlives_its_worker_and_the_next_attempt_gets_its_answer() {
    let workspace = TestWorkspace::new(&config("0ms", "2s"));
    workspace.start();
    let id = workspace.trigger("a busy machine");
    workspace.called(&id, "fixer");
    let killed = workspace.workflow_worker();
    processes::signal(killed, Signal::SIGKILL);
    let thread = completed(&workspace, &id);
    assert_eq!(workspace.calls_of(&id, "fixer"), 1, "{:?}", workspace.calls());
    assert_eq!(workspace.calls_of(&id, "analyst"), 1, "{:?}", workspace.calls());
    assert_eq!((&thread["steps"][1]["role"], &thread["steps"][1]["attempt"]), (&"fixer".into(), &2.into()), "{thread:#}");
    assert_ne!(workspace.workflow_worker(), killed);
    let exits = workspace.journal().into_iter().filter(|entry| entry.kind == "worker_exit").count();
    assert_eq!(exits, 1);
}

#[test]
fn c31_an_answer_that_is_in_the_journal_is_given_to_the_next_attempt_without_a_call() {
    let workspace = TestWorkspace::new(&config("0ms", "2s"));
    workspace.start();
    let id = workspace.trigger("a busy machine");
    workspace.called(&id, "fixer");
    // A stopped worker cannot take the answer that arrives meanwhile.
    let worker = workspace.workflow_worker();
    processes::signal(worker, Signal::SIGSTOP);
    let answered = || workspace.entries(&id).iter().any(|entry| entry.kind == "ask_text").then_some(());
    workspace.until("the answer in the journal", SOON, answered);
    assert_eq!(workspace.show(&id)["state"], "started", "the stopped worker finished its role");
    processes::signal(worker, Signal::SIGKILL);
    let thread = completed(&workspace, &id);
    assert_eq!(workspace.calls_of(&id, "fixer"), 1, "{:?}", workspace.calls());
    assert_eq!(thread["steps"][1]["attempt"], 2, "{thread:#}");
    assert_eq!(thread["steps"][1]["meta"]["done"], true, "{thread:#}");
}

#[test]
fn a_call_of_the_daemons_is_not_lost_with_the_worker() {
    let workspace = TestWorkspace::new(&config("1s", "0ms"));
    workspace.start();
    let id = workspace.trigger("a busy machine");
    workspace.called(&id, "analyst");
    processes::signal(workspace.workflow_worker(), Signal::SIGKILL);
    let thread = completed(&workspace, &id);
    assert_eq!(workspace.calls_of(&id, "analyst"), 1, "{:?}", workspace.calls());
    assert_eq!((&thread["steps"][0]["attempt"], &thread["steps"][1]["attempt"]), (&1.into(), &1.into()), "{thread:#}");
}

#[test]
fn c20_every_thread_of_a_killed_worker_goes_on() {
    let workspace = TestWorkspace::new(&config("0ms-200ms", "700ms"));
    workspace.start();
    let ids: Vec<String> = (0..4).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    workspace.called(&ids[0], "fixer");
    processes::signal(workspace.workflow_worker(), Signal::SIGKILL);
    for id in &ids {
        completed(&workspace, id);
        assert_eq!((workspace.calls_of(id, "analyst"), workspace.calls_of(id, "fixer")), (1, 1), "{:?}", workspace.calls());
    }
}

#[test]
fn a_role_whose_process_died_three_times_crashes_its_thread_and_nothing_else() {
    let workspace = TestWorkspace::new(&config("0ms", "30s"));
    workspace.start();
    let id = workspace.trigger("a busy machine");
    for attempt in 1..=3 {
        let begun = || {
            let entries = workspace.entries(&id);
            let attempts = entries.iter().filter(|entry| entry.kind == "attempt").count();
            (attempts + 1 >= attempt && entries.iter().any(|entry| entry.kind == "ask")).then_some(())
        };
        workspace.until(&format!("attempt {attempt}"), SOON, begun);
        processes::signal(workspace.worker_of(&id), Signal::SIGKILL);
    }
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&"crashed".into(), &255.into()), "{thread:#}");
    let reason = thread["reason"].as_str().expect("a reason");
    assert!(reason.contains("`fixer` was lost 3 times") && reason.contains("signal 9"), "{reason}");
    assert_eq!(workspace.calls_of(&id, "fixer"), 1, "{:?}", workspace.calls());
    workspace.reconfigure(&config("0ms", "0ms"));
    let next = workspace.trigger("the next one");
    completed(&workspace, &next);
}

#[test]
fn a_call_that_the_daemons_end_cut_off_is_made_again_with_the_next_attempt() {
    let workspace = TestWorkspace::new(&config("0ms", "1s"));
    workspace.start();
    let id = workspace.trigger("a busy machine");
    workspace.called(&id, "fixer");
    workspace.kill_daemon();
    workspace.start();
    let thread = completed(&workspace, &id);
    assert_eq!(thread["steps"][1]["attempt"], 2, "{thread:#}");
    let attempts: Vec<u64> = workspace.calls().iter().filter(|call| call.role == "fixer").map(|call| call.attempt).collect();
    assert_eq!(attempts, [1, 2]);
}

#[test]
fn a_worker_that_does_not_decide_in_time_is_replaced_and_its_thread_goes_on() {
    let workspace = TestWorkspace::new(&(config("0ms", "0ms") + "supervision: { decide: 500ms }\n"));
    workspace.start();
    completed(&workspace, &workspace.trigger("the first one"));
    let worker = workspace.workflow_worker();
    processes::signal(worker, Signal::SIGSTOP);
    let id = workspace.trigger("a busy machine");
    completed(&workspace, &id);
    assert!(!processes::lives(worker));
    let lost = workspace.entries(&id).into_iter().filter(|entry| entry.kind == "decision_lost").count();
    assert_eq!(lost, 1);
}

/// The thread's call is the daemon's, so it outlives every process; when the answer is there, no worker may check its meta.
#[test]
fn c24_an_open_thread_of_a_worker_over_its_crash_limit_parks_and_goes_on_after_the_reset() {
    let workspace = TestWorkspace::new(&(config("3s", "0ms") + "supervision: { respawn_min: 10ms, respawn_max: 20ms }\n"));
    workspace.start();
    let id = workspace.trigger("a busy machine");
    workspace.called(&id, "analyst");
    let key = exhaust(&workspace);
    let parked = workspace.until("the park", SOON, || Some(workspace.show(&id)).filter(|thread| thread["state"] == "waiting"));
    assert!(parked["reason"].as_str().is_some_and(|reason| reason.contains("crashed 6 times")), "{parked:#}");
    // A parked thread holds no slot.
    workspace.settles("explain-load", (0, 0));
    assert!(workspace.status()["parked"].to_string().contains(&id));
    workspace.ok(&["worker", "reset", &key]);
    completed(&workspace, &id);
    let calls = workspace.calls().iter().filter(|call| call.role == "analyst").count();
    assert_eq!(calls, 1, "the answer that was stored is not asked for again");
}

/// Kills the workflow's worker until it may not run any more; gives its key.
fn exhaust(workspace: &TestWorkspace) -> String {
    let mut killed = Vec::new();
    let worker = workspace.until("the crash limit", SOON, || {
        let status = workspace.status();
        let worker = status["workers"].as_array()?.iter().find(|worker| worker["kind"] == "workflow").cloned()?;
        if let Some(pid) = worker["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
            && !killed.contains(&pid)
        {
            killed.push(pid);
            processes::signal(pid, Signal::SIGKILL);
        }
        (worker["state"] == "crash_limit").then_some(worker)
    });
    assert_eq!(killed.len(), 6, "{killed:?}");
    assert_eq!((&worker["crashes"], &worker["pid"]), (&6.into(), &serde_json::Value::Null), "{worker}");
    worker["key"].as_str().expect("a key").to_owned()
}

#[test]
fn c24_a_worker_over_its_crash_limit_holds_its_new_threads_until_it_is_reset() {
    let workspace = TestWorkspace::new(&(config("0ms", "0ms") + "supervision: { respawn_min: 10ms, respawn_max: 20ms }\n"));
    workspace.start();
    completed(&workspace, &workspace.trigger("the first one"));
    let key = exhaust(&workspace);
    let id = workspace.trigger("a busy machine");
    assert_eq!((workspace.show(&id)["state"].as_str(), workspace.load()), (Some("queued"), Some((0, 1))));
    workspace.ok(&["worker", "reset", &key]);
    completed(&workspace, &id);
    assert_eq!(workspace.journal().iter().filter(|entry| entry.kind == "crash_limit").count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn c18_a_worker_is_held_to_the_memory_and_processor_time_of_nerve_yaml() {
    let workspace = TestWorkspace::new(&(config("0ms", "0ms") + "workers: { memory_mib: 32, cpu_time: 90s }\n"));
    workspace.start();
    completed(&workspace, &workspace.trigger("the first one"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", workspace.workflow_worker())).expect("a process");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {limits}"));
        line[name.len()..].split_whitespace().next().map(str::to_owned)
    };
    assert_eq!((limit("Max data size"), limit("Max cpu time")), (Some((32u64 << 20).to_string()), Some("90".to_owned())));
}
