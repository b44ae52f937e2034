//! Reading what people and models wrote: nerve.yaml, and a meta in an answer.

use nerve_adapters::host::Form;
use nerve_adapters::host::extract::{Extraction, read};
use nerve_core::RawJson;
use nerve_core::config::{Parsed, parse};

/// A model's answer, and how its meta was asked for.
#[derive(Debug, Clone)]
pub struct Answer {
    text: String,
    form: Form,
    schema: RawJson,
}

/// A nerve.yaml of a usual size.
pub fn config() -> String {
    include_str!("../../../workspace-template/nerve.yaml").to_owned()
}

/// Reads and checks it.
pub fn configure(source: &str) -> Parsed {
    let parsed = parse(source, "nerve.yaml");
    assert!(parsed.config.is_some(), "the template's nerve.yaml is sound");
    parsed
}

/// Two paragraphs and a tagged block.
pub fn tagged_answer() -> Answer {
    answer("```meta-fdzd5xduw9gi\n{\"actionable\": true, \"culprit\": \"rustc\"}\n```")
}

/// The same with an object in the prose, a comment and a trailing comma: the rung that takes longest.
pub fn prose_answer() -> Answer {
    answer("{\"actionable\": true, // somebody waits\n \"culprit\": \"rustc\",}")
}

fn answer(end: &str) -> Answer {
    let prose = "A build runs, and it takes all there is. Nothing else is the matter.\n\n".repeat(2);
    let schema = r#"{"type":"object","properties":{"actionable":{"type":"boolean"},"culprit":{"type":["string","null"]}},
        "required":["actionable","culprit"],"additionalProperties":false}"#;
    Answer {
        text: format!("{prose}{end}\n"),
        form: Form::TaggedBlock { tag: "meta-fdzd5xduw9gi".to_owned() },
        schema: RawJson::parse(schema).unwrap_or_default(),
    }
}

/// Reads the meta.
pub fn extract(answer: &Answer) -> Extraction {
    let extraction = read(&answer.text, &answer.form, &answer.schema, nerve_core::config::ExtractPolicy::default());
    assert!(matches!(extraction, Extraction::Meta { .. }), "a sound answer: {extraction:?}");
    extraction
}
