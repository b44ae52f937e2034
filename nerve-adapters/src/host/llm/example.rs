//! What an answer looks like, for endpoints that want to see one.

use std::fmt::Write;

use serde_json::{Map, Value, json};

/// Levels that are shown; deeper ones are dots.
const DEEPEST: usize = 6;

/// The end of a prompt with the shape of the JSON. Each value in it is a name in angle brackets: no answer that only repeats it fits a
/// schema, or is taken for a meta.
pub(super) fn of(schema: &Value) -> String {
    let mut text = String::from("\nThe JSON has this shape, with real values in place of the angle brackets:\n");
    let _ = write!(text, "{}", shape(schema, schema, 0));
    text
}

fn shape(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return json!("<…>");
    }
    if let Some(meant) = schema.get("$ref").and_then(Value::as_str).and_then(|at| root.pointer(at.strip_prefix('#')?)) {
        return shape(meant, root, depth + 1);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<String> = words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect();
        return json!(format!("<one of: {}>", words.join(", ")));
    }
    if let Some(branches) = ["anyOf", "oneOf"].iter().find_map(|of| schema.get(of)?.as_array()) {
        let branch = branches.iter().find(|branch| branch.get("type") != Some(&json!("null")));
        return branch.map_or(json!("<value>"), |branch| shape(branch, root, depth + 1));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let members: Map<String, Value> =
            properties.iter().map(|(name, property)| (name.clone(), shape(property, root, depth + 1))).collect();
        return Value::Object(members);
    }
    if let Some(items) = schema.get("items") {
        return json!([shape(items, root, depth + 1)]);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")),
        kind => kind.and_then(Value::as_str),
    };
    json!(format!("<{}>", kind.unwrap_or("value")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_a_name_in_angle_brackets() {
        let schema = json!({
            "type": "object",
            "properties": {
                "pass": { "type": "boolean" },
                "why": { "type": ["null", "string"] },
                "level": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/Level" }] },
                "parts": { "type": "array", "items": { "type": "integer" } },
                "any": true,
            },
            "$defs": { "Level": { "enum": ["low", "high"] } },
        });
        let expected = json!({
            "pass": "<boolean>", "why": "<string>", "level": "<one of: low, high>", "parts": ["<integer>"], "any": "<value>",
        });
        assert_eq!(shape(&schema, &schema, 0), expected);
        let endless = json!({ "properties": { "next": { "$ref": "#" } } });
        assert!(shape(&endless, &endless, 0).to_string().len() < 200);
    }
}
