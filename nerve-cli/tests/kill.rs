//! `kill -9` of the daemon at random moments, while twenty threads are under way: what was acknowledged is kept, and no answer is paid twice.
//!
//! `NERVE_KILLS` sets the number of kills (12 without it, 50 in a release build), `NERVE_SEED` repeats the moments of an earlier run.
#![allow(clippy::print_stderr, reason = "a test tells what it saw")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nerve_store::{SqliteStore, Store};
use nix::sys::signal::Signal;
use serde_json::Value;
use support::journal::{Call, Entry, allowed_calls, by_thread};
use support::random::Random;
use support::{TestWorkspace, processes};

/// Threads that are kept under way.
const IN_FLIGHT: u64 = 20;

const CONFIG: &str = "adapters:
  analyst: { kind: scripted, replies: replies.yaml, delay: 50ms-500ms, calls: calls.jsonl }
  fixer: { kind: scripted, replies: replies.yaml, delay: 50ms-500ms, calls: calls.jsonl }
senses:
  inbox: { interval: 200ms }
workflows:
  explain-load: { concurrency: 20, overflow: queue, max_queue: 100000 }
";

/// The fixer needs two tries, so a thread has three steps.
const REPLIES: &str = "analyst:
  - { text: A job is busy., meta: { actionable: true, culprit: job } }
fixer:
  - { text: Not yet., meta: { done: false } }
  - { text: It is done., meta: { done: true } }
";

/// The ids that were printed for each key, in the order in which they were.
type Printed = BTreeMap<String, Vec<String>>;

fn kills() -> usize {
    let usual = if cfg!(debug_assertions) { 12 } else { 50 };
    std::env::var("NERVE_KILLS").map_or(usual, |kills| kills.parse().unwrap_or(50))
}

#[test]
fn what_was_acknowledged_ends_once_and_no_answer_is_paid_twice_whenever_the_daemon_is_killed() {
    let (mut random, seed) = Random::seeded();
    let kills = kills();
    eprintln!("{kills} kills, seed {seed} (NERVE_SEED={seed} repeats the moments)");
    let workspace = TestWorkspace::new(CONFIG);
    workspace.write("replies.yaml", REPLIES);
    workspace.start();
    let (printed, over) = (Mutex::new(Printed::new()), AtomicBool::new(false));
    let mut starts = Vec::new();
    let mut files = 0;
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        let feeder = scope.spawn(|| feed(&workspace, &printed, &over));
        // The feeder must end when this thread fails, or the scope would wait for it for ever.
        let _end = OnDrop(&over);
        let many = || (printed.lock().expect("nobody failed while holding it").len() as u64 >= IN_FLIGHT).then_some(());
        workspace.until("twenty threads", support::SOON, many);
        for _ in 0..kills {
            files += 1;
            workspace.write(&format!("inbox/{files}.txt"), "a file");
            let moment = if random.below(5) == 0 { random.millis(0, 60) } else { random.millis(60, 2200) };
            std::thread::sleep(moment);
            workspace.kill_daemon();
            if random.below(6) == 0 {
                killed_while_it_starts(&workspace, random.millis(0, 40));
            }
            let begun = Instant::now();
            starts.push(since(&workspace));
            slowest = slowest.max(begun.elapsed());
        }
        over.store(true, Ordering::SeqCst);
        feeder.join().expect("the feeder ends well");
    });
    let printed = printed.into_inner().expect("nobody else holds it");
    workspace.until("all files to be seen", Duration::from_secs(30), || (started_by_files(&workspace).len() >= files).then_some(()));
    workspace.until("the end of all threads", Duration::from_secs(60), || (workspace.load()? == (0, 0)).then_some(()));
    let journal = by_thread(workspace.journal());
    let calls = workspace.calls();

    every_key_is_one_thread(&workspace, &printed, &journal, files);
    let ends = every_thread_has_its_end(&journal);
    no_answer_is_paid_twice(&journal, &calls);
    let inside = kills_inside_calls(&journal, &calls, &starts);
    inspect_says_the_same(&workspace, &journal);
    workspace.stop();
    intact(&workspace);
    let lost = journal.values().flatten().filter(|entry| entry.kind == "attempt_lost").count();
    eprintln!(
        "{kills} kills, {inside} of them inside calls: {} threads ({ends:?}), {} calls, {lost} attempts lost, slowest start {slowest:?}",
        journal.len(),
        calls.len()
    );
    let least = kills * 2 / 5;
    assert!(inside >= least, "only {inside} of {kills} kills hit a call; this run says little");
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Keeps threads coming, each with a key of its own, until it is over. A trigger that was not acknowledged is repeated with its key.
fn feed(workspace: &TestWorkspace, printed: &Mutex<Printed>, over: &AtomicBool) {
    let mut n = 0;
    while !over.load(Ordering::SeqCst) {
        let under_way = workspace.load().map_or(0, |(active, queued)| active + queued);
        if under_way >= IN_FLIGHT {
            std::thread::sleep(Duration::from_millis(20));
        }
        for _ in under_way..IN_FLIGHT {
            n += 1;
            let key = format!("key-{n}");
            // Some are triggered twice, as by a caller who never saw the first answer.
            for _ in 0..if n % 10 == 0 { 2 } else { 1 } {
                let id = acknowledged(workspace, &key);
                printed.lock().expect("nobody failed while holding it").entry(key.clone()).or_default().push(id);
            }
        }
    }
}

