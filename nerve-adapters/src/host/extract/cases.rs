//! What agents really write: each text either gives exactly this meta, or none.

use nerve_core::{RawJson, schema_for};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Verdict {
    pass: bool,
    score: Option<u8>,
    reason: Option<String>,
    level: Option<Level>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Low,
    High,
}

const TAG: &str = "meta-k3j9";

fn tagged() -> Form {
    Form::TaggedBlock { tag: TAG.into() }
}

fn native() -> Form {
    Form::NativeSchema { name: "judge".into(), tag: TAG.into() }
}

fn reading(text: &str, form: &Form) -> Extraction {
    read(text, form, &schema_for::<Verdict>().into_json(), ExtractPolicy::Lossless)
}

/// The meta and its rung, or `None` when it was refused with reasons.
fn outcome(text: &str, form: &Form) -> Option<(Value, &'static str)> {
    match reading(text, form) {
        Extraction::Meta { meta, rung, .. } => Some((meta.read().unwrap_or_default(), rung)),
        Extraction::Refused { errors } => {
            assert!(!errors.is_empty() && errors.len() <= 10 && errors.iter().all(|error| error.chars().count() <= 400), "{errors:?}");
            None
        }
    }
}

#[test]
fn what_is_meant_is_recovered() {
    let pass = || json!({ "pass": true });
    for (text, meta, rung) in [
        // The block that was asked for.
        ("All good.\n\n```meta-k3j9\n{\"pass\": true}\n```", pass(), "tagged"),
        ("All good.\n\n```meta-k3j9\n{\"pass\": true}\n```\nLet me know if you need more.", pass(), "tagged"),
        ("```json meta-k3j9\n{\"pass\": true, // sure\n}\n```", pass(), "tagged"),
        ("~~~meta-k3j9\r\n{\"pass\": true}\r\n~~~\r\n", pass(), "tagged"),
        ("```meta-k3j9\n{\"pass\": true}", pass(), "tagged"),
        ("```meta-k3j9\n{\"pass\": true}\n```\nagain\n```meta-k3j9\n{ \"pass\":true }\n```", pass(), "tagged"),
        ("I ran:\n```sh\ncargo test\n\n```meta-k3j9\n{\"pass\": true}\n```", pass(), "tagged"),
        ("An example is {\"pass\": false}.\n```json\n{\"pass\": false}\n```\n```meta-k3j9\n{\"pass\": true}\n```", pass(), "tagged"),
        ("The log had:\n```meta-zzzz\n{\"pass\": false}\n```\n```meta-k3j9\n{\"pass\": true}\n```", pass(), "tagged"),
        ("<think>maybe {\"pass\": false}</think>\n```meta-k3j9\n{\"pass\": true}\n```", pass(), "tagged"),
        ("```meta-k3j9\n{\"pass\": true, \"pass\": true}\n```", pass(), "tagged"),
        (
            "```meta-k3j9\n{\"pass\": false, \"reason\": \"a {b} \\\"c\\\" ```\"}\n```",
            json!({ "pass": false, "reason": "a {b} \"c\" ```" }),
            "tagged",
        ),
        (
            "```meta-k3j9\n{\"pass\": true, \"extra\": 1, \"score\": 3, \"reason\": null, \"level\": \"low\"}\n```",
            json!({ "pass": true, "extra": 1, "score": 3, "reason": null, "level": "low" }),
            "tagged",
        ),
        ("```meta-k3j9\n{\"pass\": false, \"reason\": \"<defunct>\"}\n```", json!({ "pass": false, "reason": "<defunct>" }), "tagged"),
        // Without it, one thing that can only be the answer.
        ("{\"pass\": true}", pass(), "tolerant"),
        ("Done.\n```json\n{\"pass\": true}\n```\n", pass(), "tolerant"),
        ("Done.\n```\n{\"pass\": true,}\n```\n", pass(), "tolerant"),
        ("Here is the result in the requested format:\n\n{\"pass\": true}\n\nAnything else?", pass(), "tolerant"),
        ("The verdict is {\"pass\": true}.", pass(), "tolerant"),
        ("Verdict: `{\"pass\": true}`", pass(), "tolerant"),
        ("{\n  \"pass\": true, /* all tests */\n  \"score\": 9,\n}", json!({ "pass": true, "score": 9 }), "tolerant"),
        ("The tool took {\"path\": \"src\"} and said fine.\n\n{\"pass\": true}", pass(), "tolerant"),
        ("fn main() { run(); }\n\nResult:\n{\"pass\": true}", pass(), "tolerant"),
        ("> {\"pass\": false}\n\nThe answer:\n{\"pass\": true}", pass(), "tolerant"),
        ("See [1] and [docs](http://x/y).\n{\"pass\": true}", pass(), "tolerant"),
        ("Result:\n{\"pass\": true}\n\n```json\n{\"pass\":true}\n```", pass(), "tolerant"),
        ("so it passes\n</think>\n\n{\"pass\": true}", pass(), "tolerant"),
        (
            "Résumé: tout va bien ✓\n```json\n{\"pass\": true, \"reason\": \"été\"}\n```",
            json!({ "pass": true, "reason": "été" }),
            "tolerant",
        ),
    ] {
        assert_eq!(outcome(text, &tagged()), Some((meta, rung)), "{text}\n{:?}", reading(text, &tagged()));
    }
    // Written otherwise, and it can only mean one thing.
    for text in [
        "{\"pass\": True}",
        "{'pass': true}",
        "{pass: true}",
        "{“pass”: true}",
        "[{\"pass\": true}]",
        "{\"result\": {\"pass\": true}}",
        "{\"Pass\": true}",
        "```meta-k3j9\npass: true\n```",
        "```meta-k3j9\n<pass>true</pass>\n```",
        "```meta-k3j9\n{'pass': True, /* sure */}\n```",
        "The verdict:\n\n{'pass': True}",
    ] {
        assert_eq!(outcome(text, &tagged()).map(|(meta, _)| meta), Some(pass()), "{text}\n{:?}", reading(text, &tagged()));
    }
    for (text, reason) in [
        ("{'pass': false, 'reason': \"it's full\"}", "it's full"),
        ("{'pass': false, 'reason': 'it\\'s \"full\"'}", "it's \"full\""),
        ("{\"pass\": false, \"reason\": \"two\nlines\"}", "two\nlines"),
        ("{\"pass\": false, \"REASON\": \"x\"}", "x"),
        ("```meta-k3j9\npass: false\nreason: the disk: it is full\n```", "the disk: it is full"),
        ("```meta-k3j9\n<pass>false</pass>\n<reason>it is full</reason>\n```", "it is full"),
    ] {
        assert_eq!(
            outcome(text, &tagged()).map(|(meta, _)| meta),
            Some(json!({ "pass": false, "reason": reason })),
            "{text}\n{:?}",
            reading(text, &tagged())
        );
    }
    assert_eq!(outcome(" {\"pass\": true}\n", &native()), Some((pass(), "native")));
    assert_eq!(outcome("{\"pass\": true,}", &native()), Some((pass(), "tolerant")));
    assert_eq!(outcome("Sure!\n```json\n{\"pass\": true}\n```", &native()), Some((pass(), "tolerant")));
}

