//! Faults of the original around the end of a daemon or a worker (C-21, C-22, C-28 to C-31, C-34 to C-36): what was accepted goes on
//! as it was, once, in its order.

mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::builds::{self, Worker};
use support::own::{self, Variant};
use support::store::Outside;
use support::{SOON, TestWorkspace, id_of, journal, processes, scripted};

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

fn once(concurrency: u32) -> String {
    format!("workflows:\n  act-once: {{ concurrency: {concurrency} }}\n")
}

#[test]
fn c21_what_was_open_goes_on_at_the_next_start_however_the_daemon_ended() {
    for end in ["kill -9", "stop --now"] {
        let workspace = acting(&once(1));
        let started = workspace.trigger_of("act-once", "waits");
        let queued = workspace.trigger_of("act-once", "queued");
        workspace.acts(&started, 1);
        match end {
            "kill -9" => workspace.kill_daemon(),
            _ => drop(workspace.run(&["stop", "--now"]).exits(0)),
        }
        workspace.write("go", "");
        workspace.start();
        // Nobody triggers, kills or crashes anything: the start alone is what they go on by.
        for id in [&started, &queued] {
            workspace.completes(id);
            assert_eq!(workspace.count(id, "started"), 1, "after {end}");
        }
    }
}

#[test]
fn c22_a_queued_thread_keeps_its_prompt_and_its_rounds_over_kills_of_worker_and_daemon() {
    let workspace = TestWorkspace::new(&scripted("400ms", "0ms", 1));
    workspace.start();
    let first = workspace.trigger("the first one");
    let queue = |prompt: &str, rounds: &str| {
        id_of(&workspace.ok(&["workflow", "trigger", "explain-load", "--prompt", prompt, "--max-rounds", rounds]))
    };
    let queued = [(queue("disk 3 is full", "4"), "disk 3 is full", 4), (queue("fan 2 is loud", "5"), "fan 2 is loud", 5)];
    workspace.called(&first, "analyst");
    processes::signal(workspace.workflow_worker(), Signal::SIGKILL);
    workspace.kill_daemon();
    workspace.start();
    for (id, prompt, rounds) in &queued {
        let thread = workspace.completes(id);
        assert_eq!((&thread["prompt"], &thread["max_rounds"]), (&json!(prompt), &json!(rounds)), "{thread:#}");
        let sent = thread["steps"][0]["prompt"].as_str().expect("a prompt");
        assert!(sent.contains(prompt), "the analyst was asked without its task: {sent}");
    }
}

/// One slot, two threads; the daemon dies at a point between what is done and what is written.
#[test]
fn c28_a_kill_between_an_act_and_its_record_neither_loses_nor_repeats_a_thread() {
    let points = [
        "daemon.commit.started.before",
        "daemon.commit.started.after",
        "daemon.act.decide.after",
        "daemon.commit.completed.before",
        "daemon.commit.completed.after",
        "daemon.act.ended.before",
        "daemon.act.ended.after",
        "daemon.commit.started.before:2",
        "daemon.commit.started.after:2",
    ];
    std::thread::scope(|scope| {
        for some in points.chunks(3) {
            scope.spawn(|| some.iter().for_each(|point| killed_between(point)));
        }
    });
}

fn killed_between(point: &str) {
    let workspace = TestWorkspace::new(&scripted("50ms", "0ms", 1));
    workspace.start_to_die_at(point);
    let ids = ["one", "two"].map(|key| workspace.acknowledged(key));
    for id in &ids {
        assert_eq!(workspace.ends_at_last(id)["state"], "completed", "{id}, killed at {point}");
    }
    assert!(workspace.has_died_at(point), "{point} was not reached");
    // It may have died with the last of it.
    workspace.revive();
    let seq = |id: &str, kind: &str| {
        let of_kind: Vec<u64> = workspace.entries(id).iter().filter(|entry| entry.kind == kind).map(|entry| entry.seq).collect();
        assert_eq!(of_kind.len(), 1, "{kind} of {id}, killed at {point}");
        of_kind[0]
    };
    let (over, next) = (seq(&ids[0], "completed"), seq(&ids[1], "started"));
    assert!(over < next, "the second thread started before the end of the first was kept, killed at {point}");
    for id in &ids {
        journal::allowed_calls(id, &workspace.entries(id));
        assert_eq!((workspace.calls_of(id, "analyst"), workspace.calls_of(id, "fixer")), (1, 1), "{id}, killed at {point}");
    }
}

