//! `nerve adapter` and `nerve usage`: what answers for roles, whether it works, and what it cost.

mod support;

use serde_json::{Value, json};
use support::TestWorkspace;
use support::model::{Answer, Asked, Model};

const KEY: &str = "sk-test-0815-secret";

fn config(url: &str, more: &str) -> String {
    format!(
        "providers:
  local: {{ base_url: {url}, model: m, api_key: \"${{TEST_KEY}}\" }}
adapters:
  analyst: {{ kind: llm, provider: local }}
  fixer: {{ kind: scripted, replies: replies.yaml }}
workflows:
  explain-load: {{ concurrency: 4 }}
{more}"
    )
}

fn asking(model: &Model, more: &str) -> TestWorkspace {
    let workspace = TestWorkspace::new(&config(&model.url(), more));
    workspace.start_with(&[("TEST_KEY", KEY)]);
    workspace
}

#[test]
fn a_test_of_an_adapter_that_works_is_one_line_and_one_call() {
    let model = Model::serve(|_| Answer::text(r#"{"ok":true}"#));
    let workspace = asking(&model, "prices: { m: { input: 1, output: 2 } }\n");
    let output = workspace.run(&["adapter", "test", "analyst"]).exits(0);
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    assert!(output.stdout.starts_with("analyst (local/m): ok, model served, schema by native, "), "{output:?}");
    assert!(output.stdout.trim_end().ends_with("40 tokens in, 7 out, cost $0.000054"), "{output:?}");
    assert_eq!(model.asked().len(), 1);
    let scripted = workspace.ok(&["adapter", "test", "fixer"]);
    assert_eq!((&scripted["ok"], &scripted["cost"]), (&json!(true), &json!("$0")), "{scripted:#}");
    assert_eq!(model.asked().len(), 1);
    assert!(workspace.root().join(".nerve/run/calls").read_dir().map_or(true, |mut left| left.next().is_none()), "a trial left its folder");
}

#[test]
fn a_test_says_which_of_key_credit_model_network_and_answer_is_wrong() {
    let model = Model::serve(|_| Answer::text("{}"));
    let workspace = asking(&model, "");
    let wrong = |says: fn(&Asked) -> Answer| -> Value {
        model.says(says);
        let output = workspace.run(&["adapter", "test", "analyst", "--json"]).exits(1);
        assert!(!output.stdout.contains(KEY) && !output.stderr.contains(KEY), "{output:?}");
        // None of these is to hold the next one up.
        workspace.ok(&["limits", "reset"]);
        output.json()["problem"]["which"].clone()
    };
    assert_eq!(wrong(|_| Answer::error(401, &format!("Incorrect API key provided: {KEY}"), "invalid_api_key")), "auth");
    assert_eq!(wrong(|_| Answer::error(402, "no credit", "insufficient_quota")), "quota");
    assert_eq!(wrong(|_| Answer::error(404, "The model `m` does not exist", "model_not_found")), "model");
    assert_eq!(wrong(|_| Answer::text("I would rather not.")), "answer");
    let plain = workspace.run(&["adapter", "test", "analyst"]).exits(1);
    assert!(plain.stdout.starts_with("analyst (local/m): wrong: answer: it answered, but not as asked: "), "{plain:?}");
    let unknown = workspace.run(&["adapter", "test", "nobody", "--json"]).exits(5);
    assert_eq!(unknown.error()["code"], "NV0319", "{unknown:?}");
}

#[test]
fn a_variable_that_is_missing_is_listed_and_told_by_the_test() {
    let workspace = TestWorkspace::new(&config("http://127.0.0.1:9/v1", ""));
    let list = workspace.ok(&["adapter", "list"]);
    assert_eq!(list["items"][0]["missing"], json!(["TEST_KEY"]), "{list:#}");
    assert_eq!((&list["items"][1]["name"], &list["items"][1]["missing"]), (&json!("fixer"), &json!([])), "{list:#}");
    workspace.start();
    let test = workspace.run(&["adapter", "test", "analyst", "--json"]).exits(1).json();
    assert_eq!(test["problem"]["which"], "auth", "{test:#}");
    let plain = workspace.run(&["adapter", "list"]).exits(0);
    assert!(plain.stdout.contains("TEST_KEY is not set"), "{plain:?}");
}

/// The counts of a usage, without the rest.
fn counts(usage: &Value) -> [u64; 5] {
    ["calls", "input_tokens", "output_tokens", "nano_usd", "priced_calls"].map(|name| usage[name].as_u64().unwrap_or(0))
}

fn added<'a>(all: impl Iterator<Item = &'a Value>) -> [u64; 5] {
    all.map(counts).fold([0; 5], |mut sum, one| {
        sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        sum
    })
}

#[test]
fn the_sums_of_steps_threads_workflows_days_roles_and_models_are_the_same() {
    let model = Model::serve(|_| Answer::text(r#"{"actionable":true,"culprit":"backup"}"#));
    let workspace = asking(&model, "prices: { local/m: { input: 1, output: 2 } }\n");
    let priced: Vec<String> = (0..3).map(|n| workspace.trigger(&format!("load {n}"))).collect();
    let mut threads: Vec<Value> = priced.iter().map(|id| workspace.completes(id)).collect();
    // From here on nobody knows a price.
    workspace.reconfigure(&config(&model.url(), ""));
    threads.push(workspace.completes(&workspace.trigger("a load of unknown price")));
    model.says(|_| Answer::error(401, "no", "invalid_api_key"));
    threads.push(workspace.ended(&workspace.trigger("a load that fails")));
    for thread in &threads {
        let steps = thread["steps"].as_array().expect("steps");
        assert_eq!(added(steps.iter().map(|step| &step["usage"])), counts(&thread["usage"]), "{thread:#}");
    }
    let all = added(threads.iter().map(|thread| &thread["usage"]));
    assert_eq!(threads[3]["cost"], "?", "{:#}", threads[3]);
    assert_eq!(threads[0]["cost"], "$0.000054", "{:#}", threads[0]);
    for by in ["workflow", "day", "role", "model"] {
        let report = workspace.ok(&["usage", "--by", by]);
        let items = report["items"].as_array().expect("items");
        assert_eq!(added(items.iter().map(|item| &item["usage"])), all, "{report:#}");
        assert_eq!(counts(&report["sum"]["usage"]), all, "{report:#}");
        assert_eq!(report["sum"]["cost"], "$0.00016 + ?", "{report:#}");
    }
    let report = workspace.ok(&["usage"]);
    assert_eq!((&report["items"][0]["name"], &report["items"][0]["threads"]), (&json!("explain-load"), &json!(5)), "{report:#}");
    let roles = workspace.ok(&["usage", "--by", "role"]);
    let names: Vec<&str> = roles["items"].as_array().expect("items").iter().filter_map(|item| item["name"].as_str()).collect();
    assert_eq!(names, ["analyst", "fixer"], "{roles:#}");
    let none = workspace.ok(&["usage", "--since", "1ms"]);
    assert_eq!((&none["items"], &none["sum"]["cost"]), (&json!([]), &json!("$0")), "{none:#}");
}

#[test]
fn a_failed_call_is_in_the_journal_with_what_it_cost_and_what_proves_it() {
    let model = Model::serve(|_| Answer::error(401, "no such key", "invalid_api_key"));
    let workspace = asking(&model, "");
    let id = workspace.trigger("load");
    workspace.ended(&id);
    let entry = workspace.entries(&id).into_iter().find(|entry| entry.kind == "call_failed").expect("the failure");
    let failure = &entry.payload["call_failed"]["failure"];
    assert_eq!((&failure["kind"], &failure["record"]["adapter"]), (&json!("auth"), &json!("local/m")), "{failure:#}");
    let plain = workspace.run(&["thread", "inspect", &id]).exits(0);
    assert!(plain.stdout.contains("call_failed"), "{plain:?}");
}
