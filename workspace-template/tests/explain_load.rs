//! `explain-load`, offline: the replies stand here.

use nerve_runtime::testkit::{self, Outcome};
use workspace::workflows::explain_load::roles::{analyst::Diagnosis, fixer::Fix};
use workspace::workspace;

/// Runs a thread in which the analyst says this, and the fixer, turn by turn, whether it is done.
fn run(actionable: bool, fixes: &[bool]) -> Outcome {
    let diagnosis = Diagnosis { actionable, culprit: Some("cargo".to_owned()) };
    let mut thread = testkit::thread(&workspace(), "explain-load").prompt("load average 9.5").reply("analyst", "A build runs.", &diagnosis);
    for &done in fixes {
        thread = thread.reply("fixer", "I looked at it.", &Fix { done });
    }
    thread.run()
}

#[test]
fn nothing_to_do_ends_after_the_analyst() {
    let outcome = run(false, &[]);
    assert_eq!(outcome.roles(), ["analyst"]);
    assert_eq!(outcome.reason.as_deref(), Some("nothing needs doing"));
}

#[test]
fn the_fixer_acts_when_there_is_need() {
    let outcome = run(true, &[true]);
    assert_eq!(outcome.roles(), ["analyst", "fixer"]);
    assert_eq!(outcome.steps[1].content, "I looked at it.");
    assert_eq!(outcome.reason.as_deref(), Some("it is done"));
}

#[test]
fn the_prompts_hold_what_came_before() {
    let outcome = run(true, &[true]);
    let [(_, analyst), (_, fixer)] = &outcome.prompts[..] else { panic!("{:?}", outcome.prompts) };
    assert!(analyst.contains("load average 9.5"));
    assert!(fixer.contains("cargo") && fixer.contains("A build runs."));
}

#[test]
fn the_fixer_tries_twice_at_most() {
    let outcome = run(true, &[false, false, false]);
    assert_eq!(outcome.roles(), ["analyst", "fixer", "fixer"]);
    assert_eq!(outcome.reason.as_deref(), Some("two tries are enough"));
}
