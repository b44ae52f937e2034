//! nerve.yaml and the commands around the daemon: what is refused and how, and what a running daemon takes over.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::{SOON, TestWorkspace, finish, id_of, processes};

const SCRIPTED: &str = "adapters:
  analyst: { kind: scripted, replies: replies.yaml }
  fixer: { kind: scripted, replies: replies.yaml }
workflows:
  explain-load: { concurrency: 1 }
";

const WRONG: &str = "adaptors:
  analyst: { kind: scripted }
max_rounds: many
workflows:
  explain-load: { concurrency: 0 }
";

/// The same with the analyst's answers taking so long.
fn slow(delay: &str) -> String {
    SCRIPTED.replacen("replies: replies.yaml", &format!("replies: replies.yaml, calls: calls.jsonl, delay: {delay}"), 1)
}

fn sense(workspace: &TestWorkspace, name: &str) -> Option<Value> {
    let status = workspace.status();
    status["senses"].as_array()?.iter().find(|sense| sense["name"] == name).cloned()
}

#[test]
fn every_error_of_nerve_yaml_is_told_with_its_place() {
    let workspace = TestWorkspace::new(WRONG);
    for command in ["validate", "start"] {
        let output = workspace.run(&[command, "--json"]).exits(6);
        let document: Value = serde_json::from_str(&output.stderr).expect("a document");
        let found = document["diagnostics"].as_array().expect("diagnostics");
        let lines: Vec<_> = found.iter().map(|found| found["line"].as_u64().expect("a line")).collect();
        assert_eq!(lines, [1, 3, 5], "{document:#}");
        assert_eq!(output.error()["at"], "nerve.yaml:1:1", "{document:#}");
    }
    let text = workspace.run(&["validate"]).exits(6).stderr;
    for place in ["nerve.yaml:1:1", "nerve.yaml:3:13", "nerve.yaml:5:32", "adapters", "3 errors"] {
        assert!(text.contains(place), "{place} is not in:\n{text}");
    }
    workspace.run(&["status"]).exits(3);
}

#[test]
fn a_running_daemon_keeps_the_last_good_config_and_says_so() {
    let workspace = TestWorkspace::new(SCRIPTED);
    workspace.start();
    workspace.configure(WRONG);
    let problem = workspace.until("status to tell the problem", SOON, || workspace.status()["config_problem"].as_str().map(str::to_owned));
    assert!(problem.contains("nerve.yaml:1:1") && problem.contains("nerve validate"), "{problem}");
    let id = workspace.trigger("load");
    assert_eq!(workspace.ended(&id)["state"], "completed");
    workspace.configure(SCRIPTED);
    workspace.until("the problem to be gone", SOON, || workspace.status()["config_problem"].is_null().then_some(()));
}

#[test]
fn senses_and_their_intervals_apply_without_a_restart() {
    let workspace = TestWorkspace::new(SCRIPTED);
    let daemon = workspace.start();
    assert_eq!(workspace.status()["senses"], json!([]));

    workspace.reconfigure(&format!("{SCRIPTED}senses:\n  inbox: {{ interval: 1h }}\n"));
    workspace.until("the first tick", SOON, || sense(&workspace, "inbox")?["last_tick"].as_str().map(|_| ()));
    workspace.write("inbox/first.txt", "hello");
    assert_eq!(workspace.ok(&["thread", "list"])["total"], 0, "it ticks once an hour");

    workspace.reconfigure(&format!("{SCRIPTED}senses:\n  inbox: {{ interval: 100ms }}\n"));
    let thread = workspace.until("the file's thread", SOON, || workspace.ok(&["thread", "list"])["items"].get(0).cloned());
    assert_eq!((&thread["origin"]["kind"], &thread["origin"]["sense"]), (&json!("sense"), &json!("inbox")), "{thread:#}");
    assert_eq!(workspace.ended(&id_of(&thread))["state"], "completed");

    workspace.reconfigure(SCRIPTED);
    let stopped = || {
        let status = workspace.status();
        let workers = status["workers"].as_array()?;
        let runs =
            workers.iter().any(|worker| worker["key"].as_str().is_some_and(|key| key.starts_with("senses/")) && worker["pid"].is_u64());
        (status["senses"] == json!([]) && !runs).then_some(())
    };
    workspace.until("the group's worker to stop", SOON, stopped);
    assert_eq!(workspace.status()["pid"], daemon);
}

#[test]
fn a_sense_is_triggered_by_hand() {
    let workspace = TestWorkspace::new(&format!("{SCRIPTED}senses:\n  inbox: {{}}\n"));
    workspace.start();
    let silent = workspace.ok(&["sense", "trigger", "inbox"]);
    assert_eq!((&silent["signal"], &silent["thread"]), (&json!(null), &json!(null)), "{silent}");
    workspace.write("inbox/a.txt", "one line\n");
    let seen = workspace.ok(&["sense", "trigger", "inbox"]);
    assert_eq!((&seen["signal"]["path"], &seen["signal"]["first_line"]), (&json!("inbox/a.txt"), &json!("one line")), "{seen}");
    let thread = workspace.ended(seen["thread"].as_str().expect("a thread"));
    assert_eq!((&thread["state"], &thread["origin"]["sense"]), (&json!("completed"), &json!("inbox")), "{thread:#}");
    assert_eq!(workspace.run(&["sense", "trigger", "outbox", "--json"]).exits(5).error()["kind"], "not_found");
}