#[test]
fn what_would_be_a_guess_is_refused() {
    for text in [
        "",
        "It passes.",
        "true",
        "pass",
        // Cut off.
        "{\"pass\": tr",
        "{\"pass\": true, \"reason\": \"the disk is",
        "{\"pass\": true, \"score\": 9",
        "```meta-k3j9\n{\"pass\": true, \"score\": 9",
        "```json\n{\"pass\": true\n```",
        "{\"pass\": true}\n\nFinal: {\"pass\": fal",
        "{\"wrapped\": [1, {\"pass\": true}",
        // Not what the schema says; nothing is converted.
        "{\"pass\": \"true\"}",
        "{\"pass\": \"yes\"}",
        "{\"pass\": 1}",
        "{\"pass\": null}",
        "{\"pass\": true, \"score\": 7.5}",
        "{\"pass\": true, \"score\": \"7/10\"}",
        "{\"pass\": true, \"score\": 80%}",
        "{\"pass\": true, \"score\": 300}",
        "{\"pass\": true, \"level\": \"High\"}",
        "{\"pass\": true, \"level\": \"not high\"}",
        "pass: true",
        "{'pass': true, 'reason': 'it's full'}",
        "{'pass': true, 'reason': 'C:\\dir'}",
        "{\"pass\": true, \"reason\": \"the disk\n\"level\": \"low\"}",
        "{pass: yes}",
        "{\"pass\": true, \"Reason\": \"x\", \"REASON\": \"y\"}",
        "[{\"pass\": true}, {\"pass\": true}]",
        "{\"a\": {\"pass\": true}, \"b\": {\"pass\": false}}",
        "```meta-k3j9\npass: true",
        "```meta-k3j9\npass: true\npass: false\n```",
        "```meta-k3j9\npass: does not pass\n```",
        "```meta-k3j9\n<pass>not true</pass>\n```",
        "{\"pass\": true, \"score\": \"1,234\"}",
        // Two answers.
        "{\"pass\": true, \"pass\": false}",
        "{\"pass\": true} or {\"pass\": false}",
        "```json\n{\"pass\": true}\n```\n```json\n{\"pass\": false}\n```",
        "```json\n{\"pass\": true}\n{\"pass\": false}\n```",
        "```meta-k3j9\n{\"pass\": true}\n```\n```meta-k3j9\n{\"pass\": false}\n```",
        "```meta-k3j9\n{\"pass\": true}\n```\n```meta-k3j9\n{\"pass\":\n```",
        "```meta-k3j9\n{\"pass\": true}\n```\nWait, that was wrong: it does not pass.",
        "```meta-k3j9\n{\"pass\": true}\n```\nFinal: {\"pass\": false}",
        "{\"pass\": true}\n\nActually it should be false.",
        "Draft:\n{\"pass\": true}\n\n{\"pass\": \"no\"}",
        "```text\n{\"pass\": false}\n```\n{\"pass\": true}",
        // Not meant as the answer.
        "I would say {\"pass\": true} if the tests had run.",
        "For example: {\"pass\": true}",
        "It is not the case that {\"pass\": true}.",
        "An answer like {\"pass\": true} would be wrong.",
        "> {\"pass\": true}",
        "```meta-zzzz\n{\"pass\": true}\n```",
        "```rust\n{\"pass\": true}\n```",
        "call({ opts, {\"pass\": true} })",
        "The input was:\n```json\n{\"pass\": true}\n```\nIt looks fine to me.",
        // Placeholders, and the schema itself.
        "{\"pass\": true, \"reason\": \"<reason>\"}",
        "{\"pass\": true, \"reason\": \"...\"}",
        "{\"pass\": true, \"reason\": \"cpu|memory\"}",
        "```meta-k3j9\n{\"pass\": true, \"reason\": \"<short reason here>\"}\n```",
        "```meta-k3j9\n{\"pass\": <boolean>}\n```",
        "```meta-k3j9\n{\"type\": \"object\", \"properties\": {\"pass\": {\"type\": \"boolean\"}}}\n```",
        // A misspelt optional field would vanish.
        "{\"pass\": true, \"scores\": 3}",
        "<think>{\"pass\": true}",
    ] {
        for form in [tagged(), native()] {
            assert_eq!(outcome(text, &form), None, "{text}");
        }
    }
}

