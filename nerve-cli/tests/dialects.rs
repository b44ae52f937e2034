//! The same workflow on one dialect after another, by changing one line of nerve.yaml while the daemon runs. Each server answers in its vendor's own
//! shape and refuses what its vendor refuses.

#[path = "../../nerve-adapters/tests/dialects/mod.rs"]
mod dialects;
mod support;

use dialects::{INPUT_TOKENS, KEY, OUTPUT_TOKENS, Vendor};
use nerve_core::config::Dialect;
use serde_json::json;
use support::TestWorkspace;

const DIALECTS: [(&str, Dialect); 8] = [
    ("openai", Dialect::OpenAi),
    ("deepseek", Dialect::DeepSeek),
    ("mistral", Dialect::Mistral),
    ("ollama", Dialect::Ollama),
    ("vllm", Dialect::Vllm),
    ("groq", Dialect::Groq),
    ("openrouter", Dialect::OpenRouter),
    ("gemini", Dialect::Gemini),
];

#[test]
fn one_line_takes_a_workflow_from_dialect_to_dialect() {
    let meta = json!({ "actionable": false, "culprit": "backup" });
    let vendors: Vec<(&str, Vendor)> = DIALECTS.map(|(name, dialect)| (name, Vendor::start(dialect, meta.clone()))).into();
    let config = |provider: &str| {
        let providers: String = vendors
            .iter()
            .map(|(name, vendor)| {
                format!(
                    "  {name}: {{ base_url: \"{}\", dialect: {name}, model: o9-mini, max_tokens: 512, api_key: \"${{TEST_KEY}}\" }}\n",
                    vendor.base_url
                )
            })
            .collect();
        format!(
            "providers:\n{providers}adapters:\n  analyst: {{ kind: llm, provider: {provider} }}\n  fixer: {{ kind: scripted, replies: replies.yaml }}\nworkflows:\n  explain-load:\n"
        )
    };
    let workspace = TestWorkspace::new(&config("openai"));
    workspace.start_with(&[("TEST_KEY", KEY)]);
    for (n, (name, vendor)) in vendors.iter().enumerate() {
        if n > 0 {
            workspace.reconfigure(&config(name));
        }
        let thread = workspace.completes(&workspace.trigger("load is 9"));
        let step = &thread["steps"][0];
        assert_eq!((&step["adapter"], &step["meta"]), (&json!(format!("{name}/o9-mini")), &meta), "{name}: {thread:#}");
        let tokens = (&step["usage"]["input_tokens"], &step["usage"]["output_tokens"]);
        assert_eq!(tokens, (&json!(INPUT_TOKENS), &json!(OUTPUT_TOKENS)), "{name}: {step:#}");
        assert_eq!(vendor.seen().len(), 1, "{name} was asked once");
    }
}
