//! A long queue through everything that may happen to it.
#![allow(clippy::print_stderr, reason = "a test tells what it saw")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use support::invariants::{Promised, Seen};
use support::journal::ENDS;
use support::{TestWorkspace, id_of, processes};

const THREADS: usize = 1000;
/// Who trigger them, at the same time.
const CALLERS: usize = 4;
const AT_ONCE: usize = 8;
/// The longest that any part may take, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(120);

fn config(delay: &str, max_queue: u32) -> String {
    format!(
        "adapters:
  analyst: {{ kind: scripted, replies: replies.yaml, calls: calls.jsonl, delay: {delay} }}
  fixer: {{ kind: scripted, replies: replies.yaml, calls: calls.jsonl }}
workflows:
  explain-load: {{ concurrency: {AT_ONCE}, max_queue: {max_queue} }}
"
    )
}

/// How many have ended, when that can be told.
fn ended(workspace: &TestWorkspace) -> Option<usize> {
    let (active, queued) = workspace.load()?;
    Some(THREADS - usize::try_from(active + queued).ok()?)
}

/// Has a thread accepted; gives its key and its id.
fn accept(workspace: &TestWorkspace, n: usize) -> (String, String) {
    let key = format!("key-{n}");
    let accepted = workspace.post("workflows/explain-load/trigger", &json!({ "prompt": key, "key": key }), || {});
    (key, id_of(&accepted))
}

/// Waits until so many have ended.
#[track_caller]
fn progress(workspace: &TestWorkspace, to: usize) {
    workspace.until(&format!("the end of {to} threads"), LIMIT, || (ended(workspace)? >= to).then_some(()));
}

#[test]
fn a_thousand_threads_start_in_the_order_of_their_acceptance_and_all_complete_whatever_dies_meanwhile() {
    let workspace = TestWorkspace::new(&config("10m", 2000));
    workspace.start();
    let begun = Instant::now();
    let mut promised = Promised::default();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                scope.spawn({
                    let workspace = &workspace;
                    move || (caller..THREADS).step_by(CALLERS).map(|n| accept(workspace, n)).collect::<Vec<_>>()
                })
            })
            .collect();
        for (key, id) in callers.into_iter().flat_map(|caller| caller.join().expect("ids")) {
            promised.keys.entry(key).or_default().insert(id);
        }
    });
    assert_eq!((workspace.load(), ended(&workspace)), (Some((8, 992)), Some(0)));
    let accepted = begun.elapsed();

    // The first eight lose their calls with the daemon, and nothing else.
    workspace.kill_daemon();
    workspace.configure(&config("0ms", 2000));
    let begun = Instant::now();
    workspace.start();
    for part in [100, 250, 400] {
        progress(&workspace, part);
        processes::signal(workspace.workflow_worker(), Signal::SIGKILL);
    }
    progress(&workspace, 550);
    workspace.reconfigure(&config("0ms", 2001));
    progress(&workspace, 650);
    workspace.stop();
    let stopped_with = workspace.start();
    progress(&workspace, 800);
    workspace.kill_daemon();
    assert_ne!(workspace.start(), stopped_with);
    progress(&workspace, THREADS);
    let ran = begun.elapsed();

    let journal = workspace.journal();
    let crashes = journal.iter().filter(|entry| entry.kind == "worker_exit" && entry.payload["expected"] == "false").count();
    let (mut order, mut active, mut most) = (Vec::new(), BTreeSet::new(), 0);
    let mut accepted_in = Vec::new();
    let mut ends = BTreeMap::new();
    for entry in &journal {
        let Some(id) = entry.about.clone().filter(|about| about.starts_with("th_")) else { continue };
        match entry.kind.as_str() {
            "accepted" => accepted_in.push(id),
            "started" => {
                active.insert(id.clone());
                order.push(id);
                most = most.max(active.len());
            }
            kind if ENDS.contains(&kind) => {
                active.remove(&id);
                *ends.entry(kind.to_owned()).or_insert(0) += 1;
            }
            _ => {}
        }
    }
    workspace.stop();
    eprintln!(
        "{THREADS} threads: accepted in {accepted:?}, run in {ran:?}, {crashes} worker crashes, at most {most} at once, ends {ends:?}"
    );
    let out_of_order = order.iter().zip(&accepted_in).position(|(started, accepted)| started != accepted);
    assert_eq!((order.len(), out_of_order), (THREADS, None), "the order of starts is not that of acceptance");
    assert_eq!(ends, BTreeMap::from([("completed".to_owned(), THREADS)]));
    assert!(most <= AT_ONCE, "{most} ran at once");
    assert!(crashes >= 3, "only {crashes} crashes");
    Seen::of(&workspace).hold(&promised, true);
}
