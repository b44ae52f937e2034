//! `kind: cursor` through the daemon: a double speaks cursor's documented shapes, and does what the real one was seen to do wrong.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use support::{SOON, TestWorkspace};

/// Reads its prompt, remembers it and its arguments, and does what `scenario` says. The meta's tag stands in the prompt.
const DOUBLE: &str = r#"
cat > prompt
n=$(ls "$seen" | grep -c '^prompt-'); n=$((n + 1))
cp prompt "$seen/prompt-$n"; echo "$*" > "$seen/args-$n"
tag=$(sed -n 's/^```\(meta-[a-z0-9]*\)$/\1/p' prompt | head -n 1)
id=c6b62c6f-0000-4000-8000-000000000001
say() { printf '%s\n' "$1"; }
init() { say "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"$1\",\"model\":\"Auto\",\"permissionMode\":\"default\"}"; }
result() { say "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"$2\",\"session_id\":\"$1\",\"usage\":{\"inputTokens\":100,\"outputTokens\":20,\"cacheReadTokens\":900,\"cacheWriteTokens\":0}}"; }
good() { result "$1" "It is the backup.\\n\\n\`\`\`$tag\\n{\\\"actionable\\\":false,\\\"culprit\\\":null}\\n\`\`\`"; }
"#;

struct Cursor {
    workspace: TestWorkspace,
    seen: PathBuf,
}

impl Cursor {
    fn new(scenario: &str, more: &str) -> Self {
        let workspace = TestWorkspace::new("");
        let seen = workspace.temp().join("seen");
        std::fs::create_dir_all(&seen).expect("a folder");
        std::fs::create_dir_all(workspace.root().join("desk")).expect("a folder");
        let cursor = Self { workspace, seen };
        cursor.plays(scenario);
        cursor.workspace.configure(&format!(
            "adapters:\n  analyst: {{ kind: cursor, model: auto, command: [sh, cursor.sh], workdir: desk, timeout: 40s{more} }}\n  \
             fixer: {{ kind: scripted, replies: replies.yaml }}\nworkflows:\n  explain-load:\n"
        ));
        cursor
    }

    fn plays(&self, scenario: &str) {
        self.workspace.write("cursor.sh", &format!("seen={}\n{DOUBLE}\n{scenario}\n", self.seen.display()));
        // The agent works in another folder than the one in which it is found.
        std::fs::copy(self.workspace.root().join("cursor.sh"), self.workspace.root().join("desk/cursor.sh")).expect("a copy");
    }

    fn read(&self, name: &str) -> String {
        let path = self.seen.join(name);
        self.workspace.until(name, SOON, || std::fs::read_to_string(&path).ok().filter(|text| !text.is_empty()))
    }

    fn calls(&self) -> usize {
        std::fs::read_dir(&self.seen)
            .map_or(0, |entries| entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("prompt-")).count())
    }

    fn failure(&self, id: &str) -> Value {
        let entry = self.workspace.entries(id).into_iter().find(|entry| entry.kind == "call_failed").expect("a failed call");
        entry.payload["call_failed"]["failure"].clone()
    }
}

#[test]
fn an_answer_has_its_session_its_tokens_and_its_prompt_on_stdin() {
    let cursor = Cursor::new("init $id; good $id", "");
    cursor.workspace.start();
    let id = cursor.workspace.trigger("load is 9");
    let thread = cursor.workspace.completes(&id);
    let step = &thread["steps"][0];
    assert_eq!((&step["adapter"], &step["content"]), (&json!("cursor"), &json!("It is the backup.")), "{step:#}");
    assert_eq!((&step["usage"]["input_tokens"], &step["usage"]["cache_read_tokens"]), (&json!(1000), &json!(900)), "{step:#}");
    let session = cursor.workspace.entries(&id).into_iter().find(|entry| entry.kind == "session").expect("a session");
    assert_eq!(session.payload["session"]["session"]["id"], "c6b62c6f-0000-4000-8000-000000000001");
    assert!(cursor.read("prompt-1").contains("load is 9"));
    assert_eq!(cursor.read("args-1").trim(), "-p --output-format stream-json --trust --force --model auto");
    let text = cursor.workspace.entries(&id).into_iter().find(|entry| entry.kind == "step_text").expect("a text");
    let evidence = &text.payload["text"]["evidence"];
    assert_eq!((&evidence["exit"], &evidence["model"]), (&json!("code 0"), &json!("Auto")), "{evidence:#}");
}

#[test]
fn a_meta_that_cannot_be_read_is_asked_for_again_in_the_same_session_with_the_errors_alone() {
    let cursor = Cursor::new("if [ $n = 1 ]; then init $id; result $id 'It is the backup.'; else init $id; good $id; fi", "");
    cursor.workspace.start();
    let id = cursor.workspace.trigger("load is 9");
    cursor.workspace.completes(&id);
    assert_eq!(cursor.calls(), 2);
    assert!(cursor.read("args-2").trim().ends_with("--resume c6b62c6f-0000-4000-8000-000000000001"), "{}", cursor.read("args-2"));
    let again = cursor.read("prompt-2");
    assert!(again.starts_with("Your answer could not be used:") && !again.contains("load is 9"), "{again}");
}

