//! Swapping the model behind a role by nerve.yaml alone, against a server that speaks the OpenAI API, while the daemon runs.

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::model::{Answer, Asked, Model};
use support::{SOON, TestWorkspace};

const KEY: &str = "sk-test-4711-secret";

const SCRIPTED: &str = "adapters:
  analyst: { kind: scripted, replies: replies.yaml }
  fixer: { kind: scripted, replies: replies.yaml }
workflows:
  explain-load: { concurrency: 8 }
";

/// The same workspace, with the analyst's line changed and a provider; `more` is added to it.
fn with_model(model: &Model, more: &str) -> String {
    let provider = format!("providers:\n  local: {{ base_url: {}, model: m, api_key: \"${{TEST_KEY}}\"{more} }}\n", model.url());
    let analyst = "analyst: { kind: scripted, replies: replies.yaml }";
    assert!(SCRIPTED.contains(analyst));
    provider + &SCRIPTED.replace(analyst, "analyst: { kind: llm, provider: local }")
}

/// What a model that keeps to the schema says.
const NOTHING_TO_DO: &str = r#"{"actionable":false,"culprit":null}"#;

fn calm(_: &Asked) -> Answer {
    Answer::text(NOTHING_TO_DO)
}

/// A workspace whose daemon runs with the key and asks this server.
fn asking(model: &Model, more: &str) -> TestWorkspace {
    let workspace = TestWorkspace::new(&with_model(model, more));
    workspace.start_with(&[("TEST_KEY", KEY)]);
    workspace
}

#[track_caller]
fn ends(workspace: &TestWorkspace, id: &str, state: &str, exit_code: u8) -> Value {
    let thread = workspace.ended(id);
    assert_eq!((&thread["state"], &thread["exit_code"]), (&json!(state), &json!(exit_code)), "{thread:#}");
    thread
}

/// How the metas of a thread were read.
fn rungs(workspace: &TestWorkspace, id: &str) -> Vec<String> {
    let metas = workspace.entries(id).into_iter().filter(|entry| entry.kind == "step_meta");
    metas.map(|entry| entry.payload["meta"]["rung"].as_str().expect("a rung").to_owned()).collect()
}

#[test]
fn one_line_of_nerve_yaml_swaps_the_model_of_the_next_thread() {
    let model = Model::serve(calm);
    let workspace = TestWorkspace::new(SCRIPTED);
    let daemon = workspace.start_with(&[("TEST_KEY", KEY)]);
    let scripted = workspace.trigger("before");
    let thread = ends(&workspace, &scripted, "completed", 0);
    assert_eq!(thread["steps"][0]["adapter"], "scripted", "{thread:#}");

    workspace.reconfigure(&with_model(&model, ""));
    let asked = workspace.trigger("load is 9");
    let thread = ends(&workspace, &asked, "completed", 0);
    assert_eq!(workspace.status()["pid"], daemon);
    let steps = thread["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 1, "the model said that nothing needs doing: {thread:#}");
    assert_eq!((&steps[0]["adapter"], &steps[0]["meta"]), (&json!("local/m"), &json!({ "actionable": false, "culprit": null })));
    assert_eq!(thread["usage"], json!({ "calls": 1, "input_tokens": 40, "output_tokens": 7 }), "{thread:#}");
    assert_eq!(thread["cost"], "?", "nobody said what it costs: {thread:#}");
    assert_eq!(rungs(&workspace, &asked), ["native"]);

    let requests = model.asked();
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let request = &requests[0];
    assert_eq!((request.path.as_str(), request.authorization.as_deref()), ("/v1/chat/completions", Some(format!("Bearer {KEY}").as_str())));
    assert_eq!(request.body["model"], "m");
    let format = &request.body["response_format"];
    assert_eq!((&format["type"], &format["json_schema"]["name"]), (&json!("json_schema"), &json!("analyst")), "{format:#}");
    let properties = format["json_schema"]["schema"]["properties"].as_object().expect("the role's schema");
    assert_eq!(properties["actionable"]["description"], "true when the load needs somebody to act", "{format:#}");
    assert!(properties.contains_key("culprit"), "{format:#}");
    let (speaker, text) = request.message(0);
    assert!(speaker == "system" && text.starts_with("Explain this load in a few sentences:"), "{speaker}: {text}");
    assert_eq!(request.message(1), ("user", "load is 9"));

    workspace.reconfigure(SCRIPTED);
    let back = workspace.trigger("after");
    assert_eq!(ends(&workspace, &back, "completed", 0)["steps"][0]["adapter"], "scripted");
    assert_eq!(model.asked().len(), 1);
}

#[test]
fn a_key_is_written_nowhere() {
    let model = Model::serve(|_| Answer::error(401, &format!("Incorrect API key provided: {KEY}"), "invalid_api_key"));
    let workspace = asking(&model, "");
    let id = workspace.trigger("load");
    ends(&workspace, &id, "failed", 1);
    for args in [&["status", "--json"][..], &["thread", "show", &id, "--json"], &["thread", "inspect", &id, "--json"], &["logs", "--json"]]
    {
        let output = workspace.run(args).exits(0);
        assert!(!format!("{output:?}").contains(KEY), "{output:?}");
    }
    workspace.stop();
    let mut folders = vec![workspace.root().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files += 1;
                assert!(!holds(&path, KEY), "the key is in {}", path.display());
            }
        }
    }
    assert!(files > 5, "only {files} files were looked at");
}

