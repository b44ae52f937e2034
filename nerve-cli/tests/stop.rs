//! `nerve stop`: what runs finishes, nothing new begins, and nothing that never began counts as lost at the next start.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::model::{Answer, Model};
use support::{SOON, TestWorkspace, scripted};

/// Much less than a stop may wait for what runs, which is 30 seconds.
const SHORT: Duration = Duration::from_secs(12);

/// Each role's adapter, with its delay and whatever else is set.
fn config(analyst: &str, fixer: &str) -> String {
    scripted(analyst, fixer, 2)
}

/// How often an entry of this kind is in the thread's journal.
fn count(workspace: &TestWorkspace, id: &str, kind: &str) -> usize {
    workspace.entries(id).iter().filter(|entry| entry.kind == kind).count()
}

/// Waits until status says that a call waits, and for what.
#[track_caller]
fn waits_for(workspace: &TestWorkspace, what: &str) {
    workspace.until(&format!("a call that waits: {what}"), SOON, || {
        workspace.status()["limits"]["waiting"].as_str().is_some_and(|why| why.contains(what)).then_some(())
    });
}

/// The thread completes, and no attempt of it was lost.
#[track_caller]
fn completes_without_a_loss(workspace: &TestWorkspace, id: &str) -> Value {
    let thread = workspace.ended(id);
    assert_eq!((&thread["state"], count(workspace, id, "attempt_lost")), (&json!("completed"), 0), "{thread:#}");
    let steps = thread["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["attempt"] == 1), "{thread:#}");
    thread
}

#[track_caller]
fn stop(workspace: &TestWorkspace, args: &[&str]) -> Duration {
    let begun = Instant::now();
    workspace.run(args).exits(0);
    begun.elapsed()
}

#[test]
fn a_clean_stop_starts_no_call_that_waited_for_a_brake() {
    let workspace = TestWorkspace::new(&config("3s, max_concurrent: 1", "0ms"));
    workspace.start();
    let first = workspace.trigger("the first one");
    workspace.called(&first, "analyst");
    let held = workspace.trigger("the one that waits");
    waits_for(&workspace, "`analyst` is busy with 1 of 1");
    stop(&workspace, &["stop"]);
    assert_eq!((workspace.calls().len(), workspace.calls_of(&first, "analyst")), (1, 1), "{:?}", workspace.calls());
    workspace.configure(&config("0ms, max_concurrent: 1", "0ms"));
    workspace.start();
    for id in [&first, &held] {
        completes_without_a_loss(&workspace, id);
        assert_eq!(workspace.calls_of(id, "analyst"), 1, "{:?}", workspace.calls());
    }
}

#[test]
fn an_attempt_that_a_brake_holds_outlives_any_number_of_clean_stops() {
    let model = Model::serve(|_| Answer::text(r#"{"actionable":false,"culprit":null}"#));
    let workspace = TestWorkspace::new(&format!(
        "providers:
  local: {{ base_url: {}, model: m }}
adapters:
  analyst: {{ kind: llm, provider: local }}
  fixer: {{ kind: scripted, replies: replies.yaml }}
workflows:
  explain-load: {{ concurrency: 2 }}
limits: {{ calls_per_hour: 1 }}
",
        model.url()
    ));
    workspace.start();
    let first = workspace.trigger("the one that is let through");
    completes_without_a_loss(&workspace, &first);
    let held = workspace.trigger("the one that is held");
    waits_for(&workspace, "1 calls within the hour");
    for _ in 0..3 {
        stop(&workspace, &["stop"]);
        workspace.start();
        waits_for(&workspace, "1 calls within the hour");
        let thread = workspace.show(&held);
        assert_eq!((&thread["state"], count(&workspace, &held, "attempt_lost")), (&json!("started"), 0), "{thread:#}");
    }
    assert_eq!(model.asked().len(), 1);
    workspace.ok(&["limits", "reset"]);
    completes_without_a_loss(&workspace, &held);
    assert_eq!(model.asked().len(), 2);
}

#[test]
fn c51_a_role_that_waits_for_an_answer_gets_it_and_finishes_within_a_clean_stop() {
    let workspace = TestWorkspace::new(&config("0ms", "1s"));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "fixer");
    let took = stop(&workspace, &["stop"]);
    let stopped = jiff::Timestamp::now();
    assert!(took < SHORT, "it took {took:?}");
    workspace.start();
    let entries = workspace.entries(&id);
    let done = entries.iter().find(|entry| entry.payload["done"]["step"] == 2);
    assert!(done.is_some_and(|entry| entry.at < stopped), "step 2 was not complete when the daemon had stopped: {entries:#?}");
    completes_without_a_loss(&workspace, &id);
    assert_eq!(workspace.calls_of(&id, "fixer"), 1, "{:?}", workspace.calls());
}

#[test]
fn a_step_that_ends_during_a_clean_stop_is_followed_by_none() {
    let workspace = TestWorkspace::new(&config("0ms", "1s"));
    workspace.write(
        "replies.yaml",
        "analyst:
  - { text: A job is busy., meta: { actionable: true, culprit: job } }
fixer:
  - { text: Not yet., meta: { done: false } }
  - { text: It is done., meta: { done: true } }
",
    );
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "fixer");
    stop(&workspace, &["stop"]);
    let stopped = jiff::Timestamp::now();
    assert_eq!(workspace.calls_of(&id, "fixer"), 1, "{:?}", workspace.calls());
    workspace.start();
    let thread = completes_without_a_loss(&workspace, &id);
    assert_eq!((thread["steps"].as_array().map(Vec::len), workspace.calls_of(&id, "fixer")), (Some(3), 2), "{thread:#}");
    let third = workspace.entries(&id).into_iter().find(|entry| entry.payload["intent"]["step"] == 3).expect("a third step");
    assert!(third.at >= stopped, "it was begun during the stop: {third:?}");
}

#[test]
fn a_hurried_stop_ends_a_slow_call_at_once_and_the_next_start_makes_the_second_attempt() {
    for (slow, step, role) in [(config("60s", "0ms"), 0, "analyst"), (config("0ms", "60s"), 1, "fixer")] {
        let workspace = TestWorkspace::new(&slow);
        workspace.start();
        let id = workspace.trigger("load");
        workspace.called(&id, role);
        let took = stop(&workspace, &["stop", "--now"]);
        assert!(took < Duration::from_secs(6), "it took {took:?}");
        workspace.configure(&config("0ms", "0ms"));
        workspace.start();
        let thread = workspace.ended(&id);
        assert_eq!((&thread["state"], &thread["steps"][step]["attempt"]), (&json!("completed"), &json!(2)), "{thread:#}");
        assert_eq!((count(&workspace, &id, "attempt_lost"), workspace.calls_of(&id, role)), (1, 2), "{:?}", workspace.calls());
    }
}

#[test]
fn a_stop_that_waits_is_hurried_by_another() {
    let workspace = TestWorkspace::new(&config("60s", "0ms"));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    let mut waiting = workspace.command(&["stop"]);
    let mut waiting = waiting.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nerve starts");
    workspace.until("the stop to begin", SOON, || workspace.log().contains("stopping").then_some(()));
    let took = stop(&workspace, &["stop", "--now"]);
    assert!(took < Duration::from_secs(6), "it took {took:?}");
    assert!(waiting.wait().expect("it ends").success());
    workspace.configure(&config("0ms", "0ms"));
    workspace.start();
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["steps"][0]["attempt"]), (&json!("completed"), &json!(2)), "{thread:#}");
}

#[test]
fn c34_a_call_that_outlasts_the_drain_counts_as_lost_and_is_made_again() {
    let drain = "supervision: { workflow_drain: 500ms, worker_drain: 200ms }\n";
    let workspace = TestWorkspace::new(&(config("60s", "0ms") + drain));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    let took = stop(&workspace, &["stop"]);
    assert!(took < SHORT, "it took {took:?}");
    workspace.configure(&config("0ms", "0ms"));
    workspace.start();
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["steps"][0]["attempt"]), (&json!("completed"), &json!(2)), "{thread:#}");
}

#[test]
fn a_clean_stop_excuses_no_later_life_that_is_killed() {
    let workspace = TestWorkspace::new(&config("60s", "0ms"));
    workspace.start();
    stop(&workspace, &["stop"]);
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    workspace.kill_daemon();
    workspace.configure(&config("0ms", "0ms"));
    workspace.start();
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["steps"][0]["attempt"]), (&json!("completed"), &json!(2)), "{thread:#}");
    assert_eq!(count(&workspace, &id, "attempt_lost"), 1);
}