#[test]
fn c29_an_answer_that_comes_after_the_end_changes_nothing() {
    let workspace = TestWorkspace::new(&scripted("700ms", "0ms", 2));
    workspace.start();
    let killed = workspace.trigger("to be killed");
    let other = workspace.trigger("begun after it");
    workspace.called(&killed, "analyst");
    workspace.called(&other, "analyst");
    workspace.ok(&["thread", "kill", &killed]);
    let (before, entries) = (workspace.show(&killed), workspace.kinds(&killed));
    assert_eq!(before["state"], "killed");
    // Its call began first and takes as long: by now it would have been answered.
    workspace.completes(&other);
    assert_eq!((workspace.show(&killed), workspace.kinds(&killed)), (before, entries));
}

#[test]
fn c29_a_role_that_ends_after_its_thread_was_interrupted_changes_nothing() {
    let workspace = acting(&once(1));
    let id = workspace.trigger_of("act-once", "blocks");
    workspace.acts(&id, 1);
    let mut restarting = workspace.command(&["workflow", "restart", "act-once"]);
    let mut restarting = restarting.stdout(std::process::Stdio::null()).spawn().expect("nerve starts");
    workspace.until("the request", SOON, || (workspace.count(&id, "kill_requested") == 1).then_some(()));
    // Now the role comes to its end and says so, and the moderator says what follows.
    workspace.write("go", "");
    restarting.wait().expect("it ends");
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&json!("interrupted"), &Value::Null), "{thread:#}");
    workspace.completes(&workspace.trigger_of("act-once", "next"));
    let kinds = workspace.kinds(&id);
    assert_eq!(kinds.last().map(String::as_str), Some("interrupted"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| journal::ENDS.contains(&kind.as_str())).count(), 1, "{kinds:?}");
}

#[test]
fn c30_a_concurrency_that_was_lowered_holds_for_what_goes_on_after_a_restart() {
    let workspace = acting(&once(4));
    let open: Vec<_> = (0..4).map(|n| workspace.trigger_of("act-once", &format!("waits {n}"))).collect();
    open.iter().for_each(|id| workspace.acts(id, 1));
    let fifth = workspace.trigger_of("act-once", "never ran");
    workspace.kill_daemon();
    workspace.configure(&once(2));
    workspace.start();
    workspace.acts(&open[0], 2);
    workspace.acts(&open[1], 2);
    assert_eq!(workspace.load_of("act-once"), Some((2, 3)));
    assert_eq!(own::ran(&workspace).len(), 6, "{:?}", own::ran(&workspace));
    workspace.write("go", "");
    open.iter().chain([&fifth]).for_each(|id| drop(workspace.completes(id)));
    let after: Vec<_> = own::ran(&workspace).into_iter().skip(4).map(|run| run.thread).collect();
    assert_eq!(after.last(), Some(&fifth), "what has run goes before what has not: {after:?}");
}

#[test]
fn c30_a_parked_thread_that_is_resumed_waits_for_a_slot_in_front_of_those_that_never_ran() {
    let workspace = acting("workflows:\n  act-carefully: { concurrency: 1 }\n");
    let parked = workspace.trigger_of("act-carefully", "dies-once");
    workspace.becomes(&parked, "waiting");
    let running = workspace.trigger_of("act-carefully", "waits");
    workspace.acts(&running, 1);
    let never_ran = workspace.trigger_of("act-carefully", "never ran");
    workspace.ok(&["thread", "resume", &parked]);
    workspace.until("the resumed one in the line", SOON, || (workspace.load_of("act-carefully") == Some((1, 2))).then_some(()));
    assert_eq!(own::ran_for(&workspace, &parked).len(), 1, "it has no slot yet");
    workspace.write("go", "");
    [&running, &parked, &never_ran].into_iter().for_each(|id| drop(workspace.completes(id)));
    let ran: Vec<_> = own::ran(&workspace).into_iter().map(|run| run.thread).collect();
    assert_eq!(ran, [&parked, &running, &parked, &never_ran].map(String::clone));
}

#[test]
fn c30_a_thread_that_was_parked_for_its_worker_goes_before_those_that_never_ran() {
    for lifted_by in ["reset", "restart"] {
        let workspace = acting(&format!("{}supervision: {{ respawn_min: 10ms, respawn_max: 20ms }}\n", once(1)));
        let parked = workspace.trigger_of("act-once", "waits");
        workspace.acts(&parked, 1);
        let never_ran = [workspace.trigger_of("act-once", "one"), workspace.trigger_of("act-once", "two")];
        builds::replace(&workspace, "own", Worker::Script("exit 3"));
        processes::signal(own::ran(&workspace)[0].pid, Signal::SIGKILL);
        workspace.becomes(&parked, "waiting");
        let down = || workspace.workers("workflow/act-once").iter().all(|worker| worker["state"] == "crash_limit").then_some(());
        workspace.until("its processes to stay down", SOON, down);
        builds::replace(&workspace, "own", Worker::Own(Variant::Plain));
        workspace.write("go", "");
        if lifted_by == "reset" {
            workspace.ok(&["worker", "reset", "workflow/act-once"]);
        } else {
            workspace.kill_daemon();
            workspace.start();
        }
        let ids = [&parked, &parked, &never_ran[0], &never_ran[1]].map(String::clone);
        ids.iter().for_each(|id| drop(workspace.completes(id)));
        let ran: Vec<_> = own::ran(&workspace).into_iter().map(|run| run.thread).collect();
        assert_eq!(ran, ids, "lifted by {lifted_by}");
    }
}

