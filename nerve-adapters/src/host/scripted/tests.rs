use std::time::Instant;

use nerve_core::Timestamp;

use super::*;

const YAML: &str = r#"
analyst:
  - first
  - text: second
    meta: { pass: yes, score: 3 }
judge:
  - { error: "the model is away" }
slow:
  - { text: later, delay: 60ms }
empty: []
odd:
  - { txet: typo }
"#;

fn turn(role: &str, turn: u32) -> Turn<'_> {
    Turn { thread: ThreadId::new(Timestamp::from_millis(1), [7; 10]), role, attempt: 1, turn }
}

fn scripted(source: &str) -> (tempfile::TempDir, ScriptedAdapter) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("replies.yaml");
    std::fs::write(&file, source).unwrap();
    let calls = dir.path().join("calls.jsonl");
    (dir, ScriptedAdapter { replies: Some(file), delay: None, calls: Some(calls) })
}

fn tagged() -> Form {
    Form::TaggedBlock { tag: "meta-1".into() }
}

#[tokio::test]
async fn replies_come_in_order_and_the_last_repeats() {
    let (_dir, adapter) = scripted(YAML);
    assert_eq!(adapter.call(turn("analyst", 0), &tagged()).await.unwrap().content, "first");
    for n in [1, 2, 99] {
        let content = adapter.call(turn("analyst", n), &tagged()).await.unwrap().content;
        assert_eq!(content, "second\n\n```meta-1\n{\"pass\":\"yes\",\"score\":3}\n```");
    }
}

#[tokio::test]
async fn a_meta_is_read_like_a_models() {
    let (_dir, adapter) = scripted(r#"{ "analyst": [{ "meta": { "pass": true } }] }"#);
    let native = Form::NativeSchema { name: "analyst".into(), tag: "meta-1".into() };
    let answer = adapter.call(turn("analyst", 0), &native).await.unwrap();
    assert_eq!(answer.form, tagged());
    let schema = RawJson::parse(r#"{"type":"object","properties":{"pass":{"type":"boolean"}},"required":["pass"]}"#).unwrap();
    let read = crate::host::extract::read(&answer.content, &answer.form, &schema, nerve_core::config::ExtractPolicy::default());
    assert!(matches!(read, crate::host::extract::Extraction::Meta { rung: "tagged", .. }), "{read:?}");
    assert_eq!(adapter.call(turn("analyst", 0), &Form::Plain).await.unwrap().content, "");
}

#[tokio::test]
async fn each_call_is_one_line() {
    let (_dir, adapter) = scripted(YAML);
    let calls = (0..20).map(|n| {
        let adapter = adapter.clone();
        #[expect(clippy::disallowed_methods, reason = "it is joined below")]
        tokio::spawn(async move { adapter.call(Turn { attempt: n, ..turn("judge", 0) }, &tagged()).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let failure = call.await.unwrap().unwrap_err();
        assert_eq!(failure, CallFailure::new(FailureKind::BadResponse, "the model is away"));
    }
    let lines = std::fs::read_to_string(adapter.calls.unwrap()).unwrap();
    assert_eq!(lines.lines().count(), 20);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((line["role"].as_str(), line["thread"].as_str()), (Some("judge"), Some(turn("judge", 0).thread.to_string().as_str())));
        assert!(line["attempt"].is_u64() && line.as_object().unwrap().len() == 3, "{line}");
    }
}

#[tokio::test]
async fn it_waits_and_a_replys_own_delay_goes_before() {
    let (_dir, mut adapter) = scripted(YAML);
    adapter.delay = Some((Duration::from_millis(20), Duration::from_millis(40)));
    let start = Instant::now();
    adapter.call(turn("analyst", 0), &tagged()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(20));
    let start = Instant::now();
    adapter.call(turn("slow", 0), &tagged()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(60));
    for _ in 0..100 {
        let wait = between(Duration::from_millis(20), Duration::from_millis(40));
        assert!((20..=40).contains(&wait.as_millis()), "{wait:?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let (_dir, adapter) = scripted(YAML);
    for (role, said) in [
        ("nobody", "has no replies for the role `nobody`; it has: analyst, empty, judge, odd, slow"),
        ("empty", "empty list"),
        ("odd", "reply 1 of the role `odd`: unknown field `txet`"),
    ] {
        let failure = adapter.call(turn(role, 0), &tagged()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.message.contains(said), "{failure}");
    }
    let none = ScriptedAdapter::default().call(turn("a", 0), &tagged()).await.unwrap_err();
    assert_eq!(none, CallFailure::new(FailureKind::Config, "a scripted adapter needs a file of replies: set `replies:`"));
    let gone = ScriptedAdapter { replies: Some("/nonexistent/replies.yaml".into()), ..ScriptedAdapter::default() };
    assert!(gone.call(turn("a", 0), &tagged()).await.unwrap_err().message.contains("cannot be read"));
    let (_dir, garbled) = scripted("analyst: [");
    assert_eq!(garbled.call(turn("analyst", 0), &tagged()).await.unwrap_err().kind, FailureKind::Config);
}
