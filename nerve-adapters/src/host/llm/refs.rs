//! A schema with its references written out.

use serde_json::{Map, Value};

/// Schemas that come out larger than this, in values, are left as they are.
const MOST_VALUES: usize = 20_000;

/// The schema without `$ref` and `$defs`, or `None` when it refers to itself, to another document, or would grow beyond measure.
pub(super) fn inline(schema: &Value) -> Option<Value> {
    let mut bare = schema.clone();
    if let Value::Object(root) = &mut bare {
        root.remove("$defs");
        root.remove("definitions");
    }
    walk(&bare, schema, &mut Vec::new(), &mut 0)
}

fn walk<'s>(at: &'s Value, root: &'s Value, open: &mut Vec<&'s str>, values: &mut usize) -> Option<Value> {
    *values += 1;
    if *values > MOST_VALUES {
        return None;
    }
    match at {
        Value::Array(items) => items.iter().map(|item| walk(item, root, open, values)).collect::<Option<Vec<_>>>().map(Value::Array),
        Value::Object(map) => {
            let mut out = Map::new();
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                if open.contains(&reference) {
                    return None;
                }
                let meant = root.pointer(reference.strip_prefix('#')?)?;
                open.push(reference);
                let Value::Object(meant) = walk(meant, root, open, values)? else { return None };
                open.pop();
                out = meant;
            }
            for (key, value) in map.iter().filter(|(key, _)| *key != "$ref") {
                // What stands beside a reference is closer to the place than what it refers to.
                out.insert(key.clone(), walk(value, root, open, values)?);
            }
            Some(Value::Object(out))
        }
        plain => Some(plain.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_written_out() {
        let schema = json!({
            "type": "object",
            "properties": { "a": { "$ref": "#/$defs/A", "description": "one" }, "b": { "$ref": "#/$defs/B" } },
            "$defs": { "A": { "type": "array", "items": { "$ref": "#/$defs/B" } }, "B": { "type": "string", "description": "b" } },
        });
        let b = json!({ "type": "string", "description": "b" });
        let properties = json!({ "a": { "type": "array", "items": b, "description": "one" }, "b": b });
        assert_eq!(inline(&schema), Some(json!({ "type": "object", "properties": properties })));
    }

    #[test]
    fn what_never_ends_is_left() {
        for reference in ["#", "#/$defs/A", "https://example.com/x", "#/$defs/None"] {
            let schema = json!({
                "type": "object",
                "properties": { "a": { "$ref": reference } },
                "$defs": { "A": { "properties": { "next": { "$ref": "#/$defs/A" } } } },
            });
            assert_eq!(inline(&schema), None, "{reference}");
        }
        let mut defs = Map::new();
        for n in 0..30 {
            let next = json!({ "$ref": format!("#/$defs/D{}", n + 1) });
            defs.insert(format!("D{n}"), json!({ "anyOf": [next, next] }));
        }
        defs.insert("D30".into(), json!({ "type": "string" }));
        assert_eq!(inline(&json!({ "properties": { "a": { "$ref": "#/$defs/D0" } }, "$defs": defs })), None);
    }
}
