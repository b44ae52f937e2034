//! What the daemon's end does to an agent's call: an answer that had come is taken, one that had not is somebody's decision.

mod support;

use support::script_agent::Agent;
use support::{SOON, TestWorkspace, scripted};

/// Finishes in its own time, whoever tells it to stop.
const DEAF: &str = "
    trap '' TERM
    touch \"$seen/started\"
    until_exists \"$seen/go\"
    answer 'Nothing to do.'
    touch \"$seen/said\"";

/// Waits for its end.
const PATIENT: &str = "
    if [ \"$call\" = 1 ]; then touch \"$seen/started\"; until_exists \"$seen/never\"; fi
    answer 'Nothing to do.'";

fn kinds(workspace: &TestWorkspace, id: &str) -> Vec<String> {
    workspace.entries(id).into_iter().map(|entry| entry.kind).collect()
}

#[test]
fn an_agent_that_finished_while_the_daemon_was_dead_is_not_called_again() {
    let (agent, id) = Agent::asked(DEAF, "", "");
    agent.appears("started");
    agent.workspace.kill_daemon();
    agent.go("go");
    agent.appears("said");
    agent.leaves_nothing("agent.sh");
    agent.workspace.start();
    let thread = agent.ends(&id, "completed");
    assert_eq!((agent.calls().len(), &thread["steps"][0]["attempt"]), (1, &1.into()), "{thread:#}");
    assert_eq!(thread["steps"][0]["content"], "Nothing to do.");
    let kinds = kinds(&agent.workspace, &id);
    assert!(!kinds.contains(&"attempt_lost".to_owned()), "{kinds:?}");
    // What it left is gone with its thread.
    let calls = agent.workspace.root().join(".nerve/run/calls");
    let left = || std::fs::read_dir(&calls).map_or(0, Iterator::count);
    agent.workspace.until("the call's folder to go", SOON, || (left() == 0).then_some(()));
}

#[test]
fn an_agent_that_was_cut_off_is_called_again_only_when_a_person_says_so() {
    let (agent, id) = Agent::asked(PATIENT, "", "effects: ask-before-repeat");
    agent.appears("started");
    agent.workspace.kill_daemon();
    agent.leaves_nothing("agent.sh");
    agent.workspace.start();
    let parked = agent.workspace.until("the park", SOON, || Some(agent.workspace.show(&id)).filter(|thread| thread["state"] == "waiting"));
    assert!(parked["reason"].as_str().is_some_and(|reason| reason.contains("`analyst`")), "{parked:#}");
    assert_eq!(agent.calls().len(), 1);
    // It waits through another life as well.
    agent.workspace.kill_daemon();
    agent.workspace.start();
    assert_eq!(agent.workspace.show(&id)["state"], "waiting");
    agent.workspace.ok(&["thread", "resume", &id]);
    let thread = agent.ends(&id, "completed");
    assert_eq!((agent.calls().len(), &thread["steps"][0]["attempt"]), (2, &2.into()), "{thread:#}");
}

#[test]
fn an_agent_that_may_never_be_called_again_fails_its_thread() {
    let (agent, id) = Agent::asked(PATIENT, "", "effects: never-repeat");
    agent.appears("started");
    agent.workspace.kill_daemon();
    agent.workspace.start();
    let reason = agent.fails(&id);
    assert!(reason.contains("attempt lost") && reason.contains("`analyst`"), "{reason}");
    assert_eq!(agent.calls().len(), 1);
}

#[test]
fn a_person_may_give_the_answer_of_an_agent_that_was_cut_off() {
    let (agent, id) = Agent::asked(PATIENT, "", "effects: ask-before-repeat");
    agent.appears("started");
    agent.workspace.kill_daemon();
    agent.workspace.start();
    agent.workspace.until("the park", SOON, || (agent.workspace.show(&id)["state"] == "waiting").then_some(()));
    agent.workspace.write("answer.txt", "By hand.\n\n```json\n{\"actionable\": false, \"culprit\": null}\n```\n");
    agent.workspace.ok(&["thread", "resume", &id, "--text", "answer.txt"]);
    let thread = agent.ends(&id, "completed");
    assert_eq!((agent.calls().len(), &thread["steps"][0]["adapter"]), (1, &"person".into()), "{thread:#}");
}

#[test]
fn a_reply_that_was_here_when_the_daemon_died_is_not_paid_for_again() {
    for (point, calls) in [("daemon.call.kept", 1), ("daemon.call.told", 1), ("daemon.act.call.before", 1)] {
        let workspace = TestWorkspace::new(&scripted("0ms", "0ms", 1));
        let crash = format!("{point}@{}", workspace.temp().join("crashed").display());
        let daemon = workspace.start_with(&[("NERVE_CRASH_AT", &crash)]);
        let id = workspace.trigger("load is 9");
        workspace.until(&format!("the crash at {point}"), SOON, || (!support::processes::lives(daemon)).then_some(()));
        workspace.start();
        let thread = workspace.ended(&id);
        assert_eq!(thread["state"], "completed", "{point}: {thread:#}");
        let kinds = kinds(&workspace, &id);
        assert_eq!((workspace.calls_of(&id, "analyst"), &thread["steps"][0]["attempt"]), (calls, &1.into()), "{point}: {kinds:?}");
        assert!(!kinds.contains(&"attempt_lost".to_owned()), "{point}: {kinds:?}");
    }
}

#[test]
fn a_killed_thread_has_ended_only_when_its_agent_is_gone() {
    let deaf = "trap '' TERM; echo $$ > \"$seen/pid\"; touch \"$seen/started\"; while :; do sleep 0.1; done";
    let (agent, id) = Agent::asked(deaf, ", exclusive: false", "");
    agent.appears("started");
    agent.workspace.ok(&["thread", "kill", &id]);
    let thread = agent.ends(&id, "killed");
    let pid = agent.read("pid").trim().parse().expect("a pid");
    assert!(!support::processes::lives(pid), "it still runs: {thread:#}");
}