#[test]
fn one_that_answers_and_does_not_end_is_stopped_with_the_server_that_it_left_behind() {
    let cursor = Cursor::new("setsid sleep 7301 & init $id; good $id; sleep 7302", "");
    cursor.workspace.start();
    let id = cursor.workspace.trigger("load is 9");
    let thread = cursor.workspace.completes(&id);
    assert_eq!(thread["steps"][0]["content"], "It is the backup.");
    let text = cursor.workspace.entries(&id).into_iter().find(|entry| entry.kind == "step_text").expect("a text");
    let exit = text.payload["text"]["evidence"]["exit"].as_str().expect("an exit").to_owned();
    assert!(exit.ends_with("stopped after its answer"), "{exit}");
    for left in ["sleep 7301", "sleep 7302"] {
        cursor.workspace.until("nothing to be left", Duration::from_secs(5), || {
            let found = std::process::Command::new("pgrep").args(["-fx", left]).output().expect("pgrep runs");
            found.stdout.is_empty().then_some(())
        });
    }
}

#[test]
fn what_went_wrong_is_told_by_its_evidence() {
    let cursor = Cursor::new("", ", idle: 2s");
    cursor.workspace.start();
    for (scenario, kind) in [
        ("init $id", "no_terminal_event"),
        (
            "init $id; say '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"Rate limit exceeded\",\"session_id\":\"x\"}'",
            "rate_limited",
        ),
        ("echo \"Error: Authentication required. Please run 'agent login' first\" >&2; exit 1", "auth"),
        ("echo \"Cannot use this model: gpt-99\" >&2; exit 1", "unknown_model"),
        ("echo 'Do you trust the files in this folder?'; sleep 7303", "trust_prompt"),
        ("init $id; sleep 7304", "idle"),
        ("init $id; kill -9 $$", "crashed"),
        ("init $id; result $id ''", "fake_success"),
    ] {
        cursor.plays(scenario);
        let id = cursor.workspace.trigger(scenario);
        cursor.workspace.ended(&id);
        let failure = cursor.failure(&id);
        assert_eq!(failure["kind"], kind, "{scenario}: {failure:#}");
        assert!(failure["record"]["evidence"]["command"][0].is_string(), "{failure:#}");
        cursor.workspace.ok(&["limits", "reset"]);
    }
}

#[test]
fn an_attempt_that_was_cut_off_goes_on_in_its_session() {
    let cursor = Cursor::new("if [ $n = 1 ]; then init $id; sleep 7305; else init $id; good $id; fi", "");
    cursor.workspace.start();
    let id = cursor.workspace.trigger("load is 9");
    cursor.workspace.until("the session", SOON, || (cursor.workspace.count(&id, "session") == 1).then_some(()));
    cursor.workspace.kill_daemon();
    cursor.workspace.start();
    cursor.workspace.completes(&id);
    assert_eq!((cursor.calls(), cursor.workspace.count(&id, "attempt_lost")), (2, 1));
    let again = cursor.read("prompt-2");
    assert!(again.starts_with("You were cut off") && again.contains("Explain this load"), "{again}");
    assert!(cursor.read("args-2").contains("--resume c6b62c6f"), "{}", cursor.read("args-2"));
}

#[test]
fn a_session_that_comes_back_as_another_one_is_lost_and_the_roles_effects_say_what_follows() {
    let other = "ffffffff-0000-4000-8000-000000000002";
    let scenario = format!("if [ $n = 1 ]; then init $id; result $id 'No block.'; else init {other}; good {other}; fi");
    for (effects, state, calls) in [("repeatable", "completed", 3), ("ask-before-repeat", "waiting", 2)] {
        let cursor = Cursor::new(&scenario, "");
        let path = cursor.workspace.root().join("nerve.yaml");
        let config = std::fs::read_to_string(&path).expect("a config");
        cursor
            .workspace
            .configure(&config.replace("explain-load:", &format!("explain-load: {{ roles: {{ analyst: {{ effects: {effects} }} }} }}")));
        cursor.workspace.start();
        let id = cursor.workspace.trigger("load is 9");
        cursor.workspace.becomes(&id, state);
        let lost = cursor.workspace.entries(&id).into_iter().find(|entry| entry.kind == "attempt_lost").expect("a loss");
        assert_eq!(lost.payload["attempt_lost"]["cause"], "session");
        assert_eq!(cursor.calls(), calls);
        // What is tried again begins anew: the session is no more.
        assert!(calls == 2 || !cursor.read("args-3").contains("--resume"));
    }
}

#[test]
fn a_key_among_the_arguments_reaches_the_agent_and_no_journal() {
    let key = "sk-cursor-4711-secret";
    let cursor = Cursor::new("init $id; good $id", ", args: [--api-key, \"${TEST_KEY}\"]");
    cursor.workspace.start_with(&[("TEST_KEY", key)]);
    let id = cursor.workspace.trigger("load is 9");
    cursor.workspace.completes(&id);
    assert!(cursor.read("args-1").contains(key));
    let journal = cursor.workspace.run(&["thread", "inspect", &id, "--json"]).exits(0);
    assert!(!journal.stdout.contains(key) && journal.stdout.contains("${TEST_KEY}"), "{journal:?}");
}
