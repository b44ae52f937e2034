//! A meta as YAML front matter. Every JSON value is YAML too, so only the top level gets YAML's look.

use serde_json::Value;

/// The lines between two `---`; nothing for an empty meta.
pub(crate) fn front_matter(meta: &Value) -> String {
    let lines: String = match meta {
        Value::Null => return String::new(),
        Value::Object(fields) if fields.is_empty() => return String::new(),
        Value::Object(fields) => fields.iter().map(|(key, value)| format!("{}: {}\n", word(key), scalar(value))).collect(),
        other => format!("{other}\n"),
    };
    format!("---\n{lines}---\n")
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text without quotes where no YAML reader could take it for anything else.
fn word(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_alphanumeric() || " _-./,".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::front_matter;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        let meta = json!({ "calm": true, "level": 3, "name": "cpu load", "note": "a: b", "tags": ["x", "y"], "word": "no" });
        let expected = "---\ncalm: true\nlevel: 3\nname: cpu load\nnote: \"a: b\"\ntags: [\"x\",\"y\"]\nword: \"no\"\n---\n";
        assert_eq!(front_matter(&meta), expected);
        assert_eq!(front_matter(&json!({})), "");
    }
}
