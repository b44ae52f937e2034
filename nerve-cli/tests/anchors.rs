//! Acceptance tests taken from other people's bugs: each is named after its row, `anchor_bNN_…`. Others stand where their theme is.

mod support;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::builds::{self, Worker};
use support::model::{Answer, Model};
use support::own::{self, Variant};
use support::store::Outside;
use support::{SOON, TestWorkspace, id_of, journal, scripted};

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

fn sense(workspace: &TestWorkspace, name: &str) -> Value {
    let status = workspace.status();
    let found = status["senses"].as_array().expect("senses").iter().find(|sense| sense["name"] == name);
    found.cloned().unwrap_or_else(|| panic!("no sense {name} in {status:#}"))
}

/// The signals of `quick` so far.
fn signals(workspace: &TestWorkspace) -> usize {
    workspace.journal().iter().filter(|entry| entry.kind == "signal").count()
}

/// From the trigger's acceptance to the first role's call.
const BEFORE_THE_FIRST_ROLE: [&str; 17] = [
    "daemon.commit.accepted.before",
    "daemon.commit.accepted.after",
    "daemon.commit.accepted.before:2",
    "daemon.commit.accepted.after:2",
    "daemon.commit.queued.before",
    "daemon.commit.queued.after",
    "daemon.reply.due",
    "daemon.reply.told",
    "daemon.commit.started.before",
    "daemon.commit.started.after",
    "daemon.act.decide.before",
    "daemon.act.decide.after",
    "worker.takes.decide",
    "worker.decision.sent",
    "daemon.commit.step_intent.before",
    "daemon.commit.step_intent.after",
    "daemon.act.call.before",
];

#[test]
fn anchor_b01_a_kill_between_a_trigger_and_its_first_role_leaves_one_thread_for_each_key() {
    std::thread::scope(|scope| {
        for some in BEFORE_THE_FIRST_ROLE.chunks(5) {
            scope.spawn(|| some.iter().for_each(|point| killed_before_the_first_role(point)));
        }
    });
}

/// One slot and two threads, so that the second one queues.
fn killed_before_the_first_role(point: &str) {
    let workspace = TestWorkspace::new(&scripted("150ms", "0ms", 1));
    workspace.start_to_die_at(point);
    let ids = ["one", "two"].map(|key| workspace.acknowledged(key));
    for id in &ids {
        assert_eq!(workspace.ends_at_last(id)["state"], "completed", "{id}, killed at {point}");
    }
    assert!(workspace.has_died_at(point), "{point} was not reached");
    workspace.revive();
    assert_eq!(["one", "two"].map(|key| workspace.acknowledged(key)), ids, "killed at {point}");
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 2, "killed at {point}");
    for (id, key) in ids.iter().zip(["one", "two"]) {
        journal::allowed_calls(id, &workspace.entries(id));
        assert_eq!(workspace.show(id)["prompt"], key);
    }
}

#[test]
fn anchor_b02_a_kill_between_the_text_and_its_meta_costs_no_second_call() {
    for point in
        ["daemon.commit.step_text.after", "daemon.act.extract.before", "daemon.act.extract.after", "daemon.commit.step_meta.before"]
    {
        let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
        workspace.start_to_die_at(point);
        let id = workspace.acknowledged("one");
        let thread = workspace.ends_at_last(&id);
        assert!(workspace.has_died_at(point), "{point} was not reached");
        workspace.revive();
        assert_eq!((&thread["state"], &thread["steps"][0]["attempt"]), (&json!("completed"), &json!(1)), "killed at {point}: {thread:#}");
        assert_eq!(workspace.calls_of(&id, "analyst"), 1, "killed at {point}: {:?}", workspace.calls());
        assert_eq!((workspace.count(&id, "step_text"), workspace.count(&id, "step_meta")), (1, 1), "killed at {point}");
    }
}

