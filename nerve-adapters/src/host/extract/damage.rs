//! Valid documents, written as agents write them and then damaged: each is read as what was written, or refused.
//!
//! What counts as wrong. The damage is to what holds a document together: quotes, brackets, commas, colons, fences, tokens, its end. It never touches
//! the letters of a text or the digits of a number, for a document with another digit is another document, and nobody could tell. Where a damaged text
//! is strict JSON in the place that was asked for, it is another document in its own right too: then it must be read as that, letter by letter. Every
//! other value that is read must be the one that was written.

use nerve_core::RawJson;
use nerve_core::config::ExtractPolicy;
use serde_json::{Map, Value, json};

use super::*;

const TAG: &str = "meta-q7w2";

/// Damaged documents that are tried; the environment may ask for more.
const TRIES: u32 = 100_000;

/// Numbers that repeat for a seed: a linear congruential generator with Knuth's constants.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Some schemas as roles have them, each with a way to make a value that fits.
fn document(dice: &mut Dice) -> (Value, Value) {
    let word = |dice: &mut Dice| {
        json!(dice.one(&[
            "calm",
            "the disk, it's full",
            "a \"b\" c",
            "é: {x}",
            "line\nbreak",
            "",
            "true",
            "7",
            "C:\\dir",
            "a // b",
            "x, y",
            "[1]"
        ]))
    };
    let number = |dice: &mut Dice| json!(dice.one(&[0_i64, 7, -3, 12, 400, 90_071_992]));
    match dice.below(4) {
        0 => {
            let schema = json!({ "type": "object", "properties": { "pass": { "type": "boolean" }, "reason": { "type": ["string", "null"] } }, "required": ["pass"] });
            let mut value = json!({ "pass": dice.chance(50) });
            if dice.chance(60) {
                value["reason"] = if dice.chance(20) { Value::Null } else { word(dice) };
            }
            (schema, value)
        }
        1 => {
            let level = json!({ "type": "string", "enum": ["low", "high", "very-high"] });
            let schema = json!({ "type": "object", "properties": { "level": level, "score": { "type": "integer", "minimum": -1000, "maximum": 100_000_000 }, "open": { "type": "boolean" } }, "required": ["level", "score", "open"] });
            (schema, json!({ "level": dice.one(&["low", "high", "very-high"]), "score": number(dice), "open": dice.chance(50) }))
        }
        2 => {
            let schema = json!({ "type": "object", "properties": { "names": { "type": "array", "items": { "type": "string" } }, "total": { "type": "number" } }, "required": ["names"] });
            let names: Vec<Value> = (0..dice.below(4)).map(|_| word(dice)).collect();
            let mut value = json!({ "names": names });
            if dice.chance(50) {
                value["total"] = json!(dice.one(&[0.5, 12.25, -1.0, 3.75]));
            }
            (schema, value)
        }
        _ => {
            let part = json!({ "type": "object", "properties": { "file_name": { "type": "string" }, "lines": { "type": "integer" } }, "required": ["file_name", "lines"] });
            let schema = json!({ "type": "object", "properties": { "parts": { "type": "array", "items": { "$ref": "#/$defs/part" } }, "done": { "type": "boolean" } }, "required": ["parts", "done"], "$defs": { "part": part } });
            let parts: Vec<Value> = (0..dice.below(3)).map(|_| json!({ "file_name": word(dice), "lines": number(dice) })).collect();
            (schema, json!({ "parts": parts, "done": dice.chance(50) }))
        }
    }
}

/// How a document is spelt.
#[derive(Clone, Copy)]
struct Style {
    quote: char,
    bare_keys: bool,
    python: bool,
    trailing: bool,
    comments: bool,
    pretty: bool,
    spelling: bool,
}

fn style(dice: &mut Dice) -> Style {
    if dice.chance(40) {
        return Style {
            quote: '"',
            bare_keys: false,
            python: false,
            trailing: false,
            comments: false,
            pretty: dice.chance(50),
            spelling: false,
        };
    }
    Style {
        quote: dice.one(&['"', '"', '\'']),
        bare_keys: dice.chance(30),
        python: dice.chance(30),
        trailing: dice.chance(30),
        comments: dice.chance(20),
        pretty: dice.chance(50),
        spelling: dice.chance(20),
    }
}

