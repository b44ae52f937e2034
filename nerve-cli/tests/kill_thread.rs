//! `nerve thread kill`: what runs for the thread stops soon, and a request that was acknowledged is honoured whatever crashes.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::{SOON, TestWorkspace, id_of, processes, scripted};

/// One thread at a time; each role's answer takes so long.
fn config(analyst: &str, fixer: &str) -> String {
    scripted(analyst, fixer, 1)
}

/// Kills the thread, which must be over when the command returns; gives how long that took.
#[track_caller]
fn kill(workspace: &TestWorkspace, id: &str) -> Duration {
    let begun = Instant::now();
    let killed = workspace.ok(&["thread", "kill", id]);
    let took = begun.elapsed();
    assert_eq!((id_of(&killed).as_str(), &killed["state"], &killed["exit_code"]), (id, &json!("killed"), &json!(137)), "{killed}");
    let thread = workspace.show(id);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&json!("killed"), &json!(137)), "{thread:#}");
    took
}

fn kinds(workspace: &TestWorkspace, id: &str) -> Vec<String> {
    workspace.entries(id).into_iter().map(|entry| entry.kind).collect()
}

#[test]
fn c27_a_slow_call_is_stopped_at_once_and_its_slot_is_free() {
    let workspace = TestWorkspace::new(&config("60s", "0ms"));
    workspace.start();
    let id = workspace.trigger("slow");
    workspace.called(&id, "analyst");
    let took = kill(&workspace, &id);
    assert!(took < Duration::from_secs(3), "it took {took:?}");
    assert_eq!(kinds(&workspace, &id), ["accepted", "started", "step_intent", "kill_requested", "killed"]);
    let next = workspace.trigger("the next one");
    workspace.called(&next, "analyst");
    assert_eq!(workspace.calls_of(&id, "analyst"), 1);
}

#[test]
fn a_hand_written_role_that_waits_for_an_answer_is_stopped() {
    let workspace = TestWorkspace::new(&config("0ms", "60s"));
    workspace.start();
    let id = workspace.trigger("slow");
    workspace.called(&id, "fixer");
    let worker = workspace.workflow_worker();
    let took = kill(&workspace, &id);
    assert!(took < Duration::from_secs(4), "it took {took:?}");
    assert_eq!(workspace.workflow_worker(), worker, "a role that lets go does not cost its process");
    workspace.reconfigure(&config("0ms", "0ms"));
    let next = workspace.trigger("the next one");
    assert_eq!(workspace.ended(&next)["state"], "completed");
}

#[test]
fn c26_c27_code_that_does_not_let_go_loses_its_process() {
    let workspace = TestWorkspace::new(&config("0ms", "60s"));
    workspace.start();
    let id = workspace.trigger("slow");
    workspace.called(&id, "fixer");
    let worker = workspace.workflow_worker();
    processes::signal(worker, Signal::SIGSTOP);
    let took = kill(&workspace, &id);
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    assert!(!processes::lives(worker));
    workspace.reconfigure(&config("0ms", "0ms"));
    let next = workspace.trigger("the next one");
    assert_eq!(workspace.ended(&next)["state"], "completed");
}

#[test]
fn a_queued_thread_is_killed_without_having_run() {
    let workspace = TestWorkspace::new(&config("60s", "0ms"));
    workspace.start();
    let running = workspace.trigger("slow");
    let waiting = workspace.trigger("waiting");
    assert_eq!(workspace.show(&waiting)["state"], "queued");
    kill(&workspace, &waiting);
    assert_eq!(kinds(&workspace, &waiting), ["accepted", "queued", "kill_requested", "killed"]);
    assert_eq!(workspace.show(&running)["state"], "started");
    workspace.settles("explain-load", (1, 0));
    assert_eq!(workspace.calls_of(&waiting, "analyst"), 0);
}

#[test]
fn c29_what_has_ended_cannot_be_killed() {
    let workspace = TestWorkspace::new(&config("0ms", "0ms"));
    workspace.start();
    let id = workspace.trigger("quick");
    workspace.ended(&id);
    let error = workspace.run(&["thread", "kill", &id, "--json"]).exits(7).error();
    assert!(error["message"].as_str().is_some_and(|message| message.contains("completed")), "{error}");
    assert_eq!(workspace.show(&id)["state"], "completed");
    let again = workspace.run(&["thread", "kill", "th_zzzzzzzz", "--json"]).exits(5).error();
    assert_eq!(again["kind"], "not_found", "{again}");
}

#[test]
fn c27_a_kill_that_was_requested_survives_the_daemons_end() {
    let workspace = TestWorkspace::new(&config("0ms", "60s"));
    workspace.start();
    let id = workspace.trigger("slow");
    workspace.called(&id, "fixer");
    // A stopped worker holds the kill up, so there is time between the request and the end.
    processes::signal(workspace.workflow_worker(), Signal::SIGSTOP);
    let mut killing = workspace.command(&["thread", "kill", &id]);
    let mut killing = killing.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nerve starts");
    let requested = || kinds(&workspace, &id).contains(&"kill_requested".to_owned()).then_some(());
    workspace.until("the request in the journal", SOON, requested);
    workspace.kill_daemon();
    killing.wait().expect("the command ends");
    workspace.start();
    let thread: Value = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&json!("killed"), &json!(137)), "{thread:#}");
    let kinds = kinds(&workspace, &id);
    assert_eq!(kinds.iter().filter(|kind| *kind == "killed").count(), 1, "{kinds:?}");
    assert_eq!(kinds.last().map(String::as_str), Some("killed"), "{kinds:?}");
    assert_eq!(workspace.calls_of(&id, "fixer"), 1, "nothing is called for a thread that is to end");
}