/// Triggers until an id is printed.
fn acknowledged(workspace: &TestWorkspace, key: &str) -> String {
    workspace.until(&format!("the acceptance of {key}"), Duration::from_secs(30), || {
        let output = workspace.run(&["workflow", "trigger", "explain-load", "--prompt", key, "--key", key, "--json"]);
        match output.code {
            Some(0) => Some(support::id_of(&output.json())),
            // No daemon, or one that was killed before it could answer.
            Some(1 | 3) => None,
            _ => panic!("an unexpected end of trigger: {output:?}"),
        }
    })
}

/// Kills the next daemon before it has said that it is ready.
fn killed_while_it_starts(workspace: &TestWorkspace, after: Duration) {
    let mut starting = workspace.command(&["start"]);
    let starting = starting.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut starting = starting.spawn().expect("nerve starts");
    let daemon = workspace.until("the next daemon", support::SOON, || processes::starting_daemon(workspace.root()));
    std::thread::sleep(after);
    processes::signal(daemon, Signal::SIGKILL);
    starting.wait().expect("start ends");
    workspace.until("the killed daemon to be gone", support::SOON, || (!processes::lives(daemon)).then_some(()));
}

/// Starts the daemon and gives since when it runs.
fn since(workspace: &TestWorkspace) -> jiff::Timestamp {
    let started = workspace.ok(&["start"]);
    workspace.is_running(&started);
    assert_eq!(started["started"], true, "another daemon ran: {started}");
    started["since"].as_str().and_then(|since| since.parse().ok()).expect("a time")
}

fn started_by_files(workspace: &TestWorkspace) -> Vec<Value> {
    let list = workspace.ok(&["thread", "list", "--all"]);
    let items = list["items"].as_array().expect("items").clone();
    items.into_iter().filter(|item| item["origin"]["kind"] == "sense").collect()
}

/// Whatever was printed for a key is one thread, each thread has its key or its file, and all are in the list.
fn every_key_is_one_thread(workspace: &TestWorkspace, printed: &Printed, journal: &BTreeMap<String, Vec<Entry>>, files: usize) {
    let mut by_key: BTreeMap<&str, &str> = BTreeMap::new();
    for (id, entries) in journal {
        if let Some(key) = entries[0].payload["accepted"]["key"].as_str() {
            let other = by_key.insert(key, id);
            assert_eq!(other, None, "{key} has two threads, one of them {id}");
        }
    }
    for (key, ids) in printed {
        for id in ids {
            assert_eq!(by_key.get(key.as_str()), Some(&id.as_str()), "{id} was printed for {key} and is not its thread");
        }
    }
    assert_eq!(by_key.len(), printed.len(), "a key has a thread and was never triggered");
    let mut signals: Vec<String> = started_by_files(workspace).iter().map(|item| item["origin"]["signal"].to_string()).collect();
    signals.sort();
    let distinct: BTreeSet<&String> = signals.iter().collect();
    assert_eq!((signals.len(), distinct.len()), (files, files), "each file starts one thread: {signals:#?}");
    assert_eq!(journal.len(), printed.len() + files, "a thread came from nowhere");
    let listed = workspace.ok(&["thread", "list", "--all"]);
    assert_eq!(listed["total"].as_u64(), Some(journal.len() as u64), "the list and the journal differ");
}