fn holds(file: &Path, text: &str) -> bool {
    let bytes = std::fs::read(file).expect("a file");
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn an_endpoint_without_schemas_is_asked_for_a_tagged_block() {
    let model = Model::serve(|asked| match asked.tag() {
        _ if asked.body.get("response_format").is_some() => {
            Answer::error(400, "This response_format type is unavailable now", "invalid_request_error")
        }
        Some(tag) => Answer::text(format!("All is calm.\n\n```{tag}\n{NOTHING_TO_DO}\n```")),
        None => Answer::error(400, "the prompt names no tag", "no_tag"),
    });
    let workspace = asking(&model, "");
    let id = workspace.trigger("load");
    let thread = ends(&workspace, &id, "completed", 0);
    assert_eq!((rungs(&workspace, &id), model.asked().len()), (vec!["tagged".to_owned()], 2));
    assert_eq!(thread["steps"][0]["content"], "All is calm.", "the block is no part of what the role said");
    let next = workspace.trigger("load");
    ends(&workspace, &next, "completed", 0);
    assert_eq!(model.asked().len(), 3, "the daemon remembers that the endpoint has no schemas");
}

#[test]
fn an_answer_without_a_meta_is_sent_back_twice_and_then_the_thread_fails() {
    let model = Model::serve(|_| Answer::text("I would rather not say."));
    let workspace = asking(&model, "");
    let id = workspace.trigger("load");
    let thread = ends(&workspace, &id, "failed", 1);
    assert!(thread["reason"].as_str().is_some_and(|reason| reason.contains("`analyst`") && reason.contains("no meta")), "{thread:#}");
    let requests = model.asked();
    assert_eq!(requests.len(), 3, "{requests:#?}");
    let (speaker, answer) = requests[1].message(2);
    assert_eq!((speaker, answer), ("assistant", "I would rather not say."));
    let refusals = workspace.entries(&id).into_iter().filter(|entry| entry.kind == "step_meta_refused").count();
    assert_eq!(refusals, 3);
}

#[test]
fn an_answer_that_was_mended_when_asked_again_completes_the_step() {
    let model = Model::serve(|asked| match asked.body["messages"].as_array().map(Vec::len) {
        Some(2) => Answer::text("It is calm, I think."),
        _ => Answer::text(NOTHING_TO_DO),
    });
    let workspace = asking(&model, "");
    let id = workspace.trigger("load");
    let thread = ends(&workspace, &id, "completed", 0);
    assert_eq!(model.asked().len(), 2);
    assert_eq!(thread["usage"]["calls"], 2, "{thread:#}");
}

#[test]
fn a_missing_key_is_named_and_a_dot_env_supplies_it_to_a_running_daemon() {
    let model = Model::serve(calm);
    let workspace = TestWorkspace::new(&with_model(&model, ""));
    let daemon = workspace.start();
    let id = workspace.trigger("load");
    let thread = ends(&workspace, &id, "failed", 1);
    let reason = thread["reason"].as_str().expect("a reason");
    assert!(reason.contains("TEST_KEY") && reason.contains(".env"), "{reason}");
    assert_eq!(model.asked().len(), 0);

    workspace.write(".env", &format!("TEST_KEY={KEY}\n"));
    let id = workspace.trigger("load");
    ends(&workspace, &id, "completed", 0);
    assert_eq!(workspace.status()["pid"], daemon);
    assert_eq!(model.asked()[0].authorization.as_deref(), Some(format!("Bearer {KEY}").as_str()));
}

#[test]
fn anchor_b05_five_failures_in_a_row_hold_calls_until_the_limits_are_reset() {
    let model = Model::serve(|_| Answer::error(404, "no such model", "model_not_found"));
    let workspace = asking(&model, "");
    for n in 1..=5 {
        let id = workspace.trigger("load");
        ends(&workspace, &id, "failed", 1);
        let failures = || (workspace.status()["limits"]["failures_in_a_row"] == n).then_some(());
        workspace.until("the failure to be counted", SOON, failures);
    }
    let held = workspace.trigger("load");
    let says_why = || {
        let status = workspace.status();
        let why = status["limits"]["waiting"].as_str()?;
        assert!(why.contains("5 calls failed in a row") && why.contains("nerve limits reset"), "{why}");
        Some(())
    };
    workspace.until("status to say what waits", SOON, says_why);
    // The brake is in the store: another daemon keeps it.
    workspace.kill_daemon();
    workspace.start_with(&[("TEST_KEY", KEY)]);
    workspace.until("status to say what waits after a restart", SOON, says_why);
    assert_eq!((model.asked().len(), &workspace.show(&held)["state"]), (5, &json!("started")));

    model.says(calm);
    workspace.ok(&["limits", "reset"]);
    ends(&workspace, &held, "completed", 0);
    let limits = workspace.status()["limits"].clone();
    assert_eq!((&limits["waiting"], &limits["failures_in_a_row"]), (&Value::Null, &json!(0)), "{limits}");
}

#[test]
fn a_provider_is_asked_no_more_at_once_than_it_takes() {
    let model = Model::serve(|asked| calm(asked).after(Duration::from_millis(150)));
    let workspace = asking(&model, ", max_concurrent: 1");
    let ids: Vec<String> = (0..6).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    for id in &ids {
        ends(&workspace, id, "completed", 0);
    }
    assert_eq!((model.asked().len(), model.most_at_once()), (6, 1));
}

#[test]
fn a_call_that_the_daemons_end_cut_off_is_repeated_and_an_answered_one_is_not() {
    let model = Model::serve(|asked| calm(asked).after(Duration::from_millis(800)));
    let workspace = asking(&model, "");
    let answered = workspace.trigger("answered");
    ends(&workspace, &answered, "completed", 0);
    let cut_off = workspace.trigger("cut off");
    workspace.until("the second call", SOON, || (model.asked().len() == 2).then_some(()));
    workspace.kill_daemon();
    workspace.start_with(&[("TEST_KEY", KEY)]);
    let thread = ends(&workspace, &cut_off, "completed", 0);
    assert_eq!(thread["steps"][0]["attempt"], 2, "{thread:#}");
    let prompts: Vec<String> = model.asked().iter().map(|asked| asked.message(1).1.to_owned()).collect();
    assert_eq!(prompts, ["answered", "cut off", "cut off"]);
}
