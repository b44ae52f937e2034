//! The same question to every dialect: the same meta comes back, by one request, streamed or not; and the page for users says what is sent.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop where it fails")]

mod dialects;

use std::path::Path;

use dialects::{INPUT_TOKENS, KEY, OUTPUT_TOKENS, Vendor};
use nerve_adapters::host::extract::{self, Extraction};
use nerve_adapters::host::llm::{CallLimits, Endpoint, KeyIn, LlmClient, call, ways};
use nerve_adapters::host::{CallText, Conversation, Form};
use nerve_core::RawJson;
use nerve_core::config::{Dialect, Quirks, SchemaSupport};
use serde_json::{Value, json};

fn meta() -> Value {
    json!({ "pass": true, "why": "it is the backup, \"nightly\" – 9 °C", "parts": [{ "at": 3, "name": null }] })
}

fn conversation() -> Conversation {
    let schema = json!({
        "type": "object",
        "properties": {
            "pass": { "type": "boolean" },
            "why": { "type": "string" },
            "parts": { "type": "array", "items": { "$ref": "#/$defs/Part" } },
        },
        "required": ["pass", "why", "parts"],
        "$defs": {
            "Part": {
                "type": "object",
                "properties": { "at": { "type": "integer" }, "name": { "type": ["string", "null"] } },
                "required": ["at"],
            },
        },
    });
    Conversation {
        start: "The load is 9.".into(),
        steps: Vec::new(),
        prompt: "Judge.".into(),
        schema: Some(RawJson::parse(schema.to_string()).unwrap()),
        form: Form::NativeSchema { name: "judge".into(), tag: "meta-7".into() },
        reasks: Vec::new(),
    }
}

fn endpoint(vendor: &Vendor, dialect: Option<Dialect>, stream: Option<bool>) -> Endpoint {
    Endpoint { api_key: Some(KEY.into()), dialect, stream, max_tokens: Some(4096), ..Endpoint::new(&vendor.base_url, "o9-mini") }
}

fn read(text: &CallText) -> Value {
    match extract::read(&text.content, &text.form, conversation().schema.as_ref().unwrap(), nerve_core::config::ExtractPolicy::default()) {
        Extraction::Meta { meta, .. } => meta.read().unwrap(),
        Extraction::Refused { errors } => panic!("{errors:?}: {}", text.content),
    }
}

#[tokio::test]
async fn every_dialect_gives_the_same_meta_by_one_request_streamed_or_not() {
    for dialect in Dialect::ALL {
        let vendor = Vendor::start(dialect, meta());
        for stream in [None, Some(false), Some(true)] {
            // This vendor knows no streams at all, whatever nerve.yaml says.
            if (dialect, stream) == (Dialect::Generic, Some(true)) {
                continue;
            }
            let endpoint = endpoint(&vendor, Some(dialect), stream);
            let text = call(&LlmClient::new(), &endpoint, &conversation(), CallLimits::default()).await;
            let text = text.unwrap_or_else(|failure| panic!("{dialect:?}, stream {stream:?}: {failure}"));
            assert_eq!(read(&text), meta(), "{dialect:?}, stream {stream:?}");
            let usage = text.usage;
            assert_eq!(
                (usage.calls, usage.input_tokens, usage.output_tokens),
                (1, Some(INPUT_TOKENS), Some(OUTPUT_TOKENS)),
                "{dialect:?}, stream {stream:?}"
            );
            assert_eq!(text.evidence.limits.as_deref(), Some("requests: 59 of 60"));
            assert!(text.evidence.reasoning.is_none_or(|thought| thought == "The load is high."), "{dialect:?}, stream {stream:?}");
            let streamed = vendor.seen().last().unwrap()["stream"] == json!(true);
            let ways = endpoint.ways();
            assert_eq!(streamed, ways.stream && (ways.stream_with_schema || ways.schema == SchemaSupport::None), "{dialect:?}");
        }
    }
}

#[tokio::test]
async fn the_price_and_the_cached_tokens_come_along() {
    for (dialect, nano_usd, cached) in [
        (Dialect::OpenRouter, Some(1_400_000), None),
        (Dialect::DeepSeek, None, Some(8)),
        (Dialect::Moonshot, None, Some(8)),
        (Dialect::OpenAi, None, Some(8)),
    ] {
        let vendor = Vendor::start(dialect, meta());
        let text = call(&LlmClient::new(), &endpoint(&vendor, Some(dialect), None), &conversation(), CallLimits::default()).await.unwrap();
        assert_eq!((text.usage.nano_usd, text.usage.cache_read_tokens), (nano_usd, cached), "{dialect:?}");
    }
}

#[tokio::test]
async fn an_endpoint_of_a_dialect_that_nobody_named_is_found_out_once() {
    // Where the key goes, and what a route does unasked, nobody can find out.
    for dialect in Dialect::ALL.into_iter().filter(|dialect| !matches!(dialect, Dialect::Azure | Dialect::OpenRouter)) {
        let vendor = Vendor::start(dialect, meta());
        let client = LlmClient::new();
        let endpoint = endpoint(&vendor, None, None);
        let first = call(&client, &endpoint, &conversation(), CallLimits::default()).await;
        let first = first.unwrap_or_else(|failure| panic!("{dialect:?}: {failure}"));
        let second = call(&client, &endpoint, &conversation(), CallLimits::default()).await.unwrap();
        assert_eq!((read(&first), read(&second)), (meta(), meta()), "{dialect:?}");
        assert_eq!(second.usage.calls, 1, "{dialect:?}");
        assert!(first.usage.calls <= 5, "{dialect:?}: {:?}", first.evidence.failed_tries);
        assert_eq!(first.evidence.failed_tries.len() + 1, first.usage.calls as usize, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_quirk_changes_what_a_dialect_does() {
    let vendor = Vendor::start(Dialect::OpenAi, meta());
    let quirks = Quirks { schema: Some(SchemaSupport::None), stream_usage: Some(false), ..Quirks::default() };
    let endpoint = Endpoint { quirks, ..endpoint(&vendor, Some(Dialect::OpenAi), None) };
    let text = call(&LlmClient::new(), &endpoint, &conversation(), CallLimits::default()).await.unwrap();
    assert_eq!((read(&text), &text.form), (meta(), &Form::TaggedBlock { tag: "meta-7".into() }));
    let seen = vendor.seen();
    assert!(seen[0].get("response_format").is_none() && seen[0].get("stream_options").is_none() && seen[0]["stream"] == json!(true));
}

#[test]
fn the_page_says_what_each_dialect_does() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dialects.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let expected: Vec<String> = Dialect::ALL
        .into_iter()
        .map(|dialect| {
            let word = |value: Value| value.as_str().unwrap().to_owned();
            let ways = ways(Some(dialect));
            let cells = [
                format!("`{}`", word(json!(dialect))),
                word(json!(ways.schema)),
                yes(ways.stream).to_owned(),
                yes(ways.stream_with_schema).to_owned(),
                yes(ways.stream_usage).to_owned(),
                word(json!(ways.max_tokens)),
                yes(ways.inline_refs).to_owned(),
                if ways.key_in == KeyIn::ApiKey { "api-key" } else { "authorization" }.to_owned(),
            ];
            format!("| {} |", cells.join(" | "))
        })
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(ways(None), ways(Some(Dialect::OpenAi)));
}
