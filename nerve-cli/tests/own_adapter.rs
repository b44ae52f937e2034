//! An adapter of a user's own has the same journal and the same brakes as nerve's.

mod support;

use serde_json::json;
use support::builds::{self, Worker};
use support::own::{self, Variant};
use support::{SOON, TestWorkspace};

#[test]
fn this_executable_is_a_worker_too() {
    own::serve();
}

#[test]
fn its_calls_wait_behind_the_hourly_limit_and_go_on_after_the_reset() {
    let config = format!("limits: {{ calls_per_hour: 1 }}\nsenses: {{}}\nworkflows:\n  {}: {{ concurrency: 4 }}\n", own::OWN);
    let workspace = TestWorkspace::new(&config);
    builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    workspace.start();
    let first = workspace.completes(&workspace.trigger_of(own::OWN, "one"));
    assert_eq!(first["steps"][0]["adapter"], "own", "{first:#}");
    let second = workspace.trigger_of(own::OWN, "two");
    let reason = workspace.until("a reason", SOON, || workspace.status()["limits"]["waiting"].as_str().map(str::to_owned));
    assert!(reason.contains("within the hour"), "{reason}");
    workspace.ok(&["limits", "reset"]);
    assert_eq!(workspace.completes(&second)["state"], json!("completed"));
}
