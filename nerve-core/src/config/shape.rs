//! The first pass: the file's values against the JSON schema.

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value;

use super::{
    Adapter, Tree, codes,
    diagnostic::Finding,
    nearest::nearest,
    schema::COMPILED,
    tree::{At, join},
    wording::{self, label},
};

/// What the first pass leaves: the values with numbers turned to text where text is wanted, and what is wrong.
pub(super) struct Shaped {
    pub(super) value: Value,
    pub(super) findings: Vec<Finding>,
}

/// Checks the tree's values. `source` gives numbers back as written (`1.10`) where the schema wants text.
pub(super) fn check(tree: &Tree, source: &str) -> Shaped {
    let mut value = tree.value();
    // An empty file is a mapping without entries.
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    let Some(validator) = &COMPILED.validator else { return Shaped { value, findings: Vec::new() } };
    let mut problems = Vec::new();
    validator.iter_errors(&value).for_each(|error| flatten(error.to_owned(), &mut problems));
    let texts: Vec<(String, String)> = problems.iter().filter_map(|error| as_written(tree, source, error)).collect();
    if !texts.is_empty() {
        for (pointer, text) in texts {
            if let Some(slot) = value.pointer_mut(&pointer) {
                *slot = Value::String(text);
            }
        }
        problems.clear();
        validator.iter_errors(&value).for_each(|error| flatten(error.to_owned(), &mut problems));
    }
    let findings = problems.iter().flat_map(|error| explain(tree, error, &problems)).collect();
    Shaped { value, findings }
}

/// Replaces a choice's error by those of the branch that was meant: the one whose `kind` fits, and of "something or null" the something.
fn flatten(error: ValidationError<'static>, problems: &mut Vec<ValidationError<'static>>) {
    let is_choice = matches!(error.kind(), ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. });
    if !is_choice || !error.instance().is_object() {
        problems.push(error);
        return;
    }
    let kind_at = join(error.instance_path().as_str(), "kind");
    let other_kind = |branch: &[ValidationError<'_>]| {
        branch.iter().any(|inner| match inner.kind() {
            ValidationErrorKind::Constant { .. } => inner.instance_path().as_str() == kind_at,
            ValidationErrorKind::Required { property } => property == "kind",
            ValidationErrorKind::Type { .. } => inner.instance_path() == error.instance_path(),
            _ => false,
        })
    };
    let meant = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.iter().position(|branch| !other_kind(branch))
        }
        _ => None,
    };
    let Some(meant) = meant else {
        problems.push(error);
        return;
    };
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = error.into_parts().kind {
        for inner in context.into_iter().nth(meant).into_iter().flatten() {
            flatten(inner, problems);
        }
    }
}

/// The place and the text of a number that stands where text is wanted, such as `model: 1.10`.
fn as_written(tree: &Tree, source: &str, error: &ValidationError<'_>) -> Option<(String, String)> {
    let pointer = error.instance_path().as_str();
    let wants_text = matches!(error.kind(), ValidationErrorKind::Type { .. }) && wording::expected(error).contains("text");
    if !wants_text || !error.instance().is_number() {
        return None;
    }
    let (item, _) = tree.find(pointer)?;
    let text = source.get(item.bytes.clone())?.trim();
    Some((pointer.to_owned(), text.to_owned()))
}

fn explain(tree: &Tree, error: &ValidationError<'_>, all: &[ValidationError<'_>]) -> Vec<Finding> {
    let pointer = error.instance_path().as_str();
    let at = tree.at(pointer).unwrap_or(At::START);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_keys(error);
            unexpected.iter().map(|key| unknown_key(tree, pointer, key, &known)).collect()
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            // The key is there with a typing error in it: one mistake, one message.
            let is_misspelt = all.iter().any(|other| match other.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } if other.instance_path() == error.instance_path() => {
                    unexpected.iter().any(|wrong| nearest(wrong, known_keys(other).iter().map(String::as_str)) == Some(key))
                }
                _ => false,
            });
            if is_misspelt { Vec::new() } else { vec![missing_key(tree, pointer, key)] }
        }
        ValidationErrorKind::OneOfNotValid { .. } | ValidationErrorKind::AnyOf { .. } if error.instance().is_object() => {
            vec![kind(tree, pointer, error.instance())]
        }
        ValidationErrorKind::PropertyNames { error: inner } => {
            let name = inner.instance().as_str().unwrap_or_default().to_owned();
            let at = tree.key_at(&join(pointer, &name)).unwrap_or(at);
            let finding = Finding::error(codes::BAD_NAME, at, format!("`{name}` is not a kebab-case name"));
            vec![finding.help("names have only small letters, digits and `-`, such as `cpu-usage`")]
        }
        // Its type is an error of its own.
        ValidationErrorKind::Enum { .. } if !error.instance().is_string() => Vec::new(),
        _ => vec![wording::value(error, at)],
    }
}

fn unknown_key(tree: &Tree, parent: &str, key: &str, known: &[String]) -> Finding {
    let at = tree.key_at(&join(parent, key)).or_else(|| tree.at(parent)).unwrap_or(At::START);
    let place = if parent.is_empty() { "at the top".to_owned() } else { format!("in {}", label(parent)) };
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    Finding::error(codes::UNKNOWN_KEY, at, format!("unknown key `{key}` {place}")).choices(
        key,
        &names,
        "keys here",
        "no key can stand here",
    )
}

fn missing_key(tree: &Tree, parent: &str, key: &str) -> Finding {
    let at = tree.key_at(parent).or_else(|| tree.at(parent)).unwrap_or(At::START);
    let example = match key {
        "base_url" => "base_url: https://api.openai.com/v1",
        "provider" => "provider: NAME, one of `providers:`",
        "command" => "command: [PROGRAM, ARGUMENT, …]",
        _ => key,
    };
    Finding::error(codes::MISSING_KEY, at, format!("{} has no `{key}`", label(parent))).help(format!("add {example}"))
}

/// An adapter whose `kind` fits no branch, or that has none.
fn kind(tree: &Tree, parent: &str, instance: &Value) -> Finding {
    let pointer = join(parent, "kind");
    match instance.get("kind") {
        None => missing_key(tree, parent, "kind").help(format!("add kind: one of {}", Adapter::KINDS.join(", "))),
        Some(kind) => {
            let at = tree.at(&pointer).unwrap_or(At::START);
            let shown = kind.as_str().map_or_else(|| kind.to_string(), str::to_owned);
            let message = format!("{} is of a kind that does not exist: `{shown}`", label(parent));
            Finding::error(codes::UNKNOWN_KIND, at, message).choices(&shown, &Adapter::KINDS, "kinds that exist", "")
        }
    }
}

/// The keys that the schema knows where an unknown one was found.
fn known_keys(error: &ValidationError<'_>) -> Vec<String> {
    let path = error.schema_path().as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties = COMPILED.schema.pointer(parent).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    properties.into_iter().flatten().map(|(key, _)| key.clone()).collect()
}
