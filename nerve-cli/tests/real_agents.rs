//! Agents that people use, with a model that fails on order: how each call ends is told by its kind, and nothing of the agent is left.
#![allow(clippy::print_stderr, reason = "what was found is told, beside whether it is right")]

mod real;
mod support;

use std::time::{Duration, Instant};

use real::agents::{Agent, KEY};
use real::llmock::Llmock;
use serde_json::{Value, json};
use support::processes::{self, Kind};
use support::{TestWorkspace, id_of};

/// How long an agent may take; one that waits between its own tries takes a minute and a half.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long after the end of its thread or daemon an agent may live: what the design promises.
const PROMISED: Duration = Duration::from_secs(5);

/// What is the same in every story.
const BEGINNING: [&str; 4] = ["accepted", "started", "session", "step_intent"];

/// What the model says when all is well.
const ANSWER: &str =
    "The backup keeps the disk busy; nothing needs doing.\n\n```json\n{\"actionable\": false, \"culprit\": \"backup\"}\n```";

fn answers() -> Value {
    json!({ "type": "reply", "text": ANSWER, "times": null })
}

fn refuses(status: u16) -> Value {
    json!({ "type": "fail", "status": status, "retry_after": if status == 429 { json!(1) } else { Value::Null }, "times": null })
}

/// The first answer begins after the test's end.
fn is_slow() -> Value {
    json!({ "type": "slow_first_token", "seconds": 600, "times": 1 })
}

/// A workspace whose analyst is the agent, and the server that plays its model.
struct Bench {
    agent: Agent,
    llmock: Llmock,
    workspace: TestWorkspace,
    begun: Instant,
}

impl Bench {
    /// A running daemon, and a model that behaves so.
    fn new(agent: Agent, behaviors: &Value) -> Self {
        let workspace = TestWorkspace::new("adapters: {}\n");
        let llmock = Llmock::serve(workspace.temp());
        llmock.plays(behaviors);
        let url = llmock.url();
        agent.settle(workspace.temp(), &url);
        let (analyst, scripted) = (agent.adapter(&url), "{ kind: scripted, replies: replies.yaml }");
        workspace.configure(&format!(
            "adapters:\n  analyst: {analyst}\n  fixer: {scripted}\nworkflows:\n  explain-load: {{ concurrency: 1 }}\n"
        ));
        let bench = Self { agent, llmock, workspace, begun: Instant::now() };
        bench.start();
        bench
    }

    fn start(&self) {
        let home = self.workspace.temp();
        let path = std::env::var("PATH").expect("a PATH");
        let path = format!("{}:{path}", home.join("bin").display());
        let hermes = home.join(".hermes").display().to_string();
        self.workspace.start_with(&[("PATH", &path), ("HERMES_HOME", &hermes), ("MOCK_KEY", KEY)]);
    }

    fn triggered(&self, prompt: &str) -> String {
        id_of(&self.workspace.post("workflows/explain-load/trigger", &json!({ "prompt": prompt }), || {}))
    }

    /// Triggers a thread; returns when the agent waits for its model.
    fn waits(&self) -> String {
        let id = self.triggered("load is 9");
        let waits = || {
            let ended = self.workspace.show(&id)["ended_at"].clone();
            assert!(ended.is_null(), "{} did not ask its model: {}", self.agent.name(), self.story(&id));
            self.llmock.has_met("slow_first_token").then_some(())
        };
        self.workspace.until("the agent to ask its model", PATIENCE, waits);
        assert!(!self.agents().is_empty(), "no process of the agent is there");
        id
    }

    /// The processes of the agent, and of what it started.
    fn agents(&self) -> Vec<u32> {
        let all = processes::of_workspace(self.workspace.root());
        all.into_iter().filter(|(_, kind)| *kind == Kind::Agent).map(|(pid, _)| pid).collect()
    }

