//! Changes within a value so that it fits its schema: spelling of keys, wrappers, and by policy types. Never a choice between two.

use nerve_core::config::ExtractPolicy;
use serde_json::{Map, Number, Value};

use super::check::plain;
use super::edit::{At, Change, Edit};
use super::shape::Shape;

/// The value with every change that the policy allows, and the changes; none when nothing can be changed.
pub(super) fn mend(value: &Value, schema: &Value, policy: ExtractPolicy) -> Option<(Value, Vec<Edit>)> {
    if policy == ExtractPolicy::Strict {
        return None;
    }
    let mut edits = Vec::new();
    let shape = Shape::of(schema);
    let mut value = unwrapped(value, shape, &mut edits);
    walk(&mut value, shape, "", policy, &mut edits);
    (!edits.is_empty()).then_some((value, edits))
}

/// The one value within a map of one key that the schema does not know, or within a list of one item where no list is wanted.
fn unwrapped(value: &Value, shape: Shape<'_>, edits: &mut Vec<Edit>) -> Value {
    let Some(declared) = shape.properties() else { return value.clone() };
    let known = |value: &Value| value.as_object().is_some_and(|members| members.keys().any(|key| spelling(key, declared).is_some()));
    let inner = match value {
        Value::Object(members) if members.len() == 1 && !known(value) => members.values().next(),
        Value::Array(items) if items.len() == 1 && !shape.takes("array") => items.first(),
        _ => None,
    };
    match inner.filter(|inner| known(inner)) {
        Some(inner) => {
            edits.push(Edit { change: Change::Wrapper, at: At::Path(String::new()) });
            inner.clone()
        }
        None => value.clone(),
    }
}

/// The declared key that this one spells, when there is exactly one: itself, or another in case, `_` and `-` alone.
fn spelling<'s>(key: &str, declared: &'s Map<String, Value>) -> Option<&'s str> {
    if let Some((name, _)) = declared.get_key_value(key) {
        return Some(name);
    }
    let wanted = plain(key);
    let mut same = declared.keys().filter(|name| plain(name) == wanted);
    match (same.next(), same.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn walk(value: &mut Value, shape: Shape<'_>, path: &str, policy: ExtractPolicy, edits: &mut Vec<Edit>) {
    match value {
        Value::Object(members) => {
            if let Some(declared) = shape.properties() {
                respell(members, declared, path, edits);
                for (name, member) in members.iter_mut() {
                    if let Some(shape) = shape.property(name) {
                        walk(member, shape, &format!("{path}/{name}"), policy, edits);
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(shape) = shape.items() {
                for (n, item) in items.iter_mut().enumerate() {
                    walk(item, shape, &format!("{path}/{n}"), policy, edits);
                }
            }
        }
        scalar if policy == ExtractPolicy::Lossy => {
            if let Some((changed, change)) = converted(scalar, shape) {
                edits.push(Edit { change, at: At::Path(path.to_owned()) });
                *scalar = changed;
            }
        }
        _ => {}
    }
}

/// Gives keys the schema's spelling; one whose right spelling is there as well stays as it is.
fn respell(members: &mut Map<String, Value>, declared: &Map<String, Value>, path: &str, edits: &mut Vec<Edit>) {
    let strays: Vec<String> = members.keys().filter(|key| !declared.contains_key(*key)).cloned().collect();
    for stray in &strays {
        let Some(name) = spelling(stray, declared) else { continue };
        let twice = strays.iter().filter(|other| spelling(other, declared) == Some(name)).count() > 1;
        if members.contains_key(name) || twice {
            continue;
        }
        if let Some(member) = members.remove(stray) {
            members.insert(name.to_owned(), member);
            edits.push(Edit { change: Change::KeySpelling, at: At::Path(format!("{path}/{name}")) });
        }
    }
}

/// A scalar of the type that is wanted, when it can only mean one value.
fn converted(value: &Value, shape: Shape<'_>) -> Option<(Value, Change)> {
    let by_type = |value: Value| Some((value, Change::Type));
    match value {
        Value::String(text) => {
            if let Some(choices) = shape.choices() {
                let mut same = choices.iter().filter(|choice| choice.eq_ignore_ascii_case(text));
                return match (choices.contains(&text.as_str()), same.next(), same.next()) {
                    (false, Some(only), None) => Some((Value::from(*only), Change::ChoiceCase)),
                    _ => None,
                };
            }
            if shape.takes("string") {
                return None;
            }
            match text.as_str() {
                "true" if shape.takes("boolean") => by_type(Value::from(true)),
                "false" if shape.takes("boolean") => by_type(Value::from(false)),
                text if shape.takes("integer") || shape.takes("number") => by_type(Value::Number(exact(text)?)),
                _ => None,
            }
        }
        Value::Number(number) if shape.takes("integer") && !shape.takes("number") => {
            let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0)?;
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
            by_type(Value::from(float as i64))
        }
        Value::Number(number) if shape.takes("string") && !shape.takes("number") && !shape.takes("integer") => {
            by_type(Value::from(number.to_string()))
        }
        _ => None,
    }
}

/// The number that a text is, digit by digit.
fn exact(text: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(text).ok()?;
    (number.to_string() == text).then_some(number)
}
