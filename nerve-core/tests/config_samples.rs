//! Reads the sample files beside this one: the good ones without any finding, the bad ones against their recorded diagnostics.
#![cfg(feature = "config")]

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use jsonschema::Draft;
use nerve_core::config::{Adapter, CODES, Config, Overflow, Severity, Text, check_manifest, json_schema, parse, render};
use proptest::prelude::*;
use serde_json::{Value, json};

fn samples(folder: &str) -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(folder);
    let entries = fs::read_dir(folder).expect("the samples are there");
    let paths = entries.map(|entry| entry.expect("readable").path()).filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    paths.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), fs::read_to_string(&path).expect("text"))).collect()
}

fn config(source: &str) -> Config {
    let parsed = parse(source, "nerve.yaml");
    parsed.config.unwrap_or_else(|| panic!("{}", render(&parsed.diagnostics)))
}

/// What an editor sees: plain values, read without our own tree.
fn plain(source: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true, leading_zero_numbers_as_strings: true };
    serde_saphyr::from_str_with_options::<Option<Value>>(source, options).expect("readable").unwrap_or_else(|| json!({}))
}

#[test]
fn good_samples_have_no_findings() {
    for (name, source) in samples("good") {
        let parsed = parse(&source, "nerve.yaml");
        assert_eq!(render(&parsed.diagnostics), "", "{name}");
        assert!(parsed.config.is_some(), "{name}");
    }
}

#[test]
fn bad_samples_are_explained() {
    for (name, source) in samples("bad") {
        let parsed = parse(&source, "nerve.yaml");
        assert_eq!(parsed.config.is_none(), parsed.has_errors(), "{name}");
        insta::with_settings!({ description => source.clone(), omit_expression => true, snapshot_path => "config/bad", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, render(&parsed.diagnostics));
        });
    }
}

#[test]
fn every_code_of_a_single_file_has_a_sample() {
    let shown: String = samples("bad").values().map(|source| render(&parse(source, "nerve.yaml").diagnostics)).collect();
    for code in CODES.iter().filter(|code| code.code < "NV0130") {
        assert!(shown.contains(code.code), "no sample shows {}: {}", code.code, code.meaning);
    }
}

#[test]
fn the_schema_is_draft_07_and_takes_every_good_sample() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    let validator = jsonschema::options().with_draft(Draft::Draft7).build(&schema).expect("it compiles");
    for (name, source) in samples("good") {
        let errors: Vec<String> =
            validator.iter_errors(&plain(&source)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn the_schema_describes_and_closes_everything() {
    fn walk(path: &str, schema: &Value) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            assert_eq!(schema["additionalProperties"], false, "{path}");
            for (key, property) in properties {
                assert!(property.get("description").is_some(), "{path}/{key}");
            }
        }
        match schema {
            Value::Object(map) => map.iter().for_each(|(key, inner)| walk(&format!("{path}/{key}"), inner)),
            Value::Array(list) => list.iter().for_each(|inner| walk(path, inner)),
            _ => {}
        }
    }
    let schema = json_schema();
    walk("", &schema);
    let default = |pointer: &str| schema.pointer(pointer).and_then(|property| property.get("default")).cloned();
    assert_eq!(default("/properties/max_rounds"), Some(json!(10)));
    assert_eq!(default("/properties/senses/additionalProperties/properties/timeout"), Some(json!("30s")));
    assert_eq!(default("/properties/workflows/additionalProperties/properties/overflow"), Some(json!("queue")));
    assert_eq!(default("/properties/adapters/additionalProperties/oneOf/0/properties/timeout"), Some(json!("5m")));
    assert_eq!(default("/properties/adapters/additionalProperties/oneOf/0/properties/idle"), Some(json!("2m")));
    assert_eq!(default("/properties/adapters/additionalProperties/oneOf/2/properties/exclusive"), Some(json!(true)));
    assert_eq!(default("/properties/supervision/properties/kill_term"), Some(json!("1s")));
}

#[test]
fn the_full_sample_says_what_it_says() {
    let config = config(&samples("good")["full"]);
    let cpu = &config.senses["cpu-usage"];
    assert_eq!((cpu.group.as_str(), cpu.interval, cpu.throttle), ("system", Some(Duration::from_secs(10)), Some(Duration::from_secs(5))));
    let load = &config.workflows["explain-load"];
    assert_eq!((load.concurrency, load.overflow, load.max_queue, load.max_rounds), (2, Overflow::Queue, 100, Some(10)));
    assert_eq!(load.roles["fixer"].adapter.as_deref(), Some("analyst"));
    assert_eq!(config.adapters["analyst"].common().timeout, Duration::from_secs(300));
    let key = config.providers["openai"].api_key.as_ref().expect("a key");
    assert_eq!(key.expand(|name| (name == "OPENAI_API_KEY").then(|| "k".to_owned())), Ok("k".to_owned()));
    assert!(matches!(&config.adapters["replay"], Adapter::Scripted(scripted) if scripted.delay.is_some_and(|delay| delay.min < delay.max)));
}

