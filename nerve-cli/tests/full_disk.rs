//! A store that cannot grow: what was accepted is kept, nothing new is accepted, and all goes on when there is room again.

mod support;

use std::process::{Command, Stdio};

use nerve_store::MAX_PAGES;
use support::invariants::{Promised, Seen};
use support::{TestWorkspace, id_of, processes};

/// More triggers than have room anywhere.
const MANY: u32 = 500;

fn workspace() -> TestWorkspace {
    let workspace = TestWorkspace::new(
        "adapters:
  analyst: { kind: scripted, replies: replies.yaml, calls: calls.jsonl }
  fixer: { kind: scripted, replies: replies.yaml, calls: calls.jsonl }
workflows:
  explain-load: { concurrency: 2, max_queue: 100000 }
",
    );
    // The store is there, so that the next start needs little room.
    workspace.start();
    workspace.stop();
    workspace
}

/// Triggers until nothing more is accepted, and says how that is refused.
fn fill(workspace: &TestWorkspace, promised: &mut Promised) -> String {
    let prompt = "load ".repeat(3000);
    for n in 0..MANY {
        let key = format!("key-{n}");
        let output = workspace.run(&["workflow", "trigger", "explain-load", "--prompt", &prompt, "--key", &key, "--json"]);
        if output.code != Some(0) {
            return output.error()["code"].as_str().expect("a code").to_owned();
        }
        promised.keys.entry(key).or_default().insert(id_of(&output.json()));
    }
    panic!("{MANY} threads were accepted");
}

/// With room again every thread that was accepted ends, and every call that was made is accounted for.
fn all_goes_on(workspace: &TestWorkspace, promised: &Promised) {
    assert!(!promised.keys.is_empty(), "nothing was accepted at all");
    workspace.kill_daemon();
    workspace.start();
    for id in promised.keys.values().flatten() {
        assert_eq!(workspace.ended(id)["state"], "completed", "{id}");
    }
    workspace.stop();
    Seen::of(workspace).hold(promised, false);
}

#[test]
fn a_full_store_accepts_nothing_new_and_loses_nothing() {
    let workspace = workspace();
    let mut promised = Promised::default();
    let daemon = workspace.start_with(&[(MAX_PAGES, "40")]);
    assert_eq!(fill(&workspace, &mut promised), "NV0401");
    assert!(processes::lives(daemon), "the daemon ended\n{}", workspace.log());
    all_goes_on(&workspace, &promised);
}

/// A write past that limit kills by default.
#[test]
fn a_file_size_limit_ends_no_daemon() {
    let workspace = workspace();
    let mut promised = Promised::default();
    let plain = workspace.command(&[]);
    let mut command = Command::new("sh");
    // 300 KiB, in blocks of 512 bytes.
    command.args(["-c", "ulimit -f 600 && exec \"$0\" start --json", env!("CARGO_BIN_EXE_nerve")]);
    command.current_dir(workspace.root()).env_clear().stdin(Stdio::null());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let daemon = workspace.is_running(&support::finish(command, &["start"]).exits(0).json());
    assert_eq!(fill(&workspace, &mut promised), "NV0401");
    assert!(processes::lives(daemon), "the daemon ended\n{}", workspace.log());
    all_goes_on(&workspace, &promised);
}
