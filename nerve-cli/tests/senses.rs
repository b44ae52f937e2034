//! Senses: what they have seen is seen once, whatever happens in between, and what they signal wakes who waits for it.

mod support;

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use nerve_core::ThreadId;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::model::{Answer, Model};
use support::{SOON, TestWorkspace, processes};

const WORKFLOWS: &str = "adapters:
  analyst: { kind: scripted, replies: replies.yaml, calls: calls.jsonl }
  fixer: { kind: scripted, replies: replies.yaml, calls: calls.jsonl }
workflows:
  explain-load: { concurrency: 2 }
";

/// The workspace with these senses.
fn with(senses: &str) -> String {
    format!("{WORKFLOWS}senses:\n{senses}")
}

const OFTEN: &str = "  inbox: { interval: 50ms }\n";

fn sense(workspace: &TestWorkspace, name: &str) -> Option<Value> {
    let status = workspace.status();
    status["senses"].as_array()?.iter().find(|sense| sense["name"] == name).cloned()
}

/// When the sense ticked last.
fn last_tick(workspace: &TestWorkspace, name: &str) -> Option<jiff::Timestamp> {
    sense(workspace, name)?["last_tick"].as_str()?.parse().ok()
}

/// Waits for a tick that is later than this one.
#[track_caller]
fn ticked_after(workspace: &TestWorkspace, name: &str, before: Option<jiff::Timestamp>) {
    workspace.until(&format!("a tick of {name}"), SOON, || last_tick(workspace, name).filter(|at| Some(*at) > before));
}

/// The files for which threads were started, in order.
fn started(workspace: &TestWorkspace) -> Vec<String> {
    let mut threads = workspace.ok(&["thread", "list", "--all"])["items"].as_array().expect("items").clone();
    threads.sort_by_key(|thread| thread["seq"].as_u64());
    threads.iter().map(|thread| thread["origin"]["signal"]["path"].as_str().expect("a path").to_owned()).collect()
}

/// Waits until the file has a thread; gives all that were started.
#[track_caller]
fn started_by(workspace: &TestWorkspace, file: &str) -> Vec<String> {
    workspace.until(&format!("the thread of {file}"), SOON, || Some(started(workspace)).filter(|all| all.iter().any(|path| path == file)))
}

/// Drops one more file and waits for its thread: whatever the sense had still to see before, it has seen then.
#[track_caller]
fn only_started(workspace: &TestWorkspace, expected: &[&str]) {
    workspace.write("inbox/zz-last.txt", "the last one");
    let mut all = started_by(workspace, "inbox/zz-last.txt");
    assert_eq!(all.pop().as_deref(), Some("inbox/zz-last.txt"), "{all:?}");
    assert_eq!(all, expected);
}

/// The worker of this group of senses.
#[track_caller]
fn group(workspace: &TestWorkspace, name: &str) -> u32 {
    workspace.until(&format!("the worker of {name}"), SOON, || {
        let status = workspace.status();
        let key = format!("senses/{name}@");
        let worker = status["workers"].as_array()?.iter().find(|worker| worker["key"].as_str().is_some_and(|it| it.starts_with(&key)))?;
        u32::try_from(worker["pid"].as_u64()?).ok()
    })
}