#[test]
fn words_and_numbers_stay_as_written() {
    let config = config(
        "providers:\n  p: { base_url: http://x, model: 1.10 }\nsenses:\n  off: { on: [yes], group: 010 }\n  yes:\nadapters:\n  a: { kind: llm, provider: p, model: &m 2.50 }\n  b: { kind: llm, provider: p, model: *m }\n  c: { kind: cli, command: [agent, 3] }\n",
    );
    assert_eq!(config.providers["p"].model, Some(Text::new("1.10")));
    assert_eq!(config.senses["off"].on, ["yes"]);
    assert_eq!(config.senses["off"].group, "010");
    assert!(matches!(&config.adapters["b"], Adapter::Llm(llm) if llm.model == Some(Text::new("2.50"))));
    assert!(matches!(&config.adapters["c"], Adapter::Cli(cli) if cli.command.as_deref() == Some(&[Text::new("agent"), Text::new("3")])));
}

#[test]
fn empty_files_are_all_defaults() {
    for source in ["", "\n", "# nothing\n", "---\n", "~\n", "{}\n", "senses:\nworkflows:\nproviders:\napi:\n", "\u{feff}# bom\n"] {
        assert_eq!(config(source), Config::default(), "{source:?}");
    }
}

#[test]
fn places_are_found_by_pointer() {
    let parsed = parse(&samples("good")["full"], "nerve.yaml");
    let place = |pointer: &str| parsed.place(pointer).map(|place| (place.line, place.column));
    assert_eq!(place("/adapters/analyst/provider"), Some((6, 37)));
    assert_eq!(place("/adapters/analyst"), Some((6, 3)));
    assert_eq!(place("/adapters"), Some((5, 1)));
    assert_eq!(place(""), Some((1, 1)));
    assert_eq!(place("/adapters/nobody"), None);
    let error = parsed.error_at("/providers/openai/api_key", "NV0106", "the variable `OPENAI_API_KEY` is not set", None);
    assert_eq!(error.place(), "nerve.yaml:3:63");
}

#[test]
fn columns_count_characters() {
    let parsed = parse("senses:\r\n  a: { group: äöü, intervall: 1s }\r\n", "nerve.yaml");
    let found = &parsed.diagnostics[0];
    assert_eq!((found.line, found.column, found.span_len), (2, 20, 9));
    assert_eq!(found.source_line, "  a: { group: äöü, intervall: 1s }");
}

#[test]
fn secrets_never_show() {
    let canary = "canary-4711";
    let sources = [
        format!("providers:\n  p: {{ base_url: u, api_key: {canary}, modle: x }}\n"),
        format!("providers:\n  p: {{ base_url: u, api_key: {canary}, model: ${{X}} }}\n"),
        format!("api: {{ token: \"{canary}\", prot: 1 }}\n"),
        format!("providers:\n  p:\n    base_url: u\n    api_key: |\n      {canary}\n    x: 1\n"),
        format!("x-key: &k {canary}\nproviders:\n  p: {{ base_url: u, api_key: *k }}\n"),
        format!("api:\n  token: {canary}: x\n"),
        format!("api: {{ token: [{canary}] }}\n"),
        format!("api: {{ token: \"{canary}${{\" }}\n"),
        format!("providers:\n  p: {{ base_url: u, headers: {{ Authorization: Bearer {canary} }} }}\nx: {canary}\n"),
        format!("providers:\n  p: {{ headers: {{ Authorization: Bearer {canary}, a: [ }} }}\n"),
        format!("api:\n  token: \"two\n    {canary} lines\"\n  host: [0]\n"),
        "api:\n  tokn: 1\n  token: 4711471147114711\n".to_owned(),
    ];
    for source in sources {
        let parsed = parse(&source, "nerve.yaml");
        let shown = format!("{}{parsed:?}{}", render(&parsed.diagnostics), serde_json::to_string(&parsed.config).expect("JSON"));
        assert!(!shown.contains("4711"), "{source}\n{shown}");
        assert!(!parsed.diagnostics.is_empty(), "{source}");
    }
}

#[test]
fn a_build_and_the_file_must_agree() {
    let source = "senses:\n  inbx: { interval: 1s }\n  cpu-usage:\nworkflows:\n  explain-load: { roles: { reeder: { timeout: 1m }, critic: } }\n  gone:\n";
    let parsed = parse(source, "nerve.yaml");
    let config = parsed.config.clone().expect("no errors");
    let found = check_manifest(&config, &parsed, &["inbox", "cpu-usage"], &[("explain-load", &["reader", "critic"]), ("new-one", &[])]);
    insta::with_settings!({ snapshot_path => "config", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("manifest", render(&found));
    });
}