    /// Waits for the thread's end, and shows it.
    #[track_caller]
    fn until_its_end(&self, id: &str) -> Value {
        let ended = || Some(self.workspace.show(id)).filter(|thread| !thread["ended_at"].is_null());
        self.workspace.until(&format!("the end of {id} of {}", self.agent.name()), PATIENCE, ended)
    }

    /// Waits for the thread's end in this state; nothing of the agent may be left soon after.
    #[track_caller]
    fn ends(&self, id: &str, state: &str) -> Value {
        let thread = self.until_its_end(id);
        self.leaves_nothing();
        eprintln!("{} after {:.1?}: {}", self.agent.name(), self.begun.elapsed(), self.story(id));
        assert_eq!(thread["state"], state, "{thread:#}");
        thread
    }

    #[track_caller]
    fn leaves_nothing(&self) {
        self.workspace.until("the agent to be gone", PROMISED, || self.agents().is_empty().then_some(()));
    }

    /// How the thread went, in one paragraph.
    fn story(&self, id: &str) -> String {
        let entries = self.workspace.entries(id).into_iter().filter(|entry| !BEGINNING.contains(&entry.kind.as_str()));
        let mut told = vec![format!("the model was asked {} times", self.llmock.asked().len())];
        told.extend(entries.map(|entry| format!("{} {:.400}", entry.kind, entry.payload.to_string())));
        told.join("\n    ")
    }

    /// The kind of the failure that the thread ended with.
    #[track_caller]
    fn failure(&self, id: &str) -> String {
        self.ends(id, "failed");
        let failed = self.workspace.entries(id).into_iter().rev().find(|entry| entry.kind == "call_failed");
        let failed = failed.unwrap_or_else(|| panic!("no failed call: {}", self.story(id)));
        failed.payload["call_failed"]["failure"]["kind"].as_str().expect("a kind").to_owned()
    }
}

