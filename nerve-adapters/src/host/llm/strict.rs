//! A schema in the subset that strict mode allows.

use serde_json::{Map, Value, json};

/// Strict mode refuses schemas that are deeper.
const DEEPEST: usize = 10;
/// Strict mode refuses schemas with more properties in all.
const MOST_PROPERTIES: usize = 5000;

/// Constraints that strict mode refuses; each is told to the model in the description and checked on the answer.
const TOLD: [&str; 14] = [
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "patternProperties",
    "contentEncoding",
    "contentMediaType",
];
/// Keys that say nothing about the value.
const DROPPED: [&str; 6] = ["$schema", "$id", "$comment", "title", "default", "examples"];
/// Keys that pass as they are.
const KEPT: [&str; 9] =
    ["type", "description", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems"];
const FORMATS: [&str; 8] = ["date-time", "time", "date", "duration", "email", "ipv4", "ipv6", "uuid"];

/// The schema for strict mode, or `None` when it cannot say the same: maps, tuples, a root that is no object, keys it does not know.
///
/// It never allows what the original refuses except for constraints that the answer is checked for anyway.
pub(super) fn transform(schema: &Value) -> Option<Value> {
    let root = schema.as_object()?;
    if root.get("type") != Some(&json!("object")) || root.contains_key("anyOf") || root.contains_key("oneOf") || root.contains_key("$ref") {
        return None;
    }
    let mut properties = 0;
    object(root, 0, &mut properties).map(Value::Object)
}

fn walk(schema: &Value, depth: usize, properties: &mut usize) -> Option<Value> {
    // `true` and `false` as schemas are refused there.
    object(schema.as_object()?, depth, properties).map(Value::Object)
}

fn object(schema: &Map<String, Value>, depth: usize, properties: &mut usize) -> Option<Map<String, Value>> {
    if depth > DEEPEST {
        return None;
    }
    let mut out = Map::new();
    let mut told = Vec::new();
    for (key, value) in schema {
        match key.as_str() {
            key if DROPPED.contains(&key) => {}
            key if KEPT.contains(&key) || key == "maxItems" => put(&mut out, key, value.clone()),
            key if TOLD.contains(&key) => told.push(format!("{key}: {value}")),
            "format" if value.as_str().is_some_and(|format| FORMATS.contains(&format)) => put(&mut out, key, value.clone()),
            "format" if is_number(schema) => {}
            "format" => told.push(format!("format: {value}")),
            "pattern" if value.as_str().is_some_and(|pattern| !pattern.contains("(?")) => put(&mut out, key, value.clone()),
            "pattern" => told.push(format!("pattern: {value}")),
            "const" => put(&mut out, "enum", json!([value])),
            "anyOf" | "oneOf" => put(&mut out, "anyOf", each(value, depth, properties)?),
            "items" => put(&mut out, key, walk(value, depth + 1, properties)?),
            "properties" => put(&mut out, key, members(value, depth, properties)?),
            "$defs" => put(&mut out, key, members(value, 0, properties)?),
            "$ref" if value.as_str().is_some_and(|at| at == "#" || at.starts_with("#/$defs/")) => put(&mut out, key, value.clone()),
            "required" => {}
            "additionalProperties" if *value == json!(false) || (*value == json!(true) && schema.contains_key("properties")) => {}
            _ => return None,
        }
    }
    close(schema, &mut out)?;
    tell(&mut out, &told);
    Some(apart(out))
}

fn close(schema: &Map<String, Value>, out: &mut Map<String, Value>) -> Option<()> {
    if has_type(schema, "object") || schema.contains_key("properties") {
        // An object of any shape cannot be closed.
        let names: Vec<&String> = out.get("properties").and_then(Value::as_object)?.keys().collect();
        let names = json!(names);
        put(out, "required", names);
        put(out, "additionalProperties", json!(false));
    }
    if has_type(schema, "array") && !out.contains_key("items") {
        return None;
    }
    // A schema without any of these allows everything.
    ["type", "enum", "anyOf", "$ref"].iter().any(|key| out.contains_key(*key)).then_some(())
}

fn tell(out: &mut Map<String, Value>, told: &[String]) {
    if told.is_empty() {
        return;
    }
    let before = out.get("description").and_then(Value::as_str).map(|text| format!("{text} ")).unwrap_or_default();
    put(out, "description", json!(format!("{before}({})", told.join(", "))));
}

/// A reference may have no keys beside it.
fn apart(mut out: Map<String, Value>) -> Map<String, Value> {
    let beside = out.keys().any(|key| key != "$ref");
    if beside && let Some(reference) = out.remove("$ref") {
        put(&mut out, "anyOf", json!([{ "$ref": reference }]));
    }
    out
}

fn each(schemas: &Value, depth: usize, properties: &mut usize) -> Option<Value> {
    schemas.as_array()?.iter().map(|schema| walk(schema, depth + 1, properties)).collect()
}

fn members(schemas: &Value, depth: usize, properties: &mut usize) -> Option<Value> {
    let schemas = schemas.as_object()?;
    *properties += schemas.len();
    if *properties > MOST_PROPERTIES {
        return None;
    }
    let members: Option<Map<String, Value>> =
        schemas.iter().map(|(name, schema)| Some((name.clone(), walk(schema, depth + 1, properties)?))).collect();
    members.map(Value::Object)
}

fn has_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|each| each == name),
        Some(one) => one == name,
        None => false,
    }
}

