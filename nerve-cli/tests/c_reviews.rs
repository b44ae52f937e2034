//! What reviewers of the original complained of (C-50, C-51, C-61, C-62): each part is a test here, or stands where its theme is.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::builds::{self, Worker};
use support::own::{self, Variant};
use support::store::Outside;
use support::{SOON, TestWorkspace, journal, scripted};

#[test]
fn this_executable_is_a_worker_too() {
    own::serve();
}

fn acting(config: &str) -> TestWorkspace {
    let workspace = TestWorkspace::new(config);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    workspace
}

#[test]
fn c50_what_a_caller_sends_sets_no_field_of_the_engines() {
    let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
    workspace.start();
    for (field, value) in [("id", json!("th_1")), ("state", json!("completed")), ("workflow", json!("other")), ("exit_code", json!(0))] {
        let answer = workspace.post("workflows/explain-load/trigger", &json!({ "prompt": "x", field: value }), || {});
        assert_eq!(answer["error"]["code"], "NV0313", "{field} was taken: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|message| message.contains(field)), "{answer}");
    }
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 0);
}

#[test]
fn c50_what_a_sense_signals_sets_no_field_of_its_thread() {
    let workspace = acting("senses:\n  quick: {}\nworkflows:\n  act-once: {}\n");
    let payload = json!({ "id": "th_1", "state": "failed", "exit_code": 9, "prompt": "mine", "max_rounds": 99, "kind": "killed" });
    workspace.write("payload.json", &payload.to_string());
    workspace.write("start.txt", "act-once the prompt");
    let seen = workspace.ok(&["sense", "trigger", "quick"]);
    let thread = workspace.completes(seen["thread"].as_str().expect("a thread"));
    assert_eq!((&thread["prompt"], &thread["max_rounds"]), (&json!("the prompt"), &json!(10)), "{thread:#}");
    assert_eq!(thread["origin"]["signal"], payload, "it is kept as it came");
}

#[test]
fn c50_a_clean_stop_is_no_crash() {
    let workspace = TestWorkspace::new(&scripted("0ms", "500ms", 1));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "fixer");
    workspace.stop();
    let log = workspace.log();
    assert!(log.contains("expected=true") && !log.contains("expected=false") && !log.contains("crash 1 of"), "{log}");
    workspace.start();
    workspace.completes(&id);
    assert_eq!(workspace.count(&id, "attempt_lost"), 0);
    assert_eq!(workspace.journal().iter().filter(|entry| entry.payload["expected"] == "false").count(), 0);
}

#[test]
fn c50_a_moderator_that_never_ends_its_thread_is_ended_by_the_rounds() {
    let workspace = acting("max_rounds: 4\nworkflows:\n  act-for-ever: {}\n");
    let id = workspace.trigger_of("act-for-ever", "again");
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&json!("failed"), &json!(2)), "{thread:#}");
    assert_eq!(own::ran(&workspace).len(), 4);
}

#[test]
fn c50_the_count_of_active_threads_is_right_whatever_ends_them() {
    let workspace = acting("workflows:\n  act-once: { concurrency: 2, max_queue: 1 }\n");
    workspace.completes(&workspace.trigger_of("act-once", "well"));
    for (prompt, end) in [("fails", "failed"), ("panics", "failed"), ("dies", "crashed")] {
        let id = workspace.trigger_of("act-once", prompt);
        assert_eq!(workspace.ended(&id)["state"], end);
        workspace.settles("act-once", (0, 0));
    }
    let open: Vec<_> = (0..2).map(|n| workspace.trigger_of("act-once", &format!("waits {n}"))).collect();
    open.iter().for_each(|id| workspace.acts(id, 1));
    let dropped = workspace.trigger_of("act-once", "to be dropped");
    let queued = workspace.trigger_of("act-once", "queued");
    workspace.becomes(&dropped, "dropped");
    workspace.settles("act-once", (2, 1));
    workspace.ok(&["thread", "kill", &open[0]]);
    workspace.completes(&queued);
    workspace.settles("act-once", (1, 0));
    workspace.kill_daemon();
    workspace.start();
    workspace.settles("act-once", (1, 0));
    workspace.ok(&["workflow", "restart", "act-once"]);
    workspace.ended(&open[1]);
    workspace.settles("act-once", (0, 0));
}

#[test]
fn c50_a_state_that_no_thread_can_have_is_refused_wherever_it_comes_from() {
    let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.completes(&id);
    assert_eq!(workspace.run(&["thread", "list", "--state", "finished", "--json"]).exits(2).error()["kind"], "usage");
    let mut store = Outside::open(&workspace);
    store.run("UPDATE threads SET state = 'finished'");
    let error = workspace.run(&["thread", "list", "--all", "--json"]).exits(1).error();
    assert_eq!(error["code"], "NV0402", "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("finished")), "{error}");
    workspace.completes(&workspace.trigger("the daemon goes on"));
    store.run("UPDATE threads SET state = 'completed'");
    store.close();
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 2);
}

