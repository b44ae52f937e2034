//! Holds the reference pages in `docs/` to the code: every key, default, code, frame and entry.
#![cfg(feature = "config")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nerve_core::config::{
    Adapter, AgentSettings, Api, CliAdapter, Config, Limits, LlmAdapter, Overflow, Retention, ScriptedAdapter, SenseConfig, Supervision,
    WorkflowConfig, json_schema, parse,
};
use nerve_core::thread::{Entry, Rules};
use nerve_core::wire::{ToDaemon, ToWorker};
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(repository().join("docs").join(name)).expect("a page")
}

/// The cells of each row of each table, without the heads.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells = lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect());
    cells.filter(|cells: &Vec<String>| !matches!(cells[0].as_str(), "key" | "code" | "type")).collect()
}

/// Every key of the schema that holds a plain value, with its default as the page writes it.
fn keys(schema: &Value, at: &str, kind: &str, found: &mut BTreeMap<String, String>) {
    for branch in ["anyOf", "oneOf"].iter().flat_map(|of| schema[of].as_array().into_iter().flatten()) {
        let kind = branch["properties"]["kind"]["const"].as_str().map(|kind| format!(" ({kind})"));
        keys(branch, at, kind.as_deref().unwrap_or_default(), found);
    }
    if schema["additionalProperties"].is_object() {
        keys(&schema["additionalProperties"], &format!("{at}.NAME"), "", found);
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{key}");
        let before = found.len();
        keys(property, &at, "", found);
        if found.len() == before {
            let default = match &property["default"] {
                _ if required.contains(&key.as_str()) => "required".to_owned(),
                Value::Bool(yes) => yes.to_string(),
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => "none".to_owned(),
            };
            found.insert(format!("`{}`{kind}", at.trim_start_matches('.')), default);
        }
    }
}

#[test]
fn the_page_has_every_key_with_its_default() {
    let mut of_the_types = BTreeMap::new();
    keys(&json_schema(), "", "", &mut of_the_types);
    let rows = rows(&page("config.md"));
    let of_the_page: BTreeMap<String, String> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(rows.len(), of_the_page.len(), "a key stands twice");
    assert_eq!(of_the_page, of_the_types);
}

#[test]
fn the_defaults_are_those_that_were_promised() {
    let seconds = Duration::from_secs;
    let Config { max_rounds, api, limits, retention, supervision, .. } = Config::default();
    assert_eq!(max_rounds, 10);
    assert_eq!(api, Api { host: "127.0.0.1".to_owned(), port: None, token: None });
    assert_eq!(limits, Limits { calls_per_hour: 200, failures_in_a_row: 5 });
    assert_eq!(retention, Retention { days: 30, max_ticks: 10_000 });
    let promised = Supervision {
        ready: seconds(10),
        workflow_drain: seconds(30),
        worker_drain: seconds(10),
        sense_drain: seconds(5),
        term_grace: seconds(3),
        kill_cancel: seconds(2),
        kill_term: seconds(1),
        respawn_min: Duration::from_millis(100),
        respawn_max: seconds(5),
        crash_limit: 6,
        crash_window: seconds(60),
        decide: seconds(5),
    };
    assert_eq!(supervision, promised);
    assert_eq!(Rules::default(), Rules { max_reasks: 2, reask_tokens: 200_000 });
}

#[test]
fn names_with_nothing_after_them_have_the_promised_defaults() {
    let source = "providers: { p: { base_url: http://127.0.0.1/v1 } }\n\
                  adapters: { model: { kind: llm, provider: p }, script: { kind: scripted }, agent: { kind: cli, command: [agent] } }\nsenses: { s: }\nworkflows: { w: }\n";
    let config = parse(source, "nerve.yaml").config.expect("a sound file");
    let sense = SenseConfig {
        group: "default".to_owned(),
        interval: None,
        throttle: None,
        timeout: Duration::from_secs(30),
        grace_period: Duration::from_secs(5),
        on: Vec::new(),
    };
    assert_eq!(config.senses["s"], sense);
    let workflow = WorkflowConfig {
        concurrency: 1,
        overflow: Overflow::Queue,
        max_queue: 100,
        max_rounds: None,
        workdir: None,
        roles: BTreeMap::new(),
    };
    assert_eq!(config.workflows["w"], workflow);
    let Adapter::Llm(LlmAdapter { idle, common, .. }) = &config.adapters["model"] else { panic!("it is a model") };
    assert_eq!((*idle, common.timeout, common.max_concurrent), (Duration::from_secs(120), Duration::from_secs(300), None));
    let Adapter::Scripted(ScriptedAdapter { delay, common, .. }) = &config.adapters["script"] else { panic!("it is scripted") };
    assert_eq!((*delay, common.timeout), (None, Duration::from_secs(300)));
    let Adapter::Cli(CliAdapter { agent: AgentSettings { idle, exclusive, env, .. }, common, .. }) = &config.adapters["agent"] else {
        panic!("it is a command")
    };
    assert_eq!((*idle, *exclusive, env.len(), common.timeout), (Duration::from_secs(120), true, 0, Duration::from_secs(300)));
}