/// Runs a command that is not waited for.
#[track_caller]
fn spawn(workspace: &TestWorkspace, args: &[&str]) -> Child {
    let mut command = workspace.command(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nerve starts")
}

#[test]
fn a_sense_that_is_taken_out_and_put_back_still_knows_what_it_saw() {
    let workspace = TestWorkspace::new(&with(OFTEN));
    workspace.start();
    workspace.write("inbox/a.txt", "hello");
    started_by(&workspace, "inbox/a.txt");
    for _ in 0..3 {
        let before = last_tick(&workspace, "inbox");
        workspace.reconfigure(WORKFLOWS);
        workspace.until("the sense to be gone", SOON, || sense(&workspace, "inbox").is_none().then_some(()));
        workspace.reconfigure(&with(OFTEN));
        ticked_after(&workspace, "inbox", before);
    }
    only_started(&workspace, &["inbox/a.txt"]);
}

#[test]
fn a_sense_that_is_put_back_in_another_life_still_knows_what_it_saw() {
    let workspace = TestWorkspace::new(&with(OFTEN));
    workspace.start();
    workspace.write("inbox/a.txt", "hello");
    started_by(&workspace, "inbox/a.txt");
    workspace.stop();
    workspace.configure(WORKFLOWS);
    workspace.start();
    workspace.reconfigure(&with(OFTEN));
    only_started(&workspace, &["inbox/a.txt"]);
}

#[test]
fn a_dry_run_asks_no_model() {
    let model = Model::serve(|_| Answer::error(500, "a dry run has asked", "asked"));
    let providers = format!("providers:\n  local: {{ base_url: {}, model: m }}\nextract: {{ provider: local }}\n", model.url());
    let adapter = "{ kind: scripted, replies: replies.yaml, calls: calls.jsonl }";
    let workspace = TestWorkspace::new(&(providers + &WORKFLOWS.replace(adapter, "{ kind: llm, provider: local }")));
    workspace.start();
    let args = ["workflow", "trigger", "explain-load", "--prompt", "load", "--dry-run", "--wait", "--json"];
    let ended = workspace.run(&args).exits(0).json();
    let thread = workspace.show(&support::id_of(&ended));
    assert_eq!((&thread["state"], thread["steps"].as_array().map(Vec::len)), (&json!("completed"), Some(2)), "{thread:#}");
    assert_eq!(thread["steps"][0]["meta"]["culprit"], "an example process", "{thread:#}");
    assert_eq!(model.asked().len(), 0, "{:#?}", model.asked());
    let limits = workspace.status()["limits"].clone();
    assert_eq!((&limits["calls_last_hour"], &limits["failures_in_a_row"]), (&json!(0), &json!(0)), "{limits}");
}

#[test]
fn a_signal_wakes_the_senses_that_wait_for_it() {
    let workspace = TestWorkspace::new(&with(&format!("{OFTEN}  cpu-usage: {{ on: [inbox] }}\n")));
    workspace.start();
    ticked_after(&workspace, "inbox", None);
    assert_eq!(last_tick(&workspace, "cpu-usage"), None, "nothing has been signalled yet");
    for file in ["inbox/a.txt", "inbox/b.txt"] {
        let before = last_tick(&workspace, "cpu-usage");
        workspace.write(file, "hello");
        ticked_after(&workspace, "cpu-usage", before);
        assert_eq!(started(&workspace).last().map(String::as_str), Some(file));
    }
    if cfg!(target_os = "linux") {
        workspace.until("its signal", SOON, || sense(&workspace, "cpu-usage")?["last_signal"].as_str().map(|_| ()));
    }
}

#[test]
fn a_signal_that_the_daemons_end_kept_from_waking_a_sense_wakes_it_in_the_next_life() {
    let workspace = TestWorkspace::new(&with(&format!("{OFTEN}  cpu-usage: {{ on: [inbox], group: system }}\n")));
    workspace.start();
    workspace.ok(&["sense", "trigger", "cpu-usage"]);
    // A stopped worker cannot answer, so its tick is not in the journal when the daemon dies.
    processes::signal(group(&workspace, "system"), Signal::SIGSTOP);
    let before = last_tick(&workspace, "cpu-usage");
    assert!(before.is_some());
    workspace.write("inbox/a.txt", "hello");
    let signalled = || workspace.journal().iter().any(|entry| entry.kind == "signal" && entry.about.as_deref() == Some("inbox"));
    workspace.until("the signal in the journal", SOON, || signalled().then_some(()));
    workspace.kill_daemon();
    workspace.start();
    ticked_after(&workspace, "cpu-usage", before);
    // Its tick answered the signal: another life has nothing to make up for.
    let woken = last_tick(&workspace, "cpu-usage");
    workspace.until("the tick in the journal", SOON, || (sense(&workspace, "cpu-usage")?["state"] == "ok").then_some(()));
    workspace.kill_daemon();
    workspace.start();
    let since = last_tick(&workspace, "inbox");
    ticked_after(&workspace, "inbox", since);
    assert_eq!(last_tick(&workspace, "cpu-usage"), woken);
    only_started(&workspace, &["inbox/a.txt"]);
}

/// The inbox began to look before the other sense did, and signalled after that.
#[test]
fn a_signal_of_a_long_tick_wakes_a_sense_in_the_next_life_that_ticked_meanwhile() {
    let workspace = TestWorkspace::new(&with("  inbox: {}\n  cpu-usage: { on: [inbox], group: system }\n"));
    workspace.start();
    workspace.ok(&["sense", "trigger", "inbox"]);
    let inbox = group(&workspace, "default");
    processes::signal(inbox, Signal::SIGSTOP);
    let mut asking = spawn(&workspace, &["sense", "trigger", "inbox"]);
    workspace.until("the tick to begin", SOON, || sense(&workspace, "inbox").filter(|sense| sense["state"] == "ticking"));
    workspace.ok(&["sense", "trigger", "cpu-usage"]);
    let before = last_tick(&workspace, "cpu-usage");
    processes::signal(group(&workspace, "system"), Signal::SIGSTOP);
    workspace.write("inbox/a.txt", "hello");
    processes::signal(inbox, Signal::SIGCONT);
    assert!(asking.wait().expect("it ends").success());
    assert_eq!(started(&workspace), ["inbox/a.txt"]);
    workspace.kill_daemon();
    workspace.start();
    ticked_after(&workspace, "cpu-usage", before);
}

#[test]
fn a_signal_that_woke_a_sense_with_nothing_to_say_wakes_it_in_no_later_life() {
    let workspace = TestWorkspace::new(&with("  inbox: { on: [cpu-usage] }\n  cpu-usage: {}\n"));
    workspace.start();
    workspace.ok(&["sense", "trigger", "inbox"]);
    let before = last_tick(&workspace, "inbox");
    // Without a signal there is nothing to wake for: no time has passed, or the system has no counters.
    workspace.until("a signal", SOON, || {
        let seen = workspace.ok(&["sense", "trigger", "cpu-usage"]);
        (!seen["signal"].is_null() || !cfg!(target_os = "linux")).then_some(())
    });
    if cfg!(target_os = "linux") {
        ticked_after(&workspace, "inbox", before);
    }
    workspace.stop();
    workspace.write("inbox/a.txt", "hello");
    workspace.start();
    // What a start makes up for comes before what is asked for after it.
    let seen = workspace.ok(&["sense", "trigger", "inbox"]);
    assert_eq!(seen["signal"]["path"], "inbox/a.txt", "the inbox was woken again by a signal that it had answered: {seen}");
}

#[test]
fn a_file_that_came_while_no_daemon_ran_starts_one_thread_at_the_next_start() {
    let workspace = TestWorkspace::new(&with(OFTEN));
    workspace.start();
    ticked_after(&workspace, "inbox", None);
    workspace.stop();
    workspace.write("inbox/a.txt", "hello");
    workspace.start();
    started_by(&workspace, "inbox/a.txt");
    workspace.stop();
    workspace.start();
    only_started(&workspace, &["inbox/a.txt"]);
}

#[test]
fn a_file_that_is_seen_while_the_daemon_stops_starts_its_thread_in_the_next_life() {
    let workspace = TestWorkspace::new(&with("  inbox: {}\n"));
    workspace.start();
    workspace.ok(&["sense", "trigger", "inbox"]);
    let worker = group(&workspace, "default");
    processes::signal(worker, Signal::SIGSTOP);
    workspace.write("inbox/a.txt", "hello");
    let mut asking = spawn(&workspace, &["sense", "trigger", "inbox"]);
    workspace.until("the tick to begin", SOON, || sense(&workspace, "inbox").filter(|sense| sense["state"] == "ticking"));
    let mut stopping = spawn(&workspace, &["stop"]);
    workspace.until("the stop to begin", SOON, || workspace.log().contains("stopping").then_some(()));
    processes::signal(worker, Signal::SIGCONT);
    assert!(stopping.wait().expect("it ends").success());
    assert!(!asking.wait().expect("it ends").success(), "nothing was started for who asked");
    workspace.configure(&with(OFTEN));
    workspace.start();
    started_by(&workspace, "inbox/a.txt");
    only_started(&workspace, &["inbox/a.txt"]);
}

#[test]
fn a_tick_that_is_asked_for_tells_its_id_its_signal_and_its_thread() {
    let workspace = TestWorkspace::new(&with("  inbox: {}\n"));
    workspace.start();
    let silent = workspace.ok(&["sense", "trigger", "inbox"]);
    let tick = |document: &Value| document["tick"].as_str().filter(|id| id.starts_with("tick_")).expect("a tick").to_owned();
    assert_eq!((&silent["signal"], &silent["thread"]), (&Value::Null, &Value::Null), "{silent}");
    workspace.write("inbox/a.txt", "one line\nand another\n");
    let seen = workspace.ok(&["sense", "trigger", "inbox"]);
    assert_ne!(tick(&seen), tick(&silent));
    assert_eq!(seen["signal"], json!({ "path": "inbox/a.txt", "bytes": 21, "first_line": "one line" }), "{seen}");
    let thread = workspace.ended(seen["thread"].as_str().expect("a thread"));
    let origin = &thread["origin"];
    assert_eq!((&thread["state"], &origin["tick"], &origin["signal"]), (&json!("completed"), &seen["tick"], &seen["signal"]), "{thread:#}");
}

#[test]
fn threads_of_triggers_and_of_signals_are_numbered_in_the_order_of_their_acceptance() {
    const FILES: usize = 150;
    let config = with("  inbox: {}\n").replace("concurrency: 2", "concurrency: 8, max_queue: 5000");
    let workspace = TestWorkspace::new(&config);
    for n in 0..FILES {
        workspace.write(&format!("inbox/{n:03}.txt"), "hello");
    }
    workspace.start();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    workspace.post("workflows/explain-load/trigger", &json!({ "prompt": "load" }), || {});
                }
            });
        }
        for _ in 0..FILES {
            workspace.post("senses/inbox/trigger", &json!({}), || {});
        }
        done.store(true, Ordering::Relaxed);
    });
    let mut threads = workspace.ok(&["thread", "list", "--all"])["items"].as_array().expect("items").clone();
    threads.sort_by_key(|thread| thread["seq"].as_u64());
    // An id's text ends with its time; what is parsed sorts by it.
    let ids: Vec<ThreadId> = threads.iter().map(|thread| support::id_of(thread).parse().expect("an id")).collect();
    let swapped: Vec<_> = ids.windows(2).filter(|pair| pair[0] > pair[1]).collect();
    assert!(swapped.is_empty(), "of {} threads these were numbered against their order: {swapped:?}", ids.len());
}