/// Each thread ended, well or because a step was lost three times, and the list says the same end; counts them.
fn every_thread_has_its_end(journal: &BTreeMap<String, Vec<Entry>>) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for (id, entries) in journal {
        // This checks that there is exactly one end, and that it is last.
        allowed_calls(id, entries);
        let end = entries.last().expect("an entry");
        if end.kind != "completed" {
            let lost = entries.iter().filter(|entry| ["attempt_lost", "decision_lost"].contains(&entry.kind.as_str())).count();
            assert!(end.kind == "crashed" && lost >= 3, "{id} is {} after {lost} losses: {}", end.kind, end.payload);
        }
        *ends.entry(end.kind.clone()).or_insert(0) += 1;
    }
    ends
}

/// Every call belongs to an attempt that began before its step had an answer, and to each attempt belongs one call at most.
fn no_answer_is_paid_twice(journal: &BTreeMap<String, Vec<Entry>>, calls: &[Call]) {
    for (id, entries) in journal {
        let mut free = allowed_calls(id, entries);
        for call in calls.iter().filter(|call| call.thread == *id) {
            let Some(place) = free.iter().position(|allowed| allowed == call) else {
                let lines: Vec<String> = entries.iter().map(|entry| format!("{} {}", entry.kind, entry.payload)).collect();
                panic!("{call:?} was made without need:\n{}", lines.join("\n"));
            };
            free.swap_remove(place);
        }
    }
    let strangers: Vec<&Call> = calls.iter().filter(|call| !journal.contains_key(&call.thread)).collect();
    assert!(strangers.is_empty(), "calls for threads that are not in the journal: {strangers:?}");
}

/// How many of the daemon's lives began with the loss of an attempt that was being answered.
fn kills_inside_calls(journal: &BTreeMap<String, Vec<Entry>>, calls: &[Call], starts: &[jiff::Timestamp]) -> usize {
    let called: BTreeSet<(&str, u64)> = calls.iter().map(|call| (call.thread.as_str(), call.attempt)).collect();
    let mut hit = BTreeSet::new();
    for (id, entries) in journal {
        for entry in entries.iter().filter(|entry| entry.kind == "attempt_lost") {
            let lost = &entry.payload["attempt_lost"];
            let attempt = lost["attempt"].as_u64().expect("an attempt");
            if lost["cause"] == "daemon" && called.contains(&(id.as_str(), attempt)) {
                hit.insert(starts.iter().filter(|since| **since <= entry.at).count());
            }
        }
    }
    hit.len()
}

/// `thread inspect` and `thread show` tell of a thread what the journal does.
fn inspect_says_the_same(workspace: &TestWorkspace, journal: &BTreeMap<String, Vec<Entry>>) {
    let most_troubled = journal.iter().max_by_key(|(_, entries)| entries.len());
    for (id, entries) in journal.iter().take(10).chain(most_troubled) {
        let inspected = workspace.entries(id);
        let seqs = |entries: &[Entry]| entries.iter().map(|entry| entry.seq).collect::<Vec<_>>();
        assert_eq!(seqs(&inspected), seqs(entries), "{id}");
        assert_eq!(workspace.show(id)["state"].as_str(), entries.last().map(|entry| entry.kind.as_str()), "{id}");
    }
}

fn intact(workspace: &TestWorkspace) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(&workspace.root().join(".nerve/nerve.db")).await.expect("the store opens");
        let problems = store.integrity_check().await.expect("a check");
        assert_eq!(problems, Vec::<String>::new());
        store.close().await;
    });
}
