//! Words for a value that the schema refuses.

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

use super::{Delay, codes, diagnostic::Finding, duration, parse_duration, schema::COMPILED, text, tree::At};

/// How a command is written.
const COMMAND: &str = "write the program and its arguments as a list, such as [my-agent, --print]; no shell is involved";

/// What a pointer is called: the section's singular and the name (``sense `inbox` ``), else the key.
pub(super) fn label(pointer: &str) -> String {
    let segments: Vec<String> = pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect();
    let kinds =
        [("providers", "provider"), ("adapters", "adapter"), ("extractors", "extractor"), ("senses", "sense"), ("workflows", "workflow")];
    match segments.as_slice() {
        [] => "the file".to_owned(),
        [section, name] => {
            kinds.iter().find(|(plural, _)| plural == section).map_or_else(|| format!("`{name}`"), |(_, kind)| format!("{kind} `{name}`"))
        }
        [workflows, _, roles, name] if workflows == "workflows" && roles == "roles" => format!("role `{name}`"),
        // An item of a list goes by the list's name.
        [.., list, index] if index.chars().all(|c| c.is_ascii_digit()) => format!("an entry of `{list}`"),
        [.., key] => format!("`{key}`"),
    }
}

/// The finding for a single value: its type, its range, its words, its form.
pub(super) fn value(error: &ValidationError<'_>, at: At) -> Finding {
    let what = label(error.instance_path().as_str());
    let instance = error.instance().as_ref();
    match error.kind() {
        ValidationErrorKind::Type { .. } if format(error) == Some(duration::FORMAT) && instance.is_number() => {
            bad_duration(&what, &instance.to_string(), at)
        }
        ValidationErrorKind::Type { .. } => {
            let wanted = expected(error);
            let finding = Finding::error(codes::WRONG_VALUE, at, format!("{what} must be {wanted}, not {}", found(instance)));
            if wanted == "text" && instance.is_boolean() {
                finding.help(format!("to mean the word, quote it: \"{instance}\""))
            } else if what == "`command`" {
                finding.help(COMMAND)
            } else {
                finding
            }
        }
        ValidationErrorKind::MinItems { .. } => {
            let finding = Finding::error(codes::WRONG_VALUE, at, format!("{what} is empty"));
            if what == "`command`" { finding.help(COMMAND) } else { finding }
        }
        ValidationErrorKind::OneOfNotValid { .. } => {
            let finding = Finding::error(codes::WRONG_VALUE, at, format!("{what} must be a map, not {}", found(instance)));
            finding.help("such as { kind: llm, provider: NAME }, { kind: cursor }, { kind: cli, profile: codex } or { kind: scripted, replies: FILE }")
        }
        ValidationErrorKind::Format { format } if format == text::FORMAT => {
            let finding = Finding::error(codes::BAD_VARIABLE, at, format!("{what} has a `${{` that opens no variable"));
            finding.help("write ${NAME}: letters, digits and `_`, not starting with a digit")
        }
        ValidationErrorKind::Format { .. } | ValidationErrorKind::Pattern { .. } => {
            let text = instance.as_str().unwrap_or_default();
            if format(error) == Some(duration::DELAY_FORMAT) { bad_delay(&what, text, at) } else { bad_duration(&what, text, at) }
        }
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            let schema = schema_of(error);
            let limit = |key: &str| schema.and_then(|schema| schema.get(key)).map_or_else(|| "…".to_owned(), whole);
            let range = format!("{} to {}", limit("minimum"), limit("maximum"));
            Finding::error(codes::OUT_OF_RANGE, at, format!("{what} is outside of {range}"))
                .help(format!("write a whole number from {range}"))
        }
        ValidationErrorKind::Enum { options } => {
            let words: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let word = instance.as_str().unwrap_or_default();
            Finding::error(codes::WRONG_VALUE, at, format!("{what} cannot be `{word}`")).choices(word, &words, "words here", "")
        }
        _ => Finding::error(codes::WRONG_VALUE, at, format!("{what} cannot be {}", found(instance))),
    }
}

fn bad_duration(what: &str, text: &str, at: At) -> Finding {
    let reason = parse_duration(text).err().map_or_else(|| "this is not a duration".to_owned(), |bad| bad.to_string());
    let (reason, help) = split_advice(&reason);
    Finding { help, ..Finding::error(codes::BAD_DURATION, at, format!("{what}: {reason}")) }
}

fn bad_delay(what: &str, text: &str, at: At) -> Finding {
    let reason = Delay::parse(text).err().map_or_else(|| "this is not a duration".to_owned(), |bad| bad.to_string());
    let (reason, _) = split_advice(&reason);
    Finding::error(codes::BAD_DURATION, at, format!("{what}: {reason}"))
        .help("write one duration (200ms) or a range from short to long (50ms-500ms)")
}

/// What is wrong goes into the message, what to write into the help.
fn split_advice(reason: &str) -> (String, Option<String>) {
    match reason.split_once(": ") {
        Some((reason, advice)) => (reason.to_owned(), Some(advice.to_owned())),
        None => (reason.to_owned(), None),
    }
}

fn schema_of(error: &ValidationError<'_>) -> Option<&'static Value> {
    let (parent, _) = error.schema_path().as_str().rsplit_once('/')?;
    COMPILED.schema.pointer(parent)
}

fn format(error: &ValidationError<'_>) -> Option<&'static str> {
    schema_of(error)?.get("format")?.as_str()
}

/// Limits are written without a fraction.
fn whole(limit: &Value) -> String {
    limit.as_f64().map_or_else(|| limit.to_string(), |limit| format!("{limit:.0}"))
}

/// What the schema wants, in words: `text`, `a whole number or nothing`.
pub(super) fn expected(error: &ValidationError<'_>) -> String {
    let types: Vec<JsonType> = match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(one) } => vec![*one],
        ValidationErrorKind::Type { kind: TypeKind::Multiple(several) } => several.iter().collect(),
        _ => Vec::new(),
    };
    let words: Vec<&str> = types.into_iter().filter(|kind| *kind != JsonType::Null).map(type_word).collect();
    words.join(" or ")
}

fn type_word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "text",
    }
}

/// What stands there, in words; never the value, which may be long or secret.
fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(true) => "`true`",
        Value::Bool(false) => "`false`",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