#[test]
fn a_billion_laughs_are_refused() {
    let lines = (1..10).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
    let source: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned()).chain(lines).collect();
    // Read out, it would not fit into any memory.
    assert!(parse(&source, "nerve.yaml").config.is_none());
}

/// A value that the schema takes, by a small walk over it.
fn valid(schema: &Value, dice: &mut impl FnMut(usize) -> usize) -> Value {
    if let Some(branches) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        return valid(&branches[dice(branches.len())], dice);
    }
    if let Some(word) = schema.get("const") {
        return word.clone();
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words[dice(words.len())].clone();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    // A schema without a type takes anything.
    if kinds.is_empty() {
        return [json!(true), json!(3), json!("x")][dice(3)].clone();
    }
    match kinds[dice(kinds.len())] {
        "null" => Value::Null,
        "boolean" => json!(dice(2) == 0),
        "number" => json!([0.0, 0.5, 1_000_000.0][dice(3)]),
        "integer" => schema[["minimum", "maximum"][dice(2)]].clone(),
        "array" => (0..dice(3).max(usize::from(schema["minItems"] == 1))).map(|_| valid(&schema["items"], dice)).collect(),
        "string" => match schema["format"].as_str() {
            Some("nerve-duration") => json!(["1ms", "1.5h", "2 days 3 hours", "100000d"][dice(4)]),
            Some("nerve-delay") => json!(["1ms", "1ms - 2s"][dice(2)]),
            _ => json!(["", "a", "10", "yes", "${A}", "é: #"][dice(6)]),
        },
        "object" => {
            let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let properties = schema["properties"].as_object().into_iter().flatten();
            let mut map = serde_json::Map::new();
            for (key, property) in properties {
                if required.contains(&key.as_str()) || dice(2) == 0 {
                    map.insert(key.clone(), valid(property, dice));
                }
            }
            if schema["additionalProperties"].is_object() {
                map.extend((0..dice(3)).map(|n| (format!("name-{n}"), valid(&schema["additionalProperties"], dice))));
            }
            Value::Object(map)
        }
        kind => panic!("no sample for {kind}: {schema}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_the_schema_takes_is_never_refused_for_its_shape(seed in 1_u64..) {
        let mut state = seed;
        let mut dice = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).expect("31 bits") % sides
        };
        let document = valid(&SCHEMA, &mut dice);
        let parsed = parse(&document.to_string(), "nerve.yaml");
        // Names that must exist, hosts, secrets and the order of two times are no matter of shape.
        let of_shape = |found: &&nerve_core::config::Diagnostic| {
            !["NV0106", "NV0108", "NV0120"].contains(&found.code) && !["is longer than", "names no program"].iter().any(|words| found.message.contains(words))
        };
        let refused: Vec<_> = parsed.diagnostics.iter().filter(of_shape).cloned().collect();
        prop_assert!(refused.is_empty(), "{}", render(&refused));
        let typed = serde_json::from_value::<Config>(document);
        prop_assert!(typed.is_ok(), "{:?}", typed);
    }
}

static SCHEMA: std::sync::LazyLock<Value> = std::sync::LazyLock::new(json_schema);

proptest! {
    #[test]
    fn no_input_makes_it_panic(source in "\\PC{0,80}") {
        render(&parse(&source, "nerve.yaml").diagnostics);
    }

    #[test]
    fn no_yaml_like_input_makes_it_panic(parts in prop::collection::vec(prop::sample::select(PARTS), 0..24)) {
        let source = parts.concat();
        let parsed = parse(&source, "nerve.yaml");
        render(&parsed.diagnostics);
        prop_assert_eq!(parsed.config.is_some(), parsed.diagnostics.iter().all(|found| found.severity != Severity::Error));
    }
}

const PARTS: &[&str] = &[
    "providers:",
    "adapters:",
    "senses:",
    "workflows:",
    "api:",
    "kind: llm",
    "kind: scripted",
    "kind: cli",
    "command:",
    "interval:",
    "on:",
    "token:",
    "api_key:",
    " 5s",
    " 5",
    " [a, b]",
    " { a: 1 }",
    " {",
    "}",
    "[",
    "]",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "a:",
    "b: ",
    "&x ",
    "*x",
    "<<: ",
    "\"",
    "'",
    "#",
    "${A}",
    "${",
    "|",
    ">",
    "\t",
    "é",
    "\u{1}",
    "\r",
    "---",
    "!!str ",
    "~",
    "1e999",
    ".nan",
];