/// Every code that a source names, tests left out.
fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("readable").path();
        // The repository itself may lie anywhere.
        let inside = path.strip_prefix(repository()).expect("a source of this repository");
        let is_test = inside.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
        if path.is_dir() {
            codes_in(&path, found);
        } else if !is_test && path.extension().is_some_and(|end| end == "rs") {
            let source = std::fs::read_to_string(&path).expect("text");
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            let quoted = code.split("\"NV").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(quoted.filter(|digits| digits.len() == 4).map(|digits| format!("NV{digits}")));
        }
    }
}

#[test]
fn the_page_has_every_error_code() {
    let mut of_the_sources = BTreeSet::new();
    for package in ["nerve-core", "nerve-runtime", "nerve-cli"] {
        codes_in(&repository().join(package).join("src"), &mut of_the_sources);
    }
    let rows = rows(&page("errors.md"));
    let of_the_page: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(rows.len(), of_the_page.len(), "a code stands twice");
    assert_eq!(of_the_page, of_the_sources);
}

/// The JSON lines of a page under each of its headings, which name what they show.
fn examples(page: &str, level: &str) -> Vec<(String, String)> {
    let heading = format!("\n{level} `");
    let sections = page.split(&heading).skip(1);
    let named = sections.flat_map(|section| {
        let name = section.split('`').next().unwrap_or_default().to_owned();
        let section = section.split("\n## ").next().unwrap_or_default();
        let lines = section.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()).flat_map(str::lines);
        lines.map(move |line| (name.clone(), line.to_owned())).collect::<Vec<_>>()
    });
    named.collect()
}

#[test]
fn the_examples_of_the_protocol_are_its_frames() {
    let page = page("protocol.md");
    let (to_worker, to_daemon) = page.split_once("\n## From the worker").expect("two directions");
    let mut seen = BTreeSet::new();
    for (name, line) in examples(to_worker, "###") {
        let frame: ToWorker = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
        assert_eq!(serde_json::to_value(&frame).expect("JSON"), serde_json::from_str::<Value>(&line).expect("JSON"), "{name}");
        seen.insert(tag(&line));
        assert_eq!(tag(&line), name);
    }
    for (name, line) in examples(to_daemon, "###") {
        let frame: ToDaemon = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
        assert_eq!(serde_json::to_value(&frame).expect("JSON"), serde_json::from_str::<Value>(&line).expect("JSON"), "{name}");
        seen.insert(tag(&line));
        assert_eq!(tag(&line), name);
    }
    // A new kind of frame fails here until it is described.
    let known = format!("{}{}", unknown::<ToWorker>(), unknown::<ToDaemon>());
    for kind in known.split('`').skip(3).filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')) {
        assert!(seen.contains(kind), "no example of `{kind}`");
    }
}

/// What serde says of a frame that does not exist: it lists those that do.
fn unknown<T: serde::de::DeserializeOwned>() -> String {
    serde_json::from_str::<T>(r#"{"?":{}}"#).err().expect("no such frame").to_string()
}

fn tag(line: &str) -> String {
    line.split('"').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn the_examples_of_the_journal_are_its_entries() {
    let page = page("journal.md");
    let mut seen = BTreeSet::new();
    for (name, line) in examples(&page, "###") {
        let value: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
        assert_eq!(value["type"], name.as_str(), "{line}");
        seen.insert(name);
        if value["source"] == "workflow" {
            let payload = value["payload"].to_string();
            let entry: Entry = serde_json::from_str(&payload).unwrap_or_else(|error| panic!("{error}: {payload}"));
            assert_eq!(value["type"], entry.kind(), "{line}");
            assert_eq!(serde_json::to_value(&entry).expect("JSON"), value["payload"], "{line}");
        }
    }
    // The list is closed: the match of `Entry::kind` names them all.
    let source = std::fs::read_to_string(repository().join("nerve-core/src/thread/entry.rs")).expect("a source");
    let kinds = source.split("pub fn kind").nth(1).and_then(|rest| rest.split("pub fn").next()).expect("the match");
    for kind in kinds.split('"').skip(1).step_by(2) {
        assert!(seen.contains(kind), "no example of `{kind}`");
    }
    for state in ["completed", "failed", "killed", "dropped", "interrupted", "crashed"] {
        assert!(seen.contains(state), "no example of `{state}`");
    }
}
