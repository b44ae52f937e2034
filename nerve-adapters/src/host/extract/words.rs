//! Schema errors as sentences that a model can act on.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

/// Characters of one error.
const LONGEST: usize = 300;

/// `path: what was expected, what was got`, on one line of bounded length.
pub(super) fn say(error: &ValidationError<'_>) -> String {
    let path = match error.instance_path().as_str() {
        "" => "the whole value",
        path => path,
    };
    match expected(error.kind()) {
        Some(expected) => line(&format!("{path}: expected {expected}, got {}", got(error.instance()))),
        None => line(&format!("{path}: {error}")),
    }
}

fn expected(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Type { kind: TypeKind::Single(one) } => format!("{one}"),
        Kind::Type { kind: TypeKind::Multiple(all) } => {
            let all: Vec<String> = all.iter().map(|one| one.to_string()).collect();
            all.join(" or ")
        }
        Kind::Required { property } => format!("the property {property}, which is missing"),
        Kind::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
            format!("one of {}", options.join(", "))
        }
        Kind::Constant { expected_value } => expected_value.to_string(),
        Kind::AdditionalProperties { unexpected } => format!("no property {}", unexpected.join(", ")),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MinLength { limit } => format!("at least {limit} characters"),
        Kind::MaxLength { limit } => format!("at most {limit} characters"),
        Kind::MinItems { limit } => format!("at least {limit} items"),
        Kind::MaxItems { limit } => format!("at most {limit} items"),
        Kind::Pattern { pattern } => format!("a text that matches {pattern}"),
        Kind::Format { format } => format!("a text in the format {format}"),
        _ => return None,
    })
}

fn got(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// One line of bounded length.
pub(super) fn line(text: &str) -> String {
    let mut line: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
