//! Whether a value fits the schema, and whether it means what the schema means.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::{PatternOptions, Validator};
use nerve_core::RawJson;
use serde_json::Value;

use super::words;

/// Schemas that are kept compiled at most; past it all are compiled anew.
const MOST_KNOWN: usize = 64;

/// Compiled schemas by their text: a role has the same at each step, and compiling one takes far longer than checking a meta.
static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Check>>>> = LazyLock::new(Mutex::default);

/// Errors told at most; a model does not mend more at once.
const MOST_ERRORS: usize = 10;

/// A schema that values are held against.
pub(super) struct Check {
    schema: Value,
    validator: Validator,
}

impl Check {
    /// The check of this schema, compiled once.
    pub(super) fn of(schema: &RawJson) -> Result<Arc<Self>, String> {
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(check) = known().get(schema.get()) {
            return Ok(Arc::clone(check));
        }
        let tree = schema.read().map_err(|error| format!("the role's schema is not JSON: {error}"))?;
        let check = Arc::new(Self::new(tree)?);
        let mut known = known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(schema.get().to_owned(), Arc::clone(&check));
        Ok(check)
    }

    fn new(schema: Value) -> Result<Self, String> {
        // A schema may come from anyone: it makes no request, and its patterns run in linear time.
        let options = jsonschema::options().offline().should_validate_formats(true).with_pattern_options(PatternOptions::regex());
        let validator = options.build(&schema).map_err(|error| format!("the role's schema cannot be used: {error}"))?;
        Ok(Self { schema, validator })
    }

    /// The schema itself.
    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }

    /// What is wrong with the value; empty when it fits.
    pub(super) fn errors(&self, value: &Value) -> Vec<String> {
        let errors: Vec<String> = self.validator.iter_errors(value).take(MOST_ERRORS).map(|error| words::say(&error)).collect();
        if !errors.is_empty() {
            return errors;
        }
        let mut strays = Vec::new();
        strays_in(value, &self.schema, "", &mut strays);
        strays.truncate(MOST_ERRORS);
        strays
    }

    /// Whether an object has something of what the schema names; any has where the schema names nothing.
    pub(super) fn is_attempt(&self, value: &Value) -> bool {
        let Some(object) = value.as_object() else { return true };
        let mut names = Vec::new();
        names_in(&self.schema, &self.schema, &mut names, 0);
        // Keys in another spelling, and a value within one more map, are attempts too.
        let knows = |object: &serde_json::Map<String, Value>| {
            object.keys().any(|key| names.iter().any(|name| *name == key || plain(name) == plain(key)))
        };
        names.is_empty() || knows(object) || (object.len() == 1 && object.values().any(|inner| inner.as_object().is_some_and(knows)))
    }

    /// Whether a line of this text begins like a member with a key of the schema's.
    pub(super) fn has_member(&self, text: &str) -> bool {
        let mut names = Vec::new();
        names_in(&self.schema, &self.schema, &mut names, 0);
        let begins = |line: &str| {
            let line = line.trim_start_matches([' ', '\t', ',', '{']);
            // In quotes, or with its value right behind the colon, it can only be a key, however it is spelt; else it may begin a sentence.
            let quoted = line.starts_with(['"', '\'']);
            let line = line.trim_start_matches(['"', '\'']);
            let len = line.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(line.len());
            let Some(behind) = line[len..].trim_start_matches(['"', '\'']).trim_start().strip_prefix(':') else { return false };
            let quoted = quoted || behind.starts_with(|c: char| !c.is_whitespace());
            let same = |name: &&str| *name == &line[..len] || (quoted && plain(name) == plain(&line[..len]));
            names.iter().any(same)
        };
        !names.is_empty() && text.lines().any(begins)
    }

    /// Whether the value is the schema itself, or one like it.
    pub(super) fn is_schema(&self, value: &Value) -> bool {
        let has = |key: &str| value.get(key).is_some() && self.schema.pointer(&format!("/properties/{key}")).is_none();
        *value == self.schema || has("$schema") || (has("properties") && has("type"))
    }
}

/// A key without what spellings differ in.
pub(super) fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Properties that nobody declared while a declared one is absent: it may be that one, misspelt, and the schema would let it vanish.
fn strays_in(value: &Value, schema: &Value, path: &str, strays: &mut Vec<String>) {
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (n, value) in values.iter().enumerate() {
            strays_in(value, items, &format!("{path}/{n}"), strays);
        }
    }
    let (Some(declared), Some(object)) = (schema.get("properties").and_then(Value::as_object), value.as_object()) else { return };
    for (name, value) in object {
        if let Some(schema) = declared.get(name) {
            strays_in(value, schema, &format!("{path}/{name}"), strays);
        }
    }
    let absent: Vec<&str> = declared.keys().filter(|name| !object.contains_key(*name)).map(String::as_str).collect();
    if absent.is_empty() || schema.get("additionalProperties").is_some() || schema.get("patternProperties").is_some() {
        return;
    }
    for name in object.keys().filter(|name| !declared.contains_key(*name)) {
        strays.push(words::line(&format!("{path}/{name}: no such property; is it one of these, which are absent: {}?", absent.join(", "))));
    }
}

fn names_in<'s>(schema: &'s Value, root: &'s Value, names: &mut Vec<&'s str>, depth: usize) {
    if depth > 8 {
        return;
    }
    names.extend(
        schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|properties| properties.keys().map(String::as_str)),
    );
    for key in ["anyOf", "oneOf", "allOf"] {
        for branch in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            names_in(branch, root, names, depth + 1);
        }
    }
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
    if let Some(schema) = reference.and_then(|pointer| root.pointer(pointer)) {
        names_in(schema, root, names, depth + 1);
    }
}