#[test]
fn a_policy_allows_less_or_more_and_never_a_guess() {
    let under = |text: &str, policy| match read(text, &tagged(), &schema_for::<Verdict>().into_json(), policy) {
        Extraction::Meta { meta, edits, .. } => {
            Some((meta.read::<Value>().unwrap_or_default(), edits.iter().map(ToString::to_string).collect::<Vec<_>>()))
        }
        Extraction::Refused { .. } => None,
    };
    let block = |body: &str| format!("```meta-k3j9\n{body}\n```");
    for body in ["{\"pass\": true,}", "{'pass': true}", "{\"Pass\": true}", "pass: true"] {
        assert_eq!(under(&block(body), ExtractPolicy::Strict), None, "{body}");
        assert!(under(&block(body), ExtractPolicy::Lossless).is_some(), "{body}");
    }
    assert_eq!(under("{\"pass\": true}", ExtractPolicy::Strict).map(|(meta, _)| meta), Some(json!({ "pass": true })));
    for (body, meta, edit) in [
        ("{\"pass\": \"true\"}", json!({ "pass": true }), "lossy: a type that was converted at /pass"),
        ("{\"pass\": true, \"score\": \"7\"}", json!({ "pass": true, "score": 7 }), "lossy: a type that was converted at /score"),
        ("{\"pass\": true, \"level\": \"HIGH\"}", json!({ "pass": true, "level": "high" }), "lossy: a choice in another case at /level"),
    ] {
        assert_eq!(under(&block(body), ExtractPolicy::Lossless), None, "{body}");
        assert_eq!(under(&block(body), ExtractPolicy::Lossy), Some((meta, vec![edit.to_owned()])), "{body}");
    }
    for body in [
        "{\"pass\": \"yes\"}",
        "{\"pass\": 1}",
        "{\"pass\": true, \"score\": 7.5}",
        "{\"pass\": true, \"score\": \"7/10\"}",
        "{\"pass\": true, \"score\": \"80%\"}",
        "{\"pass\": true, \"score\": \"1,234\"}",
        "{\"pass\": true, \"score\": \"7,5\"}",
        "{\"pass\": true, \"level\": \"not high\"}",
        "{\"pass\": true, \"level\": \"highest\"}",
        "{\"pass\": \"not true\"}",
        "{\"pass\": true, \"score\": \"9007199254740993.0\"}",
    ] {
        assert_eq!(under(&block(body), ExtractPolicy::Lossy), None, "{body}");
    }
}