#[test]
fn what_is_not_there_is_5_and_what_does_not_run_is_3() {
    let workspace = TestWorkspace::new(SCRIPTED);
    for args in [&["status"][..], &["thread", "list"], &["workflow", "trigger", "explain-load", "--prompt", "x"], &["logs"]] {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let error = workspace.run(&args).exits(3).error();
        assert_eq!((&error["kind"], &error["help"]), (&json!("not_running"), &json!("start it: nerve start")), "{args:?}");
    }
    workspace.run(&["stop"]).exits(0);
    let elsewhere = workspace.run_in(workspace.temp(), &["status", "--json"], &[]).exits(5).error();
    assert!(elsewhere["message"].as_str().is_some_and(|message| message.contains("nerve.yaml")), "{elsewhere}");

    workspace.start();
    let error = workspace.run(&["workflow", "trigger", "explain-lode", "--prompt", "x", "--json"]).exits(5).error();
    assert!(error["message"].as_str().is_some_and(|message| message.contains("explain-lode")), "{error}");
    assert!(error["help"].as_str().is_some_and(|help| help.contains("explain-load")), "{error}");
    for id in ["th_", "th_zzzz", "x", "th_00000000000000000000000000"] {
        assert_eq!(workspace.run(&["thread", "show", id, "--json"]).exits(5).error()["kind"], "not_found", "{id}");
    }
    workspace.run(&["workflow", "trigger"]).exits(2);
    assert_eq!(workspace.ok(&["thread", "list"])["items"], json!([]));
}

#[test]
fn anchor_b12_a_second_start_is_fine_and_a_second_init_is_not() {
    let workspace = TestWorkspace::new(SCRIPTED);
    let daemon = workspace.start();
    let again = workspace.ok(&["start"]);
    assert_eq!((&again["started"], &again["pid"]), (&json!(false), &json!(daemon)), "{again}");
    assert!(again["since"].is_string(), "{again}");
    assert!(workspace.run(&["start"]).exits(0).stdout.contains("since"));
    let root = workspace.root().display().to_string();
    let before = fs::read_to_string(workspace.root().join("nerve.yaml")).expect("nerve.yaml");
    let error = workspace.run(&["init", &root, "--no-git", "--json"]).exits(7).error();
    assert_eq!(error["kind"], "conflict", "{error}");
    assert_eq!(fs::read_to_string(workspace.root().join("nerve.yaml")).expect("nerve.yaml"), before);
}

#[test]
fn anchor_b12_many_starts_at_once_make_one_daemon() {
    let workspace = TestWorkspace::new(SCRIPTED);
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..6).map(|_| scope.spawn(|| workspace.run(&["start", "--json"]))).collect();
        starts.into_iter().map(|start| start.join().expect("it ends")).collect()
    });
    let documents: Vec<Value> = outputs.into_iter().map(|output| output.exits(0).json()).collect();
    let daemon = workspace.is_running(&documents[0]);
    for document in &documents {
        assert_eq!(document["pid"], daemon, "{documents:#?}");
    }
    assert_eq!(documents.iter().filter(|document| document["started"] == true).count(), 1, "{documents:#?}");
}

#[test]
fn a_start_right_after_a_kill_works_at_once() {
    let workspace = TestWorkspace::new(SCRIPTED);
    for _ in 0..25 {
        let daemon = workspace.start();
        // Nobody waits for the end of what was killed.
        processes::signal(daemon, Signal::SIGKILL);
    }
    workspace.start();
    workspace.status();
}

#[test]
fn start_lets_go_of_its_callers_pipe() {
    let workspace = TestWorkspace::new(SCRIPTED);
    let own = workspace.command(&[]);
    let mut piped = Command::new("sh");
    piped.arg("-c").arg(format!("{} start --json 2>&1 | cat", env!("CARGO_BIN_EXE_nerve"))).current_dir(workspace.root()).env_clear();
    piped.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    // It would never end if the daemon held the pipe.
    let output = finish(piped, &["start | cat"]).exits(0);
    workspace.is_running(&output.json());
    workspace.status();
}

#[test]
fn edited_sources_need_a_build_and_a_running_daemon_says_that_it_is_stale() {
    let workspace = TestWorkspace::new(SCRIPTED);
    workspace.start();
    assert_eq!(workspace.status()["stale"], false);
    let file = workspace.root().join("src/lib.rs");
    let source = fs::read_to_string(&file).expect("a file");
    fs::write(&file, format!("{source}\n// edited\n")).expect("a file");
    assert_eq!(workspace.status()["stale"], true);
    let id = workspace.trigger("it still serves");
    assert_eq!(workspace.ended(&id)["state"], "completed");
    workspace.stop();
    let error = workspace.run(&["start", "--json"]).exits(6).error();
    assert_eq!((&error["kind"], &error["help"]), (&json!("config"), &json!("nerve build")), "{error}");
    fs::write(&file, source).expect("a file");
    workspace.start();
}