#[test]
fn c51_a_thread_goes_on_with_the_role_that_was_due() {
    let points = [
        "daemon.commit.step_intent.after",
        "daemon.commit.step_meta.before",
        "daemon.commit.step_meta.after",
        "daemon.commit.step_intent.before:2",
        "daemon.commit.step_intent.after:2",
        "daemon.act.run.before",
        "daemon.commit.thread_workflow_message.before",
        "daemon.commit.thread_workflow_message.after",
        "daemon.commit.completed.before",
    ];
    std::thread::scope(|scope| {
        for some in points.chunks(3) {
            scope.spawn(|| some.iter().for_each(|point| goes_on_with_the_role_that_was_due(point)));
        }
    });
}

fn goes_on_with_the_role_that_was_due(point: &str) {
    let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
    workspace.start_to_die_at(point);
    let id = workspace.acknowledged("one");
    let thread = workspace.ends_at_last(&id);
    assert!(workspace.has_died_at(point), "{point} was not reached");
    workspace.revive();
    assert_eq!(thread["state"], "completed", "killed at {point}: {thread:#}");
    let entries = workspace.entries(&id);
    let intents: Vec<_> = entries.iter().filter(|entry| entry.kind == "step_intent").map(|entry| &entry.payload["intent"]).collect();
    let chosen: Vec<_> = intents.iter().map(|intent| (intent["step"].as_u64(), intent["role"].as_str())).collect();
    assert_eq!(chosen, [(Some(1), Some("analyst")), (Some(2), Some("fixer"))], "killed at {point}");
    journal::allowed_calls(&id, &entries);
}

#[test]
fn c61_a_record_that_cannot_be_read_is_told_and_nothing_is_lost_for_it() {
    let workspace = acting("workflows:\n  act-once: {}\n");
    workspace.write(".nerve/builds/current", "{ \"build\": ");
    workspace.until("the fault in the log", SOON, || workspace.log().contains("the current build cannot be read").then_some(()));
    assert_eq!(workspace.completes(&workspace.trigger_of("act-once", "the old build serves"))["build"], "own");
    builds::take_over(&workspace, "mended", Worker::Own(Variant::Plain));
}

#[test]
fn c61_a_state_that_cannot_be_read_fails_the_tick_and_is_not_replaced_by_an_empty_one() {
    let workspace = acting("senses:\n  quick: {}\n");
    workspace.ok(&["sense", "trigger", "quick"]);
    workspace.stop();
    let mut store = Outside::open(&workspace);
    store.run("UPDATE senses SET state = '\"no number\"' WHERE name = 'quick'");
    workspace.start();
    for _ in 0..2 {
        let error = workspace.run(&["sense", "trigger", "quick", "--json"]).exits(1).error();
        assert_eq!(error["code"], "NV0307", "{error}");
    }
    assert_eq!(store.texts("SELECT state FROM senses WHERE name = 'quick'"), ["\"no number\""]);
    workspace.stop();
    store.run("UPDATE senses SET state = '41' WHERE name = 'quick'");
    store.close();
    workspace.start();
    assert_eq!(workspace.ok(&["sense", "trigger", "quick"])["signal"]["ticks"], 42);
}

#[test]
fn c61_what_a_sense_remembers_is_written_with_its_signal_or_not_at_all() {
    for point in ["daemon.tick.seen", "daemon.commit.signal.before", "daemon.commit.signal.after", "daemon.tick.acked"] {
        let workspace = TestWorkspace::new(&format!("{}senses:\n  inbox: {{ interval: 50ms }}\n", scripted("0ms", "0ms", 1)));
        fs::create_dir_all(workspace.root().join("inbox")).expect("a folder");
        workspace.write("inbox/a.txt", "hello");
        workspace.start_to_die_at(point);
        let thread = workspace.until(&format!("the file's thread, killed at {point}"), SOON, || {
            workspace.revive();
            let list = workspace.run(&["thread", "list", "--all", "--json"]);
            (list.code == Some(0)).then(|| list.json()["items"].get(0).cloned()).flatten().filter(|thread| thread["state"] == "completed")
        });
        assert!(workspace.has_died_at(point), "{point} was not reached");
        workspace.revive();
        let ticked = |after: &Value| {
            let status = workspace.status();
            let at = status["senses"][0]["last_tick"].clone();
            (at.is_string() && at != *after).then_some(at)
        };
        let first = workspace.until("a tick", SOON, || ticked(&Value::Null));
        workspace.until("another tick", SOON, || ticked(&first));
        assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 1, "killed at {point}: {thread:#}");
    }
}

#[test]
fn c62_a_thread_that_comes_after_the_crash_limit_starts_no_process() {
    let workspace = TestWorkspace::new(&(scripted("0ms", "0ms", 4) + "supervision: { respawn_min: 10ms, respawn_max: 20ms }\n"));
    workspace.start();
    workspace.completes(&workspace.trigger("the first one"));
    workspace.kill_workers_until_the_limit();
    let started = || fs::read_to_string(workspace.root().join(".nerve/logs/daemon.log")).expect("a log").matches(": started").count();
    let before = started();
    let held: Vec<_> = (0..4).map(|n| workspace.trigger(&format!("held {n}"))).collect();
    assert!(held.iter().all(|id| workspace.show(id)["state"] == "queued"));
    assert_eq!((started(), workspace.load()), (before, Some((0, 4))));
    let limits = workspace.journal().into_iter().filter(|entry| entry.kind == "crash_limit").count();
    assert_eq!(limits, 1, "it is told once");
    workspace.ok(&["worker", "reset", "workflow/explain-load"]);
    held.iter().for_each(|id| drop(workspace.completes(id)));
}