#[test]
fn each_change_is_told_with_its_place() {
    let Extraction::Meta { edits, .. } = reading("```meta-k3j9\n{'pass': True, // sure\n REASON: \"x\",}\n```", &tagged()) else {
        panic!("read")
    };
    let told: Vec<String> = edits.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "lossless: other quotes than JSON's at byte 1",
            "lossless: a literal in Python's spelling at byte 9",
            "lossless: a comment at byte 15",
            "lossless: a key without quotes at byte 24",
            "lossless: a comma too much at byte 36",
            "lossless: a key in another spelling at /reason",
        ]
    );
}

#[test]
fn a_report_says_value_edits_or_reasons() {
    let schema = schema_for::<Verdict>().into_json();
    let report = offline("It is fine: {'pass': True,}", None, &schema, ExtractPolicy::Lossless);
    let told = serde_json::to_value(&report).unwrap_or_default();
    assert_eq!(
        (&told["outcome"], &told["value"], told["edits"].as_array().map(Vec::len)),
        (&json!("value"), &json!({ "pass": true }), Some(4)),
        "{told:#}"
    );
    let refused = serde_json::to_value(offline("It passes.", Some(TAG), &schema, ExtractPolicy::Lossless)).unwrap_or_default();
    assert_eq!((&refused["outcome"], &refused["value"]), (&json!("refused"), &Value::Null), "{refused:#}");
    assert!(refused["reasons"][0].as_str().is_some_and(|reason| reason.contains("no JSON")), "{refused:#}");
}