#[test]
fn the_same_key_is_the_same_thread() {
    let workspace = TestWorkspace::new(SCRIPTED);
    workspace.start();
    let trigger = |prompt| id_of(&workspace.ok(&["workflow", "trigger", "explain-load", "--prompt", prompt, "--key", "monday"]));
    let first = trigger("one");
    assert_eq!(trigger("two"), first);
    workspace.ended(&first);
    workspace.kill_daemon();
    workspace.start();
    assert_eq!(trigger("three"), first);
    assert_eq!(workspace.show(&first)["prompt"], "one");
    assert_eq!(workspace.ok(&["thread", "list"])["total"], 1);

    let ids: Vec<String> = std::thread::scope(|scope| {
        let trigger = || id_of(&workspace.ok(&["workflow", "trigger", "explain-load", "--prompt", "x", "--key", "tuesday"]));
        let triggers: Vec<_> = (0..8).map(|_| scope.spawn(trigger)).collect();
        triggers.into_iter().map(|trigger| trigger.join().expect("an id")).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0] && *id != first), "{ids:?}");
}

#[test]
fn a_wait_ends_with_the_code_of_what_it_waited_for() {
    let workspace = TestWorkspace::new(SCRIPTED);
    workspace.start();
    let wait = |more: &[&str]| {
        let args: Vec<&str> =
            ["workflow", "trigger", "explain-load", "--prompt", "x", "--wait", "--json"].iter().chain(more).copied().collect();
        workspace.run(&args)
    };
    let completed = wait(&[]).exits(0).json();
    assert_eq!((&completed["state"], &completed["exit_code"]), (&json!("completed"), &json!(0)), "{completed}");
    let rounds = wait(&["--max-rounds", "1"]).exits(1).json();
    assert_eq!((&rounds["state"], &rounds["exit_code"]), (&json!("failed"), &json!(2)), "{rounds}");
    workspace.write("replies.yaml", "analyst:\n  - { error: the model is away }\n");
    let failed = wait(&[]).exits(1).json();
    assert_eq!((&failed["state"], &failed["exit_code"]), (&json!("failed"), &json!(1)), "{failed}");
    assert!(workspace.show(&id_of(&failed))["reason"].as_str().is_some_and(|reason| reason.contains("the model is away")));

    workspace.reconfigure(&slow("60s"));
    let late = wait(&["--timeout", "300ms"]).exits(8).json();
    assert_eq!((&late["state"], &late["exit_code"]), (&json!("started"), &json!(null)), "{late}");
    assert_eq!(workspace.show(&id_of(&late))["state"], "started", "it goes on");
}

#[test]
fn a_wait_outlives_the_daemon() {
    let workspace = TestWorkspace::new(&slow("1s"));
    workspace.start();
    let output = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| workspace.run(&["workflow", "trigger", "explain-load", "--prompt", "x", "--wait", "--json"]));
        workspace.until("the call", SOON, || (!workspace.calls().is_empty()).then_some(()));
        workspace.kill_daemon();
        workspace.start();
        waiting.join().expect("it ends")
    });
    assert_eq!(output.exits(0).json()["state"], "completed");
}

#[test]
fn c50_a_stop_lets_the_running_step_finish_and_the_thread_goes_on_at_the_next_start() {
    let workspace = TestWorkspace::new(&slow("700ms"));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    workspace.stop();
    workspace.start();
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["steps"][0]["attempt"]), (&json!("completed"), &json!(1)), "{thread:#}");
    assert_eq!(workspace.calls_of(&id, "analyst"), 1, "its answer was waited for, so nothing is called again");
}

#[test]
fn a_hurried_stop_leaves_the_step_to_the_next_start() {
    let workspace = TestWorkspace::new(&slow("60s"));
    workspace.start();
    let id = workspace.trigger("load");
    workspace.called(&id, "analyst");
    let begun = std::time::Instant::now();
    workspace.run(&["stop", "--now"]).exits(0);
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    workspace.configure(SCRIPTED);
    workspace.start();
    let thread = workspace.ended(&id);
    assert_eq!((&thread["state"], &thread["steps"][0]["attempt"]), (&json!("completed"), &json!(2)), "{thread:#}");
}

#[test]
fn a_data_folder_that_cannot_be_written_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = TestWorkspace::new(SCRIPTED);
    let data = workspace.root().join(".nerve");
    fs::create_dir_all(&data).expect("a folder");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o555)).expect("permissions");
    if fs::write(data.join("probe"), "").is_ok() {
        // Whoever may do anything cannot be kept out.
        fs::remove_file(data.join("probe")).expect("the probe");
    } else {
        let error = workspace.run(&["start", "--json"]).exits(1).error();
        assert!(error.to_string().contains(".nerve"), "{error}");
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("permissions");
}