/// The thread is complete, with the meta that the model gave and with what it cost.
#[track_caller]
fn is_answered(bench: &Bench, id: &str) -> Value {
    let thread = bench.ends(id, "completed");
    assert_eq!(thread["steps"][0]["meta"], json!({ "actionable": false, "culprit": "backup" }), "{thread:#}");
    assert!(thread["usage"]["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "what it cost is not known: {thread:#}");
    thread
}

#[track_caller]
fn a_whole_answer_completes(agent: Agent) {
    let bench = Bench::new(agent, &json!([answers()]));
    is_answered(&bench, &bench.triggered("load is 9"));
}

/// Whoever is told a key, in a variable or by an argument, what proves how it went does not hold it.
#[track_caller]
fn its_key_is_written_nowhere(agent: Agent) {
    for behavior in [answers(), refuses(401)] {
        let bench = Bench::new(agent, &json!([behavior]));
        let id = bench.triggered("load is 9");
        bench.until_its_end(&id);
        let log = bench.workspace.log();
        for (what, text) in [("journal", format!("{:?}", bench.workspace.entries(&id))), ("log", log)] {
            assert!(!text.contains(KEY), "the key is in the {what}: {text}");
        }
    }
}

/// However the agent words it, the failure is one of these kinds, the first of which says it best.
#[track_caller]
fn fails_as(agent: Agent, behavior: Value, kinds: &[&str]) {
    let bench = Bench::new(agent, &json!([behavior]));
    let kind = bench.failure(&bench.triggered("load is 9"));
    assert!(kinds.contains(&kind.as_str()), "{} fails as {kind}, not as {kinds:?}", agent.name());
}

#[track_caller]
fn a_prompt_that_no_argument_could_hold_arrives(agent: Agent) {
    let bench = Bench::new(agent, &json!([answers()]));
    let lines: String = (0..4_000).map(|n| format!("line {n} of a long prompt, that no argument could hold\n")).collect();
    assert!(lines.len() > 200_000);
    let thread = is_answered(&bench, &bench.triggered(&lines));
    // Hermes reads a prompt of this length from a file, if it wants to; its model is told where.
    if agent != Agent::Hermes {
        let tokens = thread["usage"]["input_tokens"].as_u64().unwrap_or_default();
        assert!(tokens > 40_000, "the model saw {tokens} tokens of it");
    }
}

/// An answer without a meta is asked for again, and the agent still knows what it said.
#[track_caller]
fn a_re_ask_goes_on_with_the_session(agent: Agent) {
    let bare = json!({ "type": "reply", "text": "It is the backup.", "times": 1, "match": { "stream": true } });
    let bench = Bench::new(agent, &json!([bare, answers()]));
    let id = bench.triggered("load is 9");
    let thread = is_answered(&bench, &id);
    let texts = bench.workspace.entries(&id).into_iter().filter(|entry| entry.kind == "step_text");
    let evidence: Vec<Value> = texts.map(|entry| entry.payload["text"]["evidence"].clone()).collect();
    assert_eq!(evidence.len(), 2, "{evidence:#?}");
    let session = evidence[0]["session"].as_str().unwrap_or_else(|| panic!("the session is not known: {thread:#} {evidence:#?}"));
    assert_eq!(evidence[1]["session"], session, "{evidence:#?}");
    let command = evidence[1]["command"].to_string();
    assert!(command.contains("resume") && command.contains(session), "it began anew: {command}");
}

#[track_caller]
fn a_killed_thread_takes_its_agent_along(agent: Agent) {
    let bench = Bench::new(agent, &json!([is_slow(), answers()]));
    let id = bench.waits();
    bench.workspace.run(&["thread", "kill", &id]).exits(0);
    bench.ends(&id, "killed");
}

#[track_caller]
fn a_killed_daemon_takes_its_agent_along_and_the_next_one_goes_on(agent: Agent) {
    let bench = Bench::new(agent, &json!([is_slow(), answers()]));
    let id = bench.waits();
    bench.workspace.kill_daemon();
    bench.leaves_nothing();
    bench.start();
    is_answered(&bench, &id);
    let lost: Vec<_> = bench.workspace.entries(&id).into_iter().filter(|entry| entry.kind == "attempt_lost").collect();
    assert_eq!(lost.len(), 1, "{lost:#?}");
    assert_eq!(lost[0].payload["attempt_lost"]["cause"], "daemon", "{lost:#?}");
}

macro_rules! of_each_agent {
    ($($module:ident: $agent:expr),*) => {$(
        mod $module {
            use super::*;

            const WHO: Agent = $agent;

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_whole_answer_completes() {
                super::a_whole_answer_completes(WHO);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn its_key_is_written_nowhere() {
                super::its_key_is_written_nowhere(WHO);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_refused_key_is_told_as_such() {
                fails_as(WHO, refuses(401), &["auth"]);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_limited_rate_is_told_as_such() {
                fails_as(WHO, refuses(429), &["rate_limited"]);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_broken_server_is_told_as_such() {
                fails_as(WHO, refuses(500), &["transport"]);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn an_answer_that_is_cut_off_is_no_answer() {
                let cut = json!({ "type": "stream_fault", "kind": "truncate", "after_chunks": 2, "times": null });
                fails_as(WHO, cut, &["truncated", "transport", "no_terminal_event", "fake_success"]);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_prompt_that_no_argument_could_hold_arrives() {
                super::a_prompt_that_no_argument_could_hold_arrives(WHO);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_re_ask_goes_on_with_the_session() {
                super::a_re_ask_goes_on_with_the_session(WHO);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_killed_thread_takes_its_agent_along() {
                super::a_killed_thread_takes_its_agent_along(WHO);
            }

            #[test]
            #[ignore = "needs the real agent and llmock; .ci/real-components runs it"]
            fn a_killed_daemon_takes_its_agent_along_and_the_next_one_goes_on() {
                super::a_killed_daemon_takes_its_agent_along_and_the_next_one_goes_on(WHO);
            }
        }
    )*};
}

of_each_agent!(hermes: Agent::Hermes, codex: Agent::Codex, qwen: Agent::Qwen);