#[test]
fn c31_every_attempt_of_a_step_has_the_same_key_and_a_number_of_its_own() {
    let workspace = acting(&once(1));
    let id = workspace.trigger_of("act-once", "dies-once");
    workspace.completes(&id);
    let ran = own::ran_for(&workspace, &id);
    assert_eq!(ran.iter().map(|run| run.attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(ran[0].key, ran[1].key);
    let other = workspace.trigger_of("act-once", "another");
    workspace.completes(&other);
    assert_ne!(own::ran_for(&workspace, &other)[0].key, ran[0].key);
}

#[test]
fn c31_a_role_with_effects_is_not_run_again_unasked() {
    let workspace = acting("workflows:\n  act-carefully: { concurrency: 1 }\n");
    for end in ["worker", "daemon"] {
        let id = workspace.trigger_of("act-carefully", if end == "worker" { "dies-once" } else { "waits" });
        workspace.acts(&id, 1);
        if end == "daemon" {
            workspace.kill_daemon();
            workspace.start();
        }
        let parked = workspace.becomes(&id, "waiting");
        assert!(parked["reason"].as_str().is_some_and(|reason| reason.contains("careful")), "{parked:#}");
        // Neither another life nor another thread brings it to act again.
        workspace.kill_daemon();
        workspace.start();
        workspace.completes(&workspace.trigger_of("act-carefully", "another"));
        assert_eq!((workspace.show(&id)["state"].clone(), own::ran_for(&workspace, &id).len()), (json!("waiting"), 1));
        workspace.write("go", "");
        workspace.ok(&["thread", "resume", &id]);
        workspace.completes(&id);
        assert_eq!(own::ran_for(&workspace, &id).iter().map(|run| run.attempt).collect::<Vec<_>>(), [1, 2]);
        std::fs::remove_file(workspace.root().join("go")).expect("a file");
    }
}

#[test]
fn c34_no_drain_cuts_a_call_off_when_a_build_or_a_config_changes() {
    let drains = "supervision: { workflow_drain: 100ms, worker_drain: 50ms, term_grace: 50ms }\n";
    let workspace = TestWorkspace::new(&(scripted("1s", "1s", 1) + drains));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    builds::take_over(&workspace, "b2", Worker::Template);
    workspace.called(&id, "fixer");
    workspace.reconfigure(&(scripted("0ms", "0ms", 2) + drains));
    workspace.completes(&id);
    assert_eq!((workspace.calls_of(&id, "analyst"), workspace.calls_of(&id, "fixer")), (1, 1));
    assert_eq!(workspace.count(&id, "attempt_lost"), 0);
}

#[test]
fn c35_a_drain_time_below_ten_seconds_is_what_a_stop_takes() {
    let workspace = acting(&format!("{}supervision: {{ workflow_drain: 300ms, worker_drain: 100ms, term_grace: 200ms }}\n", once(1)));
    let id = workspace.trigger_of("act-once", "blocks");
    workspace.acts(&id, 1);
    let begun = Instant::now();
    workspace.stop();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "it took {took:?}");
    workspace.write("go", "");
    workspace.start();
    workspace.completes(&id);
}

#[test]
fn c36_what_is_absent_is_absent_and_not_a_text_that_says_null() {
    let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.completes(&id);
    let accepted = workspace.entries(&id).remove(0).payload["accepted"].clone();
    let members = accepted.as_object().expect("an object");
    assert!(!members.contains_key("key") && !members.contains_key("workdir"), "{accepted}");
    let mut store = Outside::open(&workspace);
    for (table, columns) in [
        ("threads", &["exit_code", "build", "reason", "key"][..]),
        ("journal", &["payload", "body", "subject"]),
        ("senses", &["state", "last_signal", "last_error"]),
    ] {
        for column in columns {
            let nulls = store.texts(&format!("SELECT CAST({column} AS TEXT) FROM {table} WHERE CAST({column} AS TEXT) = 'null'"));
            assert!(nulls.is_empty(), "{table}.{column} says null {} times", nulls.len());
        }
    }
    store.close();
}
