use insta::assert_snapshot;
use nerve_core::thread::StateName;

use super::{Window, show};
use crate::render::samples::thread;

const ALL: Window = Window { budget: 8000, before: None };

#[test]
fn a_short_thread_is_shown_whole() {
    assert_snapshot!(show(&thread(StateName::Completed, 3, 40), ALL));
}

#[test]
fn what_waits_says_for_what() {
    let mut waiting = thread(StateName::Waiting, 2, 40);
    waiting.reason = Some("an attempt of `critic` was cut off".to_owned());
    waiting.steps[1].state = StateName::Waiting;
    waiting.steps[1].content = None;
    waiting.steps[1].meta = None;
    waiting.steps[1].error = Some("the daemon ended".to_owned());
    assert_snapshot!(show(&waiting, ALL));
}

#[test]
fn a_long_thread_keeps_its_first_and_latest_messages() {
    let text = show(&thread(StateName::Completed, 40, 400), Window { budget: 2000, before: None });
    assert!(text.chars().count() <= 2000, "{}", text.chars().count());
    assert!(text.contains("[#1 analyst]") && text.contains("[#40 critic]"), "{text}");
    assert!(text.contains("messages omitted (use --before "), "{text}");
}

#[test]
fn paging_backwards_comes_to_the_second_message() {
    let thread = thread(StateName::Completed, 40, 400);
    let mut text = show(&thread, Window { budget: 2000, before: None });
    let mut seen = Vec::new();
    for _ in 0..40 {
        seen.extend((2..=40).filter(|n| text.contains(&format!("[#{n} "))));
        let Some(mark) = text.split("--before ").nth(1).and_then(|rest| rest.split(' ').next()) else { break };
        text = show(&thread, Window { budget: 2000, before: mark.parse().ok() });
        assert!(text.chars().count() <= 2000 && !text.contains("[#1 "), "{text}");
    }
    seen.sort_unstable();
    assert_eq!(seen, (2..=40).collect::<Vec<u32>>());
}

#[test]
fn a_message_beyond_the_budget_is_cut_and_says_so() {
    let text = show(&thread(StateName::Completed, 2, 30_000), Window { budget: 1000, before: None });
    assert!(text.chars().count() <= 1000, "{}", text.chars().count());
    assert!(text.contains("[#2 critic]") && text.contains("more characters (use --budget to load)"), "{text}");
}
