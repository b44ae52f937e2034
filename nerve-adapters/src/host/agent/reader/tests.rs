use std::collections::BTreeMap;
use std::fmt::Write;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde::Deserialize;

use super::super::known;
use super::*;

/// What an agent wrote, and how it ended.
#[derive(Debug, Deserialize)]
struct Capture {
    exit: i32,
    stdout: String,
    stderr: String,
    #[serde(default)]
    usage_file: Option<String>,
    #[serde(default)]
    resumed: Option<String>,
}

const CAPTURES: [(&str, &str); 7] = [
    ("claude", include_str!("../captures/claude.json")),
    ("codex", include_str!("../captures/codex.json")),
    ("cursor", include_str!("../captures/cursor.json")),
    ("gemini", include_str!("../captures/gemini.json")),
    ("hermes", include_str!("../captures/hermes.json")),
    ("opencode", include_str!("../captures/opencode.json")),
    ("qwen", include_str!("../captures/qwen.json")),
];

fn captures(text: &str) -> BTreeMap<String, Capture> {
    serde_json::from_str(text).expect("captures")
}

impl Capture {
    fn ended(&self, before: Usage) -> Ended<'_> {
        let exit = if self.exit < 0 { Exit::Signal(-self.exit) } else { Exit::Code(self.exit) };
        Ended { exit, stopped: false, truncated: false, usage_file: self.usage_file.as_deref(), before }
    }

    fn read(&self, agent: &str) -> Result<AgentAnswer, CallFailure> {
        let mut reader = Reader::new(known(agent), self.resumed.clone());
        reader.stdout(self.stdout.as_bytes());
        reader.stderr(self.stderr.as_bytes());
        reader.end(self.ended(Usage::default()))
    }
}

fn told(outcome: &Result<AgentAnswer, CallFailure>) -> String {
    let tokens = |usage: &Usage| {
        let count = |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), |tokens| tokens.to_string());
        format!(
            "{} in, {} cached, {} out, {}",
            count(usage.input_tokens),
            count(usage.cache_read_tokens),
            count(usage.output_tokens),
            usage.money()
        )
    };
    match outcome {
        Ok(answer) => format!("{:?} ({}; session {})", answer.content, tokens(&answer.usage), answer.session.as_deref().unwrap_or("?")),
        Err(failure) => {
            let message: String = failure.message.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(110).collect();
            format!("{:?}: {message}", failure.kind)
        }
    }
}

#[test]
fn what_agents_really_wrote_is_told_by_its_evidence() {
    let mut all = String::new();
    for (agent, text) in CAPTURES {
        for (case, capture) in captures(text) {
            let _ = writeln!(all, "{agent} {case}: {}", told(&capture.read(agent)));
        }
    }
    assert_snapshot!(all);
}

#[test]
fn no_failure_is_without_its_evidence() {
    for (agent, text) in CAPTURES {
        for (case, capture) in captures(text) {
            if let Err(failure) = capture.read(agent) {
                let record = failure.record.as_ref().unwrap_or_else(|| panic!("{agent} {case}"));
                assert!(record.evidence.exit.is_some() && record.usage.calls == 1, "{agent} {case}: {record:?}");
            }
        }
    }
}

#[test]
fn an_agent_that_was_stopped_after_its_last_word_has_answered_and_before_it_has_not() {
    let cases = captures(CAPTURES[2].1);
    for (case, kind) in [("success", None), ("no-last-event", Some(FailureKind::NoTerminalEvent))] {
        let mut reader = Reader::new(known("cursor"), None);
        let seen = reader.stdout(cases[case].stdout.as_bytes());
        assert_eq!(seen.contains(&Seen::Terminal), kind.is_none(), "{case}");
        assert!(matches!(&seen[0], Seen::Session(_)), "{seen:?}");
        let ended = Ended { exit: Exit::Signal(15), stopped: true, truncated: false, usage_file: None, before: Usage::default() };
        assert_eq!(reader.end(ended).err().map(|failure| failure.kind), kind, "{case}");
    }
}

#[test]
fn a_resumed_turn_is_told_what_it_added_where_the_agent_tells_the_whole_session() {
    let cases = captures(CAPTURES[1].1);
    let first = cases["resume-first"].read("codex").expect("an answer").usage;
    let resumed = &cases["resume-known"];
    let mut reader = Reader::new(known("codex"), resumed.resumed.clone());
    reader.stdout(resumed.stdout.as_bytes());
    let second = reader.end(resumed.ended(first)).expect("an answer").usage;
    assert_eq!((first.input_tokens, second.input_tokens), (Some(5120), Some(10_432 - 5120)));
}

#[test]
fn another_session_than_was_asked_for_is_not_gone_on_with() {
    let cases = captures(CAPTURES[2].1);
    let capture = &cases["resumed-with-another-session"];
    let mut reader = Reader::new(known("cursor"), capture.resumed.clone());
    let seen = reader.stdout(capture.stdout.as_bytes());
    assert_eq!(seen, [Seen::Terminal]);
}

#[test]
fn an_endless_line_costs_bounded_memory_and_is_no_answer() {
    let mut reader = Reader::new(known("codex"), None);
    for _ in 0..20 {
        reader.stdout(&vec![b'x'; 1024 * 1024]);
    }
    reader.stdout(b"\n{\"type\":\"turn.completed\",\"usage\":{\"output_tokens\":1}}\n");
    let ended = Ended { exit: Exit::Code(0), stopped: false, truncated: false, usage_file: None, before: Usage::default() };
    assert_eq!(reader.end(ended).expect_err("cut").kind, FailureKind::Truncated);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pieces_give_the_same(cuts in prop::collection::vec(1_usize..200, 1..60)) {
        for (agent, text) in CAPTURES {
            for (case, capture) in captures(text) {
                let whole = capture.read(agent);
                let mut reader = Reader::new(known(agent), capture.resumed.clone());
                let (mut rest, mut cuts) = (capture.stdout.as_bytes(), cuts.iter().cycle());
                while !rest.is_empty() {
                    let (piece, behind) = rest.split_at((*cuts.next().unwrap_or(&1)).min(rest.len()));
                    reader.stdout(piece);
                    rest = behind;
                }
                reader.stderr(capture.stderr.as_bytes());
                prop_assert_eq!(reader.end(capture.ended(Usage::default())), whole, "{} {}", agent, case);
            }
        }
    }
}