#[test]
fn a_plain_call_has_no_meta_and_a_block_is_not_looked_for_in_a_native_one() {
    assert_eq!(outcome("{\"pass\": true}", &Form::Plain), None);
    assert_eq!(outcome("```meta-k3j9\n{\"pass\": true}\n```", &native()), None);
}

#[test]
fn errors_say_path_expected_and_got() {
    let Extraction::Refused { errors } = reading("```meta-k3j9\n{\"pass\": \"yes\", \"level\": \"mid\"}\n```", &tagged()) else {
        panic!("read")
    };
    assert!(errors.contains(&"/pass: expected boolean, got \"yes\"".to_owned()), "{errors:?}");
    let Extraction::Refused { errors } = reading("{}", &native()) else { panic!("read") };
    assert_eq!(errors, ["the whole value: expected the property \"pass\", which is missing, got {}"]);
    let Extraction::Refused { errors } = reading("All fine.", &tagged()) else { panic!("read") };
    assert_eq!(errors, ["there is no JSON in the answer that could be the meta; there is no block that opens with ```meta-k3j9"]);
}

#[test]
fn numbers_and_strings_stay_as_written() {
    let text =
        "```meta-k3j9\n{\"pass\": true, \"x\": 0.10000000000000000001, \"score\": 1, \"reason\": \"\\u00e9\", \"level\": null,}\n```";
    let Extraction::Meta { meta, .. } = reading(text, &tagged()) else { panic!("{:?}", reading(text, &tagged())) };
    assert_eq!(meta.get(), r#"{"pass":true,"x":0.10000000000000000001,"score":1,"reason":"\u00e9","level":null}"#);
}

#[test]
fn bounds_hold() {
    for text in [
        "x".repeat(LONGEST + 1),
        "```meta\n".repeat(100_000),
        "{".repeat(1_000_000),
        "{\"a\":".repeat(200_000),
        "[".repeat(1_000_000),
        "{ x ".repeat(250_000),
        "> {\n".repeat(250_000),
    ] {
        assert_eq!(outcome(&text, &tagged()), None);
    }
}

#[test]
fn a_schema_of_another_type_is_read_from_where_it_must_stand() {
    let list = RawJson::parse(r#"{"type":"array","items":{"type":"string"}}"#).unwrap_or_default();
    let one = RawJson::parse(r#"{"type":"boolean"}"#).unwrap_or_default();
    assert!(matches!(
        read("```meta-k3j9\n[\"a\",]\n```", &tagged(), &list, ExtractPolicy::Lossless),
        Extraction::Meta { rung: "tagged", .. }
    ));
    assert!(matches!(read("true", &native(), &one, ExtractPolicy::Lossless), Extraction::Meta { rung: "native", .. }));
    assert!(matches!(read("```meta-k3j9\ntrue\n```", &tagged(), &one, ExtractPolicy::Lossless), Extraction::Meta { .. }));
    assert!(matches!(read("```meta-k3j9\ntrue", &tagged(), &one, ExtractPolicy::Lossless), Extraction::Refused { .. }));
    assert!(matches!(read("It is true.", &tagged(), &one, ExtractPolicy::Lossless), Extraction::Refused { .. }));
}

#[test]
fn a_schema_makes_no_request_and_a_bad_one_is_said() {
    let remote = RawJson::parse(r#"{"$ref":"https://example.com/schema.json"}"#).unwrap_or_default();
    let Extraction::Refused { errors } = read("{}", &native(), &remote, ExtractPolicy::Lossless) else { panic!("read") };
    assert!(errors[0].starts_with("the role's schema cannot be used"), "{errors:?}");
}

#[test]
fn the_second_model_may_say_none() {
    let schema = schema_for::<Verdict>().into_json();
    let conversation = second_model_conversation("It went well.", &schema, TAG);
    assert_eq!(conversation.start, "It went well.");
    assert!(matches!(read("NONE", &conversation.form, &schema, ExtractPolicy::Lossless), Extraction::Refused { .. }));
}