#[test]
fn anchor_b05_a_role_that_always_fails_for_nothing_is_stopped_and_the_daemon_is_well() {
    let model = Model::serve(|_| Answer::error(404, "no such model", "model_not_found"));
    let workspace = TestWorkspace::new(&format!(
        "providers:
  local: {{ base_url: {}, model: m }}
adapters:
  analyst: {{ kind: llm, provider: local }}
  fixer: {{ kind: scripted, replies: replies.yaml }}
senses:
  cpu-usage: {{}}
workflows:
  explain-load: {{ concurrency: 1, max_queue: 100 }}
",
        model.url()
    ));
    workspace.start();
    let ids: Vec<_> = (0..12).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    workspace.until("the brake", SOON, || workspace.status()["limits"]["waiting"].as_str().map(str::to_owned));
    assert_eq!(model.asked().len(), 5);
    let states: Vec<_> = ids.iter().map(|id| workspace.show(id)["state"].as_str().map(str::to_owned).expect("a state")).collect();
    assert_eq!(states[..5], ["failed"; 5]);
    assert_eq!((states[5].as_str(), &states[6..]), ("started", &["queued"; 6].map(str::to_owned)[..]), "one is held, the rest wait");
    // What needs no model goes on.
    workspace.ok(&["sense", "trigger", "cpu-usage"]);
    assert_eq!(workspace.status()["store"]["ok"], true);
    assert_eq!(model.asked().len(), 5);
    model.says(|_| Answer::text(r#"{"actionable":false,"culprit":null}"#));
    workspace.ok(&["limits", "reset"]);
    ids[5..].iter().for_each(|id| drop(workspace.completes(id)));
}

#[test]
fn anchor_b18_a_group_that_crashes_in_a_loop_stops_alone_says_why_and_is_cleared_by_one_command() {
    let config = "senses:
  fatal: { group: other, interval: 20ms }
  quick: { interval: 100ms }
workflows:
  act-once: {}
supervision: { respawn_min: 10ms, respawn_max: 20ms }
";
    let workspace = acting(config);
    workspace.write("die", "");
    let down = || workspace.workers("senses/other@").into_iter().find(|worker| worker["state"] == "crash_limit");
    let worker = workspace.until("the crash limit", SOON, down);
    assert!(worker["reason"].as_str().is_some_and(|reason| reason.contains("crashed 6 times") && reason.contains("signal 9")), "{worker}");
    let text = workspace.run(&["status"]).exits(0).stdout;
    let key = worker["key"].as_str().expect("a key");
    assert!(text.contains(&format!("nerve worker reset {key}")), "{text}");
    let exits = || workspace.journal().into_iter().filter(|entry| entry.kind == "worker_exit").count();
    assert_eq!(exits(), 6);
    let before = signals(&workspace);
    workspace.until("ticks of the other group", SOON, || (signals(&workspace) >= before + 3).then_some(()));
    workspace.completes(&workspace.trigger_of("act-once", "load"));
    assert_eq!(exits(), 6, "it stays down");
    fs::remove_file(workspace.root().join("die")).expect("a file");
    workspace.ok(&["worker", "reset", key]);
    workspace.until("the sense to be well", SOON, || (sense(&workspace, "fatal")["state"] == "ok").then_some(()));
    assert!(workspace.workers("senses/other@").iter().all(|worker| worker["state"] == "ready"));
}

#[test]
fn anchor_b19_a_sense_that_hangs_delays_no_other_group_and_is_ended_at_its_time() {
    let config = |timeout: &str| {
        format!("senses:\n  hung: {{ group: other, timeout: {timeout}, grace_period: 100ms }}\n  quick: {{ interval: 50ms }}\n")
    };
    let workspace = acting(&config("60s"));
    workspace.write("hang", "");
    let mut asking = workspace.command(&["sense", "trigger", "hung"]);
    let mut asking = asking.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nerve starts");
    workspace.until("the tick that hangs", SOON, || (sense(&workspace, "hung")["state"] == "ticking").then_some(()));
    let before = signals(&workspace);
    workspace.until("ticks of the other group", SOON, || (signals(&workspace) >= before + 5).then_some(()));
    assert_eq!(sense(&workspace, "hung")["state"], "ticking", "it hangs all the while");
    fs::remove_file(workspace.root().join("hang")).expect("a file");
    assert!(asking.wait().expect("it ends").success());

    workspace.reconfigure(&config("200ms"));
    workspace.write("hang", "");
    let error = workspace.run(&["sense", "trigger", "hung", "--json"]).exits(1).error();
    assert_eq!(error["code"], "NV0307", "{error}");
    fs::remove_file(workspace.root().join("hang")).expect("a file");
    workspace.ok(&["sense", "trigger", "hung"]);
}

#[test]
fn anchor_b22_a_store_that_is_busy_loses_nothing_acknowledged_says_so_and_recovers() {
    let workspace = TestWorkspace::new(&scripted("300ms", "300ms", 2));
    workspace.start();
    let running = workspace.trigger("runs when it begins");
    let killed = workspace.trigger("is killed meanwhile");
    workspace.called(&killed, "analyst");
    let mut other = Outside::open(&workspace);
    other.hold_the_write_lock();
    // Answers that arrive now cannot be written, nor can a request to kill.
    let mut killing = workspace.command(&["thread", "kill", &killed]);
    let mut killing = killing.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nerve starts");
    let problem = || workspace.status()["store"]["problem"].as_str().map(str::to_owned);
    let problem = workspace.until("status to say so", SOON, problem);
    assert!(problem.contains("in use by another process"), "{problem}");
    let refused = workspace.run(&["workflow", "trigger", "explain-load", "--prompt", "x", "--key", "refused", "--json"]).exits(1).error();
    assert_eq!(refused["code"], "NV0401", "{refused}");
    assert!(workspace.run(&["status"]).exits(0).stdout.contains("the store takes no writes"));
    assert_eq!(workspace.calls_of(&running, "fixer"), 0, "nothing new is called while nothing can be kept");
    other.let_go();
    other.close();
    workspace.until("the store to recover", SOON, || (workspace.status()["store"]["ok"] == true).then_some(()));
    workspace.completes(&running);
    assert!(killing.wait().expect("it ends").success());
    assert_eq!(workspace.show(&killed)["state"], "killed");
    assert_eq!((workspace.calls_of(&running, "analyst"), workspace.calls_of(&running, "fixer")), (1, 1), "{:?}", workspace.calls());
    // What was refused does not exist; the same key is free.
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 2);
    let accepted = id_of(&workspace.ok(&["workflow", "trigger", "explain-load", "--prompt", "x", "--key", "refused"]));
    workspace.completes(&accepted);
}

#[test]
fn anchor_b22_a_trigger_during_a_short_lock_is_kept_and_a_start_during_a_long_one_says_why_it_cannot() {
    let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 2));
    workspace.start();
    workspace.completes(&workspace.trigger("the first one"));
    let mut other = Outside::open(&workspace);
    other.hold_the_write_lock();
    let accepted = std::thread::scope(|scope| {
        let triggering = scope.spawn(|| workspace.trigger("while another has the lock"));
        workspace.until("the trigger to wait", SOON, || (workspace.load() == Some((1, 0))).then_some(()));
        other.let_go();
        triggering.join().expect("an id")
    });
    workspace.completes(&accepted);
    workspace.stop();
    other.hold_the_write_lock();
    let begun = Instant::now();
    let error = workspace.run(&["start", "--json"]).exits(1).error();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    other.let_go();
    other.close();
    workspace.start();
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 2);
}