fn is_number(schema: &Map<String, Value>) -> bool {
    has_type(schema, "integer") || has_type(schema, "number")
}

fn put(out: &mut Map<String, Value>, key: &str, value: Value) {
    out.insert(key.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use nerve_core::schema_for;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    enum Level {
        Low,
        /// Wakes somebody.
        High,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Found {
        #[schemars(length(max = 9))]
        name: String,
        count: u32,
        level: Option<Level>,
        parts: Vec<Part>,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Part {
        #[serde(default)]
        at: i64,
    }

    fn strict<M: nerve_core::Meta>() -> Option<Value> {
        transform(&schema_for::<M>().into_json().read().unwrap_or_default())
    }

    #[test]
    fn a_derived_meta_becomes_strict() {
        let schema = strict::<Found>().unwrap_or_default();
        assert_eq!(schema["required"], json!(["count", "level", "name", "parts"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["name"], json!({ "type": "string", "description": "(maxLength: 9)" }));
        assert_eq!(schema["properties"]["count"], json!({ "type": "integer", "minimum": 0 }));
        assert_eq!(schema["properties"]["parts"]["items"]["required"], json!(["at"]));
        assert!(!schema.to_string().contains("oneOf") && !schema.to_string().contains("default"), "{schema}");
    }

    #[test]
    fn what_strict_mode_cannot_say_is_left() {
        assert_eq!(strict::<std::collections::BTreeMap<String, u32>>(), None);
        assert_eq!(strict::<bool>(), None);
        for property in [
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            json!({ "type": "object" }),
            json!({ "type": "array", "prefixItems": [{ "type": "string" }] }),
            json!({ "type": "array" }),
            json!({ "allOf": [{ "type": "string" }] }),
            json!({ "$ref": "https://example.com/x" }),
            json!(true),
            json!({}),
        ] {
            let schema = json!({ "type": "object", "properties": { "a": property } });
            assert_eq!(transform(&schema), None, "{schema}");
        }
    }

    #[test]
    fn a_described_reference_stands_apart() {
        let schema = json!({
            "type": "object",
            "properties": { "a": { "$ref": "#/$defs/A", "description": "one" } },
            "$defs": { "A": { "type": "object", "properties": { "next": { "$ref": "#" } } } },
        });
        let schema = transform(&schema).unwrap_or_default();
        assert_eq!(schema["properties"]["a"], json!({ "anyOf": [{ "$ref": "#/$defs/A" }], "description": "one" }));
        assert_eq!(schema["$defs"]["A"]["required"], json!(["next"]));
    }
}
