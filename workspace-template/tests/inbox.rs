//! `inbox`, tick by tick, over a folder of the test's own.

use std::path::{Path, PathBuf};

use nerve_runtime::prelude::*;
use nerve_runtime::testkit;
use serde_json::{Value, json};
use workspace::workspace;

/// A workspace folder with an inbox, removed at the end.
struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("inbox")).expect("a folder for the test");
        Self(root)
    }

    fn drop_in(&self, name: &str, text: &str) {
        std::fs::write(self.0.join("inbox").join(name), text).expect("a file for the test");
    }

    /// Ticks with the state of the tick before; gives what it saw and the next state.
    fn tick(&self, state: Value) -> (Observation, Value) {
        let seen = testkit::tick(&workspace(), "inbox").root(&self.0).state(&state).run().expect("the tick succeeds");
        let next = seen.state.as_ref().map_or(state, |state| state.read().expect("the state is JSON"));
        (seen, next)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn prompt(seen: &Observation) -> &str {
    seen.start.as_ref().map_or("", |start| start.prompt.as_str())
}

#[test]
fn each_new_file_starts_one_thread() {
    let root = Root::new("each_new_file");
    root.drop_in("a.txt", "first line\nsecond line\n");
    root.drop_in("b.txt", "other");
    root.drop_in(".hidden", "no");

    let (seen, state) = root.tick(json!({ "files": [] }));
    let signal: Value = seen.signal.as_ref().expect("a signal").read().expect("it is JSON");
    assert_eq!(signal, json!({ "path": "inbox/a.txt", "bytes": 23, "first_line": "first line" }));
    assert!(prompt(&seen).contains("inbox/a.txt") && prompt(&seen).contains("second line"));

    let (seen, state) = root.tick(state);
    assert!(prompt(&seen).contains("inbox/b.txt"));
    let (seen, _) = root.tick(state);
    assert_eq!((seen.signal, seen.note.as_deref()), (None, Some("no new file")));
}

#[test]
fn a_file_that_comes_back_is_new() {
    let root = Root::new("comes_back");
    let (_, state) = root.tick(json!({ "files": ["a.txt"] }));
    root.drop_in("a.txt", "again");
    assert!(root.tick(state).0.start.is_some());
}

#[test]
fn a_long_file_is_cut_between_characters() {
    let root = Root::new("long_file");
    root.drop_in("long.txt", &"ä".repeat(3000).replacen('ä', "x", 1));
    let (seen, _) = root.tick(json!({ "files": [] }));
    assert!(prompt(&seen).ends_with('ä'));
    assert!(prompt(&seen).len() < 2500);
}