/// A token, and what it does for a text.
type Token = (String, Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Opens,
    Letters,
    Closes,
    Other,
}

fn other(token: &str) -> Token {
    (token.to_owned(), Kind::Other)
}

/// The tokens of a document; a text is one token with its quotes apart, so that damage never reaches its letters.
fn tokens(value: &Value, style: Style, out: &mut Vec<Token>) {
    let space = if style.pretty { "\n  " } else { "" };
    let text = |text: &str, out: &mut Vec<Token>| {
        let inner = Value::from(text).to_string();
        let inner = inner[1..inner.len() - 1].to_owned();
        let inner = if style.quote == '\'' { inner.replace("\\\"", "\"").replace('\'', "\\'") } else { inner };
        let quote = style.quote.to_string();
        out.extend([(quote.clone(), Kind::Opens), (inner, Kind::Letters), (quote, Kind::Closes)]);
    };
    match value {
        Value::Object(members) => {
            out.push(other("{"));
            for (n, (key, member)) in members.iter().enumerate() {
                out.push(other(space));
                let spelt = if style.spelling { key.replace('_', "-").to_uppercase() } else { key.clone() };
                if style.bare_keys {
                    out.push((spelt, Kind::Other));
                } else {
                    text(&spelt, out);
                }
                out.push(other(":"));
                tokens(member, style, out);
                if n + 1 < members.len() || style.trailing {
                    out.push(other(","));
                }
                if style.comments && style.pretty {
                    out.push(other(" // so"));
                }
            }
            out.push(other(if style.pretty { "\n}" } else { "}" }));
        }
        Value::Array(items) => {
            out.push(other("["));
            for (n, item) in items.iter().enumerate() {
                tokens(item, style, out);
                if n + 1 < items.len() || style.trailing {
                    out.push(other(","));
                }
            }
            out.push(other("]"));
        }
        Value::String(string) => text(string, out),
        Value::Bool(yes) if style.python => out.push(other(if *yes { "True" } else { "False" })),
        Value::Null if style.python => out.push(other("None")),
        plain => out.push((plain.to_string(), Kind::Other)),
    }
}

fn joined(tokens: &[Token]) -> String {
    tokens.iter().map(|(token, _)| token.as_str()).collect()
}

/// Where a document stands in a reply.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Whole,
    Tagged,
    Fenced,
    Prose,
}

fn placed(document: &str, place: Place) -> (String, Form) {
    let native = Form::NativeSchema { name: "r".into(), tag: TAG.into() };
    match place {
        Place::Whole => (document.to_owned(), native),
        Place::Tagged => (format!("I looked at it.\n\n```{TAG}\n{document}\n```\n"), Form::TaggedBlock { tag: TAG.into() }),
        Place::Fenced => (format!("I looked at it.\n\n```json\n{document}\n```\n"), native),
        Place::Prose => (format!("The result is:\n\n{document}\n"), native),
    }
}

const STRUCTURE: [&str; 9] = ["{", "}", "[", "]", ",", ":", "\"", "'", "\n}"];

/// Damages a document once, unless that would reach the letters of a text: what comes between its quotes becomes a part of them. False when it is not
/// to be damaged once more: one whose end was cut off would, closed again, be a whole document that says less.
fn damage(tokens: &mut Vec<Token>, first: bool, dice: &mut Dice) -> bool {
    let structural: Vec<usize> = (0..tokens.len()).filter(|n| STRUCTURE.contains(&tokens[*n].0.as_str())).collect();
    if structural.is_empty() {
        return false;
    }
    let at = dice.one(&structural);
    let kind = |n: usize| tokens.get(n).map(|(_, kind)| *kind);
    let (here, next) = (kind(at), kind(at + 1));
    let within = at > 0 && matches!(kind(at - 1), Some(Kind::Opens | Kind::Letters));
    let quotes = |tokens: &[Token]| tokens.iter().filter(|(token, _)| token == "\"" || token == "'").count();
    let (op, before) = (dice.below(7), quotes(tokens));
    match op {
        1 | 4 | 5 if within => {}
        2 | 3 if !first => {}
        0 => drop(tokens.remove(at)),
        1 => tokens.insert(at, tokens[at].clone()),
        2 => tokens.truncate(at + 1),
        3 => tokens.truncate(dice.below(tokens.len()) + 1),
        4 if next.is_some() && here != Some(Kind::Closes) && next != Some(Kind::Opens) => tokens.swap(at, at + 1),
        5 if here != Some(Kind::Closes) => tokens.insert(at, other(dice.one(&STRUCTURE))),
        6 => tokens[at].0 = dice.one(&STRUCTURE).to_owned(),
        _ => {}
    }
    // A text that lost a quote and finds another one somewhere else has other letters.
    !matches!(op, 2 | 3) && !matches!(here, Some(Kind::Opens | Kind::Closes)) && quotes(tokens) == before
}

