//! Two daemons on one workspace, which only a deleted lock makes possible: the older one gives way.

mod support;

use support::{SOON, TestWorkspace, processes};

#[test]
fn anchor_b12_a_daemon_whose_lock_was_deleted_gives_way_to_the_next_and_leaves_it_its_socket() {
    let workspace = TestWorkspace::new(
        "adapters:
  analyst: { kind: scripted, replies: replies.yaml, delay: 300ms }
  fixer: { kind: scripted, replies: replies.yaml }
senses:
  cpu-usage: { interval: 100ms }
workflows:
  explain-load: {}
",
    );
    let older = workspace.start();
    let id = workspace.trigger("load");
    std::fs::remove_dir_all(workspace.root().join(".nerve/run")).expect("the folder goes");
    let newer = workspace.start();
    assert_ne!(newer, older);
    workspace.until("the older daemon to give way", SOON, || (!processes::lives(older)).then_some(()));
    assert_eq!(workspace.status()["pid"], newer);
    assert_eq!(workspace.ended(&id)["state"], "completed");
    let ends = workspace.entries(&id).iter().filter(|entry| entry.kind == "completed").count();
    assert_eq!(ends, 1);
}

#[test]
fn an_idle_daemon_gives_way_too_although_it_writes_nothing_that_the_store_could_refuse() {
    let workspace = TestWorkspace::new(
        "adapters:
  analyst: { kind: scripted, replies: replies.yaml }
  fixer: { kind: scripted, replies: replies.yaml }
workflows:
  explain-load: {}
",
    );
    let older = workspace.start();
    std::fs::remove_dir_all(workspace.root().join(".nerve/run")).expect("the folder goes");
    let newer = workspace.start();
    workspace.until("the older daemon to give way", SOON, || (!processes::lives(older)).then_some(()));
    assert_eq!(workspace.status()["pid"], newer);
}
