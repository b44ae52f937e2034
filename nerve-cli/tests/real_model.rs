//! A real small model, asked a hundred questions: each meta in the journal is what the text beside it says, or there is none.
#![allow(clippy::print_stderr, reason = "what was found is told, beside whether it is right")]

mod real;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use real::metas::{self, Went};
use real::served::Served;
use serde_json::json;
use support::{TestWorkspace, id_of};

/// How long the model may take for all questions.
const PATIENCE: Duration = Duration::from_secs(400);

/// How a meta is asked for: with the schema, and by a block at the end of the answer.
const WAYS: [&str; 2] = ["native", "tagged"];

/// What each role of `real/workspace/lib.rs` is asked, and the form in which it is shown an answer. A model this small repeats the form,
/// fills it in, or takes the schema for the answer; all of it is good to be read wrongly.
const QUESTIONS: [(&str, &str, [&str; 5]); 10] = [
    ("yes-no", r#"{"yes": true}"#, ["Is 7 more than 3?", "Is fire cold?", "Do fish swim?", "Is Paris in France?", "Is a stone alive?"]),
    (
        "painted",
        r#"{"colour": "yellow"}"#,
        ["Which colour is grass?", "Which colour is blood?", "Which colour is the sky?", "Which colour is a lemon?", "Pick a colour."],
    ),
    (
        "counted",
        r#"{"count": 6}"#,
        ["How many legs has a dog?", "How much is 2 plus 3?", "How many days has a week?", "Count: a, b, c.", "How many suns have we?"],
    ),
    (
        "scored",
        r#"{"score": 7, "sure": false}"#,
        ["Rate fresh bread.", "Rate a broken chair.", "Rate clean water.", "Rate a long queue.", "Rate sunshine."],
    ),
    (
        "sized",
        r#"{"size": "medium_sized", "note": "for a dog"}"#,
        ["How big is a mouse?", "How big is a whale?", "How big is a table?", "How big is an ant?", "How big is a house?"],
    ),
    (
        "listed",
        r#"{"colours": ["green", "other"]}"#,
        ["Name the colours of a traffic light.", "Name no colour.", "Name two colours.", "List red and blue.", "Colours of a rose?"],
    ),
    (
        "placed",
        r#"{"point": {"x": 1, "y": -2}}"#,
        ["Where is the origin?", "Go 2 right and 3 up from 0, 0.", "Pick a point.", "Give x 4 and y -4.", "Go one down from 0, 0."],
    ),
    (
        "person",
        r#"{"name": "Eve", "age": null}"#,
        ["Who are you?", "Anna is 30. Who is she?", "Bob has no known age. Who is he?", "Invent a person.", "Who is Ada, 36?"],
    ),
    (
        "reviewed",
        r#"{"verdict": "fail", "issues": ["spelling"]}"#,
        ["Review: 1 + 1 = 2.", "Review: 1 + 1 = 3.", "Review: teh cat sat.", "Review: all is well.", "Review: an empty page."],
    ),
    (
        "ordered",
        r#"{"item": {"colour": "red", "amount": 2}, "paid": true}"#,
        ["Order 3 red balls, paid.", "Order one blue pen, not paid.", "Order 2 green cups.", "I paid for 9 yellow hats.", "Order."],
    ),
];

#[test]
#[ignore = "needs a real small model; .ci/real-components runs it"]
fn every_meta_of_a_real_small_model_is_what_its_text_says_or_there_is_none() {
    let models = WAYS.map(|_| Served::start());
    let workspace = built();
    workspace.configure(&config([models[0].url(), models[1].url()]));
    workspace.start();

    let begun = Instant::now();
    let mut asked = Vec::new();
    for (role, form, questions) in QUESTIONS {
        for way in WAYS {
            for question in questions {
                let trigger = format!("workflows/{role}-{way}/trigger");
                let prompt = format!("{question}\nYour answer has this form:\n```json\n{form}\n```");
                asked.push((way, id_of(&workspace.post(&trigger, &json!({ "prompt": prompt }), || {}))));
            }
        }
        // Role by role, so that the server still knows how the questions begin.
        for (_, id) in asked.iter().rev().take(2 * questions.len()) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            workspace.until(&format!("the end of {id}"), left, || (!workspace.show(id)["ended_at"].is_null()).then_some(()));
        }
    }
    assert_eq!(asked.len(), 100);

    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (way, id) in &asked {
        let thread = workspace.show(id);
        let state = thread["state"].as_str().unwrap_or_default();
        let outcome = match metas::judge(state, thread["reason"].as_str(), &workspace.entries(id)) {
            Went::Read(rung) => format!("answered, {rung}"),
            Went::Refused(reason) => {
                *reasons.entry(short(&reason)).or_default() += 1;
                "refused".to_owned()
            }
            Went::Wrong(how) => {
                wrong.push(format!("{way} {id}: {how}"));
                "WRONG".to_owned()
            }
        };
        *counts.entry((way, outcome)).or_default() += 1;
    }

    eprintln!("100 questions in {:.0?}:", begun.elapsed());
    for ((way, outcome), count) in &counts {
        eprintln!("  {way}: {count} {outcome}");
    }
    for (reason, count) in &reasons {
        eprintln!("  refused {count} times: {reason}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts.keys().any(|(way, outcome)| *way == "native" && outcome.starts_with("answered")), "nothing was answered at all");
}

/// The reason without the role that it is about, and without what differs from answer to answer.
fn short(reason: &str) -> String {
    let about = reason.split_once('`').and_then(|(before, rest)| Some(format!("{before}`…`{}", rest.split_once('`')?.1)));
    about.unwrap_or_default().chars().take(140).collect()
}

/// A workspace with the sources of `real/workspace`, built by `nerve build`.
fn built() -> TestWorkspace {
    let workspace = TestWorkspace::new(&config(["http://127.0.0.1:9/v1"; 2]));
    for folder in ["src/senses", "src/workflows", "tests"] {
        fs::remove_dir_all(workspace.root().join(folder)).expect("a folder of the template");
    }
    workspace.write("src/lib.rs", include_str!("real/workspace/lib.rs"));
    // Cargo's own files are where they are for whoever runs this.
    let cargo = std::env::vars().filter(|(name, _)| name.starts_with("CARGO_HOME") || name.starts_with("RUSTUP_") || name == "HOME");
    let output = workspace.command(&["build"]).envs(cargo).output().expect("nerve");
    assert!(output.status.success(), "nerve build: {}", String::from_utf8_lossy(&output.stderr));
    workspace
}

/// Two providers, a server each, which take the same requests: what is said of schemas to the one the other is not told.
fn config([native, tagged]: [&str; 2]) -> String {
    let workflows: String =
        QUESTIONS.iter().flat_map(|(role, ..)| WAYS.map(|way| format!("  {role}-{way}: {{ concurrency: 1, max_rounds: 1 }}\n"))).collect();
    format!(
        "providers:
  native: {{ base_url: '{native}', model: smollm2, dialect: llama-cpp, max_concurrent: 1 }}
  tagged: {{ base_url: '{tagged}', model: smollm2, dialect: generic, max_concurrent: 1 }}
adapters:
  native: {{ kind: llm, provider: native, timeout: 60s }}
  tagged: {{ kind: llm, provider: tagged, timeout: 60s }}
limits: {{ calls_per_hour: 1000, failures_in_a_row: 1000 }}
workflows:
{workflows}"
    )
}
