//! Signs that a value is not meant as the answer. Each only ever refuses: the price of a false alarm is one more question.

use serde_json::Value;

/// Words beside a value that make it an example, a wish or a memory.
const UNMEANT: [&str; 24] = [
    "example",
    "examples",
    "sample",
    "would",
    "could",
    "might",
    "maybe",
    "perhaps",
    "if",
    "unless",
    "not",
    "never",
    "wrong",
    "incorrect",
    "previous",
    "previously",
    "earlier",
    "draft",
    "hypothetical",
    "hypothetically",
    "input",
    "received",
    "template",
    "placeholder",
];
const UNMEANT_PHRASES: [&str; 7] = ["e.g.", "for instance", "such as", "instead of", "rather than", "n't ", "n’t "];

/// Words behind a value that take it back.
const TAKEN_BACK: [&str; 13] = [
    "correction",
    "actually",
    "wait",
    "scratch",
    "oops",
    "mistake",
    "mistaken",
    "retract",
    "disregard",
    "ignore",
    "revised",
    "instead",
    "wrong",
];
const TAKEN_BACK_PHRASES: [&str; 4] = ["second thought", "should be", "changed my mind", "not sure"];

/// Whether the words beside a value say that it is not the answer.
pub(super) fn is_unmeant(context: &str) -> bool {
    says(context, &UNMEANT, &UNMEANT_PHRASES)
}

/// Whether the words behind a value take it back.
pub(super) fn is_taken_back(after: &str) -> bool {
    says(after, &TAKEN_BACK, &TAKEN_BACK_PHRASES)
}

fn says(text: &str, words: &[&str], phrases: &[&str]) -> bool {
    let text = text.to_lowercase();
    phrases.iter().any(|phrase| text.contains(phrase)) || text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
}

/// The path and text of a string that only holds a place, if there is one. `strict` takes any `<…>` for one: in free prose nobody
/// asked for those.
pub(super) fn echo(value: &Value, strict: bool) -> Option<String> {
    look(value, "", "", strict)
}

fn look(value: &Value, path: &str, key: &str, strict: bool) -> Option<String> {
    match value {
        Value::String(text) if is_echo(text.trim(), key, strict) => Some(super::words::line(&format!(
            "{}: expected a real value, got the placeholder {value}",
            if path.is_empty() { "the whole value" } else { path }
        ))),
        Value::Array(items) => items.iter().enumerate().find_map(|(n, item)| look(item, &format!("{path}/{n}"), key, strict)),
        Value::Object(members) => members.iter().find_map(|(name, member)| look(member, &format!("{path}/{name}"), name, strict)),
        _ => None,
    }
}

fn is_echo(text: &str, key: &str, strict: bool) -> bool {
    if matches!(text, "..." | "…" | "string" | "boolean" | "number" | "integer" | "true|false" | "true | false") {
        return true;
    }
    let Some(inner) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).filter(|inner| !inner.contains(['<', '>'])) else {
        return is_choice(text);
    };
    let inner = inner.to_lowercase();
    let key = key.to_lowercase();
    let names_its_kind = ["your", "here", "string", "text", "value", "number", "boolean", "insert", "short", "brief"];
    strict
        || (!key.is_empty() && inner.contains(&key))
        || inner.split(|c: char| !c.is_alphanumeric()).any(|word| names_its_kind.contains(&word))
}

fn is_choice(text: &str) -> bool {
    text.contains('|')
        && text.split('|').all(|word| !word.trim().is_empty() && word.trim().chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-'))
}
