//! The original's suites of the kernel, `createSenseWorkerPool` as far as it is seen from outside, and `e2e init`.

mod support;

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::builds::{self, Worker};
use support::own::{self, Variant};
use support::{SOON, TestWorkspace, processes};

#[test]
fn this_executable_is_a_worker_too() {
    own::serve();
}

/// A daemon on this config with the test's own worker.
fn acting(config: &str) -> TestWorkspace {
    let workspace = TestWorkspace::new(config);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    workspace
}

const THREE: &str = "senses:
  quick: {}
  fatal: { group: other }
  hung: { group: other }
";

fn pid(workspace: &TestWorkspace, key: &str) -> Option<u32> {
    u32::try_from(workspace.workers(key).first()?["pid"].as_u64()?).ok()
}

/// The process of this group, once one is ready.
#[track_caller]
fn ready(workspace: &TestWorkspace, key: &str) -> u32 {
    workspace.until(key, SOON, || pid(workspace, key))
}

fn sense(workspace: &TestWorkspace, name: &str) -> Value {
    let status = workspace.status();
    let found = status["senses"].as_array().expect("senses").iter().find(|sense| sense["name"] == name);
    found.cloned().unwrap_or_else(|| panic!("no sense {name} in {status:#}"))
}

#[test]
fn health_counts_senses_and_the_workflows_that_are_active() {
    let workflows = "workflows:\n  act-once: {}\n  act-aside: {}\n";
    let workspace = acting(&format!("{THREE}{workflows}"));
    let health = workspace.get("health");
    assert_eq!((&health["active_senses"], &health["active_workflows"]), (&json!(3), &json!(0)), "{health}");
    assert!(health["hostname"].is_string() && health["version"].is_string() && health["uptime_ms"].is_u64(), "{health}");
    let id = workspace.trigger_of("act-once", "waits");
    workspace.acts(&id, 1);
    workspace.reconfigure(&format!("senses:\n  quick: {{}}\n{workflows}"));
    let health = workspace.get("health");
    assert_eq!((&health["active_senses"], &health["active_workflows"]), (&json!(1), &json!(1)), "{health}");
    workspace.write("go", "");
    workspace.completes(&id);
}

#[test]
fn senses_of_one_group_share_a_worker_and_groups_do_not() {
    let workspace = acting(THREE);
    for name in ["quick", "fatal", "hung"] {
        workspace.ok(&["sense", "trigger", name]);
    }
    assert_ne!(ready(&workspace, "senses/default@"), ready(&workspace, "senses/other@"));
    assert_eq!(workspace.workers("senses/").len(), 2);
}

#[test]
fn a_tick_that_is_asked_for_goes_to_the_worker_of_its_group_only() {
    let workspace = acting(THREE);
    let seen = workspace.ok(&["sense", "trigger", "quick"]);
    assert_eq!(seen["signal"]["pid"].as_u64(), pid(&workspace, "senses/default@").map(u64::from));
    assert_eq!(sense(&workspace, "fatal")["last_tick"], Value::Null);
    workspace.run(&["sense", "trigger", "nothing"]).exits(5);
}

#[test]
fn a_sense_whose_worker_was_killed_ticks_again() {
    let workspace = acting(THREE);
    let ticks = || workspace.ok(&["sense", "trigger", "quick"])["signal"]["ticks"].as_u64();
    assert_eq!(ticks(), Some(1));
    for n in 2..5 {
        processes::signal(ready(&workspace, "senses/default@"), Signal::SIGKILL);
        // The daemon may not have heard of the death when the tick is asked for; then the tick is lost, and says so.
        let seen = workspace.until("a tick", SOON, || {
            let output = workspace.run(&["sense", "trigger", "quick", "--json"]);
            (output.code == Some(0)).then(|| output.json()["signal"]["ticks"].as_u64())
        });
        assert_eq!(seen, Some(n), "a tick that was lost has changed the state");
    }
}

#[test]
fn a_group_that_appears_gets_a_worker_and_one_that_vanishes_loses_it() {
    let often = "senses:\n  quick: { interval: 100ms }\n";
    let workspace = acting(often);
    let kept = ready(&workspace, "senses/default@");
    workspace.reconfigure(&format!("{often}  hung: {{ group: other, interval: 100ms }}\n"));
    ready(&workspace, "senses/other@");
    workspace.reconfigure(often);
    workspace.until("the worker to go", SOON, || workspace.workers("senses/other@").is_empty().then_some(()));
    assert_eq!(ready(&workspace, "senses/default@"), kept, "the other group was left alone");
    let exits: Vec<_> = workspace.journal().into_iter().filter(|entry| entry.kind == "worker_exit").collect();
    assert!(exits.iter().all(|exit| exit.payload["expected"] == "true"), "{exits:#?}");
}

#[test]
fn a_worker_that_does_not_exist_cannot_be_reset_and_nothing_else_happens() {
    let workspace = acting(THREE);
    workspace.ok(&["sense", "trigger", "quick"]);
    let before = ready(&workspace, "senses/default@");
    let error = workspace.run(&["worker", "reset", "senses/nothing", "--json"]).exits(5).error();
    assert_eq!(error["code"], "NV0308", "{error}");
    assert_eq!((ready(&workspace, "senses/default@"), workspace.workers("senses/").len()), (before, 1));
}