/// What a strict reader makes of the place that was asked for.
fn strictly(text: &str, form: &Form) -> Option<Value> {
    let body = match form {
        Form::TaggedBlock { .. } => text.split(&format!("```{TAG}\n")).nth(1)?.split("\n```").next()?,
        _ => text.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next()).unwrap_or(text),
    };
    let body = body.trim();
    let body = body.strip_prefix("The result is:").unwrap_or(body);
    serde_json::from_str(body.trim()).ok()
}

/// Whether two values are the same once the keys are spelt as the schema has them.
fn respelt(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.iter().map(|(key, member)| (key.to_lowercase().replace('-', "_"), respelt(member))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(respelt).collect()),
        other => other.clone(),
    }
}

fn another(dice: &mut Dice) -> (Value, Value) {
    document(dice)
}

#[test]
fn a_damaged_document_is_read_as_what_was_written_or_refused() {
    let tries = std::env::var("NERVE_DAMAGE").ok().and_then(|tries| tries.parse().ok()).unwrap_or(TRIES);
    let mut dice = Dice(20_261_129);
    let (mut equal, mut refused, mut wrong) = (0, 0, Vec::new());
    for n in 0..tries {
        let (schema, value) = document(&mut dice);
        let schema = RawJson::of(&schema).unwrap_or_default();
        let style = style(&mut dice);
        let mut written = Vec::new();
        tokens(&value, style, &mut written);
        let second = dice.chance(8);
        // A second answer is damage enough: where the first one were destroyed, nobody could tell that there were two.
        if !second && damage(&mut written, true, &mut dice) && dice.chance(50) {
            damage(&mut written, false, &mut dice);
        }
        let mut document = joined(&written);
        if second {
            let mut other = Vec::new();
            tokens(&another(&mut dice).1, style, &mut other);
            document = format!("{document}\n\n{}", joined(&other));
        }
        let place = dice.one(&[Place::Whole, Place::Tagged, Place::Fenced, Place::Prose]);
        let (text, form) = placed(&document, place);
        match read(&text, &form, &schema, ExtractPolicy::Lossless) {
            Extraction::Refused { errors } => {
                assert!(!errors.is_empty());
                refused += 1;
            }
            Extraction::Meta { meta, edits, .. } => {
                let meta: Value = meta.read().expect("JSON");
                let own = strictly(&text, &form);
                let right = meta == value || own.as_ref().is_some_and(|own| respelt(own) == respelt(&meta));
                if !right {
                    wrong.push(format!("try {n}: {value} was written, damaged to\n{text}\nand read as {meta}, with {edits:?}\n"));
                }
                equal += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tries} were read wrong, such as\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
    eprintln!("{tries} damaged documents: {equal} read as written, {refused} refused, 0 wrong");
    assert!(equal > 0 && refused > 0);
}

#[test]
fn a_whole_document_in_any_style_is_read() {
    let mut dice = Dice(7);
    for _ in 0..5000 {
        let (schema, value) = document(&mut dice);
        let schema = RawJson::of(&schema).unwrap_or_default();
        let mut style = style(&mut dice);
        // In single quotes a double one needs no escape, and a line break has one.
        style.comments &= style.pretty;
        let mut written = Vec::new();
        tokens(&value, style, &mut written);
        let (text, form) = placed(&joined(&written), dice.one(&[Place::Whole, Place::Tagged]));
        match read(&text, &form, &schema, ExtractPolicy::Lossless) {
            Extraction::Meta { meta, edits, .. } => {
                assert_eq!(meta.read::<Value>().ok().as_ref(), Some(&value), "{text}");
                assert!(edits.iter().all(|edit| edit.change.is_lossless()), "{edits:?}");
            }
            // A placeholder is refused however well it is written.
            Extraction::Refused { errors } => panic!("{text}\n{errors:?}"),
        }
    }
}

/// Texts of one kind, of any length.
const GARBAGE: [&str; 22] = [
    "{",
    "[",
    "}",
    "{\"a\":",
    "{'a':",
    "{a:",
    "[[\"",
    "\"",
    "'",
    "\\",
    "\\u",
    "```json\n",
    "```meta-q7w2\n",
    "~~~\n",
    "{ x ",
    "> {\n",
    "// ",
    "/* ",
    "<pass>",
    "pass: true\n",
    "{\"pass\": true} ",
    "\u{201c}",
];

#[test]
fn garbage_takes_time_that_grows_with_its_length_and_bounded_memory() {
    let schema = RawJson::parse(r#"{"type":"object","properties":{"pass":{"type":"boolean"}},"required":["pass"]}"#).unwrap_or_default();
    for piece in GARBAGE {
        for form in [Form::TaggedBlock { tag: TAG.into() }, Form::NativeSchema { name: "r".into(), tag: TAG.into() }] {
            let took = |length: usize| {
                let text = piece.repeat(length / piece.len());
                let begun = std::time::Instant::now();
                let read = read(&text, &form, &schema, ExtractPolicy::Lossless);
                if let Extraction::Refused { errors } = read {
                    // What is told is bounded too.
                    assert!(errors.len() <= 10 && errors.iter().all(|error| error.chars().count() <= 400));
                }
                begun.elapsed().as_secs_f64()
            };
            let best = |length: usize| (0..3).map(|_| took(length)).fold(f64::INFINITY, f64::min);
            let (short, long) = (best(64 * 1024).max(0.000_2), best(1024 * 1024 - 64));
            // Sixteen times the length; the square of it would take 256 times as long.
            assert!(long < short * 120.0, "{piece:?}: {short} s for 64 KiB, {long} s for 1 MiB");
        }
    }
}

#[test]
fn no_bytes_break_a_promise() {
    let (schema, _) = document(&mut Dice(1));
    let schema = RawJson::of(&schema).unwrap_or_default();
    let seeds = [
        "{\"pass\": true, \"reason\": \"x\"}",
        "```meta-q7w2\n{'pass': True,}\n```",
        "pass: true",
        "<pass>true</pass>",
        "{\"result\": {\"Pass\": false}}",
        "{pass: true} // no",
    ];
    let mut dice = Dice(99);
    for _ in 0..30_000 {
        let mut bytes: Vec<u8> = dice.one(&seeds).bytes().collect();
        for _ in 0..dice.below(6) {
            let at = dice.below(bytes.len());
            match dice.below(4) {
                0 => bytes[at] = dice.below(256) as u8,
                1 => bytes.insert(at, dice.one(b"{}[]\",':\\`\n<>/*tf0-")),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for (policy, form) in [
            (ExtractPolicy::Strict, Form::TaggedBlock { tag: TAG.into() }),
            (ExtractPolicy::Lossless, Form::TaggedBlock { tag: TAG.into() }),
            (ExtractPolicy::Lossy, Form::NativeSchema { name: "r".into(), tag: TAG.into() }),
        ] {
            let first = read(&text, &form, &schema, policy);
            assert_eq!(first, read(&text, &form, &schema, policy), "{text}");
            let Extraction::Meta { meta, edits, .. } = first else { continue };
            let value: Value = meta.read().expect("JSON");
            let fits = check::Check::of(&schema).map(|check| check.errors(&value).is_empty());
            assert_eq!(fits, Ok(true), "{text}");
            assert!(policy != ExtractPolicy::Strict || edits.is_empty(), "{text}: {edits:?}");
            assert!(policy == ExtractPolicy::Lossy || edits.iter().all(|edit| edit.change.is_lossless()), "{text}: {edits:?}");
        }
    }
}
