//! More threads than a workflow takes at once: their order, and what becomes of those without room.

mod support;

use std::sync::Barrier;

use serde_json::{Value, json};
use support::{SOON, TestWorkspace, id_of};

fn config(delay: &str, workflow: &str) -> String {
    format!(
        "adapters:
  analyst: {{ kind: scripted, replies: replies.yaml, calls: calls.jsonl, delay: {delay} }}
  fixer: {{ kind: scripted, replies: replies.yaml }}
workflows:
  explain-load: {{ {workflow} }}
"
    )
}

/// The threads in the order in which their first step was called.
fn order(workspace: &TestWorkspace) -> Vec<String> {
    let mut order = Vec::new();
    for call in workspace.calls().into_iter().filter(|call| call.role == "analyst") {
        if !order.contains(&call.thread) {
            order.push(call.thread);
        }
    }
    order
}

#[test]
fn c21_a_queue_keeps_its_order_over_kills_of_the_daemon() {
    let workspace = TestWorkspace::new(&config("100ms", "concurrency: 1"));
    workspace.start();
    let ids: Vec<String> = (0..9).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    for nth in [2, 5] {
        workspace.called(&ids[nth], "analyst");
        workspace.kill_daemon();
        workspace.start();
    }
    let late = workspace.trigger("the last one");
    for id in ids.iter().chain([&late]) {
        assert_eq!(workspace.ended(id)["state"], "completed", "{id}");
    }
    let expected: Vec<String> = ids.into_iter().chain([late]).collect();
    assert_eq!(order(&workspace), expected);
}

#[test]
fn c30_never_do_more_run_at_once_than_the_workflow_takes_after_a_restart_too() {
    let workspace = TestWorkspace::new(&config("60s", "concurrency: 2"));
    workspace.start();
    let ids: Vec<String> = (0..5).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    workspace.called(&ids[1], "analyst");
    workspace.kill_daemon();
    workspace.start();
    assert_eq!(workspace.load(), Some((2, 3)));
    let states: Vec<_> = ids.iter().map(|id| workspace.show(id)["state"].clone()).collect();
    assert_eq!(states, ["started", "started", "queued", "queued", "queued"]);
}

#[test]
fn a_full_queue_drops_its_oldest_and_names_the_newcomer() {
    let workspace = TestWorkspace::new(&config("60s", "concurrency: 1, max_queue: 2"));
    workspace.start();
    let ids: Vec<String> = (0..4).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    let dropped = workspace.becomes(&ids[1], "dropped");
    assert_eq!((&dropped["state"], &dropped["exit_code"], &dropped["steps"]), (&json!("dropped"), &json!(null), &json!([])), "{dropped:#}");
    let reason = dropped["reason"].as_str().expect("a reason");
    assert!(reason.contains(&ids[3]), "{reason} does not name {}", ids[3]);
    workspace.settles("explain-load", (1, 2));

    workspace.kill_daemon();
    workspace.start();
    assert_eq!(workspace.show(&ids[1]), dropped, "a terminal state never changes");
    assert_eq!(workspace.load(), Some((1, 2)));
    assert_eq!(workspace.calls_of(&ids[1], "analyst"), 0);
}

#[test]
fn a_key_that_is_triggered_many_times_at_once_takes_one_place() {
    let workspace = TestWorkspace::new(&config("60s", "concurrency: 1, max_queue: 3"));
    workspace.start();
    workspace.trigger("running");
    let waiting: Vec<String> = (0..3).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    let together = Barrier::new(8);
    let accepted: Vec<Value> = std::thread::scope(|scope| {
        let trigger = || {
            let body = json!({ "prompt": "the same", "key": "monday" });
            workspace.post("workflows/explain-load/trigger", &body, || {
                together.wait();
            })
        };
        let triggers: Vec<_> = (0..8).map(|_| scope.spawn(trigger)).collect();
        triggers.into_iter().map(|trigger| trigger.join().expect("an answer")).collect()
    });
    assert!(accepted.iter().all(|thread| thread["id"] == accepted[0]["id"] && thread["state"] == "queued"), "{accepted:#?}");
    workspace.becomes(&waiting[0], "dropped");
    let states: Vec<_> = waiting.iter().map(|id| workspace.show(id)["state"].clone()).collect();
    assert_eq!(states, ["dropped", "queued", "queued"], "one newcomer pushes out one thread");
    let reason = workspace.show(&waiting[0])["reason"].to_string();
    assert!(reason.contains(&id_of(&accepted[0])), "{reason}");
}

#[test]
fn a_workflow_that_drops_its_overflow_says_so_at_once() {
    let workspace = TestWorkspace::new(&config("2s", "concurrency: 1, overflow: drop"));
    workspace.start();
    let running = workspace.trigger("first");
    let dropped = workspace.run(&["workflow", "trigger", "explain-load", "--prompt", "second", "--json"]).exits(1).json();
    assert_eq!((&dropped["state"], &dropped["exit_code"]), (&json!("dropped"), &json!(null)), "{dropped}");
    let thread = workspace.show(&id_of(&dropped));
    assert!(thread["reason"].as_str().is_some_and(|reason| reason.contains("no free slot")), "{thread:#}");
    assert_eq!(workspace.ended(&running)["state"], "completed");
    let third = workspace.trigger("third");
    assert_eq!(workspace.ended(&third)["state"], "completed");
    assert_eq!(order(&workspace), [running, third]);
}

#[test]
fn a_queue_of_none_has_no_room() {
    let workspace = TestWorkspace::new(&config("60s", "concurrency: 1, max_queue: 0"));
    workspace.start();
    let running = workspace.trigger("first");
    workspace.called(&running, "analyst");
    let dropped = workspace.run(&["workflow", "trigger", "explain-load", "--prompt", "second", "--json"]).exits(1).json();
    assert_eq!(dropped["state"], "dropped", "{dropped}");
    assert_eq!(workspace.load(), Some((1, 0)));
}

#[test]
fn what_waited_starts_when_there_is_more_room_without_a_restart() {
    let workspace = TestWorkspace::new(&config("60s", "concurrency: 1"));
    let daemon = workspace.start();
    let ids: Vec<String> = (0..3).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    assert_eq!(workspace.load(), Some((1, 2)));
    workspace.reconfigure(&config("60s", "concurrency: 2"));
    workspace.until("the second to run", SOON, || (workspace.load() == Some((2, 1))).then_some(()));
    workspace.called(&ids[1], "analyst");
    assert_eq!(workspace.status()["pid"], daemon);
}