#[test]
fn a_signal_that_names_a_workflow_starts_it_and_is_in_the_journal() {
    let workspace = acting("senses:\n  quick: {}\nworkflows:\n  act-once: { max_rounds: 3 }\n");
    workspace.write("start.txt", "act-once the machine hums");
    let seen = workspace.ok(&["sense", "trigger", "quick"]);
    let thread = workspace.completes(seen["thread"].as_str().expect("a thread"));
    assert_eq!((&thread["prompt"], &thread["max_rounds"]), (&json!("the machine hums"), &json!(3)), "{thread:#}");
    assert_eq!((&thread["origin"]["sense"], &thread["origin"]["tick"]), (&json!("quick"), &seen["tick"]), "{thread:#}");
    let journal = workspace.journal();
    let signal = journal.iter().find(|entry| entry.kind == "signal").expect("the signal");
    assert_eq!((signal.about.as_deref(), &signal.payload["ticks"]), (Some("quick"), &json!(1)));
    assert!(journal.iter().any(|entry| entry.kind == "started" && entry.about.as_deref() == thread["id"].as_str()));
}

#[test]
fn a_plain_signal_starts_nothing() {
    let workspace = acting("senses:\n  quick: {}\nworkflows:\n  act-once: {}\n");
    let seen = workspace.ok(&["sense", "trigger", "quick"]);
    assert_eq!((&seen["signal"]["ticks"], &seen["thread"]), (&json!(1), &Value::Null), "{seen}");
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 0);
    assert_eq!(workspace.journal().iter().filter(|entry| entry.kind == "signal").count(), 1);
}

#[test]
fn a_workflow_that_is_added_can_be_started_by_a_signal_and_one_that_is_removed_cannot() {
    let both = "senses:\n  quick: {}\nworkflows:\n  act-aside: {}\n  act-once: {}\n";
    let one = "senses:\n  quick: {}\nworkflows:\n  act-aside: {}\n";
    let workspace = acting(one);
    workspace.write("start.txt", "act-once now");
    let before = workspace.run(&["sense", "trigger", "quick", "--json"]);
    assert!(before.code != Some(0) || before.json()["thread"].is_null(), "{before:?}");
    workspace.reconfigure(both);
    let seen = workspace.ok(&["sense", "trigger", "quick"]);
    workspace.completes(seen["thread"].as_str().expect("a thread"));
    workspace.reconfigure(one);
    let after = workspace.run(&["sense", "trigger", "quick", "--json"]);
    assert!(after.code != Some(0) || after.json()["thread"].is_null(), "{after:?}");
    assert_eq!(workspace.ok(&["thread", "list", "--all"])["total"], 1);
}

#[test]
fn a_stop_ends_with_a_workflow_active() {
    let workspace = acting("workflows:\n  act-once: {}\n");
    let id = workspace.trigger_of("act-once", "waits");
    workspace.acts(&id, 1);
    workspace.run(&["stop", "--now"]).exits(0);
    workspace.write("go", "");
    workspace.start();
    workspace.completes(&id);
}

#[test]
fn a_tick_that_fails_is_told_and_the_next_one_is_handled() {
    let workspace = acting(THREE);
    workspace.write("fail", "");
    let failed = workspace.run(&["sense", "trigger", "quick", "--json"]).exits(1).error();
    assert_eq!(failed["code"], "NV0307", "{failed}");
    assert!(sense(&workspace, "quick")["last_error"].as_str().is_some_and(|error| error.contains("it was told to")));
    let failures = workspace.journal().into_iter().filter(|entry| entry.kind == "tick_failure").count();
    assert_eq!(failures, 1);
    fs::remove_file(workspace.root().join("fail")).expect("a file");
    assert_eq!(workspace.ok(&["sense", "trigger", "quick"])["signal"]["ticks"], 1);
    assert_eq!(sense(&workspace, "quick")["last_error"], Value::Null);
}

#[test]
fn an_interval_ticks_by_itself() {
    let workspace = acting("senses:\n  quick: { interval: 50ms }\n");
    let signals = || workspace.journal().into_iter().filter(|entry| entry.kind == "signal").count();
    workspace.until("three ticks", SOON, || (signals() >= 3).then_some(()));
    assert!(sense(&workspace, "quick")["next_tick"].is_string());
}

#[test]
fn a_group_whose_worker_crashed_is_respawned_and_its_tick_is_told_as_lost() {
    let workspace = acting(THREE);
    workspace.write("die", "");
    let lost = workspace.run(&["sense", "trigger", "fatal", "--json"]).exits(1).error();
    assert_eq!(lost["code"], "NV0307", "{lost}");
    fs::remove_file(workspace.root().join("die")).expect("a file");
    workspace.ok(&["sense", "trigger", "fatal"]);
    let exit = workspace.journal().into_iter().find(|entry| entry.kind == "worker_exit").expect("an exit");
    assert_eq!(exit.payload["expected"], "false", "{exit:?}");
}

#[test]
fn init_makes_a_workspace_with_its_guide_and_its_sample() {
    let workspace = TestWorkspace::new("workflows: {}\n");
    let read = |name: &str| fs::read_to_string(workspace.root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let guide = read("AGENT.md");
    assert!(guide.contains("verb-first") && guide.contains("create_role"), "{guide}");
    for file in ["Cargo.toml", ".gitignore", "src/main.rs", "src/lib.rs", "src/senses/cpu_usage.rs", "src/workflows/explain_load/mod.rs"] {
        assert!(!read(file).is_empty(), "{file}");
    }
}
